"""What a stream of records must remember: eight bytes a node, and in a file the records that have to wait."""

from __future__ import annotations

import sys
import tempfile
from array import array
from collections.abc import Callable, Iterable, Iterator, Sequence
from hashlib import blake2b
from types import TracebackType

Nodes = dict[tuple[str, ...], bytes]
"""Nodes by their classes, each as eight bytes of a digest: so many fit in memory, and no two are likely alike."""


def digested(nodes: dict[tuple[str, ...], list[str]]) -> Nodes:
    """Nodes by their classes, in the form in which they are remembered."""
    return {kinds: b"".join(map(_digest, named)) for kinds, named in nodes.items() if kinds}


def _digest(node: str) -> bytes:
    return blake2b(node.encode(), digest_size=8).digest()


class Seen:
    """The nodes that a stream has had, and the records that wait for its end."""

    def __init__(self) -> None:
        self._nodes: dict[tuple[str, ...], array[int]] = {}
        self._file = tempfile.TemporaryFile("w+", encoding="utf-8", newline="\n")  # noqa: SIM115

    def __enter__(self) -> Seen:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()

    def note(self, nodes: Nodes) -> None:
        """Remember these nodes and their classes."""
        for kinds, digests in nodes.items():
            self._nodes.setdefault(kinds, array("Q")).frombytes(digests)

    def keep(self, text: str) -> None:
        """Put a record aside, as canonical N-Triples, until the stream has ended."""
        self._file.write(f"{text.strip()}\n\n")

    def waiting(self, size: int) -> Iterator[list[str]]:
        """The records put aside, so many at a time."""
        self._file.seek(0)
        batch: list[str] = []
        lines: list[str] = []
        for line in self._file:
            if line != "\n":
                lines.append(line)
                continue
            batch.append("".join(lines))
            lines = []
            if len(batch) == size:
                yield batch
                batch = []
        if batch:
            yield batch

    def types(
        self, nodes: Iterable[str], elsewhere: Callable[[Sequence[str]], dict[str, Sequence[str]]]
    ) -> dict[str, Sequence[str]]:
        """The classes of nodes, from the stream or else from elsewhere; none for a node that is nowhere."""
        wanted = {int.from_bytes(_digest(node), sys.byteorder): node for node in nodes}
        found: dict[str, Sequence[str]] = {}
        for kinds, digests in self._nodes.items():
            found.update((wanted[digest], kinds) for digest in digests if digest in wanted)
        return {**elsewhere(sorted(set(wanted.values()) - found.keys())), **found}
