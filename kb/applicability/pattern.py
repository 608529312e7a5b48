"""Patterns: incidents alike in object, area, alleged actor and stretch of time, grouped by a named query."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from pyoxigraph import Literal, NamedNode, Triple

from kb import document
from kb.canonical import literal
from kb.errors import DoesNotConform
from kb.ns import ID, MZ, RDF, SCHEME, SKOS, XSD
from kb.record import Record, local_name
from kb.store.local import LocalStore

QUERY = "incident_alike"
_INTRO = {"en": "Incidents alike: ", "ar": "حوادث متشابهة: "}
_BETWEEN = {"en": "; ", "ar": "؛ "}


@dataclass(frozen=True, slots=True)
class Likeness:
    """In what the incidents are alike: IRIs and timestamps, empty where anything goes."""

    object: str = ""
    area: str = ""
    actor: str = ""
    start: str = ""
    end: str = ""

    @property
    def parameters(self) -> dict[str, str]:
        """The parameters of the query, as a person would write them."""
        values = {"object": self.object.removeprefix(SCHEME), "area": self.area.removeprefix(ID),
                  "actor": self.actor.removeprefix(ID), "from": self.start, "until": self.end}  # fmt: skip
        return {name: value for name, value in values.items() if value}

    @property
    def text(self) -> str:
        """The query with its parameters on one line, so that the group can be made again."""
        return " ".join([QUERY, *(f"{name}={value}" for name, value in self.parameters.items())])


@dataclass(frozen=True, slots=True)
class Count:
    """What one claimant says of one kind of harm to one category of people over the incidents of a group.

    A range; `maximum` is None where an estimate has no upper end. `incidents` are those that the claimant counts.
    """

    claimant: str
    harm: str
    category: str
    minimum: int
    maximum: int | None
    incidents: int


def record(
    store: LocalStore, likeness: Likeness, incidents: Iterable[str], by: str, number: int, labels: dict[str, list[str]]
) -> Record:
    """The record of a pattern made from snapshot `number`; `labels` name the likeness by language.

    DoesNotConform when fewer than two incidents are alike. A group that stands already as it is keeps its snapshot.
    """
    members = sorted(set(incidents))
    if len(members) < 2:
        raise DoesNotConform(
            f"{len(members) or 'No'} incident is alike in this", "a pattern groups at least two",
            "Name a wider object or area, or a longer time.",
        )  # fmt: skip
    parts = [*likeness.parameters.values(), "by", by.removeprefix(f"{ID}actor/")]
    slug = local_name("-".join(p.rpartition("#")[2].rpartition("/")[2].replace(":", "") for p in parts))
    iri = f"{ID}pattern/{slug}"
    node = NamedNode(iri)
    triples = [
        Triple(node, RDF.type, MZ.Pattern),
        Triple(node, MZ.claimant, NamedNode(by)),
        Triple(node, MZ.query, literal(likeness.text)),
        *(Triple(node, MZ.groups, NamedNode(i)) for i in members),
        *(Triple(node, SKOS.prefLabel, literal(_INTRO[tag] + _BETWEEN[tag].join(words), language=tag))
          for tag, words in sorted(labels.items())),
    ]  # fmt: skip
    before = store.record(iri)
    if {t for t in before if t.predicate not in (MZ.madeFromSnapshot, MZ.inRecord)} == set(triples):
        number = int(next(t.object.value for t in before if t.predicate == MZ.madeFromSnapshot))  # type: ignore[union-attr]
    triples.append(Triple(node, MZ.madeFromSnapshot, literal(str(number), XSD.integer.value)))
    return document.record(iri, triples)


def counts(store: LocalStore, incidents: Iterable[str]) -> list[Count]:
    """What each claimant counts over these incidents, as ranges; never added across claimants.

    Parts of another estimate (children among the killed) are left out, or they would be counted twice.
    """
    found: dict[tuple[str, str, str], dict[str, tuple[int, int | None]]] = {}
    for incident in sorted(set(incidents)):
        for node in store.subjects(MZ.about, NamedNode(incident)):
            if MZ.CasualtyEstimate in store.objects(node, RDF.type) and not store.objects(node, MZ.subsetOf):
                claimant, harm, category = (_one(store, node, p) for p in (MZ.claimant, MZ.harm, MZ.victimCategory))
                of_incident = found.setdefault((claimant, harm, category), {})
                of_incident[incident] = _widen(of_incident.get(incident), _range(store, node))
    return [_count(key, list(ranges.values())) for key, ranges in sorted(found.items())]


def _range(store: LocalStore, node: NamedNode) -> tuple[int, int | None]:
    top = _one(store, node, MZ.maximum)
    return int(_one(store, node, MZ.minimum) or 0), int(top) if top else None


def _widen(held: tuple[int, int | None] | None, new: tuple[int, int | None]) -> tuple[int, int | None]:
    if held is None:
        return new
    top = None if held[1] is None or new[1] is None else max(held[1], new[1])
    return min(held[0], new[0]), top


def _count(key: tuple[str, str, str], ranges: list[tuple[int, int | None]]) -> Count:
    tops = [top for _, top in ranges if top is not None]
    return Count(*key, sum(low for low, _ in ranges), sum(tops) if len(tops) == len(ranges) else None, len(ranges))


def _one(store: LocalStore, node: NamedNode, predicate: NamedNode) -> str:
    values = [v.value for v in store.objects(node, predicate) if isinstance(v, NamedNode | Literal)]
    return min(values, default="")
