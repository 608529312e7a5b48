"""What lists, counts and searches cost as the index grows.

As a part of the benchmarks it asks the knowledge base that all share. `python -m tests.bench.searching [SIZE …]` runs
alone, up to a million in minutes. There real records are indexed as the writer does it, beside the same counts by
SPARQL. Larger indexes are of documents drawn from the values of real ones: place, date, method and sides as UCDP has
them, and for every second incident objects, actors and law as the curated case has them, so that no facet is empty.
"""

from __future__ import annotations

import gc
import json
import os
import random
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import tantivy
from pyoxigraph import NamedNode, Triple

from kb import document as rdf
from kb import vocabulary
from kb.canonical import plain
from kb.ingest import mapping, tabular
from kb.ingest.known import finder
from kb.knowledgebase import KnowledgeBase
from kb.ns import ID, MZ
from kb.search import FACETS, Filters, Listing, SearchIndex
from kb.search.document import TIES, fields, fingerprint
from kb.search.reference import Reference
from kb.search.schema import build
from kb.store.base import Limits
from kb.store.local import LocalStore
from tests.bench import source
from tests.bench.figure import median_ms, say
from tests.bench.source import UCDP
from web.app import create_app

SIZES = (10_000, 100_000, 1_000_000)
FIVE = ("place", "object", "method", "actor", "instrument")
TEXTS = (
    "hospital Aleppo", "مستشفى حلب", "Deir ez-Zor", "المدرسة", "air strike", "منبج", "Manbij", "قصف", "market Idlib",
    "8(2)(e)(iv)", "INC-021", "مُسْتَشْفَى القُدْس", "al-Quds", "Médecins", "no-such-word",
)  # fmt: skip
OWN = {"iri", "kind", "shown", "title", "by_date", "by_change", "by_title_en", "by_title_ar"}
CASE = ("f_object", "f_weapon", "f_actor", "f_instrument", "f_provision", "f_status", "f_confidence", "f_position")
PAGES = {
    "unfiltered, again": "/en/incidents",
    "one place": "/en/incidents?place=SY07",
    "Arabic, a place and two objects": "/ar/incidents?place=SY02&object=hospital&object=school",
    "words": "/en/incidents?q=hospital",
}
SPARQL = {
    "place": "?i mz:place/geo:sfWithin+ ?v",
    "object": "{ ?i mz:objectHit/skos:broader* ?v } UNION { ?c mz:about ?i ; mz:objectHit/skos:broader* ?v }",
    "method": "{ ?i mz:method/skos:broader* ?v } UNION { ?c mz:about ?i ; mz:method/skos:broader* ?v }",
    "actor": "?c mz:about ?i ; a mz:Attribution ; mz:allegedActor/org:subOrganizationOf* ?v",
    "instrument": "?c mz:about ?i ; mz:mappingStatus ?s ; mz:invokes ?p . OPTIONAL { ?p mz:ofInstrument ?of } "
    "BIND (COALESCE(?of, ?p) AS ?v)",
}
PREFIXES = """PREFIX mz: <https://w3id.org/mizan/ontology#>
PREFIX skos: <http://www.w3.org/2004/02/skos/core#>
PREFIX geo: <http://www.opengis.net/ont/geosparql#>
PREFIX org: <http://www.w3.org/ns/org#>
"""
Records = dict[str, list[Triple]]


def peak() -> str:
    """The most memory this process has held, in MiB."""
    text = Path("/proc/self/status").read_text(encoding="ascii")
    return f"{int(next(line.split()[1] for line in text.splitlines() if line.startswith('VmHWM'))) // 1024:,} MiB"


def medians(run: Callable[[], object], times: int = 15) -> tuple[float, float]:
    """Median milliseconds by the clock and of processor time; they part where the machine has other work to do."""
    run()
    clock, processor = [], []
    for _ in range(times):
        start, used = time.perf_counter(), time.process_time()
        run()
        clock.append((time.perf_counter() - start) * 1000)
        processor.append((time.process_time() - used) * 1000)
    return statistics.median(clock), statistics.median(processor)


def real(base: KnowledgeBase) -> tuple[Records, Records]:
    """The records of the base, and the incidents of UCDP with what comes along."""
    at = base.snapshot()
    homes = [t.object.value for t in at.store.triples(MZ.describes) if isinstance(t.object, NamedNode)]
    plan = mapping.load("ucdp-ged")
    rows = tabular.read(UCDP, plan, finder(at.store)).records
    return {iri: at.record(iri) for iri in sorted(homes)}, {r.iri: list(r.triples) for r in [*plan.reference, *rows]}


