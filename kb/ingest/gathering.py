"""Brings together the triples of each record of an RDF file, wherever in it they stand, without holding the file.

Lines are sorted by record in pieces, each written as a run, and the runs are merged. What comes out is one file of
packed records in the order of their IRIs, with an index, from which parts and single records are read.
"""

from __future__ import annotations

import gzip
import heapq
import os
import sqlite3
import zlib
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass
from hashlib import blake2b
from itertools import chain, groupby, islice
from operator import itemgetter
from pathlib import Path
from types import TracebackType
from typing import IO

from kb.errors import BadFile
from kb.ns import DCTERMS
from kb.record import refuse_tier

BUDGET = 64 << 20  # characters of lines that are held at once
LARGEST_RECORD = 64 << 20  # characters of one record, which is always held whole
_FAN = 100  # runs that are merged at once: each is an open file
_ACCESS = f"> {DCTERMS.accessRights} "
_TABLES = """
PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF;
CREATE TABLE place (key BLOB PRIMARY KEY, offset INT) WITHOUT ROWID;
CREATE TABLE together (iri TEXT PRIMARY KEY);
CREATE TABLE part (number INTEGER PRIMARY KEY, start INT, end INT, records INT);
"""
Group = tuple[str, list[str]]
"""A record and lines about it, sorted, none twice."""
Partners = Callable[[str], Collection[str]]
"""The other records whose triples, not their classes alone, bear on one with this text."""


class Gathering:
    """The lines of a file by record, as far as memory allows; the rest in runs."""

    def __init__(self) -> None:
        self.groups: dict[str, set[str]] = {}
        self._held = 0
        self._runs: list[Path] = []

    def take(self, lines: Iterator[tuple[str, str]], most: int) -> bool:
        """Take lines until there are no more; whether they came to an end before more than `most` records were met."""
        groups = self.groups
        for iri, line in lines:
            group = groups.get(iri)
            if group is None:
                group = groups[iri] = set()
            if line not in group:
                group.add(line)
                self._held += len(line)
                if self._held > BUDGET:
                    return False
            if len(groups) > most:
                return False
        return True

    def spill(self, folder: Path) -> None:
        """Write what is held as a run; DoesNotConform at a record that is not public."""
        for iri, lines in self.groups.items():
            for line in lines:
                if _ACCESS in line:
                    _refuse_restricted(iri, line)
        path = folder / f"{len(self._runs):06d}.run.gz"
        _write_run(path, ((iri, sorted(self.groups[iri])) for iri in sorted(self.groups)))
        self._runs.append(path)
        self.groups, self._held = {}, 0

    def merged(self, folder: Path) -> Iterator[Group]:
        """All that was spilt, one group a record, sorted."""
        number = 0
        while len(self._runs) > _FAN:
            first, self._runs = self._runs[:_FAN], self._runs[_FAN:]
            path, number = folder / f"{number:06d}.merged.gz", number + 1
            _write_run(path, _merge(first))
            for run in first:
                run.unlink()
            self._runs.append(path)
        yield from _merge(self._runs)
        for run in self._runs:
            run.unlink()


def _refuse_restricted(iri: str, line: str) -> None:
    subject, _, value = line.split(" ", 2)
    tier = value[1:-4].rpartition("/")[2] if value.startswith("<") else "unknown"
    if subject == f"<{iri}>":
        refuse_tier(iri, tier)


def _write_run(path: Path, groups: Iterable[Group]) -> None:
    with gzip.open(path, "wt", compresslevel=1, encoding="utf-8", newline="\n") as out:
        for iri, lines in groups:
            out.write(f"{iri}\t{len(lines)}\n")
            out.writelines(lines)


def _read_run(path: Path) -> Iterator[Group]:
    with gzip.open(path, "rt", encoding="utf-8", newline="\n") as lines:
        for head in lines:
            iri, _, count = head.rpartition("\t")
            yield iri, list(islice(lines, int(count)))


def _merge(runs: list[Path]) -> Iterator[Group]:
    """The groups of several runs, those of one record joined."""
    found = heapq.merge(*map(_read_run, runs), key=itemgetter(0))
    for iri, parts in groupby(found, itemgetter(0)):
        lines: list[str] = []
        size = 0
        for _, part in parts:
            size += sum(map(len, part))
            if size > LARGEST_RECORD:
                raise BadFile(f"The record {iri} is larger than 64 MiB", "", "Split it into several records.")
            lines = list(set(lines).union(part)) if lines else part
        yield iri, sorted(lines)


@dataclass(frozen=True, slots=True)
class Part:
    """Some records that stand beside each other in the file of all: where, and how many."""

    number: int
    start: int
    end: int
    records: int


