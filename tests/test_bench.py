"""The plumbing of the benchmarks: what is asked for, what is kept, the table and the JSON. No timing."""

from __future__ import annotations

import argparse
import csv
import io
import json
from pathlib import Path

import pytest

from kb import replay
from kb.query import saved
from tests.bench import figure, importing, querying, running, source
from tests.bench.__main__ import chosen, sizes
from tests.bench.figure import Figure

SIZES = (1000, 10_000)
FIGURES = [
    Figure("importing", 1000, "index", "2.00 s 500/s"),
    Figure("importing", 10_000, "index", "25.00 s 400/s"),
    Figure("querying", 1000, "notes", "1.5 ms, worst 4.0 ms, 1,234 rows"),
    Figure("querying", 10_000, "notes", "10000.0 ms and no answer: The query ran longer than 10 s"),
    Figure("validation", 0, "pySHACL", "38 records/s"),
]


def test_bench_sizes_are_numbers_in_rising_order() -> None:
    assert sizes("1m,10k, 3000,10_000") == (3000, 10_000, 1_000_000)


@pytest.mark.parametrize("text", ["", "ten", "10k,", "0", "-5", "10kk", "1.5m", "k"])
def test_bench_refuses_what_is_no_size(text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError, match="is not a size"):
        sizes(text)


def test_bench_refuses_parts_that_there_are_not() -> None:
    assert chosen("importing, querying") == ("importing", "querying")
    with pytest.raises(argparse.ArgumentTypeError, match="There are: importing"):
        chosen("importing,flying")


def test_bench_plan_makes_the_knowledge_bases_first_and_runs_peers_once() -> None:
    steps = running.plan(SIZES, [part.name for part in running.PARTS], jars="lib")
    assert [(s.function, s.size) for s in steps[:2]] == [("measure", 1000), ("measure", 10_000)]
    assert {s.size for s in steps if s.function == "peer"} == {1000}
    assert [s.arguments for s in steps if s.part == "validation"] == [("lib",)]
    assert running.plan(SIZES, ["serving"]) == [running.Step("serving", "measure", n) for n in SIZES]


@pytest.mark.parametrize(
    "step", running.plan((1,), [p.name for p in running.PARTS]), ids=lambda s: f"{s.part}-{s.function}"
)
def test_bench_every_step_has_its_function(step: running.Step) -> None:
    assert callable(running.function(step))


def test_bench_figures_are_read_from_what_is_said() -> None:
    assert [f.values for f in FIGURES[:3]] == [
        [(2, "s"), (500, "/s")], [(25, "s"), (400, "/s")], [(1.5, "ms"), (4, "ms"), (1234, "rows")],
    ]  # fmt: skip
    assert Figure("p", 0, "n", "median 0.24 ms, p95 1.4 ms").values == [(0.24, "ms"), (1.4, "ms")]
    assert Figure("p", 0, "n", "nothing").values == []


def test_bench_table_shows_sizes_growth_and_what_gave_no_answer() -> None:
    text = figure.table(FIGURES, SIZES)
    index, notes = (next(x for x in text.splitlines() if x.startswith(f"  {n}")) for n in ("index", "notes"))
    assert index.split() == ["index", "2", "s", "(500/s)", "25", "s", "(400/s)", "×12.5"]
    assert notes.split() == ["notes", "1.5", "ms", "(4)", "no", "answer"]
    assert "size ×10" in text and "pySHACL" in text


def test_bench_json_holds_machine_versions_and_every_figure(tmp_path: Path) -> None:
    figure.write(tmp_path / "out.json", figure.report(FIGURES, SIZES, ["matching main 0"]))
    told = json.loads((tmp_path / "out.json").read_text(encoding="utf-8"))
    assert told["machine"]["cores"] and told["versions"]["pyoxigraph"] and told["failed"] == ["matching main 0"]
    assert [f["name"] for f in told["figures"]] == [f.name for f in FIGURES]
    assert told["figures"][0]["values"] == [{"value": 2, "unit": "s"}, {"value": 500, "unit": "/s"}]
    assert told["figures"][-1]["size"] is None
    assert [p.name for p in tmp_path.iterdir()] == ["out.json"]


def test_bench_stages_are_hooked_where_the_import_calls_them_and_put_back() -> None:
    real = [getattr(owner, name) for owner, name, _ in importing.STAGES]
    with importing.staged() as took, pytest.raises(TypeError):
        replay.replay()  # type: ignore[call-arg]
    assert list(took) == ["screen, store, index"]
    assert [getattr(owner, name) for owner, name, _ in importing.STAGES] == real


def test_bench_asks_every_report_query() -> None:
    assert {question.name for _, question, _ in querying.questions()} == set(saved.names("report"))


def test_bench_multiplied_rows_have_ids_of_their_own(tmp_path: Path) -> None:
    one, other = (source.multiplied(tmp_path / name, 3700).read_text(encoding="utf-8") for name in "ab")
    _, *rows = csv.reader(io.StringIO(one))
    assert one == other
    assert len({row[0] for row in rows}) == len(rows) == 3700


def test_bench_part_that_breaks_is_told_and_stops_nothing(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "10").write_text("a file where the knowledge base should be", encoding="utf-8")
    figures, well = running.run(running.Step("serving", "measure", 10), tmp_path)
    assert (figures, well) == ([], False)
    assert "Traceback" in capfd.readouterr().err
