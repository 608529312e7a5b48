"""What questions cost as the knowledge base grows: every report query as the pages ask it, and a point query.

Each is asked through a query worker with the values that its form has when it opens, and, where it is about one
dataset, about the largest one too; an answer that is kept beside the snapshot is measured apart. The peer of the point
query is rdflib over the curated case alone.
"""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Iterator
from pathlib import Path

import rdflib

from kb import vocabulary
from kb.errors import MizanError
from kb.knowledgebase import KnowledgeBase
from kb.query import saved
from kb.query.answers import SLOW
from kb.query.saved import SavedQuery
from tests.bench import source
from tests.bench.figure import median_ms, say, timings

INCIDENT = "https://w3id.org/mizan/id/incident/syria-2015-16/INC-021"
POINT = f"SELECT ?p ?o WHERE {{ <{INCIDENT}> ?p ?o }}"
LARGEST = "dataset/ucdp-ged"
_PATIENCE = 20.0  # seconds for one question, after which fewer runs must do


def measure(folder: Path, size: int) -> None:
    """The point query and every report query at one size, and how all of them do with what their forms open with."""
    with KnowledgeBase.open(source.ready(folder, size)) as base:
        middle, slow = median_ms(lambda: base.ask(POINT), 500)
        say("point query through a worker", f"median {middle:.2f} ms, p95 {slow:.2f} ms")
        opened: dict[str, float] = {}
        for name, question, values in questions():
            middle = asked(base, name, question, values)
            if not values:
                opened[name] = middle
        slowest = max(opened, key=lambda name: opened[name])
        say(
            "all report queries as their forms open: the middle one",
            f"{statistics.median(opened.values()):.1f} ms, worst {opened[slowest]:.1f} ms ({slowest}), "
            f"{sum(took < 1000 for took in opened.values())} of {len(opened)} below a second",
        )


def peer(folder: Path, size: int) -> None:
    """The point query in rdflib."""
    graph = rdflib.Graph()
    for path in [*vocabulary.law_files(), *vocabulary.case_files()]:
        graph.parse(path, format="turtle")
    middle, slow = median_ms(lambda: list(graph.query(POINT)), 50)
    say("peer: point query in rdflib, curated case only", f"median {middle:.2f} ms, p95 {slow:.2f} ms")


def questions() -> Iterator[tuple[str, SavedQuery, dict[str, str]]]:
    """Every report query with the values to ask it with, and a name for each way of asking."""
    for name in saved.names("report"):
        question = saved.load("report", name)
        yield name, question, {}
        if "dataset" in question.parameters:
            yield f"{name}, dataset=ucdp-ged", question, {"dataset": LARGEST}


def asked(base: KnowledgeBase, name: str, question: SavedQuery, values: dict[str, str]) -> float:
    """Say median, worst and first milliseconds of a question, its rows, and how long it takes once kept; the median.

    It is put to the store each time, but for the last figure; infinite when it was stopped, with what stopped it.
    """
    text = question.bind(values)
    start = time.perf_counter()
    try:
        rows = base.ask(text).rows
        first = time.perf_counter() - start
        times = max(2, min(15, int(_PATIENCE / max(first, 1e-3))))
        taken = timings(lambda: base.ask(text), times)
    except MizanError as error:
        say(name, f"{(time.perf_counter() - start) * 1000:.1f} ms and no answer: {str(error).splitlines()[0]}")
        return math.inf
    middle, worst = statistics.median(taken), taken[-1]
    told = f"{middle:.1f} ms, worst {worst:.1f} ms, first {first * 1000:.1f} ms, {rows:,} rows"
    if middle >= SLOW * 1000:
        told += f", once kept {median_ms(lambda: base.ask_saved(question, values), 3)[0]:.1f} ms"
    say(name, told)
    return middle
