"""Run with `python -m tests.bench.matching [HOME]`: precision and recall of matching, beside a plain rule.

With `--size N [FOLDER]` the scoring alone is measured, with N synthetic rows (kept in FOLDER, if given).

HOME is a knowledge base with the curated case, UCDP and Airwars; without it one is built (a minute or two). What is
known: the curated incidents name their Airwars record, but took coordinates and numbers from it, which flatters every
rule that uses distance (numbers of the other dataset's keeper are not compared). For UCDP a person read the headlines
of all rows near the curated incidents. UCDP begins in 2016 where this Airwars file ends, so no pair of those two is
right. Synthetic data knows its pairs by making; there all localities bear the name of their governorate, so names tell
little. The model's m were judged before any of this was measured. After the first run, names were split at `near` and
`in`, refugee, crossing and IDP became generic words, close numbers became neutral (they had spoken against), far
ones weigh less, and numbers taken from the other dataset are left out.
"""

from __future__ import annotations

import csv
import resource
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from datetime import date
from pathlib import Path

from pyoxigraph import NamedNode, Triple

from kb import document, vocabulary
from kb.generate.dataset import SAME, Order, write
from kb.ingest import mapping, tabular
from kb.ingest.known import finder
from kb.knowledgebase import KnowledgeBase
from kb.matching import event, link, model
from kb.matching.event import Event
from kb.matching.link import Pair
from kb.matching.name import names
from kb.matching.wording import kilometres
from kb.ns import ID, MZ, MZ_BASE
from kb.record import subject
from kb.store.local import LocalStore
from tests.bench.__main__ import UCDP, say

AIRWARS = UCDP.with_name("airwars-russia-2015q4.csv")
CURATED, OTHER = f"{ID}incident/syria-2015-16/", f"{ID}incident/"
# by hand, from headlines, dates and places of the UCDP rows; ids only
SURE = {"INC-015": "216902", "INC-016": "217451", "INC-017": "223757", "INC-019": "217820", "INC-020": "218553",
        "INC-021": "219224", "INC-022": "300921", "INC-023": "219405", "INC-025": "224124", "INC-026": "227207",
        "INC-027": "226127", "INC-030": "317909"}  # fmt: skip
# a row of two hospitals together, one of a whole quarter of the city, two that may be the hospital of that day
UNSURE = {"INC-018": "216505", "INC-024": "223898", "INC-028": "301184", "INC-029": "224586"}
DOUBTED = "INC-012"  # its Airwars record may be another strike of the day
SYNTHETIC = 20_000
PLAIN = 100_000  # rows up to which the peer ends in minutes
Key = frozenset[str]


def plain(events: Iterable[Event]) -> set[Key]:
    """The peer: same first day, within five kilometres, of different datasets."""
    by_day: dict[object, list[Event]] = {}
    for e in events:
        by_day.setdefault(e.first, []).append(e)
    return {
        frozenset((a.iri, b.iri)) for day in by_day.values() for i, a in enumerate(day) for b in day[i + 1 :]
        if a.dataset != b.dataset and a.point and b.point and kilometres(a.point, b.point) < 5
    }  # fmt: skip


def keys(pairs: Iterable[Pair]) -> set[Key]:
    """Pairs as sets of two IRIs."""
    return {frozenset((p.one.iri, p.other.iri)) for p in pairs}


def told(name: str, found: set[Key], right: set[Key], unsure: frozenset[Key] | set[Key] = frozenset()) -> None:
    """One line: how many were found, how many of them are right, and both figures."""
    hit, open_ = len(found & right), len(found & unsure)
    strict = hit / len(found) if found else 1.0
    lenient = (hit + open_) / len(found) if found else 1.0
    recall = f"recall {hit / len(right):.2f} ({hit} of {len(right)})" if right else "nothing to recall"
    span = f"{strict:.2f}" if strict == lenient else f"{strict:.2f} to {lenient:.2f} ({open_} cannot be told)"
    say(f"  {name}", f"{len(found):5} found, precision {span}, {recall}")


