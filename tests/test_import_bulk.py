"""Large tables: imported in chunks over several processes with the same result as in one piece, and resumable."""

from __future__ import annotations

import csv
import gzip
import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pyarrow
import pytest
from pyarrow import parquet

from kb.errors import BadFile, DoesNotConform, StoreLocked
from kb.importing import Imported, Options
from kb.ingest import bulk, chunk, mapping
from kb.ingest.bulk import Bulk
from kb.ingest.journal import Journal
from kb.knowledgebase import KnowledgeBase
from kb.ledger import Entry, Ledger
from kb.record import Record
from kb.validation import Finding
from kb.writer import locked

EPOCH = "1456531200"
IN_CHUNKS = Options(large=100, validating=False)
IN_ONE = Options(large=100_000, validating=False)
PLAN = mapping.load("ucdp-ged")


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Validation has its own tests; a fixed time makes the results of two imports comparable; chunks are small."""

    def conforms(self: KnowledgeBase, records: list[Record]) -> list[Finding]:
        return []

    monkeypatch.setattr(KnowledgeBase, "validate", conforms)
    monkeypatch.setattr(chunk, "SIZE", 200)
    monkeypatch.setenv("SOURCE_DATE_EPOCH", EPOCH)


def _rows(shared: Path, count: int) -> list[list[str]]:
    with (shared / "data" / "ucdp-ged-syria-2016.csv").open(encoding="utf-8-sig", newline="") as handle:
        return [row for row, _ in zip(csv.reader(handle), range(count + 1), strict=False)]


def _write(path: Path, rows: list[list[str]]) -> Path:
    with path.open("w", encoding="utf-8", newline="") as handle:
        csv.writer(handle).writerows(rows)
    return path


@pytest.fixture
def rows(shared: Path) -> list[list[str]]:
    """The header and 500 real rows: three chunks."""
    return _rows(shared, 500)


@pytest.fixture
def homes(fresh_home: Path, tmp_path: Path) -> tuple[Path, Path]:
    """Two knowledge bases that are the same."""
    shutil.copytree(fresh_home, tmp_path / "other")
    return fresh_home, tmp_path / "other"


def _import(home: Path, path: Path, options: Options) -> Imported:
    with KnowledgeBase.open(home) as base:
        return base.import_table(PLAN, path, options)


def _entries(home: Path) -> dict[str, Entry]:
    ledger = Ledger(home / "ledger")
    ledger.verify()
    return {e.record: e for n in range(1, ledger.head().segment + 1) for e in ledger.entries(n)}


def _store(home: Path) -> list[str]:
    """The triples of the snapshot in order."""
    with KnowledgeBase.open(home) as base:
        found = sorted(map(str, base.snapshot().store._store))
        assert base.snapshot().index.counts()
        return found


def _same(homes: tuple[Path, Path], done: list[Imported]) -> None:
    one, other = done
    assert one.outcome and other.outcome
    assert (one.outcome.new, one.outcome.changed, one.outcome.same, one.outcome.gone) == (
        other.outcome.new, other.outcome.changed, other.outcome.same, other.outcome.gone
    )  # fmt: skip
    assert (one.intake.rows, one.intake.refused(), one.intake.rules()) == (
        other.intake.rows, other.intake.refused(), other.intake.rules()
    )  # fmt: skip
    assert one.intake.noted() == other.intake.noted()
    assert _entries(homes[0]) == _entries(homes[1])
    assert _store(homes[0]) == _store(homes[1])
    for left, right in ((one.kept.rejects, other.kept.rejects), (one.kept.notes, other.kept.notes)):
        assert (left is None) == (right is None)
        assert left is None or right is None or _told(left) == _told(right)


def _told(path: Path) -> bytes:
    """A file of rejects or notes; of several rows that say something else, any may be named."""
    return re.sub(rb"row \d+ \(line \d+\) says", b"a row says", path.read_bytes())


def _both(homes: tuple[Path, Path], path: Path) -> list[Imported]:
    done = [_import(home, path, how) for home, how in zip(homes, (IN_ONE, IN_CHUNKS), strict=True)]
    _same(homes, done)
    assert not [p for p in (homes[1] / "imports").iterdir() if p.is_dir()], "the journal is gone"
    return done


def _damage(rows: list[list[str]]) -> None:
    """Faults of every kind that only show across chunks, and others."""
    column = {name: i for i, name in enumerate(rows[0])}
    rows[300][column["id"]] = rows[3][column["id"]]  # doubled, in another chunk
    rows[480][column["id"]] = rows[479][column["id"]]  # doubled, in the same chunk
    rows[420][column["side_b"]] = "Somebody else"  # the id is that of an actor with another name in chunk 1
    rows[240][column["side_a"]] = ""
    rows[241][column["latitude"]] = "912"
    rows[440].append("too many cells")


def test_bulk_import_gives_the_same_as_one_in_memory(
    homes: tuple[Path, Path], rows: list[list[str]], tmp_path: Path
) -> None:
    _both(homes, _write(tmp_path / "t.csv", rows))


def test_bulk_import_finds_the_same_faults_across_chunks(
    homes: tuple[Path, Path], rows: list[list[str]], tmp_path: Path
) -> None:
    _damage(rows)
    one, _ = _both(homes, _write(tmp_path / "t.csv", rows))
    assert dict(one.intake.rules()) == {"unique": 2, "agreement": 1, "required": 1, "range": 1, "columns": 1}


def test_bulk_import_again_writes_nothing(fresh_home: Path, rows: list[list[str]], tmp_path: Path) -> None:
    path = _write(tmp_path / "t.csv", rows)
    first, again = _import(fresh_home, path, IN_CHUNKS), _import(fresh_home, path, IN_CHUNKS)
    assert first.outcome and again.outcome
    assert (again.outcome.new, again.outcome.changed, again.outcome.gone) == (0, 0, 0)
    in_one = _import(fresh_home, path, IN_ONE)
    assert in_one.outcome and again.outcome.same == in_one.outcome.same > 500
    assert again.outcome.snapshot == first.outcome.snapshot


def test_bulk_import_of_a_known_file_is_not_worked_through_again(
    fresh_home: Path, rows: list[list[str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _damage(rows)
    path = _write(tmp_path / "t.csv", rows)
    first = _import(fresh_home, path, IN_CHUNKS)
    with monkeypatch.context() as patch:
        patch.setattr(Bulk, "run", lambda *given: pytest.fail("it was worked through again"))
        again = _import(fresh_home, path, IN_CHUNKS)
    assert again.kept == first.kept and again.kept.rejects is not None
    assert (again.intake.rows, again.intake.refused()) == (first.intake.rows, first.intake.refused())
    assert again.intake.rules() == first.intake.rules() and again.intake.noted() == first.intake.noted()
    assert again.outcome and again.outcome.new == again.outcome.changed == 0
    one = [rows[0], list(rows[200])]
    one[1][rows[0].index("where_coordinates")] = "Elsewhere"
    changed = _import(fresh_home, _write(tmp_path / "one.csv", one), IN_ONE)
    assert changed.outcome and changed.outcome.changed == 1
    back = _import(fresh_home, path, IN_CHUNKS)
    assert back.outcome and back.outcome.changed == 1, "what was written since bears on the result"
    assert again.kept.rejects is not None
    again.kept.rejects.unlink()
    kept = _import(fresh_home, path, IN_CHUNKS).kept
    assert kept.rejects and kept.rejects.is_file(), "rejects that are gone are written anew"


def test_bulk_import_of_a_changed_file_supersedes_exactly_the_changed_and_counts_the_gone(
    homes: tuple[Path, Path], rows: list[list[str]], tmp_path: Path
) -> None:
    _both(homes, _write(tmp_path / "t.csv", rows))
    place = rows[0].index("where_coordinates")
    rows[280][place] = rows[7][place] = "Elsewhere"
    removed = [rows.pop(400), rows.pop(30)]
    one, _ = _both(homes, _write(tmp_path / "t.csv", rows))
    assert one.outcome is not None
    assert (one.outcome.new, one.outcome.changed, one.outcome.gone, one.outcome.retired) == (0, 2, 2, 0)
    iri = f"https://w3id.org/mizan/id/incident/ucdp-ged/{removed[0][0]}"
    with KnowledgeBase.open(homes[1]) as base:
        assert base.snapshot().record(iri), "what is gone from the file stays"


@pytest.mark.parametrize("options", [IN_ONE, IN_CHUNKS], ids=["in one", "in chunks"])
def test_retired_records_leave_store_and_search_and_stay_in_history(
    options: Options, fresh_home: Path, rows: list[list[str]], tmp_path: Path
) -> None:
    _import(fresh_home, _write(tmp_path / "t.csv", rows), options)
    removed = rows.pop(400)
    path = _write(tmp_path / "t.csv", rows)
    retiring = Options(large=options.large, validating=False, retire=True)
    done = _import(fresh_home, path, retiring)
    assert done.outcome and (done.outcome.changed, done.outcome.gone, done.outcome.retired) == (0, 1, 1)
    iri = f"https://w3id.org/mizan/id/incident/ucdp-ged/{removed[0]}"
    with KnowledgeBase.open(fresh_home) as base:
        assert not base.snapshot().record(iri)
        assert iri not in {hit.iri for hit in base.snapshot().index.find(removed[0]).items}
        operations = [entry.operation for _, _, entry in base.history(iri)]
        assert operations == ["put", "retire"]
        before = base.snapshot().store.segment()
        base.rebuild()
        assert base.snapshot().number == before and not base.snapshot().record(iri)
    again = _import(fresh_home, path, retiring)
    assert again.outcome and (again.outcome.gone, again.outcome.retired) == (0, 0)
    rows.insert(400, removed)
    back = _import(fresh_home, _write(tmp_path / "t.csv", rows), options)
    assert back.outcome and back.outcome.changed == 1
    with KnowledgeBase.open(fresh_home) as base:
        assert base.snapshot().record(iri)


def test_retire_is_refused_while_rows_are_kept_out(fresh_home: Path, rows: list[list[str]], tmp_path: Path) -> None:
    _import(fresh_home, _write(tmp_path / "t.csv", rows), IN_CHUNKS)
    rows.pop(400)
    rows[5][0] = "no number"
    with pytest.raises(DoesNotConform, match="1 rows are not right"):
        _import(fresh_home, _write(tmp_path / "t.csv", rows), Options(large=100, validating=False, retire=True))


def test_bulk_import_that_stopped_goes_on_where_it_was(
    homes: tuple[Path, Path], rows: list[list[str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _damage(rows)
    path = _write(tmp_path / "t.csv", rows)
    settled = Bulk._remember
    numbers: list[int] = []

    def stops(self: Bulk, done: chunk.Done, of: str) -> None:
        if done.number == 2 and not numbers:
            raise KeyboardInterrupt
        numbers.append(done.number)
        settled(self, done, of)

    one = _import(homes[0], path, IN_ONE)
    monkeypatch.setattr(Bulk, "_remember", lambda self, done, of: stops(self, done, of) if done.number < 2 else _stop())
    with pytest.raises(KeyboardInterrupt):
        _import(homes[1], path, IN_CHUNKS)
    assert numbers == [1]
    (left,) = (homes[1] / "imports").iterdir()
    with Journal(left) as book:
        assert book.finished() == 1
    with KnowledgeBase.open(homes[1]) as base:
        assert base.snapshot().number == 1, "nothing is published before the end"
    monkeypatch.setattr(Bulk, "_remember", stops)
    _same(homes, [one, _import(homes[1], path, IN_CHUNKS)])
    assert numbers == [1, 2, 3], "the first chunk is not done again"


def _stop() -> None:
    raise KeyboardInterrupt


def test_bulk_import_can_be_killed_while_the_store_is_filled(
    homes: tuple[Path, Path], rows: list[list[str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = _write(tmp_path / "t.csv", rows)
    one = _import(homes[0], path, IN_ONE)
    with monkeypatch.context() as patch:
        patch.setattr("kb.applicability.projection.update", lambda *given: _stop())
        with pytest.raises(KeyboardInterrupt):
            _import(homes[1], path, IN_CHUNKS)
    again = _import(homes[1], path, IN_CHUNKS)
    assert one.outcome and again.outcome and again.outcome.new == again.outcome.changed == 0
    assert _entries(homes[0]) == _entries(homes[1])
    assert _store(homes[0]) == _store(homes[1])


def test_bulk_file_that_changes_while_it_is_read_is_refused(
    fresh_home: Path, rows: list[list[str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = _write(tmp_path / "t.csv", rows)
    run = Bulk.run

    def slow(self: Bulk, given: bulk.Cells, progress: bulk.Progress) -> None:
        run(self, given, progress)
        with path.open("a", encoding="utf-8") as handle:
            handle.write("\n")

    monkeypatch.setattr(Bulk, "run", slow)
    with pytest.raises(BadFile, match=r"t\.csv changed while it was read"):
        _import(fresh_home, path, IN_CHUNKS)
    with KnowledgeBase.open(fresh_home) as base:
        assert base.snapshot().number == 1
    assert not list((fresh_home / "imports").iterdir()), "what was made of other bytes is not gone on with"


def test_bulk_journal_that_does_not_fit_the_rows_is_given_up(
    fresh_home: Path, rows: list[list[str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = _write(tmp_path / "t.csv", rows)
    with monkeypatch.context() as patch:
        patch.setattr("kb.ingest.bulk._digest", lambda rows: "of other rows")
        patch.setattr(Bulk, "prepared", lambda *_: _stop())
        with pytest.raises(KeyboardInterrupt):
            _import(fresh_home, path, IN_CHUNKS)
    with pytest.raises(BadFile, match="not what it was when its import stopped"):
        _import(fresh_home, path, IN_CHUNKS)
    done = _import(fresh_home, path, IN_CHUNKS)
    assert done.outcome and done.outcome.snapshot == 2


def test_bulk_import_beside_another_writer_is_told_who_holds_the_lock(
    fresh_home: Path, rows: list[list[str]], tmp_path: Path
) -> None:
    path = _write(tmp_path / "t.csv", rows)
    with KnowledgeBase.open(fresh_home) as base, locked(base.home), pytest.raises(StoreLocked, match="holds the lock"):
        base.import_table(PLAN, path, IN_CHUNKS)


def test_bulk_check_writes_nothing(fresh_home: Path, rows: list[list[str]], tmp_path: Path) -> None:
    _damage(rows)
    before = sorted(p.relative_to(fresh_home) for p in fresh_home.rglob("*") if "LOCK" not in p.name)
    done = _import(fresh_home, _write(tmp_path / "t.csv", rows), Options(check=True, large=100, validating=False))
    assert done.outcome is None and done.intake.refused() == 6
    assert before == sorted(p.relative_to(fresh_home) for p in fresh_home.rglob("*") if "LOCK" not in p.name)


def test_bulk_rows_that_are_all_bad_are_all_kept_and_few_are_held(
    fresh_home: Path, rows: list[list[str]], tmp_path: Path
) -> None:
    for row in rows[1:]:
        row[0] = "x"
    done = _import(fresh_home, _write(tmp_path / "t.csv", rows), IN_CHUNKS)
    assert done.outcome and done.outcome.new == 0 and done.outcome.snapshot == 1
    assert done.intake.refused() == 500 and dict(done.intake.rules()) == {"pattern": 500}
    assert len(done.intake.problems) <= 100
    assert done.kept.rejects is not None
    with done.kept.rejects.open(encoding="utf-8-sig", newline="") as handle:
        assert sum(1 for _ in csv.reader(handle)) == 501


def _formats(rows: list[list[str]], folder: Path) -> Iterator[Path]:
    plain = _write(folder / "t.csv", rows)
    packed = folder / "t.csv.gz"
    packed.write_bytes(gzip.compress(plain.read_bytes()))
    lines = folder / "t.jsonl"
    text = "".join(json.dumps(dict(zip(rows[0], row, strict=True))) + "\n" for row in rows[1:])
    lines.write_text(text, encoding="utf-8")
    columns = pyarrow.table({name: [row[i] for row in rows[1:]] for i, name in enumerate(rows[0])})
    parquet.write_table(columns, folder / "t.parquet")
    yield from (plain, packed, lines, folder / "t.parquet")


def test_bulk_formats_give_the_same_records(fresh_home: Path, rows: list[list[str]], tmp_path: Path) -> None:
    found = []
    for number, path in enumerate(_formats(rows[:300], tmp_path)):
        home = tmp_path / f"home{number}"
        shutil.copytree(fresh_home, home)
        _import(home, path, IN_CHUNKS)
        found.append({iri: entry.triples for iri, entry in _entries(home).items()})
    assert found[0] == found[1] == found[2] == found[3]


def test_bulk_file_that_is_no_parquet_is_refused(fresh_home: Path, tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    path.write_bytes(b"PAR1" + bytes(64))
    with pytest.raises(BadFile, match="not a Parquet file"):
        _import(fresh_home, path, IN_CHUNKS)


def test_bulk_quoted_line_end_at_the_edge_of_a_chunk_and_another_encoding(
    homes: tuple[Path, Path], rows: list[list[str]], tmp_path: Path
) -> None:
    place = rows[0].index("where_coordinates")
    for number in (199, 200, 201, 400):
        rows[number][place] = "two\nlines"
    path = _write(tmp_path / "t.csv", rows)
    lines = path.read_bytes().replace(b"Teir Maaleh", "Téïr".encode("latin-1"))
    path.write_bytes(lines)
    one, _ = _both(homes, path)
    assert set(one.intake.rules()) == {"encoding"}


def test_bulk_mapping_that_points_to_other_rows_is_not_divided() -> None:
    assert all(bulk.divisible(mapping.load(name)) for name in mapping.names())


def test_gzip_that_is_cut_or_a_bomb_is_refused(
    fresh_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    header = ",".join(PLAN.columns).encode() + b"\n"
    path = tmp_path / "t.csv.gz"
    path.write_bytes(gzip.compress(header + b"1,x\n" * 9999)[:-20])
    with pytest.raises(BadFile, match="not a whole gzip file"):
        _import(fresh_home, path, IN_CHUNKS)
    monkeypatch.setattr("kb.packed.FREE", 1 << 20)
    path.write_bytes(gzip.compress(header + b" " * (4 << 20)))
    with pytest.raises(BadFile, match="unpacks to more than"):
        _import(fresh_home, path, IN_CHUNKS)
