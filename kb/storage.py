"""Durable small writes: replace a file atomically, sync a folder, say plainly why a disk refused."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from kb.errors import StorageFailed, StoreDamaged

_MAKE_ANEW = "Make it anew from the ledger with: mizan rebuild"
_REASONS = {
    errno.ENOSPC: ("the disk is full", "Free some space and run the same command again; nothing was lost."),
    errno.EDQUOT: ("the disk quota is used up", "Free some space and run the same command again; nothing was lost."),
    errno.EACCES: ("you may not write there", "Choose another folder (--home, --out), or ask its owner."),
    errno.EPERM: ("you may not write there", "Choose another folder (--home, --out), or ask its owner."),
    errno.EROFS: ("the file system is read-only", "Choose another folder (--home, --out)."),
    errno.EIO: ("the disk reports an error", "Check the disk, then restore from a backup if needed."),
    errno.ENOTDIR: ("a part of the path is a file", "Choose another folder (--home, --out)."),
    errno.EISDIR: ("that path is a folder", "Name a file."),
    errno.ENOENT: ("it does not exist", "Check the path."),
    errno.EEXIST: ("it exists already", "Choose another name."),
    errno.EMFILE: ("too many files are open", "Raise the limit with ulimit -n."),
}


_TEXTS = {os.strerror(n): n for n in (errno.ENOSPC, errno.EDQUOT, errno.EACCES, errno.EROFS, errno.EMFILE)}


def storage_error(error: OSError, path: Path | str | None = None) -> StorageFailed:
    """The plain-words form of an operating system error.

    The embedded store and shutil's copies report theirs without a number: their text decides then, and what it does
    not tell means files that do not fit together, which the ledger can make anew.
    """
    number = error.errno or next((n for text, n in _TEXTS.items() if text in str(error)), 0)
    damaged = (" ".join(str(error).split()), _MAKE_ANEW)
    why, hint = _REASONS.get(number, (error.strerror, "") if error.strerror else damaged)
    return StorageFailed(f"{path or error.filename or 'the knowledge base'} cannot be used", why, hint)


@contextmanager
def plain_errors(path: Path) -> Iterator[None]:
    """Turn the system's errors inside the block into StorageFailed about `path`, broken stores into StoreDamaged."""
    try:
        yield
    except RuntimeError as error:
        if not str(error).startswith("Corruption"):  # the embedded store's word for it
            raise
        raise StoreDamaged(f"A store in {path} is damaged", " ".join(str(error).split()), _MAKE_ANEW) from error
    except OSError as error:
        raise storage_error(error, error.filename or path) from error


def sync_folder(folder: Path) -> None:
    """Make renames in `folder` durable."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def replace_file(path: Path, data: bytes) -> None:
    """Write `data` to `path` so that a reader, or a crash, sees the old bytes or the new, never a part."""
    new = path.with_name(path.name + ".new")
    with new.open("wb") as handle:
        handle.write(data)
        handle.flush()
        os.fsync(handle.fileno())
    new.replace(path)
    sync_folder(path.parent)
