"""Files that are no table, and workbooks: refused whole with the reason, or read as the same table in CSV would be."""

import gzip
import json
import re
import zipfile
from pathlib import Path

import pytest

from kb.ingest import mapping
from kb.knowledgebase import KnowledgeBase
from tests import incident_table as table
from tests.incident_table import COLUMNS, ROW, Run, cells, incident, workbook

# whole files

GOOD = table.encoded([ROW])
PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(256))
HEADER = ",".join(COLUMNS)


def header(old: str, new: str) -> bytes:
    return GOOD.replace(HEADER.encode(), ",".join(new if c == old else c for c in COLUMNS).encode(), 1)


def without(*names: str) -> bytes:
    return table.encoded([ROW], [c for c in COLUMNS if c not in names])


FILES = {
    "empty": ("t.csv", b"", "is empty. Save the table again"),
    "header-only": ("t.csv", HEADER.encode(), "has a header but no rows. Add a row for each incident."),
    "blank-lines-only": ("t.csv", b"\n\n ,,\n", "has no header row. The first row must name the columns."),
    "utf-16": ("t.csv", GOOD.decode().encode("utf-16"),
          "t.csv is in UTF-16: tables are read as UTF-8. Save it as CSV UTF-8"),
    "utf-16-unmarked": ("t.csv", GOOD.decode().encode("utf-16-le"), "t.csv is a binary file: it has NUL bytes."),
    "png": ("t.csv", PNG, "t.csv is a PNG picture: a CSV file was expected. Export the table"),
    "zip": ("t.csv", b"PK\x03\x04" + bytes(100), "t.csv is a ZIP or office file"),
    "old-excel": ("t.xls", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(512), "t.xls is an old Excel file"),
    "gzip": ("t.csv", gzip.compress(GOOD), "t.csv is a gzip file"),
    "pdf": ("t.csv", b"%PDF-1.7\n", "t.csv is a PDF"),
    "nul": ("t.csv", GOOD.replace(b"Sukkari", b"Suk\0kari", 1), "t.csv is a binary file: it has NUL bytes"),
    "column-missing": ("t.csv", without("claimant"), "t.csv, line 1: missing columns: claimant: incidents needs them."),
    "columns-missing": ("t.csv", without("date", "place_en", "id"), "missing columns: date, id, place_en"),
    "column-misspelt": ("t.csv", header("claimant", "claiment"),
          "claimant: incidents needs them. Is it the column 'claiment'? Re"),
    "column-in-capitals": ("t.csv", header("date", "Date"),
          "missing columns: date: incidents needs them. Is it the column 'Date'?"),
    "optional-column-misspelt": ("t.csv", header("killed_min", "kiled_min"),
          "has no column 'kiled_min'. Did you mean killed_min? Rename the column, or remove it."),
    "column-doubled": ("t.csv", header("time", "date"), "t.csv, line 1: the header names the column 'date' twice."),
    "header-not-utf-8": ("t.csv", header("time", "x").replace(b",x,", b",\xe3\xe4,", 1),
          "t.csv, line 1: the header is not UTF-8."),
    "header-with-control": ("t.csv", header("time", "ti\x1bme"), "the column 'ti\\x1bme' has control characters"),
    "semicolons": ("t.csv", GOOD.replace(b",", b";"),
          "line 1: the cells seem to be separated by semicolons. Save it as CSV"),
    "tabs": ("t.csv", GOOD.replace(b",", b"\t"), "the cells seem to be separated by tabs. Save it"),
    "another-table": ("t.csv", b"a,b,c\n1,2,3\n", "Is this the right mapping for the file?"),
    "quotation-open": ("t.csv", GOOD + b'my-archive,"B-1,2016\n' + GOOD,
          "t.csv, line 3: a quotation mark is opened here and never"),
    "quotation-stray": ("t.csv", GOOD + b'my-archive,"B"1,2016\n',
          "t.csv, line 3: text follows a closing quotation mark."),
    "cell-too-large": ("t.csv", GOOD + b"x," + b"y" * (16 * 1024 * 1024 + 1),
          "t.csv, line 3: a cell is larger than 16 MiB."),
    "xlsx-of-text": ("t.xlsx", GOOD, "t.xlsx is not an .xlsx workbook: File is not a zip file. Save it again"),
    "xlsx-of-nothing": ("t.xlsx", b"PK\x05\x06" + bytes(18), "t.xlsx is not an .xlsx workbook"),
    "xlsx-old": ("t.xlsx", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(512), "t.xlsx is not an .xlsx workbook"),
    "not-rdf": ("t.csv", GOOD, "t.csv is not an RDF file"),
}  # fmt: skip


