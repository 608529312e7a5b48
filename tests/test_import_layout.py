"""The project's own table: its template, a row by hand as it arrives in the store, its dates, and its guide."""

import csv
import io
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from openpyxl import load_workbook

from kb import vocabulary
from kb.cli import main
from kb.ingest import mapping, plan, template
from kb.ingest.cell import KINDS
from kb.ingest.period import uncertain
from kb.ns import ID, MZ, SCHEME
from kb.paths import shipped
from tests import incident_table as table
from tests.incident_table import COLUMNS, Run, incident, right, workbook
from web.views import guide as guides

HELP = Path(__file__).resolve().parents[1] / "web" / "help"
INCIDENTS = mapping.load("incidents")


# the template


@pytest.mark.parametrize("name", ["incidents", "ucdp-ged", "airwars"])
@pytest.mark.parametrize("kind", ["csv", "xlsx"])
def test_template_has_the_columns_of_the_mapping(name: str, kind: str, tmp_path: Path, mizan: Run) -> None:
    path = tmp_path / f"t.{kind}"
    code, out, err = mizan("import", name, "--template", str(path))
    columns = list(mapping.load(name).columns)
    assert (code, err) == (0, "")
    assert out == f"{path}: {len(columns)} columns. Fill in rows, then: mizan import {name} {path}\n"
    if kind == "csv":
        assert path.read_bytes() == b"\xef\xbb\xbf" + ",".join(columns).encode() + b"\r\n"
    else:
        assert [c.value for c in load_workbook(path).worksheets[0][1]] == columns


def test_template_is_for_incidents_unless_another_is_named(tmp_path: Path) -> None:
    assert template.write(tmp_path / "t.csv") == list(COLUMNS)


def test_template_of_a_workbook_explains_columns_and_lists_every_code(tmp_path: Path) -> None:
    template.write(tmp_path / "t.xlsx")
    rows, columns, codes = load_workbook(tmp_path / "t.xlsx").worksheets
    assert (rows.title, columns.title, codes.title) == ("incidents", "columns", "codes")
    told = {r[0]: r for r in columns.iter_rows(min_row=2, values_only=True)}
    assert list(told) == list(COLUMNS)
    for column in INCIDENTS.columns.values():
        _, needed, en, ar, scheme = told[column.name]
        help_ = column.options["help"]
        assert (needed == "yes", en, ar) == (column.required, help_["en"], help_["ar"])
        assert (scheme or "") == column.options.get("scheme", "")
    listed: dict[str, set[str]] = {}
    for scheme, code, *texts in codes.iter_rows(min_row=2, values_only=True):
        listed.setdefault(str(scheme), set()).add(str(code))
        assert all(texts), (scheme, code)
    known = {c.options["scheme"] for c in INCIDENTS.columns.values() if c.kind == "code"}
    assert listed == {
        s: {n.value.removeprefix(f"{SCHEME}{s}#") for n in vocabulary.codes(s).values()} for s in known
    }  # fmt: skip


def test_template_of_a_workbook_keeps_a_month_from_becoming_a_day(tmp_path: Path) -> None:
    template.write(tmp_path / "t.xlsx")
    sheet = load_workbook(tmp_path / "t.xlsx").worksheets[0]
    assert {cell.number_format for row in sheet["A2:AP60"] for cell in row} == {"@"}


@pytest.mark.parametrize("kind", ["csv", "xlsx"])
def test_template_filled_in_is_imported(kind: str, demo_copy: Path, tmp_path: Path, mizan: Run) -> None:
    path = tmp_path / f"t.{kind}"
    template.write(path)
    cells = [right("from-template").get(c, "") for c in COLUMNS]
    if kind == "csv":
        with path.open("a", encoding="utf-8", newline="") as handle:
            csv.writer(handle).writerow(cells)
    else:
        book = load_workbook(path)
        for number, text in enumerate(cells, 1):
            book.worksheets[0].cell(2, number).value = text or None
        book.save(path)
    code, out, err = mizan("import", "incidents", str(path), "--home", str(demo_copy))
    assert (code, err) == (0, "")
    assert "Read 1 rows, kept out 0." in out
    assert incident("from-template") in table.digests(demo_copy)


def test_template_empty_is_a_file_without_rows(demo_home: Path, tmp_path: Path, mizan: Run) -> None:
    for kind in ("csv", "xlsx"):
        template.write(tmp_path / f"t.{kind}")
        code, _, err = mizan("import", "incidents", str(tmp_path / f"t.{kind}"), "--home", str(demo_home))
        assert (code, "has a header but no rows" in err) == (2, True)


