"""Clients that people have work unchanged with our SPARQL service: SPARQLWrapper, rdflib, curl, pandas."""

from __future__ import annotations

import json
import subprocess
import threading
from collections.abc import Iterator
from urllib.parse import quote

import pandas
import pytest
from rdflib import URIRef
from rdflib.plugins.stores.sparqlstore import SPARQLStore
from SPARQLWrapper import CSV, GET, JSON, POST, TURTLE, XML, SPARQLWrapper
from werkzeug.serving import make_server

from kb.knowledgebase import KnowledgeBase
from web.app import create_app

INCIDENTS = """PREFIX mz: <https://w3id.org/mizan/ontology#> PREFIX skos: <http://www.w3.org/2004/02/skos/core#>
SELECT ?s ?label { ?s a mz:Incident ; skos:prefLabel ?label FILTER(LANG(?label) = "ar") } ORDER BY ?s"""
INCIDENT = "https://w3id.org/mizan/id/incident/syria-2015-16/INC-021"


@pytest.fixture(scope="module")
def service(demo: KnowledgeBase) -> Iterator[str]:
    server = make_server("127.0.0.1", 0, create_app(demo), threaded=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/sparql"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.parametrize("method", [GET, POST])
def test_sparqlwrapper_asks_in_its_formats(service: str, method: str) -> None:
    client = SPARQLWrapper(service)
    client.setMethod(method)
    client.setQuery(INCIDENTS)
    client.setReturnFormat(JSON)
    rows = client.queryAndConvert()["results"]["bindings"]
    assert len(rows) == 30 and rows[0]["label"]["xml:lang"] == "ar"
    client.setReturnFormat(CSV)
    assert client.queryAndConvert().count(b"\r\n") == 31
    client.setReturnFormat(XML)
    assert len(client.queryAndConvert().getElementsByTagName("result")) == 30
    client.setQuery(f"DESCRIBE <{INCIDENT}>")
    client.setReturnFormat(TURTLE)
    assert b"INC-021" in client.queryAndConvert()


def test_rdflib_reads_it_as_a_graph(service: str) -> None:
    store = SPARQLStore(service)
    rows = [(str(row.s), row.label.language) for row in store.query(INCIDENTS)]
    assert len(rows) == 30 and {language for _, language in rows} == {"ar"}
    said = list(store.triples((URIRef(INCIDENT), None, None)))
    assert len(said) > 5
    assert store.query(f"ASK {{ <{INCIDENT}> ?p ?o }}").askAnswer is True


def test_curl_asks_by_get_and_post(service: str) -> None:
    def curl(*more: str) -> bytes:
        return subprocess.run(["curl", "-sSf", *more, service], check=True, capture_output=True, timeout=60).stdout

    asked = ("--data-urlencode", f"query={INCIDENTS}")
    by_get = curl("-G", *asked, "-H", "Accept: application/sparql-results+json")
    assert json.loads(by_get) == json.loads(curl(*asked, "-H", "Accept: application/sparql-results+json"))
    direct = curl("-H", "Content-Type: application/sparql-query", "-H", "Accept: text/csv", "--data-binary", INCIDENTS)
    assert direct.count(b"\r\n") == 31


def test_pandas_reads_an_answer_by_its_address_alone(service: str) -> None:
    """As R's `read.csv(url)` does, too: the format is in the query, since neither sends an Accept header for CSV."""
    table = pandas.read_csv(f"{service}?format=csv&query={quote(INCIDENTS)}")
    assert list(table.columns) == ["s", "label"] and len(table) == 30
    assert table.s[20] == INCIDENT and table.label.str.contains("القدس")[20]
