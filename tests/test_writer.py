"""The writer: importing again changes nothing, a change supersedes exactly itself, readers never see a half."""

from __future__ import annotations

import gzip
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest
from pyoxigraph import Literal, NamedNode, Triple

from kb import canonical, document, snapshot
from kb.errors import DoesNotConform, LedgerBroken, StoreLocked
from kb.knowledgebase import KnowledgeBase
from kb.ledger import Ledger
from kb.ns import ACCESS, DCTERMS, ID, MZ, PROV, RDF, SKOS
from kb.record import Record, system_node
from kb.store.base import Limits
from kb.store.local import LocalStore

Run = Callable[..., tuple[int, str, str]]
MARK = f"<{ID}store>"  # remembers the last segment applied
ACTIVITY = {"label": "test"}


def _record(name: str, label: str, *more: Triple, tier: str = "") -> Record:
    node = NamedNode(f"{ID}actor/test/{name}")
    triples = [
        Triple(node, RDF.type, MZ.Actor),
        Triple(node, SKOS.prefLabel, canonical.literal(label, language="en")),
        Triple(NamedNode(f"{node.value}#part"), SKOS.prefLabel, canonical.literal(f"part of {label}", language="en")),
        *more,
    ]
    if tier:
        triples.append(Triple(node, DCTERMS.accessRights, NamedNode(ACCESS + tier)))
    return document.record(node.value, triples)


def _everything(base: KnowledgeBase) -> list[str]:
    """Every triple of the snapshot that readers see, sorted."""
    body = base.snapshot().store.ask("CONSTRUCT WHERE { ?s ?p ?o }", "CONSTRUCT", "ntriples", Limits(rows=10**7)).body
    return sorted(body.decode().splitlines())


def _about(base: KnowledgeBase, iri: str) -> set[str]:
    """Everything about a record and its nodes, the system's included."""
    return {line for line in _everything(base) if line.startswith((f"<{iri}>", f"<{iri}#"))}


def _files(folder: Path, *parts: str) -> dict[str, bytes]:
    """The bytes of all files below a folder, or of those in some parts of it."""
    files = {p.relative_to(folder): p for p in sorted(folder.rglob("*")) if p.is_file()}
    return {str(name): path.read_bytes() for name, path in files.items() if not parts or name.parts[0] in parts}


@pytest.fixture
def base(fresh_home: Path) -> Iterable[KnowledgeBase]:
    with KnowledgeBase.open(fresh_home) as base:
        yield base


def test_import_again_changes_nothing(mizan: Run, fresh_home: Path, shared: Path) -> None:
    """Through the command itself, with real rows: head, pointer, snapshot, store and rejects stay as they are."""
    table = fresh_home.parent / "some.csv"
    with (shared / "data" / "ucdp-ged-syria-2016.csv").open(encoding="utf-8") as source:
        table.write_text("".join(line for line, _ in zip(source, range(21), strict=False)), encoding="utf-8")
    code, out, err = mizan("import", "ucdp-ged", str(table), "--home", str(fresh_home))
    assert (code, err) == (0, "")
    assert " 0 changed, 0 the same. Snapshot 2." in out
    with KnowledgeBase.open(fresh_home) as base:
        before, everything = base.snapshot(), _everything(base)
    kept = _files(fresh_home, "ledger", "current", "rejects")
    code, out, _ = mizan("import", "ucdp-ged", str(table), "--home", str(fresh_home))
    assert code == 0
    assert "Records: 0 new, 0 changed, " in out and "Snapshot 2." in out
    with KnowledgeBase.open(fresh_home) as base:
        after = base.snapshot()
        assert (after.ledger, after.number, after.folder) == (before.ledger, before.number, before.folder)
        assert _everything(base) == everything
        assert after.index.counts() == before.index.counts()
    assert _files(fresh_home, "ledger", "current", "rejects") == kept
    assert sorted(p.name for p in (fresh_home / "snapshots").iterdir()) == ["00000001", "00000002"]


def test_write_of_nothing_new_publishes_nothing(base: KnowledgeBase) -> None:
    records = [_record("a", "A"), _record("b", "B")]
    first = base.write(records, ACTIVITY)
    assert (first.new, first.changed, first.same, first.snapshot) == (2, 0, 0, 2)
    again = base.write(list(reversed(records)), {"label": "another"})
    assert (again.new, again.changed, again.same, again.snapshot) == (0, 0, 2, 2)
    assert base.verify_ledger().segments == 2
    assert base.write([], ACTIVITY).snapshot == 2


