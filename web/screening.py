"""Screenings in order for a page: by instrument and outcome, those that a claim names apart, reasons in words."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from pyoxigraph import Literal, NamedNode

from kb.applicability import Outcome, Test
from kb.applicability.explain import reason
from kb.applicability.law import Classification
from kb.ns import ID, MZ
from kb.store.local import LocalStore
from web.language import marked
from web.reading import Node, Reader, Text, expand

TESTS = {  # the six tests as headings
    "time": marked("Time"),
    "place": marked("Territory"),
    "person": marked("Who is bound"),
    "subject": marked("Subject"),
    "exclusion": marked("Exclusions"),
    "precondition": marked("Preconditions"),
}
VERDICTS = {"passed": marked("passed"), "failed": marked("failed"), "unknown": marked("unknown")}
OUTCOMES = {
    "applicable": marked("applicable"),
    "undetermined": marked("undetermined"),
    "not-applicable": marked("not applicable"),
}
_ORDER = [Outcome.APPLICABLE, Outcome.UNDETERMINED, Outcome.NOT_APPLICABLE]


@dataclass(frozen=True, slots=True)
class Corpus:
    """What a page needs to arrange provisions: their order, what each is part of, and which have elements of crimes."""

    order: dict[str, int]
    above: dict[str, frozenset[str]]
    instrument: dict[str, str]
    offences: frozenset[str]

    def covers(self, target: str, provision: str) -> bool:
        """Whether a provision is `target` itself or a part of it; `target` may be a whole instrument."""
        return provision == target or target in self.above.get(provision, ())


def corpus(store: LocalStore) -> Corpus:
    """The arrangement of the law in a store."""
    parent = _pairs(store, "eli:is_part_of")
    instrument = _pairs(store, "mz:ofInstrument")
    found = store.triples(NamedNode(expand("mz:order")))
    order = {t.subject.value: int(t.object.value) for t in found if isinstance(t.object, Literal)}  # type: ignore[union-attr]
    above = {p: frozenset(_climb(p, parent)) | {instrument[p]} for p in instrument}
    offences = {o.value for t in store.triples(MZ.elementOf) if isinstance(o := t.object, NamedNode)}
    return Corpus(order, above, instrument, frozenset(offences))


def _pairs(store: LocalStore, name: str) -> dict[str, str]:
    found = store.triples(NamedNode(expand(name)))
    return {t.subject.value: t.object.value for t in found if isinstance(t.object, NamedNode)}  # type: ignore[union-attr]


def _climb(iri: str, parent: dict[str, str]) -> Iterable[str]:
    seen: set[str] = set()
    while (iri := parent.get(iri, "")) and iri not in seen:
        seen.add(iri)
        yield iri


@dataclass(frozen=True, slots=True)
class Reason:
    """One test in words: the heading and the verdict are to be translated, the text is in the page's language."""

    name: str
    verdict: str
    text: Text
    claims: tuple[Classification, ...] = ()

    @property
    def heading(self) -> str:
        """The name of the test."""
        return TESTS[self.name]

    @property
    def words(self) -> str:
        """The verdict."""
        return VERDICTS[self.verdict]


@dataclass(frozen=True, slots=True)
class Judged:
    """A provision with what the screening says of it."""

    provision: str
    outcome: Outcome


@dataclass(frozen=True, slots=True)
class Target:
    """What a claim names, the screenings of its provisions, and the claims."""

    iri: str
    claims: list[Node]
    screenings: list[Judged]

    @property
    def single(self) -> Judged | None:
        """The screening, where the claim names exactly one provision with a scope."""
        return self.screenings[0] if [s.provision for s in self.screenings] == [self.iri] else None


class Screened:
    """The screenings of one incident as its pages show them; `tests` gives the six tests of a provision when asked."""

    def __init__(
        self, outcomes: Mapping[str, Outcome], tests: Callable[[str], Iterable[Test]], corpus: Corpus, reader: Reader
    ) -> None:
        self.corpus = corpus
        self.reader = reader
        self._tests = tests
        judged = [Judged(provision, outcome) for provision, outcome in outcomes.items()]
        self.screenings = sorted(judged, key=lambda s: (corpus.order.get(s.provision, 0), s.provision))
        self.by_outcome = tally(self.screenings)

    def groups(self, leaving_out: Iterable[str] = ()) -> list[tuple[str, list[Judged]]]:
        """Screenings by instrument; the instruments with most that can apply come first."""
        skipped = frozenset(leaving_out)
        found: dict[str, list[Judged]] = {}
        for one in sorted(self.screenings, key=lambda s: _ORDER.index(s.outcome)):
            if one.provision not in skipped:
                found.setdefault(self.corpus.instrument.get(one.provision, ""), []).append(one)
        return sorted(found.items(), key=lambda item: ([-n for n in tally(item[1]).values()], item[0]))

    def targets(self, claims: Iterable[Node]) -> list[Target]:
        """What legal claims name, each with the screenings of the provisions it covers, in order of the law."""
        named: dict[str, list[Node]] = {}
        for claim in claims:
            for iri in claim.iris("mz:invokes"):
                named.setdefault(iri, []).append(claim)
        return [
            Target(iri, found, [s for s in self.screenings if self.corpus.covers(iri, s.provision)])
            for iri, found in sorted(named.items(), key=lambda item: self._place(item[0]))
        ]

    def _place(self, iri: str) -> tuple[str, int, str]:
        return self.corpus.instrument.get(iri, iri), self.corpus.order.get(iri, 0), iri

    def reasons(self, screening: Judged) -> list[Reason]:
        """The six tests of a screening in words, by the code that decides."""
        return [Reason(t.name, t.verdict.value, self._words(t), t.claims) for t in self._tests(screening.provision)]

    def _words(self, test: Test) -> Text:
        language = self.reader.language
        text = reason(test, language.code, lambda iri, code: self.reader.label(iri).value, self._moment)
        return Text(text, language.code, language)

    def _moment(self, at: datetime) -> str:
        """A moment in words, kept together by isolates where it stands in text of the other direction."""
        return f"\u2068{self.reader.language.moment(at, midnight=True)}\u2069"

    def has_elements(self, provision: str) -> bool:
        """Whether elements of a crime are recorded for a provision."""
        return provision in self.corpus.offences


def tally(screenings: Iterable[Judged]) -> dict[Outcome, int]:
    """How many screenings have each outcome, in the order of a page."""
    outcomes = [s.outcome for s in screenings]
    return {outcome: outcomes.count(outcome) for outcome in _ORDER}


def covered(targets: Iterable[Target]) -> set[str]:
    """The provisions whose screenings stand under what claims name."""
    return {s.provision for target in targets for s in target.screenings}


def anchor(provision: str) -> str:
    """The name of a provision's place on the page of screenings."""
    return provision.removeprefix(f"{ID}provision/")
