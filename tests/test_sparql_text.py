"""Text search and geometry inside SPARQL: the search index answers `mz:matches`, the engine GeoSPARQL's functions."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import pytest

from kb.errors import AnswerTooLarge, QueryInvalid
from kb.knowledgebase import KnowledgeBase, table
from kb.ns import MZ_BASE
from kb.query import fulltext, policy
from kb.query.fulltext import expand
from web.app import create_app

ROOT = Path(__file__).resolve().parents[1]
MZ = f"PREFIX mz: <{MZ_BASE}> "
INCIDENT = "https://w3id.org/mizan/id/incident/syria-2015-16/"
PREFIXES = MZ + """PREFIX geo: <http://www.opengis.net/ont/geosparql#>
PREFIX geof: <http://www.opengis.net/def/function/geosparql/> PREFIX uom: <http://www.opengis.net/def/uom/OGC/1.0/> """


def subjects(base: KnowledgeBase, query: str, name: str = "i") -> list[str]:
    return [row[name].value for row in table(base.ask(MZ + query))]


@pytest.mark.parametrize("words", ["مستشفى", "hospital", "مُسْتَشْفَى القُدْس", "al-Quds hospital", "INC-021"])
def test_text_finds_what_the_search_finds(demo: KnowledgeBase, words: str) -> None:
    found = demo.snapshot().index.find(words, kinds=["incident"], limit=1000)
    assert found.items
    got = subjects(demo, f'SELECT ?i {{ ?i mz:matches "{words}" ; a mz:Incident }}')
    assert set(got) == {hit.iri for hit in found.items} and len(got) == len(set(got))


WRITTEN = {
    "alone": '?i mz:matches "hospital" .',
    "first of a list": '?i mz:matches "hospital" ; a mz:Incident .',
    "last of a list": '?i a mz:Incident ; mz:matches "hospital"',
    "behind a filter": '?i a ?t FILTER(1.5 < 2 && (?t != mz:Place)) ?i a mz:Incident ; mz:matches "hospital" ; a ?u .',
    "behind a number": '?x mz:minimum 1.5 . ?i a mz:Incident ; mz:matches "hospital"',
    "in single quotes": "?i a mz:Incident ; mz:matches 'hospital'",
    "in long quotes": '?i mz:matches """hospital"""',
    "by its whole name": f'?i <{MZ_BASE}matches> "hospital"',
    "with brackets": '?i mz:matches ( "hospital" )',
    "with a score": '?i mz:matches ("hospital" ?score)',
    "with a comment": '?i # mz:matches "nothing"\n mz:matches # "x"\n "hospital" # }',
    "with an escape": '?i mz:matches "\\u0068ospital\\n"',
    "in optional": '?i a mz:Incident OPTIONAL { ?j mz:matches "hospital" } FILTER(?i = ?j)',
    "in exists": '?i a mz:Incident FILTER EXISTS { ?i mz:matches "hospital" }',
    "in a subquery": '{ SELECT ?i { ?i mz:matches "hospital" } }',
    "twice": '?i mz:matches "hospital" ; mz:matches "Aleppo"',
}


@pytest.mark.parametrize("written", WRITTEN.values(), ids=WRITTEN)
def test_text_pattern_may_stand_wherever_a_pattern_may(demo: KnowledgeBase, written: str) -> None:
    index = demo.snapshot().index
    hospital = {hit.iri for hit in index.find("hospital", kinds=["incident"], limit=1000).items}
    wanted = hospital & {hit.iri for hit in index.find("Aleppo", limit=1000).items} if "Aleppo" in written else hospital
    query = f"SELECT DISTINCT ?i {{ {{ {written}\n }} FILTER EXISTS {{ ?i a mz:Incident }} }}"
    if "minimum" in written:
        query = query.replace("?x mz:minimum 1.5 .", "OPTIONAL { ?x mz:minimum 1.5 }")
    assert wanted and set(subjects(demo, query)) == wanted


def test_text_scores_order_and_bound_the_matches(demo: KnowledgeBase) -> None:
    query = "SELECT ?i ?score { ?i mz:matches ('hospital Aleppo' ?score 3) } ORDER BY DESC(?score)"
    rows = table(demo.ask(MZ + query))
    number, best = demo.snapshot().index.scored("hospital Aleppo", 3)
    assert number > 3 == len(rows)
    assert {row["i"].value for row in rows} == {iri for iri, _ in best}
    scores = [float(row["score"].value) for row in rows]
    assert scores == sorted(scores, reverse=True) and scores[-1] > 0
    assert len(table(demo.ask(MZ + "SELECT * { ?i mz:matches ('hospital' 2) }"))) == 2


def test_text_without_a_match_gives_no_rows(demo: KnowledgeBase) -> None:
    assert subjects(demo, "SELECT ?i { ?i mz:matches 'nosuchwordanywhere' }") == []
    assert demo.ask(MZ + "ASK { ?i mz:matches 'nosuchwordanywhere' }", "csv").body == b"false"


def test_text_adds_no_column_of_its_own(demo: KnowledgeBase) -> None:
    assert demo.ask(MZ + "SELECT * { ?i mz:matches ('INC-021' ?s) }", "csv").body.splitlines()[0] in (b"i,s", b"s,i")


