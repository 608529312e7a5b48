"""A row on its way to a record: what its cells mean, what was derived from them, and what is wrong with them."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache

from pyoxigraph import Literal, NamedNode

from kb.ingest.report import Problem, Row, Unfit

Term = NamedNode | Literal
_SLOT = re.compile(r"\{([^{}]+)\}")


@dataclass(slots=True)
class Draft:
    """Texts and terms by column (or derived name), and the IRIs of nodes made so far by their name in the mapping."""

    row: Row
    texts: dict[str, str] = field(default_factory=dict)
    terms: dict[str, list[Term]] = field(default_factory=dict)
    nodes: dict[str, list[str]] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    notes: list[Problem] = field(default_factory=list)

    def fault(self, column: str, unfit: Unfit) -> None:
        """Remember a rule that this row breaks."""
        self.problems.append(Problem(self.row.number, self.row.line, column, unfit.rule, unfit.message, unfit.hint))

    def note(self, column: str, rule: str, message: str, hint: str = "") -> None:
        """Remember something to be said that does not keep the row out."""
        self.notes.append(Problem(self.row.number, self.row.line, column, rule, message, hint, fatal=False))

    def part(self) -> Draft:
        """A copy whose texts and terms may be changed; nodes, problems and notes stay common."""
        return Draft(self.row, dict(self.texts), dict(self.terms), self.nodes, self.problems, self.notes)

    def fill(self, template: str, escape: Callable[[str], str] = str) -> str:
        """A template with `{column}` filled in; `{hash|a|b}` stands for a short digest of several columns."""

        known = _parts(template)
        if len(known) == 1:
            return template
        parts = list(known)
        for place in range(1, len(parts), 2):
            name, *columns = parts[place].split("|")
            if columns:
                joined = "\x1f".join(self.texts.get(c, "") for c in columns)
                parts[place] = hashlib.sha256(joined.encode()).hexdigest()[:16]
            else:
                parts[place] = escape(self.texts.get(name, ""))
        return "".join(parts)


@lru_cache(maxsize=4096)
def _parts(template: str) -> tuple[str, ...]:
    """Fixed text and slots in turn, beginning and ending with fixed text."""
    return tuple(_SLOT.split(template))


def slots(template: str) -> list[str]:
    """The columns and derived names that a template uses."""
    return [name for slot in _SLOT.findall(template) for name in (slot.split("|")[1:] or [slot])]


def fixed(template: str) -> list[str]:
    """The texts of a template before, between and after its slots."""
    return _SLOT.split(template)[::2]


def pattern(template: str) -> re.Pattern[str]:
    """Matches what `template` can be filled to."""
    return re.compile(".*".join(map(re.escape, fixed(template))))
