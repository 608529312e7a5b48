"""Screenings follow every change of law and facts: no more is evaluated than can differ, nothing stays behind."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from pyoxigraph import Literal, NamedNode, Triple

from kb import document
from kb.applicability import Law, law, projection
from kb.applicability.facts import Reader, from_text, to_text
from kb.applicability.verdict import Outcome
from kb.knowledgebase import KnowledgeBase
from kb.ns import ID, MZ, MZ_BASE, SEM
from kb.record import Record
from kb.writer import Outcome as Written

Mizan = Callable[..., tuple[int, str, str]]
CASE = f"{ID}incident/syria-2015-16/INC-"
NAMES = {MZ.applicable: "applicable", MZ.undetermined: "undetermined", MZ.notApplicable: "not-applicable"}
PREFIXES = """
@prefix dcterms: <http://purl.org/dc/terms/> . @prefix eli: <http://data.europa.eu/eli/ontology#> .
@prefix mz: <https://w3id.org/mizan/ontology#> . @prefix skos: <http://www.w3.org/2004/02/skos/core#> .
@prefix xsd: <http://www.w3.org/2001/XMLSchema#> . @prefix s: <https://w3id.org/mizan/scheme/> .
@prefix geo: <http://www.opengis.net/ont/geosparql#> . @prefix org: <http://www.w3.org/ns/org#> .
"""
LABELS = """skos:prefLabel "Example"@en, "مثال"@ar ; mz:summary "An invented text."@en, "نص مبتدع."@ar ;
  mz:officialSource <https://example.org/resolution> ;
  mz:verification <https://w3id.org/mizan/scheme/verification#unverified>"""
INSTRUMENT = f"<{ID}instrument/example-2016>"
PROVISION = f"{ID}provision/example-2016/op1"
EVERY_SCOPE = 158


def resolution(scope: str = 'mz:from "2016-03-01T00:00:00+02:00"^^xsd:dateTime') -> str:
    """One file as a jurist writes it: an instrument, a paragraph, its scope."""
    binds = "<https://w3id.org/mizan/scheme/bound-party#all-parties>"
    return f"""{PREFIXES}
{INSTRUMENT} a mz:LegalInstrument ; dcterms:identifier "EX/1 (2016)" ; {LABELS} ;
  mz:instrumentKind <https://w3id.org/mizan/scheme/instrument-kind#council-resolution> .
<{PROVISION}> a mz:Provision ; eli:is_part_of {INSTRUMENT} ; mz:ofInstrument {INSTRUMENT} ;
  eli:number "OP1" ; mz:order 1 ; {LABELS} .
<{PROVISION}#scope> a mz:Scope ; mz:scopeOf <{PROVISION}> ; dcterms:source <https://example.org/resolution> ;
  mz:binds {binds} ; mz:territory <{ID}place/SY> ; mz:verification
  <https://w3id.org/mizan/scheme/verification#unverified> ; mz:summary "All."@en, "الكل."@ar ; {scope} .
"""


@pytest.fixture
def base(demo_copy: Path) -> Iterator[KnowledgeBase]:
    with KnowledgeBase.open(demo_copy) as opened:
        yield opened


def write(base: KnowledgeBase, text: str) -> Written:
    """Write records given as Turtle that conform."""
    done = base.add(document.records(document.turtle(text, "test")), {"label": "test"})
    assert done.findings == []
    return done.outcome


def counts(done: Written) -> tuple[int, int, int]:
    return done.screened.incidents, done.screened.profiles, done.screened.evaluations


def state(base: KnowledgeBase) -> tuple[dict[str, str], dict[str, list[str]]]:
    """The profile of every incident, and all that stands on every profile."""
    store = base.snapshot().store
    of = {str(t.subject): str(t.object) for t in store.triples(MZ.hasProfile)}
    profiles = {t.subject for t in store.triples(MZ.profileFacts) if str(t.subject).startswith(f"<{ID}profile/")}
    return of, {str(p): sorted(map(str, store.node(p))) for p in profiles if isinstance(p, NamedNode)}


