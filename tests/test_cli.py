"""The command line: what it prints, its exit codes, and one plain line for every kind of misuse."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from kb import errors
from kb.cli import main
from kb.knowledgebase import KnowledgeBase

Run = Callable[..., tuple[int, str, str]]


def _one_line(text: str) -> bool:
    return text.startswith("mizan: ") and text.count("\n") == 1 and "Traceback" not in text


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["frobnicate"], "No such command 'frobnicate'"),
        (["querry"], "Did you mean 'query'?"),
        (["query", "--frmat", "csv"], "--format"),
        (["query", "no_such_question"], "There is no query named no_such_question"),
        (["query", "provisions_invoked_by_reprot"], "Did you mean provisions_invoked_by_report"),
        (["query", "missing.rq"], "There is no file missing.rq"),
        (["query", "provisions_invoked_by_report", "--param", "nosuch=1"], "has no parameter nosuch"),
        (["query", "provisions_invoked_by_report", "--param", "report=source/snhr"], "names nothing in this knowledge"),
        (["query", "provisions_invoked_by_report", "--param", "nosuch"], "Write it as --param name=value"),
        (["query", "provisions_invoked_by_report", "--format", "turtle"], "Use json, xml, csv, tsv"),
        (["query", "provisions_invoked_by_report", "--format", "parquet"], "cannot be answered as parquet"),
        (["import", "ucdp"], "No file is named"),
        (["import", "ucdp-gde", "x.csv"], "Did you mean ucdp-ged?"),
        (["import", "ucdp-ged", "no-such-file.csv"], "no-such-file.csv is not there"),
        (["bundle", "create", "--out", "x"], "Missing option '--incident'"),
        (["bundle", "create", "--out", "x", "--incident", "syria-2015-16/INC-999"], "INC-999"),
        (["ledger", "verfy"], "No such command 'verfy'"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_cli_misuse_is_one_line_that_helps(
    mizan: Run, demo_home: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, arguments: list[str], said: str
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MIZAN_HOME", str(demo_home))
    code, out, err = mizan(*arguments)
    assert code == 2
    assert said in err
    assert _one_line(err)
    assert out == ""
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "arguments",
    [["query", "provisions_invoked_by_report"], ["ledger", "verify"], ["rebuild"], ["serve"],
     ["import", "ucdp-ged", __file__], ["bundle", "create", "--incident", "a/b", "--out", "x"]],
    ids=lambda value: value[0],
)  # fmt: skip
def test_cli_says_when_there_is_no_knowledge_base(mizan: Run, tmp_path: Path, arguments: list[str]) -> None:
    code, _, err = mizan(*arguments, "--home", str(tmp_path / "nothing"))
    assert code == 2
    assert "There is no knowledge base in" in err
    assert "mizan demo" in err
    assert _one_line(err)
    assert not (tmp_path / "nothing").exists()


def test_cli_demo_again_is_the_same(mizan: Run, demo_copy: Path) -> None:
    with KnowledgeBase.open(demo_copy) as base:
        before, size = base.snapshot().ledger, len(base.snapshot().store)
    code, out, _ = mizan("demo", "--no-serve", "--home", str(demo_copy))
    assert code == 0
    assert "30 incident" in out
    with KnowledgeBase.open(demo_copy) as base:
        assert base.snapshot().ledger == before
        assert len(base.snapshot().store) == size


def test_cli_demo_prints_three_things_that_work(mizan: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    _, out, _ = mizan("demo", "--no-serve")
    tried = [found.split() for found in re.findall(r"^\s+\w+\s+[\w./-]+ ((?:query|bundle) .*)$", out, re.MULTILINE)]
    assert len(tried) == 2
    for arguments in tried:
        code, _, err = mizan(*arguments)
        assert code == 0, err
    (page,) = re.findall(r"http://127\.0\.0\.1:8000(/\S+)", out)
    from web.app import create_app

    with KnowledgeBase.open(tmp_path / ".mizan") as base:
        assert create_app(base).test_client().get(page).status_code == 200


def test_cli_query_formats(demo_home: Path, tmp_path: Path, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    question = tmp_path / "q.rq"
    question.write_text("SELECT ?p (COUNT(*) AS ?n) { ?s ?p ?o } GROUP BY ?p ORDER BY ?p LIMIT 3", encoding="utf-8")
    shown = {}
    for form in ("table", "csv", "tsv", "json", "xml"):
        assert main(["query", str(question), "--home", str(demo_home), "--format", form]) == 0
        shown[form] = capfdbinary.readouterr().out
    assert b"(3 rows)" in shown["table"]
    assert shown["csv"].splitlines()[0] == b"p,n"
    assert shown["tsv"].splitlines()[0] == b"?p\t?n"
    assert len(json.loads(shown["json"])["results"]["bindings"]) == 3
    assert shown["xml"].count(b"<result>") == 3


def test_cli_query_syntax_error_shows_line_column_and_caret(mizan: Run, demo_home: Path, tmp_path: Path) -> None:
    question = tmp_path / "q.rq"
    question.write_text("SELECT *\nWHERE { ?s ?p ?o ]\n", encoding="utf-8")
    code, _, err = mizan("query", str(question), "--home", str(demo_home))
    assert code == 2
    first, excerpt, caret = err.splitlines()
    assert first.startswith("mizan: Line 2, column ")
    assert excerpt == "  WHERE { ?s ?p ?o ]"
    assert caret.strip() == "^"


@pytest.mark.parametrize("text", ["SELECT * { SERVICE <http://127.0.0.1:1/> { ?s ?p ?o } }", "LOAD <http://127.0.0.1:1/>",
                                  "DELETE WHERE { ?s ?p ?o }"])  # fmt: skip
def test_cli_query_refuses_what_reaches_out_or_changes(mizan: Run, demo_home: Path, tmp_path: Path, text: str) -> None:
    question = tmp_path / "q.rq"
    question.write_text(text, encoding="utf-8")
    code, _, err = mizan("query", str(question), "--home", str(demo_home))
    assert code == 2
    assert "is refused" in err
    assert _one_line(err)


def test_cli_query_that_runs_too_long_is_stopped(mizan: Run, demo_home: Path, tmp_path: Path) -> None:
    question = tmp_path / "q.rq"
    question.write_text("SELECT (COUNT(*) AS ?n) WHERE { ?a ?b ?c . ?d ?e ?f . ?g ?h ?i }", encoding="utf-8")
    code, out, err = mizan("query", str(question), "--home", str(demo_home), "--seconds", "0.5")
    assert (code, out) == (2, "")
    assert "ran longer than 0.5 s" in err
    assert _one_line(err)


def test_cli_query_parameters_are_terms_not_text(mizan: Run, demo_home: Path, tmp_path: Path) -> None:
    question = tmp_path / "q.rq"
    question.write_text(
        "#+ title: t\n#+ param: name text a name\n"
        "SELECT ?s WHERE { VALUES ?name { UNDEF } ?s ?p ?name } ORDER BY ?s\n", encoding="utf-8",
    )  # fmt: skip
    hostile = 'x" } ?s ?p ?o . { ?s ?p "'
    code, out, _ = mizan("query", str(question), "--home", str(demo_home), "--param", f"name={hostile}")
    assert code == 0
    assert "(0 rows)" in out


def test_cli_ledger_verify_names_what_changed(mizan: Run, demo_copy: Path) -> None:
    assert mizan("ledger", "verify", "--home", str(demo_copy))[0] == 0
    segment = sorted((demo_copy / "ledger").glob("*.gz"))[0]
    data = bytearray(segment.read_bytes())
    data[len(data) // 2] ^= 1
    segment.write_bytes(data)
    code, _, err = mizan("ledger", "verify", "--home", str(demo_copy))
    assert code == 1
    assert str(segment) in err
    assert _one_line(err)


def test_cli_every_error_class_says_title_status_and_exit_code() -> None:
    def below(kind: type[errors.MizanError]) -> set[type[errors.MizanError]]:
        return {kind, *(k for sub in kind.__subclasses__() for k in below(sub))}

    kinds = below(errors.MizanError)
    assert len(kinds) > 10
    for kind in kinds:
        assert kind.exit_code in {1, 2}
        assert 400 <= kind.http_status < 600
        assert kind.title
        assert str(kind("what", "why", "Next.")) == "what: why. Next."
