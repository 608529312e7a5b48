"""Columns answer as the store does, or not at all: the store is the oracle for every question and every corner."""

from __future__ import annotations

import fcntl
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from pyoxigraph import Literal, NamedNode, Quad, QueryResultsFormat, RdfFormat, Store

from kb.cli import main
from kb.columns import build
from kb.columns.answer import Columns
from kb.columns.asking import KEPT, Columnar
from kb.columns.build import FILE, ColumnsFailed
from kb.columns.relation import NotCompiled
from kb.columns.wanted import Wanted, about_dataset
from kb.errors import AnswerTooLarge, QueryTimeout
from kb.knowledgebase import KnowledgeBase
from kb.query import saved
from kb.query.policy import Policy
from kb.store.base import Answer, Limits
from tests.conftest import once_a_run

Run = Callable[..., tuple[int, str, str]]
MEMORY = 512 * 2**20
DATASETS = ["dataset/syria-2015-16", *(f"dataset/synthetic-{name}" for name in ("ucdp-ged", "airwars", "incidents"))]
QUESTIONS = [question.name for question in saved.every("report") if about_dataset(question)]
WIDE = Limits(seconds=60, rows=10**6, bytes=2**30)
every_question = pytest.mark.parametrize("name", QUESTIONS)

HEAD = "PREFIX e: <http://e/> PREFIX xsd: <http://www.w3.org/2001/XMLSchema#> "
HOSTILE = [
    '"); DROP TABLE terms; --', "'; SELECT 1", "a\\b", "\\", "\\n", 'say "no"', "line\nline\r", "tab\there", "\x01\x7f",
    "", " ", "?x\t?y", "$1 {0} %s", "\u2028", "مستشفى", "\U0001f600", '"@en', '"^^<http://e/t>',
]  # fmt: skip
DATA = """
@prefix e: <http://e/> . @prefix xsd: <http://www.w3.org/2001/XMLSchema#> .
e:a e:knows e:b, e:c ; e:name "Anna"@en, "آنا"@ar, "Anna" ; e:age 30 ; e:at "2016-01-01T00:00:00+03:00"^^xsd:dateTime .
e:b e:knows e:c ; e:name "Ben"@en ; e:age 30.0 ; e:at "2015-12-31T21:00:00Z"^^xsd:dateTime ; e:note "x" .
e:c e:knows e:a ; e:age 7 ; e:at "2016-01-01T00:00:01Z"^^xsd:dateTime ; e:note "x", "y" ; e:mixed 3 .
e:d e:name "Dan"@en ; e:mixed "3" , "three"@en, e:a ; e:part e:a ; e:odd "2016-01-01"^^xsd:date .
e:z e:part e:d ; e:odd "b"^^e:t, "a"^^e:t .
"""
SAME = [
    "SELECT ?x ?y { ?x e:knows ?y } ORDER BY ?x ?y",
    "SELECT ?x ?n { ?x e:knows ?y OPTIONAL { ?x e:note ?n } } ORDER BY ?x ?n",
    "SELECT DISTINCT ?n { ?x e:knows ?y OPTIONAL { ?x e:note ?n } } ORDER BY ?x ?n",
    "SELECT ?x ?n { ?x e:age ?a OPTIONAL { ?x e:name ?n FILTER(LANG(?n) = 'ar') } } ORDER BY ?x",
    "SELECT ?x ?n { ?x e:age ?a OPTIONAL { ?x e:name ?n FILTER(LANG(?n) = 'fr') } } ORDER BY ?x",
    "SELECT ?x (COUNT(?n) AS ?c) { ?x e:name ?n FILTER(LANG(?n) != 'en') } GROUP BY ?x ORDER BY ?x",
    "SELECT ?x { ?x e:age ?a FILTER(?a >= 30) } ORDER BY ?x",
    "SELECT ?x { ?x e:age ?a FILTER(?a > 8) } ORDER BY ?x",
    "SELECT ?x ?y { ?x e:age ?a . ?y e:age ?b FILTER(?a = ?b) } ORDER BY ?x ?y",
    "SELECT ?x ?y { ?x e:age ?a . ?y e:age ?a } ORDER BY ?x ?y",
    "SELECT ?x ?y { ?x e:at ?a . ?y e:at ?b FILTER(?a <= ?b) } ORDER BY ?x ?y",
    "SELECT ?x { ?x e:at ?a FILTER(?a >= '2015-12-31T21:00:00Z'^^xsd:dateTime) } ORDER BY ?x",
    "SELECT ?x { ?x e:at ?a FILTER(?a > '2016-01-01T01:00:00+04:00'^^xsd:dateTime) } ORDER BY ?x",
    "SELECT ?x { ?x e:at ?a FILTER(?a < '2016-01-01T00:00:00.5Z'^^xsd:dateTime) } ORDER BY ?x",
    "SELECT ?x { ?x e:knows ?y OPTIONAL { ?x e:note ?n } FILTER(?n != 'y') } ORDER BY ?x ?y",
    "SELECT ?x { ?x e:knows ?y OPTIONAL { ?x e:note ?n } FILTER(!BOUND(?n) || ?n = 'y') } ORDER BY ?x ?y",
    "SELECT ?x { ?x e:knows ?y OPTIONAL { ?x e:note ?n } FILTER(?n = 'y' || ?x = e:a) } ORDER BY ?x ?y",
    "SELECT ?x { ?x e:knows ?y FILTER(?nowhere = ?y) }",
    "SELECT ?x ?nowhere { ?x e:knows ?y } ORDER BY ?nowhere ?x ?y",
    "SELECT ?x { { ?x e:knows ?y FILTER(?z = ?y) } ?z e:age 7 } ORDER BY ?x",
    "SELECT ?x ?n ?m { ?x e:age ?a OPTIONAL { ?x e:knows ?y OPTIONAL { ?y e:note ?n } } OPTIONAL { ?x e:note ?m } } "
    "ORDER BY ?x ?n ?m",
    "SELECT ?x ?n { ?x e:age ?a OPTIONAL { ?x e:note ?n } OPTIONAL { ?y e:note ?n } } ORDER BY ?x ?n",
    "SELECT ?x ?n ?y { ?x e:age ?a OPTIONAL { ?x e:note ?n } OPTIONAL { ?y e:note ?n . ?y e:age 7 } } "
    "ORDER BY ?x ?n ?y",
    "SELECT ?x ?n ?m { ?x e:age ?a OPTIONAL { ?x e:note ?n } { ?x e:age ?b } UNION { ?x e:note ?n } } ORDER BY ?x ?n",
    "SELECT ?x ?n { ?x e:age ?a OPTIONAL { ?x e:note ?n FILTER EXISTS { ?x e:knows e:a } } } ORDER BY ?x ?n",
    "SELECT ?x ?y ?n { ?x e:knows ?y OPTIONAL { ?y e:note ?n FILTER EXISTS { ?z e:knows ?x } } } ORDER BY ?x ?y ?n",
    "SELECT ?x { ?x e:age ?a FILTER NOT EXISTS { ?x e:note ?n FILTER(?n != 'x') } } ORDER BY ?x",
    "SELECT ?x ?y { ?x e:knows ?y FILTER EXISTS { ?z e:knows ?w FILTER(?w != ?y) FILTER EXISTS { ?z e:age ?a } } } "
    "ORDER BY ?x ?y",
    "SELECT ?x { ?x e:age ?a OPTIONAL { ?x e:note ?n } FILTER EXISTS { ?other e:note ?n } } ORDER BY ?x ?n",
    "SELECT ?x ?y { ?x e:age ?a . ?x e:knows* ?y } ORDER BY ?x ?y",
    "SELECT ?x ?y { ?x e:age ?a . ?y e:knows* ?x } ORDER BY ?x ?y",
    "SELECT ?x ?y { ?x e:age ?a . ?x e:part* ?y } ORDER BY ?x ?y",
    "SELECT ?x ?y { ?x e:age ?a OPTIONAL { ?y e:part* ?x } } ORDER BY ?x ?y",
    "SELECT ?x ?y { ?x e:knows+ ?y } ORDER BY ?x ?y",
    "SELECT ?x ?y { ?x e:age ?a OPTIONAL { { ?x e:knows ?w FILTER EXISTS { ?w e:note ?n FILTER(?n = 'y') } } "
    "{ ?y e:part* ?x } } } ORDER BY ?x ?y",
    "SELECT ?y { e:d e:part? ?y } ORDER BY ?y",
    "SELECT ?x { ?x e:part+ e:a } ORDER BY ?x",
    "SELECT ?x ?y (COUNT(?n) AS ?c) { ?x e:name ?n . ?y e:age ?a . ?x e:part* ?y } GROUP BY ?x ?y ORDER BY ?x ?y",
    "SELECT ?x ?y { ?x e:knows|e:part ?y } ORDER BY ?x ?y",
    "SELECT ?x ?n { ?x e:part* ?y . ?y e:name ?n FILTER(LANG(?n) = 'ar') } ORDER BY ?x",
    "SELECT ?n (COUNT(?x) AS ?c) (COUNT(DISTINCT ?x) AS ?d) { ?x e:knows ?y OPTIONAL { ?x e:note ?n } } GROUP BY ?n "
    "ORDER BY ?n",
    "SELECT (COUNT(?x) AS ?c) { ?x e:knows ?x }",
    "SELECT (COUNT(*) AS ?c) { ?x e:knows ?x }",
    "SELECT ?x (COUNT(*) AS ?c) { ?x e:knows ?x } GROUP BY ?x",
    "SELECT (COUNT(DISTINCT ?a) AS ?c) { ?x e:age ?a }",
    "SELECT ?x (SUM(?one) AS ?s) { ?x e:knows ?y OPTIONAL { ?x e:note ?n } BIND(IF(?n = 'x', 1, 0) AS ?one) } "
    "GROUP BY ?x ORDER BY ?x",
    "SELECT (SUM(?one) AS ?s) { ?x e:nothing ?y BIND(1 + 1 AS ?one) }",
    "SELECT ?x (IF(MAX(?one) = 1, 1, 0) AS ?m) { ?x e:knows ?y BIND(IF(?y = e:c, 1, 0) AS ?one) } GROUP BY ?x "
    "ORDER BY ?x",
    "SELECT ?x ?c { ?x e:age ?a { SELECT ?x (COUNT(?y) AS ?c) { ?x e:knows ?y } GROUP BY ?x } FILTER(?c > 1) } "
    "ORDER BY ?x",
    "SELECT ?x ?d { ?x e:at ?a BIND(SUBSTR(STR(?a), 1, 10) AS ?d) } ORDER BY ?d ?x",
    "SELECT ?d (COUNT(?x) AS ?c) { ?x e:at ?a BIND(SUBSTR(STR(?a), 1, 7) AS ?d) } GROUP BY ?d ORDER BY DESC(?d)",
    "SELECT ?x { ?x e:note ?n FILTER(CONTAINS(?n, 'y')) } ORDER BY ?x",
    "SELECT ?x ?y { ?x e:knows ?y FILTER(STR(?x) < STR(?y)) } ORDER BY DESC(?x) ?y",
    "SELECT ?x { ?x e:knows ?y FILTER(?y IN (e:a, e:b, e:unheard)) } ORDER BY ?x",
    "SELECT ?x { ?x e:knows ?y FILTER(?y NOT IN (e:a)) } ORDER BY ?x ?y",
    "SELECT ?x ?n { ?x e:knows ?y OPTIONAL { ?x e:note ?n } BIND(COALESCE(?n, 'none') AS ?m) FILTER(?m = 'none') } "
    "ORDER BY ?x ?y",
    "SELECT ?v ?x { VALUES ?v { e:a e:unheard UNDEF } ?x e:knows ?v } ORDER BY ?v ?x",
    "SELECT ?v { VALUES ?v { 'new' 'old' 'x' } } ORDER BY ?v",
    "SELECT ?x ?y { VALUES (?x ?y) { (e:a e:b) (UNDEF e:c) } ?x e:knows ?y } ORDER BY ?x ?y",
    "SELECT ?X ?x { ?X e:knows ?x } ORDER BY ?X ?x",
    "SELECT ?t { ?x e:odd ?t FILTER(?x = e:z) } ORDER BY ?x",
    "SELECT ?x { ?x e:knows ?y } ORDER BY DESC(?x) ?y LIMIT 2 OFFSET 1",
    "SELECT ?x ?w { ?x e:hostile ?w } ORDER BY ?x",
]  # fmt: skip
REFUSED = [
    "SELECT ?x { ?x e:mixed ?m FILTER(?m > 2) }",
    "SELECT ?x { ?x e:mixed ?m FILTER(?m = 3) }",
    "SELECT ?x { ?x e:odd ?m FILTER(?m > '2015-01-01'^^xsd:date) }",
    "SELECT ?x { ?x e:mixed ?m } ORDER BY ?m",
    "SELECT ?x { ?x e:name ?m } ORDER BY ?m",
    "SELECT (SUM(?a) AS ?s) { ?x e:age ?a }",
    "SELECT ?x { ?x e:unknown ?y }",
    "SELECT ?x ?y { ?x e:knows* ?y }",
    "SELECT ?x { ?x e:knows/e:knows ?y }",
    "SELECT ?x { ?x ?p ?y }",
    "SELECT ?x { ?x e:knows ?y MINUS { ?x e:note ?n } }",
    "SELECT ?x { ?x e:name ?n FILTER(REGEX(?n, 'A')) }",
    "SELECT ?x { GRAPH ?g { ?x e:knows ?y } }",
    "SELECT ?x { ?x e:hostile ?w FILTER(CONTAINS(?w, 'x')) }",
    "SELECT ?n { ?x e:name ?n FILTER(LANG(?n) = LANG(?n)) }",
    "ASK { ?x e:knows ?y }",
]


