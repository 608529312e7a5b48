"""The SPARQL 1.1 Protocol without its transport: what a request asks, in which format, and the answer as bytes."""

from __future__ import annotations

from dataclasses import dataclass

from werkzeug.datastructures import MIMEAccept, MultiDict

from kb.errors import QueryRefused, UsageError
from kb.query.guard import form_of, keywords
from kb.store.base import GRAPH_FORMATS, TABLE_FORMATS, TABLE_FORMS
from web import negotiation
from web.negotiation import HTML

_ALIASES = {  # what clients ask for → the format that serves them
    "application/json": {"table": "json", "graph": "jsonld"},
    "application/xml": {"table": "xml", "graph": "rdfxml"},
    "text/xml": {"table": "xml", "graph": "rdfxml"},
}
_CHANGING = frozenset({"NOW", "RAND", "UUID", "STRUUID", "BNODE"})
CHARSETS = {"csv": "text/csv; charset=utf-8; header=present", "tsv": "text/tab-separated-values; charset=utf-8"}


@dataclass(frozen=True, slots=True)
class Question:
    """A query with its form (SELECT, …) and the name of the format for its answer (json, turtle, …, html)."""

    text: str
    form: str
    format: str

    @property
    def repeatable(self) -> bool:
        """Whether the same snapshot always gives the same answer."""
        return not any(word in _CHANGING for word, _ in keywords(self.text))


def query_text(values: MultiDict[str, str]) -> str | None:
    """The query among the parameters; None when there is none. Updates and other datasets are refused."""
    if "update" in values:
        raise updates_refused()
    given = values.getlist("query")
    if len(given) > 1:
        raise UsageError(f"There are {len(given)} queries", "the protocol has one a request", "Send them one by one.")
    if "default-graph-uri" in values or "named-graph-uri" in values:
        raise UsageError(
            "Another dataset is asked for", "this service has one default graph and no named graphs",
            "Leave out default-graph-uri and named-graph-uri.",
        )  # fmt: skip
    return given[0] if given else None


def updates_refused() -> QueryRefused:
    """The error for a SPARQL update."""
    hint = "Records come in with `mizan import`, through validation and the ledger."
    return QueryRefused("Updates are refused", "nothing is changed by query", hint)


def question(text: str, wanted: str, accept: MIMEAccept) -> Question:
    """A query with the format that fits its form: by name if `wanted`, else by what the client accepts."""
    form = form_of(text)
    formats = formats_for(form)
    if wanted:
        if wanted not in (*formats, "html"):
            raise UsageError(
                f"{form} cannot be answered as {wanted[:40]}", "", f"Use one of: {', '.join(formats)}, html."
            )
        return Question(text, form, wanted)
    sort = "table" if form in TABLE_FORMS else "graph"
    by_type = {media_type: name for name, media_type in formats.items()}
    by_type |= {alias: names[sort] for alias, names in _ALIASES.items()}
    by_type[HTML] = "html"
    return Question(text, form, by_type[negotiation.must_choose(accept, list(by_type))])


def formats_for(form: str) -> dict[str, str]:
    """The formats that fit a query form, with their media types."""
    return TABLE_FORMATS if form in TABLE_FORMS else GRAPH_FORMATS


def description(address: str) -> str:
    """What this service is, in the vocabulary of SPARQL 1.1 Service Description, as Turtle."""
    formats = sorted({*TABLE_FORMATS, *GRAPH_FORMATS})
    names = {
        "json": "SPARQL_Results_JSON", "xml": "SPARQL_Results_XML", "csv": "SPARQL_Results_CSV",
        "tsv": "SPARQL_Results_TSV", "turtle": "Turtle", "ntriples": "N-Triples", "jsonld": "JSON-LD",
        "rdfxml": "RDF_XML", "trig": "TriG",
    }  # fmt: skip
    listed = " ,\n        ".join(f"<http://www.w3.org/ns/formats/{names[f]}>" for f in formats)
    return (
        "@prefix sd: <http://www.w3.org/ns/sparql-service-description#> .\n\n"
        f"<{address}#service>\n    a sd:Service ;\n    sd:endpoint <{address}> ;\n"
        "    sd:supportedLanguage sd:SPARQL11Query ;\n"
        f"    sd:resultFormat\n        {listed} ;\n"
        f"    sd:defaultDataset <{address}#dataset> .\n\n"
        f"<{address}#dataset>\n    a sd:Dataset ;\n    sd:defaultGraph <{address}#graph> .\n\n"
        f"<{address}#graph>\n    a sd:Graph .\n"
    )
