"""Run with `python -m tests.bench.screening`: a million incidents × the whole law, and what one change costs.

Every synthetic incident is drawn, the same in every run, column by column from the real incidents (the curated case
and UCDP): when from one, where from another, what was hit and how from a third, who from a fourth. So there are many
more combinations than in any real table. Its facts go through the same door as a record: triples in, outcomes out.
"""

from __future__ import annotations

import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from multiprocessing import get_context
from pathlib import Path

from pyoxigraph import Literal, NamedNode, Triple

from kb import document, vocabulary
from kb.applicability import Screener, law, projection, rule
from kb.applicability.facts import reported
from kb.applicability.law import Law
from kb.ingest import mapping
from kb.knowledgebase import KnowledgeBase
from kb.ns import ID, MZ, PREFIXES, RDF, SEM
from kb.store.local import LocalStore
from tests.bench.figure import median_ms, say, timed
from tests.bench.source import UCDP

MILLION = 1_000_000
PAIRWISE = 10_000
PEER = 2_000
_WHEN = {SEM.hasEarliestBeginTimeStamp, SEM.hasLatestEndTimeStamp}
_WHO = {MZ.allegedActor, MZ.side, MZ.confidence}
_WHERE = {NamedNode(PREFIXES["geo"] + "sfWithin"), MZ.withinPlace}
Parts = tuple[list[Triple], list[Triple], list[Triple], list[Triple]]


def split(triples: list[Triple]) -> Parts:
    """The triples of an incident by what they say: when, where, who, and everything else."""
    parts: Parts = ([], [], [], [])
    for t in triples:
        index = 0 if t.predicate in _WHEN else 1 if t.predicate in _WHERE else 2 if t.predicate in _WHO else 3
        parts[index].append(t)
    return parts


def synthetic(real: list[Parts], curated: int, count: int, seed: int) -> Iterator[list[Triple]]:
    """Incidents drawn column by column; every tenth takes what was hit, and who, from the curated case."""
    draw = random.Random(seed)
    size = len(real)
    for _ in range(count):
        when, where = real[draw.randrange(size)][0], real[draw.randrange(size)][1]
        top = curated if draw.random() < 0.1 else size
        who, what = real[draw.randrange(top)][2], real[draw.randrange(top)][3]
        yield [*when, *where, *who, *what]


def screened(rules: Law, real: list[Parts], curated: int, count: int, seed: int) -> tuple[int, Counter[str], float]:
    """Screen synthetic incidents: how many profiles, the outcomes of all pairs, and the share of time spent drawing."""
    start = time.process_time()
    for _ in synthetic(real, curated, count, seed):
        pass
    drawing = time.process_time() - start
    screener, profiles = Screener(rules), Counter[str]()
    for triples in synthetic(real, curated, count, seed):
        profiles[screener.profile(triples)] += 1
    total: Counter[str] = Counter()
    for name, incidents in profiles.items():
        for outcome in screener.outcomes(name).values():
            total[outcome.value] += incidents
    return len(profiles), total, drawing


def _core(home: str, count: int, seed: int) -> tuple[int, Counter[str], float, float, float]:
    store = LocalStore.read_only(Path(home))
    real, curated = incidents(store)
    found = screened(law.read(store), real, curated, count, seed)
    return *found, peak(), time.process_time()


def peak() -> float:
    """The most memory that this process has held, in MiB; what `getrusage` says starts from the parent's."""
    (line,) = [t for t in Path("/proc/self/status").read_text().splitlines() if t.startswith("VmHWM")]
    return int(line.split()[1]) / 1024


def incidents(store: LocalStore) -> tuple[list[Parts], int]:
    """The real incidents in parts, the curated first, and how many those are."""
    iris = sorted(n.value for n in store.subjects(RDF.type, MZ.Incident))
    iris.sort(key=lambda iri: "/syria-2015-16/" not in iri)
    return [split(store.record(iri)) for iri in iris], sum("/syria-2015-16/" in iri for iri in iris)


