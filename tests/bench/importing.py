"""What a large import costs: rows a second by stage, memory, bytes, the same again, one incident by hand.

`python -m tests.bench.importing [SIZE …] [--without-validation]` runs this part alone, at 10,000 and 100,000 unless
told otherwise. The peer in the same run is the import in memory, at the smallest size.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from kb import replay, snapshot
from kb.importing import Options
from kb.ingest import mapping, tabular
from kb.ingest.bulk import Bulk
from kb.ingest.known import finder
from kb.knowledgebase import KnowledgeBase
from kb.ledger import Entry, Ledger, entry_line, pack
from kb.ns import ID
from kb.snapshot import Retention
from tests.bench import source
from tests.bench.figure import Memory, say, timed

# what is hooked to time the stages of an import, and what happens there; the first works in all processes at once
STAGES: tuple[tuple[Any, str, str], ...] = (
    (Bulk, "run", "read, map, validate, pack"),
    (Ledger, "append_parts", "ledger"),
    (replay, "replay", "screen, store, index"),
    (snapshot, "publish", "publish"),
)
REAL = 3601  # rows of the UCDP table
PROJECTIONS = ("ledger", "store", "search")


@contextmanager
def staged() -> Iterator[dict[str, float]]:
    """Seconds of each stage of the imports inside the block."""
    took: dict[str, float] = {}
    real = [getattr(owner, name) for owner, name, _ in STAGES]

    def watched(call: Callable[..., Any], label: str) -> Callable[..., Any]:
        def run(*given: Any, **named: Any) -> Any:
            start = time.perf_counter()
            try:
                return call(*given, **named)
            finally:
                took[label] = took.get(label, 0.0) + time.perf_counter() - start

        return run

    for (owner, name, label), call in zip(STAGES, real, strict=True):
        setattr(owner, name, watched(call, label))
    try:
        yield took
    finally:
        for (owner, name, _), call in zip(STAGES, real, strict=True):
            setattr(owner, name, call)


def _bytes(folder: Path) -> int:
    return sum(p.stat().st_size for p in folder.rglob("*") if p.is_file())


def _say_sizes(label: str, home: Path, before: dict[str, int], count: int) -> None:
    sizes = {name: (_bytes(home / name) - size) / count for name, size in before.items()}
    for name, size in sizes.items():
        say(f"  {name}, {label}", f"{size:,.0f} bytes an incident")
    say(f"  together, {label}", f"{sum(sizes.values()):,.0f} bytes an incident")


def _spent() -> float:
    return sum(os.times()[:4])


def measure(folder: Path, size: int, validating: bool = True) -> None:
    """Import a table of this size into a new knowledge base, then again, then one record by hand; complete it."""
    home, plan, options = source.home(folder, size), mapping.load("ucdp-ged"), Options(validating=validating)
    with source.begun(folder, size) as base:
        table = source.multiplied(folder / str(size) / "events.csv", size)
        before = {name: _bytes(home / name) for name in PROJECTIONS}
        spent = _spent()
        with Memory() as memory, staged() as took, timed("the whole import", size):
            done = base.import_table(plan, table, options)
        assert done.outcome is not None and done.outcome.new >= size and not done.intake.refused()
        spent = _spent() - spent
        for label, seconds in took.items():
            say(f"  {label}", f"{seconds:8.2f} s   {size / seconds:8.0f}/s")
        say("  processor time of all processes", f"{spent:8.2f} s   {size / spent:8.0f}/s a core")
        say("  peak memory of all processes together", f"{memory.peak:.0f} MiB")
        _say_sizes("as the import leaves it", home, before, size)
        with Memory() as memory, timed("the same again, nothing written", size):
            again = base.import_table(plan, table, options)
        assert again.outcome is not None and again.outcome.new == again.outcome.changed == 0
        say("  peak memory of that", f"{memory.peak:.0f} MiB")
        with timed("mizan compact", size):
            base.compact(Retention(1))
        _say_sizes("after mizan compact", home, before, size)
        with timed("mizan ledger verify", size):
            base.verify_ledger()
    one = source.multiplied(folder / str(size) / "one.csv", 1, first=99_000_000)
    with KnowledgeBase.open(home) as base:
        with timed("one incident by hand, validated, until it is visible"):
            base.import_table(plan, one)
            assert base.snapshot().record(f"{ID}incident/ucdp-ged/99000000")
        with timed("a tenth as many synthetic incidents", size // 10):
            source.complete(base, folder, size)


def stages(folder: Path, size: int) -> None:
    """The real rows through each stage in this process alone, as a chunk goes through it."""
    plan = mapping.load("ucdp-ged")
    with KnowledgeBase.create(folder / "stages") as base:
        with timed("one process, real rows: read and map", REAL):
            intake = tabular.read(source.UCDP, plan, finder(base.snapshot().store))
        assert intake.rows == REAL
        records = [*plan.reference, *intake.records]
        say("  triples an incident, what comes along counted", f"{sum(len(r.triples) for r in records) / REAL:.0f}")
        base.validate(records[:1])  # the shapes are compiled once a process
        with timed("real rows: validate, all cores", len(records)):
            assert not base.validate(records)
        with timed("one process, real rows: spell and pack for the ledger", len(records)):
            pack(entry_line(Entry(replay.PUT, r.iri, 1, r.digest, None, r.tier, r.text)) for r in records)


def peer(folder: Path, size: int) -> None:
    """The same in memory, as small tables are imported; without validation."""
    table, plan = source.multiplied(folder / "peer.csv", size), mapping.load("ucdp-ged")
    with KnowledgeBase.create(folder / "peer") as base:
        base.validate = lambda records: []  # type: ignore[method-assign]
        with Memory() as memory, timed("peer: in memory, not validated", size):
            base.import_table(plan, table, Options(large=10**9))
        say("  peak memory of the peer", f"{memory.peak:.0f} MiB")


def main() -> None:
    """Run for every size asked for."""
    sizes = [int(text) for text in sys.argv[1:] if text.isdecimal()] or [10_000, 100_000]
    with tempfile.TemporaryDirectory() as name:
        for size in sizes:
            say("incidents", f"{size:,}")
            measure(Path(name), size, "--without-validation" not in sys.argv)
        peer(Path(name), min(sizes))


if __name__ == "__main__":
    main()
