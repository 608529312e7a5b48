"""The fixed words of a bundle's pages, from templates/wording.toml, and the Jinja environment they meet in."""

from __future__ import annotations

import tomllib
from functools import lru_cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

_FOLDER = Path(__file__).resolve().parent / "templates"


class Wording:
    """The words of one language; KeyError for one that is not there."""

    def __init__(self, language: str) -> None:
        self.language = language
        self._words: dict[str, Any] = _all()[language]

    def __getitem__(self, key: str) -> str:
        return str(self._words[key])

    def filled(self, key: str, *values: str) -> str:
        """The words with values in their places `{0}`, `{1}`.

        Each value is isolated (FSI … PDI): without that a date in an Arabic sentence is shown with its parts reversed.
        """
        return self[key].format(*(f"\u2068{value}\u2069" for value in values))

    def property(self, name: str) -> str:
        """The name of a property that another vocabulary defines and our ontology does not label."""
        return str(self._words["property"][name])


@lru_cache(maxsize=1)
def _all() -> dict[str, Any]:
    with (_FOLDER / "wording.toml").open("rb") as handle:
        return tomllib.load(handle)


def render(template: str, **values: object) -> bytes:
    """A template of this package with values in it; HTML is escaped, plain text is not."""
    environment = Environment(
        loader=FileSystemLoader(_FOLDER), autoescape=template.endswith(".html"), undefined=StrictUndefined,
        trim_blocks=True, lstrip_blocks=True, keep_trailing_newline=True, newline_sequence="\n",
    )  # fmt: skip
    return environment.get_template(template).render(**values).encode()