def store_of(folder: Path, quads: list[Quad] | None = None) -> Store:
    """A store on the disk with the data of these tests."""
    store = Store(str(folder))
    store.load(input=DATA.encode(), format=RdfFormat.TURTLE)
    hostile = NamedNode("http://e/hostile")
    for number, text in enumerate(HOSTILE):
        literal = Literal(text, language="und") if "\x01" in text else Literal(text)
        store.add(Quad(NamedNode(f"http://e/h{number:02}"), hostile, literal))
    store.extend(quads or [])
    store.flush()
    return store


def wants() -> Wanted:
    names = ("knows", "name", "age", "at", "note", "mixed", "part", "odd", "hostile", "nothing")
    return Wanted({f"http://e/{name}" for name in names}, {("http://e/knows",), ("http://e/part",)})


@pytest.fixture(scope="module")
def corners(tmp_path_factory: pytest.TempPathFactory) -> tuple[Store, Columns]:
    folder = tmp_path_factory.mktemp("corners")
    store = store_of(folder / "store")
    build.build(folder / "store", folder / FILE, wants=wants())
    return store, Columns(folder / FILE, MEMORY)


def told(store: Store, query: str) -> bytes | None:
    return store.query(query).serialize(format=QueryResultsFormat.TSV)  # type: ignore[arg-type]


