"""What pages show of the law as data: screenings, scopes, elements, participation of States."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from typing import Any
from urllib.parse import urlencode

from pyoxigraph import Literal, NamedNode

from kb.applicability import Facts, Outcome, Test, check
from kb.applicability.check import MappingCheck
from kb.applicability.facts import reported
from kb.applicability.jurisdiction import Jurisdiction, jurisdictions
from kb.errors import AnswerTooLarge, QueryTimeout
from kb.ns import MZ
from kb.record import system_node
from kb.search import FACETS
from web.panel import Panel
from web.reading import Node
from web.screening import OUTCOMES as LISTED
from web.screening import Corpus, Screened, corpus
from web.site import here, panels, reader, site, tongue
from web.views import law_time

_FEW = 1_000  # incidents of one outcome, of which the first are listed; of more the list of incidents tells
_OUTCOMES = {
    MZ.applicable.value: "applicable",
    MZ.undetermined.value: "undetermined",
    MZ.notApplicable.value: "not-applicable",
}


def arrangement() -> Corpus:
    """How the provisions of this snapshot are arranged."""
    snapshot = here()
    found: Corpus = site().once("corpus", snapshot, lambda: corpus(snapshot.store))
    return found


def facts_of(iri: str) -> Facts:
    """What the screening looks at in an incident, in the snapshot that this request reads."""
    snapshot = here()
    return site().base.screener(snapshot).read(reported(snapshot.store, iri))


def screened(facts: Facts, provisions: Iterable[str] | None = None) -> Screened:
    """The screenings of an incident with these facts, of all provisions by default, worked out now."""
    found = {s.provision: s for s in site().base.screener(here()).screened(facts, provisions)}
    outcomes = {provision: s.outcome for provision, s in found.items()}
    return Screened(outcomes, lambda provision: found[provision].tests, arrangement(), reader())


def outlined(iri: str, facts: Facts) -> Screened:
    """The outcomes of an incident as the store keeps them; tests are worked out only for provisions that are shown."""
    store, screener = here().store, site().base.screener(here())
    profiles = [NamedNode(p.value) for p in store.objects(system_node(iri), MZ.hasProfile)]
    kept = [triple for profile in profiles for triple in store.node(profile)]
    outcomes = {
        t.object.value: Outcome(_OUTCOMES[t.predicate.value])
        for t in kept if t.predicate.value in _OUTCOMES and isinstance(t.object, NamedNode)
    }  # fmt: skip
    if not outcomes:  # written by software that kept none
        return screened(facts)

    def tests(provision: str) -> Iterable[Test]:
        return (test for s in screener.screened(facts, [provision]) for test in s.tests)

    return Screened(outcomes, tests, arrangement(), reader())


def courts(facts: Facts) -> tuple[Jurisdiction, ...]:
    """The avenues of jurisdiction over an incident with these facts to each court that a statute sets up."""
    return jurisdictions(site().base.screener(here()).law, facts)


def checks(claims: Iterable[Node]) -> list[MappingCheck]:
    """Each legal claim about a series, set against the screening of the incidents recorded in its period and place."""
    snapshot = here()
    known: dict[str, MappingCheck] = site().once("checks", snapshot, dict)
    found = []
    for claim in claims:
        if "mz:LegalMapping" in claim.types and _is_series(claim.iri_value("mz:about")):
            if claim.iri not in known:
                known[claim.iri] = check.check(snapshot.store, site().base.screener(snapshot), claim.iri)
            found.append(known[claim.iri])
    return sorted(found, key=lambda c: c.mapping)


def _is_series(iri: str) -> bool:
    return "mz:IncidentSeries" in reader().peek(iri).types


def provision(iri: str) -> dict[str, Any]:
    """Scope, preconditions and elements of a provision, what it reflects, and incidents by computed outcome."""
    nodes = reader().record(iri).values()
    relations: dict[str, list[str]] = {}
    for row in panels()("provision_relations", provision=iri):
        relations.setdefault(row["relation"].value, []).append(row["other"].value)
    scope = _of_class(nodes, "mz:Scope")
    return {
        "scope": scope[0] if scope else None,
        "preconditions": _of_class(nodes, "mz:Precondition"),
        "elements": _by_crime(_of_class(nodes, "mz:Element")),
        "relations": relations,
        "outcomes": _outcomes(iri) if scope else [],
        "offence": iri in arrangement().offences and "mz:Offence" in reader().node(iri).types,
        **law_time.of_provision(iri),
    }


def _of_class(nodes: Any, name: str) -> list[Node]:
    return [node for node in nodes if name in node.types]


def _by_crime(elements: list[Node]) -> dict[str, list[Node]]:
    """Elements in their order, under the label of the crime where a provision has several."""
    found: dict[str, list[Node]] = {}
    for node in sorted(elements, key=lambda n: n.integer("mz:elementNumber") or 0):
        found.setdefault(str(node.text("mz:crimeLabel") or ""), []).append(node)
    return dict(sorted(found.items()))


def _outcomes(iri: str) -> list[tuple[str, int, Panel | None, str]]:
    """For each outcome how many incidents have it, which (None: too many for a page), and where all are listed."""
    code = FACETS["applicability"].code(iri)
    found: list[tuple[str, int, Panel | None, str]] = []
    counts = site().once(f"outcomes {iri}", here(), partial(_counted, iri))
    for outcome, name in _OUTCOMES.items():
        if counts.get(outcome):
            number = counts[outcome]
            narrowed = urlencode({"applicability": f"{code}:{name}"})
            address = f"/{tongue().code}/incidents?{narrowed}" if name in LISTED else ""
            found.append((name, number, _listed(iri, outcome) if number <= _FEW else None, address))
    return found


def _counted(iri: str) -> dict[str, int]:
    try:
        rows = panels()("provision_outcomes", provision=iri)
    except (QueryTimeout, AnswerTooLarge):
        return {}
    return {row["outcome"].value: _integer(row["incidents"]) for row in rows}


def _listed(iri: str, outcome: str) -> Panel | None:
    try:
        return panels()("provision_screenings", provision=iri, outcome=outcome)
    except (QueryTimeout, AnswerTooLarge):
        return None


def instrument(iri: str) -> dict[str, Any]:
    """Participation of States in an instrument, and the instruments that amend it or would have used it."""
    ask, read = panels(), reader()
    related: dict[str, list[Node]] = {}
    for row in ask("instrument_amendments", instrument=iri):
        related.setdefault(row["relation"].value, []).append(read.peek(row["other"].value))
    participations = [read.node(i) for i in ask("instrument_participations", instrument=iri).iris("participation")]
    return {
        "participations": participations,
        "amendments": sorted(related.get(_AMENDS, []), key=_adopted),
        "drafts": sorted(related.get(MZ.refersTo.value, []), key=_adopted),
        **law_time.of_instrument(iri),
    }


_AMENDS = "http://data.europa.eu/eli/ontology#amends"


def _adopted(node: Node) -> tuple[str, str]:
    return str(node.text("eli:date_document") or ""), node.iri


def _integer(term: object) -> int:
    return int(term.value) if isinstance(term, Literal) else 0
