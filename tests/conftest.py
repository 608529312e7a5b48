"""Shared fixtures: one demonstration knowledge base a session, built as `mizan demo` builds it and only read by tests.

A test that writes makes its own knowledge base in `tmp_path`, cheaply, by `fresh_home`: a copy of an empty one.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from kb import bundle
from kb.bundle import Bundle, BundleRequest
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


@pytest.fixture(scope="session")
def request_for(demo: KnowledgeBase) -> Callable[..., BundleRequest]:
    """The request that the knowledge base makes for incidents given by name."""

    def make(*names: str) -> BundleRequest:
        at = demo.snapshot()
        chosen = bundle.select(names, at.record)
        segments = {iri: at.store.segment_of(iri) for iri in chosen.records}
        written = demo.written(chosen.records, at)
        return BundleRequest(chosen.incidents, written, segments, at.number, at.time, at.ledger, chosen.omitted)

    return make


@pytest.fixture(scope="session")
def request_(request_for: Callable[..., BundleRequest]) -> BundleRequest:
    """A request for two incidents."""
    return request_for("syria-2015-16/INC-001", "syria-2015-16/INC-012")


@pytest.fixture(scope="session")
def made(request_: BundleRequest, tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    """The bundle of that request; tests only read it."""
    return bundle.create(request_, tmp_path_factory.mktemp("bundles"))
