"""Real tables through the whole import: 3,601 UCDP events and 336 Airwars incidents, compared row by row.

The files are read here by the standard library alone, and moments are found by walking through the hours of a day, so
that nothing of the import's own reading is trusted. The import, validation included, runs once for all tests.
"""

import csv
import hashlib
import json
import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from functools import cache, cached_property
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from pyoxigraph import NamedNode

from kb import document, vocabulary
from kb.cli import main
from kb.ingest import mapping
from kb.ingest.known import Known
from kb.ns import EDTF, GEO, ID, MZ, SCHEME, SEM, XSD
from kb.store.local import LocalStore
from tests import incident_table as table
from tests.incident_table import Run

Row = dict[str, str]
Node = dict[str, list[str]]  # the values of a node by the local name of the property
DAMASCUS = ZoneInfo("Asia/Damascus")


@dataclass
class Real:
    """The knowledge base with both tables in it, what the imports said, and its nodes by IRI below …/id/."""

    home: Path
    said: dict[str, dict[str, object]]
    nodes: dict[str, Node]

    def about(self, iri: str, kind: str) -> dict[str, Node]:
        """The claims of a class in one record, by fragment."""
        prefix = iri + "#"
        found = {n.removeprefix(prefix): self.nodes[n] for n in self.parts[iri]}
        return {name: node for name, node in found.items() if node["type"] == [kind]}

    @cached_property
    def parts(self) -> dict[str, list[str]]:
        """The nodes of each record."""
        found: dict[str, list[str]] = defaultdict(list)
        for name in self.nodes:
            found[name.partition("#")[0]].append(name)
        return found


def spoken(*arguments: str) -> dict[str, object]:
    """What a command that must succeed answers as JSON."""
    said: list[str] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("click.echo", lambda text="", **_: said.append(str(text)))
        assert main([*arguments, "--json"]) == 0
    answer: dict[str, object] = json.loads("\n".join(said))
    return answer


def nodes_of(home: Path) -> dict[str, Node]:
    nodes: dict[str, Node] = defaultdict(lambda: defaultdict(list))
    for quad in table.store(home):
        if quad.subject.value.startswith(ID):
            name = re.split(r"[#/]", quad.predicate.value)[-1]
            language = f"@{quad.object.language}" if getattr(quad.object, "language", None) else ""
            value = quad.object.value.removeprefix(ID).removeprefix(SCHEME).removeprefix(MZ.base)
            nodes[quad.subject.value.removeprefix(ID)][name + language].append(value)
    return {iri: dict(node) for iri, node in nodes.items()}


@pytest.fixture(scope="session")
def real(demo_home: Path, shared: Path, tmp_path_factory: pytest.TempPathFactory) -> Real:
    home = table.copy(demo_home, tmp_path_factory.mktemp("real") / "home")
    said = {
        name: spoken("import", name, str(shared / "data" / file), "--home", str(home)) for name, file in FILES.items()
    }
    return Real(home, said, nodes_of(home))


FILES = {"ucdp-ged": "ucdp-ged-syria-2016.csv", "airwars": "airwars-russia-2015q4.csv"}
ROWS = {"ucdp-ged": 3601, "airwars": 336}
SNAPSHOT = {"ucdp-ged": 3, "airwars": 4}  # after the vocabulary and the curated case


def read(shared: Path, name: str) -> list[Row]:
    return [row for _, row in numbered(shared, name)]


@cache
def numbered(shared: Path, name: str) -> list[tuple[int, Row]]:
    """The rows of a table with the physical line on which each begins."""
    found, line = [], 1
    with (shared / "data" / FILES[name]).open(encoding="utf-8-sig", newline="") as handle:
        reader = csv.reader(handle)
        header = next(reader)
        for cells in reader:
            found.append((line + 1, {k: v.strip() for k, v in zip(header, cells, strict=True)}))
            line = reader.line_num
    return found


