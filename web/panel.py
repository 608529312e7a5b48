"""Panels: what other records say about the thing on a page, each answered by one query of `queries/browse`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from urllib.parse import urlencode

from pyoxigraph import NamedNode

from kb.knowledgebase import KnowledgeBase, Row, table
from kb.query import saved
from kb.snapshot import Snapshot

CAP = 300  # the LIMIT of the listing queries: a page names the cap and links to the whole


@dataclass(frozen=True, slots=True)
class Panel:
    """The rows of one query, and the address where anyone can run and change that query."""

    rows: list[Row]
    address: str

    def __bool__(self) -> bool:
        return bool(self.rows)

    def __len__(self) -> int:
        return len(self.rows)

    def __iter__(self) -> Iterator[Row]:
        return iter(self.rows)

    @property
    def full(self) -> bool:
        """Whether the cap was reached, so that there may be more than these."""
        return len(self.rows) >= CAP

    def iris(self, name: str) -> list[str]:
        """The distinct IRIs in one column, in order of first appearance."""
        return list(dict.fromkeys(row[name].value for row in self.rows if name in row))


class Panels:
    """Runs the queries of a page over one snapshot."""

    def __init__(self, base: KnowledgeBase, snapshot: Snapshot, language: str) -> None:
        self._base = base
        self._snapshot = snapshot
        self._language = language

    def __call__(self, name: str, **slots: str | Sequence[str]) -> Panel:
        """The panel `name` with each slot filled by an IRI, or by several."""
        terms = {slot: [NamedNode(i) for i in ([iri] if isinstance(iri, str) else iri)] for slot, iri in slots.items()}
        text = saved.fill(saved.load("browse", name).text, terms)
        rows = table(self._base.ask(text, at=self._snapshot, ours=True))
        return Panel(rows, "/sparql?" + urlencode({"lang": self._language, "query": text}))
