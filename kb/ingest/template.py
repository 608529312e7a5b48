"""Writes an empty table of a mapping, as CSV or as a workbook that explains the columns and lists their codes."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pyoxigraph import Literal

from kb import document, paths
from kb.errors import UsageError
from kb.ingest import mapping
from kb.ingest.cell import Column
from kb.ns import SCHEME, SKOS
from kb.record import subject

_AS_TEXT = "@"  # the format that keeps a spreadsheet from turning 2016-02 into the first of February
_ROWS = 1000  # so many rows of the empty sheet are formatted in advance
_HEADINGS = {
    "en": ("column", "needed", "what it holds", "codes"),
    "ar": ("العمود", "مطلوب", "ما يحتويه", "الرموز"),
}


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
        _write_workbook(path, columns)
    return list(columns)


def described(name: str, language: str) -> str:
    """The columns of a mapping as a Markdown table in one language, as the guide for documenters shows it."""
    yes = {"en": "yes", "ar": "نعم"}[language]
    rows = [_HEADINGS[language], ("---",) * 4]
    for column in mapping.load(name).columns.values():
        told, scheme = column.options.get("help", {}), column.options.get("scheme", "")
        link = f"[{scheme}](/{language}/scheme/{scheme})" if scheme else ""
        rows.append((f"`{column.name}`", yes if column.required else "", told.get(language, ""), link))
    return "".join(f"| {' | '.join(row)} |\n" for row in rows)


def _write_workbook(path: Path, columns: dict[str, Column]) -> None:
    from openpyxl import Workbook  # only where a workbook is written

    book = Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.title = "incidents"
    sheet.append(list(columns))
    sheet.freeze_panes = "A2"
    for row in sheet.iter_rows(min_row=2, max_row=_ROWS, max_col=len(columns)):
        for cell in row:
            cell.number_format = _AS_TEXT
    _fill(book.create_sheet("columns"), _guide(columns))
    _fill(book.create_sheet("codes"), _codes(columns))
    book.save(path)


def _fill(sheet: Any, rows: Iterator[tuple[str, ...]]) -> None:
    for row in rows:
        sheet.append(row)
    sheet.freeze_panes = "A2"


def _guide(columns: dict[str, Column]) -> Iterator[tuple[str, ...]]:
    yield "column", "needed", "what it holds", "ما يحتويه العمود", "scheme"
    for column in columns.values():
        told = column.options.get("help", {})
        needed = "yes" if column.required else ""
        yield column.name, needed, told.get("en", ""), told.get("ar", ""), column.options.get("scheme", "")


def _codes(columns: dict[str, Column]) -> Iterator[tuple[str, ...]]:
    yield "scheme", "code", "name", "الاسم", "meaning", "المعنى"
    for scheme in dict.fromkeys(c.options["scheme"] for c in columns.values() if c.kind == "code"):
        told: dict[str, dict[tuple[str, str | None], str]] = {}
        for triple in document.read(paths.shipped("ontology") / "schemes" / f"{scheme}.ttl"):
            if isinstance(triple.object, Literal) and subject(triple).startswith(f"{SCHEME}{scheme}#"):
                texts = told.setdefault(subject(triple).partition("#")[2], {})
                texts[triple.predicate.value, triple.object.language] = triple.object.value
        wanted = [(p.value, language) for p in (SKOS.prefLabel, SKOS.definition) for language in ("en", "ar")]
        for code, texts in sorted(told.items()):
            yield scheme, code, *(texts.get(key, "") for key in wanted)
