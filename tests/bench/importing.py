"""Run with `python -m tests.bench.importing [SIZE …] [--without-validation]`: what a large import costs.

The table is the real UCDP file, multiplied: every copy has ids of its own, and dates, numbers, coordinates and
headlines moved a little, the same in every run. Sizes are numbers of incidents, 10000 and 100000 by default.
The peer in the same run is the import in memory, at the smallest size.
"""

from __future__ import annotations

import csv
import os
import random
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from kb.importing import Options
from kb.ingest import mapping
from kb.ingest.bulk import Bulk
from kb.knowledgebase import KnowledgeBase
from kb.ledger import Ledger
from kb.ns import ID
from kb.snapshot import Retention
from kb.writer import Writer
from tests.bench.__main__ import UCDP, say, timed

_DAYS, _NUMBERS = ("date_start", "date_end"), ("deaths_a", "deaths_b", "deaths_civilians", "best")


def multiplied(path: Path, count: int, seed: int = 1, first: int = 10_000_000) -> Path:
    """Write a table of `count` incidents made of the real ones."""
    with UCDP.open(encoding="utf-8-sig", newline="") as handle:
        header, *rows = csv.reader(handle)
    at, draw = {name: i for i, name in enumerate(header)}, random.Random(seed)
    with path.open("w", encoding="utf-8", newline="") as handle:
        writer = csv.writer(handle)
        writer.writerow(header)
        for number in range(count):
            row, copy = list(rows[number % len(rows)]), number // len(rows)
            row[at["id"]] = str(first + number)
            if copy:
                _move(row, at, draw, copy)
            writer.writerow(row)
    return path


def _move(row: list[str], at: dict[str, int], draw: random.Random, copy: int) -> None:
    days = timedelta(draw.randrange(-700, 700))
    for name in _DAYS:
        row[at[name]] = (date.fromisoformat(row[at[name]]) + days).isoformat()
    for name in _NUMBERS:
        if row[at[name]].isdigit() and draw.random() < 0.3:
            row[at[name]] = str(int(row[at[name]]) + draw.randrange(3))
    for name in ("latitude", "longitude"):
        if row[at[name]]:
            row[at[name]] = f"{float(row[at[name]]) + draw.uniform(-0.2, 0.2):.6f}"
    headlines = row[at["source_headline"]].split(";")
    row[at["source_headline"]] = ";".join(f"{text} {copy}" if text.strip() else text for text in headlines)


class Memory:
    """Watches what this process and all below it hold together, in MiB, ten times a second."""

    def __init__(self) -> None:
        self.peak = 0.0
        self._over = threading.Event()

    def __enter__(self) -> Memory:
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._over.wait(0.1):
            self.peak = max(self.peak, sum(map(_held, _tree(os.getpid()))) / 1024)


def _tree(pid: int) -> Iterator[int]:
    yield pid
    try:
        tasks = list(Path(f"/proc/{pid}/task").iterdir())
        children = [int(c) for t in tasks for c in (t / "children").read_text().split()]
    except OSError:
        return
    for child in children:
        yield from _tree(child)


def _held(pid: int) -> int:
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith("VmRSS")), 0)


@contextmanager
def staged() -> Iterator[dict[str, float]]:
    """Seconds of each stage of the imports inside the block."""
    took: dict[str, float] = {}
    parts: list[tuple[Any, str, str]] = [
        (Bulk, "run", "read, map, validate, pack"), (Ledger, "append_parts", "ledger"),
        (Writer, "_apply", "store, index, screen"), (Writer, "publish", "publish"),
    ]  # fmt: skip
    real = [getattr(owner, name) for owner, name, _ in parts]

    def watched(call: Callable[..., Any], label: str) -> Callable[..., Any]:
        def run(*given: Any, **named: Any) -> Any:
            start = time.perf_counter()
            try:
                return call(*given, **named)
            finally:
                took[label] = took.get(label, 0.0) + time.perf_counter() - start

        return run

    for (owner, name, label), call in zip(parts, real, strict=True):
        setattr(owner, name, watched(call, label))
    yield took
    for (owner, name, _), call in zip(parts, real, strict=True):
        setattr(owner, name, call)


def _bytes(folder: Path) -> int:
    return sum(p.stat().st_size for p in folder.rglob("*") if p.is_file())


def _say_sizes(label: str, home: Path, before: dict[str, int], count: int) -> None:
    sizes = {name: (_bytes(home / name) - size) / count for name, size in before.items()}
    listed = ", ".join(f"{name} {size:,.0f}" for name, size in sizes.items())
    say(label, f"{listed}, together {sum(sizes.values()):,.0f}")


def measure(folder: Path, count: int, validating: bool) -> None:
    """Import a table of this size into a new knowledge base, then again, then one record by hand."""
    table, home, plan = multiplied(folder / "t.csv", count), folder / "home", mapping.load("ucdp-ged")
    options = Options(validating=validating)
    with KnowledgeBase.create(home) as base:
        before = {name: _bytes(home / name) for name in ("ledger", "store", "search")}
        cpu = os.times()
        with Memory() as memory, staged() as took, timed(f"{count:,} incidents: the whole import", count):
            done = base.import_table(plan, table, options)
        assert done.outcome is not None and done.outcome.new >= count and not done.intake.refused()
        now = os.times()
        spent = sum(now[:4]) - sum(cpu[:4])
        for label, seconds in took.items():
            say(f"  {label}", f"{seconds:8.2f} s   {count / seconds:8.0f}/s")
        say("  processor time of all processes", f"{spent:8.2f} s   {count / spent:8.0f}/s a core")
        say("  peak memory of all processes together", f"{memory.peak:.0f} MiB")
        _say_sizes("  bytes an incident, as the import leaves them", home, before, count)
        with Memory() as memory, timed("  the same again, nothing written", count):
            again = base.import_table(plan, table, options)
        assert again.outcome is not None and again.outcome.new == again.outcome.changed == 0
        say("  peak memory of that", f"{memory.peak:.0f} MiB")
        with timed("  mizan compact", count):
            base.compact(Retention(1))
    _say_sizes("  bytes an incident then", home, before, count)
    one = multiplied(folder / "one.csv", 1, first=99_000_000)
    with KnowledgeBase.open(home) as base, timed("  one incident by hand, validated, until it is visible"):
        base.import_table(plan, one)
        assert base.snapshot().record(f"{ID}incident/ucdp-ged/99000000")


def peer(folder: Path, count: int) -> None:
    """The same in memory, as small tables are imported; without validation."""
    table, plan = multiplied(folder / "t.csv", count), mapping.load("ucdp-ged")
    with KnowledgeBase.create(folder / "home") as base:
        base.validate = lambda records: []  # type: ignore[method-assign]
        with Memory() as memory, timed(f"peer: {count:,} incidents in memory, not validated", count):
            base.import_table(plan, table, Options(large=10**9))
        say("  peak memory", f"{memory.peak:.0f} MiB")


def main() -> None:
    """Run for every size asked for."""
    sizes = [int(text) for text in sys.argv[1:] if text.isdecimal()] or [10_000, 100_000]
    for count in sizes:
        with tempfile.TemporaryDirectory() as name:
            measure(Path(name), count, "--without-validation" not in sys.argv)
    with tempfile.TemporaryDirectory() as name:
        peer(Path(name), min(sizes))


if __name__ == "__main__":
    main()
