"""Serving: the application behind waitress, on this machine unless told otherwise."""

from __future__ import annotations

import errno

import waitress

from kb.errors import PortInUse, UsageError
from kb.knowledgebase import KnowledgeBase
from web.app import create_app

THREADS = 8


def serve(base: KnowledgeBase, host: str = "127.0.0.1", port: int = 8000) -> None:
    """Serve until interrupted; PortInUse when the address is taken."""
    app = create_app(base)
    try:
        server = waitress.create_server(
            app, host=host, port=port, threads=THREADS, ident=None, max_request_header_size=64 * 1024,
            max_request_body_size=2 * app.config["MAX_CONTENT_LENGTH"], clear_untrusted_proxy_headers=True,
        )  # fmt: skip
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise PortInUse(
                f"{host}:{port} is in use", "another program listens there", "Choose another with --port."
            ) from None
        why = error.strerror or str(error)
        raise UsageError(f"{host}:{port} cannot be listened on", why, "Check --port.") from None
    try:
        server.run()
    finally:
        server.close()
