"""Ways to look at a list: each keeps what narrows it, says the same numbers, and stands without script."""

from __future__ import annotations

import json
import re
from html import unescape

import pytest
from flask.testing import FlaskClient

from kb.knowledgebase import KnowledgeBase
from kb.search import Filters, Listing
from web.app import create_app
from web.listing import VIEWS

NARROWED = "object=hospital&object=school&from=2015-10-01&sort=oldest"
DIGITS = str.maketrans("٠١٢٣٤٥٦٧٨٩", "0123456789", ",٬")


@pytest.fixture(scope="module")
def client(demo: KnowledgeBase) -> FlaskClient:
    return create_app(demo).test_client()


def total(client: FlaskClient, query: str) -> int:
    found: int = json.loads(client.get(f"/api/incidents?{query}").data)["total"]
    return found


def numbers(text: str) -> list[tuple[str, int]]:
    """The rows of the table of numbers: the address of the list (empty: none) and the number beside it."""
    (table,) = re.findall(r'<table class="numbers">(.*?)</table>', text, re.DOTALL)
    rows = re.findall(r'<th scope="row">(?:<a href="([^"]*)">)?.*?<td><bdi>([^<]+)</bdi></td>', table)
    return [(unescape(address), int(number.translate(DIGITS))) for address, number in rows]


@pytest.mark.parametrize("lang", ["en", "ar"])
@pytest.mark.parametrize("view", VIEWS)
def test_view_keeps_what_narrows_the_list_and_leads_to_the_others(client: FlaskClient, lang: str, view: str) -> None:
    response = client.get(f"/{lang}/incidents?{NARROWED}&view={view}")
    assert response.status_code == 200 and len(response.data) < 200_000
    (row,) = re.findall(r'<nav class="views".*?</nav>', response.text)
    links = [unescape(address).partition("?")[2] for address in re.findall(r'href="([^"]+)"', row)]
    assert len(links) == len(VIEWS) and row.count("aria-current") == 1
    for name, query in zip(VIEWS, links, strict=True):
        assert ("view=" + name in query) == bool(name)
        assert total(client, query) == total(client, NARROWED) > 5
    if view:
        assert f'type="hidden" name="view" value="{view}"' in response.text


def test_unknown_view_is_refused_with_those_there_are(client: FlaskClient) -> None:
    response = client.get("/en/incidents?view=%3Cscript%3E")
    assert response.status_code == 400 and "timeline" in response.text and "<script>" not in response.text


@pytest.mark.parametrize("view", ["table", "cards"])
def test_figures_of_each_source_stand_with_who_gives_them(client: FlaskClient, view: str) -> None:
    text = client.get(f"/en/incidents?q=Al-Quds&object=hospital&view={view}").text
    sheet = client.get("/api/incidents?q=Al-Quds&object=hospital&format=csv&lang=en").text
    said = re.findall(r"(\d+(?:–\d+)?) \[[^\]|]+\]", sheet)
    assert len(said) > 1 and all(f'<bdi dir="ltr">{number}</bdi> <bdi>[' in text for number in said)


@pytest.mark.parametrize("lang", ["en", "ar"])
def test_timeline_has_every_dated_incident_once(client: FlaskClient, demo: KnowledgeBase, lang: str) -> None:
    rows = numbers(client.get(f"/{lang}/incidents?object=hospital&view=timeline").text)
    days = Listing(demo.snapshot().index).time(Filters(facets={"object": ("hospital",)}), "day")
    assert sum(number for _, number in rows) == sum(number for _, number in days) > 5
    for address, number in rows[::3]:
        assert "view=timeline" in address and total(client, address.partition("?")[2]) >= number


def test_law_that_changed_within_the_time_shown_is_marked_and_linked(client: FlaskClient) -> None:
    text = client.get("/en/incidents?from=2015-09-30&to=2016-08-01&view=timeline").text
    assert 'href="/en/instrument/unsc-2268"' in text and 'href="/en/instrument/unsc-2254"' in text
    assert 'href="/en/instrument/unsc-2118"' not in text  # of 2013
    before = client.get("/en/incidents?from=2015-09-30&to=2015-10-31&view=timeline").text
    assert 'href="/en/instrument/unsc-2268"' not in before


def test_stretch_is_chosen_by_a_form_without_script(client: FlaskClient) -> None:
    text = client.get("/en/incidents?object=hospital&view=timeline").text
    (form,) = re.findall(r'<form class="stretch".*?</form>', text, re.DOTALL)
    hidden = re.findall(r'type="hidden" name="([^"]+)" value="([^"]+)"', form)
    assert set(hidden) == {("object", "hospital"), ("view", "timeline")}
    first, last = (re.findall(r'<option value="([\d-]+)"', part)[2] for part in form.split("</select>")[:2])
    narrowed = client.get(f"/en/incidents?object=hospital&view=timeline&from={first}&to={last}")
    assert narrowed.status_code == 200 and first < last and f'value="{first}"' in narrowed.text
