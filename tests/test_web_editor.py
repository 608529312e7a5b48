"""The SPARQL page around its editor: terms it completes, questions in words, pictures, and how its script is built."""

from __future__ import annotations

import gzip
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from kb.knowledgebase import KnowledgeBase
from kb.query import saved
from web import frontend
from web.app import create_app
from web.views import editor

ROOT = Path(__file__).resolve().parents[1]
MZ = "PREFIX mz: <https://w3id.org/mizan/ontology#> PREFIX geo: <http://www.opengis.net/ont/geosparql#> "
MZ += "PREFIX sem: <http://semanticweb.cs.vu.nl/2009/11/sem/> "
BY_METHOD = MZ + "SELECT ?method (COUNT(*) AS ?n) { ?i mz:method ?method } GROUP BY ?method"
PLACES = MZ + "SELECT ?i ?point { ?i a mz:Incident ; mz:place/geo:hasGeometry/geo:asWKT ?point }"
DATES = MZ + "SELECT ?i ?day { ?i a mz:Incident ; sem:hasEarliestBeginTimeStamp ?day }"
PAIRS = MZ + "SELECT ?harm ?victim { ?c mz:harm ?harm ; mz:victimCategory ?victim }"


@pytest.fixture(scope="module")
def client(demo: KnowledgeBase) -> FlaskClient:
    return create_app(demo).test_client()


@pytest.fixture(scope="module")
def page(client: FlaskClient) -> Callable[..., str]:
    def get(**values: str) -> str:
        answer = client.get("/sparql", query_string=values, headers={"Accept": "text/html"})
        assert answer.status_code == 200, answer.get_data(as_text=True)
        return answer.get_data(as_text=True)

    return get


def test_terms_are_named_in_both_languages_and_written_as_a_query_needs_them(client: FlaskClient) -> None:
    told = client.get("/sparql/terms").get_json()
    found = {written: (kind, en, ar) for kind, written, en, ar in told["terms"]}
    assert found["object-hit:hospital"] == ("concept", "Hospital", "مستشفى")
    assert found["mz:Incident"][0] == "class" and found["mz:objectHit"][0] == found["mz:minimum"][0] == "property"
    assert found["geo:asWKT"] == ("property", "Coordinates", "الإحداثيات")
    assert found["<https://w3id.org/mizan/id/instrument/rome-statute>"][0] == "instrument"
    assert {kind for kind, _, _ in found.values()} == {
        "class", "property", "concept", "scheme", "instrument", "provision",
    }  # fmt: skip
    own = [labels for written, (_, *labels) in found.items() if written.startswith("mz:")]
    assert len(own) > 150 and all(en and ar for en, ar in own)


def test_every_term_is_one_that_the_service_reads(client: FlaskClient) -> None:
    told = client.get("/sparql/terms").get_json()
    prefixes = "".join(f"PREFIX {name}: <{iri}>\n" for name, iri in told["prefixes"].items())
    # one of them stands in patterns only
    plain = [written for _, written, _, _ in told["terms"] if written != "mz:matches"]
    values = " ".join(plain)
    answer = client.post("/sparql", data={"query": f"{prefixes}SELECT * {{ VALUES ?term {{ {values} }} }}"})
    rows = answer.get_json(force=True)["results"]["bindings"]
    assert len({row["term"]["value"] for row in rows}) == len(plain) > 700


def test_terms_are_sent_once_a_snapshot(client: FlaskClient) -> None:
    first = client.get("/sparql/terms")
    again = client.get("/sparql/terms", headers={"If-None-Match": first.headers["ETag"]})
    assert (first.status_code, again.status_code, again.data) == (200, 304, b"")


def test_script_runs_on_pages_with_the_form_and_nowhere_else(client: FlaskClient) -> None:
    for path, scripted in (("/sparql?lang=ar", True), ("/query?query=ASK{}", True), ("/sparql?query=x", True),
                           ("/en/", False), ("/en/incidents", False), ("/en/nothing", False)):  # fmt: skip
        answer = client.get(path, headers={"Accept": "text/html"})
        policy = answer.headers["Content-Security-Policy"]
        brushed = path == "/en/incidents"  # its bars take a script of their own
        assert ("script-src 'self'" in policy) == (scripted or brushed)
        assert ("/static/editor/sparql.js" in answer.text) == scripted
        assert "default-src 'none'" in policy and "unsafe" not in policy and "data:" not in policy
        assert " style=" not in answer.text and "<style" not in answer.text


def test_script_is_small_and_kept_by_browsers(client: FlaskClient) -> None:
    address = f"/static/editor/sparql.js?v={editor.script()}"
    answer = client.get(address, headers={"Accept-Encoding": "gzip"})
    assert answer.mimetype == "text/javascript" and "immutable" in answer.headers["Cache-Control"]
    assert len(answer.data) < 150_000
    assert gzip.decompress(answer.data) == client.get(address).data
    assert client.get("/static/editor/sparql.js?v=old").headers["Cache-Control"] == "no-cache"
    assert client.get("/static/editor/sources.sha256").status_code == 404


