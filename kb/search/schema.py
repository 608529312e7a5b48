"""What the index holds of a record: its fields, and the facets by which incidents are counted and narrowed."""

from __future__ import annotations

from dataclasses import dataclass

import tantivy

from kb.ns import ID, ONTOLOGY, SCHEME

VERSION = 4  # of the fields below; an index of another version is made anew
FIELD = "f_"  # in front of the name of a facet


@dataclass(frozen=True, slots=True)
class Facet:
    """One facet of an incident.

    A value is an IRI, written short by leaving out `base`; `concept` says that the values are terms of a list. With
    `by_status` a value may be followed by `:status`: the same, as far as claims of that status say it, or as the
    outcome of the screening. Facets without a base have plain codes: numbers of claims and of independent sources, in
    steps, and what the claims differ in.
    `held` is the field of the index where it has another name than the facet.
    """

    name: str
    base: str = ""
    by_status: bool = False
    held: str = ""

    @property
    def field(self) -> str:
        """The field of the index."""
        return FIELD + (self.held or self.name)

    def code(self, iri: str) -> str:
        """The short form of a value; an IRI that lies elsewhere stays as it is."""
        return iri.removeprefix(self.base) if self.base else iri

    def iri(self, code: str) -> str:
        """The IRI of a value in short form, without its status; empty where values are plain codes."""
        if not self.base:
            return ""
        plain = self.parted(code)[0]
        return plain if "://" in plain else self.base + plain

    def parted(self, code: str) -> tuple[str, str]:
        """A value and the status that follows it, empty where none does."""
        if not self.by_status or ":" not in code.rpartition("/")[2]:
            return code, ""
        value, _, status = code.rpartition(":")
        return value, status


_FACETS = (
    Facet("place", ID + "place/"),
    Facet("object", SCHEME + "object-hit#"),
    Facet("method", SCHEME + "incident-method#"),
    Facet("actor", ID + "actor/"),
    Facet("instrument", ID + "instrument/", by_status=True),
    Facet("weapon", SCHEME + "weapon#"),
    Facet("harm", SCHEME + "harm#"),
    Facet("victim", SCHEME + "victim-category#"),
    Facet("confidence", SCHEME + "confidence#"),
    Facet("position", SCHEME + "party-position#"),
    Facet("party", ID + "actor/"),
    Facet("provision", ID + "provision/", by_status=True),
    Facet("status", SCHEME + "mapping-status#"),
    Facet("grade", SCHEME + "evidence-grade#"),
    Facet("claims"),
    Facet("sources"),
    Facet("differ"),
    Facet("source", ID + "source/"),
    Facet("dataset", ID + "dataset/"),
    Facet("conflict", ID + "conflict/"),
    # incidents hold the profile that they share, and what the screening says of it stands in the store: see Screened
    Facet("applicability", ID + "provision/", by_status=True, held="profile"),
)
FACETS = {facet.name: facet for facet in _FACETS}
STEPS = (("0", 0), ("1", 1), ("2", 2), ("3-5", 5), ("6-9", 9), ("10-", 1 << 62))  # name and last number of each


def step(number: int) -> str:
    """The step of a number of claims or sources: `0`, `1`, `2`, `3-5`, `6-9`, `10-`."""
    return next(name for name, last in STEPS if number <= last)


def kind_of(iri: str) -> str:
    """The kind of thing that an IRI names: the word after `/id/`, or scheme, or ontology."""
    if iri.startswith(ID):
        return iri[len(ID) :].partition("/")[0]
    if iri.startswith(SCHEME):
        return "scheme"
    return "ontology" if iri.startswith(ONTOLOGY) else "other"


def build() -> tantivy.Schema:
    """The fields.

    `title` and `text` keep the order of words, for phrases; `names` is words without order: other forms of the words,
    and what the places, persons and terms that an incident names are called. `by_…` are keys to sort and page by.
    `shown` is what a list shows of a record without reading it, and the digest of what others take from it; `from`
    names the records whose claims a document also holds.
    """
    builder = tantivy.SchemaBuilder()
    builder.add_text_field("iri", stored=True, tokenizer_name="raw", index_option="basic")
    builder.add_text_field("kind", stored=True, tokenizer_name="raw", fast=True, index_option="basic")
    builder.add_bytes_field("shown", stored=True, indexed=False)
    builder.add_text_field("from", tokenizer_name="raw", index_option="basic")
    builder.add_text_field("title", tokenizer_name="whitespace")
    builder.add_text_field("text", tokenizer_name="whitespace")
    builder.add_text_field("names", tokenizer_name="whitespace", index_option="basic")
    for facet in _FACETS:
        builder.add_text_field(facet.field, tokenizer_name="raw", fast=True, index_option="basic")
    for name in ("by_date", "by_change", "first_day", "last_day", "killed"):
        builder.add_integer_field(name, fast=True, indexed=False)
    for name in ("by_title_en", "by_title_ar"):
        builder.add_text_field(name, tokenizer_name="raw", fast=True, index_option="basic")
    for name in ("latitude", "longitude"):
        builder.add_float_field(name, fast=True, indexed=False)
    return builder.build()
