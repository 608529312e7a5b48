"""Every class, property, concept and shape dereferences to data and to its place on a page, in both languages."""

from __future__ import annotations

import re
from collections import defaultdict
from functools import cache
from urllib.parse import urlsplit

import pytest
from flask.testing import FlaskClient
from pyoxigraph import NamedNode, RdfFormat, parse

from kb import paths, vocabulary
from kb.knowledgebase import KnowledgeBase
from kb.ns import ONTOLOGY, PREFIXES, SCHEME, SHAPE
from tests.test_web import BROWSER, Page, get
from web.address import page_of
from web.app import create_app
from web.language import language
from web.lexicon import star, tree, uses
from web.reading import Node, Reader

SHAPES = sorted((paths.shipped("ontology") / "shapes").glob("*.ttl"))
LANGUAGES = pytest.mark.parametrize("language", ["en", "ar"])


@pytest.fixture(scope="module")
def client(demo: KnowledgeBase) -> FlaskClient:
    return create_app(demo).test_client()


@cache
def terms() -> set[str]:
    """Every term that the shipped files describe."""
    files = [*vocabulary.term_files(), *SHAPES]
    quads = (quad for path in files for quad in parse(path=str(path), format=RdfFormat.TURTLE))
    found = {quad.subject.value for quad in quads if isinstance(quad.subject, NamedNode)}
    return {iri for iri in found if iri.startswith((ONTOLOGY, SCHEME, SHAPE))}


@cache
def by_document() -> dict[str, set[str]]:
    """The terms by the address that is asked for them: an IRI up to its fragment."""
    found: dict[str, set[str]] = defaultdict(set)
    for iri in terms():
        found[iri.partition("#")[0]].add(iri.partition("#")[2])
    return found


def test_walk_knows_all_kinds_of_terms() -> None:
    found = terms()
    assert {f"{ONTOLOGY}#Incident", f"{ONTOLOGY}#claimant", f"{SCHEME}object-hit#hospital"} <= found
    assert {f"{SHAPE}core#Actor", f"{SHAPE}core#Actor-classification", f"{SHAPE}meta#Concept"} <= found
    assert len(found) > 800


@pytest.mark.parametrize("document", sorted(by_document()))
def test_term_dereferences_to_data_that_describes_it(client: FlaskClient, document: str) -> None:
    path = urlsplit(document).path.removeprefix("/mizan")
    answer = client.get(path, headers={"Accept": "text/turtle"})
    assert answer.status_code == 200 and answer.mimetype == "text/turtle" and answer.headers["Vary"] == "Accept"
    described = {q.subject.value for q in parse(answer.get_data(), format=RdfFormat.TURTLE)
                 if isinstance(q.subject, NamedNode)}  # fmt: skip
    assert {f"{document}#{name}" if name else document for name in by_document()[document]} - described == set()
    as_json = client.get(path, headers={"Accept": "application/ld+json"})
    assert as_json.status_code == 200 and as_json.mimetype == "application/ld+json"


@LANGUAGES
@pytest.mark.parametrize("document", sorted(by_document()))
def test_term_dereferences_to_its_place_on_a_page(client: FlaskClient, document: str, language: str) -> None:
    path = urlsplit(document).path.removeprefix("/mizan")
    answer = client.get(path, headers=BROWSER | {"Accept-Language": language})
    assert answer.status_code == 303 and answer.headers["Location"] == f"/{language}{path}"
    page = get(client, answer.headers["Location"])
    assert {name for name in by_document()[document] if name} <= set(page.ids)
    assert not page.faults and len(page.ids) == len(set(page.ids)) and "%(" not in page.text
    assert page_of(document, language) == f"/{language}{path}"


@LANGUAGES
def test_one_page_names_every_class_and_property_in_both_languages(
    client: FlaskClient, demo: KnowledgeBase, language: str
) -> None:
    page = get(client, f"/{language}/ontology")
    for iri in terms():
        if iri.startswith(f"{ONTOLOGY}#"):
            for words in demo.snapshot().labels(iri).values():
                assert words in page.text


