"""Evidence bundles: records of a snapshot as a folder that people read, machines load, and anybody can check."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from kb import __version__, canonical
from kb.bundle import bag, dataset, dossier, request, tables
from kb.bundle.bag import BundleExists
from kb.bundle.closure import Selection, incident_iri, select
from kb.bundle.facts import LANGUAGES, Facts, terms, visible
from kb.bundle.request import BundleRequest
from kb.bundle.wording import render
from kb.ns import DCTERMS
from kb.storage import plain_errors

__all__ = ["Bundle", "BundleExists", "BundleRequest", "Selection", "create", "incident_iri", "select"]


@dataclass(frozen=True, slots=True)
class Bundle:
    """A bundle on disk: its folder, its root (64 hex digits), how many files and bytes it has in all."""

    path: Path
    root: str
    files: int
    bytes: int


def create(asked: BundleRequest, out: Path) -> Bundle:
    """Make the bundle as a new folder inside `out`, named by the first 16 digits of its root.

    The same request gives the same bytes anywhere. Raises the errors of `request.check` before anything is written,
    BundleExists when the folder is there already, StorageFailed when the disk refuses; then nothing is left behind.
    """
    request.check(asked)
    with plain_errors(out), bag.unfinished(out) as folder:
        new = bag.Bag(folder, asked.moment)
        lines = dataset.nquads(asked)
        rdf_sha256 = new.add("data/rdf/dataset.nq", (line.encode() for line in lines)).sha256
        for name, chunks in _contents(asked, lines, rdf_sha256):
            new.add(name, chunks)
        root = new.close(_info(asked, rdf_sha256))
        target = out / root[:16]
        bag.publish(folder, target)
        items = new.items()
        return Bundle(target, root, len(items), sum(item.size for item in items))


def _contents(asked: BundleRequest, lines: list[str], rdf_sha256: str) -> Iterator[tuple[str, Iterable[bytes]]]:
    """Name and bytes of every file but the data set and what the bag itself adds."""
    facts = Facts((t for e in asked.records.values() for t in canonical.parse_ntriples(e.triples)), under=terms())
    quads = dataset.quads(lines)
    yield "data/rdf/dataset.trig", [dataset.trig(quads)]
    yield "data/rdf/dataset.jsonld", [dataset.jsonld(quads)]
    yield "data/rdf/ontology.ttl", dataset.ontology()
    yield "data/rdf/shapes.ttl", dataset.shapes()
    for language in LANGUAGES:
        yield f"data/dossier.{language}.html", [dossier.page(asked, facts, language, rdf_sha256)]
    for name, table in tables.TABLES.items():
        yield f"data/tables/{name}.csv", table(facts)
    yield "data/request/selection.json", [request.selection(asked, __version__)]
    incidents = [
        tuple(visible(text).replace("\n", " ") for text in (
            facts.first(iri, DCTERMS.identifier) or iri, *(facts.label(iri, tag).value for tag in LANGUAGES)
        ))
        for iri in sorted(asked.asked)
    ]  # fmt: skip
    yield "START-HERE.txt", [render("START-HERE.txt", incidents=incidents, request=asked)]
    for language in LANGUAGES:
        yield f"VERIFY.{language}.txt", [render(f"VERIFY.{language}.txt")]


def _info(asked: BundleRequest, rdf_sha256: str) -> list[tuple[str, str]]:
    """The fields of bag-info.txt, but for the Payload-Oxum that the bag counts itself."""
    return [
        ("Source-Organization", "Mizan"),
        ("Bagging-Date", asked.date),
        ("Bag-Software-Agent", f"mizan-kb {__version__}"),
        *(("External-Identifier", iri) for iri in sorted(asked.asked)),
        ("Mizan-Snapshot", str(asked.snapshot)),
        ("Mizan-Ledger-Head", asked.ledger.sha256),
        ("Mizan-Tier", "PUBLIC"),
        ("RDF-SHA256", rdf_sha256),
    ]
