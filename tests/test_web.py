"""The pages and data of the site: every kind of page in both languages, every format, and hostile requests."""

from __future__ import annotations

import json
import re
from collections import Counter
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urljoin, urlsplit

import pyoxigraph
import pytest
from flask.testing import FlaskClient
from pyoxigraph import NamedNode, RdfFormat, Triple

from kb import document
from kb.canonical import literal
from kb.errors import PortInUse
from kb.knowledgebase import KnowledgeBase
from kb.ns import ID, PREFIXES
from web.app import create_app
from web.rdf import triples_of
from web.serve import serve

BROWSER = {"Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}
ENTITIES = [
    "incident/syria-2015-16/INC-021", "incident/syria-2015-16/INC-009", "provision/rome-statute/8-2-e-iv",
    "provision/unsc-2139/op3", "instrument/rome-statute", "actor/russian-armed-forces", "actor/airwars",
    "source/snhr-2016-08-17", "source/snhr-2016-08-17-press-release", "dataset/syria-2015-16", "place/SY02",
    "series/snhr-2016-russian-attacks", "conflict/syria-from-2011", "import/1", "scheme/weapon", "ontology",
    "ontology/core",
]  # fmt: skip
OTHERS = [
    "", "incidents", "incidents?object=hospital&object=school&more=1", "search",
    "search?q=hospital&kind=incident", "search?q=مستشفى", "queries/",
    "queries/casualty_ranges_of_incident?run=1", "help/", "help/advocate", "law/status",
    "incident/syria-2015-16/INC-021/screening", "incident/syria-2015-16/INC-021/elements/rome-statute/8-2-e-iv",
    "provision/unsc-2268/op1", "instrument/unsc-draft-2014-348",
]  # fmt: skip
INCIDENT = "/en/incident/syria-2015-16/INC-021"


class Page(HTMLParser):
    """The parts of a page that the rules of this site speak about."""

    void = {"meta", "link", "input", "img", "br", "hr"}

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str]]] = []
        self.open: list[str] = []
        self.faults: list[str] = []
        self.text = ""
        self.feed(text)
        self.faults += self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, {k: v or "" for k, v in attrs}))
        if tag not in self.void:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in self.void and (not self.open or self.open.pop() != tag):
            self.faults.append(tag)

    def handle_data(self, data: str) -> None:
        self.text += data

    def all(self, tag: str) -> list[dict[str, str]]:
        return [attributes for name, attributes in self.tags if name == tag]

    @property
    def ids(self) -> list[str]:
        return [a["id"] for _, a in self.tags if "id" in a]


@pytest.fixture(scope="module")
def client(demo: KnowledgeBase) -> FlaskClient:
    return create_app(demo).test_client()


def get(client: FlaskClient, path: str, status: int = 200) -> Page:
    answer = client.get(path, headers=BROWSER)
    assert answer.status_code == status, answer.get_data(as_text=True)[-500:]
    assert answer.mimetype == "text/html"
    return Page(answer.get_data(as_text=True))


@pytest.mark.parametrize("language", ["en", "ar"])
@pytest.mark.parametrize("path", [*ENTITIES, *OTHERS])
def test_page_is_sound_in_both_languages(client: FlaskClient, path: str, language: str) -> None:
    page = get(client, f"/{language}/{path}")
    (root,) = page.all("html")
    assert root == {"lang": language, "dir": "rtl" if language == "ar" else "ltr"}
    assert not page.faults
    assert [n for n, many in Counter(page.ids).items() if many > 1] == []
    assert len(page.all("h1")) == len(page.all("main")) == 1
    assert page.all("a")[0]["href"] == "#content"
    assert not page.all("script") and not page.all("style")
    assert not any("style" in a or any(n.startswith("on") for n in a) for _, a in page.tags)
    labelled = {a["for"] for a in page.all("label")}
    fields = [a for t in ("input", "select", "textarea") for a in page.all(t) if a.get("type") != "hidden"]
    assert {a["id"] for a in fields} <= labelled
    assert all(a.get("scope") in ("col", "row", "rowgroup") for a in page.all("th"))
    assert all("alt" in a for a in page.all("img"))
    assert "%(" not in page.text and "None" not in page.text


