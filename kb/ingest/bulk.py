"""Imports a large table: chunks over all cores, settled in order, with a journal to go on from."""

from __future__ import annotations

import hashlib
import json
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import asdict, dataclass, field
from itertools import islice
from pathlib import Path

from kb import process
from kb.errors import BadFile, MizanError, ProcessEnded
from kb.ingest import chunk as chunks
from kb.ingest import gone
from kb.ingest.chunk import Chunk, Done, Files, Setting
from kb.ingest.chunk import datasets as datasets
from kb.ingest.draft import fixed, pattern
from kb.ingest.draft import slots as template_slots
from kb.ingest.journal import Journal
from kb.ingest.plan import Mapping
from kb.ingest.report import Problem, Row, Summary
from kb.ingest.tabular import Prior
from kb.ledger import pack
from kb.store.local import LocalStore

LARGE = 5000  # rows that are still imported in one piece, in memory
_SHOWN = 100  # problems that are kept in memory
Cells = Iterable[tuple[int, int, Sequence[str]]]
Progress = Callable[[int], None]


@dataclass(slots=True)
class Prepared:
    """A large table mapped and checked: what to tell, the counts of records, and the packed entries to write.

    `still` counts by dataset the records of rows, good and bad, that stand in the knowledge base already. `parts` are
    new records of rows, `first` everything else: files with their numbers of entries.
    """

    intake: Summary
    new: int = 0
    changed: int = 0
    same: int = 0
    datasets: set[str] = field(default_factory=set)
    still: Counter[str] = field(default_factory=Counter)
    first: list[tuple[Path, int]] = field(default_factory=list)
    parts: list[tuple[Path, int]] = field(default_factory=list)


def divisible(mapping: Mapping) -> bool:
    """Whether the rows of a mapping can be checked apart: they point to nothing but what their own row makes.

    A mapping whose rows can point to records of other rows (`path`, or `iri` with columns, to what no node makes)
    is imported in memory, whatever its size.
    """
    made = [pattern(n.record) for n in mapping.nodes if n.record]
    ruled = {column for rule in mapping.rules if rule.kind == "known" for column in rule.columns}
    for node in mapping.nodes:
        for _, value in node.values:
            columns = template_slots(value.text) if value.source in ("iri", "path") else []
            if not columns or ruled.issuperset(columns):
                continue
            if not any(p.fullmatch("\0".join(fixed(value.text))) for p in made):
                return False
    return True