def test_template_overwrites_nothing_and_knows_its_kinds(tmp_path: Path, mizan: Run) -> None:
    path = tmp_path / "t.csv"
    path.write_text("mine")
    code, _, err = mizan("import", "incidents", "--template", str(path))
    assert (code, "exists already: it could hold your data. Choose another name." in err) == (2, True)
    assert path.read_text() == "mine"
    code, _, err = mizan("import", "incidents", "--template", str(tmp_path / "t.ods"))
    assert (code, "t.ods is neither .csv nor .xlsx" in err) == (2, True)
    assert mizan("import", "incidents", "--template", str(tmp_path / "no" / "t.csv"))[0] == 2


# one row by hand, from the curated case of the hospital in Sukkari, in our words

AL_QUDS = {
    "dataset": "my-archive", "id": "al-quds", "date": "2016-04-27", "time": "21:37", "place_en": "Sukkari",
    "title_en": "Al-Quds hospital in Sukkari reported hit", "title_ar": "إفادات بإصابة مستشفى القدس في السكري",
    "description_en": "Two air strikes are reported to have hit the hospital.",
    "description_ar": "أُفيد بأن غارتين جويتين أصابتا المستشفى.", "place_ar": "السكري", "governorate": "SY02",
    "lat": "36.17594", "lon": "37.14111", "place_precision": "neighbourhood_area", "object_hit": "hospital; school",
    "object_as_reported": "hospital; a school minutes earlier", "method": "airstrike", "weapon": "unspecified",
    "claimant": "airwars", "basis": "assessment of a monitor", "killed_min": "58", "killed_max": "58",
    "victim_category": "civilian", "children_min": "18", "children_max": "18", "women_min": "4", "women_max": "10",
    "injured_min": "40", "injured_max": "90", "attributed_to": "Russian Federation", "degree": "not-stated",
    "confidence": "suspected", "response_by": "Russian MoD", "response": "denies-the-act",
    "response_text": "No flights near Aleppo on that day.",
    "provisions": "rome-statute/8-2-e-iv;icrc-customary-ihl/rule-28",
    "source_title": "Airwars record RS0775", "source_kind": "dataset-record", "source_date": "2016-04",
    "source_url": "https://airwars.org/civilian-casualties/rs0775-april-27-2016/", "publisher": "Our archive",
    "licence": "CC BY 4.0",
}  # fmt: skip
NODE = f"{ID}incident/my-archive/al-quds"
SOURCE = "https://airwars.org/civilian-casualties/rs0775-april-27-2016/"


@pytest.fixture(scope="module")
def by_hand(demo_home: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, list[str]]]:
    """The nodes of the imported row by fragment, and the records that it brought along by kind."""
    folder = tmp_path_factory.mktemp("hand")
    home, file = table.copy(demo_home, folder / "home"), folder / "t.csv"
    assert set(AL_QUDS) == set(COLUMNS), "the row fills every column"
    file.write_bytes(table.encoded([AL_QUDS]))
    assert main(["import", "incidents", str(file), "--home", str(home)]) == 0
    found: dict[str, dict[str, list[str]]] = {}
    for quad in table.store(home):
        kind = re.fullmatch(rf"{ID}(actor|source|dataset)/my-archive(/\w+)?", quad.subject.value)
        inside = quad.subject.value == NODE or quad.subject.value.startswith(f"{NODE}#")
        if inside or kind:
            name = kind[1] if kind else quad.subject.value.removeprefix(NODE)
            language = f"@{quad.object.language}" if getattr(quad.object, "language", None) else ""
            predicate = re.split(r"[#/]", quad.predicate.value)[-1] + language
            value = quad.object.value.removeprefix(ID).removeprefix(SCHEME).removeprefix(MZ.base)
            found.setdefault(name, {}).setdefault(predicate, []).append(value)
    return found


