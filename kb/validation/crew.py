"""Batches of records examined here or in processes of their own, which learn the classes of other nodes as they go."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field
from itertools import count
from types import TracebackType
from typing import ParamSpec, TypeVar

from kb import process
from kb.errors import MizanError
from kb.validation import compiled, oracle
from kb.validation.compiled import Examined
from kb.validation.facts import Types
from kb.validation.finding import Finding
from kb.validation.settle import Nodes, digested

KNOWN = 100_000  # nodes whose classes a process remembers
Resolve = Callable[[Iterable[str]], Types]
"""The classes of nodes; a node that is missing from the answer is not known yet."""
P = ParamSpec("P")
T = TypeVar("T")
_RUNS = count()


class ValidationStopped(MizanError):
    """The processes that validate were ended from outside."""


@dataclass(slots=True)
class Job:
    """A batch on its way, with the classes found for it so far."""

    texts: list[str]
    types: dict[str, Sequence[str]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Batch:
    """What came of a batch: its findings, its nodes when they are to be remembered, and the records left over."""

    findings: list[Finding]
    nodes: Nodes
    unknown: list[str]  # point to a node that is not known
    linked: list[str]  # need the triples of other records


class Crew:
    """Runs functions over batches: in `processes` of their own, or in this one when there is to be only one."""

    def __init__(self, processes: int) -> None:
        self._processes = processes
        self._pool: ProcessPoolExecutor | None = None

    def __enter__(self) -> Crew:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)

    def examine(
        self, batches: Iterator[list[str]], resolve: Resolve, *, joined: bool = False, remember: bool = False
    ) -> Iterator[Batch]:
        """Each batch examined by the compiled shapes; `resolve` is asked for what a record lacks.

        With `joined`, each text holds all the records that bear on each other by more than their classes.
        """
        run, known = (os.getpid(), next(_RUNS)), dict[str, Sequence[str]]()
        running: deque[tuple[Job, Future[tuple[Examined, Nodes]]]] = deque()

        def send(job: Job, remember: bool) -> None:
            here = resolve if self._processes == 1 else None  # another process cannot ask
            running.append((job, self._send(_examine, run, job, joined, remember, here)))

        more = True
        while more or running:
            while more and len(running) < 2 * self._processes:
                texts = next(batches, None)
                more = texts is not None
                if texts is not None:
                    send(Job(texts), remember)
            if running:
                job, future = running.popleft()
                done, nodes = self._result(future)
                again, left = _sort_out(job, done, known, resolve)
                yield Batch(done.findings, nodes, left, [job.texts[index] for index, _ in done.linked])
                if again is not None:
                    send(again, False)

    def reference(self, batches: Iterable[tuple[list[str], Types]]) -> Iterator[list[Finding]]:
        """Each batch checked by pySHACL."""
        running = [self._send(_refer, texts, types) for texts, types in batches]
        for future in running:
            yield self._result(future)

    def _send(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        if self._processes == 1:
            done: Future[T] = Future()
            done.set_result(function(*args, **kwargs))
            return done
        if self._pool is None:
            self._pool = process.pool(self._processes)
        try:
            return self._pool.submit(function, *args, **kwargs)
        except BrokenProcessPool:
            raise _stopped() from None

    def _result(self, future: Future[T]) -> T:
        try:
            return future.result()
        except BrokenProcessPool:
            raise _stopped() from None


def _sort_out(
    job: Job, done: Examined, known: dict[str, Sequence[str]], resolve: Resolve
) -> tuple[Job | None, list[str]]:
    """The records of a batch to examine again, now with what they lacked, and those that still lack something."""
    if not done.waiting:
        return None, []
    lacking = {node for _, nodes in done.waiting for node in nodes}
    if len(known) > KNOWN:
        known.clear()
    known.update(resolve(lacking - known.keys()))
    again = Job([], {**job.types, **{node: known[node] for node in lacking & known.keys()}})
    left: list[str] = []
    for index, nodes in done.waiting:
        (again.texts if nodes <= known.keys() else left).append(job.texts[index])
    return (again if again.texts else None), left


_learnt: dict[tuple[int, int], dict[str, Sequence[str]]] = {}  # in the run that is under way


def _known(run: tuple[int, int]) -> dict[str, Sequence[str]]:
    """The classes learnt in a run: one mapping as long as no class in it changes, as the compiled shapes want it."""
    known = _learnt.get(run)
    if known is None or len(known) > KNOWN:
        _learnt.clear()
        known = _learnt[run] = {}
    return known


def _examine(
    run: tuple[int, int], job: Job, joined: bool, remember: bool, resolve: Resolve | None
) -> tuple[Examined, Nodes]:
    """In a process of the crew: examine a batch with all classes learnt in this run, and those that `resolve` knows."""
    known = _known(run)
    known.update(job.types)
    learn = None if resolve is None else lambda nodes: known.update(resolve(nodes))
    done = compiled.shipped().examine(job.texts, known, joined=joined, remember=remember, learn=learn)
    nodes, done.nodes = digested(done.nodes), {}
    return done, nodes


def _refer(texts: list[str], types: Types) -> list[Finding]:
    """In a process of the crew: pySHACL on a batch."""
    return oracle.check(texts, types, oracle.shapes())


def _stopped() -> ValidationStopped:
    return ValidationStopped(
        "The validation stopped", "one of its processes was ended, most likely for lack of memory",
        "Free some memory and run the same command again; nothing was written.",
    )  # fmt: skip
