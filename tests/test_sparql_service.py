"""The SPARQL service beyond the protocol: short names, gzip, its description of itself, limits, headers, figures."""

from __future__ import annotations

import gzip
import json
import logging
import time
import zlib
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pyoxigraph
import pytest
from flask.testing import FlaskClient
from pyoxigraph import RdfFormat

from kb.errors import BadFile
from kb.knowledgebase import KnowledgeBase
from kb.ns import PREFIXES
from kb.query import policy, saved
from kb.query.guard import namespaces
from kb.query.near import nearest
from kb.store.base import Limits, count_rows
from kb.store.local import LocalStore
from web.app import create_app

TRIPLES = "SELECT ?s ?p ?o { ?s ?p ?o } LIMIT 2000"
SELECT = "SELECT ?s { ?s a <https://w3id.org/mizan/ontology#Incident> } ORDER BY ?s LIMIT 3"
CONSTRUCT = "CONSTRUCT { ?s a ?t } WHERE { ?s a ?t } ORDER BY ?s LIMIT 5"
VOID = "http://rdfs.org/ns/void#"
BROWSER = {"Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}


@pytest.fixture(scope="module")
def client(demo: KnowledgeBase) -> FlaskClient:
    return create_app(demo).test_client()


@pytest.mark.parametrize(
    ("query", "name", "media_type"),
    [
        (SELECT, "srj", "application/sparql-results+json"), (SELECT, "JSON", "application/sparql-results+json"),
        (SELECT, "srx", "application/sparql-results+xml"), (SELECT, "text/csv", "text/csv"),
        (SELECT, "application/sparql-results+json", "application/sparql-results+json"),
        (SELECT, "application/json", "application/sparql-results+json"),
        (CONSTRUCT, "ttl", "text/turtle"), (CONSTRUCT, "nt", "application/n-triples"),
        (CONSTRUCT, "json-ld", "application/ld+json"), (CONSTRUCT, "json", "application/ld+json"),
        (CONSTRUCT, "rdf", "application/rdf+xml"), (CONSTRUCT, "xml", "application/rdf+xml"),
        (CONSTRUCT, "trig", "application/trig"), (CONSTRUCT, "text/html", "text/html"),
    ],
)  # fmt: skip
def test_format_has_short_names(client: FlaskClient, query: str, name: str, media_type: str) -> None:
    for sent in {name, quote(name)}:
        answer = client.get(f"/sparql?query={quote(query)}&format={sent}")
        assert (answer.status_code, answer.mimetype) == (200, media_type)


@pytest.mark.parametrize("name", ["ttl", "nt", "doc", "application/pdf", "json,csv"])
def test_format_unknown_to_the_form_is_refused_with_the_list(client: FlaskClient, name: str) -> None:
    answer = client.get("/sparql", query_string={"query": SELECT, "format": name})
    assert answer.status_code == 400 and "json, xml, csv, tsv, html" in answer.get_json(force=True)["hint"]
    assert client.get(f"/sparql?query={quote(SELECT)}&format=csv&format=json").status_code == 400


def test_large_answers_are_gzipped_for_those_who_take_it(client: FlaskClient) -> None:
    plain = client.get("/sparql", query_string={"query": TRIPLES, "format": "csv"})
    assert "Content-Encoding" not in plain.headers and int(plain.headers["Content-Length"]) == len(plain.data)
    for accepted in ("gzip", "br, gzip;q=0.5", "*"):
        answer = client.get(
            "/sparql", query_string={"query": TRIPLES, "format": "csv"}, headers={"Accept-Encoding": accepted}
        )
        assert answer.headers["Content-Encoding"] == "gzip" and "Accept-Encoding" in answer.headers["Vary"]
        assert gzip.decompress(answer.data) == plain.data and len(answer.data) < len(plain.data) / 3
    for refused in ("gzip;q=0", "identity", "br"):
        answer = client.get(
            "/sparql", query_string={"query": TRIPLES, "format": "csv"}, headers={"Accept-Encoding": refused}
        )
        assert answer.data == plain.data
    small = client.get("/sparql", query_string={"query": SELECT}, headers={"Accept-Encoding": "gzip"})
    assert "Content-Encoding" not in small.headers
    head = client.head("/sparql", query_string={"query": TRIPLES}, headers={"Accept-Encoding": "gzip"})
    assert head.status_code == 200 and head.data == b""


@pytest.mark.parametrize(
    ("address", "word"),
    [
        ("query=ASK%20%7B%7", "hexadecimal"), ("query=ASK%20%7B%ZZ%7D", "hexadecimal"), ("query=%", "hexadecimal"),
        ("query=ASK%20%7B%20%3Fs%20%3Fp%20%22caf%E9%22%20%7D", "UTF-8"), ("query=%ED%A0%80", "UTF-8"),
        ("&".join(["a=1"] * 101), "more than 100 fields"),
    ],
)
def test_address_that_cannot_be_read_is_refused_not_repaired(client: FlaskClient, address: str, word: str) -> None:
    answer = client.get(f"/sparql?{address}")
    assert answer.status_code == 400 and word in answer.get_json(force=True)["what"]
    form = client.post("/sparql", data=address.encode(), content_type="application/x-www-form-urlencoded")
    assert form.status_code == 400 and word in form.get_json(force=True)["what"]


def test_address_with_letters_as_they_are_is_read(client: FlaskClient) -> None:
    query = "SELECT ('مستشفى' AS ?x) {}"
    for sent in (quote(query), query.replace(" ", "+")):
        answer = client.get(f"/sparql?query={sent}&format=csv")
        assert answer.data.decode().splitlines() == ["x", "مستشفى"]


# the description


@pytest.fixture(scope="module")
def described(client: FlaskClient) -> list[pyoxigraph.Triple]:
    answer = client.get("/void", headers={"Accept": "text/turtle"})
    assert answer.status_code == 200
    return [quad.triple for quad in pyoxigraph.parse(answer.data, format=RdfFormat.TURTLE)]


def test_description_counts_classes_and_properties_as_the_store_does(
    client: FlaskClient, demo: KnowledgeBase, described: list[pyoxigraph.Triple]
) -> None:
    told = {(t.subject.value, t.predicate.value, t.object.value) for t in described}
    graph = "http://localhost/sparql#graph"
    assert (graph, VOID + "triples", str(len(demo.snapshot().store))) in told
    for kind, counted, by in (("class", "entities", "?x a <%s>"), ("property", "triples", "?x <%s> ?o")):
        parts = {o for s, p, o in told if s == graph and p == f"{VOID}{kind}Partition"}
        assert len(parts) > 20
        for part in sorted(parts)[:: len(parts) // 4]:
            (name,) = (o for s, p, o in told if s == part and p == VOID + kind)
            (number,) = (o for s, p, o in told if s == part and p == VOID + counted)
            answer = demo.ask(f"SELECT (COUNT(*) AS ?n) {{ {by % name} }}", "csv")
            assert answer.body.decode().split() == ["n", number], name


def test_description_is_the_same_in_every_format(client: FlaskClient, described: list[pyoxigraph.Triple]) -> None:
    for media_type, form in [("application/ld+json", RdfFormat.JSON_LD), ("application/rdf+xml", RdfFormat.RDF_XML),
                             ("application/n-triples", RdfFormat.N_TRIPLES),
                             ("application/trig", RdfFormat.TRIG)]:  # fmt: skip
        for path in ("/void", "/sparql"):
            answer = client.get(path, headers={"Accept": media_type})
            assert {q.triple for q in pyoxigraph.parse(answer.data, format=form)} == set(described)
    assert client.get("/.well-known/void").headers["Location"] == "/void"
    assert client.get("/void", headers=BROWSER).headers["Location"].endswith("#about")


EDITORS = {
    "prefixes": "PREFIX sh: <http://www.w3.org/ns/shacl#> SELECT ?prefix ?namespace "
    "{ [] sh:namespace ?namespace ; sh:prefix ?prefix } ORDER BY ?prefix",
    "examples": "PREFIX sh:<http://www.w3.org/ns/shacl#> PREFIX rdfs:<http://www.w3.org/2000/01/rdf-schema#> "
    "SELECT DISTINCT ?sq ?comment ?query { ?sq a sh:SPARQLExecutable ; rdfs:comment ?comment ; "
    "sh:select|sh:ask|sh:construct|sh:describe ?query }",
    "classes": f"PREFIX void: <{VOID}> SELECT DISTINCT ?c ?p {{ ?cp void:class ?c ; void:propertyPartition ?pp . "
    "?pp void:property ?p . OPTIONAL { ?pp void:propertyPartition ?none } }",
}


def test_editors_find_prefixes_examples_and_classes_by_asking(client: FlaskClient) -> None:
    def ask(name: str) -> list[dict[str, dict[str, str]]]:
        answer = client.get("/sparql", query_string={"query": EDITORS[name], "format": "json"})
        rows: list[dict[str, dict[str, str]]] = answer.get_json(force=True)["results"]["bindings"]
        return rows

    assert {r["prefix"]["value"]: r["namespace"]["value"] for r in ask("prefixes")} == PREFIXES
    texts = {row["query"]["value"] for row in ask("examples")}
    assert texts == {saved.load("report", name).text for name in saved.names("report")}
    pairs = {(row["c"]["value"], row["p"]["value"]) for row in ask("classes")}
    mz = PREFIXES["mz"]
    assert (mz + "Incident", PREFIXES["skos"] + "prefLabel") in pairs
    assert (mz + "Incident", mz + "recordDigest") not in pairs


def test_questions_about_records_never_go_to_the_description(client: FlaskClient) -> None:
    """An editor puts all its prefixes before every query: what is only declared does not decide."""
    every = "".join(f"PREFIX {name}: <{base}> " for name, base in PREFIXES.items())
    rows = client.get("/sparql", query_string={"query": every + "SELECT ?s { ?s a mz:Incident }", "format": "json"})
    assert len(rows.get_json(force=True)["results"]["bindings"]) == 30
    told = client.get("/sparql", query_string={"query": every + "SELECT ?p { ?s sh:prefix ?p }", "format": "json"})
    assert len(told.get_json(force=True)["results"]["bindings"]) == len(PREFIXES)
    assert namespaces(every + "ASK { ?s sh:prefix <urn:x> }") == {PREFIXES["sh"], "urn:x"}
    assert namespaces("PREFIX : <urn:a#> ASK { :x a 'void:x' } # sh:y") == {"urn:a#"}


# limits


@pytest.fixture
def tight(demo: KnowledgeBase) -> Iterator[FlaskClient]:
    with KnowledgeBase.open(demo.home.root, Limits(seconds=0.6, rows=10, bytes=100_000), workers=1) as base:
        yield create_app(base).test_client()


ENDLESS = """PREFIX mz: <https://w3id.org/mizan/ontology#> SELECT (COUNT(*) AS ?n) {
 ?incident mz:objectHit ?object . ?claim mz:invokes ?provision . ?a ?b ?c . ?d ?e ?f }"""


def test_refusal_of_too_much_names_the_saved_question_that_comes_close(tight: FlaskClient) -> None:
    slow = tight.get("/sparql", query_string={"query": ENDLESS})
    assert slow.status_code == 503 and slow.headers["Retry-After"] == "60"
    offered = slow.get_json(force=True)["saved"]
    assert offered["name"] in saved.names("report")
    assert tight.get(offered["href"], headers=BROWSER).status_code == 200
    many = tight.get("/sparql", query_string={"query": "SELECT * { ?s ?p ?o }"})
    assert many.status_code == 413 and "LIMIT" in many.get_json(force=True)["hint"]
    assert "saved" not in many.get_json(force=True), "nothing comes close to a query about everything"
    page = tight.get("/sparql", query_string={"query": ENDLESS, "lang": "ar"}, headers=BROWSER)
    assert page.status_code == 503 and saved.load("report", offered["name"]).title_ar in page.get_data(as_text=True)


@pytest.mark.parametrize("name", saved.names("report"))
def test_every_saved_question_is_nearest_to_itself(name: str) -> None:
    found = nearest(saved.load("report", name).text)
    assert found is not None and found.name == name


def test_answers_carry_snapshot_rows_and_permalink(client: FlaskClient, demo: KnowledgeBase) -> None:
    answer = client.get("/sparql", query_string={"query": SELECT})
    number = demo.snapshot().number
    assert answer.headers["X-Mizan-Snapshot"] == str(number) and answer.headers["X-Mizan-Rows"] == "3"
    link = answer.headers["X-Mizan-Permalink"]
    assert link.startswith(f"http://localhost/query?at={number}&") and f"<{link}>" in answer.headers["Link"]
    told = answer.get_json(force=True)
    assert told["head"] == {"link": [link], "vars": ["s"]} and len(told["results"]["bindings"]) == 3
    ask = client.get("/sparql", query_string={"query": "ASK {}"}).get_json(force=True)
    assert ask["boolean"] is True and len(ask["head"]["link"]) == 1


ROWS = [
    ("SELECT * {}", 1), ("SELECT ?a ?b { VALUES (?a ?b) { (UNDEF UNDEF) (UNDEF UNDEF) (UNDEF UNDEF) } }", 3),
    ("SELECT ?a { VALUES ?a { 'x},{\"y' '},{}' '[]' '{}' UNDEF '},{' } }", 6), ("SELECT ?a { FILTER(false) }", 0),
    ("SELECT ?a ?b { VALUES (?a ?b) { (UNDEF 'a\\nb\\r\\n\"\"') "
     "('c,\"d\\\\' UNDEF) ('</result><result>' '\\\\\"') } }", 3),
    ("SELECT ?a { VALUES ?a { <urn:a> 'b'@ar 1.5 '\"bindings\":[' '\\\\' } }", 5),
]  # fmt: skip


@pytest.mark.parametrize("name", ["json", "xml", "csv", "tsv"])
@pytest.mark.parametrize(("query", "rows"), ROWS)
def test_rows_are_counted_from_the_bytes_whatever_stands_in_them(query: str, rows: int, name: str) -> None:
    answer = LocalStore.in_memory().ask(query, "SELECT", name, Limits())
    assert answer.rows == rows == count_rows(answer.body, name)


# configuration

GOOD = """
[query]
seconds = 2.5
rows = 500
answer_mib = 3
memory_mib = 512
workers = 3
running_per_client = 1
waiting = 4
waiting_per_client = 2
[service]
call = ["https://query.example.org/sparql"]
origins = ["https://editor.example.org"]
proxies = 1
links_mib = 5
"""


def test_policy_is_read_from_the_file_of_the_operator(demo_copy: Path) -> None:
    file = demo_copy / "service.toml"
    assert policy.read(file) == policy.Policy()
    file.write_text(GOOD)
    with KnowledgeBase.open(demo_copy, workers=0) as base:
        assert base.policy.limits == Limits(2.5, 500, 3 * 2**20, 512 * 2**20)
        assert (base.policy.workers, base.policy.waiting, base.policy.proxies) == (3, 4, 1)
        assert base.pool().processes() == 3 and base.pool().limits.rows == 500
        client = create_app(base).test_client()
        assert client.get("/sparql", query_string={"query": "SELECT * { ?s ?p ?o }"}).status_code == 413
        mine = client.get("/sparql", query_string={"query": SELECT}, headers={"Origin": "https://editor.example.org"})
        assert mine.headers["Access-Control-Allow-Origin"] == "https://editor.example.org"
        other = client.get("/sparql", query_string={"query": SELECT}, headers={"Origin": "https://other.example.org"})
        assert "Access-Control-Allow-Origin" not in other.headers
        before = client.options("/sparql", headers={"Origin": "https://editor.example.org"})
        assert "POST" in before.headers["Access-Control-Allow-Methods"]


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("[query]\nsecond = 1", "Did you mean seconds"), ("[querys]\nseconds = 1", "Did you mean query"),
        ("[query]\nseconds = 0", "Give 0.1 to 3600"), ("[query]\nrows = 1.5", "not a whole number"),
        ("[query]\nrows = true", "not a whole number"), ("[query]\nrows = '5'", "not a whole number"),
        ("query = 1", r"Write it as \[query\]"), ("[query", "cannot be read as TOML"),
        ("[service]\ncall = ['ftp://x/']", "list of addresses"),
        ("[service]\ncall = 'https://x/'", "list of addresses"),
    ],
)  # fmt: skip
def test_policy_that_does_not_fit_is_told_by_name(tmp_path: Path, text: str, word: str) -> None:
    (tmp_path / "service.toml").write_text(text)
    with pytest.raises(BadFile, match=word):
        policy.read(tmp_path / "service.toml")


