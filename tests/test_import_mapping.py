"""Mapping files of one's own, and records that break a shape with all that hangs on them."""

import json
from pathlib import Path

import pytest

from kb.canonical import literal
from kb.ingest.cell import Column
from kb.ingest.report import Unfit
from kb.ns import ID, SKOS, XSD
from tests import incident_table as table
from tests.incident_table import Run, incident

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
[node.set]
"skos:prefLabel" = { column = "id", lang = "en" }
"mz:placePrecision" = { concept = "place-precision#not-stated" }
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
    rows = "a,2016-01-01,report,p,b\nb,2016-01-02,report,p,c\nc,,report,p,\nd,2016-01-04,report,p,a\n"
    rows += "e,2016-01-05,report,p,\n"
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
    "class-unknown": ("mz:Incident", "mz:Incidnt",
          "[[node]] incident: there is no class 'mz:Incidnt' for records (did you mean 'mz:Incident'?)"),
    "property-unknown": ('"mz:place"', '"mz:plaec"',
          "mz:Incident has no property 'mz:plaec' (did you mean 'mz:place'?)"),
    "property-of-another": ('"mz:place"', '"mz:harm"', "mz:Incident has no property 'mz:harm'"),
    "concept-unknown": ("harm#killed", "harm#kiled",
          "dead, mz:harm: 'harm#kiled' is not a concept of a shipped scheme (did you mean 'harm#killed'?)"),
    "scheme-unknown": ('"source-kind"', '"source-kinds"', "[columns.kind]: there is no scheme 'source-kinds'"),
    "kind-unknown": ('kind = "date"', 'kind = "dat"', "[columns.day]: 'dat' is not a kind (text, integer"),
    "option-misspelt": ('kind = "date"', 'kind = "date"\nrequird = true',
          "[columns.day] has 'requird', which means nothing here (did you mean 'required'?)"),
    "option-of-wrong-type": ('kind = "date"', 'kind = "date"\nrequired = "yes"',
          "[columns.day]: required must be true or false"),
    "pattern": ("[columns.id]", '[columns.id]\npattern = "["', "[columns.id]: the pattern is not a regular expression"),
    "empty-not-a-code": ('"source-kind"', '"source-kind"\nempty = "rumour"',
          "[columns.kind], empty: 'rumour' is not a code"),
    "slot-unknown": ("source/own/{paper}", "source/own/{papers}",
          "[[node]] paper: there is no column or derived value 'papers'"),
    "derived-unknown": ("when.edtf", "when.edft",
          "incident, mz:date: there is no column or derived value 'when.edft' (did you mean 'when.edtf'?)"),
    "derive-kind": ('kind = "period"', 'kind = "span"', "[[derive]] when: 'span' is not a kind (period, edtf, point"),
    "derive-from-missing": ('from = "day"', "", "[[derive]] when lacks from"),
    "rule-of-texts": ("[[derive]]", '[[rule]]\norder = ["id", "paper"]\n[[derive]]',
          "[[rule]] order: id, paper must be columns of numbers"),
    "rule-empty": ("[[derive]]", "[[rule]]\n[[derive]]", "[[rule]] must have one of order, ordered"),
    "node-unknown": ('{ node = "place" }', '{ node = "plase" }',
          "incident, mz:place: there is no column or derived value 'plase'"),
    "two-sources": ('{ node = "place" }', '{ node = "place", column = "id" }',
          "incident, mz:place must have one of column, derived"),
    "language": ('column = "paper", lang = "en"', 'column = "paper", lang = "e n"', "'e n' is not a language tag"),
    "datatype": ("xsd:integer", "xsd integer", "'xsd integer' is not a term with a known prefix"),
    "address-hostile": ("source/own/{paper}", "source/own {paper}", "may only have letters, digits"),
    "no-node": (OWN[OWN.index("[[node]]") :], "", "the file has no [[node]]"),
    "node-not-a-list": ("[[node]]\nname = \"paper\"", "[node]\nname = \"paper\"", "own.toml is not TOML"),
    "records-broken": ("mz:Dataset ;", "mz:Dataset", "own.toml, records, line 3, column 54 does not parse"),
    "records-blank": ("dcterms:license \"CC0\"", "dcterms:license []",
          "own.toml, records: a blank node stands in the data"),
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


def test_date_format_and_unit_of_the_source_are_understood(
    demo_copy: Path, tmp_path: Path, mizan: Run
) -> None:
    text = OWN.replace('kind = "date"', 'kind = "date"\nformat = "%d/%m/%Y"')
    days = ("27/02/2016", "٢٨/٠٢/٢٠١٦", "2016-02-29")
    made, table = own(tmp_path, "".join(f"{n},{day},news-article,A,\n" for n, day in enumerate(days)), text)
    done = mizan("import", made, table, "--explain", "--home", str(demo_copy))
    assert all(f'"2016-02-{day}"^^' in done[1] for day in (27, 28, 29)), done
    column = Column("weight", "decimal", options={"times": 0.001})
    assert column.read("1250")[1] == [literal("1.25", XSD.decimal.value)]
    with pytest.raises(Unfit, match="is not a number"):
        column.read("12 kg")
    made, table = own(tmp_path, "1,02/27/2016,news-article,A,\n", text)
    code, _, err = mizan("import", made, table, "--check", "--home", str(demo_copy))
    assert code == 1 and "does not have the form %d/%m/%Y" in err
    made, table = own(tmp_path, "", text.replace("%d/%m/%Y", "%d/%m"))
    assert "does not tell day, month and year" in mizan("import", made, table, "--home", str(demo_copy))[2]


def test_bad_mapping_file_that_is_not_there_or_not_utf_8(demo_home: Path, tmp_path: Path, mizan: Run) -> None:
    file = tmp_path / "x.toml"
    assert "There is no mapping file" in mizan("import", str(file), "x.csv", "--home", str(demo_home))[2]
    file.write_bytes(b'[source]\nname = "\xe3"')
    assert "x.toml is not UTF-8" in mizan("import", str(file), "x.csv", "--home", str(demo_home))[2]
