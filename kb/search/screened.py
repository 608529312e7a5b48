"""What the screening says, as a facet: incidents hold the name of their profile, the store what is said of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Protocol

from pyoxigraph import NamedNode, Triple

from kb.ns import MZ
from kb.search.schema import FACETS

_OUTCOMES = (("applicable", MZ.applicable), ("undetermined", MZ.undetermined))
_FACET = FACETS["applicability"]


class Said(Protocol):
    """Where the outcomes stand: a store."""

    def triples(self, predicate: NamedNode) -> Iterator[Triple]:
        """All triples with one predicate."""
        ...


class Screened:
    """The outcomes of all profiles of one snapshot, read once: some hundred for each of some thousand profiles.

    A code is a provision with `:applicable` or `:undetermined`; without an outcome it means applicable.
    """

    def __init__(self, store: Said) -> None:
        self._codes: dict[str, list[str]] = {}
        self._profiles: dict[str, list[str]] = {}
        for outcome, predicate in _OUTCOMES:
            for triple in store.triples(predicate):
                if isinstance(triple.subject, NamedNode) and isinstance(triple.object, NamedNode):
                    profile = triple.subject.value.rpartition("/")[2]
                    code = f"{_FACET.code(triple.object.value)}:{outcome}"
                    self._codes.setdefault(profile, []).append(code)
                    self._profiles.setdefault(code, []).append(profile)

    def profiles(self, codes: Iterable[str]) -> tuple[str, ...]:
        """The profiles with any of these codes."""
        whole = (code if _FACET.parted(code)[1] else f"{code}:applicable" for code in codes)
        return tuple(sorted({profile for code in whole for profile in self._profiles.get(code, ())}))

    def counts(self, profiles: Iterable[tuple[str, int]]) -> list[tuple[str, int]]:
        """Numbers of incidents by profile as numbers by code."""
        found: dict[str, int] = {}
        for profile, incidents in profiles:
            for code in self._codes.get(profile, ()):
                found[code] = found.get(code, 0) + incidents
        return list(found.items())
