"""Snapshots: immutable copies of store and index, published by one atomic rename of a pointer."""

from __future__ import annotations

import fcntl
import json
import math
import os
import shutil
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from pyoxigraph import Literal, NamedNode, Triple

from kb.errors import StoreDamaged, StoreMissing
from kb.ledger import Head
from kb.ns import SKOS
from kb.paths import Home
from kb.search import SearchIndex
from kb.storage import replace_file, sync_folder
from kb.store.local import LocalStore

MAKE_ONE = "Make one with: mizan demo, or mizan init"
MAKE_ANEW = "Make it anew from the ledger with: mizan rebuild"
KEPT = 3  # unless the knowledge base says otherwise
_SETTING = "snapshots"  # in its manifest


@dataclass(frozen=True, slots=True)
class Retention:
    """How many snapshots stay, the newest always, and with `days` for how long the others do."""

    keep: int = KEPT
    days: float | None = None


class _Lease:
    """Keeps a snapshot from being pruned for as long as the object lives; the system ends it with the process."""

    def __init__(self, folder: Path) -> None:
        self._handle = os.open(folder / "snapshot.json", os.O_RDONLY)
        fcntl.flock(self._handle, fcntl.LOCK_SH)

    def __del__(self) -> None:
        if hasattr(self, "_handle"):
            os.close(self._handle)


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One published state: its number is the last ledger segment in it."""

    number: int
    time: str
    ledger: Head
    folder: Path
    store: LocalStore
    index: SearchIndex
    lease: _Lease = field(repr=False, compare=False)

    @property
    def store_folder(self) -> Path:
        """Where query workers find the store."""
        return self.folder / "store"

    @property
    def answers(self) -> Path:
        """Where answers that took long are kept, to go with the snapshot."""
        return self.folder / "answers"

    def record(self, iri: str) -> list[Triple]:
        """The triples of a record; empty when there is none."""
        return self.store.record(iri)

    def labels(self, iri: str) -> dict[str, str]:
        """The labels of a node by language; without any, its last path part under `""`."""
        found = {
            value.language or "en": value.value
            for value in self.store.objects(NamedNode(iri), SKOS.prefLabel)
            if isinstance(value, Literal)
        }
        return found or {"": iri.rpartition("#")[2].rpartition("/")[2]}


def publish(home: Home, store: LocalStore, index: SearchIndex, head: Head, time: str) -> Path:
    """Copy store and index into a new snapshot folder, point readers to it, and prune as the manifest says."""
    retained = retention(home)
    home.snapshots.mkdir(exist_ok=True)
    for unfinished in home.snapshots.glob(".new-*"):
        shutil.rmtree(unfinished)
    folder = _free_name(home.snapshots, head.segment)
    new = home.snapshots / f".new-{folder.name}"
    new.mkdir()
    store.copy_to(new / "store")
    index.copy_to(new / "search")
    about = {"number": head.segment, "time": time, "ledger": {"segment": head.segment, "sha256": head.sha256}}
    replace_file(new / "snapshot.json", (json.dumps(about, indent=1) + "\n").encode())
    new.rename(folder)
    sync_folder(home.snapshots)
    replace_file(home.current, (folder.name + "\n").encode())
    prune(home, folder, retained)
    return folder


def retention(home: Home) -> Retention:
    """What the manifest says of keeping snapshots; StoreDamaged where it cannot be understood."""
    try:
        said = json.loads(home.manifest.read_text(encoding="utf-8")).get(_SETTING, {})
        unknown = sorted(set(said) - {"keep", "days"})
        keep, days = said.get("keep", KEPT), said.get("days")
    except FileNotFoundError:
        return Retention()
    except (ValueError, AttributeError, TypeError, RecursionError) as error:
        raise _unclear(home, str(error)) from None
    if unknown:
        raise _unclear(home, f"{_SETTING} has {unknown[0]!r}")
    if type(keep) is not int or keep < 1:
        raise _unclear(home, f"keep is {keep!r}, not a whole number from 1")
    if days is not None and (type(days) not in (int, float) or not 0 <= days < math.inf):
        raise _unclear(home, f"days is {days!r}, not a number from 0")
    return Retention(keep, days)


def remember(home: Home, retained: Retention) -> None:
    """Write into the manifest what every later change is to keep; the caller holds the lock."""
    about = json.loads(home.manifest.read_text(encoding="utf-8"))
    about[_SETTING] = {"keep": retained.keep, "days": retained.days}
    replace_file(home.manifest, (json.dumps(about, indent=1) + "\n").encode())


def _unclear(home: Home, why: str) -> StoreDamaged:
    hint = f'Correct "{_SETTING}" there, such as {{"keep": 3, "days": 30}}, or leave it out.'
    return StoreDamaged(f"{home.manifest} does not say clearly how many snapshots to keep", why, hint)


def current(home: Home) -> Path:
    """The folder of the snapshot that readers are pointed to."""
    try:
        name = home.current.read_text(encoding="ascii").strip()
    except FileNotFoundError:
        raise StoreMissing(f"There is no knowledge base in {home.root}", "", MAKE_ONE) from None
    except ValueError as error:
        raise StoreDamaged(f"{home.current} cannot be read", str(error), MAKE_ANEW) from None
    return home.snapshots / name


def load(folder: Path) -> Snapshot:
    """Open the snapshot in a folder for reading; StoreDamaged when its files do not fit together."""
    try:
        lease = _Lease(folder)
        about = json.loads((folder / "snapshot.json").read_text(encoding="utf-8"))
        number, time = int(about["number"]), str(about["time"])
        head = Head(int(about["ledger"]["segment"]), str(about["ledger"]["sha256"]))
    except (FileNotFoundError, NotADirectoryError, ValueError, LookupError, TypeError, RecursionError) as error:
        raise StoreDamaged(f"The snapshot {folder} cannot be read", str(error), MAKE_ANEW) from None
    store = LocalStore.read_only(folder / "store")
    return Snapshot(number, time, head, folder, store, SearchIndex.read_only(folder / "search"), lease)


def kept(home: Home, number: int) -> Snapshot | None:
    """The snapshot with this number, if it was not pruned; the later one where a rebuild made it again."""
    folders = sorted(home.snapshots.glob(f"{number:08d}*"), key=lambda p: (len(p.name), p.name))
    for folder in reversed(folders):
        found = load(folder)
        if found.number == number:
            return found
    return None


def _free_name(folder: Path, number: int) -> Path:
    names: Iterable[str] = (f"{number:08d}" + (f".{again}" if again else "") for again in range(10_000))
    return next(folder / name for name in names if not (folder / name).exists())


def prune(home: Home, newest: Path, retained: Retention) -> None:
    """Remove the snapshots that need not be kept any more, but for those that a reader holds; `newest` always stays.

    A held one goes with a later change, when it has been let go.
    """
    folders = sorted(p for p in home.snapshots.iterdir() if not p.name.startswith(".") and p != newest)
    surplus = max(0, len(folders) - retained.keep + 1)
    limit = 0.0 if retained.days is None else newest.stat().st_mtime - retained.days * 86_400
    for place, folder in enumerate(folders):
        if (place < surplus or folder.stat().st_mtime < limit) and not _held(folder):
            shutil.rmtree(folder)


def _held(folder: Path) -> bool:
    try:
        handle = os.open(folder / "snapshot.json", os.O_RDONLY)
    except (FileNotFoundError, NotADirectoryError):
        return False  # removed in part by a killed writer: nobody can open it
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(handle)
    return False
