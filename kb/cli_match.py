"""The commands of `mizan` that find records of one event in different datasets, and let persons review them."""

from __future__ import annotations

import json
import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
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
from kb.option import HOME, JSON, LANGUAGE, example
from kb.record import named

_SHOWN = 20
_LISTED = 100
_PART = 10_000  # claims written as one change
_HALF = 500  # of a progress bar


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
    with KnowledgeBase.open(home) as base:
        seen: Counter[str] = Counter()
        with _bar() as (reading, scoring):
            pairs = link.candidates(_counted(event.read(base.snapshot().store, reading), seen), threshold, scoring)
        said: dict[str, Any] = {"incidents": seen.total(), "datasets": len(seen), "candidates": len(pairs),
                                "model": model.digest(), "written": None}  # fmt: skip
        if pairs and not dry_run:
            said["written"] = _written(base, pairs)
        if as_json:
            click.echo(json.dumps(said, indent=1))
            return
    click.echo(f"Compared {said['incidents']:,} incidents of {said['datasets']} datasets: {len(pairs)} candidates.")
    if dry_run:
        for pair in pairs[:_SHOWN]:
            click.echo(f"  {pair.score:.4f}  {_short(pair.one.iri)}  {_short(pair.other.iri)}")
    elif said["written"]:
        told = said["written"]
        click.echo(f"Claims: {told['new']} new, {told['changed']} changed, {told['same']} the same. "
                   f"Snapshot {told['snapshot']}. Review them with: mizan match list")  # fmt: skip


def _written(base: KnowledgeBase, pairs: list[Pair]) -> dict[str, int]:
    """Write the claims, many in parts; when stopped between two, the next run writes what is missing."""
    told = dict.fromkeys(("new", "changed", "same", "snapshot"), 0)
    for start in range(0, len(pairs), _PART):
        records = [identity.record(pair) for pair in pairs[start : start + _PART]]
        done = base.add(records, {"label": f"match run, model {model.digest()[:12]}"})
        if done.findings:
            raise DoesNotConform("A computed claim breaks a rule", done.findings[0].message())
        for what in ("new", "changed", "same"):
            told[what] += getattr(done.outcome, what)
        told["snapshot"] = done.outcome.snapshot
    return told


def _counted(events: Iterable[Event], seen: Counter[str]) -> Iterator[Event]:
    for one in events:
        seen[one.dataset] += 1
        yield one


@contextmanager
def _bar() -> Iterator[tuple[event.Progress, link.Progress]]:
    """A progress bar with rate and time left on the standard error, on a terminal only: reading, then scoring."""
    if not sys.stderr.isatty():
        yield lambda done, of: None, lambda share: None
        return
    start = time.monotonic()
    with click.progressbar(length=2 * _HALF, label="incidents", file=sys.stderr) as bar:

        def reading(done: int, of: int) -> None:
            if done % 100 == 0 or done == of:
                bar.label = f"{done:,} of {of:,} incidents read, {done / (time.monotonic() - start + 0.001):,.0f}/s"
                bar.update(max(0, _HALF * done // of - bar.pos))

        def scoring(share: float) -> None:
            bar.label = f"pairs scored, {share:.0%}"
            bar.update(max(0, _HALF + int(_HALF * share) - bar.pos))

        yield reading, scoring


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
        every = identity.candidates(store, named("incident", incident)) if incident else identity.listed(store)
        asked = (c for c in every if state in (None, c.state))
        found = list(islice(asked, skip, None if most is None else skip + most))
        more = next(asked, None) is not None
    if as_json:
        click.echo(json.dumps([_json(c) for c in found], ensure_ascii=False, indent=1))
        return
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


def _json(candidate: Candidate) -> dict[str, Any]:
    reviews = [{"by": r.by, "accepts": r.accepts, "reasons": r.reasons} for r in candidate.reviews]
    return {"claim": candidate.claim, "one": candidate.one, "other": candidate.other, "score": candidate.score,
            "state": candidate.state, "reasons": candidate.reasons, "model": candidate.model,
            "reviews": reviews}  # fmt: skip


def _short(iri: str) -> str:
    return iri.removeprefix(f"{ID}incident/")
