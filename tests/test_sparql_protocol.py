"""The SPARQL 1.1 Protocol, test by test of the suite that the W3C publishes: what only reads passes, the rest is 403.

The suite's names are kept, so that each test here can be found there. Its graphs data0 to data3 are put into the
store of a copy, since a service that fetches nothing can only have graphs that it holds.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pyoxigraph
import pytest
from flask.testing import FlaskClient
from pyoxigraph import Literal, NamedNode, Quad, RdfFormat
from pyoxigraph import Store as Oxigraph
from werkzeug.test import TestResponse

from kb.knowledgebase import KnowledgeBase
from kb.paths import Home
from web.app import create_app

BASE = "http://kasei.us/2009/09/sparql/data/"
DATA = [f"{BASE}data{n}.rdf" for n in range(4)]
TYPE = NamedNode("http://www.w3.org/1999/02/22-rdf-syntax-ns#type")
DOCUMENT = NamedNode("http://xmlns.com/foaf/0.1/Document")
FORM, DIRECT, UPDATE = "application/x-www-form-urlencoded", "application/sparql-query", "application/sparql-update"
ONE_AND_TWO = f"<{DATA[1]}> a ?type . <{DATA[2]}> a ?type ."
EACH_IN_ITS_GRAPH = f"GRAPH ?g1 {{ <{DATA[1]}> a ?type }} GRAPH ?g2 {{ <{DATA[2]}> a ?type }}"


@pytest.fixture(scope="module")
def home(_empty_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("protocol") / "home"
    shutil.copytree(_empty_home, root)
    store = Oxigraph(str(root / "snapshots" / Home(root).current.read_text().strip() / "store"))
    store.extend([Quad(NamedNode(iri), TYPE, DOCUMENT, NamedNode(iri)) for iri in DATA])
    store.flush()
    return root


@pytest.fixture(scope="module")
def client(home: Path) -> Iterator[FlaskClient]:
    with KnowledgeBase.open(home, workers=1) as base:
        yield create_app(base).test_client()


def send(
    client: FlaskClient, method: str, body: str | bytes = b"", kind: str | None = None, **fields: Any
) -> TestResponse:
    path = "/sparql/" + (f"?{urlencode(fields, doseq=True)}" if fields else "")
    data = body.encode() if isinstance(body, str) else body
    return client.open(path, method=method, data=data or None, content_type=kind)


def graphs(kind: str, *numbers: int) -> dict[str, list[str]]:
    return {f"{kind}-graph-uri": [DATA[n] for n in numbers]}


QUERIES = {
    "query_get": lambda c: send(c, "GET", query="ASK {}"),
    "query_post_form": lambda c: send(c, "POST", "query=ASK%20%7B%7D", FORM, **graphs("default", 0)),
    "query_post_direct": lambda c: send(c, "POST", "ASK {}", DIRECT),
    "query_dataset_default_graphs_get": lambda c: send(
        c, "GET", query=f"ASK {{ {ONE_AND_TWO} }}", **graphs("default", 1, 2)
    ),
    "query_dataset_default_graphs_post": lambda c: send(
        c, "POST", f"ASK {{ {ONE_AND_TWO} }}", DIRECT, **graphs("default", 1, 2)
    ),
    "query_dataset_named_graphs_get": lambda c: send(
        c, "GET", query=f"ASK {{ {EACH_IN_ITS_GRAPH} }}", **graphs("named", 1, 2)
    ),
    "query_dataset_named_graphs_post": lambda c: send(
        c, "POST", f"ASK {{ {EACH_IN_ITS_GRAPH} }}", DIRECT, **graphs("named", 1, 2)
    ),
    "query_dataset_full": lambda c: send(
        c, "POST", f"ASK {{ <{DATA[3]}> a ?type {EACH_IN_ITS_GRAPH} }}", DIRECT,
        **graphs("default", 3), **graphs("named", 1, 2),
    ),
    "query_multiple_dataset": lambda c: send(
        c, "POST", f"ASK FROM <{DATA[1]}> {{ <{DATA[2]}> a ?type }}", DIRECT, **graphs("default", 2)
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", QUERIES)
def test_protocol_query_is_answered_true(client: FlaskClient, name: str) -> None:
    answer = QUERIES[name](client)
    assert answer.status_code == 200, answer.data
    assert answer.mimetype == "application/sparql-results+json"
    assert answer.get_json(force=True)["boolean"] is True


def test_protocol_dataset_leaves_out_what_was_not_chosen(client: FlaskClient) -> None:
    """The counterpart of the tests above, which a service that ignored the parameters could pass."""
    def holds(query: str, **fields: Any) -> bool:
        return bool(send(client, "GET", query=query, **fields).get_json(force=True)["boolean"])

    assert not holds(f"ASK {{ {ONE_AND_TWO} }}", **graphs("default", 1))
    assert not holds(f"ASK {{ {EACH_IN_ITS_GRAPH} }}", **graphs("named", 1))
    assert not holds("ASK { ?s ?p ?o }", **graphs("named", 1)), "with named graphs only, the default graph is empty"
    assert not holds(f"ASK {{ GRAPH <{DATA[2]}> {{ ?s ?p ?o }} }}", **graphs("default", 1))
    assert not holds(f"ASK FROM <{DATA[1]}> {{ <{DATA[1]}> a ?type }}", **graphs("default", 2)), "FROM gives way"
    assert holds(f"ASK FROM <{DATA[1]}> {{ <{DATA[1]}> a ?type }}")


@pytest.mark.parametrize(
    ("name", "query", "types"),
    [
        ("query_content_type_select", "SELECT (1 AS ?value) {}", {"application/sparql-results+json"}),
        ("query_content_type_ask", "ASK {}", {"application/sparql-results+json"}),
        ("query_content_type_describe", "DESCRIBE <http://example.org/>", {"text/turtle"}),
        ("query_content_type_construct", "CONSTRUCT { <s> <p> 1 } WHERE {}", {"text/turtle"}),
    ],
)
def test_protocol_content_type_fits_the_form(client: FlaskClient, name: str, query: str, types: set[str]) -> None:
    answer = send(client, "POST", query, DIRECT)
    assert (answer.status_code, answer.mimetype in types) == (200, True), name
    wanted = "application/sparql-results+xml" if "type_select" in name or "type_ask" in name else "application/rdf+xml"
    again = client.post("/sparql/", data=query, content_type=DIRECT, headers={"Accept": wanted})
    assert (again.status_code, again.mimetype) == (200, wanted)


def test_protocol_reads_relative_names_against_its_address(client: FlaskClient) -> None:
    answer = send(client, "POST", "CONSTRUCT { <s> <p> 1 } WHERE {}", DIRECT)
    (triple,) = (quad.triple for quad in pyoxigraph.parse(answer.data, format=RdfFormat.TURTLE))
    assert str(triple.subject) == "<http://localhost/sparql/s>" and triple.object == Literal(1)


CLEAR = "CLEAR ALL"
BAD = {
    "bad_query_method": (lambda c: send(c, "PUT", query="ASK {}"), 405),
    "bad_multiple_queries": (lambda c: send(c, "GET", query=["ASK {}", "SELECT * {}"]), 400),
    "bad_query_wrong_media_type": (lambda c: send(c, "POST", "ASK {}", "text/plain"), 415),
    "bad_query_missing_form_type": (lambda c: send(c, "POST", "query=ASK%20%7B%7D"), 415),
    "bad_query_missing_direct_type": (lambda c: send(c, "POST", "ASK {}"), 415),
    "bad_query_non_utf8": (lambda c: send(c, "POST", "ASK {}".encode("utf-16"), f"{DIRECT}; charset=UTF-16"), 400),
    "bad_query_syntax": (lambda c: send(c, "GET", query="ASK {"), 400),
    "bad_update_get": (lambda c: send(c, "GET", update=CLEAR), 403),
    "bad_multiple_updates": (lambda c: send(c, "POST", "update=CLEAR%20NAMED&update=CLEAR%20DEFAULT", FORM), 403),
    "bad_update_wrong_media_type": (lambda c: send(c, "POST", "CLEAR NAMED", "text/plain"), 415),
    "bad_update_missing_form_type": (lambda c: send(c, "POST", "update=CLEAR%20NAMED"), 415),
    "bad_update_non_utf8": (lambda c: send(c, "POST", CLEAR.encode("utf-16"), f"{UPDATE}; charset=UTF-16"), 403),
    "bad_update_syntax": (lambda c: send(c, "POST", "update=CLEAR%20XYZ", FORM), 403),
    "bad_update_dataset_conflict": (
        lambda c: send(
            c, "POST",
            urlencode({"using-named-graph-uri": DATA[1], "update": f"WITH <{DATA[2]}> DELETE WHERE {{ ?s ?p ?o }}"}),
            FORM,
        ),
        403,
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_protocol_bad_request_is_refused(client: FlaskClient, name: str) -> None:
    ask, status = BAD[name]
    answer = ask(client)
    assert (answer.status_code, answer.mimetype) == (status, "application/problem+json")
    assert answer.get_json(force=True)["what"]


INSERT = "INSERT DATA { GRAPH <http://example.org/test/> { <http://example.org/s> <http://example.org/p> <test> } }"
UPDATES = {
    "update_dataset_default_graph": {"using-graph-uri": DATA[1]},
    "update_dataset_default_graphs": {"using-graph-uri": [DATA[1], DATA[2]]},
    "update_dataset_named_graphs": {"using-named-graph-uri": [DATA[1], DATA[2]]},
    "update_dataset_full": {"using-graph-uri": DATA[1], "using-named-graph-uri": DATA[2]},
    "update_post_direct": {},
    "update_base_uri": {},
}


@pytest.mark.parametrize("name", UPDATES)
def test_protocol_update_is_refused_and_changes_nothing(client: FlaskClient, name: str) -> None:
    whole = "CONSTRUCT { ?s ?p ?o } WHERE { GRAPH ?g { ?s ?p ?o } } ORDER BY ?s"
    before = send(client, "GET", query=whole).data
    answer = send(client, "POST", f"{CLEAR} ; {INSERT}", UPDATE, **UPDATES[name])
    assert answer.status_code == 403
    problem = answer.get_json(force=True)
    assert "validation" in problem["why"] and "mizan import" in problem["hint"]
    assert send(client, "GET", query=whole).data == before != b""


def test_protocol_update_post_form_is_refused_and_changes_nothing(client: FlaskClient) -> None:
    answer = send(client, "POST", urlencode({"update": CLEAR}), FORM)
    assert answer.status_code == 403 and "mizan import" in answer.get_json(force=True)["hint"]
    assert send(client, "GET", query="ASK { ?s ?p ?o }").get_json(force=True)["boolean"] is True


def test_protocol_names_the_graphs_that_it_lacks(client: FlaskClient) -> None:
    for fields in ({"default-graph-uri": "http://example.org/none"}, {"named-graph-uri": "http://example.org/none"}):
        answer = send(client, "GET", query="ASK {}", **fields)
        assert answer.status_code == 400
        assert "http://example.org/none" in answer.get_json(force=True)["what"]
    fetched = send(client, "GET", query="ASK FROM <http://127.0.0.1:9/> {}")
    assert fetched.status_code == 403 and "nothing is fetched" in fetched.get_json(force=True)["why"]


@pytest.mark.parametrize("method", ["PUT", "POST", "DELETE", "PATCH"])
def test_graph_store_refuses_changes_and_says_why(client: FlaskClient, method: str) -> None:
    answer = client.open(f"/rdf-graph-store?graph={DATA[1]}", method=method, data=b"<urn:a> <urn:b> 1 .")
    assert answer.status_code == 403
    assert "mizan import" in answer.get_json(force=True)["hint"]
