"""The SPARQL service: protocol, formats, refusals, and the page for people."""

from __future__ import annotations

import csv
import io
import json

import pyoxigraph
import pytest
from flask.testing import FlaskClient
from pyoxigraph import RdfFormat

from kb.knowledgebase import KnowledgeBase
from kb.query import saved
from kb.store.base import Limits
from tests.test_queries import EMPTY
from web.app import create_app

SELECT = "SELECT ?s WHERE { ?s a <https://w3id.org/mizan/ontology#Incident> } ORDER BY ?s LIMIT 3"
ASK = "ASK { ?s a <https://w3id.org/mizan/ontology#Incident> }"
CONSTRUCT = "CONSTRUCT { ?s a ?t } WHERE { ?s a ?t } ORDER BY ?s LIMIT 5"
DESCRIBE = "DESCRIBE <https://w3id.org/mizan/id/actor/airwars>"
BROWSER = {"Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}
DIRECT = "application/sparql-query"


@pytest.fixture(scope="module")
def client(demo: KnowledgeBase) -> FlaskClient:
    return create_app(demo).test_client()


@pytest.mark.parametrize("send", ["get", "form", "direct"])
@pytest.mark.parametrize("query", [SELECT, ASK, CONSTRUCT, DESCRIBE])
def test_three_ways_of_asking_answer_alike(client: FlaskClient, query: str, send: str) -> None:
    if send == "get":
        answer = client.get("/sparql", query_string={"query": query})
    elif send == "form":
        answer = client.post("/sparql", data={"query": query})
    else:
        answer = client.post("/sparql", data=query.encode(), content_type=DIRECT)
    assert answer.status_code == 200
    assert answer.data == client.get("/sparql", query_string={"query": query}).data or query is DESCRIBE
    assert answer.headers["X-Mizan-Snapshot"].isdigit()
    assert int(answer.headers["X-Mizan-Rows"]) > 0


@pytest.mark.parametrize(
    ("query", "accept", "media_type"),
    [
        (SELECT, "", "application/sparql-results+json"),
        (SELECT, "*/*", "application/sparql-results+json"),
        (SELECT, "application/json", "application/sparql-results+json"),
        (SELECT, "application/sparql-results+xml", "application/sparql-results+xml"),
        (SELECT, "application/xml;q=0.5, text/csv;q=0.4", "application/sparql-results+xml"),
        (SELECT, "text/csv", "text/csv"),
        (SELECT, "text/tab-separated-values, */*;q=0.1", "text/tab-separated-values"),
        (SELECT, "text/turtle, text/csv;q=0.1", "text/csv"),
        (SELECT, "text/*", "text/csv"),
        (SELECT, "application/sparql-results+json;q=0, */*", "application/sparql-results+xml"),
        (ASK, "application/sparql-results+xml", "application/sparql-results+xml"),
        (CONSTRUCT, "", "text/turtle"),
        (CONSTRUCT, "application/n-triples", "application/n-triples"),
        (CONSTRUCT, "application/ld+json", "application/ld+json"),
        (CONSTRUCT, "application/json", "application/ld+json"),
        (CONSTRUCT, "application/rdf+xml", "application/rdf+xml"),
        (DESCRIBE, "text/turtle", "text/turtle"),
        (SELECT, BROWSER["Accept"], "text/html"),
        (CONSTRUCT, BROWSER["Accept"], "text/html"),
    ],
)
def test_format_follows_form_and_q_values(client: FlaskClient, query: str, accept: str, media_type: str) -> None:
    answer = client.get("/sparql", query_string={"query": query}, headers={"Accept": accept})
    assert (answer.status_code, answer.mimetype) == (200, media_type)
    assert "Accept" in answer.headers["Vary"]


@pytest.mark.parametrize(
    ("query", "name", "media_type"),
    [
        (SELECT, "csv", "text/csv"), (SELECT, "tsv", "text/tab-separated-values"), (SELECT, "html", "text/html"),
        (SELECT, "json", "application/sparql-results+json"), (SELECT, "xml", "application/sparql-results+xml"),
        (CONSTRUCT, "turtle", "text/turtle"), (CONSTRUCT, "ntriples", "application/n-triples"),
        (CONSTRUCT, "jsonld", "application/ld+json"), (CONSTRUCT, "rdfxml", "application/rdf+xml"),
    ],
)  # fmt: skip
def test_format_by_name_wins(client: FlaskClient, query: str, name: str, media_type: str) -> None:
    answer = client.get("/sparql", query_string={"query": query, "format": name}, headers=BROWSER)
    assert (answer.status_code, answer.mimetype) == (200, media_type)


def test_answers_can_be_read_back(client: FlaskClient) -> None:
    def ask(query: str, name: str) -> bytes:
        return client.get("/sparql", query_string={"query": query, "format": name}).data

    rows = json.loads(ask(SELECT, "json"))["results"]["bindings"]
    assert len(rows) == 3
    assert [r["s"]["value"] for r in rows] == [r[0] for r in csv.reader(io.StringIO(ask(SELECT, "csv").decode()))][1:]
    assert json.loads(ask(ASK, "json"))["boolean"] is True
    graphs = [
        {q.triple for q in pyoxigraph.parse(ask(CONSTRUCT, name), format=form)}
        for name, form in [("turtle", RdfFormat.TURTLE), ("ntriples", RdfFormat.N_TRIPLES),
                           ("jsonld", RdfFormat.JSON_LD), ("rdfxml", RdfFormat.RDF_XML)]
    ]  # fmt: skip
    assert all(g == graphs[0] for g in graphs) and graphs[0]


@pytest.mark.parametrize(
    ("query", "status", "word"),
    [
        ("SELECT ?x WHERE { ?x", 400, "Line 1"),
        ("SELECT ?x WHERE {\n  ?x ex:p ?y }", 400, "Line 2"),
        ("nonsense", 400, "not a SPARQL query"),
        ("", 400, "not a SPARQL query"),
        ("INSERT DATA { <urn:a> <urn:b> <urn:c> }", 403, "INSERT"),
        ("DELETE WHERE { ?s ?p ?o }", 403, "DELETE"),
        ("LOAD <http://127.0.0.1/>", 403, "LOAD"),
        ("SELECT * { SERVICE <http://127.0.0.1/> { ?s ?p ?o } }", 403, "SERVICE"),
        ("SELECT * { ?s ?p ?o } ; SELECT * { ?s ?p ?o }", 400, "Line 1"),
    ],
)
@pytest.mark.parametrize("send", ["get", "form", "direct"])
def test_bad_query_is_a_problem_that_names_the_place(
    client: FlaskClient, query: str, status: int, word: str, send: str
) -> None:
    if send == "get":
        answer = client.get("/sparql", query_string={"query": query})
    elif send == "form":
        answer = client.post("/sparql", data={"query": query})
    else:
        answer = client.post("/sparql", data=query.encode(), content_type=DIRECT)
    assert answer.status_code == status
    assert answer.mimetype == "application/problem+json"
    problem = answer.get_json(force=True)
    assert problem["status"] == status
    assert word in json.dumps(problem)


def test_syntax_error_carries_line_and_column(client: FlaskClient) -> None:
    problem = client.get("/sparql", query_string={"query": "SELECT *\nWHERE { ?s ?p }"}).get_json(force=True)
    assert problem["line"] == 2 and problem["column"] > 1 and "^" in problem["excerpt"]


def test_error_page_gives_the_query_back(client: FlaskClient) -> None:
    answer = client.get("/sparql", query_string={"query": "SELECT * WHERE { ?s <b> }"}, headers=BROWSER)
    assert answer.status_code == 400 and answer.mimetype == "text/html"
    assert "SELECT * WHERE { ?s &lt;b&gt; }" in answer.get_data(as_text=True)


@pytest.mark.parametrize("kind", ["text/plain", "application/json", "", "multipart/form-data; boundary=x"])
def test_wrong_body_type_is_415(client: FlaskClient, kind: str) -> None:
    answer = client.post("/sparql", data=SELECT.encode(), content_type=kind)
    assert answer.status_code == 415
    assert "application/sparql-query" in answer.get_json(force=True)["hint"]


def test_update_requests_are_refused(client: FlaskClient) -> None:
    update = "INSERT DATA { <urn:a> <urn:b> <urn:c> }"
    assert client.post("/sparql", data={"update": update}).status_code == 403
    assert client.post("/sparql", data=update.encode(), content_type="application/sparql-update").status_code == 403
    assert client.get("/sparql", query_string={"update": update}).status_code == 403
    assert client.put("/sparql", data=SELECT).status_code == 405


def test_unacceptable_is_406_with_the_list(client: FlaskClient) -> None:
    answer = client.get("/sparql", query_string={"query": SELECT}, headers={"Accept": "image/png"})
    assert answer.status_code == 406
    assert "text/csv" in answer.get_json(force=True)["hint"]
    assert client.get("/sparql", query_string={"query": SELECT, "format": "turtle"}).status_code == 400


def test_two_queries_and_other_datasets_are_refused(client: FlaskClient) -> None:
    assert client.get("/sparql?query=ASK%7B%7D&query=ASK%7B%7D").status_code == 400
    for name in ("default-graph-uri", "named-graph-uri"):
        assert client.get("/sparql", query_string={"query": ASK, name: "http://x/"}).status_code == 400
        assert client.post(f"/sparql?{name}=http://x/", data=ASK, content_type=DIRECT).status_code == 400


@pytest.mark.parametrize("body", [SELECT.encode("utf-16"), b"ASK { ?s ?p '\xff' }"])
def test_body_that_is_not_utf8_is_refused(client: FlaskClient, body: bytes) -> None:
    assert client.post("/sparql", data=body, content_type=DIRECT).status_code == 400
    assert client.post("/sparql", data=body, content_type=f"{DIRECT}; charset=utf-16").status_code == 400


def test_limits_never_give_a_part_of_an_answer(demo: KnowledgeBase) -> None:
    tight = Limits(seconds=0.5, rows=10, bytes=100_000)
    with KnowledgeBase.open(demo.home.root, tight, workers=1) as base:
        client = create_app(base).test_client()
        many = client.get("/sparql", query_string={"query": "SELECT * { ?s ?p ?o }"})
        assert many.status_code == 413 and "X-Mizan-Rows" not in many.headers
        long = "SELECT (COUNT(*) AS ?n) { ?a ?b ?c . ?d ?e ?f . ?g ?h ?i }"
        slow = client.get("/sparql", query_string={"query": long})
        assert slow.status_code == 503 and "stopped" in slow.get_json(force=True)["what"]
        assert client.get("/sparql", query_string={"query": ASK}).status_code == 200


def test_same_snapshot_answers_304(client: FlaskClient) -> None:
    first = client.get("/sparql", query_string={"query": SELECT})
    tag = {"If-None-Match": first.headers["ETag"]}
    assert client.get("/sparql", query_string={"query": SELECT}, headers=tag).status_code == 304
    assert client.get("/sparql", query_string={"query": SELECT, "format": "csv"}, headers=tag).status_code == 200
    assert "ETag" not in client.get("/sparql", query_string={"query": "SELECT (RAND() AS ?r) {}"}).headers


def test_head_and_options_work(client: FlaskClient) -> None:
    answer = client.head("/sparql", query_string={"query": SELECT})
    assert answer.status_code == 200 and not answer.data
    assert "POST" in client.options("/sparql").headers["Allow"]


def test_address_without_query_describes_the_service(client: FlaskClient) -> None:
    for accept, form in [("text/turtle", RdfFormat.TURTLE), ("application/ld+json", RdfFormat.JSON_LD),
                         ("*/*", RdfFormat.TURTLE)]:  # fmt: skip
        answer = client.get("/sparql", headers={"Accept": accept})
        triples = list(pyoxigraph.parse(answer.data, format=form))
        assert any(t.object.value.endswith("SPARQL11Query") for t in triples)


def test_page_has_a_form_and_the_report_queries(client: FlaskClient) -> None:
    text = client.get("/sparql", headers=BROWSER).get_data(as_text=True)
    assert '<form class="sparql" action="/sparql" method="get">' in text
    for name in saved.names("report"):
        assert f"example={name}" in text
        shown = client.get(f"/sparql?example={name}", headers=BROWSER)
        assert shown.status_code == 200 and "SELECT" in shown.get_data(as_text=True)


def test_page_shows_the_answer_and_says_when_rows_are_left_out(client: FlaskClient) -> None:
    few = client.get("/sparql", query_string={"query": SELECT}, headers=BROWSER).get_data(as_text=True)
    assert few.count("<tr>") == 4 and "Only the first" not in few
    many = "SELECT ?s ?p ?o { ?s ?p ?o } ORDER BY ?s ?p ?o LIMIT 900"
    text = client.get("/sparql", query_string={"query": many}, headers=BROWSER).get_data(as_text=True)
    assert text.count("<tr>") == 501 and "Only the first" in text and "900 rows" in text


@pytest.mark.parametrize("name", saved.names("report"))
@pytest.mark.parametrize("language", ["en", "ar"])
def test_report_queries_run_from_their_page(client: FlaskClient, name: str, language: str) -> None:
    shown = client.get(f"/{language}/queries/{name}", headers=BROWSER)
    assert shown.status_code == 200
    answer = client.get(f"/{language}/queries/{name}?run=1", headers=BROWSER)
    assert answer.status_code == 200
    assert (int(answer.headers["X-Mizan-Rows"]) > 0) == (name not in EMPTY)


def test_bad_parameter_is_told_by_name(client: FlaskClient) -> None:
    for value in ("a%20b", "incident/syria-2015-16/INC-999"):
        path = f"/en/queries/casualty_ranges_of_incident?run=1&incident={value}"
        answer = client.get(path, headers={"Accept": "application/json"})
        assert answer.status_code == 400
        assert "incident" in answer.get_json(force=True)["what"]
