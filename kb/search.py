"""The search index: text in both scripts and newest-first lists over all records, embedded (tantivy)."""

from __future__ import annotations

import errno
import os
import re
import shutil
import unicodedata
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import tantivy
from pyoxigraph import Literal, NamedNode, Triple

from kb.errors import StoreDamaged
from kb.ns import DCTERMS, ID, MZ, ONTOLOGY, SCHEME, SEM, SKOS
from kb.record import subject
from kb.storage import replace_file

_MARK = "mizan-segment"
_ARABIC = str.maketrans(
    {
        "أ": "ا", "إ": "ا", "آ": "ا", "ٱ": "ا", "ى": "ي", "ئ": "ي", "ؤ": "و", "ة": "ه", "ـ": None,
        **{chr(0x660 + n): str(n) for n in range(10)}, **{chr(0x6F0 + n): str(n) for n in range(10)},
    }
)  # fmt: skip
_WORD = re.compile(r"\w+")
_LONGEST = 80  # letters of a word that is also looked up as a beginning; tantivy refuses the patterns of longer ones


def normalise(text: str) -> str:
    """Text as it is compared: case, vowel marks and accents, alef and hamza forms, ta marbuta, tatweel, digits."""
    plain = unicodedata.normalize("NFKD", text.translate(_ARABIC)).translate(_ARABIC)
    return "".join(c for c in plain if not unicodedata.combining(c)).casefold()


def words(text: str) -> list[str]:
    """The words of `text` as they stand in the index."""
    return _WORD.findall(normalise(text))


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
def _plain_errors(folder: Path) -> Iterator[None]:
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


def _schema() -> tantivy.Schema:
    builder = tantivy.SchemaBuilder()
    builder.add_text_field("iri", stored=True, tokenizer_name="raw")
    builder.add_text_field("kind", stored=True, tokenizer_name="raw", fast=True)
    builder.add_text_field("dataset", stored=False, tokenizer_name="raw")
    builder.add_text_field("label_en", stored=True, tokenizer_name="raw")
    builder.add_text_field("label_ar", stored=True, tokenizer_name="raw")
    builder.add_text_field("title", stored=False, tokenizer_name="whitespace")
    builder.add_text_field("text", stored=False, tokenizer_name="whitespace")
    builder.add_text_field("date", stored=True, tokenizer_name="raw")
    builder.add_integer_field("order", fast=True, stored=False, indexed=True)
    return builder.build()


def kind_of(iri: str) -> str:
    """The kind of thing that an IRI names: the word after `/id/`, or scheme, or ontology."""
    if iri.startswith(ID):
        return iri[len(ID) :].partition("/")[0]
    if iri.startswith(SCHEME):
        return "scheme"
    return "ontology" if iri.startswith(ONTOLOGY) else "other"


