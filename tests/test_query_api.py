"""The saved questions as addresses for programs: formats, refusals, tags, and the OpenAPI document."""

from __future__ import annotations

import csv
import io
import json
import re
from pathlib import Path
from typing import Any

import pyoxigraph
import pytest
from flask.testing import FlaskClient
from openapi_schema_validator import OAS31Validator
from openapi_spec_validator import OpenAPIV31SpecValidator, validate
from openpyxl import load_workbook

from kb.export import FORMATS
from kb.knowledgebase import KnowledgeBase, table
from kb.ns import ID, SCHEME
from kb.query import saved
from kb.query.saved import SavedQuery
from kb.store.base import Limits
from web import choosing, openapi, question
from web.app import create_app
from web.column import heading

API = "/api/queries/"
PLACED = "governorates_with_object"
FIGURES = "casualty_ranges_of_incident"
RS = "http://www.w3.org/2001/sw/DataAccess/tests/result-set#"
BROWSER = {"Accept": "text/html"}
CLAIMED = re.compile(
    r"mz:(CasualtyEstimate|Attribution|PartyResponse|LegalMapping|Recommendation|FactualStatement|EditorialNote"
    r"|ConflictClassification|ElementAssessment)\b|mz:claimant"
)
COUNTS = {"provisions_not_verified"}  # says of the law how many mappings lean on it, and nothing that a mapping says


@pytest.fixture(scope="module")
def client(demo: KnowledgeBase) -> FlaskClient:
    return create_app(demo).test_client()


def problem(client: FlaskClient, path: str, status: int = 400) -> str:
    answer = client.get(path)
    assert answer.status_code == status
    assert answer.mimetype == "application/problem+json"
    assert answer.headers["Cache-Control"] == "no-store"
    found = answer.get_json(force=True)
    return f"{found['what']} {found.get('why', '')} {found.get('hint', '')}"


@pytest.mark.parametrize("name", saved.names("report"))
def test_every_question_answers_at_its_address_as_in_the_store(
    client: FlaskClient, demo: KnowledgeBase, name: str
) -> None:
    answer = client.get(API + name)
    assert answer.status_code == 200 and answer.mimetype == "application/json"
    rows = table(demo.ask(saved.load("report", name).bind({})))
    found = answer.json
    assert found["count"] == len(found["rows"]) == len(rows) == int(answer.headers["X-Mizan-Rows"])
    for row, expected in zip(found["rows"], rows, strict=True):
        assert {k: str(v).lower() for k, v in row.items() if k in expected} == {
            k: t.value.lower() for k, t in expected.items()
        }


def test_csv_has_labels_beside_iris_in_the_language_asked(client: FlaskClient) -> None:
    rows = {}
    for language in ("en", "ar"):
        answer = client.get(f"{API}{FIGURES}?format=csv&lang={language}")
        assert answer.headers["Content-Language"] == language
        rows[language] = list(csv.DictReader(io.StringIO(answer.get_data(as_text=True))))
    assert [row["claimant"] for row in rows["en"]] == [row["claimant"] for row in rows["ar"]]
    assert {row["harm_label"] for row in rows["en"]} == {"Killed", "Injured"}
    assert {"قتلى"} < {row["harm_label"] for row in rows["ar"]}
    assert all(row["claimant_label"] != row_ar["claimant_label"] for row, row_ar in zip(*rows.values(), strict=True))


def test_csv_has_a_byte_order_mark_and_a_raw_form_only_on_request(client: FlaskClient, demo: KnowledgeBase) -> None:
    path = f"{API}{FIGURES}?format=csv"
    plain, marked = client.get(path).data, client.get(f"{path}&bom=1").data
    assert not plain.startswith(b"\xef\xbb\xbf") and marked == b"\xef\xbb\xbf" + plain
    assert client.get(f"{path}&raw=1").data == demo.ask(saved.load("report", FIGURES).bind({}), "csv").body


def test_xlsx_holds_numbers_as_numbers_and_says_where_it_comes_from(client: FlaskClient) -> None:
    answer = client.get(f"{API}{FIGURES}?format=xlsx&lang=ar")
    assert answer.headers["Content-Disposition"] == f'attachment; filename="{FIGURES}.xlsx"'
    book = load_workbook(io.BytesIO(answer.data))
    rows = list(book["rows"].values)
    minimum = [row[rows[0].index("minimum")] for row in rows[1:]]
    assert all(isinstance(value, int) for value in minimum) and len(minimum) == int(answer.headers["X-Mizan-Rows"])
    assert book["rows"].sheet_view.rightToLeft
    assert ("query", FIGURES) in list(book["about"].values)


