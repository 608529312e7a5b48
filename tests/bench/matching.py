"""What matching costs at each size, and how well it does, beside a plain rule.

`python -m tests.bench.matching [HOME]` measures real data alone: HOME is a knowledge base with the curated case, UCDP
and Airwars; without it one is built (a minute or two). What is known there: the curated incidents name their Airwars
record, but took coordinates and numbers from it, which flatters every rule that uses distance (numbers of the other
dataset's keeper are not compared). For UCDP a person read the headlines of all rows near the curated incidents. UCDP
begins in 2016 where this Airwars file ends, so no pair of those two is right. The model's m were judged before any of
this was measured. After the first run, names were split at `near` and `in`, refugee, crossing and IDP became generic
words, close numbers became neutral (they had spoken against), far ones weigh less, and numbers taken from the other
dataset are left out. Later, names that many records bear came to tell only an area, and rivals to share a likelihood.

At each size `mizan match run` goes through a copy of the shared knowledge base. Of its datasets only the curated case
and the first 3,601 rows of the large one have true pairs: the rest of that are real rows moved in time and space, and
what the synthetic datasets share with them is chance, of which there is more, the more incidents lie in one country
and its five years. So those candidates are told apart from the rest. Precision and recall at size are those of
synthetic rows alone, whose pairs are known by making; there localities are numbered, and lie in few governorates.
"""

from __future__ import annotations

import csv
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import suppress
from datetime import date
from itertools import groupby
from math import floor
from pathlib import Path
from typing import Any

from pyoxigraph import NamedNode

from kb.generate.dataset import SAME, Order, write
from kb.ingest import mapping
from kb.knowledgebase import KnowledgeBase
from kb.matching import event, identity, link, model
from kb.matching.event import Event
from kb.matching.link import Pair
from kb.matching.name import names
from kb.matching.wording import kilometres
from kb.ns import ID, MZ, MZ_BASE
from kb.store.local import LocalStore
from tests.bench import source
from tests.bench.figure import Memory, say
from tests.bench.source import UCDP

AIRWARS = UCDP.with_name("airwars-russia-2015q4.csv")
CURATED, OTHER = f"{ID}incident/syria-2015-16/", f"{ID}incident/"
# by hand, from headlines, dates and places of the UCDP rows; ids only
SURE = {"INC-015": "216902", "INC-016": "217451", "INC-017": "223757", "INC-019": "217820", "INC-020": "218553",
        "INC-021": "219224", "INC-022": "300921", "INC-023": "219405", "INC-025": "224124", "INC-026": "227207",
        "INC-027": "226127", "INC-030": "317909"}  # fmt: skip
# a row of two hospitals together, one of a whole quarter of the city, two that may be the hospital of that day
UNSURE = {"INC-018": "216505", "INC-024": "223898", "INC-028": "301184", "INC-029": "224586"}
DOUBTED = "INC-012"  # its Airwars record may be another strike of the day
PLAIN = 200_000  # rows up to which the peer sees every day: what it finds grows with the square of them
LEAST = 0.01  # low enough for the recall of the peer's
CELLS = 10  # of a degree: two records within five kilometres lie in one or in neighbours, south of 60° N
LARGE = 1 << 20  # bytes of a file from which on it is linked
Key = frozenset[str]


def plain(events: Iterable[Event], every: int = 1) -> Iterator[Key]:
    """The peer: same first day, within five kilometres, of different datasets; of each `every`th day only."""
    cells: dict[tuple[object, int, int], list[Event]] = {}
    for e in events:
        if e.point and e.first.toordinal() % every == 0:
            south, west = (floor(v * CELLS) for v in e.point)
            around = ((e.first, south + y, west + x) for y in (-1, 0, 1) for x in (-1, 0, 1))
            for near in (o for cell in around for o in cells.get(cell, ())):
                if near.dataset != e.dataset and near.point and kilometres(near.point, e.point) < 5:
                    yield frozenset((near.iri, e.iri))
            cells.setdefault((e.first, south, west), []).append(e)


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
        scored = list(link.candidates(chosen, 0.5))
        say(title, f"{len(chosen):,} incidents, {time.perf_counter() - start:.1f} s")
        for threshold in (0.5, 0.75, model.THRESHOLD):
            told(f"score ≥ {threshold}", keys(p for p in scored if p.score >= threshold), right, open_)
        told("peer: same day, within 5 km", set(plain(chosen)), right, open_)
    blurred = [_without_point(e) if e.dataset.endswith("syria-2015-16") else e for e in cases[0][1]]
    say("curated × Airwars without the coordinates taken from it", "")
    for threshold in (0.2, model.THRESHOLD):
        told(f"score ≥ {threshold}", keys(link.candidates(blurred, threshold)), gold, doubted)


def _without_point(e: Event) -> Event:
    return Event(e.iri, e.dataset, e.first, e.last, None, e.labels, e.names, e.killed, e.objects, e.keeper)


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


