"""A source's claim that law was broken, beside what the screening says; the claim itself is kept as it was made."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from pyoxigraph import NamedNode

from kb.applicability.facts import Facts, reported
from kb.applicability.law import moment
from kb.applicability.screen import Screener
from kb.applicability.verdict import Outcome, Screening
from kb.errors import NotFound
from kb.ns import DCTERMS, ELI, ID, MZ, RDF, SEM
from kb.store.local import LocalStore

CURATORS = f"{ID}actor/mizan-curators"
"""Who publishes the curated datasets, from which the incidents of a series are taken."""
_BEST = (Outcome.APPLICABLE, Outcome.UNDETERMINED, Outcome.NOT_APPLICABLE)


@dataclass(frozen=True, slots=True)
class Judged:
    """One incident against one invoked text: the best outcome of the provisions that it is judged by.

    `precedes` when the incident had ended before any of them began to apply.
    """

    incident: str
    outcome: Outcome
    provision: str
    precedes: bool


@dataclass(frozen=True, slots=True)
class Invoked:
    """What the screening says of one text that a mapping invokes.

    `provisions` are those with a scope that it is judged by: itself, or its parts where it is a whole (`whole`); none
    when nothing of it can be mapped. `starts` is the earliest moment (seconds since 1970) at which any of them applies.
    """

    text: str
    provisions: tuple[str, ...]
    whole: bool
    starts: float | None
    judged: tuple[Judged, ...]

    def count(self, outcome: Outcome) -> int:
        """How many incidents have this as their best outcome."""
        return sum(j.outcome is outcome for j in self.judged)

    @property
    def preceding(self) -> int:
        """How many incidents had ended before the law began to apply."""
        return sum(j.precedes for j in self.judged)


@dataclass(frozen=True, slots=True)
class MappingCheck:
    """A legal mapping as claimed, and each text that it invokes against the incidents that it can be about.

    For a series, `incidents` are those of the curated datasets within its window and place; none is presumed to belong
    to it. Norms that are invoked without a text are judged by the provisions that express them. `notes` are curators'
    remarks on the claim.
    """

    mapping: str
    claimant: str
    about: str
    series: bool
    incidents: tuple[str, ...]
    invoked: tuple[Invoked, ...]
    notes: tuple[str, ...]


def check(store: LocalStore, screener: Screener, mapping: str) -> MappingCheck:
    """Set one legal mapping against the screening; NotFound when there is no such mapping."""
    node = NamedNode(mapping)
    if MZ.LegalMapping not in store.objects(node, RDF.type):
        raise NotFound(f"There is no legal mapping {mapping}", "", "Take its IRI from the page of the claim.")
    (about,) = store.objects(node, MZ.about)
    assert isinstance(about, NamedNode)
    series = MZ.IncidentSeries in store.objects(about, RDF.type)
    incidents = dict(_within(store, screener, about)) if series else _one(store, screener, about)
    texts = sorted(v.value for p in (MZ.invokes, MZ.invokesNorm) for v in store.objects(node, p))
    notes = (n for n in store.subjects(MZ.about, node) if MZ.EditorialNote in store.objects(n, RDF.type))
    return MappingCheck(
        mapping, store.objects(node, MZ.claimant)[0].value, about.value, series, tuple(incidents),
        tuple(_invoked(store, screener, text, incidents) for text in texts),
        tuple(sorted(n.value for n in notes)),
    )  # fmt: skip


def mappings(store: LocalStore, claimant: str | None = None) -> list[str]:
    """All legal mappings, or those of one claimant."""
    invoking = (t.subject for p in (MZ.invokes, MZ.invokesNorm) for t in store.triples(p))
    nodes = {node for node in invoking if isinstance(node, NamedNode)}
    found = [n.value for n in nodes if MZ.LegalMapping in store.objects(n, RDF.type)
             and (claimant is None or NamedNode(claimant) in store.objects(n, MZ.claimant))]  # fmt: skip
    return sorted(found)


def parts(store: LocalStore, text: str) -> tuple[str, ...]:
    """A text and all provisions below it, or of it where it is an instrument; those that express it, if a norm."""
    found, waiting = {text}, [text]
    while waiting:
        here = NamedNode(waiting.pop())
        below = {n.value for p in (ELI.is_part_of, MZ.ofInstrument, MZ.expressesNorm) for n in store.subjects(p, here)}
        waiting += sorted(below - found)
        found |= below
    return tuple(sorted(found))


def _one(store: LocalStore, screener: Screener, about: NamedNode) -> dict[str, Facts]:
    if MZ.Incident not in store.objects(about, RDF.type):
        return {}
    return {about.value: screener.read(reported(store, about.value))}


def _within(store: LocalStore, screener: Screener, series: NamedNode) -> Iterator[tuple[str, Facts]]:
    """The incidents of curated datasets that lie within the window and the place of a series."""
    begins, ends = (
        moment(store.objects(series, p)[0].value) for p in (SEM.hasEarliestBeginTimeStamp, SEM.hasLatestEndTimeStamp)
    )
    assert begins is not None and ends is not None
    places = {v.value for v in store.objects(series, MZ.withinPlace)}
    datasets = store.subjects(DCTERMS.publisher, NamedNode(CURATORS))
    for incident in sorted(i.value for d in datasets for i in store.subjects(MZ.inDataset, d)):
        if MZ.Incident not in store.objects(NamedNode(incident), RDF.type):
            continue
        facts = screener.read(reported(store, incident))
        reached = {p for here in facts.place for p in screener.law.ancestors(here)}
        if begins <= facts.earliest and facts.latest <= ends and (not places or places & reached):
            yield incident, facts


def _invoked(store: LocalStore, screener: Screener, text: str, incidents: dict[str, Facts]) -> Invoked:
    judged_by = tuple(p for p in parts(store, text) if p in screener.scopes)
    starts = [screener.scopes[p].start for p in judged_by]
    judged = tuple(
        _best(incident, screener.screened(facts, judged_by)) for incident, facts in incidents.items() if judged_by
    )
    first = None if None in starts else min((s for s in starts if s is not None), default=None)
    return Invoked(text, judged_by, judged_by != (text,), first, judged)


def _best(incident: str, found: Iterable[Screening]) -> Judged:
    screenings = sorted(found, key=lambda s: (_BEST.index(s.outcome), s.provision))
    early = all(s.tests[0].reason == "time-before" for s in screenings)
    return Judged(incident, screenings[0].outcome, screenings[0].provision, early)
