"""The commands of `mizan` that bring files in: import, with its checks and explanations, and validate."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import click

from kb.errors import UsageError
from kb.importing import Imported, Options
from kb.ingest import mapping as mappings
from kb.ingest import template
from kb.knowledgebase import KnowledgeBase
from kb.option import HOME, JSON, bar, example
from kb.writer import Outcome

_SHOWN = 20  # problems shown in full; the rest is in the reject file


def register(commands: click.Group) -> None:
    """Add the commands of this module to `mizan`, in the order in which a newcomer needs them."""
    commands.add_command(import_)
    commands.add_command(validate)


@example("mizan import ucdp-ged events.csv")
@click.command("import")
@click.argument("mapping")
@click.argument("file", type=click.Path(path_type=Path), required=False)
@HOME
@click.option("--check", is_flag=True, help="Validate only; write nothing to the knowledge base.")
@click.option("--explain", is_flag=True, help="Show what the first three rows become, with the column of each triple.")
@click.option("--retire", is_flag=True, help="Retire records of the dataset that the file has no row for any more.")
@click.option("--template", "sheet", type=click.Path(path_type=Path), help="Write an empty table (.csv, .xlsx).")
@JSON
def import_(
    mapping: str, file: Path | None, home: Path, check: bool, explain: bool, retire: bool, sheet: Path | None,
    as_json: bool,
) -> None:  # fmt: skip
    """Import FILE by MAPPING: a shipped mapping (airwars, incidents, ucdp-ged), a .toml file, or rdf.

    Tables are .csv, .csv.gz, .xlsx, .jsonl or .parquet files, RDF is .nt, .nq, .ttl, .trig or .jsonld, also as .gz. An
    import that was stopped goes on with the same command.
    """
    if sheet is not None:
        columns = template.write(sheet, mapping)
        click.echo(f"{sheet}: {len(columns)} columns. Fill in rows, then: mizan import {mapping} {sheet}")
        return
    if file is None:
        raise UsageError("No file is named", "", f"Try: mizan import {mapping} FILE")
    plan = None if mapping == "rdf" else mappings.load(mapping)
    with KnowledgeBase.open(home) as base:
        if explain:
            if plan is None:
                raise UsageError("--explain does not fit RDF files", "they are triples already", "Leave it out.")
            click.echo(base.explain_import(plan, file), nl=False)
            return
        options = Options(check=check, retire=retire)
        with bar("rows" if plan else "records") as progress:
            if plan is None:
                done = base.import_rdf(file, options, progress=progress)
            else:
                done = base.import_table(plan, file, options, progress=progress)
        if as_json:
            click.echo(json.dumps(_import_json(done), indent=1))
        else:
            _tell_import(file.name, done, plan)
        if done.intake.problems:
            sys.exit(1)


def _tell_import(name: str, done: Imported, plan: mappings.Mapping | None) -> None:
    intake, outcome, kind = done.intake, done.outcome, "rows" if plan else "records"
    for problem in intake.problems[:_SHOWN]:
        click.echo(f"{name}: {problem}", err=True)
    told = sum(intake.rules().values())
    if told > _SHOWN:
        rules = ", ".join(f"{rule} {n}" for rule, n in sorted(intake.rules().items()))
        where = "all with --json" if told == len(intake.problems) else "all in the reject file"
        click.echo(f"… and {told - _SHOWN} more ({where}); by rule: {rules}", err=True)
    for rule, (count, note) in sorted(intake.noted().items()):
        first = f"{note.place()}: {note.message}. {note.hint}".rstrip()
        click.echo(f"note {rule}: {count} times, first {first}")
    if done.kept.notes:
        click.echo(f"All notes, row by row: {done.kept.notes}")
    if plan is not None and plan.notice:
        click.echo(f"Notice: {plan.notice['en']}")
    if outcome is None:
        click.echo(f"Checked {intake.rows} {kind}: {intake.refused()} would be kept out. Nothing was written.")
    else:
        click.echo(
            f"Read {intake.rows} {kind}, kept out {intake.refused()}. Records: {outcome.new} new, "
            f"{outcome.changed} changed, {outcome.same} the same{_gone(outcome)}. Snapshot {outcome.snapshot}."
        )
    if done.kept.rejects:
        click.echo(f"Rejected {kind} are in {done.kept.rejects}; correct them there and import that file.")


def _gone(outcome: Outcome) -> str:
    if not outcome.gone:
        return ""
    if outcome.retired:
        return f", {outcome.retired} retired"
    return f", {outcome.gone} not in this file any more (they stay; --retire retires them)"


def _import_json(done: Imported) -> dict[str, Any]:
    outcome = done.outcome
    return {
        "rows": done.intake.rows,
        "rejected": done.intake.refused(),
        "written": None if outcome is None else {
            "new": outcome.new, "changed": outcome.changed, "same": outcome.same, "gone": outcome.gone,
            "retired": outcome.retired, "snapshot": outcome.snapshot,
        },
        "problems": [_problem_json(p) for p in done.intake.problems],
        "notes": [_problem_json(n) for n in done.intake.notes],
        "reject_file": str(done.kept.rejects) if done.kept.rejects else None,
        "notes_file": str(done.kept.notes) if done.kept.notes else None,
    }  # fmt: skip


def _problem_json(problem: Any) -> dict[str, Any]:
    return {name: getattr(problem, name) for name in ("row", "line", "column", "rule", "message", "hint", "record")}


@example("mizan validate incidents my-table.csv")
@click.command()
@click.argument("mapping")
@click.argument("file", type=click.Path(path_type=Path))
@HOME
@JSON
@click.pass_context
def validate(ctx: click.Context, mapping: str, file: Path, home: Path, as_json: bool) -> None:
    """Check FILE against MAPPING and the shapes without writing it (same as import --check)."""
    ctx.invoke(import_, mapping=mapping, file=file, home=home, check=True, as_json=as_json)
