"""One synthetic event: where, when and what, before any source tells of it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from pyoxigraph import Literal

from kb import document, paths
from kb.generate.chance import Draws, Numbers, Weighted
from kb.ns import ID, SKOS
from kb.record import subject

COLUMNS = Path(__file__).with_name("columns.json")
MARK = {"en": "synthetic", "ar": "اصطناعي"}
_LOCALITIES = 400  # invented localities in each governorate
_FIRST, _DAYS = date(2015, 9, 30), 307  # to 1 August 2016
_OBJECTS = (("", 60), ("hospital", 6), ("school", 6), ("market", 8), ("residential-building", 14), ("mosque", 6))
_REPORTERS = (
    (("ucdp-ged",), 46), (("airwars",), 18), (("incidents",), 18), (("ucdp-ged", "airwars"), 6),
    (("ucdp-ged", "incidents"), 5), (("airwars", "incidents"), 4), (("ucdp-ged", "airwars", "incidents"), 3),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Event:
    """What happened, in the world of the generator. Coordinates are in hundred-thousandths of a degree."""

    number: int
    reporters: tuple[str, ...]
    day: date
    governorate: str
    locality: int
    latitude: int
    longitude: int
    killed: int
    civilians: int
    injured: int
    object: str
    names: dict[str, str]

    def place(self, language: str) -> str:
        """The name of the place, which says that it is none."""
        if language == "ar":
            return f"الموضع {self.locality}، {self.names['ar']} ({MARK['ar']})"
        return f"Locality {self.locality}, {self.names['en']} ({MARK['en']})"


class World:
    """Draws events with the places, dates and numbers that the measured columns have."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.measured: dict[str, Any] = json.loads(COLUMNS.read_text(encoding="utf-8"))
        ucdp, airwars = self.measured["ucdp-ged"], self.measured["airwars"]
        self._names = _gazetteer()
        areas = airwars["areas"] | ucdp["areas"]
        found = {code: (n, areas[code]) for code, n in ucdp["governorates"].items() if code in areas}
        self._places = Weighted([((code, box), n) for code, (n, box) in found.items()])
        months = {month: n for m in (airwars["months"], ucdp["months"]) for month, n in m.items()}
        days = [_FIRST + timedelta(n) for n in range(_DAYS)]
        self._days = Weighted([(day, months[day.isoformat()[:7]]) for day in days if day.isoformat()[:7] in months])
        self._civilians = Numbers(ucdp["numbers"]["deaths_civilians"])
        self._others = Numbers(ucdp["numbers"]["deaths_b"])
        self._injured = Numbers(airwars["numbers"]["civ_injured_min"])
        self._objects, self._reporters = Weighted(_OBJECTS), Weighted(_REPORTERS)

    def event(self, number: int) -> Event:
        """The event with this number: the same for the same seed, whatever was drawn before."""
        draws = Draws(self.seed, f"event/{number}")
        code, box = self._places.draw(draws)
        locality = 1 + draws.below(_LOCALITIES)
        spot = Draws(0, f"locality/{code}/{locality}")  # a place lies where it lies, whatever the seed
        south, north, west, east = (1000 * edge for edge in box)
        civilians = self._civilians.draw(draws)
        return Event(
            number=number, reporters=self._reporters.draw(draws), day=self._days.draw(draws), governorate=code,
            locality=locality, latitude=spot.between(south, north + 4000), longitude=spot.between(west, east + 4000),
            killed=max(1, civilians + self._others.draw(draws)), civilians=civilians,
            injured=self._injured.draw(draws), object=self._objects.draw(draws), names=self._names[code],
        )  # fmt: skip


def degrees(value: int) -> str:
    """A coordinate as a table writes it."""
    sign = "-" if value < 0 else ""
    return f"{sign}{abs(value) // 100_000}.{abs(value) % 100_000:05d}"


def _gazetteer() -> dict[str, dict[str, str]]:
    """The preferred names of the project's own gazetteer, by code and language."""
    names: dict[str, dict[str, str]] = {}
    for triple in document.read(paths.shipped("ontology") / "reference" / "places.ttl"):
        if triple.predicate == SKOS.prefLabel and isinstance(triple.object, Literal) and triple.object.language:
            code = subject(triple).removeprefix(f"{ID}place/")
            names.setdefault(code, {})[triple.object.language] = triple.object.value
    return names
