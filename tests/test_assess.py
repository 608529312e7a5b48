"""Assessments: a person's word on an element or a precondition, superseded and never overwritten, and screened with."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from pyoxigraph import NamedNode

from kb import document
from kb.applicability.assessment import Judgement
from kb.errors import DoesNotConform, MizanError, NotFound, UsageError
from kb.knowledgebase import KnowledgeBase, table
from kb.ns import ID, MZ, SCHEME
from kb.query import saved

INCIDENT = "syria-2015-16/INC-021"
CRIME = "rome-statute/8-2-e-iv"
PROVISION = f"{ID}provision/{CRIME}"
CONDITIONS = [f"{CRIME}#precondition-not-a-military-objective", f"{CRIME}#precondition-protracted-conflict"]
REASON = "The review describes two hits and no military use."
GIVEN = Judgement(
    INCIDENT, f"{CRIME}#element-2", "insufficient", "mizan-curators", "reasonable-grounds-to-believe", "2024-05-03",
    {"en": REASON},
)  # fmt: skip
Mizan = Callable[..., tuple[int, str, str]]


def outcome(base: KnowledgeBase, provision: str = PROVISION) -> tuple[str, str]:
    """What the explanation and what the store say of the provision for the incident."""
    iri = f"{ID}incident/{INCIDENT}"
    (told,) = base.screen(iri, [provision])
    here = base.snapshot().store
    (profile,) = here.objects(NamedNode(f"{iri}#record"), MZ.hasProfile)
    assert isinstance(profile, NamedNode)
    names = {MZ.applicable: "applicable", MZ.undetermined: "undetermined", MZ.notApplicable: "not-applicable"}
    (stored,) = [names[t.predicate] for t in here.node(profile) if t.object == NamedNode(provision)]
    return told.outcome.value, stored


def profiles(base: KnowledgeBase) -> set[tuple[str, str]]:
    return {(str(t.subject), str(t.object)) for t in base.snapshot().store.triples(MZ.hasProfile)}


def row(base: KnowledgeBase, element: str = f"{CRIME}#element-2"):  # type: ignore[no-untyped-def]
    matrix = base.elements(INCIDENT, CRIME)
    (found,) = [r for r in (*matrix.elements, *matrix.preconditions) if r.node == f"{ID}provision/{element}"]
    return found


def test_assess_writes_a_record_that_the_matrix_shows(demo_copy: Path) -> None:
    with KnowledgeBase.open(demo_copy) as base:
        made, done = base.assess(replace(GIVEN, supported_by=("#cl-032-strikes", "source/msf-review-al-quds-2016")))
        assert made.iri == f"{ID}assessment/{INCIDENT}/rome-statute-8-2-e-iv-element-2/mizan-curators"
        assert (done.new, done.changed) == (1, 0)
        (said,) = row(base).assessments
    assert (said.value, said.standard) == (
        f"{SCHEME}assessment-value#insufficient", f"{SCHEME}standard-of-proof#reasonable-grounds-to-believe",
    )  # fmt: skip
    assert (said.by, said.on, said.reasons, said.revision) == (
        f"{ID}actor/mizan-curators", "2024-05-03", {"en": REASON}, 1,
    )  # fmt: skip
    assert said.supported_by == (
        f"{ID}incident/{INCIDENT}#cl-032-strikes", f"{ID}source/msf-review-al-quds-2016",
    )  # fmt: skip


def test_assess_supersedes_and_keeps_what_was_said_before(demo_copy: Path) -> None:
    with KnowledgeBase.open(demo_copy) as base:
        made, _ = base.assess(GIVEN)
        again, done = base.assess(replace(GIVEN, value="satisfied", on="2024-06-01"))
        assert (again.iri, done.new, done.changed) == (made.iri, 0, 1)
        assert row(base).assessments[0].revision == 2
        assert row(base).values == (f"{SCHEME}assessment-value#satisfied",)
        values = ["#insufficient" in entry.triples for _, _, entry in base.history(made.iri)]
        assert values == [True, False]
        here = base.snapshot().store
        assert here.knows(f"{made.iri}#revision-1")
        assert base.assess(replace(GIVEN, value="satisfied", on="2024-06-01"))[1].same == 1
        assert base.verify_ledger().segments


def test_assess_two_persons_stand_side_by_side(demo_copy: Path) -> None:
    with KnowledgeBase.open(demo_copy) as base:
        base.assess(GIVEN)
        base.assess(replace(GIVEN, value="satisfied", by="syrian-archive"))
        found = row(base)
    assert [a.by.rpartition("/")[2] for a in found.assessments] == ["mizan-curators", "syrian-archive"]
    assert found.values == tuple(f"{SCHEME}assessment-value#{v}" for v in ("insufficient", "satisfied"))


def test_assess_preconditions_met_make_the_provision_applicable(demo_copy: Path) -> None:
    with KnowledgeBase.open(demo_copy) as base:
        assert outcome(base) == ("undetermined", "undetermined")
        others = {p for p in profiles(base) if INCIDENT not in p[0]}
        base.assess(replace(GIVEN, element=CONDITIONS[0], value="satisfied"))
        assert outcome(base) == ("undetermined", "undetermined")
        made, _ = base.assess(replace(GIVEN, element=CONDITIONS[1], value="satisfied"))
        assert any(t.predicate == MZ.establishes for t in made.triples)
        assert outcome(base) == ("applicable", "applicable")
        assert {p for p in profiles(base) if INCIDENT not in p[0]} == others


@pytest.mark.parametrize("value", ["insufficient", "not-satisfied", "contested", "not-assessed"])
def test_assess_a_precondition_withdrawn_opens_the_screening_again(value: str, demo_copy: Path) -> None:
    with KnowledgeBase.open(demo_copy) as base:
        before = profiles(base)
        for condition in CONDITIONS:
            base.assess(replace(GIVEN, element=condition, value="satisfied"))
        assert outcome(base) == ("applicable", "applicable")
        made, _ = base.assess(replace(GIVEN, element=CONDITIONS[0], value=value))
        assert not any(t.predicate == MZ.establishes for t in made.triples)
        assert outcome(base) == ("undetermined", "undetermined")
        base.assess(replace(GIVEN, element=CONDITIONS[1], value=value))
        assert profiles(base) == before


@pytest.mark.parametrize(("value", "after"), [("contested", "undetermined"), ("not-satisfied", "undetermined")])
def test_assess_one_person_cannot_settle_what_another_denies(value: str, after: str, demo_copy: Path) -> None:
    with KnowledgeBase.open(demo_copy) as base:
        for condition in CONDITIONS:
            base.assess(replace(GIVEN, element=condition, value="satisfied"))
        base.assess(replace(GIVEN, element=CONDITIONS[0], value=value, by="syrian-archive"))
        assert outcome(base) == (after, after)


def test_assess_an_element_changes_no_screening(demo_copy: Path) -> None:
    with KnowledgeBase.open(demo_copy) as base:
        before = profiles(base)
        for number in range(1, 6):
            base.assess(replace(GIVEN, element=f"{CRIME}#element-{number}", value="satisfied"))
        assert profiles(base) == before


def test_assess_of_one_offence_establishes_nothing_of_another(demo_copy: Path) -> None:
    other = f"{ID}provision/rome-statute/8-2-b-ix"
    with KnowledgeBase.open(demo_copy) as base:
        before = outcome(base, other)
        for condition in CONDITIONS:
            base.assess(replace(GIVEN, element=condition, value="satisfied"))
        assert outcome(base, other) == before


def test_assess_screenings_are_the_same_when_rebuilt_from_the_ledger(demo_copy: Path) -> None:
    with KnowledgeBase.open(demo_copy) as base:
        for condition in CONDITIONS:
            base.assess(replace(GIVEN, element=condition, value="satisfied"))
        base.assess(GIVEN)
        base.assess(replace(GIVEN, value="contested"))
        before, told, matrix = profiles(base), outcome(base), base.elements(INCIDENT, CRIME)
        base.rebuild()
        assert (profiles(base), outcome(base), base.elements(INCIDENT, CRIME)) == (before, told, matrix)
        assert told == ("applicable", "applicable")


def test_assess_survives_a_new_revision_of_its_incident(demo_copy: Path) -> None:
    iri = f"{ID}incident/{INCIDENT}"
    with KnowledgeBase.open(demo_copy) as base:
        for condition in CONDITIONS:
            base.assess(replace(GIVEN, element=condition, value="satisfied"))
        record = [t for t in base.snapshot().record(iri) if "#cl-033" not in str(t.subject)]
        assert base.add([document.record(iri, record)], {"label": "t"}).outcome.changed == 1
        assert outcome(base) == ("applicable", "applicable")


def test_assess_takes_elements_of_modes_and_conditions_of_custom(demo_copy: Path) -> None:
    with KnowledgeBase.open(demo_copy) as base:
        made, _ = base.assess(replace(GIVEN, element="rome-statute/28-a#element-4"))
        assert [t.object for t in made.triples if t.predicate == MZ.offence] == [
            NamedNode(f"{ID}provision/rome-statute/28-a")
        ]
        here = base.snapshot().store
        custom = sorted(t.object.value for t in here.triples(MZ.hasPrecondition)
                        if isinstance(t.object, NamedNode) and "/icrc-customary-ihl/" in t.object.value)[0]  # fmt: skip
        made, _ = base.assess(replace(GIVEN, element=custom, value="satisfied"))
        assert not [t for t in made.triples if t.predicate == MZ.offence]


BAD = {
    "incident-unknown": ({"incident": "syria-2015-16/INC-999"}, NotFound, "There is no incident syria-2015-16/INC-999"),
    "incident-is-an-actor": ({"incident": f"{ID}actor/russia"}, NotFound, "There is no incident"),
    "element-unknown": ({"element": f"{CRIME}#element-9"}, NotFound, f"{CRIME} has: {CRIME}#element-1, "),
    "element-is-the-offence": ({"element": CRIME}, NotFound, "There is no element or precondition"),
    "element-is-a-scope": ({"element": f"{CRIME}#scope"}, NotFound, "There is no element or precondition"),
    "offence-unknown": ({"element": "rome-statute/99#element-1"}, NotFound, "See them with: mizan elements"),
    "element-of-another": ({"offence": "rome-statute/8-2-e-i"}, DoesNotConform, "does not belong to rome-statute"),
    "assessor-unknown": ({"by": "jane-doe"}, NotFound, "There is no actor jane-doe"),
    "assessor-a-place": ({"by": f"{ID}place/SY02"}, NotFound, "There is no actor"),
    "nobody": ({"by": " "}, DoesNotConform, "Nobody is named as the author"),
    "unknown-actor": ({"by": "unknown-actor"}, DoesNotConform, "unknown-actor is nobody"),
    "value-unknown": ({"value": "proven"}, UsageError, "'proven' is not a value. Use one of: contested, "),
    "value-empty": ({"value": ""}, UsageError, "is not a value"),
    "standard-unknown": ({"standard": "certain"}, UsageError, "'certain' is not a standard. Use one of: "),
    "day-impossible": ({"on": "2024-02-30"}, UsageError, "'2024-02-30' is not a day"),
    "day-in-words": ({"on": "yesterday"}, UsageError, "Write it as YYYY-MM-DD."),
    "day-to-come": ({"on": "9999-01-01"}, UsageError, "9999-01-01 has not come yet"),
    "no-reason": ({"reasons": {"en": "  "}}, UsageError, "No reason is given"),
    "reason-only-in-arabic": ({"reasons": {"ar": "سبب"}}, UsageError, "No reason is given"),
    "support-unknown": ({"supported_by": ("#cl-999",)}, NotFound, "#cl-999 names nothing"),
    "support-is-an-actor": ({"supported_by": ("actor/russia",)}, DoesNotConform, "takes only the IRIs of existing"),
    "contrary-unknown": ({"contradicted_by": ("source/none",)}, NotFound, "source/none names nothing"),
    "iri-with-spaces": ({"element": "https://a b/c"}, UsageError, "'https://a b/c' is no name"),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_assess_refuses_and_writes_nothing(name: str, demo_copy: Path) -> None:
    changes, kind, words = BAD[name]
    with KnowledgeBase.open(demo_copy) as base:
        before = base.snapshot().number
        with pytest.raises(MizanError) as caught:
            base.assess(replace(GIVEN, **changes))  # type: ignore[arg-type]
        assert type(caught.value) is kind
        assert words in str(caught.value)
        assert caught.value.hint and "\n" not in str(caught.value)
        assert base.snapshot().number == before


def rdf(**changes: str) -> str:
    parts = {
        "iri": f"{ID}assessment/{INCIDENT}/imported", "element": f"{ID}provision/{CRIME}#element-1",
        "offence": f"<{PROVISION}>", "claimant": f"{ID}actor/mizan-curators", "extra": "",
    } | changes  # fmt: skip
    return f"""@prefix mz: <https://w3id.org/mizan/ontology#> . @prefix xsd: <http://www.w3.org/2001/XMLSchema#> .