@cache
def bounds(first: str, last: str) -> tuple[str, str]:
    """The first and last second of the days from `first` to `last` in Damascus, found hour by hour in UTC."""
    days = (date.fromisoformat(first), date.fromisoformat(last))
    hours = (
        datetime(days[0].year, days[0].month, days[0].day, tzinfo=UTC) + timedelta(hours=n)
        for n in range(-26, 24 * 366)
    )
    inside: list[datetime] = []
    for hour in hours:
        if days[0] <= hour.astimezone(DAMASCUS).date() <= days[1]:
            inside.append(hour)
        elif inside:
            break
    end = inside[-1] + timedelta(minutes=59, seconds=59)
    return inside[0].astimezone(DAMASCUS).isoformat(), end.astimezone(DAMASCUS).isoformat()


def test_bounds_of_these_tests_know_summer_winter_and_the_nights_of_change() -> None:
    assert bounds("2016-01-01", "2016-01-01") == ("2016-01-01T00:00:00+02:00", "2016-01-01T23:59:59+02:00")
    assert bounds("2016-07-01", "2016-07-02") == ("2016-07-01T00:00:00+03:00", "2016-07-02T23:59:59+03:00")
    assert bounds("2015-10-29", "2015-10-29")[1] == "2015-10-29T23:59:59+02:00"  # the clock went back at midnight
    assert datetime.fromisoformat(bounds("2016-03-25", "2016-03-25")[0]) == datetime(2016, 3, 24, 22, tzinfo=UTC)


def same_moment(one: str, two: str) -> bool:
    return datetime.fromisoformat(one) == datetime.fromisoformat(two)


def check_dates(node: Node, first: str, last: str) -> None:
    assert node["date"] == [first if first == last else f"{first}/{last}"]
    earliest, latest = bounds(first, last)
    assert same_moment(node["hasEarliestBeginTimeStamp"][0], earliest)
    assert same_moment(node["hasLatestEndTimeStamp"][0], latest)
    assert node["hasLatestEndTimeStamp"] == [latest]


def check_point(geometry: Node | None, longitude: str, latitude: str) -> None:
    if not longitude:
        assert geometry is None
        return
    assert geometry is not None
    found = re.fullmatch(r"POINT\((\S+) (\S+)\)", geometry["asWKT"][0])
    assert found and (Decimal(found[1]), Decimal(found[2])) == (Decimal(longitude), Decimal(latitude))


@cache
def governorates(shared: Path) -> dict[str, str]:
    with (shared / "data" / "syria-admin-pcodes.csv").open(encoding="utf-8-sig", newline="") as handle:
        return {row["name_en"]: row["pcode"] for row in csv.DictReader(handle) if row["level"] == "governorate"}


# both tables


@pytest.mark.parametrize("name", FILES)
def test_real_rows_all_come_in(real: Real, shared: Path, name: str) -> None:
    said = real.said[name]
    assert (said["rows"], said["rejected"], said["problems"], said["reject_file"]) == (ROWS[name], 0, [], None)
    assert len(read(shared, name)) == ROWS[name]
    incidents = [
        n for n, node in real.nodes.items() if n.startswith(f"incident/{name}/") and node["type"] == ["Incident"]
    ]
    assert len(incidents) == ROWS[name]


@pytest.mark.parametrize("name", FILES)
def test_real_figures_of_the_answer_are_those_of_the_knowledge_base(real: Real, name: str) -> None:
    written = real.said[name]["written"]
    assert isinstance(written, dict)
    activity = [n for n, node in real.nodes.items() if node.get("mapping") == [name]]
    made = [n for n, node in real.nodes.items() if node.get("wasGeneratedBy") == activity]
    assert (written["new"], written["changed"], written["same"]) == (len(made), 0, 0)
    assert activity == [f"import/{written['snapshot']}"]


def test_real_statements_point_to_nothing_that_is_not_there(real: Real) -> None:
    assert table.dangling(real.home) == []