@pytest.mark.parametrize("query", SAME)
def test_columns_answer_what_the_store_answers(query: str, corners: tuple[Store, Columns]) -> None:
    store, columns = corners
    found = columns.ask(HEAD + query, "tsv", WIDE)
    assert found.body == told(store, HEAD + query)
    assert found.rows == found.body.count(b"\n") - 1


@pytest.mark.parametrize("query", REFUSED)
def test_columns_refuse_what_they_might_answer_otherwise(query: str, corners: tuple[Store, Columns]) -> None:
    with pytest.raises(NotCompiled):
        corners[1].ask(HEAD + query, "tsv", WIDE)


@pytest.mark.parametrize("text", HOSTILE)
def test_columns_take_hostile_texts_for_what_they_are(text: str, corners: tuple[Store, Columns]) -> None:
    store, columns = corners
    query = f"SELECT ?x ?w {{ VALUES ?w {{ {Literal(text)} }} ?x <http://e/hostile> ?w }}"
    if "\x01" in text:
        with pytest.raises(NotCompiled):
            columns.ask(query, "tsv", WIDE)
    else:
        assert columns.ask(query, "json", WIDE).rows == 1
        assert columns.ask(query, "tsv", WIDE).body == told(store, query)


@pytest.mark.parametrize("name", ["json", "xml", "csv", "tsv"])
def test_columns_write_every_format_as_the_store_does(name: str, corners: tuple[Store, Columns]) -> None:
    store, columns = corners
    query = HEAD + "SELECT ?x ?w ?n { ?x e:hostile ?w OPTIONAL { ?x e:note ?n } } ORDER BY ?x"
    kind = {"json": QueryResultsFormat.JSON, "xml": QueryResultsFormat.XML, "csv": QueryResultsFormat.CSV}
    expected = store.query(query).serialize(format=kind.get(name, QueryResultsFormat.TSV))  # type: ignore[arg-type]
    assert columns.ask(query, name, WIDE).body == expected


