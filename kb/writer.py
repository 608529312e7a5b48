"""The one writer: takes the lock, brings store and index level with the ledger, adds changes, publishes."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from pyoxigraph import NamedNode, Triple

from kb import replay, snapshot
from kb.applicability import Law, projection
from kb.canonical import digest, parse_ntriples, plain
from kb.errors import DoesNotConform, LedgerBroken, StoreDamaged, StoreLocked, StoreMissing
from kb.ledger import Entry, Ledger
from kb.ns import MZ
from kb.paths import Home
from kb.record import Record, refuse_restricted
from kb.replay import import_node, system
from kb.search import SearchIndex
from kb.storage import replace_file
from kb.store import service
from kb.store.local import LocalStore
from kb.store.mirror import Mirror, NotedStore, Outbox

Progress = Callable[[int, int], None]
_CHUNK = 500  # records applied in one atomic write


@dataclass(slots=True)
class Outcome:
    """What a change did, in numbers of records; the snapshot that shows it, and what was screened.

    `gone` are those that the file had no row for any more; `retired` those of them that were retired.
    """

    new: int = 0
    changed: int = 0
    same: int = 0
    gone: int = 0
    retired: int = 0
    snapshot: int = 0
    recovered: list[str] = field(default_factory=list)
    screened: projection.Work = field(default_factory=projection.Work)


@contextmanager
def locked(home: Home) -> Iterator[None]:
    """Hold the writer's lock of a knowledge base; StoreLocked when another process has it."""
    with home.lock.open("a+", encoding="ascii") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            handle.seek(0)
            raise StoreLocked(
                f"{home.root} is being written", f"process {handle.read().strip() or '?'} holds the lock",
                "Wait until it has finished, then run the same command again.",
            ) from None  # fmt: skip
        _note_holder(handle)
        yield


def _note_holder(handle: IO[str]) -> None:
    handle.truncate(0)
    handle.write(f"{os.getpid()}\n")
    handle.flush()


class Writer:
    """Ledger, store and index opened for writing. Make one inside `locked`."""

    def __init__(self, home: Home, progress: Progress = lambda done, of: None, entries: int = 0) -> None:
        """Progress is called with the number of ledger entries applied, of `entries`."""
        self.home = home
        self.watch(progress, entries)
        self.ledger = Ledger(home.ledger)
        known = service.read(_about(home))
        self._mirror, self._outbox = Mirror(known) if known else None, Outbox(home.outbox)
        self.store = NotedStore.noting(home.store, self._outbox) if known else LocalStore(home.store)
        _check_head(home, self.ledger.head().segment, self.store.segment())
        self.recovered = self.ledger.recover()
        self._new_index = not home.search.exists()
        self.index = SearchIndex(home.search, self.store)
        self.screened = projection.Work()
        self.law: Law | None = None  # as the store has it, where somebody has read it already
        self._catch_up()

    def watch(self, progress: Progress, entries: int = 0) -> None:
        """Tell the progress of what comes now: entries applied, of how many where that is known before."""
        self._progress, self._done, self._of = progress, 0, entries

    def commit(
        self, records: Sequence[Record], activity: dict[str, Any], time: str, retired: Iterable[str] = ()
    ) -> Outcome:  # fmt: skip
        """Write the records that are new or changed as one ledger segment and publish the next snapshot.

        Records in `retired` leave lists and search; the ledger keeps what they said.
        """
        refuse_restricted(records)
        outcome = Outcome(recovered=self.recovered)
        entries = [*self.entries(records, outcome), *self.retiring(retired, outcome)]
        if entries:
            self.ledger.append(activity, time, entries)
            self._apply(self.ledger.head().segment)
            outcome.screened = self.screened
        outcome.snapshot = self.publish()
        return outcome

    def commit_parts(
        self, first: Sequence[tuple[Path, int]], incidents: Sequence[tuple[Path, int]], activity: dict[str, Any],
        time: str, outcome: Outcome,
    ) -> Outcome:  # fmt: skip
        """The same out of files of packed entries, which were checked and counted where they were made.

        `incidents` hold nothing but new incidents, whose records need nothing of each other.
        """
        if first or incidents:
            self._of = self._of or sum(count for _, count in (*first, *incidents))
            bulk = {"first": sum(count for _, count in first)}  # how many entries come before the new incidents
            self.ledger.append_parts({**activity, "bulk": bulk}, time, [*first, *incidents])
            self._apply(self.ledger.head().segment)
            outcome.screened = self.screened
        outcome.snapshot = self.publish()
        return outcome

    def publish(self) -> int:
        """Point readers to the present state if they do not see it yet; returns its number."""
        head = self.ledger.head()
        self.send()
        if _shown(self.home) != head.segment:
            snapshot.publish(self.home, self.store, self.index, head, self.ledger.header(head.segment)["time"])
        return head.segment

    def send(self, *, anew: bool = False) -> None:
        """Bring the SPARQL service that this is published to level with the store, before readers are pointed to it."""
        if self._mirror is not None and self.store.segment():
            self._mirror.level(self.store, self._outbox, first_digest(self.ledger), anew=anew)

    def retiring(self, iris: Iterable[str], outcome: Outcome) -> Iterator[Entry]:
        """Entries that retire records: they supersede them with nothing."""
        for iri in iris:
            outcome.retired += 1
            yield Entry(
                replay.RETIRE, iri, self.store.revision(iri) + 1, digest(""), self.store.digest(iri), "PUBLIC", ""
            )

    def entries(self, records: Sequence[Record], outcome: Outcome) -> Iterator[Entry]:
        """Entries of the records that are new or changed, which are counted."""
        seen: set[str] = set()
        for record in records:
            if record.iri in seen:
                raise DoesNotConform(f"{record.iri} stands twice in one change", "one would hide the other")
            seen.add(record.iri)
            sha256, held = record.digest, self.store.digest(record.iri)
            if held == sha256:
                outcome.same += 1
                continue
            if held is None:
                outcome.new += 1
            else:
                outcome.changed += 1
            revision = self.store.revision(record.iri) + 1
            yield Entry(replay.PUT, record.iri, revision, sha256, held, record.tier, record.text)

    def _catch_up(self) -> None:
        """Apply the segments that a killed writer had committed but not yet shown."""
        last = self.ledger.head().segment
        for number in range(self.store.segment() + 1, last + 1):
            self._apply(number)
        if self.index.segment != last:
            everything = ((iri, plain(self.store.record(iri))) for iri in self._all_records())
            self.index.update(everything, last)

    def _all_records(self) -> list[str]:
        return sorted({t.object.value for t in self.store.triples(MZ.describes) if isinstance(t.object, NamedNode)})

    def _tell(self, done: int) -> None:
        self._done = done
        self._progress(done, max(done, self._of))

    def _apply(self, number: int) -> None:
        """Bring store and index from segment number - 1 to number; safe to repeat after a crash in the middle."""
        header = self.ledger.header(number)
        level = self.index.segment == number - 1 or (number == 1 and self._new_index)
        if header["activity"].get("bulk"):
            scratch = self.home.root / "replay"
            begun, index = self._done, self.index if level else None
            self.screened = replay.replay(
                self.ledger, self.store, index, number, scratch, lambda count: self._tell(begun + count)
            )
            self.law = None
            self.store.mark(number)
            return
        fresh: list[Triple] = list(import_node(number, header))
        indexed: list[tuple[str, list[Triple]]] = []
        pending = 0
        projection.foresee(self.store, (e.record for e in self.ledger.entries(number) if e.replaces is not None))
        for entry in self.ledger.entries(number):
            triples = list(parse_ntriples(entry.triples))
            indexed.append((entry.record, triples))
            known = [*triples, *system(entry, number, header["time"])]
            if entry.replaces is None and self.store.digest(entry.record) is None:
                fresh += known
                pending += 1
                if pending % _CHUNK == 0:
                    self.store.add(fresh)
                    fresh = []
            else:
                self.store.replace(entry.record, known)
        self.store.add(fresh)
        self._tell(self._done + len(indexed))
        self.screened = projection.update(self.store, dict(indexed), self.law)
        self.law = None
        self.store.mark(number)
        if level:
            with self.index.changing(number) as change:
                for iri, triples in indexed:
                    change.put(iri, plain(triples))
                change.again(self.screened.moved.difference(iri for iri, _ in indexed))


