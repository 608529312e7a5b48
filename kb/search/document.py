"""From the triples of a record to its document in the index."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from kb.canonical import Node, Nodes, Text
from kb.ns import DCTERMS, GEO, MZ, OA, RDF, SCHEME, SEM, SKOS
from kb.record import owner
from kb.search.difference import Differences
from kb.search.reference import TAKEN, Reference
from kb.search.schema import FACETS, kind_of, step
from kb.search.text import read, title_key

_KILLED, _ATTRIBUTION, _SIDE = SCHEME + "harm#killed", MZ.Attribution.value, MZ.WarringParty.value
_P = {
    name: term.value
    for name, term in {
        "label": SKOS.prefLabel, "also": SKOS.altLabel, "code": SKOS.notation, "identifier": DCTERMS.identifier,
        "first": SEM.hasEarliestBeginTimeStamp, "last": SEM.hasLatestEndTimeStamp, "dataset": MZ.inDataset,
        "about": MZ.about, "claimant": MZ.claimant, "within": GEO.sfWithin, "geometry": GEO.hasGeometry,
        "wkt": GEO.asWKT, "place": MZ.place, "conflict": MZ.partOfConflict, "method": MZ.method,
        "object": MZ.objectHit, "weapon": MZ.weapon, "harm": MZ.harm, "victim": MZ.victimCategory,
        "actor": MZ.allegedActor, "confidence": MZ.confidence, "position": MZ.position, "grade": MZ.evidenceGrade,
        "invokes": MZ.invokes, "status": MZ.mappingStatus, "rests": MZ.restsOn, "low": MZ.minimum, "best": MZ.best,
        "high": MZ.maximum, "part": MZ.subsetOf, "type": RDF.type, "doubt": MZ.dateNote,
    }.items()
}  # fmt: skip
_ABOUT = MZ.about.value
_IDENTITY = MZ.EventIdentity.value
_PROFILE = FACETS["applicability"].field
_CLAIMED = {_P[name]: name for name in ("method", "object", "weapon", "position")}  # what any claim may say as well
_NAMED = frozenset(("object", "method", "weapon", "actor", "party"))  # facets whose things are found by their names
_POINT = re.compile(r"POINT ?\((-?\d{1,3}(?:\.\d+)?) (-?\d{1,2}(?:\.\d+)?)\)")
TIES = 30  # bits of a key that keep apart what has the same moment or segment


def targets(iri: str, nodes: Nodes) -> set[str]:
    """The incidents, other than itself, that a record makes claims about."""
    told = [n for n in nodes.values() if _ABOUT in n and not _only_identity(n)]
    found = {v for node in told for v in node[_ABOUT] if isinstance(v, str)}
    return {target for target in map(owner, found) if target != iri and kind_of(target) == "incident"}


def _only_identity(node: Node) -> bool:
    """Whether a claim says that two records tell of one event, or do not: it says nothing of the event itself."""
    return _IDENTITY in node.get(_P["type"], ())


def fingerprint(iri: str) -> int:
    """A number of `TIES` bits for an IRI."""
    return int.from_bytes(hashlib.sha256(iri.encode()).digest()[:8]) >> (64 - TIES)


def taken(nodes: Nodes) -> str:
    """A digest of what incidents take from a reference record: names, and what lies around."""
    parts = sorted((n, p, str(v)) for n, node in nodes.items() for p in TAKEN & node.keys() for v in node[p])
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:16] if parts else ""


def fields(iri: str, nodes: Nodes, reference: Reference, segment: int, profile: str = "") -> dict[str, Any]:
    """The fields, by name, of the document of a record that was last changed in `segment`.

    `profile` is that of an incident, which is looked up where it is not given; `nodes` get what others claim of it.
    """
    kind = kind_of(iri)
    others = reference.claims(iri, nodes) if kind == "incident" else frozenset()
    main = nodes.get(iri, {})
    labels = {(v.language or "en"): v.value for v in _literals(main, "label")}
    english, arabic = labels.get("en", ""), labels.get("ar", "")
    begins = _text(main, "first")
    titles = [iri.rpartition("/")[2], *_all_texts(main, "label", "also", "code", "identifier")]
    texts = _texts(nodes, kind)
    title_words, text_words = [read(t) for t in titles], [read(t) for t in sorted(texts)]
    shown = {"en": english, "ar": arabic, "date": begins, "own": ""}
    names: set[str] = set().union(*(forms for _, forms in (*title_words, *text_words)))
    values: dict[str, Any] = {}
    if kind == "incident":
        facts = Facts(iri, nodes, reference).read()
        names |= reference.words(facts.named)
        found = profile or reference.profile(iri)
        values = facts.fields() | {"from": sorted(others), _PROFILE: [found] if found else []}
        segment = max([segment, *(reference.segment(other, 0) for other in others)])
    else:
        shown["own"] = taken(nodes)
        values = {"f_dataset": [FACETS["dataset"].code(v) for v in _links(main, "dataset")]}
    tie = fingerprint(iri)
    any_label = next(iter(labels.values()), "")
    keys = {label: title_key(label) for label in labels.values()} | {"": ""}
    title = {"en": keys[english or any_label], "ar": keys[arabic or any_label]}
    return {
        "iri": iri,
        "kind": kind,
        "shown": json.dumps(shown, ensure_ascii=False).encode(),
        "title": " ".join(w for tokens, _ in title_words for w in tokens),
        "text": " ".join(w for tokens, _ in text_words for w in tokens),
        "names": " ".join(sorted(names)),
        "by_date": moment(begins) << TIES | tie,
        "by_change": segment << TIES | tie,
        "by_title_en": f"{title['en']}_{tie:08x}",
        "by_title_ar": f"{title['ar']}_{tie:08x}",
        **values,
    }


def moment(timestamp: str) -> int:
    """The minutes that a timestamp lies after the beginning of year 1 where it was written; 0 for what is none."""
    found = day_number(timestamp)
    clock = re.match(r"T(\d\d):(\d\d)", timestamp[10:16])
    return found * 1440 + (int(clock[1]) * 60 + int(clock[2]) if clock else 0)


def day_number(timestamp: str) -> int:
    """The days of a timestamp since the beginning of year 1, as written and without turning the zone; 0 for none."""
    try:
        return date.fromisoformat(timestamp[:10]).toordinal()
    except ValueError:
        return 0


@dataclass(slots=True)
class Facts:
    """What is reported of one incident, as facets, ranges and things named."""

    iri: str
    nodes: Nodes
    reference: Reference
    facets: dict[str, set[str]] = field(default_factory=dict)
    named: set[str] = field(default_factory=set)
    killed: set[int] = field(default_factory=set)
    sources: set[str] = field(default_factory=set)
    differences: Differences = field(default_factory=Differences)
    claims: int = 0

    def read(self) -> Facts:
        """Go through the incident, its places and the claims about it."""
        main = self.nodes.get(self.iri, {})
        for name in ("conflict", "dataset", "grade", "method", "object", "weapon"):
            self._put(name, main)
        for place in _links(main, "place"):
            self._place(place)
        for iri, node in self.nodes.items():
            if node.get(_P["claimant"]) and self.iri in _links(node, "about"):
                self._claim(node)
                self.differences.take(iri, node)
        derivations = self.reference.derivations
        self.facets["claims"] = {step(self.claims)}
        self.facets["sources"] = {step(len(derivations.origins(self.sources)))}
        every = (source for cited in self.sources for source in derivations.reached(cited))
        self.facets["source"] = set(map(FACETS["source"].code, every))
        self.facets["differ"] = self.differences.told(self.reference)
        if _P["doubt"] in main:
            self.facets["differ"].add("dates")
        return self

    def fields(self) -> dict[str, Any]:
        """The fields of the document."""
        main = self.nodes.get(self.iri, {})
        first = day_number(_text(main, "first"))
        values: dict[str, Any] = {FACETS[name].field: sorted(codes) for name, codes in self.facets.items()}
        values |= {"first_day": first, "last_day": day_number(_text(main, "last")) or first}
        values["killed"] = sorted(self.killed)
        point = self._point(main)
        if point:
            values["latitude"], values["longitude"] = point
        return values

    def _put(self, name: str, node: Node, as_facet: str = "") -> None:
        facet = as_facet or name
        for value in _links(node, name):
            self.facets.setdefault(facet, set()).update(self._codes(facet, value))
            if facet in _NAMED:
                self.named.add(value)

    def _codes(self, facet: str, value: str) -> tuple[str, ...]:
        """The codes, of one facet, of a value and of all that lies around it or is broader."""
        return self.reference.remember((facet, value), lambda: map(FACETS[facet].code, self.reference.chain(value)))

    def _place(self, iri: str) -> None:
        reported = self.nodes.get(iri)
        inside = _links(reported, "within") if reported is not None else [iri]
        for place in inside:
            self.facets.setdefault("place", set()).update(self._codes("place", place))
            self.named.add(place)

    def _claim(self, node: Node) -> None:
        self.claims += 1
        self.sources.update(map(self._source, _links(node, "rests")))
        for predicate in _CLAIMED.keys() & node.keys():
            self._put(_CLAIMED[predicate], node)
        types = _links(node, "type")
        if _ATTRIBUTION in types:
            self._put("actor", node)
            self._put("confidence", node)
        elif _SIDE in types:  # a side of the fighting is not thereby alleged to have done it
            self._put("actor", node, "party")
        if _P["harm"] in node and not _reports_none(node):
            self._put("harm", node)
            self._put("victim", node)
        if _P["part"] not in node and _KILLED in _links(node, "harm"):
            self.killed.update(_numbers(node)[:1])
        self._law(node)

    def _law(self, node: Node) -> None:
        if _P["status"] not in node:
            return
        statuses = [FACETS["status"].code(v) for v in _links(node, "status")]
        invoked = _links(node, "invokes") if statuses else []
        for iri in invoked:
            instrument = iri if kind_of(iri) == "instrument" else self.reference.instrument(iri)
            chains = {"instrument": (instrument,), "provision": self.reference.chain(iri)}
            for name, chain in chains.items():
                codes = [FACETS[name].code(i) for i in chain if kind_of(i) == name]
                marked = [f"{code}:{status}" for code in codes for status in statuses]
                self.facets.setdefault(name, set()).update(codes, marked)
        if statuses:
            self.facets.setdefault("status", set()).update(statuses)

    def _source(self, evidence: str) -> str:
        """What something rests on: the source itself, or the work that this record says a place in it is of."""
        own = [v for v in self.nodes.get(evidence, {}).get(OA.hasSource.value, []) if isinstance(v, str)]
        return own[0] if own else evidence

    def _point(self, main: Node) -> tuple[float, float] | None:
        for place in _links(main, "place"):
            for geometry in _links(self.nodes.get(place, {}), "geometry"):
                found = _POINT.fullmatch(_text(self.nodes.get(geometry, {}), "wkt"))
                if found and abs(float(found[1])) <= 180 and abs(float(found[2])) <= 90:
                    return float(found[2]), float(found[1])
        return None


def _links(node: Node | None, name: str) -> list[str]:
    values = node.get(_P[name]) if node else None
    return [v for v in values if isinstance(v, str)] if values else []


def _literals(node: Node, name: str) -> list[Text]:
    values = node.get(_P[name])
    return [v for v in values if not isinstance(v, str)] if values else []


def _text(node: Node, name: str) -> str:
    return min((v.value for v in _literals(node, name)), default="")


def _all_texts(node: Node, *names: str) -> list[str]:
    return [v.value for name in names for v in _literals(node, name)]


def _texts(nodes: Nodes, kind: str) -> set[str]:
    """What is read as text: of an incident, what is written in words and not timestamps and numbers."""
    every = kind != "incident"
    return {
        v.value for node in nodes.values() for values in node.values() for v in values
        if v.__class__ is Text and (every or not v.datatype)
    }  # fmt: skip


def _numbers(node: Node) -> list[int]:
    """The numbers of a claim about harm, lower ones first: minimum, best, maximum as far as given."""
    texts = _all_texts(node, "low", "best", "high")
    return [int(t) for t in texts if t.isascii() and t.isdigit() and len(t) < 16]


def _reports_none(node: Node) -> bool:
    """Whether a claim says that nobody was harmed in this way, which is no report of harm."""
    numbers = _numbers(node)
    return bool(numbers) and max(numbers) == 0
