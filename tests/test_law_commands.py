"""`mizan screen`, `mizan law status`, the API, claims beside the screening, and jurisdiction kept apart from it."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Callable
from pathlib import Path

import pytest
from pyoxigraph import NamedNode

from kb.applicability import check, law
from kb.applicability.facts import Facts
from kb.applicability.jurisdiction import Ground, avenues, reason
from kb.applicability.law import Membership, Referral
from kb.applicability.verdict import TESTS, Outcome
from kb.errors import NotFound
from kb.knowledgebase import KnowledgeBase, table
from kb.ns import ID, MZ
from kb.query import saved
from web.app import create_app

Mizan = Callable[..., tuple[int, str, str]]
INCIDENT = f"{ID}incident/syria-2015-16/INC-021"
STATUTE = f"{ID}instrument/rome-statute"
CLAIM = f"{ID}source/snhr-2016-08-17#legal-"


def test_screen_says_each_test_in_words(mizan: Mizan, demo_home: Path) -> None:
    for language, word in (("en", "precondition: unknown."), ("ar", "الشرط المسبق: غير معروف.")):
        code, out, err = mizan(
            "screen", "syria-2015-16/INC-021", "--provision", "rome-statute/8-2-e-iv", "--language", language,
            "--home", str(demo_home),
        )  # fmt: skip
        assert (code, err) == (0, "")
        assert word in out


def test_screen_json_and_api_give_the_same_answer(mizan: Mizan, demo_home: Path, demo: KnowledgeBase) -> None:
    only = ("--outcome", "undetermined", "--json")
    _, out, _ = mizan("screen", "syria-2015-16/INC-021", *only, "--home", str(demo_home))
    client = create_app(demo).test_client()
    got = client.get("/api/screen?incident=syria-2015-16/INC-021&outcome=undetermined")
    assert got.status_code == 200 and got.mimetype == "application/json"
    (told,) = json.loads(out)
    (served,) = got.json["incidents"]
    assert served["screenings"] == told["screenings"] != []
    assert served["jurisdiction"] == told["jurisdiction"]
    for screening in served["screenings"]:
        assert [t["test"] for t in screening["tests"]] == list(TESTS)
        assert all(t["reason"]["en"] and t["reason"]["ar"] for t in screening["tests"])


def test_screen_without_incident_counts_every_incident_for_every_provision(mizan: Mizan, demo_home: Path) -> None:
    code, out, _ = mizan("screen", "--json", "--home", str(demo_home))
    rows = json.loads(out)
    assert code == 0 and len(rows) > 150
    assert {r["applicable"] + r["undetermined"] + r["not_applicable"] for r in rows} == {30}
    code, out, _ = mizan("screen", "--provision", "unsc-2268/op5", "--home", str(demo_home))
    assert code == 0 and out.splitlines()[1].split()[:4] == ["11", "0", "19", "unsc-2268/op5"]


@pytest.mark.parametrize("address", ["incident=nothing/here", "provision=unsc-2268/op9", "incident=a b<"])
def test_api_says_what_is_not_there(address: str, demo: KnowledgeBase) -> None:
    got = create_app(demo).test_client().get(f"/api/screen?{address}", headers={"Accept": "application/json"})
    assert got.status_code in (400, 404)
    assert got.json["what"] and got.json["status"] == got.status_code


def test_api_refuses_a_parameter_that_it_does_not_know(demo: KnowledgeBase) -> None:
    assert create_app(demo).test_client().get("/api/screen?incidents=x").status_code == 400


def test_screen_of_a_provision_without_scope_is_refused(mizan: Mizan, demo_home: Path) -> None:
    code, _, err = mizan("screen", "--provision", "unsc-2268/op9", "--home", str(demo_home))
    assert code == 2 and err.count("\n") == 1 and "mizan screen" in err


def test_law_status_lists_what_would_settle_it(mizan: Mizan, demo_home: Path) -> None:
    code, out, _ = mizan("law", "status", "--json", "--home", str(demo_home))
    groups = json.loads(out)
    assert code == 0 and len(groups) > 20
    assert all(item["settled_by"].startswith("http") for g in groups for item in g["open"])
    assert all(sum(g["counts"].values()) == len(g["open"]) for g in groups)
    code, out, _ = mizan("law", "status", "--home", str(demo_home))
    assert code == 0 and "https://undocs.org/S/RES/2268(2016)" in out


def test_claim_stands_beside_the_screening(demo: KnowledgeBase) -> None:
    found = demo.check_mapping(CLAIM + "2268")
    (invoked,) = found.invoked
    assert found.claimant == f"{ID}actor/snhr" and found.series and len(found.incidents) == 30
    assert invoked.whole and invoked.starts == 1456524000.0  # 2016-02-26T22:00:00Z
    assert invoked.preceding == invoked.count(Outcome.NOT_APPLICABLE) == 19
    assert found.notes == (f"{ID}source/snhr-2016-08-17#note-2268-in-time",)
    assert demo.check_mapping(CLAIM + "2254").invoked[0].preceding == 13
    (article, norm) = demo.check_mapping(CLAIM + "wilful-killing").invoked
    assert article.text == f"{ID}provision/rome-statute/8" and article.count(Outcome.APPLICABLE) == 0
    assert norm.provisions


def test_claim_about_one_incident_is_judged_by_that_incident(demo: KnowledgeBase) -> None:
    found = demo.check_mapping(f"{ID}incident/syria-2015-16/INC-004#candidate-1")
    assert found.incidents == (f"{ID}incident/syria-2015-16/INC-004",) and not found.series
    assert not found.invoked[0].whole and len(found.invoked[0].judged) == 1


def test_claim_that_does_not_exist_is_not_found(demo: KnowledgeBase) -> None:
    with pytest.raises(NotFound):
        demo.check_mapping(INCIDENT)


def test_claims_query_and_engine_agree(demo: KnowledgeBase) -> None:
    here = demo.snapshot()
    for claimant in ("snhr", "mizan-curators"):
        text = saved.load("report", "claims_against_screening").bind({"claimant": f"actor/{claimant}"})
        asked = {
            (r["mapping"].value, r["invoked"].value): tuple(
                int(r[n].value) for n in ("applicable", "undetermined", "not_applicable", "precedes")
            )
            for r in table(demo.ask(text))
        }
        told = {
            (m, i.text): (*(i.count(o) for o in (Outcome.APPLICABLE, Outcome.UNDETERMINED, Outcome.NOT_APPLICABLE)),
                          i.preceding)
            for m in check.mappings(here.store, f"{ID}actor/{claimant}")
            for i in demo.check_mapping(m).invoked if i.judged and "/scheme/" not in i.text
        }  # fmt: skip
        assert asked == told != {}


def test_article_vii_slip_is_flagged_and_kept(demo: KnowledgeBase) -> None:
    store = demo.snapshot().store
    claim = NamedNode(f"{ID}source/snhr-2016-08-17#recommendation-r2p-article-vii")
    assert store.knows(claim.value)
    assert any(node.value.endswith("#note-article-vii") for node in store.subjects(MZ.about, claim))


def test_jurisdiction_of_the_court_over_what_happened_in_syria(demo: KnowledgeBase) -> None:
    here = demo.snapshot()

    def name(iri: str, language: str) -> str:
        return here.labels(iri)[language]

    (court,) = demo.jurisdiction(INCIDENT)
    assert court.statute == STATUTE
    found = {a.ground: a for a in court.avenues}
    assert {g: a.answer for g, a in found.items()} == {
        Ground.TERRITORY: "closed", Ground.NATIONALITY: "closed", Ground.REFERRAL: "closed",
        Ground.DECLARATION: "unknown", Ground.UNIVERSAL: "note",
    }  # fmt: skip
    assert found[Ground.REFERRAL].states == (f"{ID}actor/china", f"{ID}actor/russia")
    assert found[Ground.REFERRAL].law == (f"{ID}instrument/unsc-draft-2014-348",)
    assert found[Ground.UNIVERSAL].law == (f"{ID}provision/icrc-customary-ihl/rule-157",)
    for avenue in court.avenues:
        english, arabic = reason(avenue, "en", name), reason(avenue, "ar", name)
        assert english.endswith(".") and "{" not in english + arabic and "https:" not in english + arabic


def test_jurisdiction_does_not_follow_from_a_mapping(demo: KnowledgeBase) -> None:
    store = demo.snapshot().store
    crimes = {m.partition("#")[0] for m in check.mappings(store) if "/rome-statute/" in str(store.objects(
        NamedNode(m), MZ.invokes))}  # fmt: skip
    everywhere = [f"{ID}incident/syria-2015-16/INC-{n:03}" for n in range(1, 31)]
    assert set(everywhere) & crimes
    assert {a.answer for i in everywhere for a in demo.jurisdiction(i)[0].avenues if a.ground is Ground.TERRITORY} == {
        "closed"
    }


def test_jurisdiction_opens_with_a_party_or_a_referral_in_force(demo: KnowledgeBase) -> None:
    rules = law.read(demo.snapshot().store)
    facts = Facts(1456000000, 1456000001, frozenset((f"{ID}place/SY",)), actors=frozenset((f"{ID}actor/russia",)))
    joined = Membership(STATUTE, f"{ID}actor/syria", 1000000000, None)
    others = tuple(m for m in rules.memberships[STATUTE] if m.state != joined.state)
    rules.memberships[STATUTE] = (*others, joined)
    referral = Referral("x", STATUTE, frozenset((f"{ID}place/SY",)), frozenset())
    found = avenues(rules, STATUTE, facts)
    assert [a.answer for a in found[:3]] == ["open", "closed", "closed"]
    rules.memberships[STATUTE] = (*others, Membership(STATUTE, f"{ID}actor/syria", 1456000001, None))
    assert avenues(rules, STATUTE, facts)[0].answer == "unknown"  # it joined in the middle of the time
    object.__setattr__(rules, "referrals", (*rules.referrals, referral))
    assert avenues(rules, STATUTE, facts)[2].answer == "open"
    nowhere = avenues(rules, STATUTE, Facts())
    assert [a.answer for a in nowhere] == ["unknown"] * 4


@pytest.mark.parametrize("language", ["en", "ar"])
def test_law_guide_can_be_followed_word_by_word(
    language: str, demo_copy: Path, tmp_path: Path, mizan: Mizan, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = Path("web/help").resolve()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MIZAN_HOME", str(demo_copy))
    (turtle,) = re.findall(r"```turtle\n(.*?)```", (folder / "jurist.en.md").read_text(encoding="utf-8"), re.DOTALL)
    (tmp_path / "example-2016.ttl").write_text(turtle, encoding="utf-8")
    blocks = re.findall(r"```sh\n(.*?)```", (folder / f"jurist.{language}.md").read_text(encoding="utf-8"), re.DOTALL)
    lines = [line for block in blocks for line in block.replace("\\\n", " ").splitlines()]
    assert len(lines) == 10
    for line in lines:
        code, out, err = mizan(*shlex.split(line)[1:])
        assert code == 0, f"{line}: {err}"
    assert "example-2016" in out
