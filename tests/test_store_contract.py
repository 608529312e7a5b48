"""One contract for every store: the embedded one, and any SPARQL service over HTTP (here our own, on loopback).

What a service of others may do wrong is played by a small server that does just that.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs

import pytest
from pyoxigraph import QueryBoolean, QueryResultsFormat, QuerySolutions, RdfFormat, parse, parse_query_results
from werkzeug.serving import make_server

from kb.errors import AnswerTooLarge, MizanError, QueryInvalid, QueryTimeout, UsageError
from kb.knowledgebase import KnowledgeBase
from kb.store.base import GRAPH_FORMATS, TABLE_FORMATS, Answer, Limits, Store
from kb.store.remote import RemoteStore, ServiceFailed
from web.app import create_app

PREFIXES = "PREFIX mz: <https://w3id.org/mizan/ontology#> PREFIX skos: <http://www.w3.org/2004/02/skos/core#> "
INCIDENTS = PREFIXES + "SELECT ?s ?label { ?s a mz:Incident ; skos:prefLabel ?label } ORDER BY ?s LANG(?label) ?label"
INCIDENT = "<https://w3id.org/mizan/id/incident/syria-2015-16/INC-021>"
TABLES = {"json": QueryResultsFormat.JSON, "xml": QueryResultsFormat.XML, "tsv": QueryResultsFormat.TSV}
GRAPHS = {"turtle": RdfFormat.TURTLE, "ntriples": RdfFormat.N_TRIPLES, "jsonld": RdfFormat.JSON_LD,
          "rdfxml": RdfFormat.RDF_XML, "trig": RdfFormat.TRIG}  # fmt: skip
LIMITS = Limits(seconds=10.0)


@pytest.fixture(scope="module")
def service(demo: KnowledgeBase) -> Iterator[str]:
    """The address of our own SPARQL service, running in a thread over the demonstration."""
    server = make_server("127.0.0.1", 0, create_app(demo), threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/sparql"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture(params=["local", "remote"])
def store(request: pytest.FixtureRequest, demo: KnowledgeBase) -> Store:
    if request.param == "local":
        return demo.snapshot().store
    return RemoteStore(request.getfixturevalue("service"))


def _rows(answer: Answer, name: str) -> list[tuple[str, ...]]:
    result = parse_query_results(answer.body, format=TABLES[name])
    assert isinstance(result, QuerySolutions)
    return [tuple(str(value) for value in row) for row in result]


@pytest.mark.parametrize("name", TABLE_FORMATS)
def test_select_is_answered_in_every_format(store: Store, demo: KnowledgeBase, name: str) -> None:
    answer = store.ask(INCIDENTS, "SELECT", name, LIMITS)
    assert answer.media_type == TABLE_FORMATS[name]
    assert answer.rows == 60, "a label in each of two languages"
    if name == "csv":
        assert answer.body == demo.snapshot().store.ask(INCIDENTS, "SELECT", "csv", LIMITS).body
        assert answer.body.startswith(b"s,label\r\nhttps://w3id.org/mizan/id/incident/syria-2015-16/INC-001,")
    else:
        assert _rows(answer, name) == _rows(demo.snapshot().store.ask(INCIDENTS, "SELECT", "json", LIMITS), "json")


@pytest.mark.parametrize("name", TABLE_FORMATS)
def test_select_without_rows_is_a_whole_answer(store: Store, name: str) -> None:
    answer = store.ask("SELECT ?s { ?s <urn:none> ?o }", "SELECT", name, Limits(rows=0))
    assert (answer.media_type, answer.rows) == (TABLE_FORMATS[name], 0)


@pytest.mark.parametrize(("query", "expected"), [(f"ASK {{ {INCIDENT} a ?o }}", True), ("ASK { <urn:x> a ?o }", False)])
@pytest.mark.parametrize("name", TABLE_FORMATS)
def test_ask_is_answered_in_every_format(store: Store, name: str, query: str, expected: bool) -> None:
    answer = store.ask(query, "ASK", name, LIMITS)
    assert (answer.media_type, answer.rows) == (TABLE_FORMATS[name], 1)
    if name in ("json", "xml"):
        result = parse_query_results(answer.body, format=TABLES[name])
        assert isinstance(result, QueryBoolean) and bool(result) is expected
    else:
        assert answer.body == str(expected).lower().encode()


@pytest.mark.parametrize("name", GRAPH_FORMATS)
@pytest.mark.parametrize("form", ["CONSTRUCT", "DESCRIBE"])
def test_graphs_are_answered_in_every_format(store: Store, demo: KnowledgeBase, form: str, name: str) -> None:
    query = f"CONSTRUCT WHERE {{ {INCIDENT} ?p ?o }}" if form == "CONSTRUCT" else f"DESCRIBE {INCIDENT}"
    answer = store.ask(query, form, name, LIMITS)
    assert answer.media_type == GRAPH_FORMATS[name]
    got = {str(quad.triple) for quad in parse(answer.body, format=GRAPHS[name])}
    known = demo.snapshot().store.ask(query, form, "ntriples", LIMITS)
    assert got == {str(quad.triple) for quad in parse(known.body, format=RdfFormat.N_TRIPLES)}
    assert answer.rows == len(got) > 10


def test_text_of_both_scripts_survives(store: Store) -> None:
    values = {
        "'قصف مستشفى'@ar": '"قصف مستشفى"@ar', "'a\"b\\\\c\\n<d>&amp;'@en": '"a\\"b\\\\c\\n<d>&amp;"@en',
        '"\\u200f\\U0001f54a"': '"\u200f\U0001f54a"', "'1'^^<urn:t>": '"1"^^<urn:t>', "<urn:é>": "<urn:é>",
        "7": '"7"^^<http://www.w3.org/2001/XMLSchema#integer>',
    }  # fmt: skip
    query = f"SELECT ?x {{ VALUES ?x {{ {' '.join(values)} }} }}"
    for name in TABLES:
        assert _rows(store.ask(query, "SELECT", name, LIMITS), name) == [(value,) for value in values.values()]


def test_syntax_errors_are_told(store: Store) -> None:
    with pytest.raises(QueryInvalid) as caught:
        store.ask("SELECT * {\n ?s ?p ]", "SELECT", "json", LIMITS)
    assert "ine 2" in str(caught.value)
    assert "Traceback" not in str(caught.value)


@pytest.mark.parametrize("name", TABLE_FORMATS)
def test_more_rows_than_allowed_are_refused(store: Store, name: str) -> None:
    assert store.ask(INCIDENTS, "SELECT", name, Limits(rows=60)).rows == 60
    with pytest.raises(AnswerTooLarge, match="rows"):
        store.ask(INCIDENTS, "SELECT", name, Limits(rows=59))


@pytest.mark.parametrize("name", GRAPH_FORMATS)
def test_more_triples_than_allowed_are_refused(store: Store, name: str) -> None:
    with pytest.raises(AnswerTooLarge, match="rows"):
        store.ask(f"DESCRIBE {INCIDENT}", "DESCRIBE", name, Limits(rows=10))


@pytest.mark.parametrize(
    ("query", "form", "name"), [(INCIDENTS, "SELECT", "csv"), (f"DESCRIBE {INCIDENT}", "DESCRIBE", "trig")]
)
def test_more_bytes_than_allowed_are_refused(store: Store, query: str, form: str, name: str) -> None:
    size = len(store.ask(query, form, name, LIMITS).body)
    assert len(store.ask(query, form, name, Limits(bytes=size)).body) == size
    with pytest.raises(AnswerTooLarge, match="bytes"):
        store.ask(query, form, name, Limits(bytes=size - 1))


@pytest.mark.parametrize(("form", "name"), [("SELECT", "turtle"), ("DESCRIBE", "json"), ("SELECT", "parquet")])
def test_format_that_does_not_fit_is_a_key_error(store: Store, form: str, name: str) -> None:
    """Callers check formats first (kb.query.pool.check_format); the store itself never guesses."""
    with pytest.raises(KeyError):
        store.ask(INCIDENTS, form, name, LIMITS)


# services of others, and what they do wrong

Reply = Callable[["_Handler"], None]


class _Handler(BaseHTTPRequestHandler):
    reply: Reply
    seen: list[tuple[str, dict[str, str], str]]

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
        self.seen.append((self.path, dict(self.headers), body))
        type(self).reply(self)

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing on the standard error."""

    def answer(self, status: int, body: bytes, kind: str = "application/sparql-results+json", **headers: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", headers.pop("length", str(len(body))))
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)


