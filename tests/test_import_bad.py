"""Wrong rows: each wrong cell is named with its row, line, column, rule and next step, and costs its own row only.

All wrong rows stand in one file, imported once for all tests.
"""

import csv
import json
import random
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from kb.cli import main
from kb.errors import MizanError
from kb.ingest import mapping, reject, tabular
from kb.ingest.known import Known
from kb.knowledgebase import KnowledgeBase
from kb.ns import ID
from tests import incident_table as table
from tests.incident_table import COLUMNS, Run, cells, incident, right, workbook, write

LINE = 3  # the header is line 1, and the first row, which is right, line 2


@dataclass(frozen=True)
class Fault:
    """A row that is right but for `cells`, and what must be said of it; `hint` is the next step."""

    name: str
    cells: dict[str, str]
    column: str
    rule: str
    message: str
    hint: str


def fault(name: str, column: str, text: str, rule: str, message: str, hint: str, **others: str) -> Fault:
    return Fault(name, {column: text, **others}, column, rule, message, hint)


FAULTS = [
    fault("february-30", "date", "2016-02-30", "date", "'2016-02-30' is not a date of the calendar",
          "Write 2016-02-27"),
    fault("month-13", "date", "2016-13-01", "date", "'2016-13-01' is not a date of the calendar", "Write 2016-02-27"),
    fault("date-in-words", "date", "late April", "date", "'late April' is not a date", "Write 2016-02-27"),
    fault("date-with-slashes", "date", "27/04/2016", "date", "'27/04/2016' is not a date", "Write 2016-02-27"),
    fault("date-without-signs", "date", "20160427", "date", "'20160427' is not a date", "Write 2016-02-27"),
    fault("date-of-a-week", "date", "2016-W17", "date", "'2016-W17' is not a date", "Write 2016-02-27"),
    fault("date-of-1016", "date", "1016-04-27", "date", "is not between the years 1920 and 2100", "Correct the year."),
    fault("date-open", "date", "2016-04-27/..", "date", "has an open end", "Give both ends."),
    fault("date-open-start", "date", "/2016-04-27", "date", "has an open end", "Give both ends."),
    fault("date-backwards", "date", "2016-04-27/2016-04-26", "date-order", "ends before it starts",
          "Exchange or correct"),
    fault("date-of-a-megabyte", "date", "2016-" * 200_000, "date", "'2016-2016-2016-", "Write 2016-02-27"),
    fault("date-nested", "date", "(" * 5000, "date", "is not a date", "Write 2016-02-27"),
    fault("date-missing", "date", "", "required", "the cell is empty", "Fill it in."),
    fault("hour-25", "date", "2016-04-27T25:00:00", "date", "is not a date", "Write 2016-02-27"),
    fault("source-date-in-words", "source_date", "spring", "date", "'spring' is not a date", "Write 2016-02-27"),
    fault("count-negative", "killed_min", "-1", "range", "-1 is out of range, the least is 0", "Correct the number"),
    fault("count-fraction", "killed_min", "2.5", "whole-number", "'2.5' is not a whole number", "Write digits only."),
    fault("count-in-words", "injured_max", "dozens", "whole-number", "'dozens' is not a whole", "Write digits only."),
    fault("count-python", "killed_max", "5_5", "whole-number", "'5_5' is not a whole number", "Write digits only."),
    fault("count-of-400-digits", "killed_max", "9" * 400, "whole-number", "is not a whole number",
          "Write digits only."),
    fault("count-minus-400-digits", "killed_max", "-" + "9" * 400, "whole-number", "is not a whole",
          "Write digits only."),
    fault("minimum-above-maximum", "killed_min", "56", "order", "killed_min 56 is above killed_max 55", "Exchange"),
    fault("children-above-killed", "children_max", "56", "order", "children_max 56 is above killed_max 55", "Exchange"),
    fault("women-above-killed", "women_min", "56", "order", "women_min 56 is above killed_max 55",
          "Exchange", women_max=""),
    fault("injured-disordered", "injured_min", "10", "order", "injured_min 10 is above injured_max 9", "Exchange"),
    fault("latitude-91", "lat", "91", "range", "91 is out of range, the most is 90", "Correct the number"),
    fault("latitude-minus-91", "lat", "-90.5", "range", "-90.5 is out of range, the least is -90",
          "Correct the number"),
    fault("longitude-181", "lon", "181", "range", "181 is out of range, the most is 180", "Correct the number"),
    fault("latitude-alone", "lon", "", "together", "lat is given without it", "Fill in both or neither."),
    fault("longitude-alone", "lat", "", "together", "lon is given without it", "Fill in both or neither."),
    fault("decimal-comma", "lat", "36,17594", "number", "'36,17594' is not a number", "a point for decimals"),
    fault("decimal-exponent", "lat", "3.6e1", "number", "'3.6e1' is not a number", "a point for decimals"),
    fault("decimal-nan", "lon", "nan", "number", "'nan' is not a number", "a point for decimals"),
    fault("degrees", "lat", "36°10'N", "number", "is not a number", "a point for decimals"),
    fault("code-misspelt", "object_hit", "hospitl", "known-code", "'hospitl' is not a code of",
          "Did you mean hospital?"),
    fault("code-second-part", "method", "airstrike; airstrik", "known-code", "'airstrik' is not",
          "Did you mean airstrike?"),
    fault("code-strange", "weapon", "zzzz", "known-code", "'zzzz' is not a code of the scheme weapon",
          "Known codes: art"),
    fault("code-of-a-megabyte", "confidence", "x" * 1_000_000, "known-code", "xxx…' is not a code", "Known codes:"),
    fault("confidence-misspelt", "confidence", "Suspcted", "known-code", "not a code of", "Did you mean suspected?"),
    fault("confidence-of-nobody", "attributed_to", "", "needs", "confidence says nothing without it",
          "or leave confidence",
          degree=""),
    fault("response-of-nobody", "response_by", "", "needs", "response says nothing without it", "Fill in response_by"),
    fault("url-script", "source_url", "javascript:alert(1)", "web-address", "'javascript:alert(1)' is not", "https://"),
    fault("url-data", "source_url", "data:text/html,x", "web-address", "is not a web address", "https://"),
    fault("url-spaces", "source_url", "https://a.org/x y", "web-address", "is not a web address", "without spaces"),
    fault("provision-unknown", "provisions", "rome-statute/8-2-e-xxv", "known-provision",
          "there is no provision 'rome-s",
          "Did you mean rome-statute/8-2-e-x"),
    fault("provision-traversal", "provisions", "../actor/russia", "known-provision", "'../actor/russia' here",
          "Look up"),
    fault("provision-of-incident", "provisions", "rome-statute/8-2-e-iv; x", "known-provision", "provision 'x'",
          "Look up"),
    fault("claimant-missing", "claimant", "  ", "required", "the cell is empty", "Fill it in."),
    fault("dataset-with-capitals", "dataset", "My Archive", "pattern", "'My Archive' does not have the form",
          "this form"),
    fault("dataset-taken", "dataset", "airwars", "reserved", "'airwars' is a name of this software's own",
          "of your own"),
    fault("id-of-300-characters", "id", "x" * 300, "address", "or one of 300 characters", "200 is the most"),
    fault("id-of-points", "id", "ز" * 60, "address", "or one of 360 characters", "an Arabic letter counts as six"),
    fault("windows-1256", "title_ar", "".join(chr(0xDC00 + b) for b in "مستشفى".encode("windows-1256")), "encoding",
          "the text is not UTF-8", "Save the file as CSV UTF-8"),
    fault("control-character", "title_en", "Hit \x1b[31mred", "characters", "'Hit \\x1b[31mred' has control", "anew"),
    fault("control-c1", "place_en", "Suk\x85kari", "characters", "has control characters", "Type the text anew."),
    fault("nul", "basis", "a\0b", "characters", "'a\\x00b' has control characters", "Type the text anew."),
    fault("sheet-error", "time", "#REF!", "spreadsheet-error", "shows the error #REF!", "Correct its formula."),
    fault("licence-different", "licence", "CC0", "agreement",
          "row 1 (line 2) says something else of dataset/my-archive",
          "Write the same in both rows."),
    fault("source-different", "source_kind", "video", "agreement", "says something else of source/my-archive/",
          "Write the same in both rows."),
]  # fmt: skip
DOUBLED = Fault("doubled", {"id": "first"}, "id", "unique", "'first' is already in row 1 (line 2)", "its own id")
SHORT = Fault("short", {}, "", "columns", "the row ends before the column place_en", "Add the missing cells")
LONG = Fault(
    "long", {}, "", "columns", "2 filled cells stand beyond the last column", "Quote cells that contain a comma"
)
ALL = [*FAULTS, DOUBLED, SHORT, LONG]


