"""Patterns: groups of incidents that are alike, with the query that made them and each claimant's own ranges."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from pyoxigraph import Literal, NamedNode

from kb.applicability.pattern import Count, Likeness, counts
from kb.knowledgebase import KnowledgeBase, table
from kb.ns import ID, MZ, RDF, SCHEME, SKOS
from kb.query import saved

CASE = f"{ID}incident/syria-2015-16/INC-"
HOSPITAL = f"{SCHEME}object-hit#hospital"
ALEPPO = f"{ID}place/SY02"
Mizan = Callable[..., tuple[int, str, str]]


def found(base: KnowledgeBase, **values: str) -> str:
    return " ".join(i.removeprefix(CASE) for i in base.alike(Likeness(**values)))


@pytest.mark.parametrize(
    ("values", "incidents"),
    [
        ({"object": HOSPITAL, "area": ALEPPO, "actor": f"{ID}actor/russia"}, "007 019 021 024 028"),
        ({"object": HOSPITAL, "area": ALEPPO, "actor": f"{ID}actor/russian-armed-forces"}, ""),
        ({"object": HOSPITAL, "actor": f"{ID}actor/isil"}, ""),
        ({"area": ALEPPO, "start": "2016-04-27T18:37:00Z", "end": "2016-06-09T00:00:00Z"}, "021 024"),
        ({"area": ALEPPO, "start": "2016-04-27T18:37:01Z", "end": "2016-06-09T00:00:00Z"}, "024"),
        ({"area": ALEPPO, "start": "2016-04-27T18:37:00Z", "end": "2016-04-27T18:37:59Z"}, ""),
        ({"area": ALEPPO, "start": "2016-04-27T18:37:00Z", "end": "2016-04-27T18:38:00Z"}, "021"),
    ],
)  # fmt: skip
def test_pattern_query_follows_its_parameters(values: dict[str, str], incidents: str, demo: KnowledgeBase) -> None:
    assert found(demo, **values) == incidents


def test_pattern_counts_narrower_objects_places_within_and_sub_organisations(demo: KnowledgeBase) -> None:
    hospitals = set(found(demo, object=HOSPITAL).split())
    assert hospitals and hospitals <= set(found(demo, object=f"{SCHEME}object-hit#medical-facility").split())
    assert set(found(demo, area=ALEPPO).split()) < set(found(demo, area=f"{ID}place/SY").split())
    forces = set(found(demo, actor=f"{ID}actor/russian-armed-forces").split())
    assert forces and forces < set(found(demo, actor=f"{ID}actor/russia").split())


def test_pattern_leaves_out_attributions_that_are_not_credible(demo: KnowledgeBase) -> None:
    assert "009" not in found(demo, actor=f"{ID}actor/russia").split()  # attributed there, and held not credible
    assert "012" not in found(demo, actor=f"{ID}actor/us-led-coalition").split()
    assert "012" in found(demo, actor=f"{ID}actor/syria").split()


def test_pattern_record_names_the_query_that_makes_it_again(demo_copy: Path) -> None:
    likeness = Likeness(HOSPITAL, ALEPPO, f"{ID}actor/russia", "2015-09-29T21:00:00Z", "2016-07-31T21:00:00Z")
    with KnowledgeBase.open(demo_copy) as base:
        number = base.snapshot().number
        members = base.alike(likeness)
        made, done = base.group(likeness, members, f"{ID}actor/mizan-curators")
        assert done.new == 1
        here = base.snapshot().store
        node = NamedNode(made.iri)
        assert {v.value for v in here.objects(node, MZ.groups)} == set(members)
        assert here.objects(node, MZ.madeFromSnapshot)[0].value == str(number)
        assert {v.language for v in here.objects(node, SKOS.prefLabel) if isinstance(v, Literal)} == {"en", "ar"}
        name, *values = here.objects(node, MZ.query)[0].value.split()
        again = table(base.ask(saved.load("browse", name).bind(dict(v.split("=", 1) for v in values))))
        assert [r["incident"].value for r in again] == members


def test_pattern_made_again_is_the_same_record(demo_copy: Path) -> None:
    likeness = Likeness(object=HOSPITAL, area=ALEPPO)
    with KnowledgeBase.open(demo_copy) as base:
        members = base.alike(likeness)
        first, _ = base.group(likeness, members, f"{ID}actor/mizan-curators")
        again, done = base.group(likeness, members, f"{ID}actor/mizan-curators")
        assert (done.same, done.new, done.changed) == (1, 0, 0)
        assert again == first
        fewer, done = base.group(likeness, members[1:], f"{ID}actor/mizan-curators")
        assert (done.changed, fewer.iri) == (1, first.iri)


def test_pattern_speaks_to_elements_as_an_indication_and_screens_nothing(demo_copy: Path) -> None:
    likeness = Likeness(object=HOSPITAL, area=ALEPPO)
    with KnowledgeBase.open(demo_copy) as base:
        before = {str(t) for t in base.snapshot().store.triples(MZ.hasProfile)}
        made, _ = base.group(likeness, base.alike(likeness), f"{ID}actor/mizan-curators")
        intent = base.elements("syria-2015-16/INC-021", "rome-statute/8-2-e-iv").elements[2]
        assert made.iri in {i.node for i in intent.indications}
        assert intent.assessments == ()
        other = base.elements("syria-2015-16/INC-001", "rome-statute/8-2-e-iv").elements[2]
        assert made.iri not in {i.node for i in other.indications}
        assert {str(t) for t in base.snapshot().store.triples(MZ.hasProfile)} == before


def test_pattern_counts_are_ranges_of_one_claimant_each(demo: KnowledgeBase) -> None:
    here = demo.snapshot().store
    killed = {(c.claimant.rpartition("/")[2], c.category.rpartition("#")[2]): c
              for c in counts(here, [f"{CASE}021", f"{CASE}024"]) if c.harm.endswith("#killed")}  # fmt: skip
    # 55 by MSF, 58 by Airwars and 27 by SOHR are three answers to one question: no sum of any two of them appears
    assert killed["msf", "person-unspecified"].minimum == killed["msf", "person-unspecified"].maximum == 55
    assert killed["sohr", "person-unspecified"].maximum == 27
    (of_021,) = [c for c in counts(here, [f"{CASE}021"]) if (c.claimant, c.harm) == (
        f"{ID}actor/airwars", f"{SCHEME}harm#killed")]  # fmt: skip
    assert (of_021.minimum, of_021.maximum, of_021.incidents) == (58, 58, 1)
    assert killed["airwars", "civilian"].incidents == 2
    assert killed["airwars", "civilian"].minimum >= 58


def test_pattern_counts_never_count_a_part_beside_its_whole(demo: KnowledgeBase) -> None:
    here = demo.snapshot().store
    everything = [n.value for n in here.subjects(RDF.type, MZ.Incident)]
    for count in counts(here, everything):
        whole = 0
        for node in here.subjects(MZ.claimant, NamedNode(count.claimant)):
            about = {v.value for v in here.objects(node, MZ.about)}
            if MZ.CasualtyEstimate in here.objects(node, RDF.type) and about & set(everything):
                same = (NamedNode(count.harm) in here.objects(node, MZ.harm)
                        and NamedNode(count.category) in here.objects(node, MZ.victimCategory))  # fmt: skip
                if same and not here.objects(node, MZ.subsetOf):
                    whole += int((here.objects(node, MZ.maximum) or here.objects(node, MZ.minimum))[0].value)
        assert count.minimum <= whole
        assert count.maximum is None or count.maximum <= whole


def test_pattern_an_estimate_without_an_upper_end_leaves_the_range_open(demo: KnowledgeBase) -> None:
    here = demo.snapshot().store
    (open_node,) = [n for n in here.subjects(RDF.type, MZ.CasualtyEstimate) if not here.objects(n, MZ.maximum)]
    (incident,) = here.objects(open_node, MZ.about)
    (claimant,) = here.objects(open_node, MZ.claimant)
    tops = [c.maximum for c in counts(here, [incident.value]) if c.claimant == claimant.value]
    assert None in tops


def test_pattern_is_the_same_when_rebuilt(demo_copy: Path) -> None:
    likeness = Likeness(object=HOSPITAL)
    with KnowledgeBase.open(demo_copy) as base:
        made, _ = base.group(likeness, base.alike(likeness), f"{ID}actor/mizan-curators")
        before = set(base.snapshot().record(made.iri))
        base.rebuild()
        assert set(base.snapshot().record(made.iri)) == before


def test_pattern_command_prints_ranges_and_what_a_pattern_is_not(mizan: Mizan, demo_copy: Path) -> None:
    arguments = ["pattern", "--object", "hospital", "--area", "SY02", "--actor", "russia", "--from", "2015-09-30",
                 "--until", "2016-07-31", "--home", str(demo_copy)]  # fmt: skip
    code, out, err = mizan(*arguments)
    assert (code, err) == (0, "")
    assert "from=2015-09-29T21:00:00Z until=2016-07-31T21:00:00Z" in out
    assert "Médecins Sans Frontières, Killed, Person, status unspecified: 55 to 55, in 1 of 5 incidents" in out
    assert "by itself it shows neither" in out
    told = json.loads(mizan(*arguments, "--json")[1])
    assert [i.removeprefix(CASE) for i in told["incidents"]] == ["007", "019", "021", "024", "028"]
    assert {c["claimant"].rpartition("/")[2] for c in told["counts"]} == {"airwars", "msf", "sohr"}
    assert set(told["counts"][0]) == set(Count.__slots__)


def test_pattern_an_incident_on_the_edge_of_the_time_is_left_out(demo: KnowledgeBase) -> None:
    """All of the time in which an incident may have happened must lie within: INC-023 spans 30 and 31 May 2016."""
    inside = {"object": HOSPITAL, "start": "2016-05-29T21:00:00Z"}
    assert "023" in found(demo, **inside, end="2016-05-31T21:00:00Z").split()
    assert "023" not in found(demo, **inside, end="2016-05-30T21:00:00Z").split()


@pytest.mark.parametrize(
    ("options", "code", "words"),
    [
        ([], 2, "Nothing says how the incidents are alike"),
        (["--object", "hospital", "--actor", "isil"], 1, "No incident is alike in this: a pattern groups at least two"),
        (["--area", "SY02", "--from", "2016-04-27", "--until", "2016-04-27"], 1, "1 incident is alike in this"),
        (["--object", "hospitl"], 2, "'hospitl' is not a kind of object. Use one of: "),
        (["--area", "SY99"], 2, "SY99 names no place"),
        (["--actor", "nobody"], 2, "nobody names no actor"),
        (["--object", "hospital", "--by", "jane-doe"], 2, "jane-doe names no actor"),
        (["--object", "hospital", "--by", f"{ID}place/SY02"], 1, "was not written"),
        (["--from", "2016-02-30"], 2, "'2016-02-30' is not a time"),
        (["--from", "2016-02-01T25:00:00Z"], 2, "is not a time"),
        (["--until", "next week"], 2, "is not a time"),
        (["--from", "2016-02-01T10:00:00"], 2, "it has no zone"),
        (["--from", "2016-04-30", "--until", "2016-04-01"], 1, "No incident is alike in this"),
        (["--area", "SY 02"], 2, "is no name"),
    ],
)
def test_pattern_command_refuses_in_one_line(
    options: list[str], code: int, words: str, mizan: Mizan, demo_home: Path
) -> None:
    got, out, err = mizan("pattern", *options, "--home", str(demo_home))
    assert (got, out) == (code, "")
    assert words in err and err.count("\n") == 1 and err.startswith("mizan: ")
