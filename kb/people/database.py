"""The file of tokens, sessions and attempts: beside the ledger, readable by its owner alone, never copied elsewhere."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from kb.errors import StoreDamaged, StoreLocked

_WAIT = 10.0  # seconds that one process waits for another
_TABLES = """
CREATE TABLE IF NOT EXISTS tokens (
    id TEXT PRIMARY KEY, hash TEXT NOT NULL, name TEXT NOT NULL, role TEXT NOT NULL, scope TEXT NOT NULL,
    made TEXT NOT NULL, expires TEXT NOT NULL, revoked TEXT NOT NULL DEFAULT '', used TEXT NOT NULL DEFAULT '');
CREATE TABLE IF NOT EXISTS sessions (
    hash TEXT PRIMARY KEY, token TEXT NOT NULL, form TEXT NOT NULL, seen REAL NOT NULL, until REAL NOT NULL);
CREATE TABLE IF NOT EXISTS attempts (client TEXT NOT NULL, at REAL NOT NULL);
CREATE TABLE IF NOT EXISTS secrets (name TEXT PRIMARY KEY, value TEXT NOT NULL);
"""


def private(path: Path) -> None:
    """Make sure that there is such a file, and that only its owner can read it; SQLite's own files beside it follow."""
    os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
    if path.stat().st_mode & 0o077:
        path.chmod(0o600)


@contextmanager
def opened(path: Path, tables: str = _TABLES) -> Iterator[sqlite3.Connection]:
    """A connection inside one transaction that is taken at once: what is read in it cannot change before it is written.

    StoreLocked when another process holds it for too long, StoreDamaged when the file is no database.
    """
    private(path)
    try:
        with closing(sqlite3.connect(path, timeout=_WAIT, isolation_level=None)) as connection:
            connection.row_factory = sqlite3.Row
            connection.execute("PRAGMA secure_delete = ON")  # what is deleted leaves no bytes behind
            if connection.execute("PRAGMA user_version").fetchone()[0] == 0:
                connection.executescript(tables)
                connection.execute("PRAGMA user_version = 1")
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
            except BaseException:
                connection.execute("ROLLBACK")
                raise
            connection.execute("COMMIT")
    except sqlite3.OperationalError as error:
        if "locked" not in str(error):
            raise StoreDamaged(f"{path.name} cannot be used", str(error), "Check the disk and its rights.") from None
        raise StoreLocked(f"{path.name} is being written", str(error), "Try again in a moment.") from None
    except sqlite3.DatabaseError as error:
        raise StoreDamaged(f"{path.name} is damaged", str(error), "Restore it, or move it away.") from None
