"""Addresses under which a query can be cited with the snapshot that answered it."""

from __future__ import annotations

import base64
import json
import zlib
from urllib.parse import urlencode

from flask import Response

from kb.errors import UsageError
from kb.snapshot import Snapshot
from web.service import Question

PATH = "/query"
_PLAIN, _LONGEST = 1500, 6000  # characters of an address: as it is, packed; beyond, a query has to be saved
_MOST = 2**20  # bytes of a query unpacked


def address(question: Question, at: Snapshot, host: str) -> str:
    """The permalink of a query at a snapshot; "" for a query so long that it has to be saved first."""
    if question.scope.default or question.scope.named:
        return ""
    link = at_snapshot(question.text, at.number, host)
    return link if len(link) <= _LONGEST else ""


def at_snapshot(query: str, number: int, host: str) -> str:
    """The address of a query at a snapshot, however long it gets."""
    start = f"{host.rstrip('/')}{PATH}?"
    plain = start + urlencode({"at": number, "query": query})
    return plain if len(plain) <= _PLAIN else start + urlencode({"at": number, "z": pack(query)})


def pack(text: str) -> str:
    """A query as a short text for an address."""
    return base64.urlsafe_b64encode(zlib.compress(text.encode(), 9)).decode().rstrip("=")


def unpack(text: str) -> str:
    """The query in a packed text."""
    try:
        unpacker = zlib.decompressobj()
        query = unpacker.decompress(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)), _MOST)
        if not unpacker.eof:
            raise ValueError("it is cut, or too long")
        return query.decode()
    except (ValueError, zlib.error) as error:
        raise UsageError("This link holds no query", str(error), "Copy the whole address.") from None


def linked(body: bytes, link: str) -> bytes:
    """A JSON result with the link in its head, where the format has a place for it."""
    start = b'{"head":{'
    if not link or not body.startswith(start):
        return body
    comma = b"" if body[len(start) : len(start) + 1] == b"}" else b","
    return start + b'"link":' + json.dumps([link]).encode() + comma + body[len(start) :]


def mark(response: Response, link: str) -> None:
    """Name the link in the headers; where there is none, say where a query can be saved."""
    if link:
        response.headers["X-Mizan-Permalink"] = link
        response.headers["Link"] = f'<{link}>; rel="bookmark"'
    else:
        response.headers["Link"] = f'<{PATH}>; rel="create-form"'

