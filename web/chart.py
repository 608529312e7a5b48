"""Answers as pictures made on the server: bars, a timeline, a matrix, a map. The table always stands beside them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from math import sqrt

from pyoxigraph import Literal

from kb.export import Rows
from kb.export.geo import geometry
from kb.export.rows import Term, plain

SHOWN = 200  # bars, lines or rows in a picture
_COLUMNS = 40  # of a matrix
_DAY = re.compile(r"-?\d{4,}-\d\d-\d\d")


@dataclass(frozen=True, slots=True)
class Mark:
    """One row in a picture: its name (a term to show), where it stands and how large it is, all in per cent."""

    name: Term | None
    value: float | str
    x: float = 0.0
    y: float = 0.0
    width: float = 0.0


@dataclass(frozen=True, slots=True)
class Chart:
    """A picture: its kind, its marks, for a matrix its columns and cells, and how many rows it leaves out."""

    kind: str
    marks: Sequence[Mark] = ()
    columns: Sequence[Term] = ()
    cells: Sequence[tuple[Term, Sequence[Sequence[Term | None]]]] = ()
    ends: tuple[str, str] = ("", "")
    left_out: int = 0
    height: float = 100.0


def draw(view: Sequence[str], rows: Rows) -> Chart | None:
    """The picture that a view asks for; None for a table, and where the answer has nothing to draw."""
    kind, *columns = view
    makers = {"bars": _bars, "timeline": _timeline, "matrix": _matrix, "map": _map}
    return makers[kind](columns, rows) if kind in makers and rows.rows else None


def columns_for(kind: str, rows: Rows) -> tuple[str, ...] | None:
    """A view of this kind over columns that fit it; None where the answer has none.

    A map takes the first geometries, a timeline the first two columns of dates, bars and a matrix the first numbers, by
    the first columns of anything else. Numbers beside points are not taken for sizes: they may be of anything.
    """
    dates = [name for name in rows.columns if any(_moment(row.get(name)) is not None for row in rows.rows)]
    numbers = [n for n in rows.columns if any(type(plain(row.get(n))) in (int, float) for row in rows.rows)]
    others = [name for name in rows.columns if name not in numbers and not name.endswith("label")]
    shape = rows.geometry()
    found = {
        "map": (shape,) if shape else (), "timeline": tuple(dates[:2]),
        "bars": (*others[:1], *numbers[:1]) if others and numbers else (),
        "matrix": (*others[:2], *numbers[:1]) if len(others) > 1 else (),
    }.get(kind)  # fmt: skip
    return (kind, *found) if found else None


def _bars(columns: Sequence[str], rows: Rows) -> Chart | None:
    name, number = columns[:2]
    values = [(row[name], _number(row.get(number))) for row in rows.rows if name in row]
    most = max((value for _, value in values), default=0.0)
    if most <= 0:
        return None
    marks = [Mark(term, value, width=round(100 * value / most, 2)) for term, value in values[:SHOWN]]
    return Chart("bars", marks, left_out=len(rows.rows) - len(marks))


def _timeline(columns: Sequence[str], rows: Rows) -> Chart | None:
    """Each row from its begin to its end; rows without a whole date are left to the table."""
    start, end = columns[0], columns[-1]
    subject = next((c for c in rows.columns if c not in columns), start)
    found = []
    for row in rows.rows:
        begins = _moment(row.get(start))
        if begins is not None:
            found.append((row.get(subject), row[start], begins, max(_moment(row.get(end)) or begins, begins)))
    if not found:
        return None
    shown = found[:SHOWN]
    first, last = min(f[2] for f in shown), max(f[3] for f in shown)
    span = (last - first) or 1.0
    marks = [
        Mark(name, date.value, x=round(98 * (b - first) / span, 2), width=max(round(98 * (e - b) / span, 2), 1.0))
        for name, date, b, e in shown
    ]
    ends = min(f[1].value for f in shown)[:10], max(f[1].value for f in shown)[:10]
    return Chart("timeline", marks, ends=ends, left_out=len(rows.rows) - len(marks))


def _matrix(columns: Sequence[str], rows: Rows) -> Chart | None:
    """Rows by columns; a cell holds every value that the answer has for it, side by side, and adds nothing up."""
    down, across, number = (*columns, "")[:3]
    tops = sorted({row[across] for row in rows.rows if across in row}, key=str)
    lines: dict[Term, dict[Term, list[Term | None]]] = {}
    for row in rows.rows:
        if down in row and across in row:
            lines.setdefault(row[down], {}).setdefault(row[across], []).append(row.get(number))
    if not tops or len(tops) > _COLUMNS:
        return None
    cells = [(name, [line.get(top, []) for top in tops]) for name, line in list(lines.items())[:SHOWN]]
    return Chart("matrix", columns=tops, cells=cells, left_out=max(len(lines) - SHOWN, 0))


def _map(columns: Sequence[str], rows: Rows) -> Chart | None:
    """Points by longitude and latitude, each degree as wide as it is at their latitude; circles by their number."""
    column, number = (*columns, "")[:2]
    subject = rows.columns[0]
    places = []
    for row in rows.rows:
        shape = geometry(row[column].value) if column in row else None
        if shape and shape["type"] == "Point":
            places.append((row.get(subject), *shape["coordinates"][:2], _number(row.get(number))))
    if not places:
        return None
    west, east = min(p[1] for p in places), max(p[1] for p in places)
    south, north = min(p[2] for p in places), max(p[2] for p in places)
    narrow = max(1 - abs(south + north) / 180, 0.2)  # a degree of longitude beside one of latitude, nearly enough
    side = max((east - west) * narrow, north - south, 0.05)
    most = max(p[3] for p in places)
    marks = [
        Mark(
            name, int(value) if number else "", x=round(5 + 90 * (x - west) * narrow / side, 2),
            y=round(5 + 90 * (north - y) / side, 2), width=round(1 + 3 * sqrt(value / most), 2) if most > 0 else 1.2,
        )
        for name, x, y, value in places
    ]  # fmt: skip
    ends = f"{west:.2f}, {south:.2f}", f"{east:.2f}, {north:.2f}"
    return Chart("map", marks, ends=ends, left_out=len(rows.rows) - len(marks), height=max(m.y for m in marks) + 5)


def _number(term: Term | None) -> float:
    value = plain(term)
    return float(value) if isinstance(value, int | float) else 0.0


def _moment(term: Term | None) -> float | None:
    """A date as days; None where it is none, or not known to the day."""
    if not isinstance(term, Literal) or not _DAY.match(term.value):
        return None
    try:
        return float(datetime.fromisoformat(term.value[:10]).toordinal())
    except ValueError:
        return None
