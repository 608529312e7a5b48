"""Compaction, backup and restore: verified, and overwriting nothing."""

from __future__ import annotations

import errno
import io
import json
import os
import shutil
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from kb import document
from kb.knowledgebase import KnowledgeBase
from kb.ledger import Ledger
from kb.query import link
from kb.query.link import Link
from kb.snapshot import Retention

Run = Callable[..., tuple[int, str, str]]


def _grown(home: Path) -> KnowledgeBase:
    """A knowledge base with a record in two revisions."""
    base = KnowledgeBase.open(home)
    for name in ("old", "new"):
        text = (
            "PREFIX mz: <https://w3id.org/mizan/ontology#> PREFIX skos: <http://www.w3.org/2004/02/skos/core#> "
            f'<https://w3id.org/mizan/id/actor/test> a mz:Actor ; skos:prefLabel "{name}"@en .'
        )
        base.write(document.records(document.turtle(text, "t")), {"label": name})
    return base


@pytest.mark.parametrize("name", ["copy", "copy.tar"])
def test_backup_restores_to_the_same(name: str, fresh_home: Path, tmp_path: Path, mizan: Run) -> None:
    with _grown(fresh_home) as base:
        before = sorted(map(str, base.snapshot().store._store))
    code, out, _ = mizan("backup", str(tmp_path / name), "--home", str(fresh_home))
    assert code == 0 and "3 segments" in out and "verified" in out
    code, out, _ = mizan("restore", str(tmp_path / name), "--home", str(tmp_path / "restored"))
    assert code == 0 and "snapshot 3" in out
    with KnowledgeBase.open(tmp_path / "restored") as base:
        assert sorted(map(str, base.snapshot().store._store)) == before
        assert base.verify_ledger() == Ledger(fresh_home / "ledger").verify()


@pytest.mark.parametrize("name", ["copy", "copy.tar"])
def test_backup_holds_the_saved_queries(name: str, fresh_home: Path, tmp_path: Path, mizan: Run) -> None:
    saved = Link("ASK {}", "ASK", 1, "2026-11-28T00:00:00Z", "ab", 1, "cd", (), ("true",))
    link.save(fresh_home / "links", saved, 10_000)
    (fresh_home / "links" / f"{saved.name}.json.gz.new").write_bytes(b"of a save that was cut off")
    assert mizan("backup", str(tmp_path / name), "--home", str(fresh_home))[0] == 0
    assert mizan("restore", str(tmp_path / name), "--home", str(tmp_path / "restored"))[0] == 0
    restored = tmp_path / "restored" / "links"
    assert [p.name for p in restored.iterdir()] == [f"{saved.name}.json.gz"]
    assert link.load(restored, saved.name) == saved


def test_backup_and_restore_overwrite_nothing(fresh_home: Path, tmp_path: Path, mizan: Run) -> None:
    (tmp_path / "there.tar").write_bytes(b"mine")
    code, _, err = mizan("backup", str(tmp_path / "there.tar"), "--home", str(fresh_home))
    assert code == 2 and "exists already" in err
    assert (tmp_path / "there.tar").read_bytes() == b"mine"
    assert mizan("backup", str(tmp_path / "copy.tar"), "--home", str(fresh_home))[0] == 0
    code, _, err = mizan("restore", str(tmp_path / "copy.tar"), "--home", str(fresh_home))
    assert code == 2 and "is not empty" in err
    assert KnowledgeBase.open(fresh_home).snapshot().number == 1


def test_backup_of_a_broken_ledger_leaves_nothing(fresh_home: Path, tmp_path: Path, mizan: Run) -> None:
    segment = fresh_home / "ledger" / "00000001.jsonl.gz"
    segment.write_bytes(segment.read_bytes()[:-1] + b"x")
    code, _, err = mizan("backup", str(tmp_path / "copy.tar"), "--home", str(fresh_home))
    assert code == 1 and "has changed" in err
    assert not list(tmp_path.glob("copy*"))


