"""Names of places made comparable across spellings and scripts: Talbiseh, Talbisah and تلبيسة give one skeleton."""

from __future__ import annotations

import re
from collections.abc import Iterable

from kb.search import words

_PART = re.compile(r"[,،()/؛;:]| [-–—] | (?:near|in|of|قرب|في) ")
_ARTICLES = frozenset(("al", "el", "ash", "as", "at", "ad", "an", "ar", "az", "adh"))
# What a place is, not what it is called: left out, unless nothing else is there
_GENERIC = frozenset((
    "and", "area", "areas", "border", "camp", "center", "centre", "children", "city", "countryside", "displaced",
    "district", "eastern", "field", "governorate", "hospital", "in", "locality", "market", "mosque", "msf",
    "national", "near", "neighborhood", "neighbourhood", "northern", "of", "persons", "refugee", "idp", "crossing",
    "plant", "province", "s",
    "school", "schools", "southern", "subdistrict", "suburb", "supported", "surroundings", "synthetic", "the",
    "town", "treatment", "village", "water", "western",
    "اصطناعي", "اطباء", "الحدود", "الميداني", "الوطني", "بلا", "بلده", "تدعمه", "جامع", "حدود", "حي", "ريف", "سوق",
    "في", "قرب", "قريه", "للاطفال", "محافظه", "محطه", "محيط", "مخيم", "مدارس", "مدرسه", "مدينه", "مركز", "مستشفي",
    "موضع", "مسجد", "مشفي", "معالجه", "من", "منطقه", "منظمه", "مياه", "ناحيه", "و", "وسط",
))  # fmt: skip
_LATIN = (("kh", "h"), ("gh", "g"), ("sh", "S"), ("ch", "S"), ("th", "t"), ("dh", "d"), ("ph", "f"))
_LETTERS = str.maketrans(
    {
        **dict.fromkeys("aeiouyw", None), "q": "k", "c": "k", "x": "k", "j": "g", "v": "f", "p": "b",
        **dict.fromkeys("اويءعآ", None), "ب": "b", "ت": "t", "ط": "t", "ث": "t", "ج": "g", "ح": "h", "خ": "h",
        "د": "d", "ذ": "d", "ض": "d", "ظ": "d", "ر": "r", "ز": "z", "س": "s", "ص": "s", "ش": "S", "غ": "g",
        "ف": "f", "ق": "k", "ك": "k", "ل": "l", "م": "m", "ن": "n", "ه": "h",
    }
)  # fmt: skip
_TELLING = 3  # letters of a skeleton from which on it tells places apart
_TWICE = re.compile(r"(.)\1+")


def names(label: str) -> tuple[str, ...]:
    """What a label calls a place, part by part, without articles and without what kind of place it is."""
    parts = (_plain(part) for part in _PART.split(label))
    return tuple(dict.fromkeys(part for part in parts if part))


def skeleton(name: str) -> str:
    """The consonants of a name in Latin or Arabic letters, as one script; vowels and doubled letters fall away.

    A final h is dropped: it stands for ta marbuta, which sources write in three ways.
    """
    text = name
    for pair, letter in _LATIN:
        text = text.replace(pair, letter)
    text = text.translate(_LETTERS).replace(" ", "")
    return _TWICE.sub(r"\1", text).removesuffix("h")


def bones(called: Iterable[str]) -> list[str]:
    """The skeletons of names that are long enough to tell places apart, sorted."""
    return sorted({s for s in map(skeleton, called) if len(s) >= _TELLING})


def near(called: Iterable[str]) -> list[str]:
    """Texts that names share exactly when their skeletons differ by one letter at most, sorted.

    Short skeletons count only as they are: with a letter less, they would be those of half the country.
    """
    found: set[str] = set()
    for text in filter(None, map(skeleton, called)):
        found.add(text)
        if len(text) > _TELLING:
            found.update(text[:i] + text[i + 1 :] for i in range(len(text)))
    return sorted(found)


def _plain(part: str) -> str:
    kept = [_bare(word) for word in words(part) if word not in _ARTICLES]
    said = [word for word in kept if word not in _GENERIC and f"ال{word}" not in _GENERIC]
    return "".join([_open(word) for word in said[:-1]] + said[-1:])


def _bare(word: str) -> str:
    """An Arabic word without its article."""
    return word[2:] if word.startswith("ال") and len(word) > 4 else word


def _open(word: str) -> str:
    """A word before another one, without the ta marbuta that joins them: Maarat, معرة; short words stay whole."""
    return word[:-1] if len(word) > _TELLING and word.endswith(("ه", "h", "at", "et")) else word
