"""Snapshots: immutable copies of store and index, published by one atomic rename of a pointer."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterable
from dataclasses import dataclass
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
KEPT = 3  # older snapshots are removed; readers that still hold one keep its files open


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One published state: its number is the last ledger segment in it."""

    number: int
    time: str
    ledger: Head
    folder: Path
    store: LocalStore
    index: SearchIndex

    @property
    def store_folder(self) -> Path:
        """Where query workers find the store."""
        return self.folder / "store"

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
    """Copy store and index into a new snapshot folder and point readers to it."""
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
    prune(home, folder, KEPT)
    return folder


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
        about = json.loads((folder / "snapshot.json").read_text(encoding="utf-8"))
        number, time = int(about["number"]), str(about["time"])
        head = Head(int(about["ledger"]["segment"]), str(about["ledger"]["sha256"]))
    except (FileNotFoundError, NotADirectoryError, ValueError, LookupError, TypeError, RecursionError) as error:
        raise StoreDamaged(f"The snapshot {folder} cannot be read", str(error), MAKE_ANEW) from None
    store = LocalStore.read_only(folder / "store")
    return Snapshot(number, time, head, folder, store, SearchIndex.read_only(folder / "search"))


def _free_name(folder: Path, number: int) -> Path:
    names: Iterable[str] = (f"{number:08d}" + (f".{again}" if again else "") for again in range(10_000))
    return next(folder / name for name in names if not (folder / name).exists())


def prune(home: Home, newest: Path, keep: int, days: float | None = None) -> None:
    """Remove all but the last `keep` snapshots, and with `days` those older than that; `newest` always stays."""
    folders = sorted(p for p in home.snapshots.iterdir() if not p.name.startswith(".") and p != newest)
    surplus = max(0, len(folders) - keep + 1)
    limit = 0.0 if days is None else newest.stat().st_mtime - days * 86_400
    for place, folder in enumerate(folders):
        if place < surplus or folder.stat().st_mtime < limit:
            shutil.rmtree(folder)
