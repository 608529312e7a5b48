"""What the law looks at in an incident: its facts as reported, taken from its record and from claims about it."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, fields
from math import inf

from pyoxigraph import NamedNode, Triple

from kb.applicability.law import BOTH, BOTH_KINDS, Law, moment
from kb.canonical import Nodes, Text, plain
from kb.ns import GEO, MZ, SCHEME, SEM
from kb.record import owner
from kb.store.local import LocalStore


@dataclass(frozen=True, slots=True)
class Facts:
    """Facts of one incident; sets of IRIs, empty where nothing is reported. Times are seconds since 1970, or infinite.

    `conflict` is what the classifications in force at that time and place say, `stated` what claims about this one
    incident say of it.
    """

    earliest: float = -inf
    latest: float = inf
    place: frozenset[str] = frozenset()
    conflict: frozenset[str] = frozenset()
    stated: frozenset[str] = frozenset()
    established: frozenset[str] = frozenset()
    conduct: frozenset[str] = frozenset()
    objects: frozenset[str] = frozenset()
    persons: frozenset[str] = frozenset()
    harms: frozenset[str] = frozenset()
    ages: frozenset[str] = frozenset()
    weapons: frozenset[str] = frozenset()
    actors: frozenset[str] = frozenset()
    control: frozenset[str] = frozenset()

    def dimension(self, name: str) -> frozenset[str]:
        """The facts of one of the law's dimensions."""
        found: frozenset[str] = getattr(self, FIELDS[name])
        return found

    @property
    def sets(self) -> tuple[frozenset[str], ...]:
        """All facts but the times."""
        return (
            self.place, self.conflict, self.stated, self.established, self.conduct, self.objects, self.persons,
            self.harms, self.ages, self.weapons, self.actors, self.control,
        )  # fmt: skip


FIELDS = {"Conflict": "conflict", "Conduct": "conduct", "Object": "objects", "Person": "persons",
           "Harm": "harms", "Age": "ages", "Weapon": "weapons"}  # fmt: skip
"""The field that holds the facts of each of the law's dimensions."""


def to_text(facts: Facts) -> str:
    """Facts as JSON text, the same for the same facts; what is not known is left out."""
    value = {f.name: getattr(facts, f.name) for f in fields(Facts)}
    plain = {name: sorted(v) if isinstance(v, frozenset) else v for name, v in value.items()}
    known = {name: v for name, v in plain.items() if v not in ([], inf, -inf)}
    return json.dumps(known, sort_keys=True, separators=(",", ":"))


def from_text(text: str) -> Facts:
    """Facts from the text that `to_text` gave."""
    value = json.loads(text)
    sets = {name: frozenset(v) for name, v in value.items() if isinstance(v, list)}
    return Facts(value.get("earliest", -inf), value.get("latest", inf), **sets)


def reported(store: LocalStore, incident: str) -> list[Triple]:
    """What is recorded of an incident: its record, and every claim about it that stands in another record."""
    triples = store.record(incident)
    for node in store.subjects(MZ.about, NamedNode(incident)):
        if owner(node.value) != incident:
            triples += store.node(node)
    return triples


class Reader:
    """Takes facts out of records; one reader serves many records under one law."""

    def __init__(self, law: Law) -> None:
        self.law = law

    def read(self, triples: Iterable[Triple]) -> Facts:
        """The facts in the triples of one incident's record (or of a jurist's case).

        An attribution assessed as not credible, a side of the fighting and an estimate of nobody are no facts; nor is
        a precondition that anybody assesses as not met or contested.
        """
        return self.tell(plain(triples))

    def tell(self, nodes: Nodes) -> Facts:
        """The same of plain values."""
        found: dict[str, set[str]] = {}
        of_nodes: list[tuple[str, str, str]] = []
        numbers: dict[str, bool] = {}
        discredited: set[str] = set()
        denied: set[str] = set()
        earliest, latest = -inf, inf
        for subject, slot, held in _told(nodes):
            values = [value if isinstance(value, str) else value.value for value in held]
            if slot in _SETS:
                found.setdefault(slot, set()).update(values)
            elif slot in _OF_NODES:
                of_nodes += [(slot, subject, value) for value in values]
            elif slot == "earliest":
                earliest = moment(values[-1]) or earliest
            elif slot == "latest":
                latest = moment(values[-1]) or latest
            elif slot == "number":
                numbers[subject] = numbers.get(subject, False) or any(value != "0" for value in values)
            elif slot == "side" or _NOT_CREDIBLE in values:
                discredited.add(subject)
            elif not _DENIALS.isdisjoint(values):
                denied.add(subject)
        return self._facts(earliest, latest, found, of_nodes, (numbers, discredited, denied))

    def _facts(
        self, earliest: float, latest: float, found: dict[str, set[str]], of_nodes: list[tuple[str, str, str]],
        marks: tuple[dict[str, bool], set[str], set[str]],
    ) -> Facts:  # fmt: skip
        numbers, discredited, denied = marks
        refuted: set[str] = set()
        for slot, node, value in of_nodes:
            if slot == "assessed":
                if node in denied:
                    refuted.add(value)
            elif node not in discredited and numbers.get(node, True):
                found.setdefault(slot, set()).add(value)
        sets = [frozenset(found[name]) if name in found else _NONE for name in _ORDER]
        place, stated, established, *others = sets
        if BOTH in stated:
            stated = stated - {BOTH} | set(BOTH_KINDS)
        conflict = stated | self.law.kinds(place, earliest, latest)
        return Facts(earliest, latest, place, conflict, stated, established - refuted, *others)


def _told(nodes: Nodes) -> list[tuple[str, str, list[str | Text]]]:
    """What the law looks at: node, slot and values."""
    return [
        (subject, _SLOTS[predicate], node[predicate]) for subject, node in nodes.items() for predicate in node
        if predicate in _SLOTS
    ]  # fmt: skip


_NONE: frozenset[str] = frozenset()
_ORDER = ("place", "stated", "established", "conduct", "objects", "persons", "harms", "ages", "weapons", "actors",
          "control")  # fmt: skip
_SETS = frozenset(("place", "stated", "conduct", "objects", "weapons", "control", "established"))
_OF_NODES = frozenset(("persons", "harms", "ages", "actors", "assessed"))
_SLOTS = {
    MZ.method.value: "conduct", MZ.objectHit.value: "objects", MZ.weapon.value: "weapons",
    MZ.victimCategory.value: "persons", MZ.harm.value: "harms", MZ.victimAge.value: "ages",
    MZ.allegedActor.value: "actors", GEO.sfWithin.value: "place", MZ.withinPlace.value: "place",
    MZ.areaControlledBy.value: "control", MZ.establishes.value: "established", MZ.conflictType.value: "stated",
    SEM.hasEarliestBeginTimeStamp.value: "earliest", SEM.hasLatestEndTimeStamp.value: "latest",
    MZ.minimum.value: "number", MZ.best.value: "number", MZ.maximum.value: "number",
    MZ.confidence.value: "confidence", MZ.side.value: "side",
    MZ.assesses.value: "assessed", MZ.assessmentValue.value: "value",
}  # fmt: skip
_NOT_CREDIBLE = f"{SCHEME}confidence#assessed-not-credible"
_DENIALS = frozenset(f"{SCHEME}assessment-value#{name}" for name in ("not-satisfied", "contested"))
