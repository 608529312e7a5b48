"""The queue of submissions: a file of its own beside the ledger, which nothing that is published is made from."""

from __future__ import annotations

import json
import secrets
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from kb.errors import Conflicting, Forbidden, NotFound, UsageError
from kb.paths import Home
from kb.people import Person, Right, demand
from kb.people.database import opened
from kb.record import Record
from kb.review.submission import Kind, State, Step, Submission
from kb.storage import plain_errors

MOST = 500  # submissions of one author that may be open at once
_REASON = 4000  # characters
_TABLES = """
CREATE TABLE IF NOT EXISTS submissions (
    id TEXT PRIMARY KEY, kind TEXT NOT NULL, state TEXT NOT NULL, author TEXT NOT NULL, token TEXT NOT NULL,
    title TEXT NOT NULL, form TEXT NOT NULL, typed TEXT NOT NULL, target TEXT NOT NULL, about TEXT NOT NULL,
    records TEXT NOT NULL, corrects TEXT NOT NULL, reason TEXT NOT NULL, reviewer TEXT NOT NULL,
    version INTEGER NOT NULL, made TEXT NOT NULL, changed TEXT NOT NULL, snapshot INTEGER NOT NULL);
CREATE INDEX IF NOT EXISTS by_state ON submissions (state, changed);
CREATE INDEX IF NOT EXISTS by_token ON submissions (token, changed);
CREATE TABLE IF NOT EXISTS steps (submission TEXT NOT NULL, at TEXT NOT NULL, person TEXT NOT NULL,
    did TEXT NOT NULL, told TEXT NOT NULL);
"""
_FIELDS = ("id", "kind", "state", "author", "token", "title", "form", "typed", "target", "about", "records",
           "corrects", "reason", "reviewer", "version", "made", "changed", "snapshot")  # fmt: skip


