"""Rows that look wrong and are not: unusual ids, texts, digits, names and columns."""

import json
import re
from pathlib import Path

import pytest

from kb import vocabulary
from kb.cli import main
from kb.ingest import mapping
from kb.ns import DCTERMS, ID, SKOS
from kb.record import ADDRESS, local_name
from tests import incident_table as table
from tests.incident_table import COLUMNS, ROW, Run, incident, right, write
from web.address import kind_and_path

# what looks wrong and is not

ODD_IDS = ["../../etc/passwd", "50%", "%2F", "معرّف 12", "a b", "record", "revision-1", "#record", "x#y", "?q=1",
      "~41", ".",
           "<script>", "a\"b'c", "https://example.org/i?d=1#f", "A\nB", "x" * 200, "=cmd|' /C calc'!A0"]  # fmt: skip


@pytest.fixture(scope="module")
def odd_home(demo_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A knowledge base with rows whose ids and texts are unusual but right, in a file with unusual lines."""
    folder = tmp_path_factory.mktemp("odd")
    home = table.copy(demo_home, folder / "home")
    formula = "=cmd|' /C calc'!A0"
    texts = [
        {**right("formula"), "title_en": formula, "description_en": "@SUM(1+1)*cmd", "source_title": "+1",
              "claimant": "-1"},
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
