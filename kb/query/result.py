"""The rows of an answer without their order, to say whether two answers are the same and which rows came and went."""

from __future__ import annotations

import hashlib
from collections import Counter
from dataclasses import dataclass
from functools import cached_property

from kb.store.base import TABLE_FORMS, Answer


def format_of(form: str) -> str:
    """The format in which an answer has one line for each row."""
    return "tsv" if form in TABLE_FORMS else "ntriples"


@dataclass(frozen=True)
class Result:
    """The columns of an answer, and its rows as lines: tab-separated terms, or N-Triples for a graph; sorted."""

    columns: tuple[str, ...]
    lines: tuple[str, ...]

    @cached_property
    def digest(self) -> str:
        """SHA-256, in hex, of the columns and the sorted lines, each ended by a line feed, in UTF-8."""
        text = "".join(f"{line}\n" for line in ("\t".join(self.columns), *self.lines))
        return hashlib.sha256(text.encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Change:
    """Rows that came and rows that went between two results."""

    came: tuple[str, ...]
    went: tuple[str, ...]


def read(answer: Answer, form: str) -> Result:
    """The result in an answer serialised as `format_of(form)`."""
    lines = answer.body.decode().split("\n")
    if lines and not lines[-1]:
        lines.pop()
    if form == "ASK":
        return Result((), tuple(lines))
    if form == "SELECT":
        return Result(tuple(lines[0].split("\t")), tuple(sorted(lines[1:])))
    return Result(("triple",), tuple(sorted(lines)))


def change(then: Result, now: Result) -> Change:
    """What differs, rows that stand several times counted as often as they stand."""
    old, new = Counter(then.lines), Counter(now.lines)
    return Change(tuple(sorted((new - old).elements())), tuple(sorted((old - new).elements())))
