"""The index on disk: opened, brought level record by record, copied for a snapshot, searched by words."""

from __future__ import annotations

import errno
import json
import os
import re
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import tantivy

from kb.canonical import Nodes, plain
from kb.errors import StoreDamaged
from kb.ns import SCHEME
from kb.search.asking import every, text_queries
from kb.search.document import fields, taken, targets
from kb.search.reference import Known, Reference
from kb.search.schema import FACETS, VERSION, build, kind_of
from kb.storage import replace_file

_MARK = "mizan-segment"
_HEAP = 128_000_000  # bytes that the writer gathers before it writes a part of the index
_REFERENCE = frozenset({"place", "actor", "scheme", "instrument", "provision", "source"})


@dataclass(frozen=True, slots=True)
class Hit:
    """One record found: its IRI, kind (incident, provision, …), labels, and date if it has one."""

    iri: str
    kind: str
    label_en: str
    label_ar: str
    date: str


@dataclass(frozen=True, slots=True)
class Hits:
    """A page of hits and how many there are in all."""

    total: int
    items: tuple[Hit, ...]


@contextmanager
def plain_errors(folder: Path) -> Iterator[None]:
    """Errors of tantivy, which are all ValueErrors, as what they are: the system's own, or an index that is broken."""
    try:
        yield
    except ValueError as error:
        number = re.search(r"os error (\d+)|\bcode: (\d+)", str(error))
        if number:
            code = int(number[1] or number[2])
            raise OSError(code, os.strerror(code), str(folder)) from None
        raise StoreDamaged(
            f"The search index {folder} cannot be used", str(error), "Make it anew from the ledger with: mizan rebuild"
        ) from None


class SearchIndex:
    """An index in a folder; `segment` is the last ledger segment it covers.

    `known` is where the writer reads what a document takes from other records: names, what lies around, and claims
    made elsewhere. It must be level with the records given to `update`. Without it each record stands for itself.
    """

    def __init__(self, folder: Path, known: Known | None = None, *, made: bool = False) -> None:
        self.folder = folder
        self.known = known
        self._made = made

    @classmethod
    def read_only(cls, folder: Path) -> SearchIndex:
        """Open a copy that nobody writes to.

        tantivy writes a lock file even to read. Where that is not allowed, the first search says so, and whoever only
        asks for records is not kept out.
        """
        index = cls(folder, made=True)
        try:
            index.engine.searcher()
        except OSError as error:
            if error.errno not in (errno.EACCES, errno.EPERM, errno.EROFS):
                raise
        return index

    @cached_property
    def engine(self) -> tantivy.Index:
        """The index of the engine; StoreDamaged when its files cannot be used."""
        with plain_errors(self.folder):
            if self._made:
                return tantivy.Index.open(str(self.folder))
            if self.folder.exists() and self._mark()[1] not in (VERSION, None):
                shutil.rmtree(self.folder)  # of other fields; the writer sees that it covers nothing and fills it
            self.folder.mkdir(parents=True, exist_ok=True)
            return tantivy.Index(build(), path=str(self.folder))

    @property
    def segment(self) -> int:
        """The ledger segment up to which records are indexed; -1 when unknown or indexed by other rules."""
        segment, version = self._mark()
        return segment if version == VERSION else -1

    def _mark(self) -> tuple[int, int | None]:
        """The last segment and the version of the fields as noted; the first version noted none, None: no note."""
        mark = self.folder / _MARK
        text = mark.read_text(encoding="ascii", errors="replace") if mark.is_file() else ""
        parts = [int(part) if part.isdecimal() and part.isascii() else -1 for part in text.split()[:2]]
        return (parts[0], parts[1] if len(parts) > 1 else 1) if parts else (-1, None)

    def update(self, records: Iterable[tuple[str, Nodes]], segment: int) -> None:
        """Index records anew (no nodes remove one); covers `segment` when this returns."""
        with self.changing(segment) as change:
            for iri, nodes in records:
                change.put(iri, nodes)

    @contextmanager
    def changing(self, segment: int) -> Iterator[Change]:
        """Change the index; what was changed is there, and the index covers `segment`, when the block ends well."""
        with plain_errors(self.folder):
            change = Change(self, segment)
            yield change
            change.commit()
            replace_file(self.folder / _MARK, f"{segment} {VERSION}".encode())
            self.engine.reload()

    def copy_to(self, folder: Path) -> None:
        """A copy by hard links: the index never rewrites its segment files, only the lists of them."""

        def link(source: str, target: str) -> str:
            if source.endswith((".json", _MARK, ".lock")):
                return str(shutil.copyfile(source, target))
            os.link(source, target)
            return target

        shutil.copytree(self.folder, folder, copy_function=link)

    def find(
        self, text: str = "", kinds: Iterable[str] = (), dataset: str = "", limit: int = 25, offset: int = 0
    ) -> Hits:
        """Records with all words of `text`, of any of the kinds; best first with text, newest first without."""
        schema, query = self.engine.schema, tantivy.Query
        wanted = list(kinds)
        with plain_errors(self.folder):
            parts = text_queries(schema, text)
            order = None if parts else "by_date"  # by relevance with a text, else newest first
            if wanted:
                parts.append(query.term_set_query(schema, "kind", wanted))
            if dataset:
                parts.append(query.term_query(schema, "f_dataset", FACETS["dataset"].code(dataset)))
            searcher = self.engine.searcher()
            # tantivy sets memory aside for offset + limit rows and ends the whole process where there is not enough
            last = max(searcher.num_docs, 1)
            limit, offset = min(max(limit, 1), last), min(max(offset, 0), last)
            asked = every(parts) if parts else query.all_query()
            found = searcher.search(asked, limit=limit, offset=offset, count=True, order_by_field=order)
            items = tuple(hit(searcher.doc(address)) for _, address in found.hits)
        return Hits(int(getattr(found, "count", 0)), items)  # the type stubs of tantivy do not know `count`

    def scored(self, text: str, limit: int) -> tuple[int, list[tuple[str, float]]]:
        """How many records have all words of `text`, and the IRIs of the best with their scores."""
        with plain_errors(self.folder):
            searcher = self.engine.searcher()
            parts = text_queries(self.engine.schema, text)
            if not parts:
                return 0, []
            limit = min(max(limit, 1), max(searcher.num_docs, 1))
            found = searcher.search(every(parts), limit=limit, count=True)
            best = [(str(searcher.doc(address).get_first("iri")), float(score)) for score, address in found.hits]
        return int(getattr(found, "count", 0)), best

    def counts(self) -> dict[str, int]:
        """How many records there are of each kind."""
        searcher = self.engine.searcher()
        asked = {"kinds": {"terms": {"field": "kind", "size": 100}}}
        result = searcher.aggregate(tantivy.Query.all_query(), asked)
        return {b["key"]: int(b["doc_count"]) for b in sorted(result["kinds"]["buckets"], key=lambda b: b["key"])}


