"""The commands of `mizan` that find records of one event in different datasets, and let persons review them."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import click

from kb.errors import DoesNotConform
from kb.knowledgebase import KnowledgeBase
from kb.matching import event, identity, link, model
from kb.matching.event import Event
from kb.matching.identity import Candidate, Review
from kb.matching.link import Pair
from kb.ns import ID
from kb.option import HOME, JSON, LANGUAGE, bar, example
from kb.record import named

_SHOWN = 20
_LISTED = 100
_PART = 10_000  # claims written as one change


def register(commands: click.Group) -> None:
    """Add the commands of this module to `mizan`."""
    commands.add_command(match)


@click.group()
def match() -> None:
    """Find records of different datasets that may tell of one event. Nothing is ever merged."""


@example("mizan match run")
@match.command()
@HOME
@click.option("--threshold", type=click.FloatRange(0, 1), default=model.THRESHOLD, show_default=True,
              help="How likely a pair must be to be written.")  # fmt: skip
@click.option("--dry-run", is_flag=True, help="Only show what would be written.")
@JSON
def run(home: Path, threshold: float, dry_run: bool, as_json: bool) -> None:
    """Compare the incidents of all datasets and write the likely pairs as claims of the matcher, a program."""
    with KnowledgeBase.open(home) as base, bar("incidents read") as progress:
        seen: Counter[str] = Counter()
        events = _counted(event.read(base.snapshot().store, progress), seen)
        pairs = link.candidates(events, threshold, progress)
        if dry_run:
            first = list(islice(pairs, _SHOWN))
            number, told = len(first) + sum(1 for _ in pairs), None
        else:
            number, told = _written(base, pairs)
    if as_json:
        said = {"incidents": seen.total(), "datasets": len(seen), "candidates": number, "model": model.digest(),
                "written": told}  # fmt: skip
        click.echo(json.dumps(said, indent=1))
        return
    click.echo(f"Compared {seen.total():,} incidents of {len(seen)} datasets: {number:,} candidates.")
    if dry_run:
        for pair in first:
            click.echo(f"  {pair.score:.4f}  {_short(pair.one.iri)}  {_short(pair.other.iri)}")
    elif told:
        click.echo(f"Claims: {told['new']:,} new, {told['changed']:,} changed, {told['same']:,} the same. "
                   f"Snapshot {told['snapshot']}. Review them with: mizan match list")  # fmt: skip


def _written(base: KnowledgeBase, pairs: Iterator[Pair]) -> tuple[int, dict[str, int] | None]:
    """Write the claims in parts as they come; when stopped between two, the next run writes what is missing."""
    told, number = dict.fromkeys(("new", "changed", "same", "snapshot"), 0), 0
    while records := [identity.record(pair) for pair in islice(pairs, _PART)]:
        done = base.add(records, {"label": f"match run, model {model.digest()[:12]}"})
        if done.findings:
            raise DoesNotConform("A computed claim breaks a rule", done.findings[0].message())
        number += len(records)
        for what in ("new", "changed", "same"):
            told[what] += getattr(done.outcome, what)
        told["snapshot"] = done.outcome.snapshot
    return number, told if number else None


def _counted(events: Iterable[Event], seen: Counter[str]) -> Iterator[Event]:
    for one in events:
        seen[one.dataset] += 1
        yield one


@example("mizan match list --state open --incident syria-2015-16/INC-021")
@match.command("list")
@HOME
@click.option("--state", type=click.Choice(identity.STATES), help="Only those in this state of review.")
@click.option("--incident", default="", help="Only those that name this incident.")
@click.option("--limit", type=click.IntRange(min=1), help=f"How many at most; {_LISTED} unless --json is given.")
@click.option("--skip", type=click.IntRange(min=0), default=0, help="How many to pass over, to turn pages.")
@LANGUAGE
@JSON
def list_(
    home: Path, state: str | None, incident: str, limit: int | None, skip: int, language: str, as_json: bool
) -> None:  # fmt: skip
    """List the computed candidates, likeliest first, with their reasons and what persons said of them."""
    most = limit or (None if as_json else _LISTED)
    with KnowledgeBase.open(home) as base:
        store = base.snapshot().store
        if incident:
            every = identity.candidates(store, named("incident", incident))
            asked: Iterator[Candidate] = islice((c for c in every if state in (None, c.state)), skip, None)
        else:
            asked = identity.listed(store, state, skip)
        if as_json:
            _echo(islice(asked, most))
            return
        found = list(islice(asked, most))
        more = next(asked, None) is not None
    for candidate in found:
        click.echo(f"{candidate.claim.removeprefix(f'{ID}identity/')}  {candidate.score:.4f}  {candidate.state}")
        click.echo(f"    {_short(candidate.one)} – {_short(candidate.other)}")
        click.echo(f"    {candidate.reasons.get(language) or candidate.reasons.get('en', '')}")
        for review in candidate.reviews:
            view = "accepted" if review.accepts else "rejected"
            told = review.reasons.get(language) or review.reasons.get("en", "")
            click.echo(f"    {view} by {review.by.removeprefix(ID)}: {told}")
    click.echo(f"{len(found)} candidates. Scores are computed; no record is merged.")
    if more:
        click.echo(f"There are more: see them with --skip {skip + len(found)}.")


_CLAIM = click.argument("claim")
_BY = click.option("--by", required=True, help="The actor that answers for the review: a person or a body.")
_REASON = click.option("--reason", required=True, help="Why, in English.")
_REASON_AR = click.option("--reason-ar", default="", help="Why, in Arabic.")


@example('mizan match accept CLAIM --by mizan-curators --reason "Same building, same hour."')
@match.command()
@_CLAIM
@HOME
@_BY
@_REASON
@_REASON_AR
def accept(claim: str, home: Path, by: str, reason: str, reason_ar: str) -> None:
    """Record a person's claim that CLAIM (as listed) is right: both records tell of one event."""
    _review(home, Review(claim, by, True, {"en": reason, "ar": reason_ar}))


