"""Representations made before, kept in memory: the same address, tag and language give the same bytes again.

A page belongs to one snapshot, so what was made of it once holds until the next. Nothing that a cookie could change is
kept. The oldest that nobody asked for go first.
"""

from __future__ import annotations

import threading
from collections import OrderedDict

from flask import Response, request

MOST = 32 * 2**20  # bytes of all bodies
LONGEST = 2**20  # bytes of one
_KINDS = ("text/html", "image/svg+xml")  # pages and pictures; what the query service sends is logged each time
_Kept = tuple[bytes, list[tuple[str, str]]]


class Held:
    """Bodies and headers by tag and address; safe to use from several threads."""

    def __init__(self, most: int = MOST, longest: int = LONGEST) -> None:
        self._most, self._longest = most, longest
        self._size = 0
        self._found: OrderedDict[tuple[str, str], _Kept] = OrderedDict()
        self._guard = threading.Lock()

    def get(self, tag: str) -> Response | None:
        """The response to this request, if one under this tag was kept."""
        if not _plain():
            return None
        key = (tag, request.url)
        with self._guard:
            held = self._found.get(key)
            if held is None:
                return None
            self._found.move_to_end(key)
        return Response(held[0], headers=held[1])

    def put(self, tag: str, response: Response) -> None:
        """Keep a response to this request, if it is whole and not too large."""
        if not _plain() or response.status_code != 200 or response.mimetype not in _KINDS:
            return
        if response.is_streamed or "Set-Cookie" in response.headers:
            return
        body = response.get_data()
        if len(body) > min(self._longest, self._most):
            return
        with self._guard:
            self._drop((tag, request.url))
            self._found[tag, request.url] = (body, list(response.headers))
            self._size += len(body)
            while self._size > self._most:
                self._drop(next(iter(self._found)))

    def _drop(self, key: tuple[str, str]) -> None:
        gone = self._found.pop(key, None)
        self._size -= len(gone[0]) if gone else 0


def _plain() -> bool:
    return request.method in ("GET", "HEAD") and not request.cookies and "Authorization" not in request.headers