def assert_as_built_anew(base: KnowledgeBase) -> None:
    """The same screenings as a rebuild makes, which the explanation confirms, and no profile without an incident."""
    before = state(base)
    assert set(before[0].values()) == set(before[1])
    base.rebuild()
    assert state(base) == before
    for number in ("001", "012", "021", "023", "030"):
        iri = CASE + number
        assert stored(base, iri) == {s.provision: s.outcome.value for s in base.screen(iri)}


def stored(base: KnowledgeBase, iri: str) -> dict[str, str]:
    store = base.snapshot().store
    (profile,) = store.objects(NamedNode(f"{iri}#record"), MZ.hasProfile)
    assert isinstance(profile, NamedNode)
    return {t.object.value: NAMES[t.predicate] for t in store.node(profile)
            if t.predicate in NAMES and isinstance(t.object, NamedNode)}  # fmt: skip


def tally(base: KnowledgeBase, provision: str = PROVISION) -> dict[str, int]:
    found = [stored(base, f"{CASE}{n:03}").get(provision, "none") for n in range(1, 31)]
    return {outcome: found.count(outcome) for outcome in sorted(set(found))}


def changed(base: KnowledgeBase, iri: str, edit: Callable[[Triple], Triple | None]) -> Record:
    """A record as it stands, each triple edited or left out."""
    edited = [e for t in base.snapshot().record(iri) if t.predicate != MZ.inRecord and (e := edit(t)) is not None]
    return document.record(iri, edited)


def put(base: KnowledgeBase, record: Record) -> Written:
    return base.write([record], {"label": "test"})


def test_screening_of_a_resolution_that_a_jurist_adds(demo_copy: Path, tmp_path: Path, mizan: Mizan) -> None:
    file = tmp_path / "example-2016.ttl"
    file.write_text(resolution(), encoding="utf-8")
    code, out, err = mizan("import", "rdf", str(file), "--home", str(demo_copy))
    assert (code, err) == (0, "")
    with KnowledgeBase.open(demo_copy) as base:
        assert tally(base) == {"applicable": 11, "not-applicable": 19}
        assert_as_built_anew(base)
        (found,) = base.screen(CASE + "001", [PROVISION])
        assert found.outcome is Outcome.NOT_APPLICABLE
    code, out, _ = mizan("screen", "syria-2015-16/INC-001", "--provision", "example-2016/op1", "--home", str(demo_copy))
    assert code == 0
    assert "2016-03-01 00:00 UTC+0200" in out


def test_screening_of_a_new_scope_evaluates_it_alone(base: KnowledgeBase) -> None:
    profiles = len(state(base)[1])
    done = write(base, resolution("mz:binds <https://w3id.org/mizan/scheme/bound-party#all-parties>"))
    assert counts(done) == (0, 0, profiles)  # no date divides a stretch of time: one evaluation a profile
    assert_as_built_anew(base)


def test_screening_of_a_date_inside_a_stretch_divides_only_that_stretch(base: KnowledgeBase) -> None:
    before, _ = state(base)
    done = write(base, resolution())
    after, profiles = state(base)
    moved = {iri for iri in after if after[iri] != before[iri]}
    assert done.screened.incidents == len(moved) < 30
    # what was known of other provisions is kept: each profile needs one evaluation, whether it is new or not
    assert done.screened.evaluations == len(profiles)
    assert_as_built_anew(base)


def test_screening_of_a_date_that_moves_touches_what_lies_between(base: KnowledgeBase) -> None:
    write(base, resolution())
    done = write(base, resolution('mz:from "2016-04-15T00:00:00+03:00"^^xsd:dateTime'))
    between = {f"{CASE}{n:03}" for n in range(1, 31)}
    facts = {iri: Reader(law.read(base.snapshot().store)).read(base.snapshot().record(iri)) for iri in between}
    assert 0 < done.screened.evaluations < len(state(base)[1])
    assert tally(base)["applicable"] == sum(f.earliest >= 1460667600 for f in facts.values())
    assert_as_built_anew(base)


