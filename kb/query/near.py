"""Finds the saved question that is nearest to a query, to offer it where the query itself asked for too much."""

from __future__ import annotations

import re
from functools import lru_cache

from kb.query import saved
from kb.query.guard import keywords
from kb.query.saved import SavedQuery

_TERM = re.compile(r"\b[a-z]+:[A-Za-z][\w-]*|<[^<>\s]+[#/]([\w-]+)>")
_HEAD = re.compile(r"\s*(#|PREFIX\b|BASE\b)", re.IGNORECASE)
_PLAIN = frozenset({"rdf:type", "rdfs:label", "skos:prefLabel"})  # in nearly every query: they tell nothing apart
_LEAST = 2  # terms in common, below which a question is not near but merely about the same world


def nearest(query: str) -> SavedQuery | None:
    """The report question that shares most terms with a query for its own length; None when none comes close."""
    asked = _terms(query)
    best, score = None, 0.0
    for name, terms in _known().items():
        common = len(asked & terms)
        if common >= _LEAST and common / len(asked | terms) > score:
            best, score = name, common / len(asked | terms)
    return saved.load("report", best) if best else None


@lru_cache(maxsize=1)
def _known() -> dict[str, frozenset[str]]:
    return {name: _terms(saved.load("report", name).text) for name in saved.names("report")}


def _terms(query: str) -> frozenset[str]:
    """The names of a query's terms without their namespaces, and whether it counts, groups or negates."""
    words = {word for word, _ in keywords(query)} & {"COUNT", "GROUP", "NOT", "MINUS"}
    body = "\n".join(line for line in query.splitlines() if not _HEAD.match(line))
    found = (match[1] or match[0].partition(":")[2] for match in _TERM.finditer(body) if match[0] not in _PLAIN)
    return frozenset(found) | words