class Gathered:
    """The records of a file, gathered in a folder; opened by any process."""

    def __init__(self, folder: Path) -> None:
        self._file = _data(folder).open("rb")
        self._index = sqlite3.connect(f"{_index(folder).resolve().as_uri()}?mode=ro", uri=True, check_same_thread=False)
        self._together = {row[0] for row in self._index.execute("SELECT iri FROM together")}

    def __enter__(self) -> Gathered:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()
        self._index.close()

    def parts(self) -> list[Part]:
        """The parts of the file, numbered from 1; the last is that of records with partners, if there are some."""
        found = [Part(*row) for row in self._index.execute("SELECT number, start, end, records FROM part ORDER BY 1")]
        return [*found, Part(len(found) + 1, 0, 0, 0)] if self._together else found

    def read(self, part: Part) -> Iterator[Group]:
        """The records of a part, in order."""
        if part.end == 0:
            for iri in sorted(self._together):
                yield iri, self.find(iri) or []
            return
        self._file.seek(part.start)
        data = self._file.read(part.end - part.start)
        at = 0
        while at < len(data):
            group = _group(data, at)
            if group[0] not in self._together:
                yield group
            at += 4 + int.from_bytes(data[at : at + 4], "big")

    def find(self, iri: str) -> list[str] | None:
        """The lines of one record; None when the file says nothing of it."""
        found = self._index.execute("SELECT offset FROM place WHERE key = ?", (key(iri),)).fetchone()
        if found is None:
            return None
        self._file.seek(found[0])
        size = self._file.read(4)
        return _group(size + self._file.read(int.from_bytes(size, "big")), 0)[1]


def gathered(folder: Path) -> bool:
    """Whether the records of a file stand in this folder already, all of them."""
    return _index(folder).exists()


def gather(groups: Iterable[Group], folder: Path, size: int, partners: Partners = lambda text: ()) -> None:
    """Write records into a folder, in parts of `size`; they count only when this has returned.

    Records with `partners`, of which there are few, and these make a part of their own.
    """
    unfinished = folder / "records.unfinished"
    unfinished.unlink(missing_ok=True)
    index = sqlite3.connect(unfinished, isolation_level=None)
    try:
        index.executescript(_TABLES)
        index.execute("BEGIN")
        with _data(folder).open("wb") as data:
            _write(_parts(groups, size), data, index, partners)
            data.flush()
            os.fsync(data.fileno())
        index.execute("COMMIT")
    finally:
        index.close()
    unfinished.rename(_index(folder))


def _write(
    parts: Iterable[Iterable[tuple[str, str]]], data: IO[bytes], index: sqlite3.Connection, partners: Partners
) -> None:
    together = set[str]()
    for number, part in enumerate(parts, 1):
        start, count = data.tell(), 0
        for iri, text in part:
            index.execute("INSERT INTO place VALUES (?, ?)", (key(iri), data.tell()))
            packed = zlib.compress(f"{iri}\n{text}".encode(), 1)
            data.write(len(packed).to_bytes(4, "big") + packed)
            count += 1
            if others := partners(text):
                together.update([iri, *others])
        index.execute("INSERT INTO part VALUES (?, ?, ?, ?)", (number, start, data.tell(), count))
    inside = (i for i in sorted(together) if index.execute("SELECT 1 FROM place WHERE key = ?", (key(i),)).fetchone())
    index.executemany("INSERT INTO together VALUES (?)", [(iri,) for iri in inside])


def _parts(groups: Iterable[Group], size: int) -> Iterator[Iterator[tuple[str, str]]]:
    """The records as texts, in parts of `size`, or fewer where they are large: a process holds a part whole."""
    given = iter(groups)

    def part(first: Group) -> Iterator[tuple[str, str]]:
        held = 0
        for number, (iri, lines) in enumerate(chain([first], given), 1):
            text = "".join(lines)
            held += len(text)
            yield iri, text
            if number == size or held > LARGEST_RECORD:
                return

    while (first := next(given, None)) is not None:
        yield part(first)


def key(iri: str) -> bytes:
    """What stands for an IRI in tables on disk."""
    return blake2b(iri.encode(), digest_size=12).digest()


def _group(data: bytes, at: int) -> Group:
    size = int.from_bytes(data[at : at + 4], "big")
    iri, _, text = zlib.decompress(data[at + 4 : at + 4 + size]).decode().partition("\n")
    return iri, [f"{line}\n" for line in text.split("\n") if line]


def _data(folder: Path) -> Path:
    return folder / "records.bin"


def _index(folder: Path) -> Path:
    return folder / "records.db"
