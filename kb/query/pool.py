"""Keeps query workers ready, hands each question to one of them, and kills the one that runs too long."""

from __future__ import annotations

import json
import os
import queue
import select
import signal
import struct
import subprocess
import sys
import time
from pathlib import Path
from types import TracebackType
from typing import Any

from kb import errors
from kb.errors import AnswerTooLarge, MizanError, QueryInvalid, QueryTimeout
from kb.query.guard import form_of
from kb.query.worker import write_frame
from kb.store.base import GRAPH_FORMATS, TABLE_FORMATS, TABLE_FORMS, Answer, Limits

_START_SECONDS = 20.0


class QueryFailed(MizanError):
    """The store failed while it answered."""

    title = "The query failed"


class _Died(Exception):
    """The process of a worker ended."""


class _Worker:
    """One process and its two pipes."""

    def __init__(self, memory: int) -> None:
        command = [sys.executable, "-P", "-m", "kb.query.worker", str(memory)]
        root = str(Path(__file__).resolve().parents[2])
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={"PATH": os.defpath, "PYTHONPATH": root, "LC_ALL": "C.UTF-8"},
            start_new_session=True,
        )
        self._ready = False
        self.network = True

    def ask(self, request: dict[str, Any], seconds: float) -> tuple[dict[str, Any], bytes]:
        """Send a request and wait for the answer; TimeoutError past `seconds`, _Died when the process ended."""
        assert self._process.stdin is not None
        if not self._ready:
            self.network = bool(self._frame_json(time.monotonic() + _START_SECONDS)["network"])
            self._ready = True
        deadline = time.monotonic() + seconds
        try:
            write_frame(self._process.stdin, json.dumps(request).encode())
        except BrokenPipeError:
            raise _Died from None
        return self._frame_json(deadline), self._frame(deadline)

    def alive(self) -> bool:
        """Whether the process still runs."""
        return self._process.poll() is None

    def killed(self) -> bool:
        """Whether the process ended by a signal that it did not raise itself."""
        return self._process.wait() == -signal.SIGKILL

    def kill(self) -> None:
        """End the process at once."""
        self._process.kill()
        self._process.wait()
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None:
                try:
                    stream.close()
                except BrokenPipeError:
                    continue  # what was buffered for a dead process is of no use

    def _frame_json(self, deadline: float) -> dict[str, Any]:
        value: dict[str, Any] = json.loads(self._frame(deadline))
        return value

    def _frame(self, deadline: float) -> bytes:
        (length,) = struct.unpack(">I", self._read(4, deadline))
        return self._read(length, deadline)

    def _read(self, length: int, deadline: float) -> bytes:
        assert self._process.stdout is not None
        handle = self._process.stdout.fileno()
        parts, missing = [], length
        while missing:
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([handle], [], [], left)[0]:
                raise TimeoutError
            part = os.read(handle, min(missing, 1 << 20))
            if not part:
                raise _Died
            parts.append(part)
            missing -= len(part)
        return b"".join(parts)


class QueryPool:
    """A few workers shared by all threads. Close it, or use it as a context manager."""

    def __init__(self, size: int = 2, limits: Limits | None = None) -> None:
        self.limits = limits or Limits()
        self._free: queue.LifoQueue[_Worker] = queue.LifoQueue()
        self._all: set[_Worker] = set()
        for _ in range(size):
            self._start()

    def __enter__(self) -> QueryPool:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def ask(self, store: Path, query: str, name: str, limits: Limits | None = None) -> Answer:
        """Run a query over the store copy in folder `store`; the answer is serialised as format `name`.

        Raises the query errors of kb.errors; an answer is whole or there is none.
        """
        limits = limits or self.limits
        form = form_of(query)
        check_format(form, name)
        request = {
            "store": str(store), "query": query, "form": form, "format": name,
            "rows": limits.rows, "bytes": limits.bytes, "seconds": limits.seconds,
        }  # fmt: skip
        worker = self._take(limits.seconds)
        try:
            head, body = worker.ask(request, limits.seconds)
        except TimeoutError:
            self._replace(worker)
            raise QueryTimeout(
                f"The query ran longer than {limits.seconds:g} s and was stopped",
                "no part of an answer is shown",
                "Narrow the pattern, add a LIMIT, or start from one incident, provision or date.",
            ) from None
        except _Died:
            killed = worker.killed()
            self._replace(worker)
            raise _stopped() if killed else self._out_of_memory() from None
        except BaseException:
            self._replace(worker)
            raise
        self._free.put(worker)
        if head.get("error") == "MemoryError":
            raise self._out_of_memory()
        if "error" in head:
            raise _error(head)
        return Answer(head["media_type"], body, head["rows"])

    def close(self) -> None:
        """End all workers."""
        for worker in list(self._all):
            worker.kill()
        self._all.clear()

    def processes(self) -> int:
        """How many workers are alive."""
        return sum(1 for worker in self._all if worker.alive())

    def _out_of_memory(self) -> AnswerTooLarge:
        return AnswerTooLarge(
            "The query needed more memory than it may have",
            f"the cap is {self.limits.memory // 2**20:,} MiB and its process ended",
            "Narrow the pattern, or leave out ORDER BY and GROUP BY over everything.",
        )

    def _take(self, seconds: float) -> _Worker:
        try:
            while not (worker := self._free.get(timeout=seconds)).alive():
                self._replace(worker)  # it was ended from outside while it waited
            return worker
        except queue.Empty:
            raise QueryTimeout(
                "All query workers are busy", f"none came free in {seconds:g} s", "Try again in a moment."
            ) from None

    def _replace(self, worker: _Worker) -> None:
        worker.kill()
        self._all.discard(worker)
        self._start()

    def _start(self) -> None:
        worker = _Worker(self.limits.memory)
        self._all.add(worker)
        self._free.put(worker)


def check_format(form: str, name: str) -> None:
    """Refuse a format that does not fit the query form, naming those that do."""
    fitting = TABLE_FORMATS if form in TABLE_FORMS else GRAPH_FORMATS
    if name not in fitting:
        raise QueryInvalid(f"{form} cannot be answered as {name}", "", f"Use {', '.join(fitting)}.")


def _stopped() -> QueryFailed:
    return QueryFailed(
        "The process that ran the query was ended from outside", "the machine may be short of memory",
        "Ask again, or narrow the pattern.",
    )  # fmt: skip


def _error(head: dict[str, Any]) -> MizanError:
    kind = QueryFailed if head["error"] == "QueryFailed" else getattr(errors, head["error"])
    if kind is QueryInvalid:
        place = {key: head[key] for key in ("line", "column", "excerpt")}
        return QueryInvalid(head["what"], head["why"], head["hint"], **place)
    error: MizanError = kind(head["what"], head.get("why", ""), head.get("hint", ""))
    return error