def test_layout_row_is_an_incident_with_all_that_was_written(by_hand: dict[str, dict[str, list[str]]]) -> None:
    node = {k: sorted(v) for k, v in by_hand[""].items()}
    assert node == {
        "type": ["Incident"], "inRecord": ["incident/my-archive/al-quds"], "inDataset": ["dataset/my-archive"],
        "identifier": ["al-quds"], "date": ["2016-04-27"], "datePrecision": ["date-precision#day"],
        "hasEarliestBeginTimeStamp": ["2016-04-27T00:00:00+03:00"], "reportedTime": ["21:37"],
        "hasLatestEndTimeStamp": ["2016-04-27T23:59:59+03:00"], "prefLabel@en": [AL_QUDS["title_en"]],
        "prefLabel@ar": [AL_QUDS["title_ar"]], "description@en": [AL_QUDS["description_en"]],
        "description@ar": [AL_QUDS["description_ar"]], "place": ["incident/my-archive/al-quds#place"],
        "objectHit": ["object-hit#hospital", "object-hit#school"], "reportedObject": [AL_QUDS["object_as_reported"]],
        "method": ["incident-method#airstrike"], "weapon": ["weapon#unspecified"],
    }  # fmt: skip
    place = by_hand["#place"]
    assert (place["prefLabel@en"], place["prefLabel@ar"]) == (["Sukkari"], ["السكري"])
    assert (place["placePrecision"], place["sfWithin"]) == (["place-precision#neighbourhood-area"], ["place/SY02"])
    assert by_hand["#geometry"]["asWKT"] == ["POINT(37.14111 36.17594)"]


def test_layout_row_makes_claims_of_its_claimant_that_rest_on_its_source(
    by_hand: dict[str, dict[str, list[str]]],
) -> None:
    claims = {name: node for name, node in by_hand.items() if "claimant" in node}
    assert sorted(claims) == [
        "#attribution", "#injured", "#killed", "#killed-children", "#killed-women", "#mapping-1", "#mapping-2",
        "#response",
    ]  # fmt: skip
    for name, node in claims.items():
        assert node["claimant"] == (["actor/russian-ministry-of-defence"] if name == "#response" else ["actor/airwars"])
        assert node["about"] == ["incident/my-archive/al-quds"]
        assert len(node["restsOn"]) == 1 and node["restsOn"][0].startswith("source/my-archive/")
    figures = {n: (claims[n]["minimum"], claims[n]["maximum"]) for n in claims if "minimum" in claims[n]}
    assert figures == {
        "#killed": (["58"], ["58"]), "#killed-children": (["18"], ["18"]), "#killed-women": (["4"], ["10"]),
        "#injured": (["40"], ["90"]),
    }  # fmt: skip
    assert claims["#killed-women"]["subsetOf"] == ["incident/my-archive/al-quds#killed"]
    assert claims["#killed"]["basis"] == ["assessment of a monitor"]


def test_layout_row_alleges_and_lets_the_party_answer(by_hand: dict[str, dict[str, list[str]]]) -> None:
    attribution, response = by_hand["#attribution"], by_hand["#response"]
    assert (attribution["allegedActor"], attribution["confidence"]) == (["actor/russia"], ["confidence#suspected"])
    assert attribution["degreeOfInvolvement"] == ["degree-of-involvement#not-stated"]
    assert response["position"] == ["party-position#denies-the-act"]
    assert response["disputes"] == ["incident/my-archive/al-quds#attribution"]
    assert response["description@en"] == [AL_QUDS["response_text"]]


def test_layout_row_maps_to_law_only_as_alleged(by_hand: dict[str, dict[str, list[str]]]) -> None:
    mapped = [by_hand["#mapping-1"], by_hand["#mapping-2"]]
    assert [m["invokes"] for m in mapped] == [
        ["provision/rome-statute/8-2-e-iv"],
        ["provision/icrc-customary-ihl/rule-28"],
    ]
    assert all(m["mappingStatus"] == ["mapping-status#alleged"] for m in mapped)
    assert all(m["againstActor"] == ["actor/russia"] and "standardOfProof" not in m for m in mapped)


def test_layout_row_brings_its_source_dataset_and_publisher_along(by_hand: dict[str, dict[str, list[str]]]) -> None:
    source, dataset, actor = by_hand["source"], by_hand["dataset"], by_hand["actor"]
    assert (source["prefLabel@en"], source["issued"], source["page"]) == (
        ["Airwars record RS0775"],
        ["2016-04"],
        [SOURCE],
    )
    assert source["sourceKind"] == ["source-kind#dataset-record"]
    assert (dataset["license"], dataset["prefLabel@en"]) == (["CC BY 4.0"], ["my-archive"])
    assert (actor["prefLabel@en"], actor["inDataset"]) == (["Our archive"], ["dataset/my-archive"])
    assert dataset["publisher"][0].startswith("actor/my-archive/")


