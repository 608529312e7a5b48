"""Dates as sources give them: EDTF text with its earliest and latest moment in local time."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import lru_cache
from time import struct_time
from typing import Any
from zoneinfo import ZoneInfo

from pyoxigraph import Literal

from kb.canonical import literal
from kb.ingest.cell import Unfit
from kb.ns import EDTF, XSD

_LAST = time(23, 59, 59)


@dataclass(frozen=True, slots=True)
class Period:
    """A date with its uncertainty: EDTF literal, first and last moment as xsd:dateTime with offset, and a code.

    `precision` is a concept of the scheme date-precision: day, month, more-than-month, interval, time-of-day.
    """

    edtf: Literal
    earliest: Literal
    latest: Literal
    precision: str


def between(first: str, last: str, zone: str) -> Period:
    """The period from one day to another (ISO dates; `last` may be empty), in the local time of `zone`."""
    start = _day(first)
    end = _day(last) if last else start
    if end < start:
        raise Unfit("date-order", f"the end {last} is before the start {first}", "Exchange or correct the dates.")
    text = first if start == end else f"{first}/{last}"
    return Period(_edtf(text), _moment(start, time(), zone), _moment(end, _LAST, zone), _span(start, end))


@lru_cache(maxsize=8192)
def uncertain(text: str, zone: str) -> Period:
    """The period that an EDTF text means, such as 2016-02, 2016-02-27~ or 2016-02-15/2016-02-16."""
    from edtf import EDTFParseException, parse_edtf  # slow to import: only where such dates are read

    try:
        parsed: Any = parse_edtf(text)
        lower, upper = parsed.lower_strict(), parsed.upper_strict()
    except (EDTFParseException, ValueError, AttributeError, OverflowError):
        hint = "Write 2016-02-27, 2016-02, 2016-02-27~ (about), or 2016-02-15/2016-02-16."
        raise Unfit("date", f"{text!r} is not a date", hint) from None
    if not isinstance(lower, struct_time) or not isinstance(upper, struct_time):
        raise Unfit("date", f"{text!r} has an open end", "Give both ends.")
    try:
        start, end = date(*lower[:3]), date(*upper[:3])
    except ValueError as error:
        raise Unfit("date", f"{text!r} is not a date ({error})") from None
    if end < start:
        raise Unfit("date-order", f"{text!r} ends before it starts", "Exchange the dates.")
    if "T" in text:
        moment = literal(_with_zone(text, zone), XSD.dateTime.value)
        return Period(_edtf(text), moment, moment, "time-of-day")
    return Period(_edtf(text), _moment(start, time(), zone), _moment(end, _LAST, zone), _span(start, end))


def _with_zone(text: str, zone: str) -> str:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise Unfit("date", f"{text!r} is not a point in time ({error})") from None
    return (moment if moment.tzinfo else moment.replace(tzinfo=ZoneInfo(zone))).isoformat()


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise Unfit("date", f"{text!r} is not a date ({error})", "Write it as YYYY-MM-DD.") from None


def _edtf(text: str) -> Literal:
    return literal(text, EDTF.EDTF.value)


def _moment(day: date, clock: time, zone: str) -> Literal:
    return literal(datetime.combine(day, clock, ZoneInfo(zone)).isoformat(), XSD.dateTime.value)


def _span(start: date, end: date) -> str:
    if start == end:
        return "day"
    whole_month = start.day == 1 and (end + timedelta(days=1)).day == 1 and start.month == end.month
    return "month" if whole_month and start.year == end.year else "interval"
