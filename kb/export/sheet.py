"""Rows for spreadsheets: CSV of RFC 4180 and XLSX, with labels beside IRIs and nothing that could be computed."""

from __future__ import annotations

import csv
import io
import warnings
from collections.abc import Iterable, Iterator

from kb.errors import AnswerTooLarge
from kb.export.rows import Label, Rows, Term, plain

# what a spreadsheet takes for a formula at the start of a cell, with the full-width forms that some of them fold
_FORMULA = tuple("=+-@\t\r\n＝＋－＠")
BOM = "\ufeff"
_LONGEST = 32_767  # characters of a cell of a workbook; openpyxl would cut the rest without a word


def safe(cell: str) -> str:
    """The cell, with an apostrophe in front where a spreadsheet would otherwise compute it."""
    return f"'{cell}" if cell.startswith(_FORMULA) else cell


def csv_lines(headers: list[str], rows: Iterable[list[str]]) -> Iterator[bytes]:
    """CSV in UTF-8 with CRLF, row by row; the cells stand as they are given."""
    buffer = io.StringIO(newline="")
    writer = csv.writer(buffer)
    for row in (headers, *rows):
        writer.writerow(row)
        yield buffer.getvalue().encode()
        buffer.seek(0)
        buffer.truncate()


def to_csv(rows: Rows, label: Label, *, raw: bool = False, bom: bool = False) -> bytes:
    """Rows as CSV: for people with label columns and formula-safe; `raw` for programs: the values and nothing else."""
    if raw:
        values = ([row[name].value if name in row else "" for name in rows.columns] for row in rows.rows)
        lines = csv_lines(list(rows.columns), values)
    else:
        lines = csv_lines([safe(h) for h in rows.headers()], (_texts(row) for row in rows.cells(label)))
    return (BOM.encode() if bom else b"") + b"".join(lines)


def _texts(row: Iterable[Term | str | None]) -> list[str]:
    """The cells of a row as text; a number keeps its sign, since it is certain to be one."""
    found = []
    for cell in row:
        text = cell if isinstance(cell, str) else cell.value if cell is not None else ""
        found.append(safe(text) if isinstance(plain(cell), str) else text)
    return found


def to_xlsx(rows: Rows, label: Label, about: list[tuple[str, str]], *, rightward: bool = True) -> bytes:
    """Rows as a workbook with a second sheet on where they come from; `rightward` False for a right-to-left reader."""
    from openpyxl import Workbook  # only where a workbook is written

    sheets: dict[str, list[list[object]]] = {"rows": list(_table(rows, label)), "about": [list(line) for line in about]}
    for value in (value for lines in sheets.values() for line in lines for value in line):
        if isinstance(value, str) and len(value) > _LONGEST:
            what = f"A cell has more than {_LONGEST:,} characters"
            raise AnswerTooLarge(what, "a workbook cannot hold it whole", "Take CSV or JSON.")
    book = Workbook(write_only=True)
    for title, lines in sheets.items():
        sheet = book.create_sheet(title)
        sheet.sheet_view.rightToLeft = not rightward
        for line in lines:
            sheet.append([_cell(sheet, value) for value in line])
    out = io.BytesIO()
    with warnings.catch_warnings():  # of the clock that openpyxl reads for its file properties
        warnings.simplefilter("ignore", DeprecationWarning)
        book.save(out)
    return out.getvalue()


def _table(rows: Rows, label: Label) -> Iterator[list[object]]:
    yield list(rows.headers())
    for row in rows.cells(label):
        yield [plain(cell) for cell in row]


def _cell(sheet: object, value: object) -> object:
    """A cell; text is marked as text, so that `=1+1` is never a formula."""
    from openpyxl.cell import WriteOnlyCell
    from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE

    if not isinstance(value, str):
        return value
    cell = WriteOnlyCell(sheet, ILLEGAL_CHARACTERS_RE.sub("\ufffd", value))
    cell.data_type = "s"
    return cell