<{parts["iri"]}> a mz:ElementAssessment ; mz:about <{ID}incident/{INCIDENT}> ; mz:claimant <{parts["claimant"]}> ;
  mz:assesses <{parts["element"]}> ; mz:offence {parts["offence"]} ; mz:rationale "Why."@en ;
  mz:assessedOn "2024-05-03"^^xsd:date ; mz:standardOfProof <{SCHEME}standard-of-proof#reasonable-basis> ;
  mz:assessmentValue <{SCHEME}assessment-value#satisfied> {parts["extra"]} .
"""


@pytest.mark.parametrize(
    ("changes", "rule"),
    [
        ({"offence": f"<{ID}provision/rome-statute/8-2-e-i>"}, "ElementAssessment-belongs"),
        ({"claimant": f"{ID}actor/unknown-actor"}, "ElementAssessment-claimant"),
        ({"claimant": f"{ID}actor/nobody-known"}, "Claim-claimant"),
        ({"element": f"{ID}provision/{CONDITIONS[0]}"}, "ElementAssessment-establishment"),
        ({"extra": f"; mz:establishes <{ID}provision/{CONDITIONS[0]}>"}, "ElementAssessment-establishment"),
    ],
)
def test_assess_shapes_keep_out_the_same_when_imported(changes: dict[str, str], rule: str, demo_copy: Path) -> None:
    with KnowledgeBase.open(demo_copy) as base:
        before = profiles(base)
        done = base.add(document.records(document.turtle(rdf(**changes), "t")), {"label": "t"})
        assert rule in {f.shape.partition("#")[2] for f in done.findings}
        assert done.outcome.new == 0 and len(done.rejected) == 1
        assert profiles(base) == before


def test_assess_command_records_and_tells_the_revision(mizan: Mizan, demo_copy: Path) -> None:
    common = ["assess", INCIDENT, CONDITIONS[0], "--by", "mizan-curators", "--standard", "reasonable-basis",
              "--reason", REASON, "--reason-ar", "سبب", "--on", "2024-05-03", "--home", str(demo_copy)]  # fmt: skip
    code, out, err = mizan(*common, "--value", "satisfied", "--supported-by", "#cl-032-strikes")
    assert (code, err) == (0, "")
    assert "revision 1 (new)" in out
    assert "revision 1 (as it stood)" in mizan(*common, "--value", "satisfied", "--supported-by", "#cl-032-strikes")[1]
    assert "revision 2 (supersedes revision 1)" in mizan(*common, "--value", "contested")[1]
    code, out, _ = mizan("elements", INCIDENT, CRIME, "--home", str(demo_copy))
    assert code == 0
    assert f"2024-05-03 [2]: {REASON}" in out
    assert "the object was not a military objective: Contested" in out


def test_assess_command_is_dated_today_where_no_day_is_given(
    mizan: Mizan, demo_copy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1714730000")
    code, _, _ = mizan(
        "assess", INCIDENT, f"{CRIME}#element-1", "--value", "Insufficient evidence", "--by", "mizan-curators",
        "--standard", "reasonable-basis", "--reason", REASON, "--home", str(demo_copy),
    )  # fmt: skip
    assert code == 0
    with KnowledgeBase.open(demo_copy) as base:
        assert row(base, f"{CRIME}#element-1").assessments[0].on == "2024-05-03"


@pytest.mark.parametrize(
    ("change", "code", "words"),
    [
        (["--value", "proven"], 2, "is not a value"),
        (["--by", "unknown-actor"], 1, "is nobody"),
        (["--by", ""], 1, "Nobody is named"),
        (["--by", "jane-doe"], 2, "There is no actor jane-doe"),
        (["--offence", "rome-statute/8-2-e-i"], 1, "does not belong to"),
        (["--on", "2024-13-01"], 2, "is not a day"),
    ],
)
def test_assess_command_refuses_in_one_line(
    change: list[str], code: int, words: str, mizan: Mizan, demo_home: Path
) -> None:
    given = {"--value": "satisfied", "--by": "mizan-curators", "--standard": "reasonable-basis", "--reason": REASON}
    given |= {change[0]: change[1]}
    options = [part for pair in given.items() for part in pair]
    got, out, err = mizan("assess", INCIDENT, f"{CRIME}#element-1", *options, "--home", str(demo_home))
    assert (got, out) == (code, "")
    assert words in err and err.count("\n") == 1 and err.startswith("mizan: ")


def lacking(base: KnowledgeBase, **values: str) -> list[tuple[str, str, str]]:
    rows = table(base.ask(saved.load("report", "incidents_lacking_only_knowledge").bind(values)))
    return [
        (r["incident"].value.rpartition("/")[2], r["element"].value.partition("#")[2],
         r["value"].value.partition("#")[2] if "value" in r else "")
        for r in rows
    ]  # fmt: skip


def test_lacking_only_knowledge_finds_what_persons_left_open(demo_copy: Path) -> None:
    crime = "rome-statute/8-2-c-i#murder-element-"
    with KnowledgeBase.open(demo_copy) as base:
        assert lacking(base) == []
        for number in (1, 2, 4):
            base.assess(replace(GIVEN, element=f"{crime}{number}", value="satisfied"))
        assert lacking(base) == []
        base.assess(replace(GIVEN, element=f"{crime}5", value="satisfied"))
        assert lacking(base) == [("INC-021", "murder-element-3", "")]
        base.assess(replace(GIVEN, element=f"{crime}3", value="insufficient"))
        assert lacking(base) == [("INC-021", "murder-element-3", "insufficient")]
        base.assess(replace(GIVEN, element=f"{crime}2", value="contested", by="syrian-archive"))
        assert lacking(base) == []
        base.assess(replace(GIVEN, element=f"{crime}2", value="satisfied", by="syrian-archive"))
        base.assess(replace(GIVEN, element=f"{crime}3", value="satisfied"))
        assert lacking(base) == []


def test_lacking_only_intent_is_the_same_question_of_another_kind(demo_copy: Path) -> None:
    with KnowledgeBase.open(demo_copy) as base:
        for number in (1, 2, 4, 5):
            base.assess(replace(GIVEN, element=f"{CRIME}#element-{number}", value="satisfied"))
        asked = {"offence": f"provision/{CRIME}", "kind": "element-kind#intent"}
        assert lacking(base, **asked) == [("INC-021", "element-3", "")]
        assert lacking(base, **asked | {"language": "ar"}) == [("INC-021", "element-3", "")]
        assert lacking(base) == []