def wrong(case: Fault) -> list[str]:
    """The cells of a wrong row."""
    cells = [{**right(case.name), **case.cells}.get(c, "") for c in COLUMNS]
    if case is SHORT:
        return cells[:5]
    return [*cells, "of which", "children"] if case is LONG else cells


@dataclass
class Trial:
    """A file of wrong rows between two right ones, and what the import said of it."""

    home: Path
    file: Path
    code: int
    said: dict[str, object]
    problems: dict[int, list[dict[str, object]]]

    @property
    def rejects(self) -> Path:
        return Path(str(self.said["reject_file"]))


@pytest.fixture(scope="module")
def trial(demo_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Trial:
    folder = tmp_path_factory.mktemp("wrong")
    home, file = table.copy(demo_home, folder / "home"), folder / "wrong.csv"
    padding = ["", *[""] * (len(COLUMNS) - 1)]  # blank lines are no rows; they move the NUL out of the first bytes
    rows = [right("first"), *map(wrong, ALL), right("last"), padding]
    file.write_bytes(table.encoded(rows))
    with pytest.MonkeyPatch.context() as patch:
        spoken: list[str] = []
        patch.setattr("click.echo", lambda text="", **_: spoken.append(str(text)))
        code = main(["import", "incidents", str(file), "--home", str(home), "--json"])
    said = json.loads(spoken[0])
    problems: dict[int, list[dict[str, object]]] = {}
    for problem in said["problems"]:
        problems.setdefault(problem["row"], []).append(problem)
    return Trial(home, file, code, said, problems)


def line_of(case: Fault) -> int:
    return LINE + ALL.index(case)  # no cell of the file has a line break


def test_bad_rows_are_counted_and_the_exit_code_is_one(trial: Trial) -> None:
    assert trial.code == 1
    assert trial.said["rows"] == len(ALL) + 2
    assert trial.said["rejected"] == len(ALL)
    assert sorted(trial.problems) == list(range(2, len(ALL) + 2))


@pytest.mark.parametrize("case", ALL, ids=lambda case: case.name)
def test_bad_cell_is_named_with_row_line_column_rule_and_next_step(trial: Trial, case: Fault) -> None:
    problems = trial.problems[ALL.index(case) + 2]
    assert [(p["line"], p["column"], p["rule"]) for p in problems] == [(line_of(case), case.column, case.rule)]
    assert case.message in str(problems[0]["message"])
    assert case.hint in str(problems[0]["hint"])
    assert len(str(problems[0]["message"])) < 400, "a message repeats no more than the beginning of a cell"
    assert str(problems[0]["message"]).isprintable()


def test_bad_rows_leave_the_good_ones_and_nothing_else(trial: Trial) -> None:
    found = {iri for iri in table.digests(trial.home) if iri.startswith(f"{ID}incident/") and "my-archive" in iri}
    assert found == {incident("first"), incident("last")}
    assert table.dangling(trial.home) == []


def test_bad_rows_are_kept_with_their_own_bytes(trial: Trial) -> None:
    with trial.rejects.open(encoding="utf-8-sig", errors="surrogateescape", newline="") as handle:
        header, *rows = csv.reader(handle)
    assert header[: len(COLUMNS)] == list(COLUMNS)
    assert [row[header.index("mizan_line")] for row in rows] == [str(line_of(case)) for case in ALL]
    for case, row in zip(ALL, rows, strict=True):
        cells = wrong(case)
        assert row[: min(len(cells), len(COLUMNS))] == cells[: len(COLUMNS)], case.name
    long = dict(zip(header, rows[ALL.index(LONG)], strict=True))
    assert [long["mizan_surplus_1"], long["mizan_surplus_2"]] == ["of which", "children"]
    assert "مستشفى".encode("windows-1256") in trial.rejects.read_bytes()
    assert rows[0][header.index("mizan_rule")] == "date"
    assert rows[0][header.index("mizan_next_step")].startswith("Write 2016-02-27")


def test_bad_rows_imported_again_uncorrected_are_rejected_again(trial: Trial, tmp_path: Path, mizan: Run) -> None:
    home = table.copy(trial.home, tmp_path / "home")
    code, out, _ = mizan("import", "incidents", str(trial.rejects), "--home", str(home), "--json")
    said = json.loads(out)
    by_row = {p["row"]: p["rule"] for p in reversed(said["problems"])}
    # what was wrong only beside other rows may fit now; a short row has been padded with empty cells
    beside = {ALL.index(case) + 1 for case in ALL if case.rule in ("unique", "agreement")}
    padded = {ALL.index(SHORT) + 1: "required"}
    wanted = {number: case.rule for number, case in enumerate(ALL, 1)} | padded
    assert {n: r for n, r in by_row.items() if n not in beside} == {n: r for n, r in wanted.items() if n not in beside}
    assert code == 1


def corrected(trial: Trial, to: Path) -> Path:
    """The reject file as a person corrects it: in place, the columns that say why left as they are."""
    rows = table.read(trial.rejects)
    for case, row in zip(ALL, rows, strict=True):
        row.update({c: right(case.name).get(c, "") for c in COLUMNS})
        row.update({name: "" for name in row if name.startswith("mizan_surplus_")})
    with to.open("w", encoding="utf-8", newline="") as handle:
        writer = csv.DictWriter(handle, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return to


def test_bad_rows_corrected_in_the_reject_file_give_the_same_as_a_right_file(
    trial: Trial, demo_home: Path, tmp_path: Path, mizan: Run
) -> None:
    one, two = table.copy(demo_home, tmp_path / "one"), table.copy(trial.home, tmp_path / "two")
    file = tmp_path / "right.csv"
    file.write_bytes(table.encoded([right("first"), *(right(case.name) for case in ALL), right("last")]))
    assert mizan("import", "incidents", str(file), "--home", str(one))[0] == 0
    code, out, err = mizan(
        "import", "incidents", str(corrected(trial, tmp_path / "c.csv")), "--home", str(two), "--json"
    )
    assert (code, err) == (0, "")
    assert json.loads(out)["rejected"] == 0
    assert table.digests(two) == table.digests(one)


# one wrong row, as the terminal shows it


def test_bad_row_is_told_in_one_line_with_the_file(demo_copy: Path, tmp_path: Path, mizan: Run) -> None:
    file = write(tmp_path, right("a"), {**right("b"), "lat": "91"})
    code, out, err = mizan("import", "incidents", str(file), "--home", str(demo_copy))
    assert code == 1
    assert err.splitlines() == [
        "table.csv: row 2 (line 3), column lat, rule range: 91 is out of range, the most is 90. "
        "Correct the number, or leave the cell empty."
    ]
    assert "Read 2 rows, kept out 1." in out
    assert re.search(r"Rejected rows are in .*-rejected\.csv; correct them there and import that file\.", out)


def test_bad_rows_beyond_twenty_are_counted_by_rule(demo_copy: Path, tmp_path: Path, mizan: Run) -> None:
    file = write(tmp_path, *({**right(str(n)), "lat": "91"} for n in range(25)), right("good"))
    _, _, err = mizan("import", "incidents", str(file), "--home", str(demo_copy))
    assert len(err.splitlines()) == 21
    assert err.splitlines()[-1] == "… and 5 more (all with --json); by rule: range 25"


def test_bad_cells_of_one_row_are_all_told(demo_copy: Path, tmp_path: Path, mizan: Run) -> None:
    file = write(tmp_path, right("a"), {**right("b"), "lat": "x", "date": "x", "object_hit": "x"})
    _, out, _ = mizan("import", "incidents", str(file), "--home", str(demo_copy), "--json")
    assert [p["column"] for p in json.loads(out)["problems"]] == ["date", "lat", "object_hit"]
    (row,) = table.read(Path(json.loads(out)["reject_file"]))
    assert row["mizan_rule"] == "date | number | known-code"


def test_bad_row_when_all_are_bad_writes_nothing(demo_copy: Path, tmp_path: Path, mizan: Run) -> None:
    before = table.digests(demo_copy)
    file = write(tmp_path, {**right("a"), "lat": "91"})
    code, out, _ = mizan("import", "incidents", str(file), "--home", str(demo_copy))
    assert code == 1
    assert "0 new, 0 changed, 0 the same. Snapshot 2." in out
    assert table.digests(demo_copy) == before


def test_bad_row_that_is_right_the_next_time_takes_its_reject_file_away(
    demo_copy: Path, tmp_path: Path, mizan: Run
) -> None:
    file = write(tmp_path, {**right("a"), "claimant": "msf", "provisions": "my-law/1"})
    mizan("import", "incidents", str(file), "--home", str(demo_copy))
    rejects = demo_copy / "rejects"
    assert len(list(rejects.glob("*-rejected.csv"))) == 1
    law = tmp_path / "law.ttl"
    text = Path("ontology/law/crc.ttl").read_text(encoding="utf-8").replace("provision/crc/6", "provision/my-law/1")
    law.write_text(text, encoding="utf-8")
    assert mizan("import", "rdf", str(law), "--home", str(demo_copy))[0] == 0
    assert mizan("import", "incidents", str(file), "--home", str(demo_copy))[0] == 0
    assert list(rejects.glob("*-rejected.csv")) == []


# the other mappings

AIRWARS = {"code": "RS0001", "date": "2015-09-30", "location_en": "Talbisah", "governorate": "Homs", "lat": "34.8",
           "lon": "36.7", "belligerents": "Russian Military", "evidence_grade": "Fair", "civ_killed_min": "1",
           "civ_killed_max": "2"}  # fmt: skip
UCDP = {"id": "1", "conflict_new_id": "299", "conflict_name": "Syria: Government", "type_of_violence": "1",
        "side_a_new_id": "118", "side_a": "Government of Syria", "side_b_new_id": "4456", "side_b": "Syrian insurgents",
        "where_prec": "1", "where_coordinates": "Aleppo town", "date_prec": "1", "date_start": "2016-01-01",
        "date_end": "2016-01-01", "low": "1", "best": "1", "high": "1"}  # fmt: skip
OTHERS = [
    ("airwars", AIRWARS, {"evidence_grade": "Fairish"}, "evidence_grade", "known-code", "Did you mean "),
    ("airwars", AIRWARS, {"date": "30.09.2015"}, "date", "date", "Write it as YYYY-MM-DD."),
    ("airwars", AIRWARS, {"date": "20150930"}, "date", "date", "Write it as YYYY-MM-DD."),
    ("airwars", AIRWARS, {"date_end": "2015-09-29"}, "date", "date-order", "Exchange or correct the dates."),
    ("airwars", AIRWARS, {"civ_killed_min": "3"}, "civ_killed_min", "order", "Exchange or correct the two numbers."),
    ("airwars", AIRWARS, {"code": "no code"}, "code", "pattern", "Write it in this form."),
    ("airwars", AIRWARS, {"lat": ""}, "lat", "together", "Fill in both or neither."),
    ("ucdp-ged", UCDP, {"date_end": "2015-12-31"}, "date_start", "date-order", "Exchange or correct the dates."),
    ("ucdp-ged", UCDP, {"where_prec": "9"}, "where_prec", "known-code", "Known codes: "),
    ("ucdp-ged", UCDP, {"type_of_violence": "4"}, "type_of_violence", "known-code", "Known codes: "),
    ("ucdp-ged", UCDP, {"high": "many"}, "high", "whole-number", "Write digits only."),
    ("ucdp-ged", UCDP, {"side_a": "Other"}, "side_a", "agreement", "Write the same in both rows."),
]


@pytest.mark.parametrize(("name", "base", "change", "column", "rule", "hint"), OTHERS)
def test_bad_row_of_a_dataset_is_named_too(
    name: str, base: dict[str, str], change: dict[str, str], column: str, rule: str, hint: str, tmp_path: Path
) -> None:
    plan = mapping.load(name)
    key = plan.key
    rows = [base, {**base, key: "RS0002" if name == "airwars" else "2", **change}]
    file = tmp_path / "t.csv"
    file.write_bytes(table.encoded(rows, list(plan.columns)))
    intake = tabular.read(file, plan, Known(None))
    assert [(p.row, p.line, p.column, p.rule) for p in intake.problems] == [(2, 3, column, rule)]
    assert intake.problems[0].hint.startswith(hint)
    assert len(intake.origin) == 1


# --check


def test_check_of_a_wrong_table_writes_nothing_anywhere(demo_copy: Path, tmp_path: Path, mizan: Run) -> None:
    csv_file = write(tmp_path, right("a"), {**right("b"), "lat": "91"})
    with KnowledgeBase.open(demo_copy) as base:
        base.snapshot()
    before = table.tree(demo_copy)
    code, out, err = mizan("import", "incidents", str(csv_file), "--home", str(demo_copy), "--check")
    assert (code, out.splitlines()[-1]) == (1, "Checked 2 rows: 1 would be kept out. Nothing was written.")
    assert err.startswith("table.csv: row 2 (line 3), column lat, rule range")
    assert table.tree(demo_copy) == before


# whatever else may come

SPLINTERS = [b"", b"\0", b'"', b"\n", b"\r", b",", b";", b"\xff", b"9" * 400, b"-9", b"1e400", b"nan", b"\xef\xbb\xbf",
             b"\x1b[31m", b"#", b"../", b"2016-02-30", b"{", b"\xe2\x80\xae", b"\xed\xa0\x80", b"\xc2\x85", b"<",
                   b"&x;"]  # fmt: skip


def damaged(data: bytes, seed: int) -> Iterator[bytes]:
    """The same data, damaged in a few places, again and again in the same way for the same seed."""
    rnd = random.Random(seed)
    while True:
        now = bytearray(data)
        for _ in range(rnd.choice([1, 1, 3, 10])):
            place = rnd.randrange(len(now))
            now[place : place + rnd.choice([0, 1, 4, 40])] = rnd.choice(SPLINTERS)
        yield bytes(now)


def test_damaged_files_end_in_rejects_or_plain_errors_only(demo: KnowledgeBase, tmp_path: Path) -> None:
    plan, known = mapping.load("incidents"), Known(demo.snapshot().store)
    book = workbook(tmp_path / "good.xlsx", list(COLUMNS), cells(), cells(id=2))
    mapping_file = Path("ontology/mappings/incidents.toml").read_bytes()
    sources = {"t.csv": (table.encoded([right(n) for n in "abcd"]), 700), "t.xlsx": (book.read_bytes(), 300),
               "t.toml": (mapping_file, 250)}  # fmt: skip
    ended = {"read": 0, "refused": 0}
    for name, (data, times) in sources.items():
        path = tmp_path / name
        for _, bytes_now in zip(range(times), damaged(data, 20160427), strict=False):
            path.write_bytes(bytes_now)
            try:
                if name == "t.toml":
                    tabular.read(tmp_path / "good.xlsx", mapping.read(path), known)
                else:
                    intake = tabular.read(path, plan, known)
                    reject.keep(intake, tmp_path / "rejects", "t")
                ended["read"] += 1
            except MizanError as error:
                assert str(error)
                ended["refused"] += 1
    assert min(ended.values()) > 200