@pytest.fixture(scope="module")
def mixed_home(tmp_path_factory: pytest.TempPathFactory, demo_home: Path) -> Path:
    """The demonstration with synthetic incidents beside its own, and columns in its snapshot."""

    def make(home: Path) -> None:
        shutil.copytree(demo_home, home)
        out = home.parent / "synthetic"
        assert main(["generate", "60", "--out", str(out), "--seed", "3"]) == 0
        with KnowledgeBase.open(home) as base:
            base.import_rdf(out / "synthetic-actors.ttl")
        for layout in ("ucdp-ged", "airwars", "incidents"):
            plan, table = out / f"synthetic-{layout}.toml", out / f"synthetic-{layout}.csv"
            assert main(["import", str(plan), str(table), "--home", str(home)]) == 0
        assert main(["columns", "--home", str(home)]) == 0

    return once_a_run("columns", tmp_path_factory, make)


@pytest.fixture(scope="module")
def mixed(mixed_home: Path) -> Iterator[KnowledgeBase]:
    with KnowledgeBase.open(mixed_home) as base:
        yield base


@pytest.fixture(scope="module")
def mixed_columns(mixed: KnowledgeBase) -> Columns:
    return Columns(mixed.snapshot().folder / FILE, MEMORY)


@every_question
def test_columns_answer_every_question_as_the_store(name: str, mixed: KnowledgeBase, mixed_columns: Columns) -> None:
    question, rows = saved.load("report", name), 0
    slot = about_dataset(question)
    for dataset, language in zip(DATASETS, ("en", "ar", "en", "ar"), strict=True):
        values = {slot: dataset} | ({"language": language} if "language" in question.parameters else {})
        text = question.bind(values)
        found = mixed_columns.ask(text, "tsv", WIDE)
        assert found == mixed.ask(text, "tsv", WIDE)
        rows += found.rows
    assert rows