def test_vocabulary_is_loaded_once(base: KnowledgeBase) -> None:
    number = base.snapshot().number
    outcome = base.load_vocabulary()
    assert (outcome.new, outcome.changed, outcome.snapshot) == (0, 0, number)


def test_changed_record_supersedes_exactly_itself(base: KnowledgeBase, monkeypatch: pytest.MonkeyPatch) -> None:
    extra = Triple(NamedNode(f"{ID}actor/test/a#old"), SKOS.prefLabel, canonical.literal("gone", language="en"))
    old, other, new = _record("a", "zebra", extra), _record("b", "other"), _record("a", "walrus")
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1456531200")  # 2016-02-27T00:00:00Z
    base.write([old, other], ACTIVITY)
    untouched = set(_everything(base)) - _about(base, old.iri)
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1456617600")  # a day later
    outcome = base.write([new, other], ACTIVITY)
    assert (outcome.new, outcome.changed, outcome.same) == (0, 1, 1)
    lines = _about(base, old.iri)
    appeared = set(_everything(base)) - lines - untouched
    assert all(line.startswith((f"<{ID}import/3>", MARK)) for line in appeared), "nothing else but the import"
    assert [line for line in untouched - set(_everything(base)) if not line.startswith(MARK)] == [], "nothing else went"
    assert set(base.snapshot().record(new.iri)) == set(new.triples)
    assert not any("zebra" in line or "gone" in line or "#old" in line for line in lines)

    digests = [canonical.digest(canonical.ntriples(r.triples)) for r in (old, new)]
    store = base.snapshot().store
    revision = NamedNode(f"{new.iri}#revision-1")
    assert store.digest(new.iri) == digests[1]
    assert store.revision(new.iri) == 2
    assert store.objects(system_node(new.iri), PROV.wasRevisionOf) == [revision]
    assert store.objects(revision, MZ.recordDigest) == [Literal(digests[0])]
    assert store.objects(revision, PROV.invalidatedAtTime)[0].value == "2016-02-28T00:00:00Z"
    history = base.history(new.iri)
    assert [(n, h["time"], e.revision, e.sha256, e.replaces) for n, h, e in history] == [
        (2, "2016-02-27T00:00:00Z", 1, digests[0], None), (3, "2016-02-28T00:00:00Z", 2, digests[1], digests[0]),
    ]  # fmt: skip
    assert history[0][2].triples == canonical.ntriples(old.triples), "the superseded revision stays readable"
    assert base.snapshot().index.find("zebra").total == 0
    assert [h.iri for h in base.snapshot().index.find("walrus").items] == [new.iri]


def test_record_that_returns_to_an_older_form_is_a_revision_of_its_own(base: KnowledgeBase) -> None:
    one, two = _record("a", "one"), _record("a", "two")
    for number, record in enumerate((one, two, one), start=1):
        base.write([record], ACTIVITY)
        assert base.snapshot().store.revision(one.iri) == number
    assert [e.triples for _, _, e in base.history(one.iri)] == [canonical.ntriples(r.triples) for r in (one, two, one)]
    assert {f"{one.iri}#revision-{n}" for n in (1, 2)} <= {line.split(">")[0][1:] for line in _about(base, one.iri)}


def test_record_twice_in_one_change_is_refused(base: KnowledgeBase) -> None:
    before = _everything(base)
    with pytest.raises(DoesNotConform, match="stands twice in one change"):
        base.write([_record("a", "one"), _record("a", "two")], ACTIVITY)
    assert _everything(base) == before
    assert base.verify_ledger().segments == 1


def test_written_gives_the_bytes_that_the_snapshot_shows(base: KnowledgeBase) -> None:
    base.write([_record("a", "one"), _record("b", "b")], ACTIVITY)
    held = base.snapshot()
    base.write([_record("a", "two")], ACTIVITY)
    iri = _record("a", "").iri
    assert base.written([iri], held)[iri].revision == 1
    assert base.written([iri])[iri].triples == canonical.ntriples(_record("a", "two").triples)
    assert base.written(["urn:none"]) == {}


