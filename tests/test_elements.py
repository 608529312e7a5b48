"""The elements matrix of the real case: what speaks to each element, what is missing, and what a machine never says."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from pyoxigraph import Literal, NamedNode, Triple

from kb import document
from kb.applicability import elements, law, recognition
from kb.applicability.elements import NOT_ASSESSED, Matrix, Row
from kb.errors import NotFound, UsageError
from kb.knowledgebase import KnowledgeBase
from kb.ns import ID, MZ, RDF, SCHEME, SKOS

INCIDENT = "syria-2015-16/INC-021"
STATUTE = f"{ID}provision/rome-statute/"
OFFENCES = ["8-2-e-iv", "8-2-e-i", "8-2-c-i", "8-2-b-iv", "8-2-e-ii"]
Mizan = Callable[..., tuple[int, str, str]]


def short(iri: str) -> str:
    return re.split("[#/]", iri)[-1]


def shorts(iris: object) -> set[str]:
    return {short(iri) for iri in iris}  # type: ignore[attr-defined]


def of(base: KnowledgeBase, offence: str, incident: str = INCIDENT) -> Matrix:
    return base.elements(incident, f"rome-statute/{offence}")


def facts(row: Row) -> set[tuple[str, str]]:
    return {(short(i.kind), short(i.node)) for i in row.indications}


def test_elements_of_the_hospital_come_in_order_with_what_speaks_to_each(demo: KnowledgeBase) -> None:
    rows = of(demo, "8-2-e-iv").elements
    assert [r.number for r in rows] == [1, 2, 3, 4, 5]
    assert [shorts(r.kinds) for r in rows] == [
        {"conduct"}, {"circumstance"}, {"intent"}, {"context"}, {"context-knowledge"}
    ]  # fmt: skip
    assert facts(rows[0]) == {
        ("method", "INC-021"), ("method", "cl-032-strikes"),
        ("attribution", "cl-031-attribution-1"), ("attribution", "cl-031-attribution-2"),
    }  # fmt: skip
    assert facts(rows[2]) == {("party-response", "response-1"), ("party-response", "response-2")}
    sources = ("commission-of-inquiry-2012-08", "icrc-syria-2012", "snhr-2016-08-17")
    assert [i.node for i in rows[3].indications] == [f"{ID}source/{source}#conflict" for source in sources]


def test_elements_the_gap_names_kinds_of_evidence_and_of_facts(demo: KnowledgeBase) -> None:
    row = of(demo, "8-2-e-iv").elements[2]
    assert shorts(row.missing) == {
        "flight-log", "intercepted-communication", "official-statement", "order-or-instruction",
        "registry-or-coordinates-shared", "target-list",
    }  # fmt: skip
    assert shorts(row.silent) == {"military-presence", "protected-status-known", "repeated-pattern"}
    assert row.recorded == ()


def test_elements_a_denial_is_shown_and_fills_no_gap(demo: KnowledgeBase) -> None:
    row = of(demo, "8-2-e-iv").elements[2]
    assert "party-response" in {short(i.kind) for i in row.indications}
    assert "official-statement" in shorts(row.missing)


def test_elements_rival_claims_stand_side_by_side_with_their_claimants(demo: KnowledgeBase) -> None:
    conduct = of(demo, "8-2-e-iv").elements[0]
    assert shorts(conduct.rivals) == {"attribution"}
    (russia,) = [i for i in conduct.indications if (MZ.allegedActor.value, f"{ID}actor/russia") in i.said]
    assert russia.claimant == f"{ID}actor/airwars"
    assert shorts(russia.disputed_by) == {"response-1", "response-2"}
    children = of(demo, "8-2-e-i").elements[1].rivals[f"{SCHEME}fact-kind#casualty-child"]
    assert {short(i.claimant): dict(i.said)[MZ.minimum.value] for i in children} == {"airwars": "18", "sohr": "3"}


def test_elements_sources_that_derive_from_one_another_count_once(demo: KnowledgeBase) -> None:
    here = demo.snapshot()
    recorded = recognition.material(here.store, demo.screener().law, f"{ID}incident/{INCIDENT}")
    pin = f"{ID}source/snhr-2016-08-17#pin-killed"
    work = f"{ID}source/snhr-2016-08-17"
    assert len(recorded.origins([pin, work])) == 1
    derived = [t for t in here.store.triples(NamedNode("http://www.w3.org/ns/prov#wasDerivedFrom"))
               if isinstance(t.subject, NamedNode) and t.subject.value.startswith(f"{ID}source/")]  # fmt: skip
    for triple in derived:
        assert isinstance(triple.subject, NamedNode) and isinstance(triple.object, NamedNode)
        both = recorded.origins([triple.subject.value, triple.object.value])
        assert both == recorded.origins([triple.subject.value]) | recorded.origins([triple.object.value])
        assert triple.subject.value not in both


def test_elements_nothing_is_assessed_until_a_person_does(demo: KnowledgeBase) -> None:
    for offence in OFFENCES:
        matrix = of(demo, offence)
        for row in (*matrix.elements, *matrix.preconditions):
            assert row.assessments == ()
            assert row.values == (NOT_ASSESSED,)


@pytest.mark.parametrize("offence", OFFENCES)
def test_elements_trap_11_no_number_is_an_element_and_none_is_added_or_made_up(
    offence: str, demo: KnowledgeBase
) -> None:
    here = demo.snapshot().store
    for row in of(demo, offence).elements:
        for indication in row.indications:
            recorded = {
                (t.predicate.value, getattr(t.object, "value", "")) for t in here.node(NamedNode(indication.node))
            }
            assert set(indication.said) <= recorded
    for triple in here.triples(MZ.elementOf):
        assert isinstance(triple.subject, NamedNode)
        label = " ".join(v.value for v in here.objects(triple.subject, SKOS.prefLabel)).lower()
        assert not any(c.isdigit() for c in label)


def test_elements_trap_11_who_is_left_of_a_total_is_in_no_category(demo: KnowledgeBase) -> None:
    here = demo.snapshot().store
    values = {v.value for t in here.triples(MZ.minimum) for v in [t.object] if isinstance(v, Literal)}
    assert {"2704", "746", "514"} <= values and "1444" not in values


def test_elements_trap_14_who_is_a_civilian_is_the_claimants_word(demo: KnowledgeBase) -> None:
    row = of(demo, "8-2-e-i").elements[1]
    counted = [i for i in row.indications if short(i.kind) == "casualty-civilian"]
    assert {i.claimant for i in counted} == {f"{ID}actor/airwars"}
    # the 55 of MSF and the 27 of SOHR are counted as persons whose status is not said, so they speak to no civilian
    assert not {"cl-032-killed", "cl-033-killed"} & {short(i.node) for i in row.indications}
    assert all(i.claimant for i in counted)


def test_elements_trap_15_context_stands_last_and_thresholds_are_no_elements(demo: KnowledgeBase) -> None:
    for offence in OFFENCES:
        matrix = of(demo, offence)
        assert [shorts(r.kinds) for r in matrix.elements[-2:]] == [{"context"}, {"context-knowledge"}]
        thresholds = {r.node for r in matrix.preconditions}
        assert not thresholds & {r.node for r in matrix.elements}
    assert f"{STATUTE}8-2-e-iv#precondition-protracted-conflict" in {r.node for r in of(demo, "8-2-e-iv").preconditions}
    for row in (of(demo, o).elements[-1] for o in OFFENCES):
        assert "need not have classified" in dict(row.cautions)["en"]


def test_elements_trap_16_one_element_alone_asks_for_a_value_judgement(demo: KnowledgeBase) -> None:
    here = demo.snapshot().store
    asking = {
        t.subject.value for t in here.triples(MZ.caution)
        if isinstance(t.subject, NamedNode) and isinstance(t.object, Literal) and "value judgement" in t.object.value
        and MZ.Element in here.objects(t.subject, RDF.type)
    }  # fmt: skip
    assert asking == {f"{STATUTE}8-2-b-iv#element-3"}


def test_elements_unspecific_facts_speak_to_nothing(demo: KnowledgeBase) -> None:
    attributed = {i.node for i in of(demo, "8-2-e-iv").elements[0].indications if short(i.kind) == "attribution"}
    assert f"{ID}incident/{INCIDENT}#cl-033-attribution" not in attributed  # “jet of unclear owner”
    for number in range(1, 31):
        for row in of(demo, "8-2-e-i", f"syria-2015-16/INC-{number:03}").elements:
            for indication in row.indications:
                assert (MZ.position.value, f"{SCHEME}party-position#no-statement-known") not in indication.said


def test_elements_every_kind_of_fact_and_evidence_says_how_it_is_recognised(demo: KnowledgeBase) -> None:
    here = demo.snapshot().store
    for scheme in ("fact-kind", "evidence-kind"):
        concepts = [n.value for n in here.subjects(SKOS.inScheme, NamedNode(SCHEME + scheme))]
        assert concepts
        for kind in recognition.kinds(here, concepts):
            assert kind.classes or kind.properties or kind.concepts, kind.iri


def statement(kind: str, about: str = INCIDENT) -> str:
    return f"""@prefix mz: <https://w3id.org/mizan/ontology#> . @prefix dcterms: <http://purl.org/dc/terms/> .
