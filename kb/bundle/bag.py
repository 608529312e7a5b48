"""Writes a BagIt 1.0 bag (RFC 8493) with the standard library alone: deterministic, streaming, whole or not at all."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from kb.errors import MizanError
from kb.storage import plain_errors, sync_folder

DECLARATION = b"BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n"
FILE_MODE, FOLDER_MODE = 0o644, 0o755
_UNFINISHED = ".unfinished-"  # hidden, and without bagit.txt until the last moment: nobody takes it for a bundle
_NAME = re.compile(r"[a-z0-9A-Z][a-z0-9A-Z._-]*(/[a-z0-9A-Z][a-z0-9A-Z._-]*)*")
_ALGORITHMS = ("sha256", "sha512")


class BundleExists(MizanError):
    """The place where the bundle would go is taken; what is there stays untouched."""

    http_status = 409
    title = "The bundle exists already"


@dataclass(frozen=True, slots=True)
class Item:
    """One file of a bag: its path with `/`, its size in bytes, its digests in lower-case hex."""

    name: str
    size: int
    sha256: str
    sha512: str


class Bag:
    """A bag under construction in an empty `folder`; `moment` (seconds since 1970) becomes the time of every file."""

    def __init__(self, folder: Path, moment: int) -> None:
        self.folder = folder
        self._moment = moment
        self._items: dict[str, Item] = {}

    def add(self, name: str, chunks: Iterable[bytes]) -> Item:
        """Write one file from its bytes in pieces, hashing as they pass; ValueError for a name that is not plain.

        `name` is relative with `/`: below `data/` it is payload, elsewhere a tag file.
        """
        if not _NAME.fullmatch(name) or ".." in name:
            raise ValueError(f"{name!r} is not a name for a file in a bag")
        if name.lower() in {known.lower() for known in self._items}:
            raise ValueError(f"{name} is in the bag already")
        digests = {algorithm: hashlib.new(algorithm) for algorithm in _ALGORITHMS}
        path, size = self.folder / name, 0
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("xb") as handle:
            for chunk in chunks:
                handle.write(chunk)
                size += len(chunk)
                for digest in digests.values():
                    digest.update(chunk)
            handle.flush()
            os.fsync(handle.fileno())
        item = Item(name, size, digests["sha256"].hexdigest(), digests["sha512"].hexdigest())
        self._items[name] = item
        return item

    def close(self, info: Sequence[tuple[str, str]]) -> str:
        """Write `info` as bag-info.txt (with Payload-Oxum), the manifests and, last of all, bagit.txt.

        Returns the root: the SHA-256 of tagmanifest-sha256.txt, 64 hex digits.
        """
        payload = [item for item in self.items() if item.name.startswith("data/")]
        oxum = f"{sum(item.size for item in payload)}.{len(payload)}"
        self.add("bag-info.txt", [_info([*info, ("Payload-Oxum", oxum)])])
        for algorithm in _ALGORITHMS:
            self.add(f"manifest-{algorithm}.txt", [_manifest(payload, algorithm)])
        declaration = Item(
            "bagit.txt", len(DECLARATION), hashlib.sha256(DECLARATION).hexdigest(),
            hashlib.sha512(DECLARATION).hexdigest(),
        )  # fmt: skip
        tags = [item for item in (*self._items.values(), declaration) if not item.name.startswith("data/")]
        seals = [self.add(f"tagmanifest-{a}.txt", [_manifest(tags, a)]) for a in _ALGORITHMS]
        self.add(declaration.name, [DECLARATION])
        self._settle()
        return seals[0].sha256

    def items(self) -> list[Item]:
        """The files written so far, in the order of the bytes of their paths."""
        return [self._items[name] for name in sorted(self._items, key=str.encode)]

    def _settle(self) -> None:
        """Fix modes and times, so that neither umask nor clock shows, and make the folders durable."""
        for place, _, names in os.walk(self.folder, topdown=False):
            for name in names:
                self._fix(Path(place, name), FILE_MODE)
            sync_folder(Path(place))
            self._fix(Path(place), FOLDER_MODE)

    def _fix(self, path: Path, mode: int) -> None:
        path.chmod(mode)
        os.utime(path, (self._moment, self._moment))


def _manifest(items: Iterable[Item], algorithm: str) -> bytes:
    """Manifest lines: digest, two spaces (one is refused by shasum and busybox), path; sorted by the path's bytes."""
    ordered = sorted(items, key=lambda item: item.name.encode())
    return "".join(f"{getattr(item, algorithm)}  {item.name}\n" for item in ordered).encode()


def _info(fields: Iterable[tuple[str, str]]) -> bytes:
    for label, value in fields:
        if not value or any(ord(c) < 32 or ord(c) == 127 for c in label + value):
            raise ValueError(f"bag-info.txt cannot hold {label}: {value!r}")
    return "".join(f"{label}: {value}\n" for label, value in fields).encode()


@contextmanager
def unfinished(out: Path) -> Iterator[Path]:
    """A hidden folder inside `out` to build in, gone at the end whatever happens unless `publish` moved it away."""
    made = not out.exists()
    with plain_errors(out):
        out.mkdir(parents=True, exist_ok=True)
        try:
            folder = Path(tempfile.mkdtemp(prefix=_UNFINISHED, dir=out))
            try:
                yield folder
            finally:
                shutil.rmtree(folder, ignore_errors=True)
        finally:
            if made and not any(out.iterdir()):
                out.rmdir()


def refuse_existing(target: Path) -> None:
    """BundleExists when anything, even a dangling link, stands at `target`."""
    if os.path.lexists(target):
        raise BundleExists(
            f"{target} exists already", "a bundle is never overwritten",
            "The same request gives the same bundle; verify that one, or choose another folder.",
        )  # fmt: skip


def publish(folder: Path, target: Path) -> None:
    """Give the finished `folder` its name; the rename is the moment at which the bundle exists."""
    refuse_existing(target)
    folder.rename(target)
    sync_folder(target.parent)
