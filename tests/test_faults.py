"""What goes wrong around the software: disks, permissions, other versions, damaged files. One line says what, why and
what next, and when the cause is gone the same command succeeds.

Small disks are real: a tmpfs in a namespace of its own, in which this file runs itself as a program that mounts it
and runs real commands there.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from kb import errors
from kb.knowledgebase import FORMAT, KnowledgeBase
from kb.ledger import Ledger
from kb.search import SearchIndex
from kb.storage import plain_errors, storage_error

Run = Callable[..., tuple[int, str, str]]
Outcome = dict[str, Any]
QUERY = ("query", "provisions_not_verified")
COMMANDS = {"query": QUERY, "verify": ("ledger", "verify"), "rebuild": ("rebuild",), "init": ("init",)}
REBUILD = "Make it anew from the ledger with: mizan rebuild"


def _assert_one_line(err: str) -> None:
    assert err.startswith("mizan: "), err
    assert err.count("\n") == 1, err
    assert "Traceback" not in err and "bug in mizan" not in err, err
    assert ". " in err or ": " in err[7:], "it says more than what"


@pytest.fixture
def table(tmp_path: Path, shared: Path) -> Path:
    """A few real rows."""
    path = tmp_path / "events.csv"
    with (shared / "data" / "ucdp-ged-syria-2016.csv").open(encoding="utf-8") as source:
        path.write_text("".join(line for line, _ in zip(source, range(16), strict=False)), encoding="utf-8")
    return path


# a disk that is full: the program that runs in a namespace


def _in_namespace(mount: Path, *steps: list[str]) -> list[Outcome]:
    """Run steps in a new mount namespace: `disk SIZE`, `grow SIZE`, `headroom SIZE`, `freeze`, `copy FROM`, a `mizan`
    command, or `chunked WHEN` and such a command, see `chunked`; what came of each."""
    mount.mkdir(exist_ok=True)
    program = [sys.executable, __file__, str(mount), json.dumps(steps)]
    command = ["unshare", "--user", "--map-root-user", "--mount", *program]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[1]), "TMPDIR": str(mount.parent)}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    outcomes: list[Outcome] = json.loads(done.stdout)
    return outcomes


def _program(mount: str, steps: list[list[str]]) -> list[Outcome]:
    outcomes = []
    for step in steps:
        if step[0] in ("mizan", "chunked"):
            code = "from kb.cli import run; run()"
            if step[0] == "chunked":
                code = f"from tests.test_faults import chunked; chunked({step.pop(1)!r}, {mount!r}); {code}"
            command = [sys.executable, "-c", code, *step[1:]]
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            used = shutil.disk_usage(mount).used
            outcomes.append({"code": done.returncode, "out": done.stdout, "err": done.stderr, "used": used})
        elif step[0] == "files":
            outcomes.append({"files": sorted(str(p.relative_to(mount)) for p in Path(mount).rglob("*"))})
        elif step[0] == "copy":
            shutil.copytree(step[1], f"{mount}/home")
        else:
            _mount(mount, *step)
    return outcomes


def chunked(when: str, mount: str) -> None:
    """Let this process import all files as large ones, and fill the disk at a moment: `part`, `ledger`, `store`."""
    from kb import cli_import
    from kb.ingest import assembly, chunk, journal
    from kb.store.local import LocalStore

    chunk.SIZE = assembly.SIZE = 10
    cli_import.Options = partial(cli_import.Options, large=5)  # type: ignore[misc, assignment]
    moments: dict[str, tuple[Any, str]] = {
        "part": (journal.Journal, "settle"), "ledger": (Ledger, "append_parts"), "store": (LocalStore, "mark"),
    }  # fmt: skip
    for owner, name in [moments[when]] if when else []:
        real = getattr(owner, name)

        def full(*given: Any, real: Callable[..., Any] = real) -> Any:
            with suppress(OSError), open(f"{mount}/ballast", "ab", buffering=0) as ballast:
                while ballast.write(bytes(4096)):
                    pass
            return real(*given)

        setattr(owner, name, full)


def _mount(mount: str, action: str, size: str = "") -> None:
    if action == "headroom":
        room = os.statvfs(mount)
        size = str((room.f_blocks - room.f_bfree) * room.f_frsize + int(size))
    options = {"disk": f"size={size}", "freeze": "remount,ro"}.get(action, f"remount,size={size}")
    subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", mount], check=True)


def _full(outcome: Outcome) -> None:
    assert outcome["code"] == 2, outcome
    assert outcome["out"] == ""
    _assert_one_line(outcome["err"])
    assert "the disk is full. Free some space and run the same command again; nothing was lost." in outcome["err"]


def test_full_disk_while_making_a_knowledge_base(tmp_path: Path) -> None:
    """At sizes that fail in the lock, ledger, store, index and snapshot; with space the same command succeeds."""
    disk = tmp_path / "disk"
    home = ["--home", str(disk / "home")]
    init = ["mizan", "init", *home]
    (whole,) = _in_namespace(disk, ["disk", "200m"], init)
    assert whole["code"] == 0
    reached = set()
    for share in (0.0005, 0.01, 0.3, 0.97):
        size = str(max(8192, int(whole["used"] * share)))
        full, files, again, verified = _in_namespace(
            disk, ["disk", size], init, ["files"], ["grow", "200m"], init, ["mizan", "ledger", "verify", *home]
        )
        _full(full)
        reached.add(_furthest(files["files"]))
        assert (again["code"], again["out"]) == (0, whole["out"]), again["err"]
        assert verified["code"] == 0 and "1 segments" in verified["out"]
    assert reached >= {"ledger", "store", "search/meta.json"}, f"the sizes no longer fail at different steps: {reached}"


def _furthest(files: list[str]) -> str:
    steps = ["current", "snapshots", "search/meta.json", "search", "store", "ledger/00000001", "ledger", ""]
    return next((step for step in steps if any(name.startswith(f"home/{step}") for name in files)), "nothing")


def test_full_disk_while_importing(tmp_path: Path, fresh_home: Path, table: Path) -> None:
    """The last snapshot is served meanwhile, the ledger verifies, and with space the same command finishes."""
    disk = tmp_path / "disk"
    home = ["--home", str(disk / "home")]
    do_import = ["mizan", "import", "ucdp-ged", str(table), *home]
    for room in ("0", "65536"):
        full, served, verified, again, once_more = _in_namespace(
            disk, ["disk", "300m"], ["copy", str(fresh_home)], ["headroom", room], do_import, ["mizan", *QUERY, *home],
            ["mizan", "ledger", "verify", *home], ["grow", "300m"], do_import, do_import,
        )  # fmt: skip
        _full(full)
        assert served["code"] == verified["code"] == again["code"] == 0, (served, verified, again)
        assert "Snapshot 2." in again["out"]
        assert " 0 new, 0 changed, " in once_more["out"] and "Snapshot 2." in once_more["out"]


def test_full_disk_while_rebuilding(tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    home = ["--home", str(disk / "home")]
    _, full, served, again = _in_namespace(
        disk, ["disk", "300m"], ["mizan", "init", *home], ["headroom", "65536"], ["mizan", "rebuild", *home],
        ["mizan", *QUERY, *home], ["grow", "300m"], ["mizan", "rebuild", *home],
    )  # fmt: skip
    _full(full)
    assert served["code"] == again["code"] == 0


def test_full_disk_where_a_bundle_should_go(tmp_path: Path, demo_home: Path) -> None:
    disk = tmp_path / "disk"
    places = ["--home", str(demo_home), "--out", str(disk / "out")]
    bundle = ["mizan", "bundle", "create", "--incident", "syria-2015-16/INC-021", *places]
    full, again = _in_namespace(disk, ["disk", "16384"], bundle, ["grow", "100m"], bundle)
    assert full["code"] == 2 and full["out"] == ""
    _assert_one_line(full["err"])
    assert "the disk is full" in full["err"]
    assert again["code"] == 0, again["err"]


def test_read_only_disk_serves_and_refuses_to_write(tmp_path: Path, fresh_home: Path, table: Path) -> None:
    disk = tmp_path / "disk"
    home = ["--home", str(disk / "home")]
    query, verify, *refused = _in_namespace(
        disk, ["disk", "300m"], ["copy", str(fresh_home)], ["freeze"], ["mizan", *QUERY, *home],
        ["mizan", "ledger", "verify", *home], ["mizan", "import", "ucdp-ged", str(table), *home],
        ["mizan", "rebuild", *home], ["mizan", "init", *home], ["mizan", "init", "--home", str(disk / "other")],
    )  # fmt: skip
    assert query["code"] == verify["code"] == 0, (query, verify)
    assert "rows)" in query["out"]
    assert len(refused) == 4
    for outcome in refused:
        assert (outcome["code"], outcome["out"]) == (2, "")
        _assert_one_line(outcome["err"])
        assert "the file system is read-only. Choose another folder" in outcome["err"]


# permissions


def _as_nobody_special(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a command that permissions bind: root's power to ignore them is dropped."""
    command = [sys.executable, "-c", "from kb.cli import run; run()", *arguments]
    if os.geteuid() == 0:
        command = ["setpriv", "--bounding-set=-dac_override,-dac_read_search", "--inh-caps=-all", *command]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[1])}
    return subprocess.run(command, capture_output=True, text=True, env=environment, timeout=120, check=False)