def synthetic(folder: Path, size: int) -> None:
    """Time, memory, precision and recall of the scoring alone; the peer sees every day, or a sample of them."""
    if not (folder / SAME).is_file():
        write(Order(size, seed=4), folder)
    right = {frozenset(f"{ID}{iri}" for iri in line.split(",")[1:])
             for line in (folder / SAME).read_text(encoding="utf-8").splitlines()[1:]}  # fmt: skip
    start, spent = time.perf_counter(), time.process_time()
    found = [(frozenset((p.one.iri, p.other.iri)), p.score) for p in link.candidates(straight(folder), 0.5)]
    took, spent = time.perf_counter() - start, time.process_time() - spent
    say("synthetic rows alone", f"{took:.1f} s, {size / took:,.0f}/s; {spent:.1f} s of processor time")
    for threshold in (0.5, model.THRESHOLD):
        told(f"score ≥ {threshold}", {key for key, score in found if score >= threshold}, right)
    every = 1 + size // PLAIN
    seen = {e.iri for e in straight(folder) if e.first.toordinal() % every == 0}
    there = {pair for pair in right if min(pair) in seen}  # one side says in which day's sample a pair is
    start, spent = time.perf_counter(), time.process_time()
    peer = {pair for pair in plain(straight(folder), every) if min(pair) in seen}
    spent = time.process_time() - spent
    sample = f", 1 day of {every}" if every > 1 else ""
    told(f"peer: same day, within 5 km{sample}, {spent:.1f} s of processor time", peer, there)
    scored = [(frozenset((p.one.iri, p.other.iri)), p.score) for p in link.scored(straight(folder), LEAST)]
    told("ours, with the recall of the peer", *_level(scored, right, len(peer & there) / max(1, len(there))))


def _level(scored: list[tuple[Key, float]], right: set[Key], recall: float) -> tuple[set[Key], set[Key]]:
    """Our likeliest pairs, as many as give this recall, with those of one score together; and what is right."""
    found, hit = set[Key](), 0
    ordered = sorted(scored, key=lambda pair: -pair[1])
    for _, same in groupby(ordered, key=lambda pair: pair[1]):
        if hit >= recall * len(right):
            break
        part = {key for key, _ in same}
        found |= part
        hit += len(part & right)
    return found, right


def measure(folder: Path, size: int) -> None:
    """`mizan match run` over a copy of the shared knowledge base, `mizan match list` after it, and synthetic rows."""
    with tempfile.TemporaryDirectory(prefix="mizan-bench-") as name:
        home = _twin(source.ready(folder, size), Path(name) / "home")
        with Memory() as memory:
            said = _timed("mizan match run", "match", "run", "--json", home=home)
        for what in ("incidents", "candidates"):
            say(f"  {what}", f"{said[what]:,}")
        say("  peak memory of all processes together", f"{memory.peak:.0f} MiB")
        with KnowledgeBase.open(home) as base:
            _say_kinds(Counter(_kind(c) for c in identity.listed(base.snapshot().store)))
        for label, words in (("first page", ()), ("last page", ("--skip", str(max(0, said["candidates"] - 20)))),
                             ("those rejected", ("--state", "rejected"))):  # fmt: skip
            _timed(f"mizan match list, {label}", "match", "list", "--json", "--limit", "20", *words, home=home)
        said = _timed("mizan match run again, nothing new", "match", "run", "--json", home=home)
        assert not said["written"] or said["written"]["new"] == 0
        synthetic(Path(name) / "synthetic", size)


def _say_kinds(kinds: Counter[str]) -> None:
    for kind, number in sorted(kinds.items()):
        say(f"  of these {kind}", f"{number:,}")


def _kind(found: identity.Candidate) -> str:
    sides = sorted(iri.removeprefix(OTHER).partition("/")[0] for iri in (found.one, found.other))
    return " × ".join("synthetic" if side.startswith("synthetic") else side for side in sides)


def _timed(label: str, *words: str, home: Path) -> Any:
    start = time.perf_counter()
    out = subprocess.run([sys.executable, "-m", "kb.cli", *words, "--home", str(home)], check=True,
                         capture_output=True).stdout  # fmt: skip
    say(label, f"{time.perf_counter() - start:.2f} s")
    return json.loads(out)


def _twin(home: Path, copy: Path) -> Path:
    """A copy of a knowledge base to write to: large files, which are never changed in place, are linked if they can."""

    def placed(one: str, other: str) -> str:
        if Path(one).stat().st_size > LARGE:
            with suppress(OSError):
                os.link(one, other)
                return other
        return str(shutil.copyfile(one, other))

    shutil.copytree(home, copy, copy_function=placed)
    return copy


def real(folder: Path, size: int) -> None:
    """Precision and recall on real data, in a knowledge base of its own."""
    with KnowledgeBase.create(folder / "real") as base:
        base.add(source.case(), {"label": "bench"})
        for layout, file in (("ucdp-ged", UCDP), ("airwars", AIRWARS)):
            base.import_table(mapping.load(layout), file)
        store = base.snapshot().store
        measured(store, list(event.read(store)))


def main() -> None:
    """Measure real data."""
    say("model", model.digest())
    with tempfile.TemporaryDirectory() as name:
        if len(sys.argv) == 1:
            real(Path(name), 0)
            return
        with KnowledgeBase.open(Path(sys.argv[1])) as base:
            store = base.snapshot().store
            measured(store, list(event.read(store)))


if __name__ == "__main__":
    main()
