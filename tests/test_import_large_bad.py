"""Input that is made, or happens, to exhaust memory or disk: refused with its place, or borne, at any size."""

from __future__ import annotations

import gzip
import json
import zipfile
from collections.abc import Callable
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pyarrow
import pytest
from openpyxl import Workbook
from openpyxl.utils.datetime import CALENDAR_MAC_1904
from pyarrow import parquet

from kb.errors import BadFile
from kb.importing import Options
from kb.ingest import mapping, source, tabular
from kb.ingest.known import finder
from kb.knowledgebase import KnowledgeBase
from kb.ledger import Ledger
from kb.ns import MZ
from tests import incident_table as table
from tests.incident_table import COLUMNS, Run, cells, encoded, right, workbook
from tests.test_faults import QUERY, _full, _in_namespace
from tests.test_import_bulk import _rows, _write
from tests.test_import_file import SHEET, rezipped

INCIDENTS, UCDP = mapping.load("incidents"), mapping.load("ucdp-ged")

# one cell, one row


@pytest.fixture
def little(monkeypatch: pytest.MonkeyPatch) -> None:
    """The reader's limits at a thousandth: the same code as for the real ones."""
    monkeypatch.setattr(source, "LARGEST_CELL", 16_000)
    monkeypatch.setattr(source, "LARGEST_ROW", 64_000)


HUGE: dict[str, tuple[str, Callable[[str], bytes], str]] = {
    "csv-cell": ("t.csv", lambda text: encoded([right("1"), {**right("2"), "title_en": text * 5000}]),
                 "t.csv, line 3: a row is larger than 64 MiB"),
    "csv-open-mark": ("t.csv", lambda text: encoded([right("1")]) + b'"my-archive' + b"\n,x" * 40_000,
                      "t.csv, line 3: a row is larger than 64 MiB"),
    "csv-many-cells": ("t.csv", lambda text: encoded([right("1")]) + b'x,"\n",' * 20_000,
                       "t.csv, line 3: a row is larger than 64 MiB"),
    "gzip-cell": ("t.csv.gz", lambda text: gzip.compress(encoded([{**right("2"), "title_en": text * 5000}])),
                  "t.csv.gz, line 2: a row is larger than 64 MiB"),
    "json-line": ("t.jsonl", lambda text: json.dumps({**right("1"), "title_en": text * 1000}).encode(),
                  "t.jsonl, line 1: the line is larger than 16 MiB"),
}  # fmt: skip


@pytest.mark.parametrize("name", HUGE)
@pytest.mark.parametrize("large", [0, 5000], ids=["large", "small"])
@pytest.mark.usefixtures("little")
def test_cell_that_no_memory_should_hold_is_refused_with_its_line(
    name: str, large: int, fresh_home: Path, tmp_path: Path
) -> None:
    file, made, said = HUGE[name]
    (tmp_path / file).write_bytes(made("seventeen letters"))
    with KnowledgeBase.open(fresh_home) as base, pytest.raises(BadFile, match=said):
        base.import_table(INCIDENTS, tmp_path / file, Options(large=large))
    assert Ledger(fresh_home / "ledger").head().segment == 1


# Parquet


def _parquet(path: Path, titles: pyarrow.Array, group: int = 1_000_000) -> Path:
    rows = [cells(id=f"A-{n}") for n in range(len(titles))]
    columns = {name: pyarrow.array([row[i] for row in rows]) for i, name in enumerate(COLUMNS)}
    parquet.write_table(pyarrow.table(columns | {"title_en": titles}), path, compression="zstd", row_group_size=group)
    return path


def test_parquet_texts_are_read_whichever_way_they_are_held(tmp_path: Path) -> None:
    words = ["مستشفى", "", "Kafr", "Kafr", None]
    plain = pyarrow.array(words)
    for titles in (plain, plain.dictionary_encode(), plain.cast(pyarrow.large_string()), plain.cast(pyarrow.binary())):
        header, *rows = (list(found) for _, found in source.rows(_parquet(tmp_path / "t.parquet", titles)))
        assert [row[header.index("title_en")] for row in rows] == ["مستشفى", "", "Kafr", "Kafr", ""]


@pytest.mark.usefixtures("little")
def test_parquet_value_that_stands_in_every_row_is_read_row_by_row(tmp_path: Path) -> None:
    text = "many letters" * 1000
    file = _parquet(tmp_path / "t.parquet", pyarrow.array([text] * 30))
    assert [cells[list(COLUMNS).index("title_en")] for _, cells in source.rows(file)] == ["title_en", *[text] * 30]
    parquet.write_table(pyarrow.table({"title_en": [text, None, text]}), file)
    assert [list(cells) for _, cells in source.rows(file)] == [["title_en"], [text], [""], [text]]


PARQUET = {
    "cell": (17_000, "t.parquet, row 3: a cell is larger than 16 MiB. Shorten it."),
    "row": (15_900, "t.parquet, row 3: a row is larger than 64 MiB. Shorten it."),
    "column": (400_000, ": title_en unpacks to 4"),
}


