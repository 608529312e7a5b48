"""Records that are like others: what a record of the same arrangement was found right in is not judged again.

The records of a large import have the same nodes with the same properties and differ in some values. A text is cut at
the name of its record, so that the pieces between are the same wherever two records say the same. Which kinds of
pieces follow on each other is the arrangement. It settles which plans apply, how many values there are, and all that
rests on nodes of the record itself. What is left asks something of one value, or of a few values of one node, and is
remembered by the pieces that hold them. Nothing but "no finding" is remembered, and a record of which that is not
certain is judged as any other.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from kb.validation.arrangement import Arrangement, Glance, Learn, Line, arrange
from kb.validation.facts import ABOVE, TYPE, Facts, Types
from kb.validation.plan import Plan
from kb.validation.term import is_normal

_SHORT = 12  # characters of an IRI's end that are looked for, at least: fewer would be found in other words
_PIECES = 1 << 15  # pieces that are remembered
_ARRANGEMENTS = 512
_HEADS = 1 << 13
_FAMILIES = 64
_NO_PIECE = 0
_END = " .\n"


class _Head(NamedTuple):
    """What a piece of a text is: the line of a node with its value, or up to a node of the record, or from it on."""

    node: str  # the end of a node's IRI behind the record's, with the bracket
    predicate: str = ""  # none for what stands behind the object of a line
    mark: str = ""  # a class; or that a literal may have another spelling; or that the object is a node of the record
    has_value: bool = True


class _Family(dict[str, int]):
    """Records whose IRIs begin alike: the kind of each piece, as a number, and their arrangements."""

    def __init__(self, start: str) -> None:
        super().__init__()
        self.tail = f"<{start}"
        self._end = _END + self.tail
        self.heads: list[_Head] = []
        self.arrangements: dict[tuple[int, ...], Arrangement | None] = {}
        self._numbers: dict[_Head, int] = {}
        self._usual: dict[tuple[str, str], int] = {}  # heads of lines with a value in its one spelling

    def __missing__(self, piece: str) -> int:
        words = piece.split(" ", 2)
        number = self._usual.get((words[0], words[1]), _NO_PIECE) if len(words) == 3 else _NO_PIECE
        if number:
            value = words[2].removesuffix(self._end)
            if len(value) == len(words[2]) or "\n" in value or not is_normal(value):
                number = _NO_PIECE
        self[piece] = number = number or self._number(piece)
        return number

    def _number(self, piece: str) -> int:
        head = self._head(piece) if piece.endswith(self.tail) and piece[0] in "#>" else None
        if head is None:
            return _NO_PIECE
        number = self._numbers.get(head)
        if number is None:
            self.heads.append(head)
            number = self._numbers[head] = len(self.heads)
            if head.has_value and head.predicate and not head.mark:
                self._usual[head.node, head.predicate] = number
        return number

    def _head(self, piece: str) -> _Head | None:
        """What a piece is, None for one that a text was cut into at another place than the IRI of a node."""
        body = piece[: -len(self.tail)]
        if "\n" in body[:-1]:  # lines about another record
            return None
        if not body.endswith(_END):  # up to the object, which is a node of the record
            words = body.split(" ", 2)
            return _Head(words[0], words[1], "own", False) if len(words) == 3 and not words[2] else None
        words = body[: -len(_END)].split(" ", 2)
        if len(words) == 1:
            return _Head(words[0], has_value=False)
        if len(words) == 2 or words[1] == ABOVE:
            return None
        value = words[2]
        if words[1] == TYPE:
            return _Head(words[0], TYPE, value)
        return _Head(words[0], words[1], "" if is_normal(value) else "odd")


@dataclass(slots=True)
class Cut:
    """A record's text in pieces, and the arrangement that these make, if it is known."""

    iri: str
    pieces: list[str]
    kinds: tuple[int, ...]
    family: _Family
    glance: Glance
    arrangement: Arrangement | None = None
    is_new: bool = False

    def conforms(self) -> bool:
        """Whether the record is certain to have no finding."""
        return self.arrangement is not None and self.arrangement.is_met(self.iri, self.pieces, self.glance)

    def learn(self, facts: Facts, planned: Sequence[tuple[str, Plan]]) -> None:
        """Remember how this record, which has no findings, is arranged."""
        known = self.family.arrangements
        if len(known) >= _ARRANGEMENTS:
            known.clear()
        lines = None if _NO_PIECE in self.kinds else _lines(self)
        tail = -len(self.family.tail + _END)
        known[self.kinds] = arrange(self.iri, lines, facts, planned, tail) if lines else None


class Likeness:
    """The memory of one process, for the classes of foreign nodes that one mapping gives.

    A mapping may learn of more nodes, but must not change its mind about one: another one makes all verdicts void.
    """

    def __init__(self) -> None:
        self._families: dict[str, _Family] = {}
        self._glance = Glance({}, None)

    def begin(self, types: Types, learn: Learn | None) -> None:
        """Judge by these classes from now on; `learn` may add to them."""
        if types is not self._glance.foreign:
            self._forget()
        if sum(map(len, self._families.values())) > _PIECES:
            self._shrink()
        self._glance = Glance(types, learn)

    def cut(self, text: str) -> Cut | None:
        """The pieces of a record; None for a text that cannot be cut so."""
        iri = text[1 : text.find(">")].partition("#")[0]
        at = max(min(iri.rfind("/"), len(iri) - _SHORT), 0)
        start, name = iri[:at], iri[at:]
        if not name:
            return None
        pieces = text.split(name)
        if pieces[0] != f"<{start}":
            return None
        family = self._families.get(start)
        if family is None:
            family = self._begun(start)
        pieces[-1] += family.tail
        del pieces[0]
        kinds = tuple(map(family.__getitem__, pieces))
        if len(family) > _PIECES:
            self._shrink()
        try:
            return Cut(iri, pieces, kinds, family, self._glance, family.arrangements[kinds])
        except KeyError:
            return Cut(iri, pieces, kinds, family, self._glance, is_new=True)

    def _begun(self, start: str) -> _Family:
        if len(self._families) >= _FAMILIES:
            self._families.clear()
        family = self._families[start] = _Family(start)
        return family

    def _forget(self) -> None:
        for family in self._families.values():
            for arrangement in family.arrangements.values():
                if arrangement is not None:
                    arrangement.forget()

    def _shrink(self) -> None:
        """Let go of the pieces, which most texts bring new ones of, and of all else where that is much as well."""
        self._forget()
        if sum(len(family.heads) for family in self._families.values()) > _HEADS:
            self._families.clear()
        for family in self._families.values():
            family.clear()


def _lines(cut: Cut) -> list[Line] | None:
    """The lines of a record by the pieces that they begin in, None where the pieces make no lines."""
    lines: list[Line] = []
    begun: Line | None = None
    for at, kind in enumerate(cut.kinds):
        head = cut.family.heads[kind - 1]
        if (begun is None) != bool(head.predicate):
            return None
        if begun is not None:
            lines.append(begun._replace(target=head.node))
            begun = None
        elif head.has_value:
            start = len(head.node) + len(head.predicate) + 2
            lines.append(Line(head.node, head.predicate, at, start, head.mark == "odd"))
        else:
            begun = Line(head.node, head.predicate, at, 0, False)
    return lines if begun is None else None
