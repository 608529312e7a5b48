"""Large RDF files: sorted on disk and done in parts, with the same result as in memory, and resumable."""

from __future__ import annotations

import gzip
import random
import re
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from pyoxigraph import RdfFormat, parse, serialize

from kb import document
from kb.canonical import ntriples
from kb.errors import BadFile, DoesNotConform, StoreLocked
from kb.importing import Imported, Options
from kb.ingest import mapping, tabular
from kb.ingest.assembly import Assembly
from kb.ingest.gathering import Gathered, Gathering, gather
from kb.ingest.journal import Journal
from kb.ingest.known import finder
from kb.knowledgebase import KnowledgeBase
from kb.ledger import Entry, Ledger
from kb.ns import ID
from kb.packed import Opened
from kb.record import by_owner
from kb.writer import locked
from tests import incident_table as table
from tests.incident_table import Run
from tests.test_import_rdf import ACTOR, KIND, PREFIX, RESTRICTED
from tests.test_law_bad import ELEMENT, START
from tests.test_screening import PROVISION, resolution

LARGE, SMALL = Options(large=50), Options(large=100_000)


@pytest.fixture(autouse=True)
def _little(monkeypatch: pytest.MonkeyPatch) -> None:
    """Runs and parts so small that a few hundred records need many of them."""
    monkeypatch.setattr("kb.ingest.gathering.BUDGET", 100_000)
    monkeypatch.setattr("kb.ingest.gathering._FAN", 3)
    monkeypatch.setattr("kb.ingest.assembly.SIZE", 25)
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1456531200")