@pytest.fixture
def play() -> Iterator[Callable[[Reply], tuple[RemoteStore, list[tuple[str, dict[str, str], str]]]]]:
    """Start a service that answers every request by a function."""
    running: list[tuple[ThreadingHTTPServer, threading.Thread]] = []

    def start(reply: Reply) -> tuple[RemoteStore, list[tuple[str, dict[str, str], str]]]:
        handler = type("Handler", (_Handler,), {"reply": staticmethod(reply), "seen": []})
        server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        running.append((server, thread))
        return RemoteStore(f"http://127.0.0.1:{server.server_port}/sparql"), handler.seen

    yield start
    for server, thread in running:
        server.shutdown()
        thread.join()
        server.server_close()


Play = Callable[[Reply], tuple[RemoteStore, list[tuple[str, dict[str, str], str]]]]
QUERY = "# DELETE comments that ask for INSERT\nSELECT ?s { ?s ?p 'é &=+%' }"


def _json(rows: int) -> bytes:
    bindings = [{"s": {"type": "uri", "value": f"urn:{n}"}} for n in range(rows)]
    return json.dumps({"head": {"vars": ["s"]}, "results": {"bindings": bindings}}).encode()


def _ask(store: RemoteStore, name: str = "json", limits: Limits = LIMITS, form: str = "SELECT") -> Answer:
    return store.ask(QUERY, form, name, limits)