class Queue:
    """The submissions of one knowledge base; `now` gives the time as ISO 8601."""

    def __init__(self, home: Home, now: Callable[[], str], four_eyes: bool = True) -> None:
        self.folder = home.review
        self._now = now
        self.four_eyes = four_eyes

    def submit(self, author: Person, given: Submission) -> Submission:
        """Put a new submission into the queue; its number and its times are given here."""
        with self._opened() as connection:
            held = connection.execute(
                "SELECT count(*) FROM submissions WHERE token = ? AND state IN ('prepared', 'waiting', 'returned')",
                (author.token,),
            ).fetchone()[0]
            if held >= MOST:
                why = f"{MOST} of yours are open already"
                raise Forbidden("No more can be submitted now", why, "Wait until some were reviewed, or withdraw some.")
            at = self._now()
            new = replace(given, author=author.name, token=author.token, made=at, changed=at, version=1)
            self._clash(connection, new)
            self._save(connection, new)
            self._step(connection, new.id, author.name, "prepared" if new.state == State.PREPARED else "submitted", "")
            return self._one(connection, new.id)

    def revise(self, author: Person, given: Submission, version: int) -> Submission:
        """Replace what a submission says by what its author wrote now; it waits again."""
        with self._opened() as connection:
            held = self._of(connection, given.id, version)
            self._must_be_author(held, author)
            if not held.open:
                raise Conflicting(f"{held.title} is {held.state.value}", "only what is open can be changed")
            new = replace(
                held, title=given.title, typed=given.typed, target=given.target, about=given.about,
                records=given.records, state=State.WAITING, version=held.version + 1, changed=self._now(),
            )  # fmt: skip
            self._clash(connection, new)
            self._save(connection, new)
            self._step(connection, held.id, author.name, "submitted", "")
            return self._one(connection, held.id)

    def send(self, author: Person, ident: str, version: int) -> Submission:
        """Send what was prepared to review."""
        with self._opened() as connection:
            held = self._of(connection, ident, version)
            self._must_be_author(held, author)
            if held.state != State.PREPARED:
                raise Conflicting(f"{held.title} is {held.state.value}", "only what is prepared can be sent")
            new = replace(held, state=State.WAITING, version=held.version + 1, changed=self._now())
            self._save(connection, new)
            self._step(connection, ident, author.name, "submitted", "")
            return self._one(connection, ident)

    def give_back(self, reviewer: Person, ident: str, version: int, reason: str) -> Submission:
        """Return a submission to its author with a reason."""
        demand(reviewer, Right.REVIEW)
        if not reason.strip() or len(reason) > _REASON:
            what = "No reason is given" if not reason.strip() else "The reason is too long"
            raise UsageError(what, "the author has to know what to correct", f"Write up to {_REASON} characters.")
        with self._opened() as connection:
            held = self._waiting(connection, ident, version)
            self._end(connection, held, State.RETURNED, reviewer, "returned", reason.strip())
            return self._one(connection, ident)

    def withdraw(self, author: Person, ident: str, version: int) -> Submission:
        """Take a submission of one's own back."""
        with self._opened() as connection:
            held = self._of(connection, ident, version)
            self._must_be_author(held, author)
            if not held.open:
                raise Conflicting(f"{held.title} is {held.state.value}", "only what is open can be withdrawn")
            self._end(connection, held, State.WITHDRAWN, author, "withdrawn", "")
            return self._one(connection, ident)

    def publish(self, reviewer: Person, ident: str, version: int, write: Callable[[Submission], int]) -> Submission:
        """Let `write` write a submission (it returns the snapshot's number) and note that it is published.

        The queue is held meanwhile: nobody can change or publish the same a second time. If this process ends after
        the writing and before the note, it waits still, and publishing it again writes nothing new.
        """
        demand(reviewer, Right.REVIEW)
        with self._opened() as connection:
            held = self._waiting(connection, ident, version)
            if self.four_eyes and held.by(reviewer):
                why = "somebody else than its author has to look at it first"
                raise Forbidden("You cannot publish what you entered yourself", why, "Ask another reviewer.")
            snapshot = write(held)
            self._end(connection, held, State.PUBLISHED, reviewer, "published", "", snapshot)
            return self._one(connection, ident)

    def get(self, ident: str, person: Person) -> Submission:
        """A submission that this person may see: their own, or any for a reviewer; NotFound otherwise."""
        with self._opened() as connection:
            found = self._one(connection, ident)
        if not (found.token == person.token or person.may(Right.REVIEW)):
            raise _unknown()
        return found

    def own(self, person: Person) -> list[Submission]:
        """The submissions of one person, the last changed first; without records and steps."""
        return self._listed("token = ? ORDER BY changed DESC, id LIMIT 200", (person.token,))

    def waiting(self, reviewer: Person) -> list[Submission]:
        """What waits for review, the oldest first; without records and steps."""
        demand(reviewer, Right.REVIEW)
        return self._listed("state = 'waiting' ORDER BY changed, id LIMIT 200", ())

    def files(self, ident: str) -> Path:
        """The folder for files of a submission, made when needed."""
        folder = self.folder / "files" / ident
        for part in (self.folder, self.folder / "files", folder):
            part.mkdir(exist_ok=True, mode=0o700)
        return folder

    @contextmanager
    def _opened(self) -> Iterator[sqlite3.Connection]:
        with plain_errors(self.folder):
            self.folder.mkdir(mode=0o700, exist_ok=True)
            with opened(self.folder / "queue.sqlite", _TABLES) as connection:
                yield connection

    def _listed(self, where: str, values: tuple[str, ...]) -> list[Submission]:
        if not self.folder.exists():
            return []
        with self._opened() as connection:
            columns = ", ".join("'[]' AS records" if name == "records" else name for name in _FIELDS)
            rows = connection.execute(f"SELECT {columns} FROM submissions WHERE {where}", values).fetchall()
            return [_read(row, ()) for row in rows]

    def _one(self, connection: sqlite3.Connection, ident: str) -> Submission:
        row = connection.execute("SELECT * FROM submissions WHERE id = ?", (ident,)).fetchone()
        if row is None:
            raise _unknown()
        steps = connection.execute("SELECT * FROM steps WHERE submission = ? ORDER BY rowid", (ident,)).fetchall()
        return _read(row, tuple(Step(s["at"], s["person"], s["did"], s["told"]) for s in steps))

    def _of(self, connection: sqlite3.Connection, ident: str, version: int) -> Submission:
        held = self._one(connection, ident)
        if held.version != version:
            why = "it was changed since you opened it"
            raise Conflicting(f"{held.title} is not what you saw", why, "Open it again and look at what is new.")
        return held

    def _waiting(self, connection: sqlite3.Connection, ident: str, version: int) -> Submission:
        held = self._of(connection, ident, version)
        if held.state != State.WAITING:
            raise Conflicting(f"{held.title} is {held.state.value}", "only what waits can be reviewed")
        return held

    def _must_be_author(self, held: Submission, author: Person) -> None:
        if held.token != author.token:
            raise _unknown()

    def _clash(self, connection: sqlite3.Connection, new: Submission) -> None:
        """Refuse a second open submission that would write the same record."""
        if not new.target:
            return
        other = connection.execute(
            "SELECT title FROM submissions WHERE target = ? AND id != ? AND state IN ('waiting', 'returned')",
            (new.target, new.id),
        ).fetchone()
        if other is not None:
            raise Conflicting(f"{new.title} cannot be submitted", "another submission for the same record is open")

    def _end(
        self, connection: sqlite3.Connection, held: Submission, state: State, person: Person, did: str, told: str,
        snapshot: int = 0,
    ) -> None:  # fmt: skip
        reviewer = person.name if state != State.WITHDRAWN else held.reviewer
        self._save(connection, replace(
            held, state=state, version=held.version + 1, reason=told, reviewer=reviewer, snapshot=snapshot,
            changed=self._now(),
        ))  # fmt: skip
        self._step(connection, held.id, person.name, did, told)

    def _step(self, connection: sqlite3.Connection, ident: str, name: str, did: str, told: str) -> None:
        connection.execute("INSERT INTO steps VALUES (?, ?, ?, ?, ?)", (ident, self._now(), name, did, told))

    def _save(self, connection: sqlite3.Connection, one: Submission) -> None:
        records = json.dumps([[r.iri, r.tier, r.text] for r in one.records], ensure_ascii=False)
        told: dict[str, Any] = {n: getattr(one, n) for n in _FIELDS if n not in ("typed", "records")}
        told |= {"typed": json.dumps(one.typed, ensure_ascii=False), "records": records}
        marks = ", ".join(f":{name}" for name in _FIELDS)
        connection.execute(f"INSERT OR REPLACE INTO submissions ({', '.join(_FIELDS)}) VALUES ({marks})", told)


def number() -> str:
    """A new number for a submission: nobody can guess another's, and records are named by it."""
    return "".join(secrets.choice("abcdefghjkmnpqrstuvwxyz23456789") for _ in range(12))


def _unknown() -> NotFound:
    return NotFound("There is no such submission", "", "See yours on the page for contributors.")


def _read(row: sqlite3.Row, steps: tuple[Step, ...]) -> Submission:
    told = {name: row[name] for name in _FIELDS}
    records = tuple(Record(iri, tier=tier, text=text) for iri, tier, text in json.loads(row["records"]))
    return Submission(**{
        **told, "kind": Kind(row["kind"]), "state": State(row["state"]), "typed": json.loads(row["typed"]),
        "records": records, "steps": steps,
    })  # fmt: skip