@example('mizan match reject CLAIM --by mizan-curators --reason "Two hospitals, ten kilometres apart."')
@match.command()
@_CLAIM
@HOME
@_BY
@_REASON
@_REASON_AR
def reject(claim: str, home: Path, by: str, reason: str, reason_ar: str) -> None:
    """Record a person's claim that CLAIM (as listed) is wrong: the records tell of different events."""
    _review(home, Review(claim, by, False, {"en": reason, "ar": reason_ar}))


def _review(home: Path, given: Review) -> None:
    with KnowledgeBase.open(home) as base:
        made = identity.review(base.snapshot().store, given)
        done = base.add([made], {"label": f"review of a match by {given.by}"})
        if done.findings:
            raise DoesNotConform("The review breaks a rule", done.findings[0].message())
    view = "confirms" if given.accepts else "disputes"
    click.echo(f"{made.iri.removeprefix(ID)} {view} {given.claim}; the computed claim stays as it is. "
               f"Snapshot {done.outcome.snapshot}.")  # fmt: skip


def _echo(candidates: Iterable[Candidate]) -> None:
    """A JSON array, each candidate as it is read: there may be any number of them."""
    before = "["
    for candidate in candidates:
        click.echo(f"{before}\n{json.dumps(_json(candidate), ensure_ascii=False, indent=1)}", nl=False)
        before = ","
    click.echo("[]" if before == "[" else "\n]")


def _json(candidate: Candidate) -> dict[str, Any]:
    reviews = [{"by": r.by, "accepts": r.accepts, "reasons": r.reasons} for r in candidate.reviews]
    return {"claim": candidate.claim, "one": candidate.one, "other": candidate.other, "score": candidate.score,
            "state": candidate.state, "reasons": candidate.reasons, "model": candidate.model,
            "reviews": reviews}  # fmt: skip


def _short(iri: str) -> str:
    return iri.removeprefix(f"{ID}incident/")
