"""Frames over pipes: four bytes of length, then as many bytes."""

from __future__ import annotations

import struct
from typing import IO


def read_frame(stream: IO[bytes]) -> bytes | None:
    """The next frame, or None at the end of the stream."""
    head = stream.read(4)
    if len(head) < 4:
        return None
    (length,) = struct.unpack(">I", head)
    body = stream.read(length)
    return body if len(body) == length else None


def write_frame(stream: IO[bytes], *bodies: bytes) -> None:
    """Write one frame for each body and flush them together, so that the reader is woken once."""
    for body in bodies:
        stream.write(struct.pack(">I", len(body)))
        stream.write(body)
    stream.flush()
