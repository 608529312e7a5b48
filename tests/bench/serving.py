"""What the site costs as the knowledge base grows: pages over HTTP from a serving process, its memory, a bundle."""

from __future__ import annotations

import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

from kb.knowledgebase import KnowledgeBase
from tests.bench import source
from tests.bench.figure import held, median_ms, say, timed

PATHS = (
    "/en/", "/en/incident/syria-2015-16/INC-021", "/ar/incident/syria-2015-16/INC-021",
    "/en/incident/ucdp-ged/10000000", "/en/provision/rome-statute/8-2-e-iv", "/en/instrument/rome-statute",
    "/en/actor/russia", "/en/source/snhr-2016-08-17", "/en/dataset/ucdp-ged", "/en/search?q=hospital",
)  # fmt: skip


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
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "kb.cli", "serve", "--home", str(home), "--port", str(port)]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    address = f"http://127.0.0.1:{port}"

    def get(path: str) -> bytes:
        with urllib.request.urlopen(address + path, timeout=60) as answer:
            body: bytes = answer.read()
            return body

    try:
        for _ in range(100):
            try:
                get("/en/help/")
                break
            except OSError:
                time.sleep(0.1)
        for path in PATHS:
            start = time.perf_counter()
            get(path)
            first = (time.perf_counter() - start) * 1000
            middle, slow = median_ms(lambda path=path: get(path), 40)  # type: ignore[misc]
            say(f"page {path}", f"median {middle:.1f} ms, p95 {slow:.1f} ms, first {first:.0f} ms")
        say("serving process, resident memory", f"{held(server.pid) / 1024:.0f} MiB")
    finally:
        server.terminate()
        server.wait()