def test_real_claims_name_the_dataset_that_makes_them(real: Real) -> None:
    claimants: dict[str, Counter[str]] = defaultdict(Counter)
    for name, node in real.nodes.items():
        if "claimant" in node and name.startswith("incident/"):
            claimants[name.split("/")[1]][node["claimant"][0]] += 1
    assert set(claimants["ucdp-ged"]) == {"actor/ucdp"}
    assert set(claimants["airwars"]) == {"actor/airwars", "actor/russian-ministry-of-defence"}


def test_real_literals_have_their_types(real: Real) -> None:
    counts = {NamedNode(MZ.base + name): XSD.integer for name in ("minimum", "maximum", "best")}
    wanted = counts | {
        NamedNode(MZ.base + "date"): EDTF.EDTF, SEM.hasEarliestBeginTimeStamp: XSD.dateTime,
        SEM.hasLatestEndTimeStamp: XSD.dateTime, GEO.asWKT: GEO.wktLiteral,
    }  # fmt: skip
    here = table.store(real.home)
    for predicate, datatype in wanted.items():
        found = {q.object.datatype for q in here.quads_for_pattern(None, predicate, None)}
        assert found == {datatype}


# UCDP

DATE_PRECISION = {"1": "day", "2": "two-to-six-days", "3": "week", "4": "month", "5": "more-than-month"}
PLACE_PRECISION = {"1": "exact", "2": "within-25km", "3": "district", "4": "governorate", "5": "fuzzy-line-or-area",
                   "6": "country", "7": "international"}  # fmt: skip
VIOLENCE = {"1": "state-based-fighting", "2": "non-state-fighting", "3": "one-sided-violence"}
CLARITY = {"1": "ucdp-clear", "2": "ucdp-unclear"}
UCDP_PLACES = {
    "Al Hasakah": "Al-Hasakah", "Aleppo": "Aleppo", "Ar Raqqah": "Raqqa", "As Suwayda": "As-Suwayda",
    "Damascus": "Damascus", "Daraa": "Daraa", "Deir ez Zor": "Deir ez-Zor", "Hamah": "Hama", "Homs": "Homs",
    "Idlib": "Idlib", "Latakia": "Latakia", "Quneitra": "Quneitra", "Rif Dimashq": "Rif Dimashq", "Tartus": "Tartus",
}  # fmt: skip


def test_real_ucdp_incidents_have_the_identity_date_and_codes_of_their_rows(real: Real, shared: Path) -> None:
    for row in read(shared, "ucdp-ged"):
        node = real.nodes[f"incident/ucdp-ged/{row['id']}"]
        assert node["identifier"] == [row["id"]]
        assert node["inDataset"] == ["dataset/ucdp-ged"]
        check_dates(node, row["date_start"], row["date_end"])
        assert node["datePrecision"] == [f"date-precision#{DATE_PRECISION[row['date_prec']]}"]
        assert node["method"] == [f"incident-method#{VIOLENCE[row['type_of_violence']]}"]
        assert node["evidenceGrade"] == [f"evidence-grade#{CLARITY[row['event_clarity']]}"]
        assert node["partOfConflict"] == [f"conflict/ucdp-{row['conflict_new_id']}"]
        assert real.nodes[node["partOfConflict"][0]]["prefLabel@en"] == [row["conflict_name"]]


def test_real_ucdp_days_lie_in_summer_and_in_winter(shared: Path) -> None:
    days = [row["date_start"] for row in read(shared, "ucdp-ged")]
    assert {bounds(day, day)[0][-6:] for day in days} == {"+02:00", "+03:00"}
    assert any(row["date_start"] != row["date_end"] for row in read(shared, "ucdp-ged"))


