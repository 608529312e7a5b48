"""The list of incidents as a page and as JSON: what it counts, how it reads, and that no address breaks it."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from urllib.parse import parse_qs, quote, urlsplit

import pytest
from flask.testing import FlaskClient
from pyoxigraph import NamedNode

from kb.knowledgebase import KnowledgeBase
from kb.ns import ID, MZ
from kb.search import FACETS, Filters, Listing, Screened
from web.app import create_app
from web.listing import FIRST, TITLES

BROWSER = {"Accept": "text/html,application/xhtml+xml;q=0.9,*/*;q=0.8"}


class Form(HTMLParser):
    """Reads fields, links and text of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.fields: list[dict[str, str]] = []
        self.links: list[dict[str, str]] = []
        self.text = ""
        self.feed(text)
        self.text = " ".join(self.text.split())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = {name: value or "" for name, value in attrs}
        if tag in ("input", "button", "select"):
            self.fields.append(found)
        if tag == "a":
            self.links.append(found)

    def handle_data(self, data: str) -> None:
        self.text += data

    def ticked(self, name: str) -> set[str]:
        return {f["value"] for f in self.fields if f.get("name") == name and "checked" in f}

    def offered(self, name: str) -> set[str]:
        return {f["value"] for f in self.fields if f.get("name") == name and f.get("type") == "checkbox"}

    @property
    def incidents(self) -> list[str]:
        found = [link["href"] for link in self.links if re.match(r"/(en|ar)/incident/", link.get("href", ""))]
        return list(dict.fromkeys(found))


@pytest.fixture(scope="module")
def client(demo: KnowledgeBase) -> FlaskClient:
    return create_app(demo).test_client()


@pytest.fixture(scope="module")
def listing(demo: KnowledgeBase) -> Listing:
    at = demo.snapshot()
    return Listing(at.index, lambda: Screened(at.store))


def get(client: FlaskClient, path: str, status: int = 200) -> Form:
    answer = client.get(path, headers=BROWSER)
    assert answer.status_code == status, path
    assert answer.mimetype == "text/html"
    return Form(answer.get_data(as_text=True))


def test_list_shows_what_the_index_counts(client: FlaskClient, listing: Listing) -> None:
    page = get(client, "/en/incidents")
    assert "30 incidents" in page.text
    assert len(page.incidents) == 25
    for name in FIRST:
        counts = dict(listing.counts(Filters(), [name])[name])
        assert page.offered(name) <= set(counts) and page.offered(name)
    more = get(client, "/en/incidents?more=1")
    assert {f["name"] for f in more.fields if f.get("type") == "checkbox"} == {
        name for name in FACETS if listing.counts(Filters(), [name])[name]
    }
    assert TITLES.keys() == FACETS.keys()


@pytest.mark.parametrize(("outcome", "predicate"), [("applicable", MZ.applicable), ("undetermined", MZ.undetermined)])
def test_list_is_narrowed_by_what_the_screening_says(
    demo: KnowledgeBase, client: FlaskClient, listing: Listing, outcome: str, predicate: NamedNode
) -> None:
    store = demo.snapshot().store
    expected: dict[str, set[str]] = {}
    for triple in store.triples(MZ.hasProfile):
        assert isinstance(triple.subject, NamedNode) and isinstance(triple.object, NamedNode)
        for provision in store.objects(triple.object, predicate):
            code = f"{FACETS['applicability'].code(provision.value)}:{outcome}"
            expected.setdefault(code, set()).add(triple.subject.value.partition("#")[0])
    counted = {c: n for c, n in listing.counts(Filters(), ["applicability"])["applicability"] if c.endswith(outcome)}
    assert counted == {code: len(incidents) for code, incidents in expected.items()}
    code = min(expected, key=lambda c: (len(expected[c]), c))
    data = client.get("/api/incidents", query_string={"applicability": code, "limit": "100"}).get_json()
    assert {i["iri"] for i in data["incidents"]} == expected[code]
    page = get(client, f"/en/incidents?applicability={quote(code)}")
    assert "What the screening computes: " in page.text and f"({outcome})" in page.text


def test_list_says_in_words_how_the_choices_combine(client: FlaskClient, listing: Listing) -> None:
    address = "incidents?object=school&object=hospital&place=SY02&from=2016&killed_from=1&q=Aleppo"
    page = get(client, f"/en/{address}")
    assert "Object hit: School or Hospital" in page.text
    for words in ("words: Aleppo", "and Place: Aleppo", "and not before 1 January 2016"):
        assert words in page.text
    assert "and one claim says at least 1 killed" in page.text
    assert page.ticked("object") == {"school", "hospital"} and page.ticked("place") == {"SY02"}
    arabic = get(client, f"/ar/{address}")
    assert "المحل المصاب: مدرسة أو مستشفى" in arabic.text
    assert sorted(i[3:] for i in arabic.incidents) == sorted(i[3:] for i in page.incidents) != []
    without = [link["href"] for link in page.links if link.get("aria-label") == "without this"]
    assert len(without) == 5
    left = next(href for href in without if "place=" not in href)
    assert parse_qs(urlsplit(left).query)["object"] == ["school", "hospital"]
    assert len(get(client, left).incidents) >= len(page.incidents)


def test_list_keeps_what_was_chosen_when_more_is_asked_for(client: FlaskClient) -> None:
    page = get(client, "/en/incidents?actor=russia&box=30,30,40,45&more=instrument")
    hidden = {(f["name"], f["value"]) for f in page.fields if f.get("type") == "hidden"}
    assert hidden == {("box", "30,30,40,45"), ("more", "instrument")}
    assert page.ticked("actor") == {"russia"}
    assert len(page.offered("instrument")) > 12
    assert "russian-armed-forces" in page.offered("actor"), "what is part of the actor is offered below it"


