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
from dataclasses import dataclass
from itertools import islice
from multiprocessing import active_children, get_context
from multiprocessing.process import BaseProcess
from pathlib import Path
from statistics import median

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
RUNS = 3
_JENA = """
import java.lang.management.*; import org.apache.jena.graph.*; import org.apache.jena.riot.RDFDataMgr;
import org.apache.jena.shacl.*; import org.apache.jena.sparql.graph.GraphFactory;
public class Jena { public static void main(String[] a) {
  Shapes shapes = Shapes.parse(RDFDataMgr.loadGraph(a[0])); ThreadMXBean me = ManagementFactory.getThreadMXBean();
  com.sun.management.OperatingSystemMXBean all =
    (com.sun.management.OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean();
  for (int i = 0; i < Integer.parseInt(a[2]); i++) {
    System.gc();
    long t0 = System.nanoTime(), p0 = all.getProcessCpuTime(), c0 = me.getCurrentThreadCpuTime();
    Graph data = GraphFactory.createDefaultGraph(); RDFDataMgr.read(data, a[1]);
    long t1 = System.nanoTime(), c1 = me.getCurrentThreadCpuTime(), p1 = all.getProcessCpuTime();
    ValidationReport r = ShaclValidator.get().validate(shapes, data);
    long t2 = System.nanoTime(), c2 = me.getCurrentThreadCpuTime(), p2 = all.getProcessCpuTime();
    long n = r.getEntries().stream().filter(e -> e.focusNode().toString().contains("/incident/")).count();
    System.out.println((t2-t1) / 1e9 + " " + (c2-c1) / 1e9 + " " + (p2-p1) / 1e9 + " " + (t2-t0) / 1e9 + " "
      + (c2-c0) / 1e9 + " " + (p2-p0) / 1e9 + " " + n);
  } } }
"""


@dataclass(frozen=True, slots=True)
class Taken:
    """Seconds by the clock, of processor by the threads that do the work, and of processor in all."""

    clock: float
    work: float
    whole: float


def real() -> list[str]:
    """The incidents of the UCDP table as canonical N-Triples, each with what the mapping adds to it."""
    intake = tabular.read(UCDP, mapping.load("ucdp-ged"), finder(None), lambda rows: None)
    return [ntriples(r.triples) for r in intake.records if "/incident/" in r.iri]


def multiplied(texts: Sequence[str], part: range) -> Iterator[str]:
    """Records by number: each text again under another name, and every fiftieth of them made wrong."""
    for number in part:
        text = texts[number % len(texts)]
        iri = text[1 : text.index(">")].partition("#")[0]
        own = iri.rpartition("/")[2]
        again = text.replace(f"<{iri}", f"<{iri}-{number}")
        # no two records have the same texts: what is remembered of one must not be worth more than it would be
        again = again.replace(f'"{own}"', f'"{own}-{number}"').replace(f"(UCDP {own})", f"(UCDP {own}-{number})")
        yield made_wrong(again, "a value lost", number) if number % 50 == 0 else again


def known(texts: Sequence[str]) -> dict[str, Sequence[str]]:
    """The classes of all that the records point to: what is shipped, and what the mapping makes beside them."""
    plan = mapping.load("ucdp-ged")
    beside = tabular.read(UCDP, plan, finder(None), lambda rows: None).records
    types: dict[str, Sequence[str]] = dict(shipped_types())
    for made in [*plan.reference, *beside]:
        types |= types_in(ntriples(made.triples))
    return {n: k for text in texts for n, k in closure(compiled.shipped(), text, types).items()}


def alone(
    sources: list[str], types: dict[str, Sequence[str]], part: range, runs: int
) -> tuple[list[tuple[float, float]], int, float]:
    """One process, which makes its records as it goes: seconds and processor seconds of checking in each run.

    And the findings, and the peak in MiB. What a run remembers of values is not there in the next.
    """
    checker, taken, found = compiled.shipped(), [], 0
    for _ in range(runs):
        made, known, wall, busy, found = multiplied(sources, part), dict(types), 0.0, 0.0, 0
        while batch := list(islice(made, 150)):
            start, began = time.perf_counter(), time.process_time()
            found += len(checker.examine(batch, known).findings)
            wall, busy = wall + time.perf_counter() - start, busy + time.process_time() - began
        taken.append((wall, busy))
    return taken, found, peak()


def rate(name: str, seconds: float, records: int, triples: int, more: str = "") -> float:
    """Print and give the records of `TRIPLES` triples checked in a second."""
    standard = triples / TRIPLES / seconds
    say(name, f"{records / seconds:10,.0f} records/s   {standard:10,.0f} of {TRIPLES} triples/s   {more}")
    return standard