def test_real_ucdp_places_keep_name_precision_and_coordinates(real: Real, shared: Path) -> None:
    for row in read(shared, "ucdp-ged"):
        iri = f"incident/ucdp-ged/{row['id']}"
        node = real.nodes[f"{iri}#place"]
        assert real.nodes[iri]["place"] == [f"{iri}#place"]
        assert node["prefLabel@en"] == [row["where_coordinates"]]
        assert node["placePrecision"] == [f"place-precision#{PLACE_PRECISION[row['where_prec']]}"]
        assert node["reportedPlacePrecision"] == [f"where_prec {row['where_prec']}"]
        assert node.get("reportedAdmin1", [""]) == [row["adm_1"]]
        assert node.get("reportedAdmin2", [""]) == [row["adm_2"]]
        check_point(real.nodes.get(f"{iri}#geometry"), row["longitude"], row["latitude"])
        expected = (
            [f"place/{governorates(shared)[UCDP_PLACES[row['adm_1'].removesuffix(' Governorate')]]}"]
            if row["adm_1"]
            else []
        )
        assert node.get("sfWithin", []) == expected


def ordered(row: Row) -> bool:
    return int(row["low"]) <= int(row["best"]) <= int(row["high"])


def test_real_ucdp_estimates_are_kept_zeros_and_disordered_ones_too(real: Real, shared: Path) -> None:
    zeros = disordered = 0
    parts = {"killed-civilians": ("civilian", "deaths_civilians"), "killed-side-a": ("combatant-side-a", "deaths_a"),
             "killed-side-b": ("combatant-side-b", "deaths_b"),
             "killed-unknown": ("person-unspecified", "deaths_unknown")}  # fmt: skip
    for row in read(shared, "ucdp-ged"):
        iri = f"incident/ucdp-ged/{row['id']}"
        found = real.about(iri, "CasualtyEstimate")
        figures = {n: {k: node[k] for k in ("minimum", "best", "maximum") if k in node} for n, node in found.items()}
        expected = {name: {"best": [row[column]]} for name, (_, column) in parts.items()}
        if ordered(row):
            expected["killed-all"] = {"minimum": [row["low"]], "best": [row["best"]], "maximum": [row["high"]]}
        else:
            disordered += 1
            expected |= {"killed-all-low": {"minimum": [row["low"]]}, "killed-all-best": {"best": [row["best"]]},
                         "killed-all-high": {"maximum": [row["high"]]}}  # fmt: skip
        assert figures == expected
        zeros += sum(node.get("best") == ["0"] for node in found.values())
        assert all(node["harm"] == ["harm#killed"] and node["about"] == [iri] for node in found.values())
        for name, (category, _) in parts.items():
            assert found[name]["victimCategory"] == [f"victim-category#{category}"]
            assert found[name]["subsetOf"] == [f"{iri}#killed-all{'' if ordered(row) else '-best'}"]
    assert (disordered, zeros > 5000) == (10, True)


def test_real_ucdp_sides_are_warring_parties_and_only_one_sided_violence_is_attributed(
    real: Real, shared: Path
) -> None:
    attributed = 0
    for row in read(shared, "ucdp-ged"):
        iri = f"incident/ucdp-ged/{row['id']}"
        sides = real.about(iri, "WarringParty")
        assert {(n["side"][0], n["allegedActor"][0]) for n in sides.values()} == {
            ("A", f"actor/ucdp-{row['side_a_new_id']}"), ("B", f"actor/ucdp-{row['side_b_new_id']}")
        }  # fmt: skip
        assert real.nodes[f"actor/ucdp-{row['side_a_new_id']}"]["prefLabel@en"] == [row["side_a"]]
        assert real.nodes[f"actor/ucdp-{row['side_b_new_id']}"]["prefLabel@en"] == [row["side_b"]]
        attributions = real.about(iri, "Attribution")
        expected = [[f"actor/ucdp-{row['side_a_new_id']}"]] if row["type_of_violence"] == "3" else []
        assert [n["allegedActor"] for n in attributions.values()] == expected
        attributed += len(attributions)
        assert not real.about(iri, "LegalMapping") and not real.about(iri, "PartyResponse")
    assert attributed == 122


