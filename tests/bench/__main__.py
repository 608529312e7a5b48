"""Run with `python -m tests.bench`: every benchmark over one knowledge base a size, as a table and one JSON file.

`--sizes 10k,100k,1m` says how many incidents, `--only importing,querying` which parts, `--out FILE` where the JSON
goes, `--keep FOLDER` where the knowledge bases stay and are found again (else they are made anew and go), `--jars
FOLDER` where Apache Jena lies for the validation. Every part runs in a process of its own.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from tests.bench import figure
from tests.bench.figure import Figure, median_ms, say, timed
from tests.bench.running import PARTS, plan, run
from tests.bench.source import UCDP

__all__ = ["UCDP", "main", "median_ms", "say", "timed"]  # the four are what a part on its own takes from here

DEFAULT_SIZES = (6_000, 24_000)  # above what is imported in memory, and done in minutes
_SIZE = {"": 1, "k": 1_000, "m": 1_000_000}


def sizes(text: str) -> tuple[int, ...]:
    """Sizes such as `3000,10k,1m` in rising order."""
    found = set()
    for word in text.split(","):
        digits, unit = word.strip().lower().rstrip("km"), word.strip().lower()[len(word.strip().rstrip("kmKM")) :]
        if not digits.replace("_", "").isdecimal() or unit not in _SIZE or not int(digits):
            raise argparse.ArgumentTypeError(f"{word.strip() or 'nothing'} is not a size. Write 3000, 10k or 1m.")
        found.add(int(digits) * _SIZE[unit])
    return tuple(sorted(found))


def chosen(text: str) -> tuple[str, ...]:
    """Names of parts, each of which there is."""
    known = [part.name for part in PARTS]
    names = tuple(word.strip() for word in text.split(","))
    for word in names:
        if word not in known:
            raise argparse.ArgumentTypeError(f"there is no part {word!r}. There are: {', '.join(known)}.")
    return names


def _arguments(words: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        "python -m tests.bench", epilog="Example: python -m tests.bench --sizes 10k,100k --only importing,querying"
    )
    parser.add_argument("--sizes", type=sizes, default=DEFAULT_SIZES, help="numbers of incidents, such as 10k,100k,1m")
    parser.add_argument("--only", type=chosen, default=tuple(p.name for p in PARTS), help="parts to run, with commas")
    parser.add_argument("--out", type=Path, default=Path("bench.json"), help="the JSON file (default: bench.json)")
    parser.add_argument("--keep", type=Path, help="a folder for the knowledge bases, to be found again")
    parser.add_argument("--jars", default="", help="a folder with the jars of Apache Jena's SHACL, for the validation")
    return parser.parse_args(words)


def main(words: Sequence[str] | None = None) -> int:
    """Run what is asked for; 1 when a part broke, after all others have run."""
    asked = _arguments(words)
    figures: list[Figure] = []
    failed: list[str] = []
    with ExitStack() as stack:
        folder = asked.keep or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="mizan-bench-")))
        for size in asked.sizes:
            (folder / str(size)).mkdir(parents=True, exist_ok=True)
        for step in plan(asked.sizes, asked.only, asked.jars):
            if step.part == "importing" and step.function == "measure":
                shutil.rmtree(folder / str(step.size))
                (folder / str(step.size)).mkdir()
            print(f"\n{step.part}" + (f", {step.size:,} incidents" if step.size else ""), flush=True)
            found, well = run(step, folder)
            figures += found
            failed += [] if well else [f"{step.part} {step.function} {step.size}"]
            figure.write(asked.out, figure.report(figures, asked.sizes, failed))
    print(f"\n\n{figure.table(figures, asked.sizes)}\nAll figures with their numbers: {asked.out}")
    for name in failed:
        print(f"Broken, its figures are missing: {name}", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
