"""Citable queries: the address of a query at a snapshot says whether its answer stands, and what came and went."""

from __future__ import annotations

import gzip
import hashlib
import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask.testing import FlaskClient
from pyoxigraph import Literal, NamedNode, Triple

from kb import document
from kb.errors import UsageError
from kb.knowledgebase import KnowledgeBase
from kb.ns import SKOS
from web import permalink
from web.app import create_app

ACTOR = "https://w3id.org/mizan/id/actor/airwars"
NAMES = f"SELECT ?name {{ <{ACTOR}> <{SKOS.altLabel.value}> ?name }}"
LABELS = f"SELECT ?name {{ <{ACTOR}> <{SKOS.prefLabel.value}> ?name }}"
GRAPH = f"CONSTRUCT {{ <{ACTOR}> <urn:called> ?name }} WHERE {{ <{ACTOR}> <{SKOS.altLabel.value}> ?name }}"
ASKED = f"ASK {{ <{ACTOR}> <{SKOS.altLabel.value}> 'Watch 0'@en }}"
JSON = {"Accept": "application/json"}
BROWSER = {"Accept": "text/html"}


class Place:
    """A knowledge base that changes while it is asked."""

    def __init__(self, base: KnowledgeBase) -> None:
        self.base, self.client = base, create_app(base).test_client()

    def rename(self, *names: str) -> None:
        kept = [t for t in self.base.snapshot().record(ACTOR) if t.predicate != SKOS.altLabel]
        named = [Triple(NamedNode(ACTOR), SKOS.altLabel, Literal(name, language="en")) for name in names]
        self.base.write(document.records([*kept, *named]), {"label": "test"})

    def link(self, query: str) -> str:
        return self.client.get("/sparql", query_string={"query": query}).headers["X-Mizan-Permalink"]

    def save(self, query: str) -> str:
        answer = self.client.post("/query", data={"query": query}, headers=JSON)
        assert answer.status_code == 201
        return str(answer.headers["Location"])

    def told(self, link: str) -> dict[str, object]:
        answer = self.client.get(link, headers=JSON)
        assert answer.status_code == 200, answer.data
        told: dict[str, object] = answer.get_json()
        return told


@pytest.fixture
def place(demo_copy: Path) -> Iterator[Place]:
    with KnowledgeBase.open(demo_copy, workers=1) as base:
        place = Place(base)
        place.rename("Watch 0", "Watch 1")
        yield place


def test_link_of_an_answer_says_that_it_stands(place: Place) -> None:
    link = place.link(NAMES)
    told = place.told(link)
    assert told["verdict"] == "current" and told["permalink"] == link
    lines = "?name\n\"Watch 0\"@en\n\"Watch 1\"@en\n"
    assert told["now"] == {
        "snapshot": place.base.snapshot().number, "digest": hashlib.sha256(lines.encode()).hexdigest(), "rows": 2
    }  # fmt: skip


@pytest.mark.parametrize("saving", [True, False])
def test_link_says_same_where_other_things_changed_and_changed_where_rows_did(place: Place, saving: bool) -> None:
    make = place.save if saving else place.link
    labels, names = make(LABELS), make(NAMES)
    place.rename("Watch 1", "Watch 2", "Watch 3")
    assert place.told(labels)["verdict"] == "same"
    told = place.told(names)
    assert told["verdict"] == "changed"
    assert told["came"] == {"rows": 2, "first": ['"Watch 2"@en', '"Watch 3"@en']}
    assert told["went"] == {"rows": 1, "first": ['"Watch 0"@en']}
    place.rename("Watch 1", "Watch 0")
    assert place.told(names)["verdict"] == "same", "what came back is the same again"


def test_link_of_a_graph_and_of_a_verdict_are_compared_too(place: Place) -> None:
    graph, asked = place.link(GRAPH), place.link(ASKED)
    place.rename("Watch 1")
    assert place.told(graph)["went"] == {"rows": 1, "first": [f'<{ACTOR}> <urn:called> "Watch 0"@en .']}
    told = place.told(asked)
    assert (told["went"], told["came"]) == ({"rows": 1, "first": ["true"]}, {"rows": 1, "first": ["false"]})


def test_link_to_a_pruned_snapshot_says_what_it_cannot_know(place: Place) -> None:
    plain, saved = place.link(NAMES), place.save(NAMES)
    number = place.base.snapshot().number
    place.rename("Watch 1")
    shutil.rmtree(place.base.home.snapshots / f"{number:08d}")
    told = place.told(plain)
    assert told["verdict"] == "unknown" and told["then"] == {"snapshot": number, "digest": None, "rows": None}
    assert place.told(saved)["went"] == {"rows": 1, "first": ['"Watch 0"@en']}, "the saved one has its rows"


def test_saved_link_whose_rows_were_too_many_compares_by_digest(place: Place) -> None:
    many = "SELECT ?s ?p ?o { ?s ?p ?o }"
    link = place.save(many)
    number = place.base.snapshot().number
    stored = json.loads(gzip.decompress((place.base.home.links / f"{link[-16:]}.json.gz").read_bytes()))
    assert stored["lines"] is None and stored["rows"] > 30_000
    place.rename("Watch 0", "Watch 1", "Watch 2")
    told = place.told(link)
    assert told["verdict"] == "changed" and told["came"] is not None, "the snapshot is still there"
    shutil.rmtree(place.base.home.snapshots / f"{number:08d}")
    told = place.told(link)
    assert told["verdict"] == "changed" and told["came"] is None
    page = place.client.get(link, headers=BROWSER).get_data(as_text=True)
    assert "only the digest is left" in page


