"""Contributing on the site: the gate, the forms that the shapes make, refusals that lose nothing, and the review."""

from __future__ import annotations

import io
import re
import shutil
import time
import zipfile
from collections.abc import Iterator
from html import unescape
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from kb.errors import BadFile
from kb.form import form_of, name_of
from kb.knowledgebase import KnowledgeBase
from kb.ns import ID, MZ, MZ_BASE
from kb.people import Register
from kb.people.database import opened
from kb.query import policy
from kb.review import upload
from tests.incident_table import ROW, encoded
from web.app import create_app
from web.contribute.gate import COOKIE, FIELD
from web.contribute.place import EXTENSION

PAGES = ["contribute/", "contribute/incident", "contribute/claim", "contribute/review", "contribute/upload",
         "contribute/claim/casualties/syria-2015-16/INC-021", "contribute/submission/abc", "contribute/nothing-here",
         "contribute/choices?kinds=actor&q=a", "contribute", "contribute/assess/x"]  # fmt: skip
INCIDENT = {
    "skos:prefLabel@en": "Reported strike on a clinic", "dcterms:identifier": "C-1", "mz:date": "2016-02-27",
    "mz:place/skos:prefLabel@en": "Aleppo", "mz:place/mz:placePrecision": "town", "mz:objectHit": "hospital",
}  # fmt: skip
CLAIM = {
    "mz:claimant": "airwars", "mz:claimDate": "2016-05-01", "mz:harm": "killed", "mz:victimCategory": "civilian",
    "mz:minimum": "3", "mz:maximum": "5",
}  # fmt: skip
ABOUT = "contribute/claim/casualties/syria-2015-16/INC-021"


class Visitor:
    """A browser that has signed in, or not."""

    def __init__(self, app: Flask, token: str = "", lang: str = "en") -> None:
        self.client: FlaskClient = app.test_client()
        self.lang = lang
        if token:
            answer = self.post("sign-in", {"token": token})
            assert answer.status_code == 303, answer.text

    def get(self, path: str) -> TestResponse:
        return self.client.get(f"/{self.lang}/{path}")

    def secret(self, path: str) -> str:
        found = re.search(rf'name="{FIELD}" value="([^"]+)"', self.get(path).text)
        return found[1] if found else ""

    def post(self, path: str, values: dict[str, object], form: str = "") -> TestResponse:
        return self.client.post(f"/{self.lang}/{path}", data={FIELD: self.secret(form or path), **values})

    def sent(self, path: str, values: dict[str, object]) -> str:
        answer = self.post(path, values)
        assert answer.status_code == 303, errors(answer)
        return answer.location.partition("submission/")[2].partition("?")[0]

    def act(self, ident: str, did: str, **values: object) -> TestResponse:
        page = self.get(f"contribute/submission/{ident}").text
        found = re.search(r'name="version" value="(\d+)"', page)
        version = found[1] if found else "0"
        at = f"contribute/submission/{ident}"
        return self.post(f"{at}/{did}", {"version": version, **values}, form=at)


def errors(answer: TestResponse) -> list[str]:
    return [unescape(re.sub("<[^>]+>", "", e)) for e in re.findall(r'class="error"[^>]*>(.*?)</p>', answer.text)]


