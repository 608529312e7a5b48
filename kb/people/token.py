"""Tokens: made once, shown once, kept as a digest of their secret."""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
import sqlite3
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from kb.errors import NotFound, UsageError
from kb.people.right import ROLES, Person, Right, rights_of

LONGEST = 366  # days that a token may hold
_FORM = re.compile(r"mizan_([a-z2-7]{10})_([A-Za-z0-9_-]{43})", re.ASCII)
_ALPHABET = "abcdefghijklmnopqrstuvwxyz234567"
_NAME = re.compile(r"[^\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]{1,100}")
_NOBODY = hashlib.sha256(b"nobody").hexdigest()  # compared with where a token is unknown, to take the same time


@dataclass(frozen=True, slots=True)
class Token:
    """What is kept of a token; times are ISO 8601 in UTC, empty where it has not happened."""

    id: str
    name: str
    role: str
    scope: frozenset[str]
    made: str
    expires: str
    revoked: str
    used: str

    def state(self, now: str) -> str:
        """valid, expired or revoked."""
        return "revoked" if self.revoked else "expired" if self.expires <= now else "valid"


def iso(moment: float) -> str:
    """A time of the clock as ISO 8601 in UTC, to the second."""
    return datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def until(text: str, now: float) -> str:
    """The end that a person means by `2027-01-31` (the end of that day in UTC) or `90d`; UsageError otherwise."""
    today = datetime.fromtimestamp(now, UTC)
    hint = f"Write a day as YYYY-MM-DD or a number of days such as 90d, at most {LONGEST} days ahead."
    try:
        if days := re.fullmatch(r"([0-9]{1,4})d", text.strip(), re.ASCII):
            end = today + timedelta(days=int(days[1]))
        else:
            end = datetime.combine(date.fromisoformat(text.strip()), datetime.max.time(), UTC)
    except ValueError as error:
        raise UsageError(f"{text!r} is no time at which a token can expire", str(error), hint) from None
    if not today < end <= today + timedelta(days=LONGEST + 1):
        raise UsageError(f"A token cannot expire at {text}", "that is past, or too far ahead", hint)
    return iso(end.timestamp())


def make(connection: sqlite3.Connection, name: str, role: str, scope: frozenset[str], expires: str, made: str) -> str:
    """Keep a new token and return it: the only time that anything knows it whole."""
    if not _NAME.fullmatch(name.strip()):
        raise UsageError(f"{name[:40]!r} is no name", "", "Give 1 to 100 letters; a pseudonym is fine.")
    if role not in ROLES:
        raise UsageError(f"{role!r} is no role", "", f"There are: {', '.join(ROLES)}.")
    if unknown := scope - {right.value for right in ROLES[role]}:
        known = ", ".join(r.value for r in Right if r in ROLES[role])
        raise UsageError(f"A {role} has no right {', '.join(sorted(unknown))}", "", f"It has: {known}.")
    ident, secret = "".join(secrets.choice(_ALPHABET) for _ in range(10)), secrets.token_urlsafe(32)
    connection.execute(
        "INSERT INTO tokens (id, hash, name, role, scope, made, expires) VALUES (?, ?, ?, ?, ?, ?, ?)",
        (ident, _digest(secret), name.strip(), role, " ".join(sorted(scope)), made, expires),
    )
    return f"mizan_{ident}_{secret}"


def recognise(connection: sqlite3.Connection, text: str, now: str) -> Person | None:
    """Whoever holds this token; None when there is no such token, or it holds no longer. Takes the same time always."""
    parts = _FORM.fullmatch(text.strip())
    ident, secret = (parts[1], parts[2]) if parts else ("", "")
    row = connection.execute("SELECT hash FROM tokens WHERE id = ?", (ident,)).fetchone()
    fits = hmac.compare_digest(_digest(secret), row["hash"] if row else _NOBODY)
    person = holder(connection, ident, now)
    if not fits or person is None:
        return None
    connection.execute("UPDATE tokens SET used = ? WHERE id = ?", (now, ident))
    return person


def holder(connection: sqlite3.Connection, ident: str, now: str) -> Person | None:
    """The person of a token by its identifier, as long as it is neither revoked nor expired."""
    found = connection.execute("SELECT * FROM tokens WHERE id = ?", (ident,)).fetchone()
    token = _token(found) if found else None
    if token is None or token.state(now) != "valid":
        return None
    return Person(token.id, token.name, token.role, rights_of(token.role, token.scope))


def listed(connection: sqlite3.Connection) -> list[Token]:
    """All tokens, the oldest first."""
    return [_token(row) for row in connection.execute("SELECT * FROM tokens ORDER BY made, id")]


def revoke(connection: sqlite3.Connection, ident: str, now: str) -> Token:
    """End a token, and with it every session that it opened; NotFound when there is none."""
    found = connection.execute("SELECT * FROM tokens WHERE id = ?", (ident,)).fetchone()
    if found is None:
        raise NotFound(f"There is no token {ident[:40]}", "", "See them with: mizan token list")
    connection.execute("UPDATE tokens SET revoked = ? WHERE id = ? AND revoked = ''", (now, ident))
    connection.execute("DELETE FROM sessions WHERE token = ?", (ident,))
    return _token(connection.execute("SELECT * FROM tokens WHERE id = ?", (ident,)).fetchone())


def _digest(secret: str) -> str:
    """SHA-256: the secret has 256 random bits, which no table and no fast hardware searches through."""
    return hashlib.sha256(secret.encode()).hexdigest()


def _token(row: sqlite3.Row) -> Token:
    scope = frozenset(str(row["scope"]).split())
    return Token(
        row["id"], row["name"], row["role"], scope, row["made"], row["expires"], row["revoked"], row["used"]
    )