@pytest.fixture
def frozen_home(fresh_home: Path) -> Iterator[Path]:
    """A home that its reader may not write to."""
    _chmod(fresh_home, 0o555, 0o444)
    yield fresh_home
    _chmod(fresh_home, 0o755, 0o644)


def _chmod(folder: Path, folders: int, files: int) -> None:
    for path in (folder, *folder.rglob("*")):
        path.chmod(folders if path.is_dir() else files)


def test_folder_that_may_not_be_written_serves_and_refuses_to_write(frozen_home: Path, table: Path) -> None:
    home = ("--home", str(frozen_home))
    for command in (QUERY, ("ledger", "verify")):
        done = _as_nobody_special(*command, *home)
        assert done.returncode == 0, done.stderr
    for command in (("import", "ucdp-ged", str(table)), ("rebuild",), ("init",)):
        done = _as_nobody_special(*command, *home)
        assert (done.returncode, done.stdout) == (2, ""), command
        _assert_one_line(done.stderr)
        assert "you may not write there" in done.stderr and "--home" in done.stderr


def test_folder_that_may_not_be_read_is_told(tmp_path: Path, table: Path) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0)
    try:
        for command in (QUERY, ("ledger", "verify"), ("import", "ucdp-ged", str(table)), ("rebuild",), ("init",)):
            done = _as_nobody_special(*command, "--home", str(closed / "home"))
            assert (done.returncode, done.stdout) == (2, ""), command
            _assert_one_line(done.stderr)
            assert str(closed) in done.stderr
    finally:
        closed.chmod(0o755)


