"""The floors hold: imports point down, units on one floor do not know each other, and no file or function sprawls."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
FLOORS = (
    ("kb", "kb.errors", "kb.ns", "kb.paths"),
    ("kb.storage", "kb.canonical", "kb.process", "kb.packed"),
    ("kb.record", "kb.people"),
    ("kb.vocabulary", "kb.document", "kb.ledger", "kb.store", "kb.origin"),
    ("kb.query", "kb.search", "kb.validation", "kb.export"),
    ("kb.snapshot", "kb.ingest", "kb.applicability", "kb.bundle", "kb.matching", "kb.columns"),
    ("kb.replay", "kb.form"),
    ("kb.writer", "kb.generate"),
    ("kb.importing", "kb.upkeep"),
    ("kb.knowledgebase",),
    ("kb.show", "kb.show_elements", "kb.option", "kb.review"),
    ("kb.cli_law", "kb.cli_assess", "kb.cli_generate", "kb.cli_import", "kb.cli_match", "kb.cli_store",
     "kb.cli_people"),
    ("kb.cli", "web"),
)
# The command line starts the site, and nothing else crosses a floor.
ALLOWED = {("kb.cli", "web")}
FILES = sorted([*ROOT.glob("kb/**/*.py"), *ROOT.glob("web/**/*.py")])
INSTRUMENTS = ("2139", "2254", "2268", "2286", "rome-statute", "iccpr", "udhr", "customary")


def _module(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def _unit(module: str) -> str:
    """The unit of the plan that a module belongs to: the longest name in FLOORS that begins it."""
    names = [n for floor in FLOORS for n in floor if module == n or module.startswith(n + ".")]
    assert names, f"{module} stands on no floor: add it to the plan"
    return max(names, key=len)


def _floor(unit: str) -> int:
    return next(i for i, floor in enumerate(FLOORS) if unit in floor)


def _imports(path: Path) -> Iterator[str]:
    modules = {_module(f) for f in FILES}
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (a.name for a in node.names if a.name.partition(".")[0] in {"kb", "web"})
        elif isinstance(node, ast.ImportFrom) and node.module and node.module.partition(".")[0] in {"kb", "web"}:
            for alias in node.names:
                full = f"{node.module}.{alias.name}"
                yield full if full in modules else node.module


@pytest.mark.parametrize("path", FILES, ids=_module)
def test_imports_point_down(path: Path) -> None:
    unit = _unit(_module(path))
    for target in _imports(path):
        other = _unit(target)
        if other != unit and (unit, other) not in ALLOWED:
            assert _floor(other) < _floor(unit), f"{_module(path)} imports {target}, which is not below it"


def test_imports_make_no_circle() -> None:
    edges = {_module(p): set(_imports(p)) for p in FILES}
    done: set[str] = set()

    def walk(module: str, trail: tuple[str, ...]) -> None:
        assert module not in trail, f"circle: {' -> '.join([*trail, module])}"
        if module in done:
            return
        for target in sorted(edges.get(module, ())):
            if target != module:
                walk(target, (*trail, module))
        done.add(module)

    for module in sorted(edges):
        walk(module, ())


@pytest.mark.parametrize("path", FILES, ids=_module)
def test_files_and_functions_stay_small(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert text.count("\n") <= 400, "split this file"
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef):
            assert node.end_lineno is not None
            assert node.end_lineno - node.lineno < 50, f"{node.name} is too long"


@pytest.mark.parametrize("path", FILES, ids=_module)
def test_modules_and_public_things_say_what_they_are_for(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    assert ast.get_docstring(tree), "the module has no docstring"
    public = [
        node for node in tree.body
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.name.startswith("_")
    ]  # fmt: skip
    for node in public:
        assert ast.get_docstring(node), f"{node.name} has no docstring"
        for part in node.body if isinstance(node, ast.ClassDef) else ():
            if isinstance(part, ast.FunctionDef) and not part.name.startswith("_"):
                inherited = any(isinstance(b, ast.Name | ast.Attribute | ast.Subscript) for b in node.bases)
                assert ast.get_docstring(part) or inherited, f"{node.name}.{part.name} has no docstring"


@pytest.mark.parametrize("path", FILES, ids=_module)
def test_python_names_no_legal_instrument(path: Path) -> None:
    words = [
        node.value for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and "\n" not in node.value
    ]  # fmt: skip
    code = "\n".join(words).lower()
    assert not [name for name in INSTRUMENTS if name in code], "law is data: read it, do not name it"


@pytest.mark.parametrize("path", FILES, ids=_module)
def test_no_error_is_swallowed(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ExceptHandler):
            assert node.type is not None, f"{path.name}:{node.lineno} catches everything"
            caught = ast.unparse(node.type)
            assert caught != "Exception", f"{path.name}:{node.lineno} catches Exception"


def test_no_room_is_called_utils() -> None:
    assert not [p for p in FILES if p.stem in {"utils", "util", "helpers", "helper", "manager", "common", "misc"}]


def test_top_level_is_as_agreed() -> None:
    agreed = {"pyproject.toml", "README.md", "ontology", "kb", "web", "queries", "tests", "Makefile",
              "requirements.lock", "LICENSE"}  # fmt: skip
    there = {p.name for p in ROOT.iterdir() if not p.name.startswith(".") and p.name not in {"bundles", "dist"}}
    assert there == agreed
