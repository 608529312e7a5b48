"""The documents cannot lie: commands, queries, mappings and terms named in them exist, and nothing is left out."""

from __future__ import annotations

import ast
import re
import shlex
from pathlib import Path

import click
import pytest

from kb import ns
from kb.cli import commands
from kb.ingest import mapping
from kb.query import saved

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
GUIDES = sorted((ROOT / "web" / "help").glob("*.md"))
DOCUMENTS = [ROOT / "README.md", *GUIDES]


def _walk(command: click.Command, path: tuple[str, ...] = ()) -> dict[str, click.Command]:
    if isinstance(command, click.Group):
        return {n: c for name, sub in command.commands.items() for n, c in _walk(sub, (*path, name)).items()}
    return {" ".join(path): command}


COMMANDS = _walk(commands)


def _lines(path: Path) -> list[str]:
    """The `mizan …` command lines of a document's code, in blocks and in running text."""
    text = path.read_text(encoding="utf-8")
    blocks = re.findall(r"```(?:sh|console|bash)?\n(.*?)```", text, re.DOTALL)
    lines = [line.strip() for block in blocks for line in block.replace("\\\n", " ").splitlines()]
    code = [line.removeprefix("$ ").removeprefix(".venv/bin/") for line in lines]
    code += re.findall(r"`(mizan [^`]+)`", text)
    return [line.partition(" #")[0] for line in code if line.startswith("mizan ")]


def _command_of(line: str) -> tuple[str, list[str]]:
    words = shlex.split(line)[1:]
    for length in (2, 1):
        name = " ".join(words[:length])
        if name in COMMANDS:
            return name, words[length:]
    raise AssertionError(f"{line!r} is not a command of mizan")


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda p: p.name)
def test_docs_commands_exist_with_their_options(path: Path) -> None:
    for line in _lines(path):
        name, words = _command_of(line)
        known = {o for p in COMMANDS[name].params for o in (*p.opts, *p.secondary_opts)} | {"--help"}
        for word in words:
            if word.startswith("--"):
                assert word.partition("=")[0] in known, f"{path.name}: {line}"


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda p: p.name)
def test_docs_name_queries_that_exist(path: Path) -> None:
    for line in _lines(path):
        name, words = _command_of(line)
        if name == "query" and words and not words[0].startswith("-") and words[0].islower():
            question = words[0]
            if not question.endswith(".rq"):
                saved.load("report", question)


def test_docs_readme_lists_every_command() -> None:
    listed = set(re.findall(r"^\| `mizan ([a-z ]+?)`", README, re.MULTILINE))
    assert listed == set(COMMANDS)


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_docs_every_command_has_help_with_an_example(name: str) -> None:
    command = COMMANDS[name]
    assert command.help, f"{name} has no help"
    assert command.epilog and command.epilog.startswith("Example: mizan "), f"{name} has no example"
    shown, _ = _command_of(command.epilog.removeprefix("Example: "))
    assert shown == name


def test_docs_make_targets_of_the_readme_exist() -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    named = set(re.findall(r"(?:`|^)make ([a-z]+)", README, re.MULTILINE))
    assert {"demo", "test"} <= named <= targets


def test_docs_readme_stays_short() -> None:
    assert README.count("\n") <= 260


def test_docs_links_between_documents_lead_somewhere() -> None:
    for path in DOCUMENTS:
        for target in re.findall(r"\]\(([^)#\s]+)\)", path.read_text(encoding="utf-8")):
            if "://" not in target and not target.startswith("/"):
                assert (path.parent / target).exists() or path.parent.name == "help", f"{path.name}: {target}"


def test_docs_every_guide_is_in_both_languages() -> None:
    names = {p.name for p in GUIDES}
    assert names, "there are no guides"
    for name in names:
        stem = name.split(".")[0]
        assert {f"{stem}.en.md", f"{stem}.ar.md"} <= names


def test_docs_terms_in_code_are_in_the_ontology() -> None:
    text = "".join(p.read_text(encoding="utf-8") for p in sorted((ROOT / "ontology").glob("*.ttl")))
    defined = set(re.findall(r"^mz:(\w+)$", text, re.MULTILINE))
    assert defined, "no terms were found"
    assert ns.MZ.terms - defined == set()


def test_docs_closed_namespace_refuses_a_misspelt_term() -> None:
    with pytest.raises(AttributeError):
        _ = ns.MZ.Incidnet


def test_docs_shipped_mappings_are_named_in_the_help() -> None:
    told = COMMANDS["import"].help or ""
    assert all(name in told for name in mapping.names())


def test_docs_no_word_claims_guilt() -> None:
    banned = re.compile(r"\b(guilty|war criminals?|perpetrated by)\b", re.IGNORECASE)
    places = [p for folder in ("kb", "web", "ontology", "queries") for p in (ROOT / folder).rglob("*")
              if p.suffix in {".py", ".ttl", ".rq", ".html", ".md", ".toml", ".po"}]  # fmt: skip
    assert len(places) > 50
    for path in places:
        found = banned.search(path.read_text(encoding="utf-8"))
        assert not found, f"{path}: {found[0] if found else ''}"


def test_docs_every_test_of_a_kind_is_collected() -> None:
    for path in (ROOT / "tests").glob("*.py"):
        names = [n.name for n in ast.parse(path.read_text(encoding="utf-8")).body if isinstance(n, ast.FunctionDef)]
        tests = [n for n in names if n.startswith("test_")]
        if path.stem.startswith("test_"):
            assert tests, f"{path.name} holds no test"
        else:
            assert not tests, f"{path.name} would never be collected"
