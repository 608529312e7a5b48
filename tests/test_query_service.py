"""The one way out: services that the operator allows, at public addresses, within the limits of the query."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs

import pytest

from kb.errors import AnswerTooLarge, MizanError, QueryRefused, QueryTimeout
from kb.query import caller
from kb.query.guard import allowed_calls, form_of
from kb.query.policy import Policy
from kb.query.pool import QueryFailed, QueryPool
from kb.store.base import Limits
from kb.store.local import LocalStore
from kb.store.remote import ServiceFailed

ROW = b'{"x":{"type":"literal","value":"from elsewhere"}}'


class Other(BaseHTTPRequestHandler):
    """Another SPARQL service; what it does is in its path."""

    heard: list[tuple[str, str]] = []

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        self.heard.append((self.path, parse_qs(body)["query"][0]))
        if self.path == "/elsewhere":
            self.send_response(302)
            self.send_header("Location", "/sparql")
            self.end_headers()
            return
        if self.path == "/broken":
            self.send_error(500)
            return
        if self.path == "/slow":
            time.sleep(6)
        rows = b",".join([ROW] * (150_000 if self.path == "/large" else 1))
        answer = b'{"head":{"vars":["x"]},"results":{"bindings":[' + rows + b"]}}"
        self.send_response(200)
        self.send_header("Content-Type", "application/sparql-results+json")
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        try:
            self.wfile.write(answer)
        except OSError:
            return

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture(scope="module")
def other() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Other)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("calls")
    made = LocalStore(folder / "store")
    made.load(b'<urn:a> <urn:p> "from here" .\n')
    made.copy_to(folder / "copy")
    return folder / "copy"


@pytest.fixture(scope="module")
def pool(other: str) -> Iterator[QueryPool]:
    names = ("/sparql", "/elsewhere", "/broken", "/slow", "/large")
    services = tuple(other + name for name in names)
    with QueryPool(1, Limits(seconds=4.0, bytes=5_000_000), Policy(services=services)) as made:
        yield made


@pytest.fixture
def as_public(monkeypatch: pytest.MonkeyPatch) -> None:
    """The tests have no open internet: the loopback stands for it, and only here."""
    monkeypatch.setattr(caller, "is_public", lambda address: address == "127.0.0.1")


def query(other: str, path: str, silent: str = "") -> str:
    return f"SELECT ?o ?x {{ <urn:a> <urn:p> ?o SERVICE {silent} <{other}{path}> {{ ?x <urn:q> ?y }} }}"


def test_allowed_service_is_called_from_a_worker_without_network(
    pool: QueryPool, store: Path, other: str, as_public: None
) -> None:
    Other.heard.clear()
    answer = pool.ask(store, query(other, "/sparql"), "csv")
    assert answer.body == b"o,x\r\nfrom here,from elsewhere\r\n"
    ((path, asked),) = Other.heard
    assert path == "/sparql" and "<urn:q>" in asked and "<urn:p>" not in asked
    graph = f"CONSTRUCT {{ <urn:r> <urn:s> ?x }} WHERE {{ SERVICE <{other}/sparql> {{ ?x ?y ?z }} }}"
    assert b"from elsewhere" in pool.ask(store, graph, "ntriples").body
    assert all(worker.network is False for worker in pool._all)


def test_service_at_a_private_address_is_not_called(pool: QueryPool, store: Path, other: str) -> None:
    Other.heard.clear()
    with pytest.raises(ServiceFailed, match=r"is at 127\.0\.0\.1, which is not a public address"):
        pool.ask(store, query(other, "/sparql"), "csv")
    assert Other.heard == []


@pytest.mark.parametrize(
    ("path", "kind", "word"),
    [
        ("/elsewhere", ServiceFailed, "redirects are not followed"), ("/broken", ServiceFailed, "answered 500"),
        ("/slow", QueryTimeout, "did not answer in time|longer than 4 s"), ("/large", AnswerTooLarge, "bytes"),
    ],
)  # fmt: skip
def test_service_that_fails_is_told_and_the_next_query_answers(
    pool: QueryPool, store: Path, other: str, path: str, kind: type[MizanError], word: str, as_public: None
) -> None:
    with pytest.raises(kind, match=word):
        pool.ask(store, query(other, path), "csv")
    assert pool.ask(store, "SELECT ?o { ?s ?p ?o }", "csv").rows == 1
    assert [path for path, _ in Other.heard].count("/sparql") <= 3, "the redirect was not followed"


def test_silent_service_that_fails_leaves_its_part_empty(
    pool: QueryPool, store: Path, other: str, as_public: None
) -> None:
    assert pool.ask(store, query(other, "/broken", "SILENT"), "csv").body == b"o,x\r\nfrom here,\r\n"


@pytest.mark.parametrize(
    "call",
    [
        "SERVICE <http://127.0.0.1:9/> { ?x ?y ?z }", "SERVICE <http://127.0.0.1:9/sparql/> { ?x ?y ?z }",
        "VALUES ?v { <http://127.0.0.1:9/sparql> } SERVICE ?v { ?x ?y ?z }", "SERVICE a:sparql { ?x ?y ?z }",
        "SERVICE:sparql { ?x ?y ?z }", "SERVICE <sparql> { ?x ?y ?z }",
        "SERVICE <http://127.0.0.1:9/sparql> { SERVICE <http://127.0.0.1:8/> { ?x ?y ?z } }",
        "?x ?y ?z FILTER(?x<?b#>'''\n)SERVICE <http://127.0.0.1:9/sparql>{ ?a ?b ?c }#'''\n",
    ],
)
def test_every_call_but_of_an_allowed_name_as_written_is_refused(call: str) -> None:
    text = f"PREFIX a: <http://127.0.0.1:9/> PREFIX : <http://127.0.0.1:9/> SELECT * {{ {call} }}"
    with pytest.raises(QueryRefused, match="SERVICE in line"):
        form_of(text, ["http://127.0.0.1:9/sparql"])


def test_allowed_calls_are_found_where_they_stand() -> None:
    text = "SELECT * { SERVICE <urn:a> { ?x ?y 'SERVICE <urn:a> {' } SERVICE # c\n SILENT<urn:b>{ } }"
    assert [(text[a:b], n) for a, b, n in allowed_calls(text, ["urn:b", "urn:a"])] == [("<urn:a>", 1), ("<urn:b>", 0)]
    with pytest.raises(QueryRefused, match="Allowed here: urn:b"):
        form_of(text, ["urn:b"])


PRIVATE = [
    "127.0.0.1", "127.8.8.8", "10.0.0.1", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.0",
    "224.0.0.1", "255.255.255.255", "192.0.2.1", "198.18.0.1", "::1", "::", "fe80::1", "fe80::1%eth0", "fc00::1",
    "ff02::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "2002:7f00:1::", "2002:a00:1::", "2001:db8::1", "64:ff9b:1::1",
    "64:ff9b::a00:1",
]  # fmt: skip


@pytest.mark.parametrize("address", PRIVATE)
def test_address_that_is_not_of_the_open_internet_is_not_public(address: str) -> None:
    assert not caller.is_public(address)


@pytest.mark.parametrize("address", ["93.184.215.14", "2606:2800:21f:cb07:6820:80da:af6b:8b2c", "1.1.1.1"])
def test_address_of_the_open_internet_is_public(address: str) -> None:
    assert caller.is_public(address)


def test_name_with_one_private_address_among_others_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    def two(host: str, port: int, **kind: object) -> list[tuple[object, ...]]:
        return [(socket.AF_INET, 1, 6, "", (address, port)) for address in ("1.1.1.1", "10.1.2.3")]

    monkeypatch.setattr(socket, "getaddrinfo", two)
    with pytest.raises(ServiceFailed, match=r"sparql\.example\.org is at 10\.1\.2\.3"):
        caller.call("https://sparql.example.org/", b"ASK {}", "*/*", 1.0, 1000)


def test_worker_without_allowed_services_has_no_outlet(store: Path) -> None:
    with QueryPool(1, Limits(seconds=5.0)) as pool:
        (worker,) = pool._all
        request = {
            "store": str(store), "query": "SELECT * { SERVICE <http://127.0.0.1:1/0> { ?x ?y ?z } }", "form": "SELECT",
            "format": "json", "rows": 9, "bytes": 999, "seconds": 5.0,
        }  # fmt: skip
        head, _ = worker.ask(request, 5.0)
        assert head["error"] == QueryFailed.__name__
