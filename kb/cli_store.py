"""The commands of `mizan` that look after a knowledge base: compact, backup, restore, rebuild."""

from __future__ import annotations

import json
from pathlib import Path

import click

from kb.columns.build import FILE, make
from kb.knowledgebase import KnowledgeBase
from kb.option import HOME, JSON, bar, example
from kb.snapshot import Retention
from kb.storage import plain_errors


def register(commands: click.Group) -> None:
    """Add the commands of this module to `mizan`, in the order in which a newcomer needs them."""
    for command in (columns, compact, backup, restore, rebuild):
        commands.add_command(command)


@example("mizan columns")
@click.command()
@HOME
@JSON
def columns(home: Path, as_json: bool) -> None:
    """Prepare saved questions about very large datasets: a columnar copy of the current snapshot, kept as its part."""
    with KnowledgeBase.open(home) as base, bar("triples") as progress:
        here = base.snapshot()
        with plain_errors(here.folder):
            made = make(here.store_folder, here.folder / FILE, lambda done: progress(done, done))
        about = {"snapshot": here.number, "bytes": made.stat().st_size}
    if as_json:
        click.echo(json.dumps(about))
    else:
        click.echo(f"The columns of snapshot {about['snapshot']} take {about['bytes']:,} bytes.")


@example("mizan compact --keep 1 --days 30")
@click.command()
@HOME
@click.option("--keep", default=1, show_default=True, type=click.IntRange(min=1), help="How many snapshots stay.")
@click.option("--days", type=click.FloatRange(min=0), help="Snapshots older than this go, too, but for the newest.")
@click.option("--always", is_flag=True, help="From now on every change keeps so many, and no older ones.")
def compact(home: Path, keep: int, days: float | None, always: bool) -> None:
    """Rewrite the store without what was replaced, and prune old snapshots. What a reader holds stays until let go."""
    with KnowledgeBase.open(home) as base, bar("steps") as progress:
        done = base.compact(Retention(keep, days), progress, always=always)
    click.echo(f"Store, index and snapshots took {done.before:,} bytes, now {done.after:,}.")


@example("mizan backup mizan-2026-11-22.tar")
@click.command()
@click.argument("target", type=click.Path(path_type=Path))
@HOME
def backup(target: Path, home: Path) -> None:
    """Copy ledger and saved queries to TARGET, a new .tar file or folder, and verify the copy."""
    with KnowledgeBase.open(home) as base, bar("files") as progress:
        check = base.backup(target, progress)
    click.echo(f"{target}: {check.segments} segments, {check.entries:,} entries, verified. Head {check.head.sha256}")


@example("mizan restore mizan-2026-11-22.tar --home restored")
@click.command()
@click.argument("source", type=click.Path(path_type=Path))
@HOME
def restore(source: Path, home: Path) -> None:
    """Make a knowledge base in a new folder from SOURCE, which `mizan backup` wrote."""
    with bar("files") as progress:
        check, outcome = KnowledgeBase.restore(source, home, progress)
    click.echo(
        f"{home}: {check.segments} segments, {check.entries:,} entries, verified; snapshot {outcome.snapshot}. "
        f"Head {check.head.sha256}"
    )


@example("mizan rebuild")
@click.command()
@HOME
def rebuild(home: Path) -> None:
    """Make store, index and snapshot anew from the ledger alone."""
    with KnowledgeBase.open(home) as base, bar("entries") as progress:
        outcome = base.rebuild(progress)
    click.echo(f"Rebuilt from the ledger; snapshot {outcome.snapshot}.")