def test_screening_of_a_new_exclusion_leaves_out_what_the_law_does_not_reach(base: KnowledgeBase) -> None:
    start = 'mz:from "2016-03-01T00:00:00+02:00"^^xsd:dateTime'
    write(base, resolution(start))
    of = state(base)[0]
    reached = {of[f"<{CASE}{n:03}#record>"] for n in range(1, 31)
               if stored(base, f"{CASE}{n:03}")[PROVISION] != "not-applicable"}  # fmt: skip
    done = write(base, resolution(f"{start} ; mz:excludesActor <{ID}actor/isil>"))
    assert counts(done) == (0, 0, len(reached))
    assert tally(base) == {"not-applicable": 20, "undetermined": 10}
    assert_as_built_anew(base)


def test_screening_of_a_scope_taken_away_leaves_nothing(base: KnowledgeBase) -> None:
    before = state(base)
    write(base, resolution())
    record = changed(base, PROVISION, lambda t: None if str(t.subject).endswith("#scope>") else t)
    done = put(base, record)
    assert tally(base) == {"none": 30}
    assert done.screened.evaluations == 0
    assert state(base) == before
    assert_as_built_anew(base)


def test_screening_of_a_changed_incident_leaves_the_others(base: KnowledgeBase) -> None:
    before, _ = state(base)
    iri = CASE + "021"
    hospital, school = (NamedNode(f"https://w3id.org/mizan/scheme/object-hit#{n}") for n in ("hospital", "bakery"))

    def now(old: NamedNode, new: NamedNode) -> Record:
        return changed(base, iri, lambda t: Triple(t.subject, t.predicate, new) if t.object == old else t)

    done = put(base, now(hospital, school))
    assert counts(done) == (1, 1, EVERY_SCOPE)
    after, _ = state(base)
    assert {i for i in after if after[i] != before[i]} == {f"<{iri}#record>"}
    assert_as_built_anew(base)
    put(base, now(school, hospital))
    assert state(base)[0] == before
    assert_as_built_anew(base)


def test_screening_of_a_changed_text_evaluates_nothing(base: KnowledgeBase) -> None:
    name = NamedNode("http://www.w3.org/2004/02/skos/core#prefLabel")

    def renamed(t: Triple) -> Triple:
        here = t.predicate == name and "@en" in str(t.object)
        return Triple(t.subject, name, Literal("x", language="en")) if here else t

    assert counts(put(base, changed(base, CASE + "021", renamed))) == (1, 0, 0)


CLASSIFIED = f"""{PREFIXES}
<{ID}source/example> a mz:Source ; skos:prefLabel "Example"@en ; mz:sourceKind s:source-kind_ .
<{ID}source/example#conflict> a mz:ConflictClassification ; mz:claimant <{ID}actor/icc> ;
  mz:about <{ID}source/example> ; mz:conflictType <https://w3id.org/mizan/scheme/conflict-type#iac> ;
  mz:validFrom "2014-01-01"^^xsd:date ; mz:withinPlace <{ID}place/SY07> ;
  mz:verification <https://w3id.org/mizan/scheme/verification#unverified> .
""".replace("s:source-kind_", "<https://w3id.org/mizan/scheme/source-kind#statement>")


def test_screening_of_a_new_classification_reads_its_territory_again(base: KnowledgeBase) -> None:
    crime = f"{ID}provision/rome-statute/8-2-c-i"
    before, _ = state(base)
    done = write(base, CLASSIFIED)
    store = base.snapshot().store
    reader = Reader(law.read(store))
    idlib = {f"<{CASE}{n:03}#record>" for n in range(1, 31)
             if f"{ID}place/SY07" in reader.read(store.record(f"{CASE}{n:03}")).place}  # fmt: skip
    after, _ = state(base)
    assert {i for i in after if after[i] != before[i]} == idlib
    assert done.screened.incidents == len(idlib)
    for iri in idlib:
        (found,) = base.screen(iri.strip("<>").removesuffix("#record"), [crime])
        assert found.outcome is Outcome.UNDETERMINED
        assert {c.claimant for c in found.tests[3].claims} >= {f"{ID}actor/icc", f"{ID}actor/snhr"}
    assert_as_built_anew(base)


