"""Reads the tables of a TOML file key by key, and refuses what nobody asked for: most likely it is misspelt."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import Any

MISSING: Any = object()
_TYPES = {
    str: "a text", bool: "true or false", list: "a list of texts", dict: "a table", float: "a number",
    int: "a whole number",
}  # fmt: skip


class Section:
    """One table of the file: `where` names it in messages; `take` reads its keys, `done` refuses those not read."""

    def __init__(self, where: str, raw: object) -> None:
        if not isinstance(raw, dict):
            raise ValueError(f"{where} must be a table")
        self.where = where
        self._raw: dict[str, Any] = raw
        self._known: list[str] = []

    def take(self, key: str, kind: type, default: Any = MISSING) -> Any:
        """The value of a key, of the kind asked for; ValueError when it is missing and has no default."""
        self._known.append(key)
        if key not in self._raw:
            if default is MISSING:
                raise ValueError(f"{self.where} lacks {key}")
            return default
        value = self._raw[key]
        fits = isinstance(value, (int, float) if kind is float else kind)
        fits = fits and (kind is bool or not isinstance(value, bool))  # to Python, true is a number too
        if not fits or (kind is list and not all(isinstance(v, str) for v in value)):
            raise ValueError(f"{self.where}: {key} must be {_TYPES[kind]}")
        return value

    def given(self, kinds: dict[str, type]) -> dict[str, Any]:
        """The values of those of these keys that are there."""
        found = {key: self.take(key, kind, None) for key, kind in kinds.items()}
        return {key: value for key, value in found.items() if value is not None}

    def texts(self, key: str, default: Any = MISSING) -> dict[str, str]:
        """A table of texts."""
        value = self.take(key, dict, default)
        if not all(isinstance(v, str) for v in value.values()):
            raise ValueError(f"{self.where}: {key} must be a table of texts")
        return dict(value)

    def both(self, key: str, default: Any = MISSING) -> dict[str, str]:
        """A text in both languages."""
        value = self.texts(key, default)
        if value and set(value) != {"en", "ar"}:
            raise ValueError(f"{self.where}: {key} must have en and ar")
        return value

    def done(self) -> None:
        """Refuse keys that nobody asked for: most likely they are misspelt."""
        for key in self._raw:
            if key not in self._known:
                raise ValueError(f"{self.where} has {key!r}, which means nothing here{meant(key, self._known)}")


def meant(name: str, known: Iterable[str]) -> str:
    """` (did you mean 'x'?)` for a name that resembles a known one, else empty."""
    close = difflib.get_close_matches(name, list(known), 1)
    return f" (did you mean {close[0]!r}?)" if close else ""