def million(store_folder: Path, rules: Law) -> None:
    """A million incidents on two cores, each with half of them and a store of its own to read."""
    pairs = MILLION * len(rules.scopes)
    start = time.perf_counter()
    with get_context("spawn").Pool(2) as pool:
        halves = pool.starmap(_core, [(str(store_folder), MILLION // 2, seed) for seed in (1, 2)])
    took = time.perf_counter() - start
    outcomes = sum((h[1] for h in halves), Counter[str]())
    assert sum(outcomes.values()) == pairs
    name = f"{MILLION:,} incidents × {len(rules.scopes)} provisions, two cores"
    say(name, f"{took:8.2f} s   {pairs / took:,.0f} pairs/s")
    say("  processor time, both cores together", f"{sum(h[4] for h in halves):8.2f} s")
    say("  of which drawing them once beforehand, each core", f"{max(h[2] for h in halves):8.2f} s")
    say("  profiles, each core", " and ".join(f"{h[0]:,}" for h in halves))
    say("  outcomes", ", ".join(f"{name} {n:,}" for name, n in sorted(outcomes.items())))
    say("  peak memory, both processes together", f"{sum(h[3] for h in halves):.0f} MiB")


def pairwise(rules: Law, real: list[Parts], curated: int) -> None:
    """The plain loop over all pairs, with the same answers as the profiles give."""
    made = [Screener(rules).read(t) for t in synthetic(real, curated, PAIRWISE, 3)]
    start = time.perf_counter()
    plain = [[rule.screen(rules, s, facts).outcome for s in rules.scopes] for facts in made]
    slow = time.perf_counter() - start
    start = time.perf_counter()
    screener = Screener(rules)
    names = [screener.profile_of(facts) for facts in made]
    answers = {name: list(screener.outcomes(name).values()) for name in set(names)}
    fast = time.perf_counter() - start
    assert [answers[name] for name in names] == plain
    say(f"{PAIRWISE:,} incidents, the plain loop over all pairs", f"{slow:8.2f} s")
    ratio = f"{slow / fast:.0f} times as fast, {len(answers):,} profiles"
    say("  the same by profiles, the same answers", f"{fast:8.2f} s   {ratio}")


_RULE = """
PREFIX mz: <https://w3id.org/mizan/ontology#>
PREFIX sem: <http://semanticweb.cs.vu.nl/2009/11/sem/>
CONSTRUCT { ?incident mz:applicable <%(provision)s> }
WHERE {
  ?incident a mz:Incident ; sem:hasEarliestBeginTimeStamp ?begins ; sem:hasLatestEndTimeStamp ?ends .
  %(time)s
  %(subject)s
}
"""
_PROPERTY = {"Conduct": "mz:method", "Object": "mz:objectHit", "Weapon": "mz:weapon"}
_CLAIMED = {"Person": "mz:victimCategory", "Harm": "mz:harm", "Age": "mz:victimAge"}


def _query(rules: Law, scope: law.Scope, subject: bool) -> str:
    """The rule of one provision in SPARQL; narrower concepts are written out, which no path has to find then."""
    times = [f"?begins >= {_stamp(scope.start)}"] if scope.start is not None else []
    times += [f"?ends < {_stamp(scope.end)}"] if scope.end is not None else []
    kinds = []
    for name, covered in sorted(scope.covers.items()) if subject else ():
        narrower = sorted({c for c in rules.above if rules.ancestors(c) & covered} | covered)
        values = f"VALUES ?{name} {{ {' '.join(f'<{c}>' for c in narrower)} }}"
        if name in _PROPERTY:
            kinds.append(f"{values} ?incident {_PROPERTY[name]} ?{name} .")
        elif name in _CLAIMED:
            kinds.append(f"{values} ?claim{name} mz:about ?incident ; {_CLAIMED[name]} ?{name} .")
    test = f"FILTER({' && '.join(times)})" if times else ""
    return _RULE % {"provision": scope.provision, "time": test, "subject": "\n  ".join(kinds)}


def _stamp(moment: float) -> str:
    text = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(moment))
    return f'"{text}"^^<{PREFIXES["xsd"]}dateTime>'


def peer(rules: Law, store: LocalStore) -> None:
    """One SPARQL CONSTRUCT a provision over some of the real incidents; its answers to the time test are compared."""
    iris = sorted(n.value for n in store.subjects(RDF.type, MZ.Incident))[:PEER]
    records = {iri: reported(store, iri) for iri in iris}
    small = LocalStore.in_memory()
    small.add(t for triples in records.values() for t in triples)
    start = time.perf_counter()
    found = {
        s.provision: {str(t.subject)[1:-1] for t in small._store.query(_query(rules, s, subject=False))}
        for s in rules.scopes
    }
    timed_ = time.perf_counter() - start
    start = time.perf_counter()
    for scope in rules.scopes:
        for _ in small._store.query(_query(rules, scope, subject=True)):
            pass
    whole = time.perf_counter() - start
    start = time.perf_counter()
    screener = Screener(rules)
    names = {iri: screener.profile(triples) for iri, triples in records.items()}
    for name in set(names.values()):
        screener.outcomes(name)
    ours = time.perf_counter() - start
    facts = {iri: screener.read(triples) for iri, triples in records.items()}
    for scope in rules.scopes:
        passed = {iri for iri, f in facts.items() if rule.time(rules, scope, f).verdict is rule.PASSED}
        assert found[scope.provision] == passed
    say(f"{len(iris):,} incidents, one CONSTRUCT a provision: time alone", f"{timed_:8.2f} s   (same answers)")
    say("  time and subject", f"{whole:8.2f} s")
    say("  ours, all six tests of every pair", f"{ours:8.2f} s   {whole / ours:.0f} times as fast")


def changes(base: KnowledgeBase) -> None:
    """One incident changed, one provision changed: the part of a write that keeps the screenings level."""
    store, rules = LocalStore(base.home.store), base.screener().law
    iri = f"{ID}incident/syria-2015-16/INC-021"
    record = store.record(iri)
    weapons = [NamedNode(f"https://w3id.org/mizan/scheme/weapon#{n}") for n in ("rocket", "barrel-bomb")]
    turn = [0]

    def incident(known: Law | None) -> None:
        turn[0] += 1
        store.set(NamedNode(iri), MZ.weapon, [weapons[turn[0] % 2]])
        projection.update(store, {iri: record}, known)

    for name, known in (("law known to the process", rules), ("law read first", None)):
        middle, slow = median_ms(lambda known=known: incident(known), 100)  # type: ignore[misc]
        say(f"one changed incident, {name}", f"median {middle:.1f} ms, p95 {slow:.1f} ms")
    scope = next(s for s in rules.scopes if s.start is not None and s.excludes)
    node = NamedNode(f"{scope.provision}#scope")
    work: list[projection.Work] = []

    def provision(values: list[str]) -> None:
        turn[0] += 1
        text = Literal(values[turn[0] % 2], datatype=NamedNode(PREFIXES["xsd"] + "dateTime"))
        store.set(node, MZ["from"], [text])
        work.append(projection.update(store, {scope.provision: store.record(scope.provision)}))

    middle, slow = median_ms(lambda: provision(["2016-02-26T22:00:00Z", "2016-03-20T22:00:00Z"]), 6)
    say("one changed provision, its date moved by weeks", f"median {middle:.0f} ms, p95 {slow:.0f} ms")
    say("  incidents, profiles, evaluations", f"{work[-1].incidents}, {work[-1].profiles}, {work[-1].evaluations}")

    def exclusion() -> None:
        turn[0] += 1
        left_out = sorted(scope.excludes)[: 1 + turn[0] % 2]
        store.set(node, MZ.excludesActor, [NamedNode(a) for a in left_out])
        work.append(projection.update(store, {scope.provision: store.record(scope.provision)}))

    middle, slow = median_ms(exclusion, 10)
    say("one changed provision, an exclusion added or taken away", f"median {middle:.0f} ms, p95 {slow:.0f} ms")
    say("  incidents, profiles, evaluations", f"{work[-1].incidents}, {work[-1].profiles}, {work[-1].evaluations}")


def main() -> None:
    """Run everything."""
    with tempfile.TemporaryDirectory() as name, timed("all of this"):
        home = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(name) / "home"
        with KnowledgeBase.create(home) as base:
            if len(sys.argv) < 2:
                case = document.records([t for path in vocabulary.case_files() for t in document.read(path)])
                base.add(case, {"label": "bench"})
                base.import_table(mapping.load("ucdp-ged"), UCDP)
            here = base.snapshot()
            rules = law.read(here.store)
            million(here.store_folder, rules)
            real, curated = incidents(here.store)
            pairwise(rules, real, curated)
            peer(rules, here.store)
            changes(base)


if __name__ == "__main__":
    main()