def test_geojson_has_a_point_for_each_row(client: FlaskClient) -> None:
    found = client.get(f"{API}{PLACED}?format=geojson").get_json(force=True)
    assert found["type"] == "FeatureCollection" and found["query"] == PLACED
    points = [f["geometry"]["coordinates"] for f in found["features"]]
    assert len(points) == 2 and all(35 < x < 43 and 32 < y < 38 for x, y in points)
    assert {f["properties"]["label"]: f["properties"]["incidents"] for f in found["features"]} == {
        "Aleppo": 7, "Idlib": 3,
    }  # fmt: skip
    assert "no geometry" in problem(client, f"{API}{FIGURES}?format=geojson")


@pytest.mark.parametrize("name", ["turtle", "jsonld", "ntriples", "rdfxml"])
def test_rdf_is_a_result_set_with_every_value(client: FlaskClient, demo: KnowledgeBase, name: str) -> None:
    answer = client.get(f"{API}{FIGURES}?format={name}")
    form = pyoxigraph.RdfFormat.from_media_type(answer.mimetype)
    store = pyoxigraph.Store()
    store.load(answer.data, format=form)
    query = f"""PREFIX rs: <{RS}> SELECT ?index ?name ?value WHERE {{
        ?set a rs:ResultSet ; rs:solution ?row . ?row rs:index ?index ; rs:binding ?cell .
        ?cell rs:variable ?name ; rs:value ?value }}"""
    found = {(int(r["index"].value), r["name"].value, str(r["value"])) for r in store.query(query)}
    rows = table(demo.ask(saved.load("report", FIGURES).bind({})))
    assert found == {(n, name, str(term)) for n, row in enumerate(rows, 1) for name, term in row.items()}


@pytest.mark.parametrize(("accept", "media_type"), [
    ("", "application/json"), ("*/*", "application/json"), ("text/csv", "text/csv"),
    ("text/turtle;q=0.5, application/geo+json", "application/geo+json"), ("application/rdf+xml", "application/rdf+xml"),
])  # fmt: skip
def test_format_follows_the_accept_header(client: FlaskClient, accept: str, media_type: str) -> None:
    answer = client.get(API + PLACED, headers={"Accept": accept} if accept else {})
    assert answer.mimetype == media_type
    assert answer.headers["Vary"] == "Accept, Accept-Language"


def test_format_that_nobody_offers_is_refused(client: FlaskClient) -> None:
    answer = client.get(API + PLACED, headers={"Accept": "image/png"})
    assert answer.status_code == 406 and "text/csv" in answer.get_data(as_text=True)


@pytest.mark.parametrize(("arguments", "named"), [
    ("objekt=x", "objekt.*Allowed: object, dataset, language, format, lang, raw, bom"),
    ("object=harm%23killed", "object=harm#killed.*another scheme.*object-hit"),
    ("object=object-hit%23x", "object=object-hit#x names nothing"),
    ("object=a%20b", "object=a b does not fit"),
    ("language=fr", "language=fr does not fit.*one of: en, ar"),
    ("format=exe", "format=exe.*json, csv, xlsx"),
    ("lang=fr", "lang=fr.*en, ar"), ("raw=yes", "raw=yes.*0, 1"),
    ("object=object-hit%23hospital&object=object-hit%23school", "object is given 2 times"),
    ("object=" + "x" * 501, "object is too long"),
])  # fmt: skip
def test_parameter_that_does_not_fit_is_told_with_what_is_allowed(
    client: FlaskClient, arguments: str, named: str
) -> None:
    assert re.search(named, problem(client, f"{API}{PLACED}?{arguments}"))


@pytest.mark.parametrize(("path", "named"), [
    ("incidents_with_provision?provision=actor/snhr", "another class.*Provision, LegalInstrument"),
    ("incidents_harming_age_group?at_least=many", "at_least=many does not fit.*whole number"),
    ("treaties_of_state_on_day?day=2016-13-45", "day=2016-13-45.* does not fit.*a date such as"),
])  # fmt: skip
def test_value_of_the_wrong_kind_is_told(client: FlaskClient, path: str, named: str) -> None:
    assert re.search(named, problem(client, API + path))


