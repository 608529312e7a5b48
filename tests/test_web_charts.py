"""Charts of casualties: every source for itself, sums only within one source, the table and the files say the same."""

from __future__ import annotations

import csv
import io
import re
from xml.etree import ElementTree

import pytest
from flask.testing import FlaskClient
from pyoxigraph import Literal, NamedNode

from kb.knowledgebase import KnowledgeBase, Row
from web import casualties
from web.app import create_app
from web.casualties import reported
from web.views import charts

SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture(scope="module")
def client(demo: KnowledgeBase) -> FlaskClient:
    return create_app(demo).test_client()


def _row(**terms: str | int) -> Row:
    kinds = {str: lambda v: NamedNode(f"urn:{v}"), int: lambda v: Literal(str(v))}
    return {name: kinds[type(value)](value) for name, value in terms.items()}


def test_one_source_is_added_up_over_incidents_and_two_never_are() -> None:
    figures = [
        _row(incident="a", claimant="x", minimum=3, maximum=5), _row(incident="b", claimant="x", minimum=10, best=10),
        _row(incident="a", claimant="y", best=7), _row(incident="b", claimant="z", minimum=60),
    ]  # fmt: skip
    facts = [{"incident": NamedNode(f"urn:{name}"), "month": Literal("2016-02")} for name in "ab"]
    found = {
        line.claimant: (line.low, line.high, line.open, line.incidents) for line in reported(figures, facts, "month")
    }
    assert found == {"urn:x": (13, 15, False, 2), "urn:y": (7, 7, False, 1), "urn:z": (60, 60, True, 1)}


def test_several_figures_of_one_source_for_one_incident_become_one_range() -> None:
    """Civilians, and all persons, of whom the civilians are a part: added they would count people twice."""
    figures = [
        _row(incident="a", claimant="x", minimum=3, maximum=5), _row(incident="a", claimant="x", minimum=4, maximum=9),
        _row(incident="a", claimant="x"),
    ]  # fmt: skip
    (line,) = reported(figures, [], "place")
    assert (line.low, line.high, line.incidents, line.group) == (3, 9, 1, casualties.UNKNOWN)


def test_an_incident_counts_in_each_of_its_groups() -> None:
    facts = [_row(incident="a", object=name) for name in ("school", "hospital")]
    found = reported([_row(incident="a", claimant="x", best=2)], facts, "object")
    assert [(line.group, line.low) for line in found] == [("urn:hospital", 2), ("urn:school", 2)]


@pytest.mark.parametrize("by", casualties.BY)
@pytest.mark.parametrize("lang", ["en", "ar"])
def test_page_picture_and_table_say_the_same(client: FlaskClient, by: str, lang: str) -> None:
    page = client.get(f"/{lang}/charts?by={by}").get_data(as_text=True)
    rows = list(csv.DictReader(io.StringIO(client.get(f"/{lang}/charts.csv?by={by}").get_data(as_text=True))))
    drawn = ElementTree.fromstring(client.get(f"/{lang}/charts.svg?by={by}").data)
    assert len(rows) == page.count("<tr><td>") > 5
    bars = list(drawn.iter(f"{SVG}rect"))[1:]  # the first is the ground
    assert len(bars) == len(rows)
    for bar in bars:
        assert float(bar.get("x", "")) >= 0 and float(bar.get("x", "")) + float(bar.get("width", "")) <= charts._WIDTH
    assert all(int(row["lowest"]) <= int(row["highest"]) for row in rows)
    assert f"/{lang}/charts.svg?by={by}&amp;harm_shown=killed" in page


def test_ranges_are_those_of_the_claims(client: FlaskClient) -> None:
    """Kafr Karmin to one incident: INC-021, as its own page has it."""
    narrowed = "q=al-Quds&from=2016-04-27&to=2016-04-28"
    rows = csv.DictReader(io.StringIO(client.get(f"/en/charts.csv?{narrowed}").get_data(as_text=True)))
    found = {row["claimant_label"]: (row["lowest"], row["highest"]) for row in rows}
    assert found["Airwars"] == ("58", "58") and found["Médecins Sans Frontières"] == ("55", "55")
    assert len(found) == 3, "three sources, three lines"


def test_filters_narrow_the_charts_and_wrong_ones_are_refused(client: FlaskClient) -> None:
    whole, part = (client.get(f"/en/charts?{q}").get_data(as_text=True) for q in ("", "place=SY02"))
    assert 0 < part.count("<tr><td>") < whole.count("<tr><td>")
    assert client.get("/en/charts?by=actor").status_code == client.get("/en/charts?harm_shown=x").status_code == 400
    assert client.get("/en/charts.png").status_code == 404
    assert "No source gives a figure" in client.get("/en/charts?q=nosuchword").get_data(as_text=True)


def test_too_many_incidents_are_not_drawn_in_part(client: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(charts, "MANY", 10)
    text = client.get("/en/charts?sort=title").get_data(as_text=True)
    assert "at most" in text and 'id="chart"' not in text
    answer = client.get("/en/charts.svg?sort=title")
    assert answer.status_code == 400 and b"10" in answer.data


def test_hostile_words_stay_words(client: FlaskClient) -> None:
    answer = client.get("/en/charts?q=%3Cscript%3Ealert(1)%3C/script%3E")
    assert answer.status_code == 200 and "<script>alert" not in answer.get_data(as_text=True)
    policy = answer.headers["Content-Security-Policy"]
    assert "script-src 'self'" in policy and "unsafe" not in policy
    assert not re.search(r"<[^>]+ (style|on\w+)=", answer.get_data(as_text=True))
