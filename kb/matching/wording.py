"""Says in English and Arabic on which comparisons a pair of records agrees, where it differs, and what was missing."""

from __future__ import annotations

from collections.abc import Iterable
from math import asin, cos, radians, sin, sqrt

from kb.matching.event import Event
from kb.matching.link import Pair
from kb.matching.model import COMPARISONS

_RADIUS = 6371  # kilometres, of the Earth
_HEADS = {
    "en": ("Speaks for one event", "Speaks against it", "Speaks neither way", "Not compared"),
    "ar": ("ما يرجّح أنه حدث واحد", "ما لا يرجّح ذلك", "ما لا يرجّح شيئًا", "لم يُقارن"),
}
_RIVALS = {
    "en": "Other pairs that fit, which lowers the score",
    "ar": "أزواج أخرى توافق الوصف، وهي تخفض الدرجة",
}
_WHAT = {
    "date": {"en": "date", "ar": "التاريخ"},
    "distance": {"en": "distance", "ar": "المسافة"},
    "name": {"en": "name of the place", "ar": "اسم المكان"},
    "killed": {"en": "number killed", "ar": "عدد القتلى"},
    "object": {"en": "object hit", "ar": "العين المصابة"},
}
_LEVEL = {
    "same-day": {"en": "same day", "ar": "اليوم نفسه"},
    "overlap": {"en": "the periods overlap", "ar": "المدتان متداخلتان"},
    "next-day": {"en": "a day apart", "ar": "يفصل بينهما يوم"},
    "apart": {"en": "days apart", "ar": "تفصل بينهما أيام"},
    "same-area": {"en": "one area, places not told apart", "ar": "منطقة واحدة، ولا يتميز المكانان فيها"},
    "same-name": {"en": "same name of the place", "ar": "اسم المكان نفسه"},
    "alike": {"en": "names of the place alike", "ar": "اسما المكان متقاربان"},
    "other-name": {"en": "other names of the place", "ar": "اسما المكان مختلفان"},
    "same-many": {"en": "numbers killed overlap", "ar": "أعداد القتلى متداخلة"},
    "same-few": {"en": "numbers killed overlap", "ar": "أعداد القتلى متداخلة"},
    "near": {"en": "numbers killed close", "ar": "أعداد القتلى متقاربة"},
    "far": {"en": "numbers killed far apart", "ar": "أعداد القتلى متباعدة"},
    "same-object": {"en": "same kind of object", "ar": "نوع العين نفسه"},
    "other-object": {"en": "other kinds of object", "ar": "نوعا العين مختلفان"},
}


def reasons(pair: Pair) -> dict[str, str]:
    """The reasons of a score, one text for each language."""
    return {language: _text(pair, language) for language in ("en", "ar")}


def _text(pair: Pair, language: str) -> str:
    told: dict[str, list[str]] = {head: [] for head in _HEADS[language]}
    agrees, differs, neither, missing = told.values()
    comma = "، " if language == "ar" else ", "
    for comparison in COMPARISONS:
        level = pair.levels.get(comparison.name)
        if level is None:
            missing.append(_WHAT[comparison.name][language])
        else:
            side = agrees if level.agrees else differs if level.same < level.other else neither
            side.append(_said(comparison.name, level.name, pair, language))
    texts = [f"{head}: {comma.join(parts)}." for head, parts in told.items() if parts]
    return " ".join([*texts, f"{_RIVALS[language]}: {pair.rivals}."] if pair.rivals else texts)


def _said(comparison: str, level: str, pair: Pair, language: str) -> str:
    one, other = pair.one, pair.other
    if comparison == "distance":
        assert one.point and other.point
        apart = kilometres(one.point, other.point)
        return f"يفصل بين المكانين {apart:.1f} كم" if language == "ar" else f"{apart:.1f} km apart"
    both = {
        "date": lambda: _pair(_period(one), _period(other)),
        "name": lambda: _pair(_name(one, language), _name(other, language)),
        "killed": lambda: f"{_range(one, other)} / {_range(other, one)}",
    }
    detail = both[comparison]() if comparison in both else ""
    return f"{_LEVEL[level][language]} ({detail})" if detail else _LEVEL[level][language]


def kilometres(one: tuple[float, float], other: tuple[float, float]) -> float:
    """The distance between two points given as latitude and longitude, on a sphere."""
    (lat, lon), (lat_2, lon_2) = (tuple(map(radians, point)) for point in (one, other))
    part = sin((lat_2 - lat) / 2) ** 2 + cos(lat) * cos(lat_2) * sin((lon_2 - lon) / 2) ** 2
    return 2 * _RADIUS * asin(sqrt(part))


def _pair(*texts: str) -> str:
    return " / ".join(dict.fromkeys(texts))


def _period(event: Event) -> str:
    return "–".join(_unique((event.first.isoformat(), event.last.isoformat())))


def _range(event: Event, beside: Event) -> str:
    toll = event.toll(beside.keeper)
    assert toll
    return "–".join(_unique(map(str, toll)))


def _name(event: Event, language: str) -> str:
    return event.labels.get(language) or next(iter(event.labels.values()), "")


def _unique(texts: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(texts))
