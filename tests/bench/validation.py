"""Run with `python -m tests.bench.validation [JARS]`: records checked in a second, by us and by pySHACL on the same.

The records are those that the mapping makes of the real UCDP table, multiplied under other names. JARS is a folder
with the jars of jena-shacl and a logger (`mvn dependency:copy-dependencies`); with it Apache Jena runs as well, on
the same records and shapes in the same run, and its results about the records are as many as our findings. Jena's file
holds beside the records the classes of the nodes that they point to, which ours is told as an import tells it.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from itertools import islice
from multiprocessing import get_context
from pathlib import Path

from rdflib import RDF as RDFLIB_RDF
from rdflib.namespace import SH

from kb.canonical import ntriples
from kb.ingest import mapping, tabular
from kb.ingest.known import finder
from kb.ns import RDF
from kb.record import Record
from kb.validation import Validator, compiled, oracle
from kb.validation.facts import types_in
from kb.validation.oracle import shapes
from tests.bench.__main__ import UCDP, say
from tests.bench.screening import peak
from tests.validation_peer import closure, difference, made_wrong, record, shipped_types, types_only

COUNT = 21_000
SAMPLE = 150
TRIPLES = 70  # of a record of the size that the goal names
_JENA = """
import java.lang.management.*; import org.apache.jena.graph.*; import org.apache.jena.riot.RDFDataMgr;
import org.apache.jena.shacl.*; import org.apache.jena.sparql.graph.GraphFactory;
public class Jena { public static void main(String[] a) {
  Shapes shapes = Shapes.parse(RDFDataMgr.loadGraph(a[0])); ThreadMXBean me = ManagementFactory.getThreadMXBean();
  for (int i = 0; i < 3; i++) {
    long t0 = System.nanoTime(); Graph data = GraphFactory.createDefaultGraph(); RDFDataMgr.read(data, a[1]);
    long t1 = System.nanoTime(), c1 = me.getCurrentThreadCpuTime();
    ValidationReport r = ShaclValidator.get().validate(shapes, data);
    long t2 = System.nanoTime(), c2 = me.getCurrentThreadCpuTime();
    long n = r.getEntries().stream().filter(e -> e.focusNode().toString().contains("/incident/")).count();
    System.out.println((t1-t0) / 1e9 + " " + (t2-t1) / 1e9 + " " + (c2-c1) / 1e9 + " " + n);
  } } }