def test_rebuild_gives_the_same_store_and_search(base: KnowledgeBase) -> None:
    base.write([_record(str(n), f"label {n}") for n in range(20)], ACTIVITY)
    base.write([_record(str(n), f"changed {n}") for n in range(5)], ACTIVITY)
    base.write([_record("3", "changed again")], ACTIVITY)
    before, everything, counts = base.snapshot(), _everything(base), base.snapshot().index.counts()
    words = ("label", "changed", "again", "hospital", "مستشفى")
    found = {word: before.index.find(word, limit=50) for word in words}
    outcome = base.rebuild()
    after = base.snapshot()
    assert outcome.snapshot == after.number == before.number == 4
    assert after.folder != before.folder
    assert _everything(base) == everything
    assert after.index.counts() == counts
    for word, hits in found.items():
        again = after.index.find(word, limit=50)
        assert (again.total, sorted(again.items, key=str)) == (hits.total, sorted(hits.items, key=str)), word
    assert len(before.store) == len(after.store), "and whoever held the old snapshot can go on"
    assert base.write([_record("3", "changed again")], ACTIVITY).snapshot == 4


def test_rebuild_needs_nothing_but_the_ledger(base: KnowledgeBase) -> None:
    base.write([_record("a", "A")], ACTIVITY)
    everything = _everything(base)
    home = base.home
    for path in (home.store, home.search, home.snapshots):
        _remove(path)
    home.current.unlink()
    base.rebuild()
    assert _everything(base) == everything


