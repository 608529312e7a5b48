"""One spelling for everything: canonical literals, N-Triples and digests, before any store sees the data."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from functools import lru_cache
from typing import NamedTuple

from pyoxigraph import BlankNode, Literal, NamedNode, Quad, RdfFormat, Store, Triple, parse, serialize

from kb.errors import DoesNotConform
from kb.ns import PREFIXES

_XSD_STRING = "http://www.w3.org/2001/XMLSchema#string"
# Without `id:` and `scheme:`: their names hold slashes and read worse escaped than in full.
_PREFIXES = {name: base for name, base in PREFIXES.items() if name not in ("id", "scheme")}
_PREFIX_LINE = re.compile(r"@prefix (\w+): <[^>]*> \.")
_ESCAPED = re.compile(r"\\(?:u([0-9A-Fa-f]{4})|U([0-9A-Fa-f]{8})|(.))", re.S)
_CHARACTERS = {"t": "\t", "b": "\b", "n": "\n", "r": "\r", "f": "\f"}
_PROBE = (NamedNode("urn:s"), NamedNode("urn:p"))


class Text(NamedTuple):
    """A literal as plain values; language and datatype are empty where it has none of its own."""

    value: str
    language: str = ""
    datatype: str = ""


Node = dict[str, list[str | Text]]
"""The values of a node by the IRI of the property; IRIs are strings."""
Nodes = dict[str, Node]
"""Triples as plain values, by node. For passes over many records, where objects for terms cost too much."""


@lru_cache(maxsize=65536)
def literal(value: str, datatype: str = _XSD_STRING, language: str | None = None) -> Literal:
    """A literal in the spelling that the store keeps (`01` → `1`, `+00:00` → `Z`, tags in lower case).

    The embedded store itself is asked once per distinct typed literal, so that what is digested is what
    every store can give back.
    """
    if language:
        return Literal(value, language=language.lower())
    if datatype == _XSD_STRING:
        return Literal(value)
    store = Store()
    store.add(Quad(*_PROBE, Literal(value, datatype=NamedNode(datatype))))
    (quad,) = store
    stored = quad.object
    assert isinstance(stored, Literal)
    return stored


def term(node: object) -> NamedNode | Literal:
    """A node in canonical spelling; blank nodes, quoted triples and text directions are refused."""
    if isinstance(node, NamedNode):
        return node
    if isinstance(node, Literal):
        if node.direction is not None:  # SHACL engines and most services cannot read it, and none may lose it silently
            raise DoesNotConform(
                f"the text {node.value[:40]!r} has a direction", "records keep a language only",
                f"Write it as @{node.language}.",
            )  # fmt: skip
        return literal(node.value, node.datatype.value, node.language)
    kind = "a blank node" if isinstance(node, BlankNode) else "a quoted triple"
    raise DoesNotConform(
        f"{kind} stands in the data", "records have none, so that every node can be cited", "Give it an IRI."
    )


def triple(subject: object, predicate: NamedNode, value: object) -> Triple:
    """A triple in canonical spelling."""
    node = term(subject)
    assert isinstance(node, NamedNode)
    return Triple(node, predicate, term(value))


def ntriples(triples: Iterable[Triple]) -> str:
    """Canonical N-Triples: one line per distinct triple, sorted by code point, LF at the end of each."""
    return "".join(sorted({f"{t} .\n" for t in triples}))


def nquads(triples: Iterable[Triple], graph: NamedNode) -> list[str]:
    """The lines of `triples` in the named graph `graph`, sorted, each ending in LF."""
    return sorted({f"{t} {graph} .\n" for t in triples})


def digest(text: str) -> str:
    """SHA-256 of `text` in UTF-8, as 64 lower-case hex digits."""
    return hashlib.sha256(text.encode()).hexdigest()


def parse_ntriples(text: str, *, trusted: bool = False) -> tuple[Triple, ...]:
    """The triples of canonical N-Triples text, in its order; text that this process made itself can be `trusted`."""
    return tuple(q.triple for q in parse(text, format=RdfFormat.N_TRIPLES, lenient=trusted))


def nodes(text: str) -> Nodes:
    """Canonical N-Triples text as plain values, in its order."""
    found: Nodes = {}
    last, node = "", Node()
    for line in text.split("\n"):
        if line:
            subject, predicate, value = line.split(" ", 2)
            if subject != last:
                last, node = subject, found.setdefault(subject[1:-1], {})
            name = predicate[1:-1]
            if name in node:
                node[name].append(_value(value))
            else:
                node[name] = [_value(value)]
    return found


def plain(triples: Iterable[Triple], among: Nodes | None = None) -> Nodes:
    """Triples without blank nodes as plain values, added to those of `among` if given."""
    found: Nodes = {} if among is None else among
    for t in triples:
        node = found.setdefault(str(t.subject)[1:-1], {})
        node.setdefault(t.predicate.value, []).append(_value(f"{t.object} ."))
    return found


@lru_cache(maxsize=65536)
def _value(spelt: str) -> str | Text:
    """The object of a line of N-Triples, up to the end of the line."""
    if spelt[0] == "<":
        return spelt[1:-3]
    value, _, rest = spelt[1:-2].rpartition('"')
    if "\\" in value:
        value = unescaped(value)
    return Text(value, rest[1:], "") if rest[:1] == "@" else Text(value, "", rest[3:-1])


def unescaped(text: str) -> str:
    """The text of a literal as N-Triples spells it, without its escapes."""
    return _ESCAPED.sub(_character, text)


def _character(found: re.Match[str]) -> str:
    code, long_code, letter = found.groups()
    return chr(int(code or long_code, 16)) if code or long_code else _CHARACTERS.get(letter, letter)


def turtle(triples: Iterable[Triple]) -> bytes:
    """Turtle with the prefixes that it uses, sorted: the library writes all of them in changing order."""
    text = serialize(triples, format=RdfFormat.TURTLE, prefixes=_PREFIXES)
    assert text is not None
    head: list[str] = []
    body: list[str] = []
    for line in text.decode().splitlines(keepends=True):
        (head if _PREFIX_LINE.match(line) else body).append(line)
    names = set(re.findall(r"(?<![\w<])(\w+):", "".join(body)))
    used = [line for line in sorted(head) if line.split(":")[0].removeprefix("@prefix ") in names]
    return "".join([*used, "\n", *body]).encode()
