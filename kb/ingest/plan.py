"""What a mapping file says, in memory: how the columns of a source become the nodes of a record."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from pyoxigraph import NamedNode

from kb.ingest.cell import Column
from kb.ingest.draft import pattern, slots
from kb.record import Record


@dataclass(frozen=True, slots=True)
class Value:
    """Where one value of a property comes from: `source` says how, `text` which; language or datatype refine it."""

    source: str
    text: str
    language: str | None = None
    datatype: str | None = None


@dataclass(frozen=True, slots=True)
class Each:
    """How a node is repeated: once for every part of the cells of `columns`, split in step by `split`.

    With `names` each part is split again by `parts` into named fields; `tables` turn the texts of a field into terms.
    """

    columns: tuple[str, ...]
    split: str
    parts: str = ""
    names: tuple[str, ...] = ()
    tables: dict[str, dict[str, str]] | None = None


@dataclass(frozen=True, slots=True)
class When:
    """When a node is made: by which of the texts are filled, and which equal a given text."""

    any: tuple[str, ...] = ()
    every: tuple[str, ...] = ()
    none: tuple[str, ...] = ()
    equals: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Node:
    """One node of a record, or with `each` one for every part of a split cell.

    `record` is set for nodes that are records of their own (a cited article, a warring party).
    """

    name: str
    type: NamedNode
    fragment: str
    record: str | None
    when: When
    each: Each | None
    values: tuple[tuple[NamedNode, Value], ...]


@dataclass(frozen=True, slots=True)
class Derivation:
    """A value made from several columns: kind period, edtf, point, place or actor."""

    name: str
    kind: str
    options: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule over columns.

    order: the first number is not above the second. ordered: numbers rise; if not, the row is kept, with a note, and
    the text `mark` is set. together: all are filled or none. needs: where one is filled, the column `mark` is too.
    known: every part of the cell (split by `split`) is the id of a thing of kind `mark` that is there.
    """

    kind: str
    columns: tuple[str, ...]
    mark: str = ""
    split: str = ""


@dataclass(frozen=True, slots=True)
class Mapping:
    """A mapping file in memory. `reference` are the records that come with it: dataset, claimant."""

    name: str
    title: dict[str, str]
    key: str
    record: str
    zone: str
    notice: dict[str, str]
    columns: dict[str, Column]
    derivations: tuple[Derivation, ...]
    rules: tuple[Rule, ...]
    nodes: tuple[Node, ...]
    reference: tuple[Record, ...]

    def column_of(self, place: str, predicate: str) -> str:
        """The column that gives the values of `predicate` (an IRI) at a node, told by its IRI below `…/id/`; or ""."""
        for node in self._made_at(place):
            for name, value in node.values:
                if name.value == predicate and (found := self._columns(value)):
                    return found[0]
        return ""

    def column_key(self, place: str) -> str:
        """The column that a node's IRI (below `…/id/`) is made of; the key of the row where that is not known."""
        for node in self._made_at(place):
            if found := self._columns(Value("template", node.record or node.fragment)):
                return found[0]
        return self.key

    def _made_at(self, place: str) -> Iterator[Node]:
        for node in self.nodes:
            made = node.record or (f"{self.record}#{node.fragment}" if node.fragment else self.record)
            if pattern(made).fullmatch(place):
                yield node

    def _columns(self, value: Value) -> list[str]:
        """The columns that a value is made of, those of derived values and of parts of cells included."""
        if value.source in ("template", "iri", "path"):
            names = slots(value.text)
        else:
            names = [value.text] if value.source in ("column", "derived") else []
        found: list[str] = []
        for name in names:
            derived = next((d for d in self.derivations if name == d.name or name.startswith(f"{d.name}.")), None)
            made_from = [v for v in derived.options.values() if v in self.columns] if derived else []
            parts_of = [column for column in self.columns if name.startswith(f"{column}.")]
            found += [name] if name in self.columns else made_from or parts_of
        return found