@pytest.mark.parametrize("path", [*ENTITIES, *OTHERS])
def test_page_switches_to_itself_in_the_other_language(client: FlaskClient, path: str) -> None:
    (switch,) = (a for a in get(client, f"/en/{path}").all("a") if a.get("class") == "switch")
    assert switch["lang"] == "ar"
    assert unquote(switch["href"]).replace("+", " ") == f"/ar/{path}"
    (back,) = (a for a in get(client, switch["href"]).all("a") if a.get("class") == "switch")
    assert unquote(back["href"]) == f"/en/{path}"


@pytest.mark.parametrize("path", ENTITIES)
def test_page_never_speaks_of_guilt(client: FlaskClient, path: str) -> None:
    text = get(client, f"/en/{path}").text
    assert not re.search(r"\b(guilty|perpetrated|convicted)\b", text, re.IGNORECASE)


def test_every_link_and_anchor_of_the_site_leads_somewhere(client: FlaskClient) -> None:
    seen, todo, anchors, ids, ways = {"/en/"}, ["/en/", "/ar/"], set(), {}, set[str]()
    while todo:
        here = todo.pop()
        answer = client.get(here, headers=BROWSER)
        assert answer.status_code in (200, 302, 303), here
        if answer.mimetype != "text/html" or answer.status_code != 200:
            continue
        page = Page(answer.get_data(as_text=True))
        ids[here] = set(page.ids)
        for link in page.all("a"):
            target, _, fragment = urljoin(here, link["href"]).partition("#")
            if target.startswith("/sparql?") and "example" not in target:
                continue
            if target.startswith("http"):
                assert link["rel"] == "noopener noreferrer external"
                continue
            if fragment:
                anchors.add((target, unquote(fragment)))
            # lists and matrices narrow each other without end: some dozen ways of narrowing stand for all
            narrowed = "?" in target and urlsplit(target).path.endswith(("/incidents", "/matrix"))
            narrowed |= "?on=" in target  # the law on each day that something changed
            if target not in seen and (not narrowed or len(ways) < 60):
                ways |= {target} if narrowed else set()
                seen.add(target)
                todo.append(target)
    assert len(ids) > 500
    assert [(t, f) for t, f in sorted(anchors) if t in ids and f not in ids[t]] == []


def test_incident_page_shows_every_claim_with_claimant_and_sources(client: FlaskClient, demo: KnowledgeBase) -> None:
    page, now = get(client, INCIDENT), demo.snapshot()
    iri = f"{ID}{INCIDENT[4:]}"
    for triple in now.record(iri):
        name = triple.predicate.value.rpartition("#")[2]
        if name in ("claimant", "restsOn") and isinstance(triple.object, NamedNode):
            assert triple.subject.value.partition("#")[2] in page.ids
            assert now.labels(triple.object.value)["en"] in page.text
    assert "numbers are never added across sources" in page.text
    assert "They are nobody's allegation" in page.text
    assert "They are not about this incident" in page.text
    assert "mizan bundle create --incident syria-2015-16/INC-021 --out" in page.text


def test_incident_page_marks_what_is_verified_and_how_precise(client: FlaskClient) -> None:
    page = get(client, INCIDENT)
    assert "Date precision" in page.text and "Place precision" in page.text
    marks = [a["class"] for a in page.all("span") if a.get("class", "").startswith("mark ")]
    assert {"mark mark-verified", "mark mark-partly-verified"} <= set(marks)


def test_discounted_attribution_stays_visible_and_faded(client: FlaskClient) -> None:
    page = get(client, "/en/incident/syria-2015-16/INC-009")
    assert any("faded" in a.get("class", "") for a in page.all("article"))


@pytest.mark.parametrize(
    ("accept", "media_type"),
    [
        ("text/turtle", "text/turtle"),
        ("application/ld+json", "application/ld+json"),
        ("application/json", "application/json"),
        ("*/*", "text/turtle"),
        ("", "text/turtle"),
        ("text/turtle;q=0.2, application/ld+json;q=0.9", "application/ld+json"),
        ("text/turtle;q=0, */*", "application/ld+json"),
        ("application/*;q=0.8, text/turtle;q=0.3", "application/ld+json"),
        ("application/json, text/html;q=0.9", "application/json"),
    ],
)
def test_iri_answers_with_the_data_asked_for(client: FlaskClient, accept: str, media_type: str) -> None:
    answer = client.get("/id/actor/airwars", headers={"Accept": accept})
    assert answer.status_code == 200
    assert answer.mimetype == media_type
    assert answer.headers["Vary"] == "Accept"


