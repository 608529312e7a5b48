"""What the site costs as the knowledge base grows: each kind of page over HTTP from a serving process, and all mixed.

Mixed means a hundred requests a second for a minute, each at its own moment whether or not the others are answered; the
client runs on the same cores. `304` is what a client gets that holds the page already.
"""

from __future__ import annotations

import http.client
import itertools
import shutil
import socket
import subprocess
import sys
import threading
import time
import urllib.parse
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from kb.knowledgebase import KnowledgeBase
from tests.bench import source
from tests.bench.figure import held, median_ms, say, timed

PATHS = (
    "/en/", "/en/incident/syria-2015-16/INC-021", "/ar/incident/syria-2015-16/INC-021",
    "/en/incident/ucdp-ged/10000000", "/en/incidents", "/ar/incidents", "/en/incidents?more=1",
    "/en/incidents?place=SY02&object=medical-facility", "/ar/incidents?from=2016-02-27&sort=title", "/en/matrix",
    "/en/matrix?axis=object&place=SY07", "/en/charts?from=2016-04-20&to=2016-05-05&dataset=syria-2015-16",
    "/en/provision/rome-statute/8-2-e-iv", "/en/instrument/rome-statute", "/ar/instrument/unsc-2268",
    "/en/actor/russia", "/en/place/SY02", "/en/source/snhr-2016-08-17", "/en/dataset/ucdp-ged", "/en/queries/",
    "/en/queries/provisions_invoked_by_report?run=1", "/en/search?q=hospital", "/ar/search?q=مستشفى", "/en/law/status",
    "/en/help/researcher", "/sparql", "/api/incidents?limit=100", "/en/scheme/object-hit",
)  # fmt: skip
_RATE, _SECONDS, _CLIENTS = 100, 60, 16


def measure(folder: Path, size: int) -> None:
    """Pages, memory and a bundle at one size."""
    home = source.ready(folder, size)
    _pages(home)
    out = folder / str(size) / "bundles"
    shutil.rmtree(out, ignore_errors=True)
    with KnowledgeBase.open(home) as base:
        base.snapshot()
        with timed("bundle of one incident"):
            made = base.bundle(["syria-2015-16/INC-021"], out)
        say("  files and bytes", f"{made.files} files, {made.bytes:,} bytes")


def _pages(home: Path) -> None:
    with _server(home) as (port, pid):
        taken = []
        for path in PATHS:
            found = _timed(port, path)
            taken.append((sorted(found)[len(found) // 2], path))
        slowest = max(taken)
        say("every kind of page: median of the medians", f"{sorted(taken)[len(taken) // 2][0]:.1f} ms, "
            f"slowest {slowest[0]:.1f} ms ({slowest[1]})")  # fmt: skip
        _mixed(port, fresh=True)
        _mixed(port)
        say("serving process, resident memory", f"{held(pid) / 1024:.0f} MiB")


@contextmanager
def _server(home: Path) -> Iterator[tuple[int, int]]:
    """The port and the process of a site that answers."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "kb.cli", "serve", "--home", str(home), "--port", str(port)]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    try:
        for _ in range(100):
            try:
                _get(port, "/en/help/")
                break
            except OSError:
                time.sleep(0.1)
        yield port, server.pid
    finally:
        server.terminate()
        server.wait()


def _get(port: int, path: str, tag: str = "", *, fresh: bool = False) -> tuple[int, str, int]:
    """Status, entity tag and bytes of one answer, read to its end; a client with a cookie gets nothing made before."""
    client = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        also = {"If-None-Match": tag} if tag else {"Cookie": "a=b"} if fresh else {}
        headers = {"Accept": "text/html", **also}
        client.request("GET", urllib.parse.quote(path, safe="/?=&%"), headers=headers)
        answer = client.getresponse()
        return answer.status, answer.headers.get("ETag", ""), len(answer.read())
    finally:
        client.close()


def _timed(port: int, path: str) -> list[float]:
    """Milliseconds of a page made anew each time; beside, of one made before, and what a repeat is answered with."""
    start = time.perf_counter()
    status, tag, size = _get(port, path)
    first = (time.perf_counter() - start) * 1000
    again, _ = median_ms(lambda: _get(port, path), 20)
    taken = []
    for _ in range(40):
        start = time.perf_counter()
        _get(port, path, fresh=True)
        taken.append((time.perf_counter() - start) * 1000)
    ordered = sorted(taken)
    held_already = f", then {_get(port, path, tag)[0]}" if tag else ", no tag"
    say(f"page {path}", f"{status}, median {ordered[20]:.1f} ms, p95 {ordered[37]:.1f} ms, first {first:.0f} ms, "
        f"made before {again:.1f} ms, {size / 1000:.0f} kB{held_already}")  # fmt: skip
    return taken


def _mixed(port: int, *, fresh: bool = False) -> None:
    """All pages in turn at a rate, from several clients at once; each is due at its moment, late or not."""
    begin, turns, taken, wrong = time.perf_counter() + 0.5, itertools.count(), list[float](), list[str]()

    def client() -> None:
        while (turn := next(turns)) < _RATE * _SECONDS:
            due, path = begin + turn / _RATE, PATHS[turn * 7 % len(PATHS)]
            time.sleep(max(0.0, due - time.perf_counter()))
            try:
                status = _get(port, path, fresh=fresh)[0]
            except OSError as error:
                status = 0
                wrong.append(f"{path}: {error}")
            if status not in (0, 200):
                wrong.append(f"{path}: {status}")
            taken.append((time.perf_counter() - due) * 1000)

    clients = [threading.Thread(target=client) for _ in range(_CLIENTS)]
    for one in clients:
        one.start()
    for one in clients:
        one.join()
    ordered = sorted(taken)
    how = "each made anew" if fresh else "as they are served"
    say(f"mixed pages, {_RATE} a second for {_SECONDS} s, {how}", f"median {ordered[len(ordered) // 2]:.1f} ms, "
        f"p95 {ordered[int(len(ordered) * 0.95)]:.1f} ms, slowest {ordered[-1]:.0f} ms, {len(wrong)} errors"
        + (f" (such as {wrong[0]})" if wrong else ""))  # fmt: skip
