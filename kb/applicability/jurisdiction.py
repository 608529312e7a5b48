"""Which court could hear an offence alleged in an incident: kept apart from whether the law applies at all."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from kb.applicability.facts import Facts
from kb.applicability.law import Law, Membership


class Ground(Enum):
    """A way to the jurisdiction of a court set up by a treaty."""

    TERRITORY = "territory"
    NATIONALITY = "nationality"
    REFERRAL = "referral"
    DECLARATION = "declaration"


@dataclass(frozen=True, slots=True)
class Avenue:
    """One ground: open, closed, or unknown; `states` and `law` are what the answer rests on."""

    ground: Ground
    answer: str
    states: tuple[str, ...] = ()
    law: tuple[str, ...] = ()


def avenues(law: Law, statute: str, facts: Facts) -> tuple[Avenue, ...]:
    """The grounds of jurisdiction of the court of `statute` (an instrument's IRI) over what happened.

    Computed from participation and dates alone; what no record says (a referral, a declaration) is unknown unless a
    draft that would have referred the matter is recorded as vetoed.
    """
    reached = {p for place in facts.place for p in law.ancestors(place)}
    sovereigns = {law.sovereigns[p] for p in reached if p in law.sovereigns}
    nationals = {s for actor in facts.actors for s in law.ancestors(actor) & law.states}
    members = law.memberships.get(statute, ())
    return (
        _by_party(Ground.TERRITORY, members, sovereigns, facts),
        _by_party(Ground.NATIONALITY, members, nationals, facts),
        _referral(law, statute, reached),
        Avenue(Ground.DECLARATION, "unknown", tuple(sorted(sovereigns | nationals))),
    )


def _by_party(ground: Ground, members: tuple[Membership, ...], states: set[str], facts: Facts) -> Avenue:
    if not states:
        return Avenue(ground, "unknown")
    recorded = {m.state for m in members}
    bound = {
        m.state for m in members
        if m.state in states and m.start is not None and m.start <= facts.earliest
        and (m.end is None or facts.latest < m.end)
    }  # fmt: skip
    if bound:
        return Avenue(ground, "open", tuple(sorted(bound)))
    return Avenue(ground, "closed" if states <= recorded else "unknown", tuple(sorted(states)))


def _referral(law: Law, statute: str, reached: set[str]) -> Avenue:
    """A referral in force opens the way; where one was vetoed and none followed, the way is recorded as closed."""
    concerning = [r for r in law.referrals if r.statute == statute and r.places & reached]
    adopted = tuple(r.instrument for r in concerning if not r.vetoed_by)
    if adopted:
        return Avenue(Ground.REFERRAL, "open", law=adopted)
    vetoes = tuple(sorted(state for r in concerning for state in r.vetoed_by))
    return Avenue(Ground.REFERRAL, "closed" if vetoes else "unknown", vetoes, tuple(r.instrument for r in concerning))
