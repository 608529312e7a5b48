"""Decides which records of an intake may enter: those that meet the shapes and whose neighbours enter too."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial

from pyoxigraph import NamedNode

from kb.errors import DoesNotConform
from kb.ingest.plan import Mapping
from kb.ingest.report import Intake, Problem, Row
from kb.ns import ID, RDF
from kb.record import ADDRESS, Record, owner
from kb.validation import Finding

Validate = Callable[[Sequence[Record]], list[Finding]]
Held = Callable[[str], str | None]
"""The digest of a record as the knowledge base holds it, None when it has none."""


def admit(intake: Intake, validate: Validate, held: Held, mapping: Mapping | None = None) -> None:
    """Take out of `intake` the records that may not enter, with a problem for each reason.

    A record that points to one that is kept out, and not held in an earlier form, is kept out with it; so is every
    row that made a shared record that breaks a shape. Shared records that no row needs any more are left out without
    a word.
    """
    faults: dict[str, list[Problem]] = {}
    for problem in _addresses(intake.records):
        if held(problem.record) is None or problem.rule == "whole":
            faults[problem.record] = [problem]
    for finding in validate(intake.records):
        if finding.severity == "Violation":
            faults.setdefault(finding.record, []).append(_problem(finding, mapping))
    if mapping is not None:
        _refuse_reference(faults, mapping)
    _spread(intake, faults, held)
    for iri, problems in faults.items():
        if row := intake.origin.get(iri):
            intake.reject(row, [_at(row, p) for p in problems])
        elif iri not in intake.makers:
            intake.problems += problems
    intake.notes = [note for note in intake.notes if note.row not in intake.rejected]
    intake.kept_out = [r for r in intake.records if r.iri in faults]
    out = {row.number for row in intake.rejected.values()}
    idle = {iri for iri, rows in intake.makers.items() if all(row.number in out for row in rows)}
    entering = [r for r in intake.records if r.iri not in faults and r.iri not in idle]
    # the records that come with a mapping are there for its rows: without any there is nothing to import
    intake.records = entering if mapping is None or any(r.iri in intake.origin for r in entering) else []


def _spread(intake: Intake, faults: dict[str, list[Problem]], held: Held) -> None:
    """Carry faults to the rows that made a faulty shared record, and to records that would point to nothing."""
    iris = {row.number: iri for iri, row in intake.origin.items()}
    pending = list(faults)
    pointers = _pointers(intake.records) if pending else {}
    while pending:
        lost = pending.pop()
        for row in intake.makers.get(lost, ()):
            iri = iris[row.number]
            if iri not in faults:
                pending.append(iri)
            faults.setdefault(iri, []).extend(faults[lost])
        for iri in () if held(lost) is not None else pointers.get(lost, ()):
            if iri not in faults:
                message = f"it points to {lost}, which is kept out"
                faults[iri] = [Problem(0, 0, "", "complete", message, "Correct that record first.", record=iri)]
                pending.append(iri)


def _pointers(records: Iterable[Record]) -> dict[str, list[str]]:
    """The records of this intake that point to each record."""
    found: dict[str, list[str]] = {}
    for record in records:
        targets = {owner(t.object.value) for t in record.triples if isinstance(t.object, NamedNode)}
        for target in targets - {record.iri}:
            found.setdefault(target, []).append(record.iri)
    return found


def _refuse_reference(faults: dict[str, list[Problem]], mapping: Mapping) -> None:
    for record in mapping.reference:
        if record.iri in faults:
            why = faults[record.iri][0].message
            raise DoesNotConform(f"{record.iri}, which comes with the mapping {mapping.name}, breaks a rule", why)


def _addresses(records: Iterable[Record]) -> Iterator[Problem]:
    """Records that would take the place of something else: of the system's own nodes, of a vocabulary, of a whole."""
    for record in records:
        problem = partial(Problem, 0, 0, "", record=record.iri)
        local = record.iri.removeprefix(ID)
        if not ADDRESS.fullmatch(local) or local.startswith("import/"):
            message = f"a record may not have the address {record.iri}"
            yield problem("address", message, f"Give it one such as {ID}incident/my-archive/17.")
        elif f"<{record.iri}> {RDF.type} " not in record.text:
            message = f"only parts of {record.iri} are described, and they would replace the whole"
            yield problem("whole", message, "Describe the thing itself in the same file, with all its parts.")


def _problem(finding: Finding, mapping: Mapping | None) -> Problem:
    place = finding.focus.removeprefix(ID)
    column = mapping.column_of(place, finding.path) if mapping else ""
    shape = finding.shape.rpartition("/")[2].replace("#", ":")
    return Problem(0, 0, column, shape, f"{finding.message()} ({place})", record=finding.record)


def _at(row: Row, problem: Problem) -> Problem:
    return Problem(
        row.number, row.line, problem.column, problem.rule, problem.message, problem.hint, record=problem.record
    )
