"""The SPARQL 1.1 Protocol without its transport: which format fits a query, and what may be asked of which graphs."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from werkzeug.datastructures import MIMEAccept

from kb.errors import UsageError
from kb.query.guard import check_graphs, form_of, repeatable
from kb.store.base import GRAPH_FORMATS, TABLE_FORMATS, TABLE_FORMS, Scope
from web import negotiation
from web.asking import Asked
from web.negotiation import HTML

_ALIASES = {  # what clients ask for → the format that serves them
    "application/json": {"table": "json", "graph": "jsonld"},
    "application/xml": {"table": "xml", "graph": "rdfxml"},
    "text/xml": {"table": "xml", "graph": "rdfxml"},
    "text/plain": {"table": "tsv", "graph": "ntriples"},
    "text/n3": {"table": "", "graph": "turtle"},
    "application/x-turtle": {"table": "", "graph": "turtle"},
}
_SHORT = {  # names by which other services know these formats
    "json": {"table": "json", "graph": "jsonld"}, "xml": {"table": "xml", "graph": "rdfxml"},
    "ttl": {"table": "", "graph": "turtle"}, "nt": {"table": "", "graph": "ntriples"},
    "n-triples": {"table": "", "graph": "ntriples"}, "json-ld": {"table": "", "graph": "jsonld"},
    "rdf": {"table": "", "graph": "rdfxml"}, "srj": {"table": "json", "graph": ""},
    "srx": {"table": "xml", "graph": ""},
}  # fmt: skip
CHARSETS = {"csv": "text/csv; charset=utf-8; header=present", "tsv": "text/tab-separated-values; charset=utf-8"}


@dataclass(frozen=True, slots=True)
class Question:
    """A query with its form (SELECT, …), the name of the format for its answer (json, turtle, …, html), its scope."""

    text: str
    form: str
    format: str
    scope: Scope = Scope()

    @property
    def repeatable(self) -> bool:
        """Whether the same snapshot always gives the same answer."""
        return repeatable(self.text)


def question(
    asked: Asked, accept: MIMEAccept, graphs: Collection[str] = (), services: Sequence[str] = ()
) -> Question:
    """A query with the format that fits its form: by name if one is given, else by what the client accepts."""
    form = form_of(asked.text, services)
    check_graphs(asked.text, graphs)
    for iri in (*asked.scope.default, *asked.scope.named):
        if iri not in graphs:
            there = "it has one default graph and no named graphs" if not graphs else "it is not among the graphs here"
            raise UsageError(
                f"This service has no graph {iri[:200]}", there, "Leave out default-graph-uri and named-graph-uri."
            )
    return Question(asked.text, form, _by_name(form, asked.format) or _by_accept(form, accept), asked.scope)


def formats_for(form: str) -> dict[str, str]:
    """The formats that fit a query form, with their media types."""
    return TABLE_FORMATS if form in TABLE_FORMS else GRAPH_FORMATS


def _by_name(form: str, wanted: str) -> str:
    """The format with this name, short name or media type; "" when none is wanted."""
    if not wanted:
        return ""
    formats, sort = formats_for(form), "table" if form in TABLE_FORMS else "graph"
    name = wanted.strip().lower().replace(" ", "+")  # `+` in an address is a space
    by_type = {media_type: known for known, media_type in formats.items()}
    known = {**dict.fromkeys(formats), "html": None, HTML: None}
    found = name if name in known else _SHORT.get(name, {}).get(sort) or by_type.get(name) or ""
    found = found or _ALIASES.get(name, {}).get(sort, "")
    if not found:
        raise UsageError(f"{form} cannot be answered as {wanted[:40]}", "", f"Use one of: {', '.join(formats)}, html.")
    return "html" if found == HTML else found


def _by_accept(form: str, accept: MIMEAccept) -> str:
    sort = "table" if form in TABLE_FORMS else "graph"
    by_type = {media_type: name for name, media_type in formats_for(form).items()}
    by_type |= {alias: names[sort] for alias, names in _ALIASES.items() if names[sort]}
    by_type[HTML] = "html"
    return by_type[negotiation.must_choose(accept, list(by_type))]