@pytest.fixture(scope="module")
def lines(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """The triples of 60 real incidents with their sources and actors, scattered over the file."""
    path = tmp_path_factory.mktemp("rows") / "t.csv"
    with (shared / "data" / "ucdp-ged-syria-2016.csv").open(encoding="utf-8") as source:
        path.write_text("".join(line for line, _ in zip(source, range(61), strict=False)), encoding="utf-8")
    plan = mapping.load("ucdp-ged")
    intake = tabular.read(path, plan, finder(None))
    found = [line for r in [*plan.reference, *intake.records] for line in r.text.split("\n") if line]
    random.Random(1).shuffle(found)
    return found


@pytest.fixture
def homes(fresh_home: Path, tmp_path: Path) -> tuple[Path, Path]:
    """Two knowledge bases that are the same."""
    return fresh_home, table.copy(fresh_home, tmp_path / "other")


def _write(path: Path, lines: list[str], more: str = "") -> Path:
    text = "".join(f"{line}\n" for line in lines)
    extra = serialize(parse(PREFIX + more, format=RdfFormat.TURTLE), format=RdfFormat.N_TRIPLES) if more else b""
    assert extra is not None
    path.write_bytes(extra + text.encode())
    return path


def _import(home: Path, path: Path, options: Options) -> Imported:
    with KnowledgeBase.open(home) as base:
        return base.import_rdf(path, options)


def _entries(home: Path) -> dict[str, Entry]:
    ledger = Ledger(home / "ledger")
    ledger.verify()
    return {e.record: e for n in range(1, ledger.head().segment + 1) for e in ledger.entries(n)}


def _both(homes: tuple[Path, Path], path: Path) -> Imported:
    """Import a file both ways into knowledge bases that are the same; what the large way tells."""
    one, other = (_import(home, path, how) for home, how in zip(homes, (SMALL, LARGE), strict=True))
    assert one.outcome and other.outcome
    assert (one.outcome.new, one.outcome.changed, one.outcome.same) == (
        other.outcome.new, other.outcome.changed, other.outcome.same
    )  # fmt: skip
    assert (one.intake.rows, one.intake.refused(), one.intake.rules()) == (
        other.intake.rows, other.intake.refused(), other.intake.rules()
    )  # fmt: skip
    assert _entries(homes[0]) == _entries(homes[1])
    assert table.digests(homes[0]) == table.digests(homes[1])
    told = [done.kept.rejects and _told(done.kept.rejects) for done in (one, other)]
    assert told[0] == told[1]
    assert not list((homes[1] / "imports").iterdir()), "nothing is left when the import is over"
    return other


def _told(path: Path) -> str:
    """A reject file; of several records that are kept out, any may be named."""
    return re.sub(r"points to \S+, which", "points to one, which", path.read_text(encoding="utf-8"))


def test_large_rdf_gives_the_same_as_in_memory_and_supersedes_exactly_what_changed(
    homes: tuple[Path, Path], lines: list[str], tmp_path: Path
) -> None:
    path = _write(tmp_path / "t.nt", lines)
    done = _both(homes, path)
    assert done.outcome and done.outcome.new == 126 and not done.intake.problems
    again = _import(homes[1], path, LARGE)
    assert again.outcome and (again.outcome.new, again.outcome.changed) == (0, 0)
    assert again.outcome.same == done.outcome.new and again.outcome.snapshot == done.outcome.snapshot
    first = next(line for line in lines if "/incident/" in line and "prefLabel" in line and '"@en' in line)
    changed = [line.replace('"', '"Corrected: ', 1) if line == first else line for line in lines]
    third = _both(homes, _write(tmp_path / "t2.nt", changed, ACTOR))
    assert third.outcome and (third.outcome.new, third.outcome.changed, third.outcome.same) == (1, 1, 125)


def _chain(length: int) -> str:
    """Actors each of which is part of the next; the last breaks a shape."""
    names = [f"actor:c{n:03d}" for n in random.Random(2).sample(range(1000), length)]
    begin = f'a mz:Actor ; skos:prefLabel "x"@en ; {KIND} ; org:subOrganizationOf'
    links = [f"{name} {begin} {other} ." for name, other in pairwise(names)]
    return "\n".join([*links, f'{names[-1]} a mz:Actor ; skos:prefLabel "last"@en ; mz:frobs 1 .'])


def test_large_rdf_keeps_out_what_breaks_rules_and_what_points_to_it_over_all_parts(
    homes: tuple[Path, Path], lines: list[str], tmp_path: Path
) -> None:
    more = "\n".join([
        ACTOR, _chain(200), "actor:x a mz:Frob .", 'actor:y skos:prefLabel "no class"@en .',
        f'actor:z a mz:Actor ; skos:prefLabel "Z"@en ; {KIND} ; org:subOrganizationOf actor:nobody .',
        f'<http://example.org/x> a mz:Actor ; skos:prefLabel "X"@en ; {KIND} .',
        f'actor:w a mz:Actor ; skos:prefLabel "W"@en ; {KIND} ; org:subOrganizationOf actor:good .',
    ])  # fmt: skip
    done = _both(homes, _write(tmp_path / "t.nt", lines, more))
    assert done.intake.refused() == 204
    assert done.intake.rules()["complete"] == 199, "every record of the chain, whatever its place in the file"
    assert len(done.intake.problems) <= 100
    assert {f"{ID}actor/good", f"{ID}actor/w"} <= table.digests(homes[1]).keys()
    assert done.kept.rejects and "# record " in done.kept.rejects.read_text(encoding="utf-8")


def test_large_rdf_of_a_record_that_points_to_one_kept_out_but_held_enters(
    homes: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kb.ingest.assembly.SIZE", 1)
    monkeypatch.setattr("tests.test_import_graph.LARGE", Options(large=0))
    first = _write(tmp_path / "a.nt", [], ACTOR)
    for home in homes:
        _import(home, first, SMALL)
    part = f'actor:a a mz:Actor ; skos:prefLabel "A"@en ; {KIND} ; org:subOrganizationOf actor:good .'
    done = _both(homes, _write(tmp_path / "t.nt", [], f"{ACTOR} actor:good mz:frobs 1 . {part}"))
    assert done.intake.refused() == 1 and dict(done.intake.rules()) == {"core:Actor": 1}
    assert f"{ID}actor/a" in table.digests(homes[1])


def test_large_rdf_of_law_is_judged_together_wherever_its_records_stand(
    homes: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An element of an offence in another record, which does not name it: seen only by who sees both."""
    monkeypatch.setattr("kb.ingest.assembly.SIZE", 1)
    monkeypatch.setattr("tests.test_import_graph.LARGE", Options(large=0))
    other, text = PROVISION.replace("provision/", "provision/a-"), resolution(START)
    whole = text.partition(f"<{PROVISION}> a ")[2].partition(f"<{PROVISION}#scope>")[0]
    path = tmp_path / "t.ttl"
    path.write_text(f"{text}<{other}> a {whole}<{other}#element-1> {ELEMENT}", encoding="utf-8")
    done = _both(homes, path)
    assert done.intake.rules()["law:ElementsListed"] == 1 and done.intake.refused() == 2


FORMATS = {"nt": RdfFormat.N_TRIPLES, "ttl": RdfFormat.TURTLE, "trig": RdfFormat.TRIG, "nq": RdfFormat.N_QUADS,
           "jsonld": RdfFormat.JSON_LD}  # fmt: skip


def _gathered(path: Path, folder: Path) -> list[tuple[str, str]]:
    """All records of a file, sorted on disk in many runs."""
    folder.mkdir()
    begun = Gathering()
    with Opened(path) as opened:
        found = document.lines(path, opened)
        while not begun.take(found, 20):
            begun.spill(folder)
    begun.spill(folder)
    gather(begun.merged(folder), folder, 7)
    assert not list(folder.glob("*.gz")), "runs are removed when they are merged"
    with Gathered(folder) as gathered:
        return [(iri, "".join(group)) for part in gathered.parts() for iri, group in gathered.read(part)]


@pytest.mark.parametrize("name", [*FORMATS, "nt.gz", "jsonld.gz"])
def test_large_rdf_says_the_same_in_every_format(name: str, lines: list[str], tmp_path: Path) -> None:
    quads = list(parse("\n".join(lines), format=RdfFormat.N_TRIPLES))
    data = serialize(quads, format=FORMATS[name.removesuffix(".gz")])
    assert data is not None
    path = tmp_path / f"t.{name}"
    path.write_bytes(gzip.compress(data) if name.endswith(".gz") else data)
    groups = by_owner(q.triple for q in quads)
    assert _gathered(path, tmp_path / "folder") == [(iri, ntriples(groups[iri])) for iri in sorted(groups)]


def test_large_rdf_that_stopped_goes_on_where_it_was(
    homes: tuple[Path, Path], lines: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = _write(tmp_path / "t.nt", lines, f"{ACTOR} actor:x a mz:Frob .")
    _import(homes[0], path, SMALL)
    settle, settled = Journal.settle, list[int]()

    def stops(self: Journal, number: int, *given: Any) -> None:
        settled.append(number)
        if len(settled) == 4:
            raise KeyboardInterrupt
        settle(self, number, *given)

    monkeypatch.setattr(Journal, "settle", stops)
    with pytest.raises(KeyboardInterrupt):
        _import(homes[1], path, LARGE)
    with KnowledgeBase.open(homes[1]) as base:
        assert base.snapshot().number == 1, "nothing half-written is visible"
    with monkeypatch.context() as patch:
        patch.setattr("kb.ingest.gathering.gather", lambda *_: pytest.fail("the file is sorted a second time"))
        done = _import(homes[1], path, LARGE)
    assert settled[:6] == [1, 2, 3, 4, 4, 5] and done.intake.refused() == 1
    assert _entries(homes[0]) == _entries(homes[1])


def test_large_rdf_stopped_while_it_is_sorted_starts_anew(
    fresh_home: Path, lines: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = _write(tmp_path / "t.nt", lines)
    with monkeypatch.context() as patch:
        patch.setattr("kb.ingest.gathering.os.fsync", lambda _: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            _import(fresh_home, path, LARGE)
    done = _import(fresh_home, path, LARGE)
    assert done.outcome and done.outcome.new == 126


BAD = {
    "syntax": ("actor:good a mz:Actor ;;;\n skos:prefLabel Good .", BadFile, "does not parse"),
    "blank-node": ("actor:q a mz:Actor ; org:classification [ a mz:Actor ] .", BadFile, "a blank node stands in"),
    "reserved": (f"<{ID}actor/good#record> mz:revision 7 .", DoesNotConform, "actor/good#record is used"),
    "elsewhere": (f"<{ID}actor/good#x> mz:inRecord actor:russia .", DoesNotConform, "says it is in another record"),
    "restricted": (f"actor:good dcterms:accessRights {RESTRICTED} .", DoesNotConform, "actor/good is RESTRICTED"),
    "tier-as-text": ('actor:good dcterms:accessRights "PUBLIC" .', DoesNotConform, "actor/good is unknown"),
}  # fmt: skip


@pytest.mark.parametrize(("name", "check"), [*((name, False) for name in BAD), ("restricted", True)])
def test_large_rdf_that_nothing_can_be_trusted_in_is_refused_whole(
    name: str, check: bool, fresh_home: Path, tmp_path: Path
) -> None:
    text, error, said = BAD[name]
    many = "".join(f'actor:m{n} a mz:Actor ; skos:prefLabel "{n}"@en ; {KIND} .\n' for n in range(120))
    path = tmp_path / "t.ttl"
    path.write_text(f"{PREFIX}{ACTOR}{many}{text}", encoding="utf-8")
    with pytest.raises(error, match=said):
        _import(fresh_home, path, Options(large=100, check=check))
    assert len(table.digests(fresh_home)) == len(_entries(fresh_home)), "nothing entered"
    assert not [p for p in (fresh_home / "imports").glob("*/*") if p.is_file()], "nothing of it lies about"


def test_large_rdf_of_one_record_that_no_memory_would_hold_is_refused(
    fresh_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kb.ingest.gathering.LARGEST_RECORD", 500_000)
    path = tmp_path / "t.nt"
    path.write_text("".join(f'<{ID}actor/a> <{ID}p> "{n:0100d}" .\n' for n in range(5000)), encoding="utf-8")
    with pytest.raises(BadFile, match="actor/a is larger than 64 MiB"):
        _import(fresh_home, path, LARGE)


@pytest.mark.parametrize("name", ["nt", "ttl", "nq", "trig", "jsonld"])
def test_rdf_value_too_large_is_refused_before_it_fills_the_memory(
    name: str, demo_home: Path, tmp_path: Path, mizan: Run
) -> None:
    value = f'"{"x" * (17 << 20)}"'
    text = f'[{{"@id":"{ID}actor/a","{ID}p":{value}}}]' if name == "jsonld" else f"<{ID}actor/a> <{ID}p> {value} ."
    (tmp_path / f"t.{name}").write_text(text, encoding="ascii")
    code, _, err = mizan("import", "rdf", str(tmp_path / f"t.{name}"), "--home", str(demo_home))
    assert (code, err.count("\n"), "has a value larger than 16 MiB" in err) == (2, 1, True)


def test_rdf_xml_bomb_is_refused(demo_home: Path, tmp_path: Path, mizan: Run) -> None:
    entities = "".join(f'<!ENTITY {b} "{f"&{a};" * 10}">' for a, b in pairwise("abcdefgh"))
    space = 'xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns:x="http://x/"'
    body = f'<rdf:RDF {space}><rdf:Description rdf:about="{ID}actor/a"><x:p>&h;</x:p></rdf:Description></rdf:RDF>'
    (tmp_path / "t.rdf").write_text(f'<?xml version="1.0"?><!DOCTYPE r [<!ENTITY a "aaaaaaaaaa">{entities}]>{body}')
    code, _, err = mizan("import", "rdf", str(tmp_path / "t.rdf"), "--home", str(demo_home))
    assert (code, err.count("\n"), "could unpack without end" in err) == (2, 1, True)


@pytest.fixture
def server() -> Iterator[tuple[str, list[str]]]:
    """A server on this machine that remembers what it was asked for."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_error(404)

    httpd = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=httpd.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{httpd.server_port}", asked
    httpd.shutdown()
    httpd.server_close()
    thread.join()


REMOTE = {
    "plain": '{{"@context": "{0}/c", "@id": "x", "p": "v"}}',
    "listed": '[{{"@context": ["{0}/c"], "@id": "{0}/x", "p": "v"}}]',
    "imported": '{{"@context": {{"@version": 1.1, "@import": "{0}/c"}}, "@id": "{0}/x", "p": "v"}}',
    "scoped": '{{"@context": {{"p": {{"@id": "{0}/p", "@context": "{0}/c"}}}}, "@id": "{0}/x", "p": {{"q": "v"}}}}',
}


@pytest.mark.parametrize("name", REMOTE)
def test_json_ld_with_a_remote_context_is_refused_and_nothing_is_fetched(
    name: str, server: tuple[str, list[str]], demo_home: Path, tmp_path: Path, mizan: Run
) -> None:
    address, asked = server
    (tmp_path / "t.jsonld").write_text(REMOTE[name].format(address), encoding="utf-8")
    code, _, err = mizan("import", "rdf", str(tmp_path / "t.jsonld"), "--home", str(demo_home))
    assert code == 2 and asked == []
    assert err == (
        "mizan: t.jsonld names a remote JSON-LD context: contexts are never fetched, so that a file from outside "
        "cannot call out. Write the context into the file.\n"
    )


def test_large_rdf_check_writes_nothing_and_tells_of_progress(
    fresh_home: Path, lines: list[str], tmp_path: Path
) -> None:
    path = _write(tmp_path / "t.nt", lines, "actor:x a mz:Frob .")
    with KnowledgeBase.open(fresh_home) as base:
        base.snapshot()
        before, told = table.tree(fresh_home), list[tuple[int, int, str]]()
        done = base.import_rdf(path, Options(large=100, check=True), progress=lambda *now: told.append(now))
    assert done.outcome is None and done.intake.refused() == 1
    assert table.tree(fresh_home) == before
    assert told[-1] == (done.intake.rows, done.intake.rows, "records checked")
    assert all(a[0] <= b[0] <= b[1] for a, b in pairwise(told) if a[2] == b[2])


def test_large_rdf_that_changes_while_it_is_read_is_refused(
    fresh_home: Path, lines: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, began = _write(tmp_path / "t.nt", lines), Assembly.gather

    def slow(self: Assembly, *given: Any) -> None:
        began(self, *given)
        path.write_bytes(path.read_bytes() + b"\n")

    monkeypatch.setattr(Assembly, "gather", slow)
    with pytest.raises(BadFile, match=r"t\.nt changed while it was read"):
        _import(fresh_home, path, LARGE)
    assert not list((fresh_home / "imports").iterdir())


def test_large_rdf_beside_another_writer_is_told_who_holds_the_lock(
    fresh_home: Path, lines: list[str], tmp_path: Path
) -> None:
    path = _write(tmp_path / "t.nt", lines)
    with KnowledgeBase.open(fresh_home) as base, locked(base.home), pytest.raises(StoreLocked, match="holds the lock"):
        base.import_rdf(path, LARGE)
