"""Keeps a SPARQL service level with the embedded store: what the writer touches is noted on disk, and sent later.

The embedded store stays what the writer checks against and screens in. Its changes are noted before they are made:
nodes by name, bulk loads as files. `Mirror.level` then sends the noted files, and the noted nodes as they are by then.
Sending is safe to repeat, so what was cut off goes on from the notes; without fitting notes everything is sent.
While it is sent the mark of the last segment is not there, so that no reader takes a mixture for an answer.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

from pyoxigraph import Literal, NamedNode, QueryResultsFormat, QuerySolutions, Triple, parse_query_results

from kb.errors import MizanError, UsageError
from kb.ns import DCTERMS, MZ
from kb.storage import replace_file
from kb.store import quirk
from kb.store.base import Answer, Limits
from kb.store.local import LocalStore
from kb.store.remote import RemoteStore
from kb.store.service import Service

MARK = NamedNode("https://w3id.org/mizan/id/service")
# Virtuoso's compiler runs out of memory at 5,000 triples in one update.
_TRIPLES, _BYTES = 1000, 1_000_000
_NODES = 100
_PART = 100_000  # triples in one file of everything


class ServiceBehind(MizanError):
    """The service holds another state than the one that readers are shown."""

    http_status = 503
    title = "The store is being written"


class Outbox:
    """The notes of what a service has not got yet, in a folder of the knowledge base."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._names = folder / "nodes"
        self._state = folder / "state.json"
        self._seen: set[str] = set()

    def note(self, nodes: Iterable[str]) -> None:
        """Remember nodes, before they change."""
        new = [n for n in dict.fromkeys(nodes) if n not in self._seen]
        if new:
            self.folder.mkdir(exist_ok=True)
            with self._names.open("ab", buffering=0) as file:
                file.write("".join(f"{n}\n" for n in new).encode())
            self._seen.update(new)

    def keep(self, text: bytes) -> None:
        """Remember N-Triples to be added."""
        self.folder.mkdir(exist_ok=True)
        last = max((int(p.stem) for p in self.folder.glob("*.nt")), default=0)
        replace_file(self.folder / f"{last + 1:08d}.nt", text)

    def nodes(self) -> list[str]:
        """The nodes that were noted."""
        if not self._names.exists():
            return []
        return list(dict.fromkeys(self._names.read_text(encoding="utf-8").splitlines()))

    def files(self) -> list[Path]:
        """The N-Triples that were noted, in order."""
        return sorted(self.folder.glob("*.nt"))

    def sync(self) -> None:
        """Make the notes durable."""
        if self._names.exists():
            with self._names.open("rb") as file:
                os.fsync(file.fileno())

    def state(self) -> dict[str, Any]:
        """`noted`: the last segment whose changes are in the notes; `sent`: the last that the service has in full."""
        try:
            value = json.loads(self._state.read_text(encoding="utf-8"))
        except (FileNotFoundError, ValueError):
            return {}
        return value if isinstance(value, dict) else {}

    def set_state(self, **values: Any) -> None:
        """Change parts of the state."""
        self.folder.mkdir(exist_ok=True)
        replace_file(self._state, json.dumps({**self.state(), **values}).encode())

    def clear(self) -> None:
        """Forget everything."""
        shutil.rmtree(self.folder, ignore_errors=True)
        self._seen.clear()


class NotedStore(LocalStore):
    """The embedded store, whose changes are noted for a service."""

    outbox: Outbox

    @classmethod
    def noting(cls, folder: Path, outbox: Outbox) -> NotedStore:
        """Open the store in `folder` for writing."""
        store = cls(folder)
        store.outbox = outbox
        return store

    def add(self, triples: Iterable[Triple]) -> None:
        """See LocalStore."""
        held = list(triples)
        self.outbox.note(t.subject.value for t in held if isinstance(t.subject, NamedNode))
        super().add(held)

    def load(self, text: bytes) -> None:
        """See LocalStore."""
        self.outbox.keep(text)
        super().load(text)

    def replace(self, iri: str, triples: Iterable[Triple]) -> None:
        """See LocalStore."""
        self.outbox.note(node.value for node in self.subjects(MZ.inRecord, NamedNode(iri)))
        self.outbox.note([f"{iri}#record"])
        super().replace(iri, triples)

    def set(self, subject: NamedNode, predicate: NamedNode, values: Iterable[NamedNode | Literal]) -> None:
        """See LocalStore."""
        self.outbox.note([subject.value])
        super().set(subject, predicate, values)

    def drop(self, subject: NamedNode) -> None:
        """See LocalStore."""
        self.outbox.note([subject.value])
        super().drop(subject)

    def discard(self, triple: Triple) -> None:
        """See LocalStore."""
        if isinstance(triple.subject, NamedNode):
            self.outbox.note([triple.subject.value])
        super().discard(triple)

    def mark(self, segment: int) -> None:
        """See LocalStore."""
        self.outbox.sync()
        if self.outbox.state().get("noted") in (segment - 1, segment):
            self.outbox.set_state(noted=segment)
        super().mark(segment)


