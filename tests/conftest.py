"""Shared fixtures: one demonstration knowledge base a run, built as `mizan demo` builds it and only read by tests.

A test that writes makes its own knowledge base in `tmp_path`, cheaply, by `fresh_home`: a copy of an empty one.
With several workers, the first that needs one of them builds it and every worker has a copy.
"""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from kb import bundle
from kb.bundle import Bundle, BundleRequest
from kb.cli import main
from kb.knowledgebase import KnowledgeBase

SHARED = Path(__file__).resolve().parents[2] / "shared"


# The files that take longest come first, so that no worker is left alone with one at the end.
LONG = (
    "test_import_real", "test_match", "test_search_facets", "test_validation_shapes", "test_validation_corners",
    "test_web_browser", "test_install", "test_crash", "test_faults", "test_import_bulk",
)  # fmt: skip
# Their tests take long and share little that is costly to set up: whichever worker is free takes the next one.
APART = {"test_crash", "test_faults", "test_import_bulk"}


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Say to pytest-xdist (`--dist loadgroup`) what stays together, and in which order it is handed out."""
    for item in items:
        if item.path.stem not in APART:
            item.add_marker(pytest.mark.xdist_group(item.path.stem))
    last = len(LONG)
    items.sort(key=lambda item: LONG.index(item.path.stem) if item.path.stem in LONG else last)


def once_a_run(name: str, factory: pytest.TempPathFactory, make: Callable[[Path], object]) -> Path:
    """This worker's own copy of a folder that `make` builds once, in whichever worker comes first."""
    own = factory.mktemp(name) / "home"
    if "PYTEST_XDIST_WORKER" not in os.environ:
        make(own)
        return own
    shared = factory.getbasetemp().parent / name
    with shared.with_name(f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not shared.exists():
            make(own)
            shutil.copytree(own, shared.with_name(f"{name}.part"))
            shared.with_name(f"{name}.part").rename(shared)  # what broke half-way is nobody's to take
            return own
    shutil.copytree(shared, own)
    return own


@pytest.fixture(scope="session")
def demo_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the demonstration knowledge base."""

    def make(home: Path) -> None:
        assert main(["demo", "--no-serve", "--home", str(home)]) == 0

    return once_a_run("demo", tmp_path_factory, make)


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
    return once_a_run("empty", tmp_path_factory, lambda home: KnowledgeBase.create(home).close())


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