def test_layout_row_with_needed_columns_only_claims_nothing(demo_copy: Path, tmp_path: Path, mizan: Run) -> None:
    needed = [c.name for c in INCIDENTS.columns.values() if c.required]
    assert needed == ["dataset", "id", "date", "title_en", "place_en", "claimant", "source_title"]
    file = tmp_path / "t.csv"
    file.write_bytes(table.encoded([AL_QUDS], needed))
    assert mizan("import", "incidents", str(file), "--home", str(demo_copy))[0] == 0
    claims = table.ask(demo_copy, f"SELECT ?c {{ ?c mz:about <{NODE}> }}")
    assert claims == []
    publisher = table.ask(demo_copy, f"""PREFIX d: <http://purl.org/dc/terms/> SELECT ?name {{ <{ID}dataset/my-archive>
        d:license "none stated" ; d:publisher/<http://www.w3.org/2004/02/skos/core#prefLabel> ?name }}""")  # fmt: skip
    assert publisher == [("my-archive",)]


# dates

DATES = {
    "2016-02-27": ("2016-02-27T00:00:00+02:00", "2016-02-27T23:59:59+02:00", "day"),
    "2016-07-01": ("2016-07-01T00:00:00+03:00", "2016-07-01T23:59:59+03:00", "day"),
    "2016-02-27~": ("2016-02-27T00:00:00+02:00", "2016-02-27T23:59:59+02:00", "day"),
    "2016-02-27?": ("2016-02-27T00:00:00+02:00", "2016-02-27T23:59:59+02:00", "day"),
    "2016-02-27%": ("2016-02-27T00:00:00+02:00", "2016-02-27T23:59:59+02:00", "day"),
    "2016-02": ("2016-02-01T00:00:00+02:00", "2016-02-29T23:59:59+02:00", "month"),
    "2016-03": ("2016-03-01T00:00:00+02:00", "2016-03-31T23:59:59+03:00", "month"),
    "2016-04-XX": ("2016-04-01T00:00:00+03:00", "2016-04-30T23:59:59+03:00", "month"),
    "2016": ("2016-01-01T00:00:00+02:00", "2016-12-31T23:59:59+02:00", "interval"),
    "2016-02-15/2016-02-16": ("2016-02-15T00:00:00+02:00", "2016-02-16T23:59:59+02:00", "interval"),
    "2016-03-20~/2016-04": ("2016-03-20T00:00:00+02:00", "2016-04-30T23:59:59+03:00", "interval"),
    "2016-04-27T21:37:00": ("2016-04-27T21:37:00+03:00", "2016-04-27T21:37:00+03:00", "time-of-day"),
    "2016-04-27T18:37:00Z": ("2016-04-27T18:37:00Z", "2016-04-27T18:37:00Z", "time-of-day"),
    "2015-10-29": ("2015-10-29T00:00:00+03:00", "2015-10-29T23:59:59+02:00", "day"),  # 25 hours
    "2016-03-25": ("2016-03-25T00:00:00+02:00", "2016-03-25T23:59:59+03:00", "day"),  # 23 hours
}


@pytest.fixture(scope="module")
def dated(demo_home: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[str, ...]]:
    folder = tmp_path_factory.mktemp("dated")
    home, file = table.copy(demo_home, folder / "home"), folder / "t.csv"
    file.write_bytes(table.encoded({**right(f"d{n}"), "date": text} for n, text in enumerate(DATES)))
    assert main(["import", "incidents", str(file), "--home", str(home)]) == 0
    sem = "http://semanticweb.cs.vu.nl/2009/11/sem/"
    rows = table.ask(home, f"""SELECT ?date ?from ?to ?precision {{
        ?i mz:inDataset <{ID}dataset/my-archive> ; mz:date ?date ; mz:datePrecision ?precision ;
        <{sem}hasEarliestBeginTimeStamp> ?from ; <{sem}hasLatestEndTimeStamp> ?to }}""")  # fmt: skip
    return {row[0]: (*row[1:3], row[3].partition("#")[2]) for row in rows}


@pytest.mark.parametrize("text", DATES)
def test_layout_date_has_its_bounds_in_damascus(dated: dict[str, tuple[str, ...]], text: str) -> None:
    assert dated[text] == DATES[text]


# the guide


