"""Dates as sources give them: EDTF text with its earliest and latest moment in local time."""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

from pyoxigraph import Literal

from kb.canonical import literal
from kb.ingest.report import Unfit, quoted
from kb.ns import EDTF, XSD

YEARS = range(1920, 2101)  # before, Damascus kept a solar time that xsd:dateTime cannot write; after, it is a slip
_LAST = time(23, 59, 59)
_CLOCK = r"(T\d\d:\d\d:\d\d(Z|[+-]\d\d:\d\d)?)?"
_MOMENT = rf"[0-9X]{{4}}(-[0-9X]{{2}}(-[0-9X]{{2}}{_CLOCK})?)?[?~%]?"
_WRITTEN = re.compile(rf"{_MOMENT}(/{_MOMENT})?", re.ASCII)  # the forms of EDTF that have two ends
_DAY = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_OPEN = re.compile(r"(\.\.)?/.*|.*/(\.\.)?", re.DOTALL)
_HINT = "Write 2016-02-27, 2016-02, 2016-02-27~ (about), or 2016-02-15/2016-02-16."


@dataclass(frozen=True, slots=True)
class Period:
    """A date with its uncertainty: EDTF literal, first and last moment as xsd:dateTime with offset, and a code.

    `precision` is a concept of the scheme date-precision: day, month, interval or time-of-day.
    """

    edtf: Literal
    earliest: Literal
    latest: Literal
    precision: str


def day(text: str) -> date:
    """A day written YYYY-MM-DD; raises Unfit."""
    try:
        if not _DAY.fullmatch(text):  # Python also reads 20160227 and 2016-W08-6
            raise ValueError("it does not have the form YYYY-MM-DD")
        found = date.fromisoformat(text)
    except ValueError as error:
        raise Unfit("date", f"{quoted(text)} is not a date, {error}", "Write it as YYYY-MM-DD.") from None
    return _plausible(found, text)


def between(first: str, last: str, zone: str) -> Period:
    """The period from one day to another (ISO dates; `last` may be empty), in the local time of `zone`."""
    start = day(first)
    end = day(last) if last else start
    if end < start:
        raise Unfit("date-order", f"the end {last} is before the start {first}", "Exchange or correct the dates.")
    return _period(first if start == end else f"{first}/{last}", start, end, zone)


@lru_cache(maxsize=8192)
def uncertain(text: str, zone: str) -> Period:
    """The period that an EDTF text means, such as 2016-02, 2016-02-27~ or 2016-02-15/2016-02-16."""
    if _DAY.fullmatch(text):  # most dates are plain days, which need no parser: it takes ten milliseconds for each
        with suppress(ValueError):
            found = _plausible(date.fromisoformat(text), text)
            return _period(text, found, found, zone)
    from edtf import EDTFParseException, parse_edtf  # slow to import: only where such dates are read

    if not _WRITTEN.fullmatch(text):
        if _OPEN.fullmatch(text):
            raise Unfit("date", f"{quoted(text)} has an open end", "Give both ends.")
        raise Unfit("date", f"{quoted(text)} is not a date", _HINT)
    try:
        parsed: Any = parse_edtf(text)
        start, end = date(*parsed.lower_strict()[:3]), date(*parsed.upper_strict()[:3])
    except (EDTFParseException, ValueError):
        raise Unfit("date", f"{quoted(text)} is not a date of the calendar", _HINT) from None
    if end < start:
        raise Unfit("date-order", f"{quoted(text)} ends before it starts", "Exchange or correct the dates.")
    _plausible(start, text), _plausible(end, text)
    if "T" not in text:
        return _period(text, start, end, zone)
    moment = literal(_with_zone(text, zone), XSD.dateTime.value)
    return Period(_edtf(text), moment, moment, "time-of-day")


def _period(text: str, start: date, end: date, zone: str) -> Period:
    # a clock put back at midnight repeats the last hour of a day, one put forward skips the first: fold=1 means the
    # later of two, and fold=0 the moment of the change, so that the bounds hold the whole day
    earliest, latest = datetime.combine(start, time()), datetime.combine(end, _LAST).replace(fold=1)
    return Period(_edtf(text), _moment(earliest, zone), _moment(latest, zone), _span(start, end))


def _plausible(found: date, text: str) -> date:
    if found.year not in YEARS:
        bounds = f"{YEARS[0]} and {YEARS[-1]}"
        raise Unfit("date", f"{quoted(text)} is not between the years {bounds}", "Correct the year.")
    return found


def _with_zone(text: str, zone: str) -> str:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        hint = "Write it as 2016-02-27T10:00:00."
        raise Unfit("date", f"{quoted(text)} is not a point in time, {error}", hint) from None
    return (moment if moment.tzinfo else moment.replace(tzinfo=ZoneInfo(zone))).isoformat()


def _edtf(text: str) -> Literal:
    return literal(text, EDTF.EDTF.value)


def _moment(local: datetime, zone: str) -> Literal:
    return literal(local.replace(tzinfo=ZoneInfo(zone)).isoformat(), XSD.dateTime.value)


def _span(start: date, end: date) -> str:
    if start == end:
        return "day"
    whole_month = start.day == 1 and (end + timedelta(days=1)).day == 1 and start.month == end.month
    return "month" if whole_month and start.year == end.year else "interval"
