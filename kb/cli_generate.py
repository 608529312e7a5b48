"""The command of `mizan` that makes synthetic datasets for trials at any size."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

import click

from kb.errors import UsageError
from kb.generate.dataset import EXPECTED, MANIFEST, Order, write
from kb.generate.fault import FAULTS, KINDS
from kb.option import JSON, example
from kb.storage import plain_errors

_LIST = "list"
_MOST = 50_000_000  # rows: beyond, the ids of the layouts would be too short


def register(commands: click.Group) -> None:
    """Add the command of this module to `mizan`."""
    commands.add_command(generate)


@example("mizan generate 10000 --out trial --errors 0.02")
@click.command()
@click.argument("rows", type=click.IntRange(1, _MOST), required=False)
@click.option("--out", type=click.Path(path_type=Path), help="The folder to write into; new or empty.")
@click.option("--seed", default=1, show_default=True, help="The same seed gives the same bytes everywhere.")
@click.option("--errors", default=0.0, type=click.FloatRange(0, 1), help="The share of rows with a seeded error.")
@click.option("--kinds", is_flag=False, flag_value=_LIST, default=None, metavar="NAMES",
              help="Only these kinds of errors, with commas between; without names: list them.")  # fmt: skip
@JSON
def generate(
    rows: int | None, out: Path | None, seed: int, errors: float, kinds: str | None, as_json: bool
) -> None:
    """Write a synthetic dataset of ROWS rows, marked as synthetic, with the shape of real ones.

    Tables in the layouts of the shipped mappings, the mappings and actors to import them with, the findings that an
    import must report, the pairs of rows that tell of one event, and a manifest with digests.
    """
    if kinds == _LIST:
        for fault in FAULTS:
            click.echo(f"{fault.kind:32} {fault.says} ({', '.join(fault.sources)})")
        return
    if rows is None or out is None:
        raise UsageError("How many rows and where to is missing", "", "Try: mizan generate 10000 --out trial")
    order = Order(rows, seed, round(errors * 1_000_000), _chosen(kinds))
    started = time.monotonic()
    with plain_errors(out):
        manifest = _write(order, out)
    seconds = max(time.monotonic() - started, 1e-9)
    if as_json:
        click.echo(json.dumps(manifest, ensure_ascii=False, indent=1, sort_keys=True))
        return
    seeded, expected = sum(manifest["seeded"].values()), manifest["files"][EXPECTED]["rows"]
    click.echo(
        f"{rows:,} synthetic rows in {out} ({rows / seconds:,.0f} rows/s), {seeded:,} with a seeded error; "
        f"{expected:,} findings to expect in {EXPECTED}, digests in {MANIFEST}. Then, in {out}:"
    )
    for line in manifest["import"]:
        click.echo(f"  {line}")


def _chosen(kinds: str | None) -> tuple[str, ...]:
    if kinds is None:
        return tuple(KINDS)
    names = [name.strip() for name in kinds.split(",") if name.strip()]
    for name in names:
        if name not in KINDS:
            raise UsageError(f"{name!r} is not a kind of error", "", "List them with: mizan generate --kinds")
    return tuple(names)


def _write(order: Order, out: Path) -> dict[str, Any]:
    if not sys.stderr.isatty():
        return write(order, out)
    with click.progressbar(length=order.rows, label="rows", file=sys.stderr) as bar:
        return write(order, out, lambda done: bar.update(done - bar.pos))
