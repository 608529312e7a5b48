"""Reads tables (CSV, XLSX) row by row, and says plainly when a file is not a table."""

from __future__ import annotations

import csv
import zipfile
from collections.abc import Iterator, Sequence
from datetime import date, datetime, time
from pathlib import Path
from typing import Any

from kb.errors import BadFile
from kb.ingest.report import Row

OWN = "mizan_"  # columns of a reject file that say why; ignored when it is imported again
_BOMS = {b"\xff\xfe": "UTF-16", b"\xfe\xff": "UTF-16"}
_MAGIC = {b"PK\x03\x04": "a ZIP or office file", b"%PDF": "a PDF", b"\x1f\x8b": "a gzip file",
          b"\x89PNG": "a PNG picture", b"\xff\xd8\xff": "a JPEG picture", b"\xd0\xcf\x11\xe0": "an old Excel file"}  # fmt: skip

csv.field_size_limit(16 * 1024 * 1024)


class Table:
    """A table open for reading: its `columns`, and its rows by iteration."""

    def __init__(self, path: Path) -> None:
        self.path = path
        if not path.is_file():
            raise BadFile(f"{path} is not there", "", "Check the path.")
        if path.stat().st_size == 0:
            raise BadFile(f"{path} is empty", "", "Save the table again and check that it has a header row.")
        self._rows = _xlsx(path) if path.suffix.lower() == ".xlsx" else _csv(path)
        try:
            self._line, header = next(self._rows)
        except StopIteration:
            raise BadFile(f"{path} has no header row", "", "The first row must name the columns.") from None
        self.columns = [name.strip() for name in header]
        doubled = sorted({c for c in self.columns if c and self.columns.count(c) > 1})
        if doubled:
            raise BadFile(f"{path.name} names the column {doubled[0]} twice", "", "Give each column its own name.")
        if any("\udc80" <= c <= "\udcff" for name in self.columns for c in name):
            raise BadFile(f"{path.name}, line 1: the header is not UTF-8", "", "Save the file as CSV UTF-8.")

    def __iter__(self) -> Iterator[Row]:
        number = 0
        for line, cells in self._rows:
            if not any(cell.strip() for cell in cells):
                continue
            number += 1
            named = dict(zip(self.columns, cells, strict=False))
            yield Row(number, line, named, tuple(cells[len(self.columns) :]))


def _csv(path: Path) -> Iterator[tuple[int, Sequence[str]]]:
    with path.open("rb") as raw:
        start = raw.read(65536)
    for bom, name in _BOMS.items():
        if start.startswith(bom):
            raise BadFile(f"{path.name} is in {name}", "tables are read as UTF-8", "Save it as CSV UTF-8.")
    for magic, name in _MAGIC.items():
        if start.startswith(magic):
            raise BadFile(f"{path.name} is {name}", "a CSV file was expected", "Export the table as CSV or .xlsx.")
    if b"\0" in start:
        raise BadFile(f"{path.name} is a binary file", "it has NUL bytes", "Export the table as CSV UTF-8 or .xlsx.")
    # bytes that are not UTF-8 stay in the cells as they are, so that a rejected row can be written back unchanged
    with path.open(encoding="utf-8-sig", errors="surrogateescape", newline="") as text:
        reader = csv.reader(text)
        line = 1
        while True:
            try:
                cells = next(reader)
            except StopIteration:
                return
            except csv.Error as error:
                raise BadFile(f"{path.name}, line {reader.line_num}: {error}", "", "Correct that line.") from None
            yield line, cells
            line = reader.line_num + 1


def _xlsx(path: Path) -> Iterator[tuple[int, Sequence[str]]]:
    from openpyxl import load_workbook  # only where a workbook is read
    from openpyxl.utils.exceptions import InvalidFileException

    try:
        book = load_workbook(path, read_only=True, data_only=True)
    except (InvalidFileException, zipfile.BadZipFile, KeyError, ValueError, OSError) as error:
        raise BadFile(f"{path.name} is not an .xlsx workbook", str(error), "Save it again as .xlsx or CSV.") from None
    sheet = book.worksheets[0]
    for line, cells in enumerate(sheet.iter_rows(values_only=True), 1):
        yield line, [_text(cell) for cell in cells]
    book.close()


def _text(value: Any) -> str:
    """A workbook cell as it would stand in a CSV file."""
    if value is None:
        return ""
    if isinstance(value, datetime):
        midnight = value.time() == time()
        return value.date().isoformat() if midnight else value.isoformat(timespec="seconds")
    if isinstance(value, date | time):
        return value.isoformat()
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)
