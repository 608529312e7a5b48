"""The record: one IRI with its fragments, the unit that is imported, replaced, digested and disclosed."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache
from urllib.parse import quote

from pyoxigraph import NamedNode, Triple

from kb.canonical import digest, ntriples, parse_ntriples
from kb.errors import DoesNotConform, UsageError
from kb.ns import ID

SYSTEM_FRAGMENT = "record"  # `<record>#record` carries what the system says about a record
RESERVED = re.compile(r"record|revision-\d+")  # fragments that only the system writes
# `<kind>/<name>` below …/id/, as pages and servers carry it; names are what `local_name` makes
ADDRESS = re.compile(r"[a-z][a-z-]{0,30}(?:/[A-Za-z0-9_~-]{1,200}){1,6}")


class Record:
    """One record: its IRI, its triples in canonical form (see canonical.py), its access tier (PUBLIC, …).

    Made of triples or of their canonical N-Triples text; the other form is made when it is first asked for, so that
    a record that only has to be compared or written down is never parsed.
    """

    __slots__ = ("_digest", "_text", "_triples", "iri", "tier")

    def __init__(
        self, iri: str, triples: tuple[Triple, ...] | None = None, tier: str = "PUBLIC", *, text: str | None = None
    ) -> None:
        self.iri, self.tier = iri, tier
        self._triples, self._text = triples, text
        self._digest: str | None = None

    @property
    def triples(self) -> tuple[Triple, ...]:
        """The triples, in the order of the text if the record was made of that."""
        if self._triples is None:
            self._triples = parse_ntriples(self._text or "", trusted=True)
        return self._triples

    @property
    def text(self) -> str:
        """Canonical N-Triples: what is digested and written down."""
        if self._text is None:
            self._text = ntriples(self._triples or ())
        return self._text

    @property
    def digest(self) -> str:
        """SHA-256 of the text."""
        if self._digest is None:
            self._digest = digest(self.text)
        return self._digest

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Record):
            return NotImplemented
        return (self.iri, self.tier, self.text) == (other.iri, other.tier, other.text)

    def __hash__(self) -> int:
        return hash((self.iri, self.tier, self.text))

    def __repr__(self) -> str:
        return f"Record({self.iri!r}, {self.tier!r})"


def refuse_restricted(records: Iterable[Record]) -> None:
    """DoesNotConform at the first record that is not public; asked before anything of it is written anywhere."""
    for record in records:
        refuse_tier(record.iri, record.tier)


def refuse_tier(iri: str, tier: str) -> None:
    """The same for a record of which only the IRI and the tier are known."""
    if tier != "PUBLIC":
        why = "this version keeps public records only, so that none can leak"
        raise DoesNotConform(f"{iri} is {tier}", why, "Leave it out of the file.")


def owner(iri: str) -> str:
    """The record that a node belongs to: its IRI up to the fragment."""
    return iri.partition("#")[0]


def named(kind: str, text: str) -> str:
    """The IRI that a person means: an IRI as it is, or a name below …/id/ with or without its kind in front.

    UsageError for what no IRI can be.
    """
    name = text.removeprefix("id:").removeprefix(f"{kind}/")
    iri = text if "://" in text else f"{ID}{kind}/{name}" if kind else ID + name
    try:
        return NamedNode(iri).value
    except ValueError as error:
        raise UsageError(f"{text!r} is no name", str(error), "Copy the name or the IRI from its page.") from None


def system_node(iri: str) -> NamedNode:
    """The node that carries revision, digest and origin of the record `iri`."""
    return NamedNode(f"{iri}#{SYSTEM_FRAGMENT}")


def subject(triple: Triple) -> str:
    """The IRI of the node that a triple of a record is about."""
    node = triple.subject
    assert isinstance(node, NamedNode)
    return node.value


def by_owner(triples: Iterable[Triple]) -> dict[str, list[Triple]]:
    """Triples grouped by the record that owns their subject, in order of first appearance."""
    groups: dict[str, list[Triple]] = {}
    for triple in triples:
        groups.setdefault(owner(subject(triple)), []).append(triple)
    return groups


@lru_cache(maxsize=65536)
def local_name(text: str) -> str:
    """A native identifier made safe for an IRI path: letters, digits, `_`, `-` stay, other bytes become ~XX.

    Reversible, and unlike percent-encoding untouched by browsers and servers.
    """
    return quote(text, safe="").replace("~", "%7E").replace(".", "%2E").replace("%", "~")
