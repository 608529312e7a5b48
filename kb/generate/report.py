"""What a source tells of a synthetic event, as one row of its table: with its own gaps, precision and numbers."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from kb.generate.chance import Draws, Numbers, Weighted
from kb.generate.event import MARK, Event, World, degrees

Cells = dict[str, str]
PREFIX = "synthetic-"
MONITORS, FORCES = 6, 3
MINISTRY, PUBLISHER = f"{PREFIX}ministry", f"{PREFIX}publisher"
FAR = "https://synthetic.invalid"  # a domain that can never exist (RFC 2606)
_SIDES_A, _SIDES_B = 12, 8
_VAGUE = 4  # of where_prec: from here on the coordinates are those of a whole area
_SPAN = {"1": 0, "2": 3, "3": 6, "4": 27, "5": 120}  # days of the codes of date_prec
_LEVELS = ("suspected", "likely")


class Reporter(ABC):
    """A source that tells of events in the layout of one mapping: its name, and the columns of its table."""

    name = ""
    key = ""

    def __init__(self, world: World, columns: Sequence[str]) -> None:
        self.world, self.columns = world, tuple(columns)
        self.measured: dict[str, Any] = world.measured.get(self.name, {})

    def draws(self, event: Event) -> Draws:
        """The chance of this row, which no other row shares."""
        return Draws(self.world.seed, f"{self.name}/{event.number}")

    @abstractmethod
    def id(self, event: Event) -> str:
        """The source's own id of its record of an event."""

    @abstractmethod
    def cells(self, event: Event) -> Cells:
        """The filled cells of the row that tells of an event."""

    def codes(self, column: str) -> Weighted[str]:
        """The codes of a column as often as the real one has them."""
        return Weighted(self.measured["codes"][column].items())

    def numbers(self, column: str) -> Numbers:
        """The numbers of a column as the real one has them."""
        return Numbers(self.measured["numbers"][column])

    def spread(self, columns: str) -> Numbers:
        """How far two columns of the real table lie apart."""
        return Numbers(self.measured["spreads"][columns])


def page(code: str) -> str:
    """The web address of a synthetic Airwars record: a place where nothing is."""
    return f"{FAR}/{code.lower()}"


def _near(value: int, reach: int, draws: Draws) -> int:
    return value + draws.between(-reach, reach)