def ask(base: KnowledgeBase, limits: Limits = WIDE, store: Callable[[], Answer] | None = None, many: int = 0) -> Answer:
    """One question through the process for columns, whatever the size of its dataset."""

    def never() -> Answer:
        raise AssertionError("the store was asked")

    here, question = base.snapshot(), saved.load("report", "incidents_in_place_and_period")
    columnar = Columnar(limits, Policy(), many)
    shutil.rmtree(here.folder / KEPT, ignore_errors=True)  # of another test
    try:
        return columnar.ask(
            here.folder, here.index, question, {}, question.bind({}), "json", limits, None, store or never
        )
    finally:
        columnar.close()


def test_columns_answer_in_a_process_of_their_own(mixed: KnowledgeBase) -> None:
    assert ask(mixed) == mixed.ask(saved.load("report", "incidents_in_place_and_period").bind({}))


def test_columns_are_left_alone_for_small_datasets(mixed: KnowledgeBase) -> None:
    kept = Answer("", b"", 7)
    assert ask(mixed, store=lambda: kept, many=31) is kept


@pytest.mark.parametrize("limits", [Limits(seconds=60, rows=3), Limits(seconds=60, bytes=100)])
def test_columns_refuse_an_answer_past_its_cap_as_the_store_does(limits: Limits, mixed: KnowledgeBase) -> None:
    with pytest.raises(AnswerTooLarge) as columns:
        ask(mixed, limits)
    with pytest.raises(AnswerTooLarge) as store:
        mixed.ask(saved.load("report", "incidents_in_place_and_period").bind({}), "json", limits)
    assert str(columns.value) == str(store.value)


