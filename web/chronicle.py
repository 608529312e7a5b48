"""The law in time: what was adopted, came into force or ended when, who was bound, and how all that stood on a day."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime

from pyoxigraph import Literal, NamedNode

from kb.applicability.law import ZONE
from kb.ns import MZ, PREFIXES, RDF
from kb.record import owner
from kb.store.local import LocalStore
from web.language import marked

_DATES = {  # what each property of a date brings about
    "eli:date_document": "adopted", "mz:adoptedOn": "adopted", "mz:inForceFrom": "began", "mz:inForceUntil": "ended",
    "mz:signedOn": "signed", "mz:inForceForStateFrom": "bound", "mz:ceasedOn": "ceased", "mz:withdrawnOn": "withdrew",
}  # fmt: skip
EVENTS = {
    "adopted": marked("adopted"), "began": marked("in force from this day"), "ended": marked("no longer in force"),
    "signed": marked("signed"), "bound": marked("bound from this day on"),
    "ceased": marked("no longer bound"), "withdrew": marked("withdrawal notified"),
}  # fmt: skip
STANDINGS = {
    "in-force": marked("in force"),
    "adopted": marked("adopted, not yet in force"),
    "only-adopted": marked("adopted; no entry into force is recorded"),
    "not-yet": marked("did not exist yet"),
    "ended": marked("no longer in force"),
    "undated": marked("no date is recorded here"),
    "rejected": marked("put to the vote and not adopted"),
}
BONDS = {
    "bound": marked("bound"),
    "since-unknown": marked("party; since when is not recorded"),
    "signed": marked("signed, not bound"),
    "not-yet": marked("neither signed nor bound yet"),
    "ceased": marked("no longer bound"),
    "withdrew": marked("had signed; withdrawal notified"),
    "never": marked("not bound"),
}
_PARTY = "party"


@dataclass(frozen=True, slots=True)
class Dated:
    """An instrument or a provision with its days: adopted, in force from, and until (exclusive); None: not recorded."""

    iri: str
    adopted: date | None = None
    began: date | None = None
    ended: date | None = None
    rejected: bool = False

    def standing(self, on: date) -> str:
        """How it stood at the end of a day: a key of STANDINGS."""
        if self.rejected:
            return "rejected" if self.adopted is None or self.adopted <= on else "not-yet"
        if self.ended is not None and self.ended <= on:
            return "ended"
        if self.began is not None and self.began <= on:
            return "in-force"
        if self.adopted is not None:
            return "not-yet" if on < self.adopted else "adopted" if self.began is not None else "only-adopted"
        return "undated" if self.began is None else "not-yet"


@dataclass(frozen=True, slots=True)
class Bond:
    """What is recorded of a State and an instrument."""

    iri: str
    instrument: str
    state: str
    form: str
    signed: date | None = None
    bound: date | None = None
    ceased: date | None = None
    withdrew: date | None = None

    def standing(self, on: date) -> str:
        """How the State stood to it at the end of a day: a key of BONDS."""
        if self.form == _PARTY:
            if self.ceased is not None and self.ceased <= on:
                return "ceased"
            if self.bound is None:
                return "since-unknown"
            if self.bound <= on:
                return "bound"
        elif self.withdrew is not None and self.withdrew <= on:
            return "withdrew"
        if self.signed is not None:
            return "signed" if self.signed <= on else "not-yet"
        return "not-yet" if self.form == _PARTY else "never"


@dataclass(frozen=True, slots=True)
class Event:
    """One change of the law: the day, what happened (a key of EVENTS), to what, and for a State which."""

    day: date
    kind: str
    node: str
    instrument: str
    state: str = ""


@dataclass(frozen=True, slots=True)
class Chronicle:
    """All of it: instruments, provisions and bonds by IRI, and the events in order."""

    instruments: dict[str, Dated]
    provisions: dict[str, Dated]
    bonds: dict[str, tuple[Bond, ...]]
    events: tuple[Event, ...] = field(default=())

    def of(self, instrument: str) -> tuple[Event, ...]:
        """The events of one instrument and its provisions."""
        return tuple(event for event in self.events if event.instrument == instrument)

    def provision(self, iri: str, instrument: str) -> Dated:
        """The days of a provision: its own, and of its instrument those that it has none of."""
        own, whole = self.provisions.get(iri, Dated(iri)), self.instruments.get(instrument, Dated(instrument))
        began = own.began or (whole.began if own.adopted is None or own.adopted == whole.adopted else None)
        return Dated(iri, own.adopted or whole.adopted, began, own.ended or whole.ended, whole.rejected)


def chronicle(store: LocalStore) -> Chronicle:
    """Read the law of a store in time."""
    found: dict[str, dict[str, date]] = {}
    for name, event in _DATES.items():
        for triple in store.triples(_node(name)):
            day = local_day(triple.object.value) if isinstance(triple.object, Literal) else None
            if day is not None and isinstance(triple.subject, NamedNode):
                found.setdefault(triple.subject.value, {}).setdefault(event, day)
    rejected = {t.subject.value for t in store.triples(MZ.vetoedBy) if isinstance(t.subject, NamedNode)}
    above = {t.subject.value: t.object.value for t in store.triples(MZ.ofInstrument)
             if isinstance(t.subject, NamedNode) and isinstance(t.object, NamedNode)}  # fmt: skip
    instruments = {
        n.value: _dated(n.value, found, n.value in rejected) for n in store.subjects(RDF.type, MZ.LegalInstrument)
    }
    provisions = {iri: _dated(iri, found, False) for iri in above}
    bonds: dict[str, list[Bond]] = {}
    for node in store.subjects(RDF.type, MZ.Participation):
        bonds.setdefault(owner(node.value), []).append(_bond(store, node, found.get(node.value, {})))
    events = sorted(_events(found, instruments, above, bonds), key=lambda e: (e.day, e.instrument, e.node, e.kind))
    held = {iri: tuple(sorted(group, key=lambda b: b.iri)) for iri, group in sorted(bonds.items())}
    return Chronicle(dict(sorted(instruments.items())), provisions, held, tuple(events))


def _dated(iri: str, found: dict[str, dict[str, date]], rejected: bool) -> Dated:
    days = found.get(iri, {})
    return Dated(iri, days.get("adopted"), days.get("began"), days.get("ended"), rejected)


def _bond(store: LocalStore, node: NamedNode, days: dict[str, date]) -> Bond:
    form = next((v.value.rpartition("#")[2] for v in store.objects(node, MZ.participationForm)), "")
    state = next((v.value for v in store.objects(node, MZ.participant)), "")
    held = {name: days.get(name) for name in ("signed", "bound", "ceased", "withdrew")}
    return Bond(node.value, owner(node.value), state, form, **held)


def _events(
    found: dict[str, dict[str, date]], instruments: dict[str, Dated], above: dict[str, str],
    bonds: dict[str, list[Bond]],
) -> Iterator[Event]:  # fmt: skip
    """Changes of instruments and of States; of provisions only what does not come with the whole."""
    states = {bond.iri: bond.state for group in bonds.values() for bond in group}
    for iri, days in found.items():
        instrument = above.get(iri, owner(iri))
        if instrument not in instruments:
            continue
        whole = found.get(instrument, {})
        for kind, day in days.items():
            if iri not in above or day != whole.get(kind):
                yield Event(day, kind, iri, instrument, states.get(iri, ""))


def local_day(text: str) -> date | None:
    """The day of a date or timestamp, in the time in which the days of the case begin; None for what is none."""
    try:
        if "T" in text:
            return datetime.fromisoformat(text).astimezone(ZONE).date()
        return date.fromisoformat(text)
    except (ValueError, OverflowError):
        return None


def around(events: Iterable[Event], on: date) -> tuple[date | None, date | None]:
    """The last day before a day, and the first one after it, on which something changed."""
    days = sorted({event.day for event in events})
    before, after = bisect_left(days, on), bisect_right(days, on)
    return (days[before - 1] if before else None), (days[after] if after < len(days) else None)


def _node(name: str) -> NamedNode:
    prefix, _, local = name.partition(":")
    return NamedNode(PREFIXES[prefix] + local)
