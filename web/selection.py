"""The incidents that a list selects, as one table or as their records in RDF: whole, or not at all."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import chain

from pyoxigraph import Literal, NamedNode, RdfFormat, Triple, serialize

from kb.applicability.facts import reported
from kb.canonical import turtle
from kb.errors import AnswerTooLarge
from kb.export import Rows
from kb.export.rows import Term
from kb.ns import GEO, PREFIXES, XSD
from kb.search import Hit, Listing
from kb.search.listing import MOST
from kb.snapshot import Snapshot
from web.language import Language, marked
from web.listing import State
from web.reading import Node, Reader

MANY = 5_000  # incidents of a table
GRAPHS = {"jsonld": RdfFormat.JSON_LD, "ntriples": RdfFormat.N_TRIPLES, "rdfxml": RdfFormat.RDF_XML}
COLUMNS = (
    "incident", "date", "date_precision", "earliest", "latest", "place", "area",
    "place_precision", "wkt", "object_hit", "method", "weapon", "killed", "attributed", "answered", "law", "grade",
    "dataset", "claims",
)  # fmt: skip
_BETWEEN = " | "
SEEN = {  # the columns of a page of the list, and their titles
    "date": marked("Date"), "place": marked("Place"), "object_hit": marked("Object hit"), "method": marked("Method"),
    "killed": marked("Reported killed, by whom"), "attributed": marked("Attributed to, by whom"),
    "claims": marked("Number of claims"),
}  # fmt: skip


def hits(listing: Listing, state: State, language: str) -> list[Hit]:
    """All incidents of a list in its order, or the newest first where that is by relevance, which ends early.

    AnswerTooLarge where there are more than a file takes.
    """
    total = listing.total(state.filters)
    if total > MANY:
        raise AnswerTooLarge(
            f"The list has {total:,} incidents",
            f"a file of them takes {MANY:,}, and a part could be taken for the whole",
            "Narrow the list by place, time or another field, or ask by SPARQL in parts.",
        )  # fmt: skip
    found: list[Hit] = []
    order, after = ("newest" if state.order == "best" else state.order), ""
    while True:
        page = listing.page(state.filters, order, MOST, after, language=language)
        found += page.items
        after = page.after
        if not after:
            return found


def table(snapshot: Snapshot, reader: Reader, language: Language, selected: list[Hit]) -> Rows:
    """One row an incident. What several claims say stands side by side, each with who says it; nothing is added up."""
    line = _Line(snapshot, reader, language)
    return Rows(COLUMNS, tuple(line.row(hit) for hit in selected))


def records(snapshot: Snapshot, selected: list[Hit], form: str) -> bytes:
    """The records of the incidents and the claims of others about them, in Turtle or another form of RDF."""
    triples = list(dict.fromkeys(chain.from_iterable(reported(snapshot.store, hit.iri) for hit in selected)))
    if form == "turtle":
        return turtle(triples)
    prefixes = None if form == "ntriples" else {n: b for n, b in PREFIXES.items() if n not in ("id", "scheme")}
    return serialize(triples, format=GRAPHS[form], prefixes=prefixes) or b""


class _Line:
    """Makes rows."""

    def __init__(self, snapshot: Snapshot, reader: Reader, language: Language) -> None:
        self._store, self._reader, self._language = snapshot.store, reader, language

    def row(self, hit: Hit) -> dict[str, Term]:
        """The cells of one incident; those with nothing in them are left out."""
        nodes = self._nodes(reported(self._store, hit.iri))
        main = nodes.get(hit.iri) or Node(hit.iri, [], self._language)
        claims = [n for n in nodes.values() if n.has("mz:claimant") and hit.iri in n.iris("mz:about")]
        texts: dict[str, str] = {
            "date": _plain(main, "mz:date"),
            "date_precision": self._labels(main.iris("mz:datePrecision")),
            "earliest": _plain(main, "sem:hasEarliestBeginTimeStamp"),
            "latest": _plain(main, "sem:hasLatestEndTimeStamp"), **self._place(nodes, main),
        }  # fmt: skip
        for name in ("objectHit", "method", "weapon"):
            said = [iri for node in (main, *claims) for iri in node.iris(f"mz:{name}")]
            texts["object_hit" if name == "objectHit" else name] = self._labels(dict.fromkeys(said))
        texts |= {
            "killed": self._said(claims, self._killed), "attributed": self._said(claims, self._attributed),
            "answered": self._said(claims, self._answered), "law": self._said(claims, self._law),
            "grade": self._labels(main.iris("mz:evidenceGrade")), "dataset": self._labels(main.iris("mz:inDataset")),
        }  # fmt: skip
        cells: dict[str, Term] = {"incident": NamedNode(hit.iri)}
        cells |= {name: Literal(text) for name, text in texts.items() if text and name != "wkt"}
        if texts.get("wkt"):
            cells["wkt"] = Literal(texts["wkt"], datatype=GEO.wktLiteral)
        return cells | {"claims": Literal(str(len(claims)), datatype=XSD.integer)}

    def _nodes(self, triples: list[Triple]) -> dict[str, Node]:
        grouped: dict[str, list[Triple]] = {}
        for triple in triples:
            if isinstance(triple.subject, NamedNode):
                grouped.setdefault(triple.subject.value, []).append(triple)
        return {iri: Node(iri, found, self._language) for iri, found in grouped.items()}

    def _place(self, nodes: dict[str, Node], main: Node) -> dict[str, str]:
        places = [nodes[iri] for iri in main.iris("mz:place") if iri in nodes]
        areas = [iri for place in places for iri in place.iris("geo:sfWithin")]
        points = [_plain(nodes[g], "geo:asWKT") for p in places for g in p.iris("geo:hasGeometry") if g in nodes]
        around = dict.fromkeys(iri for area in areas for iri in (area, *self._reader.around(area)))
        return {
            "place": self._labels(main.iris("mz:place")), "area": self._labels(around),
            "place_precision": self._labels(i for place in places for i in place.iris("mz:placePrecision")),
            "wkt": points[0] if points else "",
        }  # fmt: skip

    def _labels(self, iris: Iterable[str]) -> str:
        return _BETWEEN.join(str(self._reader.label(iri)) for iri in iris)

    def _said(self, claims: list[Node], tell: Callable[[Node], str]) -> str:
        """What claims of one kind say, each with its claimant."""
        told = [(tell(claim), claim.iris("mz:claimant")) for claim in claims]
        return _BETWEEN.join(f"{words} [{self._labels(by)}]" for words, by in told if words)

    def _killed(self, claim: Node) -> str:
        if "killed" not in {iri.rpartition("#")[2] for iri in claim.iris("mz:harm")} or claim.has("mz:subsetOf"):
            return ""
        numbers = [claim.integer(f"mz:{name}") for name in ("minimum", "best", "maximum")]
        known = [str(number) for number in numbers if number is not None]
        return "–".join(dict.fromkeys((known[0], known[-1]))) if known else ""

    def _attributed(self, claim: Node) -> str:
        if "mz:Attribution" not in claim.types:
            return ""
        return f"{self._labels(claim.iris('mz:allegedActor'))} ({self._labels(claim.iris('mz:confidence'))})"

    def _answered(self, claim: Node) -> str:
        return self._labels(claim.iris("mz:position")) if "mz:PartyResponse" in claim.types else ""

    def _law(self, claim: Node) -> str:
        invoked = self._labels(claim.iris("mz:invokes")) if claim.has("mz:mappingStatus") else ""
        return f"{invoked} ({self._labels(claim.iris('mz:mappingStatus'))})" if invoked else ""


def _plain(node: Node, name: str) -> str:
    return next((term.value for term in node.terms(name)), "")
