"""Sessions: what a browser holds is a random number, and everything that it means is kept here."""

from __future__ import annotations

import hashlib
import secrets
import sqlite3
from dataclasses import dataclass

from kb.people.right import Person
from kb.people.token import holder, iso

LASTS = 12 * 3600.0  # seconds that a session holds at most
IDLE = 3 * 3600.0  # seconds after the last request: long enough to fill in a long form
_NOTED = 60.0  # seconds between two notes of a session's use


@dataclass(frozen=True, slots=True)
class Session:
    """A person who has signed in, and the secret that forms of this session carry."""

    person: Person
    form: str


def begin(connection: sqlite3.Connection, person: Person, now: float) -> str:
    """Start a session under a new number, whatever the browser held before; returns the number."""
    connection.execute("DELETE FROM sessions WHERE until <= ? OR seen <= ?", (now, now - IDLE))
    number = secrets.token_urlsafe(32)
    connection.execute(
        "INSERT INTO sessions VALUES (?, ?, ?, ?, ?)",
        (_digest(number), person.token, secrets.token_urlsafe(32), now, now + LASTS),
    )
    return number


def find(connection: sqlite3.Connection, number: str, now: float) -> Session | None:
    """The session of this number, while it holds and its token does."""
    row = connection.execute("SELECT * FROM sessions WHERE hash = ?", (_digest(number),)).fetchone()
    if row is None or row["until"] <= now or row["seen"] <= now - IDLE:
        return None
    person = holder(connection, row["token"], iso(now))
    if person is None:
        return None
    if now - row["seen"] > _NOTED:
        connection.execute("UPDATE sessions SET seen = ? WHERE hash = ?", (now, row["hash"]))
    return Session(person, row["form"])


def end(connection: sqlite3.Connection, number: str) -> None:
    """Forget a session."""
    connection.execute("DELETE FROM sessions WHERE hash = ?", (_digest(number),))


def _digest(number: str) -> str:
    return hashlib.sha256(number.encode("utf-8", "surrogatepass")).hexdigest()