def test_real_ucdp_never_alleges_anything_of_russia(real: Real) -> None:
    alleged = {
        a for n, node in real.nodes.items() if n.startswith("incident/ucdp-ged/") for a in node.get("allegedActor", ())
    }
    assert alleged and all(re.fullmatch(r"actor/ucdp-\d+", actor) for actor in alleged)
    assert not [a for a in alleged if "russia" in str(real.nodes[a]).casefold()]
    pointing = [
        n
        for n, node in real.nodes.items()
        if any("russia" in v for vs in node.values() for v in vs if v.startswith("actor/"))
    ]
    assert pointing and not [n for n in pointing if "ucdp" in n]


def test_real_ucdp_claims_rest_on_the_articles_that_the_row_cites(real: Real, shared: Path) -> None:
    unpaired = 0
    for row in read(shared, "ucdp-ged"):
        lists = [[p.strip() for p in row[c].split(";")] for c in ("source_office", "source_date", "source_headline")]
        if len({len(parts) for parts in lists}) > 1:
            unpaired += 1
            lists = [[row[c]] for c in ("source_office", "source_date", "source_headline")]
        cited = {
            f"{office}, {day}: {headline}"
            for office, day, headline in zip(*lists, strict=True)
            if office + day + headline
        }
        for claim in real.about(f"incident/ucdp-ged/{row['id']}", "WarringParty").values():
            assert {real.nodes[s]["prefLabel@en"][0] for s in claim.get("restsOn", [])} == cited
    assert unpaired == 135


def notes(real: Real, name: str, rule: str) -> list[tuple[int, int]]:
    path = Path(str(real.said[name]["notes_file"]))
    return [(int(n["row"]), int(n["line"])) for n in table.read(path) if n["rule"] == rule]


def test_real_ucdp_rows_without_governorate_are_reported_row_by_row(real: Real, shared: Path) -> None:
    rows = numbered(shared, "ucdp-ged")
    blank = [(number, line) for number, (line, row) in enumerate(rows, 1) if not row["adm_1"]]
    assert len(blank) == 55
    assert notes(real, "ucdp-ged", "not-placed") == blank
    assert notes(real, "ucdp-ged", "disordered") == [
        (n, line) for n, (line, row) in enumerate(rows, 1) if not ordered(row)
    ]
    assert len(notes(real, "ucdp-ged", "not-paired")) == 135
    said = real.said["ucdp-ged"]["notes"]
    assert isinstance(said, list) and Counter(n["rule"] for n in said)["not-placed"] == 55


# Airwars

GRADES = {"Confirmed", "Fair", "Weak", "Contested", "Discounted"}
AIRWARS_PLACES = {"Ar Raqqah": "Raqqa", "Dara'a": "Daraa", "Lattakia": "Latakia", "Deir Ez Zor": "Deir ez-Zor",
                  "Hassakah": "Al-Hasakah"}  # fmt: skip
DETAILED = {"russia": "russia", "russian_forces": "russian-armed-forces", "syrian_regime": "syria",
            "coalition": "us-led-coalition", "unknown": "unknown-actor"}  # fmt: skip
ASSESSED = {"credible": "confirmed", "non_credible": "assessed-not-credible", "not_yet_assessed": "suspected"}
TAXONOMY = {"Russian Military": "russian-armed-forces", "U.S.-led Coalition": "us-led-coalition"}
ESTIMATES = {
    "killed-civilians": "civ_killed", "injured-civilians": "civ_injured", "killed-children": "children_killed",
    "killed-women": "women_killed", "killed-men": "men_killed", "killed-belligerents": "belligerent_killed",
}  # fmt: skip


def airwars(row: Row) -> str:
    return f"incident/airwars/{row['code'].replace(' ', '~20')}"


