"""What a list selects, as a file: every incident of it once, who says what kept apart, whole or refused."""

from __future__ import annotations

import csv
import io
import json

import pytest
from flask.testing import FlaskClient
from openpyxl import load_workbook
from pyoxigraph import RdfFormat, parse

from kb.knowledgebase import KnowledgeBase
from web import selection
from web.app import create_app

HOSPITAL = "syria-2015-16/INC-021"


@pytest.fixture(scope="module")
def client(demo: KnowledgeBase) -> FlaskClient:
    return create_app(demo).test_client()


def _table(client: FlaskClient, query: str) -> list[dict[str, str]]:
    answer = client.get(f"/api/incidents?{query}&format=csv")
    assert answer.status_code == 200, answer.text
    return list(csv.DictReader(io.StringIO(answer.data.decode("utf-8"), newline="")))


def test_table_has_every_incident_of_the_list_once(client: FlaskClient) -> None:
    rows = _table(client, "dataset=syria-2015-16&sort=oldest")
    told = json.loads(client.get("/api/incidents?dataset=syria-2015-16&sort=oldest&limit=100").data)
    assert [row["incident"] for row in rows] == [found["iri"] for found in told["incidents"]]
    assert len(rows) == told["total"] == 30


@pytest.mark.parametrize(("lang", "label", "denied"), [
    ("en", "Al-Quds", "Syria"), ("ar", "القدس", "السورية"),
])  # fmt: skip
def test_table_keeps_what_each_source_says_apart(client: FlaskClient, lang: str, label: str, denied: str) -> None:
    (row,) = [r for r in _table(client, f"q=Quds&lang={lang}") if r["incident"].endswith(HOSPITAL)]
    assert label in row["incident_label"] and row["date"].startswith("2016-04-27")
    figures = row["killed"].split(" | ")
    assert len(figures) > 1 and all(f.endswith("]") and " [" in f for f in figures), "each with its claimant"
    assert all(said.endswith("]") for said in row["attributed"].split(" | "))
    assert denied in row["attributed"] + row["answered"]
    assert row["wkt"] == "" or row["wkt"].startswith("POINT")


def test_files_say_where_they_are_from(client: FlaskClient) -> None:
    answer = client.get("/api/incidents?object=hospital&format=xlsx&lang=ar")
    assert answer.headers["Content-Disposition"] == 'attachment; filename="incidents-2.xlsx"'
    book = load_workbook(io.BytesIO(answer.data))
    assert book.worksheets[0].sheet_view.rightToLeft
    about = {row[0].value: row[1].value for row in book.worksheets[1].iter_rows()}
    assert about["snapshot"] == "2" and about["parameter object"] == "hospital"
    assert about["source"] == "http://localhost/api/incidents?object=hospital"


def test_geojson_has_a_feature_an_incident(client: FlaskClient) -> None:
    found = json.loads(client.get("/api/incidents?dataset=syria-2015-16&format=geojson").data)
    assert len(found["features"]) == 30 and found["snapshot"] == 2
    placed = [f for f in found["features"] if f["geometry"]]
    assert placed and all(f["geometry"]["type"] == "Point" for f in placed)


FORMS = {
    "jsonld": RdfFormat.JSON_LD, "turtle": RdfFormat.TURTLE, "ntriples": RdfFormat.N_TRIPLES,
    "rdfxml": RdfFormat.RDF_XML,
}  # fmt: skip


@pytest.mark.parametrize(("name", "form"), FORMS.items())
def test_rdf_holds_the_records_and_what_others_claim(
    client: FlaskClient, demo: KnowledgeBase, name: str, form: RdfFormat
) -> None:
    answer = client.get(f"/api/incidents?q=Quds&format={name}")
    triples = {quad.triple for quad in parse(answer.data, format=form)}
    iri = f"https://w3id.org/mizan/id/incident/{HOSPITAL}"
    assert triples >= set(demo.snapshot().record(iri))
    assert int(answer.headers["X-Mizan-Rows"]) >= 1


def test_list_too_long_for_a_file_is_refused_not_cut(client: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(selection, "MANY", 29)
    answer = client.get("/api/incidents?dataset=syria-2015-16&format=csv")
    assert answer.status_code == 413 and "30 incidents" in answer.text
    assert client.get("/api/incidents?dataset=syria-2015-16&format=yaml").status_code == 400


def test_pages_offer_the_files_of_what_they_show(client: FlaskClient) -> None:
    for lang in ("en", "ar"):
        text = client.get(f"/{lang}/incidents?object=hospital").text
        assert f"/api/incidents?object=hospital&amp;format=xlsx&amp;lang={lang}" in text