def test_remote_asks_by_form_post_and_names_one_format(play: Play) -> None:
    """Virtuoso hangs on a POST of application/sparql-query."""
    store, seen = play(lambda it: it.answer(200, _json(2)))
    assert _ask(store).rows == 2
    ((path, headers, body),) = seen
    assert path == "/sparql"
    assert headers["Content-Type"] == "application/x-www-form-urlencoded"
    assert headers["Accept"] == "application/sparql-results+json"
    assert parse_qs(body)["query"] == [QUERY]
    assert "update" not in parse_qs(body)


def test_remote_takes_a_type_with_parameters(play: Play) -> None:
    store, _ = play(lambda it: it.answer(200, _json(1), "application/sparql-results+json; charset=utf-8"))
    assert _ask(store).rows == 1


def test_remote_takes_a_chunked_answer(play: Play) -> None:
    def chunked(it: _Handler) -> None:
        it.protocol_version = "HTTP/1.1"
        it.send_response(200)
        it.send_header("Content-Type", "application/sparql-results+json")
        it.send_header("Transfer-Encoding", "chunked")
        it.send_header("Connection", "close")
        it.end_headers()
        body = _json(500)
        for start in range(0, len(body), 700):
            part = body[start : start + 700]
            it.wfile.write(f"{len(part):x}\r\n".encode() + part + b"\r\n")
        it.wfile.write(b"0\r\n\r\n")

    store, _ = play(chunked)
    assert _ask(store).rows == 500


def test_remote_refuses_what_the_service_cut_in_silence(play: Play) -> None:
    """Virtuoso cuts at ResultSetMaxRows and says so in a header only."""
    store, _ = play(lambda it: it.answer(200, _json(10), X_SPARQL_MaxRows="10"))
    with pytest.raises(AnswerTooLarge, match="the service cuts there"):
        _ask(store)
    store, _ = play(lambda it: it.answer(200, _json(9), X_SPARQL_MaxRows="10"))
    assert _ask(store).rows == 9


@pytest.mark.parametrize(
    ("status", "kind", "said"),
    [
        (500, ServiceFailed, "500|internal|failed"), (502, ServiceFailed, "answered 502"), (503, ServiceFailed, "503"),
        (404, ServiceFailed, "failed.*no such place"), (401, ServiceFailed, "failed"),
        (403, ServiceFailed, "answered 403"), (400, QueryInvalid, "refuses the query.*no such place"),
    ],
)  # fmt: skip
def test_remote_tells_what_the_service_answered(play: Play, status: int, kind: type[MizanError], said: str) -> None:
    store, _ = play(lambda it: it.answer(status, b"no such place\nsecond line", "text/plain"))
    with pytest.raises(kind, match=said) as caught:
        _ask(store)
    assert store.url in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("kind", ["text/html", "text/csv", "application/octet-stream", "", "nonsense"])
def test_remote_refuses_another_content_type(play: Play, kind: str) -> None:
    store, _ = play(lambda it: it.answer(200, _json(1), kind))
    with pytest.raises(ServiceFailed, match=r"application/sparql-results\+json was asked for"):
        _ask(store)