@prefix skos: <http://www.w3.org/2004/02/skos/core#> .
<{ID}source/test-log> a mz:Source ; skos:prefLabel "Log"@en, "سجل"@ar ;
  mz:sourceKind <{SCHEME}source-kind#report> ; mz:evidenceKind <{SCHEME}evidence-kind#target-list> .
<{ID}source/test-log#said> a mz:FactualStatement ; mz:about <{ID}incident/{about}> ;
  mz:claimant <{ID}actor/msf> ; mz:restsOn <{ID}source/test-log> ;
  mz:factKind <{SCHEME}fact-kind#{kind}> ; dcterms:description "Said so."@en, "قيل ذلك."@ar .
"""


def test_elements_a_claim_in_another_record_speaks_and_its_source_fills_a_gap(demo_copy: Path) -> None:
    with KnowledgeBase.open(demo_copy) as base:
        before = of(base, "8-2-e-iv").elements[2]
        written = base.add(document.records(document.turtle(statement("protected-status-known"), "t")), {"label": "t"})
        assert written.findings == []
        after = of(base, "8-2-e-iv").elements[2]
    assert ("protected-status-known", "said") in facts(after)
    assert set(before.silent) - set(after.silent) == {f"{SCHEME}fact-kind#protected-status-known"}
    assert set(before.missing) - set(after.missing) == {f"{SCHEME}evidence-kind#target-list"} == set(after.recorded)
    assert after.values == (NOT_ASSESSED,)


def test_elements_how_a_fact_is_recognised_is_data(demo: KnowledgeBase) -> None:
    """Another rule in the vocabulary, and the same record shows other facts, with no Python changed."""
    here = demo.snapshot()
    recorded = recognition.material(here.store, demo.screener().law, f"{ID}incident/{INCIDENT}")
    (kind,) = recognition.kinds(here.store, [f"{SCHEME}fact-kind#casualty-medical"])
    assert {short(i.node) for i in recorded.indications(kind)} == {"cl-032-staff", "cl-032-staff-injured"}
    other = replace(kind, concepts=frozenset({f"{SCHEME}harm#injured"}))
    assert {short(i.node) for i in recorded.indications(other)} == {"cl-031-injured", "cl-032-staff-injured"}


def test_elements_an_estimate_of_nobody_is_no_fact(demo: KnowledgeBase) -> None:
    here = demo.snapshot().store
    for number in range(1, 31):
        recorded = recognition.material(here, demo.screener().law, f"{ID}incident/syria-2015-16/INC-{number:03}")
        for triples in recorded.nodes.values():
            ends = {t.object.value for t in triples
                    if t.predicate in (MZ.minimum, MZ.best, MZ.maximum) and isinstance(t.object, Literal)}  # fmt: skip
            assert ends != {"0"}


def test_modes_fit_the_degrees_that_are_alleged(demo: KnowledgeBase) -> None:
    fits = of(demo, "8-2-e-iv").modes
    assert {(short(f.mode), short(f.degree)) for f in fits} == {
        (mode, "alleged-joint") for mode in ("25-3-a", "25-3-d", "25-3-f")
    }
    assert {a for f in fits for a in f.attributions} == {
        f"{ID}incident/{INCIDENT}#cl-031-attribution-{n}" for n in (1, 2)
    }


def test_modes_an_attribution_that_its_source_finds_not_credible_fits_none(demo: KnowledgeBase) -> None:
    discounted = {t.subject.value for t in demo.snapshot().store.triples(MZ.confidence)
                  if isinstance(t.subject, NamedNode) and isinstance(t.object, NamedNode)
                  and t.object.value.endswith("#assessed-not-credible")}  # fmt: skip
    assert discounted
    for node in discounted:
        incident = node.partition("#")[0]
        fits = demo.elements(incident, "rome-statute/8-2-e-i").modes
        assert node not in {a for f in fits for a in f.attributions}


def test_modes_have_elements_of_their_own_and_say_what_was_checked(demo: KnowledgeBase) -> None:
    here = demo.snapshot().store
    modes = {n.value for n in here.subjects(RDF.type, MZ.ModeOfLiability)}
    assert {m.removeprefix(STATUTE) for m in modes} == {*(f"25-3-{point}" for point in "abcdf"), "28-a", "28-b"}
    for mode in modes:
        matrix = demo.elements(INCIDENT, mode)
        assert len(matrix.elements) >= 2
        assert [r.number for r in matrix.elements] == list(range(1, len(matrix.elements) + 1))
        for row in matrix.elements:
            (mark,) = here.objects(NamedNode(row.node), MZ.verification)
            assert mark.value.endswith("#unverified")
            assert row.missing or row.recorded


@pytest.mark.parametrize(
    ("incident", "offence", "kind", "words"),
    [
        ("syria-2015-16/INC-999", "rome-statute/8-2-e-iv", NotFound, "There is no incident syria-2015-16/INC-999"),
        ("../actor/russia", "rome-statute/8-2-e-iv", NotFound, "There is no incident"),
        (f"{ID}actor/russia", "rome-statute/8-2-e-iv", NotFound, "There is no incident actor/russia"),
        ("", "rome-statute/8-2-e-iv", NotFound, "There is no incident"),
        (INCIDENT, "rome-statute/8-2-e-xxx", NotFound, "There is no provision rome-statute/8-2-e-xxx"),
        (INCIDENT, "", NotFound, "There is no provision"),
        (INCIDENT, "unsc-2139/op3", UsageError, "has no elements"),
        (INCIDENT, "rome-statute/25", UsageError, "has no elements"),
    ],
)  # fmt: skip
def test_elements_refuses_what_is_not_there(
    incident: str, offence: str, kind: type[Exception], words: str, demo: KnowledgeBase
) -> None:
    with pytest.raises(kind, match=words.replace("(", r"\(")) as caught:
        demo.elements(incident, offence)
    assert "\n" not in str(caught.value)


def test_elements_command_prints_the_matrix_in_both_languages(mizan: Mizan, demo_home: Path) -> None:
    for language, words in (("en", ("Not assessed", "evidence missing", "no assessment")),
                            ("ar", ("غير مقيَّم", "أدلة ناقصة", "ليست تقييمًا"))):  # fmt: skip
        code, out, err = mizan(
            "elements", INCIDENT, "rome-statute/8-2-e-iv", "--home", str(demo_home), "--language", language
        )
        assert (code, err) == (0, "")
        assert all(word in out for word in words)
        assert "https://" not in out
        assert [line[:2] for line in out.splitlines() if line[:1].isdigit()] == ["1.", "2.", "3.", "4.", "5."]


def test_elements_command_answers_as_json_with_labels(mizan: Mizan, demo_home: Path) -> None:
    code, out, _ = mizan("elements", INCIDENT, "rome-statute/8-2-c-i", "--home", str(demo_home), "--json")
    assert code == 0
    told = json.loads(out)
    assert [(r["crime"], r["number"]) for r in told["elements"]] == [("8(2)(c)(i)-1", n) for n in range(1, 6)]
    assert {tuple(r["values"]) for r in told["elements"]} == {(NOT_ASSESSED,)}
    assert told["labels"][NOT_ASSESSED] == {"en": "Not assessed", "ar": "غير مقيَّم"}
    assert "no assessment" in told["notice"]


@pytest.mark.parametrize("arguments", [("syria-2015-16/INC-999", "rome-statute/8-2-e-iv"), (INCIDENT, "nothing/here")])
def test_elements_command_says_in_one_line_what_is_wrong(
    arguments: tuple[str, str], mizan: Mizan, demo_home: Path
) -> None:
    code, out, err = mizan("elements", *arguments, "--home", str(demo_home))
    assert (code, out) == (2, "")
    assert err.startswith("mizan: There is no ") and err.count("\n") == 1


def test_elements_a_label_cannot_steer_the_terminal(demo_copy: Path, mizan: Mizan) -> None:
    with KnowledgeBase.open(demo_copy) as base:
        iri = f"{ID}incident/{INCIDENT}"
        label = Literal("Evil\u001b[2J\u202e title", language="en")
        record = base.snapshot().record(iri)
        old = Literal(next(v for v in base.snapshot().labels(iri).values() if v.isascii()), language="en")
        triples = [Triple(t.subject, t.predicate, label if t.object == old else t.object) for t in record]
        base.write([document.record(iri, triples)], {"label": "evil"})
    code, out, _ = mizan("elements", INCIDENT, "rome-statute/8-2-e-iv", "--home", str(demo_copy))
    assert code == 0
    assert "\u001b" not in out and "\u202e" not in out


def test_elements_matrix_is_the_same_from_a_rebuilt_base(demo_copy: Path, tmp_path: Path) -> None:
    with KnowledgeBase.open(demo_copy) as base:
        before = [of(base, o) for o in OFFENCES]
        base.rebuild()
        assert [of(base, o) for o in OFFENCES] == before
    shutil.rmtree(demo_copy / "store")
    with KnowledgeBase.open(demo_copy) as base:
        base.rebuild()
        assert [of(base, o) for o in OFFENCES] == before
        at = base.snapshot()
        assert elements.matrix(at.store, law.read(at.store), before[0].incident, before[0].offence) == before[0]
