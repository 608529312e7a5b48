"""The bundle as a page to read and print: one self-contained HTML file per language, the same facts in both."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from pyoxigraph import NamedNode

from kb.bundle.facts import C, D, E, F, Facts, G, H, M, O, P, visible
from kb.bundle.reader import Mark, Reader, Row, Value
from kb.bundle.request import BundleRequest
from kb.bundle.wording import render
from kb.ns import DCTERMS, SCHEME, SKOS

_COLUMNS = 4  # claimants beside each other; more would not fit on a printed page
_CANDIDATE = f"{SCHEME}mapping-status#candidate"
_LEGEND = ("mapping-status", "verification", "standard-of-proof", "confidence", "party-position")

_WHEN = (M.reportedTime, M.datePrecision, M.dateNote)
_HAPPENED = (
    M.method, M.weapon, M.objectHit, M.reportedObject, M.reportedWeapon, M.evidenceGrade, M.partOfConflict,
    M.inDataset, DCTERMS.identifier, F.page, M.tag,
)  # fmt: skip
_PLACE = (G.sfWithin, M.reportedAdmin1, M.reportedAdmin2, M.placePrecision, M.reportedPlacePrecision)
_COUNTED = (M.harm, M.victimCategory, M.victimAge, M.victimSex)
_SAID = (M.Attribution.value, M.PartyResponse.value, M.WarringParty.value)
_CLAIM = (
    DCTERMS.description, M.about, M.allegedActor, M.degreeOfInvolvement, M.confidence, M.jointWith, M.side,
    M.position, C.disputes, M.conflictType, M.conflict, M.validFrom, M.validUntil, M.partyToConflict, M.method,
    M.weapon, M.objectHit, M.withinPlace, M.date, M.addressee, M.action, M.basedOn, M.basedOnNorm, M.invokes,
    M.followUp, M.reportedAs, M.credibility,
)  # fmt: skip
_GROUND = (M.basis, M.claimDate, M.reference, M.sourceCode, M.restsOn)
_SOURCE = (
    M.sourceKind, P.wasAttributedTo, D.issued, DCTERMS.identifier, F.page, P.wasDerivedFrom, DCTERMS.description
)  # fmt: skip
_LAW = (
    M.summary, M.operativeVerb, M.addressedTo, M.bindingStatus, M.bindingReason, M.conflictType, E.date_document,
    M.inForceFrom, M.inForceUntil, M.expressesNorm, M.officialSource, M.caution,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Card:
    """One claim, source or provision as a box of rows; `claimant` is None for what is nobody's claim.

    `digest` is the SHA-256 of the file that an item of evidence is, in groups; empty for everything else.
    """

    number: str
    anchor: str
    title: Value
    claimant: Value | None
    rows: list[Row]
    mark: Mark | None
    digest: list[str]


@dataclass(frozen=True, slots=True)
class Figures:
    """A table of casualty figures: claimants as columns, what is counted as rows, cells of (figure, number, mark)."""

    claimants: list[Value]
    rows: list[tuple[Value, list[list[tuple[Value, Value, Mark | None]]]]]


@dataclass(frozen=True, slots=True)
class Mapping:
    """One legal mapping: what it invokes, its status with the local name for the style, and its rows."""

    number: str
    anchor: str
    provisions: list[Value]
    status: Value
    status_name: str
    claimant: Value
    terms: list[Row]
    rationale: list[Value]
    rows: list[Row]
    mark: Mark | None


@dataclass(frozen=True, slots=True)
class Section:
    """Everything about one incident, in the order of the page."""

    anchor: str
    identifier: str
    label: Value
    iri: str
    mark: Mark | None
    description: list[Value]
    reported: list[Row]
    cautions: list[Value]
    figures: list[Figures]
    estimates: list[Card]
    said: list[Card]
    other: list[Card]
    mappings: list[Mapping]
    candidates: list[Mapping]
    sources: list[Card]


def page(request: BundleRequest, facts: Facts, language: str, dataset_sha256: str) -> bytes:
    """The dossier in `language`; the same request gives the same bytes."""
    reader = Reader(facts, language)
    claims = _by_subject(facts)
    law = _law(reader, request.asked, claims)
    sections = [_section(reader, claims, n, iri) for n, iri in enumerate(sorted(request.asked), 1)]
    records = [
        (reader.value(facts.label(iri, language)), visible(iri), entry.revision, request.segments[iri],
         _groups(entry.sha256))
        for iri, entry in sorted(request.records.items())
    ]  # fmt: skip
    return render(
        "dossier.html", t=reader.words, lang=language, sections=sections, law=law, records=records,
        legend=_legend(reader), request=request, head=_groups(request.ledger.sha256),
        dataset=_groups(dataset_sha256), name=lambda term: reader.name(M[term]),
    )  # fmt: skip


def _groups(digest: str) -> list[str]:
    """A digest in groups of eight, for the eye; the page joins them without a space, so that it can be searched."""
    return [digest[at : at + 8] for at in range(0, len(digest), 8)]


def _by_subject(facts: Facts) -> dict[str, list[str]]:
    """The claims about each thing, in the order of their IRIs."""
    found: dict[str, list[str]] = {}
    for node in facts.nodes():
        if facts.values(node, M.claimant):
            for about in facts.links(node, M.about):
                found.setdefault(about, []).append(node)
    return found


def _with_remarks(claims: dict[str, list[str]], about: str) -> list[str]:
    """The claims about a thing, those about these claims, and so on; each once."""
    found: dict[str, None] = {}
    waiting = [about]
    while waiting:
        fresh = [c for subject in waiting for c in claims.get(subject, ()) if c not in found]
        found.update(dict.fromkeys(fresh))
        waiting = fresh
    return list(found)


def _section(reader: Reader, claims: dict[str, list[str]], number: int, iri: str) -> Section:
    facts, anchor = reader.facts, f"i{number}"
    mine = _with_remarks(claims, iri)
    kinds = {node: facts.kind(node) for node in mine}
    estimates = _ordered(reader, (n for n in mine if kinds[n] == M.CasualtyEstimate.value))
    said = _ordered(reader, (n for n in mine if kinds[n] in _SAID))
    mapped = _ordered(reader, (n for n in mine if kinds[n] == M.LegalMapping.value))
    other = _ordered(reader, (n for n in mine if n not in {*estimates, *said, *mapped}))
    for at, node in enumerate([*estimates, *said, *other, *mapped], 1):
        reader.numbers[node] = (f"C{at}", f"{anchor}-c{at}")
    sources = _sources(facts, mine)
    for at, node in enumerate(sources, 1):
        reader.numbers[node] = (f"S{at}", f"{anchor}-s{at}")
    lines = [(node, _mapping(reader, node)) for node in mapped]
    suggested = {node for node in mapped if facts.first(node, M.mappingStatus) == _CANDIDATE}
    return Section(
        anchor, visible(facts.first(iri, DCTERMS.identifier)), reader.value(facts.label(iri, reader.language)),
        visible(iri),
        reader.mark(iri), reader.values(iri, DCTERMS.description), _reported(reader, iri),
        reader.values(iri, M.caution), _figures(reader, estimates),
        [_estimate(reader, n) for n in estimates],
        [_card(reader, n, (*_CLAIM, *_GROUND), None, iri) for n in said],
        [_card(reader, n, (*_CLAIM, *_GROUND), None, iri) for n in other],
        [line for node, line in lines if node not in suggested], [line for node, line in lines if node in suggested],
        [_card(reader, n, _SOURCE, reader.value(facts.label(n, reader.language))) for n in sources],
    )  # fmt: skip


def _ordered(reader: Reader, nodes: Iterable[str]) -> list[str]:
    """Claims by kind, then claimant, then IRI: an order that takes no side and is the same in both languages."""
    facts = reader.facts
    return sorted(nodes, key=lambda n: (facts.kind(n), facts.label(facts.first(n, M.claimant), "en").value, n))


def _sources(facts: Facts, claims: Iterable[str]) -> list[str]:
    """What the claims rest on and what that is derived from, sorted by IRI."""
    found: set[str] = set()
    waiting = {s for claim in claims for s in facts.links(claim, M.restsOn)}
    while waiting:
        works = {facts.first(s, O.hasSource) or s for s in waiting} - found
        found |= works
        waiting = {s for work in works for s in facts.links(work, P.wasDerivedFrom)}
    return sorted(s for s in found if facts.knows(s))


def _reported(reader: Reader, iri: str) -> list[Row]:
    """Date, place and what happened, each with its uncertainty."""
    words, facts = reader.words, reader.facts
    place = facts.first(iri, M.place)
    spot, span = reader.coordinates(place), reader.span(iri)
    rows = [
        Row(reader.name(M.date), [*reader.values(iri, M.date), *([span] if span else [])]),
        *reader.rows(iri, _WHEN),
        Row(reader.name(M.place), reader.values(place, SKOS.prefLabel)),
        *reader.rows(place, _PLACE),
        Row(Value(words["coordinates"]), [spot] if spot else []),
        *reader.rows(iri, _HAPPENED),
    ]
    return [row for row in rows if row.values]


def _figures(reader: Reader, estimates: list[str]) -> list[Figures]:
    """The estimates as tables, a few claimants wide, with the same rows in each."""
    facts = reader.facts
    claimants = list(dict.fromkeys(facts.first(n, M.claimant) for n in estimates))
    counted = {n: tuple(facts.first(n, p) for p in _COUNTED) for n in estimates}
    kinds = {counted[n]: reader.joined(n, _COUNTED) for n in estimates}
    tables = []
    for start in range(0, len(claimants), _COLUMNS):
        columns = claimants[start : start + _COLUMNS]
        rows = [
            (name, [
                [
                    (reader.figure(n), reader.reference(n), reader.mark(n))
                    for n in estimates if counted[n] == kind and facts.first(n, M.claimant) == column
                ]
                for column in columns
            ])
            for kind, name in sorted(kinds.items())
        ]  # fmt: skip
        tables.append(Figures([reader.label(c) for c in columns], rows))
    return tables


def _card(
    reader: Reader, node: str, predicates: Iterable[NamedNode], title: Value | None, subject: str = ""
) -> Card:
    """A node as a card; without `title` it bears the label of its class. `subject` need not be repeated in it."""
    facts = reader.facts
    number, anchor = reader.numbers[node]
    obvious = facts.links(node, M.about) == [subject]
    rows = reader.rows(node, (p for p in predicates if not (obvious and p == M.about)))
    claimant = facts.first(node, M.claimant)
    heading = title or reader.label(facts.kind(node))
    digest = _groups(visible(facts.first(facts.first(node, H.checksum), H.checksumValue)))
    who = reader.label(claimant) if claimant else None
    return Card(number, anchor, heading, who, rows, reader.mark(node), digest)


def _estimate(reader: Reader, node: str) -> Card:
    """A casualty estimate: what is counted as its title, the figure first."""
    card = _card(reader, node, (DCTERMS.description, M.subsetOf, M.reportedAs, M.credibility, *_GROUND),
                 reader.joined(node, _COUNTED))  # fmt: skip
    return replace(card, rows=[Row(Value(reader.words["figure"]), [reader.figure(node)]), *card.rows])


def _mapping(reader: Reader, node: str) -> Mapping:
    facts = reader.facts
    number, anchor = reader.numbers[node]
    grounds = [Row(r.name, [_short(v) for v in r.values]) for r in reader.rows(node, _GROUND)]
    status = facts.first(node, M.mappingStatus)
    return Mapping(
        number, anchor, [*reader.values(node, M.invokes), *reader.values(node, M.invokesNorm)],
        reader.label(status), status.rpartition("#")[2], reader.label(facts.first(node, M.claimant)),
        reader.rows(node, (M.againstActor, M.standardOfProof, M.invokedAs, M.reportedAs)),
        reader.values(node, M.rationale), grounds, reader.mark(node),
    )  # fmt: skip


def _short(value: Value) -> Value:
    """A numbered thing by its number alone, where the list with its label is near."""
    return replace(value, text="") if value.number else value


def _law(reader: Reader, asked: Iterable[str], claims: dict[str, list[str]]) -> list[Card]:
    """The provisions and instruments that claims about the incidents name, with their instruments, in legal order."""
    facts = reader.facts
    named = {
        law
        for iri in asked
        for claim in _with_remarks(claims, iri)
        for predicate in (M.invokes, M.basedOn)
        for law in facts.links(claim, predicate)
        if facts.knows(law)
    }
    named |= {i for law in named for i in facts.links(law, M.ofInstrument) if facts.knows(i)}

    def place(law: str) -> tuple[str, int, str]:
        instrument = facts.first(law, M.ofInstrument)
        return (instrument or law, int(facts.first(law, M.order) or 0) if instrument else -1, law)

    ordered = sorted(named, key=place)
    for at, law in enumerate(ordered, 1):
        reader.numbers[law] = (f"L{at}", f"law-{at}")
    return [_card(reader, law, _LAW, reader.value(facts.label(law, reader.language))) for law in ordered]


def _legend(reader: Reader) -> list[tuple[Value, Value, list[tuple[Value, list[Value]]]]]:
    """Scheme by scheme the concepts that stand in these records, with their definitions."""
    used = {
        v.value for n in reader.facts.nodes() for p in (M.mappingStatus, M.verification, M.standardOfProof,
        M.confidence, M.position) for v in reader.facts.values(n, p) if isinstance(v, NamedNode)
    }  # fmt: skip
    found = []
    for scheme in _LEGEND:
        concepts = sorted(c for c in used if c.startswith(f"{SCHEME}{scheme}#"))
        entries = [(reader.label(c), reader.values(c, SKOS.definition)) for c in concepts]
        if entries:
            found.append((reader.label(SCHEME + scheme), reader.values(SCHEME + scheme, SKOS.definition)[0], entries))
    return found