@pytest.mark.parametrize("path", ENTITIES)
def test_iri_leads_people_to_the_page(client: FlaskClient, path: str) -> None:
    address = f"/{path}" if path.startswith(("scheme", "ontology")) else f"/id/{path}"
    answer = client.get(address, headers={**BROWSER, "Accept-Language": "ar, en;q=0.5"})
    assert answer.status_code == 303
    assert answer.headers["Location"] == f"/ar/{path}"
    assert answer.headers["Vary"] == "Accept, Accept-Language"


@pytest.mark.parametrize("path", ENTITIES)
@pytest.mark.parametrize("form", ["/{}", "/en/{}"])
def test_suffixes_give_the_whole_record_in_every_format(
    client: FlaskClient, demo: KnowledgeBase, path: str, form: str
) -> None:
    if form == "/{}" and not path.startswith(("scheme", "ontology")):
        form = "/id/{}"
    address = form.format(path)
    turtle, linked = client.get(f"{address}.ttl"), client.get(f"{address}.jsonld")
    iri = f"https://w3id.org/mizan/{path}" if path.startswith(("scheme", "ontology")) else ID + path
    expected = set(triples_of(demo.snapshot(), iri))
    assert expected
    assert {q.triple for q in pyoxigraph.parse(turtle.data, format=RdfFormat.TURTLE)} == expected
    assert {q.triple for q in pyoxigraph.parse(linked.data, format=RdfFormat.JSON_LD)} == expected
    tree = json.loads(client.get(f"{address}.json").data)
    assert tree["iri"] == iri and tree["snapshot"] == demo.snapshot().number
    counted = [tree["properties"], *(n["properties"] for n in tree["nodes"])]
    assert sum(len(v) for p in counted for v in p.values()) == len(expected)
    if form.startswith("/en"):
        assert client.get(f"{address}.html").mimetype == "text/html"


def test_turtle_is_the_same_bytes_every_time_and_declares_what_it_uses(client: FlaskClient) -> None:
    texts = {client.get("/id/incident/syria-2015-16/INC-021.ttl").data for _ in range(5)}
    assert len(texts) == 1
    declared = re.findall(r"@prefix (\w+):", texts.pop().decode())
    assert declared == sorted(declared) and "mz" in declared and "owl" not in declared


@pytest.mark.parametrize("path", ["/en/", INCIDENT, "/id/actor/airwars", "/ontology.ttl", "/scheme/weapon.json"])
def test_unchanged_snapshot_answers_not_modified(client: FlaskClient, demo: KnowledgeBase, path: str) -> None:
    first = client.get(path)
    assert str(demo.snapshot().number) in first.headers["ETag"]
    again = client.get(path, headers={"If-None-Match": first.headers["ETag"]})
    assert again.status_code == 304 and not again.data
    assert again.headers["ETag"] == first.headers["ETag"]
    assert client.get(path, headers={"If-None-Match": '"other"'}).status_code == 200


def test_etag_differs_between_formats_and_languages(client: FlaskClient) -> None:
    paths = ["/en/actor/airwars", "/ar/actor/airwars", "/id/actor/airwars.ttl", "/id/actor/airwars.json"]
    assert len({client.get(p, headers=BROWSER).headers["ETag"] for p in paths}) == len(paths)


def test_root_leads_to_the_language_of_the_reader(client: FlaskClient) -> None:
    for wish, target in [("ar-SY,ar;q=0.9", "/ar/"), ("en", "/en/"), ("fr", "/en/"), ("", "/en/")]:
        answer = client.get("/", headers={"Accept-Language": wish})
        assert (answer.status_code, answer.headers["Location"]) == (302, target)


@pytest.mark.parametrize(
    ("path", "suggested"),
    [
        ("/en/incident/syria-2015-16/INC-211", "INC-021"),
        ("/en/actor/airwar", "airwars"),
        ("/en/provision/rome-statute/8-2-e-4", "rome-statute"),
        ("/id/actor/airwarz", "airwars"),
        ("/en/nosuchkind/airwars", "airwars"),
    ],
)
def test_unknown_address_is_a_404_with_suggestions(client: FlaskClient, path: str, suggested: str) -> None:
    page = get(client, path, 404) if path.startswith("/en") else None
    answer = client.get(path, headers={"Accept": "application/json"})
    assert answer.status_code == 404
    problem = answer.get_json(force=True)
    assert problem["status"] == 404 and problem["title"] == "Not found" and problem["what"]
    assert any(suggested in s["iri"] for s in problem["suggestions"])
    if page:
        assert any(suggested in a["href"] for a in page.all("a"))