def curated_codes(store: LocalStore) -> dict[str, str]:
    """The Airwars record that each curated incident names, by the incident's IRI."""
    codes: dict[str, str] = {}
    for node in store.subjects(MZ.claimant, NamedNode(f"{ID}actor/airwars")):
        for about in store.objects(node, MZ.about):
            for code in store.objects(node, NamedNode(f"{MZ_BASE}sourceCode")):
                there = f"{OTHER}airwars/{code.value.replace(' ', '~20')}"
                if about.value.startswith(CURATED) and store.knows(there):
                    codes.setdefault(about.value, there)
    return codes


def measured(store: LocalStore, events: list[Event]) -> None:
    """Precision and recall on real data."""

    def of(*datasets: str) -> list[Event]:
        return [e for e in events if e.dataset.rpartition("/")[2] in datasets]

    codes = curated_codes(store)
    doubted = {frozenset(pair) for pair in codes.items() if pair[0].endswith(DOUBTED)}
    gold = {frozenset(pair) for pair in codes.items()} - doubted
    sure = {frozenset((CURATED + a, f"{OTHER}ucdp-ged/{b}")) for a, b in SURE.items()}
    unsure = {frozenset((CURATED + a, f"{OTHER}ucdp-ged/{b}")) for a, b in UNSURE.items()}
    cases = (
        ("curated × Airwars", of("syria-2015-16", "airwars"), gold, doubted),
        ("curated × UCDP", of("syria-2015-16", "ucdp-ged"), sure, unsure),
        ("UCDP × Airwars", of("ucdp-ged", "airwars"), set[Key](), set[Key]()),
    )
    for title, chosen, right, open_ in cases:
        start = time.perf_counter()
        scored = link.candidates(chosen, 0.5)
        say(title, f"{len(chosen):,} incidents, {time.perf_counter() - start:.1f} s")
        for threshold in (0.5, 0.75, model.THRESHOLD):
            told(f"score ≥ {threshold}", keys(p for p in scored if p.score >= threshold), right, open_)
        told("peer: same day, within 5 km", plain(chosen), right, open_)
    blurred = [_without_point(e) if e.dataset.endswith("syria-2015-16") else e for e in cases[0][1]]
    say("curated × Airwars without the coordinates taken from it", "")
    for threshold in (0.2, model.THRESHOLD):
        told(f"score ≥ {threshold}", keys(link.candidates(blurred, threshold)), gold, doubted)


def _without_point(e: Event) -> Event:
    return Event(e.iri, e.dataset, e.first, e.last, None, e.labels, e.names, e.killed, e.objects, e.keeper)


def synthetic(folder: Path) -> None:
    """Synthetic rows, whose pairs are known by making."""
    write(Order(SYNTHETIC, seed=4), folder)
    store = LocalStore.in_memory()
    for layout in ("ucdp-ged", "airwars", "incidents"):
        plan = mapping.load(str(folder / f"synthetic-{layout}.toml"))
        intake = tabular.read(folder / f"synthetic-{layout}.csv", plan, finder(None))
        for record in (*plan.reference, *intake.records):
            store.add(_placed(record.iri, record.triples))
    events = list(event.read(store))
    right = {frozenset(f"{ID}{iri}" for iri in line.split(",")[1:])
             for line in (folder / SAME).read_text(encoding="utf-8").splitlines()[1:]}  # fmt: skip
    start = time.perf_counter()
    found = link.candidates(events, 0.5)
    took = time.perf_counter() - start
    say(f"synthetic, {len(events):,} incidents of 3 datasets", f"{took:.1f} s, {len(events) / took:,.0f} incidents/s")
    for threshold in (0.5, model.THRESHOLD):
        told(f"score ≥ {threshold}", keys(p for p in found if p.score >= threshold), right)
    told("peer: same day, within 5 km", plain(events), right)


