"""The languages of the interface: texts from `translations/*.po`, direction of writing, numbers and dates."""

from __future__ import annotations

import io
from datetime import date, datetime, timedelta
from functools import lru_cache
from pathlib import Path

from babel import Locale
from babel.dates import format_date, get_month_names
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.numbers import format_decimal
from babel.support import NullTranslations, Translations

LANGUAGES = ("en", "ar")
_LOCALES = {"en": "en_GB", "ar": "ar_SY"}
_NAMES = {"en": "English", "ar": "العربية"}
_FOLDER = Path(__file__).resolve().parent / "translations"


class Language:
    """One language of the interface, made once a process by `language`."""

    def __init__(self, code: str) -> None:
        self.code = code
        self.name = _NAMES[code]
        self.direction = "rtl" if code == "ar" else "ltr"
        self.locale = Locale.parse(_LOCALES[code])
        self._translations = _read(code)

    def gettext(self, message: str) -> str:
        """The text in this language; the English one where there is no translation."""
        return self._translations.gettext(message)

    def ngettext(self, singular: str, plural: str, number: int) -> str:
        """The text in the plural form for `number` (Arabic has six)."""
        return self._translations.ngettext(singular, plural, number)

    def number(self, value: int | float) -> str:
        """A number with the grouping of this language."""
        return format_decimal(value, locale=self.locale)

    def day(self, value: date) -> str:
        """A day in full; Arabic months by both names in use, as the United Nations writes them."""
        if self.code == "ar":
            return f"{value.day} {self._month(value.month)} {value.year}"
        return format_date(value, "long", locale=self.locale)

    def month(self, year: int, month: int) -> str:
        """A month of a year."""
        return f"{self._month(month)} {year}"

    def moment(self, value: datetime, midnight: bool = False) -> str:
        """A day with its time and offset; midnight is the day alone, unless it is asked for."""
        if not midnight and (value.hour, value.minute, value.second) == (0, 0, 0):
            return self.day(value.date())
        text = f"{self.day(value.date())}{'،' if self.code == 'ar' else ','} {value:%H:%M}"
        offset = value.utcoffset()
        return text if offset is None else f"{text} {_offset(offset)}"

    def _month(self, number: int) -> str:
        name = get_month_names("wide", locale=self.locale)[number]
        other = get_month_names("wide", locale=Locale(self.locale.language))[number]
        return name if name == other else f"{name}/{other}"


def _offset(offset: timedelta) -> str:
    minutes = int(offset.total_seconds()) // 60
    if not minutes:
        return "UTC"
    hours, rest = divmod(abs(minutes), 60)
    return f"UTC{'+' if minutes > 0 else '−'}{hours}" + (f":{rest:02d}" if rest else "")


def _read(code: str) -> NullTranslations:
    path = _FOLDER / f"{code}.po"
    if not path.is_file():
        return NullTranslations()
    with path.open("rb") as handle:
        catalogue = read_po(handle, locale=code)
    compiled = io.BytesIO()
    write_mo(compiled, catalogue)
    compiled.seek(0)
    return Translations(compiled)


@lru_cache
def language(code: str) -> Language:
    """The language with this code; KeyError for one that is not offered."""
    return Language(code)


def marked(message: str) -> str:
    """Mark a text for translation where it is written, to be translated where it is shown."""
    return message