class Bulk:
    """One large import: `run` maps and checks all rows and fills the journal; `prepared` sums it up."""

    def __init__(self, setting: Setting, journal: Journal, store: LocalStore | None) -> None:
        self._setting, self._journal, self._store = setting, journal, store

    def run(self, rows: Cells, progress: Progress) -> None:
        """Do every chunk that the journal does not have yet. Progress is called with the number of rows done."""
        given, finished = iter(rows), self._journal.finished()
        for _, summary in self._journal.summaries():
            if summary["of"] != _digest(list(islice(given, chunks.SIZE))):
                self._journal.remove()
                hint = "Run the same command again: it starts anew."
                raise BadFile("The file is not what it was when its import stopped", "", hint)
        progress(finished * chunks.SIZE)
        with process.pool(process.cores(), chunks.prepare, self._setting) as pool:
            waiting: deque[tuple[Chunk, Future[Done | MizanError]]] = deque()
            try:
                number = finished
                while part := list(islice(given, chunks.SIZE)):
                    number += 1
                    made = Chunk(number, part)
                    waiting.append((made, pool.submit(chunks.run, made)))
                    if len(waiting) > process.cores() + 1:
                        progress(self._settle(*waiting.popleft(), pool))
                while waiting:
                    progress(self._settle(*waiting.popleft(), pool))
            except BrokenProcessPool:
                raise ProcessEnded.for_memory("The import stopped") from None
            finally:
                pool.shutdown(cancel_futures=True)

    def _settle(self, chunk: Chunk, future: Future[Done | MizanError], pool: ProcessPoolExecutor) -> int:
        """Compare a chunk with those before it, have it done again where they disagree; the last row settled."""
        done = future.result()
        while not isinstance(done, MizanError) and self._conflicts(done, chunk.prior):
            done = pool.submit(chunks.run, chunk).result()
        if isinstance(done, MizanError):
            raise done
        self._remember(done, _digest(chunk.rows))
        return chunk.rows[-1][0]

    def _conflicts(self, done: Done, prior: Prior) -> bool:
        """Whether the chunk did not know of something that earlier rows settled; it is told so then."""
        before = len(prior.rows) + len(prior.shared)
        for iri, _, _ in done.own:
            if found := self._journal.find(iri):
                prior.rows[iri] = found[:2]
        for (iri, _, _), digest, _ in done.shared:
            found = self._journal.find(iri)
            if found and (found[3] is None or found[3].hex() != digest):
                prior.shared[iri] = (self._text(iri, found[2]), *found[:2])
        return len(prior.rows) + len(prior.shared) > before

    def _text(self, iri: str, number: int) -> str:
        """What an earlier chunk said of a shared record."""
        entries = Files(self._setting.folder, number).entries()
        found = next((e["triples"] for e in entries if e["record"] == iri), None)
        return found if found is not None else chunks.text_of(self._store, iri)

    def _remember(self, done: Done, of: str) -> None:
        files = Files(self._setting.folder, done.number)
        first = [(place, digest, fresh) for place, digest, fresh in done.shared if not self._journal.find(place[0])]
        wanted = {place[0] for place, _, fresh in first if fresh}
        lines, count = [], {"new": 0, "changed": 0}
        if wanted:
            for line in files.shared.read_bytes().splitlines(keepends=True):  # bytes: only at the ends of entries
                entry = json.loads(line)
                if entry["record"] in wanted:
                    lines.append(line)
                    count["new" if entry["replaces"] is None else "changed"] += 1
        files.first.write_bytes(pack(lines))
        counts = dict(done.counts, shared=len(lines))
        counts["new"] += count["new"]
        counts["changed"] += count["changed"]
        counts["same"] += len(first) - len(lines)
        summary = {
            "of": of, "rows": done.rows, "refused": done.refused, "rules": done.rules, "datasets": done.datasets,
            "still": done.still,
            "counts": counts, "problems": [asdict(p) for p in done.problems],
            "notes": {rule: [n, asdict(note)] for rule, (n, note) in done.notes.items()},
        }  # fmt: skip
        records = [(*place, None) for place in done.own] + [(*place, digest) for place, digest, _ in first]
        self._journal.settle(done.number, records, done.out, summary)

    def prepared(self, columns: list[str], notes: Iterable[Problem]) -> Prepared:
        """The sum of all chunks; `notes` are those about the table as a whole."""
        intake = Summary(columns=columns, notes=list(notes))
        made = Prepared(intake)
        for note in intake.notes:
            count, first = intake.notes_by_rule.get(note.rule, (0, note))
            intake.notes_by_rule[note.rule] = count + 1, first
        for number, summary in self._journal.summaries():
            files, counts = Files(self._setting.folder, number), summary["counts"]
            intake.rows += summary["rows"]
            intake.out += summary["refused"]
            intake.by_rule.update(summary["rules"])
            room = max(0, _SHOWN - len(intake.problems))
            intake.problems += [Problem(**p) for p in summary["problems"][:room]]
            for rule, (count, note) in summary["notes"].items():
                before, first = intake.notes_by_rule.get(rule, (0, Problem(**note)))
                intake.notes_by_rule[rule] = before + count, first
            made.new, made.changed, made.same = (
                made.new + counts["new"], made.changed + counts["changed"], made.same + counts["same"]
            )  # fmt: skip
            made.datasets.update(summary["datasets"])
            made.still.update(summary["still"])
            others = ((files.first, counts["shared"]), (files.altered, counts["altered"]))
            made.first += [part for part in others if part[1]]
            made.parts += [(files.own, counts["own"])] if counts["own"] else []
        return made

    def rejected(self) -> Iterator[tuple[Row, list[Problem]]]:
        """Every row kept out, in order."""
        for number in range(1, self._journal.finished() + 1):
            yield from Files(self._setting.folder, number).rejected()

    def notes(self) -> Iterator[Problem]:
        """Every note about a row, in order."""
        for number in range(1, self._journal.finished() + 1):
            yield from Files(self._setting.folder, number).notes()

    def gone(self, datasets: Iterable[str]) -> Iterator[str]:
        """Records of these datasets that the mapping makes of rows and that the file has no row for any more."""
        return gone.listed(self._store, self._setting.mapping, datasets, self._journal.mentions)


def _digest(rows: Sequence[tuple[int, int, Sequence[str]]]) -> str:
    text = "\x1e".join(f"{number} {line} " + "\x1f".join(cells) for number, line, cells in rows)
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()
