"""Dates as words: EDTF expressions and timestamps of the data, in the language of the page, precision kept."""

from __future__ import annotations

import re
from datetime import date, datetime

from web.language import Language, marked

_PART = re.compile(r"(\d{4})(?:-(\d\d))?(?:-(\d\d))?([?~%]?)")
_DOUBT = {
    "?": marked("%(date)s (uncertain)"),
    "~": marked("about %(date)s"),
    "%": marked("about %(date)s (uncertain)"),
}


def spell(edtf: str, language: Language) -> str:
    """An EDTF date in words; an expression outside the common forms comes back as it is."""
    start, slash, end = edtf.partition("/")
    if not slash:
        return _spell_one(edtf, language)
    if start in ("", "..") or end in ("", ".."):
        known = _spell_one(end if start in ("", "..") else start, language)
        text = marked("until %(date)s") if start in ("", "..") else marked("from %(date)s on")
        return language.gettext(text) % {"date": known}
    if start[:10] == end[:10] and len(start) > 10:
        return f"{_spell_one(start, language)} – {end[11:16]}"
    words = {"start": _spell_one(start, language), "end": _spell_one(end, language)}
    return language.gettext(marked("%(start)s to %(end)s")) % words


def _spell_one(text: str, language: Language) -> str:
    found = _PART.fullmatch(text)
    if not found:
        return spell_timestamp(text, language)
    year, month, day, doubt = found.groups()
    try:
        if day:
            words = language.day(date(int(year), int(month), int(day)))
        else:
            words = language.month(int(year), int(month)) if month else year
    except (ValueError, KeyError):
        return text
    return language.gettext(_DOUBT[doubt]) % {"date": words} if doubt else words


def spell_timestamp(text: str, language: Language) -> str:
    """An xsd:dateTime or xsd:date in words; anything else as it is."""
    try:
        return language.moment(datetime.fromisoformat(text))
    except ValueError:
        return text