def first_digest(ledger: Ledger) -> str:
    """What names a knowledge base: the digest of the first header of its ledger, which every copy of it shares."""
    return digest(json.dumps(ledger.header(1), sort_keys=True))


def _about(home: Home) -> dict[str, Any]:
    """The manifest; empty when there is none that can be read."""
    try:
        about = json.loads(home.manifest.read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError, RecursionError):
        return {}
    return about if isinstance(about, dict) else {}


def set_service(home: Home, chosen: service.Service) -> None:
    """Publish a knowledge base to a SPARQL service from now on; the caller holds the lock."""
    about = {**_about(home), "store": chosen.manifest()}
    replace_file(home.manifest, (json.dumps(about, indent=1) + "\n").encode())


def published_to(home: Home) -> Mirror | None:
    """The service that holds the knowledge base for those who ask, if it has one."""
    known = service.read(_about(home))
    return Mirror(known) if known else None


def _check_head(home: Home, head: int, applied: int = 0) -> None:
    """Refuse to write when HEAD names less than was applied or shown: recovery would remove committed segments."""
    last = max(applied, _shown(home))
    if last > head:
        raise LedgerBroken(
            f"{home.ledger / 'HEAD'} names segment {head} as the last", f"segment {last} was committed",
            "Restore HEAD from a backup; nothing has been removed.",
        )  # fmt: skip


def _shown(home: Home) -> int:
    """The number of the snapshot that readers are pointed to; 0 when there is none or the pointer is damaged."""
    try:
        name = snapshot.current(home).name.partition(".")[0]
    except (StoreMissing, StoreDamaged):
        return 0
    return int(name) if name.isascii() and name.isdecimal() else 0


def rebuild(home: Home, progress: Progress = lambda done, of: None) -> Outcome:
    """Make store, index and snapshot anew from the ledger alone; the caller holds the lock.

    Progress is called with the number of entries done, and of all.
    """
    check = Ledger(home.ledger).verify()
    head = check.head
    _check_head(home, head.segment)
    for folder in (home.store, home.search):
        shutil.rmtree(folder, ignore_errors=True)
    writer = Writer(home, progress, check.entries)
    head = writer.ledger.head()
    if head.segment:
        time = writer.ledger.header(head.segment)["time"]
        writer.send(anew=True)
        snapshot.publish(home, writer.store, writer.index, head, time)
    return Outcome(snapshot=head.segment, recovered=writer.recovered)


def new_home(root: Path, about: dict[str, Any], chosen: service.Service | None = None) -> Home:
    """Lay out an empty knowledge base in `root` unless there is one, published to the service given."""
    home = Home(root)
    root.mkdir(parents=True, exist_ok=True)
    with locked(home):
        # without its HEAD a ledger with segments is broken, not new: a new HEAD would disown everything in it
        if not (home.ledger / "HEAD").exists() and not any(home.ledger.glob("*.jsonl.gz")):
            Ledger(home.ledger).create()
        if not home.manifest.exists():
            replace_file(home.manifest, (json.dumps(about, indent=1) + "\n").encode())
        if chosen is not None:
            set_service(home, chosen)
    return home