def test_subclass_of_what_is_asked_for_will_do(client: FlaskClient) -> None:
    path = f"{API}incidents_with_provision?provision=provision/rome-statute/8-2-e-iv"  # an offence is a provision
    assert client.get(path).status_code == 200


def test_unknown_question_and_method_are_told(client: FlaskClient) -> None:
    assert "Did you mean governorates_with_object" in problem(client, f"{API}governorate_with_object", 404)
    answer = client.post(API + PLACED)
    assert answer.status_code == 405 and "GET" in answer.headers["Allow"]


def test_injected_text_stays_a_value(client: FlaskClient) -> None:
    for value in ("x> } DROP ALL #", '" } UNION { ?s ?p ?o', "VALUES ?place { UNDEF }"):
        answer = client.get(API + "cautions_on_incidents", query_string={"place": value})
        assert answer.status_code == 400 and "place" in answer.get_json(force=True)["what"]


def test_tag_changes_with_format_and_language_and_is_honoured(client: FlaskClient) -> None:
    tags = {client.get(f"{API}{PLACED}?{a}").headers["ETag"] for a in ("", "format=csv", "lang=ar", "format=csv&bom=1")}
    assert len(tags) == 4
    tag = client.get(API + PLACED).headers["ETag"]
    held = client.get(API + PLACED, headers={"If-None-Match": tag})
    assert held.status_code == 304 and not held.data
    assert client.get(f"{API}{PLACED}?object=no", headers={"If-None-Match": tag}).status_code == 400


def test_head_has_the_headers_and_no_body(client: FlaskClient) -> None:
    answer, whole = client.head(f"{API}{PLACED}?format=csv"), client.get(f"{API}{PLACED}?format=csv")
    assert answer.status_code == 200 and not answer.data
    for name in ("ETag", "X-Mizan-Rows", "X-Mizan-Snapshot", "Content-Type", "Content-Length"):
        assert answer.headers[name] == whole.headers[name]


def test_answer_past_the_caps_is_refused_whole(demo_home: Path) -> None:
    with KnowledgeBase.open(demo_home, Limits(rows=3), workers=1) as base:
        client = create_app(base).test_client()
        assert "more than 3 rows" in problem(client, f"{API}{FIGURES}?format=csv", 413)


def test_source_of_an_answer_gives_it_again(client: FlaskClient) -> None:
    first = client.get(f"{API}{PLACED}?object=object-hit%23hospital&lang=ar").json
    again = client.get(first["source"].removeprefix("http://localhost"), headers={"Accept-Language": "en"}).json
    assert again == first


# the OpenAPI document


@pytest.fixture(scope="module")
def document(client: FlaskClient) -> Any:
    return client.get("/api/openapi.json").json


def test_openapi_document_is_valid(document: Any) -> None:
    assert document["openapi"].startswith("3.1")
    validate(document, cls=OpenAPIV31SpecValidator)


def test_openapi_document_describes_every_question_with_its_parameters(document: Any) -> None:
    assert set(document["paths"]) == {API + name for name in saved.names("report")} | {openapi.CHOICES}
    for name in saved.names("report"):
        query, operation = saved.load("report", name), document["paths"][API + name]["get"]
        described = [p["name"] for p in operation["parameters"] if "name" in p]
        assert described == list(query.parameters)
        assert query.description in operation["description"] and query.description_ar in operation["description"]
        media_types = {m.partition(";")[0] for m in FORMATS.values()}
        assert media_types - set(operation["responses"]["200"]["content"]) <= {"application/geo+json"}


def test_openapi_answers_have_the_shape_described(client: FlaskClient, document: Any) -> None:
    schemas = document["components"]["schemas"]
    OAS31Validator(schemas["Answer"]).validate(client.get(API + FIGURES).json)
    address = openapi.CHOICES.format(name=FIGURES, parameter="incident")
    found = client.get(f"{address}?q=Quds&lang=ar").json
    OAS31Validator(schemas["Choices"]).validate(found)
    assert found["choices"]
    OAS31Validator(schemas["Problem"]).validate(client.get(f"{API}{FIGURES}?x=1").get_json(force=True))


def test_list_names_every_question(client: FlaskClient) -> None:
    found = client.get("/api/queries").json["queries"]
    assert [q["name"] for q in found] == saved.names("report")
    assert all(q["title"]["ar"] and q["description"]["en"] for q in found)
    assert client.get(found[0]["address"].removeprefix("http://localhost")).status_code == 200


# the pages


