"""Reads the rows of files that hold a table: CSV (also packed by gzip), XLSX, JSON lines, Parquet."""

from __future__ import annotations

import csv
import errno
import io
import json
import warnings
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from datetime import date, datetime, time
from decimal import Decimal
from itertools import zip_longest
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from kb.errors import BadFile
from kb.packed import Opened

Cells = Iterator[tuple[int, Sequence[str]]]
"""The header and the rows, each with the line that it begins in."""
LARGEST_CELL = 16 * 1024 * 1024  # characters
LARGEST_ROW = 4 * LARGEST_CELL
_TOO_LARGE = "row too large"
LARGEST_WORKBOOK = 512 * 1024 * 1024  # bytes when unpacked: a small file can unpack to fill the memory
LARGEST_TEXTS, LARGEST_PART = 128 * 1024 * 1024, 16 * 1024 * 1024  # bytes of what of it is held in memory
LARGEST_GRID = 64 * 1024 * 1024  # cells, empty ones too: a few bytes a row can place one 16,384 columns away
LARGEST_COLUMN = 1024 * 1024 * 1024  # bytes of a column of a Parquet row group: its largest page is held in memory
FREE_ROWS, ROWS_A_BYTE = 10_000_000, 10  # that any Parquet file may have, and for its size beyond that
_AT_ONCE = 1000  # rows of Parquet that are unpacked together
_CONTENTS = "[Content_Types].xml"
_MAGIC = {
    b"PK\x03\x04": "a ZIP or office file", b"%PDF": "a PDF", b"\x1f\x8b": "a gzip file", b"\x89PNG": "a PNG picture",
    b"\xff\xd8\xff": "a JPEG picture", b"\xd0\xcf\x11\xe0": "an old Excel file",
}  # fmt: skip
_EXPORT = "Export the table as CSV UTF-8 or .xlsx."
_SMALLER = "Split it, or save it as CSV UTF-8."
_CSV_ERRORS = {
    "unexpected end of data": ("a quotation mark is opened here and never closed", "Close it, or remove it."),
    "',' expected after '\"'": ("text follows a closing quotation mark", "Double the marks inside a quoted cell."),
    f"field larger than field limit ({LARGEST_CELL})": ("a cell is larger than 16 MiB", "Shorten it."),
    _TOO_LARGE: ("a row is larger than 64 MiB", "Shorten it, or close the quotation mark that is left open in it."),
}
# all that openpyxl and the standard library say about a workbook that is damaged or made to deceive
_BROKEN = (zipfile.BadZipFile, zlib.error, SyntaxError, LookupError, ValueError, TypeError, EOFError, AttributeError,
           NotImplementedError, RuntimeError)  # fmt: skip

csv.field_size_limit(LARGEST_CELL)


class Place:
    """How far a file has been read."""

    def __init__(self) -> None:
        self.opened: Opened | None = None

    def share(self) -> float:
        """From 0 to 1; 0 where it cannot be told."""
        return self.opened.share() if self.opened is not None else 0.0


def rows(path: Path, place: Place | None = None) -> Cells:
    """The rows of a file, read as a stream by what its name ends in; the first is the header.

    `place` is told the file that is read, for progress.
    """
    name = path.name.lower()
    plain = name.removesuffix(".gz")
    if plain.endswith((".jsonl", ".ndjson")):
        return _json_lines(path, place or Place())
    if name.endswith(".parquet"):
        return _parquet(path)
    return _xlsx(path) if name.endswith(".xlsx") else _csv(path, place or Place())


def _json_lines(path: Path, place: Place) -> Cells:
    """One object a line; the columns are those of the first, and what others have besides is refused."""
    columns: list[str] = []
    with Opened(path) as place.opened:
        line = 0
        while text := place.opened.file.readline(LARGEST_CELL + 1):
            line += 1
            at = f"{path.name}, line {line}"
            if len(text) > LARGEST_CELL:
                raise BadFile(f"{at}: the line is larger than 16 MiB", "", "Shorten it. Nothing was imported.")
            if not text.strip():
                continue
            try:
                value = json.loads(text)
            except (ValueError, RecursionError) as error:
                raise BadFile(f"{at} is not JSON", str(error), "Write one object a line.") from None
            if not isinstance(value, dict):
                raise BadFile(f"{at} is not a JSON object", "", "Write one object a line, with a value a column.")
            if not columns:
                columns = list(value)
                yield line, columns
            if strange := next((name for name in value if name not in columns), None):
                raise BadFile(f"{at}: the first line has no {strange!r}", "", "Name all columns in the first line.")
            yield line, [_json_cell(value.get(name), at, name) for name in columns]


