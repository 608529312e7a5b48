"""The near end of a query worker: starts its process, talks to it over two pipes, and kills it."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import select
import signal
import struct
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from kb.errors import ClientGone, MizanError
from kb.query.caller import call
from kb.query.desk import LOOK, stays
from kb.query.frame import write_frame

_START_SECONDS = 20.0
_AHEAD = 1 << 16
_PIPE = 1 << 20  # bytes that the pipe of answers holds: a large answer then takes fewer turns


class Died(Exception):
    """The process of a worker ended."""


class WorkerProcess:
    """One process and its two pipes."""

    def __init__(self, memory: int, services: Sequence[str] = (), module: str = "kb.query.worker") -> None:
        self._services = services
        command = [sys.executable, "-P", "-m", module, str(memory), *(["calls"] if services else [])]
        root = str(Path(__file__).resolve().parents[2])
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={"PATH": os.defpath, "PYTHONPATH": root, "LC_ALL": "C.UTF-8"},
            start_new_session=True,
        )
        assert self._process.stdout is not None
        with contextlib.suppress(OSError):  # a system may grant less
            fcntl.fcntl(self._process.stdout.fileno(), fcntl.F_SETPIPE_SZ, _PIPE)
        self._ready = False
        self._ahead = b""  # what was read beyond the frame that was asked for
        self.network = True

    def start(self) -> None:
        """Wait until the process is ready for requests; TimeoutError or Died when it does not come up."""
        if not self._ready:
            self.network = bool(self._frame_json(time.monotonic() + _START_SECONDS, stays)["network"])
            self._ready = True

    def ask(
        self, request: dict[str, Any], seconds: float, gone: Callable[[], bool] = stays
    ) -> tuple[dict[str, Any], bytes]:
        """Send a request and wait for the answer.

        TimeoutError past `seconds`, ClientGone when nobody waits for it any more, Died when the process ended.
        """
        assert self._process.stdin is not None
        self.start()
        deadline = time.monotonic() + seconds
        try:
            write_frame(self._process.stdin, json.dumps(request).encode())
        except BrokenPipeError:
            raise Died from None
        failed: MizanError | None = None
        while "call" in (head := self._frame_json(deadline, gone)):
            failed = self._call(head, self._frame(deadline, gone), deadline, request["bytes"])
        if failed and "error" in head:
            raise failed
        return head, self._frame(deadline, gone)

    def _call(self, asked: dict[str, Any], query: bytes, deadline: float, most: int) -> MizanError | None:
        """Call a service for the worker and hand it the answer; a failure is returned, to be told if it matters."""
        assert self._process.stdin is not None
        failed, status, body = None, 502, b""
        try:
            url = self._services[int(asked["call"])]
            kind, body = call(url, query, asked["accept"], max(0.1, deadline - time.monotonic()), most)
            status = 200
        except MizanError as error:
            failed, kind = error, "text/plain"
        write_frame(self._process.stdin, json.dumps({"status": status, "type": kind}).encode(), body)
        return failed

    def alive(self) -> bool:
        """Whether the process still runs."""
        return self._process.poll() is None

    def killed(self) -> bool:
        """Whether the process ended by a signal that it did not raise itself."""
        return self._process.wait() == -signal.SIGKILL

    def kill(self) -> None:
        """End the process at once."""
        self._process.kill()
        self._process.wait()
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None:
                try:
                    stream.close()
                except BrokenPipeError:
                    continue  # what was buffered for a dead process is of no use

    def _frame_json(self, deadline: float, gone: Callable[[], bool]) -> dict[str, Any]:
        value: dict[str, Any] = json.loads(self._frame(deadline, gone))
        return value

    def _frame(self, deadline: float, gone: Callable[[], bool]) -> bytes:
        (length,) = struct.unpack(">I", self._read(4, deadline, gone))
        return self._read(length, deadline, gone)

    def _read(self, length: int, deadline: float, gone: Callable[[], bool]) -> bytes:
        assert self._process.stdout is not None
        handle = self._process.stdout.fileno()
        parts, missing = [self._ahead[:length]], length - len(self._ahead)
        self._ahead = self._ahead[length:]
        while missing > 0:
            left = deadline - time.monotonic()
            if left <= 0:
                raise TimeoutError
            if not select.select([handle], [], [], min(left, LOOK))[0]:
                if gone():
                    raise ClientGone("The client has gone while its query ran")
                continue
            part = os.read(handle, max(missing, _AHEAD))
            if not part:
                raise Died
            parts.append(part[:missing])
            self._ahead = part[missing:]
            missing -= len(parts[-1])
        return b"".join(parts)