def workers(
    sources: list[str], types: dict[str, Sequence[str]], triples: int, cores: int, runs: int = RUNS
) -> list[Taken]:
    """Text in, findings out, in processes that own their checker, as the workers of an import do."""
    parts = [range(at * COUNT // cores, (at + 1) * COUNT // cores) for at in range(cores)]
    with get_context("spawn").Pool(cores) as pool:
        done = pool.starmap(alone, [(sources, types, part, runs) for part in parts])
    taken = []
    for beside in zip(*(d[0] for d in done), strict=True):  # the same run in each process
        busy = sum(b for _, b in beside)
        taken.append(Taken(max(wall for wall, _ in beside), busy, busy))
    busy, found, memory = median(t.work for t in taken), sum(d[1] for d in done), sum(d[2] for d in done)
    said = f"{busy / COUNT * 1e6:.0f} µs of processor each, {found:,} findings, peak {memory:.0f} MiB"
    rate(f"compiled shapes, {cores} core{'s' * (cores > 1)}", median(t.clock for t in taken), COUNT, triples, said)
    return taken


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


def spent(processes: Sequence[BaseProcess]) -> float:
    """Processor seconds of this process and of others so far."""
    ticks = 0
    for process in processes:
        fields = Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()
        ticks += int(fields[11]) + int(fields[12])
    return time.process_time() + ticks / os.sysconf("SC_CLK_TCK")


def from_file(texts: list[str], types: dict[str, Sequence[str]]) -> tuple[list[Taken], int]:
    """From a file of N-Triples to the findings, with two processes that have started: each run, and the findings."""
    taken = []
    with tempfile.TemporaryDirectory() as name, Validator(types_only(types), processes=2) as validator:
        path = Path(name) / "data.nt"
        path.write_text("".join(texts), encoding="utf-8")
        for run in range(1 + RUNS):  # the first starts the processes
            before, start = spent(active_children()) if run else 0.0, time.perf_counter()
            found = sum(1 for _ in validator.stream(by_record(path)))
            seconds = time.perf_counter() - start
            busy = spent(active_children()) - before
            taken.append(Taken(seconds, busy, busy))
    return taken[1:], found


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


def jena(jars: Path, texts: list[str], types: dict[str, Sequence[str]], expected: int) -> tuple[list[Taken], ...]:
    """Apache Jena on the same records, in one warm machine: each run without loading the file, and with it."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        # Jena takes one message of a SPARQL constraint, and stops at two
        queries = set(shapes().subjects(RDFLIB_RDF.type, SH.SPARQLConstraint))
        plain = oracle.without(shapes(), lambda t: t[1] == SH.message and t[0] in queries)
        plain.serialize(folder / "shapes.ttl", format="turtle", encoding="utf-8")
        lines = [f"{node} {RDF.type} {kind} .\n" for node, kinds in types.items() for kind in kinds]
        (folder / "data.nt").write_text("".join([*texts, *lines]), encoding="utf-8")
        (folder / "Jena.java").write_text(_JENA, encoding="utf-8")
        command = ["java", "-cp", f"{jars.resolve()}/*", "Jena.java", "shapes.ttl", "data.nt", str(1 + RUNS)]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True)
    bare, whole = [], []
    for line in done.stdout.splitlines()[1:]:  # the first run warms the machine
        *figures, found = map(float, line.split())
        assert found == expected, f"Jena has {found:.0f} results, ours {expected}"
        bare.append(Taken(*figures[:3]))
        whole.append(Taken(*figures[3:]))
    return bare, whole


def compare(name: str, ours: list[Taken], theirs: list[Taken]) -> None:
    """Ours and Jena's runs of one task in the table: medians by the clock, and of processor time."""
    mine, other = (
        Taken(*(median(getattr(t, kind) for t in runs) for kind in Taken.__slots__)) for runs in (ours, theirs)
    )
    each, work, whole = (f"{seconds / COUNT * 1e6:.0f} µs" for seconds in (mine.work, other.work, other.whole))
    say(f"  {name}: ours", f"{COUNT / mine.clock:10,.0f} records/s   {each} of processor each")
    say(f"  {name}: Apache Jena", f"{COUNT / other.clock:10,.0f} records/s   {work} of processor each, {whole} in all")
    say(f"  {name}: by the clock", f"{other.clock / mine.clock:.1f} times as fast")
    less = (
        f"{other.work / mine.work:.1f} times as little, {other.whole / mine.work:.1f} of all that Jena's machine takes"
    )
    say(f"  {name}: of processor", less)


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
    workers(sources, types, triples, 1, 1)
    bare = workers(sources, types, triples, 2)
    ours(texts, types, triples)
    whole, found = from_file(texts, types)
    rate("file to findings, two processes", median(t.clock for t in whole), COUNT, triples, f"{found:,} findings")
    importing(texts, types)
    one(texts, types)
    slow = pyshacl(texts[:SAMPLE], types)
    fast = triples / TRIPLES / median(t.clock for t in bare)
    say("  two cores of ours against one of pySHACL", f"{fast / slow:.0f} times as fast")
    if len(sys.argv) > 1:
        their_bare, their_whole = jena(Path(sys.argv[1]), texts, types, found)
        say(f"both warm, medians of {RUNS} runs, ours on two cores, Jena on one", f"load {os.getloadavg()[0]:.1f}")
        compare("data at hand to report", bare, their_bare)
        compare("file to report", whole, their_whole)


if __name__ == "__main__":
    main()
