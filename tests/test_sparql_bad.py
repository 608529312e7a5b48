"""Bad questions and bad clients, over real connections: each ends in time, with the right status, and alone.

The server is the one of `mizan serve`, on a port of its own, with tight limits so that the tests are quick.
"""

from __future__ import annotations

import http.client
import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from urllib.parse import quote

import pytest

from kb.knowledgebase import KnowledgeBase
from kb.store.base import Limits
from web import serve
from web.serve import listen, make_server

SECONDS = 1.0
POINT = "ASK { <https://w3id.org/mizan/id/actor/airwars> ?p ?o }"
ENDLESS = "SELECT (COUNT(*) AS ?n) { ?a ?b ?c . ?d ?e ?f . ?g ?h ?i }"
LARGE = "SELECT * { ?s ?p ?o }"
DIRECT = {"Content-Type": "application/sparql-query"}


@pytest.fixture(scope="module")
def base(demo: KnowledgeBase) -> Iterator[KnowledgeBase]:
    limits = Limits(seconds=SECONDS, rows=100_000, bytes=32 * 2**20, memory=2**30)
    with KnowledgeBase.open(demo.home.root, limits, workers=3) as base:
        yield base


@contextmanager
def served(base: KnowledgeBase) -> Iterator[int]:
    with listen("127.0.0.1", 0) as taken:
        server = make_server(base, taken, "127.0.0.1")
        number = taken.getsockname()[1]
        thread = threading.Thread(target=server.run, daemon=True)
        thread.start()
        yield number
        server.asyncore.close_all(server._map)
        thread.join(5)
        server.task_dispatcher.shutdown()


@pytest.fixture(scope="module")
def port(base: KnowledgeBase) -> Iterator[int]:
    with served(base) as number:
        yield number


Got = tuple[int, dict[str, str], bytes]


def send(port: int, method: str, path: str, body: bytes | None = None, **headers: str) -> Got:
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=30)) as connection:
        connection.request(method, path, body, {name.replace("_", "-"): value for name, value in headers.items()})
        with connection.getresponse() as response:
            return response.status, dict(response.getheaders()), response.read()


def get(port: int, query: str, **headers: str) -> Got:
    return send(port, "GET", f"/sparql?query={quote(query)}", **headers)


def post(port: int, query: bytes, kind: str = "application/sparql-query") -> Got:
    return send(port, "POST", "/sparql", query, Content_Type=kind)