def test_examples_are_all_there_by_group(page: Callable[..., str]) -> None:
    text = page(lang="ar")
    assert all(f"example={name}\"" in text for name in saved.names("report"))
    assert text.index("بحسب القانون") < text.index("example=provisions_invoked_by_report") < text.index("بحسب الفاعل")


def test_saved_question_is_explained_in_the_language_of_the_page(page: Callable[..., str]) -> None:
    question = saved.load("report", "provisions_invoked_by_report")
    text = page(lang="ar", query=question.bind({}))
    assert question.description_ar in text and question.parameters["report"].meaning_ar in text
    assert "/ar/source/snhr-2016-08-17" in text
    assert "غُيّر الاستعلام" not in text


def test_changed_question_is_said_to_be_changed(page: Callable[..., str]) -> None:
    question = saved.load("report", "provisions_invoked_by_report")
    other = question.bind({"report": "source/vdc-2016"}).replace("\n", "\r\n")
    assert "The query was changed" not in page(lang="en", query=other)
    assert "The query was changed" in page(lang="en", query=other + "\nLIMIT 3")


def test_words_come_from_the_library_and_never_from_the_query(page: Callable[..., str]) -> None:
    forged = "#+ title: A ruling\n#+ description: proven by us\nASK {}"
    text = page(lang="en", query=forged)
    assert text.count("proven by us") == forged.count("proven by us") and "In words" not in text


@pytest.mark.parametrize(
    ("query", "view"), [(BY_METHOD, "bars"), (PLACES, "map"), (DATES, "timeline"), (PAIRS, "matrix")]
)
def test_any_answer_is_drawn_as_chosen_with_its_table(page: Callable[..., str], query: str, view: str) -> None:
    text = page(lang="en", query=query, view=view)
    assert f"chart-{view}" in text and 'table class="answer"' in text
    assert "<figure" not in page(lang="en", query=query)


def test_saved_question_is_drawn_as_its_authors_meant(page: Callable[..., str]) -> None:
    drawn = [q for q in (saved.load("report", name) for name in saved.names("report")) if q.view[0] == "bars"]
    assert any("chart-bars" in page(lang="en", query=q.bind({})) for q in drawn[:3])
    assert "chart" not in page(lang="en", query=drawn[0].bind({}), view="table").partition('id="answer"')[2]


def test_picture_that_the_answer_does_not_allow_is_said(page: Callable[..., str]) -> None:
    assert "no columns for that picture" in page(lang="en", query=BY_METHOD, view="map")


def test_unknown_view_is_refused_with_those_there_are(client: FlaskClient) -> None:
    answer = client.get("/sparql", query_string={"query": "SELECT * {}", "view": "pie", "format": "html"})
    assert answer.status_code == 400 and "timeline" in answer.text


def test_error_page_names_the_place_for_the_editor(client: FlaskClient) -> None:
    answer = client.get("/sparql", query_string={"query": "SELECT *\nWHERE { ?s ?p }"}, headers={"Accept": "text/html"})
    assert answer.status_code == 400 and 'data-line="2" data-column=' in answer.text


def test_building_again_gives_the_same_bytes(tmp_path: Path) -> None:
    built = frontend.build(ROOT, for_tests=True)
    for name in ("package.json", "package-lock.json"):
        (tmp_path / "web").mkdir(exist_ok=True)
        shutil.copyfile(ROOT / "web" / name, tmp_path / "web" / name)
    shutil.copytree(ROOT / "web" / "editor", tmp_path / "web" / "editor")
    shutil.copytree(ROOT / ".frontend", tmp_path / ".frontend")
    assert not frontend.fresh(tmp_path)
    again = frontend.build(tmp_path, for_tests=True)
    assert frontend.fresh(tmp_path)
    for name in ("sparql.js", "LICENSES.txt"):
        assert (again / name).read_bytes() == (built / name).read_bytes()


def test_all_that_is_built_in_is_pinned_and_licensed() -> None:
    told = json.loads((ROOT / "web" / "package.json").read_text(encoding="utf-8"))
    locked = json.loads((ROOT / "web" / "package-lock.json").read_text(encoding="utf-8"))["packages"]
    for name, version in (told["dependencies"] | told["devDependencies"]).items():
        assert locked[f"node_modules/{name}"]["version"] == version
    assert all(one["integrity"].startswith("sha512-") for name, one in locked.items() if name)
    licences = (frontend.build(ROOT, for_tests=True) / "LICENSES.txt").read_text(encoding="utf-8")
    for name in told["dependencies"].keys() - {"esbuild"}:
        assert f"\n{name} {told['dependencies'][name]} (MIT)\n" in licences
    assert frontend.NODE in (ROOT / ".ci" / "node.lock").read_text(encoding="utf-8")


def test_build_that_cannot_be_done_says_what_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copytree(ROOT / "web" / "editor", tmp_path / "web" / "editor")
    for name in ("package.json", "package-lock.json"):
        shutil.copyfile(ROOT / "web" / name, tmp_path / "web" / name)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(frontend, "_packaged_node", lambda: None)
    with pytest.raises(frontend.BuildFailed, match="Install Node"):
        frontend.build(tmp_path)
