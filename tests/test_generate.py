"""Synthetic datasets: the same bytes everywhere, marked as synthetic, and an import finds exactly the seeded errors."""

import csv
import hashlib
import json
import os
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from kb.cli import main
from kb.generate.dataset import EXPECTED, SAME, Order, write
from kb.generate.event import COLUMNS
from kb.generate.fault import FAULTS
from kb.ingest import mapping
from kb.knowledgebase import KnowledgeBase
from kb.ns import ID

LAYOUTS = ("ucdp-ged", "airwars", "incidents")
SPOILT = Order(330, seed=3, errors_per_million=750_000)
Run = Callable[..., tuple[int, str, str]]


@pytest.fixture(scope="module")
def spoilt(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A dataset with every kind of error."""
    folder = tmp_path_factory.mktemp("synthetic") / "out"
    write(SPOILT, folder)
    return folder


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory, spoilt: Path) -> Path:
    """A knowledge base with the synthetic actors."""
    home = tmp_path_factory.mktemp("base") / "home"
    with KnowledgeBase.create(home) as base:
        base.import_rdf(spoilt / "synthetic-actors.ttl")
    return home


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", errors="surrogateescape", newline="") as handle:
        return list(csv.DictReader(handle))


def digests(folder: Path) -> dict[str, str]:
    return {p.name: hashlib.sha256(p.read_bytes()).hexdigest() for p in sorted(folder.iterdir())}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_generate_import_finds_exactly_what_is_expected(
    layout: str, spoilt: Path, home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = f"synthetic-{layout}.csv"
    plan, table = spoilt / f"synthetic-{layout}.toml", spoilt / file
    code = main(["import", str(plan), str(table), "--home", str(home), "--check", "--json"])
    said = json.loads(capsys.readouterr().out)
    found = Counter((str(p["row"]), p["column"], p["rule"], "error") for p in said["problems"])
    found += Counter((str(n["row"]), n["column"], n["rule"], "note") for n in said["notes"])
    wanted = [r for r in rows(spoilt / EXPECTED) if r["file"] == file]
    assert found == Counter((r["row"], r["column"], r["rule"], r["severity"]) for r in wanted)
    assert {r["kind"] for r in wanted} - {"gap"} == {f.kind for f in FAULTS if layout in f.sources}
    assert code == 1


def test_generate_is_the_same_on_any_machine_and_locale(tmp_path: Path) -> None:
    script = "import sys;from kb.cli import main;sys.exit(main(sys.argv[1:]))"
    for name, settings in (("a", {"LC_ALL": "C", "TZ": "Asia/Tokyo"}), ("b", {"LC_ALL": "C.UTF-8", "TZ": "UTC"})):
        told = {**os.environ, **settings, "PYTHONHASHSEED": name.encode().hex(), "PYTHONUTF8": "0"}
        arguments = ["generate", "300", "--out", str(tmp_path / name), "--seed", "5", "--errors", "0.1"]
        subprocess.run([sys.executable, "-c", script, *arguments], env=told, check=True, capture_output=True)
    first = digests(tmp_path / "a")
    assert first == digests(tmp_path / "b")
    # what was written when this was made; other bytes need a reason and a line in the README
    assert first["synthetic-airwars.csv"].startswith("b4f4f5b7464428ca")
    assert first["synthetic-ucdp-ged.csv"].startswith("495229afaa0a1515")


def test_generate_manifest_counts_and_digests_what_is_there(spoilt: Path) -> None:
    told = json.loads((spoilt / "manifest.json").read_text(encoding="utf-8"))
    there = digests(spoilt)
    assert {name: file["sha256"] for name, file in told["files"].items()} == {
        name: digest for name, digest in there.items() if name != "manifest.json"
    }
    tables = [f"synthetic-{layout}.csv" for layout in LAYOUTS]
    assert sum(told["files"][t]["rows"] for t in tables) == SPOILT.rows == sum(len(rows(spoilt / t)) for t in tables)
    assert told["synthetic"] is True and told["seed"] == 3
    assert sum(told["seeded"].values()) == len({(r["file"], r["row"]) for r in rows(spoilt / EXPECTED)
                                                if r["kind"] != "gap"})  # fmt: skip


def test_generate_another_seed_gives_another_dataset_and_a_longer_one_starts_alike(tmp_path: Path) -> None:
    for name, order in (("a", Order(60, 1)), ("b", Order(60, 2)), ("c", Order(90, 1))):
        write(order, tmp_path / name)
    one, two, longer = ((tmp_path / n / "synthetic-ucdp-ged.csv").read_text(encoding="utf-8") for n in "abc")
    assert one != two and longer.startswith(one)


def test_generate_without_errors_expects_only_notes_of_gaps(tmp_path: Path) -> None:
    write(Order(400, 1), tmp_path / "out")
    expected = rows(tmp_path / "out" / EXPECTED)
    assert expected and {(r["severity"], r["kind"], r["rule"]) for r in expected} == {("note", "gap", "not-placed")}


def test_generate_marks_everything_as_synthetic(spoilt: Path, home: Path) -> None:
    for layout in LAYOUTS:
        plan = mapping.load(str(spoilt / f"synthetic-{layout}.toml"))
        assert "ynthetic" in plan.title["en"] and "اصطناعي" in plan.title["ar"] and "اصطناعية" in plan.notice["ar"]
        told = (spoilt / f"synthetic-{layout}.toml").read_text(encoding="utf-8")
        named = re.findall(r"(?:actor|dataset|source|incident|conflict)/([\w{-]+)", told)
        assert all(name.startswith(("synthetic-", "{dataset")) for name in named), layout
    actors = (spoilt / "synthetic-actors.ttl").read_text(encoding="utf-8")
    assert all(name.startswith("synthetic-") for name in re.findall(rf"{ID}actor/([\w-]+)", actors))
    right = [r for r in rows(spoilt / "synthetic-incidents.csv") if r["title_ar"]]
    assert all("اصطناعي" in r["title_ar"] for r in right if r["title_ar"].isprintable())


def test_generate_names_no_party_to_the_conflict(spoilt: Path) -> None:
    text = "".join(p.read_bytes().decode("utf-8", "replace") for p in sorted(spoilt.glob("*.csv"))).lower()
    assert not [w for w in ("russia", "regime", "coalition", "isil", "airwars.org", "sohr", "ucdp.uu.se") if w in text]


def test_generate_pairs_name_incidents_of_different_tables(spoilt: Path) -> None:
    pairs = rows(spoilt / SAME)
    assert pairs
    for pair in pairs:
        assert pair["one"].split("/")[1] != pair["other"].split("/")[1]
        assert pair["one"].startswith("incident/synthetic-")


def test_generate_ships_statistics_without_rows_or_names_of_a_source(shared: Path) -> None:
    told = COLUMNS.read_text(encoding="utf-8")
    for name, columns in (("ucdp-ged-syria-2016", ("source_headline", "where_coordinates", "side_b", "id", "adm_2")),
                          ("airwars-russia-2015q4", ("code", "location_en", "location_ar", "mod_statement"))):
        for row in rows(shared / "data" / f"{name}.csv"):
            assert not [c for c in columns if len(row[c]) > 4 and f'"{row[c]}"' in told]
    counts = [n for t in ("ucdp-ged", "airwars") for c in json.loads(told)[t]["codes"].values() for n in c.values()]
    assert min(counts) >= 5


def test_generate_statistics_are_what_the_script_measures(shared: Path) -> None:
    from kb.generate.measure import measure

    data = shared / "data"
    made = measure({"ucdp-ged": data / "ucdp-ged-syria-2016.csv", "airwars": data / "airwars-russia-2015q4.csv"})
    told = json.loads(COLUMNS.read_text(encoding="utf-8"))
    assert {name: told[name] for name in made} == json.loads(json.dumps(made))


def test_generate_lists_its_kinds(mizan: Run) -> None:
    code, out, _ = mizan("generate", "--kinds")
    assert code == 0 and [line.split()[0] for line in out.splitlines()] == [f.kind for f in FAULTS]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("generate",), "How many rows and where to is missing"),
        (("generate", "5"), "How many rows and where to is missing"),
        (("generate", "0", "--out", "x"), "range"),
        (("generate", "5", "--out", "x", "--errors", "2"), "range"),
        (("generate", "5", "--out", "x", "--kinds", "frobs"), "'frobs' is not a kind of error"),
    ],
)
def test_generate_refuses_plainly(
    arguments: tuple[str, ...], said: str, mizan: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    code, _, err = mizan(*arguments)
    assert code == 2 and said in err and err.count("\n") == 1
    assert not (tmp_path / "x").exists()


def test_generate_never_writes_over_anything(mizan: Run, tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    code, _, err = mizan("generate", "5", "--out", str(tmp_path))
    assert code == 2 and "is not empty" in err
    assert [p.name for p in tmp_path.iterdir()] == ["mine.txt"]