def test_real_airwars_incidents_have_the_identity_date_and_grade_of_their_rows(real: Real, shared: Path) -> None:
    seen = set()
    for row in read(shared, "airwars"):
        node = real.nodes[airwars(row)]
        assert node["identifier"] == [row["code"]]
        assert node["page"] == [row["url"]]
        check_dates(node, row["date"], row["date_end"] or row["date"])
        assert node["evidenceGrade"] == [f"evidence-grade#airwars-{row['evidence_grade'].lower()}"]
        assert node.get("reportedTime", [""]) == [row["local_time"]]
        assert node.get("method", []) == (["incident-method#airstrike"] if row["strike_type"] else [])
        seen.add(row["evidence_grade"])
    assert seen == GRADES


def test_real_airwars_day_on_which_the_clock_went_back_is_an_hour_longer(real: Real, shared: Path) -> None:
    rows = [row for row in read(shared, "airwars") if row["date"] == "2015-10-29"]
    assert rows
    for row in rows:
        node = real.nodes[airwars(row)]
        first, last = (
            datetime.fromisoformat(node[p][0]) for p in ("hasEarliestBeginTimeStamp", "hasLatestEndTimeStamp")
        )
        assert last - first == timedelta(hours=24, minutes=59, seconds=59)


def test_real_airwars_places_keep_both_names_and_the_words_for_precision(real: Real, shared: Path) -> None:
    arabic = 0
    for row in read(shared, "airwars"):
        iri = airwars(row)
        node = real.nodes[f"{iri}#place"]
        assert node["prefLabel@en"] == [row["location_en"]]
        assert node.get("prefLabel@ar", [""]) == [row["location_ar"]]
        assert node["placePrecision"] == [f"place-precision#{row['geo_accuracy'].replace('_', '-') or 'not-stated'}"]
        assert node.get("reportedPlacePrecision") == [row["geo_accuracy"] or "not-stated"]
        name = AIRWARS_PLACES.get(row["governorate"], row["governorate"])
        assert node["sfWithin"] == [f"place/{governorates(shared)[name]}"]
        assert node["reportedAdmin1"] == [row["governorate"]]
        check_point(real.nodes.get(f"{iri}#geometry"), row["lon"], row["lat"])
        arabic += bool(re.search("[\u0600-\u06ff]", row["location_ar"]))
    assert arabic > 300
    assert notes(real, "airwars", "not-placed") == []


def test_real_airwars_estimates_are_those_of_the_columns_and_a_blank_is_none(real: Real, shared: Path) -> None:
    without = 0
    for row in read(shared, "airwars"):
        found = real.about(airwars(row), "CasualtyEstimate")
        expected = {
            name: (row[f"{c}_min"], row[f"{c}_max"])
            for name, c in ESTIMATES.items()
            if row[f"{c}_min"] + row[f"{c}_max"]
        }
        assert {
            n: (node.get("minimum", [""])[0], node.get("maximum", [""])[0]) for n, node in found.items()
        } == expected
        assert all("best" not in node for node in found.values())
        without += not expected
        if "killed-women" in found:
            women = found["killed-women"]
            assert (women["victimSex"], women["victimAge"]) == (["sex#female"], ["age-group#adult"])
    assert without == 3


def test_real_airwars_taxonomy_and_details_are_both_kept(real: Real, shared: Path) -> None:
    differing = 0
    for row in read(shared, "airwars"):
        found = real.about(airwars(row), "Attribution")
        said = Counter((n["reportedAs"][0], n["allegedActor"][0], n["confidence"][0]) for n in found.values())
        expected: Counter[tuple[str, str, str]] = Counter()
        for part in filter(None, (p.strip() for p in row["belligerents_detail"].split(";"))):
            who, _, assessed = part.split("|")
            expected[part, f"actor/{DETAILED[who]}", f"confidence#{ASSESSED[assessed]}"] += 1
        detailed = {actor for _, actor, _ in expected}
        for name in row["belligerents"].split(","):
            actor = f"actor/{TAXONOMY[name.strip()]}"
            expected[f"belligerents: {row['belligerents']}", actor, "confidence#not-stated"] += 1
            differing += actor not in detailed
        assert said == expected
        assert all(n["claimant"] == ["actor/airwars"] for n in found.values())
    assert differing > 100