def _json_cell(value: Any, place: str, name: str) -> str:
    if isinstance(value, dict | list):
        raise BadFile(f"{place}: {name!r} holds a list or an object", "a cell was expected", "Write it as a text.")
    return str(value).lower() if isinstance(value, bool) else _text(value)


def _parquet(path: Path) -> Cells:
    try:
        from pyarrow import ArrowException, types  # an extra: most archives have no such files
        from pyarrow.parquet import ParquetFile, read_schema
    except ModuleNotFoundError:
        hint = "Install it with: pip install 'mizan-kb[parquet]', or export the table as CSV UTF-8."
        raise BadFile(f"{path.name} is a Parquet file", "reading it needs pyarrow", hint) from None
    try:
        texts = [f.name for f in read_schema(path) if types.is_string(f.type) or types.is_large_string(f.type)]
        with ParquetFile(path, read_dictionary=texts) as file:  # a value that stands in many rows is held once
            _check_groups(path, file.metadata)
            yield 0, list(file.schema_arrow.names)
            number = 0
            for batch in file.iter_batches(batch_size=_AT_ONCE):
                for cells in _arrow_rows(path, batch, number):
                    yield 0, [_json_cell(value, path.name, "a column") for value in cells]
                number += len(batch)
    except (ArrowException, OSError) as error:
        if isinstance(error, OSError) and error.errno not in (None, errno.EINVAL):
            raise  # the disk, not the file
        raise BadFile(f"{path.name} is not a Parquet file", str(error).split(".")[0], _EXPORT) from None


def _check_groups(path: Path, told: Any) -> None:
    """Refuse what unpacks too far: a column of a row group can be one value of any size, a row no bytes at all."""
    most = max(FREE_ROWS, path.stat().st_size * ROWS_A_BYTE)
    if told.num_rows > most:
        why = f"{most:,} is the most that a file of its size can have"
        raise BadFile(f"{path.name} has {told.num_rows:,} rows", why, _SMALLER)
    for number in range(told.num_row_groups):
        group = told.row_group(number)
        for column in map(group.column, range(group.num_columns)):
            if (size := column.total_uncompressed_size) > LARGEST_COLUMN:
                what = f"{path.name}, row group {number + 1}: {column.path_in_schema} unpacks to {size:,} bytes"
                raise BadFile(what, f"{LARGEST_COLUMN:,} is the most", "Write it in smaller row groups.")


def _arrow_rows(path: Path, batch: Any, first: int) -> Iterator[Sequence[Any]]:
    """The rows of a batch; one by one where all of them together would fill the memory."""
    if all(_longest(column) * len(batch) <= LARGEST_CELL for column in batch.columns):
        yield from zip(*(column.to_pylist() for column in batch.columns), strict=True)
        return
    for at in range(len(batch)):
        row = [column[at].as_py() for column in batch.columns]
        sizes = [len(value) for value in row if isinstance(value, str | bytes)]
        longest = max(sizes, default=0)
        if longest > LARGEST_CELL or sum(sizes) > LARGEST_ROW:
            what = "cell is larger than 16" if longest > LARGEST_CELL else "row is larger than 64"
            raise BadFile(f"{path.name}, row {first + at + 1}: a {what} MiB", "", "Shorten it.")
        yield row


def _longest(column: Any) -> int:
    """The bytes of the longest text in a column of a batch; 0 where it holds none."""
    from pyarrow import compute, types

    texts = column.dictionary if types.is_dictionary(column.type) else column
    kinds = (types.is_string, types.is_large_string, types.is_binary, types.is_large_binary)
    held = any(kind(texts.type) for kind in kinds)
    return (compute.max(compute.binary_length(texts)).as_py() or 0) if held else 0


def _csv(path: Path, place: Place) -> Cells:
    with Opened(path) as beginning:
        start = beginning.file.read(65536)
    if start.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise BadFile(f"{path.name} is in UTF-16", "tables are read as UTF-8", "Save it as CSV UTF-8.")
    for magic, name in _MAGIC.items():
        if start.startswith(magic):
            raise BadFile(f"{path.name} is {name}", "a CSV file was expected", _EXPORT)
    if b"\0" in start:
        raise BadFile(f"{path.name} is a binary file", "it has NUL bytes", _EXPORT)
    # bytes that are not UTF-8 stay in the cells as they are, so that a rejected row can be written back unchanged
    with (
        Opened(path) as place.opened,
        io.TextIOWrapper(place.opened.file, "utf-8-sig", "surrogateescape", newline="") as text,
    ):
        lines = _Lines(text)
        reader = csv.reader(lines, strict=True)  # a stray quotation mark must not swallow the rows after it
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
            line, lines.held = reader.line_num + 1, 0