def guide(language: str) -> str:
    return (HELP / f"documenter.{language}.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("language", ["en", "ar"])
def test_guide_tells_the_columns_as_the_mapping_does(language: str) -> None:
    text = template.described("incidents", language)
    assert text.count("\n") == len(COLUMNS) + 2
    assert text in guide(language), "write the table anew: kb.ingest.template.described('incidents', language)"
    rows = re.findall(r"^\| `(\w+)` \|", guide(language), re.MULTILINE)
    assert rows == list(COLUMNS)


@pytest.mark.parametrize("language", ["en", "ar"])
def test_guide_links_to_lists_of_codes_that_are_there(language: str) -> None:
    schemes = re.findall(rf"\(/{language}/scheme/([a-z-]+)\)", guide(language))
    assert set(schemes) == {c.options["scheme"] for c in INCIDENTS.columns.values() if c.kind == "code"}
    assert all((shipped("ontology") / "schemes" / f"{s}.ttl").is_file() for s in schemes)


@pytest.mark.parametrize("language", ["en", "ar"])
def test_guide_example_is_imported_as_it_stands(language: str, demo_copy: Path, tmp_path: Path, mizan: Run) -> None:
    (example,) = re.findall(r"```csv\n(.*?)```", guide(language), re.DOTALL)
    (tmp_path / "t.csv").write_text(example, encoding="utf-8")
    code, out, err = mizan("import", "incidents", str(tmp_path / "t.csv"), "--home", str(demo_copy))
    assert (code, err) == (0, "")
    assert "Read 1 rows, kept out 0." in out
    assert incident("2016-04-27-sukkari") in table.digests(demo_copy)
    assert "note not-placed" not in out and "note unused-column" not in out


@pytest.mark.parametrize("language", ["en", "ar"])
def test_guide_shows_the_message_that_comes(language: str, demo_copy: Path, tmp_path: Path, mizan: Run) -> None:
    file = tmp_path / "my-incidents.csv"
    file.write_bytes(table.encoded([right("a"), {**right("b"), "lat": "91"}]))
    _, _, err = mizan("import", "incidents", str(file), "--home", str(demo_copy))
    assert f"```\n{err}```" in guide(language)


@pytest.mark.parametrize("language", ["en", "ar"])
def test_guide_dates_are_dates(language: str) -> None:
    part = guide(language).split("EDTF")[0].rpartition("###")[2]
    shown = re.findall(r"`(\d[^`]*)`", part)
    assert len(shown) == 9
    assert all(uncertain(text, "Asia/Damascus") for text in shown)


@pytest.mark.parametrize("language", ["en", "ar"])
def test_guide_explains_every_word_of_the_mapping_language(language: str) -> None:
    reference = re.sub(r"```.*?```", "", guide(language).partition("\n## 8.")[2], flags=re.DOTALL)
    words = {*KINDS, *mapping.DERIVED, *mapping.RULE_KINDS, *mapping.VALUE_SOURCES, *_keys()}
    explained = {word for code in re.findall(r"`([^`]+)`", reference) for word in re.findall(r"\w+", code)}
    assert words - explained == set()


def _keys() -> Iterator[str]:
    """The keys that the shipped mappings use, and the fields of what they are read into."""
    yield from ("required", "present", "empty", "split", "help", "pattern", "reserved", "min", "max", "scheme", "table")
    yield from ("format", "times")
    yield from ("title", "key", "record", "timezone", "notice", "records", "fragment", "type", "when", "each", "set")
    yield from (name for name in (*plan.When.__slots__, *plan.Each.__slots__))
    yield from ("from", "until", "lat", "lon", "level", "otherwise", "lang", "datatype")


@pytest.mark.parametrize("language", ["en", "ar"])
def test_guide_is_a_page_with_tables(language: str) -> None:
    html = str(guides.rendered("documenter", language))
    assert html.count("<table>") == 3
    assert "<!--" not in html and "&lt;" not in html
    assert html.count("<h2>") == 9


def test_guide_says_what_stays_out_in_both_languages() -> None:
    for text, words in ((guide("en"), ("names", "witnesses", "shelter")), (guide("ar"), ("أسماء", "الشهود", "لملجأ"))):
        section = text.partition("\n## 1.")[2].partition("\n## 2.")[0]
        assert all(word in section for word in words)


def test_layout_help_is_in_both_languages_and_codes_are_explained() -> None:
    for column in INCIDENTS.columns.values():
        told = column.options["help"]
        assert set(told) == {"en", "ar"} and re.search("[\u0600-\u06ff]", told["ar"])
        if column.kind == "code":
            assert column.options["scheme"] in told["en"]


def test_layout_workbook_reads_as_the_same_table(demo_copy: Path, tmp_path: Path, mizan: Run) -> None:
    text = io.StringIO(table.encoded([right("a"), right("b")]).decode())
    rows: list[list[object]] = [list(r) for r in csv.reader(text)]
    for name in ("t.csv", "t.xlsx"):
        if name == "t.csv":
            (tmp_path / name).write_bytes(table.encoded([right("a"), right("b")]))
        else:
            workbook(tmp_path / name, *rows)
        code, out, _ = mizan("import", "incidents", str(tmp_path / name), "--home", str(demo_copy))
        assert code == 0
    assert "0 new, 0 changed, 5 the same." in out
