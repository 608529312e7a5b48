"""Who says what, side by side: for each party that somebody names, who names it, and what it answers."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from web.reading import Node

Above = Callable[[str], frozenset[str]]
"""A party with the organisations that it is part of, up to the State."""


@dataclass(frozen=True, slots=True)
class Standpoint:
    """One party that is named, in the words of those who name it, and its answers; without a party: other answers."""

    actor: str
    attributions: list[Node] = field(default_factory=list)
    answers: list[Node] = field(default_factory=list)


def aligned(attributions: Iterable[Node], answers: Iterable[Node], above: Above) -> list[Standpoint]:
    """One row for each party named, in the order in which they are named.

    An answer stands beside the attributions that it says it disputes; one that names none, beside the party that gives
    it, or that party's State. What fits no row keeps a row of its own, so that none is lost.
    """
    rows: dict[str, Standpoint] = {}
    for claim in attributions:
        for actor in claim.iris("mz:allegedActor") or [""]:
            rows.setdefault(actor, Standpoint(actor)).attributions.append(claim)
    for answer in answers:
        for row in _rows_of(answer, rows.values(), above) or [rows.setdefault("", Standpoint(""))]:
            row.answers.append(answer)
    return sorted(rows.values(), key=lambda row: not row.actor)


def _rows_of(answer: Node, rows: Iterable[Standpoint], above: Above) -> list[Standpoint]:
    disputed = set(answer.iris("cito:disputes"))
    named = [row for row in rows if disputed & {claim.iri for claim in row.attributions}]
    if named:
        return named
    speaks_for = above(answer.iri_value("mz:claimant"))
    return [row for row in rows if row.actor and speaks_for & above(row.actor)]
