"""Imports a large RDF file: records gathered on disk, done in parts over all cores, with a journal to go on from."""

from __future__ import annotations

import gzip
import json
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field
from pathlib import Path

from kb import document, process
from kb.errors import MizanError, ProcessEnded
from kb.ingest import gathering, graph
from kb.ingest.gathering import Gathered, Gathering, Part
from kb.ingest.graph import Done, Files, Setting
from kb.ingest.journal import Journal
from kb.ingest.report import Problem, Summary
from kb.ledger import pack
from kb.record import Record

SIZE = 1000  # records of a part
_SHOWN = 100  # problems that are kept in memory
_ANY = 1 << 62  # records of a run: as many as the memory allows
_PAIR = 2 * graph.NAMED + 1
Progress = Callable[[int, float], None]
_SPREAD = """
CREATE TEMP TABLE points (target BLOB, record BLOB, fresh INT, part INT);
CREATE TEMP TABLE lost (key BLOB PRIMARY KEY, fresh INT, part INT) WITHOUT ROWID;
"""
_REACH = """
INSERT INTO lost
WITH RECURSIVE reach (key, fresh, part) AS (
  SELECT key, 1, 0 FROM named
  UNION SELECT p.record, p.fresh, p.part FROM reach r JOIN points p ON p.target = r.key WHERE r.fresh
) SELECT key, max(fresh), max(part) FROM reach GROUP BY key
"""


@dataclass(slots=True)
class Prepared:
    """A large file checked: what to tell, the counts of records, and the packed entries to write.

    `parts` are new incidents, `first` everything else; files with their numbers of entries.
    """

    intake: Summary
    new: int = 0
    changed: int = 0
    same: int = 0
    first: list[tuple[Path, int]] = field(default_factory=list)
    parts: list[tuple[Path, int]] = field(default_factory=list)