@pytest.mark.parametrize("name", FILES)
def test_bad_file_is_refused_whole(name: str, demo_home: Path, tmp_path: Path, mizan: Run) -> None:
    file, data, said = FILES[name]
    (tmp_path / file).write_bytes(data)
    before, rejects = table.digests(demo_home), demo_home / "rejects"
    code, out, err = mizan(
        "import", "rdf" if name == "not-rdf" else "incidents", str(tmp_path / file), "--home", str(demo_home)
    )
    assert (code, out) == (2, "")
    assert said in err
    assert err.startswith("mizan: ") and err.count("\n") == 1 and len(err) < 700
    assert not rejects.exists() and table.digests(demo_home) == before


@pytest.mark.parametrize(("name", "said"), [("nothing.csv", "is not there"), ("", "is not a file")])
def test_bad_path_is_told(name: str, said: str, demo_home: Path, tmp_path: Path, mizan: Run) -> None:
    code, _, err = mizan("import", "incidents", str(tmp_path / name), "--home", str(demo_home))
    assert (code, said in err) == (2, True)


def test_bad_file_name_that_is_not_utf_8_is_no_obstacle(demo_copy: Path, tmp_path: Path) -> None:
    path = tmp_path / "tab\udce1le.csv"
    path.write_bytes(GOOD)
    with KnowledgeBase.open(demo_copy) as base:
        done = base.import_table(mapping.load("incidents"), path)
    assert done.outcome is not None and done.outcome.new == 4  # incident, source, dataset and its keeper


@pytest.mark.parametrize(("name", "near"), [("incident", "incidents"), ("ucdp", "ucdp-ged"), ("rfd", "rdf")])
def test_bad_mapping_name_is_answered_with_a_suggestion(name: str, near: str, demo_home: Path, mizan: Run) -> None:
    code, _, err = mizan("import", name, "x.csv", "--home", str(demo_home))
    assert code == 2
    assert err == f"mizan: There is no mapping named {name}. Did you mean {near}?\n"


# workbooks


def test_xlsx_numbers_dates_and_empty_rows_read_as_a_csv_would(demo_copy: Path, tmp_path: Path, mizan: Run) -> None:
    from datetime import date, datetime, time

    file = workbook(
        tmp_path / "t.xlsx", list(COLUMNS),
        cells(id=1, date=date(2016, 4, 27), lat=36.17594, lon=0.00001, killed_min=50.0),
        [], [None, "  "], cells(id="2", date=datetime(2016, 4, 27, 21, 37), time=time(21, 37), killed_min=50),
        cells(id="3", date="2016-04", killed_max=55.5), cells(id="4", killed_min=True),
    )  # fmt: skip
    code, out, _ = mizan("import", "incidents", str(file), "--home", str(demo_copy), "--json")
    said = json.loads(out)
    assert (code, said["rows"], said["rejected"]) == (1, 4, 2)
    assert [(p["row"], p["line"], p["column"], p["message"]) for p in said["problems"]] == [
        (3, 6, "killed_max", "'55.5' is not a whole number"), (4, 7, "killed_min", "'True' is not a whole number"),
    ]  # fmt: skip
    dates = table.ask(
        demo_copy, f'SELECT ?i ?d {{ ?i mz:date ?d FILTER(strstarts(str(?i), "{incident("")}")) }} ORDER BY ?i'
    )
    assert dates == [(incident("1"), "2016-04-27"), (incident("2"), "2016-04-27T21:37:00")]
    assert len(table.ask(demo_copy, "SELECT ?g { ?g ?p ?wkt FILTER(str(?wkt) = 'POINT(0.00001 36.17594)') }")) == 1


