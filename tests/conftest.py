"""Shared fixtures: one demonstration knowledge base a session, built as `mizan demo` builds it and only read by tests.

A test that writes makes its own knowledge base in `tmp_path`, cheaply, by `fresh_home`: a copy of an empty one.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from kb.cli import main
from kb.knowledgebase import KnowledgeBase

SHARED = Path(__file__).resolve().parents[2] / "shared"


@pytest.fixture(scope="session")
def demo_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the demonstration knowledge base."""
    home = tmp_path_factory.mktemp("demo") / "home"
    assert main(["demo", "--no-serve", "--home", str(home)]) == 0
    return home


@pytest.fixture(scope="session")
def demo(demo_home: Path) -> Iterator[KnowledgeBase]:
    """The demonstration knowledge base, open; tests only read it."""
    with KnowledgeBase.open(demo_home) as base:
        yield base


@pytest.fixture
def demo_copy(demo_home: Path, tmp_path: Path) -> Path:
    """A copy of the demonstration knowledge base that a test may write to."""
    shutil.copytree(demo_home, tmp_path / "home")
    return tmp_path / "home"


@pytest.fixture(scope="session")
def _empty_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("empty") / "home"
    KnowledgeBase.create(home).close()
    return home


@pytest.fixture
def fresh_home(_empty_home: Path, tmp_path: Path) -> Path:
    """A knowledge base with vocabulary and law and nothing else, that a test may write to."""
    shutil.copytree(_empty_home, tmp_path / "home")
    return tmp_path / "home"


@pytest.fixture
def mizan(capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str, str]]:
    """Run a command in this process: exit code, standard output, standard error."""

    def run(*arguments: str) -> tuple[int, str, str]:
        code = main(list(arguments))
        out, err = capsys.readouterr()
        return code, out, err

    return run


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of real data that lies beside the checkout."""
    assert SHARED.is_dir(), f"{SHARED} is needed: tests read the real data from there"
    return SHARED
