"""The matrix: every number is that of the list it opens, claims and computation stand apart."""

from __future__ import annotations

import json
import re
from html import unescape
from urllib.parse import parse_qs

import pytest
from flask.testing import FlaskClient

from kb.knowledgebase import KnowledgeBase
from kb.search import Filters, Listing
from kb.search.matrix import AXES, CLAIMED, lines
from web.app import create_app

CELL = re.compile(r'<td class="heat heat-([1-6])"><a href="/(\w\w)/incidents\?([^"]+)">(?:<[^>]+>)?([\d٠-٩,٬]+)')


@pytest.fixture(scope="module")
def client(demo: KnowledgeBase) -> FlaskClient:
    return create_app(demo).test_client()


def _cells(text: str) -> list[tuple[str, int]]:
    digits = str.maketrans("٠١٢٣٤٥٦٧٨٩", "0123456789", ",٬")
    return [(unescape(query), int(number.translate(digits))) for _, _, query, number in CELL.findall(text)]


@pytest.mark.parametrize("lang", ["en", "ar"])
@pytest.mark.parametrize("axis", ["place", "actor", "object"])
def test_number_is_that_of_the_list_it_opens(client: FlaskClient, lang: str, axis: str) -> None:
    cells = _cells(client.get(f"/{lang}/matrix?axis={axis}").text)
    assert len(cells) > 40
    for query, number in cells[:: max(1, len(cells) // 40)]:
        assert json.loads(client.get(f"/api/incidents?{query}").data)["total"] == number, query


@pytest.mark.parametrize("axis", ["month", "year"])
def test_list_of_a_stretch_of_time_holds_at_least_what_began_in_it(client: FlaskClient, axis: str) -> None:
    cells = _cells(client.get(f"/en/matrix?axis={axis}").text)
    assert cells
    for query, number in cells[:: max(1, len(cells) // 30)]:
        assert json.loads(client.get(f"/api/incidents?{query}").data)["total"] >= number, query


def test_candidates_are_not_counted_as_claimed(demo: KnowledgeBase) -> None:
    listing = Listing(demo.snapshot().index)
    found = {line.provision: line for line in lines(listing, Filters(), CLAIMED, "year")}
    counted = dict(listing.counts(Filters(), ["provision"])["provision"])
    only = {code.partition(":candidate")[0] for code in counted if code.endswith(":candidate")}
    only -= {code.partition(":")[0] for code in counted if ":" in code and not code.endswith(":candidate")}
    assert only and not only & found.keys()
    assert all(not code.endswith(":candidate") for line in found.values() for code in line.codes)


def test_filters_narrow_the_matrix_and_named_provisions_are_all_that_is_shown(client: FlaskClient) -> None:
    whole = _cells(client.get("/en/matrix?axis=object").text)
    hospital = _cells(client.get("/en/matrix?axis=object&object=hospital").text)
    assert hospital and len(hospital) < len(whole) and all("object=hospital" in query for query, _ in hospital)
    code = parse_qs(whole[0][0])["applicability"][0].removesuffix(":applicable")
    named = _cells(client.get(f"/en/matrix?axis=object&provision={code}").text)
    assert named and {parse_qs(query)["applicability"][0] for query, _ in named} == {f"{code}:applicable"}


def test_matrix_refuses_what_it_does_not_know_and_offers_its_axes(client: FlaskClient) -> None:
    assert client.get("/en/matrix?axis=moon").status_code == 400
    assert client.get("/en/matrix?colour=red").status_code == 400
    text = client.get("/ar/matrix").text
    assert all(f'<option value="{axis}"' in text for axis in AXES) and "وفق الحساب" in text
    assert '/ar/matrix?object=hospital"' in client.get("/ar/incidents?object=hospital").text
