"""The commands of `mizan` that look at the law: screenings with their reasons, and what of the law is not verified."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

import click

from kb.applicability import Outcome, Screening, answer
from kb.applicability.explain import reason
from kb.applicability.jurisdiction import Jurisdiction
from kb.applicability.jurisdiction import reason as way
from kb.errors import NotFound
from kb.knowledgebase import KnowledgeBase
from kb.ns import ID
from kb.option import HOME, JSON, LANGUAGE, example
from kb.record import named
from kb.snapshot import Snapshot

_NAMES = [outcome.value for outcome in Outcome]
_WORDS = {  # what is said of an outcome, a verdict and a test, by language
    "ar": {
        "applicable": "قابل للتطبيق", "not-applicable": "غير قابل للتطبيق", "undetermined": "غير محسوم",
        "passed": "مستوفى", "failed": "غير مستوفى", "unknown": "غير معروف", "time": "الزمن", "place": "المكان",
        "person": "الأشخاص", "subject": "الموضوع", "exclusion": "الاستثناء", "precondition": "الشرط المسبق",
    }
}  # fmt: skip


_APART = {"en": "Jurisdiction, a separate question", "ar": "الاختصاص القضائي، وهو مسألة منفصلة"}


def register(commands: click.Group) -> None:
    """Add the commands of this module to `mizan`, in the order in which a newcomer needs them."""
    commands.add_command(screen)
    commands.add_command(law)


@example("mizan screen syria-2015-16/INC-021 --outcome applicable --language ar")
@click.command()
@click.argument("incidents", nargs=-1, metavar="[INCIDENT]…")
@HOME
@click.option("--provision", "provisions", multiple=True, help="Only this provision; repeatable.")
@click.option("--outcome", "outcomes", multiple=True, type=click.Choice(_NAMES), help="Only this outcome; repeatable.")
@LANGUAGE
@JSON
def screen(
    incidents: Sequence[str], home: Path, provisions: Sequence[str], outcomes: Sequence[str], language: str,
    as_json: bool,
) -> None:  # fmt: skip
    """Say which provisions can apply to each INCIDENT, and why; without one, count incidents for each provision."""
    with KnowledgeBase.open(home) as base:
        wanted = [_provision(base, text) for text in provisions] or None
        if not incidents:
            _summary(base.snapshot(), wanted, outcomes, language, as_json)
            return
        found = {}
        for text in incidents:
            iri = named("incident", text)
            found[iri] = [s for s in base.screen(iri, wanted) if not outcomes or s.outcome.value in outcomes]
        labels = base.snapshot().labels
        if as_json:
            told = [{"incident": i, "screenings": [answer.screening(s, labels) for s in part],
                     "jurisdiction": answer.jurisdiction(base.jurisdiction(i), labels)}
                    for i, part in found.items()]  # fmt: skip
            click.echo(json.dumps(told, ensure_ascii=False, indent=1))
            return
        name = partial(answer.label, labels)
        for iri, part in found.items():
            click.echo(f"{iri.removeprefix(ID)}  {name(iri, language)}")
            click.echo("\n".join(line for s in part for line in _told(s, language, labels)))
            if any(s.tests[2].reason == "person-individuals" for s in part):
                click.echo("\n".join(_courts(base.jurisdiction(iri), language, labels)))


def _provision(base: KnowledgeBase, text: str) -> str:
    iri = named("provision", text)
    if iri not in base.screener().scopes:
        hint = "See all of them with: mizan screen"
        raise NotFound(f"{text} is not a provision with a scope", "only those can be mapped to an incident", hint)
    return iri


def _told(found: Screening, language: str, labels: answer.Labels) -> Iterator[str]:
    """One screening as lines: the provision with its outcome, then the six tests."""
    words = _WORDS.get(language, {})
    outcome = words.get(found.outcome.value, found.outcome.value)
    yield f"\n{outcome}: {answer.label(labels, found.provision, language)}  [{found.provision.removeprefix(ID)}]"
    for test in found.tests:
        verdict = words.get(test.verdict.value, test.verdict.value)
        text = reason(test, language, lambda iri, tag: answer.label(labels, iri, tag))
        yield f"  {words.get(test.name, test.name)}: {verdict}. {text}"


def _courts(found: Sequence[Jurisdiction], language: str, labels: answer.Labels) -> Iterator[str]:
    """Which courts could hear what is alleged: told apart from the screenings, and said to be apart."""
    for statute in found:
        yield f"\n{_APART[language]}: {answer.label(labels, statute.statute, language)}"
        for avenue in statute.avenues:
            yield f"  {way(avenue, language, lambda iri, tag: answer.label(labels, iri, tag))}"


def _summary(
    here: Snapshot, wanted: Sequence[str] | None, outcomes: Sequence[str], language: str, as_json: bool
) -> None:
    keys = [outcome.replace("-", "_") for outcome in outcomes]
    rows = {
        iri: count for iri, count in answer.counts(here.store).items()
        if (wanted is None or iri in wanted) and (not keys or any(getattr(count, key) for key in keys))
    }  # fmt: skip
    if as_json:
        told = [{"provision": iri, "label": here.labels(iri), **asdict(count)} for iri, count in rows.items()]
        click.echo(json.dumps(told, ensure_ascii=False, indent=1))
        return
    words = _WORDS.get(language, {})
    click.echo("  ".join(words.get(name, name) for name in ("applicable", "undetermined", "not-applicable")))
    for iri, count in rows.items():
        name = answer.label(here.labels, iri, language)
        numbers = f"{count.applicable:>10,}  {count.undetermined:>12,}  {count.not_applicable:>14,}"
        click.echo(f"{numbers}  {iri.removeprefix(ID + 'provision/')}  {name}")


@click.group()
def law() -> None:
    """Look after the law that the knowledge base holds."""


@example("mizan law status --json")
@law.command("status")
@HOME
@LANGUAGE
@JSON
def law_status(home: Path, language: str, as_json: bool) -> None:
    """List what of the law is not fully verified, and the official source that would settle it."""
    with KnowledgeBase.open(home, workers=1) as base:
        here = base.snapshot()
        groups: dict[str, list[dict[str, str]]] = {}
        for row in base.rows("browse", "law_status"):
            told = {name: value.value for name, value in row.items()}
            groups.setdefault(told.pop("instrument"), []).append(told)
        listed = [_status(here, iri, rows) for iri, rows in groups.items()]
        if as_json:
            click.echo(json.dumps(listed, ensure_ascii=False, indent=1))
            return
        for group in listed:
            click.echo("\n".join(_status_lines(here, group, language)))
        total = [sum(group["counts"][name] for group in listed) for name in ("unverified", "partly-verified")]
        click.echo(f"\n{len(listed)} instruments: {total[0]} unverified, {total[1]} partly verified.")


def _status(here: Snapshot, instrument: str, rows: list[dict[str, str]]) -> dict[str, Any]:
    marks = [row["verification"].rpartition("#")[2] for row in rows]
    return {
        "instrument": instrument, "label": here.labels(instrument),
        "counts": {name: marks.count(name) for name in ("unverified", "partly-verified")},
        "open": [
            {"node": row["node"], "kind": row["kind"].rpartition("#")[2], "verification": mark,
             "basis": row.get("basis", ""), "settled_by": row.get("source", "")}
            for row, mark in zip(rows, marks, strict=True)
        ],
    }  # fmt: skip


def _status_lines(here: Snapshot, group: dict[str, Any], language: str) -> Iterator[str]:
    counts = group["counts"]
    name = answer.label(here.labels, group["instrument"], language)
    yield f"\n{name}: {counts['unverified']} unverified, {counts['partly-verified']} partly verified"
    for item in group["open"]:
        basis = f" ({item['basis']})" if item["basis"] else ""
        yield f"  {item['verification']:<15} {item['kind']:<15} {item['node'].removeprefix(ID)}{basis}"
        yield f"  {'':<15} settled by      {item['settled_by'] or 'no official source is recorded'}"
