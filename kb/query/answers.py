"""Answers of saved questions, kept beside the snapshot that gave them: asked again there, the answer is the same.

Only answers that took long are kept. They lie in the snapshot's own folder and go when it is pruned; a file's name is
a digest of the question, and what was asked stands nowhere.
"""

from __future__ import annotations

import contextlib
import gzip
import hashlib
import json
import time
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from kb import __version__
from kb.query.guard import repeatable
from kb.storage import replace_file
from kb.store.base import Answer, Limits

SLOW = 0.25  # seconds from which an answer is worth a file
MOST = 64 * 2**20  # bytes of the files of one snapshot
LONGEST = 8 * 2**20  # bytes of one file


@dataclass(frozen=True, slots=True)
class Answers:
    """The answers kept in one folder, which need not be there yet; it may be removed at any time."""

    folder: Path
    slow: float = SLOW
    most: int = MOST

    def get(self, query: str, name: str, limits: Limits, ask: Callable[[], Answer]) -> Answer:
        """The kept answer of a query as format `name` if there is one within the limits, else that of `ask`."""
        if not repeatable(query):
            return ask()
        path = self.folder / f"{hashlib.sha256(f'{__version__} {name} {query}'.encode()).hexdigest()[:40]}.gz"
        found = _read(path)
        if found is not None and found.rows <= limits.rows and len(found.body) <= limits.bytes:
            return found
        start = time.perf_counter()
        answer = ask()
        if time.perf_counter() - start >= self.slow:
            self._keep(path, answer)
        return answer

    def _keep(self, path: Path, answer: Answer) -> None:
        head = {"type": answer.media_type, "rows": answer.rows, "bytes": len(answer.body)}
        packed = gzip.compress(json.dumps(head).encode() + b"\n" + answer.body, 1, mtime=0)
        if len(packed) > min(LONGEST, self.most):
            return
        with contextlib.suppress(OSError):  # a full disk, or a snapshot that goes: then it is not kept, and no harm
            self.folder.mkdir(exist_ok=True)
            held = sorted((p for p in self.folder.glob("*.gz")), key=lambda p: p.stat().st_mtime)
            size = sum(p.stat().st_size for p in held) + len(packed)
            while size > self.most and held:
                size -= held[0].stat().st_size
                held.pop(0).unlink()
            replace_file(path, packed)


def _read(path: Path) -> Answer | None:
    """What was kept in a file; None where there is none, or not as it was written."""
    try:
        line, _, body = gzip.decompress(path.read_bytes()).partition(b"\n")
        head = json.loads(line)
        answer = Answer(str(head["type"]), body, int(head["rows"]))
        return answer if len(body) == head["bytes"] else None
    except (OSError, EOFError, ValueError, LookupError, TypeError, zlib.error):
        return None
