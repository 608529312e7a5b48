"""Records checked by pySHACL, the reference engine, in batches and over all cores."""

from __future__ import annotations

import multiprocessing
import os
import threading
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field
from functools import lru_cache
from types import TracebackType

from pyoxigraph import NamedNode, Triple
from rdflib import Graph, URIRef
from rdflib.namespace import RDF, SH
from rdflib.term import Node

from kb import paths
from kb.canonical import ntriples
from kb.errors import MizanError
from kb.ns import RDF as NS_RDF
from kb.record import Record, owner, subject

BATCH = 150  # records a pySHACL run: larger batches gain nothing, smaller ones repeat its fixed cost
Context = Callable[[Iterable[str]], Iterable[Triple]]
"""Gives the types of nodes that the records point to and that stand elsewhere."""


@dataclass(frozen=True, slots=True, order=True)
class Finding:
    """One SHACL result: where, which value, which rule, how grave, and what to do, by language tag."""

    record: str
    focus: str
    path: str
    value: str
    shape: str
    component: str
    severity: str
    messages: tuple[tuple[str, str], ...] = field(compare=False)

    def message(self, language: str = "en") -> str:
        """The rule in the language asked for, else in any."""
        found = dict(self.messages)
        return found.get(language) or next(iter(found.values()), self.component)


class ValidationStopped(MizanError):
    """The processes that validate were ended from outside."""


class Validator:
    """Checks records against the shipped shapes. As a context manager it keeps processes for large inputs."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._pool: ProcessPoolExecutor | None = None

    def __enter__(self) -> Validator:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)

    def validate(self, records: Sequence[Record]) -> list[Finding]:
        """All findings about `records`, sorted; empty when they conform."""
        types = _types(records) if len(records) > BATCH else {}
        jobs = []
        for start in range(0, len(records), BATCH):
            batch = records[start : start + BATCH]
            named = frozenset(r.iri for r in batch)
            elsewhere = _referenced(batch, named)
            inside = [t for node in elsewhere & types.keys() for t in types[node]]
            outside = self._context(sorted(elsewhere - types.keys()))
            jobs.append((ntriples(t for part in (inside, outside, *(r.triples for r in batch)) for t in part), named))
        return sorted(f for found in self._run(jobs) for f in found)

    def _run(self, jobs: list[tuple[str, frozenset[str]]]) -> Iterable[list[Finding]]:
        if len(jobs) < 2:
            return [check(*job) for job in jobs]
        if self._pool is None:
            spawn = multiprocessing.get_context("spawn")  # forking with the store's threads open is not safe
            self._pool = ProcessPoolExecutor(os.cpu_count() or 1, mp_context=spawn, initializer=_end_with_parent)
        try:
            return list(self._pool.map(check, *zip(*jobs, strict=True)))
        except BrokenProcessPool:
            raise ValidationStopped(
                "The validation stopped", "one of its processes was ended, most likely for lack of memory",
                "Free some memory and run the same command again; nothing was written.",
            ) from None  # fmt: skip


def _end_with_parent() -> None:
    """In a process of the pool: end when the parent is gone, which a killed one cannot ask for any more."""
    parent = multiprocessing.parent_process()
    assert parent is not None

    def wait() -> None:
        parent.join()
        os._exit(1)

    threading.Thread(target=wait, daemon=True).start()


def check(text: str, records: frozenset[str]) -> list[Finding]:
    """Run pySHACL over N-Triples `text`; only results about nodes of `records` count."""
    import pyshacl  # half a second to import: only where a record is checked

    data = Graph(bind_namespaces="none")
    data.parse(data=text, format="nt")
    _, report, _ = pyshacl.validate(data, shacl_graph=shapes(), inplace=True, advanced=False, meta_shacl=False)
    assert isinstance(report, Graph)
    found = []
    for result in report.subjects(RDF.type, SH.ValidationResult):
        finding = _finding(report, result)
        if finding.record in records:
            found.append(finding)
    return found


@lru_cache(maxsize=1)
def shapes() -> Graph:
    """The shipped shapes for records, parsed once a process."""
    graph = Graph(bind_namespaces="none")
    for path in sorted((paths.shipped("ontology") / "shapes").glob("*.ttl")):
        if path.stem != "meta":
            graph.parse(path, format="turtle")
    return graph


def _finding(report: Graph, result: Node) -> Finding:
    def value(predicate: URIRef) -> str:
        found = report.value(result, predicate)
        return "" if found is None else str(found)

    focus = value(SH.focusNode)
    # pySHACL 0.40 drops the language tags of messages of SPARQL constraints, so the shape is asked first.
    written = [*shapes().objects(report.value(result, SH.sourceShape), SH.message)]
    messages = sorted(
        (getattr(m, "language", None) or "en", str(m)) for m in written or report.objects(result, SH.resultMessage)
    )
    return Finding(
        owner(focus), focus, value(SH.resultPath), value(SH.value), value(SH.sourceShape),
        value(SH.sourceConstraintComponent).rpartition("#")[2], value(SH.resultSeverity).rpartition("#")[2],
        tuple(messages),
    )  # fmt: skip


def _types(records: Iterable[Record]) -> dict[str, list[Triple]]:
    """The types of all nodes of the input, since its records may point to each other across batches."""
    types: dict[str, list[Triple]] = {}
    for record in records:
        for triple in record.triples:
            if triple.predicate == NS_RDF.type:
                types.setdefault(subject(triple), []).append(triple)
    return types


def _referenced(records: Iterable[Record], known: frozenset[str]) -> set[str]:
    """The nodes outside `known` records that these records point to."""
    return {
        t.object.value
        for r in records
        for t in r.triples
        if isinstance(t.object, NamedNode) and t.predicate != NS_RDF.type and owner(t.object.value) not in known
    }
