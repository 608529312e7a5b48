"""What the pages show of matching and of the independence of sources, in both languages."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask.testing import FlaskClient
from pyoxigraph import NamedNode, Triple

from kb import origin
from kb.knowledgebase import KnowledgeBase, table
from kb.matching import identity, link
from kb.matching.event import Event, read
from kb.ns import ID, MZ, PREFIXES, PROV
from kb.query import saved
from kb.store.local import LocalStore
from web.app import create_app

ONE, OTHER = f"{ID}incident/syria-2015-16/INC-024", f"{ID}incident/syria-2015-16/INC-021"
SOURCE = f"{ID}source/"


@pytest.fixture(scope="module")
def home(demo_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The curated case with one computed candidate, made by hand between two of its incidents."""
    home = tmp_path_factory.mktemp("page") / "home"
    shutil.copytree(demo_home, home)
    with KnowledgeBase.open(home) as base:
        events = {e.iri: e for e in read(base.snapshot().store)}
        other = events[OTHER]
        moved = Event(other.iri, "elsewhere", other.first, other.last, other.point, other.labels, other.names,
                      other.killed, other.objects)  # fmt: skip
        same = Event(ONE, other.dataset, other.first, other.last, other.point, other.labels, other.names,
                     {"somebody": (55, 60)}, other.objects)  # fmt: skip
        (pair,) = link.candidates([moved, same])
        done = base.add([identity.record(pair)], {"label": "test"})
        assert not done.findings and done.outcome.new == 1
        (candidate,) = identity.candidates(base.snapshot().store)
        said = identity.Review(candidate.claim, "mizan-curators", False, {"en": "Two hospitals.", "ar": "مستشفيان."})
        assert base.add([identity.review(base.snapshot().store, said)], {"label": "test"}).outcome.new == 1
    return home


@pytest.fixture
def client(home: Path) -> Iterator[FlaskClient]:
    with KnowledgeBase.open(home) as base:
        yield create_app(base).test_client()


@pytest.mark.parametrize(
    ("language", "heading", "state", "reason"),
    [("en", "Records that may tell of the same event", "a person holds it to be wrong", "Two hospitals."),
     ("ar", "سجلات قد تصف الحدث نفسه", "يراها شخص خاطئة", "مستشفيان.")],
)  # fmt: skip
@pytest.mark.parametrize("name", ["INC-021", "INC-024"])
def test_page_shows_candidates_under_their_own_heading(
    client: FlaskClient, name: str, language: str, heading: str, state: str, reason: str
) -> None:
    page = client.get(f"/{language}/incident/syria-2015-16/{name}").get_data(as_text=True)
    assert page.count(f">{heading}</h2>") == 1 and state in page and page.count(reason) == 1
    score = "computed score 0.9" if language == "en" else "الدرجة المحسوبة 0.9"
    assert score in page


def test_page_of_the_claim_itself_is_there_in_both_languages(client: FlaskClient, home: Path) -> None:
    with KnowledgeBase.open(home) as base:
        (candidate,) = identity.candidates(base.snapshot().store)
    for language in ("en", "ar"):
        answer = client.get(f"/{language}/{candidate.claim.removeprefix(ID)}")
        assert answer.status_code == 200 and candidate.model in answer.get_data(as_text=True)


def test_page_without_candidates_has_no_such_heading(client: FlaskClient) -> None:
    page = client.get("/en/incident/syria-2015-16/INC-001").get_data(as_text=True)
    assert "Records that may tell of the same event" not in page


def test_page_counts_origins_of_the_sources(client: FlaskClient) -> None:
    page = client.get("/en/incident/syria-2015-16/INC-001").get_data(as_text=True)
    assert "5 sources are cited for this incident. They go back to 3 sources at the root." in page
    page = client.get("/ar/incident/syria-2015-16/INC-001").get_data(as_text=True)
    assert "يُستشهد بـ 5 مصادر بشأن هذه الحادثة." in page and "المصادر وأصولها</h2>" in page


def test_origins_of_page_and_query_agree_on_every_curated_incident(demo: KnowledgeBase) -> None:
    store = demo.snapshot().store
    rows = table(demo.ask(saved.load("report", "incidents_by_independent_sources").bind({})))
    assert len(rows) == 30
    for row in rows:
        sources = {s for cited in origin.cited(store, row["incident"].value).values() for s in cited}
        assert int(row["independent_sources"].value) == len(origin.origins(store, sources)), row["incident"]
        assert int(row["cited_sources"].value) == len({w for s in sources for w in origin.works(store, s)})


def graph(*derived: str) -> LocalStore:
    """A store in which `a<b` says that b was derived from a."""
    store = LocalStore.in_memory()
    for text in derived:
        above, below = (NamedNode(SOURCE + name) for name in text.split("<"))
        store.add([Triple(below, PROV.wasDerivedFrom, above)])
    return store


@pytest.mark.parametrize(
    ("derived", "cited", "roots"),
    [
        ((), "a b", "a b"),
        (("a<b",), "a b", "a"),
        (("a<b", "a<c"), "b c", "a"),
        (("a<b", "b<c", "x<d"), "c d", "a x"),
        (("a<b", "x<b"), "b", "a x"),
        (("a<b", "b<a"), "a b", "a"),
        (("b<c", "c<b", "b<d"), "d", "b"),
        (("b<a", "c<b", "b<c"), "a b c", "b"),
    ],
)
def test_origins_follow_derivations_to_their_roots(derived: tuple[str, ...], cited: str, roots: str) -> None:
    found = origin.origins(graph(*derived), [SOURCE + name for name in cited.split()])
    assert found == {SOURCE + name for name in roots.split()}


def test_origins_take_a_place_in_a_source_for_the_source() -> None:
    store, pin = graph("a<b"), f"{ID}incident/x/1#cite-1"
    store.add([Triple(NamedNode(pin), NamedNode(PREFIXES["oa"] + "hasSource"), NamedNode(f"{SOURCE}b"))])
    assert origin.origins(store, [pin, f"{SOURCE}a#part"]) == {f"{SOURCE}a"}
    assert origin.works(store, pin) == {f"{SOURCE}b"} and origin.works(store, f"{SOURCE}a#part") == {f"{SOURCE}a"}
    store.add([Triple(NamedNode(f"{ID}incident/x/1#c"), MZ.restsOn, NamedNode(pin)),
               Triple(NamedNode(f"{ID}incident/x/1#c"), MZ.about, NamedNode(f"{ID}incident/x/1"))])  # fmt: skip
    assert origin.cited(store, f"{ID}incident/x/1") == {f"{ID}incident/x/1#c": [pin]}
