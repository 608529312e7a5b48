"""The way out of a worker without a network: SERVICE calls that the operator allows, handed to the process outside.

The engine calls a server on the worker's own loopback, which hands the call through the pipes; `kb.query.caller`
makes it. A process of its own, because the engine may hold the interpreter while it waits for the answer.
"""

from __future__ import annotations

import ctypes
import fcntl
import json
import os
import signal
import socket
import struct
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import IO

from kb.query.frame import write_frame

_PR_SET_PDEATHSIG, _SIOCSIFFLAGS, _IFF_UP, _IFF_RUNNING = 1, 0x8914, 0x1, 0x40
_MOST = 2**20  # bytes of a query to another service


def open_outlet(answers: IO[bytes], sealed: bool) -> int:
    """Start the server in a process that ends with this one; returns its port on the loopback."""
    if sealed:  # in a namespace of its own the loopback is down
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
            fcntl.ioctl(control, _SIOCSIFFLAGS, struct.pack("16sh14x", b"lo", _IFF_UP | _IFF_RUNNING))
    parent = os.getpid()
    server = HTTPServer(("127.0.0.1", 0), _handler(answers))
    if os.fork():
        server.socket.close()
        return server.server_port
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() == parent:  # else it ended before it was watched
        server.serve_forever()
    os._exit(0)


def _handler(answers: IO[bytes]) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        """Passes one call out and its answer back."""

        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            size = int(self.headers.get("Content-Length", "0"))
            if size > _MOST:
                self.send_error(413)
                return
            query = self.rfile.read(size)
            call = {"call": self.path.strip("/"), "accept": self.headers.get("Accept", "")}
            write_frame(answers, json.dumps(call).encode(), query)
            head, body = json.loads(_frame()), _frame()
            self.send_response(head["status"])
            self.send_header("Content-Type", head["type"])
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            pass  # what is asked is nobody's business

    return Handler


def _frame() -> bytes:
    (length,) = struct.unpack(">I", _read(4))
    return _read(length)


def _read(length: int) -> bytes:
    """Exactly so many bytes of the standard input, unbuffered: the worker's own reader must find the rest."""
    parts = []
    while length:
        part = os.read(0, min(length, 1 << 20))
        if not part:
            os._exit(0)
        parts.append(part)
        length -= len(part)
    return b"".join(parts)
