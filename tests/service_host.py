"""SPARQL services of others, started on loopback for tests: Oxigraph's server, Fuseki, Virtuoso."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

FUSEKI = "jena-fuseki-server-5.2.0.jar"
CUT = 100  # rows at which our Virtuoso cuts
SECONDS = 6  # that our services give a query
_INI = """
[Database]
DatabaseFile = virtuoso.db
ErrorLogFile = virtuoso.log
LockFile = virtuoso.lck
TransactionFile = virtuoso.trx
xa_persistent_file = virtuoso.pxa
[TempDatabase]
DatabaseFile = virtuoso-temp.db
TransactionFile = virtuoso-temp.trx
[Parameters]
ServerPort = 127.0.0.1:{sql}
DisableUnixSocket = 1
NumberOfBuffers = 4000
MaxDirtyBuffers = 3000
CheckpointInterval = 0
[HTTPServer]
ServerPort = 127.0.0.1:{http}
ServerRoot = .
MaxClientConnections = 4
ServerThreads = 4
[SPARQL]
ResultSetMaxRows = {cut}
MaxQueryExecutionTime = {seconds}
"""


@dataclass(frozen=True, slots=True)
class Host:
    """A running service: what it is, and where it takes queries and updates."""

    kind: str
    query: str
    update: str


def _port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _jar() -> Path:
    folder = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "mizan-tests"
    assert (folder / FUSEKI).is_file(), f"{folder / FUSEKI} is needed: .ci/run fetches it with Maven"
    return folder / FUSEKI


@contextmanager
def _running(command: list[str], folder: Path, url: str) -> Iterator[None]:
    with (folder / "out.log").open("wb") as log:
        process = subprocess.Popen(command, cwd=folder, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    try:
        deadline = time.monotonic() + 120
        while True:
            assert process.poll() is None, (folder / "out.log").read_text(errors="replace")[-2000:]
            assert time.monotonic() < deadline, f"{command[0]} did not start"
            try:
                with urllib.request.urlopen(url, timeout=5):
                    break
            except urllib.error.HTTPError as answered:
                answered.close()
                break
            except OSError:
                time.sleep(0.1)
        yield
    finally:
        process.kill()
        process.wait()


@contextmanager
def oxigraph(folder: Path) -> Iterator[Host]:
    """Oxigraph's own server (PyPI: oxigraph)."""
    root = f"127.0.0.1:{_port()}"
    command = [str(Path(sys.executable).parent / "oxigraph"), "serve", "--bind", root, "--timeout-s", str(SECONDS)]
    with _running(command, folder, f"http://{root}/"):
        yield Host("oxigraph", f"http://{root}/query", f"http://{root}/update")


@contextmanager
def fuseki(folder: Path) -> Iterator[Host]:
    """Apache Jena Fuseki (Maven Central: jena-fuseki-server)."""
    port = _port()
    command = ["java", "-Xmx512m", "-jar", str(_jar()), "--localhost", f"--port={port}", "--update", "--mem",
               f"--timeout={SECONDS * 1000}", "/kb"]  # fmt: skip
    root = f"http://127.0.0.1:{port}/kb"
    with _running(command, folder, f"{root}/sparql"):
        yield Host("fuseki", f"{root}/sparql", f"{root}/update")


@contextmanager
def virtuoso(folder: Path) -> Iterator[Host]:
    """Virtuoso (Debian: virtuoso-opensource-7-bin), where everybody on this machine may write."""
    assert shutil.which("virtuoso-t"), "virtuoso-t is needed: .ci/run installs virtuoso-opensource-7-bin"
    sql, http = _port(), _port()
    (folder / "virtuoso.ini").write_text(_INI.format(sql=sql, http=http, cut=CUT, seconds=SECONDS))
    command = ["virtuoso-t", "+configfile", "virtuoso.ini", "+foreground"]
    url = f"http://127.0.0.1:{http}/sparql"
    with _running(command, folder, url):
        grant = ["isql-vt", f"127.0.0.1:{sql}", "dba", "dba", 'exec=GRANT SPARQL_UPDATE TO "SPARQL";']
        subprocess.run(grant, check=True, capture_output=True, timeout=120)
        yield Host("virtuoso", url, url)


HOSTS = {"oxigraph": oxigraph, "fuseki": fuseki, "virtuoso": virtuoso}
