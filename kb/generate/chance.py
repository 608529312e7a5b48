"""Chance that comes out the same everywhere: whole numbers from a digest of the seed, never from the machine."""

from __future__ import annotations

import hashlib
import struct
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from itertools import accumulate
from typing import Generic, TypeVar

T = TypeVar("T")
_BLOCK = 160  # bytes asked of the digest at a time: as many as most rows need
_UNPACK = struct.Struct(f">{_BLOCK // 4}I").unpack


class Draws:
    """An endless row of numbers, fixed by the seed and the name of what they are drawn for.

    Only whole numbers are used: floating point and the library's own generators could differ between machines.
    """

    __slots__ = ("_left", "_name", "_used")

    def __init__(self, seed: int, name: str) -> None:
        self._name = f"{seed}/{name}".encode()
        self._used = 0
        self._left: list[int] = []

    def below(self, bound: int) -> int:
        """A number from 0 to below `bound` (at most 2**32)."""
        if not self._left:
            self._left = self._block()
        return (self._left.pop() * bound) >> 32

    def _block(self) -> list[int]:
        name = b"%d/%b" % (self._used, self._name)
        self._used += 1
        return list(_UNPACK(hashlib.shake_128(name).digest(_BLOCK)))

    def between(self, low: int, high: int) -> int:
        """A number from `low` to `high`, both included."""
        return low + self.below(high - low + 1)

    def hits(self, per_mille: int) -> bool:
        """Whether something happens that does so in `per_mille` of a thousand cases."""
        return self.below(1000) < per_mille

    def one(self, items: Sequence[T]) -> T:
        """One of the items, all equally likely."""
        return items[self.below(len(items))]


class Weighted(Generic[T]):
    """A choice between values that are not equally likely."""

    def __init__(self, values: Iterable[tuple[T, int]]) -> None:
        pairs = list(values)
        self.values = [value for value, _ in pairs]
        self._sums = list(accumulate(weight for _, weight in pairs))

    def draw(self, draws: Draws) -> T:
        """One of the values, each as likely as its weight says."""
        return self.values[bisect_right(self._sums, draws.below(self._sums[-1]))]


class Numbers:
    """Counts as a column has them: bins of [lowest, highest, rows], low numbers likelier than high ones in each."""

    def __init__(self, bins: Iterable[Sequence[int]]) -> None:
        self._bins = Weighted([((low, high), rows) for low, high, rows in bins])

    def draw(self, draws: Draws) -> int:
        """A number as likely as in the column."""
        low, high = self._bins.draw(draws)
        return low if low == high else low + draws.below(draws.below(high - low + 1) + 1)
