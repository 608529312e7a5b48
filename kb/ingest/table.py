"""Reads tables (CSV, XLSX) row by row, and says plainly when a file is not a table."""

from __future__ import annotations

import csv
import errno
import warnings
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from datetime import date, datetime, time
from decimal import Decimal
from itertools import zip_longest
from pathlib import Path
from typing import Any

from kb.errors import BadFile
from kb.ingest.report import Row, quoted

OWN = "mizan_"  # columns of a reject file that say why; ignored when it is imported again
SURPLUS = f"{OWN}surplus_"  # but cells in these have not found their column yet
LARGEST_CELL = 16 * 1024 * 1024  # characters
LARGEST_WORKBOOK = 512 * 1024 * 1024  # bytes when unpacked: a small file can unpack to fill the memory
_MAGIC = {
    b"PK\x03\x04": "a ZIP or office file", b"%PDF": "a PDF", b"\x1f\x8b": "a gzip file", b"\x89PNG": "a PNG picture",
    b"\xff\xd8\xff": "a JPEG picture", b"\xd0\xcf\x11\xe0": "an old Excel file",
}  # fmt: skip
_EXPORT = "Export the table as CSV UTF-8 or .xlsx."
_CSV_ERRORS = {
    "unexpected end of data": ("a quotation mark is opened here and never closed", "Close it, or remove it."),
    "',' expected after '\"'": ("text follows a closing quotation mark", "Double the marks inside a quoted cell."),
    f"field larger than field limit ({LARGEST_CELL})": ("a cell is larger than 16 MiB", "Shorten it."),
}
# all that openpyxl and the standard library say about a workbook that is damaged or made to deceive
_BROKEN = (zipfile.BadZipFile, zlib.error, SyntaxError, LookupError, ValueError, TypeError, EOFError, AttributeError,
           NotImplementedError, RuntimeError)  # fmt: skip

csv.field_size_limit(LARGEST_CELL)


class Table:
    """A table open for reading: its `columns`, and its rows by iteration."""

    def __init__(self, path: Path) -> None:
        self.path = path
        if not path.is_file():
            raise BadFile(f"{path} is not there", "", "Check the path.")
        if path.stat().st_size == 0:
            raise BadFile(f"{path} is empty", "", "Save the table again and check that it has a header row.")
        self._rows = _xlsx(path) if path.suffix.lower() == ".xlsx" else _csv(path)
        filled = ((line, cells) for line, cells in self._rows if any(cell.strip() for cell in cells))
        try:
            self.line, header = next(filled)
        except StopIteration:
            raise BadFile(f"{path} has no header row", "", "The first row must name the columns.") from None
        self._header = [name.strip() for name in header]
        self._check_header()
        self._kept = [i for i, name in enumerate(self._header) if not name.startswith(OWN)]
        self._unplaced = [i for i, name in enumerate(self._header) if name.startswith(SURPLUS)]
        self.columns = [self._header[i] for i in self._kept]

    def __iter__(self) -> Iterator[Row]:
        number, width = 0, len(self._header)
        for line, cells in self._rows:
            if not any(cell.strip() for cell in cells):
                continue
            number += 1
            named = {self._header[i]: cells[i] for i in self._kept if i < len(cells) and self._header[i]}
            beyond = [*(cells[i] for i in self._unplaced if i < len(cells)), *cells[width:]]
            surplus = tuple(beyond) if any(cell.strip() for cell in beyond) else ()
            yield Row(number, line, named, tuple(cells[i] for i in self._kept if i < len(cells)), surplus)

    def _check_header(self) -> None:
        place = f"{self.path.name}, line {self.line}"
        if doubled := sorted({c for c in self._header if c and self._header.count(c) > 1}):
            hint = "Give each column its own name."
            raise BadFile(f"{place}: the header names the column {quoted(doubled[0])} twice", "", hint)
        for sign, name in ((";", "semicolons"), ("\t", "tabs")):
            if len(self._header) == 1 and sign in self._header[0]:
                hint = "Save it as CSV UTF-8 with commas, or as .xlsx."
                raise BadFile(f"{place}: the cells seem to be separated by {name}", "", hint)
        for name in self._header:
            if any("\ud800" <= c <= "\udfff" for c in name):
                raise BadFile(f"{place}: the header is not UTF-8", "", "Save the file as CSV UTF-8.")
            if not name.isprintable():
                raise BadFile(f"{place}: the column {quoted(name)} has control characters", "", "Type its name anew.")