"""


def real() -> list[str]:
    """The incidents of the UCDP table as canonical N-Triples, each with what the mapping adds to it."""
    intake = tabular.read(UCDP, mapping.load("ucdp-ged"), finder(None), lambda rows: None)
    return [ntriples(r.triples) for r in intake.records if "/incident/" in r.iri]


def multiplied(texts: Sequence[str], part: range) -> Iterator[str]:
    """Records by number: each text again under another name, and every fiftieth of them made wrong."""
    for number in part:
        text = texts[number % len(texts)]
        iri = text[1 : text.index(">")].partition("#")[0]
        again = text.replace(f"<{iri}", f"<{iri}-{number}")
        yield made_wrong(again, "a value lost", number) if number % 50 == 0 else again


def known(texts: Sequence[str]) -> dict[str, Sequence[str]]:
    """The classes of all that the records point to: what is shipped, and what the mapping makes beside them."""
    plan = mapping.load("ucdp-ged")
    beside = tabular.read(UCDP, plan, finder(None), lambda rows: None).records
    types: dict[str, Sequence[str]] = dict(shipped_types())
    for made in [*plan.reference, *beside]:
        types |= types_in(ntriples(made.triples))
    return {n: k for text in texts for n, k in closure(compiled.shipped(), text, types).items()}


def alone(sources: list[str], types: dict[str, Sequence[str]], part: range) -> tuple[float, float, int, float]:
    """One process, which makes its records as it goes: seconds and processor seconds checking, findings, peak MiB."""
    checker, made = compiled.shipped(), multiplied(sources, part)
    wall = busy = found = 0.0
    while batch := list(islice(made, 150)):
        start, began = time.perf_counter(), time.process_time()
        found += len(checker.examine(batch, types).findings)
        wall, busy = wall + time.perf_counter() - start, busy + time.process_time() - began
    return wall, busy, int(found), peak()


def rate(name: str, seconds: float, records: int, triples: int, more: str = "") -> float:
    """Print and give the records of `TRIPLES` triples checked in a second."""
    standard = triples / TRIPLES / seconds
    say(name, f"{records / seconds:10,.0f} records/s   {standard:10,.0f} of {TRIPLES} triples/s   {more}")
    return standard


def workers(sources: list[str], types: dict[str, Sequence[str]], triples: int, cores: int) -> float:
    """Text in, findings out, in processes that own their checker, as the workers of an import do."""
    parts = [range(at * COUNT // cores, (at + 1) * COUNT // cores) for at in range(cores)]
    with get_context("spawn").Pool(cores) as pool:
        done = pool.starmap(alone, [(sources, types, part) for part in parts])
    busy, found, memory = (sum(figures) for figures in list(zip(*done, strict=True))[1:])
    said = f"{busy / COUNT * 1e6:.0f} µs of processor each, {found:,} findings, peak {memory:.0f} MiB"
    return rate(f"compiled shapes, {cores} core{'s' * (cores > 1)}", max(d[0] for d in done), COUNT, triples, said)


def by_record(path: Path) -> Iterator[str]:
    """The records of a file of N-Triples in which the lines of a record stand together."""
    lines: list[str] = []
    begun = ("",)
    with path.open(encoding="utf-8", newline="\n") as file:
        for line in file:
            if lines and not line.startswith(begun):
                yield "".join(lines)
                lines = []
            if not lines:
                record = line[: line.index(">")].partition("#")[0]
                begun = (f"{record}>", f"{record}#")
            lines.append(line)
    if lines:
        yield "".join(lines)


def from_file(texts: list[str], types: dict[str, Sequence[str]], triples: int) -> tuple[float, int]:
    """From a file of N-Triples to the findings, with reading it and starting two processes: rate and findings."""
    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / "data.nt"
        path.write_text("".join(texts), encoding="utf-8")
        start = time.perf_counter()
        with Validator(types_only(types), processes=2) as validator:
            found = sum(1 for _ in validator.stream(by_record(path)))
        seconds = time.perf_counter() - start
    return rate("file to findings, two processes", seconds, len(texts), triples, f"{found:,} findings"), found


def ours(texts: list[str], types: dict[str, Sequence[str]], triples: int) -> None:
    """The whole way: a stream, and records as an import holds them."""
    with Validator(types_only(types), processes=2) as validator:
        list(validator.stream(iter(texts[:4000])))  # the processes have started
        start = time.perf_counter()
        found = sum(1 for _ in validator.stream(iter(texts)))
    rate("stream through two processes", time.perf_counter() - start, len(texts), triples, f"{found:,} findings")
    records: list[Record] = [record(text) for text in texts]
    start = time.perf_counter()
    with Validator(types_only(types), processes=2) as validator:
        found = len(validator.validate(records))
    rate("Validator.validate, starting two processes counted", time.perf_counter() - start, len(texts), triples,
         f"{found:,} findings")  # fmt: skip


def importing(texts: list[str], types: dict[str, Sequence[str]]) -> None:
    """As a worker of an import asks: a thousand records at a time, in one process that knows nothing of the others."""
    records = [Record(text[1 : text.index(">")].partition("#")[0], text=text) for text in texts[:4000]]
    taken = []
    for at in range(0, len(records), 1000):
        began = time.process_time()
        Validator(types_only(types), processes=1).validate(records[at : at + 1000])
        taken.append(time.process_time() - began)
    say("by a worker of an import, 1,000 at a time", f"{sorted(taken)[1] * 1000:.0f} µs of processor each")


def one(texts: list[str], types: dict[str, Sequence[str]]) -> None:
    """One record at a time."""
    checker = compiled.shipped()
    taken = []
    for text in texts[:1000]:
        start = time.perf_counter()
        checker.check(text, types)
        taken.append(time.perf_counter() - start)
    say("one record, median", f"{sorted(taken)[500] * 1e6:.0f} µs")


def pyshacl(texts: list[str], types: dict[str, Sequence[str]]) -> float:
    """pySHACL on a batch of the same records, one core, with the same findings."""
    oracle.check(texts[:1], types, shapes())
    start = time.perf_counter()
    theirs = oracle.check(texts, types, shapes())
    seconds = time.perf_counter() - start
    found = [f for text in texts for f in compiled.shipped().check(text, types)]
    assert difference(found, theirs) == {}
    same = f"{len(theirs)} findings, ours the same"
    return rate(f"pySHACL, {len(texts)} of them", seconds, len(texts), sum(t.count("\n") for t in texts), same)


def jena(
    jars: Path, texts: list[str], types: dict[str, Sequence[str]], triples: int, expected: int
) -> tuple[float, float]:
    """Apache Jena on the same records, the fastest of three runs in one warm machine: without and with loading."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        # Jena takes one message of a SPARQL constraint, and stops at two
        queries = set(shapes().subjects(RDFLIB_RDF.type, SH.SPARQLConstraint))
        plain = oracle.without(shapes(), lambda t: t[1] == SH.message and t[0] in queries)
        plain.serialize(folder / "shapes.ttl", format="turtle", encoding="utf-8")
        lines = [f"{node} {RDF.type} {kind} .\n" for node, kinds in types.items() for kind in kinds]
        (folder / "data.nt").write_text("".join([*texts, *lines]), encoding="utf-8")
        (folder / "Jena.java").write_text(_JENA, encoding="utf-8")
        command = ["java", "-cp", f"{jars}/*", "Jena.java", "shapes.ttl", "data.nt"]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True)
    runs = [line.split() for line in done.stdout.splitlines()]
    load, seconds, busy, found = min((tuple(map(float, run)) for run in runs), key=lambda run: run[1])
    said = f"{busy / COUNT * 1e6:.0f} µs of processor each, {found:,.0f} results, {load:.1f} s to load"
    assert found == expected, f"Jena has {found:.0f} results, ours {expected}"
    bare = rate("Apache Jena, loading not counted", seconds, COUNT, triples, said)
    whole = min(float(run[0]) + float(run[1]) for run in runs)
    return bare, rate("Apache Jena, file to report", whole, COUNT, triples)


