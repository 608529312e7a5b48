"""Validation of records: those of one form, of a file, or of a stream that no memory would hold."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from types import TracebackType
from typing import Literal

from pyoxigraph import Triple

from kb import process
from kb.record import Record, owner
from kb.validation import compiled
from kb.validation.crew import Crew
from kb.validation.facts import Types, record_of, types_in, types_of
from kb.validation.finding import Finding
from kb.validation.settle import Seen

BATCH = 150  # records that go to a process at once, and to pySHACL in one run
FEW = 3000  # up to so many records this process is done before others would have started
Context = Callable[[Iterable[str]], Iterable[Triple]]
"""Gives the types of nodes that the records point to and that stand elsewhere."""


class Validator:
    """Checks records against the shipped shapes. As a context manager it keeps processes for large inputs.

    The compiled shapes are used for one record as for a million: the tests hold them equal to pySHACL result by
    result, and with one engine for both, a form cannot accept what an import refuses. `engine="pyshacl"` asks the
    reference engine instead, which those tests need.
    """

    def __init__(
        self, context: Context, engine: Literal["compiled", "pyshacl"] = "compiled", processes: int | None = None
    ) -> None:
        self._context = context
        self._engine = engine
        self._here = Crew(1)
        self._crew = Crew(processes or process.cores())

    def __enter__(self) -> Validator:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._crew.__exit__(kind, error, trace)

    def validate(self, records: Sequence[Record]) -> list[Finding]:
        """All findings about `records`, sorted; empty when they conform.

        The records are taken together: what one of them says of its nodes counts for the others, and the context is
        asked only about nodes of records that are not among them.
        """
        texts = {record.iri: record.text for record in records}
        resolve = self._resolver(texts)
        if self._engine == "pyshacl":
            jobs = [(batch, _foreign(batch, resolve)) for batch in _batches(iter(_together(texts)))]
            crew = self._crew if len(jobs) > 1 else self._here
            return sorted(f for found in crew.reference(jobs) for f in found)
        # a shape that is left to pySHACL makes every record slow
        few = BATCH if compiled.shipped().refused else FEW
        crew = self._crew if len(texts) > few else self._here
        findings: list[Finding] = []
        linked: list[str] = []
        for done in crew.examine(_batches(iter(texts.values())), resolve):
            findings += done.findings
            linked += done.linked
        if linked:
            groups = _together(texts, linked)
            again = {record_of(line.partition(" ")[0]) for text in groups for line in text.split("\n") if line}
            findings = [f for f in findings if f.record not in again]
            batches = _batches(iter(groups))
            findings += [f for done in self._here.examine(batches, resolve, joined=True) for f in done.findings]
        return sorted(findings)

    def stream(self, texts: Iterable[str]) -> Iterator[Finding]:
        """The findings about records given one after the other as canonical N-Triples, as soon as they are known.

        Memory does not grow with the records but for eight bytes a node: a record that points to a node whose class
        counts, and which the context does not know, waits in a file until the input has ended and is then judged by
        what the input said. A class that the context knows counts even where a record of the input says another.
        Only a few rules about the law ask for triples of other records: what points to another record so waits too,
        and is judged together with those that wait beside it.
        """
        first = list(islice(texts := iter(texts), FEW + 1))
        crew = self._crew if len(first) > FEW else self._here

        def resolve(nodes: Iterable[str]) -> Types:
            return {node: kinds for node, kinds in self._outside(nodes).items() if kinds}

        with Seen() as seen:
            for done in crew.examine(_batches(_chain(first, texts)), resolve, remember=True):
                yield from done.findings
                seen.note(done.nodes)
                for text in (*done.unknown, *done.linked):
                    seen.keep(text)
            last = (_together(dict(enumerate(batch))) for batch in seen.waiting(BATCH))
            for done in crew.examine(last, lambda nodes: seen.types(nodes, self._outside), joined=True):
                yield from done.findings

    def _resolver(self, texts: dict[str, str]) -> Callable[[Iterable[str]], Types]:
        """The classes of nodes by these records, and of nodes that belong to none of them by the context."""
        inside: dict[str, dict[str, list[str]]] = {}

        def resolve(nodes: Iterable[str]) -> Types:
            found: dict[str, Sequence[str]] = {}
            outside = []
            for node in nodes:
                record = record_of(node)
                if record in texts:
                    if record not in inside:
                        inside[record] = types_in(texts[record])
                    found[node] = inside[record].get(node, ())
                else:
                    outside.append(node)
            return {**found, **self._outside(outside)}

        return resolve

    def _outside(self, nodes: Iterable[str]) -> dict[str, Sequence[str]]:
        """The classes of nodes by the context: every node asked for is there, with none when it is not known."""
        asked = sorted(nodes)
        found = types_of(self._context([node[1:-1] for node in asked])) if asked else {}
        return {node: found.get(node, ()) for node in asked}


def _together(texts: dict[str, str] | dict[int, str], linked: Sequence[str] | None = None) -> list[str]:
    """The texts of records; those that bear on each other by more than their classes make one text.

    With `linked`, which are the texts that point to other records so, only these and what they point to.
    """
    checker = compiled.shipped()
    by_record = {owner(text[1 : text.index(">")]): text for text in texts.values() if text}
    if linked is not None:
        partners = {partner for text in linked for partner in checker.partners(text)}
        chosen = partners | {owner(text[1 : text.index(">")]) for text in linked}
        by_record = {record: text for record, text in by_record.items() if record in chosen}
    leader = {record: record for record in by_record}

    def first(record: str) -> str:
        while leader[record] != record:
            record = leader[record]
        return record

    for record, text in by_record.items():
        for other in checker.partners(text) & by_record.keys():
            leader[first(record)] = first(other)
    groups: dict[str, list[str]] = {}
    for record, text in by_record.items():
        groups.setdefault(first(record), []).append(text)
    return ["".join(group) for group in groups.values()]


def _chain(first: Iterable[str], rest: Iterator[str]) -> Iterator[str]:
    yield from first
    yield from rest


def _batches(texts: Iterator[str]) -> Iterator[list[str]]:
    while batch := list(islice(texts, BATCH)):
        yield batch


def _foreign(batch: list[str], resolve: Callable[[Iterable[str]], Types]) -> Types:
    """The classes of all nodes that a batch points to in records outside it."""
    lines = [line for text in batch for line in text.split("\n") if line]
    own = {record_of(line[: line.index(" ")]) for line in lines}
    objects = {line[:-2].rpartition(" ")[2] for line in lines if line.endswith("> .")}
    return resolve({node for node in objects if node[0] == "<" and record_of(node) not in own})
