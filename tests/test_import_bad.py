"""Wrong tables: each wrong cell is named with its row, line, column, rule and next step, and costs its own row only.

All wrong rows stand in one file, imported once; what is wrong with a whole file is tried file by file.
"""

import csv
import gzip
import json
import random
import re
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from kb import vocabulary
from kb.cli import main
from kb.errors import MizanError
from kb.ingest import mapping, reject, tabular
from kb.ingest.known import Known
from kb.knowledgebase import KnowledgeBase
from kb.ns import DCTERMS, ID, SKOS
from kb.record import ADDRESS, local_name
from tests import incident_table as table
from tests.incident_table import COLUMNS, ROW, Run, incident
from web.address import kind_and_path

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
    fault("february-30", "date", "2016-02-30", "date", "'2016-02-30' is not a date of the calendar", "Write 2016-02-27"),
    fault("month-13", "date", "2016-13-01", "date", "'2016-13-01' is not a date of the calendar", "Write 2016-02-27"),
    fault("date-in-words", "date", "late April", "date", "'late April' is not a date", "Write 2016-02-27"),
    fault("date-with-slashes", "date", "27/04/2016", "date", "'27/04/2016' is not a date", "Write 2016-02-27"),
    fault("date-without-signs", "date", "20160427", "date", "'20160427' is not a date", "Write 2016-02-27"),
    fault("date-of-a-week", "date", "2016-W17", "date", "'2016-W17' is not a date", "Write 2016-02-27"),
    fault("date-of-1016", "date", "1016-04-27", "date", "is not between the years 1920 and 2100", "Correct the year."),
    fault("date-open", "date", "2016-04-27/..", "date", "has an open end", "Give both ends."),
    fault("date-open-start", "date", "/2016-04-27", "date", "has an open end", "Give both ends."),
    fault("date-backwards", "date", "2016-04-27/2016-04-26", "date-order", "ends before it starts", "Exchange or correct"),
    fault("date-of-a-megabyte", "date", "2016-" * 200_000, "date", "'2016-2016-2016-", "Write 2016-02-27"),
    fault("date-nested", "date", "(" * 5000, "date", "is not a date", "Write 2016-02-27"),
    fault("date-missing", "date", "", "required", "the cell is empty", "Fill it in."),
    fault("hour-25", "date", "2016-04-27T25:00:00", "date", "is not a date", "Write 2016-02-27"),
    fault("source-date-in-words", "source_date", "spring", "date", "'spring' is not a date", "Write 2016-02-27"),
    fault("count-negative", "killed_min", "-1", "range", "-1 is out of range, the least is 0", "Correct the number"),
    fault("count-fraction", "killed_min", "2.5", "whole-number", "'2.5' is not a whole number", "Write digits only."),
    fault("count-in-words", "injured_max", "dozens", "whole-number", "'dozens' is not a whole", "Write digits only."),
    fault("count-python", "killed_max", "5_5", "whole-number", "'5_5' is not a whole number", "Write digits only."),
    fault("count-of-400-digits", "killed_max", "9" * 400, "whole-number", "is not a whole number", "Write digits only."),
    fault("count-minus-400-digits", "killed_max", "-" + "9" * 400, "whole-number", "is not a whole", "Write digits only."),
    fault("minimum-above-maximum", "killed_min", "56", "order", "killed_min 56 is above killed_max 55", "Exchange"),
    fault("children-above-killed", "children_max", "56", "order", "children_max 56 is above killed_max 55", "Exchange"),
    fault("women-above-killed", "women_min", "56", "order", "women_min 56 is above killed_max 55", "Exchange", women_max=""),
    fault("injured-disordered", "injured_min", "10", "order", "injured_min 10 is above injured_max 9", "Exchange"),
    fault("latitude-91", "lat", "91", "range", "91 is out of range, the most is 90", "Correct the number"),
    fault("latitude-minus-91", "lat", "-90.5", "range", "-90.5 is out of range, the least is -90", "Correct the number"),
    fault("longitude-181", "lon", "181", "range", "181 is out of range, the most is 180", "Correct the number"),
    fault("latitude-alone", "lon", "", "together", "lat is given without it", "Fill in both or neither."),
    fault("longitude-alone", "lat", "", "together", "lon is given without it", "Fill in both or neither."),
    fault("decimal-comma", "lat", "36,17594", "number", "'36,17594' is not a number", "a point for decimals"),
    fault("decimal-exponent", "lat", "3.6e1", "number", "'3.6e1' is not a number", "a point for decimals"),
    fault("decimal-nan", "lon", "nan", "number", "'nan' is not a number", "a point for decimals"),
    fault("degrees", "lat", "36°10'N", "number", "is not a number", "a point for decimals"),
    fault("code-misspelt", "object_hit", "hospitl", "known-code", "'hospitl' is not a code of", "Did you mean hospital?"),
    fault("code-second-part", "method", "airstrike; airstrik", "known-code", "'airstrik' is not", "Did you mean airstrike?"),
    fault("code-strange", "weapon", "zzzz", "known-code", "'zzzz' is not a code of the scheme weapon", "Known codes: art"),
    fault("code-of-a-megabyte", "confidence", "x" * 1_000_000, "known-code", "xxx…' is not a code", "Known codes:"),
    fault("confidence-misspelt", "confidence", "Suspcted", "known-code", "not a code of", "Did you mean suspected?"),
    fault("confidence-of-nobody", "attributed_to", "", "needs", "confidence says nothing without it", "or leave confidence",
          degree=""),
    fault("response-of-nobody", "response_by", "", "needs", "response says nothing without it", "Fill in response_by"),
    fault("url-script", "source_url", "javascript:alert(1)", "web-address", "'javascript:alert(1)' is not", "https://"),
    fault("url-data", "source_url", "data:text/html,x", "web-address", "is not a web address", "https://"),
    fault("url-spaces", "source_url", "https://a.org/x y", "web-address", "is not a web address", "without spaces"),
    fault("provision-unknown", "provisions", "rome-statute/8-2-e-xxv", "known-provision", "there is no provision 'rome-s",
          "Did you mean rome-statute/8-2-e-x"),
    fault("provision-traversal", "provisions", "../actor/russia", "known-provision", "'../actor/russia' here", "Look up"),
    fault("provision-of-incident", "provisions", "rome-statute/8-2-e-iv; x", "known-provision", "provision 'x'", "Look up"),
    fault("claimant-missing", "claimant", "  ", "required", "the cell is empty", "Fill it in."),
    fault("dataset-with-capitals", "dataset", "My Archive", "pattern", "'My Archive' does not have the form", "this form"),
    fault("dataset-taken", "dataset", "airwars", "reserved", "'airwars' is a name of this software's own", "of your own"),
    fault("id-of-300-characters", "id", "x" * 300, "address", "or one of 300 characters", "200 is the most"),
    fault("id-of-points", "id", "ز" * 60, "address", "or one of 360 characters", "an Arabic letter counts as six"),
    fault("windows-1256", "title_ar", "".join(chr(0xDC00 + b) for b in "مستشفى".encode("windows-1256")), "encoding",
          "the text is not UTF-8", "Save the file as CSV UTF-8"),
    fault("control-character", "title_en", "Hit \x1b[31mred", "characters", "'Hit \\x1b[31mred' has control", "anew"),
    fault("control-c1", "place_en", "Suk\x85kari", "characters", "has control characters", "Type the text anew."),
    fault("nul", "basis", "a\0b", "characters", "'a\\x00b' has control characters", "Type the text anew."),
    fault("sheet-error", "time", "#REF!", "spreadsheet-error", "shows the error #REF!", "Correct its formula."),
    fault("licence-different", "licence", "CC0", "agreement", "row 1 (line 2) says something else of dataset/my-archive",
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


def right(name: str) -> dict[str, str]:
    return {**ROW, "id": name}


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


def write(tmp_path: Path, *rows: dict[str, str] | list[str], name: str = "table.csv") -> Path:
    path = tmp_path / name
    path.write_bytes(table.encoded(rows))
    return path


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
    text = (Path("ontology/law/crc.ttl")).read_text(encoding="utf-8").replace("provision/crc/6>", "provision/my-law/1>")
    law.write_text(text, encoding="utf-8")
    assert mizan("import", "rdf", str(law), "--home", str(demo_copy))[0] == 0
    assert mizan("import", "incidents", str(file), "--home", str(demo_copy))[0] == 0
    assert list(rejects.glob("*-rejected.csv")) == []


# what looks wrong and is not

ODD_IDS = ["../../etc/passwd", "50%", "%2F", "معرّف 12", "a b", "record", "revision-1", "#record", "x#y", "?q=1", "~41", ".",
           "<script>", "a\"b'c", "https://example.org/i?d=1#f", "A\nB", "x" * 200, "=cmd|' /C calc'!A0"]  # fmt: skip


@pytest.fixture(scope="module")
def odd_home(demo_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A knowledge base with rows whose ids and texts are unusual but right, in a file with unusual lines."""
    folder = tmp_path_factory.mktemp("odd")
    home = table.copy(demo_home, folder / "home")
    formula = "=cmd|' /C calc'!A0"
    texts = [
        {**right("formula"), "title_en": formula, "description_en": "@SUM(1+1)*cmd", "source_title": "+1", "claimant": "-1"},
        {**right("lines"), "description_en": "first line\nsecond \"line\", with marks"},
        {**right("megabyte"), "description_en": "word " * 200_000},
        {**right("arabic-digits"), "date": "٢٠١٦-٠٤-٢٧", "killed_min": "٥٠", "lat": "٣٦.١٧٥٩٤", "lon": "۳۷.14111"},
        {**right("arabic-codes"), "object_hit": "مستشفى", "governorate": "حلب", "attributed_to": "روسيا"},
        {**right("html"), "title_en": "<img src=x onerror=alert(1)>", "place_en": "{{7*7}}", "claimant": "<b>x</b>"},
        {**right("direction"), "title_en": "abc \u202etxt.exe", "title_ar": "‏نص‎"},
        {**right("zero"), "killed_min": "0", "killed_max": "0", "children_min": "0", "children_max": "0",
         "women_min": "0", "women_max": "0"},
        {**right("nobody-named"), "attributed_to": "", "degree": "", "confidence": "", "lat": "", "lon": ""},
    ]  # fmt: skip
    data = table.encoded([*({**right(name)} for name in ODD_IDS), *texts]).replace(b"\n", b"\r\n")
    first, rest = data.split(b"\r\n", 1)
    file = folder / "odd.csv"
    file.write_bytes(
        b"\xef\xbb\xbf" + first + b",,\r\n\r\n" + rest.replace(b"\r\n\xd9", b"\r\n,,,\r\n\xd9") + b"\r\n ,\r\n\r\n"
    )
    assert main(["import", "incidents", str(file), "--home", str(home)]) == 0
    return home


@pytest.mark.parametrize("name", ODD_IDS)
def test_odd_id_becomes_an_address_that_a_page_can_have(odd_home: Path, name: str) -> None:
    iri = incident(local_name(name))
    written = name.replace("\n", "\r\n")  # as the file has it
    assert iri in table.digests(odd_home) or incident(local_name(written)) in table.digests(odd_home)
    assert kind_and_path(iri) == ("incident", f"my-archive/{local_name(name)}")
    assert ADDRESS.fullmatch(iri.removeprefix(ID))


def test_odd_ids_make_no_node_outside_their_records(odd_home: Path) -> None:
    made = {iri for iri in table.digests(odd_home) if "my-archive" in iri}
    assert len([iri for iri in made if iri.startswith(f"{ID}incident/my-archive/")]) == len(ODD_IDS) + 9
    assert all(
        re.fullmatch(r"(incident|source|dataset|actor)(/[A-Za-z0-9_~-]+)+", iri.removeprefix(ID)) for iri in made
    )
    assert table.dangling(odd_home) == []


def test_odd_formula_is_kept_as_text(odd_home: Path) -> None:
    assert table.values(odd_home, incident("formula"), SKOS.prefLabel)[0] == "=cmd|' /C calc'!A0"
    assert table.values(odd_home, incident("formula"), DCTERMS.description) == ["@SUM(1+1)*cmd"]


def test_odd_texts_are_kept_as_they_are(odd_home: Path) -> None:
    assert table.values(odd_home, incident("megabyte"), DCTERMS.description) == ["word " * 199_999 + "word"]
    assert table.values(odd_home, incident("html"), SKOS.prefLabel)[0] == "<img src=x onerror=alert(1)>"
    (lines,) = table.values(odd_home, incident("lines"), DCTERMS.description)
    assert lines.splitlines() == ["first line", 'second "line", with marks']


def test_odd_digits_and_names_in_arabic_are_understood(odd_home: Path) -> None:
    rows = table.ask(odd_home, f"""SELECT ?date ?min ?wkt {{
        BIND(<{incident("arabic-digits")}> AS ?i) ?i mz:date ?date . ?c mz:about ?i ; mz:minimum ?min ; mz:maximum 55 .
        ?i mz:place/<http://www.opengis.net/ont/geosparql#hasGeometry>/<http://www.opengis.net/ont/geosparql#asWKT> ?wkt
    }}""")  # fmt: skip
    assert rows == [("2016-04-27", "50", "POINT(37.14111 36.17594)")]
    rows = table.ask(odd_home, f"""SELECT ?hit ?actor ?place {{
        BIND(<{incident("arabic-codes")}> AS ?i) ?i mz:objectHit ?hit . ?a a mz:Attribution ; mz:about ?i ;
        mz:allegedActor ?actor . ?i mz:place/<http://www.opengis.net/ont/geosparql#sfWithin> ?place
    }}""")  # fmt: skip
    assert rows == [("https://w3id.org/mizan/scheme/object-hit#hospital", f"{ID}actor/russia", f"{ID}place/SY02")]


def test_odd_zero_is_a_number_and_an_empty_cell_is_none(odd_home: Path) -> None:
    query = "SELECT ?c ?min ?max { ?c mz:about <%s> ; mz:minimum ?min ; mz:maximum ?max } ORDER BY ?c"
    rows = table.ask(odd_home, query % incident("zero"))
    assert [(c.partition("#")[2], low, high) for c, low, high in rows] == [
        ("injured", "8", "9"), ("killed", "0", "0"), ("killed-children", "0", "0"), ("killed-women", "0", "0"),
    ]  # fmt: skip
    claims = table.ask(odd_home, f"SELECT ?t {{ ?c mz:about <{incident('nobody-named')}> ; a ?t }}")
    assert not [t for (t,) in claims if t.endswith("Attribution")]


def test_unknown_actor_is_noted_with_a_suggestion_and_kept_apart(demo_copy: Path, tmp_path: Path, mizan: Run) -> None:
    rows = [{**right("a"), "claimant": "Amnesty Internatonal"}, {**right("b"), "claimant": "Amnesty International"}]
    code, out, _ = mizan("import", "incidents", str(write(tmp_path, *rows)), "--home", str(demo_copy), "--json")
    assert code == 0
    notes = [n for n in json.loads(out)["notes"] if n["rule"] == "new-actor" and n["column"] == "claimant"]
    assert [(n["row"], n["line"], n["hint"]) for n in notes] == [(1, 2, "Did you mean amnesty-international?")]
    query = "SELECT DISTINCT ?who { ?c mz:about <%s> ; a mz:Attribution ; mz:claimant ?who }"
    ((known,),) = table.ask(demo_copy, query % incident("b"))
    ((strange,),) = table.ask(demo_copy, query % incident("a"))
    assert known == f"{ID}actor/amnesty-international"
    assert strange.startswith(f"{ID}actor/my-archive/")
    assert table.values(demo_copy, strange, SKOS.prefLabel) == ["Amnesty Internatonal"]


def test_unknown_actors_of_two_datasets_stay_two_and_a_second_import_changes_nothing(
    demo_copy: Path, tmp_path: Path, mizan: Run
) -> None:
    rows = [{**right("a"), "claimant": "Local watch"}, {**right("b"), "claimant": "Local watch", "dataset": "other"}]
    file = write(tmp_path, *rows)
    assert mizan("import", "incidents", str(file), "--home", str(demo_copy))[0] == 0
    before = table.digests(demo_copy)
    _, out, _ = mizan("import", "incidents", str(file), "--home", str(demo_copy))
    assert re.search(r"0 new, 0 changed, \d+ the same\. Snapshot 3\.", out)
    assert table.digests(demo_copy) == before
    watchers = table.ask(demo_copy, 'SELECT ?a { ?a <http://www.w3.org/2004/02/skos/core#prefLabel> "Local watch"@en }')
    assert sorted(a.removeprefix(ID).split("/")[1] for (a,) in watchers) == ["my-archive", "other"]


def test_unknown_column_is_noted_and_a_nameless_one_too(demo_copy: Path, tmp_path: Path, mizan: Run) -> None:
    file = tmp_path / "table.csv"
    file.write_bytes(table.encoded([[ROW.get(c, "") for c in COLUMNS] + ["x", "y"]], [*COLUMNS, "remarks of ours", ""]))
    code, out, _ = mizan("import", "incidents", str(file), "--home", str(demo_copy), "--json")
    notes = [(n["row"], n["column"]) for n in json.loads(out)["notes"] if n["rule"] == "unused-column"]
    assert (code, notes) == (0, [(0, "remarks of ours"), (0, "")])


def test_reserved_dataset_names_are_those_that_ship() -> None:
    shipped = {r.iri for name in mapping.names() for r in mapping.load(name).reference}
    shipped |= {
        t for path in vocabulary.case_files() for t in re.findall(r"<(\S+/id/dataset/\S+?)>\n    a ", path.read_text())
    }
    names = sorted(iri.removeprefix(f"{ID}dataset/") for iri in shipped if iri.startswith(f"{ID}dataset/"))
    assert names == mapping.load("incidents").columns["dataset"].options["reserved"]


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
    "utf-16": ("t.csv", GOOD.decode().encode("utf-16"), "t.csv is in UTF-16: tables are read as UTF-8. Save it as CSV UTF-8"),
    "utf-16-unmarked": ("t.csv", GOOD.decode().encode("utf-16-le"), "t.csv is a binary file: it has NUL bytes."),
    "png": ("t.csv", PNG, "t.csv is a PNG picture: a CSV file was expected. Export the table"),
    "zip": ("t.csv", b"PK\x03\x04" + bytes(100), "t.csv is a ZIP or office file"),
    "old-excel": ("t.xls", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(512), "t.xls is an old Excel file"),
    "gzip": ("t.csv", gzip.compress(GOOD), "t.csv is a gzip file"),
    "pdf": ("t.csv", b"%PDF-1.7\n", "t.csv is a PDF"),
    "nul": ("t.csv", GOOD.replace(b"Sukkari", b"Suk\0kari", 1), "t.csv is a binary file: it has NUL bytes"),
    "column-missing": ("t.csv", without("claimant"), "t.csv, line 1: missing columns: claimant: incidents needs them."),
    "columns-missing": ("t.csv", without("date", "place_en", "id"), "missing columns: date, id, place_en"),
    "column-misspelt": ("t.csv", header("claimant", "claiment"), "claimant: incidents needs them. Is it the column 'claiment'? Re"),
    "column-in-capitals": ("t.csv", header("date", "Date"), "missing columns: date: incidents needs them. Is it the column 'Date'?"),
    "optional-column-misspelt": ("t.csv", header("killed_min", "kiled_min"),
                                 "has no column 'kiled_min'. Did you mean killed_min? Rename the column, or remove it."),
    "column-doubled": ("t.csv", header("time", "date"), "t.csv, line 1: the header names the column 'date' twice."),
    "header-not-utf-8": ("t.csv", header("time", "x").replace(b",x,", b",\xe3\xe4,", 1), "t.csv, line 1: the header is not UTF-8."),
    "header-with-control": ("t.csv", header("time", "ti\x1bme"), "the column 'ti\\x1bme' has control characters"),
    "semicolons": ("t.csv", GOOD.replace(b",", b";"), "line 1: the cells seem to be separated by semicolons. Save it as CSV"),
    "tabs": ("t.csv", GOOD.replace(b",", b"\t"), "the cells seem to be separated by tabs. Save it"),
    "another-table": ("t.csv", b"a,b,c\n1,2,3\n", "Is this the right mapping for the file?"),
    "quotation-open": ("t.csv", GOOD + b'my-archive,"B-1,2016\n' + GOOD, "t.csv, line 3: a quotation mark is opened here and never"),
    "quotation-stray": ("t.csv", GOOD + b'my-archive,"B"1,2016\n', "t.csv, line 3: text follows a closing quotation mark."),
    "cell-too-large": ("t.csv", GOOD + b"x," + b"y" * (16 * 1024 * 1024 + 1), "t.csv, line 3: a cell is larger than 16 MiB."),
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


def workbook(path: Path, *rows: list[object]) -> Path:
    from openpyxl import Workbook

    book = Workbook()
    assert book.active is not None
    for row in rows:
        book.active.append(row)
    book.save(path)
    return path


def cells(**changed: object) -> list[object]:
    return [changed.get(c, ROW.get(c)) for c in COLUMNS]


def test_xlsx_numbers_dates_and_empty_rows_read_as_a_csv_would(demo_copy: Path, tmp_path: Path, mizan: Run) -> None:
    from datetime import date, datetime, time

    file = workbook(
        tmp_path / "t.xlsx", list(COLUMNS), cells(id=1, date=date(2016, 4, 27), lat=36.17594, lon=0.00001, killed_min=50.0),
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


# records that break a shape

OWN = """
[source]
name = "own"
title = { en = "Own", ar = "خاص" }
key = "id"
record = "incident/own/{id}"
records = '''
@prefix mz: <https://w3id.org/mizan/ontology#> . @prefix skos: <http://www.w3.org/2004/02/skos/core#> .
@prefix dcterms: <http://purl.org/dc/terms/> .
<https://w3id.org/mizan/id/dataset/own> a mz:Dataset ; skos:prefLabel "Own"@en, "خاص"@ar ; dcterms:license "CC0" ;
    dcterms:publisher <https://w3id.org/mizan/id/actor/msf> .
'''
[columns.id]
[columns.day]
kind = "date"
[columns.kind]
kind = "code"
scheme = "source-kind"
[columns.paper]
[columns.next]
[[derive]]
name = "when"
kind = "period"
from = "day"
[[node]]
name = "paper"
record = "source/own/{paper}"
type = "mz:Source"
set = { "skos:prefLabel" = { column = "paper", lang = "en" }, "mz:sourceKind" = { column = "kind" } }
[[node]]
name = "incident"
type = "mz:Incident"
[node.set]
"skos:prefLabel" = { column = "id", lang = "en" }
"dcterms:identifier" = { column = "id" }
"mz:inDataset" = { iri = "dataset/own" }
"mz:date" = { derived = "when.edtf" }
"sem:hasEarliestBeginTimeStamp" = { derived = "when.earliest" }
"sem:hasLatestEndTimeStamp" = { derived = "when.latest" }
"mz:datePrecision" = { derived = "when.precision" }
"mz:place" = { node = "place" }
[[node]]
name = "place"
fragment = "place"
type = "mz:ReportedPlace"
set = { "skos:prefLabel" = { column = "id", lang = "en" }, "mz:placePrecision" = { concept = "place-precision#not-stated" } }
[[node]]
name = "dead"
fragment = "dead"
type = "mz:CasualtyEstimate"
[node.set]
"mz:claimant" = { iri = "actor/msf" }
"mz:about" = { node = "incident" }
"mz:restsOn" = { node = "paper" }
"mz:harm" = { concept = "harm#killed" }
"mz:victimCategory" = { concept = "victim-category#civilian" }
"mz:best" = { constant = "1", datatype = "xsd:integer" }
[[node]]
name = "next"
fragment = "next"
type = "mz:EditorialNote"
when = { any = ["next"] }
[node.set]
"mz:claimant" = { iri = "actor/mizan-curators" }
"mz:about" = { iri = "incident/own/{next}" }
"dcterms:description" = [{ constant = "The next.", lang = "en" }, { constant = "التالية.", lang = "ar" }]
"""


def own(tmp_path: Path, rows: str, text: str = OWN) -> tuple[str, str]:
    """A mapping file of one's own and a table for it, for the command line."""
    (tmp_path / "own.toml").write_text(text, encoding="utf-8")
    (tmp_path / "own.csv").write_text("id,day,kind,paper,next\n" + rows, encoding="utf-8")
    return str(tmp_path / "own.toml"), str(tmp_path / "own.csv")


def test_bad_record_that_breaks_a_shape_is_named_with_its_row(demo_copy: Path, tmp_path: Path, mizan: Run) -> None:
    files = own(tmp_path, "a,2016-01-01,report,p,\nb,,report,p,\n")
    code, _, err = mizan("import", *files, "--home", str(demo_copy))
    assert code == 1
    told = [line for line in err.splitlines() if "Incident-date:" in line]
    assert len(told) == 1
    assert told[0].startswith(
        "own.csv: row 2 (line 3), column day, rule core:Incident-date: “Date of the incident” needs"
    )
    assert incident("b").replace("my-archive", "own") not in table.digests(demo_copy)


def test_bad_shared_record_keeps_out_every_row_that_made_it_and_leaves_no_orphan(
    demo_copy: Path, tmp_path: Path, mizan: Run
) -> None:
    rows = "a,2016-01-01,report,good,\nb,2016-01-02,,bad,\nc,2016-01-03,,bad,\nd,,report,alone,\n"
    code, out, _ = mizan("import", *own(tmp_path, rows), "--home", str(demo_copy), "--json")
    assert code == 1
    problems = {p["row"]: (p["line"], p["column"], p["rule"]) for p in reversed(json.loads(out)["problems"])}
    assert problems[2] == (3, "kind", "evidence:Source-sourceKind")
    assert problems[3] == (4, "kind", "evidence:Source-sourceKind")
    made = {iri.removeprefix(ID) for iri in table.digests(demo_copy) if "/own" in iri}
    assert made == {"dataset/own", "incident/own/a", "source/own/good"}
    assert table.dangling(demo_copy) == []
    assert [r["id"] for r in table.read(Path(json.loads(out)["reject_file"]))] == ["b", "c", "d"]


def test_bad_record_takes_those_that_point_to_it_along(demo_copy: Path, tmp_path: Path, mizan: Run) -> None:
    rows = "a,2016-01-01,report,p,b\nb,2016-01-02,report,p,c\nc,,report,p,\nd,2016-01-04,report,p,a\ne,2016-01-05,report,p,\n"
    code, out, _ = mizan("import", *own(tmp_path, rows), "--home", str(demo_copy), "--json")
    assert code == 1
    said = json.loads(out)
    rules = {p["row"]: (p["rule"], p["hint"]) for p in reversed(said["problems"])}
    assert [n for n, (rule, hint) in rules.items() if (rule, hint) == ("complete", "Correct that record first.")] == [
        4,
        1,
        2,
    ]
    assert said["rejected"] == 4
    assert table.dangling(demo_copy) == []


def test_bad_record_that_was_good_before_takes_nobody_along(demo_copy: Path, tmp_path: Path, mizan: Run) -> None:
    assert mizan("import", *own(tmp_path, "a,2016-01-01,report,p,\n"), "--home", str(demo_copy))[0] == 0
    code, out, _ = mizan(
        "import", *own(tmp_path, "a,,report,p,\nb,2016-01-02,report,p,a\n"), "--home", str(demo_copy), "--json"
    )
    assert (code, json.loads(out)["rejected"]) == (1, 1)
    assert table.values(demo_copy, f"{ID}incident/own/a", SKOS.prefLabel) == ["a"]
    assert f"{ID}incident/own/b" in table.digests(demo_copy)


def test_bad_reference_record_of_a_mapping_is_told_once(demo_copy: Path, tmp_path: Path, mizan: Run) -> None:
    files = own(tmp_path, "a,2016-01-01,report,p,\n", OWN.replace("actor/msf> .", "actor/nobody> ."))
    code, out, err = mizan("import", *files, "--home", str(demo_copy))
    assert (code, out) == (1, "")
    assert (
        "dataset/own, which comes with the mapping own, breaks a rule: “Publisher” needs the IRI of exactly one" in err
    )


# mapping files

TOML = {
    "not-toml": ("[source]", "[source", "own.toml is not TOML: "),
    "key-missing": ('key = "id"', "", "own.toml, [source] lacks key."),
    "columns-missing": ("[columns.", "[rows.", "own.toml, the file lacks columns"),
    "title-in-one-language": (', ar = "خاص"', "", "own.toml, [source]: title must have en and ar"),
    "name-hostile": ('name = "own"', 'name = "../own"', "[source]: name must be of small letters"),
    "timezone": ('key = "id"', 'key = "id"\ntimezone = "Asia/Damaskus"', "there is no timezone 'Asia/Damaskus'"),
    "key-not-a-column": ('key = "id"', 'key = "ids"', "no column or derived value 'ids' (did you mean 'id'?)"),
    "class-unknown": ("mz:Incident", "mz:Incidnt", "[[node]] incident: there is no class 'mz:Incidnt' for records (did you mean 'mz:Incident'?)"),
    "property-unknown": ('"mz:place"', '"mz:plaec"', "mz:Incident has no property 'mz:plaec' (did you mean 'mz:place'?)"),
    "property-of-another": ('"mz:place"', '"mz:harm"', "mz:Incident has no property 'mz:harm'"),
    "concept-unknown": ("harm#killed", "harm#kiled", "dead, mz:harm: 'harm#kiled' is not a concept of a shipped scheme (did you mean 'harm#killed'?)"),
    "scheme-unknown": ('"source-kind"', '"source-kinds"', "[columns.kind]: there is no scheme 'source-kinds'"),
    "kind-unknown": ('kind = "date"', 'kind = "dat"', "[columns.day]: 'dat' is not a kind (text, integer"),
    "option-misspelt": ('kind = "date"', 'kind = "date"\nrequird = true', "[columns.day] has 'requird', which means nothing here (did you mean 'required'?)"),
    "option-of-wrong-type": ('kind = "date"', 'kind = "date"\nrequired = "yes"', "[columns.day]: required must be true or false"),
    "pattern": ("[columns.id]", '[columns.id]\npattern = "["', "[columns.id]: the pattern is not a regular expression"),
    "empty-not-a-code": ('"source-kind"', '"source-kind"\nempty = "rumour"', "[columns.kind], empty: 'rumour' is not a code"),
    "slot-unknown": ("source/own/{paper}", "source/own/{papers}", "[[node]] paper: there is no column or derived value 'papers'"),
    "derived-unknown": ("when.edtf", "when.edft", "incident, mz:date: there is no column or derived value 'when.edft' (did you mean 'when.edtf'?)"),
    "derive-kind": ('kind = "period"', 'kind = "span"', "[[derive]] when: 'span' is not a kind (period, edtf, point"),
    "derive-from-missing": ('from = "day"', "", "[[derive]] when lacks from"),
    "rule-of-texts": ("[[derive]]", '[[rule]]\norder = ["id", "paper"]\n[[derive]]', "[[rule]] order: id, paper must be columns of numbers"),
    "rule-empty": ("[[derive]]", "[[rule]]\n[[derive]]", "[[rule]] must have one of order, ordered"),
    "node-unknown": ('{ node = "place" }', '{ node = "plase" }', "incident, mz:place: there is no column or derived value 'plase'"),
    "two-sources": ('{ node = "place" }', '{ node = "place", column = "id" }', "incident, mz:place must have one of column, derived"),
    "language": ('column = "paper", lang = "en"', 'column = "paper", lang = "e n"', "'e n' is not a language tag"),
    "datatype": ("xsd:integer", "xsd integer", "'xsd integer' is not a term with a known prefix"),
    "address-hostile": ("source/own/{paper}", "source/own {paper}", "may only have letters, digits"),
    "no-node": (OWN[OWN.index("[[node]]") :], "", "the file has no [[node]]"),
    "node-not-a-list": ("[[node]]\nname = \"paper\"", "[node]\nname = \"paper\"", "own.toml is not TOML"),
    "records-broken": ("mz:Dataset ;", "mz:Dataset", "own.toml, records, line 3, column 54 does not parse"),
    "records-blank": ("dcterms:license \"CC0\"", "dcterms:license []", "own.toml, records: a blank node stands in the data"),
}  # fmt: skip


@pytest.mark.parametrize("name", TOML)
def test_bad_mapping_file_is_told_with_the_place(name: str, demo_home: Path, tmp_path: Path, mizan: Run) -> None:
    old, new, said = TOML[name]
    assert old in OWN
    files = own(tmp_path, "a,2016-01-01,report,p,\n", OWN.replace(old, new))
    code, out, err = mizan("import", *files, "--home", str(demo_home))
    assert (code, out) == (2, "")
    assert said in err
    assert err.startswith("mizan: own.toml") and err.count("\n") == 1


def test_bad_mapping_file_that_is_not_there_or_not_utf_8(demo_home: Path, tmp_path: Path, mizan: Run) -> None:
    file = tmp_path / "x.toml"
    assert "There is no mapping file" in mizan("import", str(file), "x.csv", "--home", str(demo_home))[2]
    file.write_bytes(b'[source]\nname = "\xe3"')
    assert "x.toml is not UTF-8" in mizan("import", str(file), "x.csv", "--home", str(demo_home))[2]


# RDF

PREFIX = """@prefix mz: <https://w3id.org/mizan/ontology#> . @prefix skos: <http://www.w3.org/2004/02/skos/core#> .
@prefix org: <http://www.w3.org/ns/org#> . @prefix dcterms: <http://purl.org/dc/terms/> .
@prefix id: <https://w3id.org/mizan/id/> . @prefix actor: <https://w3id.org/mizan/id/actor/> .
"""
KIND = "org:classification <https://w3id.org/mizan/scheme/actor-kind#ngo>"
ACTOR = f'actor:good a mz:Actor ; skos:prefLabel "Good"@en ; {KIND} .\n'
RESTRICTED = "<http://publications.europa.eu/resource/authority/access-right/RESTRICTED>"
RDF_WHOLE = {
    "syntax": (2, "actor:good a mz:Actor ;;;\n skos:prefLabel Good .", "t.ttl, line 5, column 17 does not parse: "),
    "blank-node": (2, f"{ACTOR} actor:x a mz:Actor ; org:classification [ a mz:Actor ] .", "t.ttl: a blank node stands in the data"),
    "reserved-fragment": (1, f"{ACTOR} <{ID}actor/good#record> mz:revision 7 .", "actor/good#record is used: the system writes that node"),
    "reserved-revision": (1, f"{ACTOR} <{ID}actor/good#revision-1> mz:revision 7 .", "actor/good#revision-1 is used"),
    "in-another-record": (1, f"{ACTOR} <{ID}actor/good#x> mz:inRecord actor:russia .", "actor/good#x says it is in another record"),
    "restricted": (1, f"{ACTOR} actor:x a mz:Actor ; dcterms:accessRights {RESTRICTED} .", "actor/x is RESTRICTED: this version keeps public"),
}  # fmt: skip
RDF_RECORDS = {
    "unknown-property": (f'actor:x a mz:Actor ; skos:prefLabel "X"@en ; mz:frobs 1 ; {KIND} .', "core:Actor", "does not belong on an actor"),
    "unknown-class": ('actor:x a mz:Frob .', "core:Node-type", "class"),
    "no-class": ('actor:x skos:prefLabel "X"@en .', "core:Node-type", "class"),
    "system-class": ('actor:x a mz:Record ; mz:describes actor:russia .', "core:Node-type", "class"),
    "part-without-whole": (f'<{ID}incident/syria-2015-16/INC-021#x> a mz:EditorialNote .', "whole", "they would replace the whole"),
    "foreign-address": (f'<http://example.org/x> a mz:Actor ; skos:prefLabel "X"@en ; {KIND} .', "address", "may not have the address http://example.org/x"),
    "import-address": (f'<{ID}import/1> a mz:Actor ; skos:prefLabel "X"@en ; {KIND} .', "address", "import/1"),
    "store-address": (f'<{ID}store> a mz:Actor ; skos:prefLabel "X"@en ; {KIND} .', "address", "id/store"),
    "path-address": (f'<{ID}actor/../x> a mz:Actor ; skos:prefLabel "X"@en ; {KIND} .', "address", "may not have"),
    "script-address": (f'<javascript:alert(1)> a mz:Actor ; skos:prefLabel "X"@en ; {KIND} .', "address", "javascript:alert(1)"),
    "points-to-nothing": (f'actor:x a mz:Actor ; skos:prefLabel "X"@en ; {KIND} ; org:subOrganizationOf actor:nobody .', "core:Actor-subOrganizationOf", "existing actor"),
}  # fmt: skip


@pytest.mark.parametrize("name", RDF_WHOLE)
def test_bad_rdf_file_is_refused_whole(name: str, demo_home: Path, tmp_path: Path, mizan: Run) -> None:
    wanted, text, said = RDF_WHOLE[name]
    (tmp_path / "t.ttl").write_text(PREFIX + text, encoding="utf-8")
    for more in ((), ("--check",)):
        code, out, err = mizan("import", "rdf", str(tmp_path / "t.ttl"), "--home", str(demo_home), *more)
        assert (code, out) == (wanted, "")
        assert said in err and err.count("\n") == 1
    assert f"{ID}actor/good" not in table.digests(demo_home)


@pytest.mark.parametrize("name", RDF_RECORDS)
def test_bad_rdf_record_is_kept_out_and_the_others_go_on(
    name: str, demo_copy: Path, tmp_path: Path, mizan: Run
) -> None:
    text, rule, said = RDF_RECORDS[name]
    (tmp_path / "t.ttl").write_text(PREFIX + ACTOR + text, encoding="utf-8")
    before = table.digests(demo_copy)
    code, out, err = mizan("import", "rdf", str(tmp_path / "t.ttl"), "--home", str(demo_copy))
    assert code == 1
    assert any(f"rule {rule}: " in line and said in line for line in err.splitlines()), err
    assert all(line.startswith("t.ttl: record ") for line in err.splitlines())
    assert "Read 2 records, kept out 1. Records: 1 new, 0 changed" in out
    assert table.digests(demo_copy).keys() - before.keys() == {f"{ID}actor/good"}
    (rejects,) = (demo_copy / "rejects").glob("rdf-*-rejected.nt")
    assert str(rejects) in out
    assert text.split()[0].partition(":")[2].strip("<>").rpartition("/")[2] in rejects.read_text(encoding="utf-8")


def test_bad_rdf_record_takes_those_that_point_to_it_along(demo_copy: Path, tmp_path: Path, mizan: Run) -> None:
    part = f'actor:part a mz:Actor ; skos:prefLabel "Part"@en ; {KIND} ; org:subOrganizationOf actor:x .'
    (tmp_path / "t.ttl").write_text(
        f'{PREFIX}{ACTOR}{part} actor:x a mz:Actor ; skos:prefLabel "X"@en .', encoding="utf-8"
    )
    code, out, err = mizan("import", "rdf", str(tmp_path / "t.ttl"), "--home", str(demo_copy))
    assert (code, "kept out 2" in out) == (1, True)
    assert f"record {ID}actor/part, rule complete: it points to {ID}actor/x, which is kept out. Correct that" in err
    assert table.dangling(demo_copy) == []


def test_bad_rdf_reject_file_corrected_completes_the_import(demo_copy: Path, tmp_path: Path, mizan: Run) -> None:
    (tmp_path / "t.ttl").write_text(f'{PREFIX}{ACTOR}actor:x a mz:Actor ; skos:prefLabel "X"@en .', encoding="utf-8")
    mizan("import", "rdf", str(tmp_path / "t.ttl"), "--home", str(demo_copy))
    (rejects,) = (demo_copy / "rejects").glob("rdf-*-rejected.nt")
    kind = f"<{ID}actor/x> <http://www.w3.org/ns/org#classification> <https://w3id.org/mizan/scheme/actor-kind#ngo> .\n"
    rejects.write_text(rejects.read_text(encoding="utf-8") + kind, encoding="utf-8")
    assert mizan("import", "rdf", str(rejects), "--home", str(demo_copy))[0] == 0
    assert f"{ID}actor/x" in table.digests(demo_copy)


# --check


def tree(folder: Path) -> dict[str, tuple[int, int]]:
    return {
        str(p.relative_to(folder)): (p.stat().st_size, p.stat().st_mtime_ns) for p in folder.rglob("*") if p.is_file()
    }


def test_check_of_wrong_files_writes_nothing_anywhere(demo_copy: Path, tmp_path: Path, mizan: Run) -> None:
    (tmp_path / "t.ttl").write_text(PREFIX + ACTOR + "actor:x a mz:Frob .", encoding="utf-8")
    csv_file = write(tmp_path, right("a"), {**right("b"), "lat": "91"})
    with KnowledgeBase.open(demo_copy) as base:
        base.snapshot()
    before = tree(demo_copy)
    code, out, err = mizan("import", "incidents", str(csv_file), "--home", str(demo_copy), "--check")
    assert (code, out.splitlines()[-1]) == (1, "Checked 2 rows: 1 would be kept out. Nothing was written.")
    assert err.startswith("table.csv: row 2 (line 3), column lat, rule range")
    code, out, _ = mizan("validate", "rdf", str(tmp_path / "t.ttl"), "--home", str(demo_copy))
    assert (code, out.splitlines()[-1]) == (1, "Checked 2 records: 1 would be kept out. Nothing was written.")
    assert tree(demo_copy) == before


# whatever else may come

SPLINTERS = [b"", b"\0", b'"', b"\n", b"\r", b",", b";", b"\xff", b"9" * 400, b"-9", b"1e400", b"nan", b"\xef\xbb\xbf",
             b"\x1b[31m", b"#", b"../", b"2016-02-30", b"{", b"\xe2\x80\xae", b"\xed\xa0\x80", b"\xc2\x85", b"<", b"&x;"]  # fmt: skip


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
