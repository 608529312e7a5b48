"""Query workers: every limit stops a query whole, nobody else waits for it, and a dead worker is replaced."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from pyoxigraph import Literal, NamedNode, Triple

from kb.errors import AnswerTooLarge, MizanError, QueryInvalid, QueryRefused, QueryTimeout
from kb.query.pool import QueryFailed, QueryPool
from kb.store.base import Limits
from kb.store.local import LocalStore

ROWS = 500
POINT = "SELECT ?o { <urn:s7> <urn:p> ?o }"
ENDLESS = "SELECT (COUNT(*) AS ?n) { ?a ?b ?c . ?d ?e ?f . ?g ?h ?i . ?j ?k ?l }"
GROWING = "SELECT * { ?a ?b ?c . ?d ?e ?f . ?g ?h ?i } ORDER BY ?a ?g ?d"


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store of some triples, as a copy that nobody writes to."""
    folder = tmp_path_factory.mktemp("pool")
    made = LocalStore(folder / "store")
    made.add(Triple(NamedNode(f"urn:s{n}"), NamedNode("urn:p"), Literal(n)) for n in range(ROWS))
    made.copy_to(folder / "copy")
    del made
    return folder / "copy"


@pytest.fixture
def pool() -> Iterator[QueryPool]:
    with QueryPool(2, Limits(seconds=20.0)) as pool:
        yield pool


def _workers(pool: QueryPool) -> list[int]:
    return sorted(worker._process.pid for worker in pool._all)


def test_pool_answers_in_every_format(pool: QueryPool, store: Path) -> None:
    for name in ("json", "xml", "csv", "tsv"):
        answer = pool.ask(store, POINT, name)
        assert b"7" in answer.body and answer.rows == 1
        assert b"true" in pool.ask(store, "ASK { <urn:s7> ?p 7 }", name).body
    for name in ("turtle", "ntriples", "jsonld", "rdfxml", "trig"):
        answer = pool.ask(store, "CONSTRUCT WHERE { <urn:s7> ?p ?o }", name)
        assert b"urn:s7" in answer.body and answer.rows == 1
        assert pool.ask(store, "DESCRIBE <urn:s7>", name).rows == 1


def test_pool_stops_a_query_that_runs_too_long(pool: QueryPool, store: Path) -> None:
    before = _workers(pool)
    started = time.monotonic()
    with pytest.raises(QueryTimeout, match=r"longer than 0\.5 s and was stopped: no part of an answer.*Narrow"):
        pool.ask(store, ENDLESS, "json", Limits(seconds=0.5))
    assert 0.5 <= time.monotonic() - started < 3.0
    assert pool.processes() == 2
    assert len(set(before) & set(_workers(pool))) == 1, "one was killed and another took its place"
    assert pool.ask(store, POINT, "csv").rows == 1


def test_pool_answers_others_while_a_query_runs_on(pool: QueryPool, store: Path) -> None:
    for _ in range(2):
        pool.ask(store, POINT, "csv")
    with ThreadPoolExecutor(1) as thread:
        endless = thread.submit(pool.ask, store, ENDLESS, "json", Limits(seconds=2.0))
        time.sleep(0.2)
        answered = 0
        while not endless.done():
            started = time.monotonic()
            assert pool.ask(store, POINT, "csv").rows == 1
            assert time.monotonic() - started < 1.0
            answered += 1
        assert isinstance(endless.exception(), QueryTimeout)
    assert answered > 50


def test_pool_serves_many_threads(pool: QueryPool, store: Path) -> None:
    def ask(number: int) -> bytes:
        return pool.ask(store, f"SELECT ?o {{ <urn:s{number}> ?p ?o }}", "csv").body

    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(ask, range(100)))
    assert answers == [f"o\r\n{n}\r\n".encode() for n in range(100)]


