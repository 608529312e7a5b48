"""What the benchmarks measure with and write down: a figure by part and size, its table and its JSON."""

from __future__ import annotations

import json
import os
import platform
import re
import statistics
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

from kb import __version__

WHATEVER = 0  # the size of a figure that does not depend on the size of the knowledge base
_NUMBER = re.compile(r"(?<![\w.,])(\d[\d,]*(?:\.\d+)?)(?: *([A-Za-zµ%/][\w/µ%]*))?")
_LIBRARIES = ("pyoxigraph", "pyshacl", "rdflib", "tantivy", "flask", "splink", "duckdb")
_RATES = {"/s", "records/s", "rows/s"}


@dataclass(frozen=True, slots=True)
class Figure:
    """One thing measured: by which part, at which size, its name, and what was said of it in words with numbers."""

    part: str
    size: int
    name: str
    text: str

    @property
    def values(self) -> list[tuple[float, str]]:
        """The numbers of the text, each with the unit that follows it."""
        return [(float(number.replace(",", "")), unit) for number, unit in _NUMBER.findall(self.text)]


class Book:
    """The figures that were measured so far in this process, under the part and size that is running."""

    def __init__(self) -> None:
        self.figures: list[Figure] = []
        self.part, self.size = "", WHATEVER

    def write(self, name: str, text: str) -> None:
        """Keep one figure."""
        self.figures.append(Figure(self.part, self.size, " ".join(name.split()), " ".join(text.split())))


BOOK = Book()


def say(name: str, text: str) -> None:
    """Print one figure and keep it."""
    print(f"{name:<62} {text}", flush=True)
    BOOK.write(name, text)


@contextmanager
def timed(name: str, of: int = 0) -> Iterator[None]:
    """Say how long the block took, and a rate if it handled `of` things."""
    start = time.perf_counter()
    yield
    took = time.perf_counter() - start
    say(name, f"{took:8.2f} s" + (f"   {of / took:8.0f}/s" if of else ""))


def timings(run: Callable[[], object], times: int) -> list[float]:
    """Milliseconds of each of `times` runs in rising order, after one that is not counted."""
    run()
    taken = []
    for _ in range(times):
        start = time.perf_counter()
        run()
        taken.append((time.perf_counter() - start) * 1000)
    return sorted(taken)


def median_ms(run: Callable[[], object], times: int) -> tuple[float, float]:
    """Median and 95th percentile of `times` runs in milliseconds, after one that is not counted."""
    taken = timings(run, times)
    return statistics.median(taken), taken[int(times * 0.95)]


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
            self.peak = max(self.peak, sum(map(held, _tree(os.getpid()))) / 1024)


def _tree(pid: int) -> Iterator[int]:
    yield pid
    try:
        tasks = list(Path(f"/proc/{pid}/task").iterdir())
        children = [int(c) for t in tasks for c in (t / "children").read_text().split()]
    except OSError:
        return
    for child in children:
        yield from _tree(child)


def held(pid: int) -> int:
    """The resident memory of a process in KiB; 0 when it is gone."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith("VmRSS")), 0)


def machine() -> dict[str, Any]:
    """What the figures were measured on."""
    models = re.findall(r"^model name\s*: (.*)$", Path("/proc/cpuinfo").read_text(encoding="utf-8"), re.MULTILINE)
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return {
        "cores": os.cpu_count(), "processor": models[0] if models else platform.processor(),
        "memory_gib": round(memory / 2**30, 1), "system": platform.platform(), "python": sys.version.split()[0],
        "load": os.getloadavg()[0],
    }  # fmt: skip


def report(figures: Sequence[Figure], sizes: Sequence[int], failed: Sequence[str]) -> dict[str, Any]:
    """Everything as one JSON object: the machine, the date, the versions, and each figure with its numbers."""
    listed = [
        {**asdict(f), "size": f.size or None, "values": [{"value": v, "unit": u} for v, u in f.values]} for f in figures
    ]
    versions = {name: metadata.version(name) for name in _LIBRARIES}
    return {
        "measured": datetime.now(UTC).isoformat(timespec="seconds"), "machine": machine(),
        "versions": {"mizan-kb": __version__, **versions}, "sizes": list(sizes), "failed": list(failed),
        "figures": listed,
    }  # fmt: skip


def write(path: Path, told: dict[str, Any]) -> None:
    """Write the JSON file whole or not at all."""
    part = path.with_name(path.name + ".part")
    part.write_text(json.dumps(told, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    part.replace(path)


def growth(small: Figure, large: Figure) -> str:
    """How the first number of a figure grew between two sizes; empty where there is nothing to compare."""
    if not small.values or not large.values or not small.values[0][0] or "no answer" in small.text + large.text:
        return ""
    return f"×{large.values[0][0] / small.values[0][0]:.1f}"


def _cell(figure: Figure | None) -> str:
    """The numbers that a column has room for: the first, and a rate or what is said to be the worst beside it."""
    if figure is None:
        return ""
    if not figure.values:
        return figure.text[:24]
    (value, unit), *others = figure.values
    beside = [f"{v:,.0f}{u}" for v, u in others if u in _RATES] if unit == "s" else []
    if "no answer" in figure.text:
        return "no answer"
    if "worst" in figure.text and others:
        beside = [f"{others[0][0]:,.4g}"]
    shown = f"{value:,.0f}" if value >= 1000 else f"{value:.3g}"
    return f"{shown} {unit}".strip() + (f" ({beside[0]})" if beside else "")


def table(figures: Iterable[Figure], sizes: Sequence[int]) -> str:
    """The figures by part: a column for each size, and how the figure grew between the smallest and the largest."""
    parts: dict[str, dict[str, dict[int, Figure]]] = {}
    for figure in figures:
        parts.setdefault(figure.part, {}).setdefault(figure.name, {})[figure.size] = figure
    low, high = min(sizes), max(sizes)
    lines = []
    for part, named in parts.items():
        sized = any(size for found in named.values() for size in found)
        head = "".join(f"{size:>22,}" for size in sizes) if sized else ""
        last = f"   size ×{high / low:.0f}" if sized and high > low else ""
        lines += ["", f"{part:<62}{head}{last}"]
        for name, found in named.items():
            if WHATEVER in found:
                lines.append(f"  {name:<60}  {found[WHATEVER].text}")
                continue
            cells = "".join(f"{_cell(found.get(size)):>22}" for size in sizes)
            grown = growth(found[low], found[high]) if high > low and low in found and high in found else ""
            lines.append(f"  {name:<60}{cells}{grown:>11}".rstrip())
    return "\n".join(lines).strip("\n") + "\n"
