"""Answers for a person's terminal: rows in columns that fit, IRIs shortened."""

from __future__ import annotations

import csv
import io
import json
import shutil
import unicodedata

from kb.ns import PREFIXES
from kb.store.base import Answer

_WIDEST = 60


def result_table(answer: Answer, form: str) -> str:
    """A SELECT (as CSV) or ASK (as JSON) as text in columns; graphs as they are."""
    if form == "ASK":
        return "yes" if json.loads(answer.body)["boolean"] else "no"
    if form != "SELECT":
        return answer.body.decode().rstrip("\n")
    header, *rows = csv.reader(io.StringIO(answer.body.decode(), newline=""))
    cells = [[_cell(text) for text in row] for row in rows]
    total = shutil.get_terminal_size((160, 24)).columns
    widest = max(_WIDEST, total - 20 * (len(header) - 1))
    widths = [min(widest, max([_width(h), *(_width(row[i]) for row in cells)])) for i, h in enumerate(header)]
    lines = [_line(header, widths), _line(["-" * w for w in widths], widths)]
    lines += [_line(row, widths) for row in cells]
    return "\n".join([*lines, f"({answer.rows} {'row' if answer.rows == 1 else 'rows'})"])


def _cell(text: str) -> str:
    for prefix, base in sorted(PREFIXES.items(), key=lambda item: -len(item[1])):
        if text.startswith(base):
            return f"{prefix}:{text[len(base) :]}"
    return "".join(c if c.isprintable() else " " for c in text)


def _width(text: str) -> int:
    return sum(2 if unicodedata.east_asian_width(c) in "WF" else 0 if unicodedata.combining(c) else 1 for c in text)


def _line(cells: list[str], widths: list[int]) -> str:
    shown = [c if _width(c) <= w else c[: w - 1] + "…" for c, w in zip(cells, widths, strict=True)]
    return "  ".join(c + " " * (w - _width(c)) for c, w in zip(shown, widths, strict=True)).rstrip()
