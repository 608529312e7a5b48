"""The one object that the command line and the web drive: a knowledge base in a folder."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any

from pyoxigraph import Literal, NamedNode, QuerySolutions, Triple, parse_query_results
from pyoxigraph import QueryResultsFormat as Format

from kb import __version__, bundle, document, snapshot, upkeep, vocabulary, writer
from kb.applicability import Screener, Screening, assessment, elements, law, pattern
from kb.applicability.check import MappingCheck, check
from kb.applicability.facts import reported
from kb.applicability.jurisdiction import Jurisdiction, jurisdictions
from kb.bundle import Bundle, BundleRequest
from kb.columns.asking import Columnar
from kb.errors import ClientGone, DoesNotConform, NotFound, StoreDamaged, StoreMissing, StoreTooNew
from kb.importing import Door, Imported, Options, Progress
from kb.ingest import explain
from kb.ingest.mapping import Mapping
from kb.ledger import Check, Entry, Ledger
from kb.ns import ID, RDF
from kb.paths import Home
from kb.query import afar, fulltext, policy, saved
from kb.query.desk import Asker
from kb.query.pool import QueryPool
from kb.record import Record, named, refuse_restricted
from kb.snapshot import Retention, Snapshot
from kb.storage import plain_errors
from kb.store.base import Answer, Limits, Scope
from kb.store.service import Service
from kb.validation import Finding, Validator
from kb.writer import Outcome

FORMAT = 1  # of the folder; raised when an older version could not read it any more
Row = dict[str, NamedNode | Literal]


def now() -> str:
    """The present time in UTC to the second; `SOURCE_DATE_EPOCH` sets it for repeatable builds."""
    fixed = os.environ.get("SOURCE_DATE_EPOCH")
    moment = datetime.fromtimestamp(int(fixed), UTC) if fixed else datetime.now(UTC)
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


@dataclass(frozen=True, slots=True)
class Written:
    """The result of bringing records in: what was written, and the findings that kept others out."""

    outcome: Outcome
    findings: list[Finding]
    rejected: list[Record]


class KnowledgeBase:
    """A knowledge base opened by `open` or made by `create`. Readers share its query workers; close it at the end."""

    def __init__(self, home: Home, limits: Limits | None = None, workers: int = 2) -> None:
        self.home = home
        self.policy = policy.read(home.service)
        self._limits = limits or self.policy.limits
        self._workers = workers or self.policy.workers
        self._mirror = writer.published_to(home)
        self._columnar = Columnar(self._limits, self.policy)
        self._pool: QueryPool | None = None
        self._snapshot: Snapshot | None = None
        self._screener: tuple[Snapshot, Screener] | None = None
        self._guard = threading.Lock()

    @classmethod
    def create(cls, root: Path, service: Service | None = None) -> KnowledgeBase:
        """Make a knowledge base in `root`, or open the one there, with vocabulary and law; published to `service`."""
        with plain_errors(root):
            writer.new_home(root, {"format": FORMAT, "software": __version__, "created": now()}, service)
        base = cls.open(root)
        base.load_vocabulary()
        return base

    @classmethod
    def open(cls, root: Path, limits: Limits | None = None, workers: int = 2) -> KnowledgeBase:
        """Open the knowledge base in `root`; StoreMissing or StoreTooNew when that cannot be.

        With `workers` 0 there are as many query workers as its policy says.
        """
        home = Home(root)
        with plain_errors(root):
            if not home.manifest.is_file():
                raise StoreMissing(f"There is no knowledge base in {root}", "", snapshot.MAKE_ONE)
            found = _format(home.manifest)
        if found > FORMAT:
            what, why = f"{root} has format {found}", f"this software reads up to {FORMAT}"
            raise StoreTooNew(what, why, "Install a newer mizan-kb.")
        snapshot.retention(home)  # an error there is better told now than after a change
        return cls(home, limits, workers)

    def __enter__(self) -> KnowledgeBase:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the query workers; none starts after this, whoever still asks."""
        self._columnar.close()
        with self._guard:
            self._workers = 0
            if self._pool is not None:
                self._pool.close()

    # reading

    def snapshot(self) -> Snapshot:
        """The snapshot that readers see now; the same object until a newer one is published."""
        with self._guard, plain_errors(self.home.root):
            folder = snapshot.current(self.home)
            if self._snapshot is None or self._snapshot.folder != folder:
                self._snapshot = snapshot.load(folder)
            return self._snapshot

    def ask(
        self, query: str, name: str = "json", limits: Limits | None = None, at: Snapshot | None = None, *,
        asker: Asker | None = None, scope: Scope | None = None, ours: bool = False,
    ) -> Answer:  # fmt: skip
        """Run a SPARQL query over a snapshot (the current one by default), serialised as format `name`.

        A worker answers it, or the service that this is published to. The index answers text patterns (`mz:matches`).
        `ours` is a question that the project wrote, kept from a service that is known to lose rows of them.
        """
        at = at or self.snapshot()
        afar_too = self._mirror is not None and not (ours and self._mirror.loses_rows())
        if afar_too and at.number == self.snapshot().number:
            expanded = fulltext.expand(query, at.index.scored)
            if answer := afar.ask(self._mirror, expanded, name, limits or self._limits, at.number, scope):
                return answer
        return fulltext.ask(self.pool(), at.store_folder, at.index.scored, query, name, limits, asker, scope)

    def rows(self, folder: str, name: str, at: Snapshot | None = None, **slots: Iterable[str]) -> list[Row]:
        """The rows of a shipped SELECT; each slot takes IRIs."""
        filled = {slot: [NamedNode(iri) for iri in iris] for slot, iris in slots.items()}
        text = saved.fill(saved.load(folder, name).text, filled)
        return table(self.ask(text, at=at, ours=True))

    def ask_saved(
        self, question: saved.SavedQuery, values: dict[str, str], name: str = "json", limits: Limits | None = None,
        at: Snapshot | None = None, *, asker: Asker | None = None,
    ) -> Answer:  # fmt: skip
        """Answer a saved query with these parameter values (as a person writes them); what took long is kept.

        A value that names nothing here, or no such thing, is an error: its empty answer could be taken for a finding.
        """
        here, text, granted = at or self.snapshot(), question.bind(values), limits or self._limits
        question.check(values, here.store, lambda words: [hit.iri for hit in here.index.find(words, limit=3).items])

        def store() -> Answer:
            return self.ask(text, name, limits, here, asker=asker, ours=True)

        if self._mirror is not None:
            return store()
        return self._columnar.ask(here.folder, here.index, question, values, text, name, granted, asker, store)

    def screener(self, at: Snapshot | None = None) -> Screener:
        """The engine of applicability under the law of a snapshot; the same object while the snapshot is."""
        here = at or self.snapshot()
        if self._screener is None or self._screener[0] is not here:
            self._screener = (here, Screener(law.read(here.store)))
        return self._screener[1]

    def screen(self, incident: str, provisions: Iterable[str] | None = None) -> list[Screening]:
        """The six tests of each provision (all that have a scope by default) for one incident, explained."""
        here = self.snapshot()
        if not here.record(incident):
            raise NotFound(f"There is no incident {incident}", "", "Look for it with the search of the site.")
        return list(self.screener(here).explain(reported(here.store, incident), provisions))

    def check_mapping(self, claim: str) -> MappingCheck:
        """A legal mapping, by the IRI of the claim, beside what the screening says of the incidents it is about."""
        here = self.snapshot()
        return check(here.store, self.screener(here), claim)

    def jurisdiction(self, incident: str) -> tuple[Jurisdiction, ...]:
        """Which courts could hear what is alleged, by participation and dates; apart from whether the law applies."""
        here, screener = self.snapshot(), self.screener()
        return jurisdictions(screener.law, screener.read(reported(here.store, incident)))

    def elements(self, incident: str, offence: str) -> elements.Matrix:
        """The elements of an offence or a mode of liability against what is recorded of an incident; IRIs or names."""
        here = self.snapshot()
        names = named("incident", incident), named("provision", offence)
        return elements.matrix(here.store, self.screener(here).law, *names)

    def alike(self, likeness: pattern.Likeness) -> list[str]:
        """The incidents that are alike in these respects, by the shipped query."""
        question = saved.load("browse", pattern.QUERY)
        return [row["incident"].value for row in table(self.ask(question.bind(likeness.parameters)))]

    def pool(self) -> QueryPool:
        """The query workers, started at first use."""
        with self._guard:
            if not self._workers:
                raise ClientGone("The knowledge base is being closed")
            if self._pool is None:
                self._pool = QueryPool(self._workers, self._limits, self.policy)
            return self._pool

    def history(self, iri: str) -> list[tuple[int, dict[str, Any], Entry]]:
        """Every revision of a record from the ledger, oldest first, with segment number and header."""
        return list(Ledger(self.home.ledger).history(iri))

    def written(self, iris: Iterable[str], at: Snapshot | None = None) -> dict[str, Entry]:
        """The ledger entries that the snapshot shows for these records: the bytes as written."""
        here = at or self.snapshot()
        segments: dict[int, set[str]] = {}
        for iri in iris:
            number = here.store.segment_of(iri)
            if number:
                segments.setdefault(number, set()).add(iri)
        ledger = Ledger(self.home.ledger)
        return {iri: entry for n, wanted in sorted(segments.items()) for iri, entry in ledger.find(n, wanted).items()}

    def bundle(self, incidents: Iterable[str], out: Path) -> Bundle:
        """Write an evidence bundle of incidents, given by IRI or as `syria-2015-16/INC-001`, into the folder `out`."""
        at = self.snapshot()
        chosen = bundle.select(incidents, at.record)
        request = BundleRequest(
            asked=chosen.incidents, records=self.written(chosen.records, at),
            segments={iri: at.store.segment_of(iri) for iri in chosen.records},
            snapshot=at.number, time=at.time, ledger=at.ledger, omitted=chosen.omitted,
        )  # fmt: skip
        with plain_errors(out):
            return bundle.create(request, out)

    # writing

    def load_vocabulary(self) -> Outcome:
        """Bring the shipped ontology, schemes and law into the ledger, as far as they changed."""
        terms = [t for path in vocabulary.term_files() for t in document.read(path)]
        law = [t for f in (*vocabulary.reference_files(), *vocabulary.law_files()) for t in document.read(f)]
        return self.write(document.records([*terms, *law]), {"label": f"vocabulary and law of mizan-kb {__version__}"})

    def add(self, records: Sequence[Record], activity: dict[str, Any]) -> Written:
        """Validate records and write those that conform; the others come back with their findings."""
        refuse_restricted(records)
        findings = self.validate(records)
        bad = {f.record for f in findings if f.severity == "Violation"}
        good = [r for r in records if r.iri not in bad]
        outcome = self.write(good, activity)
        return Written(outcome, findings, [r for r in records if r.iri in bad])

    def assessed(self, judgement: assessment.Judgement) -> Record:
        """What `assess` would write, without writing it."""
        here = self.snapshot()
        return assessment.record(here.store, self.screener(here).law, judgement, now()[:10])

    def assess(self, judgement: assessment.Judgement) -> tuple[Record, Outcome]:
        """Write a person's assessment of an element or a precondition; it supersedes that person's last one."""
        made = self.assessed(judgement)
        return made, self._write_one(made, f"assessment by {judgement.by}")

    def group(self, likeness: pattern.Likeness, members: Iterable[str], by: str) -> tuple[Record, Outcome]:
        """Write the pattern of incidents found to be alike, with `by` (an actor's IRI) answering for it."""
        here = self.snapshot()
        named_by = (likeness.object, likeness.area, likeness.actor)
        words = {tag: [here.labels(i).get(tag, i.removeprefix(ID)) for i in named_by if i] for tag in ("en", "ar")}
        for texts in words.values():
            texts += [f"{likeness.start[:10]}/{likeness.end[:10]}"] if likeness.start or likeness.end else []
        made = pattern.record(here.store, likeness, members, by, here.number, words)
        return made, self._write_one(made, f"pattern {likeness.text}")

    def _write_one(self, record: Record, label: str) -> Outcome:
        done = self.add([record], {"label": label})
        if done.rejected:
            what = f"{record.iri.removeprefix(ID)} was not written"
            raise DoesNotConform(what, done.findings[0].message(), "Correct that and run the same command again.")
        return done.outcome

    def import_table(
        self, mapping: Mapping, path: Path, options: Options | None = None, *, check: bool = False,
        progress: Progress = lambda done, of, unit: None,
    ) -> Imported:  # fmt: skip
        """Import a table by a mapping: good rows are written, others kept in a reject file with their reasons.

        With `check` nothing is written. Progress is called with the number of rows done and the share of the file.
        """
        return self._door().table(mapping, path, options or Options(check=check), progress)

    def import_rdf(
        self, path: Path, options: Options | None = None, *, check: bool = False,
        progress: Progress = lambda done, of, unit: None,
    ) -> Imported:  # fmt: skip
        """The same for an RDF file, record by record; rejected ones are kept in a file that can be corrected."""
        return self._door().rdf(path, options or Options(check=check), progress)

    def explain_import(self, mapping: Mapping, path: Path) -> str:
        """What the first rows of a table become: Turtle, with the column that each triple comes from."""
        with plain_errors(path):
            return explain.table(mapping, path, self._door().reader())

    def _door(self) -> Door:
        return Door(self.home, self._shown, self.validate, self._writing, now)

    def validate(self, records: Sequence[Record]) -> list[Finding]:
        """Check records against the shapes, with the types of what they point to from the current snapshot.

        Records that stand in the snapshot exactly like this were checked when they came in.
        """
        store = self._door().reader()
        if store is not None:
            records = [r for r in records if store.digest(r.iri) != r.digest]

        def context(iris: Iterable[str]) -> Iterator[Triple]:
            for iri in iris:
                node = NamedNode(iri)
                for kind in store.objects(node, RDF.type) if store is not None else ():
                    yield Triple(node, RDF.type, kind)

        with Validator(context) as validator:
            return validator.validate(records)

    def write(self, records: Sequence[Record], activity: dict[str, Any]) -> Outcome:
        """Write records that have been checked, as one change; publishes the next snapshot."""
        with self._writing() as pen:
            return pen.commit(records, activity, now())

    def rebuild(self, progress: upkeep.Progress = lambda done, of: None) -> Outcome:
        """Make store, index and snapshot anew from the ledger alone."""
        with plain_errors(self.home.root), writer.locked(self.home):
            return writer.rebuild(self.home, progress)

    def compact(
        self, retained: Retention, progress: upkeep.Progress = lambda done, of: None, *, always: bool = False
    ) -> upkeep.Compacted:  # fmt: skip
        """Rewrite the store without what was replaced, and prune snapshots; see `upkeep.compact`."""
        with plain_errors(self.home.root), writer.locked(self.home):
            return upkeep.compact(self.home, retained, progress, always=always)

    def backup(self, target: Path, progress: upkeep.Progress = lambda done, of: None) -> Check:
        """Copy the ledger to a new folder or .tar file, and verify the copy."""
        with plain_errors(target):
            return upkeep.backup(self.home, target, progress)

    @classmethod
    def restore(
        cls, source: Path, root: Path, progress: Callable[[int, int, str], None] = lambda done, of, unit: None
    ) -> tuple[Check, Outcome]:
        """Make a knowledge base in an empty or new folder from a backup; its ledger is verified first.

        Progress is told of files, then of entries.
        """
        with plain_errors(root):
            check = upkeep.restore(source, root, lambda done, of: progress(done, of, "files"))
        with cls.open(root) as base:
            return check, base.rebuild(lambda done, of: progress(done, of, "entries"))

    def verify_ledger(self) -> Check:
        """Read every byte of the ledger; LedgerBroken at the first that is not as written."""
        with plain_errors(self.home.root):
            return Ledger(self.home.ledger).verify()

    @contextmanager
    def _writing(self) -> Iterator[writer.Writer]:
        with plain_errors(self.home.root), writer.locked(self.home):
            pen = writer.Writer(self.home)
            if self._screener is not None and self._screener[0].number == pen.store.segment():
                pen.law = self._screener[1].law
            yield pen

    def _shown(self) -> Snapshot | None:
        try:
            return self.snapshot()
        except StoreMissing:
            return None


def table(answer: Answer) -> list[Row]:
    """The rows of a SELECT answered as JSON, as terms by variable name."""
    result = parse_query_results(answer.body, format=Format.JSON)
    assert isinstance(result, QuerySolutions)
    names = [v.value for v in result.variables]
    return [{n: value for n in names if (value := row[n]) is not None} for row in result]


def _format(manifest: Path) -> int:
    """The format number in the file that marks a knowledge base."""
    try:
        return int(json.loads(manifest.read_text(encoding="utf-8"))["format"])
    except (ValueError, LookupError, TypeError, OverflowError, RecursionError) as error:
        raise StoreDamaged(
            f"{manifest} cannot be read", str(error), "Restore it from a backup, or remove it and run: mizan init"
        ) from None