def test_table_that_may_not_be_read_is_told(fresh_home: Path, table: Path) -> None:
    table.chmod(0)
    done = _as_nobody_special("import", "ucdp-ged", str(table), "--home", str(fresh_home))
    assert (done.returncode, done.stdout) == (2, "")
    _assert_one_line(done.stderr)
    assert str(table) in done.stderr


# other versions and other things in its place


def test_store_of_a_newer_version_is_left_alone(mizan: Run, fresh_home: Path, table: Path) -> None:
    manifest = fresh_home / "mizan.json"
    about = json.loads(manifest.read_text())
    about["format"] = FORMAT + 1
    manifest.write_text(json.dumps(about))
    before = {p: p.stat().st_mtime_ns for p in fresh_home.rglob("*") if p.is_file() and p.name != "lock"}
    for command in (*COMMANDS.values(), ("import", "ucdp-ged", str(table)), ("serve",)):
        code, out, err = mizan(*command, "--home", str(fresh_home))
        assert (code, out) == (2, ""), command
        _assert_one_line(err)
        assert f"has format {FORMAT + 1}: this software reads up to {FORMAT}. Install a newer mizan-kb." in err
    assert {p: p.stat().st_mtime_ns for p in fresh_home.rglob("*") if p.is_file() and p.name != "lock"} == before


def test_home_that_is_a_file_is_told(mizan: Run, tmp_path: Path, table: Path) -> None:
    home = tmp_path / "a-file"
    home.write_text("not a folder")
    for where in (home, home / "below"):
        for command in (QUERY, ("ledger", "verify"), ("import", "ucdp-ged", str(table)), ("rebuild",), ("init",)):
            code, out, err = mizan(*command, "--home", str(where))
            assert (code, out) == (2, ""), command
            _assert_one_line(err)
            assert str(home) in err
    assert home.read_text() == "not a folder"


def test_home_that_is_some_other_folder_is_told_and_left_alone(mizan: Run, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "precious.txt").write_text("mine")
    code, out, err = mizan(*QUERY, "--home", str(tmp_path / "other"))
    assert (code, out) == (2, "")
    assert "There is no knowledge base in" in err and "mizan init" in err
    assert [p.name for p in (tmp_path / "other").iterdir()] == ["precious.txt"]


# damaged files