def test_page_offers_choices_and_every_download(client: FlaskClient) -> None:
    text = client.get(f"/en/queries/{PLACED}?run=1", headers=BROWSER).get_data(as_text=True)
    assert '<option value="object-hit#medical-facility" selected>Medical facility</option>' in text
    for address in re.findall(r'href="(/api/queries/[^"]+)"', text):
        assert client.get(address.replace("&amp;", "&")).status_code == 200
    for name in FORMATS:
        assert f"format={name}" in text


@pytest.mark.parametrize(("name", "mark", "count"), [
    ("governorates_with_object", "<circle ", 2), ("incidents_in_place_and_period", "<circle ", 10),
    ("incidents_of_object_per_month", "<rect ", 6), ("incidents_attributed_to_actor", "<rect ", 8),
    ("objects_by_method", '<th scope="row">', 6),
])  # fmt: skip
@pytest.mark.parametrize("language", ["en", "ar"])
def test_page_draws_the_view_and_keeps_the_table(
    client: FlaskClient, name: str, mark: str, count: int, language: str
) -> None:
    answer = client.get(f"/{language}/queries/{name}?run=1", headers=BROWSER)
    text = answer.get_data(as_text=True)
    assert text.count(mark) == count
    whole = text.partition('<table class="answer">')[2]
    assert whole.count("<tr>") == int(answer.headers["X-Mizan-Rows"]) + 1
    assert "<script" not in text and " style=" not in text


def test_page_explains_the_values_in_words(client: FlaskClient) -> None:
    text = client.get("/ar/queries/incidents_with_weapon", headers=BROWSER).get_data(as_text=True)
    explained = text.partition('<details class="explain">')[2].partition("</details>")[0]
    assert "ذخيرة عنقودية" in explained and "weapon#cluster-munition" in explained


def test_page_tells_an_unknown_parameter(client: FlaskClient) -> None:
    answer = client.get(f"/en/queries/{PLACED}?plaice=x", headers=BROWSER)
    assert answer.status_code == 400 and "plaice" in answer.get_data(as_text=True)


# what the library as a whole must keep


def queries() -> list[SavedQuery]:
    return [saved.load("report", name) for name in saved.names("report")]


def test_library_has_forty_questions_in_every_group() -> None:
    groups = [query.group for query in queries()]
    assert len(groups) >= 40
    assert set(groups) == set(saved.GROUPS) and min(groups.count(g) for g in saved.GROUPS) >= 3


def test_library_views_name_columns_of_the_answer() -> None:
    assert {query.view[0] for query in queries()} == set(saved.VIEWS)
    for query in queries():
        kind, *columns = query.view
        selected = {v.value for v in pyoxigraph.Store().query(query.text).variables}  # type: ignore[union-attr]
        assert set(columns) <= selected, query.name
        assert len(columns) >= saved.VIEWS[kind]


def test_library_parameters_say_what_they_take_in_both_languages(demo: KnowledgeBase) -> None:
    store = demo.snapshot().store
    for query in queries():
        for parameter in query.parameters.values():
            assert re.search(r"[\u0621-\u064a]", parameter.meaning_ar), (query.name, parameter.name)
            assert parameter.of or parameter.kind in ("date", "number", "text")
            value = saved.term(parameter, parameter.default or "")
            assert parameter.kind != "iri" or store.is_a(value.value, parameter.of), (query.name, parameter.name)
            assert parameter.kind != "concept" or value.value.startswith(f"{SCHEME}{parameter.of[0]}#")


def test_library_rows_of_claims_name_who_makes_them() -> None:
    names = re.compile(r"\?(claimant|lower_claimant|\w+_by|party)\b")
    for query in queries():
        head = query.text.partition("SELECT")[2].partition("WHERE")[0]
        states = CLAIMED.search(re.sub(r"NOT EXISTS \{[^{}]*\}", "", query.text))
        assert not states or names.search(head) or query.name in COUNTS, query.name


def test_library_says_that_the_screening_is_computed() -> None:
    for query in queries():
        if "mz:hasProfile" in query.text:
            assert "screening" in query.tags
            assert "computed by this software" in query.description


def test_columns_have_words_in_both_languages(client: FlaskClient) -> None:
    columns = {v.value for q in queries() for v in pyoxigraph.Store().query(q.text).variables}  # type: ignore[union-attr]
    for language in ("en", "ar"):
        with client.application.test_request_context(f"/{language}/queries/"):
            bare = {c for c in columns if '<bdi dir="ltr">' in heading(c) and not c.endswith("label")}
            assert not bare


