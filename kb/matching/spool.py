"""Keeps the incidents of each dataset in a file, so that a million of them need not stand in memory."""

from __future__ import annotations

import pickle
from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path

from kb.matching.event import Event


class Spool:
    """Events by dataset, in files of this process below `folder`, in the order in which they came."""

    def __init__(self, folder: Path, events: Iterable[Event]) -> None:
        self._folder = folder
        self._numbers: dict[str, int] = {}
        self.keepers: dict[str, str] = {}
        self.borne: dict[str, Counter[str]] = {}  # how many records bear a name, by dataset
        handles = {}
        try:
            for event in events:
                if event.dataset not in self.keepers:
                    handles[event.dataset] = self._path(event.dataset).open("wb")
                    self.keepers[event.dataset] = event.keeper
                    self.borne[event.dataset] = Counter()
                pickle.dump(event, handles[event.dataset])
                self.borne[event.dataset].update(event.names)
        finally:
            for handle in handles.values():
                handle.close()

    @property
    def datasets(self) -> list[str]:
        """The datasets, sorted."""
        return sorted(self.keepers)

    def events(self, dataset: str) -> Iterator[Event]:
        """The events of a dataset."""
        with self._path(dataset).open("rb") as handle:
            while handle.peek(1):
                event = pickle.load(handle)
                assert isinstance(event, Event)
                yield event

    def find(self, datasets: Iterable[str], iris: Collection[str]) -> dict[str, Event]:
        """The events with these IRIs."""
        return {event.iri: event for dataset in datasets for event in self.events(dataset) if event.iri in iris}

    def _path(self, dataset: str) -> Path:
        return self._folder / str(self._numbers.setdefault(dataset, len(self._numbers)))
