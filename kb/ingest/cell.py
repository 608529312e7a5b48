"""What a cell may hold: each kind of column turns text into an RDF term or says which rule the text breaks."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

from pyoxigraph import Literal, NamedNode

from kb import vocabulary
from kb.canonical import literal
from kb.ingest import period
from kb.ingest.report import Unfit, quoted
from kb.ns import SCHEME, XSD

_DIGITS = str.maketrans({chr(zero + n): str(n) for zero in (0x660, 0x6F0) for n in range(10)})
_DATES = frozenset({"date", "edtf"})
NUMERIC = frozenset({"integer", "count", "decimal"})
# C0 without tab and line ends, DEL, C1: no keyboard writes them; they come from damaged or disguised files
_STRANGE = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff]")  # either of the two below
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")
_NOT_UTF8 = re.compile(r"[\ud800-\udfff]")  # how bytes that do not decode are kept
_TRANSLATED = NUMERIC | _DATES
_ISO_DAY = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_NUMBER = re.compile(r"[+-]?[0-9]{1,15}(\.[0-9]{1,17})?")
_SHORT, _REMEMBERED = 80, 8192  # characters of a cell that is remembered, and how many a column remembers
_SHEET_ERRORS = frozenset({"#N/A", "#REF!", "#VALUE!", "#DIV/0!", "#NAME?", "#NUM!", "#NULL!"})


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a mapping: its kind and the options of that kind."""

    name: str
    kind: str = "text"
    required: bool = False
    present: bool = True
    empty: str = ""
    options: dict[str, Any] = field(default_factory=dict)
    _met: dict[str, tuple[str, list[NamedNode | Literal]]] = field(default_factory=dict, compare=False, repr=False)

    def read(self, cell: str) -> tuple[str, list[NamedNode | Literal]]:
        """Text and terms of a cell; raises Unfit. What short cells mean is remembered, since they repeat."""
        found = self._met.get(cell)
        if found is not None:
            return found
        text = self.text(cell) or self.empty
        if not text and self.required:
            raise Unfit("required", "the cell is empty", "Fill it in.")
        found = text, self.terms(text) if text else []
        if len(cell) <= _SHORT:
            if len(self._met) >= _REMEMBERED:
                self._met.clear()
            self._met[cell] = found
        return found

    def text(self, cell: str) -> str:
        """A cell as it is understood: trimmed, digits of dates and numbers in ASCII; raises Unfit."""
        text = cell.strip()
        strange = _STRANGE.search(text)
        if strange and _NOT_UTF8.search(text):
            raise Unfit("encoding", "the text is not UTF-8", "Save the file as CSV UTF-8 and write this text anew.")
        if strange and _CONTROL.search(text):
            raise Unfit("characters", f"{quoted(text)} has control characters", "Type the text anew.")
        if text in _SHEET_ERRORS:
            raise Unfit("spreadsheet-error", f"the spreadsheet shows the error {text}", "Correct its formula.")
        if self.kind not in _TRANSLATED:
            return text
        return _converted(text.translate(_DIGITS), self.options)

    def terms(self, text: str) -> list[NamedNode | Literal]:
        """The RDF terms of a cell that is not empty, several if the column is split; raises Unfit."""
        separator = self.options.get("split")
        parts = [part.strip() for part in text.split(separator)] if separator else [text]
        return [KINDS[self.kind](part, self.options) for part in parts if part]


def _converted(text: str, options: dict[str, Any]) -> str:
    """A date in the form of the source as YYYY-MM-DD, a number in its unit times what makes it ours.

    What does not fit is left as it is: whether it is a date or a number at all is for its kind to say. A workbook's
    dates come as YYYY-MM-DD whatever they look like in it.
    """
    form, factor = options.get("format"), options.get("times")
    if form and text and not _ISO_DAY.fullmatch(text):
        try:
            return datetime.strptime(text, form).date().isoformat()
        except ValueError:
            raise Unfit("date", f"{quoted(text)} does not have the form {form}", "Write it in this form.") from None
    if factor is not None and _NUMBER.fullmatch(text):
        return format((Decimal(text) * Decimal(str(factor))).normalize(), "f")
    return text


def _text(text: str, options: dict[str, Any]) -> Literal:
    pattern = options.get("pattern")
    if pattern and not re.fullmatch(pattern, text):
        raise Unfit("pattern", f"{quoted(text)} does not have the form {pattern}", "Write it in this form.")
    if text in options.get("reserved", ()):
        raise Unfit("reserved", f"{quoted(text)} is a name of this software's own", "Choose a name of your own.")
    return Literal(text)


def _integer(text: str, options: dict[str, Any]) -> Literal:
    if not re.fullmatch(r"[+-]?[0-9]{1,15}", text):
        raise Unfit("whole-number", f"{quoted(text)} is not a whole number", "Write digits only.")
    _range(text, options)
    return literal(str(int(text)), XSD.integer.value)


def _count(text: str, options: dict[str, Any]) -> Literal:
    return _integer(text, {"min": 0, **options})


def _decimal(text: str, options: dict[str, Any]) -> Literal:
    if not _NUMBER.fullmatch(text):
        raise Unfit("number", f"{quoted(text)} is not a number", "Use digits and a point for decimals, such as 36.2.")
    _range(text, options)
    return literal(text, XSD.decimal.value)


def _range(text: str, options: dict[str, Any]) -> None:
    low, high = options.get("min"), options.get("max")
    if low is not None and float(text) < low:
        limit = f"the least is {low}"
    elif high is not None and float(text) > high:
        limit = f"the most is {high}"
    else:
        return
    raise Unfit("range", f"{text} is out of range, {limit}", "Correct the number, or leave the cell empty.")


def _date(text: str, options: dict[str, Any]) -> Literal:
    return literal(period.day(text).isoformat(), XSD.date.value)


def _edtf(text: str, options: dict[str, Any]) -> Literal:
    return period.uncertain(text, "UTC").edtf


def _url(text: str, options: dict[str, Any]) -> NamedNode:
    if re.match(r"https?://[^\s/]+", text):
        try:
            return NamedNode(text)
        except ValueError:
            pass
    hint = "Copy the whole address, starting with https:// and without spaces."
    raise Unfit("web-address", f"{quoted(text)} is not a web address", hint)


def _code(text: str, options: dict[str, Any]) -> NamedNode:
    table: dict[str, str] = options.get("table", {})
    if text in table:
        return NamedNode(SCHEME + table[text])
    scheme = str(options["scheme"])
    known = vocabulary.codes(scheme)
    found = known.get(text.lower())
    if found is None:
        raise Unfit("known-code", f"{quoted(text)} is not a code of the scheme {scheme}", _near(text, known, table))
    return found


def _near(text: str, known: dict[str, NamedNode], table: dict[str, str]) -> str:
    """What to write instead: the code nearest to what was written, else all of them."""
    close = difflib.get_close_matches(text[:100].lower(), [*known, *table], 1)
    if close:
        node = known.get(close[0])
        return f"Did you mean {node.value.partition('#')[2] if node else close[0]}?"
    return f"Known codes: {', '.join(sorted({node.value.partition('#')[2] for node in known.values()}))}."


KINDS: dict[str, Callable[[str, dict[str, Any]], NamedNode | Literal]] = {
    "text": _text, "integer": _integer, "count": _count, "decimal": _decimal,
    "date": _date, "edtf": _edtf, "url": _url, "code": _code,
}  # fmt: skip