def test_ids_of_answers_are_whole_iris(client: FlaskClient) -> None:
    found = json.loads(client.get(f"{API}mappings_of_incident").data)
    assert all(row["mapping"].startswith(ID) for row in found["rows"])


# choosing


def choices(client: FlaskClient, path: str, **asked: str) -> list[dict[str, str]]:
    found: list[dict[str, str]] = client.get(f"{API}{path}", query_string=asked).get_json()["choices"]
    return found


def test_choices_come_near_the_words_in_either_language(client: FlaskClient) -> None:
    path = "attributions_of_incident/choices/incident"
    found = choices(client, path, q="al-quds hosp")
    assert found[0]["value"] == "incident/syria-2015-16/INC-021" and "Quds" in found[0]["label"]
    assert {c["value"].partition("/")[0] for c in found} == {"incident"} and len(found) <= choosing.NEAR
    arabic = choices(client, path, q="القدس", lang="ar")
    assert "incident/syria-2015-16/INC-021" in [c["value"] for c in arabic] and "القدس" in arabic[0]["label"]
    assert len(choices(client, path)) == choosing.NEAR, "without words the newest"
    assert choices(client, path, q="nosuchwordanywhere") == []
    offence = choices(client, "evidence_needed_for_offence/choices/offence", q="ATTACK")
    assert offence and all("attack" in c["label"].lower() for c in offence)
    assert choices(client, f"{PLACED}/choices/object", q="HOSPITAL")[0]["value"] == "object-hit#hospital"


def test_choices_of_nothing_are_refused(client: FlaskClient) -> None:
    assert "Its parameters: object" in problem(client, f"{API}{PLACED}/choices/objec", 404)
    assert "too long" in problem(client, f"{API}{PLACED}/choices/object?q={'a' * 501}")
    assert "no query named" in problem(client, f"{API}nothing/choices/object", 404)


def test_form_of_many_choices_asks_the_site_for_more(client: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "data-choices" not in client.get("/en/queries/attributions_of_incident").text
    monkeypatch.setattr(choosing, "MOST", 5)
    monkeypatch.setattr(question, "MOST", 5)
    client.application.extensions["mizan"]._computed.clear()  # the choices of this snapshot, kept with the old number
    page = client.get("/en/queries/attributions_of_incident")
    client.application.extensions["mizan"]._computed.clear()
    address = re.search(r'data-choices="([^"]*)"', page.text)
    assert address and page.text.count("<option value=\"incident/") <= 6 and "choices.js" in page.text
    assert "script-src 'self'" in page.headers["Content-Security-Policy"]
    assert client.get(address[1] + "&q=quds").get_json()["choices"]


def test_words_in_place_of_a_thing_lead_to_a_choice(client: FlaskClient) -> None:
    page = client.get("/en/queries/attributions_of_incident?run=1&incident=al-quds+hospital")
    assert page.status_code == 400 and "names nothing here" in page.text and "<h2 id=\"answer\">" not in page.text
    first = re.search(r'<select id="p-incident"[^>]*><option value="([^"]*)" selected>', page.text)
    assert first and client.get(f"/en/queries/attributions_of_incident?run=1&incident={first[1]}").status_code == 200
    arabic = client.get("/ar/queries/attributions_of_incident?incident=<القدس>")
    assert arabic.status_code == 400 and "&lt;القدس&gt;" in arabic.text and "لا يدل" in arabic.text


def test_question_opens_as_sparql_with_the_values_of_its_form(client: FlaskClient) -> None:
    form = client.get(f"/en/queries/{PLACED}").text
    assert re.search(rf'<button type="submit"[^>]* formaction="/sparql" name="example" value="{PLACED}"', form)
    asked = {"run": "1", "lang": "en", "object": "object-hit#school", "language": "ar", "example": PLACED}
    page = client.get("/sparql", query_string=asked, headers=BROWSER)
    assert "object-hit#school&gt; }" in page.text and "VALUES ?language { &#34;ar&#34; }" in page.text
    assert client.get("/sparql", query_string={**asked, "object": "no"}, headers=BROWSER).status_code == 400


def test_no_parameter_has_the_name_of_a_field_of_the_sparql_page() -> None:
    taken = {"query", "format", "view", "example", "run", "lang", "update", "raw", "bom"}
    for name in saved.names("report"):
        assert not taken & set(saved.load("report", name).parameters)
