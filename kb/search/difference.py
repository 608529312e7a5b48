"""In what the claims about one incident differ: in figures that cannot both hold, or in whom they allege to have acted.

Nothing is settled by this: it says that there is something to compare. The saved questions
`casualty_ranges_that_disagree` and `attributions_to_different_actors` show the claims themselves, pair by pair.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

from kb.canonical import Node
from kb.ns import MZ, ORG, RDF, SCHEME
from kb.search.reference import Reference

FIGURES, ACTORS = "figures", "actors"
_TYPE, _CLAIMANT, _ACTOR, _JOINT = RDF.type.value, MZ.claimant.value, MZ.allegedActor.value, MZ.jointWith.value
_ESTIMATE, _ATTRIBUTION = MZ.CasualtyEstimate.value, MZ.Attribution.value
_HARM, _CATEGORY, _PART = MZ.harm.value, MZ.victimCategory.value, MZ.subsetOf.value
_AGE, _SEX = MZ.victimAge.value, MZ.victimSex.value
_LOW, _HIGH = MZ.minimum.value, MZ.maximum.value
_NOT_STATED = {_AGE: SCHEME + "age-group#not-stated", _SEX: SCHEME + "sex#not-stated"}
_TOTALS = frozenset(SCHEME + "victim-category#" + name for name in ("civilian", "person-unspecified", "all-persons"))
_UNKNOWN = SCHEME + "actor-kind#unknown"


class _Figure(NamedTuple):
    """One range, with who gives it and what it is a range of; only ranges of the same are set side by side.

    A `part`, such as medical staff among the dead, is set beside a part, unless an age or a sex is stated (`split`).
    """

    of: tuple[str, ...]
    part: bool
    split: bool
    claimant: str
    low: int | None
    high: int | None

    def below(self, other: _Figure) -> bool:
        """Whether this and the other cannot both hold, this one being lower."""
        if self.high is None or other.low is None or self.high >= other.low:
            return False
        return self.claimant != other.claimant and self.of == other.of and (self.split or self.part == other.part)


class _Alleged(NamedTuple):
    """One attribution, with those that its claimant states as joint."""

    claim: str
    actor: str
    joint: frozenset[str]


@dataclass(slots=True)
class Differences:
    """The claims about one incident, as far as they can differ."""

    figures: list[_Figure] = field(default_factory=list)
    alleged: list[_Alleged] = field(default_factory=list)

    def take(self, iri: str, node: Node) -> None:
        """Remember a claim."""
        types = node.get(_TYPE, ())
        if _ESTIMATE in types:
            self.figures += _figures(node)
        elif _ATTRIBUTION in types:
            joint = frozenset(_iris(node, _JOINT))
            self.alleged += [_Alleged(iri, actor, joint) for actor in _iris(node, _ACTOR)]

    def told(self, reference: Reference) -> set[str]:
        """In what they differ."""
        found = {FIGURES} if self._figures_differ() else set()
        return found | {ACTORS} if len(self.alleged) > 1 and self._actors_differ(reference) else found

    def _figures_differ(self) -> bool:
        return any(one.below(other) for one in self.figures for other in self.figures)

    def _actors_differ(self, reference: Reference) -> bool:
        known = [a for a in self.alleged if reference.one(a.actor, ORG.classification) != _UNKNOWN]
        return any(
            one.claim != other.claim and other.claim not in one.joint and one.claim not in other.joint
            and one.actor not in reference.chain(other.actor) and other.actor not in reference.chain(one.actor)
            for number, one in enumerate(known) for other in known[number + 1 :]
        )  # fmt: skip


def _figures(node: Node) -> list[_Figure]:
    age, sex = (_one(node, predicate, standard) for predicate, standard in _NOT_STATED.items())
    part, split = _PART in node, _AGE in node or _SEX in node
    low, high = _number(node, _LOW), _number(node, _HIGH)
    return [
        _Figure((harm, "total" if category in _TOTALS else category, age, sex), part, split, claimant, low, high)
        for harm in _iris(node, _HARM) for category in _iris(node, _CATEGORY) for claimant in _iris(node, _CLAIMANT)
    ]  # fmt: skip


def _iris(node: Node, predicate: str) -> list[str]:
    return [v for v in node.get(predicate, ()) if isinstance(v, str)]


def _one(node: Node, predicate: str, otherwise: str) -> str:
    return next(iter(_iris(node, predicate)), otherwise)


def _number(node: Node, predicate: str) -> int | None:
    texts = (v.value for v in node.get(predicate, ()) if not isinstance(v, str))
    return next((int(t) for t in texts if t.isascii() and t.isdigit() and len(t) < 16), None)