def test_xlsx_formula_without_a_stored_result_is_not_lost(demo_copy: Path, tmp_path: Path, mizan: Run) -> None:
    file = workbook(tmp_path / "t.xlsx", list(COLUMNS), cells(killed_min="=25+25"), cells(id="2", basis="=A1"))
    code, out, _ = mizan("import", "incidents", str(file), "--home", str(demo_copy), "--json")
    assert code == 1
    assert [p["message"] for p in json.loads(out)["problems"]] == ["'=25+25' is not a whole number"]
    assert table.ask(demo_copy, "SELECT DISTINCT ?b { ?c mz:basis ?b FILTER(strstarts(?b, '=')) }") == [("=A1",)]


def rezipped(path: Path, part: str, old: bytes, new: bytes) -> Path:
    """A workbook with a piece of one part replaced."""
    with zipfile.ZipFile(path) as packed:
        parts = {name: packed.read(name) for name in packed.namelist()}
    assert old in parts[part]
    parts[part] = parts[part].replace(old, new)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, data in parts.items():
            packed.writestr(name, data)
    return path


SHEET = "xl/worksheets/sheet1.xml"


@pytest.mark.parametrize(
    ("part", "old", "new"),
    [(SHEET, b"</sheetData>", b""), (SHEET, b'r="B1"', b'r="??"'),
     ("xl/_rels/workbook.xml.rels", b"worksheets/sheet1.xml", b"worksheets/gone.xml"),
     ("[Content_Types].xml", b"sheet.main+xml", b"nothing+xml")],
    ids=["cut", "coordinate", "no-sheet", "no-workbook"],
)  # fmt: skip
def test_xlsx_broken_inside_is_refused(
    part: str, old: bytes, new: bytes, demo_home: Path, tmp_path: Path, mizan: Run
) -> None:
    file = rezipped(workbook(tmp_path / "t.xlsx", list(COLUMNS), cells()), part, old, new)
    code, _, err = mizan("import", "incidents", str(file), "--home", str(demo_home))
    assert code == 2
    assert err.startswith("mizan: t.xlsx is not an .xlsx workbook: ") and err.count("\n") == 1


def test_xlsx_that_unpacks_too_far_is_refused_unread(demo_home: Path, tmp_path: Path, mizan: Run) -> None:
    file = tmp_path / "t.xlsx"
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as packed, packed.open(SHEET, "w", force_zip64=True) as part:
        for _ in range(513):
            part.write(bytes(1024 * 1024))
    code, _, err = mizan("import", "incidents", str(file), "--home", str(demo_home))
    assert (code, "unpacks to 537,919,488 bytes: 536,870,912 is the most" in err) == (2, True)


def test_xlsx_that_claims_a_million_rows_is_read_as_it_is(demo_copy: Path, tmp_path: Path, mizan: Run) -> None:
    file = workbook(tmp_path / "t.xlsx", list(COLUMNS), cells())
    with zipfile.ZipFile(file) as packed:
        (claim,) = re.findall(rb'<dimension ref="[^"]*"', packed.read(SHEET))
    rezipped(file, SHEET, claim, b'<dimension ref="A1:XFD1048576"')
    code, out, _ = mizan("import", "incidents", str(file), "--home", str(demo_copy))
    assert (code, "Read 1 rows, kept out 0." in out) == (0, True)
    assert "unused-column" not in out, "the empty cells that it claims were read"
