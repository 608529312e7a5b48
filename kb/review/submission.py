"""A submission: what somebody entered, as typed and as records, and how far it has come."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from kb.people import Person
from kb.record import Record


class Kind(StrEnum):
    """What a submission is."""

    INCIDENT = "incident"
    CLAIM = "claim"
    ASSESSMENT = "assessment"
    UPLOAD = "upload"


class State(StrEnum):
    """How far a submission has come."""

    PREPARED = "prepared"  # an upload that its author has not sent yet
    WAITING = "waiting"
    RETURNED = "returned"
    PUBLISHED = "published"
    WITHDRAWN = "withdrawn"


@dataclass(frozen=True, slots=True)
class Step:
    """Something done to a submission: when, by whom, what, and in which words."""

    at: str
    by: str
    did: str
    told: str


@dataclass(frozen=True, slots=True)
class Submission:
    """One submission. `form` is the class whose form was filled in; `typed` what stood in it; `version` counts changes.

    `target` is the IRI that is written, `about` the incident that a claim or an assessment is about. `corrects` is
    set where the target was published before by a submission of the same author.
    """

    id: str
    kind: Kind
    state: State
    author: str
    token: str
    title: str
    form: str = ""
    typed: dict[str, Any] = field(default_factory=dict)
    target: str = ""
    about: str = ""
    records: tuple[Record, ...] = ()
    corrects: str = ""
    reason: str = ""
    reviewer: str = ""
    version: int = 1
    made: str = ""
    changed: str = ""
    snapshot: int = 0
    steps: tuple[Step, ...] = ()

    def by(self, person: Person) -> bool:
        """Whether this person entered it: by the token, or by the name, since one may hold two tokens."""
        return self.token == person.token or self.author.casefold() == person.name.casefold()

    @property
    def open(self) -> bool:
        """Whether its author can still change it."""
        return self.state in (State.PREPARED, State.WAITING, State.RETURNED)
