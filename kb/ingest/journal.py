"""The journal of a large import: what its finished chunks settled, so that a killed import can go on."""

from __future__ import annotations

import hashlib
import json
import shutil
import sqlite3
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Any

from kb.errors import StorageFailed

_TABLES = """
CREATE TABLE IF NOT EXISTS seen (key BLOB PRIMARY KEY, row INT, line INT, chunk INT, digest BLOB) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS chunk (number INTEGER PRIMARY KEY, summary TEXT);
CREATE TABLE IF NOT EXISTS named (key BLOB PRIMARY KEY) WITHOUT ROWID;
"""
Seen = tuple[int, int, int, bytes | None]
"""Row, line and chunk that made a record first; for shared ones the digest."""


class Journal:
    """A folder with the files of the chunks, and a table of every record met so far: on disk, not in memory.

    A chunk counts as finished when the transaction that holds its summary is done.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self._base = sqlite3.connect(folder / "journal.db", isolation_level=None, check_same_thread=False)
        # a killed process loses nothing; after a power cut the journal may be lost, and the import starts anew
        self._base.executescript("PRAGMA journal_mode=WAL; PRAGMA synchronous=OFF;" + _TABLES)

    def __enter__(self) -> Journal:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._base.close()
        if isinstance(error, sqlite3.Error):
            full = getattr(error, "sqlite_errorcode", 0) == sqlite3.SQLITE_FULL
            hint = "Free some space and run the same command again; nothing was lost."
            why = "the disk is full" if full else str(error)
            raise StorageFailed(f"{self.folder} cannot be used", why, hint) from None

    @property
    def base(self) -> sqlite3.Connection:
        """The tables, to be asked more than the methods here do."""
        return self._base

    def finished(self) -> int:
        """How many chunks are finished; they are numbered from 1."""
        return int(self._base.execute("SELECT count(*) FROM chunk").fetchone()[0])

    def find(self, iri: str) -> Seen | None:
        """What is remembered of a record of this file."""
        found: Seen | None = self._base.execute(
            "SELECT row, line, chunk, digest FROM seen WHERE key = ?", (_key(iri),)
        ).fetchone()
        return found

    def mentions(self, iri: str) -> bool:
        """Whether the file has a row for this record, be it good or bad."""
        bad = self._base.execute("SELECT 1 FROM named WHERE key = ?", (_key(iri),)).fetchone()
        return bad is not None or self.find(iri) is not None

    def settle(
        self, number: int, records: Iterable[tuple[str, int, int, str | None]], bad: Iterable[str],
        summary: dict[str, Any],
    ) -> None:  # fmt: skip
        """Remember a chunk: its records (with the digest of shared ones), those of bad rows, and its summary."""
        self._base.execute("BEGIN")
        rows = ((_key(iri), row, line, number, digest and bytes.fromhex(digest)) for iri, row, line, digest in records)
        self._base.executemany("INSERT OR IGNORE INTO seen VALUES (?, ?, ?, ?, ?)", rows)
        self._base.executemany("INSERT OR IGNORE INTO named VALUES (?)", ((_key(iri),) for iri in bad))
        self._base.execute("INSERT OR REPLACE INTO chunk VALUES (?, ?)", (number, json.dumps(summary)))
        self._base.execute("COMMIT")

    def summaries(self) -> Iterator[tuple[int, dict[str, Any]]]:
        """The summary of every finished chunk, in order."""
        for number, text in self._base.execute("SELECT number, summary FROM chunk ORDER BY number"):
            yield number, json.loads(text)

    def remove(self) -> None:
        """The import is over: nothing of the journal is needed any more."""
        self._base.close()
        shutil.rmtree(self.folder, ignore_errors=True)  # what stays is removed by the next import


def name(*parts: str) -> str:
    """The name of the folder of an import that these things decide: file, mapping, what it is compared with."""
    return hashlib.sha256("\x1f".join(parts).encode()).hexdigest()[:32]


def _key(iri: str) -> bytes:
    return hashlib.blake2b(iri.encode(), digest_size=12).digest()