class SearchIndex:
    """An index in a folder; `segment` is the last ledger segment it covers."""

    def __init__(self, folder: Path, *, made: bool = False) -> None:
        self.folder = folder
        self._made = made

    @classmethod
    def read_only(cls, folder: Path) -> SearchIndex:
        """Open a copy that nobody writes to.

        tantivy writes a lock file even to read. Where that is not allowed, the first search says so, and whoever only
        asks for records is not kept out.
        """
        index = cls(folder, made=True)
        try:
            index._index.searcher()
        except OSError as error:
            if error.errno not in (errno.EACCES, errno.EPERM, errno.EROFS):
                raise
        return index

    @cached_property
    def _index(self) -> tantivy.Index:
        with _plain_errors(self.folder):
            if self._made:
                return tantivy.Index.open(str(self.folder))
            self.folder.mkdir(parents=True, exist_ok=True)
            return tantivy.Index(_schema(), path=str(self.folder))

    @property
    def segment(self) -> int:
        """The ledger segment up to which records are indexed; -1 when unknown."""
        mark = self.folder / _MARK
        text = mark.read_text(encoding="ascii", errors="replace") if mark.is_file() else ""
        return int(text) if text.isdecimal() and text.isascii() else -1

    def update(self, records: Iterable[tuple[str, list[Triple]]], segment: int) -> None:
        """Index records anew (an empty list of triples removes one); covers `segment` when this returns."""
        with _plain_errors(self.folder):
            writer = self._index.writer(heap_size=64_000_000, num_threads=1)
            for iri, triples in records:
                writer.delete_documents_by_term("iri", iri)
                if triples:
                    writer.add_document(_document(iri, triples))
            writer.commit()
            writer.wait_merging_threads()
            replace_file(self.folder / _MARK, str(segment).encode())
            self._index.reload()

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
        schema = self._index.schema
        must = tantivy.Occur.Must
        asked = [tokens for word in text.split() if (tokens := words(word))]
        parts = [(must, _word_query(schema, tokens)) for tokens in asked]
        wanted = [tantivy.Query.term_query(schema, "kind", k) for k in kinds]
        if wanted:
            parts.append((must, tantivy.Query.boolean_query([(tantivy.Occur.Should, q) for q in wanted])))
        if dataset:
            parts.append((must, tantivy.Query.term_query(schema, "dataset", dataset)))
        query = tantivy.Query.boolean_query(parts) if parts else tantivy.Query.all_query()
        searcher = self._index.searcher()
        order = None if asked else "order"  # by relevance with a text, else newest first
        # tantivy sets memory aside for offset + limit rows and ends the whole process where there is not enough
        last = max(searcher.num_docs, 1)
        limit, offset = min(max(limit, 1), last), min(max(offset, 0), last)
        found = searcher.search(query, limit=limit, offset=offset, count=True, order_by_field=order)
        items = tuple(_hit(searcher.doc(address)) for _, address in found.hits)
        return Hits(int(getattr(found, "count", 0)), items)  # the type stubs of tantivy do not know `count`

    def counts(self) -> dict[str, int]:
        """How many records there are of each kind."""
        searcher = self._index.searcher()
        asked = {"kinds": {"terms": {"field": "kind", "size": 100}}}
        result = searcher.aggregate(tantivy.Query.all_query(), asked)
        return {b["key"]: int(b["doc_count"]) for b in sorted(result["kinds"]["buckets"], key=lambda b: b["key"])}


def _word_query(schema: tantivy.Schema, tokens: list[str]) -> tantivy.Query:
    """One word as typed: a term (or the beginning of one), or for codes such as `8(2)(e)(iv)` a phrase."""
    should = tantivy.Occur.Should
    choices = []
    for name, weight in (("title", 4.0), ("text", 1.0)):
        if len(tokens) > 1:
            query = tantivy.Query.phrase_query(schema, name, list(tokens))
        else:
            query = tantivy.Query.term_query(schema, name, tokens[0])
            if 2 < len(tokens[0]) <= _LONGEST:
                prefix = tantivy.Query.regex_query(schema, name, re.escape(tokens[0]) + ".*")
                choices.append((should, prefix))
        choices.append((should, tantivy.Query.boost_query(query, weight)))
    return tantivy.Query.boolean_query(choices)


def _hit(document: tantivy.Document) -> Hit:
    def first(name: str) -> str:
        return str(document.get_first(name) or "")

    return Hit(first("iri"), first("kind"), first("label_en"), first("label_ar"), first("date"))


def _document(iri: str, triples: list[Triple]) -> tantivy.Document:
    labels = {"en": "", "ar": ""}
    titles, texts, date, dataset = [iri.rpartition("/")[2]], [], "", ""
    for triple in triples:
        value = triple.object
        if subject(triple) == iri and isinstance(value, NamedNode):
            dataset = value.value if triple.predicate == MZ.inDataset else dataset
        if not isinstance(value, Literal):
            continue
        texts.append(value.value)
        if subject(triple) != iri:
            continue
        if triple.predicate == SKOS.prefLabel:
            labels[value.language or "en"] = value.value
        if triple.predicate in (SKOS.prefLabel, SKOS.altLabel, DCTERMS.identifier, SKOS.notation):
            titles.append(value.value)
        if triple.predicate == SEM.hasEarliestBeginTimeStamp:
            date = value.value
    return tantivy.Document(
        iri=iri,
        kind=kind_of(iri),
        dataset=dataset,
        label_en=labels["en"] or labels["ar"],
        label_ar=labels["ar"] or labels["en"],
        title=" ".join(w for t in titles for w in words(t)),
        text=" ".join(w for t in texts for w in words(t)),
        date=date,
        order=int("".join(re.findall(r"\d", date))[:14] or 0),
    )
