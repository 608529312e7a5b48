"""The process that runs queries: it opens a snapshot read-only, has no network where the host allows that, and can be
killed at any moment without harm.

It speaks frames over its standard input and output: four bytes of length, a JSON head, then for answers the bytes.
"""

from __future__ import annotations

import ctypes
import json
import os
import resource
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from kb.errors import MizanError, QueryInvalid
from kb.query.frame import read_frame, write_frame
from kb.store.base import Limits, Scope
from kb.store.local import LocalStore

_OPEN = 3  # stores held open: the current snapshot, what describes it, an older one
_GRACE = 2.0  # seconds that a query may outlive its limit
_CLONE_NEWUSER, _CLONE_NEWNET = 0x10000000, 0x40000000


def cut_network() -> bool:
    """Move this process into a network namespace with nothing in it; False where the host does not allow that."""
    libc = ctypes.CDLL(None, use_errno=True)
    return bool(libc.unshare(_CLONE_NEWUSER | _CLONE_NEWNET) == 0)


def limit_memory(size: int) -> None:
    """Let this process have at most `size` bytes of address space."""
    resource.setrlimit(resource.RLIMIT_AS, (size, size))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def answer(request: dict[str, Any], stores: dict[str, LocalStore]) -> tuple[dict[str, Any], bytes]:
    """Run one request and give the head and the body of its answer."""
    folder = request["store"]
    limits = Limits(rows=request["rows"], bytes=request["bytes"])
    try:
        if folder not in stores:
            if len(stores) >= _OPEN:
                stores.pop(next(iter(stores)))
            stores[folder] = LocalStore.read_only(Path(folder))
        scope = Scope(request.get("base", ""), tuple(request.get("default", ())), tuple(request.get("named", ())))
        result = stores[folder].ask(request["query"], request["form"], request["format"], limits, scope)
    except MizanError as error:
        head: dict[str, Any] = {"error": type(error).__name__, "what": error.what, "why": error.why, "hint": error.hint}
        if isinstance(error, QueryInvalid):
            head |= {"line": error.line, "column": error.column, "excerpt": error.excerpt}
        return head, b""
    except MemoryError:
        return {"error": "MemoryError"}, b""
    except (OSError, RuntimeError) as error:
        what = "The store failed" if Path(folder).exists() else "This snapshot is no longer kept"
        return {"error": "QueryFailed", "what": what, "why": str(error), "hint": "Ask again."}, b""
    return {"media_type": result.media_type, "rows": result.rows}, result.body


def _redirected(query: str, calls: list[list[int]], port: int) -> str:
    """The query with each allowed service (start, end, number) called through the outlet."""
    for start, end, number in sorted(calls, reverse=True):
        query = f"{query[:start]}<http://127.0.0.1:{port}/{number}>{query[end:]}"
    return query


def serve(memory: int, reply: Callable[[dict[str, Any]], tuple[dict[str, Any], bytes]], *, calls: bool = False) -> int:
    """Answer requests by `reply`, with at most `memory` bytes, until the standard input ends."""
    sealed = cut_network()
    requests, answers = sys.stdin.buffer, os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # nothing but frames may reach the pipe
    port = 0
    if calls:
        from kb.query.outlet import open_outlet  # with the server of the library: only for those who need it

        port = open_outlet(answers, sealed)
    limit_memory(memory)
    write_frame(answers, json.dumps({"ready": True, "network": not sealed}).encode())
    while (frame := read_frame(requests)) is not None:
        request = json.loads(frame)
        # whoever asked ends this process in time; if that one was killed, the kernel does it
        signal.setitimer(signal.ITIMER_REAL, request["seconds"] + _GRACE)
        if request.get("calls"):
            request["query"] = _redirected(request["query"], request["calls"], port)
        head, body = reply(request)
        signal.setitimer(signal.ITIMER_REAL, 0)
        write_frame(answers, json.dumps(head).encode(), body)
    return 0


def main() -> int:
    """Answer from stores."""
    stores: dict[str, LocalStore] = {}
    return serve(int(sys.argv[1]), lambda request: answer(request, stores), calls=sys.argv[2:] == ["calls"])


if __name__ == "__main__":
    sys.exit(main())