@LANGUAGES
def test_pictures_show_what_the_vocabulary_says(client: FlaskClient, language: str) -> None:
    text = client.get(f"/{language}/ontology", headers=BROWSER).get_data(as_text=True)
    picture = text.partition('class="diagram"')[2].partition("</figure>")[0]
    drawn = re.findall(rf'href="/{language}/ontology#(\w+)"', picture)
    kind = NamedNode(f"{PREFIXES['owl']}Class")
    quads = [q for path in vocabulary.term_files() for q in parse(path=str(path), format=RdfFormat.TURTLE)]
    classes = {q.subject.value for q in quads if q.object == kind and isinstance(q.subject, NamedNode)}
    assert {f"{ONTOLOGY}#{name}" for name in drawn} == classes
    assert picture.count("<path") == len(drawn) - len(tree_roots(client, drawn, picture))


def tree_roots(client: FlaskClient, drawn: list[str], picture: str) -> list[str]:
    """The boxes that stand at the edge: no line leads to them."""
    edge = max if 'href="/ar/' in picture else min
    places = [int(x) for x in re.findall(r'<rect x="(\d+)"', picture)]
    return [name for name, place in zip(drawn, places, strict=True) if place == edge(places)]


def test_a_class_knows_its_properties_both_ways_and_its_kinds(demo: KnowledgeBase) -> None:
    nodes = list(Reader(demo.snapshot(), language("en")).record(ONTOLOGY).values())
    found = uses(nodes)
    attribution = found[f"{ONTOLOGY}#Attribution"]
    assert f"{ONTOLOGY}#confidence" in [n.iri for n in attribution.properties]
    assert [n.iri for n in attribution.leading] == [f"{ONTOLOGY}#jointWith"]
    assert f"{ONTOLOGY}#Attribution" in found[f"{ONTOLOGY}#Claim"].narrower
    picture = star(attribution)
    assert picture is not None and [a.node.iri for a in picture.incoming] == [f"{ONTOLOGY}#jointWith"]
    assert all("rdfs:domain" not in node.shown for node in nodes)  # a picture leaves nothing out of the lists


def test_classes_that_are_kinds_of_each_other_make_no_endless_tree(demo: KnowledgeBase) -> None:
    made = Reader(demo.snapshot(), language("en"))
    some: list[Node] = [made.peek(f"{ONTOLOGY}#{name}") for name in ("Claim", "Attribution", "Attribution")]
    assert len(tree(some)) == 3


@pytest.mark.parametrize(
    ("path", "status"),
    [("/shape/nothing", 404), ("/en/shape/nothing", 404), ("/shape/..%2fcore", 404), ("/shape/core.json", 404),
     ("/en/shape/core.ttl", 200), ("/shape/core.jsonld", 200)],
)  # fmt: skip
def test_shapes_that_there_are_not_are_not_found(client: FlaskClient, path: str, status: int) -> None:
    assert client.get(path).status_code == status


def test_shapes_are_kept_by_readers_until_the_software_changes(client: FlaskClient) -> None:
    tag = client.get("/shape/core").headers["ETag"]
    assert client.get("/shape/core", headers={"If-None-Match": tag}).status_code == 304
    page = client.get("/en/shape/core", headers=BROWSER)
    assert Page(page.get_data(as_text=True)).all("h1")
    assert client.get("/en/shape/core", headers=BROWSER | {"If-None-Match": page.headers["ETag"]}).status_code == 304


@LANGUAGES
def test_classes_lead_to_the_shapes_that_check_them(client: FlaskClient, language: str) -> None:
    text = client.get(f"/{language}/ontology", headers=BROWSER).get_data(as_text=True)
    assert f'href="/{language}/shape/claim#Attribution"' in text
