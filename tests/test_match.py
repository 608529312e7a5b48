"""Matching across datasets: candidates with reasons, claims that merge nothing, reviews by persons."""

import json
import shutil
import sys
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path

import pytest
from pyoxigraph import NamedNode

from kb import cli_match
from kb.ingest import mapping
from kb.knowledgebase import KnowledgeBase
from kb.matching import event, identity, link, model, wording
from kb.matching.engine import MatchingMissing
from kb.matching.event import Event
from kb.matching.identity import Review
from kb.matching.link import Pair
from kb.matching.name import bones, names, near, skeleton
from kb.ns import CITO, ID, MZ
from kb.store.local import LocalStore
from tests.incident_table import ROW, write

Run = Callable[..., tuple[int, str, str]]
CASE = f"{ID}incident/syria-2015-16/"
HOSPITAL = f"{ID}concept/hospital"
MAARAT = {
    "dataset": "my-monitor", "date": "2016-02-15", "time": "", "place_en": "Maarat al-Numan",
    "place_ar": "معرة النعمان", "governorate": "SY07", "place_precision": "city", "object_hit": "hospital",
    "claimant": "airwars", "source_title": "Invented record for a test", "provisions": "", "response_by": "",
    "response": "", "response_text": "", "children_min": "", "children_max": "", "women_min": "", "women_max": "",
}  # fmt: skip


def told(iri: str, day: str = "2016-02-15", *, dataset: str = "", place: str = "Maarat al-Numan",
         point: tuple[float, float] | None = (35.647, 36.679), killed: tuple[int, int] | None = (25, 25),
         until: str = "", objects: frozenset[str] = frozenset((HOSPITAL,)), by: str = "") -> Event:  # fmt: skip
    """An event in a dataset named by the beginning of its IRI."""
    source = dataset or iri.split("/")[0]
    return Event(f"{ID}incident/{iri}", f"{ID}dataset/{source}", date.fromisoformat(day),
                 date.fromisoformat(until or day), point, {"en": place}, names(place),
                 {by or f"{ID}actor/{source}": killed} if killed else {}, objects, f"{ID}actor/{source}")  # fmt: skip


def found(*events: Event, threshold: float = model.THRESHOLD) -> set[tuple[str, str]]:
    return {(p.one.iri.removeprefix(f"{ID}incident/"), p.other.iri.removeprefix(f"{ID}incident/"))
            for p in link.candidates(events, threshold)}  # fmt: skip