@pytest.mark.parametrize(
    ("body", "name", "kind", "form"),
    [
        (b"", "json", "application/sparql-results+json", "SELECT"),
        (_json(3)[:-20], "json", "application/sparql-results+json", "SELECT"),
        (b"<html>", "xml", "application/sparql-results+json", "SELECT"),
        (_json(3)[:-20], "xml", "application/sparql-results+json", "SELECT"),
        (b'{"head": {}, "boolean": true}', "json", "application/sparql-results+json", "SELECT"),
        (_json(1), "json", "application/sparql-results+json", "ASK"),
        (b"<urn:a> <urn:b> ", "turtle", "text/turtle", "CONSTRUCT"),
        (b"[{", "jsonld", "application/ld+json", "DESCRIBE"),
        (b"s\r\n\xff\xfe\r\n", "csv", "application/sparql-results+json", "SELECT"),
    ],
)  # fmt: skip
def test_remote_refuses_what_breaks_off_or_is_something_else(
    play: Play, body: bytes, name: str, kind: str, form: str
) -> None:
    store, _ = play(lambda it: it.answer(200, body, kind))
    with pytest.raises(ServiceFailed, match="answered what is not"):
        _ask(store, name, form=form)


@pytest.mark.parametrize(
    ("body", "form", "name"),
    [
        (_json(3)[:-4] + b"The SPARQL operation has been cancelled", "SELECT", "csv"),
        (b"<urn:a> <urn:b> <urn:c> .\n\n##  Query cancelled due to timeout during execution   ##\n"
         b"##  ****          Incomplete results           ****   ##\n", "CONSTRUCT", "turtle"),
    ],
)  # fmt: skip
def test_remote_finds_a_timeout_inside_an_answer(play: Play, body: bytes, form: str, name: str) -> None:
    """As Oxigraph and Fuseki were seen to write them; in Turtle Fuseki's is a comment."""
    kind = "text/turtle" if name == "turtle" else "application/sparql-results+json"
    store, _ = play(lambda it: it.answer(200, body, kind))
    with pytest.raises(QueryTimeout, match="gave up in the middle"):
        _ask(store, name, form=form)


@pytest.mark.parametrize(
    ("environment", "header"),
    [({"MIZAN_STORE_TOKEN": "s3cret"}, "Bearer s3cret"),
     ({"MIZAN_STORE_USER": "u", "MIZAN_STORE_PASSWORD": "p"}, "Basic dTpw"), ({}, None)],
)  # fmt: skip
def test_remote_says_who_asks_to_the_service_alone(
    play: Play, monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], header: str | None
) -> None:
    for key, value in environment.items():
        monkeypatch.setenv(key, value)
    store, seen = play(lambda it: it.answer(200, _json(1)))
    _ask(store)
    store.update("INSERT DATA { <urn:a> <urn:b> <urn:c> }")
    assert [headers.get("Authorization") for _, headers, _ in seen] == [header, header]
    assert parse_qs(seen[1][2])["update"] == ["INSERT DATA { <urn:a> <urn:b> <urn:c> }"]


def test_remote_keeps_a_password_out_of_clear_lines_and_addresses(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UsageError, match="has a user name or password in it") as caught:
        RemoteStore("https://me:s3cret@example.org/sparql")
    assert "s3cret" not in str(caught.value)
    monkeypatch.setenv("MIZAN_STORE_TOKEN", "s3cret")
    with pytest.raises(UsageError, match="in the clear") as caught:
        _ask(RemoteStore("http://example.org/sparql"))
    assert "s3cret" not in str(caught.value)


