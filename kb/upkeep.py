"""Keeps a knowledge base well: compaction, backups of ledger and saved queries that verify, and restoring them."""

from __future__ import annotations

import filecmp
import hashlib
import re
import shutil
import tarfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from kb import snapshot, writer
from kb.errors import BadFile, UsageError
from kb.ledger import Check, Ledger
from kb.paths import Home
from kb.snapshot import Retention

Progress = Callable[[int, int], None]
"""Called with how many files are done, and how many there are."""
_LINK = re.compile(r"[a-z2-7]{16}\.json\.gz")
_NAME = re.compile(rf"mizan\.json|ledger/HEAD|ledger/\d{{8}}\.jsonl\.gz|links/{_LINK.pattern}")
_CHUNK = 1 << 20
_STEPS = 3  # of compacting: catch up, rewrite, publish


@dataclass(frozen=True, slots=True)
class Compacted:
    """Bytes of store, index and snapshots before and after, files with several names counted once."""

    before: int
    after: int


def compact(
    home: Home, retained: Retention, progress: Progress = lambda done, of: None, *, always: bool = False
) -> Compacted:  # fmt: skip
    """Rewrite the store without what was replaced, publish that, and prune snapshots; the caller holds the lock.

    With `always` the manifest keeps what is to be retained, and every later change prunes by it. The engine rewrites
    the store in one piece and tells nothing meanwhile: progress counts the steps.
    """
    snapshot.retention(home)  # what cannot be understood is said before the work
    before = size(home)
    if always:
        snapshot.remember(home, retained)
    pen = writer.Writer(home)
    progress(1, _STEPS)
    pen.store.compact()
    progress(2, _STEPS)
    head = pen.ledger.head()
    if head.segment:
        folder = snapshot.publish(home, pen.store, pen.index, head, pen.ledger.header(head.segment)["time"])
        snapshot.prune(home, folder, retained)
    progress(_STEPS, _STEPS)
    return Compacted(before, size(home))


def size(home: Home) -> int:
    """Bytes that store, index and snapshots take on the disk."""
    files = [p.stat() for f in (home.store, home.search, home.snapshots) for p in f.rglob("*") if p.is_file()]
    return sum({(s.st_dev, s.st_ino): s.st_size for s in files}.values())


def backup(home: Home, target: Path, progress: Progress) -> Check:
    """Copy the ledger and the saved queries to a new folder or .tar file, and verify the copy; the rest is made anew.

    Nothing has to be locked: segments and links never change, and the copy ends where HEAD stood when it began.
    """
    if target.exists():
        raise UsageError(f"{target} exists already", "a backup overwrites nothing", "Choose another name.")
    ledger = Ledger(home.ledger)
    check = ledger.verify()
    names = ["mizan.json", "ledger/HEAD"]
    names += [f"ledger/{ledger.segment_path(n).name}" for n in range(1, check.segments + 1)]
    if home.links.is_dir():
        names += [f"links/{p.name}" for p in sorted(home.links.iterdir()) if _LINK.fullmatch(p.name)]
    new = target.with_name(target.name + ".unfinished")
    try:
        if target.suffix == ".tar":
            _pack(home.root, new, names, progress)
        else:
            for number, name in enumerate(names, 1):
                (new / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(home.root / name, new / name)
                progress(number, len(names))
            Ledger(new / "ledger").verify()
            for name in (n for n in names if n.startswith("links/")):
                if not filecmp.cmp(home.root / name, new / name, shallow=False):
                    raise _not_as_written(new, f"{name} differs")
        new.rename(target)
    except BaseException:
        shutil.rmtree(new) if new.is_dir() else new.unlink(missing_ok=True)
        raise
    return check


def restore(source: Path, root: Path, progress: Progress) -> Check:
    """Make the knowledge base that a backup holds in `root`, where there must be nothing, and verify its ledger.

    Store, index and snapshot are then made by `writer.rebuild`.
    """
    if root.exists() and (not root.is_dir() or any(root.iterdir())):
        raise UsageError(f"{root} is not empty", "restoring overwrites nothing", "Name a new folder with --home.")
    try:
        with _members(source) as members:
            for number, (name, handle) in enumerate(members, 1):
                (root / name).parent.mkdir(parents=True, exist_ok=True)
                with (root / name).open("wb") as copy:
                    shutil.copyfileobj(handle, copy, _CHUNK)
                progress(number, number)
        if not (root / "mizan.json").is_file():
            raise BadFile(f"{source} is not a backup", "mizan.json is missing", "Name what mizan backup wrote.")
        return Ledger(root / "ledger").verify()
    except BaseException:
        shutil.rmtree(root, ignore_errors=True)  # it was empty before
        raise


def _pack(root: Path, new: Path, names: list[str], progress: Progress) -> None:
    """Write a tar file and read it again: every file in it must be what it was when the ledger was verified."""
    digests: dict[str, str] = {}
    with tarfile.open(new, "w") as tar:
        for number, name in enumerate(names, 1):
            tar.add(root / name, name, recursive=False)
            with (root / name).open("rb") as original:
                digests[name] = hashlib.file_digest(original, "sha256").hexdigest()
            progress(number, len(names))
    with _members(new) as members:
        for name, handle in members:
            digest = hashlib.sha256()
            while data := handle.read(_CHUNK):
                digest.update(data)
            if digest.hexdigest() != digests.pop(name):
                raise _not_as_written(new, f"{name} differs")
    if digests:
        raise _not_as_written(new, f"{min(digests)} is missing")


def _not_as_written(copy: Path, why: str) -> BadFile:
    return BadFile(f"{copy} is not as written", why, "Check the disk and try again.")


@contextmanager
def _members(source: Path) -> Iterator[Iterator[tuple[str, IO[bytes]]]]:
    """The files of a backup; what a backup does not hold is refused, so that no file lands elsewhere."""
    if source.is_dir():
        yield _of_folder(source)
        return
    if not source.is_file():
        raise BadFile(f"{source} is not there", "", "Check the path.")
    try:
        with tarfile.open(source, "r:") as tar:
            yield _of_tar(source, tar)
    except tarfile.TarError as error:
        raise BadFile(f"{source} is not a backup", str(error), "Name what mizan backup wrote.") from None


def _of_folder(source: Path) -> Iterator[tuple[str, IO[bytes]]]:
    for path in sorted(p for p in source.rglob("*") if p.is_file()):
        name = path.relative_to(source).as_posix()
        if not _NAME.fullmatch(name):
            raise _stranger(source, name)
        with path.open("rb") as handle:
            yield name, handle


def _of_tar(source: Path, tar: tarfile.TarFile) -> Iterator[tuple[str, IO[bytes]]]:
    for member in tar:
        handle = tar.extractfile(member) if member.isreg() else None
        if handle is None or not _NAME.fullmatch(member.name):
            raise _stranger(source, member.name)
        with handle:
            yield member.name, handle


def _stranger(source: Path, name: str) -> BadFile:
    return BadFile(f"{source} is not a backup", f"it holds {name[:100]!r}", "Name what mizan backup wrote.")