@pytest.mark.parametrize(
    ("pattern", "why"),
    [
        ("?i mz:matches ?text", "it takes a text"), ("?i mz:matches <urn:a>", "it takes a text"),
        ("?i mz:matches ('a' ?s 0)", "whole number"), ("?i mz:matches ('a' ?s ?t)", "whole number"),
        ("?i mz:matches ('a' ?s -1)", "whole number"), ("?i mz:matches ()", "it takes a text"),
        ("?i mz:matches 'hospital'@en", "no language"), ("?i mz:matches '...'", "no word"),
        ("<urn:a> mz:matches 'x'", "about a variable"), ("[] a mz:Incident ; mz:matches 'x'", "about a variable"),
    ],
)  # fmt: skip
def test_text_pattern_that_does_not_fit_is_told_with_its_place(demo: KnowledgeBase, pattern: str, why: str) -> None:
    query = f"{MZ}\nSELECT * {{\n  {pattern} }}"
    with pytest.raises(QueryInvalid, match=why) as caught:
        demo.ask(query)
    assert caught.value.line == 3 and caught.value.column > 2 and "mz:matches" in caught.value.hint


def test_text_that_matches_too_much_is_refused_unless_the_best_are_asked_for() -> None:
    def find(text: str, limit: int) -> tuple[int, Sequence[tuple[str, float]]]:
        return 50_000, [(f"urn:r{n}", 1.0) for n in range(limit)]

    with pytest.raises(AnswerTooLarge, match="50,000 records match 'war'.*Add a word"):
        expand(MZ + "SELECT * { ?i mz:matches 'war' }", find)
    assert expand(MZ + "SELECT * { ?i mz:matches ('war' 7) }", find).count("<urn:r") == 7
    assert expand(MZ + "SELECT * { ?i mz:matches ('war' 99999) }", find).count("<urn:r") == fulltext.MOST


def test_syntax_error_beside_a_text_pattern_keeps_its_place(demo: KnowledgeBase) -> None:
    client = create_app(demo).test_client()
    query = f"{MZ}\nSELECT * {{ ?i mz:matches 'hospital' }} ORDER BY"
    problem = client.get("/sparql", query_string={"query": query}).get_json(force=True)
    plain = query.replace("mz:matches", "mz:nothing")
    expected = client.get("/sparql", query_string={"query": plain}).get_json(force=True)
    assert (problem["status"], problem["line"], problem["column"]) == (400, 2, expected["column"])
    assert "VALUES" not in problem["excerpt"]


@pytest.mark.parametrize("query", ["SELECT ('mz:matches' AS ?x) {}", "# mz:matches\nASK {}", "ASK { ?s ?p 'matches' }"])
def test_query_that_only_mentions_it_stays_as_it_is(query: str) -> None:
    assert expand(MZ + query, lambda text, limit: (0, [])) == MZ + query


GEO = {
    "within 5 km of a point": """SELECT ?i ?km { ?i a mz:Incident ; mz:place/geo:hasGeometry/geo:asWKT ?at
        BIND(geof:distance(?at, "POINT(37.16 36.2)"^^geo:wktLiteral, uom:metre) / 1000 AS ?km) FILTER(?km < 5) }""",
    "inside an area": """SELECT ?i { ?i a mz:Incident ; mz:place/geo:hasGeometry/geo:asWKT ?at
        FILTER(geof:sfWithin(?at, "POLYGON((36 35.5, 38 35.5, 38 37, 36 37, 36 35.5))"^^geo:wktLiteral)) }""",
}


@pytest.mark.parametrize("name", GEO)
def test_geometry_functions_choose_by_place(demo: KnowledgeBase, name: str) -> None:
    every = table(demo.ask(PREFIXES + "SELECT ?i ?at { ?i a mz:Incident ; mz:place/geo:hasGeometry/geo:asWKT ?at }"))
    rows = table(demo.ask(PREFIXES + GEO[name]))
    assert 0 < len(rows) < len(every)
    assert all(0 <= float(row["km"].value) < 5 for row in rows if "km" in row)


@pytest.mark.parametrize("code", ["en", "ar"])
def test_guide_shows_queries_that_find_something(demo: KnowledgeBase, code: str) -> None:
    guide = (ROOT / "web" / "help" / f"sparql.{code}.md").read_text(encoding="utf-8")
    shown = re.findall(r"```sparql\n(.*?)```", guide, re.DOTALL)
    assert len(shown) == 2
    for query in shown:
        assert demo.ask(query).rows > 0


@pytest.mark.parametrize("code", ["en", "ar"])
def test_guide_shows_the_policy_as_it_is_without_a_file(code: str, tmp_path: Path) -> None:
    guide = (ROOT / "web" / "help" / f"sparql.{code}.md").read_text(encoding="utf-8")
    (shown,) = re.findall(r"```toml\n(.*?)```", guide, re.DOTALL)
    (tmp_path / "service.toml").write_text(shown)
    assert policy.read(tmp_path / "service.toml") == policy.Policy()
