"""The ledger: an append-only chain of files that holds the bytes of every record ever written.

One change of the knowledge base is one segment, `00000001.jsonl.gz`: a header line, a line per record, a footer
line. The header names the SHA-256 of the segment file before it; `HEAD` names the last one. Renaming HEAD into
place is the moment of commit, so a process killed before it leaves nothing but a file that the next writer removes.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import os
import re
import shutil
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import IO, Any

from kb.canonical import digest
from kb.errors import LedgerBroken
from kb.storage import replace_file, sync_folder

GENESIS = "0" * 64
_LEFTOVER = ".unfinished"
_KIND = b'{"kind":"entry"'
_NEW, _BEGINNING = b'"replaces":null', 4000  # how an entry says that it replaces none, within these characters
_ENTRY = re.compile(rb'\{"kind":"entry","operation":"\w+","record":"([^"\\]*)"')
_UNREADABLE = (  # what reading bytes that are not as written can raise
    FileNotFoundError, EOFError, gzip.BadGzipFile, zlib.error, ValueError, LookupError, TypeError, AttributeError
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Head:
    """The end of the chain: number of the last segment (0 when empty) and the SHA-256 of its file."""

    segment: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Entry:
    """One record as written: `operation` put or retire; `replaces` is the digest it supersedes, or None."""

    operation: str
    record: str
    revision: int
    sha256: str
    replaces: str | None
    tier: str
    triples: str


@dataclass(frozen=True, slots=True)
class Check:
    """What a verification read: segments, entries and bytes."""

    segments: int
    entries: int
    bytes: int
    head: Head


def _line(value: dict[str, Any]) -> str:
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":")) + "\n"


def entry_of(line: bytes) -> Entry:
    """The entry that stands in a line of a segment."""
    value = json.loads(line)
    del value["kind"]
    return Entry(**value)


def entry_line(entry: Entry) -> bytes:
    """An entry as it stands in a segment."""
    return _line({"kind": "entry", **_fields(entry)}).encode()


def pack(lines: Iterable[bytes]) -> bytes:
    """Lines of entries packed for `Ledger.append_parts`; level 1 packs them to a twentieth, others cost much more."""
    return gzip.compress(b"".join(lines), 1, mtime=0)


def _beginnings(kinds: Sequence[str]) -> tuple[bytes, ...]:
    """How the lines of entries begin that put records with IRIs that begin so."""
    return tuple(f'{{"kind":"entry","operation":"put","record":"{kind}'.encode() for kind in kinds)


def _footer(count: int) -> bytes:
    return _line({"kind": "footer", "entries": count}).encode()


def _file_digest(path: Path) -> str:
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


class Ledger:
    """The chain of segments in one folder. One writer at a time; the caller holds the lock."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def create(self) -> None:
        """Start an empty chain."""
        self.folder.mkdir(parents=True, exist_ok=True)
        self._write_head(Head(0, GENESIS))

    def head(self) -> Head:
        """The end of the chain as HEAD names it."""
        path = self.folder / "HEAD"
        try:
            text = path.read_text(encoding="ascii")
            value = json.loads(text)
            head = Head(int(value["segment"]), str(value["sha256"]))
        except (FileNotFoundError, ValueError, LookupError, TypeError, OverflowError, RecursionError) as error:
            raise LedgerBroken(f"{path} cannot be read", str(error), "Restore it from a backup.") from None
        if text != _head_text(head):
            raise LedgerBroken(f"{path} is not as written", "its bytes differ", "Restore it from a backup.")
        return head

    def segment_path(self, number: int) -> Path:
        """The file of one segment."""
        return self.folder / f"{number:08d}.jsonl.gz"

    def append(self, activity: dict[str, Any], time: str, entries: Iterable[Entry]) -> Head:
        """Write one segment and make it the head; durable when this returns.

        `activity` says what brought the entries in (JSON values only); `time` is an ISO 8601 timestamp.
        """

        def body(raw: IO[bytes], first: bytes) -> int:
            count = 0
            with gzip.GzipFile(filename="", mode="wb", fileobj=raw, mtime=0, compresslevel=6) as packed:
                packed.write(first)
                for entry in entries:
                    packed.write(entry_line(entry))
                    count += 1
                packed.write(_footer(count))
            return count

        return self._append(activity, time, body)

    def append_parts(self, activity: dict[str, Any], time: str, parts: Iterable[tuple[Path, int]]) -> Head:
        """The same out of files made by `pack`, each with its number of entries: their bytes are taken as they are.

        A gzip file may have several members, so that nothing is unpacked or held in memory.
        """

        def body(raw: IO[bytes], first: bytes) -> int:
            raw.write(gzip.compress(first, 6, mtime=0))
            count = 0
            for path, entries in parts:
                with path.open("rb") as part:
                    shutil.copyfileobj(part, raw, 1 << 20)
                count += entries
            raw.write(gzip.compress(_footer(count), 6, mtime=0))
            return count

        return self._append(activity, time, body)

    def _append(self, activity: dict[str, Any], time: str, body: Callable[[IO[bytes], bytes], int]) -> Head:
        last = self.head()
        number = last.segment + 1
        unfinished = self.folder / f"{number:08d}{_LEFTOVER}"
        header = {
            "kind": "header", "format": 1, "segment": number,
            "previous": last.sha256, "time": time, "activity": activity,
        }  # fmt: skip
        with unfinished.open("wb") as raw:
            body(raw, _line(header).encode())
            raw.flush()
            os.fsync(raw.fileno())
        head = Head(number, _file_digest(unfinished))
        unfinished.rename(self.segment_path(number))
        sync_folder(self.folder)
        self._write_head(head)
        return head

    def recover(self) -> list[str]:
        """Remove what a killed writer left beyond HEAD (never acknowledged to anybody); return its names."""
        head = self.head()
        known = {"HEAD", *(self.segment_path(n).name for n in range(1, head.segment + 1))}
        leftovers = sorted(p.name for p in self.folder.iterdir() if p.name not in known)
        removed = [name for name in leftovers if _is_leftover(name, head)]
        for name in removed:
            (self.folder / name).unlink()
        return removed

    def header(self, number: int) -> dict[str, Any]:
        """The header of one segment: previous, time, activity."""
        with self._lines(number) as lines:
            value: dict[str, Any] = json.loads(lines.readline())
            return value

    def entries(self, number: int) -> Iterator[Entry]:
        """The entries of one segment, in order, read as a stream."""
        with self._lines(number) as lines:
            for text in lines:
                value = json.loads(text)
                if value.pop("kind") == "entry":
                    yield Entry(**value)

    def records(self, number: int) -> Iterator[str]:
        """The IRIs of the records of one segment; entries are not parsed."""
        with self._raw(number) as lines:
            for line in lines:
                named = _ENTRY.match(line)
                if named:
                    yield named[1].decode()

    def replaced(self, number: int) -> Iterator[str]:
        """The records of one segment that stood in the ledger before; entries of others are not parsed."""
        for line in self._first(number):
            if _NEW not in line[:_BEGINNING]:
                value = json.loads(line)
                if value["replaces"] is not None:
                    yield str(value["record"])

    def new_lines(self, number: int, kinds: Sequence[str]) -> Iterator[bytes]:
        """The lines, for `entry_of`, of the entries of one segment that are new records with IRIs that begin so."""
        beginning = _beginnings(kinds)
        with self._raw(number) as lines:
            yield from (line for line in lines if line.startswith(beginning) and _NEW in line[:_BEGINNING])

    def others(self, number: int, kinds: Sequence[str]) -> Iterator[Entry]:
        """All other entries of one segment, in order."""
        beginning = _beginnings(kinds)
        for line in self._first(number):
            if not (line.startswith(beginning) and _NEW in line[:_BEGINNING]):
                yield entry_of(line)

    def _first(self, number: int) -> Iterator[bytes]:
        """The lines of the entries of one segment, without the new incidents at its end if it says where they begin."""
        with self._raw(number) as lines:
            bulk = json.loads(lines.readline())["activity"].get("bulk")
            entries = (line for line in lines if line.startswith(_KIND))
            yield from islice(entries, bulk["first"]) if isinstance(bulk, dict) else entries

    def find(self, number: int, records: set[str]) -> dict[str, Entry]:
        """The entries of the named records in one segment."""
        found: dict[str, Entry] = {}
        with self._raw(number) as lines:
            for line in lines:
                named = _ENTRY.match(line)
                if named and named[1].decode() in records:  # only those are parsed: a segment may hold a million
                    entry = entry_of(line)
                    found[entry.record] = entry
        return found

    def history(self, record: str) -> Iterator[tuple[int, dict[str, Any], Entry]]:
        """Every revision of a record, oldest first, with its segment and that segment's header."""
        for number in range(1, self.head().segment + 1):
            for entry in self.find(number, {record}).values():
                yield number, self.header(number), entry

    def verify(self) -> Check:
        """Read every byte of the chain and raise LedgerBroken at the first that is not as written.

        Goes from HEAD backwards: a file is unpacked only after its digest has been found right.
        """
        head = self.head()
        expected, entries, size = head.sha256, 0, (self.folder / "HEAD").stat().st_size
        for number in range(head.segment, 0, -1):
            path = self.segment_path(number)
            if not path.is_file():
                raise LedgerBroken(f"{path} is missing", "the chain names it", "Restore it from a backup.")
            actual = _file_digest(path)
            if actual != expected:
                raise LedgerBroken(
                    f"{path} has changed",
                    f"its SHA-256 is {actual}, the chain says {expected}",
                    "Restore the file from a backup; nothing in it can be trusted until then.",
                )
            entries += self._verify_entries(number)
            expected, size = str(self.header(number)["previous"]), size + path.stat().st_size
        if expected != GENESIS:
            raise LedgerBroken("the first segment does not start the chain", f"it names {expected} before it")
        known = {"HEAD", *(self.segment_path(n).name for n in range(1, head.segment + 1))}
        strangers = [p.name for p in self.folder.iterdir() if p.name not in known and not _is_leftover(p.name, head)]
        if strangers:
            raise LedgerBroken(f"{self.folder} holds {sorted(strangers)[0]}", "the chain does not name it")
        return Check(head.segment, entries, size, head)

    def _verify_entries(self, number: int) -> int:
        count = 0
        for entry in self.entries(number):
            count += 1
            if digest(entry.triples) != entry.sha256:
                raise LedgerBroken(f"segment {number}, record {entry.record}", "its digest does not fit its bytes")
        return count

    @contextmanager
    def _lines(self, number: int) -> Iterator[IO[str]]:
        with self._raw(number) as raw, io.TextIOWrapper(raw, encoding="utf-8", newline="\n") as lines:
            yield lines

    @contextmanager
    def _raw(self, number: int) -> Iterator[IO[bytes]]:
        path = self.segment_path(number)
        try:
            with gzip.open(path) as packed, io.BufferedReader(packed, 1 << 20) as lines:
                yield lines
        except _UNREADABLE as error:
            raise LedgerBroken(
                f"{path} cannot be read", str(error), "Restore it from a backup, then run: mizan ledger verify"
            ) from None

    def _write_head(self, head: Head) -> None:
        replace_file(self.folder / "HEAD", _head_text(head).encode())


def _head_text(head: Head) -> str:
    return _line({"segment": head.segment, "sha256": head.sha256})


def _fields(entry: Entry) -> dict[str, Any]:
    return {name: getattr(entry, name) for name in Entry.__slots__}


def _is_leftover(name: str, head: Head) -> bool:
    beyond = f"{head.segment + 1:08d}"
    return name in {beyond + _LEFTOVER, beyond + ".jsonl.gz", "HEAD.new"}