def test_pages_of_the_list_visit_every_incident_once(client: FlaskClient) -> None:
    for sort in ("", "newest", "oldest", "changed", "title"):
        address, seen = f"/ar/incidents?sort={sort}", []
        while address:
            page = get(client, address)
            seen += page.incidents
            address = next((link["href"] for link in page.links if link.get("rel") == "next"), "")
        assert len(seen) == len(set(seen)) == 30
        back = next(link["href"] for link in page.links if link.get("rel") == "prev")
        assert get(client, back).incidents == seen[:25]


def test_values_nobody_knows_narrow_to_nothing(client: FlaskClient) -> None:
    page = get(client, "/en/incidents?place=nowhere&weapon=https://example.org/x")
    assert "0 incidents" in page.text and "nowhere" in page.text and "Nothing was found" in page.text
    assert page.ticked("place") == {"nowhere"}


def test_list_as_json_says_the_same(client: FlaskClient, demo: KnowledgeBase, listing: Listing) -> None:
    answer = client.get("/api/incidents?object=hospital&facets=place,status&bins=month&zoom=4&limit=5")
    told = answer.get_json()
    filters = Filters(facets={"object": ("hospital",)})
    assert answer.headers["X-Mizan-Snapshot"] == str(told["snapshot"]) == str(demo.snapshot().number)
    assert told["total"] == listing.total(filters) == sum(b["incidents"] for b in told["time"])
    assert len(told["incidents"]) == 5 and told["after"] and not told["before"]
    assert told["incidents"][0]["iri"].startswith(ID + "incident/")
    counts = [(value["value"], value["incidents"]) for value in told["facets"]["place"]]
    assert counts == listing.counts(filters, ["place"])["place"]
    assert told["facets"]["place"][0]["iri"].startswith(ID + "place/")
    assert sum(cell["incidents"] for cell in told["map"]) == told["total"]
    assert told["narrowed"] == {"object": ["hospital"]}
    rest = client.get(f"/api/incidents?object=hospital&limit=100&after={quote(told['after'])}").get_json()
    assert len(rest["incidents"]) == told["total"] - 5
    again = client.get("/api/incidents", headers={"If-None-Match": answer.headers["ETag"]})
    assert again.status_code == 304


REFUSED = [
    "plaice=SY02", "utm_source=x", "sort=upwards", "after=xyz", "before=~", "after=" + "9" * 40 + "~incident/x",
    "sort=title&after=a%20OR%20b~incident%2Fx", "q=a&sort=best&after=-1", "q=a&sort=best&after=99999999",
    "from=yesterday", "from=2016-02-30", "from=2016-13", "from=0000", "to=٢٠١٦-99", "killed_from=-1", "killed_from=1e9",
    "killed_to=" + "9" * 50, "box=1,2,3", "box=a,b,c,d", "box=nan,nan,nan,nan", "box=50,0,40,1", "box=1e3,0,1,1",
    "place=" + "x" * 400, "&".join(f"place={n}" for n in range(60)),
]  # fmt: skip
TAKEN = [
    "q=" + "a" * 5000, "q=%00%01%1f", "q=" + quote('title:x AND (NOT "'), "q=" + quote("[* TO *]"), "q=%ff%fe",
    "q=\u202e", "q=" + quote("ـــ"), "q=%F0%9F%95%8A", "place=", "place=%00",
    "place=" + quote('"><script>alert(1)</script>'),
    "object=" + quote("x' OR 1=1"), "instrument=a:b:c", "instrument=:", "provision=/:", "claims=x", "claims=-",
    "sources=10-", "actor=http://[", "actor=" + quote("javascript:alert(1)"), "more=nothing",
    "from=&to=&killed_from=&box=&sort=",
    "from=2017&to=2016", "killed_from=9&killed_to=1", "q=x&sort=best&after=5000", "lang=xx", "more=",
    "after=5~incident%2Fx", "after=" + "9" * 18 + "~x", "box=-90,-180,90,180", "box=30,170,40,-170", "killed_from=٥",
]  # fmt: skip


@pytest.mark.parametrize("query", REFUSED, ids=lambda q: ascii(q[:30]))
def test_what_cannot_be_read_is_refused_in_plain_words(client: FlaskClient, query: str) -> None:
    page = get(client, f"/en/incidents?{query}", 400)
    assert "Traceback" not in page.text and "does not fit" in page.text
    assert client.get(f"/api/incidents?{query}").status_code == 400


@pytest.mark.parametrize("query", TAKEN, ids=lambda q: ascii(q[:30]))
@pytest.mark.parametrize("language", ["en", "ar"])
def test_whatever_is_asked_gives_a_page(client: FlaskClient, query: str, language: str) -> None:
    answer = client.get(f"/{language}/incidents?{query}", headers=BROWSER)
    text = answer.get_data(as_text=True)
    assert answer.status_code == 200
    assert "<script" not in text and 'href="javascript' not in text
    assert client.get(f"/api/incidents?{query}").status_code == 200


@pytest.mark.parametrize("query", ["facets=nothing", "bins=century", "zoom=99", "zoom=x", "limit=101", "limit=-1"])
def test_wrong_parameters_of_the_data_are_refused(client: FlaskClient, query: str) -> None:
    assert client.get(f"/api/incidents?{query}").status_code == 400


def test_no_value_of_a_stranger_becomes_a_link_or_a_script(client: FlaskClient) -> None:
    page = client.get("/en/incidents?actor=javascript:alert(1)&place=%3Cscript%3E", headers=BROWSER)
    form = Form(page.get_data(as_text=True))
    assert not [link for link in form.links if link["href"].startswith("javascript")]
    assert "<script" not in page.get_data(as_text=True)
