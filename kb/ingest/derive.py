"""Values made from one or more cells: dates, points, known places and actors."""

from __future__ import annotations

from pyoxigraph import NamedNode

from kb.canonical import literal
from kb.ingest import period
from kb.ingest.draft import Draft
from kb.ingest.known import Known
from kb.ingest.plan import Derivation
from kb.ingest.report import Unfit, quoted
from kb.ns import GEO, ID, SCHEME
from kb.record import local_name


def derive(derivation: Derivation, draft: Draft, known: Known, zone: str) -> None:
    """Add what `derivation` makes of the cells of `draft`, or the rule that they break."""
    options, name = derivation.options, derivation.name
    match derivation.kind:
        case "point":
            _point(name, options["lat"], options["lon"], draft)
        case "place":
            _place(name, options["column"], options["level"], draft, known)
        case "actor":
            _actor(name, options, draft, known)
        case _:
            first, last = (draft.texts.get(options.get(key, ""), "") for key in ("from", "until"))
            if not first:  # whether a date is needed is for the column or the shape to say
                return
            try:
                whole = derivation.kind == "period"
                span = period.between(first, last, zone) if whole else period.uncertain(first, zone)
            except Unfit as unfit:
                draft.fault(options["from"], unfit)
            else:
                _period(name, span, draft)


def _period(name: str, span: period.Period, draft: Draft) -> None:
    draft.texts[f"{name}.edtf"] = span.edtf.value
    draft.terms[f"{name}.edtf"] = [span.edtf]
    draft.terms[f"{name}.earliest"] = [span.earliest]
    draft.terms[f"{name}.latest"] = [span.latest]
    draft.terms[f"{name}.precision"] = [NamedNode(f"{SCHEME}date-precision#{span.precision}")]


def _point(name: str, latitude: str, longitude: str, draft: Draft) -> None:
    if draft.texts.get(latitude) and draft.texts.get(longitude):
        text = f"POINT({draft.terms[longitude][0].value} {draft.terms[latitude][0].value})"
        draft.texts[name] = text
        draft.terms[name] = [literal(text, GEO.wktLiteral.value)]


def _place(name: str, column: str, level: int, draft: Draft, known: Known) -> None:
    text, kind = draft.texts.get(column, ""), f"place/{level}"
    if not text:
        draft.note(column, "not-placed", "no administrative area is given; only the coordinates place it")
        return
    found = known.find(kind, text)
    if found is None:
        message = f"{quoted(text)} is not in the gazetteer; the name is kept as reported"
        draft.note(column, "not-placed", message, known.suggestion(kind, text))
    else:
        draft.terms[name] = [NamedNode(found)]


def _actor(name: str, options: dict[str, str], draft: Draft, known: Known) -> None:
    """A known actor by id or name; else a new one of this dataset, marked by the text `<name>.new`."""
    column = options["column"]
    text = draft.texts.get(column) or draft.texts.get(options.get("otherwise", ""))
    if not text:
        return
    draft.texts[f"{name}.name"] = text
    draft.terms[f"{name}.name"] = [literal(text)]
    found = known.find("actor", text)
    if found is None:
        draft.texts[f"{name}.new"] = "yes"
        found = ID + draft.fill(options["record"], local_name)
        message = f"{quoted(text)} is not a known actor; it is kept as an actor of this dataset"
        draft.note(column, "new-actor", message, known.suggestion("actor", text))
    draft.terms[name] = [NamedNode(found)]
