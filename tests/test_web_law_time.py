"""The law in time: how it stood on a day, who was bound, and incidents over time, on the pages of the law."""

from __future__ import annotations

import re
from datetime import date

import pytest
from flask.testing import FlaskClient

from kb.knowledgebase import KnowledgeBase
from kb.ns import ID, MZ
from tests.test_web import BROWSER, Page, get
from web import timeline
from web.app import create_app
from web.chronicle import Bond, Chronicle, Dated, Event, around, chronicle, local_day

LANGUAGES = pytest.mark.parametrize("language", ["en", "ar"])


@pytest.fixture(scope="module")
def client(demo: KnowledgeBase) -> FlaskClient:
    return create_app(demo).test_client()


@pytest.fixture(scope="module")
def told(demo: KnowledgeBase) -> Chronicle:
    return chronicle(demo.snapshot().store)


def row(client: FlaskClient, address: str, name: str) -> str:
    """The row of a table whose heading leads to `name`, as HTML."""
    text = client.get(address, headers=BROWSER).get_data(as_text=True)
    return next(part for part in text.split("<tr>")[1:] if f'/{name}">' in part.partition("</th>")[0])


@pytest.mark.parametrize(
    ("name", "day", "standing"),
    [
        ("unsc-2254", "2015-12-17", "not-yet"), ("unsc-2254", "2015-12-18", "in-force"),
        ("unsc-2268", "2016-02-26", "adopted"), ("unsc-2268", "2016-02-27", "in-force"),  # 00:00 in Damascus
        ("unsc-2286", "2016-05-02", "not-yet"), ("unsc-2286", "2016-05-03", "in-force"),
        ("rome-statute", "2001-01-01", "adopted"), ("rome-statute", "2015-09-30", "in-force"),
        ("unsc-draft-2014-348", "2016-01-01", "rejected"), ("asp-14-res-2", "2016-01-01", "only-adopted"),
        ("un-charter", "2016-01-01", "undated"),
    ],
)  # fmt: skip
@LANGUAGES
def test_law_page_tells_how_an_instrument_stood_on_a_day(
    client: FlaskClient, name: str, day: str, standing: str, language: str
) -> None:
    assert f"standing-{standing}" in row(client, f"/{language}/law?on={day}", f"instrument/{name}")


@pytest.mark.parametrize(
    ("provision", "day", "standing"),
    [
        ("rome-statute/8-2-e-xvi", "2016-02-27", "not-yet"), ("rome-statute/8-2-e-xvi", "2018-01-01", "adopted"),
        ("rome-statute/8-2-e-xiii", "2011-01-01", "adopted"), ("rome-statute/8-2-e-iv", "2016-02-27", "in-force"),
        ("unsc-2258/renewal", "2017-01-10", "in-force"), ("unsc-2258/renewal", "2017-01-11", "ended"),
        ("unsc-2139/op3", "2014-02-21", "not-yet"),
    ],
)  # fmt: skip
def test_provision_page_tells_how_it_stood_and_not_how_the_instrument_did(
    client: FlaskClient, told: Chronicle, provision: str, day: str, standing: str
) -> None:
    text = client.get(f"/en/provision/{provision}?on={day}", headers=BROWSER).get_data(as_text=True)
    part = text.partition('aria-labelledby="then"')[2].partition("</section>")[0]
    assert f"standing-{standing}" in part.partition("</p>")[0]
    instrument = f"{ID}instrument/{provision.partition('/')[0]}"
    assert told.provision(f"{ID}provision/{provision}", instrument).standing(date.fromisoformat(day)) == standing