@pytest.fixture(scope="module")
def home(demo_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("contribute") / "home"
    shutil.copytree(demo_home, target)
    return target


@pytest.fixture(scope="module")
def base(home: Path) -> Iterator[KnowledgeBase]:
    with KnowledgeBase.open(home) as opened:
        yield opened


@pytest.fixture(scope="module")
def app(base: KnowledgeBase) -> Flask:
    return create_app(base)


@pytest.fixture(scope="module")
def tokens(base: KnowledgeBase) -> dict[str, str]:
    made = Register(base.home).new
    return {
        "contributor": made("Team 3", "contributor", "30d"), "reviewer": made("Editor", "reviewer", "30d"),
        "other": made("Team 4", "contributor", "30d"),
        "narrow": made("Reader", "contributor", "30d", frozenset({"upload"})),
    }  # fmt: skip


@pytest.fixture(scope="module")
def author(app: Flask, tokens: dict[str, str]) -> Visitor:
    return Visitor(app, tokens["contributor"])


@pytest.fixture(scope="module")
def reviewer(app: Flask, tokens: dict[str, str]) -> Visitor:
    return Visitor(app, tokens["reviewer"])


@pytest.fixture(autouse=True)
def _no_attempts(base: KnowledgeBase) -> Iterator[None]:
    """The brake is on the client, and all clients of these tests share one address."""
    yield
    with opened(base.home.people) as connection:
        connection.execute("DELETE FROM attempts")


# the gate


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS"])
@pytest.mark.parametrize("path", PAGES)
def test_without_a_token_every_page_inside_is_as_if_it_did_not_exist(app: Flask, path: str, method: str) -> None:
    for lang in ("en", "ar"):
        answer = app.test_client().open(f"/{lang}/{path}", method=method)
        assert answer.status_code == 404
        assert "Allow" not in answer.headers


def test_pages_lead_inside_only_for_those_who_have_signed_in(app: Flask, author: Visitor) -> None:
    for path in ("", "incidents", "incident/syria-2015-16/INC-021"):
        assert "contribute" not in app.test_client().get(f"/en/{path}").text
    front = author.get("")
    assert "/en/contribute/" in front.text and "private" in front.headers["Cache-Control"]
    other = author.client.get("/en/", headers={"If-None-Match": app.test_client().get("/en/").headers["ETag"]})
    assert other.status_code == 200


def test_page_made_for_somebody_is_given_to_nobody_else(app: Flask, author: Visitor, reviewer: Visitor) -> None:
    path = "incident/syria-2015-16/INC-012"
    for _ in range(2):
        assert "/contribute/" in author.get(path).text
        assert "/contribute/" not in app.test_client().get(f"/en/{path}").text
    tags = {v.get(path).headers["ETag"] for v in (author, reviewer, Visitor(app))}
    assert len(tags) == 3


def test_cookie_is_closed_to_scripts_and_other_sites(app: Flask, tokens: dict[str, str]) -> None:
    visitor = Visitor(app)
    answer = visitor.post("sign-in", {"token": tokens["contributor"]})
    cookie = next(c for c in answer.headers.getlist("Set-Cookie") if c.startswith(COOKIE))
    assert "HttpOnly" in cookie and "SameSite=Strict" in cookie and "Secure" not in cookie
    secure = app.test_client()
    page = secure.get("/en/sign-in", base_url="https://localhost")
    found = re.search(rf'name="{FIELD}" value="([^"]+)"', page.text)
    assert found
    answer = secure.post(
        "/en/sign-in", base_url="https://localhost", data={FIELD: found[1], "token": tokens["contributor"]}
    )
    assert all("Secure" in c for c in answer.headers.getlist("Set-Cookie"))


def test_signing_in_gives_a_new_session_whatever_the_browser_brought(app: Flask, tokens: dict[str, str]) -> None:
    visitor = Visitor(app)
    visitor.client.set_cookie(COOKIE, "chosen-by-somebody-else")
    assert visitor.post("sign-in", {"token": tokens["contributor"]}).status_code == 303
    held = visitor.client.get_cookie(COOKIE)
    assert held is not None and held.value != "chosen-by-somebody-else"
    again = Visitor(app, tokens["contributor"])
    again.client.set_cookie(COOKIE, held.value)
    assert again.post("sign-in", {"token": tokens["contributor"]}).status_code == 303
    assert visitor.get("contribute/").status_code == 404  # the session that was brought has ended


def test_signing_in_leads_nowhere_else(app: Flask, tokens: dict[str, str]) -> None:
    visitor = Visitor(app)
    answer = visitor.post("sign-in?next=https://example.org", {"token": tokens["contributor"], "next": "//example.org"},
                          form="sign-in")  # fmt: skip
    assert answer.location == "/en/contribute/"


def test_wrong_token_is_refused_without_saying_why_it_does_not_hold(app: Flask, base: KnowledgeBase) -> None:
    register = Register(base.home)
    ended = register.new("Gone", "contributor", "30d")
    register.revoke(ended.split("_")[1])
    pages = set()
    for token in ("mizan_nothing", ended, "x" * 5000):
        answer = Visitor(app).post("sign-in", {"token": token})
        assert answer.status_code == 403
        pages.add(re.sub(r'value="[^"]*"', "", answer.text))
    assert len(pages) == 1
    other = Visitor(app)
    for _ in range(4):
        last = other.client.post("/en/sign-in", data={FIELD: other.secret("sign-in"), "token": "mizan_guess"})
    assert last.status_code == 429 and int(last.headers["Retry-After"]) > 0


def test_form_of_another_session_is_refused(author: Visitor, reviewer: Visitor) -> None:
    for token in ("", "x", reviewer.secret("contribute/incident")):
        answer = author.client.post("/en/contribute/incident", data={FIELD: token, **INCIDENT})
        assert answer.status_code == 403
    own = author.secret("contribute/incident")
    answer = author.client.post(
        "/en/contribute/incident", data={FIELD: own, **INCIDENT}, headers={"Sec-Fetch-Site": "cross-site"}
    )
    assert answer.status_code == 403
    assert author.client.post("/en/sign-out").status_code == 403


def test_signing_out_ends_the_session(app: Flask, tokens: dict[str, str]) -> None:
    visitor = Visitor(app, tokens["contributor"])
    held = visitor.client.get_cookie(COOKIE)
    assert visitor.post("sign-out", {}, form="contribute/").status_code == 303
    assert held is not None
    visitor.client.set_cookie(COOKIE, held.value)
    assert visitor.get("contribute/").status_code == 404


def test_revoked_token_ends_the_session_at_once(app: Flask, base: KnowledgeBase) -> None:
    register = Register(base.home)
    token = register.new("Soon gone", "contributor", "30d")
    visitor = Visitor(app, token)
    assert visitor.get("contribute/").status_code == 200
    register.revoke(token.split("_")[1])
    assert visitor.get("contribute/").status_code == 404


def test_expired_token_ends_the_session(app: Flask, tokens: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    visitor = Visitor(app, tokens["contributor"])
    assert visitor.get("contribute/").status_code == 200
    monkeypatch.setattr(app.extensions[EXTENSION].register, "_clock", lambda: time.time() + 31 * 86400)
    assert visitor.get("contribute/").status_code == 404
    assert visitor.post("sign-in", {"token": tokens["contributor"]}).status_code == 403


def test_wrong_role_or_scope_is_refused(author: Visitor, app: Flask, tokens: dict[str, str]) -> None:
    assert author.get("contribute/review").status_code == 403
    ident = author.sent(ABOUT, CLAIM)
    assert author.act(ident, "publish").status_code == 403
    assert author.act(ident, "return", reason="x").status_code == 403
    assert Visitor(app, tokens["narrow"]).get("contribute/incident").status_code == 403
    other = Visitor(app, tokens["other"])
    assert other.get(f"contribute/submission/{ident}").status_code == 404
    assert other.get(f"contribute/submission/{ident}/edit").status_code == 404
    assert author.act(ident, "withdraw").status_code == 303


def test_inside_is_kept_by_no_cache(author: Visitor) -> None:
    for path in ("contribute/", "contribute/incident", "sign-in"):
        answer = author.get(path)
        assert answer.headers["Cache-Control"] == "no-store" and "script-src 'none'" not in answer.text


# the forms


@pytest.mark.parametrize("of", ["Incident", "CasualtyEstimate", "Attribution", "PartyResponse", "FactualStatement",
                                "LegalMapping"])  # fmt: skip
def test_form_has_every_property_of_its_shape_with_words_in_both_languages(of: str) -> None:
    form = form_of(MZ_BASE + of)
    assert len(form.fields) > 10
    for field in form.fields:
        assert set(field.names) == {"en", "ar"} and set(field.rule) == {"en", "ar"}, field.path
        assert field.kind != "code" or field.schemes
    assert form.at(MZ_BASE + "claimant") is None or form.at(MZ_BASE + "claimant").least == 1  # type: ignore[union-attr]


def test_form_knows_kinds_counts_and_choices_from_the_shapes() -> None:
    form = form_of(MZ.Incident.value)
    place = form.at(MZ.place.value)
    assert place is not None and place.kind == "part" and place.part is not None and place.least == 1
    assert {f.kind for f in place.part.fields} >= {"words", "code", "thing", "text", "part"}
    hit = form.at(MZ.objectHit.value)
    assert hit is not None and (hit.kind, hit.schemes, hit.most) == ("code", ("object-hit",), 0)
    low = form_of(MZ.CasualtyEstimate.value).at(MZ.minimum.value)
    assert low is not None and (low.kind, low.most) == ("number", 1) and name_of(low.path) == "mz:minimum"


@pytest.mark.parametrize("lang", ["en", "ar"])
def test_refused_form_says_why_at_each_field_and_keeps_what_was_typed(
    app: Flask, tokens: dict[str, str], lang: str
) -> None:
    visitor = Visitor(app, tokens["contributor"], lang)
    wrong = {
        **INCIDENT, "mz:date": "2016-02-31", "mz:place/mz:placePrecision": "", "mz:objectHit": ["hospital", "no-such"],
        "mz:areaControlledBy": "nobody at all", "dcterms:description@ar": "وصف <b>",
    }  # fmt: skip
    answer = visitor.post("contribute/incident", wrong)
    assert answer.status_code == 422
    told = errors(answer)
    dated = form_of(MZ.Incident.value).at(MZ.date.value)
    assert dated is not None and dated.rule[lang] in told
    assert len(told) >= 4 and not [t for t in told if lang == "ar" and re.match(r"[A-Za-z “]+ ", t)]
    for text in ("Reported strike on a clinic", "2016-02-31", "no-such", "nobody at all", "وصف &lt;b&gt;"):
        assert text in answer.text
    assert answer.text.count('role="alert"') == 1


HOSTILE = [
    "<script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "javascript:alert(1)", "{{ 7*7 }}",
    "a\u202egpj.exe", "a\x00b", "\u2066x", "<svg/onload=1>",
]  # fmt: skip


@pytest.mark.parametrize("hostile", HOSTILE)
def test_hostile_text_in_every_field_is_shown_as_text_or_refused(author: Visitor, hostile: str) -> None:
    for path in ("contribute/incident", ABOUT):
        page = author.get(path).text
        names = set(re.findall(r'name="((?:\w+:)[^"]+)"', page))
        assert len(names) > 15
        answer = author.post(path, dict.fromkeys(names, hostile))
        assert answer.status_code == 422
        for live in ("<script>alert", "<img src=x", "<svg/onload", 'href="javascript:'):
            assert live not in answer.text
        assert "49" not in re.sub(r"\d{3,}", "", "".join(errors(answer)))


def test_text_that_is_too_long_is_refused_at_its_field_and_a_huge_one_at_the_door(author: Visitor) -> None:
    answer = author.post("contribute/incident", {**INCIDENT, "dcterms:description@en": "x" * 20_001})
    assert answer.status_code == 422 and len(errors(answer)) == 1
    answer = author.post("contribute/incident", {**INCIDENT, "dcterms:description@en": "x" * 1_100_000})
    assert answer.status_code == 413


def test_shape_over_several_fields_speaks_at_the_top(author: Visitor) -> None:
    answer = author.post(ABOUT, {**CLAIM, "mz:minimum": "", "mz:maximum": ""})
    assert answer.status_code == 422 and "at least one number" in answer.text
    answer = author.post(ABOUT, {**CLAIM, "mz:minimum": "9"})
    assert answer.status_code == 422 and errors(answer)
    answer = author.post(ABOUT, {**CLAIM, "mz:minimum": "three"})
    assert answer.status_code == 422 and "three" in answer.text and errors(answer)


def test_arabic_digits_are_numbers(author: Visitor, reviewer: Visitor, base: KnowledgeBase) -> None:
    ident = author.sent(ABOUT, {**CLAIM, "mz:minimum": "٣", "mz:maximum": "٥"})
    assert reviewer.act(ident, "publish").status_code == 303
    text = base.snapshot().record(f"{ID}claim/contributed/{ident}")
    assert [t for t in text if t.predicate == MZ.minimum and t.object.value == "3"]


def test_live_check_says_the_same_and_keeps_nothing(author: Visitor) -> None:
    secret = author.secret("contribute/incident")
    answer = author.client.post(
        "/en/contribute/live/incident", data={FIELD: secret, **INCIDENT, "dcterms:identifier": "C-9", "mz:date": "soon"}
    )
    assert answer.json is not None and [f["id"] for f in answer.json["faults"]] == ["f-mz-date"]
    assert "C-9" not in author.get("contribute/").text


def test_more_lines_are_given_without_a_script(author: Visitor) -> None:
    first = author.get("contribute/incident").text.count('name="mz:tag"')
    values = {**INCIDENT, "mz:tag": ["a", "b"], "do": "lines"}
    answer = author.post("contribute/incident", values)
    assert answer.status_code == 200 and answer.text.count('name="mz:tag"') == first + 2
    assert errors(answer) == []


# the review


def test_incident_waits_unseen_until_somebody_else_publishes_it(
    author: Visitor, reviewer: Visitor, base: KnowledgeBase, home: Path
) -> None:
    before = base.snapshot().number
    ident = author.sent("contribute/incident", INCIDENT)
    assert base.snapshot().number == before
    assert author.get("incident/contributed/C-1").status_code == 404
    assert INCIDENT["skos:prefLabel@en"] in reviewer.get("contribute/review").text
    returned = reviewer.act(ident, "return", reason="The date of the report is not that of the event.")
    assert returned.status_code == 303
    shown = author.get(f"contribute/submission/{ident}").text
    assert "The date of the report is not that of the event." in shown
    page = author.get(f"contribute/submission/{ident}/edit").text
    version = re.search(r'name="version" value="(\d+)"', page)
    assert version and INCIDENT["skos:prefLabel@en"] in page
    assert author.sent(f"contribute/submission/{ident}/edit",
                       {**INCIDENT, "mz:date": "2016-02-26", "version": version[1]}) == ident  # fmt: skip
    assert reviewer.act(ident, "publish").status_code == 303
    assert base.snapshot().number == before + 1
    public = author.get("incident/contributed/C-1")
    assert public.status_code == 200 and "26 February 2016" in public.text
    (segment, header, _), = base.history(f"{ID}incident/contributed/C-1")
    assert header["activity"]["entered"]["name"] == "Team 3" and header["activity"]["published"]["name"] == "Editor"
    assert "entered by Team 3, published by Editor" in header["activity"]["label"]
    assert base.verify_ledger().head.segment == before + 1


def test_reviewer_sees_every_text_that_would_be_written_in_whatever_language(
    author: Visitor, app: Flask, tokens: dict[str, str]
) -> None:
    texts = {"skos:prefLabel@ar": "غارة أُبلغ عنها", "dcterms:description@en": "As said", "dcterms:identifier": "C-4"}
    ident = author.sent("contribute/incident", {**INCIDENT, **texts})
    for lang in ("en", "ar"):
        page = Visitor(app, tokens["reviewer"], lang).get(f"contribute/submission/{ident}").text
        assert all(text in page for text in (*texts.values(), INCIDENT["skos:prefLabel@en"], "Aleppo"))
    assert author.act(ident, "withdraw").status_code == 303


def test_correction_supersedes_and_the_first_can_still_be_read(
    author: Visitor, reviewer: Visitor, base: KnowledgeBase
) -> None:
    first = author.sent("contribute/incident", {**INCIDENT, "dcterms:identifier": "C-2"})
    assert reviewer.act(first, "publish").status_code == 303
    taken = author.post("contribute/incident", {**INCIDENT, "dcterms:identifier": "C-2"})
    assert taken.status_code == 422 and len(errors(taken)) == 1
    second = author.sent(f"contribute/submission/{first}/correct",
                         {**INCIDENT, "dcterms:identifier": "C-2", "mz:date": "2016-03"})  # fmt: skip
    assert reviewer.act(second, "publish").status_code == 303
    assert [entry.revision for _, _, entry in base.history(f"{ID}incident/contributed/C-2")] == [1, 2]


def test_claim_stands_on_the_page_of_its_incident_with_its_claimant(author: Visitor, reviewer: Visitor) -> None:
    ident = author.sent("contribute/claim/attribution/syria-2015-16/INC-021", {
        "mz:claimant": "Airwars", "mz:claimDate": "2016-05-01", "mz:allegedActor": "russia",
        "mz:degreeOfInvolvement": "alleged-direct", "mz:confidence": "suspected",
    })  # fmt: skip
    assert f"claim/contributed/{ident}" not in author.get("incident/syria-2015-16/INC-021").text
    assert reviewer.act(ident, "publish").status_code == 303
    assert f"claim/contributed/{ident}" in author.get("incident/syria-2015-16/INC-021").text
    assert author.get(f"claim/contributed/{ident}").status_code == 200


def test_reviewer_does_not_publish_what_they_entered_themselves(
    app: Flask, reviewer: Visitor, base: KnowledgeBase
) -> None:
    ident = reviewer.sent(ABOUT, CLAIM)
    assert reviewer.act(ident, "publish").status_code == 403
    twin = Visitor(app, Register(base.home).new("EDITOR", "reviewer", "30d"))  # the same person with another token
    assert twin.act(ident, "publish").status_code == 403
    assert reviewer.act(ident, "withdraw").status_code == 303


def test_what_was_changed_meanwhile_is_not_published(author: Visitor, reviewer: Visitor) -> None:
    ident = author.sent(ABOUT, CLAIM)
    at = f"contribute/submission/{ident}"
    author.sent(f"{at}/edit", {**CLAIM, "mz:maximum": "50", "version": "1"})
    stale = reviewer.post(f"{at}/publish", {"version": "1"}, form=at)
    assert stale.status_code == 409
    assert reviewer.act(ident, "return", reason="  ").status_code == 422
    assert author.act(ident, "withdraw").status_code == 303
    assert reviewer.act(ident, "publish").status_code in (403, 409)


def test_queue_lies_apart_and_is_in_no_backup(author: Visitor, base: KnowledgeBase, home: Path, tmp_path: Path) -> None:
    marker = "Zqxjmarker"
    author.sent(ABOUT, {**CLAIM, "mz:basis": marker})
    base.backup(tmp_path / "copy")
    for folder in (home / "ledger", home / "store", home / "search", home / "snapshots", tmp_path / "copy"):
        for path in folder.rglob("*"):
            assert not (path.is_file() and marker.encode() in path.read_bytes()), path
    queue = home / "review" / "queue.sqlite"
    assert marker.encode() in queue.read_bytes()
    assert queue.stat().st_mode & 0o077 == 0 and queue.parent.stat().st_mode & 0o077 == 0


# assessments and tables

ASSESS = "contribute/assess?incident=syria-2015-16/INC-021&element=rome-statute/8-2-e-iv%23element-2"
JUDGED = {
    "mz:assessmentValue": "insufficient", "mz:standardOfProof": "reasonable-grounds-to-believe", "mz:claimant": "snhr",
    "mz:rationale@en": "Nothing is recorded on the use of the building.", "mz:assessedOn": "2026-11-01",
    "mz:rationale@ar": "لا شيء مسجَّل عن استعمال المبنى.",
}  # fmt: skip


def table(*rows: dict[str, str]) -> bytes:
    return encoded(rows)


def uploaded(visitor: Visitor, data: bytes, name: str = "table.csv", layout: str = "incidents") -> TestResponse:
    return visitor.post("contribute/upload", {"table": (io.BytesIO(data), name), "layout": layout})


def test_assessment_is_refused_at_its_fields_then_reviewed_then_in_the_matrix(
    author: Visitor, reviewer: Visitor, base: KnowledgeBase
) -> None:
    matrix = "incident/syria-2015-16/INC-021/elements/rome-statute/8-2-e-iv"
    assert "contribute/assess?incident=" in author.get(matrix).text
    refused = author.post(ASSESS, {**JUDGED, "mz:assessmentValue": "", "mz:rationale@en": "", "mz:claimant": "nobody"})
    assert refused.status_code == 422 and len(errors(refused)) >= 3 and "لا شيء مسجَّل" in refused.text
    ahead = author.post(ASSESS, {**JUDGED, "mz:assessedOn": "2999-01-01"})
    assert ahead.status_code == 422 and "has not come yet" in ahead.text
    ident = author.sent(ASSESS, JUDGED)
    assert "Nothing is recorded on the use of the building." not in author.get(matrix).text
    assert reviewer.act(ident, "publish").status_code == 303
    assert "Nothing is recorded on the use of the building." in author.get(matrix).text
    assert author.get("contribute/assess?incident=syria-2015-16/INC-021&element=no-such").status_code == 404


def test_table_is_looked_into_sent_and_published_with_its_bad_rows_kept(
    author: Visitor, reviewer: Visitor, base: KnowledgeBase
) -> None:
    before = base.snapshot().number
    answer = uploaded(author, table(ROW, {**ROW, "id": "A-2", "date": "2016-13-99"}), "../../etc/t=1.csv")
    assert answer.status_code == 303
    ident = answer.location.rpartition("/")[2]
    page = author.get(f"contribute/submission/{ident}").text
    assert "t=1.csv (incidents)" in page and "2016-13-99" in page and "rejected.csv" in page
    rejects = author.get(f"contribute/submission/{ident}/rejected.csv")
    assert rejects.status_code == 200 and "attachment" in rejects.headers["Content-Disposition"]
    assert "2016-13-99" in rejects.get_data(as_text=True)
    assert reviewer.get(f"contribute/submission/{ident}/rejected.csv").status_code == 404
    sheet = reviewer.get(f"contribute/submission/{ident}").text
    assert all(text in sheet for text in ("Hospital hit in Sukkari", "إصابة مستشفى في السكري", "No flights there."))
    assert reviewer.act(ident, "publish").status_code == 409  # it was not sent
    assert base.snapshot().number == before
    assert author.act(ident, "send").status_code == 303
    assert reviewer.act(ident, "publish").status_code == 303
    assert author.get("incident/my-archive/A-1").status_code == 200
    (_, header, _), = base.history(f"{ID}incident/my-archive/A-1")
    assert header["activity"]["published"]["name"] == "Editor" and header["activity"]["mapping"] == "incidents"
    again = uploaded(author, table({**ROW, "title_en": "Another title"}))
    assert "incident/my-archive/A-1" in author.get(f"contribute/submission/{again.location.rpartition('/')[2]}").text


def bomb() -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("[Content_Types].xml", b"")
        archive.writestr("xl/workbook.xml", b" " * 60_000_000)
    return made.getvalue()


def leading_elsewhere() -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        archive.writestr("[Content_Types].xml", b"")
        archive.writestr("../../evil", b"x")
    return made.getvalue()


@pytest.mark.parametrize(("data", "name"), [
    (b"", "a.csv"), (b"id,date\n1,2\n", "a.csv"), (b"x", "a.exe"), (b"x", "a.csv.gz"), (b"not a zip", "a.xlsx"),
    (b"\x00\xff" * 50, "a.csv"), (bomb(), "a.xlsx"), (leading_elsewhere(), "a.xlsx"), (b"a" * 300_000, "a.csv"),
    (b"id\n" + b"1\n" * 3000, "a.csv"),
])  # fmt: skip
def test_file_that_is_no_table_is_refused_and_nothing_of_it_stays(
    author: Visitor, home: Path, data: bytes, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(upload, "BYTES", 200_000)
    folder = home / "review" / "files"
    before = set(folder.iterdir()) if folder.exists() else set()
    answer = uploaded(author, data, name)
    assert answer.status_code == 422 and "role=\"alert\"" in answer.text
    assert set(folder.iterdir()) == before


def test_upload_larger_than_the_door_or_with_a_strange_layout_is_refused(author: Visitor) -> None:
    huge = author.client.post("/en/contribute/upload", data={FIELD: author.secret("contribute/"), "a": "a" * 5_000_000})
    assert huge.status_code == 413
    assert uploaded(author, table(ROW), layout="../../../etc/passwd").status_code == 422
    assert author.post("contribute/upload", {"layout": "incidents"}).status_code == 422
    assert author.get("contribute/upload/incidents.csv").get_data(as_text=True).lstrip("\ufeff").startswith("dataset")
    assert author.get("contribute/upload/no-such.csv").status_code == 404


def test_file_changed_after_it_was_looked_at_is_not_published(
    author: Visitor, reviewer: Visitor, home: Path
) -> None:
    ident = uploaded(author, table({**ROW, "id": "A-7"})).location.rpartition("/")[2]
    assert author.act(ident, "send").status_code == 303
    (home / "review" / "files" / ident / "table.csv").write_bytes(table({**ROW, "id": "A-8"}))
    assert reviewer.act(ident, "publish").status_code == 409
    assert author.act(ident, "withdraw").status_code == 303
    assert not list((home / "review" / "files").glob(f"{ident}/*.csv"))


def test_operator_decides_who_publishes_and_where_it_belongs(tmp_path: Path) -> None:
    path = tmp_path / "service.toml"
    chosen = ("four_eyes = false", 'dataset = "mine"', 'zone = "Asia/Baghdad"', 'publisher = "snhr"')
    path.write_text("\n".join(["[contribute]", *chosen]))
    found = policy.read(path)
    assert (found.four_eyes, found.dataset, found.zone, found.publisher) == (False, "mine", "Asia/Baghdad", "snhr")
    for wrong in ('four_eyes = "no"', 'dataset = "../x"', 'zone = "Mars/Base"', "publisher = 7", "eyes = 4"):
        path.write_text(f"[contribute]\n{wrong}\n")
        with pytest.raises(BadFile):
            policy.read(path)


def test_without_four_eyes_a_reviewer_publishes_alone(author: Visitor, reviewer: Visitor, app: Flask) -> None:
    queue = app.extensions[EXTENSION].queue
    ident = reviewer.sent(ABOUT, CLAIM)
    queue.four_eyes = False
    try:
        assert reviewer.act(ident, "publish").status_code == 303
    finally:
        queue.four_eyes = True