LAYOUTS = {  # id, first and last day, latitude, longitude, place, lowest and highest number killed
    "ucdp-ged": ("id", "date_start", "date_end", "latitude", "longitude", "where_coordinates", "low", "high"),
    "airwars": ("code", "date", "date_end", "lat", "lon", "location_en", "civ_killed_min", "civ_killed_max"),
    "incidents": ("id", "date", "date", "lat", "lon", "place_en", "killed_min", "killed_max"),
}


def straight(folder: Path) -> Iterator[Event]:
    """Synthetic rows as events, without a knowledge base between: for sizes where matching itself is measured."""
    for layout, columns in LAYOUTS.items():
        with (folder / f"synthetic-{layout}.csv").open(encoding="utf-8-sig", newline="") as handle:
            for row in csv.DictReader(handle):
                key, first, last, lat, lon, place, low, high = (row[c].strip() for c in columns)
                if not first or (until := date.fromisoformat((last or first)[:10])) < date.fromisoformat(first[:10]):
                    continue
                day, numbers = date.fromisoformat(first[:10]), [int(n) for n in (low, high) if n]
                if (until - day).days >= event.LONGEST:
                    continue
                source = f"synthetic-{layout}"
                yield Event(
                    f"{OTHER}{source}/{key}", f"{ID}dataset/{source}", day, until,
                    (float(lat), float(lon)) if lat and lon else None, {"en": place}, names(place),
                    {source: (min(numbers), max(numbers))} if numbers else {}, frozenset(), source,
                )  # fmt: skip


def at_size(folder: Path, size: int) -> None:
    """Time, memory, precision and recall of the scoring alone; the peer only where its pairs can be counted off."""
    if not (folder / SAME).is_file():
        write(Order(size, seed=4), folder)
    right = {frozenset(f"{ID}{iri}" for iri in line.split(",")[1:])
             for line in (folder / SAME).read_text(encoding="utf-8").splitlines()[1:]}  # fmt: skip
    start = time.perf_counter()
    found = link.candidates(straight(folder), 0.5)
    took = time.perf_counter() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    say(f"synthetic, {size:,} rows as events", f"{took:.1f} s, {size / took:,.0f} incidents/s, peak {peak:,.0f} MiB")
    for threshold in (0.5, model.THRESHOLD):
        told(f"score ≥ {threshold}", keys(p for p in found if p.score >= threshold), right)
    if size <= PLAIN:
        start = time.perf_counter()
        peer = plain(straight(folder))
        told(f"peer: same day, within 5 km, {time.perf_counter() - start:.1f} s", peer, right)


def _placed(iri: str, triples: Iterable[Triple]) -> Iterator[Triple]:
    here, nodes = NamedNode(iri), set()
    for triple in triples:
        nodes.add(subject(triple))
        yield triple
    for node in nodes:
        yield Triple(NamedNode(node), MZ.inRecord, here)


def main() -> None:
    """Run everything."""
    say("model", model.digest())
    if sys.argv[1:2] == ["--size"]:
        with tempfile.TemporaryDirectory() as name:
            at_size(Path(sys.argv[3] if len(sys.argv) > 3 else name), int(sys.argv[2]))
        return
    with tempfile.TemporaryDirectory() as name:
        home = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(name) / "home"
        with KnowledgeBase.create(home) as base:
            if len(sys.argv) == 1:
                case = document.records([t for p in vocabulary.case_files() for t in document.read(p)])
                base.add(case, {"label": "bench"})
                for layout, file in (("ucdp-ged", UCDP), ("airwars", AIRWARS)):
                    base.import_table(mapping.load(layout), file)
            store = base.snapshot().store
            measured(store, list(event.read(store)))
        synthetic(Path(name) / "synthetic")


if __name__ == "__main__":
    main()