class Ucdp(Reporter):
    """Rows in the layout of `ucdp-ged`."""

    name, key = "ucdp-ged", "id"

    def __init__(self, world: World, columns: Sequence[str]) -> None:
        super().__init__(world, columns)
        self._types, self._sources = self.codes("type_of_violence"), self.codes("number_of_sources")
        self._where, self._when, self._clear = map(self.codes, ("where_prec", "date_prec", "event_clarity"))
        self._low, self._high = self.spread("low/best"), self.spread("best/high")

    def id(self, event: Event) -> str:
        return str(900_000_000 + event.number)

    def cells(self, event: Event) -> Cells:
        draws = self.draws(event)
        a, b = 1 + draws.below(draws.below(_SIDES_A) + 1), 1 + draws.below(draws.below(_SIDES_B) + 1)
        where, when, filled = self._where.draw(draws), self._when.draw(draws), self.measured["filled"]
        vague, reach = int(where) >= _VAGUE, 1500 if where == "2" else 200
        start = event.day - timedelta(draws.between(0, _SPAN[when]))
        best, soldiers = event.killed, event.killed - event.civilians
        unknown = draws.below(soldiers + 1) if draws.hits(165) else 0
        dead_a = draws.below(soldiers - unknown + 1)
        area = f"{event.names['en']} Governorate ({MARK['en']})"
        cited = [self._cited(event, draws) for _ in range(int(self._sources.draw(draws)))]
        return {
            "id": self.id(event), "conflict_new_id": f"99{a:02d}{b:02d}",
            "conflict_name": f"Synthetic conflict {a}-{b}", "dyad_new_id": f"98{a:02d}{b:02d}",
            "dyad_name": f"Synthetic side A{a} - Synthetic side B{b}", "type_of_violence": self._types.draw(draws),
            "side_a_new_id": f"97{a:02d}", "side_a": f"Synthetic side A{a}",
            "side_b_new_id": f"96{b:02d}", "side_b": f"Synthetic side B{b}",
            "number_of_sources": str(len(cited)),
            "source_article": ";".join(f'"{",".join(parts)}"' for parts in cited),
            **{c: ";".join(p) for c, p in zip(("source_office", "source_date", "source_headline"),
                                              zip(*cited, strict=True), strict=True)},
            "source_original": cited[0][0], "where_prec": where,
            "where_coordinates": area if vague else event.place("en"),
            "adm_1": f"{event.names['en']}" if draws.hits(filled["adm_1"]) else "",
            "adm_2": f"District of locality {event.locality} ({MARK['en']})" if draws.hits(filled["adm_2"]) else "",
            "latitude": degrees(_near(event.latitude, reach, draws)),
            "longitude": degrees(_near(event.longitude, reach, draws)),
            "event_clarity": self._clear.draw(draws), "date_prec": when, "date_start": start.isoformat(),
            "date_end": (start + timedelta(_SPAN[when])).isoformat(), "deaths_a": str(dead_a),
            "deaths_b": str(soldiers - unknown - dead_a), "deaths_civilians": str(event.civilians),
            "deaths_unknown": str(unknown), "low": str(max(0, best - self._low.draw(draws))), "best": str(best),
            "high": str(best + self._high.draw(draws)),
        }  # fmt: skip

    def _cited(self, event: Event, draws: Draws) -> tuple[str, str, str]:
        office = f"Synthetic Observer {1 + draws.below(5)}"
        day = (event.day + timedelta(draws.below(3))).isoformat()
        return office, day, f"Synthetic daily summary of {day} no. {1 + draws.below(9)}"


class Airwars(Reporter):
    """Rows in the layout of `airwars`."""

    name, key = "airwars", "code"

    def __init__(self, world: World, columns: Sequence[str]) -> None:
        super().__init__(world, columns)
        self._accuracy, self._grades = self.codes("geo_accuracy"), self.codes("evidence_grade")
        self._killed = self.spread("civ_killed_min/civ_killed_max")
        self._hurt = self.spread("civ_injured_min/civ_injured_max")

    def id(self, event: Event) -> str:
        return f"SY{event.number:08d}"

    def cells(self, event: Event) -> Cells:
        draws, filled = self.draws(event), self.measured["filled"]
        day = event.day + timedelta(draws.between(0, 1) if draws.hits(40) else 0)
        killed = (event.civilians, event.civilians + self._killed.draw(draws))
        injured = (event.injured, event.injured + self._hurt.draw(draws))
        url = page(self.id(event))
        cells = {
            "code": self.id(event), "airwars_id": f"9{event.number:08d}", "url": url, "date": day.isoformat(),
            "location_en": event.place("en"), "region": event.names["en"], "governorate": event.names["en"],
            "lat": degrees(_near(event.latitude, 800, draws)), "lon": degrees(_near(event.longitude, 800, draws)),
            "geo_accuracy": self._accuracy.draw(draws), "belligerents": "Synthetic Force 1",
            "evidence_grade": self._grades.draw(draws), "incident_status": "Researched",
        }  # fmt: skip
        texts = {
            "location_ar": event.place("ar"), "strike_type": "Airstrike",
            "cause_of_harm": "Heavy weapons and explosive munitions", "infrastructure": event.object or "Residential",
            "tags": "Synthetic tag", "local_time": f"{draws.below(24):02d}:{draws.below(60):02d}:00",
            "mod_statement": f"Synthetic statement no. {draws.below(400)}: no flights in the area on that day.",
            "belligerents_detail": self._detail(draws),
        }  # fmt: skip
        cells |= {column: text for column, text in texts.items() if draws.hits(filled[column])}
        for stem, (low, high) in (("civ_killed", killed), ("civ_injured", injured)):
            if draws.hits(filled[f"{stem}_min"]):
                cells |= {f"{stem}_min": str(low), f"{stem}_max": str(high)}
        left = killed[0]
        for stem in ("children_killed", "women_killed", "men_killed"):
            if left and draws.hits(filled[f"{stem}_min"]):
                part = 1 + draws.below(left)
                cells |= {f"{stem}_min": str(part), f"{stem}_max": str(part)}
                left -= part
        return cells

    def _detail(self, draws: Draws) -> str:
        """Rival attributions: the second force beside the first, in the share that the real column has."""
        forces = ["synthetic_force_1", "synthetic_force_2"] if draws.hits(370) else ["synthetic_force_1"]
        return "; ".join(f"{force}|{draws.one(_LEVELS)}|not_yet_assessed" for force in forces)


