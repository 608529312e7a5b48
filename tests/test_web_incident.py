"""The page of an incident as a dossier: who says what, evidence, what stands near, its history, and how it is cited."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask.testing import FlaskClient
from pyoxigraph import Literal, NamedNode, Triple

from kb import document
from kb.canonical import literal
from kb.errors import AnswerTooLarge
from kb.knowledgebase import KnowledgeBase
from kb.ledger import Ledger
from kb.ns import ID, MZ, PREFIXES, RDF, SKOS
from kb.record import Record
from tests.test_web import BROWSER, Page, get
from web import relation, revision
from web.app import create_app
from web.held import Held
from web.language import language
from web.reading import Node, Reader
from web.site import EXTENSION
from web.standpoint import aligned

HOSPITAL = "incident/syria-2015-16/INC-021"
MOSQUE = "incident/syria-2015-16/INC-003"
LANGUAGES = pytest.mark.parametrize("language", ["en", "ar"])
EVIL = "<script>alert(1)</script>"


@pytest.fixture(scope="module")
def client(demo: KnowledgeBase) -> FlaskClient:
    return create_app(demo).test_client()


def words(page: Page) -> str:
    return " ".join(page.text.split())


def section(client: FlaskClient, path: str, name: str) -> str:
    """The HTML of one section of a page."""
    text = client.get(path, headers=BROWSER).get_data(as_text=True)
    return text.partition(f'<section aria-labelledby="{name}">')[2].partition("\n</section>")[0]


# who says what


def claim(name: str, **values: str | list[str]) -> Node:
    iri = f"{ID}incident/t/1#{name}"
    said = [
        Triple(NamedNode(iri), NamedNode(PREFIXES[p.partition("_")[0]] + p.partition("_")[2]), NamedNode(ID + v))
        for p, given in values.items() for v in ([given] if isinstance(given, str) else given)
    ]  # fmt: skip
    return Node(iri, said, language("en"))


def test_answers_stand_beside_what_they_dispute_and_none_is_lost() -> None:
    above = {"ministry": {"ministry", "state"}, "airforce": {"airforce", "state"}, "rebels": {"rebels"}}

    def chain(iri: str) -> frozenset[str]:
        name = iri.removeprefix(ID)
        return frozenset(ID + one for one in above.get(name, {name}))

    first = claim("a", mz_allegedActor="airforce")
    second = claim("b", mz_allegedActor="rebels")
    disputing = claim("r1", mz_claimant="ministry", cito_disputes=["incident/t/1#b"])
    denying = claim("r2", mz_claimant="ministry")
    stranger = claim("r3", mz_claimant="bystander")
    rows = aligned([first, second], [disputing, denying, stranger], chain)
    assert [(r.actor.removeprefix(ID), r.attributions, r.answers) for r in rows] == [
        ("airforce", [first], [denying]), ("rebels", [second], [disputing]), ("", [], [stranger]),
    ]  # fmt: skip


@LANGUAGES
def test_incident_page_puts_attributions_and_answers_in_one_row(client: FlaskClient, language: str) -> None:
    part = section(client, f"/{language}/{HOSPITAL}", "who").partition("</table>")[0]
    rows = [row for row in part.split("<tr>")[2:] if "<th" in row]
    by_party = {row.partition('<a href="')[2].partition('"')[0].rpartition("/")[2]: row for row in rows}
    assert set(by_party) == {"russia", "syria", "unknown-actor"}
    assert by_party["russia"].count("/actor/") == 1  # names lead to the claims, the party to its page
    assert f"{HOSPITAL}#" in by_party["russia"] and by_party["russia"].count("<li") == 3
    silent = {"en": "no answer is recorded here; that is no admission", "ar": "لم يُسجَّل هنا رد"}
    assert silent[language] in by_party["syria"] and silent[language] not in by_party["russia"]


# evidence


@LANGUAGES
def test_evidence_lists_every_source_that_a_claim_cites(
    client: FlaskClient, demo: KnowledgeBase, language: str
) -> None:
    part = section(client, f"/{language}/{HOSPITAL}", "evidence")
    cited = {
        t.object.value.partition("#")[0] for t in demo.snapshot().record(ID + HOSPITAL)
        if t.predicate == MZ.restsOn and isinstance(t.object, NamedNode)
    }  # fmt: skip
    assert len(cited) == 5
    for iri in cited:
        assert f'href="/{language}/{iri.removeprefix(ID)}"' in part


def test_pictures_and_recordings_stand_behind_a_warning_and_are_never_loaded(
    client: FlaskClient, demo: KnowledgeBase
) -> None:
    store = demo.snapshot().store
    kinds = [NamedNode(f"{PREFIXES['scheme']}source-kind#{kind}") for kind in ("video", "photograph-caption")]
    graphic = [s.value for kind in kinds for s in store.subjects(NamedNode(PREFIXES["mz"] + "sourceKind"), kind)]
    assert graphic
    linked = 0
    for iri in graphic:
        text = client.get(f"/en/{iri.removeprefix(ID)}", headers=BROWSER).get_data(as_text=True)
        page = Page(text)
        assert not [a for tag in ("img", "video", "audio", "iframe", "object", "embed") for a in page.all(tag)
                    if a.get("src") != "/static/icon.svg"]  # fmt: skip
        for value in store.objects(NamedNode(iri), NamedNode(PREFIXES["foaf"] + "page")):
            linked += 1
            before = text.partition(f'href="{value.value}"')[0]
            assert before.rpartition("<details")[2].count("Content warning") == 1
            assert "</details>" not in before.rpartition("Content warning")[2]
    assert linked


@pytest.fixture(scope="module")
def kept(demo_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[FlaskClient]:
    """A client of a copy in which the hospital record was corrected twice, and rests on a file with a digest."""
    home = tmp_path_factory.mktemp("corrected") / "home"
    shutil.copytree(demo_home, home)
    with KnowledgeBase.open(home) as base, pytest.MonkeyPatch.context() as clock:
        for day, label in enumerate(("Reported air strike, corrected", f"Reported air strike {EVIL}"), 1):
            clock.setenv("SOURCE_DATE_EPOCH", str(2_000_000_000 + day * 86_400))
            done = base.add([_corrected(base, label)], {"label": f"correction number {day}"})
            assert not done.rejected, done.findings
        yield create_app(base).test_client()


def _corrected(base: KnowledgeBase, label: str) -> Record:
    node = NamedNode(ID + HOSPITAL)
    said = [t for t in base.snapshot().record(node.value) if t.predicate != MZ.inRecord]
    said = [t for t in said if not (t.subject == node and t.predicate == SKOS.prefLabel
                                    and isinstance(t.object, Literal) and t.object.language == "en")]  # fmt: skip
    held = NamedNode(f"{ID}source/snhr-2016-08-17-press-release")
    attributions = sorted(t.subject.value for t in said if t.predicate == RDF.type and t.object == MZ.Attribution)  # type: ignore[union-attr]
    more = Triple(NamedNode(attributions[0]), MZ.restsOn, held)
    return document.record(node.value, [*said, more, Triple(node, SKOS.prefLabel, literal(label, language="en"))])


@LANGUAGES
def test_evidence_shows_digest_and_custody_of_a_kept_copy(kept: FlaskClient, language: str) -> None:
    part = section(kept, f"/{language}/{HOSPITAL}", "evidence")
    row = part.partition(f'href="/{language}/source/snhr-2016-08-17-press-release"')[2].partition("</tr>")[0]
    assert "SHA256" in row and "5082" in row.replace(",", "").replace("٬", "")
    cited_only = {"en": "cited only: no copy is recorded here", "ar": "مذكور فقط"}
    assert cited_only[language] in part and cited_only[language] not in row


# what stands near


@LANGUAGES
def test_incidents_near_are_others_and_lead_to_the_whole_list(client: FlaskClient, language: str) -> None:
    part = section(client, f"/{language}/{HOSPITAL}", "near")
    assert f'href="/{language}/{HOSPITAL}"' not in part
    lists = [piece.partition('"')[0].replace("&amp;", "&") for piece in part.split(f'href="/{language}/incidents')[1:]]
    assert lists
    for address, block in zip(lists, part.split("<h3>")[1:], strict=False):
        found = get(client, f"/{language}/incidents{address}")
        shown = [a["href"] for a in Page(block).all("a") if a["href"].startswith(f"/{language}/incident/")]
        listed = {a["href"] for a in found.all("a")}
        assert shown and set(shown) <= listed


def test_incident_without_a_day_has_no_neighbours(demo: KnowledgeBase) -> None:
    assert relation.bearings(Reader(demo.snapshot(), language("en")), f"{ID}incident/nobody/knows", []) is None


# history


@LANGUAGES
def test_history_tells_what_changed_between_two_revisions(kept: FlaskClient, language: str) -> None:
    page = get(kept, f"/{language}/{HOSPITAL}/revisions")
    targets = [a["href"] for a in page.all("a")]
    place = f"/{language}/{HOSPITAL}/revisions"
    assert f"{place}/1-2" in targets and f"{place}/2-3" in targets and f"{place}/1" in targets
    assert {f"{place}/2-3", place} <= {a["href"] for a in get(kept, f"/{language}/{HOSPITAL}").all("a")}
    text = kept.get(f"{place}/1-3", headers=BROWSER).get_data(as_text=True)
    assert EVIL not in text and "&lt;script&gt;" in text
    removed = [p.partition("</del>")[0] for p in text.split("<del>")[1:]]
    added = [p.partition("</ins>")[0] for p in text.split("<ins>")[1:]]
    assert len(removed) == 1 and "Al-Quds" in removed[0]
    assert len(added) == 2 and any("press-release" in one for one in added)
    assert not get(kept, f"{place}/1-3").faults


def test_history_names_who_wrote_a_revision_and_when(kept: FlaskClient) -> None:
    text = kept.get(f"/en/{HOSPITAL}/revisions", headers=BROWSER).get_data(as_text=True)
    last, second, first = (words(Page(row)) for row in text.partition("<tbody>")[2].split("<tr>")[1:])
    assert "19 May 2033" in second and "correction number 1" in second and "replaced on 20 May 2033" in second
    assert "correction number 2" in last and "current" in last and "correction" not in first


def test_revisions_can_be_chosen_in_a_form_in_either_order(kept: FlaskClient) -> None:
    answer = kept.get(f"/en/{HOSPITAL}/revisions?from=3&to=1", headers=BROWSER)
    assert answer.status_code == 303 and answer.headers["Location"] == f"/en/{HOSPITAL}/revisions/1-3"
    assert kept.get(f"/en/{HOSPITAL}/revisions?from=x&to=1", headers=BROWSER).status_code == 404


def test_a_revision_says_what_it_said_then(kept: FlaskClient) -> None:
    first, last = (words(get(kept, f"/en/{HOSPITAL}/revisions/{n}")) for n in (1, 3))
    assert "Reported air strike on Al-Quds hospital, Aleppo, 27 April 2016" in first
    assert "<script>" in last and "Reported air strike on Al-Quds" not in last


@pytest.mark.parametrize("tail", ["revisions/9", "revisions/1-9", "revisions/0-1", "revisions/4294967296"])
def test_revision_that_there_is_not_is_not_found(kept: FlaskClient, tail: str) -> None:
    get(kept, f"/en/{HOSPITAL}/{tail}", status=404)


def test_history_of_a_record_that_there_is_not_is_not_found(client: FlaskClient) -> None:
    get(client, "/en/incident/nobody/nothing/revisions", status=404)


def test_history_says_when_the_ledger_is_too_large_to_be_read_for_a_page(
    kept: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kept.application.extensions[EXTENSION], "held", Held())  # nothing was made before
    monkeypatch.setattr(revision, "MOST", 10)
    page = get(kept, f"/en/{HOSPITAL}/revisions/1-3", status=AnswerTooLarge.http_status)
    assert "nothing is lost" in words(page)


def test_history_shows_only_what_the_ledger_has_under_the_digest(
    kept: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kept.application.extensions[EXTENSION], "held", Held())
    monkeypatch.setattr(Ledger, "find", lambda self, number, records: {})
    get(kept, f"/en/{HOSPITAL}/revisions/1-3", status=404)


# citing


@LANGUAGES
def test_citation_names_revision_snapshot_and_digest(kept: FlaskClient, language: str) -> None:
    text = kept.get(f"/{language}/{HOSPITAL}", headers=BROWSER).get_data(as_text=True)
    quoted = Page(text.partition('<p class="citation">')[2].partition("</p>")[0]).text
    assert ID + HOSPITAL in quoted and "syria-2015-16/INC-021" in quoted and "SHA-256" in quoted
    digest = Page(text).text.partition("SHA-256")[2]
    assert quoted.rpartition("SHA-256 ")[2].strip() in digest