# health, figures, log


def test_health_answers_by_a_query(client: FlaskClient, demo: KnowledgeBase) -> None:
    told = client.get("/health")
    assert told.status_code == 200 and told.get_json()["status"] == "ok"
    assert told.get_json()["snapshot"] == demo.snapshot().number and told.get_json()["workers"] >= 1


def test_health_says_what_is_wrong(demo_copy: Path) -> None:
    with KnowledgeBase.open(demo_copy, workers=1) as base:
        client = create_app(base).test_client()
        (demo_copy / "current").write_text("nothing\n")
        told = client.get("/health")
        assert told.status_code == 503 and told.get_json()["status"] == "failing" and told.get_json()["what"]


def test_metrics_count_queries_by_outcome(tight: FlaskClient) -> None:
    tight.get("/sparql", query_string={"query": SELECT})
    tight.get("/sparql", query_string={"query": "SELECT * { ?s ?p ?o }"})
    tight.get("/sparql", query_string={"query": ENDLESS})
    tight.get("/sparql", query_string={"query": "SELECT * {"})
    text = tight.get("/metrics").get_data(as_text=True)
    for line in (
        'mizan_queries_total{form="SELECT",outcome="ok"} 1.0',
        'mizan_queries_total{form="SELECT",outcome="AnswerTooLarge"} 1.0',
        'mizan_queries_total{form="SELECT",outcome="QueryTimeout"} 1.0',
        'mizan_queries_total{form="SELECT",outcome="QueryInvalid"} 1.0',
        'mizan_workers_replaced_total{reason="too slow"} 1.0', 'mizan_responses_total{status="413"} 1.0',
        "mizan_workers 1.0", "mizan_query_rows_sum 3.0", "mizan_queries_waiting 0.0",
    ):  # fmt: skip
        assert line in text.splitlines(), text


