"""SIGKILL at any moment: readers keep the last snapshot, the ledger verifies, and importing again finishes the job.

Two kinds of kill. Real `mizan import` commands are killed at random moments (seeded, printed). And for each narrow
window in which a half could be left behind, this file runs itself as a program that kills itself right there.
"""

from __future__ import annotations

import csv
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from pyoxigraph import NamedNode, Triple

import kb.ledger
import kb.search.index
import kb.snapshot
import kb.writer
from kb import canonical, document
from kb.cli import main
from kb.knowledgebase import KnowledgeBase
from kb.ledger import Ledger
from kb.ns import ID, MZ, RDF, SKOS
from kb.search import SearchIndex
from kb.snapshot import Snapshot
from kb.store.base import Limits
from kb.store.local import LocalStore
from kb.writer import Writer

ROWS = 70
CHANGED = 25  # of them were imported before with other numbers
KILLS = 14  # of real commands: half of them at any moment of their run, half once they write
SEED = 20160227
EPOCH = "1456531200"  # one clock for all, so that interrupted and uninterrupted runs can be compared byte by byte


@dataclass(frozen=True)
class State:
    """All that a reader can see."""

    number: int
    head: str
    triples: tuple[str, ...]
    counts: tuple[tuple[str, int], ...]
    found: int


def _state(here: Snapshot) -> State:
    body = here.store.ask("CONSTRUCT WHERE { ?s ?p ?o }", "CONSTRUCT", "ntriples", Limits(rows=10**7)).body
    counts = tuple(here.index.counts().items())
    triples = tuple(sorted(body.decode().splitlines()))
    return State(here.number, here.ledger.sha256, triples, counts, here.index.find("Syria", limit=1).total)


def _seen(home: Path) -> State:
    with KnowledgeBase.open(home) as base:
        return _state(base.snapshot())


@dataclass(frozen=True)
class Scene:
    """A home in which the import will supersede some records and add others; what it looks like before and after."""

    home: Path
    table: Path
    before: State
    after: State
    seconds: float  # that the import takes, and how many of them it writes
    writing: float


@pytest.fixture(scope="module")
def scene(_empty_home: Path, tmp_path_factory: pytest.TempPathFactory, shared: Path) -> Iterator[Scene]:
    folder = tmp_path_factory.mktemp("crash")
    table, older = folder / "events.csv", folder / "older.csv"
    with (shared / "data" / "ucdp-ged-syria-2016.csv").open(encoding="utf-8", newline="") as source:
        header, *rows = (row for row, _ in zip(csv.reader(source), range(ROWS + 1), strict=False))
    high = header.index("high")
    with table.open("w", encoding="utf-8", newline="") as target:
        csv.writer(target).writerows([header, *rows])
    with older.open("w", encoding="utf-8", newline="") as target:
        changed = [[*row[:high], str(int(row[high]) + 7), *row[high + 1 :]] for row in rows[:CHANGED]]
        csv.writer(target).writerows([header, *changed])
    home, done = folder / "home", folder / "done"
    shutil.copytree(_empty_home, home)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SOURCE_DATE_EPOCH", EPOCH)
        assert main(["import", "ucdp-ged", str(older), "--home", str(home)]) == 0
        _small_change(home)  # so that the import has a snapshot to prune
        shutil.copytree(home, done)
        started = time.monotonic()
        process = _start_import(table, done)
        _await_lock(process, done)
        locked = time.monotonic()
        assert process.wait() == 0
        ended = time.monotonic()
        yield Scene(home, table, _seen(home), _seen(done), ended - started, ended - locked)


def _small_change(home: Path) -> None:
    node = NamedNode(f"{ID}actor/test/a")
    label = canonical.literal("Syria", language="en")
    triples = [Triple(node, RDF.type, MZ.Actor), Triple(node, SKOS.prefLabel, label)]
    with KnowledgeBase.open(home) as base:
        base.write([document.record(node.value, triples)], {"label": "small"})


