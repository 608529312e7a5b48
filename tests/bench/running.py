"""The parts of the benchmarks, in which order they run, and each in a process of its own."""

from __future__ import annotations

import importlib
import sys
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path

from tests.bench.figure import BOOK, WHATEVER, Figure


@dataclass(frozen=True, slots=True)
class Part:
    """A benchmark: functions of its module called with folder and size, at each or the smallest; or `main` once."""

    name: str
    every: str = ""
    smallest: tuple[str, ...] = ()
    once: str = ""


# in this order: the first makes the knowledge bases that others find
PARTS = (
    Part("importing", "measure", ("peer", "stages")),
    Part("graphs", smallest=("measure", "peer")),
    Part("refusing", "measure"),
    Part("searching", "measure", ("peer",)),
    Part("querying", "measure", ("peer",)),
    Part("serving", "measure"),
    Part("upkeep", "measure"),
    Part("endpoint", once="main"),
    Part("validation", once="main"),
    Part("screening", once="main"),
    Part("matching", "measure", ("real",)),
)


@dataclass(frozen=True, slots=True)
class Step:
    """One call in a process of its own."""

    part: str
    function: str
    size: int
    arguments: tuple[str, ...] = ()


def plan(wanted: Sequence[int], only: Sequence[str], jars: str = "") -> list[Step]:
    """What is run, in order."""
    steps = []
    for part in PARTS:
        if part.name not in only:
            continue
        if part.once:
            steps.append(Step(part.name, part.once, WHATEVER, (jars,) if jars and part.name == "validation" else ()))
            continue
        for size in wanted if part.every else ():
            steps.append(Step(part.name, part.every, size))
        steps += [Step(part.name, function, min(wanted)) for function in part.smallest]
    return steps


def function(step: Step) -> Callable[..., None]:
    """What a step calls."""
    called: Callable[..., None] = getattr(importlib.import_module(f"tests.bench.{step.part}"), step.function)
    return called


def run(step: Step, folder: Path) -> tuple[list[Figure], bool]:
    """Run one step in a process of its own: what it measured until it ended, and whether it ended well."""
    context = get_context("spawn")
    here, there = context.Pipe(duplex=False)
    process = context.Process(target=_alone, args=(step, folder, there))
    process.start()
    there.close()
    try:
        figures, well = here.recv()
    except EOFError:
        figures, well = [], False
    process.join()
    return figures, well


def _alone(step: Step, folder: Path, answer: Connection) -> None:
    BOOK.part, BOOK.size = step.part, step.size
    sys.argv = [step.part, *step.arguments]
    try:
        call = function(step)
        call() if step.size == WHATEVER else call(folder, step.size)
        well = True
    except Exception:  # one part that breaks must not cost the others' figures
        traceback.print_exc()
        well = False
    answer.send((BOOK.figures, well))
