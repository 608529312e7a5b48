"""What every store offers: a SPARQL query in, a serialised answer out, within limits."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Protocol

from kb.errors import AnswerTooLarge

TABLE_FORMATS = {
    "json": "application/sparql-results+json",
    "xml": "application/sparql-results+xml",
    "csv": "text/csv",
    "tsv": "text/tab-separated-values",
}
GRAPH_FORMATS = {
    "turtle": "text/turtle",
    "ntriples": "application/n-triples",
    "jsonld": "application/ld+json",
    "rdfxml": "application/rdf+xml",
    "trig": "application/trig",
}
TABLE_FORMS = frozenset({"SELECT", "ASK"})


@dataclass(frozen=True, slots=True)
class Limits:
    """What one query may use: wall-clock seconds, rows, bytes of answer, bytes of memory."""

    seconds: float = 10.0
    rows: int = 100_000
    bytes: int = 64 * 1024 * 1024
    memory: int = 1536 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole answer: its media type, its bytes, and how many rows (or triples; 1 for ASK) it has."""

    media_type: str
    body: bytes
    rows: int


@dataclass(frozen=True, slots=True)
class Scope:
    """What the names of a query are read against: its base IRI, and a dataset of graphs chosen by the client.

    With no graph chosen the dataset is the store's; with some, what was not chosen is empty, as the protocol has it.
    """

    base: str = ""
    default: tuple[str, ...] = ()
    named: tuple[str, ...] = ()


class Store(Protocol):
    """A store that can be asked. Backends: `local` (embedded), `remote` (any SPARQL 1.1 service)."""

    def ask(self, query: str, form: str, name: str, limits: Limits) -> Answer:
        """Run a query of the given form (SELECT, ASK, CONSTRUCT, DESCRIBE) and serialise it as format `name`.

        Raises QueryInvalid for SPARQL that does not parse, AnswerTooLarge past a cap.
        """
        ...


def media_type(form: str, name: str) -> str:
    """The media type of format `name` for a query of this form; KeyError when they do not go together."""
    return (TABLE_FORMATS if form in TABLE_FORMS else GRAPH_FORMATS)[name]


# A text in quotes; the loop is unrolled and each step is final, so that hostile text costs linear time.
_JSON_TEXT = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"', re.DOTALL)
_BINDINGS = b'"bindings":['
_CSV_TEXT = re.compile(rb'"[^"]*+"')


def count_rows(body: bytes, name: str) -> int:
    """How many rows a serialised answer of a SELECT has, read back from its bytes.

    Counted by marks that cannot stand inside a value: parsing 100,000 rows again took longer than the query.
    """
    if name == "json":
        start = body.index(_BINDINGS) + len(_BINDINGS)
        if body.startswith(b"]", start):
            return 0
        if b"{}" in body:  # a row without values: then the texts, which may look like one, are taken out first
            return 1 + _JSON_TEXT.sub(b'"', body[start:]).count(b",{")
        return 1 + body.count(b',{"', start)  # in a text every quote is escaped, so this is never part of one
    if name == "xml":
        return body.count(b"<result>")  # literal text is escaped, so this cannot occur inside a value
    if name == "csv":
        lines = _CSV_TEXT.sub(b"", body) if b'"' in body else body
        return lines.count(b"\n") - lines.endswith(b"\n")
    return body.count(b"\n") - 1


def too_large(kind: str, cap: int) -> AnswerTooLarge:
    """The error for an answer past its cap; nothing of a cut answer is ever shown."""
    return AnswerTooLarge(
        f"The answer has more than {cap:,} {kind}",
        "a cut answer could be taken for a whole one",
        "Add a LIMIT, ask for fewer columns, or narrow the pattern.",
    )
