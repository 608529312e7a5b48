"""Keeps query workers ready, hands each question to one of them, and kills the one that runs too long."""

from __future__ import annotations

import threading
from collections import Counter, deque
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

from kb import errors
from kb.errors import AnswerTooLarge, ClientGone, MizanError, QueryInvalid, QueryTimeout
from kb.query.desk import Asker, Desk
from kb.query.guard import allowed_calls, form_of
from kb.query.policy import Policy
from kb.query.process import Died, WorkerProcess
from kb.store.base import GRAPH_FORMATS, TABLE_FORMATS, TABLE_FORMS, Answer, Limits, Scope


class QueryFailed(MizanError):
    """The store failed while it answered."""

    title = "The query failed"


class Unfit(QueryFailed):
    """This kind of worker does not answer the query; another has to."""


@dataclass(frozen=True, slots=True)
class Load:
    """How busy a pool is: workers alive, queries running and waiting, and workers replaced so far by reason."""

    workers: int
    running: int
    waiting: int
    replaced: dict[str, int]


class QueryPool:
    """A few workers shared by all threads. Close it, or use it as a context manager."""

    def __init__(
        self, size: int = 2, limits: Limits | None = None, policy: Policy | None = None,
        module: str = "kb.query.worker",
    ) -> None:  # fmt: skip
        self.policy = policy or Policy()
        self.limits = limits or self.policy.limits
        self._desk = Desk(size, self.policy)
        self._free: deque[WorkerProcess] = deque()  # who was used last is used next: it has the store open
        self._all: set[WorkerProcess] = set()
        self._replaced: Counter[str] = Counter()
        self._closed = False
        self._module = module
        for _ in range(size):
            self._free.append(self._new())

    def __enter__(self) -> QueryPool:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def ask(
        self, store: Path, query: str, name: str, limits: Limits | None = None, *,
        asker: Asker | None = None, scope: Scope | None = None,
    ) -> Answer:  # fmt: skip
        """Run a query over the store copy in folder `store`; the answer is serialised as format `name`.

        Raises the query errors of kb.errors; an answer is whole or there is none. Without an asker it is one of
        the pages, which come first.
        """
        limits, scope, asker = limits or self.limits, scope or Scope(), asker or Asker()
        form = form_of(query, self.policy.services)
        check_format(form, name)
        request = {
            "store": str(store), "query": query, "form": form, "format": name,
            "rows": limits.rows, "bytes": limits.bytes, "seconds": limits.seconds,
            "base": scope.base, "default": scope.default, "named": scope.named,
            "calls": allowed_calls(query, self.policy.services) if self.policy.services else [],
        }  # fmt: skip
        self._desk.enter(asker, limits.seconds)
        head, body = self._run(asker, request, limits)
        if head.get("error") == "MemoryError":
            raise self._out_of_memory()
        if "error" in head:
            raise _error(head)
        return Answer(head["media_type"], body, head["rows"])

    def close(self) -> None:
        """End all workers."""
        self._closed = True
        for worker in list(self._all):
            worker.kill()
        self._all.clear()

    def processes(self) -> int:
        """How many workers are alive."""
        return sum(1 for worker in list(self._all) if worker.alive())

    def load(self) -> Load:
        """How busy the pool is now."""
        running, waiting = self._desk.counts()
        return Load(self.processes(), running, waiting, dict(self._replaced))

    def _run(self, asker: Asker, request: dict[str, Any], limits: Limits) -> tuple[dict[str, Any], bytes]:
        """Ask a worker, with the place at the desk that the caller has taken; it is given back here."""
        worker = self._free.pop()
        while not worker.alive():  # it was ended from outside while it waited
            self._end(worker, "ended from outside")
            worker = self._new()
        try:
            answer = worker.ask(request, limits.seconds, asker.gone)
        except TimeoutError:
            self._renew(asker, worker, "too slow")
            raise QueryTimeout(
                f"The query ran longer than {limits.seconds:g} s and was stopped",
                "no part of an answer is shown",
                "Narrow the pattern, add a LIMIT, or start from one incident, provision or date.",
            ) from None
        except Died:
            killed = worker.killed()
            self._renew(asker, worker, "ended from outside" if killed else "out of memory")
            raise _stopped() if killed else self._out_of_memory() from None
        except BaseException as error:
            self._renew(asker, worker, "client gone" if isinstance(error, ClientGone) else "failed")
            raise
        self._free.append(worker)
        self._desk.leave(asker)
        return answer

    def _out_of_memory(self) -> AnswerTooLarge:
        return AnswerTooLarge(
            "The query needed more memory than it may have",
            f"the cap is {self.limits.memory // 2**20:,} MiB and its process ended",
            "Narrow the pattern, or leave out ORDER BY and GROUP BY over everything.",
        )

    def _renew(self, asker: Asker, worker: WorkerProcess, reason: str) -> None:
        """End a worker and start another; its place opens when that one is ready, so that nobody waits for it."""
        self._end(worker, reason)
        fresh = self._new()
        self._desk.leave(asker, renewing=True)

        def start() -> None:
            try:
                fresh.start()
            except (TimeoutError, Died, OSError, ValueError):  # the last two when the pool closes meanwhile
                fresh.kill()  # who gets it next sees that it is dead, and starts another
            self._free.appendleft(fresh)
            self._desk.renewed()

        threading.Thread(target=start, name="query worker start", daemon=True).start()

    def _end(self, worker: WorkerProcess, reason: str) -> None:
        worker.kill()
        self._all.discard(worker)
        self._replaced[reason] += 1

    def _new(self) -> WorkerProcess:
        worker = WorkerProcess(self.limits.memory, self.policy.services, self._module)
        self._all.add(worker)
        if self._closed:  # while this one was started
            worker.kill()
        return worker


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
    own = {"QueryFailed": QueryFailed, "Unfit": Unfit}
    kind = own[head["error"]] if head["error"] in own else getattr(errors, head["error"])
    if kind is QueryInvalid:
        place = {key: head[key] for key in ("line", "column", "excerpt")}
        return QueryInvalid(head["what"], head["why"], head["hint"], **place)
    error: MizanError = kind(head["what"], head.get("why", ""), head.get("hint", ""))
    return error
