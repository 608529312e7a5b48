"""Pages made before are given again within their snapshot: to nobody with a cookie, in no other form, within bounds."""

from __future__ import annotations

from pathlib import Path

import pytest
from flask import Response
from flask.testing import FlaskClient

from kb import document, vocabulary
from kb.knowledgebase import KnowledgeBase
from kb.record import Record
from web import site
from web.app import create_app
from web.held import Held

PAGE = "/en/incident/syria-2015-16/INC-021"


@pytest.fixture
def client(demo: KnowledgeBase) -> FlaskClient:
    return create_app(demo).test_client()


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The templates that are filled from now on."""
    found, fill = list[str](), site.render_template
    monkeypatch.setattr(site, "render_template", lambda name, **values: found.append(name) or fill(name, **values))
    return found


def test_page_is_made_once(client: FlaskClient, made: list[str]) -> None:
    first, again = client.get(PAGE), client.get(PAGE)
    assert first.data == again.data and dict(first.headers) == dict(again.headers)
    assert made == ["incident.html"]
    assert client.head(PAGE).headers["Content-Length"] == str(len(first.data)) and len(made) == 1
    assert client.get(PAGE, headers={"If-None-Match": first.headers["ETag"]}).status_code == 304


def test_other_languages_forms_queries_and_hosts_are_made_for_themselves(client: FlaskClient, made: list[str]) -> None:
    client.get(PAGE)
    assert b'dir="rtl"' in client.get(PAGE.replace("/en/", "/ar/")).data
    assert client.get(PAGE, headers={"Accept": "text/turtle"}).mimetype == "text/turtle"
    assert client.get("/en/incidents?place=SY02").data != client.get("/en/incidents").data
    before = len(made)
    client.get(PAGE, base_url="http://other.example")
    assert len(made) == before + 1


@pytest.mark.parametrize("headers", [{"Cookie": "session=x"}, {"Authorization": "Bearer x"}])
def test_nobody_who_is_known_gets_or_leaves_a_page(
    client: FlaskClient, made: list[str], headers: dict[str, str]
) -> None:
    known = client.application.test_client(use_cookies=False)
    for _ in range(2):
        assert known.get(PAGE, headers=headers).status_code == 200
    assert len(made) == 2
    client.get(PAGE)
    assert len(made) == 3, "what was made for somebody is given to nobody else"


def test_next_snapshot_has_pages_of_its_own(demo_copy: Path) -> None:
    with KnowledgeBase.open(demo_copy) as base:
        client = create_app(base).test_client()
        before = client.get(PAGE).get_data(as_text=True)
        records = document.records([t for path in vocabulary.case_files() for t in document.read(path)])
        record = next(r for r in records if r.iri.endswith("INC-021"))
        base.write([Record(record.iri, text=record.text.replace('"@en .', ', said again"@en .'))], {"label": "test"})
        after = client.get(PAGE).get_data(as_text=True)
        assert "said again" in after and "said again" not in before


def test_room_is_bounded_and_the_oldest_goes_first(client: FlaskClient) -> None:
    held = Held(most=1000, longest=400)

    def put(path: str, size: int) -> None:
        with client.application.test_request_context(path):
            held.put("tag", Response(b"x" * size, content_type="text/html"))

    def has(path: str) -> bool:
        with client.application.test_request_context(path):
            return held.get("tag") is not None

    for path in "/a", "/b", "/c":
        put(path, 300)
    assert has("/a")
    put("/d", 300)
    put("/e", 401)
    assert [path for path in ("/a", "/b", "/c", "/d", "/e") if has(path)] == ["/a", "/c", "/d"]
    put("/a", 10)
    assert held._size == 610


def test_errors_and_questions_are_not_kept(client: FlaskClient, made: list[str]) -> None:
    for _ in range(2):
        client.get("/en/incidents?place=SY02&sort=nonsense")
        client.get("/sparql?query=ASK%7B%7D", headers={"Accept": "text/html"})
    assert len(made) == 4