def _start_import(table: Path, home: Path) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "kb.cli", "import", "ucdp-ged", str(table), "--home", str(home)]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def _await_lock(process: subprocess.Popen[bytes], home: Path) -> None:
    while process.poll() is None and (home / "lock").read_text() != f"{process.pid}\n":
        time.sleep(0.002)


def _command(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "kb.cli", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)


def _assert_whole(home: Path, scene: Scene) -> State:
    """Readers see one of the two states whole; workers and index agree with it."""
    seen = _seen(home)
    assert seen in (scene.before, scene.after)
    with KnowledgeBase.open(home, workers=1) as base:
        counted = base.ask("SELECT (COUNT(*) AS ?n) { ?s ?p ?o }", "csv").body
        assert int(counted.split()[1]) == len(seen.triples)
    return seen


def _assert_finished(home: Path, scene: Scene) -> None:
    """The store is that of an uninterrupted import, triple by triple; nothing is left over, nothing is doubled."""
    seen = _seen(home)
    assert seen == scene.after
    assert len(set(seen.triples)) == len(seen.triples)
    ledger = Ledger(home / "ledger")
    assert ledger.verify().head.sha256 == scene.after.head
    assert ledger.recover() == []
    assert not list((home / "snapshots").glob(".new-*"))
    writer = LocalStore(home / "store")
    assert len(writer) == len(seen.triples) and writer.segment() == seen.number
    del writer
    assert SearchIndex(home / "search").segment == seen.number


def test_scene_has_what_a_crash_could_break(scene: Scene) -> None:
    assert scene.after.number == scene.before.number + 1
    gone = set(scene.before.triples) - set(scene.after.triples)
    assert len(gone) > CHANGED, "records are superseded"
    assert len(scene.after.triples) > len(scene.before.triples) + 1_000, "and others are added"
    assert sum("#revision-1> " in line for line in scene.after.triples) >= CHANGED


# at random moments


def _killed_import(scene: Scene, home: Path, after: float, writing: bool) -> bool:
    """Run the command and kill it `after` seconds, from its start or from when it holds the lock; was it running?"""
    process = _start_import(scene.table, home)
    if writing:
        _await_lock(process, home)
    time.sleep(after)
    running = process.poll() is None
    process.kill()
    process.wait()
    return running


def _trial(scene: Scene, folder: Path, number: int, after: float) -> str:
    home, writing = folder / f"home{number}", bool(number % 2)
    shutil.copytree(scene.home, home)
    while not _killed_import(scene, home, after, writing):  # it was over already: the machine has other work
        shutil.rmtree(home)
        shutil.copytree(scene.home, home)
        after *= 0.6
    seen = _assert_whole(home, scene)
    verified = _command("ledger", "verify", "--home", str(home))
    assert verified.returncode == 0, verified.stderr
    committed = Ledger(home / "ledger").head().sha256 == scene.after.head
    again = _command("import", "ucdp-ged", str(scene.table), "--home", str(home))
    assert again.returncode == 0, again.stderr
    _assert_finished(home, scene)
    shutil.rmtree(home)
    moment = f"kill {number:2}, {after:.3f} s after its {'lock' if writing else 'start'}"
    return f"{moment}: ledger {'committed' if committed else 'as before'}, readers at {seen.number}"