NESTED = "SELECT * " + "{" * 20_000 + "}" * 20_000
BAD = {
    "malformed percent-encoding": (lambda p: send(p, "GET", "/sparql?query=ASK%20%7B%7"), {400}),
    "two query parameters": (lambda p: send(p, "GET", "/sparql?query=ASK%7B%7D&query=ASK%7B%7D"), {400}),
    "a query of 10 MB": (lambda p: post(p, b"ASK { ?s ?p '" + b"x" * 10_000_000 + b"' }"), {413}),
    "deep nesting": (lambda p: post(p, NESTED.encode()), {400, 413}),
    "deep nesting of brackets": (
        lambda p: post(p, b"ASK { FILTER(" + b"(" * 50_000 + b")" * 50_000 + b") }"), {400, 413}
    ),
    "a query in Latin-1": (lambda p: post(p, "ASK { ?s ?p 'café' }".encode("latin-1")), {400}),
    "Latin-1 said to be so": (
        lambda p: post(p, "ASK { ?s ?p 'café' }".encode("latin-1"), "application/sparql-query; charset=ISO-8859-1"),
        {400},
    ),
    "unknown format": (lambda p: send(p, "GET", f"/sparql?query={quote(POINT)}&format=docx"), {400}),
    "nothing that it has": (lambda p: get(p, POINT, Accept="image/png, video/*"), {406}),
    "a Cartesian product": (lambda p: get(p, ENDLESS), {503}),
    "a regular expression that explodes": (
        lambda p: get(p, "SELECT ?o { ?s ?p ?o . ?a ?b ?c FILTER(REGEX(STR(?o), '^(([a-z ])+.)+[A-Z]([a-z])+$')) }"),
        {413, 503},
    ),
    "a regular expression of huge repetition": (
        lambda p: get(p, "SELECT ?o { ?s ?p ?o FILTER(REGEX(STR(?o), '((a{1,500}){1,500}){1,500}')) }"),
        {200, 413, 503},
    ),
    "property paths over everything": (
        lambda p: get(p, "SELECT (COUNT(*) AS ?n) { ?a (!<urn:x>|^!<urn:y>)* ?b }"), {413, 503}
    ),
    "ORDER BY of everything": (
        lambda p: get(p, "SELECT * { ?s ?p ?o . ?o ?q ?v . ?a ?b ?c } ORDER BY ?v ?p ?s"), {413, 503}
    ),
    "GROUP_CONCAT of everything": (
        lambda p: get(p, "SELECT (GROUP_CONCAT(?o; separator='; ') AS ?all) { ?s ?p ?o . ?a ?b ?c }"), {413, 503}
    ),
    "an answer without end": (lambda p: get(p, "SELECT * { ?s ?p ?o . ?a ?b ?c }"), {413, 503}),
    "a call of another server": (lambda p: get(p, "ASK { SERVICE <http://127.0.0.1:9/> { ?s ?p ?o } }"), {403}),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_bad_question_ends_in_time_and_the_next_is_answered(port: int, name: str) -> None:
    ask, statuses = BAD[name]
    started = time.monotonic()
    status, headers, body = ask(port)
    assert time.monotonic() - started < SECONDS + 8, "its limit, and what a crowded machine may take to say so"
    assert status in statuses, body[:300]
    if status >= 400:
        problem = json.loads(body)
        assert headers["Content-Type"] == "application/problem+json" and problem["status"] == status
        assert problem["what"] and "Traceback" not in body.decode()
        assert headers["Cache-Control"] == "no-store"
    assert get(port, POINT)[0] == 200


def test_accept_of_two_hundred_entries_is_read_to_its_end(port: int) -> None:
    accept = ", ".join(f"application/x-{n};q=0.{n % 9 + 1}" for n in range(199)) + ", text/csv;q=0.1"
    status, headers, _ = get(port, "SELECT (1 AS ?x) {}", Accept=accept)
    assert (status, headers["Content-Type"].partition(";")[0]) == (200, "text/csv")
    assert get(port, POINT, Accept=", ".join(["*/*;q=0"] * 200))[0] == 406


def test_address_longer_than_any_is_refused(port: int) -> None:
    assert get(port, "ASK { ?s ?p '" + "x" * 200_000 + "' }")[0] in {400, 414, 431}
    assert get(port, POINT)[0] == 200


def _request(query: str, name: str = "json") -> bytes:
    return f"GET /sparql?query={quote(query)}&format={name} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode()


def test_client_that_hangs_up_frees_its_worker(demo: KnowledgeBase) -> None:
    with KnowledgeBase.open(demo.home.root, Limits(seconds=60.0), workers=2) as base, served(base) as number:
        with socket.create_connection(("127.0.0.1", number)) as client:
            client.sendall(_request(ENDLESS))
            _until(lambda: base.pool().load().running == 1)
        _until(lambda: base.pool().load().running == 0)
        assert base.pool().load().replaced == {"client gone": 1}
        assert get(number, POINT)[0] == 200


def test_client_with_too_many_queries_is_told_so_and_others_are_not(port: int, base: KnowledgeBase) -> None:
    """Two of its queries run, eight wait, and what comes then is 429; another client is answered meanwhile."""
    clients = [socket.create_connection(("127.0.0.1", port), source_address=("127.0.0.5", 0)) for _ in range(14)]
    try:
        for client in clients:
            client.sendall(_request(ENDLESS))
        _until(lambda: base.pool().load().waiting >= 7)
        assert send(port, "GET", "/en/")[0] == 200, "pages have a worker of their own"
        statuses = sorted(int(client.makefile("rb").readline().split()[1]) for client in clients)
        assert set(statuses) <= {429, 503} and 429 in statuses and 503 in statuses
    finally:
        for client in clients:
            client.close()
    _until(lambda: base.pool().load().running == 0)
    assert get(port, POINT)[0] == 200


def test_client_that_reads_a_byte_a_second_takes_no_thread_and_is_cut_off(
    port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(serve, "_SEND_SECONDS", 2)
    monkeypatch.setattr(serve, "_SEND_RATE", 2**30)
    clients = []
    for _ in range(3):
        client = socket.socket()
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.connect(("127.0.0.1", port))
        client.sendall(_request(LARGE))
        clients.append(client)
    for client in clients:
        assert client.recv(1) == b"H"
    for _ in range(3):
        assert get(port, POINT)[0] == 200
        time.sleep(1)
        for client in clients:
            assert len(client.recv(1)) == 1
    time.sleep(1.5)
    for client in clients:
        got, length = 0, 0
        client.settimeout(10)
        try:
            while part := client.recv(1 << 20):
                got += len(part)
                length = length or int(part.partition(b"ontent-Length: ")[2].partition(b"\r")[0] or 0)
        except ConnectionError:
            pass
        client.close()
        assert got < length, "the rest was not sent"
    status, headers, body = get(port, LARGE)
    assert status == 200 and int(headers["Content-Length"]) == len(body) > 4_000_000


def test_clients_that_send_slowly_stop_nobody(port: int) -> None:
    slow = [socket.create_connection(("127.0.0.1", port)) for _ in range(60)]
    for client in slow:
        client.sendall(b"POST /sparql HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 1000\r\n\r\nquery=")
    started = time.monotonic()
    assert get(port, POINT)[0] == 200 and time.monotonic() - started < 5
    for client in slow:
        client.close()


def _until(true: object, seconds: float = 15.0) -> None:
    assert callable(true)
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.02)
