"""What the query service reports of itself: a log line for each query, and figures for Prometheus.

A query's text is never written down: what it looks for can say as much as what it finds. A short digest of it lets
an operator see that the same query came again.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from kb.knowledgebase import KnowledgeBase
from kb.snapshot import Snapshot
from kb.store.base import Answer

LOG = logging.getLogger("mizan.query")
_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
_ROWS = (0, 1, 10, 100, 1_000, 10_000, 100_000)

Triples = Callable[[Snapshot], int | None]  # how many a snapshot has, None while they are counted


@dataclass(frozen=True, slots=True)
class Entry:
    """How one query went: its form, the format asked for, "ok" or the name of an error, seconds, snapshot, answer."""

    form: str
    format: str
    outcome: str
    seconds: float
    snapshot: int
    answer: Answer | None


class Journal:
    """Counts the queries of one application and writes its log."""

    def __init__(self, base: KnowledgeBase, triples: Triples) -> None:
        self.registry = CollectorRegistry()
        self._queries = Counter(
            "mizan_queries", "Queries by form and outcome", ["form", "outcome"], registry=self.registry
        )
        self._seconds = Histogram(
            "mizan_query_seconds", "Time from the request to the whole answer, waiting included", ["outcome"],
            buckets=_SECONDS, registry=self.registry,
        )  # fmt: skip
        self._rows = Histogram(
            "mizan_query_rows", "Rows or triples of an answer", buckets=_ROWS, registry=self.registry
        )
        self._bytes = Counter("mizan_answer_bytes", "Bytes of all answers", registry=self.registry)
        self._responses = Counter("mizan_responses", "HTTP responses by status", ["status"], registry=self.registry)
        self.registry.register(_State(base, triples))

    def enter(self, entry: Entry, query: str) -> None:
        """Log and count a query that was run or stopped."""
        rows, size = (entry.answer.rows, len(entry.answer.body)) if entry.answer else (0, 0)
        self._queries.labels(entry.form, entry.outcome).inc()
        self._seconds.labels(entry.outcome).observe(entry.seconds)
        if entry.answer:
            self._rows.observe(rows)
            self._bytes.inc(size)
        digest = hashlib.sha256(query.encode("utf-8", "surrogatepass")).hexdigest()[:12]
        LOG.info(
            "query=%s form=%s format=%s outcome=%s seconds=%.4f rows=%d bytes=%d snapshot=%d",
            digest, entry.form, entry.format, entry.outcome, entry.seconds, rows, size, entry.snapshot,
        )  # fmt: skip

    def responded(self, status: int) -> None:
        """Count a response of any page."""
        self._responses.labels(str(status)).inc()

    def figures(self) -> bytes:
        """All figures in the text format of Prometheus."""
        return generate_latest(self.registry)


class _State(Collector):
    """What is read off at the moment of asking: workers, queries running and waiting, the snapshot."""

    def __init__(self, base: KnowledgeBase, triples: Triples) -> None:
        self._base, self._triples = base, triples

    def describe(self) -> list[Metric]:
        return []  # else it would be collected, and the workers started, when it is registered

    def collect(self) -> Iterator[Metric]:
        load, at = self._base.pool().load(), self._base.snapshot()
        yield GaugeMetricFamily("mizan_workers", "Query workers alive", load.workers)
        yield GaugeMetricFamily("mizan_queries_running", "Queries running", load.running)
        yield GaugeMetricFamily("mizan_queries_waiting", "Queries waiting for a worker", load.waiting)
        replaced = CounterMetricFamily("mizan_workers_replaced", "Query workers ended", labels=["reason"])
        for reason, number in sorted(load.replaced.items()):
            replaced.add_metric([reason], number)
        yield replaced
        yield GaugeMetricFamily("mizan_snapshot_number", "The snapshot that readers see", at.number)
        triples = self._triples(at)
        if triples is not None:
            yield GaugeMetricFamily("mizan_snapshot_triples", "Triples in it", triples)