@pytest.fixture(scope="module")
def home(demo_home: Path, shared: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The curated case with the Airwars rows of its days."""
    folder = tmp_path_factory.mktemp("match")
    shutil.copytree(demo_home, folder / "home")
    lines = (shared / "data" / "airwars-russia-2015q4.csv").read_text(encoding="utf-8-sig").splitlines(keepends=True)
    days = ("2015-10-15", "2015-11-26", "2015-09-30", "2015-10-07", "2015-11-29")
    # one record is one line in this file: kept are the header and the rows of days with a curated incident
    (folder / "rows.csv").write_text("".join([lines[0], *(x for x in lines[1:] if any(f",{d}," in x for d in days))]))
    with KnowledgeBase.open(folder / "home") as base:
        base.import_table(mapping.load("airwars"), folder / "rows.csv")
    return folder / "home"


@pytest.fixture
def base(home: Path) -> Iterator[KnowledgeBase]:
    with KnowledgeBase.open(home) as base:
        yield base


@pytest.fixture
def pairs(base: KnowledgeBase) -> dict[str, Pair]:
    """The candidates by the id of the curated incident."""
    made = link.candidates(event.read(base.snapshot().store))
    return {p.other.iri.removeprefix(CASE): p for p in made if p.other.iri.startswith(CASE)}


@pytest.mark.parametrize(
    "spellings",
    [
        ("Talbiseh", "Talbisah", "تلبيسة", "Talbisah city"),
        ("Teir Maalah", "Teir Ma'ala", "تير معلة", "تيرمعلة", "Teir Maaleh village"),
        ("Al-Ghantu", "Al Ghantu", "الغنطو"),
        ("Maarat al-Numan", "Maarat al-Numaan town", "معرة النعمان", "مَعَرَّة النُّعْمَان"),
        ("Khusham", "Khasham town", "خشام"),
        ("Zaafaraneh", "Za`faranah", "الزعفرانة"),
    ],
)
def test_match_spellings_of_a_place_share_a_skeleton(spellings: tuple[str, ...]) -> None:
    assert len({skeleton(names(s)[0]) for s in spellings}) == 1


@pytest.mark.parametrize(("one", "other"), [("Talbiseh", "Al-Ghantu"), ("Idlib", "Ariha"), ("سرمين", "سرمدا")])
def test_match_other_places_share_nothing(one: str, other: str) -> None:
    assert not set(bones(names(one))) & set(bones(names(other)))


def test_match_names_leave_out_what_a_place_is() -> None:
    assert names("Field hospital area, Sarmin") == ("sarmin",)
    assert names("Water treatment plant near Khafsa") == ("khafsa",)
    assert names("محطة معالجة المياه قرب الخفسة") == ("خفسه",)
    assert names("Market") == ()


def test_match_near_is_one_letter_apart_for_longer_names_only() -> None:
    assert set(near(["krdf"])) & set(near(["krd"])) and set(near(["krdf"])) & set(near(["krdb"]))
    assert not set(near(["dm"])) & set(near(["d"]))


def test_match_model_levels_are_shares_and_have_a_digest() -> None:
    for comparison in model.COMPARISONS:
        assert abs(sum(level.same for level in comparison.levels) - 1) < 0.001, comparison.name
        assert abs(sum(level.other for level in comparison.levels) - 1) < 0.001, comparison.name
    assert len(model.digest()) == 64 and model.digest() == model.digest()


def test_match_second_hospital_of_the_day_is_not_taken_for_the_first() -> None:
    first = told("case/INC-018", point=(35.614779, 36.657085), place="MSF-supported hospital, Maarat al-Numan area")
    right = told("other/RS0622", point=(35.614779, 36.657085), killed=(16, 26))
    second = told("other/RS0621", killed=(3, 9))
    assert found(first, right, second) == {("case/INC-018", "other/RS0622")}
    assert found(first, second) == set()


def test_match_two_records_of_one_dataset_are_never_joined() -> None:
    assert found(told("one/a"), told("one/b")) == set()
    assert found(told("one/a"), told("one/b"), told("other/c", point=None, place="Palmyra", killed=None)) == set()


def test_match_days_and_cells_at_their_edges_still_meet() -> None:
    for day in ("2016-02-14", "2016-02-16"):
        assert found(told("a/1"), told("b/2", day), threshold=0.5) == {("a/1", "b/2")}
    for step in (-0.04, 0.04):
        far = told("b/2", point=(35.75 + step, 36.75), killed=(25, 25))
        assert found(told("a/1", point=(35.75, 36.75)), far, threshold=0.5) == {("a/1", "b/2")}
    assert found(told("a/1"), told("b/2", "2016-02-18"), threshold=0.1) == set()
    assert found(told("a/1"), told("b/2"), threshold=1.0) == set()


def test_match_in_parts_finds_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    # days that reach over the edge of a part, and names without a point
    events = [told(f"{name}/{n}", f"2016-02-{1 + n:02}", until=f"2016-02-{1 + n + n % 4:02}",
                   point=None if n % 7 == 0 else (35.6, 36.6)) for name in ("a", "b") for n in range(16)]  # fmt: skip
    said: list[tuple[int, int]] = []

    def found() -> list[tuple[str, str, float]]:
        said.clear()
        pairs = link.candidates(events, 0.1, lambda done, of, unit: said.append((done, of)))
        return [(p.one.iri, p.other.iri, p.score) for p in pairs]

    whole = found()
    ((done, of),) = said
    assert len(whole) >= 8 and done == of > 16
    monkeypatch.setattr(link, "_PART", 7)
    assert found() == whole
    assert said[-1] == (of, of) and len(said) == -(-of // 7)


@pytest.mark.parametrize("size", [7, 40])
def test_match_reads_the_same_in_parts(base: KnowledgeBase, monkeypatch: pytest.MonkeyPatch, size: int) -> None:
    whole = list(event.read(base.snapshot().store))
    monkeypatch.setattr(event, "_PART", size)
    assert list(event.read(base.snapshot().store)) == whole and len(whole) > 50


def test_match_bound_from_numbers_loses_no_pair_that_gets_there(base: KnowledgeBase) -> None:
    events = list(event.read(base.snapshot().store))
    every = [(p.one.iri, p.other.iri, p.score) for p in link.scored(events, 0.01)]
    likely = [(p.one.iri, p.other.iri, p.score) for p in link.scored(events, 0.6)]
    assert 5 < len(likely) < len(every) and likely == [pair for pair in every if pair[2] >= 0.6]


def test_match_pairs_out_of_reach_are_not_compared_in_full(monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[int] = []
    a_month = [told(f"{name}/{n}", f"2016-02-{1 + n:02}", point=(35.6 + n % 3, 36.6))
               for name in ("a", "b") for n in range(28)]  # fmt: skip
    assert len(list(link.candidates(a_month, 0.9, lambda done, of, unit: said.append(of)))) == 28
    assert said == [28], "of 784 pairs those of one day and place"


def test_match_rivals_that_fit_as_well_share_the_likelihood() -> None:
    (alone,) = link.scored([told("a/1"), told("b/1")])
    shared = list(link.scored([told("a/1"), told("b/1"), told("b/2")]))
    assert alone.rivals == 0 and [p.rivals for p in shared] == [1, 1]
    assert alone.score > 0.9 and all(0.45 < p.score < 0.5 for p in shared)
    assert "Other pairs that fit, which lowers the score: 1." in wording.reasons(shared[0])["en"]
    assert "أزواج أخرى توافق الوصف، وهي تخفض الدرجة: 1." in wording.reasons(shared[0])["ar"]
    assert "Other pairs" not in wording.reasons(alone)["en"]


def test_match_name_that_many_records_bear_tells_an_area(monkeypatch: pytest.MonkeyPatch) -> None:
    aleppo = [told("a/1", place="Aleppo"), told("b/1", place="Aleppo"), told("b/2", "2011-01-01", place="Aleppo")]
    (place,) = link.scored(aleppo, 0.5)
    monkeypatch.setattr(model, "COMMON", 1)
    (area,) = link.scored(aleppo, 0.1)
    assert (place.levels["name"].name, area.levels["name"].name) == ("same-name", "same-area")
    assert place.score > area.score
    assert "Speaks neither way: one area, places not told apart (Aleppo)." in wording.reasons(area)["en"]


def test_match_vague_dates_and_places_are_not_compared() -> None:
    scored = list(link.scored([told("a/1"), told("b/2", point=None)]))
    assert [set(p.levels) for p in scored] == [{"date", "name", "killed", "object"}]


def test_match_what_was_taken_from_the_other_dataset_is_no_agreement() -> None:
    keeper = f"{ID}actor/b"
    repeats, own = told("a/1", by=keeper), told("a/1")
    (copied,), (independent,) = link.scored([repeats, told("b/2")]), link.scored([own, told("b/2")])
    assert "killed" not in copied.levels and copied.score < independent.score


def test_match_curated_incidents_find_their_airwars_record(pairs: dict[str, Pair]) -> None:
    codes = {"INC-001": "RS0003", "INC-002": "RS0002", "INC-004": "RS0025", "INC-007": "RS0048", "INC-011": "RS0211"}
    assert {i: pairs[i].one.iri.rpartition("/")[2] for i in codes} == codes


def test_match_two_incidents_of_one_day_and_sub_district_stay_two(pairs: dict[str, Pair]) -> None:
    assert pairs["INC-005"].one.iri.endswith("/RS0043")
    assert pairs["INC-006"].one.iri.endswith("/RS0042")


def test_match_doubtful_record_is_a_candidate_that_says_what_it_lacks(pairs: dict[str, Pair]) -> None:
    pair = pairs["INC-012"]
    assert pair.score < pairs["INC-005"].score and {"killed", "object"} & set(pair.levels) == set()
    reasons = wording.reasons(pair)
    assert reasons["en"].endswith("Not compared: number killed, object hit.")
    assert "لم يُقارن: عدد القتلى، العين المصابة." in reasons["ar"]


def test_match_reasons_name_agreement_and_difference() -> None:
    (pair,) = link.scored([told("a/1"), told("b/2", "2016-02-16", killed=(3, 9), objects=frozenset())])
    assert wording.reasons(pair)["en"] == (
        "Speaks for one event: a day apart (2016-02-15 / 2016-02-16), 0.0 km apart, same name of the place (Maarat "
        "al-Numan). Speaks against it: numbers killed far apart (25 / 3–9). Not compared: object hit."
    )


def test_match_run_writes_claims_and_merges_nothing(home: Path, tmp_path: Path, mizan: Run) -> None:
    mine = tmp_path / "home"
    shutil.copytree(home, mine)
    with KnowledgeBase.open(mine) as base:
        here = base.snapshot().store
        before = {i.iri: here.digest(i.iri) for i in event.read(here)}
    code, out, _ = mizan("match", "run", "--home", str(mine), "--dry-run")
    assert code == 0 and "Claims:" not in out
    code, out, _ = mizan("match", "run", "--home", str(mine), "--json")
    said = json.loads(out)
    assert code == 0 and said["candidates"] == said["written"]["new"] > 5 and said["model"] == model.digest()
    code, out, _ = mizan("match", "run", "--home", str(mine), "--json")
    assert json.loads(out)["written"]["same"] == said["candidates"]
    with KnowledgeBase.open(mine) as base:
        here = base.snapshot().store
        assert {i.iri: here.digest(i.iri) for i in event.read(here)} == before
        first = identity.candidates(here)[0]
        assert first.state == identity.OPEN and first.model == model.digest()
        assert identity.candidates(here, first.one)[0] == first == identity.candidates(here, first.other)[0]


def test_match_review_confirms_or_disputes_and_leaves_the_computed_claim(
    home: Path, tmp_path: Path, mizan: Run
) -> None:
    mine = tmp_path / "home"
    shutil.copytree(home, mine)
    mizan("match", "run", "--home", str(mine))
    _, out, _ = mizan("match", "list", "--home", str(mine), "--json", "--incident", "syria-2015-16/INC-005")
    (listed,) = json.loads(out)
    claim = listed["claim"].removeprefix(f"{ID}identity/")
    asked = ("--home", str(mine), "--by", "mizan-curators", "--reason", "Same basement.")
    assert mizan("match", "accept", claim, *asked)[0] == 0
    with KnowledgeBase.open(mine) as base:
        here = base.snapshot().store
        (candidate,) = identity.candidates(here, listed["one"])
        assert candidate.state == identity.ACCEPTED and here.revision(listed["claim"]) == 1
        (review,) = here.subjects(CITO.confirms, NamedNode(listed["claim"]))
        assert here.objects(review, MZ.sameEventAs) == [NamedNode(listed["other"])]
    assert mizan("match", "reject", claim, *asked, "--reason-ar", "مبنيان مختلفان.")[0] == 0  # thinking better of it
    _, out, _ = mizan("match", "list", "--home", str(mine), "--state", "rejected", "--language", "ar")
    assert "مبنيان مختلفان." in out and "1 candidates" in out
    with KnowledgeBase.open(mine) as base:
        here = base.snapshot().store
        assert here.revision(listed["claim"]) == 1 and here.revision(review.value) == 2
        assert here.objects(review, MZ.differentEventFrom) == [NamedNode(listed["other"])]
    other = ("--home", str(mine), "--by", "amnesty-international", "--reason", "One building.")
    assert mizan("match", "accept", claim, *other)[0] == 0
    with KnowledgeBase.open(mine) as base:
        assert identity.candidates(base.snapshot().store, listed["one"])[0].state == identity.CONTESTED
    for by, hint in (("matcher", "is a program"), ("nobody-at-all", "There is no actor")):
        code, _, err = mizan("match", "accept", claim, "--home", str(mine), "--by", by, "--reason", "x")
        assert code in (1, 2) and hint in err
    code, _, err = mizan("match", "accept", "no/such/claim", *other)
    assert code == 2 and "mizan match list" in err
    code, _, err = mizan("match", "accept", claim, *other[:-1], " ")
    assert code == 2 and "No reason is given" in err


def test_match_without_the_libraries_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "splink", None)
    with pytest.raises(MatchingMissing, match=r"pip install 'mizan-kb\[match\]'"):
        list(link.scored([told("a/1"), told("b/2")]))


def test_match_reads_rows_of_a_table_with_numbers_place_and_object(fresh_home: Path, tmp_path: Path) -> None:
    odd = 'Maarat "al-Numan", the old town'
    row = {**ROW, **MAARAT, "id": "x", "place_en": odd, "lat": "35.6", "lon": "36.6"}
    row |= {"killed_min": "3", "killed_max": "9"}
    with KnowledgeBase.open(fresh_home) as base:
        base.import_table(mapping.load("incidents"), write(tmp_path, row))
        (read,) = event.read(base.snapshot().store)
    assert (read.first, read.last, read.point) == (date(2016, 2, 15), date(2016, 2, 15), (35.6, 36.6))
    assert list(read.killed.values()) == [(3, 9)] and len(read.objects) >= 1
    assert read.labels == {"en": odd, "ar": "معرة النعمان"}


def test_match_list_turns_pages(home: Path, tmp_path: Path, mizan: Run) -> None:
    shutil.copytree(home, tmp_path / "home")
    asked = ("match", "list", "--home", str(tmp_path / "home"))
    mizan("match", "run", "--home", str(tmp_path / "home"))
    everything = json.loads(mizan(*asked, "--json")[1])
    assert len(everything) > 4 and [c["score"] for c in everything] == sorted(c["score"] for c in everything)[::-1]
    pages = [json.loads(mizan(*asked, "--json", "--limit", "2", "--skip", str(n))[1]) for n in (0, 2)]
    assert pages == [everything[:2], everything[2:4]]
    _, out, _ = mizan(*asked, "--limit", "2")
    assert "2 candidates." in out and "--skip 2" in out
    _, out, _ = mizan(*asked, "--skip", str(len(everything) - 1))
    assert "1 candidates." in out and "There are more" not in out


def test_match_run_writes_in_portions_and_touches_no_incident(
    home: Path, tmp_path: Path, mizan: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(home, tmp_path / "home")
    monkeypatch.setattr(cli_match, "_PART", 4)
    with KnowledgeBase.open(tmp_path / "home") as base:
        before = base.snapshot()
        seen = {i.iri: base.snapshot().index.find(i.iri.rpartition("/")[2]).items for i in event.read(before.store)}
    said = json.loads(mizan("match", "run", "--home", str(tmp_path / "home"), "--json")[1])
    portions = -(-said["candidates"] // 4)
    with KnowledgeBase.open(tmp_path / "home") as base:
        now = base.snapshot()
        assert portions > 1 and now.number == said["written"]["snapshot"] == before.number + portions
        assert len(identity.candidates(now.store)) == said["candidates"]
        first = identity.candidates(now.store)[0]
        review = identity.review(now.store, Review(first.claim, "mizan-curators", True, {"en": "One building."}))
        assert base.add([review], {"label": "test"}).outcome.screened.incidents == 0
        for iri, items in seen.items():
            assert base.snapshot().index.find(iri.rpartition("/")[2]).items[: len(items)] == items


def test_match_list_of_one_state_reads_no_more_than_it_shows(
    home: Path, tmp_path: Path, mizan: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(home, tmp_path / "home")
    mizan("match", "run", "--home", str(tmp_path / "home"))
    with KnowledgeBase.open(tmp_path / "home") as base:
        every = identity.candidates(base.snapshot().store)
        for number, accepts in ((0, True), (2, False), (3, True)):
            said = Review(every[number].claim, "mizan-curators", accepts, {"en": "Looked at both."})
            base.add([identity.review(base.snapshot().store, said)], {"label": "test"})
        here, reads = base.snapshot().store, list[str]()
        real = identity._candidate

        def noted(store: LocalStore, node: NamedNode) -> identity.Candidate | None:
            reads.append(node.value)
            return real(store, node)

        monkeypatch.setattr(identity, "_candidate", noted)

        def listed(state: str | None, skip: int = 0) -> list[int]:
            claims = [c.claim for c in every]
            return [claims.index(c.claim) for c in identity.listed(here, state, skip)]

        rest = [n for n in range(len(every)) if n not in (0, 2, 3)]
        assert listed(None, 3) == list(range(3, len(every)))
        assert listed(identity.OPEN) == rest and listed(identity.OPEN, 2) == rest[2:]
        assert listed(identity.REJECTED) == [2] and listed(identity.ACCEPTED, 1) == [3]
        assert listed(identity.CONTESTED) == []
        reads.clear()
        assert next(identity.listed(here, identity.OPEN, 1)).claim == every[rest[1]].claim and len(reads) == 1
