"""Serving: the application behind waitress, on this machine unless told otherwise."""

from __future__ import annotations

import errno
import logging
import socket
import time
from typing import Any

import waitress
from waitress.channel import HTTPChannel

from kb.errors import PortInUse, UsageError
from kb.knowledgebase import KnowledgeBase
from web.app import create_app

PAGES = 8  # threads beside those that run or wait with a query
_SEND_SECONDS, _SEND_RATE = 60, 64 * 1024  # what a client has to take an answer: this and its bytes at this rate
_LOG = logging.getLogger("mizan")


class _Channel(HTTPChannel):  # type: ignore[misc]
    """A connection that is closed when its client takes an answer too slowly; meanwhile no thread waits for it."""

    _since = 0.0
    _most = 0

    def writable(self) -> bool:
        """Whether there is something to send; looked at once a second at least."""
        if not self.total_outbufs_len:
            self._since, self._most = 0.0, 0
        else:
            now = time.monotonic()
            self._since = self._since or now
            self._most = max(self._most, self.total_outbufs_len)
            if now > self._since + _SEND_SECONDS + self._most / _SEND_RATE:
                self.will_close = True
        return bool(super().writable())


def serve(base: KnowledgeBase, host: str = "127.0.0.1", port: int = 8000) -> None:
    """Serve until interrupted; PortInUse when the address is taken."""
    _log_to_stderr()
    with listen(host, port) as taken:
        server = make_server(base, taken, host)
        try:
            server.run()
        finally:
            server.close()


def make_server(base: KnowledgeBase, taken: socket.socket, host: str) -> Any:
    """The server on a bound socket; `run` it, and `close` it at the end.

    waitress, because its one loop holds slow clients while a thread is only taken by a request being answered, and
    because it tells a request that its client has hung up.
    """
    app = create_app(base)
    # a page elsewhere that points its own name at this machine must not read what is served here
    app.config["TRUSTED_HOSTS"] = sorted({host, "127.0.0.1", "localhost"})
    policy = base.policy
    proxies: dict[str, Any] = {
        "trusted_proxy": "127.0.0.1", "trusted_proxy_count": policy.proxies,
        "trusted_proxy_headers": {"x-forwarded-for", "x-forwarded-proto"},
    } if policy.proxies else {}  # fmt: skip
    server = waitress.create_server(
        app, sockets=[taken], threads=policy.workers + policy.waiting + PAGES, ident=None,
        clear_untrusted_proxy_headers=True, max_request_header_size=64 * 1024,
        max_request_body_size=16 * app.config["MAX_CONTENT_LENGTH"],  # read so far, so that the refusal is heard
        channel_request_lookahead=1,  # else a client that hangs up is not seen before it is answered
        outbuf_high_watermark=2 * base.policy.limits.bytes,  # a thread never waits for a slow client
        connection_limit=1000, asyncore_use_poll=True, **proxies,
    )  # fmt: skip
    server.channel_class = _Channel
    return server


def _log_to_stderr() -> None:
    if not logging.getLogger().handlers and not _LOG.handlers:
        handler = logging.StreamHandler()
        handler.setFormatter(logging.Formatter("%(asctime)s %(name)s %(levelname)s %(message)s"))
        _LOG.addHandler(handler)
        _LOG.setLevel(logging.INFO)


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
