"""The register of one knowledge base: the door to its tokens and sessions, and the brake on guessing."""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import secrets
import sqlite3
import time
from collections.abc import Callable

from kb.errors import TooManyAttempts
from kb.paths import Home
from kb.people import session, token
from kb.people.database import opened
from kb.people.right import Person
from kb.people.session import Session
from kb.people.token import Token
from kb.storage import plain_errors

TRIES = 5  # wrong tokens that one client may send
WITHIN = 15 * 60.0  # seconds
MOST_TRIES = 200  # wrong tokens that all clients together may send in that time


class Register:
    """Tokens and sessions in the home of a knowledge base; `clock` gives seconds since 1970."""

    def __init__(self, home: Home, clock: Callable[[], float] = time.time) -> None:
        self._path = home.people
        self._clock = clock

    def new(self, name: str, role: str, expires: str, scope: frozenset[str] = frozenset()) -> str:
        """Make a token and return it whole, for the only time."""
        now = self._clock()
        with plain_errors(self._path), opened(self._path) as connection:
            return token.make(connection, name, role, scope, token.until(expires, now), token.iso(now))

    def tokens(self) -> list[tuple[Token, str]]:
        """All tokens with their states."""
        if not self._path.exists():
            return []
        with plain_errors(self._path), opened(self._path) as connection:
            now = token.iso(self._clock())
            return [(one, one.state(now)) for one in token.listed(connection)]

    def revoke(self, ident: str) -> Token:
        """End a token and its sessions."""
        with plain_errors(self._path), opened(self._path) as connection:
            return token.revoke(connection, ident, token.iso(self._clock()))

    def sign_in(self, text: str, client: str) -> tuple[str, Person] | None:
        """A new session for whoever holds this token: its number and the person; None for a wrong one.

        TooManyAttempts, before anything is looked at, when `client` (an address) or all have sent too many wrong ones.
        """
        now = self._clock()
        with plain_errors(self._path), opened(self._path) as connection:
            who = _client(connection, client)
            _brake(connection, who, now)
            person = token.recognise(connection, text, token.iso(now))
            if person is None:
                connection.execute("INSERT INTO attempts VALUES (?, ?)", (who, now))
                return None
            connection.execute("DELETE FROM attempts WHERE client = ?", (who,))
            return session.begin(connection, person, now), person

    def session(self, number: str) -> Session | None:
        """The session that a browser shows the number of."""
        if not number or len(number) > 100 or not self._path.exists():
            return None
        with plain_errors(self._path), opened(self._path) as connection:
            return session.find(connection, number, self._clock())

    def sign_out(self, number: str) -> None:
        """End a session."""
        with plain_errors(self._path), opened(self._path) as connection:
            session.end(connection, number)


def _brake(connection: sqlite3.Connection, who: str, now: float) -> None:
    connection.execute("DELETE FROM attempts WHERE at <= ?", (now - WITHIN,))
    own, first = connection.execute("SELECT count(*), min(at) FROM attempts WHERE client = ?", (who,)).fetchone()
    (everybody,) = connection.execute("SELECT count(*) FROM attempts").fetchone()
    if own >= TRIES or everybody >= MOST_TRIES:
        wait = int(WITHIN - (now - first)) + 1 if first is not None else 60
        why = "a wrong token was sent too often"
        raise TooManyAttempts("Signing in is held up", why, f"Try again in {wait // 60 + 1} minutes.", wait)


def _client(connection: sqlite3.Connection, address: str) -> str:
    """A client under a name that does not tell its address; for IPv6 the network, of which one client has all."""
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
        if parsed.version == 6:
            address = str(ipaddress.ip_network((parsed, 64), strict=False))
    except ValueError:
        pass
    connection.execute("INSERT OR IGNORE INTO secrets VALUES ('clients', ?)", (secrets.token_hex(32),))
    (key,) = connection.execute("SELECT value FROM secrets WHERE name = 'clients'").fetchone()
    return hmac.new(key.encode(), address.encode("utf-8", "replace"), hashlib.sha256).hexdigest()[:32]
