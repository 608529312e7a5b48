"""The evidence behind the claims on a page: each source cited, what is kept of it, and how it was come by."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from pyoxigraph import NamedNode

from kb import origin
from kb.ns import PROV
from kb.store.local import LocalStore
from web.reading import Node, Reader

_GRAPHIC = frozenset(("video", "photograph-caption"))  # kinds of sources that may show people who were hurt
_MEDIA = ("image/", "video/", "audio/")
_MOST = 50  # sources made from one that are looked at
_CUSTODY = ("mz:acquiredAt", "mz:acquiredBy", "mz:acquisitionMethod")


@dataclass(frozen=True, slots=True)
class Exhibit:
    """One source, the claims that rest on it, and the evidence items that are kept of it: itself, or made from it."""

    source: Node
    claims: tuple[str, ...]
    kept: tuple[Node, ...]


def exhibits(store: LocalStore, reader: Reader, incident: str) -> list[Exhibit]:
    """The sources that claims about an incident cite, most cited first."""
    behind: dict[str, list[str]] = {}
    for claim, cited in origin.cited(store, incident).items():
        for work in sorted({work for source in cited for work in origin.works(store, source)}):
            behind.setdefault(work, []).append(claim)
    ordered = sorted(behind.items(), key=lambda pair: (-len(pair[1]), pair[0]))
    return [Exhibit(reader.peek(iri), tuple(claims), _kept(store, reader, iri)) for iri, claims in ordered]


def _kept(store: LocalStore, reader: Reader, iri: str) -> tuple[Node, ...]:
    """The items with a digest or a note of custody among a source, what it derives from, and what derives from it."""
    node = NamedNode(iri)
    near = {iri, *(v.value for v in store.objects(node, PROV.wasDerivedFrom))}
    near |= {n.value for n in store.subjects(PROV.wasDerivedFrom, node, _MOST)}
    found = [reader.peek(one) for one in sorted(near)]
    return tuple(one for one in found if one.has("spdx:checksum") or any(one.has(name) for name in _CUSTODY))


def digests(reader: Reader, item: Node) -> list[tuple[str, str]]:
    """The digests recorded for an evidence item: the algorithm's name and the value."""
    sums: Iterable[Node] = (reader.peek(iri) for iri in item.iris("spdx:checksum"))
    return sorted(
        (one.iri_value("spdx:algorithm").rpartition("_")[2].upper(), str(one.text("spdx:checksumValue") or ""))
        for one in sums
    )


def graphic(node: Node) -> bool:
    """Whether what a source leads to may show people who were hurt: it is a picture or a recording."""
    media_type = str(node.text("dcterms:format") or "").lower()
    return node.concept("mz:sourceKind") in _GRAPHIC or media_type.startswith(_MEDIA)
