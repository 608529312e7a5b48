"""The two languages: no text without translation, plurals, dates as each language writes them, terms that exist."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po

import web
from kb import errors, vocabulary
from kb.errors import MizanError
from web.dating import spell, spell_timestamp
from web.errors import TITLES
from web.language import LANGUAGES, language

FOLDER = Path(web.__file__).parent
METHODS = [("**.py", "python"), ("templates/**.html", "jinja2"), ("templates/**.svg", "jinja2")]
KEYWORDS = {"_": None, "gettext": None, "ngettext": (1, 2), "marked": None}
PLACE = re.compile(r"%\(\w+\)s")


def messages() -> set[str | tuple[str, ...]]:
    found = extract_from_dir(FOLDER, method_map=METHODS, keywords=KEYWORDS)
    return {tuple(m) if isinstance(m, list | tuple) else m for _, _, m, _, _ in found}


def catalogue(code: str) -> dict[str | tuple[str, ...], str | tuple[str, ...]]:
    with (FOLDER / "translations" / f"{code}.po").open("rb") as handle:
        return {m.id if isinstance(m.id, str) else tuple(m.id): m.string for m in read_po(handle, locale=code) if m.id}


def test_every_text_is_translated_with_the_same_places() -> None:
    known = catalogue("ar")
    assert len(messages()) > 200
    for message in messages():
        assert message in known, message
        originals = [message] if isinstance(message, str) else list(message)
        strings = known[message]
        translations = [strings] if isinstance(strings, str) else list(strings)
        assert len(translations) == (1 if isinstance(message, str) else 6)
        assert all(t.strip() for t in translations), message
        places = {p for o in originals for p in PLACE.findall(o)}
        assert all(set(PLACE.findall(t)) <= places for t in translations), message
        if isinstance(message, str):
            assert set(PLACE.findall(translations[0])) == places, message


def test_catalogue_holds_nothing_that_is_not_used() -> None:
    assert set(catalogue("ar")) == messages()


def test_every_error_title_is_translated() -> None:
    def below(kind: type[MizanError]) -> set[type[MizanError]]:
        return {kind} | {k for sub in kind.__subclasses__() for k in below(sub)}

    assert errors.MizanError is MizanError
    shown = {k.title for k in below(MizanError) if k.__module__.startswith(("kb.", "web."))}
    assert shown <= set(TITLES)


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (0, "لا حوادث"), (1, "حادثة واحدة"), (2, "حادثتان"), (3, "%(num)s حوادث"), (11, "%(num)s حادثة"),
        (100, "%(num)s حادثة"),
    ],
)
def test_arabic_has_its_six_plurals(number: int, words: str) -> None:
    assert language("ar").ngettext("one incident", "%(num)s incidents", number) == words


@pytest.mark.parametrize(
    ("edtf", "english", "arabic"),
    [
        ("2016-04-27", "27 April 2016", "27 نيسان/أبريل 2016"),
        ("2016-04", "April 2016", "نيسان/أبريل 2016"),
        ("2016", "2016", "2016"),
        ("2015-10-29?", "29 October 2015 (uncertain)", "29 تشرين الأول/أكتوبر 2015 (غير مؤكد)"),
        ("2015-11~", "about November 2015", "نحو تشرين الثاني/نوفمبر 2015"),
        ("2015-09-30/2016-08-01", "30 September 2015 to 1 August 2016", "من 30 أيلول/سبتمبر 2015 إلى 1 آب/أغسطس 2016"),
        ("2015-09-30/..", "from 30 September 2015 on", "اعتباراً من 30 أيلول/سبتمبر 2015"),
        ("2016-04-27T21:37:00+03:00", "27 April 2016, 21:37 UTC+3", "27 نيسان/أبريل 2016، 21:37 UTC+3"),
        ("2016-13-45", "2016-13-45", "2016-13-45"),
        ("[2015-10-29,2015-10-30]", "[2015-10-29,2015-10-30]", "[2015-10-29,2015-10-30]"),
        ("<b>", "<b>", "<b>"),
    ],
)
def test_dates_are_spelled_with_their_precision(edtf: str, english: str, arabic: str) -> None:
    assert spell(edtf, language("en")) == english
    assert spell(edtf, language("ar")) == arabic


def test_timestamps_keep_their_offset_and_midnight_is_a_day() -> None:
    assert spell_timestamp("2016-02-26T22:00:00Z", language("en")) == "26 February 2016, 22:00 UTC"
    assert spell_timestamp("2002-07-01T00:00:00+03:00", language("en")) == "1 July 2002"
    assert spell_timestamp("nonsense", language("en")) == "nonsense"


def test_numbers_are_grouped() -> None:
    assert language("en").number(2704) == "2,704"
    assert "2" in language("ar").number(2704)


def test_languages_are_two_and_differ_in_direction() -> None:
    assert {code: language(code).direction for code in LANGUAGES} == {"en": "ltr", "ar": "rtl"}


def test_templates_name_only_terms_that_exist() -> None:
    defined = "\n".join(path.read_text(encoding="utf-8") for path in vocabulary.term_files())
    terms = set(re.findall(r"^mz:(\w+)", defined, re.MULTILINE))
    for path in [*FOLDER.glob("templates/*.html"), *FOLDER.glob("**/*.py")]:
        named = set(re.findall(r"""["']mz:(\w+)["']""", path.read_text(encoding="utf-8")))
        assert named <= terms, path.name


def test_advocate_guide_is_there_in_both_languages() -> None:
    for code in LANGUAGES:
        assert (FOLDER / "help" / f"advocate.{code}.md").read_text(encoding="utf-8").startswith("# ")
