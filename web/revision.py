"""The history of a record: its revisions as the snapshot names them, their text from the ledger, and what changed.

The snapshot knows of every revision when it was replaced and its digest. The words of an earlier one stand in the
ledger alone, in the segment of the change that wrote it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from pyoxigraph import Literal, NamedNode, Triple

from kb.canonical import literal, parse_ntriples
from kb.errors import AnswerTooLarge, NotFound
from kb.ledger import Entry, Ledger
from kb.ns import MZ, PROV, XSD
from kb.record import refuse_tier, system_node
from kb.snapshot import Snapshot
from web.reading import Node, Reader, shorten

MOST = 16_000_000  # bytes of packed ledger files that a page reads through
Term = NamedNode | Literal


@dataclass(frozen=True, slots=True)
class Revision:
    """One revision: its number and digest, since when and until when it stood, and the imports that may have
    written it (more than one only where two fell into one second; none where the snapshot does not say).
    """

    number: int
    digest: str
    since: str
    until: str
    imports: tuple[str, ...]
    segments: tuple[int, ...]

    @property
    def current(self) -> bool:
        """Whether it has not been replaced."""
        return not self.until


@dataclass(frozen=True, slots=True)
class Change:
    """What one property of one node said before and after."""

    name: str
    before: tuple[Term, ...]
    after: tuple[Term, ...]


@dataclass(frozen=True, slots=True)
class Changed:
    """One node of a record with what changed: the node as it is in the later of the two, or was in the earlier."""

    node: Node
    state: str  # added, removed, changed
    changes: tuple[Change, ...]


def revisions(snapshot: Snapshot, reader: Reader, iri: str) -> list[Revision]:
    """All revisions of a record, newest first; NotFound where there was never one."""
    system, earlier = reader.system(iri), reader.earlier(iri)
    if not system.has("mz:revision"):
        raise NotFound(f"{iri} has no history here", f"snapshot {snapshot.number} knows no revision of it")
    replaced = {n.integer("mz:revision") or 0: str(n.text("prov:invalidatedAtTime") or "") for n in earlier}
    numbers = {n.integer("mz:revision") or 0: str(n.text("mz:recordDigest") or "") for n in earlier}
    found = [_current(reader, system)]
    for number in sorted(numbers, reverse=True):
        since = replaced.get(number - 1, "")
        imports = _imports(snapshot, since)
        segments = tuple(reader.peek(i).integer("mz:ledgerSegment") or 0 for i in imports)
        found.append(Revision(number, numbers[number], since, replaced[number], imports, segments))
    return found


def _current(reader: Reader, system: Node) -> Revision:
    imports = tuple(system.iris("prov:wasGeneratedBy"))
    times = [str(reader.peek(i).text("prov:startedAtTime") or "") for i in imports]
    retired = str(system.text("prov:invalidatedAtTime") or "")
    digest, segment = str(system.text("mz:recordDigest") or ""), system.integer("mz:ledgerSegment") or 0
    number = system.integer("mz:revision") or 1
    return Revision(number, digest, max(times, default=""), retired, imports, (segment,))


def _imports(snapshot: Snapshot, time: str) -> tuple[str, ...]:
    if not time:
        return ()
    found = snapshot.store.subjects(PROV.startedAtTime, literal(time, XSD.dateTime.value))
    return tuple(sorted(node.value for node in found))


def triples(ledger: Ledger, snapshot: Snapshot, iri: str, known: list[Revision], number: int) -> list[Triple]:
    """What a revision said, without marks of belonging.

    NotFound for a number that there is not; AnswerTooLarge where the ledger would have to be read too far for a page.
    """
    wanted = next((one for one in known if one.number == number), None)
    if wanted is None:
        raise NotFound(f"{iri} has no revision {number}", f"it has {', '.join(str(r.number) for r in reversed(known))}")
    if wanted is known[0]:
        said: Iterable[Triple] = snapshot.record(iri)
    else:
        said = parse_ntriples(_entry(ledger, iri, known, wanted).triples, trusted=True)
    return [t for t in said if t.predicate != MZ.inRecord and t.subject != system_node(iri)]


def _entry(ledger: Ledger, iri: str, known: list[Revision], wanted: Revision) -> Entry:
    """The entry of an earlier revision, by its digest, from the segments in which it can stand."""
    budget = MOST
    for number in _segments(known, wanted):
        budget -= ledger.segment_path(number).stat().st_size if ledger.segment_path(number).is_file() else 0
        if budget < 0:
            raise AnswerTooLarge(
                f"Revision {wanted.number} of {iri} stands in files of the ledger that are too large for a page",
                f"they have more than {MOST // 1_000_000} MB; nothing is lost, its SHA-256 is {wanted.digest}",
                "Ask whoever runs this knowledge base for that revision from the ledger.",
            )
        entry = ledger.find(number, {iri}).get(iri)
        if entry is not None and entry.sha256 == wanted.digest:
            refuse_tier(iri, entry.tier)
            return entry
    raise NotFound(f"Revision {wanted.number} of {iri} is not in this ledger", f"its SHA-256 is {wanted.digest}")


def _segments(known: list[Revision], wanted: Revision) -> Iterator[int]:
    if wanted.segments:
        yield from wanted.segments
        return
    later = [number for one in known if one.number > wanted.number for number in one.segments]
    yield from range(min(later, default=1) - 1, 0, -1)


def changed(iri: str, before: Iterable[Triple], after: Iterable[Triple], reader: Reader) -> list[Changed]:
    """The nodes of a record that two revisions do not tell alike, the record itself first."""
    old, new = _by_node(before), _by_node(after)
    found = []
    for name in sorted(old.keys() | new.keys(), key=lambda n: (n != iri, n)):
        was, now = old.get(name, {}), new.get(name, {})
        changes = tuple(
            Change(p, _only(was.get(p, ()), now.get(p, ())), _only(now.get(p, ()), was.get(p, ())))
            for p in sorted(was.keys() | now.keys()) if set(was.get(p, ())) != set(now.get(p, ()))
        )  # fmt: skip
        if changes:
            state = "changed" if was and now else "added" if now else "removed"
            held = after if now else before
            node = Node(name, [t for t in held if t.subject == NamedNode(name)], reader.language)
            found.append(Changed(node, state, changes))
    return found


def _by_node(said: Iterable[Triple]) -> dict[str, dict[str, list[Term]]]:
    found: dict[str, dict[str, list[Term]]] = {}
    for triple in said:
        if isinstance(triple.subject, NamedNode) and isinstance(triple.object, NamedNode | Literal):
            values = found.setdefault(triple.subject.value, {})
            values.setdefault(shorten(triple.predicate.value), []).append(triple.object)
    return found


def _only(these: Iterable[Term], those: Iterable[Term]) -> tuple[Term, ...]:
    """Those of the first that are not among the second, in order."""
    other = set(those)
    return tuple(sorted((term for term in these if term not in other), key=str))
