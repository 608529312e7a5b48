"""The law on the pages: what is computed is named as such, reasons can be opened, nothing unverified goes unmarked."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
from flask.testing import FlaskClient
from pyoxigraph import Literal, NamedNode, Triple

from kb import document
from kb.applicability import Outcome, Verdict, check
from kb.applicability.jurisdiction import Ground
from kb.applicability.verdict import TESTS as NAMES
from kb.canonical import literal
from kb.knowledgebase import KnowledgeBase
from kb.ns import ID, MZ, PREFIXES, RDF
from kb.store.base import Answer
from tests.test_web import BROWSER, Page, get
from web.app import create_app
from web.jurisdiction import ANSWERS, GROUNDS
from web.screening import OUTCOMES, TESTS, VERDICTS

HOSPITAL = "incident/syria-2015-16/INC-021"
OFFENCE = "provision/rome-statute/8-2-e-iv"
MATRIX = f"{HOSPITAL}/elements/rome-statute/8-2-e-iv"
LANGUAGES = pytest.mark.parametrize("language", ["en", "ar"])
EVIL = "<script>alert(1)</script>"


@pytest.fixture(scope="module")
def client(demo: KnowledgeBase) -> FlaskClient:
    return create_app(demo).test_client()


def words(page: Page) -> str:
    return " ".join(page.text.split())


def counted(base: KnowledgeBase, incident: str) -> dict[str, int]:
    outcomes = [s.outcome for s in base.screen(ID + incident)]
    return {o.value: outcomes.count(o) for o in Outcome}


# the screening of an incident


@LANGUAGES
@pytest.mark.parametrize("incident", [HOSPITAL, "incident/syria-2015-16/INC-009", "incident/syria-2015-16/INC-015"])
def test_incident_page_counts_outcomes_as_the_knowledge_base_does(
    client: FlaskClient, demo: KnowledgeBase, incident: str, language: str
) -> None:
    page = get(client, f"/{language}/{incident}")
    shown = [a["class"].rpartition("outcome-")[2] for a in page.all("span") if "outcome" in a.get("class", "")]
    assert shown
    for path in (incident, f"{incident}/screening"):
        text = client.get(f"/{language}/{path}", headers=BROWSER).get_data(as_text=True)
        for name, number in counted(demo, incident).items():
            assert re.search(rf'outcome-{name}"><bdi>{number}</bdi>', text)


@LANGUAGES
def test_screening_page_gives_every_provision_with_six_reasons(
    client: FlaskClient, demo: KnowledgeBase, language: str
) -> None:
    page = get(client, f"/{language}/{HOSPITAL}/screening")
    screenings = demo.screen(ID + HOSPITAL)
    anchors = {s.provision.removeprefix(f"{ID}provision/") for s in screenings}
    assert anchors <= set(page.ids)
    tests = [a for a in page.all("div") if a.get("class", "").startswith("test test-")]
    assert len(tests) == 6 * len(screenings)
    for verdict in VERDICTS:
        many = sum(t.verdict.value == verdict for s in screenings for t in s.tests)
        assert sum(a["class"].endswith(verdict) for a in tests) == many > 0


def test_screening_says_what_it_is_and_which_rule_and_snapshot_made_it(
    client: FlaskClient, demo: KnowledgeBase
) -> None:
    for path in (HOSPITAL, f"{HOSPITAL}/screening", OFFENCE):
        text = words(get(client, f"/en/{path}"))
        assert "Computed by a published rule" in text and "It is not a finding" in text
        assert f"kb/applicability/rule.py; snapshot {demo.snapshot().number}." in text


def test_screening_reasons_name_facts_and_law(client: FlaskClient) -> None:
    text = words(get(client, f"/en/{HOSPITAL}/screening"))
    assert "It applies only from \u20683 May 2016, 00:00 UTC+3\u2069" in text  # 2286, after the hospital was hit
    assert "The type of the conflict reported is Non-international armed conflict" in text
    assert "A person must first establish: the object was not a military objective" in text
    arabic = words(get(client, f"/ar/{HOSPITAL}/screening"))
    assert "يجب أن يُثبت شخص أولًا" in arabic and "لا يسري إلا منذ" in arabic


def test_screening_lists_the_facts_it_looked_at_and_what_is_not_recorded(client: FlaskClient) -> None:
    page = get(client, f"/en/{HOSPITAL}/screening")
    assert "Hospital" in page.text and "nothing recorded: a test that needs it says unknown" in page.text
    assert "between 27 April 2016" in words(page)


def test_screening_shows_the_mark_of_the_classification_it_leans_on(client: FlaskClient) -> None:
    page = get(client, f"/en/{HOSPITAL}/screening")
    assert "The conflict there is so classified by: " in page.text
    for claim in (
        "Syrian Network for Human Rights (Non-international armed conflict, Verified)",
        "International Committee of the Red Cross (Non-international armed conflict, Unverified)",
    ):
        assert claim in page.text
    assert any(a["href"].endswith("/source/snhr-2016-08-17#conflict") for a in page.all("a"))


def test_every_screening_shows_how_far_its_law_was_verified(client: FlaskClient, demo: KnowledgeBase) -> None:
    html = client.get(f"/en/{HOSPITAL}/screening", headers=BROWSER).get_data(as_text=True)
    assert len(re.findall(r'Its scope as data</a>\s+<span class="mark mark-', html)) == len(demo.screen(ID + HOSPITAL))


def test_incident_page_puts_what_is_claimed_first_and_apart(client: FlaskClient) -> None:
    text = words(get(client, f"/en/{HOSPITAL}"))
    parts = ["Suggested for examination", "What the law's scope says",
             "Provisions that claims about this incident name",
             "Other provisions, by instrument", "Nobody claims anything under these provisions",
             "Applicability is not jurisdiction"]  # fmt: skip
    text = text[text.index(parts[0]) :]
    places = [text.index(part) for part in parts]
    assert places == sorted(places)


def test_claim_on_a_whole_instrument_shows_its_provisions(client: FlaskClient, demo: KnowledgeBase) -> None:
    html = client.get(f"/en/{HOSPITAL}", headers=BROWSER).get_data(as_text=True)
    part = html[html.index("The claim names it as a whole") :]
    part = part[: part.index("Other provisions, by instrument")]
    covered = [s for s in demo.screen(ID + HOSPITAL) if "/unsc-2268/" in s.provision]
    assert covered
    assert all(f"/en/{s.provision.removeprefix(ID)}#scope" in part for s in covered)


@pytest.mark.parametrize(("path", "most"), [(HOSPITAL, 2), (f"{HOSPITAL}/screening", 0), (MATRIX, 0), (OFFENCE, 7)])
def test_page_asks_few_questions(
    path: str, most: int, demo: KnowledgeBase, monkeypatch: pytest.MonkeyPatch
) -> None:
    client, asked = create_app(demo).test_client(), list[str]()
    ask = KnowledgeBase.ask

    def counted(self: KnowledgeBase, query: str, *rest: Any, **more: Any) -> Answer:
        asked.append(query)
        return ask(self, query, *rest, **more)

    monkeypatch.setattr(KnowledgeBase, "ask", counted)
    assert client.get(f"/en/{path}", headers=BROWSER).status_code == 200
    assert len(asked) == most


# jurisdiction


@LANGUAGES
def test_jurisdiction_is_kept_apart_and_names_the_veto(client: FlaskClient, language: str) -> None:
    page = get(client, f"/{language}/{HOSPITAL}")
    assert "jurisdiction" in page.ids
    links = {unquote(a["href"]) for a in page.all("a")}
    assert f"/{language}/instrument/unsc-draft-2014-348" in links and f"/{language}/actor/china" in links
    answers = [a["class"] for a in page.all("div") if "avenue-" in a.get("class", "")]
    assert answers == [f"test avenue-{a}" for a in ("closed", "closed", "closed", "unknown", "note")]


# provisions


@LANGUAGES
def test_provision_page_shows_its_scope_as_data(client: FlaskClient, demo: KnowledgeBase, language: str) -> None:
    page, now = get(client, f"/{language}/provision/unsc-2268/op1"), demo.snapshot()
    scope = NamedNode(f"{ID}provision/unsc-2268/op1#scope")
    assert {"scope", "precondition-accepted-the-terms"} <= set(page.ids)
    for triple in now.store.node(scope):
        if isinstance(triple.object, NamedNode) and triple.object.value.startswith(("https://w3id.org/mizan/id/",)):
            labels = now.labels(triple.object.value)
            assert triple.predicate == MZ.inRecord or labels.get(language, labels.get("en", "")) in page.text
    assert ("22:00 UTC" in page.text) and "Further statements" not in page.text


@LANGUAGES
def test_offence_page_lists_elements_in_order_with_marks(client: FlaskClient, language: str) -> None:
    page = get(client, f"/{language}/{OFFENCE}")
    assert [i for i in page.ids if i.startswith("element-")] == [f"element-{n}" for n in range(1, 6)]
    assert [a["value"] for a in page.all("li") if "value" in a] == ["1", "2", "3", "4", "5"]
    matrices = [unquote(a["href"]) for a in page.all("a") if "/elements/" in a["href"]]
    assert f"/{language}/{MATRIX}" in matrices
    assert all(get(client, address).all("h1") for address in sorted(set(matrices))[:3])


def test_offence_of_several_crimes_keeps_their_elements_apart(client: FlaskClient) -> None:
    page = get(client, "/en/provision/rome-statute/8-2-c-i")
    assert "8(2)(c)(i)-1" in page.text
    assert page.ids.index("murder-element-1") < page.ids.index("murder-element-5")


def test_provision_page_keeps_asserted_and_computed_apart(client: FlaskClient, demo: KnowledgeBase) -> None:
    html = client.get(f"/en/{OFFENCE}", headers=BROWSER).get_data(as_text=True)
    asserted, computed = html.index('id="incidents"'), html.index('id="computed"')
    rows = demo.rows("browse", "provision_outcomes", provision=[ID + OFFENCE])
    numbers = {r["outcome"].value.rpartition("#")[2]: r["incidents"].value for r in rows}
    assert asserted < computed
    assert sum(map(int, numbers.values())) == demo.snapshot().index.counts()["incident"]
    assert f"{numbers['undetermined']} incidents" in html[computed:]
    assert "Each link is a claim" in html[asserted:computed]


def test_provision_page_shows_what_it_reflects_both_ways(client: FlaskClient) -> None:
    custom = "provision/icrc-customary-ihl/rule-28"
    for here, there in ((OFFENCE, custom), (custom, OFFENCE)):
        assert f"/en/{there}" in {a["href"] for a in get(client, f"/en/{here}").all("a")}


def test_provision_without_a_scope_says_so(client: FlaskClient) -> None:
    assert "No scope is recorded for this provision" in get(client, "/en/provision/unsc-2268/op10").text


def test_every_provision_page_is_sound_and_marked(client: FlaskClient, demo: KnowledgeBase) -> None:
    for node in demo.snapshot().store.subjects(RDF.type, MZ.Provision):
        page = get(client, f"/en/{node.value.removeprefix(ID)}")
        assert not page.faults and len(page.ids) == len(set(page.ids))
        assert any(a.get("class", "").startswith("mark ") for a in page.all("span")), node
        assert "Further statements" not in page.text, node


# instruments


@LANGUAGES
def test_statute_page_shows_participation_of_states(client: FlaskClient, language: str) -> None:
    page = get(client, f"/{language}/instrument/rome-statute")
    assert {f"participation-{s}" for s in ("iran", "russia", "syria", "turkey", "united-states")} <= set(page.ids)
    assert ("30 November 2016" if language == "en" else "30 تشرين الثاني/نوفمبر 2016") in page.text
    links = {a["href"] for a in page.all("a")}
    assert {f"/{language}/instrument/rc-res-5", f"/{language}/instrument/unsc-draft-2014-348"} <= links


def test_draft_page_shows_votes_and_vetoes(client: FlaskClient) -> None:
    page = get(client, "/en/instrument/unsc-draft-2014-348")
    assert "Not adopted: a permanent member" in page.text
    assert {"/en/actor/china", "/en/actor/russia"} <= {a["href"] for a in page.all("a")}
    statute = words(get(client, "/en/instrument/rome-statute"))
    assert "put to the vote on 22 May 2014, 13 for and 2 against" in statute


def test_every_instrument_page_leaves_nothing_over(client: FlaskClient, demo: KnowledgeBase) -> None:
    for node in demo.snapshot().store.subjects(RDF.type, MZ.LegalInstrument):
        page = get(client, f"/en/{node.value.removeprefix(ID)}")
        assert not page.faults and "Further statements" not in page.text, node


# what sources claim, beside the screening


@LANGUAGES
@pytest.mark.parametrize("path", ["source/snhr-2016-08-17", "series/snhr-2016-russian-attacks"])
def test_every_legal_claim_of_the_report_stands_beside_the_screening(
    client: FlaskClient, demo: KnowledgeBase, path: str, language: str
) -> None:
    html = client.get(f"/{language}/{path}", headers=BROWSER).get_data(as_text=True)
    part = html[html.index('id="checked"') :]
    claims = check.mappings(demo.snapshot().store, f"{ID}actor/snhr")
    assert len(claims) == 6
    for iri in claims:
        assert f"/{language}/{iri.removeprefix(ID)}" in part
        found = check.check(demo.snapshot().store, demo.screener(), iri)
        for text in found.invoked:
            for outcome in Outcome:
                if text.count(outcome):
                    assert f'outcome-{outcome.value}"><bdi>{text.count(outcome)}</bdi>' in part


def test_report_on_the_cessation_is_told_how_many_incidents_precede_it(client: FlaskClient) -> None:
    text = words(get(client, "/en/source/snhr-2016-08-17"))
    part = text[text.index("What the screening says of these legal claims") :]
    part = part[part.index("Security Council resolution 2268") :]
    assert "19 of them precede the beginning of the text's application, 26 February 2016, 22:00 UTC." in part
    assert "invokes it for the whole of" in part and "The claims stay as they were made" in text


@LANGUAGES
def test_slip_in_the_report_is_flagged_and_not_corrected(client: FlaskClient, language: str) -> None:
    page = get(client, f"/{language}/source/snhr-2016-08-17")
    assert "Article VII of the Rome Stature" in page.text  # as the report spells it
    assert f"/{language}/source/snhr-2016-08-17#note-article-vii" in {a["href"] for a in page.all("a")}
    flagged = {"en": "Flagged by the curators, not corrected", "ar": "نبّه إليه المحررون ولم يصححوه"}[language]
    assert flagged in page.text


# elements against the record


@LANGUAGES
def test_matrix_names_indications_as_such_and_the_gap(client: FlaskClient, language: str) -> None:
    page = get(client, f"/{language}/{MATRIX}")
    assert [i for i in page.ids if re.fullmatch(r"e\d", i)] == ["e1", "e2", "e3", "e4", "e5"]
    text = words(page)
    for said in {
        "en": ["They are indications and no assessment", "assessed by nobody", "Evidence of this kind is missing",
               "accounts differ", "no one is accused here"],
        "ar": ["وهي قرائن وليست تقييماً", "لم يقيّمه أحد", "تنقص أدلة من هذا النوع", "الروايات مختلفة"],
    }[language]:  # fmt: skip
        assert said in text
    assert not re.search(r"\b(guilty|perpetrat|committed|proved)\b", text, re.IGNORECASE)


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("incident/syria-2015-16/INC-999/elements/rome-statute/8-2-e-iv", 404),
        ("incident/syria-2015-16/INC-021/elements/rome-statute/99", 404),
        ("incident/syria-2015-16/INC-021/elements/unsc-2268/op1", 400),
        ("incident/syria-2015-16/INC-999/screening", 404),
        ("incident/syria-2015-16/screening", 404),
    ],
)
def test_pages_about_what_is_not_there_say_so(client: FlaskClient, path: str, status: int) -> None:
    assert get(client, f"/en/{path}", status).all("h1")


# verification


@LANGUAGES
def test_status_page_lists_all_that_is_not_verified(client: FlaskClient, demo: KnowledgeBase, language: str) -> None:
    page = get(client, f"/{language}/law/status")
    rows = demo.rows("browse", "law_status")
    links = {unquote(a["href"]) for a in page.all("a")}
    assert rows
    for row in rows:
        assert f"/{language}/{row['node'].value.removeprefix(ID)}" in links
        if "source" in row:
            assert unquote(row["source"].value) in links
    assert "Only the first" not in page.text


def test_status_query_misses_no_mark(demo: KnowledgeBase) -> None:
    store, listed = demo.snapshot().store, {r["node"].value for r in demo.rows("browse", "law_status")}
    marks = [NamedNode(f"{PREFIXES['scheme']}verification#{m}") for m in ("unverified", "partly-verified")]
    verification = NamedNode(PREFIXES["mz"] + "verification")
    law = ("instrument/", "provision/")
    for node in (n for mark in marks for n in store.subjects(verification, mark)):
        if node.value.removeprefix(ID).startswith(law):
            assert node.value in listed


def test_same_snapshot_answers_304_on_pages_of_the_law(client: FlaskClient) -> None:
    for path in (f"{HOSPITAL}/screening", MATRIX, "law/status"):
        tag = client.get(f"/en/{path}", headers=BROWSER).headers["ETag"]
        assert client.get(f"/en/{path}", headers={**BROWSER, "If-None-Match": tag}).status_code == 304
        assert client.get(f"/ar/{path}", headers={**BROWSER, "If-None-Match": tag}).status_code == 200


# hostile records


def test_hostile_law_is_shown_as_text(fresh_home: Path) -> None:
    provision, label = f"{ID}provision/evil/1", NamedNode(PREFIXES["skos"] + "prefLabel")

    def say(node: str, name: str, value: NamedNode | Literal) -> Triple:
        prefix, _, local = name.partition(":")
        return Triple(NamedNode(node), NamedNode(PREFIXES[prefix] + local), value)

    triples = [
        Triple(NamedNode(provision), RDF.type, MZ.Provision),
        Triple(NamedNode(provision), label, literal(EVIL, language="en")),
        say(provision, "mz:ofInstrument", NamedNode("javascript:alert(1)")),
        Triple(NamedNode(f"{provision}#scope"), RDF.type, MZ.Scope),
        say(f"{provision}#scope", "mz:scopeOf", NamedNode(provision)),
        say(f"{provision}#scope", "mz:summary", literal(EVIL, language="en")),
        say(f"{provision}#scope", "mz:from", literal("2016-01-01T00:00:00+00:00", PREFIXES["xsd"] + "dateTime")),
        say(f"{provision}#scope", "dcterms:source", NamedNode("javascript:alert(1)")),
        say(f"{provision}#scope", "mz:verification", NamedNode(f"{PREFIXES['scheme']}verification#unverified")),
        say(f"{provision}#scope", "mz:verificationBasis", literal(EVIL)),
        Triple(NamedNode(f"{provision}#element-1"), RDF.type, MZ.Element),
        Triple(NamedNode(f"{provision}#element-1"), label, literal(EVIL, language="ar")),
        say(f"{provision}#element-1", "mz:elementOf", NamedNode(provision)),
        say(f"{provision}#element-1", "mz:elementNumber", literal("x")),
    ]
    with KnowledgeBase.open(fresh_home) as base:
        base.write(document.records(triples), {"label": "evil"})
        client = create_app(base).test_client()
        for path in ("/en/provision/evil/1", "/ar/provision/evil/1", "/en/law/status", "/en/search?q=alert"):
            page = get(client, path)
            assert EVIL in page.text and not page.all("script")
            assert not any("javascript" in a["href"] for a in page.all("a"))


def test_words_of_the_engine_all_have_words_on_the_page() -> None:
    assert set(TESTS) == set(NAMES)
    assert set(VERDICTS) == {v.value for v in Verdict}
    assert set(OUTCOMES) == {o.value for o in Outcome}
    assert set(GROUNDS) == set(Ground) and set(ANSWERS) == {"open", "closed", "unknown", "note"}