@pytest.mark.parametrize(
    ("instrument", "state", "day", "standing"),
    [
        ("rome-statute", "syria", "2000-01-01", "not-yet"), ("rome-statute", "syria", "2016-02-27", "signed"),
        ("rome-statute", "russia", "2016-08-01", "signed"), ("rome-statute", "russia", "2017-01-01", "withdrew"),
        ("cwc", "syria", "2013-10-13", "not-yet"), ("cwc", "syria", "2013-10-14", "bound"),
        ("echr", "russia", "2016-01-01", "bound"), ("echr", "russia", "2022-09-16", "ceased"),
        ("ccm", "syria", "2016-01-01", "never"),
    ],
)  # fmt: skip
@LANGUAGES
def test_instrument_page_tells_who_was_bound_on_a_day(
    client: FlaskClient, instrument: str, state: str, day: str, standing: str, language: str
) -> None:
    address = f"/{language}/instrument/{instrument}?on={day}"
    text = client.get(address, headers=BROWSER).get_data(as_text=True)
    table = text.partition('aria-labelledby="participation"')[2].partition("</table>")[0]
    (found,) = (part for part in table.split("<tr") if f"/actor/{state}" in part)
    assert re.findall(r"standing standing-([\w-]+)", found) == [standing]


def test_bonds_agree_with_the_screening_on_every_day_that_something_changed(
    demo: KnowledgeBase, told: Chronicle
) -> None:
    law = demo.screener().law
    for instrument, bonds in told.bonds.items():
        members = {m.state: m for m in law.memberships[instrument]}
        for event in told.events:
            moment = date.toordinal(event.day)
            noon = (moment - date(1970, 1, 1).toordinal()) * 86_400 + 43_200
            for bond in bonds:
                bound = bond.standing(event.day) == "bound"
                assert bound == (members[bond.state].covers(noon, noon) is True), (bond, event.day)


def test_every_dated_instrument_and_bond_is_read(demo: KnowledgeBase, told: Chronicle) -> None:
    store = demo.snapshot().store
    assert {t.subject.value for t in store.triples(MZ.inForceForStateFrom)} == {  # type: ignore[union-attr]
        b.iri for bonds in told.bonds.values() for b in bonds if b.bound
    }
    assert len(told.instruments) == 34 and all(told.events[i].day <= told.events[i + 1].day
                                               for i in range(len(told.events) - 1))  # fmt: skip


@LANGUAGES
def test_law_page_leads_to_the_changes_around_a_day_and_lists_all_of_them(client: FlaskClient, language: str) -> None:
    page = get(client, f"/{language}/law?on=2016-03-01")
    ways = {a.get("rel"): a["href"] for a in page.all("a") if a.get("rel") in ("prev", "next")}
    assert ways == {"prev": f"/{language}/law?on=2016-02-27", "next": f"/{language}/law?on=2016-05-03"}
    days = {a["href"].rpartition("=")[2] for a in page.all("a") if "law?on=" in a["href"]}
    assert {"1998-07-17", "2002-07-01", "2015-12-18", "2016-02-27", "2016-05-03"} <= days


def test_law_without_a_day_marks_nothing(client: FlaskClient) -> None:
    for path in ("law", "instrument/rome-statute", "provision/rome-statute/8-2-e-iv"):
        assert "standing standing-" not in client.get(f"/en/{path}", headers=BROWSER).get_data(as_text=True)


@pytest.mark.parametrize("text", ["yesterday", "2016-02-30", "20160227", "2016-W08-6", "0000-00-00", "<b>"])
@pytest.mark.parametrize("path", ["law", "instrument/rome-statute", "provision/unsc-2268/op1"])
def test_what_is_no_day_is_refused_with_an_example(client: FlaskClient, path: str, text: str) -> None:
    page = get(client, f"/en/{path}?on={text}", status=400)
    assert "2016-02-27" in page.text


@pytest.mark.parametrize("day", ["0001-01-01", "9999-12-31"])
def test_law_stands_on_the_first_and_the_last_day_of_the_calendar(client: FlaskClient, day: str) -> None:
    for path in ("law", "instrument/crc", "provision/unsc-2268/op1"):
        assert not get(client, f"/en/{path}?on={day}").faults


@LANGUAGES
def test_pages_on_a_day_are_sound(client: FlaskClient, language: str) -> None:
    for path in ("law?on=2016-02-27", "law", "instrument/crc?on=2016-02-27", "provision/unsc-2268/op1?on=2016-02-27"):
        page = get(client, f"/{language}/{path}")
        assert not page.faults and len(page.ids) == len(set(page.ids)) and "%(" not in page.text
        labelled = {a["for"] for a in page.all("label")}
        assert {a["id"] for a in page.all("input") if a.get("type") != "hidden"} <= labelled