def test_killed_import_at_random_moments_can_be_finished(
    scene: Scene, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    chance = random.Random(SEED)
    moments = [chance.uniform(0.0, scene.writing if number % 2 else scene.seconds) for number in range(KILLS)]
    with ThreadPoolExecutor(2) as threads:
        told = list(threads.map(lambda n: _trial(scene, tmp_path, n, moments[n]), range(KILLS)))
    alone = f"{scene.seconds:.2f} s alone, {scene.writing:.2f} s of them writing"
    with capsys.disabled():
        print(f"\n{KILLS} kills of an import of {ROWS} rows ({alone}), seed {SEED}:", *told, sep="\n")
    assert {word for line in told for word in ("as before", "committed") if word in line} == {"as before", "committed"}


def test_killed_import_leaves_no_process(scene: Scene, tmp_path: Path, shared: Path) -> None:
    """Larger inputs are validated by processes of their own; they end with the command that was killed."""
    command = [sys.executable, "-m", "kb.cli", "import", "ucdp-ged", str(shared / "data" / "ucdp-ged-syria-2016.csv")]
    process = subprocess.Popen([*command, "--home", str(scene.home), "--check"], stdout=subprocess.DEVNULL)
    children: list[int] = []
    while process.poll() is None and len(children) < 2:
        time.sleep(0.05)
        children = _children(process.pid)
    process.kill()
    process.wait()
    assert len(children) >= 2, "it was expected to start some"
    deadline = time.monotonic() + 10.0
    while any(map(_runs, children)):
        assert time.monotonic() < deadline, f"{[c for c in children if _runs(c)]} outlived the command that was killed"
        time.sleep(0.05)


def _children(pid: int) -> list[int]:
    try:
        return [int(c) for t in Path(f"/proc/{pid}/task").iterdir() for c in (t / "children").read_text().split()]
    except OSError:
        return []


def _runs(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


# in narrow windows


def _die(*_: Any, **__: Any) -> Any:
    os.kill(os.getpid(), signal.SIGKILL)


def _at_call(number: int, real: Callable[..., Any]) -> Callable[..., Any]:
    """A function that works until its call `number`, and dies there."""
    calls = iter(range(1, number))

    def call(*arguments: Any, **named: Any) -> Any:
        if next(calls, None) is None:
            _die()
        return real(*arguments, **named)

    return call


class _Mortal:
    """A store that dies at the first call of `method`, after `spared` calls that work."""

    def __init__(self, store: Any, method: str, spared: int = 0) -> None:
        self._store, self._method, self._spared = store, method, spared

    def __getattr__(self, name: str) -> Any:
        real = getattr(self._store, name)
        if name != self._method:
            return real
        return _at_call(self._spared + 1, real)

    def __len__(self) -> int:
        return len(self._store)


def _within(method: str, inner: str, spared: int = 0) -> None:
    """Die inside a method of LocalStore, when it calls `inner` of the embedded store."""
    real = getattr(LocalStore, method)

    def call(self: LocalStore, *arguments: Any) -> Any:
        embedded = self._store
        dies = _at_call(spared + 1, getattr(embedded, inner))
        proxy = _Mortal(embedded, "")
        setattr(proxy, inner, dies)
        self._store = proxy  # type: ignore[assignment]
        try:
            return real(self, *arguments)
        finally:
            self._store = embedded

    setattr(LocalStore, method, call)


def _new_file_only(path: Path, data: bytes) -> None:
    path.with_name(path.name + ".new").write_bytes(data)
    _die()


def _dies_for(name: str) -> Callable[[Path, bytes], None]:
    real = kb.snapshot.replace_file

    def replace(path: Path, data: bytes) -> None:
        if path.name == name:
            _die()
        real(path, data)

    return replace


def _prune_half(folder: Path) -> None:
    shutil._rmtree_real(folder / "store")  # type: ignore[attr-defined]
    _die()


def _dies_renaming(mark: str) -> Callable[[Path, Path], Path]:
    def rename(path: Path, target: Path) -> Path:
        if mark in path.name:
            _die()
        os.rename(path, target)
        return target

    return rename


def _set(owner: Any, name: str, value: Any) -> Callable[[], None]:
    return lambda: setattr(owner, name, value)


def _chunks_of_five() -> None:
    kb.writer._CHUNK = 5
    LocalStore.add = _at_call(8, LocalStore.add)  # type: ignore[method-assign]


def _half_pruned() -> None:
    shutil._rmtree_real = shutil.rmtree  # type: ignore[attr-defined]
    kb.snapshot.shutil.rmtree = _prune_half  # type: ignore[attr-defined]


WINDOWS: dict[str, tuple[bool, Callable[[], None]]] = {  # name: whether the ledger has it by then, and how to die there
    "recovery not begun": (False, _set(Ledger, "recover", _die)),
    "segment begun": (False, _set(kb.ledger, "_line", _at_call(40, kb.ledger._line))),
    "segment written, not named": (False, _set(kb.ledger, "_file_digest", _die)),
    "segment complete, not named": (False, _set(Path, "rename", _dies_renaming(".unfinished"))),
    "segment named, HEAD as before": (False, _set(Ledger, "_write_head", _die)),
    "HEAD written beside, not in place": (False, _set(kb.ledger, "replace_file", _new_file_only)),
    "ledger committed, store untouched": (True, _set(Writer, "_apply", _die)),
    "store filled in part": (True, _chunks_of_five),
    "a record removed in part": (True, lambda: _within("replace", "remove", 5)),
    "many records replaced, one removed in part": (True, lambda: _within("replace", "remove", 9)),
    "a record removed, not written": (True, lambda: _within("replace", "extend")),
    "store filled, not marked": (True, _set(LocalStore, "mark", _die)),
    "old mark removed, new one not written": (True, lambda: _within("mark", "extend")),
    "store marked, not flushed": (True, lambda: _within("mark", "flush")),
    "store done, index untouched": (True, _set(SearchIndex, "changing", _die)),
    "index committed, not marked": (True, _set(kb.search.index, "replace_file", _die)),
    "index mark written beside": (True, _set(kb.search.index, "replace_file", _new_file_only)),
    "index done, no snapshot": (True, _set(kb.snapshot, "publish", _die)),
    "snapshot begun": (True, _set(LocalStore, "copy_to", _die)),
    "snapshot with store, without index": (True, _set(SearchIndex, "copy_to", _die)),
    "snapshot without description": (True, _set(kb.snapshot, "replace_file", _dies_for("snapshot.json"))),
    "snapshot complete, not named": (True, _set(Path, "rename", _dies_renaming(".new-"))),
    "snapshot named, pointer as before": (True, _set(kb.snapshot, "replace_file", _dies_for("current"))),
    "pointer set, nothing pruned": (True, _set(kb.snapshot, "prune", _die)),
    "old snapshot pruned in part": (True, _half_pruned),
}
READERS_MOVED = {"pointer set, nothing pruned", "old snapshot pruned in part"}


def _run_to_death(window: str, *arguments: str) -> None:
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[1]), "SOURCE_DATE_EPOCH": EPOCH}
    command = [sys.executable, __file__, window, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=60, check=False)
    assert done.returncode == -signal.SIGKILL, f"it did not die in the window: {done.stdout}{done.stderr}"