def test_screening_follows_the_participation_of_states(base: KnowledgeBase) -> None:
    treaty = f"{ID}instrument/iccpr"
    node = next(t.subject for t in base.snapshot().record(treaty) if t.object == NamedNode(f"{ID}actor/russia"))
    form = NamedNode(MZ_BASE + "participationForm")
    not_party = NamedNode("https://w3id.org/mizan/scheme/participation-form#not-party")
    provision = f"{ID}provision/iccpr/6"
    before = [stored(base, f"{CASE}{n:03}") for n in range(1, 31)]

    def left(t: Triple) -> Triple:
        return Triple(t.subject, form, not_party) if (t.subject, t.predicate) == (node, form) else t

    put(base, changed(base, treaty, left))
    after = [stored(base, f"{CASE}{n:03}") for n in range(1, 31)]
    differ = {p for old, new in zip(before, after, strict=True) for p in new if old[p] != new[p]}
    assert differ and {p.split("/")[-2] for p in differ} == {"iccpr"}
    assert provision in before[0]
    assert_as_built_anew(base)


def test_screening_follows_the_gazetteer(base: KnowledgeBase) -> None:
    within = NamedNode("http://www.opengis.net/ont/geosparql#sfWithin")
    put(base, changed(base, f"{ID}place/SY07", lambda t: None if t.predicate == within else t))
    found = stored(base, CASE + "021")
    assert tally(base, f"{ID}provision/unsc-2139/op3")["not-applicable"] > 0
    assert found
    assert_as_built_anew(base)


def test_screening_follows_what_an_actor_is_part_of(base: KnowledgeBase) -> None:
    above = NamedNode("http://www.w3.org/ns/org#subOrganizationOf")
    before = state(base)[0]
    forces = f"{ID}actor/russian-armed-forces"
    done = put(base, changed(base, forces, lambda t: None if t.predicate == above else t))
    store = base.snapshot().store
    claims = store.subjects(MZ.allegedActor, NamedNode(forces))
    named = {f"<{claim.value.partition('#')[0]}#record>" for claim in claims}
    after = state(base)[0]
    assert {i for i in after if after[i] != before[i]} <= named
    assert 0 < done.screened.incidents <= len(named)
    assert_as_built_anew(base)


def test_screening_shares_evaluation_between_incidents_that_the_law_cannot_tell_apart(base: KnowledgeBase) -> None:
    record = base.snapshot().record(CASE + "021")
    twin = f"{ID}incident/syria-2015-16/INC-921"

    def renamed(node: object) -> NamedNode:
        return NamedNode(str(node).strip("<>").replace(CASE + "021", twin))

    triples = [
        Triple(renamed(t.subject), t.predicate, renamed(t.object) if isinstance(t.object, NamedNode) else t.object)
        for t in record
    ]
    done = put(base, document.record(twin, triples))
    assert counts(done) == (1, 0, 0)
    of, profiles = state(base)
    assert len(profiles) < len(of) == 31
    assert_as_built_anew(base)


def assessment(value: str, extra: str = "", about: str = "021", name: str = "one") -> str:
    node = f"{ID}provision/rome-statute/8-2-c-i#precondition-not-directly-participating"
    return f"""{PREFIXES}
<{ID}assessment/syria-2015-16/{name}> a mz:ElementAssessment ; mz:claimant <{ID}actor/mizan-curators> ;
  mz:about <{CASE}{about}> ; mz:assesses <{node}> ; mz:rationale "Invented."@en ;
  mz:assessedOn "2016-09-01"^^xsd:date ;
  mz:standardOfProof <https://w3id.org/mizan/scheme/standard-of-proof#reasonable-basis> ;
  mz:assessmentValue <https://w3id.org/mizan/scheme/assessment-value#{value}> {extra.format(node=node)} .
"""


