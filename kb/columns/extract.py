"""Takes a snapshot's triples out of the store, sorted by property into files of subject and object."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import IO

from pyoxigraph import DefaultGraph, RdfFormat, Store

_BUFFER = 1 << 24


class Sorter:
    """A sink for N-Triples: lines with a wanted property go to that property's file, as two terms with a tab between.

    N-Triples escapes every tab and line end inside a term, so both marks are safe.
    """

    def __init__(self, folder: Path, wanted: Iterable[str], progress: Callable[[int], None]) -> None:
        self.paths = {iri: folder / f"{number}.tsv" for number, iri in enumerate(sorted(wanted))}
        self._files: dict[bytes, IO[bytes]] = {}
        for iri, path in self.paths.items():
            self._files[f"<{iri}>".encode()] = path.open("wb")
        self._progress = progress
        self._held = bytearray()
        self.lines = 0

    def write(self, data: bytes) -> int:
        """Take the next bytes."""
        self._held += data
        if len(self._held) >= _BUFFER:
            self._sort()
        return len(data)

    def flush(self) -> None:
        """Nothing to do before the end."""

    def close(self) -> None:
        """Write what is held and close the files."""
        self._sort()
        for file in self._files.values():
            file.close()

    def _sort(self) -> None:
        end = self._held.rfind(b"\n") + 1
        lines = bytes(self._held[:end]).split(b"\n")
        del self._held[:end]
        rows: dict[bytes, list[bytes]] = {key: [] for key in self._files}
        for line in lines:
            parts = line.split(b" ", 2)
            if len(parts) == 3 and parts[1] in rows:
                rows[parts[1]].append(parts[0] + b"\t" + parts[2][:-2])
        for key, found in rows.items():
            if found:
                self._files[key].write(b"\n".join(found) + b"\n")
        self.lines += len(lines) - 1
        self._progress(self.lines)


def extract(store: Path, folder: Path, wanted: Iterable[str], progress: Callable[[int], None]) -> dict[str, Path]:
    """Write the triples of a snapshot's store with the wanted properties into `folder`; a file for each property."""
    sorter = Sorter(folder, wanted, progress)
    try:
        Store.read_only(str(store)).dump(sorter, RdfFormat.N_TRIPLES, from_graph=DefaultGraph())  # type: ignore[arg-type]
    finally:
        sorter.close()
    return sorter.paths