class _Lines:
    """The lines of a CSV file, none of which is held when a row of them is larger than the memory allows."""

    def __init__(self, text: io.TextIOWrapper) -> None:
        self._text = text
        self.held = 0  # characters of the row that is being read

    def __iter__(self) -> _Lines:
        return self

    def __next__(self) -> str:
        line = self._text.readline(LARGEST_ROW + 1)
        if not line:
            raise StopIteration
        self.held += len(line)
        if self.held > LARGEST_ROW:
            raise csv.Error(_TOO_LARGE)
        return line


def _xlsx(path: Path) -> Cells:
    try:
        with zipfile.ZipFile(path) as packed:
            _check_size(path, packed)
        yield from _sheet(path)
    except (*_BROKEN, OSError) as error:
        if isinstance(error, OSError) and error.errno not in (None, errno.EINVAL):
            raise  # the disk, not the workbook
        why = str(error) or type(error).__name__
        raise BadFile(f"{path.name} is not an .xlsx workbook", why, "Save it again as .xlsx or CSV UTF-8.") from None


def _check_size(path: Path, packed: zipfile.ZipFile) -> None:
    """Refuse a workbook that unpacks too far: sheets are read as a stream, but texts and all other parts are held."""
    sizes = {part.filename: part.file_size for part in packed.infolist()}
    if (size := sum(sizes.values())) > LARGEST_WORKBOOK:
        raise BadFile(f"{path.name} unpacks to {size:,} bytes", f"{LARGEST_WORKBOOK:,} is the most", _SMALLER)
    kinds = {}
    if sizes.get(_CONTENTS, 0) <= LARGEST_PART:
        listed = ElementTree.fromstring(packed.read(_CONTENTS))
        kinds = {e.get("PartName", "").lstrip("/"): e.get("ContentType", "").rpartition(".")[2] for e in listed}
    most = {"worksheet+xml": LARGEST_WORKBOOK, "sharedStrings+xml": LARGEST_TEXTS}
    for name, size in sizes.items():
        if size > (limit := most.get(kinds.get(name, ""), LARGEST_PART)):
            what = f"{path.name}: its part {name} unpacks to {size:,} bytes"
            raise BadFile(what, f"{limit:,} is the most", _SMALLER)


def _sheet(path: Path) -> Cells:
    from openpyxl import load_workbook  # only where a workbook is read

    warnings.filterwarnings("ignore", category=UserWarning, module="openpyxl")  # of decorations that it does not know
    with path.open("rb") as first, path.open("rb") as second:  # openpyxl leaves its own files open when it fails
        shown = load_workbook(first, read_only=True, data_only=True).worksheets[0]
        written = load_workbook(second, read_only=True).worksheets[0]
        for sheet in (shown, written):
            sheet.reset_dimensions()  # the size that a file claims can be a million rows
        rows = zip_longest(*(sheet.iter_rows(values_only=True) for sheet in (shown, written)), fillvalue=())
        places = 0
        for line, (values, sources) in enumerate(rows, 1):
            # a formula whose result was never stored would be lost: its own text stands for it
            cells = [_text(source if value is None else value) for value, source in zip_longest(values, sources)]
            if max(map(len, cells), default=0) > LARGEST_CELL:
                raise BadFile(f"{path.name}, line {line}", "a cell is larger than 16 MiB", "Shorten it.")
            places += len(cells)
            if places > LARGEST_GRID:
                why = f"with its empty cells the sheet has more than {LARGEST_GRID:,}"
                raise BadFile(f"{path.name}, line {line}", why, f"Remove what stands far to the right. {_SMALLER}")
            yield line, cells


def _text(value: Any) -> str:
    """A workbook cell as it would stand in a CSV file."""
    if value is None:
        return ""
    if isinstance(value, bytes):  # texts of Parquet that are not declared as such
        return value.decode("utf-8", "surrogateescape")
    if isinstance(value, datetime):
        midnight = value.time() == time()
        return value.date().isoformat() if midnight else value.isoformat(timespec="seconds")
    if isinstance(value, date | time):
        return value.isoformat()
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() else format(Decimal(repr(value)), "f")
    return str(value)