def test_restore_of_a_changed_backup_leaves_nothing(fresh_home: Path, tmp_path: Path, mizan: Run) -> None:
    assert mizan("backup", str(tmp_path / "copy"), "--home", str(fresh_home))[0] == 0
    segment = tmp_path / "copy" / "ledger" / "00000001.jsonl.gz"
    segment.write_bytes(segment.read_bytes()[:-1] + b"x")
    code, _, err = mizan("restore", str(tmp_path / "copy"), "--home", str(tmp_path / "restored"))
    assert code == 1 and "has changed" in err
    assert not (tmp_path / "restored").exists()


@pytest.mark.parametrize("name", ["../evil", "ledger/../../evil", "mizan.json/x"])
def test_restore_of_a_strange_archive_is_refused(name: str, tmp_path: Path, mizan: Run) -> None:
    with tarfile.open(tmp_path / "copy.tar", "w") as tar:
        member = tarfile.TarInfo(name)
        member.size = 1
        tar.addfile(member, io.BytesIO(b"x"))
    code, _, err = mizan("restore", str(tmp_path / "copy.tar"), "--home", str(tmp_path / "in" / "restored"))
    assert code == 2 and "is not a backup" in err
    assert [p.name for p in tmp_path.iterdir() if p.name != "in"] == ["copy.tar"]


def test_restore_of_no_archive_is_refused(tmp_path: Path, mizan: Run) -> None:
    (tmp_path / "copy.tar").write_bytes(b"no archive")
    assert "is not a backup" in mizan("restore", str(tmp_path / "copy.tar"), "--home", str(tmp_path / "r"))[2]
    assert "is not there" in mizan("restore", str(tmp_path / "no.tar"), "--home", str(tmp_path / "r"))[2]


def test_compact_keeps_the_content_and_prunes_snapshots(fresh_home: Path, mizan: Run) -> None:
    with _grown(fresh_home) as base:
        before = sorted(map(str, base.snapshot().store._store))
        assert len(list((fresh_home / "snapshots").iterdir())) == 3
        code, out, _ = mizan("compact", "--home", str(fresh_home), "--keep", "2")
        assert code == 0 and out.startswith("Store, index and snapshots took ")
        assert len(list((fresh_home / "snapshots").iterdir())) == 2
        assert sorted(map(str, base.snapshot().store._store)) == before and base.snapshot().number == 3
        code, out, _ = mizan("compact", "--home", str(fresh_home), "--keep", "3", "--days", "0")
        assert base.snapshot().number == 3 and len(list((fresh_home / "snapshots").iterdir())) == 2, "one is held"
    with KnowledgeBase.open(fresh_home) as base:
        base.compact(Retention(3, days=0))
        assert len(list((fresh_home / "snapshots").iterdir())) == 1


def test_import_explained_shows_triples_and_columns(demo_home: Path, shared: Path, mizan: Run) -> None:
    table = shared / "data" / "ucdp-ged-syria-2016.csv"
    code, out, _ = mizan("import", "ucdp-ged", str(table), "--explain", "--home", str(demo_home))
    assert code == 0 and out.count("# row ") == 3
    assert "# column where_coordinates: " in out and "# column date_start: " in out
    document.turtle(out, "explained")


def test_import_of_parquet_names_the_extra_or_reads_it(demo_home: Path, tmp_path: Path, mizan: Run) -> None:
    (tmp_path / "t.parquet").write_bytes(b"PAR1 and no more")
    code, _, err = mizan("import", "ucdp-ged", str(tmp_path / "t.parquet"), "--check", "--home", str(demo_home))
    assert code == 2 and ("mizan-kb[parquet]" in err or "is not a Parquet file" in err)


def test_json_lines_that_are_none_are_refused(demo_home: Path, tmp_path: Path, mizan: Run) -> None:
    cases = {
        '{"id": 1\n': "is not JSON", "[1]\n": "is not a JSON object", '{"id": "1"}\n{"ID": "2"}\n': "has no 'ID'",
        '{"id": [1]}\n': "holds a list",
    }  # fmt: skip
    for number, (text, said) in enumerate(cases.items()):
        path = tmp_path / f"{number}.jsonl"
        path.write_text(text, encoding="utf-8")
        code, _, err = mizan("import", "ucdp-ged", str(path), "--check", "--home", str(demo_home))
        assert code == 2 and (said in err or "missing columns" in err), err