@pytest.mark.parametrize("name", PARQUET)
@pytest.mark.parametrize("dictionary", [True, False], ids=["held once", "in full"])
@pytest.mark.usefixtures("little")
def test_parquet_cell_that_no_memory_should_hold_is_refused_with_its_row(
    name: str, dictionary: bool, demo_home: Path, tmp_path: Path, mizan: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(source, "LARGEST_COLUMN", 300_000)
    size, said = PARQUET[name]
    if name == "row":
        monkeypatch.setattr(source, "LARGEST_ROW", 15_950)
    titles = pyarrow.array(["a", "b", "x" * size, *["y" * 12_000] * 5])
    file = _parquet(tmp_path / "t.parquet", titles.dictionary_encode() if dictionary else titles, group=2)
    code, _, err = mizan("import", "incidents", str(file), "--home", str(demo_home))
    assert (code, err.count("\n"), said in err) == (2, 1, True), err


def test_parquet_of_more_rows_than_its_bytes_can_tell_is_refused(
    demo_home: Path, tmp_path: Path, mizan: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(source, "FREE_ROWS", 1000)
    file = tmp_path / "t.parquet"
    parquet.write_table(pyarrow.table({name: pyarrow.nulls(3_000_000, pyarrow.string()) for name in COLUMNS}), file)
    code, _, err = mizan("import", "incidents", str(file), "--home", str(demo_home))
    assert (code, "t.parquet has 3,000,000 rows: " in err, err.count("\n")) == (2, True, 1), err


# workbooks


def _part(path: Path, name: str, data: bytes, kind: str = "") -> Path:
    """A workbook with one part replaced or added, and declared when it has a kind."""
    with zipfile.ZipFile(path) as packed:
        parts = {n: packed.read(n) for n in packed.namelist()}
    parts[name] = data
    if kind:
        listed = f'<Override PartName="/{name}" ContentType="{kind}"/></Types>'.encode()
        parts[source._CONTENTS] = parts[source._CONTENTS].replace(b"</Types>", listed)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as packed:
        for part, content in parts.items():
            packed.writestr(part, content)
    return path


TEXTS = "application/vnd.openxmlformats-officedocument.spreadsheetml.sharedStrings+xml"
BOMBS = {
    "sheet": (SHEET, "", "t.xlsx unpacks to "),
    "texts": ("xl/sharedStrings.xml", "", "its part xl/sharedStrings.xml unpacks to "),
    "texts-elsewhere": ("xl/worksheets/sheet9.xml", TEXTS, "its part xl/worksheets/sheet9.xml unpacks to "),
    "styles": ("xl/styles.xml", "", "its part xl/styles.xml unpacks to "),
    "list-of-parts": (source._CONTENTS, "", "Content_Types].xml unpacks to "),
}


@pytest.mark.parametrize("name", BOMBS)
def test_xlsx_bomb_is_refused_before_it_is_unpacked(
    name: str, demo_home: Path, tmp_path: Path, mizan: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    for limit, size in (("LARGEST_WORKBOOK", 900_000), ("LARGEST_TEXTS", 300_000), ("LARGEST_PART", 100_000)):
        monkeypatch.setattr(source, limit, size)
    part, kind, said = BOMBS[name]
    data = b" " * (1_000_000 if name == "sheet" else 400_000)
    file = _part(workbook(tmp_path / "t.xlsx", list(COLUMNS), cells()), part, data, kind)
    assert file.stat().st_size < 20_000
    code, _, err = mizan("import", "incidents", str(file), "--home", str(demo_home))
    assert (code, err.count("\n"), said in err) == (2, 1, True), err
    assert "is the most. Split it, or save it as CSV UTF-8." in err


def test_xlsx_sheet_may_be_larger_than_what_is_held_in_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(source, "LARGEST_PART", 20_000)
    file = workbook(tmp_path / "t.xlsx", list(COLUMNS), *(cells(id=f"A-{n}") for n in range(50)))
    with zipfile.ZipFile(file) as packed:
        assert packed.getinfo(SHEET).file_size > 20_000
    assert sum(1 for _ in source.rows(file)) == 51


def test_xlsx_whose_cells_stand_far_to_the_right_is_refused_in_time(
    demo_home: Path, tmp_path: Path, mizan: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(source, "LARGEST_GRID", 1_000_000)
    file = workbook(tmp_path / "t.xlsx", list(COLUMNS), cells())
    rows = "".join(f'<row r="{n}"><c r="XFD{n}"><v>1</v></c></row>' for n in range(3, 500)).encode()
    code, _, err = mizan("import", "incidents", str(rezipped(file, SHEET, b"</sheetData>", rows + b"</sheetData>")),
                         "--home", str(demo_home))  # fmt: skip
    assert (code, err.count("\n")) == (2, 1)
    assert "t.xlsx, line 64: with its empty cells the sheet has more than 1,000,000. Remove what stands far" in err


def test_xlsx_dates_are_those_that_a_person_sees_whatever_they_are_counted_from(
    fresh_home: Path, tmp_path: Path
) -> None:
    found = []
    for number, since in enumerate((None, CALENDAR_MAC_1904)):
        book = Workbook()
        book.epoch = since or book.epoch
        assert book.active is not None
        book.active.append(list(COLUMNS))
        book.active.append(cells(id="A-1", date=date(2016, 4, 27)))
        book.active.append(cells(id="A-2", date=datetime(2016, 4, 27)))
        book.save(tmp_path / f"t{number}.xlsx")
        rows = [list(row) for _, row in source.rows(tmp_path / f"t{number}.xlsx")]
        assert [row[COLUMNS.index("date")] for row in rows[1:]] == ["2016-04-27"] * 2
        found.append(rows)
    with zipfile.ZipFile(tmp_path / "t1.xlsx") as packed:
        assert b"date1904" in packed.read("xl/workbook.xml")
    assert found[0] == found[1]
    with KnowledgeBase.open(fresh_home) as base:
        done = base.import_table(INCIDENTS, tmp_path / "t1.xlsx", Options(large=1))
    assert done.outcome and not done.intake.refused()
    assert "2016-04-27" in table.values(fresh_home, table.incident("A-2"), MZ.date)


# files that change, disks that are full, and looking before leaping


def test_small_file_that_changes_while_it_is_read_is_refused(
    fresh_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, take = table.write(tmp_path, right("1")), tabular.take

    def slow(*given: Any, **named: Any) -> None:
        take(*given, **named)
        path.write_bytes(path.read_bytes() + b"\n")

    monkeypatch.setattr(tabular, "take", slow)
    with KnowledgeBase.open(fresh_home) as base, pytest.raises(BadFile, match=r"table\.csv changed while it was read"):
        base.import_table(INCIDENTS, path)
    assert Ledger(fresh_home / "ledger").head().segment == 1


@pytest.mark.parametrize(("kind", "moment"), [("ucdp-ged", "part"), ("rdf", "store")])
def test_full_disk_in_the_middle_of_a_large_import(
    kind: str, moment: str, tmp_path: Path, fresh_home: Path, shared: Path
) -> None:
    """The last snapshot is served meanwhile, the ledger verifies, and with space the same command goes on."""
    file, disk = _write(tmp_path / "t.csv", _rows(shared, 40)), tmp_path / "disk"
    if kind == "rdf":
        records = tabular.read(file, UCDP, finder(None)).records
        file = tmp_path / "t.nt"
        file.write_text("".join(r.text for r in [*UCDP.reference, *records]), encoding="utf-8")
    home = ["--home", str(disk / "home")]
    do_import = ["import", kind, str(file), *home]
    full, files, served, verified, again = _in_namespace(
        disk, ["disk", "60m"], ["copy", str(fresh_home)], ["chunked", moment, *do_import], ["files"],
        ["mizan", *QUERY, *home], ["mizan", "ledger", "verify", *home], ["grow", "300m"],
        ["chunked", "", *do_import],
    )  # fmt: skip
    _full(full)
    assert any("home/imports/" in name and name.endswith("/journal.db") for name in files["files"])
    assert not any("snapshots/00000002" in name for name in files["files"]), "nothing half-written is visible"
    assert served["code"] == verified["code"] == again["code"] == 0, (served, verified, again)
    assert "Snapshot 2." in again["out"] and "kept out 0." in again["out"]


def test_explain_reads_no_more_than_it_shows(demo_home: Path, tmp_path: Path, mizan: Run) -> None:
    """The fourth row is one that stops every reader, and megabytes follow."""
    rows = encoded([right(str(n)) for n in range(3)])
    path = tmp_path / "t.csv"
    path.write_bytes(rows + b'"x"y\n' + rows * 9000)
    code, out, _ = mizan("import", "incidents", str(path), "--explain", "--home", str(demo_home))
    assert code == 0 and out.count("# row ") == 3
    assert mizan("import", "incidents", str(path), "--check", "--home", str(demo_home))[0] == 2


def test_check_of_a_large_table_says_what_an_import_would_and_writes_nothing(
    fresh_home: Path, tmp_path: Path, shared: Path
) -> None:
    rows = _rows(shared, 120)
    rows[50][rows[0].index("latitude")] = "912"
    path = _write(tmp_path / "t.csv", rows)
    with KnowledgeBase.open(fresh_home) as base:
        base.snapshot()
        before = table.tree(fresh_home)
        checked = base.import_table(UCDP, path, Options(check=True, large=100))
        assert table.tree(fresh_home) == before
        done = base.import_table(UCDP, path, Options(large=100))
    assert checked.outcome is None and checked.intake.problems == done.intake.problems
    assert (checked.intake.rows, checked.intake.refused()) == (done.intake.rows, done.intake.refused()) == (120, 1)