def test_remote_takes_no_password_along_where_it_is_sent_elsewhere(play: Play, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MIZAN_STORE_TOKEN", "s3cret")
    seen: list[str | None] = []

    def get(it: _Handler) -> None:
        seen.append(it.headers.get("Authorization"))
        it.answer(200, _json(1))

    monkeypatch.setattr(_Handler, "do_GET", get, raising=False)
    other, _ = play(lambda it: it.answer(200, _json(1)))
    store, _ = play(lambda it: it.answer(302, b"", Location=other.url))
    _ask(store)
    assert seen == [None]


def test_remote_refuses_an_answer_whose_end_is_missing(play: Play) -> None:
    """A CSV that is cut at a line looks whole; its announced length tells."""
    body = b"s\r\nurn:1\r\nurn:2\r\n"
    store, _ = play(lambda it: it.answer(200, body[:-7], "text/csv", length=str(len(body))))
    with pytest.raises(ServiceFailed, match="broke off: 7 bytes of its answer are missing"):
        _ask(store, "csv")


def test_remote_refuses_a_chunked_answer_that_stops(play: Play) -> None:
    def stop(it: _Handler) -> None:
        it.protocol_version = "HTTP/1.1"
        it.send_response(200)
        it.send_header("Content-Type", "text/csv")
        it.send_header("Transfer-Encoding", "chunked")
        it.end_headers()
        it.wfile.write(b"9\r\ns\r\nurn:1\r\n\r\n")
        it.close_connection = True

    store, _ = play(stop)
    with pytest.raises(ServiceFailed):
        _ask(store, "csv")


def test_remote_stops_waiting(play: Play) -> None:
    done = threading.Event()
    store, _ = play(lambda it: done.wait(10) and None)
    started = time.monotonic()
    with pytest.raises(QueryTimeout, match="did not answer in 1 s"):
        _ask(store, limits=Limits(seconds=1.0))
    assert time.monotonic() - started < 4.0
    done.set()


def test_remote_stops_reading_a_drip(play: Play) -> None:
    """Each byte comes in time, the whole never would."""
    done = threading.Event()

    def drip(it: _Handler) -> None:
        it.send_response(200)
        it.send_header("Content-Type", "text/csv")
        it.end_headers()
        while not done.wait(0.1):
            it.wfile.write(b"urn:x\r\n")
            it.wfile.flush()

    store, _ = play(drip)
    started = time.monotonic()
    with pytest.raises(QueryTimeout):
        _ask(store, "csv", Limits(seconds=1.0))
    assert time.monotonic() - started < 4.0
    done.set()


def test_remote_stops_reading_what_is_too_large(play: Play) -> None:
    done = threading.Event()

    def flood(it: _Handler) -> None:
        it.send_response(200)
        it.send_header("Content-Type", "text/csv")
        it.end_headers()
        try:
            while not done.is_set():
                it.wfile.write(b"urn:x\r\n" * 10_000)
        except OSError:
            done.set()

    store, _ = play(flood)
    with pytest.raises(AnswerTooLarge, match="bytes"):
        _ask(store, "csv", Limits(bytes=1_000_000))
    assert done.wait(5), "the connection was closed"


def test_remote_says_when_nobody_listens(play: Play) -> None:
    store, _ = play(lambda it: None)
    nobody = RemoteStore(store.url.replace("127.0.0.1", "127.0.0.2"))
    with pytest.raises(ServiceFailed, match="cannot be reached.*refused.*Check the address"):
        _ask(nobody)


@pytest.mark.parametrize("reply", [b"", b"not http at all\r\n\r\n", b"HTTP/1.1 "], ids=["nothing", "nonsense", "half"])
def test_remote_says_when_it_is_not_http(play: Play, reply: bytes) -> None:
    def speak(it: _Handler) -> None:
        it.wfile.write(reply)
        it.close_connection = True

    store, _ = play(speak)
    with pytest.raises(ServiceFailed):
        _ask(store)


@pytest.mark.parametrize(
    "url", ["", "example.org/sparql", "file:///etc/passwd", "ftp://a/", "http://", "http:///x", "javascript:1"]
)
def test_remote_takes_web_addresses_only(url: str) -> None:
    with pytest.raises(UsageError, match="not the address of a service.*Start it with http"):
        RemoteStore(url)


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:99999/", "http://127.0.0.1:x/", f"http://{'a' * 70}/", "http://a b/", "http://[::/"]
)
def test_remote_says_when_an_address_cannot_be(url: str) -> None:
    with pytest.raises(ServiceFailed):
        _ask(RemoteStore(url))


def test_command_asks_a_service(mizan: Callable[..., tuple[int, str, str]], service: str) -> None:
    code, out, err = mizan("query", "provisions_invoked_by_report", "--service", service)
    assert (code, err) == (0, "")
    assert "row" in out
    code, out, err = mizan("query", "provisions_invoked_by_report", "--service", service + "/nowhere")
    assert (code, out) == (2, "")
    assert err.startswith("mizan: ") and err.count("\n") == 1
