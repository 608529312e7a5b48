"""Applicability: cases that a jurist can read, each with the outcome and the six tests that he expects."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from pyoxigraph import Literal, NamedNode, Triple

from kb import document
from kb.applicability import Law, Screener, law
from kb.applicability.explain import reason
from kb.applicability.verdict import TESTS
from kb.knowledgebase import KnowledgeBase
from kb.ns import MZ, MZ_BASE
from kb.record import subject

CASES = sorted((Path(__file__).parent / "cases").glob("*/*.ttl"))
NEVER_APPLICABLE = {"dead-letter-on-weapons"}  # the annex that the provision needs was never adopted
RULES = sorted({path.parent.name for path in CASES})


@pytest.fixture(scope="module")
def rules(demo: KnowledgeBase) -> Law:
    """The shipped law; a case says itself how the conflict is classified."""
    return replace(law.read(demo.snapshot().store), classifications=())


def _values(triples: list[Triple], name: str) -> list[str]:
    return [t.object.value for t in triples if t.predicate.value == MZ_BASE + name and hasattr(t.object, "value")]


@pytest.mark.parametrize("path", CASES, ids=lambda p: f"{p.parent.name}/{p.stem}")
def test_applicability_case_comes_out_as_the_jurist_expects(path: Path, rules: Law) -> None:
    triples = document.read(path)
    (provision,) = _values(triples, "provision")
    # a case may bring a place that the gazetteer lacks, with the State whose territory it is
    abroad = {subject(t): t.object.value for t in triples if t.predicate == MZ.territoryOf}
    here = replace(rules, sovereigns=rules.sovereigns | abroad)
    (found,) = Screener(here).explain(triples, [provision])
    expected = set(_values(triples, "expectedTest"))
    assert {f"{test.name} {test.verdict.value}" for test in found.tests} == expected
    assert [found.outcome.value] == _values(triples, "expectedOutcome")


def test_applicability_cases_are_many_and_every_rule_has_all_three_outcomes() -> None:
    assert len(CASES) >= 60
    one_sided = []
    for rule in RULES:
        outcomes = {v for p in CASES if p.parent.name == rule for v in _values(document.read(p), "expectedOutcome")}
        if len(outcomes) < 3 - (rule in NEVER_APPLICABLE):
            one_sided.append((rule, sorted(outcomes)))
    assert one_sided == []


def test_applicability_every_reason_is_in_words_in_both_languages(demo: KnowledgeBase) -> None:
    here = demo.snapshot()
    screener = Screener(law.read(here.store))

    def name(iri: str, language: str) -> str:
        labels = here.labels(iri)
        return labels.get(language) or next(iter(labels.values()))

    for number in range(1, 31):
        record = here.record(f"https://w3id.org/mizan/id/incident/syria-2015-16/INC-{number:03}")
        for screening in screener.explain(record):
            assert tuple(t.name for t in screening.tests) == TESTS
            for test in screening.tests:
                english, arabic = reason(test, "en", name), reason(test, "ar", name)
                assert english.endswith(".") and arabic.endswith(".")
                assert "{" not in english + arabic and "https://" not in english + arabic
                assert any("\u0600" <= c <= "\u06ff" for c in arabic)


def test_applicability_outcomes_in_the_store_are_those_that_the_explanation_gives(demo: KnowledgeBase) -> None:
    here = demo.snapshot()
    screener = Screener(law.read(here.store))
    checked = 0
    for number in range(1, 31):
        iri = f"https://w3id.org/mizan/id/incident/syria-2015-16/INC-{number:03}"
        (profile,) = here.store.objects(NamedNode(f"{iri}#record"), NamedNode(MZ_BASE + "hasProfile"))
        stored = {
            t.object.value: t.predicate.value.removeprefix(MZ_BASE)
            for t in here.store.node(NamedNode(profile.value)) if not isinstance(t.object, Literal)
            and t.predicate.value.removeprefix(MZ_BASE) in {"applicable", "undetermined", "notApplicable"}
        }  # fmt: skip
        names = {"applicable": "applicable", "undetermined": "undetermined", "not-applicable": "notApplicable"}
        told = {s.provision: names[s.outcome.value] for s in screener.explain(here.record(iri))}
        assert stored == told
        checked += len(told)
    assert checked > 3000