class Mirror:
    """A service that holds one knowledge base, named by the digest of its first ledger segment."""

    def __init__(self, service: Service) -> None:
        self.service = service
        self._remote = RemoteStore(service.query, update=service.update, graph=service.graph)

    def ask(self, query: str, form: str, name: str, limits: Limits, number: int) -> Answer:
        """Ask the service for the state of segment `number`; ServiceBehind when it has another, or a mixture."""
        answer = self._remote.ask(query, form, name, limits)
        # looked at afterwards: the mark goes before the first change and comes back after the last
        if self.at()[1] != number:
            raise ServiceBehind(
                f"{self.service.query} does not hold snapshot {number}", "it is being written, or others changed it",
                "Try again in a moment; if it stays so, run: mizan rebuild",
            )  # fmt: skip
        return answer

    def loses_rows(self) -> bool:
        """Whether the service is known to leave rows and values out of answers to questions like the saved ones."""
        if self._remote.server is None:
            self.at()
        return quirk.is_virtuoso(self._remote.server or "")

    def at(self) -> tuple[str, int | None]:
        """Whose knowledge base the service holds, and its last segment; None while it is written."""
        query = f"SELECT ?owner ?segment {{ {MARK} {DCTERMS.identifier} ?owner " \
                f"OPTIONAL {{ {MARK} {MZ.ledgerSegment} ?segment }} }}"  # fmt: skip
        found = parse_query_results(
            self._remote.ask(query, "SELECT", "json", Limits(seconds=30.0)).body, format=QueryResultsFormat.JSON
        )
        assert isinstance(found, QuerySolutions)
        for row in found:
            owner, segment = row["owner"], row["segment"]
            assert isinstance(owner, Literal)
            return owner.value, int(segment.value) if isinstance(segment, Literal) else None
        return "", None

    def level(self, store: LocalStore, outbox: Outbox, owner: str, *, anew: bool = False) -> None:
        """Bring the service to the state of the store; all of it is sent when the notes do not tell the difference.

        UsageError when the graph holds another knowledge base, or anything else.
        """
        number = store.segment()
        holder, mark = self.at()
        if holder not in ("", owner) or (not holder and self._holds_anything()):
            whose = "another knowledge base" if holder else "something else"
            raise UsageError(
                f"The graph {self.service.graph} of {self.service.query} holds {whose}", "it would be overwritten",
                "Name another graph with --store-graph.",
            )  # fmt: skip
        state = outbox.state()
        if mark == number and state.get("sent") == number and not anew:
            return
        fits = state.get("noted") == number and (mark is None or mark == state.get("sent"))
        if anew or not holder or not fits:
            self._all(store, outbox, owner, number)
        self._update("DELETE", [f"{MARK} {MZ.ledgerSegment} ?number ."])
        for file in outbox.files():
            with file.open("rb") as lines:
                self._insert(line.decode() for line in lines)
            file.unlink()
        self._replace(store, outbox.nodes())
        self._insert([f"{MARK} {MZ.ledgerSegment} {Literal(number)} ."])
        outbox.clear()
        outbox.set_state(noted=number, sent=number)

    def _all(self, store: LocalStore, outbox: Outbox, owner: str, number: int) -> None:
        """Empty the graph, and note everything."""
        outbox.clear()
        everything = store.everything()
        while part := list(islice(everything, _PART)):
            outbox.keep("".join(f"{triple} .\n" for triple in part).encode())
        # not DROP: Virtuoso drops only what was created by name, and SILENT would hide that
        self._remote.update(f"CLEAR SILENT GRAPH <{self.service.graph}>")
        self._insert([f"{MARK} {DCTERMS.identifier} {Literal(owner)} ."])
        outbox.set_state(noted=number, sent=None)

    def _replace(self, store: LocalStore, nodes: list[str]) -> None:
        for start in range(0, len(nodes), _NODES):
            some = [NamedNode(iri) for iri in nodes[start : start + _NODES]]
            graph, values = f"GRAPH <{self.service.graph}>", " ".join(map(str, some))
            self._remote.update(
                f"DELETE {{ {graph} {{ ?s ?p ?o }} }} WHERE {{ {graph} {{ VALUES ?s {{ {values} }} ?s ?p ?o }} }}"
            )
            self._insert(f"{triple} ." for node in some for triple in store.node(node))

    def _insert(self, lines: Iterable[str]) -> None:
        for batch in _batches(lines):
            self._update("INSERT DATA", batch)

    def _update(self, verb: str, lines: list[str]) -> None:
        where = " WHERE" if verb == "DELETE" else ""
        group = f"{{ GRAPH <{self.service.graph}> {{\n" + "\n".join(lines) + "\n} }"
        self._remote.update(f"{verb}{where} {group}")

    def _holds_anything(self) -> bool:
        answer = self._remote.ask("ASK { ?s ?p ?o }", "ASK", "json", Limits(seconds=30.0))
        return bool(json.loads(answer.body)["boolean"])


def _batches(lines: Iterable[str]) -> Iterator[list[str]]:
    """Lines in portions that every service takes."""
    batch: list[str] = []
    size = 0
    for line in lines:
        if batch and (len(batch) >= _TRIPLES or size + len(line) > _BYTES):
            yield batch
            batch, size = [], 0
        batch.append(line.rstrip("\n"))
        size += len(line)
    if batch:
        yield batch
