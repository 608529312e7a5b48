"""Keeps the incidents of each dataset in a file, so that a million of them need not stand in memory."""

from __future__ import annotations

import pickle
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import IO

from kb.matching.event import Event


class Spool:
    """Events by dataset, in files of this process below `folder`, in the order in which they came."""

    def __init__(self, folder: Path, events: Iterable[Event]) -> None:
        self._folder = folder
        self._numbers: dict[str, int] = {}
        self.keepers: dict[str, str] = {}
        self.borne: dict[str, Counter[str]] = {}  # how many records bear a name, by dataset
        self.sizes: Counter[str] = Counter()  # how many records there are, by dataset
        with ExitStack() as stack:
            handles: dict[str, IO[bytes]] = {}
            for event in events:
                name = event.dataset
                if name not in self.keepers:
                    handles[name] = stack.enter_context(self._path(name).open("wb"))
                    self.keepers[name], self.borne[name] = event.keeper, Counter()
                pickle.dump(event, handles[name])
                self.sizes[name] += 1
                self.borne[name].update(event.names)

    @property
    def datasets(self) -> list[str]:
        """The datasets, sorted."""
        return sorted(self.keepers)

    @property
    def tables(self) -> dict[str, str]:
        """A name for a table of each dataset."""
        return {name: f"events_{number}" for name, number in self._numbers.items()}

    def events(self, dataset: str) -> Iterator[tuple[int, Event]]:
        """The events of a dataset, each with the place in the file by which `Reading.at` finds it."""
        with self.reading(dataset) as reading:
            yield from reading.all()

    def reading(self, dataset: str) -> Reading:
        """The events of a dataset, to be found by their places."""
        return Reading(self._path(dataset))

    def _path(self, dataset: str) -> Path:
        return self._folder / str(self._numbers.setdefault(dataset, len(self._numbers)))


class Reading:
    """The open file of a dataset."""

    def __init__(self, path: Path) -> None:
        self._handle = path.open("rb")

    def __enter__(self) -> Reading:
        return self

    def __exit__(self, *_: object) -> None:
        self._handle.close()

    def all(self) -> Iterator[tuple[int, Event]]:
        """All events with their places."""
        while self._handle.peek(1):
            place = self._handle.tell()
            yield place, self._load()

    def at(self, place: int) -> Event:
        """The event at a place."""
        self._handle.seek(place)
        return self._load()

    def _load(self) -> Event:
        event = pickle.load(self._handle)
        assert isinstance(event, Event)
        return event
