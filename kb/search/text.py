"""How text is compared: both scripts folded to plain words, and the further forms under which a word is found."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from functools import lru_cache

_ARABIC = str.maketrans(
    {
        "أ": "ا", "إ": "ا", "آ": "ا", "ٱ": "ا", "ى": "ي", "ئ": "ي", "ؤ": "و", "ة": "ه", "ـ": None,
        **{chr(0x660 + n): str(n) for n in range(10)}, **{chr(0x6F0 + n): str(n) for n in range(10)},
    }
)  # fmt: skip
_WORD = re.compile(r"\w+")
# The article, with the particles that are written in one with it. What is left must be a word, so `الله` keeps it.
_ARTICLE = re.compile(r"(?:[وفبك]?ال|لل)(?=[ء-ي]{3,})")
# The article of Arabic names in Latin letters, assimilated or not: al-Quds, Deir ez-Zor.
LATIN_ARTICLES = frozenset({
    "al", "el", "il", "ul", "ar", "er", "as", "es", "ash", "esh", "at", "et", "ath", "eth", "ad", "ed", "adh", "edh",
    "an", "en", "az", "ez",
})  # fmt: skip
_STROKES = "-\u2010\u2011'`\u2018\u2019\u02bb\u02bc\u02bd\u02be\u02bf\u02b9"
_JOINED = re.compile(rf"\w+(?:[{_STROKES}]\w+)+|\w*[\u02b9-\u02bf][\w\u02b9-\u02bf]*")
_STROKE = re.compile(rf"[{_STROKES}]")
_NONE: frozenset[str] = frozenset()
_LONGEST = 80  # letters of a word that is joined; longer ones are no names


def normalise(text: str) -> str:
    """Text as it is compared: case, vowel marks and accents, alef and hamza forms, ta marbuta, tatweel, digits."""
    if text.isascii():
        return text.lower()
    plain = unicodedata.normalize("NFKD", text.translate(_ARABIC)).translate(_ARABIC)
    if not plain.isascii():
        plain = "".join(c for c in plain if not unicodedata.combining(c))
    return plain.casefold()


def words(text: str) -> list[str]:
    """The words of `text` as they stand in the index."""
    return _WORD.findall(normalise(text))


def bare(word: str) -> str:
    """A normalised word without the Arabic article and what is written in one with it: `والمدرسه` → `مدرسه`."""
    return _ARTICLE.sub("", word, count=1) if word[:1] in "اوفبكل" else word


def further(text: str) -> frozenset[str]:
    """Other forms under which `text` is found: Arabic words without the article, names written in one.

    `al-Qaʿim` is found as `qaim`, `ez-Zor` as `zor` and `ezzor`; the words themselves are not repeated.
    """
    return read(text)[1]


@lru_cache(maxsize=8192)
def read(text: str) -> tuple[tuple[str, ...], frozenset[str]]:
    """The words of `text` and its further forms, read once."""
    plain = normalise(text)
    tokens = tuple(_WORD.findall(plain))
    found = set()
    if not plain.isascii():
        found = {bare(word) for word in tokens if word[0] in "اوفبكل"}
    if _STROKE.search(plain):
        for name in _JOINED.findall(plain):
            found |= joined(name)
    return tokens, frozenset(found.difference(tokens)) if found else _NONE


def joined(name: str) -> set[str]:
    """A name with strokes as one word, with its Latin article and without: `al-qa'im` → `alqaim`, `qaim`."""
    parts = [p for p in _STROKE.split(name) if p]
    whole = "".join(parts)
    if not whole or len(whole) > _LONGEST:
        return set()
    rest = "".join(parts[1:]) if parts[0] in LATIN_ARTICLES else ""
    return {whole, rest} - {""}


def asked(text: str) -> list[tuple[list[str], set[str]]]:
    """What a typed text asks for, part by part as divided by spaces: its words, and other forms that do as well.

    A Latin article that stands alone says nothing and is left out where anything else is asked for.
    """
    parts = []
    for part in text.split():
        plain = normalise(part)
        tokens = _WORD.findall(plain)
        if tokens:
            forms = {bare(tokens[0])} if len(tokens) == 1 else set()
            for name in _JOINED.findall(plain):
                forms |= joined(name) if len(tokens) < 4 else set()
            parts.append((tokens, forms - {tokens[0]}))
    telling = [p for p in parts if len(p[0]) > 1 or p[0][0] not in LATIN_ARTICLES]
    return telling or parts


def title_key(text: str) -> str:
    """A key that sorts titles as a reader expects: plain words without the article; letters, digits and `_` only."""
    return "_".join([bare(word) for word in read(text)[0]])[:120]


def distinct(texts: Iterable[str]) -> frozenset[str]:
    """The words of several texts and their further forms, each once: enough to be found, without their order."""
    found: set[str] = set()
    for text in texts:
        found.update(*read(text))
    return frozenset(found)