DAMAGES: dict[str, Callable[[bytes], bytes]] = {
    "empty": lambda good: b"",
    "cut": lambda good: good[: len(good) // 2],
    "garbage": lambda good: bytes(range(256)),
    "other JSON": lambda good: b"[1]\n",
    "empty object": lambda good: b"{}\n",
    "deep": lambda good: b"[" * 100_000,
    "huge number": lambda good: b'{"format": 1e999, "number": 1e999, "segment": ' + b"9" * 5000 + b"}",
}


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("name", ["mizan.json", "ledger/HEAD", "snapshots/00000001/snapshot.json", "current"])
def test_damaged_file_is_told_and_nothing_is_lost(
    mizan: Run, fresh_home: Path, table: Path, name: str, damage: str
) -> None:
    """Each command either says on one line what is wrong, or does its work right. The ledger stays as it is."""
    path = fresh_home / name
    good = path.read_bytes()
    segment = (fresh_home / "ledger" / "00000001.jsonl.gz").read_bytes()
    told = []
    for command in (*COMMANDS.values(), ("import", "ucdp-ged", str(table))):
        if command[0] == "rebuild" and name in ("snapshots/00000001/snapshot.json", "current"):
            continue  # that is the remedy
        path.write_bytes(DAMAGES[damage](good))
        code, out, err = mizan(*command, "--home", str(fresh_home))
        if code:
            assert (code, out) == (1 if name == "ledger/HEAD" else 2, ""), (command, out, err)
            _assert_one_line(err)
            assert path.name in err or "snapshots" in err, err
            told.append(command[0])
        assert (fresh_home / "ledger" / "00000001.jsonl.gz").read_bytes() == segment
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(good)
    expected = {"mizan.json": 5, "ledger/HEAD": 4, "current": 1, "snapshots/00000001/snapshot.json": 1}[name]
    assert len(told) >= expected, told
    assert mizan(*QUERY, "--home", str(fresh_home))[0] == 0
    assert mizan("ledger", "verify", "--home", str(fresh_home))[0] == 0


@pytest.mark.parametrize("name", ["snapshots/00000001/snapshot.json", "current"])
@pytest.mark.parametrize("damage", ["cut", "garbage", "missing"])
def test_damaged_snapshot_is_made_anew_by_rebuild(mizan: Run, fresh_home: Path, name: str, damage: str) -> None:
    path = fresh_home / name
    path.unlink() if damage == "missing" else path.write_bytes(DAMAGES[damage](path.read_bytes()))
    code, _, err = mizan(*QUERY, "--home", str(fresh_home))
    assert code == 2
    _assert_one_line(err)
    assert REBUILD in err or damage == "missing"
    assert mizan("rebuild", "--home", str(fresh_home))[0] == 0
    assert mizan(*QUERY, "--home", str(fresh_home))[0] == 0


@pytest.mark.parametrize(
    "name", ["snapshots/00000001/store/CURRENT", "snapshots/00000001/search/meta.json", "snapshots/00000001/search",
             "snapshots/00000001/store", "snapshots/00000001", "snapshots"],
)  # fmt: skip
def test_snapshot_with_parts_missing_is_told_and_made_anew(mizan: Run, fresh_home: Path, name: str) -> None:
    path = fresh_home / name
    shutil.rmtree(path) if path.is_dir() else path.unlink()
    code, out, err = mizan(*QUERY, "--home", str(fresh_home))
    assert (code, out) == (2, "")
    _assert_one_line(err)
    assert REBUILD in err
    assert not path.exists(), "reading makes nothing"
    assert mizan("rebuild", "--home", str(fresh_home))[0] == 0
    assert mizan(*QUERY, "--home", str(fresh_home))[0] == 0


@pytest.mark.parametrize("name", ["store/CURRENT", "search/meta.json", "search/.managed.json"])
@pytest.mark.parametrize("damage", ["empty", "garbage"])
def test_damaged_projection_of_the_writer_is_told_and_made_anew(
    mizan: Run, fresh_home: Path, table: Path, name: str, damage: str
) -> None:
    """Store and index of the writer are projections; readers have their own copies."""
    path = fresh_home / name
    path.write_bytes(DAMAGES[damage](path.read_bytes()))
    assert mizan(*QUERY, "--home", str(fresh_home))[0] == 0
    code, out, err = mizan("import", "ucdp-ged", str(table), "--home", str(fresh_home))
    if code:
        assert (code, out) == (2, "")
        _assert_one_line(err)
        assert REBUILD in err
        assert mizan("rebuild", "--home", str(fresh_home))[0] == 0
        assert mizan("import", "ucdp-ged", str(table), "--home", str(fresh_home))[0] == 0
    with KnowledgeBase.open(fresh_home) as base:
        assert base.snapshot().number == 2
        assert base.snapshot().index.counts()["incident"] == 15


def test_damaged_segment_stops_rebuild_before_it_removes_anything(mizan: Run, fresh_home: Path) -> None:
    segment = fresh_home / "ledger" / "00000001.jsonl.gz"
    good = segment.read_bytes()
    for data in (good[:-9], good[:1000] + b"\0" * 10 + good[1010:], b"", None):
        segment.unlink() if data is None else segment.write_bytes(data)
        for command in (("rebuild",), ("ledger", "verify")):
            code, out, err = mizan(*command, "--home", str(fresh_home))
            assert (code, out) == (1, "")
            _assert_one_line(err)
            assert "00000001.jsonl.gz" in err and "Restore" in err
        assert mizan(*QUERY, "--home", str(fresh_home))[0] == 0, "what was published is served on"
        assert (fresh_home / "store" / "CURRENT").exists()
    segment.write_bytes(good)
    assert mizan("rebuild", "--home", str(fresh_home))[0] == 0


def test_lock_that_is_a_folder_is_told(mizan: Run, fresh_home: Path) -> None:
    (fresh_home / "lock").unlink()
    (fresh_home / "lock").mkdir()
    code, out, err = mizan("rebuild", "--home", str(fresh_home))
    assert (code, out) == (2, "")
    _assert_one_line(err)


# serving


def test_port_in_use_is_told(mizan: Run, fresh_home: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        code, _, err = mizan("serve", "--home", str(fresh_home), "--port", port)
    assert code == 2
    _assert_one_line(err)
    assert f"127.0.0.1:{port} is in use: another program listens there. Choose another with --port." in err


@pytest.mark.parametrize("port", ["-1", "65536", "99999999999", "http", "", "8000.5"])
def test_port_that_cannot_be_is_told(
    mizan: Run, fresh_home: Path, monkeypatch: pytest.MonkeyPatch, port: str
) -> None:
    monkeypatch.setattr("waitress.create_server", lambda *_, **__: pytest.fail("it serves"))
    code, _, err = mizan("serve", "--home", str(fresh_home), "--port", port)
    assert code == 2
    _assert_one_line(err)


@pytest.mark.parametrize("seconds", ["0", "-1", "nan", "inf", "1e400", "x", ""])
def test_time_that_cannot_be_is_told(mizan: Run, fresh_home: Path, seconds: str) -> None:
    code, out, err = mizan(*QUERY, "--home", str(fresh_home), "--seconds", seconds)
    assert (code, out) == (2, "")
    _assert_one_line(err)


def test_query_file_that_is_no_text_is_told(mizan: Run, fresh_home: Path, tmp_path: Path) -> None:
    question = tmp_path / "q.rq"
    for data in (b"\xff\xfe\0", b"", b"\0", "SELECT * { ".encode("utf-16"), b"#+ param: a nosuchkind x\nASK {}"):
        question.write_bytes(data)
        code, out, err = mizan("query", str(question), "--home", str(fresh_home))
        assert (code, out) == (2, ""), data
        assert err.startswith("mizan: ") and "Traceback" not in err
    question.write_text("#+ param: a text x\nSELECT ?a { }")
    code, out, err = mizan("query", str(question), "--home", str(fresh_home), "--param", "a=1")
    assert (code, out) == (2, "")
    _assert_one_line(err)


# the words themselves


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (OSError(28, "No space left on device", "/x/y"), "/x/y cannot be used: the disk is full"),
        (OSError("IO error: No space left on device: While appending to file: /x"), "the disk is full"),
        (shutil.Error([("a", "b", "[Errno 28] No space left on device: 'b'")]), "the disk is full"),
        (OSError(30, "Read-only file system", "/x"), "the file system is read-only"),
        (PermissionError(13, "Permission denied", "/x"), "you may not write there"),
        (OSError("Corruption: bad block\nin file"), f"Corruption: bad block in file. {REBUILD}"),
        (OSError(71, "Protocol error", "/x"), "/x cannot be used: Protocol error."),
    ],
)
def test_disk_errors_in_plain_words(error: OSError, said: str) -> None:
    assert said in str(storage_error(error))
    with pytest.raises(errors.StorageFailed) as caught, plain_errors(Path("/here")):
        raise error
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_search_that_may_not_lock_tells_so_only_when_asked(fresh_home: Path) -> None:
    """tantivy locks even to read; whoever only queries is not kept out by that (see the read-only tests)."""
    folder = next((fresh_home / "snapshots").iterdir()) / "search"
    index = SearchIndex.read_only(folder)
    assert index.find(limit=1).total > 200
    with pytest.raises(errors.StoreDamaged):
        SearchIndex.read_only(folder.with_name("none"))
    assert not folder.with_name("none").exists()
    assert Ledger(fresh_home / "ledger").verify().segments == 1


if __name__ == "__main__":
    print(json.dumps(_program(sys.argv[1], json.loads(sys.argv[2]))))
