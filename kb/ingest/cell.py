"""What a cell may hold: each kind of column turns text into an RDF term or says which rule the text breaks."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from pyoxigraph import Literal, NamedNode

from kb import vocabulary
from kb.canonical import literal
from kb.ns import SCHEME, XSD


class Unfit(Exception):
    """A cell breaks a rule: `rule` names it, `hint` is the next step."""

    def __init__(self, rule: str, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.rule, self.message, self.hint = rule, message, hint


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a mapping: its kind and the options of that kind."""

    name: str
    kind: str = "text"
    required: bool = False
    present: bool = True
    empty: str = ""
    options: dict[str, Any] = field(default_factory=dict)

    def term(self, text: str) -> NamedNode | Literal:
        """The RDF term of a non-empty cell; raises Unfit."""
        return KINDS[self.kind](text, self.options)


def _text(text: str, options: dict[str, Any]) -> Literal:
    pattern = options.get("pattern")
    if pattern and not re.fullmatch(pattern, text):
        raise Unfit("pattern", f"{text!r} does not have the form {pattern}")
    return Literal(text)


def _integer(text: str, options: dict[str, Any]) -> Literal:
    try:
        number = int(text)
    except ValueError:
        raise Unfit("whole-number", f"{text!r} is not a whole number", "Write digits only.") from None
    _range(number, options)
    return literal(str(number), XSD.integer.value)


def _count(text: str, options: dict[str, Any]) -> Literal:
    return _integer(text, {"min": 0, **options})


def _decimal(text: str, options: dict[str, Any]) -> Literal:
    if not re.fullmatch(r"[+-]?\d+(\.\d+)?", text):
        raise Unfit("number", f"{text!r} is not a number", "Use a point for decimals, such as 36.2.")
    _range(float(text), options)
    return literal(text, XSD.decimal.value)


def _range(number: float, options: dict[str, Any]) -> None:
    low, high = options.get("min"), options.get("max")
    if (low is not None and number < low) or (high is not None and number > high):
        bounds = f"from {low} to {high}" if high is not None else f"of at least {low}"
        raise Unfit("range", f"{number:g} is out of range, a value {bounds} was expected")


def _date(text: str, options: dict[str, Any]) -> Literal:
    try:
        return literal(date.fromisoformat(text).isoformat(), XSD.date.value)
    except ValueError as error:
        raise Unfit("date", f"{text!r} is not a date ({error})", "Write it as YYYY-MM-DD.") from None


def _url(text: str, options: dict[str, Any]) -> NamedNode:
    if not re.match(r"https?://[^\s/]+", text):
        raise Unfit("web-address", f"{text[:80]!r} is not a web address", "Start it with https://.")
    try:
        return NamedNode(text)
    except ValueError as error:
        raise Unfit("web-address", f"{text[:80]!r} is not a web address ({error})") from None


def _code(text: str, options: dict[str, Any]) -> NamedNode:
    table: dict[str, str] = options.get("table", {})
    if text in table:
        return NamedNode(SCHEME + table[text])
    scheme = str(options["scheme"])
    known = vocabulary.codes(scheme)
    found = known.get(text.lower())
    if found is None:
        names = sorted(k for k, node in known.items() if node.value.endswith(f"#{k}"))
        close = difflib.get_close_matches(text.lower(), [*known, *table], 1)
        hint = f"Did you mean {close[0]}?" if close else f"Known codes: {', '.join(names[:12])} …"
        raise Unfit("known-code", f"{text!r} is not a code of the scheme {scheme}", hint)
    return found


KINDS: dict[str, Callable[[str, dict[str, Any]], NamedNode | Literal]] = {
    "text": _text, "integer": _integer, "count": _count, "decimal": _decimal,
    "date": _date, "edtf": lambda text, options: Literal(text), "url": _url, "code": _code,
}  # fmt: skip