def test_pool_says_when_all_workers_are_busy(store: Path) -> None:
    with QueryPool(1, Limits(seconds=20.0)) as pool:
        pool.ask(store, POINT, "csv")
        with ThreadPoolExecutor(1) as thread:
            endless = thread.submit(pool.ask, store, ENDLESS, "json", Limits(seconds=1.5))
            time.sleep(0.3)
            with pytest.raises(QueryTimeout, match="workers are busy.*Try again"):
                pool.ask(store, POINT, "csv", Limits(seconds=0.2))
            assert isinstance(endless.exception(), QueryTimeout)


@pytest.mark.parametrize("name", ["json", "xml", "csv", "tsv"])
def test_pool_refuses_more_rows_than_allowed(pool: QueryPool, store: Path, name: str) -> None:
    query = "SELECT ?s { ?s ?p ?o }"
    assert pool.ask(store, query, name, Limits(rows=ROWS)).rows == ROWS
    with pytest.raises(AnswerTooLarge, match=f"more than {ROWS - 1} rows.*could be taken for a whole one.*LIMIT"):
        pool.ask(store, query, name, Limits(rows=ROWS - 1))
    assert pool.processes() == 2


@pytest.mark.parametrize("name", ["turtle", "ntriples", "jsonld", "rdfxml", "trig"])
def test_pool_refuses_more_triples_than_allowed(pool: QueryPool, store: Path, name: str) -> None:
    query = "CONSTRUCT WHERE { ?s ?p ?o }"
    assert pool.ask(store, query, name, Limits(rows=ROWS)).rows == ROWS
    with pytest.raises(AnswerTooLarge, match="rows"):
        pool.ask(store, query, name, Limits(rows=ROWS - 1))


def test_pool_refuses_more_bytes_than_allowed(pool: QueryPool, store: Path) -> None:
    for query, name in (("SELECT * { ?s ?p ?o }", "json"), ("CONSTRUCT WHERE { ?s ?p ?o }", "turtle")):
        size = len(pool.ask(store, query, name).body)
        assert len(pool.ask(store, query, name, Limits(bytes=size)).body) == size
        with pytest.raises(AnswerTooLarge, match="bytes"):
            pool.ask(store, query, name, Limits(bytes=size - 1))
    huge = "SELECT (CONCAT(?a, ?a, ?a, ?a) AS ?b) { VALUES ?a { '" + "x" * 100_000 + "' } ?s ?p ?o }"
    with pytest.raises(AnswerTooLarge, match="bytes"):
        pool.ask(store, huge, "csv", Limits(bytes=10_000_000))
    assert pool.processes() == 2


def test_pool_stops_a_query_that_takes_too_much_memory(store: Path) -> None:
    with QueryPool(2, Limits(seconds=60.0, memory=2**30)) as pool:
        assert pool.ask(store, POINT, "csv").rows == 1
        before = _workers(pool)
        with pytest.raises(AnswerTooLarge, match="memory than it may have: the cap is 1,024 MiB.*leave out ORDER BY"):
            pool.ask(store, GROWING, "csv")
        assert pool.processes() == 2
        assert _workers(pool) != before
        assert pool.ask(store, POINT, "csv").rows == 1


def test_pool_survives_a_query_nested_too_deep(pool: QueryPool, store: Path) -> None:
    """The parser's stack overflows and its process ends: an error for this one, nothing for the others."""
    with pytest.raises(MizanError):
        pool.ask(store, "SELECT * { FILTER(" + "(" * 100_000 + "1" + ")" * 100_000 + ") }", "csv")
    assert pool.processes() == 2
    assert pool.ask(store, POINT, "csv").rows == 1


def test_pool_replaces_workers_that_were_killed_while_they_waited(pool: QueryPool, store: Path) -> None:
    pool.ask(store, POINT, "csv")
    killed = _workers(pool)
    for worker in list(pool._all):
        os.kill(worker._process.pid, signal.SIGKILL)
        worker._process.wait()
    assert pool.processes() == 0
    assert pool.ask(store, POINT, "csv").rows == 1, "whoever asks next does not even notice"
    assert pool.ask(store, POINT, "csv").rows == 1
    assert not set(killed) & {worker._process.pid for worker in pool._all if worker.alive()}


