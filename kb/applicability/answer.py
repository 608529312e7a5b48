"""Screenings as answers for programs, and counted: how many incidents each provision can, may or cannot apply to."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from pyoxigraph import NamedNode

from kb.applicability.check import MappingCheck
from kb.applicability.explain import reason
from kb.applicability.jurisdiction import Jurisdiction
from kb.applicability.jurisdiction import reason as way
from kb.applicability.verdict import Outcome, Screening
from kb.ns import MZ
from kb.store.local import LocalStore

Labels = Callable[[str], dict[str, str]]
"""Gives the labels of an IRI by language."""
LANGUAGES = ("en", "ar")
_OUTCOMES = {MZ.applicable: Outcome.APPLICABLE, MZ.undetermined: Outcome.UNDETERMINED,
             MZ.notApplicable: Outcome.NOT_APPLICABLE}  # fmt: skip


@dataclass(slots=True)
class Counts:
    """How many incidents a provision can apply to, may apply to, cannot apply to, by the screenings in a store."""

    applicable: int = 0
    undetermined: int = 0
    not_applicable: int = 0


def counts(store: LocalStore) -> dict[str, Counts]:
    """The counts of every provision with a scope, over all incidents; its cost follows profiles, not incidents."""
    sizes: dict[NamedNode, int] = {}
    for triple in store.triples(MZ.hasProfile):
        if isinstance(triple.object, NamedNode):
            sizes[triple.object] = sizes.get(triple.object, 0) + 1
    found: dict[str, Counts] = {}
    for predicate, outcome in _OUTCOMES.items():
        name = outcome.value.replace("-", "_")
        for triple in store.triples(predicate):
            if isinstance(triple.subject, NamedNode) and isinstance(triple.object, NamedNode):
                count = found.setdefault(triple.object.value, Counts())
                setattr(count, name, getattr(count, name) + sizes.get(triple.subject, 0))
    return dict(sorted(found.items()))


def label(labels: Labels, iri: str, language: str) -> str:
    """The label of an IRI in a language, else in any; an IRI without one stands for itself."""
    found = labels(iri)
    return found.get(language) or next(iter(found.values()), iri)


def screening(found: Screening, labels: Labels) -> dict[str, Any]:
    """One screening for a program: outcome, and each test with its verdict, what it rests on, and reasons in words."""
    return {
        "provision": found.provision,
        "label": labels(found.provision),
        "outcome": found.outcome.value,
        "tests": [
            {
                "test": t.name, "verdict": t.verdict.value, "code": t.reason,
                "reason": {tag: reason(t, tag, lambda iri, tag: label(labels, iri, tag)) for tag in LANGUAGES},
                "facts": list(t.facts), "law": [_moment(v) for v in t.law],
                "classified_by": [{"claim": c.claim, "claimant": c.claimant, "type": c.kind, "verification": c.mark}
                                  for c in t.claims],
            }
            for t in found.tests
        ],
    }  # fmt: skip


def jurisdiction(found: Iterable[Jurisdiction], labels: Labels) -> list[dict[str, Any]]:
    """The avenues of jurisdiction for a program, apart from every screening."""
    return [
        {
            "statute": j.statute, "label": labels(j.statute),
            "avenues": [
                {"ground": a.ground.value, "answer": a.answer, "states": list(a.states), "law": list(a.law),
                 "reason": {tag: way(a, tag, lambda iri, tag: label(labels, iri, tag)) for tag in LANGUAGES}}
                for a in j.avenues
            ],
        }
        for j in found
    ]  # fmt: skip


def check(found: MappingCheck, labels: Labels) -> dict[str, Any]:
    """A claim beside the screening, for a program."""
    return {
        "mapping": found.mapping, "claimant": found.claimant, "about": found.about,
        "incidents_looked_at": len(found.incidents), "notes": list(found.notes),
        "invoked": [
            {"text": i.text, "label": labels(i.text), "judged_by": list(i.provisions), "by_its_parts": i.whole,
             "applies_from": None if i.starts is None else _moment(f"@{i.starts:.0f}"),
             **{o.value.replace("-", "_"): i.count(o) for o in Outcome}, "ended_before_it_applied": i.preceding}
            for i in found.invoked
        ],
    }  # fmt: skip


def _moment(value: str) -> str:
    """A value of a test: the stamp of a moment as a timestamp in UTC, anything else as it is."""
    if not value.startswith("@"):
        return value
    return datetime.fromtimestamp(float(value[1:]), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
