"""Terms as the compiled shapes see them: strings of canonical N-Triples, spelled as rdflib reads them.

Two terms are equal when their strings are. A string is cheap to hash and to compare, it is what a record's text
already holds, and a dictionary answers what was asked of the same value before. rdflib is asked for everything that
depends on a value: pySHACL sees rdflib's values too, so that both engines mean the same by "well-formed" and "less".
"""

from __future__ import annotations

import logging
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache

from rdflib import BNode, Literal, URIRef
from rdflib.namespace import XSD
from rdflib.term import Node

from kb.canonical import unescaped

_LITERAL = re.compile(r'"((?:[^"\\]|\\.)*)"(?:@([A-Za-z0-9-]+)|\^\^<([^>]*)>)?', re.S)
_BOOLEAN = XSD.boolean
FALSE = f'"false"^^<{XSD.boolean}>'
NO_BOOLEAN = f'"no boolean"^^<{XSD.boolean}>'
_RDFLIB = logging.getLogger("rdflib.term")


@lru_cache(maxsize=1 << 15)
def node(term: str) -> Node:
    """The term as rdflib holds it; typed literals get the lexical form that rdflib gives them on reading."""
    if term[0] == "<":
        return URIRef(term[1:-1])
    if term[0] == "_":
        return BNode(term[2:])
    found = _LITERAL.fullmatch(term)
    assert found, term
    lexical, language, datatype = found.groups()
    with quiet():
        return Literal(unescaped(lexical), lang=language, datatype=datatype)


@contextmanager
def quiet() -> Iterator[None]:
    """Keep rdflib from logging ill-typed literals with a traceback, and from warning of them: findings say it."""
    before, _RDFLIB.disabled = _RDFLIB.disabled, True
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "Parsing weird boolean", UserWarning)
            yield
    finally:
        _RDFLIB.disabled = before


def term(value: Node) -> str:
    """The string of an rdflib term. Tags are compared without regard to case, so they are kept in lower case."""
    if isinstance(value, URIRef):
        return f"<{value}>"
    if not isinstance(value, Literal):
        return f"_:{value}"
    lexical = '"' + str(value).replace("\\", "\\\\").replace('"', '\\"') + '"'
    if value.language:
        return f"{lexical}@{value.language.lower()}"
    return lexical if value.datatype is None else f"{lexical}^^<{value.datatype}>"


def is_normal(text: str) -> bool:
    """Whether a term is surely in its one spelling: an IRI, a plain text, one in a language, without any escape."""
    if text[0] != '"':
        return True
    if text[-1] == '"':
        return "\\" not in text
    return text[-1] != ">" and "\\" not in text and (tag := language(text)) == tag.lower()


@lru_cache(maxsize=1 << 15)
def normal(text: str) -> str:
    """A literal of N-Triples in the one spelling that equal literals have here.

    rdflib reads every ill-typed boolean as `false` and remembers that it is ill-typed; one spelling stands for these.
    """
    value = node(text)
    if isinstance(value, Literal) and value.ill_typed and value.datatype == _BOOLEAN:
        return NO_BOOLEAN
    return term(value)


def literal(text: str) -> Literal | None:
    """The rdflib literal of a term, None for an IRI or a blank node."""
    value = node(text) if text[0] == '"' else None
    return value if isinstance(value, Literal) else None


def lexical(text: str) -> str:
    """What SPARQL's STR gives: the IRI, or the lexical form."""
    if text[0] == "_":
        return text[2:]
    if text[-1] in '>"' and "\\" not in text and "^" not in text:
        return text[1:-1]
    return str(node(text))


def language(text: str) -> str:
    """The language tag as it is written, empty for anything that has none."""
    return text[text.rindex('"') + 2 :] if text[0] == '"' and text[-1] not in '">' else ""