def test_copy_of_a_home_without_its_projections_is_rebuilt(fresh_home: Path, tmp_path: Path) -> None:
    with _grown(fresh_home) as base:
        counts = base.snapshot().index.counts()
    for folder in ("store", "search", "snapshots"):
        shutil.rmtree(fresh_home / folder)
    with KnowledgeBase.open(fresh_home) as base:
        base.rebuild()
        assert base.snapshot().index.counts() == counts


def test_kept_snapshots_are_a_setting_that_every_change_follows(fresh_home: Path, mizan: Run) -> None:
    assert mizan("compact", "--home", str(fresh_home), "--keep", "2", "--always")[0] == 0
    assert json.loads((fresh_home / "mizan.json").read_text())["snapshots"] == {"keep": 2, "days": None}
    with _grown(fresh_home):
        assert [p.name for p in _snapshots(fresh_home)] == ["00000002", "00000003"]
    for folder in _snapshots(fresh_home):
        os.utime(folder, (0, 0))
    assert mizan("compact", "--home", str(fresh_home), "--keep", "9", "--days", "30", "--always")[0] == 0
    assert [p.name for p in _snapshots(fresh_home)] == ["00000003.1"], "older ones go by age"


def test_snapshot_that_is_held_is_pruned_once_let_go(fresh_home: Path) -> None:
    with KnowledgeBase.open(fresh_home) as reader:
        held = reader.snapshot()
        with _grown(fresh_home) as base:
            base.compact(Retention(1, days=0))
            assert held.folder.is_dir() and held.folder in _snapshots(fresh_home)
            # a worker that has not opened it yet can
            assert b"true" in reader.ask("ASK { ?s ?p ?o }", at=held).body
            number = held.number
            del held
            assert reader.snapshot().number > number
            base.compact(Retention(1))
    assert len(_snapshots(fresh_home)) <= 2 and f"{number:08d}" not in [p.name for p in _snapshots(fresh_home)]


@pytest.mark.parametrize("said", ['{"keep": 0}', '{"keep": "3"}', '{"days": -1}', '{"days": NaN}', '{"kept": 3}', "3"])
def test_setting_that_is_unclear_is_refused_before_any_work(said: str, fresh_home: Path, mizan: Run) -> None:
    manifest = json.loads((fresh_home / "mizan.json").read_text()) | {"snapshots": json.loads(said)}
    (fresh_home / "mizan.json").write_text(json.dumps(manifest))
    code, _, err = mizan("compact", "--home", str(fresh_home))
    assert code == 2 and "how many snapshots to keep" in err and '"keep": 3' in err


@pytest.mark.parametrize("name", ["copy", "copy.tar"])
def test_backup_on_a_full_disk_says_so_and_leaves_nothing(
    name: str, fresh_home: Path, tmp_path: Path, mizan: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(shutil, "copyfileobj", full)
    monkeypatch.setattr(tarfile, "copyfileobj", full)
    monkeypatch.setattr(shutil, "copyfile", full)
    code, _, err = mizan("backup", str(tmp_path / name), "--home", str(fresh_home))
    assert code == 2 and "the disk is full" in err
    assert not list(tmp_path.glob("copy*"))


def test_restore_of_a_backup_that_was_cut_off_leaves_nothing(fresh_home: Path, tmp_path: Path, mizan: Run) -> None:
    assert mizan("backup", str(tmp_path / "copy.tar"), "--home", str(fresh_home))[0] == 0
    whole = (tmp_path / "copy.tar").read_bytes()
    for size in (100, 700, len(whole) // 2):
        (tmp_path / "copy.tar").write_bytes(whole[:size])
        code, _, err = mizan("restore", str(tmp_path / "copy.tar"), "--home", str(tmp_path / "restored"))
        assert code in (1, 2) and "Traceback" not in err and err
        assert not (tmp_path / "restored").exists()


def _snapshots(home: Path) -> list[Path]:
    return sorted((home / "snapshots").iterdir())
