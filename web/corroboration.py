"""What a page shows of how an incident is told elsewhere: the origins of its sources, and computed candidates."""

from __future__ import annotations

from dataclasses import dataclass

from kb import origin
from kb.matching import identity
from kb.matching.identity import Candidate
from kb.store.local import LocalStore
from web.language import marked
from web.reading import Node

STATES = {
    identity.OPEN: marked("no person has looked at it"),
    identity.ACCEPTED: marked("a person holds it to be right"),
    identity.REJECTED: marked("a person holds it to be wrong"),
    identity.CONTESTED: marked("persons differ on it"),
}


@dataclass(frozen=True, slots=True)
class Cited:
    """One claim with the sources that it cites and how many origins they go back to."""

    claim: str
    sources: tuple[str, ...]
    origins: frozenset[str]


@dataclass(frozen=True, slots=True)
class Origins:
    """The sources cited for an incident: how many, and the claims that go back to each origin."""

    sources: int
    claims: dict[str, tuple[str, ...]]
    several: tuple[Cited, ...]


def origins(store: LocalStore, incident: str) -> Origins:
    """The origins of what is cited for an incident, most cited first; `several` are claims with more than one."""
    found: list[Cited] = []
    derivations = origin.Derivations(store)
    for claim, sources in origin.cited(store, incident).items():
        found.append(Cited(claim, tuple(sources), derivations.origins(sources)))
    behind: dict[str, list[str]] = {}
    for cited in found:
        for root in cited.origins:
            behind.setdefault(root, []).append(cited.claim)
    ordered = sorted(behind.items(), key=lambda pair: (-len(pair[1]), pair[0]))
    works = {work for cited in found for source in cited.sources for work in origin.works(store, source)}
    several = tuple(c for c in found if len(c.origins) > 1)
    return Origins(len(works), {root: tuple(claims) for root, claims in ordered}, several)


def matches(store: LocalStore, incident: str) -> list[tuple[Candidate, str]]:
    """The computed candidates that name an incident, each with the record on its other side."""
    found = identity.candidates(store, incident)
    return [(c, c.other if c.one == incident else c.one) for c in found]


def is_part_of_matching(node: Node) -> bool:
    """Whether a claim is a computed candidate or a review of one: these stand under a heading of their own."""
    if node.iri_value("mz:claimant") == identity.MATCHER:
        return True
    return "mz:EventIdentity" in node.types and (node.has("cito:confirms") or node.has("cito:disputes"))
