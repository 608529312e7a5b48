"""The slots of a saved query: what each means, which values fit, and the value of a person as an RDF term.

A kind may be narrowed after a colon: `iri:Dataset` (things of a class, `|` between several), `concept:object-hit`
(concepts of a scheme), `text:en|ar` (one of these texts).
"""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass
from datetime import datetime

from pyoxigraph import Literal, NamedNode

from kb.canonical import literal
from kb.errors import UsageError
from kb.ns import ID, SCHEME, XSD

KINDS = {
    "iri": "an IRI, or an id such as incident/syria-2015-16/INC-001",
    "concept": "a concept of a scheme, written scheme#concept, such as object-hit#hospital",
    "date": "a date such as 2016-02-27, or a timestamp with its zone",
    "number": "a whole number",
    "text": "a text",
}
_NAMES = re.compile(r"[\w-]+(\|[\w-]+)*")


@dataclass(frozen=True, slots=True)
class Parameter:
    """One slot: its kind (iri, concept, date, number, text), what it means, its default, and `of` what it must be."""

    name: str
    kind: str
    meaning: str
    default: str | None
    of: tuple[str, ...] = ()
    meaning_ar: str = ""

    @property
    def rule(self) -> str:
        """What may be given, in words."""
        names = ", ".join(self.of)
        if self.of and self.kind == "text":
            return f"one of: {names}"
        if self.of and self.kind == "concept":
            return f"a concept of the scheme {names}, such as {self.default or names + '#…'}"
        if self.of and self.kind == "iri":
            return f"the IRI or id of a thing of the class {names}, such as {self.default or 'incident/…'}"
        return KINDS[self.kind]


def read(header: str) -> Parameter:
    """The parameter that a header line `name=default kind:of meaning` declares."""
    name, given, meaning = (*header.split(maxsplit=2), "", "")[:3]
    name, _, default = name.partition("=")
    kind, colon, of = given.partition(":")
    if kind not in KINDS or (colon and (kind not in ("iri", "concept", "text") or not _NAMES.fullmatch(of))):
        why = f"{given or 'nothing'} is not a kind of parameter"
        raise UsageError(f"#+ param: {header}", why, f"Use {', '.join(KINDS)}.")
    return Parameter(name, kind, meaning, default or None, tuple(of.split("|")) if of else ())


def term(parameter: Parameter, value: str) -> NamedNode | Literal:
    """A value given by a person as the RDF term of the parameter's kind; UsageError naming parameter and rule."""
    try:
        found = _term(parameter, value)
        _belongs(parameter, value, found)
    except ValueError as error:
        raise UsageError(f"{parameter.name}={value} does not fit", str(error), f"Give {parameter.rule}.") from None
    return found


def _term(parameter: Parameter, value: str) -> NamedNode | Literal:
    if parameter.kind == "iri":
        return NamedNode(value if "://" in value else ID + value.removeprefix("id:"))
    if parameter.kind == "concept":
        return NamedNode(value if "://" in value else SCHEME + value.removeprefix("scheme:"))
    if parameter.kind == "number":
        return literal(str(int(value)), XSD.integer.value)
    if parameter.kind == "date":
        return _date(value)
    return Literal(value)


def _belongs(parameter: Parameter, value: str, found: NamedNode | Literal) -> None:
    """ValueError where the value cannot be one of those allowed; the class of an IRI is the store's to say."""
    if parameter.kind == "text" and parameter.of and value not in parameter.of:
        close = difflib.get_close_matches(value, parameter.of, 1)
        raise ValueError(f"it is none of the values allowed{f'; did you mean {close[0]}?' if close else ''}")
    if parameter.kind == "concept" and parameter.of:
        scheme = found.value.removeprefix(SCHEME).partition("#")[0]
        if scheme not in parameter.of:
            raise ValueError("it is a concept of another scheme" if "#" in found.value else "it is not a concept")


def _date(value: str) -> Literal:
    if re.fullmatch(r"\d{4}-\d\d-\d\d", value):
        value += "T00:00:00Z"
    if not re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)", value):
        raise ValueError("it is not a date")
    datetime.fromisoformat(value)  # a day or an hour that no calendar has
    return literal(value, XSD.dateTime.value)