def copied(iri: str, triples: list[Triple], number: int) -> tuple[str, list[Triple]]:
    """An incident once more, under another name."""
    new = f"{iri}-{number}"

    def moved(node: Any) -> Any:
        own = isinstance(node, NamedNode) and node.value.partition("#")[0] == iri
        return NamedNode(new + node.value[len(iri) :]) if own else node

    return new, [Triple(moved(t.subject), t.predicate, moved(t.object)) for t in triples]


def beside_sparql(known: Records, rows: Records, folder: Path) -> None:
    """Ten thousand real incidents, indexed from their triples, and five facets counted here and by SPARQL."""
    store, records = LocalStore.in_memory(), {**known, **rows}
    incidents = [iri for iri in rows if "/incident/" in iri]
    for number in range(10_000 - len(incidents)):
        iri = incidents[number % len(incidents)]
        records.update([copied(iri, rows[iri], number // len(incidents) + 2)])
    for triples in records.values():
        store.add(triples)
    index = SearchIndex(folder, store)
    start = time.perf_counter()
    index.update(((iri, plain(store.record(iri))) for iri in records), 1)
    took = time.perf_counter() - start
    rate = f"{len(records):,} in {took:.1f} s, {len(records) / took:,.0f}/s"
    say("real records read from the store and indexed", rate)
    compared(Listing(index), store)


def compared(listing: Listing, store: LocalStore) -> None:
    """Five facets, unfiltered and narrowed, counted by the index and by SPARQL, with the same values."""
    total = listing.total(Filters())
    for narrowed, filters, where in (
        ("all", Filters(), ""),
        ("narrowed", Filters(facets={"place": ("SY02",)}), f"?i mz:place/geo:sfWithin+ <{ID}place/SY02> ."),
    ):
        names = [n for n in FIVE if n not in filters.facets]
        ours, _ = median_ms(lambda f=filters, n=names: listing.counts(f, n), 20)  # type: ignore[misc]
        counts = listing.counts(filters, names)
        start = time.perf_counter()
        for name in names:
            query = f"SELECT ?v (COUNT(DISTINCT ?i) AS ?n) {{ ?i a mz:Incident . {where} {SPARQL[name]} }} GROUP BY ?v"
            rows_ = json.loads(store.ask(PREFIXES + query, "SELECT", "json", Limits()).body)["results"]["bindings"]
            assert len(rows_) == len([c for c, _ in counts[name] if ":" not in c]), name
        peer = (time.perf_counter() - start) * 1000
        say(f"{len(names)} facets, {narrowed}: index", f"{ours:.1f} ms, of {total:,} incidents")
        say(f"  peer: SPARQL, {narrowed}, same counts", f"{peer:,.0f} ms, {peer / ours:,.0f} times")


def drawn(samples: list[dict[str, Any]], case: list[dict[str, Any]], many: int) -> Iterator[dict[str, Any]]:
    """Documents with values of real ones, mixed; titles and texts stay together."""
    draw = random.Random(7)
    for number in range(many):
        text, rest, law = draw.choice(samples), draw.choice(samples), draw.choice(case)
        iri = f"{text['iri']}-{number}"
        tie, shown = fingerprint(iri), json.loads(text["shown"])
        made = {k: v for k, v in rest.items() if k not in OWN} | {"text": text["text"]}
        if number % 2:
            made |= {name: law[name] for name in CASE if name in law} | {"names": law["names"] + " " + rest["names"]}
        day = rest["first_day"] - draw.randrange(3650)
        made |= {"first_day": day, "last_day": day + rest["last_day"] - rest["first_day"]}
        yield made | {
            "iri": iri, "kind": "incident", "shown": json.dumps(shown, ensure_ascii=False).encode(),
            "title": text["title"], "by_date": day * 1440 << TIES | tie, "by_change": number // 1000 << TIES | tie,
            **{name: text[name][:-8] + f"{tie:08x}" for name in ("by_title_en", "by_title_ar")},
        }  # fmt: skip


def grown(folder: Path, samples: list[dict[str, Any]], case: list[dict[str, Any]], many: int) -> None:
    """An index of so many drawn documents."""
    folder.mkdir()
    index = tantivy.Index(build(), path=str(folder))
    writer = index.writer(heap_size=128_000_000, num_threads=1)
    start = time.perf_counter()
    for made in drawn(samples, case, many):
        writer.add_document(tantivy.Document(**made))
    writer.commit()
    writer.wait_merging_threads()
    took = time.perf_counter() - start
    size = sum(p.stat().st_size for p in folder.iterdir())
    say(f"{many:>9,}: drawn and written", f"{took:.1f} s, {many / took:,.0f}/s, {size / many:,.0f} bytes each")


def asked(index: SearchIndex) -> dict[str, Callable[[], object]]:
    """What is measured at each size."""
    listing = Listing(index)
    one = Filters(facets={"place": ("SY07",)})
    two = Filters(facets={"place": ("SY02", "SY07"), "object": ("hospital", "school")})
    deep = listing.page(Filters(), "newest")
    for _ in range(200):
        deep = listing.page(Filters(), "newest", 100, after=deep.after)
    return {
        "five facets, unfiltered": lambda: listing.counts(Filters(), FIVE),
        "five facets, one place": lambda: listing.counts(one, FIVE),
        "five facets, two places, two objects": lambda: listing.counts(two, FIVE),
        "all facets, unfiltered": lambda: listing.counts(Filters(), list(FACETS)),
        "first page, newest": lambda: listing.page(Filters(), "newest"),
        "page 200 by cursor": lambda: listing.page(Filters(), "newest", after=deep.after),
        "first page, by title": lambda: listing.page(one, "title"),
        "days of one place": lambda: listing.time(one, "day"),
        "map of all, zoom 8": lambda: listing.map(Filters(), 8),
    }


def latencies(base: KnowledgeBase, index: SearchIndex) -> dict[str, tuple[float, float]]:
    """Medians in milliseconds at one size by clock and processor, pages through the site included."""
    found = {name: medians(run) for name, run in asked(index).items()}
    listing, texts = Listing(index), []
    for text in TEXTS:
        texts.append(medians(lambda text=text: listing.page(Filters(text=text), "best"), 5))  # type: ignore[misc]
    found["text, median of searches"] = (statistics.median(t[0] for t in texts), statistics.median(t[1] for t in texts))
    found["text, slowest search"] = max(texts)
    say("load of the machine, of 2 cores", f"{os.getloadavg()[0]:.1f}")
    at = replace(base.snapshot(), index=index)
    client = create_app(_Held(base, at)).test_client()  # type: ignore[arg-type]
    client.get("/en/help/")  # reads the templates' frame and the translations, once a process
    start, used = time.perf_counter(), time.process_time()
    client.get("/en/incidents")
    took = ((time.perf_counter() - start) * 1000, (time.process_time() - used) * 1000)
    found["list page, unfiltered, first time"] = took
    for name, path in PAGES.items():
        found[f"list page, {name}"] = medians(lambda path=path: client.get(path))  # type: ignore[misc]
    return found


class _Held:
    """A knowledge base whose snapshot has another index."""

    def __init__(self, base: KnowledgeBase, at: Any) -> None:
        self._base, self._at = base, at

    def snapshot(self) -> Any:
        """The snapshot that is held."""
        return self._at

    def __getattr__(self, name: str) -> Any:
        return getattr(self._base, name)


def measure(folder: Path, size: int) -> None:
    """All of them over the shared knowledge base of one size."""
    with KnowledgeBase.open(source.ready(folder, size)) as base:
        for name, (clock, processor) in latencies(base, base.snapshot().index).items():
            say(name, f"{clock:.1f} ms, {processor:.1f} ms of processor time")


def peer(folder: Path, size: int) -> None:
    """Five facets of the shared knowledge base by the index and by SPARQL `GROUP BY`."""
    with KnowledgeBase.open(source.ready(folder, size)) as base:
        compared(Listing(base.snapshot().index), base.snapshot().store)


def main() -> None:
    """Run everything; sizes may be given as numbers."""
    sizes = tuple(int(text.replace("_", "")) for text in sys.argv[1:]) or SIZES
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        base = KnowledgeBase.create(folder / "home")
        base.write(rdf.records([t for path in vocabulary.case_files() for t in rdf.read(path)]), {"label": "bench"})
        known, rows = real(base)
        beside_sparql(known, rows, folder / "beside")
        reference = Reference(base.snapshot().store)
        incidents = [(i, plain(t)) for i, t in {**known, **rows}.items() if "/incident/" in i]
        made = [fields(iri, said, reference, 1) for iri, said in incidents]
        case = [one for one in made if one["f_dataset"] == ["syria-2015-16"]]
        del rows, known
        gc.collect()
        figures = {}
        for many in sizes:
            grown(folder / str(many), made, case, many)
            figures[many] = latencies(base, SearchIndex.read_only(folder / str(many)))
            shutil.rmtree(folder / str(many))
        say("median ms by the clock (of processor time) at", "".join(f"{many:>18,}" for many in sizes))
        for what in figures[sizes[0]]:
            cells = [f"{figures[many][what][0]:.1f} ({figures[many][what][1]:.1f})" for many in sizes]
            say(what, "".join(f"{cell:>18}" for cell in cells))
        say("this process, peak memory", peak())
        base.close()


if __name__ == "__main__":
    main()