def test_columns_that_need_too_much_memory_leave_the_answer_to_the_store(mixed: KnowledgeBase) -> None:
    kept = Answer("", b"", 7)
    assert ask(mixed, Limits(seconds=60, memory=2**21), store=lambda: kept) is kept


def test_columns_that_take_too_long_are_stopped(mixed: KnowledgeBase) -> None:
    start = time.monotonic()
    with pytest.raises(QueryTimeout):
        ask(mixed, Limits(seconds=0.001))
    assert time.monotonic() - start < 30


def test_columns_are_named_to_who_waits_in_vain(demo: KnowledgeBase) -> None:
    def slow() -> Answer:
        raise QueryTimeout("too long", "", "Narrow it.")

    with pytest.raises(QueryTimeout, match="Narrow it. .*mizan columns"):
        ask(demo, store=slow)


@pytest.mark.parametrize("harm", ["cut", "other", "spoilt"])
def test_columns_that_are_damaged_leave_the_answer_to_the_store(harm: str, mixed_home: Path, tmp_path: Path) -> None:
    shutil.copytree(mixed_home, tmp_path / "home")
    kept = Answer("", b"", 7)
    with KnowledgeBase.open(tmp_path / "home") as base:
        path = base.snapshot().folder / FILE
        whole = path.read_bytes()
        path.write_bytes(
            {
                "cut": whole[: len(whole) // 2],
                "other": b"x" * 5000,
                "spoilt": whole[:9000] + b"x" * 9000 + whole[18000:],
            }[harm]
        )
        assert ask(base, store=lambda: kept) is kept


def test_columns_of_a_killed_build_are_made_anew(tmp_path: Path) -> None:
    store_of(tmp_path / "store")
    work = tmp_path / f".{FILE}.work"
    work.mkdir()
    (work / FILE).write_bytes(b"half")
    assert not (tmp_path / FILE).exists()
    build.build(tmp_path / "store", tmp_path / FILE, wants=wants())
    assert sorted(p.name for p in tmp_path.iterdir()) == [FILE, f"{FILE}.bytes", "store"]
    assert Columns(tmp_path / FILE, MEMORY).ask(HEAD + SAME[0], "tsv", WIDE).rows


def test_columns_with_two_terms_of_one_hash_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store_of(tmp_path / "store")
    monkeypatch.setattr(build, "HASH", "hash({0}) % 16")
    with pytest.raises(ColumnsFailed, match="Two terms have one hash"):
        build.build(tmp_path / "store", tmp_path / FILE, wants=wants())
    assert [p.name for p in tmp_path.iterdir()] == ["store"]


def test_columns_are_made_by_one_process_at_a_time(tmp_path: Path) -> None:
    with (tmp_path / f".{FILE}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(ColumnsFailed, match="Another process"):
            build.make(tmp_path / "store", tmp_path / FILE)


def test_columns_command_says_what_it_made(demo_copy: Path, mizan: Run) -> None:
    code, out, _ = mizan("columns", "--home", str(demo_copy), "--json")
    assert code == 0
    assert '"snapshot": ' in out and '"bytes": ' in out