def main() -> None:
    """Run everything."""
    sources = real()
    texts = list(multiplied(sources, range(COUNT)))
    types = known(texts)
    triples = sum(text.count("\n") for text in texts)
    say("machine", f"{os.cpu_count()} cores, Python {sys.version.split()[0]}")
    say("records, triples each, classes of other nodes", f"{len(texts):,}, {triples / len(texts):.0f}, {len(types):,}")
    start = time.perf_counter()
    compiled.Compiled(shapes())
    say("compiling the shapes, once a process", f"{time.perf_counter() - start:.2f} s")
    workers(sources, types, triples, 1)
    best = workers(sources, types, triples, 2)
    ours(texts, types, triples)
    whole, found = from_file(texts, types, triples)
    importing(texts, types)
    one(texts, types)
    slow = pyshacl(texts[:SAMPLE], types)
    say("  two cores of ours against one of pySHACL", f"{best / slow:.0f} times as fast")
    if len(sys.argv) > 1:
        bare, loaded = jena(Path(sys.argv[1]), texts, types, triples, found)
        say("  file to report, ours against Jena", f"{whole / loaded:.1f} times as fast")
        say("  our text to findings, two cores, against Jena without loading", f"{best / bare:.1f} times as fast")


if __name__ == "__main__":
    main()
