"""The command `mizan`: one line for every error, exit code 0 ok, 1 the data does not conform, 2 failure."""

from __future__ import annotations

import json
import os
import shutil
import sys
import tempfile
import traceback
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType

import click

from kb import (
    __version__,
    cli_assess,
    cli_generate,
    cli_import,
    cli_law,
    cli_match,
    cli_people,
    cli_store,
    document,
    vocabulary,
)
from kb.errors import MizanError, NotFound, UsageError
from kb.knowledgebase import KnowledgeBase
from kb.option import HOME, JSON, example
from kb.query import saved
from kb.query.guard import form_of
from kb.query.pool import check_format
from kb.show import result_table
from kb.storage import storage_error
from kb.store.base import TABLE_FORMS, Limits
from kb.store.remote import RemoteStore
from kb.store.service import GRAPH, Service


class _Group(click.Group):
    """Commands in the order in which a newcomer needs them."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self.commands)


@click.group(cls=_Group, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="mizan")
def commands() -> None:
    """Mizan maps reported incidents to the law that may apply, with the claimant of every statement."""


def _seconds(ctx: click.Context, param: click.Parameter, value: float) -> float:
    if not 0 < value <= 86_400:  # nan is refused, too
        raise click.BadParameter("a time of more than 0 and at most 86400 seconds was expected.", ctx, param)
    return value


@example("mizan demo --no-serve")
@commands.command()
@HOME
@click.option("--serve/--no-serve", default=True, help="Serve the pages after building.")
@click.option("--port", default=8000, show_default=True, help="The port on 127.0.0.1.")
def demo(home: Path, serve: bool, port: int) -> None:
    """Build the demonstration knowledge base and serve it."""
    with KnowledgeBase.create(home) as base:
        triples = [t for path in vocabulary.case_files() for t in document.read(path)]
        done = base.add(document.records(triples), {"label": "curated cases that ship with mizan-kb"})
        for finding in done.findings:
            click.echo(f"{finding.focus}: {finding.message()}", err=True)
        click.echo(_built(base, home))
        click.echo(_things_to_try(home, port))
        if serve:
            _serve(base, port)
        if done.findings:
            sys.exit(1)


def _built(base: KnowledgeBase, home: Path) -> str:
    now = base.snapshot()
    counts = ", ".join(f"{n} {kind}" for kind, n in now.index.counts().items() if kind not in {"import", "other"})
    return f"Knowledge base in {home}, snapshot {now.number}: {len(now.store):,} triples; records: {counts}."


def _things_to_try(home: Path, port: int) -> str:
    where = "" if home == Path(".mizan") else f" --home {home}"
    # in a checkout the command is not on the path: show it so that it can be typed as it stands
    mizan = "mizan" if shutil.which("mizan") else os.path.relpath(sys.argv[0])
    return (
        "Three things to try:\n"
        f"  browse   http://127.0.0.1:{port}/en/incident/syria-2015-16/INC-021  ({mizan} serve{where})\n"
        f"  ask      {mizan} query provisions_invoked_by_report{where}\n"
        f"  bundle   {mizan} bundle create --incident syria-2015-16/INC-021 --out bundles{where}"
    )


@example("mizan init --home my-archive")
@commands.command()
@HOME
@click.option("--store", metavar="URL", help="Publish to this SPARQL 1.1 service, and ask there.")
@click.option("--store-update", metavar="URL", help="Where the service takes updates, if elsewhere.")
@click.option("--store-graph", metavar="IRI", default=GRAPH, show_default=True, help="The graph that is used there.")
def init(home: Path, store: str | None, store_update: str | None, store_graph: str) -> None:
    """Make an empty knowledge base with the vocabulary and the law.

    A service is given its password by the environment: MIZAN_STORE_TOKEN, or MIZAN_STORE_USER and MIZAN_STORE_PASSWORD.
    """
    if store is None and store_update is not None:
        raise UsageError("--store-update is given without --store", "", "Name the address for queries with --store.")
    with KnowledgeBase.create(home, Service(store, store_update or store, store_graph) if store else None) as base:
        click.echo(_built(base, home))


cli_import.register(commands)


@example("mizan query incidents_hospital_after_cessation --param sources=2")
@commands.command()
@click.argument("name", required=False)
@HOME
@click.option("--list", "listing", is_flag=True, help="List the saved queries.")
@click.option("--param", "params", multiple=True, metavar="NAME=VALUE", help="A parameter of the query; repeatable.")
@click.option("--format", "form", default="table", show_default=True,
              help="table, csv, json, xml, tsv; turtle, ntriples, jsonld, rdfxml, trig for graphs.")  # fmt: skip
@click.option("--service", metavar="URL", help="Ask this SPARQL 1.1 service instead of the knowledge base.")
@click.option("--seconds", default=30.0, callback=_seconds, show_default=True, help="Time the query may take.")
def query(
    name: str | None, home: Path, listing: bool, params: tuple[str, ...], form: str, service: str | None, seconds: float
) -> None:
    """Run a saved query by NAME, or the SPARQL in a .rq file."""
    if listing or name is None:
        for known in saved.names("report"):
            click.echo(f"{known}\n    {saved.load('report', known).title}")
        return
    question = _question(name)
    values = _params(params)
    text = question.bind(values)
    kind = form_of(text)
    wanted = ("csv" if kind in TABLE_FORMS else "turtle") if form == "table" else form
    check_format(kind, wanted)
    limits = Limits(seconds=seconds)
    if kind == "ASK" and form == "table":
        wanted = "json"
    if service:
        answer = RemoteStore(service).ask(text, kind, wanted, limits)
    else:
        with KnowledgeBase.open(home, workers=1) as base:
            answer = base.ask_saved(question, values, wanted, limits)
    if form == "table":
        click.echo(result_table(answer, kind))
    else:
        sys.stdout.buffer.write(answer.body)
        sys.stdout.buffer.flush()


def _question(name: str) -> saved.SavedQuery:
    if not name.endswith(".rq"):
        return saved.load("report", name)
    path = Path(name)
    if not path.is_file():
        raise NotFound(f"There is no file {name}", "", "Check the path, or see: mizan query --list")
    return saved.read(path)


def _params(given: Sequence[str]) -> dict[str, str]:
    values: dict[str, str] = {}
    for item in given:
        key, equals, value = item.partition("=")
        if not equals:
            raise UsageError(f"--param {item} has no value", "", "Write it as --param name=value.")
        values[key] = value
    return values


@example("mizan serve --port 8080")
@commands.command()
@HOME
@click.option("--port", default=8000, show_default=True, help="The port on 127.0.0.1.")
def serve(home: Path, port: int) -> None:
    """Serve the pages and the SPARQL service on 127.0.0.1."""
    with KnowledgeBase.open(home, workers=0) as base:
        base.snapshot()
        _serve(base, port)


def _serve(base: KnowledgeBase, port: int) -> None:
    from web.serve import serve as run  # the web is only loaded to serve it

    click.echo(f"Serving http://127.0.0.1:{port}/ (stop with Ctrl-C)")
    run(base, "127.0.0.1", port)


cli_law.register(commands)
cli_assess.register(commands)
cli_generate.register(commands)
cli_match.register(commands)


@commands.group()
def bundle() -> None:
    """Make evidence bundles that verify without this software."""


@example("mizan bundle create --incident syria-2015-16/INC-021 --out bundles")
@bundle.command("create")
@HOME
@click.option("--incident", "incidents", multiple=True, required=True, help="An incident, by id or IRI; repeatable.")
@click.option("--out", type=click.Path(path_type=Path), required=True, help="The folder to write the bundle into.")
def bundle_create(home: Path, incidents: tuple[str, ...], out: Path) -> None:
    """Write a BagIt bundle of incidents with everything they rest on."""
    with KnowledgeBase.open(home) as base:
        made = base.bundle(incidents, out)
    click.echo(f"{made.path}\n{made.files} files, {made.bytes:,} bytes, root {made.root}")
    manifests = "tagmanifest-sha256.txt manifest-sha256.txt"
    click.echo(f"Verify with: cd {made.path} && sha256sum -c --strict --quiet {manifests}")


@commands.group()
def ledger() -> None:
    """Look after the ledger, the record of everything that came in."""


@example("mizan ledger verify")
@ledger.command("verify")
@HOME
@JSON
def ledger_verify(home: Path, as_json: bool) -> None:
    """Read every byte of the ledger and say whether it is as written."""
    with KnowledgeBase.open(home) as base:
        check = base.verify_ledger()
    if as_json:
        click.echo(json.dumps({"ok": True, "segments": check.segments, "entries": check.entries,
                               "bytes": check.bytes, "head": check.head.sha256}))  # fmt: skip
        return
    click.echo(
        f"The ledger verifies: {check.segments} segments, {check.entries:,} entries, {check.bytes:,} bytes. "
        f"Head {check.head.sha256}"
    )


cli_people.register(commands)
cli_store.register(commands)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code; every expected error is one line on the standard error."""
    try:
        commands.main(arguments, prog_name="mizan", standalone_mode=False)
    except MizanError as error:
        click.echo(f"mizan: {error}", err=True)
        return error.exit_code
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.format_message())
        return 2
    except click.ClickException as error:
        command = error.ctx.command_path if isinstance(error, click.UsageError) and error.ctx else "mizan"
        click.echo(f"mizan: {error.format_message()} See: {command} --help", err=True)
        return 2
    except click.Abort:
        click.echo("mizan: stopped.", err=True)
        return 2
    except BrokenPipeError:
        sys.stderr.close()  # the reader of our output has gone; nothing is left to tell it
        return 0
    except OSError as error:
        click.echo(f"mizan: {storage_error(error)}", err=True)
        return 2
    except SystemExit as stop:
        return int(stop.code or 0)
    return 0


def run() -> None:
    """The entry point of the console script."""
    sys.excepthook = _report_bug
    sys.exit(main())


def _report_bug(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """A bug of ours: the traceback goes to a file for its report, the user gets one line."""
    if issubclass(kind, KeyboardInterrupt):
        click.echo("mizan: stopped.", err=True)
        return
    with tempfile.NamedTemporaryFile("w", prefix="mizan-bug-", suffix=".txt", delete=False) as file:
        file.writelines(traceback.format_exception(kind, error, trace))
    click.echo(f"mizan: this is a bug in mizan ({kind.__name__}). Please report it with the file {file.name}", err=True)


if __name__ == "__main__":
    run()
