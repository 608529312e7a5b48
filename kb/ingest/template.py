"""Writes an empty table of the project's own layout, as CSV or as a workbook with a sheet that explains the columns."""

from __future__ import annotations

import csv
from pathlib import Path

from kb.errors import UsageError
from kb.ingest import mapping


def write(path: Path, name: str = "incidents") -> list[str]:
    """Write the template of a mapping to `path` (.csv or .xlsx); returns its columns. An existing file is kept."""
    columns = mapping.load(name).columns
    kind = path.suffix.lower()
    if kind not in {".csv", ".xlsx"}:
        raise UsageError(f"{path.name} is neither .csv nor .xlsx", "", "Name the template with one of these endings.")
    if path.exists():
        raise UsageError(f"{path} exists already", "it could hold your data", "Choose another name.")
    if kind == ".csv":
        with path.open("w", encoding="utf-8-sig", newline="") as handle:  # the mark lets Excel read Arabic
            csv.writer(handle).writerow(columns)
    else:
        _workbook(path, columns)
    return list(columns)


def _workbook(path: Path, columns: dict[str, mapping.Column]) -> None:
    from openpyxl import Workbook  # only where a workbook is written

    book = Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.title = "incidents"
    sheet.append(list(columns))
    sheet.freeze_panes = "A2"
    guide = book.create_sheet("columns")
    guide.append(["column", "needed", "what it holds", "ما يحتويه العمود", "scheme"])
    for column in columns.values():
        told = column.options.get("help", {})
        needed = "yes" if column.required else ""
        guide.append([column.name, needed, told.get("en", ""), told.get("ar", ""), column.options.get("scheme", "")])
    book.save(path)