@LANGUAGES
def test_instrument_page_gives_each_provision_in_own_words(
    client: FlaskClient, demo: KnowledgeBase, language: str
) -> None:
    text = client.get(f"/{language}/instrument/unsc-2139", headers=BROWSER).get_data(as_text=True)
    tree = text.partition('aria-labelledby="provisions"')[2].partition("</section>")[0]
    assert tree.count('<p class="words">') == tree.count("<li>") == 18


# the picture


def dated(began: date, ended: date | None = None) -> Dated:
    return Dated("i", None, began, ended)


def test_bars_stand_where_the_days_are_and_go_on_where_there_is_no_end() -> None:
    told = Chronicle({}, {}, {}, (Event(date(2020, 1, 1), "began", "x", "x"),))
    found = timeline.of_instruments([dated(date(2000, 1, 1), date(2010, 1, 1)), dated(date(2010, 1, 1))], told, None)
    assert found is not None and found.mark is None
    first, second = (line.stretches[0] for line in found.lines)
    assert (first.x, round(first.width)) == (0, 50) and (round(second.x), round(second.width)) == (50, 50)
    assert first.end == date(2010, 1, 1) and second.end is None
    marked = timeline.of_instruments([dated(date(2000, 1, 1))], told, date(2010, 1, 1))
    assert marked is not None and marked.mark is not None and round(marked.mark) == 50


def test_signing_is_no_being_bound_in_the_picture() -> None:
    told = Chronicle({}, {}, {})
    party = Bond("p", "i", "s", "party", signed=date(2000, 1, 1), bound=date(2005, 1, 1), ceased=date(2010, 1, 1))
    signatory = Bond("q", "i", "t", "signatory", signed=date(2000, 1, 1))
    found = timeline.of_bonds([party, signatory, Bond("r", "i", "u", "not-party")], told, None)
    assert found is not None
    assert [[(s.kind, s.end) for s in line.stretches] for line in found.lines] == [
        [("signed", date(2005, 1, 1)), ("bound", date(2010, 1, 1))], [("signed", None)],
    ]  # fmt: skip
    assert timeline.of_bonds([Bond("r", "i", "u", "not-party")], told, None) is None


def test_days_are_those_of_damascus() -> None:
    assert local_day("2016-02-26T22:00:00+00:00") == date(2016, 2, 27)
    assert local_day("2016-02-26T21:59:00Z") == date(2016, 2, 26)
    assert local_day("1998-07-17") == date(1998, 7, 17) and local_day("soon") is None


def test_changes_around_a_day_leave_out_the_day_itself() -> None:
    events = [Event(date(2016, 1, day), "began", "x", "x") for day in (1, 5, 9)]
    assert around(events, date(2016, 1, 5)) == (date(2016, 1, 1), date(2016, 1, 9))
    assert around(events, date(2016, 1, 1)) == (None, date(2016, 1, 5)) and around([], date(2016, 1, 1)) == (None, None)


# incidents over time


@LANGUAGES
@pytest.mark.parametrize("path", ["rome-statute/8-2-e-iv", "unsc-2139/op3", "icrc-customary-ihl/rule-7"])
def test_numbers_over_time_are_those_of_the_lists_that_they_open(
    client: FlaskClient, path: str, language: str
) -> None:
    text = client.get(f"/{language}/provision/{path}", headers=BROWSER).get_data(as_text=True)
    table = text.partition('class="overtime"')[2].partition("</table>")[0]
    links = re.findall(r'<a href="([^"]+)"><bdi>(\d+)</bdi></a>', table)
    assert links
    for address, number in links[:6]:
        answer = client.get(address.replace("&amp;", "&").replace(f"/{language}/incidents", "/api/incidents"))
        assert answer.get_json()["total"] == int(number)


def test_claims_suggestions_and_computation_are_counted_apart(client: FlaskClient) -> None:
    text = client.get("/en/provision/rome-statute/8-2-e-iv", headers=BROWSER).get_data(as_text=True)
    table = Page(text.partition('class="overtime"')[2].partition("</table>")[0])
    links = [a["href"] for a in table.all("a")]
    assert links and all("candidate" in link for link in links)  # the curators' alone: nobody invokes it here