def test_pool_says_when_a_worker_was_killed_at_work(pool: QueryPool, store: Path) -> None:
    with ThreadPoolExecutor(1) as thread:
        asked = thread.submit(pool.ask, store, ENDLESS, "json")
        time.sleep(0.5)
        (busy,) = (w for w in pool._all if w not in pool._free)
        os.kill(busy._process.pid, signal.SIGKILL)
        error = asked.exception(timeout=10)
    assert isinstance(error, QueryFailed)
    assert "ended from outside" in str(error)
    assert pool.processes() == 2
    assert pool.ask(store, POINT, "csv").rows == 1


def test_pool_refuses_before_a_worker_sees_it(pool: QueryPool, store: Path) -> None:
    with pytest.raises(QueryRefused):
        pool.ask(store, "SELECT * { SERVICE <http://127.0.0.1:9/> { ?s ?p ?o } }", "json")
    with pytest.raises(QueryInvalid, match="cannot be answered as turtle"):
        pool.ask(store, POINT, "turtle")


def test_pool_says_when_a_snapshot_is_gone(pool: QueryPool, store: Path) -> None:
    with pytest.raises(QueryFailed, match="no longer kept"):
        pool.ask(store.with_name("gone"), POINT, "csv")
    assert pool.ask(store, POINT, "csv").rows == 1
    assert not store.with_name("gone").exists()


def test_pool_changes_to_a_newer_store_and_back(pool: QueryPool, store: Path, tmp_path: Path) -> None:
    newer = LocalStore(tmp_path / "store")
    newer.add([Triple(NamedNode("urn:s7"), NamedNode("urn:p"), Literal("newer"))])
    newer.copy_to(tmp_path / "copy")
    del newer
    for _ in range(3):
        assert pool.ask(tmp_path / "copy", POINT, "csv").body == b"o\r\nnewer\r\n"
        assert pool.ask(store, POINT, "csv").body == b"o\r\n7\r\n"


def test_pool_closed_leaves_no_process(store: Path) -> None:
    pool = QueryPool(2)
    pids = _workers(pool)
    pool.ask(store, POINT, "csv")
    pool.close()
    pool.close()
    for pid in pids:
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)


@pytest.mark.parametrize(
    ("query", "line", "column"),
    [
        ("SELECT * {\n ?s ?p ]\n}", 2, None),
        ("SELECT * {\r\n\t?s ?p ]\r\n}", 2, None),
        ("SELECT * { ?s ex:p ?o }", 1, None),
        ("SELECT * { عربي ?p ?o }", 1, 12),
        ("SELECT * {\t\t}\n\t\t}", 2, 3),
        ("SELECT * { ?s ?p 'unclosed }", 1, None),
        ("SELECT *", 1, 9),
        ("SELECT *\n{\n", 3, 1),
    ],
)
def test_syntax_errors_carry_line_column_and_caret(
    pool: QueryPool, store: Path, query: str, line: int, column: int | None
) -> None:
    with pytest.raises(QueryInvalid) as caught:
        pool.ask(store, query, "json")
    error = caught.value
    text = query.replace("\r\n", "\n").replace("\t", " ").split("\n")[line - 1]
    assert error.line == line
    assert error.column == column if column else 1 <= error.column <= len(text) + 1
    assert error.excerpt == f"  {text}\n  {' ' * (error.column - 1)}^"
    assert error.why
    assert str(error).startswith(f"Line {line}, column {error.column}: ")
    assert str(error).count("\n") == 2


# the process itself


def test_worker_has_no_network(pool: QueryPool, store: Path) -> None:
    """This machine allows namespaces; where one does not, `network` says so and the guard stands alone."""
    for _ in range(4):
        pool.ask(store, POINT, "csv")
    used = [worker for worker in pool._all if worker._ready]
    assert used
    for worker in used:
        assert worker.network is False
        interfaces = Path(f"/proc/{worker._process.pid}/net/dev").read_text().splitlines()[2:]
        assert [line.split(":")[0].strip() for line in interfaces] == ["lo"]
        assert Path(f"/proc/{worker._process.pid}/net/route").read_text().count("\n") <= 1, "a header at most"