class Incidents(Reporter):
    """Rows in the layout of `incidents`, the project's own: claims, answers and invoked provisions included."""

    name, key = "incidents", "id"

    def __init__(self, world: World, columns: Sequence[str], provisions: Sequence[str] = ()) -> None:
        super().__init__(world, columns)
        self._provisions = provisions
        self._spread = Numbers(world.measured["airwars"]["spreads"]["civ_killed_min/civ_killed_max"])

    def id(self, event: Event) -> str:
        return f"SYN-{event.number:08d}"

    def cells(self, event: Event) -> Cells:
        draws = self.draws(event)
        day, more = event.day.isoformat(), self._spread.draw(draws)
        monitor, issue = 1 + draws.below(MONITORS), draws.below(2000)
        cells = {
            "dataset": f"{PREFIX}incidents", "id": self.id(event), "date": f"{day}~" if draws.hits(30) else day,
            "title_en": f"Synthetic incident, {event.place('en')}, {day}",
            "title_ar": f"حادثة اصطناعية، {event.place('ar')}، {day}", "place_en": event.place("en"),
            "governorate": event.governorate, "lat": degrees(_near(event.latitude, 1200, draws)),
            "lon": degrees(_near(event.longitude, 1200, draws)), "place_precision": "village", "method": "airstrike",
            "claimant": f"{PREFIX}monitor-{monitor}", "basis": "made by a program",
            "killed_min": str(event.civilians), "killed_max": str(event.civilians + more),
            "victim_category": "civilian", "source_title": f"Synthetic report {issue} of monitor {monitor}",
            "source_date": f"2016-{1 + issue % 12:02d}", "source_url": f"{FAR}/report/{monitor}/{issue}",
            "publisher": PUBLISHER, "licence": "CC0 1.0",
        }  # fmt: skip
        if event.object:
            cells["object_hit"] = event.object
        if draws.hits(900):
            cells["place_ar"] = event.place("ar")
        if draws.hits(560):
            cells |= {"injured_min": str(event.injured), "injured_max": str(event.injured + more)}
        if event.civilians and draws.hits(500):
            children = str(1 + draws.below(event.civilians))
            cells |= {"children_min": children, "children_max": children}
        if draws.hits(700):
            force = f"{PREFIX}force-{1 + draws.below(FORCES)}"
            cells |= {"attributed_to": force, "confidence": draws.one(("suspected", "probable", "unclear"))}
            if draws.hits(400):
                cells |= {"response_by": MINISTRY, "response": "denies-the-act",
                          "response_text": f"Synthetic answer no. {draws.below(400)}."}  # fmt: skip
        if self._provisions and draws.hits(150):
            cells["provisions"] = draws.one(self._provisions)
        cells["description_en"] = f"Text made by a program, no report: {cells['killed_min']} or more people."
        cells["description_ar"] = f"نص صنعه برنامج وليس تقريرًا: {cells['killed_min']} أشخاص أو أكثر."
        return cells