@pytest.mark.parametrize(
    "path", ["/en/incident/x", "/en/queries/nothing", "/en/help/nothing", "/id/x/y", "/nothing", "/xx/"]
)
def test_errors_have_one_shape_everywhere(client: FlaskClient, path: str) -> None:
    answer = client.get(path, headers={"Accept": "application/json"})
    assert answer.status_code == 404
    assert answer.mimetype == "application/problem+json"
    assert {"type", "title", "status", "what"} <= set(answer.get_json(force=True))
    page = get(client, path, 404)
    assert page.all("h1")


def test_wrong_method_says_what_is_allowed(client: FlaskClient) -> None:
    answer = client.delete("/sparql")
    assert answer.status_code == 405
    assert "POST" in answer.headers["Allow"]


def test_bug_is_logged_and_shown_as_500(
    client: FlaskClient, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError("secret of the house")

    monkeypatch.setattr("web.views.data.serialised", broken)
    answer = client.get("/id/actor/airwars.ttl", headers={"Accept": "application/json"})
    assert answer.status_code == 500
    assert "secret" not in answer.get_data(as_text=True)
    assert "ZeroDivisionError" in caplog.text


HOSTILE = [
    "/en/search?q=%00", "/en/search?q=%FF%FE", "/en/search?q=" + "a" * 5000, "/en/search?q=((((", "/en/search?q=*",
    "/en/search?q=%22%27%3Cscript%3E", "/en/search?q=a&page=-1", "/en/search?q=a&page=9999999999999999999999",
    "/en/search?page=٣", "/en/search?page=", "/en/search?kind=%3Cscript%3E", "/en/search?kind=../../etc",
    "/en/search?q=id:*%20AND%20[a%20TO%20b]", "/en/search?q=%F0%9F%92%A3%20%E2%80%AE", "/en/search?q=.%20-%20!%20%7C",
    "/en/search?q=https://w3id.org/mizan/id/%3Cscript%3E", "/en/incident/../../etc/passwd", "/en/incident/%00",
    "/en/incident/a%20b", "/en/incident/%3Cscript%3Ealert(1)%3C/script%3E", "/en/incident/%22%3E%3Cimg%20src=x%3E",
    "/id/incident/%7B%7B7*7%7D%7D", "/id/actor/airwars.exe", "/id/actor/airwars.ttl.ttl", "/en/help/..%2F..%2Fapp",
    "/en/help/%2e%2e", "/en/queries/..%2Fcheck%2Fx",
    "/en/queries/casualty_ranges_of_incident?run=1&incident=%3E%20.%20%7D", "/sparql?example=../x",
    "/en/queries/casualty_ranges_of_incident?run=1&incident=" + "x" * 2000, "/sparql?format=exe",
    "/sparql?query=%00", "/sparql?query=" + "(" * 3000, "/sparql?lang=xx", "/en/dataset/syria-2015-16?page=x",
    "/en/dataset/syria-2015-16?page=400", "//evil.example/en/", "/en//evil.example", "/ontology/x", "/scheme/weapon/..",
    "/static/../app.py", "/static/%2e%2e/app.py", "/en/" + "a/" * 200, "/%F0%9F%92%A3", "/en/import/0",
    "/sparql?query=%ED%A0%80", "/en/incident/%00/screening", "/en/incident/syria-2015-16/INC-999/screening",
    "/en/incident/syria-2015-16/INC-021/elements/%3Cscript%3E", "/en/incident/x/elements/../../etc/passwd",
    "/en/incident/syria-2015-16/INC-021/elements/unsc-2268/op1", "/en/law/..%2Fstatus", "/en/law/status/x",
    "/en/actor/airwars/screening", "/en/incident/actor/airwars/screening", "/en/incident/elements/elements/elements",
]  # fmt: skip


OUR_SCRIPT = re.compile(rb'<script type="module" src="/static/editor/sparql\.js\?v=[0-9a-f]+"></script>')


@pytest.mark.parametrize("accept", [BROWSER["Accept"], "application/json", "nonsense", "text/html;q=abc, ;;,"])
@pytest.mark.parametrize("path", HOSTILE)
def test_hostile_request_never_breaks_the_server(client: FlaskClient, path: str, accept: str) -> None:
    answer = client.get(path, headers={"Accept": accept})
    assert answer.status_code < 500
    if answer.mimetype == "text/html":
        assert b"<script" not in OUR_SCRIPT.sub(b"", answer.data) and b"<img src=x" not in answer.data
    assert "evil.example" not in answer.headers.get("Location", "")
    for link in Page(answer.get_data(as_text=True)).all("a") if answer.mimetype == "text/html" else []:
        assert not link["href"].startswith("//")


def test_every_answer_carries_the_security_headers_and_no_cookie(client: FlaskClient) -> None:
    policy = "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'"
    for path in ("/", "/en/", "/static/site.css", "/sparql", "/nothing", "/id/actor/airwars"):
        headers = client.get(path, buffered=True).headers
        scripts = "; script-src 'self'; connect-src 'self'" if path == "/sparql" else ""
        assert headers["Content-Security-Policy"] == f"{policy}; frame-ancestors 'none'{scripts}"
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Referrer-Policy"] == "no-referrer"
        assert "Set-Cookie" not in headers


def test_large_body_is_refused(client: FlaskClient) -> None:
    answer = client.post("/sparql", data=b"x" * 2_000_000, content_type="application/sparql-query")
    assert answer.status_code == 413
    answer = client.post("/sparql", data={"query": "x" * 2_000_000})
    assert answer.status_code == 413


def _actor(path: str, *values: tuple[str, pyoxigraph.NamedNode | pyoxigraph.Literal]) -> list[Triple]:
    node = NamedNode(ID + path)
    named = [("rdf:type", NamedNode(PREFIXES["mz"] + "Actor")), *values]
    found = []
    for name, value in named:
        prefix, _, local = name.partition(":")
        found.append(Triple(node, NamedNode(PREFIXES[prefix] + local), value))
    return found


def test_hostile_record_is_shown_as_text_and_nothing_of_it_is_lost(fresh_home: Path) -> None:
    evil = "<script>alert(1)</script>"
    with KnowledgeBase.open(fresh_home) as base:
        for label in (evil, evil + "!"):
            triples = _actor(
                "actor/evil",
                ("skos:prefLabel", literal(label, language="en")),
                ("foaf:homepage", NamedNode("javascript:alert(1)")),
                ("foaf:homepage", NamedNode("https://example.org/a")),
                ("mz:nobodyKnowsThis", literal('"><img src=x>')),
            )
            base.write(document.records(triples), {"label": evil})
        client = create_app(base).test_client()
        page = get(client, "/en/actor/evil")
        links = [a["href"] for a in page.all("a")]
        assert "https://example.org/a" in links
        assert not any("javascript" in link for link in links)
        assert "javascript:alert(1)" in page.text and '"><img src=x>' in page.text and evil in page.text
        assert "Further statements" in page.text
        assert "revision-1" in page.ids
        assert not page.all("script")
        assert evil in get(client, "/en/search?q=alert").text
        assert evil in get(client, "/en/import/2").text
        answer = client.get("/sparql?query=SELECT * { ?s ?p ?o FILTER(isIRI(?o)) } ORDER BY ?s ?o", headers=BROWSER)
        assert b"<script" not in OUR_SCRIPT.sub(b"", answer.data) and b'href="javascript' not in answer.data


def test_text_in_another_language_says_so(client: FlaskClient) -> None:
    page = get(client, "/ar/incident/syria-2015-16/INC-021")
    assert [a for a in page.all("span") if a.get("lang") == "en" and a.get("dir") == "ltr"]
    assert page.all("bdi")


def test_iri_in_the_search_box_leads_to_its_page(client: FlaskClient) -> None:
    answer = client.get("/en/search?q=https://w3id.org/mizan/id/actor/airwars")
    assert (answer.status_code, answer.headers["Location"]) == (302, "/en/actor/airwars")


def test_search_finds_in_both_scripts_and_pages_on(client: FlaskClient) -> None:
    assert "INC-021" in get(client, "/en/search?q=Al-Quds").text
    assert "INC-021" in get(client, "/ar/search?q=القدس").text
    assert get(client, "/en/search?kind=provision&page=2").all("nav")[-1]["class"] == "pager"


def test_every_kind_of_record_has_a_page_even_without_a_template(fresh_home: Path) -> None:
    with KnowledgeBase.open(fresh_home) as base:
        triples = _actor("novelty/one", ("skos:prefLabel", literal("A new kind", language="en")))
        base.write(document.records(triples), {"label": "novelty"})
        assert "A new kind" in get(create_app(base).test_client(), "/en/novelty/one").text


def test_serve_names_the_port_that_is_taken(demo: KnowledgeBase) -> None:
    import socket

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(PortInUse):
            serve(demo, "127.0.0.1", taken.getsockname()[1])