def test_worker_cannot_reach_a_service_even_when_nothing_guards_it(store: Path) -> None:
    """SERVICE is given to the worker directly, past the guard; a server that listens on this machine hears nothing."""
    heard = []
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(1.5)
        address = f"http://127.0.0.1:{server.getsockname()[1]}/"

        def listen() -> None:
            try:
                connection, _ = server.accept()
            except TimeoutError:
                return
            with connection:
                heard.append(connection.recv(100))

        thread = threading.Thread(target=listen)
        thread.start()
        with QueryPool(1, Limits(seconds=5.0)) as pool:
            worker = next(iter(pool._all))
            request = {
                "store": str(store), "query": f"SELECT * {{ SERVICE <{address}> {{ ?s ?p ?o }} }}", "form": "SELECT",
                "format": "json", "rows": 10, "bytes": 1000, "seconds": 5.0,
            }  # fmt: skip
            head, body = worker.ask(request, 5.0)
        thread.join()
    assert head["error"] == "QueryFailed" and body == b""
    assert heard == []


def test_worker_has_no_secrets_and_no_open_files(pool: QueryPool, store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MIZAN_SECRET", "not for workers")
    with QueryPool(1) as other:
        other.ask(store, POINT, "csv")
        (pid,) = _workers(other)
        environment = Path(f"/proc/{pid}/environ").read_bytes()
        assert b"MIZAN" not in environment and b"HOME=" not in environment
        opened = {os.readlink(path) for path in Path(f"/proc/{pid}/fd").iterdir()}
        assert not {name for name in opened if name.startswith("/") and str(store) not in name and "/dev/" not in name}


def test_worker_ends_when_nobody_listens_any_more(store: Path) -> None:
    """A killed server leaves no process behind, not even one with a query that never ends."""
    script = (
        "import sys, threading, time; from pathlib import Path\n"
        "from kb.query.pool import QueryPool; from kb.store.base import Limits\n"
        "pool = QueryPool(2); store = Path(sys.argv[1])\n"
        f"asked = (store, {ENDLESS!r}, 'json', Limits(seconds=1.0))\n"
        "threading.Thread(target=pool.ask, args=asked, daemon=True).start()\n"
        "time.sleep(0.6)\n"
        "print(*(w._process.pid for w in pool._all), flush=True)\n"
        "time.sleep(60)\n"
    )
    process = subprocess.Popen([sys.executable, "-c", script, str(store)], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    pids = [int(pid) for pid in process.stdout.readline().split()]
    process.kill()
    process.wait()
    process.stdout.close()
    assert len(pids) == 2
    deadline = time.monotonic() + 10.0  # the limit of the query, and the grace that the worker gives it
    while any(Path(f"/proc/{pid}").exists() and _running(pid) for pid in pids):
        assert time.monotonic() < deadline, "a worker outlived its server"
        time.sleep(0.05)


def _running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_worker_speaks_frames_only(store: Path) -> None:
    """Nothing that a library prints may reach the pipe of answers."""
    process = subprocess.Popen(
        [sys.executable, "-P", "-m", "kb.query.worker", str(2**31)], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[1])},
    )  # fmt: skip
    request = json.dumps({
        "store": str(store), "query": POINT, "form": "SELECT", "format": "csv", "rows": 9, "bytes": 999, "seconds": 5.0
    }).encode()  # fmt: skip
    out, _ = process.communicate(len(request).to_bytes(4, "big") + request, timeout=30)
    frames = []
    while out:
        length = int.from_bytes(out[:4], "big")
        frames.append(out[4 : 4 + length])
        out = out[4 + length :]
    ready, head, body = frames
    assert json.loads(ready)["ready"] is True
    assert json.loads(head) == {"media_type": "text/csv", "rows": 1}
    assert body == b"o\r\n7\r\n"
    assert process.returncode == 0
