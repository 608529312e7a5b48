"""Seeded errors of named kinds: what each spoils in a row, and what an import must say of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from kb.generate.report import Cells, page

U, A, I = "ucdp-ged", "airwars", "incidents"  # noqa: E741
_KEY = {U: "id", A: "code", I: "id"}
_DATE = {U: "date_start", A: "date", I: "date"}
_PLACE = {U: "where_coordinates", A: "location_en", I: "place_en"}
_LAT, _LON = {U: "latitude", A: "lat", I: "lat"}, {U: "longitude", A: "lon", I: "lon"}
_NUMBER = {U: "deaths_civilians", A: "civ_injured_max", I: "injured_max"}
_CODE = {U: "type_of_violence", A: "evidence_grade", I: "method"}
_AREA = {U: "adm_1", A: "governorate", I: "governorate"}
_TEXT = {U: "source_original", A: "location_ar", I: "title_ar"}
_NORTH, _EAST = 3_800_000, 3_800_000  # hundred-thousandths: beyond, an exchange leaves the country's box
# bytes of Arabic text in Windows-1256, as they stand in a text that is written with surrogateescape
_LEGACY = "".join(chr(0xDC00 + byte) for byte in "اصطناعي".encode("cp1256"))


@dataclass(frozen=True, slots=True)
class Finding:
    """What an import says of a row: column and rule; a note does not keep the row out."""

    column: str
    rule: str
    note: bool = False


@dataclass(slots=True)
class Spoiling:
    """A row about to be spoilt: the layout of its table, and what the rows before it have taken."""

    source: str
    cells: Cells
    columns: tuple[str, ...]
    last_id: str = ""
    sides: set[str] = field(default_factory=set)
    raw: list[str] | None = None

    def at(self, column: str, text: str, rule: str) -> list[Finding]:
        """Put `text` into a column, which breaks `rule`."""
        self.cells[column] = text
        return [Finding(column, rule)]


Spoil = Callable[[Spoiling], list[Finding]]


@dataclass(frozen=True, slots=True)
class Fault:
    """A kind of error: its name, what it is, the layouts that can have it, and how it is made.

    `spoil` returns what must be found; an empty list when this row cannot be spoilt in this way.
    """

    kind: str
    says: str
    sources: tuple[str, ...]
    spoil: Spoil


def _cell(columns: dict[str, str], text: str, rule: str) -> Spoil:
    return lambda row: row.at(columns[row.source], text, rule)


def _fixed(column: str, text: str, rule: str) -> Spoil:
    return lambda row: row.at(column, text, rule)


def _doubled(row: Spoiling) -> list[Finding]:
    if row.source == A and row.last_id:
        row.cells["url"] = page(row.last_id)  # else the page of that id would be described in two ways, too
    return row.at(_KEY[row.source], row.last_id, "unique") if row.last_id else []


def _date_order(row: Spoiling) -> list[Finding]:
    if row.source == I:
        return row.at("date", "2016-04-27/2016-04-26", "date-order")
    first, last = ("date_start", "date_end") if row.source == U else ("date", "date_end")
    row.cells |= {first: "2016-04-27", last: "2016-04-26"}
    return [Finding(first, "date-order")]


def _above(row: Spoiling) -> list[Finding]:
    stem = "civ_injured" if row.source == A else "injured"
    row.cells |= {f"{stem}_min": "9", f"{stem}_max": "8"}
    return [Finding(f"{stem}_min", "order")]


def _above_by_shape(row: Spoiling) -> list[Finding]:
    row.cells |= {"men_killed_min": "9", "men_killed_max": "8"}
    return [Finding("men_killed_min", "claim:CasualtyEstimate-rangeOrder")]


def _part_above(row: Spoiling) -> list[Finding]:
    row.cells |= {"killed_min": "1", "killed_max": "2", "children_min": "1", "children_max": "9"}
    return [Finding("children_max", "order")]


def _exchanged(row: Spoiling) -> list[Finding]:
    """Only where it can be seen: the longitude is no latitude of the country, the latitude is no longitude of it."""
    latitude, longitude = _LAT[row.source], _LON[row.source]
    if row.source == I:
        return []
    row.cells[latitude], row.cells[longitude] = row.cells[longitude], row.cells[latitude]
    found = []
    if _scaled(row.cells[latitude]) > _NORTH:
        found.append(Finding(latitude, "range"))
    if _scaled(row.cells[longitude]) < 3_500_000:
        found.append(Finding(longitude, "range"))
    if not found:
        row.cells[latitude], row.cells[longitude] = row.cells[longitude], row.cells[latitude]
    return found


def _scaled(text: str) -> int:
    whole, _, part = text.partition(".")
    return int(whole) * 100_000 + int(f"{part:0<5}"[:5])


def _alone(row: Spoiling) -> list[Finding]:
    return row.at(_LON[row.source], "", "together")


def _contradiction(row: Spoiling) -> list[Finding]:
    if row.source == I:
        return row.at("licence", "none stated", "agreement") if row.last_id else []
    if row.cells["side_a_new_id"] not in row.sides:
        return []
    return row.at("side_a", f"{row.cells['side_a']} otherwise named", "agreement")


def _short(row: Spoiling) -> list[Finding]:
    row.raw = [row.cells.get(c, "") for c in row.columns][:4]
    return [Finding("", "columns")]


def _long(row: Spoiling) -> list[Finding]:
    row.raw = [*(row.cells.get(c, "") for c in row.columns), "of which", "children"]
    return [Finding("", "columns")]


def _nobody(row: Spoiling) -> list[Finding]:
    row.cells |= {"attributed_to": "", "confidence": "suspected", "response_by": "", "response": "",
                  "response_text": ""}  # fmt: skip
    return [Finding("attributed_to", "needs")]


def _strange_actor(row: Spoiling) -> list[Finding]:
    row.cells["claimant"] = "Synthetic body that is not known"
    return [Finding("claimant", "new-actor", note=True)]


def _strange_area(row: Spoiling) -> list[Finding]:
    row.cells[_AREA[row.source]] = f"Synthetic area of {row.cells[_KEY[row.source]]}"
    return [Finding(_AREA[row.source], "not-placed", note=True)]


def _disordered(row: Spoiling) -> list[Finding]:
    row.cells |= {"low": "7", "best": "6", "high": "8"}
    return [Finding("low", "disordered", note=True)]


def _not_paired(row: Spoiling) -> list[Finding]:
    row.cells |= {"source_office": "Synthetic Observer 1;Synthetic Observer 2", "source_date": "2016-04-27",
                  "source_headline": f"Synthetic headline of {row.cells['id']}"}  # fmt: skip
    return [Finding("source_office", "not-paired", note=True)]


FAULTS = (
    Fault("missing-id", "the row has no id", (U, A, I), _cell(_KEY, "", "required")),
    Fault("doubled-id", "the id of an earlier row again", (U, A, I), _doubled),
    Fault("malformed-id", "an id in another form", (U, A), _cell(_KEY, "no-7", "pattern")),
    Fault("id-too-long", "an id that no address can hold", (A, I), _cell(_KEY, "SY1" + "0" * 240, "address")),
    Fault("reserved-dataset", "the name of a shipped dataset", (I,), _fixed("dataset", "airwars", "reserved")),
    Fault("missing-place", "no name of the place", (U, A, I), _cell(_PLACE, "", "required")),
    Fault("missing-claimant", "nobody says so", (I,), _fixed("claimant", "  ", "required")),
    Fault("missing-date", "no date", (U, A, I), _cell(_DATE, "", "required")),
    Fault("wrong-date", "a day that is not in the calendar", (U, A, I), _cell(_DATE, "2016-02-30", "date")),
    Fault("date-in-words", "a date that is a sentence", (U, A, I), _cell(_DATE, "late April", "date")),
    Fault("wrong-century", "a date a thousand years too early", (U, A, I), _cell(_DATE, "1016-04-27", "date")),
    Fault("date-order", "the end before the start", (U, A, I), _date_order),
    Fault("unknown-code", "a code that no scheme has", (U, A, I), _cell(_CODE, "zzzz", "known-code")),
    Fault("number-in-words", "a number in words", (U, A, I), _cell(_NUMBER, "dozens", "whole-number")),
    Fault("negative-number", "fewer than nobody", (U, A, I), _cell(_NUMBER, "-3", "range")),
    Fault("minimum-above-maximum", "the lowest number above the highest", (A, I), _above),
    Fault("minimum-above-maximum-by-shape", "the same, found by a shape", (A,), _above_by_shape),
    Fault("part-above-whole", "more children than people", (I,), _part_above),
    Fault("latitude-out-of-range", "a latitude beyond the pole", (U, A), _cell(_LAT, "91.5", "range")),
    Fault("longitude-out-of-range", "a longitude beyond 180", (U, A, I), _cell(_LON, "181.5", "range")),
    Fault("swapped-coordinates", "latitude and longitude exchanged, where it shows", (U, A), _exchanged),
    Fault("decimal-comma", "a coordinate with a comma", (U, A, I), _cell(_LAT, "36,17594", "number")),
    Fault("coordinate-alone", "a latitude without longitude", (U, A, I), _alone),
    Fault("unknown-provision", "law that is not there", (I,), _fixed("provisions", "no-law/1", "known-provision")),
    Fault("confidence-of-nobody", "a confidence, but nobody is named", (I,), _nobody),
    Fault("bad-web-address", "a web address that is a program", (I,),
          _fixed("source_url", "javascript:alert(1)", "web-address")),
    Fault("wrong-encoding", "Arabic text in Windows-1256", (U, A, I), _cell(_TEXT, _LEGACY, "encoding")),
    Fault("control-character", "text with control characters", (U, A, I), _cell(_PLACE, "a\x1b[31mb", "characters")),
    Fault("spreadsheet-error", "the error of a formula", (U, A, I), _cell(_PLACE, "#REF!", "spreadsheet-error")),
    Fault("row-too-short", "the row ends early", (U, A, I), _short),
    Fault("row-too-long", "cells beyond the last column", (U, A, I), _long),
    Fault("contradiction", "a shared thing described in another way", (U, I), _contradiction),
    Fault("unknown-claimant", "a claimant who is not known: a note", (I,), _strange_actor),
    Fault("unknown-area", "a governorate that is not in the gazetteer: a note", (U, A, I), _strange_area),
    Fault("disordered-numbers", "low, best and high not in order: a note", (U,), _disordered),
    Fault("unpaired-lists", "lists of different lengths: a note", (U,), _not_paired),
)  # fmt: skip
KINDS = {fault.kind: fault for fault in FAULTS}


def gaps(source: str, cells: Cells) -> Iterable[Finding]:
    """What an import notes of a row that is right but has a gap of the real kind."""
    if not cells.get(_AREA[source]):
        yield Finding(_AREA[source], "not-placed", note=True)
