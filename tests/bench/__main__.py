"""Run with `python -m tests.bench`: builds a knowledge base in a temporary folder and prints what each part costs."""

from __future__ import annotations

import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import rdflib

from kb import document, vocabulary
from kb.ingest import mapping, tabular
from kb.ingest.known import finder
from kb.knowledgebase import KnowledgeBase
from kb.query import saved

ROOT = Path(__file__).resolve().parents[2]
UCDP = ROOT.parent / "shared" / "data" / "ucdp-ged-syria-2016.csv"
INCIDENT = "https://w3id.org/mizan/id/incident/syria-2015-16/INC-021"
POINT = f"SELECT ?p ?o WHERE {{ <{INCIDENT}> ?p ?o }}"


def say(name: str, value: str) -> None:
    """Print one figure."""
    print(f"{name:<62} {value}", flush=True)


@contextmanager
def timed(name: str, of: int = 0) -> Iterator[None]:
    """Print how long the block took, and a rate if it handled `of` things."""
    start = time.perf_counter()
    yield
    took = time.perf_counter() - start
    say(name, f"{took:8.2f} s" + (f"   {of / took:8.0f}/s" if of else ""))


def median_ms(run: Callable[[], object], times: int) -> tuple[float, float]:
    """Median and 95th percentile of `times` runs in milliseconds, after one that is not counted."""
    run()
    taken = []
    for _ in range(times):
        start = time.perf_counter()
        run()
        taken.append((time.perf_counter() - start) * 1000)
    return statistics.median(taken), sorted(taken)[int(times * 0.95)]


def import_in_stages(base: KnowledgeBase) -> None:
    """The 3,601 UCDP rows, stage by stage; pySHACL is the reference that validates them."""
    plan = mapping.load("ucdp-ged")
    with timed("UCDP: read and map 3,601 rows", 3601):
        intake = tabular.read(UCDP, plan, finder(base.snapshot().store))
    records = [*plan.reference, *intake.records]
    triples = sum(len(r.triples) for r in records)
    say("UCDP: records and triples", f"{len(records):,} and {triples:,}")
    with timed("UCDP: validate with pySHACL on all cores", len(records)):
        findings = base.validate(records)
    say("UCDP: findings", str(len(findings)))
    with timed("UCDP: ledger, store, index, snapshot", len(records)):
        base.write(records, {"label": "bench"})
    with timed("UCDP: the whole import again, nothing written", 3601):
        done = base.import_table(plan, UCDP)
    assert done.outcome is not None and done.outcome.new == done.outcome.changed == 0
    with timed("ledger verify"):
        base.verify_ledger()


def queries(base: KnowledgeBase) -> None:
    """A point query through a worker, the same in rdflib, and the report queries."""
    middle, slow = median_ms(lambda: base.ask(POINT), 500)
    say("point query through a worker", f"median {middle:.2f} ms, p95 {slow:.2f} ms")
    graph = rdflib.Graph()
    for path in [*vocabulary.law_files(), *vocabulary.case_files()]:
        graph.parse(path, format="turtle")
    peer, _ = median_ms(lambda: list(graph.query(POINT)), 50)
    say("  peer: rdflib in memory, curated case only", f"median {peer:.2f} ms ({peer / middle:.0f} times ours)")
    for name in saved.names("report"):
        text = saved.load("report", name).bind({})
        middle, _ = median_ms(lambda text=text: base.ask(text), 5)  # type: ignore[misc]
        say(f"  report query {name}", f"median {middle:.1f} ms")


def pages(home: Path) -> None:
    """Pages over HTTP from a serving process of its own, and its memory."""
    port = 18_431
    command = [sys.executable, "-m", "kb.cli", "serve", "--home", str(home), "--port", str(port)]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    address = f"http://127.0.0.1:{port}"

    def get(path: str) -> bytes:
        with urllib.request.urlopen(address + path, timeout=30) as answer:
            body: bytes = answer.read()
            return body

    try:
        for _ in range(100):
            try:
                get("/en/")
                break
            except OSError:
                time.sleep(0.1)
        for path in ("/en/", "/en/incident/syria-2015-16/INC-021", "/ar/incident/syria-2015-16/INC-021",
                     "/en/provision/rome-statute/8-2-e-iv", "/en/instrument/rome-statute", "/en/actor/russia",
                     "/en/source/snhr-2016-08-17", "/en/dataset/ucdp-ged", "/en/search?q=hospital"):  # fmt: skip
            middle, slow = median_ms(lambda path=path: get(path), 60)  # type: ignore[misc]
            say(f"page {path}", f"median {middle:.1f} ms, p95 {slow:.1f} ms")
        status = Path(f"/proc/{server.pid}/status").read_text(encoding="ascii")
        kilobytes = next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS"))
        say("serving process, resident memory", f"{kilobytes / 1024:.0f} MiB")
    finally:
        server.terminate()
        server.wait()


def bundle(base: KnowledgeBase, folder: Path) -> None:
    """One bundle of one incident."""
    with timed("bundle of one incident"):
        made = base.bundle(["syria-2015-16/INC-021"], folder / "bundles")
    say("  files and bytes", f"{made.files} and {made.bytes:,}")


def main() -> None:
    """Run everything."""
    say("machine", json.dumps({"cpus": os.cpu_count(), "python": sys.version.split()[0]}))
    with tempfile.TemporaryDirectory() as name:
        home = Path(name) / "home"
        with timed("demo: vocabulary, law and curated case, validated"):
            base = KnowledgeBase.create(home)
            case = document.records([t for path in vocabulary.case_files() for t in document.read(path)])
            base.add(case, {"label": "bench"})
        with base:
            import_in_stages(base)
            queries(base)
            bundle(base, Path(name))
        size = sum(p.stat().st_size for p in home.rglob("*") if p.is_file() and "snapshots" not in p.parts)
        say("ledger, store and index on disk", f"{size / 2**20:.1f} MiB")
        pages(home)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    say("this process, peak memory", f"{peak:.0f} MiB")


if __name__ == "__main__":
    main()