def _remove(folder: Path) -> None:
    for path in sorted(folder.rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()
    folder.rmdir()


# readers and snapshots


def test_snapshot_held_by_a_reader_stays_readable_and_unchanged(base: KnowledgeBase) -> None:
    base.write([_record(str(n), f"label {n}") for n in range(300)], ACTIVITY)
    held = base.snapshot()
    query = "SELECT (COUNT(*) AS ?n) (SUM(STRLEN(STR(?o))) AS ?length) { ?s ?p ?o }"
    before = base.ask(query, "csv", at=held).body
    everything, counts = _everything(base), held.index.counts()
    for round_ in range(5):
        base.write([_record(str(n), f"label {n} turn{round_}") for n in range(300)], ACTIVITY)
    assert base.snapshot().number == held.number + 5
    assert held.folder.exists(), "it stays as long as somebody holds it"
    triples = held.store.ask("CONSTRUCT WHERE { ?s ?p ?o }", "CONSTRUCT", "ntriples", Limits(rows=10**7)).body
    assert sorted(triples.decode().splitlines()) == everything
    assert held.store.revision(_record("7", "").iri) == 1
    assert base.snapshot().store.revision(_record("7", "").iri) == 6
    assert held.index.counts() == counts
    assert held.index.find("turn4").total == 0
    assert base.snapshot().index.find("turn4").total == 300
    assert base.ask(query, "csv", at=held).body == before, "the worker that opened it holds it, too"


def test_snapshots_are_pruned_to_the_last_few(base: KnowledgeBase) -> None:
    for number in range(snapshot.KEPT + 3):
        base.write([_record("a", f"form {number}")], ACTIVITY)
    kept = sorted(p.name for p in base.home.snapshots.iterdir())
    assert kept == [f"{n:08d}" for n in range(5, snapshot.KEPT + 5)]
    assert base.home.current.read_text() == kept[-1] + "\n"


def _tagged(name: str, tag: str) -> Record:
    tag_of = NamedNode(MZ.base + "tag")
    return _record(name, f"tagged {name}", Triple(NamedNode(f"{ID}actor/test/{name}"), tag_of, canonical.literal(tag)))


READER = """
import sys, time
from pathlib import Path
from kb.knowledgebase import KnowledgeBase
from kb.store.base import Limits
home, stop, opened = Path(sys.argv[1]), Path(sys.argv[2]), 0
while not stop.exists():
    with KnowledgeBase.open(home) as base:
        here = base.snapshot()
        labels = here.store.ask(
            "SELECT DISTINCT ?round { ?s <https://w3id.org/mizan/ontology#tag> ?round }", "SELECT", "csv", Limits()
        ).body.split()[1:]
        assert len(labels) <= 1, labels
        records = here.store.ask("SELECT ?s { ?s <https://w3id.org/mizan/ontology#tag> ?o }", "SELECT", "csv", Limits())
        assert records.rows in (0, 60), records.rows
        assert here.index.find("tagged").total in (0, 60)
        assert here.store.segment() == here.number == here.ledger.segment == here.index.segment
        opened += 1
print(opened)
"""


def test_pointer_always_names_a_complete_snapshot(base: KnowledgeBase, tmp_path: Path) -> None:
    """A reader in another process opens it over and over while changes are published."""
    stop = tmp_path / "stop"
    reader = subprocess.Popen(
        [sys.executable, "-W", "error", "-c", READER, str(base.home.root), str(stop)], stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        for round_ in range(12):
            base.write([_tagged(str(n), f"tagged-{round_}") for n in range(60)], ACTIVITY)
    finally:
        stop.touch()
        out, err = reader.communicate(timeout=60)
    assert reader.returncode == 0, err
    assert int(out) > 5


def test_pointer_and_snapshot_agree_with_the_ledger(base: KnowledgeBase) -> None:
    base.write([_record("a", "A")], ACTIVITY)
    here = base.snapshot()
    assert here.ledger == Ledger(base.home.ledger).head()
    about = json.loads((here.folder / "snapshot.json").read_text())
    assert about["number"] == here.number == 2
    assert about["ledger"]["sha256"] == here.ledger.sha256


# one writer


HOLDER = """
import sys, time
from pathlib import Path
from kb.paths import Home
from kb.writer import locked
with locked(Home(Path(sys.argv[1]))):
    print("locked", flush=True)
    time.sleep(60)
"""


def test_second_writer_is_told_who_is_writing(
    mizan: Run, base: KnowledgeBase, tmp_path: Path
) -> None:
    holder = subprocess.Popen([sys.executable, "-c", HOLDER, str(base.home.root)], stdout=subprocess.PIPE, text=True)
    assert holder.stdout is not None
    try:
        assert holder.stdout.readline() == "locked\n"
        with pytest.raises(StoreLocked, match=f"process {holder.pid} holds the lock.*run the same command again"):
            base.write([_record("a", "A")], ACTIVITY)
        with pytest.raises(StoreLocked, match=str(holder.pid)):
            base.rebuild()
        code, out, err = mizan("init", "--home", str(base.home.root))
        assert (code, out) == (2, "")
        assert err.startswith("mizan: ") and str(holder.pid) in err and err.count("\n") == 1
        assert base.snapshot().number == 1, "readers are not kept waiting"
        assert base.verify_ledger().segments == 1
    finally:
        holder.send_signal(signal.SIGKILL)
        holder.wait()
        holder.stdout.close()
    assert base.write([_record("a", "A")], ACTIVITY).new == 1, "the lock of a killed writer is free"


def test_lock_is_free_after_every_change(base: KnowledgeBase) -> None:
    with pytest.raises(DoesNotConform):
        base.write([_record("a", "A", tier="RESTRICTED")], ACTIVITY)
    base.write([_record("a", "A")], ACTIVITY)
    base.rebuild()
    assert (base.home.lock).read_text() == f"{os.getpid()}\n"
    base.write([_record("a", "B")], ACTIVITY)


# restricted records

SECRETS = ["Witness Name Zx81", "zx81-address", "زعتر٨١"]


def _secret_file(folder: Path, *, valid: bool) -> Path:
    node = f"{ID}actor/test/zx81-person"
    lines = [
        f"<{node}> <{RDF.type.value}> <{MZ.Actor.value}> .",
        f'<{node}> <{SKOS.prefLabel.value}> "{SECRETS[0]}"@en .',
        f'<{node}> <{SKOS.altLabel.value}> "{SECRETS[1]}"@en .',
        f'<{node}> <{SKOS.altLabel.value}> "{SECRETS[2]}"@ar .',
        f"<{node}> <{DCTERMS.accessRights.value}> <{ACCESS}RESTRICTED> .",
        f"<{ID}actor/test/harmless> <{RDF.type.value}> <{MZ.Actor.value}> .",
        f'<{ID}actor/test/harmless> <{SKOS.prefLabel.value}> "harmless"@en .',
    ]
    if valid:
        kind = "<https://w3id.org/mizan/scheme/actor-kind#ngo>"
        names = ("zx81-person", "harmless")
        lines += [f"<{ID}actor/test/{n}> <http://www.w3.org/ns/org#classification> {kind} ." for n in names]
    path = folder / "people.nt"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def _bytes_below(folder: Path) -> Iterable[tuple[Path, bytes]]:
    for path in folder.rglob("*"):
        if path.is_file():
            data = path.read_bytes()
            yield path, gzip.decompress(data) if path.suffix == ".gz" else data


@pytest.mark.parametrize("valid", [True, False], ids=["conforming", "with faults"])
def test_restricted_record_leaves_no_byte(
    mizan: Run, fresh_home: Path, tmp_path: Path, valid: bool
) -> None:
    """Not in ledger, store, index, snapshot, reject file nor notes; the import is refused before it writes anything."""
    path = _secret_file(tmp_path, valid=valid)
    code, out, err = mizan("import", "rdf", str(path), "--home", str(fresh_home))
    assert (code, out) == (1, "")
    assert "is RESTRICTED" in err and "Leave it out of the file" in err and err.count("\n") == 1
    assert not any(secret in err for secret in SECRETS), "not even on the terminal, which may be kept"
    with KnowledgeBase.open(fresh_home) as base:
        assert base.snapshot().number == 1
        with pytest.raises(DoesNotConform):
            base.write(document.records(document.read(path)), ACTIVITY)
        with pytest.raises(DoesNotConform):
            base.add(document.records(document.read(path)), ACTIVITY)
        assert base.verify_ledger().segments == 1
    needles = [secret.encode() for secret in (*SECRETS, "zx81")]
    for file, data in _bytes_below(fresh_home):
        assert not [n for n in needles if n.lower() in data.lower()], file
        assert b"harmless" not in data, file


@pytest.mark.parametrize("tier", ["RESTRICTED", "NON_PUBLIC", "SENSITIVE", "public"])
def test_only_public_records_enter(base: KnowledgeBase, tier: str) -> None:
    with pytest.raises(DoesNotConform, match=f"is {tier}: this version keeps public records only"):
        base.write([_record("fine", "fine"), _record("a", "A", tier=tier)], ACTIVITY)
    assert base.snapshot().number == 1
    assert base.write([_record("a", "A", tier="PUBLIC")], ACTIVITY).new == 1


def test_record_whose_tier_is_no_iri_is_refused(base: KnowledgeBase) -> None:
    node = NamedNode(f"{ID}actor/test/a")
    record = document.record(node.value, [Triple(node, DCTERMS.accessRights, Literal("RESTRICTED"))])
    with pytest.raises(DoesNotConform):
        base.write([record], ACTIVITY)


# a ledger that lost its end


def test_writer_refuses_a_head_older_than_what_was_shown(base: KnowledgeBase) -> None:
    """Recovery must never take committed segments for leftovers, whoever put an old HEAD back."""
    base.write([_record("a", "A")], ACTIVITY)
    older = (base.home.ledger / "HEAD").read_bytes()
    base.write([_record("b", "B")], ACTIVITY)
    newest = (base.home.ledger / "HEAD").read_bytes()
    segments = sorted(p.name for p in base.home.ledger.glob("*.gz"))
    (base.home.ledger / "HEAD").write_bytes(older)
    for change in (lambda: base.write([_record("c", "C")], ACTIVITY), base.rebuild, base.load_vocabulary):
        with pytest.raises(LedgerBroken, match="names segment 2 as the last: segment 3 was committed.*Restore HEAD"):
            change()
    assert sorted(p.name for p in base.home.ledger.glob("*.gz")) == segments
    assert LocalStore.read_only(base.snapshot().store_folder).segment() == 3
    (base.home.ledger / "HEAD").write_bytes(newest)
    assert base.write([_record("c", "C")], ACTIVITY).new == 1


def test_init_never_starts_a_new_chain_over_an_old_one(
    mizan: Run, base: KnowledgeBase
) -> None:
    base.write([_record("a", "A")], ACTIVITY)
    (base.home.ledger / "HEAD").unlink()
    segments = _files(base.home.ledger)
    for command in ("init", "rebuild"):
        code, _, err = mizan(command, "--home", str(base.home.root))
        assert code == 1, err
        assert "HEAD cannot be read" in err and err.count("\n") == 1
    assert _files(base.home.ledger) == segments

