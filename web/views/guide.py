"""Help: guides written in Markdown, one file for each guide and language."""

from __future__ import annotations

import re
from functools import lru_cache
from pathlib import Path

from flask import Blueprint, Response
from markdown_it import MarkdownIt
from markdown_it.token import Token
from markupsafe import Markup

from kb.errors import NotFound
from web.address import is_external
from web.language import LANGUAGES
from web.site import page

blueprint = Blueprint("guide", __name__)
_FOLDER = Path(__file__).resolve().parents[1] / "help"
_NAME = re.compile(r"[a-z][a-z-]{0,40}")


@blueprint.get("/<lang:lang>/help/")
def index(lang: str) -> Response:
    """The guides that there are."""
    return page("guides.html", guides=[(name, title(name, lang)) for name in names()])


@blueprint.get("/<lang:lang>/help/<name>")
def guide(lang: str, name: str) -> Response:
    """One guide in the language of the page, or in another with a note that says so."""
    if not _NAME.fullmatch(name) or name not in names():
        raise NotFound(f"There is no guide {name[:60]!r}", "", f"There are: {', '.join(names())}.")
    code = available(name, lang)
    return page("guide.html", body=rendered(name, code), code=code, title=title(name, lang))


def names() -> list[str]:
    """The names of the guides."""
    return sorted({path.name.partition(".")[0] for path in _FOLDER.glob("*.*.md")})


def available(name: str, lang: str) -> str:
    """The language in which a guide can be shown: the one asked for if it is there."""
    order = [lang, *(c for c in LANGUAGES if c != lang)]
    return next(code for code in order if (_FOLDER / f"{name}.{code}.md").is_file())


def title(name: str, lang: str) -> str:
    """The first heading of a guide."""
    for line in _text(name, available(name, lang)).splitlines():
        if line.startswith("# "):
            return line[2:].strip()
    return name


@lru_cache(maxsize=64)
def _text(name: str, code: str) -> str:
    return (_FOLDER / f"{name}.{code}.md").read_text(encoding="utf-8")


@lru_cache(maxsize=64)
def rendered(name: str, code: str) -> Markup:
    """A guide as HTML; HTML in its text stays text, and links elsewhere tell nothing about the reader."""
    parser = MarkdownIt("commonmark", {"html": False}).enable("table")
    tokens = parser.parse(_text(name, code))
    for token in tokens:
        if token.type == "th_open":
            token.attrs["scope"] = "col"
        for child in token.children or []:
            _guard_link(child)
    return Markup(parser.renderer.render(tokens, parser.options, {}))


def _guard_link(token: Token) -> None:
    address = str(token.attrs.get("href", ""))
    if token.type == "link_open" and is_external(address):
        token.attrs["rel"] = "noopener noreferrer external"