def test_real_airwars_statements_of_the_ministry_are_responses_of_the_party(real: Real, shared: Path) -> None:
    stated = 0
    for row in read(shared, "airwars"):
        found = list(real.about(airwars(row), "PartyResponse").values())
        assert [n["description@en"] for n in found] == ([[row["mod_statement"]]] if row["mod_statement"] else [])
        for node in found:
            assert node["claimant"] == ["actor/russian-ministry-of-defence"]
            assert node["position"] == ["party-position#stated-not-coded"]
        stated += len(found)
    assert stated == 328


def test_real_airwars_words_of_the_source_are_kept_as_tags(real: Real, shared: Path) -> None:
    for row in read(shared, "airwars"):
        tags = set(real.nodes[airwars(row)]["tag"])
        assert {f"belligerents: {row['belligerents']}", f"airwars_id {row['airwars_id']}"} <= tags
        assert {row[c] for c in ("tags", "strike_status", "incident_status") if row[c]} <= tags


def test_real_airwars_comes_with_the_actors_it_speaks_of(
    shared: Path, fresh_home: Path, tmp_path: Path, mizan: Run
) -> None:
    lines = (shared / "data" / FILES["airwars"]).read_bytes().split(b"\n")
    (tmp_path / "some.csv").write_bytes(b"\n".join(lines[:6]) + b"\n")
    before = table.dangling(fresh_home)
    code, out, err = mizan("import", "airwars", str(tmp_path / "some.csv"), "--home", str(fresh_home))
    assert (code, err) == (0, "")
    assert "Notice: No licence is stated for this data: keep this knowledge base on your own machine" in out
    assert sorted(table.dangling(fresh_home)) == sorted(before)


@pytest.mark.parametrize("name", FILES)
def test_real_mapping_speaks_of_actors_as_the_curated_case_does(name: str) -> None:
    files = [*vocabulary.reference_files(), *vocabulary.case_files()]
    curated = {r.iri: r for r in document.records(t for f in files for t in document.read(f))}
    shipped = [r for r in mapping.load(name).reference if r.iri.startswith(f"{ID}actor/")]
    assert shipped and [r for r in shipped if r.triples != curated[r.iri].triples] == []


# again


def folder(path: Path) -> dict[str, tuple[int, int]]:
    return {p.name: (p.stat().st_size, p.stat().st_mtime_ns) for p in path.iterdir()}


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("option", [[], ["--check"]])
def test_real_file_imported_again_writes_nothing(real: Real, shared: Path, name: str, option: list[str]) -> None:
    before = folder(real.home / "ledger"), folder(real.home / "snapshots"), (real.home / "current").read_text()
    said = spoken("import", name, str(shared / "data" / FILES[name]), "--home", str(real.home), *option)
    after = folder(real.home / "ledger"), folder(real.home / "snapshots"), (real.home / "current").read_text()
    assert after == before
    assert (said["rows"], said["rejected"]) == (ROWS[name], 0)
    if not option:
        new = real.said[name]["written"]["new"]  # type: ignore[index]
        last = max(int(s["written"]["snapshot"]) for s in real.said.values())  # type: ignore[index]
        # the records that came with the mapping are there, so they are not read again
        system = [real.nodes[f"{r.iri.removeprefix(ID)}#record"] for r in mapping.load(name).reference]
        reference = sum(node["wasGeneratedBy"] == [f"import/{SNAPSHOT[name]}"] for node in system)
        same = {"new": 0, "changed": 0, "same": new - reference, "gone": 0, "retired": 0, "snapshot": last}
        assert said["written"] == same


