"""The process that answers questions from columnar copies; it can be killed at any moment without harm.

It speaks as kb.query.worker does. A question that is not compiled, or a copy that is not as written, is said to be
`Unfit`: then the store is asked.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from kb.columns.answer import Columns
from kb.columns.relation import NotCompiled
from kb.errors import MizanError
from kb.query.worker import serve
from kb.store.base import Limits

_ROOM = 1 << 31  # bytes of addresses beyond what the engine may use: code, stacks of threads, the answer


class _Answering:
    """Answers requests, with the last copy that was asked held open."""

    def __init__(self, memory: int) -> None:
        self._memory = memory
        self._open: tuple[str, Columns] | None = None

    def __call__(self, request: dict[str, Any]) -> tuple[dict[str, Any], bytes]:
        path = request["store"]
        try:
            if self._open is None or self._open[0] != path:
                self._open = (path, Columns(Path(path), self._memory))
            limits = Limits(rows=request["rows"], bytes=request["bytes"])
            answer = self._open[1].ask(request["query"], request["format"], limits)
        except NotCompiled as reason:
            return {"error": "Unfit", "what": "The columns do not answer this", "why": str(reason)}, b""
        except MizanError as error:
            return {"error": type(error).__name__, "what": error.what, "why": error.why, "hint": error.hint}, b""
        except MemoryError:  # the store works row by row: it may be slow where this needs too much at once
            return {"error": "Unfit", "what": "The columns need more memory than they may have"}, b""
        return {"media_type": answer.media_type, "rows": answer.rows}, answer.body


def main() -> int:
    """Serve requests until the standard input ends."""
    memory = int(sys.argv[1])
    return serve(memory + _ROOM, _Answering(memory))


if __name__ == "__main__":
    sys.exit(main())