def test_screening_hears_of_an_assessment_in_a_record_of_its_own(base: KnowledgeBase) -> None:
    crime = f"{ID}provision/rome-statute/8-2-c-i"
    before = state(base)
    node = NamedNode(f"{crime}#precondition-not-directly-participating")
    if node not in base.snapshot().store.objects(NamedNode(f"{crime}#scope"), MZ.hasPrecondition):
        pytest.fail("the example needs this precondition")
    done = write(base, assessment("satisfied", "; mz:establishes <{node}>"))
    assert done.screened.incidents == 1
    assert precondition(base, "021", crime) == "passed"
    assert_as_built_anew(base)
    # a second person disagrees: what is contested is not established
    write(base, assessment("not-satisfied", name="two"))
    assert precondition(base, "021", crime) == "unknown"
    assert_as_built_anew(base)
    # the assessments turn out to be about another incident: the first is screened as it was before
    write(base, assessment("satisfied", "; mz:establishes <{node}>", about="023"))
    write(base, assessment("not-satisfied", about="023", name="two"))
    assert state(base)[0][f"<{CASE}021#record>"] == before[0][f"<{CASE}021#record>"]
    assert_as_built_anew(base)


def precondition(base: KnowledgeBase, number: str, provision: str) -> str:
    (found,) = base.screen(CASE + number, [provision])
    return found.tests[5].verdict.value


def test_screening_killed_in_the_middle_is_finished_by_the_next_run(
    demo_copy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    placed = projection._place
    calls = 0

    def dies(*arguments: object) -> set[str]:
        nonlocal calls
        calls += 1
        if calls == 2:
            raise KeyboardInterrupt
        return placed(*arguments)  # type: ignore[arg-type]

    with KnowledgeBase.open(demo_copy) as base, monkeypatch.context() as patched:
        patched.setattr(projection, "_place", dies)
        with pytest.raises(KeyboardInterrupt):
            write(base, resolution())
    with KnowledgeBase.open(demo_copy) as base:
        base.write([], {"label": "nothing"})
        assert tally(base) == {"applicable": 11, "not-applicable": 19}
        assert_as_built_anew(base)


def test_facts_leave_out_estimates_of_nobody_and_sides() -> None:
    s = "https://w3id.org/mizan/scheme/"
    text = f"""a mz:Incident . <{ID}incident/x/1#a> mz:victimCategory <{s}victim-category#civilian> ; mz:best 0 .
      <{ID}incident/x/1#b> mz:victimCategory <{s}victim-category#patient> ; mz:minimum 0 ; mz:maximum 2 .
      <{ID}incident/x/1#c> mz:allegedActor <{ID}actor/isil> ; mz:side "A" .
      <{ID}incident/x/1#d> mz:allegedActor <{ID}actor/russia> ; mz:confidence <{s}confidence#assessed-not-credible>"""
    facts = Reader(Law(())).read(document.turtle(f"{PREFIXES} <{ID}incident/x/1> {text} .", "facts"))
    assert facts.persons == {f"{s}victim-category#patient"}
    assert facts.actors == frozenset()
    assert from_text(to_text(facts)) == facts


def test_facts_without_a_date_leave_time_open(base: KnowledgeBase) -> None:
    dated = {SEM.hasEarliestBeginTimeStamp, SEM.hasLatestEndTimeStamp}
    triples = [t for t in base.snapshot().record(CASE + "021") if t.predicate not in dated]
    times = [s.tests[0] for s in base.screener().explain(triples)]
    assert {t.verdict.value for t in times if t.reason != "time-open"} == {"unknown"}