def test_real_file_with_one_corrected_row_supersedes_exactly_one_record(
    real: Real, shared: Path, tmp_path: Path
) -> None:
    home = table.copy(real.home, tmp_path / "home")
    before, rows = table.digests(home), read(shared, "airwars")
    (wrong,) = [row for row in rows if row["code"] == "RS0003"]
    assert wrong["civ_killed_max"] == "18"
    corrected = [{**row, "civ_killed_max": "19"} if row is wrong else row for row in rows]
    (tmp_path / "c.csv").write_bytes(table.encoded(corrected, list(wrong)))
    written = spoken("import", "airwars", str(tmp_path / "c.csv"), "--home", str(home))["written"]
    assert isinstance(written, dict) and (written["new"], written["changed"]) == (0, 1)
    after, name = table.digests(home), "incident/airwars/RS0003"
    assert {i for i in after if after[i] != before.get(i)} == {ID + name} and after.keys() == before.keys()
    nodes = nodes_of(home)
    assert nodes[f"{name}#killed-civilians"]["maximum"] == ["19"]
    assert nodes[f"{name}#record"]["revision"] == ["2"]
    assert nodes[f"{name}#record"]["wasRevisionOf"] == [f"{name}#revision-1"]
    assert nodes[f"{name}#revision-1"]["recordDigest"] == [before[ID + name]]


def test_real_check_of_a_new_file_writes_nothing(shared: Path, demo_copy: Path, tmp_path: Path) -> None:
    lines = (shared / "data" / FILES["airwars"]).read_bytes().split(b"\n")
    (tmp_path / "some.csv").write_bytes(b"\n".join(lines[:21]) + b"\n")
    with_files = sorted(p for p in demo_copy.rglob("*") if p.is_file())
    before = hashlib.sha256(b"".join(p.read_bytes() for p in with_files)).hexdigest()
    said = spoken("import", "airwars", str(tmp_path / "some.csv"), "--home", str(demo_copy), "--check")
    assert (said["rows"], said["rejected"], said["written"], said["notes_file"]) == (20, 0, None, None)
    assert sorted(p for p in demo_copy.rglob("*") if p.is_file()) == with_files
    assert hashlib.sha256(b"".join(p.read_bytes() for p in with_files)).hexdigest() == before


# names that the gazetteer and the actors go by


def test_known_names_are_found_in_both_languages_and_by_code(demo_home: Path) -> None:
    known = Known(LocalStore.read_only(demo_home / "snapshots" / (demo_home / "current").read_text().strip() / "store"))
    for name in ("Aleppo", "aleppo governorate", "حلب", "محافظة حلب", "SY02", "place/SY02"):
        assert known.find("place/1", name) == f"{ID}place/SY02"
    for name in ("snhr", "SNHR", "الشبكة السورية لحقوق الإنسان", "actor/snhr", "Syrian network for human rights"):
        assert known.find("actor", name) == f"{ID}actor/snhr"
    assert known.find("actor", "!!!") is None and known.find("place/1", "") is None
    assert known.find("place/2", "Aleppo") is None
    assert known.suggestion("place/1", "Alepo") == "Did you mean SY02?"
    assert known.suggestion("actor", "Amnesty Internationl") == "Did you mean amnesty-international?"
    assert (
        known.suggestion("provision", f"{ID}provision/rome-statute/8-2-e-iv") == "Did you mean rome-statute/8-2-e-iv?"
    )


def test_known_names_of_a_dataset_do_not_reach_into_other_tables(real: Real) -> None:
    store = LocalStore.read_only(real.home / "snapshots" / (real.home / "current").read_text().strip() / "store")
    known = Known(store)
    assert "Government of Syria" in real.nodes["actor/ucdp-118"]["prefLabel@en"]
    assert known.find("actor", "Government of Syria") is None
    assert known.find("actor", "ucdp-118") == f"{ID}actor/ucdp-118"


def spelt(nodes: dict[str, Node]) -> Iterator[str]:
    yield from (v for node in nodes.values() for values in node.values() for v in values)


def test_real_values_hold_no_damage_of_encoding(real: Real) -> None:
    assert not [v for v in spelt(real.nodes) if "\ufffd" in v or "Ø§" in v]
    assert any("الزعفرانة" in v for v in spelt(real.nodes))