def _validation_passes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Validation takes most of the time and writes nothing; the random kills have it."""
    monkeypatch.setattr(KnowledgeBase, "validate", lambda self, records: [])
    monkeypatch.setenv("SOURCE_DATE_EPOCH", EPOCH)


@pytest.mark.parametrize("window", WINDOWS)
def test_killed_import_in_a_narrow_window_can_be_finished(
    scene: Scene, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, window: str, capsys: pytest.CaptureFixture[str]
) -> None:
    home = tmp_path / "home"
    shutil.copytree(scene.home, home)
    _run_to_death(window, "import", "ucdp-ged", str(scene.table), "--home", str(home))
    committed, _ = WINDOWS[window]
    seen = _assert_whole(home, scene)
    assert seen == (scene.after if window in READERS_MOVED else scene.before)
    assert main(["ledger", "verify", "--home", str(home)]) == 0
    assert Ledger(home / "ledger").head().segment == scene.before.number + committed
    _validation_passes(monkeypatch)
    assert main(["import", "ucdp-ged", str(scene.table), "--home", str(home)]) == 0
    assert f" {0 if committed else CHANGED} changed, " in capsys.readouterr().out
    _assert_finished(home, scene)


@pytest.mark.parametrize("window", ["store filled in part", "a record removed, not written", "index done, no snapshot"])
def test_killed_twice_can_still_be_finished(
    scene: Scene, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, window: str
) -> None:
    """The second kill falls into the recovery from the first."""
    home = tmp_path / "home"
    shutil.copytree(scene.home, home)
    arguments = ("import", "ucdp-ged", str(scene.table), "--home", str(home))
    _run_to_death("ledger committed, store untouched", *arguments)
    _run_to_death(window, *arguments)
    assert _assert_whole(home, scene) == scene.before
    _validation_passes(monkeypatch)
    assert main(list(arguments)) == 0
    _assert_finished(home, scene)


@pytest.mark.parametrize(
    "window",
    [
        "recovery not begun", "store filled in part", "store done, index untouched",
        "snapshot with store, without index",
    ],
)  # fmt: skip
def test_killed_rebuild_leaves_the_last_snapshot(
    scene: Scene, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, window: str
) -> None:
    home = tmp_path / "home"
    shutil.copytree(scene.home, home)
    _run_to_death(window, "rebuild", "--home", str(home))
    assert _assert_whole(home, scene) == scene.before
    _validation_passes(monkeypatch)
    assert main(["import", "ucdp-ged", str(scene.table), "--home", str(home)]) == 0
    _assert_finished(home, scene)


@pytest.mark.parametrize(
    "window",
    [
        "recovery not begun", "segment begun", "segment named, HEAD as before", "HEAD written beside, not in place",
        "store filled in part", "index committed, not marked", "snapshot complete, not named",
    ],
)  # fmt: skip
def test_killed_init_can_be_finished(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, _empty_home: Path, window: str
) -> None:
    home = tmp_path / "new"
    _run_to_death(window, "init", "--home", str(home))
    monkeypatch.setenv("SOURCE_DATE_EPOCH", EPOCH)
    assert main(["init", "--home", str(home)]) == 0
    seen, known = _seen(home), _seen(_empty_home)
    assert seen.number == known.number == 1
    assert seen.counts == known.counts
    clock = "http://www.w3.org/ns/prov#startedAtTime"
    assert [t for t in seen.triples if clock not in t] == [t for t in known.triples if clock not in t]
    assert Ledger(home / "ledger").verify().segments == 1


class _PowerCut(Exception):
    pass


class _Breaking:
    """An embedded store that breaks off at one removal."""

    def __init__(self, store: Any, spared: int) -> None:
        self._store, self._spared = store, spared

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    def remove(self, quad: Any) -> None:
        if not self._spared:
            raise _PowerCut
        self._spared -= 1
        self._store.remove(quad)


def test_replacing_a_record_can_break_off_at_every_single_removal() -> None:
    node, part = NamedNode(f"{ID}actor/test/a"), NamedNode(f"{ID}actor/test/a#part")
    old, new = (
        document.record(node.value, [
            Triple(subject, SKOS.prefLabel, canonical.literal(f"{word} {n}", language="en"))
            for subject in (node, part) for n in range(3)
        ]).triples
        for word in ("old", "new")
    )  # fmt: skip
    whole = LocalStore.in_memory()
    whole.add(old)
    other = Triple(NamedNode("urn:other"), SKOS.prefLabel, canonical.literal("stays"))
    for spared in range(len(whole)):
        store = LocalStore.in_memory()
        store.add([*old, other])
        embedded = store._store
        store._store = _Breaking(embedded, spared)  # type: ignore[assignment]
        with pytest.raises(_PowerCut):
            store.replace(node.value, new)
        store._store = embedded
        store.replace(node.value, new)
        left = canonical.ntriples(t for s in (node, part, NamedNode("urn:other")) for t in store.node(s))
        assert left == canonical.ntriples([*new, other]), spared
        assert len(store) == len(new) + 1


if __name__ == "__main__":
    KnowledgeBase.validate = lambda self, records: []  # type: ignore[method-assign]
    WINDOWS[sys.argv[1]][1]()
    sys.exit(main(sys.argv[2:]))
