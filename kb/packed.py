"""Opens a file from outside for reading, unpacked where it is gzipped, and never further than a limit."""

from __future__ import annotations

import gzip
import io
import zlib
from pathlib import Path
from typing import IO, Any

from kb.errors import BadFile

FREE, RATIO = 1 << 30, 100  # bytes that any gzip file may unpack to, and how many times its size beyond that


class Opened:
    """A file open for reading: `file` gives its bytes, unpacked when its name ends in .gz."""

    def __init__(self, path: Path) -> None:
        self._size = max(1, path.stat().st_size)
        self._raw = path.open("rb")
        self.file: IO[bytes] = self._raw
        if path.suffix.lower() == ".gz":
            self.file = io.BufferedReader(_Unpacked(self._raw, path.name, self._size), 1 << 17)

    def __enter__(self) -> Opened:
        return self

    def __exit__(self, *_: object) -> None:
        self.file.close()
        self._raw.close()

    def share(self) -> float:
        """About how much of the file has been read, from 0 to 1."""
        return 1.0 if self._raw.closed else min(1.0, self._raw.tell() / self._size)


class _Unpacked(io.RawIOBase):
    """A gzip file read as a stream; BadFile when it is damaged, or unpacks to more than a file of its size can."""

    def __init__(self, raw: IO[bytes], name: str, size: int) -> None:
        self._name, self._most = name, max(FREE, size * RATIO)
        self._file = gzip.GzipFile(fileobj=raw, mode="rb")
        self._read = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        try:
            data = self._file.read(len(buffer))
        except (OSError, EOFError, zlib.error) as error:
            if isinstance(error, OSError) and not isinstance(error, gzip.BadGzipFile):
                raise
            raise BadFile(f"{self._name} is not a whole gzip file", str(error), "Pack the file again.") from None
        self._read += len(data)
        if self._read > self._most:
            why = f"{self._most:,} is the most that a file of its size can have"
            raise BadFile(f"{self._name} unpacks to more than {self._most:,} bytes", why, "Unpack it, or split it.")
        buffer[: len(data)] = data
        return len(data)

    def close(self) -> None:
        self._file.close()
        super().close()
