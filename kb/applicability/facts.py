"""What the law looks at in an incident: its facts as reported, taken from its record."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, fields, replace

from pyoxigraph import Triple

from kb.applicability.law import Law, moment
from kb.ns import GEO, MZ, SEM
from kb.record import subject


@dataclass(frozen=True, slots=True)
class Facts:
    """Facts of one incident; sets of IRIs, empty where nothing is reported. Times are seconds since 1970.

    `conflict` is what the classifications in force at that time and place say.
    """

    earliest: float
    latest: float
    place: frozenset[str] = frozenset()
    conflict: frozenset[str] = frozenset()
    conduct: frozenset[str] = frozenset()
    objects: frozenset[str] = frozenset()
    persons: frozenset[str] = frozenset()
    harms: frozenset[str] = frozenset()
    ages: frozenset[str] = frozenset()
    weapons: frozenset[str] = frozenset()
    actors: frozenset[str] = frozenset()
    control: frozenset[str] = frozenset()
    established: frozenset[str] = frozenset()

    def dimension(self, name: str) -> frozenset[str]:
        """The facts of one of the law's dimensions."""
        found: frozenset[str] = getattr(self, _FIELDS[name])
        return found


_FIELDS = {"Conflict": "conflict", "Conduct": "conduct", "Object": "objects", "Person": "persons",
           "Harm": "harms", "Age": "ages", "Weapon": "weapons"}  # fmt: skip


def to_text(facts: Facts) -> str:
    """Facts as JSON text, the same for the same facts."""
    value = {f.name: getattr(facts, f.name) for f in fields(Facts)}
    plain = {name: sorted(v) if isinstance(v, frozenset) else v for name, v in value.items()}
    return json.dumps({n: v for n, v in plain.items() if v != []}, sort_keys=True, separators=(",", ":"))


def from_text(text: str) -> Facts:
    """Facts from the text that `to_text` gave."""
    value = json.loads(text)
    sets = {name: frozenset(v) for name, v in value.items() if isinstance(v, list)}
    return Facts(value["earliest"], value["latest"], **sets)


class Reader:
    """Takes facts out of records; one reader serves many records under one law."""

    def __init__(self, law: Law) -> None:
        self.law = law
        self._sets = {
            MZ.method.value: "conduct", MZ.objectHit.value: "objects", MZ.weapon.value: "weapons",
            MZ.victimCategory.value: "persons", MZ.harm.value: "harms", MZ.victimAge.value: "ages",
            MZ.allegedActor.value: "actors", GEO.sfWithin.value: "place", MZ.withinPlace.value: "place",
            MZ.areaControlledBy.value: "control", MZ.establishes.value: "established",
            MZ.conflictType.value: "conflict",
        }  # fmt: skip

    def read(self, triples: Iterable[Triple]) -> Facts:
        """The facts in the triples of one incident's record (or of a jurist's case)."""
        found: dict[str, set[str]] = {}
        times = {"earliest": 0.0, "latest": 0.0}
        discredited: set[str] = set()
        sides: set[str] = set()
        alleged: list[tuple[str, str]] = []
        for triple in triples:
            predicate, value = triple.predicate.value, triple.object
            if predicate == SEM.hasEarliestBeginTimeStamp.value:
                times["earliest"] = moment(getattr(value, "value", "")) or 0.0
            elif predicate == SEM.hasLatestEndTimeStamp.value:
                times["latest"] = moment(getattr(value, "value", "")) or 0.0
            elif predicate == MZ.allegedActor.value:
                alleged.append((subject(triple), getattr(value, "value", "")))
            elif predicate == MZ.confidence.value and getattr(value, "value", "").endswith("#assessed-not-credible"):
                discredited.add(subject(triple))
            elif predicate == MZ.side.value:
                sides.add(subject(triple))
            elif predicate in self._sets:
                found.setdefault(self._sets[predicate], set()).add(getattr(value, "value", ""))
        actors = frozenset(actor for node, actor in alleged if node not in discredited | sides)
        sets = {name: frozenset(values) for name, values in found.items()}
        return self._classified(Facts(times["earliest"], times["latest"], actors=actors, **sets))

    def _classified(self, facts: Facts) -> Facts:
        if facts.conflict:
            return facts
        places = frozenset(p for place in facts.place for p in self.law.ancestors(place))
        kinds = {
            c.kind for c in self.law.classifications
            if (not c.places or c.places & places)
            and (c.start is None or facts.earliest >= c.start) and (c.end is None or facts.latest < c.end)
        }  # fmt: skip
        return replace(facts, conflict=frozenset(kinds))