def _csv(path: Path) -> Iterator[tuple[int, Sequence[str]]]:
    with path.open("rb") as raw:
        start = raw.read(65536)
    if start.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise BadFile(f"{path.name} is in UTF-16", "tables are read as UTF-8", "Save it as CSV UTF-8.")
    for magic, name in _MAGIC.items():
        if start.startswith(magic):
            raise BadFile(f"{path.name} is {name}", "a CSV file was expected", _EXPORT)
    if b"\0" in start:
        raise BadFile(f"{path.name} is a binary file", "it has NUL bytes", _EXPORT)
    # bytes that are not UTF-8 stay in the cells as they are, so that a rejected row can be written back unchanged
    with path.open(encoding="utf-8-sig", errors="surrogateescape", newline="") as text:
        reader = csv.reader(text, strict=True)  # a stray quotation mark must not swallow the rows after it
        line = 1
        while True:
            try:
                cells = next(reader)
            except StopIteration:
                return
            except csv.Error as error:
                why, hint = _CSV_ERRORS.get(str(error), (str(error), "Correct that line."))
                raise BadFile(f"{path.name}, line {line}", why, f"{hint} Nothing was imported.") from None
            yield line, cells
            line = reader.line_num + 1


def _xlsx(path: Path) -> Iterator[tuple[int, Sequence[str]]]:
    try:
        with zipfile.ZipFile(path) as packed:
            size = sum(part.file_size for part in packed.infolist())
        if size > LARGEST_WORKBOOK:
            hint = "Split it, or save it as CSV UTF-8."
            raise BadFile(f"{path.name} unpacks to {size:,} bytes", f"{LARGEST_WORKBOOK:,} is the most", hint)
        yield from _sheet(path)
    except (*_BROKEN, OSError) as error:
        if isinstance(error, OSError) and error.errno not in (None, errno.EINVAL):
            raise  # the disk, not the workbook
        why = str(error) or type(error).__name__
        raise BadFile(f"{path.name} is not an .xlsx workbook", why, "Save it again as .xlsx or CSV UTF-8.") from None


def _sheet(path: Path) -> Iterator[tuple[int, Sequence[str]]]:
    from openpyxl import load_workbook  # only where a workbook is read

    warnings.filterwarnings("ignore", category=UserWarning, module="openpyxl")  # of decorations that it does not know
    with path.open("rb") as first, path.open("rb") as second:  # openpyxl leaves its own files open when it fails
        shown = load_workbook(first, read_only=True, data_only=True).worksheets[0]
        written = load_workbook(second, read_only=True).worksheets[0]
        for sheet in (shown, written):
            sheet.reset_dimensions()  # the size that a file claims can be a million rows
        rows = zip_longest(*(sheet.iter_rows(values_only=True) for sheet in (shown, written)), fillvalue=())
        for line, (values, sources) in enumerate(rows, 1):
            # a formula whose result was never stored would be lost: its own text stands for it
            yield line, [_text(source if value is None else value) for value, source in zip_longest(values, sources)]


def _text(value: Any) -> str:
    """A workbook cell as it would stand in a CSV file."""
    if value is None:
        return ""
    if isinstance(value, datetime):
        midnight = value.time() == time()
        return value.date().isoformat() if midnight else value.isoformat(timespec="seconds")
    if isinstance(value, date | time):
        return value.isoformat()
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() else format(Decimal(repr(value)), "f")
    return str(value)
