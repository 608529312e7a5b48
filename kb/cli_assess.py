"""The commands of `mizan` for what persons add to the law: elements to weigh, assessments, patterns."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import click

from kb import vocabulary
from kb.applicability.assessment import Judgement
from kb.applicability.law import moment
from kb.applicability.pattern import Count, Likeness, counts
from kb.errors import UsageError
from kb.knowledgebase import KnowledgeBase, now
from kb.ns import ID
from kb.option import HOME, JSON, LANGUAGE, example
from kb.record import named
from kb.show_elements import as_text, to_json
from kb.snapshot import Snapshot


def register(commands: click.Group) -> None:
    """Add the commands of this module to `mizan`."""
    for command in (elements, assess, pattern):
        commands.add_command(command)


@example("mizan elements syria-2015-16/INC-021 OFFENCE --language ar")
@click.command()
@click.argument("incident")
@click.argument("offence")
@HOME
@LANGUAGE
@JSON
def elements(incident: str, offence: str, home: Path, language: str, as_json: bool) -> None:
    """Show the elements of OFFENCE against what is recorded of INCIDENT, and what is missing.

    OFFENCE is an offence or a mode of liability, such as rome-statute/8-2-e-iv or rome-statute/28-a.
    """
    with KnowledgeBase.open(home) as base:
        found, here = base.elements(incident, offence), base.snapshot()
        if as_json:
            click.echo(json.dumps(to_json(found, here.labels), ensure_ascii=False, indent=1, sort_keys=True))
        else:
            click.echo(as_text(found, lambda iri: _label(here, iri, language), language))


@example(
    "mizan assess syria-2015-16/INC-021 OFFENCE#element-2 --value insufficient --by mizan-curators "
    '--standard reasonable-grounds-to-believe --reason "Nothing on the military use of the building."'
)
@click.command()
@click.argument("incident")
@click.argument("element")
@HOME
@click.option("--value", required=True, help="satisfied, not-satisfied, insufficient, contested or not-assessed.")
@click.option("--by", required=True, help="The actor that answers for the assessment.")
@click.option("--standard", required=True, help="The standard of proof that was applied.")
@click.option("--reason", required=True, help="Why, in English.")
@click.option("--reason-ar", default="", help="Why, in Arabic.")
@click.option("--supported-by", multiple=True, help="A claim (#fragment), source or evidence for it; repeatable.")
@click.option("--contradicted-by", multiple=True, help="The same against it; repeatable.")
@click.option("--offence", default="", help="Refuse the element if it is not of this offence.")
@click.option("--on", "day", default=None, help="The day of the assessment, YYYY-MM-DD; today if not given.")
def assess(
    incident: str, element: str, home: Path, value: str, by: str, standard: str, reason: str, reason_ar: str,
    supported_by: tuple[str, ...], contradicted_by: tuple[str, ...], offence: str, day: str | None,
) -> None:  # fmt: skip
    """Record a person's assessment of ELEMENT (or a precondition) for INCIDENT; a later one supersedes it.

    ELEMENT is, for instance, rome-statute/8-2-e-iv#element-2; `mizan elements` shows those of an offence.
    """
    judgement = Judgement(
        incident, element, value, by, standard, now()[:10] if day is None else day,
        {"en": reason, "ar": reason_ar}, supported_by, contradicted_by, offence,
    )  # fmt: skip
    with KnowledgeBase.open(home) as base:
        made, outcome = base.assess(judgement)
        revision = base.snapshot().store.revision(made.iri)
    said = "as it stood" if outcome.same else "new" if outcome.new else f"supersedes revision {revision - 1}"
    click.echo(f"{made.iri.removeprefix(ID)}: revision {revision} ({said}). Snapshot {outcome.snapshot}.")


@example("mizan pattern --object hospital --area SY02 --actor russia --from 2015-09-30 --until 2016-04-30")
@click.command()
@HOME
@click.option("--object", "kind", default="", help="The kind of object hit, narrower kinds included.")
@click.option("--area", default="", help="The place within which it happened.")
@click.option("--actor", default="", help="The alleged actor, its sub-organisations included.")
@click.option("--from", "start", default="", help="From this day (in Damascus) or timestamp on.")
@click.option("--until", "end", default="", help="Until the end of this day, or before this timestamp.")
@click.option("--by", default="mizan-curators", show_default=True, help="The actor that answers for the group.")
@JSON
def pattern(home: Path, kind: str, area: str, actor: str, start: str, end: str, by: str, as_json: bool) -> None:
    """Group incidents that are alike, as evidence to weigh towards context or policy; at least two."""
    if not (kind or area or actor or start or end):
        raise UsageError("Nothing says how the incidents are alike", "", "Give --object, --area, --actor or a time.")
    with KnowledgeBase.open(home) as base:
        here = base.snapshot()
        where, who = _known(here, "place", area), _known(here, "actor", actor)
        likeness = Likeness(_concept(kind), where, who, _moment(start), _moment(end, end_of_day=True))
        members = base.alike(likeness)
        made, outcome = base.group(likeness, members, _known(here, "actor", by))
        ranges = counts(here.store, members)
        if as_json:
            told = {"pattern": made.iri, "query": likeness.text, "incidents": members, "snapshot": outcome.snapshot,
                    "counts": [_count_json(c) for c in ranges]}  # fmt: skip
            click.echo(json.dumps(told, ensure_ascii=False, indent=1))
            return
        click.echo(f"{made.iri.removeprefix(ID)}: {len(members)} incidents by {likeness.text}")
        for incident in members:
            click.echo(f"  {incident.removeprefix(ID)}  {_label(here, incident, 'en')}")
        click.echo("Each claimant's own figures, as ranges; they are never added across claimants:")
        for count in ranges:
            click.echo(f"  {_count_text(count, here, len(members))}")
        click.echo("A pattern may be weighed towards context or policy; by itself it shows neither.")


def _count_text(count: Count, here: Snapshot, members: int) -> str:
    high = "or more" if count.maximum is None else f"to {count.maximum}"
    what = ", ".join(_label(here, iri, "en") for iri in (count.claimant, count.harm, count.category))
    return f"{what}: {count.minimum} {high}, in {count.incidents} of {members} incidents"


def _count_json(count: Count) -> dict[str, str | int | None]:
    return {name: getattr(count, name) for name in count.__slots__}


def _concept(text: str) -> str:
    if not text:
        return ""
    codes = vocabulary.codes("object-hit")
    node = codes.get(text.rpartition("#")[2].strip().lower())
    if node is None:
        known = sorted({n.value.partition("#")[2] for n in codes.values()})
        raise UsageError(f"{text!r} is not a kind of object", "", f"Use one of: {', '.join(known)}.")
    return node.value


def _known(here: Snapshot, kind: str, text: str) -> str:
    if not text:
        return ""
    iri = named(kind, text)
    if not here.store.knows(iri):
        hint = "Look for it with the search of the site."
        raise UsageError(f"{text} names no {kind} in this knowledge base", "", hint)
    return iri


def _moment(text: str, *, end_of_day: bool = False) -> str:
    if not text:
        return ""
    try:
        if "T" in text and datetime.fromisoformat(text).tzinfo is None:
            raise ValueError("it has no zone")
        seconds = moment(text, end_of_day=end_of_day)
    except ValueError as error:
        hint = "Write a day as YYYY-MM-DD, or a timestamp with Z."
        raise UsageError(f"{text!r} is not a time", str(error), hint) from None
    assert seconds is not None
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _label(here: Snapshot, iri: str, language: str) -> str:
    found = here.labels(iri)
    return found.get(language) or next(iter(found.values()))