class Change:
    """One change of the index, made record by record."""

    def __init__(self, index: SearchIndex, segment: int) -> None:
        self._known, self._segment = index.known, segment
        self._schema = index.engine.schema
        self._searcher = index.engine.searcher()
        self._writer = index.engine.writer(heap_size=_HEAP, num_threads=1)
        self._reference = Reference(index.known)
        self._others: set[str] = set()

    def put(self, iri: str, nodes: Nodes) -> None:
        """Put a record in place of what is there under its IRI; without nodes it is only taken out."""
        if self._searcher.num_docs:
            self._others |= self._concerned(iri, nodes)
            if self._searcher.doc_freq("iri", iri):
                self._writer.delete_documents_by_term("iri", iri)
        self._add(iri, nodes)

    def add(self, documents: Iterable[dict[str, Any]]) -> None:
        """Add documents of new incidents, made elsewhere by `document.fields`."""
        for made in documents:
            self._writer.add_document(tantivy.Document(**made))

    def again(self, iris: Iterable[str]) -> None:
        """Make the documents of these incidents anew at the end, when all else is known."""
        self._others.update(iris)

    def commit(self) -> None:
        """Write what was changed."""
        for iri in sorted(self._others):
            self._writer.delete_documents_by_term("iri", iri)
            self._add(iri, plain(self._known.record(iri)) if self._known is not None else {})
        self._writer.commit()
        self._writer.wait_merging_threads()

    def _add(self, iri: str, nodes: Nodes) -> None:
        if nodes:
            segment = self._reference.segment(iri, self._segment)
            self._writer.add_document(tantivy.Document(**fields(iri, nodes, self._reference, segment)))

    def _concerned(self, iri: str, nodes: Nodes) -> set[str]:
        """The incidents whose documents take something from this record: claims, names, or what lies around."""
        if self._known is None:
            return set()
        found = targets(iri, nodes)
        found |= self._iris(tantivy.Query.term_query(self._schema, "from", iri))
        if kind_of(iri) in _REFERENCE and self._taken(iri) != taken(nodes):
            things = {iri} if not iri.startswith(SCHEME) else {n for n in nodes if "#" in n}
            for facet in FACETS.values():
                codes = sorted(facet.code(thing) for thing in things if facet.base and thing.startswith(facet.base))
                if codes:
                    found |= self._iris(tantivy.Query.term_set_query(self._schema, facet.field, codes))
        return found - {iri}

    def _taken(self, iri: str) -> str:
        hits = self._searcher.search(tantivy.Query.term_query(self._schema, "iri", iri), limit=1).hits
        return str(_shown(self._searcher.doc(hits[0][1]))["own"]) if hits else ""

    def _iris(self, query: tantivy.Query) -> set[str]:
        total = int(getattr(self._searcher.search(query, limit=1, count=True), "count", 0))
        hits = self._searcher.search(query, limit=total, count=False).hits if total else []
        return {str(self._searcher.doc(address).get_first("iri")) for _, address in hits}


def hit(found: tantivy.Document) -> Hit:
    """What a list shows of a document."""
    shown, kind = _shown(found), str(found.get_first("kind"))
    english, arabic = shown["en"] or shown["ar"], shown["ar"] or shown["en"]
    return Hit(str(found.get_first("iri")), kind, english, arabic, shown["date"])


def _shown(found: tantivy.Document) -> dict[str, str]:
    shown: dict[str, str] = json.loads(bytes(found.get_first("shown") or b"{}"))
    return shown
