"""The page of a report as the front of its case: its window, its recommendations, its numbers beside others'."""

from __future__ import annotations

import re

import pytest
from flask.testing import FlaskClient
from pyoxigraph import Literal, NamedNode, Triple

from kb.applicability import pattern
from kb.applicability.pattern import Count
from kb.knowledgebase import KnowledgeBase
from kb.ns import ID, MZ_BASE
from tests.test_web import BROWSER, Page, get
from web import comparison
from web.app import create_app
from web.comparison import relation
from web.language import language
from web.reading import Node

REPORT = "source/snhr-2016-08-17"
LANGUAGES = pytest.mark.parametrize("language", ["en", "ar"])


@pytest.fixture
def client(demo: KnowledgeBase) -> FlaskClient:
    return create_app(demo).test_client()


def section(client: FlaskClient, language: str, name: str, path: str = REPORT) -> str:
    text = client.get(f"/{language}/{path}", headers=BROWSER).get_data(as_text=True)
    return text.partition(f'<section aria-labelledby="{name}">')[2].partition("</section>")[0]


def estimate(low: int | None, high: int | None) -> Node:
    iri = NamedNode(f"{ID}source/t#n")
    said = [(name, number) for name, number in (("minimum", low), ("maximum", high)) if number is not None]
    return Node(iri.value, [Triple(iri, NamedNode(MZ_BASE + n), Literal(v)) for n, v in said], language("en"))


@pytest.mark.parametrize(
    ("low", "high", "minimum", "maximum", "told"),
    [
        (100, 100, 10, 20, "higher"), (5, 5, 10, 20, "lower"), (15, 15, 10, 20, "overlap"), (5, 10, 10, 20, "overlap"),
        (20, 30, 10, 20, "overlap"), (21, None, 10, 20, "higher"), (None, 9, 10, 20, "lower"),
        (100, 100, 10, None, "open"), (5, 5, 10, None, "lower"), (None, None, 10, 20, "alone"),
    ],
)  # fmt: skip
def test_a_number_beside_a_range(
    low: int | None, high: int | None, minimum: int, maximum: int | None, told: str
) -> None:
    assert relation(Count("c", "h", "v", minimum, maximum, 1), [estimate(low, high)]) == told


@LANGUAGES
def test_report_page_lists_the_incidents_in_its_window_by_area(client: FlaskClient, language: str) -> None:
    part = section(client, language, "window")
    for series, number in (("", 30), ("-aleppo", 10), ("-idlib", 10), ("-deir-ez-zor", 3)):
        block = part.partition(f'/series/snhr-2016-russian-attacks{series}"')[2].partition("<h3>")[0]
        (address,) = re.findall(rf'href="/{language}/incidents([^"]+)"', block)
        answer = client.get("/api/incidents" + address.replace("&amp;", "&"))
        assert answer.get_json()["total"] == number


@LANGUAGES
def test_report_numbers_stand_beside_totals_of_single_claimants(
    client: FlaskClient, demo: KnowledgeBase, language: str
) -> None:
    part = section(client, language, "beside")
    address = re.findall(rf'href="(/{language}/incidents[^"]+)"', part)[0].replace("&amp;", "&")
    found = client.get(address.replace(f"/{language}/incidents", "/api/incidents") + "&limit=100").get_json()
    counts = [c for c in pattern.counts(demo.snapshot().store, [i["iri"] for i in found["incidents"]])
              if c.harm.endswith("#killed") and c.claimant != f"{ID}actor/snhr"]  # fmt: skip
    first = part.partition("</table>")[0]
    rows = first.split("<tr>")[2:]
    assert len(rows) == len(counts) > 3
    for row, count in zip(rows, counts, strict=True):
        numbers = [int(n.replace(",", "")) for n in re.findall(r"<bdi>([\d,]+)</bdi>", row)]
        ends = [count.minimum] if count.maximum in (None, count.minimum) else [count.minimum, count.maximum]
        assert count.claimant.removeprefix(ID) in row and numbers == [*ends, count.incidents]
    assert "2,704" in part
    assert "actor/snhr" not in first.partition("<tbody>")[2]


def test_report_does_not_count_what_is_too_much_for_a_page(
    client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(comparison, "COUNTED", 2)
    part = section(client, "en", "beside")
    assert "too many to be counted for a page" in part


@LANGUAGES
def test_report_recommendations_name_addressee_and_what_followed(client: FlaskClient, language: str) -> None:
    part = section(client, language, "asked")
    rows = part.split("<tr>")[2:]
    assert len(rows) == 7
    nothing = {"en": "nothing is recorded here", "ar": "لم يُسجَّل هنا شيء"}[language]
    followed = [row for row in rows if nothing not in row]
    assert len(followed) == 1 and "/actor/russia" in followed[0]


@LANGUAGES
def test_report_page_is_sound_and_its_contents_lead_to_their_parts(client: FlaskClient, language: str) -> None:
    page = get(client, f"/{language}/{REPORT}")
    assert not page.faults and len(page.ids) == len(set(page.ids))
    inner = [a["href"][1:] for a in page.all("a") if a["href"].startswith("#")]
    assert {"window", "beside", "asked", "checked", "casualties"} <= set(inner) <= set(page.ids)


def test_source_that_speaks_of_no_period_has_no_window(client: FlaskClient) -> None:
    page = Page(client.get("/en/source/airwars/RS0775", headers=BROWSER).get_data(as_text=True))
    assert "window" not in page.ids and "beside" not in page.ids
