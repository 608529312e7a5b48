"""Queries saved under a short address with the digest of their answer, so that they can be cited and asked again."""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import re
from dataclasses import asdict, dataclass
from pathlib import Path

from kb.errors import NotFound, StorageFailed, StoreDamaged, UsageError
from kb.query.result import Result
from kb.storage import plain_errors, replace_file

LONGEST = 64 * 1024  # bytes of a query
_MOST_ROWS = 512 * 1024  # bytes of rows that are kept with a link; of a larger answer the digest alone
_NAME = re.compile(r"[a-z2-7]{16}")


@dataclass(frozen=True, slots=True)
class Link:
    """A query with the snapshot that answered it; `lines` is None where the answer was too large to keep."""

    query: str
    form: str
    snapshot: int
    time: str
    ledger: str
    rows: int
    digest: str
    columns: tuple[str, ...]
    lines: tuple[str, ...] | None

    @property
    def name(self) -> str:
        """The short name, made from the query and the snapshot: saving the same again gives the same."""
        text = f"{self.query}\0{self.snapshot}\0{self.ledger}".encode()
        return base64.b32encode(hashlib.sha256(text).digest()[:10]).decode().lower()

    @property
    def result(self) -> Result | None:
        """The rows, where they were kept."""
        return None if self.lines is None else Result(self.columns, self.lines)


def kept(result: Result) -> tuple[str, ...] | None:
    """The lines of a result if they are few enough to be kept with a link."""
    return result.lines if sum(map(len, result.lines)) <= _MOST_ROWS else None


def save(folder: Path, link: Link, most: int) -> None:
    """Write a link into a folder that may take `most` bytes in all; one that is there already stays as it is."""
    if len(link.query.encode()) > LONGEST:
        raise UsageError("The query is too long to be saved", f"more than {LONGEST:,} bytes", "Shorten it.")
    path = folder / f"{link.name}.json.gz"
    with plain_errors(folder):
        if path.exists():
            return
        folder.mkdir(exist_ok=True)
        body = gzip.compress(json.dumps(asdict(link), ensure_ascii=False).encode(), 6, mtime=0)
        if sum(file.stat().st_size for file in folder.iterdir()) + len(body) > most:
            raise StorageFailed(
                "No more queries can be saved here", f"saved ones may take {most // 2**20:,} MiB",
                "Keep the query itself; whoever runs this server can raise links_mib in service.toml.",
            )  # fmt: skip
        replace_file(path, body)


def load(folder: Path, name: str) -> Link:
    """The link with this short name; NotFound, or StoreDamaged when its file cannot be read."""
    path = folder / f"{name}.json.gz"
    if not _NAME.fullmatch(name) or not path.is_file():
        raise NotFound(f"No query was saved here as {name[:40]}", "", "Check that the address is whole.")
    try:
        told = json.loads(gzip.decompress(path.read_bytes()))
        lines = None if told["lines"] is None else tuple(told["lines"])
        link = Link(**{**told, "columns": tuple(told["columns"]), "lines": lines})
    except (OSError, EOFError, ValueError, TypeError, LookupError) as error:
        raise StoreDamaged(f"The saved query {name} cannot be read", str(error), "Save it anew.") from None
    if link.name != name:
        raise StoreDamaged(f"The saved query {name} is not as it was saved", "", "Save it anew.")
    return link
