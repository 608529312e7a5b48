"""Addresses: from the IRI of a thing to its page on this server and back, and which foreign IRIs may become links."""

from __future__ import annotations

import re
from urllib.parse import quote, urlsplit

from kb.ns import ID, ONTOLOGY, SCHEME, SHAPE

KIND = r"[a-z][a-z-]{0,30}"
ENTITY = r"[A-Za-z0-9_~-]{1,200}(?:/[A-Za-z0-9_~-]{1,200}){0,5}"
SUFFIXES = ("ttl", "jsonld", "json", "html")
_OURS = re.compile(rf"({KIND})/({ENTITY})")
_NAME = re.compile(r"[a-z][a-z0-9-]{0,60}")


def iri_of(kind: str, path: str) -> str:
    """The IRI behind a page address: schemes and the ontology have bases of their own."""
    if kind in ("scheme", "shape"):
        return (SCHEME if kind == "scheme" else SHAPE) + path
    if kind == "ontology":
        return f"{ONTOLOGY}/{path}" if path else ONTOLOGY
    return f"{ID}{kind}/{path}"


def kind_and_path(iri: str) -> tuple[str, str] | None:
    """The kind and path of one of our records, None for any other IRI."""
    base = iri.partition("#")[0]
    if base == ONTOLOGY:
        return "ontology", ""
    for prefix, kind in ((ONTOLOGY + "/", "ontology"), (SCHEME, "scheme"), (SHAPE, "shape")):
        if base.startswith(prefix) and _NAME.fullmatch(base[len(prefix) :]):
            return kind, base[len(prefix) :]
    found = _OURS.fullmatch(base[len(ID) :]) if base.startswith(ID) else None
    return (found[1], found[2]) if found else None


def page_of(iri: str, language: str) -> str | None:
    """The address of the page that shows a node, with its fragment; None for what is not ours."""
    place = kind_and_path(iri)
    if place is None:
        return None
    fragment = iri.partition("#")[2]
    path = "/".join(part for part in place if part)
    return f"/{language}/{path}" + (f"#{quote(fragment, safe='-_~.')}" if fragment else "")


def is_external(iri: str) -> bool:
    """Whether an IRI may stand as a link to elsewhere: http or https with a host and nothing unprintable."""
    if not iri.isprintable() or any(c in iri for c in ' "<>\\^`{|}'):
        return False
    try:
        parts = urlsplit(iri)
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.hostname)
