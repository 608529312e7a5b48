"""Serving: the application behind waitress, on this machine unless told otherwise."""

from __future__ import annotations

import errno
import socket

import waitress

from kb.errors import PortInUse, UsageError
from kb.knowledgebase import KnowledgeBase
from web.app import create_app

THREADS = 8


def serve(base: KnowledgeBase, host: str = "127.0.0.1", port: int = 8000) -> None:
    """Serve until interrupted; PortInUse when the address is taken."""
    with listen(host, port) as taken:
        app = create_app(base)
        # a page elsewhere that points its own name at this machine must not read what is served here
        app.config["TRUSTED_HOSTS"] = sorted({host, "127.0.0.1", "localhost"})
        server = waitress.create_server(
            app, sockets=[taken], threads=THREADS, ident=None, clear_untrusted_proxy_headers=True,
            max_request_header_size=64 * 1024, max_request_body_size=2 * app.config["MAX_CONTENT_LENGTH"],
        )  # fmt: skip
        try:
            server.run()
        finally:
            server.close()


def listen(host: str, port: int) -> socket.socket:
    """A socket bound to the address. Bound here because waitress leaves its own half-open when that fails."""
    if not 0 <= port <= 65535:  # getaddrinfo would take the rest of a division
        raise UsageError(f"{port} is no port", "ports go from 0 to 65535", "Choose another with --port.")
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        taken = socket.socket(family, kind, protocol)
    except (OSError, OverflowError) as error:
        raise UsageError(f"{host}:{port} is no address here", str(error), "Check the host and the port.") from None
    try:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        taken.bind(address)
    except (OSError, OverflowError) as error:
        taken.close()
        if isinstance(error, OSError) and error.errno == errno.EADDRINUSE:
            why = "another program listens there"
            raise PortInUse(f"{host}:{port} is in use", why, "Choose another with --port.") from None
        raise UsageError(f"{host}:{port} cannot be listened on", str(error), "Choose another port.") from None
    return taken
