"""The records of a bundle as CSV for spreadsheets: plain columns, with labels in both languages beside every IRI."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from pyoxigraph import Literal, NamedNode

from kb.bundle.facts import LANGUAGES, C, D, E, F, Facts, G, H, M, P, S
from kb.export.sheet import csv_lines, safe
from kb.ns import DCTERMS, MZ, RDF, SKOS

BETWEEN = " | "  # between several values of one cell


@dataclass(frozen=True, slots=True)
class Column:
    """One property as columns: `plain` (its values), `thing` (IRI and labels), `text` (one column a language)."""

    name: str
    predicate: NamedNode
    form: str = "plain"

    def headers(self) -> list[str]:
        """The header cells."""
        texts = [f"{self.name}_{language}" for language in LANGUAGES]
        return {"plain": [self.name], "thing": [self.name, *texts], "text": texts}[self.form]

    def cells(self, facts: Facts, node: str) -> list[str]:
        """The cells of one node."""
        values = facts.values(node, self.predicate)
        if self.form == "plain":
            return [BETWEEN.join(v.value for v in values)]
        if self.form == "thing":
            return things(facts, [v.value for v in values if isinstance(v, NamedNode)])
        literals = [v for v in values if isinstance(v, Literal)]
        return [BETWEEN.join(v.value for v in literals if (v.language or "en") == tag) for tag in LANGUAGES]


def things(facts: Facts, iris: list[str]) -> list[str]:
    """Cells for some nodes: their IRIs, then their labels in each language (empty where there is none)."""
    cells = [BETWEEN.join(iris)]
    for language in LANGUAGES:
        labels = [facts.label(iri, language) for iri in iris]
        cells.append(BETWEEN.join(label.value for label in labels if label.language in (language, "")))
    return cells


def _columns(names: str, form: str) -> list[Column]:
    """Columns for terms of the ontology, named in snake case after them."""
    return [Column("".join(f"_{c.lower()}" if c.isupper() else c for c in n), M[n], form) for n in names.split()]


_KIND = Column("type", RDF.type, "thing")
_LABEL = Column("label", SKOS.prefLabel, "text")
_ABOUT = Column("description", DCTERMS.description, "text")
_CHECKED = [*_columns("verification", "thing"), *_columns("verificationBasis", "plain")]

_INCIDENT = [
    Column("identifier", DCTERMS.identifier), _LABEL, *_columns("date", "plain"),
    Column("earliest", S.hasEarliestBeginTimeStamp), Column("latest", S.hasLatestEndTimeStamp),
    *_columns("datePrecision", "thing"), *_columns("reportedTime", "plain"), *_columns("dateNote", "text"),
]  # fmt: skip
_PLACE = [
    Column("place", SKOS.prefLabel, "text"), Column("within", G.sfWithin, "thing"),
    *_columns("reportedAdmin1 reportedAdmin2", "plain"), *_columns("placePrecision", "thing"),
    *_columns("reportedPlacePrecision", "plain"),
]  # fmt: skip
_HAPPENED = [
    *_columns("method weapon objectHit", "thing"), *_columns("reportedObject reportedWeapon", "plain"),
    *_columns("evidenceGrade inDataset partOfConflict", "thing"), _ABOUT, *_columns("caution", "text"), *_CHECKED,
    Column("page", F.page),
]  # fmt: skip
_CLAIM = [
    _KIND, *_columns("about claimant harm victimCategory victimAge victimSex", "thing"),
    *_columns("minimum maximum best subsetOf", "plain"),
    *_columns("allegedActor degreeOfInvolvement confidence position", "thing"),
    Column("disputes", C.disputes), *_columns("jointWith", "plain"),
    *_columns("method weapon objectHit", "thing"), _ABOUT, *_columns("claimDate basis reference sourceCode", "plain"),
    *_columns("credibility", "thing"), *_columns("reportedAs", "plain"), *_columns("restsOn", "thing"), *_CHECKED,
]  # fmt: skip
_MAPPING = [
    *_columns("about claimant againstActor mappingStatus standardOfProof", "thing"),
    *_columns("invokedAs claimDate", "plain"), *_columns("rationale", "text"), *_columns("restsOn", "thing"), *_CHECKED,
]  # fmt: skip
_NORM = [Column("number", E.number), *_columns("ofInstrument bindingStatus conflictType", "thing")]
_SOURCE = [
    _KIND, _LABEL, *_columns("sourceKind", "thing"), Column("attributed_to", P.wasAttributedTo, "thing"),
    Column("issued", D.issued), Column("identifier", DCTERMS.identifier), Column("page", F.page),
    Column("derived_from", P.wasDerivedFrom, "thing"), Column("format", D.format), *_columns("byteSize", "plain"),
    *_CHECKED,
]  # fmt: skip


def incidents(facts: Facts) -> Iterator[bytes]:
    """tables/incidents.csv: one row an incident."""
    headers = ["incident", *_headers(_INCIDENT), *_headers(_PLACE), "wkt", *_headers(_HAPPENED)]

    def row(node: str) -> list[str]:
        place = facts.first(node, M.place)
        geometry = facts.first(place, G.hasGeometry)
        where = [*_cells(_PLACE, facts, place), facts.first(geometry, G.asWKT)]
        return [node, *_cells(_INCIDENT, facts, node), *where, *_cells(_HAPPENED, facts, node)]

    return written(headers, (row(n) for n in _of(facts, MZ.Incident)))


def claims(facts: Facts) -> Iterator[bytes]:
    """tables/claims.csv: one row a claim of any class but legal mappings, which have their own table."""
    nodes = [n for n in facts.nodes() if facts.values(n, M.claimant) and facts.kind(n) != M.LegalMapping.value]
    return written(["claim", *_headers(_CLAIM)], ([n, *_cells(_CLAIM, facts, n)] for n in nodes))


def mappings(facts: Facts) -> Iterator[bytes]:
    """tables/mappings.csv: one row for each provision, instrument or norm that a legal mapping invokes."""
    headers = ["mapping", *_headers(_MAPPING), "invokes", "invokes_en", "invokes_ar", *_headers(_NORM)]
    rows = (
        [n, *_cells(_MAPPING, facts, n), *things(facts, [norm]), *_cells(_NORM, facts, norm)]
        for n in _of(facts, M.LegalMapping)
        for norm in [*facts.links(n, M.invokes), *facts.links(n, M.invokesNorm)]
    )
    return written(headers, rows)


def sources(facts: Facts) -> Iterator[bytes]:
    """tables/sources.csv: one row a source or item of evidence, with the digest of an item that is held."""
    nodes = [n for n in facts.nodes() if facts.values(n, M.sourceKind)]
    rows = (
        [n, *_cells(_SOURCE, facts, n), facts.first(facts.first(n, H.checksum), H.checksumValue)] for n in nodes
    )
    return written(["source", *_headers(_SOURCE), "checksum"], rows)


TABLES = {"incidents": incidents, "claims": claims, "mappings": mappings, "sources": sources}


def written(headers: list[str], rows: Iterable[list[str]]) -> Iterator[bytes]:
    """CSV of RFC 4180 in UTF-8 with CRLF, row by row, in which a spreadsheet computes nothing."""
    return csv_lines(headers, ([safe(cell) for cell in row] for row in rows))


def _of(facts: Facts, kind: NamedNode) -> list[str]:
    return [n for n in facts.nodes() if facts.kind(n) == kind.value]


def _headers(columns: list[Column]) -> list[str]:
    return [header for column in columns for header in column.headers()]


def _cells(columns: list[Column], facts: Facts, node: str) -> list[str]:
    return [cell for column in columns for cell in column.cells(facts, node)]