def test_log_has_a_line_for_each_query_and_nothing_of_its_text(
    client: FlaskClient, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, "mizan.query"):
        client.get("/sparql", query_string={"query": "SELECT ?s { ?s ?p 'a name nobody may read' }"})
        client.get("/sparql", query_string={"query": "SELECT ?s { ?s ?p 'a name nobody may read' "})
    lines = [record.getMessage() for record in caplog.records if record.name == "mizan.query"]
    assert [("outcome=ok" in line, "outcome=QueryInvalid" in line) for line in lines] == [(True, False), (False, True)]
    assert all("form=SELECT format=json" in line and "snapshot=" in line and "seconds=" in line for line in lines)
    assert "nobody may read" not in caplog.text


def test_graph_store_gives_a_record_by_its_name(client: FlaskClient) -> None:
    iri = "https://w3id.org/mizan/id/actor/airwars"
    answer = client.get("/rdf-graph-store", query_string={"graph": iri}, headers={"Accept": "application/n-triples"})
    assert answer.status_code == 200 and f"<{iri}>" in answer.get_data(as_text=True)
    assert client.get("/rdf-graph-store", query_string={"graph": "urn:none"}).status_code == 404
    assert client.get("/rdf-graph-store").status_code == 400
    whole = client.get("/rdf-graph-store?default", headers={"Accept": "application/n-triples"})
    assert len(whole.data.splitlines()) == _triples(client)


def test_packed_pieces_are_one_stream() -> None:
    from web.compression import _gzipped

    body = json.dumps(list(range(200_000))).encode()
    parts = list(_gzipped(body))
    assert len(parts) > 1 and zlib.decompress(b"".join(parts), 16 + zlib.MAX_WBITS) == body


def _triples(client: FlaskClient) -> int:
    """The number that is told once it has been counted."""
    for _ in range(100):
        told = client.get("/health").get_json()["triples"]
        if told is not None:
            return int(told)
        time.sleep(0.1)
    raise AssertionError("the triples are never counted")
