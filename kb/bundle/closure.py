"""Which records a bundle about some incidents holds: the incidents, what they rest on, and the law they name."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from pyoxigraph import NamedNode, Triple

from kb.bundle.facts import D, E, G, M, P
from kb.errors import NotFound, UsageError
from kb.ns import ID, PREFIXES
from kb.record import owner

Lookup = Callable[[str], list[Triple]]
"""Gives the triples of a record, none when there is no such record."""

INCIDENTS = f"{ID}incident/"
RULE = (
    "The incidents asked for; every record that an incident points to; of these: the instrument and the enclosing "
    "provisions of a provision, what a source is derived from and attributed to, the publisher of a data set, the "
    "wider place of a place and the parent of an actor. Whole records, with every claim in them, for and against. "
    "Records reached on the way lead to no further incident. Concepts are in data/rdf/ontology.ttl."
)
# what is followed from records that an incident led to; nothing else pulls more in
_ONWARD = {
    predicate.value
    for predicate in (
        M.ofInstrument, E.is_part_of, P.wasDerivedFrom, P.wasAttributedTo, D.publisher, G.sfWithin,
        NamedNode(PREFIXES["org"] + "subOrganizationOf"),
    )
}  # fmt: skip
_ELSEWHERE = "another incident, which was not asked for"
_MISSING = "named by a record of the bundle, but not in the knowledge base"


@dataclass(frozen=True, slots=True)
class Selection:
    """What goes in: incidents and all records, both sorted; what is pointed to but left out, with the reason."""

    incidents: tuple[str, ...]
    records: tuple[str, ...]
    omitted: dict[str, str] = field(default_factory=dict)


def incident_iri(name: str) -> str:
    """The IRI of an incident given as IRI, as `syria-2015-16/INC-001` or as `incident/syria-2015-16/INC-001`."""
    text = name.strip()
    if "://" in text:
        return owner(text)
    return INCIDENTS + text.removeprefix("incident/").strip("/")


def select(asked: Iterable[str], record: Lookup) -> Selection:
    """The records of a bundle about `asked` (names as `incident_iri` takes them).

    Raises UsageError when nothing is asked for, NotFound for something that is not an incident here.
    """
    incidents = sorted({incident_iri(name) for name in asked})
    if not incidents:
        raise UsageError("No incident is named", "", "Name one or more, such as syria-2015-16/INC-001.")
    held: dict[str, Sequence[Triple]] = {}
    for iri in incidents:
        triples = record(iri) if iri.startswith(INCIDENTS) else []
        if not triples:
            raise NotFound(
                f"There is no incident {iri.removeprefix(INCIDENTS)}", "",
                "Look for it in the list of incidents, or with: mizan search; its id is the end of its address.",
            )  # fmt: skip
        held[iri] = triples
    omitted: dict[str, str] = {}
    waiting = sorted({target for iri in incidents for target in _targets(held[iri], None)})
    while waiting:
        fresh: set[str] = set()
        for iri in waiting:
            if iri in held or iri in omitted:
                continue
            triples = [] if iri.startswith(INCIDENTS) else record(iri)
            if triples:
                held[iri] = triples
                fresh |= _targets(triples, _ONWARD)
            else:
                omitted[iri] = _ELSEWHERE if iri.startswith(INCIDENTS) else _MISSING
        waiting = sorted(fresh)
    return Selection(tuple(incidents), tuple(sorted(held)), dict(sorted(omitted.items())))


def _targets(triples: Iterable[Triple], only: set[str] | None) -> set[str]:
    """The records of this knowledge base that the triples point to, by any property or by those named."""
    return {
        owner(t.object.value)
        for t in triples
        if isinstance(t.object, NamedNode)
        and t.object.value.startswith(ID)
        and (only is None or t.predicate.value in only)
    }
