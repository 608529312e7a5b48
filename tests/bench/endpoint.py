"""Run with `python -m tests.bench.endpoint [seconds]`: what a query costs over HTTP, alone, in a crowd, under attack.

The server is a process of its own, as `mizan serve` starts it; each client has an address of its own (127.0.0.x), as
clients have in the world, since places are granted to addresses. Clients and server share the two cores.
"""

from __future__ import annotations

import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.parse import quote

from pyoxigraph import Literal, NamedNode, QueryResultsFormat, Triple
from pyoxigraph import Store as Oxigraph

from kb.cli import main as mizan
from kb.paths import Home
from kb.store.local import LocalStore
from tests.bench.figure import say

ROWS = 100_000
MZ = "https://w3id.org/mizan/ontology#"
RUNAWAY = "SELECT (COUNT(*) AS ?n) { ?a ?b ?c . ?d ?e ?f . ?g ?h ?i }"
TABLE = f"SELECT ?s ?o {{ ?s <urn:bench:p> ?o }} LIMIT {ROWS}"


def point(number: int) -> str:
    """A query for what is said of one of the bench's nodes: never the same twice in a row."""
    return f"SELECT ?p ?o {{ <urn:bench:{number}> ?p ?o }}"


class Client:
    """One kept connection from an address of its own, with as little Python as can be."""

    def __init__(self, port: int, number: int, path: str = "/sparql") -> None:
        self.path = path
        self.socket = socket.create_connection(("127.0.0.1", port), source_address=(f"127.0.0.{number}", 0))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def get(self, query: str, name: str = "application/sparql-results+json") -> tuple[int, float, int]:
        """Status, seconds to the first byte, bytes of the body."""
        started = time.perf_counter()
        address = f"{self.path}?query={quote(query)}"
        self.socket.sendall(f"GET {address} HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: {name}\r\n\r\n".encode())
        data = self.socket.recv(1 << 16)
        first = time.perf_counter() - started
        while b"\r\n\r\n" not in data:
            data += self.socket.recv(1 << 16)
        head, _, body = data.partition(b"\r\n\r\n")
        lengths = [int(line[15:]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")]
        if not lengths:  # in chunks: the other server sends so, and what we ask of it is short
            while not body.endswith(b"0\r\n\r\n"):
                body += self.socket.recv(1 << 16)
        length, got = (lengths or [0])[0], len(body)
        while got < length:
            got += len(self.socket.recv(1 << 20))
        return int(head[9:12]), first, got


@contextmanager
def served(home: Path, seconds: float) -> Iterator[int]:
    """The port of a server over `home` whose queries may take so long."""
    (home / "service.toml").write_text(f"[query]\nseconds = {seconds}\n")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "kb.cli", "serve", "--home", str(home), "--port", str(port)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        for _ in range(200):
            with suppress(OSError):
                Client(port, 99).get("ASK {}")
                break
            time.sleep(0.1)
        yield port
    finally:
        process.terminate()
        process.wait()


@contextmanager
def peer(store: Path) -> Iterator[int | None]:
    """The port of the `oxigraph` server over the same store, or None where it is not installed."""
    command = shutil.which("oxigraph")
    if command is None:
        yield None
        return
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    arguments = [command, "serve-read-only", "--location", str(store), "--bind", f"127.0.0.1:{port}"]
    process = subprocess.Popen(arguments, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        for _ in range(100):
            with suppress(OSError):
                socket.create_connection(("127.0.0.1", port)).close()
                break
            time.sleep(0.1)
        yield port
    finally:
        process.terminate()
        process.wait()


def percentile(values: list[float], share: float) -> float:
    """The value that this share of all lies below, in milliseconds."""
    return sorted(values)[min(len(values) - 1, int(share * len(values)))] * 1000


def alone(port: int, store: Oxigraph, other: int | None) -> None:
    """One client and no crowd, beside the engine in this process, and its own server, on the same queries."""
    client, raw, through, beside = Client(port, 2), [], [], []
    rival = Client(other, 2, "/query") if other else None
    for number in range(2_000):
        query = point(number * 7 % ROWS)
        started = time.perf_counter()
        store.query(query).serialize(format=QueryResultsFormat.JSON)  # type: ignore[union-attr]
        raw.append(time.perf_counter() - started)
        started = time.perf_counter()
        assert client.get(query)[0] == 200
        through.append(time.perf_counter() - started)
        if rival:
            started = time.perf_counter()
            assert rival.get(query)[0] == 200
            beside.append(time.perf_counter() - started)
    over = (statistics.median(through) - statistics.median(raw)) * 1000
    say("point query, engine alone: median", f"{percentile(raw, 0.5):.2f} ms")
    ends = f"{percentile(through, 0.5):.2f}, {percentile(through, 0.99):.1f} ms"
    say("the same over HTTP, one client: median, p99", ends)
    say("what we add", f"{over:.2f} ms")
    if beside:
        ends = f"{percentile(beside, 0.5):.2f}, {percentile(beside, 0.99):.1f} ms"
        say("the oxigraph server, one client: median, p99", ends)


def crowd(port: int, seconds: float, rate: float, label: str, runaway: bool = False) -> None:
    """Eight clients: `rate` queries a second in all, or as fast as they can with 0; with a runaway beside them."""
    taken: list[float] = []
    errors: list[int] = []
    killed: list[int] = []
    until = time.perf_counter() + seconds

    def ask(number: int) -> None:
        client, sent = Client(port, 10 + number), time.perf_counter() + number / max(rate, 1)
        while (now := time.perf_counter()) < until:
            if rate:
                time.sleep(max(0.0, sent - now))
                started, sent = sent, sent + 8 / rate  # what comes late because the last one hung counts as late
            else:
                started = now
            status = client.get(point(int(now * 1e6) % ROWS))[0]
            taken.append(time.perf_counter() - started)
            errors.extend([status] if status != 200 else [])

    def run_away() -> None:
        client = Client(port, 77)
        while time.perf_counter() < until:
            killed.append(client.get(RUNAWAY)[0])

    threads = [threading.Thread(target=ask, args=(n,)) for n in range(8)]
    threads += [threading.Thread(target=run_away)] if runaway else []
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    figures = f"median {percentile(taken, 0.5):.1f} ms, p99 {percentile(taken, 0.99):.1f} ms, "
    figures += f"{len(taken) / seconds:,.0f}/s, errors {len(errors)}"
    if runaway:
        assert set(killed) == {503}
        figures += f", {len(killed)} runaways killed"
    say(label, figures)


def large(port: int, store: Oxigraph) -> None:
    """A table of 100,000 rows: the first byte here, beside the last byte of the engine."""
    client, raw, first, last = Client(port, 3), [], [], []
    for _ in range(7):
        started = time.perf_counter()
        body = store.query(TABLE).serialize(format=QueryResultsFormat.CSV)  # type: ignore[union-attr]
        raw.append(time.perf_counter() - started)
        assert body is not None
        started = time.perf_counter()
        status, begun, got = client.get(TABLE, "text/csv")
        last.append(time.perf_counter() - started)
        first.append(begun)
        assert (status, got) == (200, len(body))
    middle = statistics.median(raw)
    say(f"CSV of {ROWS:,} rows: engine alone to its end", f"{middle * 1000:.0f} ms")
    ends = f"{statistics.median(first) * 1000:.0f}, {statistics.median(last) * 1000:.0f} ms"
    say("first byte, last byte over HTTP", ends)
    say("first byte ÷ engine", f"{statistics.median(first) / middle:.2f}")


def main(seconds: float = 60.0) -> None:
    """Build the demonstration with the bench's nodes in its snapshot, and measure."""
    folder = Path(tempfile.mkdtemp(prefix="mizan-serving-"))
    try:
        mizan(["demo", "--no-serve", "--home", str(folder / "home")])
        home = Home(folder / "home")
        snapshot = home.snapshots / home.current.read_text().strip() / "store"
        nodes = [NamedNode(f"urn:bench:{n}") for n in range(ROWS)]
        writable = LocalStore(snapshot)
        writable.add(Triple(node, NamedNode("urn:bench:p"), Literal(n)) for n, node in enumerate(nodes))
        writable.compact()
        del writable
        store = Oxigraph.read_only(str(snapshot))
        with served(home.root, 10.0) as port:
            with peer(snapshot) as other:
                alone(port, store, other)
            large(port, store)
            crowd(port, min(seconds, 20), 0, "8 clients, as fast as they can")
            crowd(port, min(seconds, 20), 200, "8 clients, 200/s in all")
        with served(home.root, 1.0) as port:
            crowd(port, seconds, 200, f"the same for {seconds:g} s, a runaway killed every second", runaway=True)
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main(float(sys.argv[1]) if len(sys.argv) > 1 else 60.0)