class Assembly:
    """One large import: `gather` reads the file, `run` checks all records, `prepared` sums it up."""

    def __init__(self, setting: Setting, journal: Journal) -> None:
        self._setting, self._journal = setting, journal
        self._folder = setting.folder

    def gather(self, begun: Gathering, lines: Iterator[tuple[str, str]], progress: Callable[[int], None]) -> None:
        """Sort the lines of the file by record, unless an earlier run did; `begun` has the first of them.

        Progress is called with the number of triples read.
        """
        if gathering.gathered(self._folder):
            return
        rest = _counted(lines, progress, sum(map(len, begun.groups.values())))
        begun.spill(self._folder)
        while not begun.take(rest, _ANY):
            begun.spill(self._folder)
        begun.spill(self._folder)
        gathering.gather(begun.merged(self._folder), self._folder, SIZE, graph.partners)

    def run(self, progress: Progress) -> None:
        """Do every part that the journal does not have yet."""
        with Gathered(self._folder) as gathered:
            parts = gathered.parts()
        total, finished = sum(part.records for part in parts), self._journal.finished()
        done = sum(part.records for part in parts[:finished])
        with process.pool(process.cores(), graph.prepare, self._setting) as pool:
            try:
                for result in _in_order(pool, parts[finished:]):
                    if isinstance(result, MizanError):
                        raise result
                    self._journal.settle(result.number, (), result.lost, graph.told(result))
                    done += result.records
                    progress(done, done / total)
            except BrokenProcessPool:
                raise ProcessEnded("The import stopped") from None
            finally:
                pool.shutdown(cancel_futures=True)

    def prepared(self) -> Prepared:
        """The sum of all parts, without the records that point to one that is kept out."""
        made = Prepared(Summary())
        intake = made.intake
        self._spread()
        for number, summary in self._journal.summaries():
            files, counts = Files(self._folder, number), dict(summary["counts"])
            found = [Problem(**p) for p in summary["problems"]]
            more = self._lost(number)
            if more:
                files = self._without(files, set(more), counts)
                found += more.values()
            intake.rows += summary["records"]
            intake.out += summary["refused"] + len(more)
            intake.by_rule.update(summary["rules"])
            intake.by_rule.update(p.rule for p in more.values())
            intake.problems += found[: max(0, _SHOWN - len(intake.problems))]
            made.new, made.changed = made.new + counts["new"], made.changed + counts["changed"]
            made.same += counts["same"]
            made.first += [(files.other, counts["first"])] if counts["first"] else []
            made.parts += [(files.new, counts["incidents"])] if counts["incidents"] else []
        return made

    def rejected(self) -> Iterator[tuple[Record, Sequence[Problem]]]:
        """Every record kept out, in order, with its problems."""
        with Gathered(self._folder) as gathered:
            for number, summary in self._journal.summaries():
                more = self._lost(number)
                if not summary["refused"] and not more:
                    continue
                reasons: dict[str, list[Problem]] = {iri: [problem] for iri, problem in more.items()}
                for problem in Files(self._folder, number).problems():
                    reasons.setdefault(problem.record, []).append(problem)
                for iri in sorted(reasons):
                    lines = gathered.find(iri)
                    assert lines is not None
                    yield document.assembled(iri, lines), reasons[iri]

    def _spread(self) -> None:
        """Find what points to a record that is kept out and not held in an earlier form, however long the way."""
        base = self._journal.base
        base.executescript("DROP TABLE IF EXISTS temp.points; DROP TABLE IF EXISTS temp.lost;" + _SPREAD)
        if base.execute("SELECT 1 FROM named LIMIT 1").fetchone() is None:
            return
        base.execute("BEGIN")
        for number in range(1, self._journal.finished() + 1):
            data = Files(self._folder, number).pointers.read_bytes()
            pairs = (data[at : at + _PAIR] for at in range(0, len(data), _PAIR))
            rows = ((p[: graph.NAMED], p[graph.NAMED : -1], p[-1], number) for p in pairs)
            base.executemany("INSERT INTO points VALUES (?, ?, ?, ?)", rows)
        base.execute("CREATE INDEX temp.pointed ON points (target)")
        base.execute(_REACH)
        base.execute("COMMIT")

    def _lost(self, number: int) -> dict[str, Problem]:
        """The records of a part that are kept out for what they point to, each with the reason."""
        base = self._journal.base
        keys = {row[0] for row in base.execute("SELECT key FROM lost WHERE part = ?", (number,))}
        found: dict[str, Problem] = {}
        if not keys:
            return found
        with Gathered(self._folder) as gathered:
            part = next(p for p in gathered.parts() if p.number == number)
            for iri, lines in gathered.read(part):
                if gathering.key(iri) in keys:
                    lost = next(t for t in sorted(graph.targets("".join(lines)) - {iri}) if self._is_lost(t))
                    message = f"it points to {lost}, which is kept out"
                    found[iri] = Problem(0, 0, "", "complete", message, "Correct that record first.", record=iri)
        return found

    def _is_lost(self, iri: str) -> bool:
        asked = "SELECT 1 FROM lost WHERE key = ? AND fresh"
        return self._journal.base.execute(asked, (gathering.key(iri),)).fetchone() is not None

    def _without(self, files: Files, out: set[str], counts: dict[str, int]) -> Files:
        """The files of a part without the entries of some records, in files of their own; `counts` are set right."""
        left = Files(self._folder, 0)
        left.new = files.new.with_suffix(".left.gz")
        left.other = files.other.with_suffix(".left.gz")
        same = set(out)
        for label, old, new in (("incidents", files.new, left.new), ("first", files.other, left.other)):
            lines = []
            for line in _unpacked(old):
                entry = json.loads(line)
                if entry["record"] in out:
                    same.discard(entry["record"])
                    counts[label] -= 1
                    counts["new" if entry["replaces"] is None else "changed"] -= 1
                else:
                    lines.append(line)
            new.write_bytes(pack(lines))
        counts["same"] -= len(same)
        return left


def _counted(lines: Iterator[tuple[str, str]], progress: Callable[[int], None], met: int) -> Iterator[tuple[str, str]]:
    for read, line in enumerate(lines, met + 1):
        progress(read)
        yield line


def _in_order(pool: ProcessPoolExecutor, parts: Sequence[Part]) -> Iterator[Done | MizanError]:
    waiting: deque[Future[Done | MizanError]] = deque()
    for part in parts:
        waiting.append(pool.submit(graph.run, part))
        if len(waiting) > process.cores() + 1:
            yield waiting.popleft().result()
    while waiting:
        yield waiting.popleft().result()


def _unpacked(path: Path) -> list[bytes]:
    return gzip.decompress(path.read_bytes()).splitlines(keepends=True)