def test_saving_again_gives_the_same_address_and_keeps_the_first(place: Place) -> None:
    first = place.save(NAMES)
    assert place.save(NAMES) == first and len(first.rpartition("/")[2]) == 16
    place.rename("Watch 5")
    assert place.save(NAMES) != first


def test_long_query_has_a_packed_link_and_a_longer_one_is_saved(place: Place) -> None:
    padded = NAMES + "".join(f" # {n * 7919}" for n in range(400))
    link = place.link(padded)
    assert "&z=" in link and len(link) < 2_500 < len(padded)
    assert place.told(link)["query"] == padded
    noise = NAMES + " # " + "".join(hashlib.sha256(str(n).encode()).hexdigest() for n in range(300))
    answer = place.client.post("/sparql", data={"query": noise})
    assert "X-Mizan-Permalink" not in answer.headers and 'rel="create-form"' in answer.headers["Link"]
    assert "link" not in answer.get_json(force=True)["head"]
    assert place.told(place.save(noise))["query"] == noise
    page = place.client.post("/sparql", data={"query": noise}, headers=BROWSER).get_data(as_text=True)
    assert 'action="/query?lang=en" method="post"' in page
    assert place.client.post("/query", data={"query": noise * 5}, headers=JSON).status_code == 400


@pytest.mark.parametrize("query", ["SELECT (NOW() AS ?t) {}", "SELECT (RAND() AS ?r) {}"])
def test_query_that_changes_by_itself_says_so(place: Place, query: str) -> None:
    link = place.link(query)
    assert place.told(link)["repeatable"] is False
    assert "changes by itself" in place.client.get(link, headers=BROWSER).get_data(as_text=True)


@pytest.mark.parametrize("code", ["en", "ar"])
def test_pages_show_what_changed_and_how_to_cite(place: Place, code: str) -> None:
    link = place.save(NAMES)
    digest = place.told(link)["then"]["digest"]  # type: ignore[index]
    place.rename("<b>Watch</b> & 'co'")
    page = place.client.get(f"{link}?lang={code}", headers=BROWSER).get_data(as_text=True)
    assert link in page and str(digest) in page and place.base.snapshot().time[:4] in page
    assert "&lt;b&gt;Watch&lt;/b&gt; &amp;" in page and "<b>Watch" not in page
    assert ("Changed since snapshot" if code == "en" else "تغيّر منذ اللقطة") in page
    saved = place.client.post(f"/query?lang={code}", data={"query": NAMES}, headers=BROWSER)
    assert saved.status_code == 303 and saved.headers["Location"].endswith(f"?lang={code}")
    assert place.client.get(f"/query?lang={code}", headers=BROWSER).status_code == 200


@pytest.mark.parametrize(
    ("address", "status"),
    [
        ("/query?at=1&query=nonsense", 400), ("/query?at=999999&query=ASK%7B%7D", 400),
        ("/query?at=-1&query=ASK%7B%7D", 400),
        ("/query?at=x&query=ASK%7B%7D", 400), ("/query?z=%21%21", 400), ("/query?z=AAAA", 400), ("/query?at=1", 400),
        ("/query/aaaaaaaaaaaaaaaa", 404), ("/query/..%2Fmizan", 404), ("/query/AAAAAAAAAAAAAAAA", 404),
        ("/query?at=1&query=DROP%20ALL", 403), ("/query?query=ASK%7BSERVICE%3Curn%3Ax%3E%7B%7D%7D", 403),
    ],
)  # fmt: skip
def test_link_that_leads_nowhere_says_why(place: Place, address: str, status: int) -> None:
    answer = place.client.get(address, headers=JSON)
    assert answer.status_code == status and answer.get_json(force=True)["what"]


def test_saved_link_that_was_touched_is_refused(place: Place) -> None:
    link = place.save(NAMES)
    file = place.base.home.links / f"{link[-16:]}.json.gz"
    told = json.loads(gzip.decompress(file.read_bytes())) | {"query": LABELS}
    file.write_bytes(gzip.compress(json.dumps(told).encode()))
    assert "not as it was saved" in place.client.get(link, headers=JSON).get_json(force=True)["what"]
    file.write_bytes(b"x")
    assert place.client.get(link, headers=JSON).status_code == 503


def test_saving_ends_where_the_operator_says(demo_copy: Path) -> None:
    (demo_copy / "service.toml").write_text("[service]\nlinks_mib = 0\n")
    with KnowledgeBase.open(demo_copy, workers=1) as base:
        answer = create_app(base).test_client().post("/query", data={"query": NAMES}, headers=JSON)
    assert answer.status_code == 507 and "links_mib" in answer.get_json(force=True)["hint"]


def test_packed_query_is_read_back_and_a_bomb_is_not(client_text: str = "SELECT * { ?s ?p 'مستشفى' }") -> None:
    assert permalink.unpack(permalink.pack(client_text)) == client_text
    with pytest.raises(UsageError, match="holds no query"):
        permalink.unpack(permalink.pack("x" * 3_000_000))


def test_client_can_follow_the_link_in_the_answer(demo: KnowledgeBase) -> None:
    client: FlaskClient = create_app(demo).test_client()
    (link,) = client.get("/sparql", query_string={"query": NAMES}).get_json(force=True)["head"]["link"]
    assert client.get(link, headers=JSON).get_json()["verdict"] == "current"
