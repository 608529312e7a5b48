"""Saved queries: one question per `.rq` file, with a header that people and machines read.

The header lines are `#+ title`, `#+ description`, `#+ tags`, and one `#+ param: name kind description` for each slot;
a slot stands in the text as `VALUES ?name { UNDEF }` and receives RDF terms, never text.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from pyoxigraph import Literal, NamedNode

from kb import paths
from kb.canonical import literal
from kb.errors import BadFile, NotFound, UsageError
from kb.ns import ID, SCHEME, XSD

_SLOT = re.compile(r"VALUES\s*\?(\w+)\s*\{\s*UNDEF\s*\}")
_HEADER = re.compile(r"^#\+ (\w+): ?(.*)$")
_KINDS = {
    "iri": "an IRI, or an id such as incident/syria-2015-16/INC-001",
    "concept": "a concept of a scheme, written scheme#concept, such as object-hit#hospital",
    "date": "a date such as 2016-02-27, or a timestamp with its zone",
    "number": "a whole number",
    "text": "a text",
}


@dataclass(frozen=True, slots=True)
class Parameter:
    """One slot of a query: its kind (iri, concept, date, number, text), what it means, and its default if any."""

    name: str
    kind: str
    meaning: str
    default: str | None


@dataclass(frozen=True, slots=True)
class SavedQuery:
    """A question with its text and slots."""

    name: str
    title: str
    description: str
    tags: tuple[str, ...]
    text: str
    title_ar: str = ""
    description_ar: str = ""
    parameters: dict[str, Parameter] = field(default_factory=dict)

    def named(self, values: dict[str, str]) -> dict[str, str]:
        """The IRIs that these values mean, by parameter name; parameters of other kinds are left out."""
        kinds = {n: p for n, p in self.parameters.items() if p.kind in ("iri", "concept")}
        return {n: term(kinds[n], value).value for n, value in values.items() if n in kinds}

    def bind(self, values: dict[str, str]) -> str:
        """The query text with `values` in its slots as RDF terms; slots with neither value nor default stay open."""
        for name in values:
            if name not in self.parameters:
                close = difflib.get_close_matches(name, self.parameters, 1)
                known = ", ".join(self.parameters) or "none"
                hint = f"Did you mean {close[0]}?" if close else f"Its parameters: {known}."
                raise UsageError(f"The query {self.name} has no parameter {name}", "", hint)
        slots: dict[str, list[NamedNode | Literal]] = {}
        for parameter in self.parameters.values():
            value = values.get(parameter.name, parameter.default)
            if value is not None:
                slots[parameter.name] = [term(parameter, value)]
        try:
            return fill(self.text, slots)
        except KeyError as error:
            name = error.args[0]
            raise UsageError(
                f"The query {self.name} has no slot for its parameter {name}", "",
                f"Write it in the query: VALUES ?{name} {{ UNDEF }}",
            ) from None  # fmt: skip


def fill(text: str, slots: Mapping[str, Sequence[NamedNode | Literal]]) -> str:
    """`text` with terms in its slots `VALUES ?slot { UNDEF }`; KeyError with the name when there is no such slot.

    All slots are filled in one pass: a text given for one may look like another.
    """
    found = set()

    def written(slot: re.Match[str]) -> str:
        name = slot[1]
        if name not in slots:
            return slot[0]
        found.add(name)
        return f"VALUES ?{name} {{ {' '.join(str(t) for t in slots[name])} }}"

    filled = _SLOT.sub(written, text)
    for name in slots:
        if name not in found:
            raise KeyError(name)
    return filled


def term(parameter: Parameter, value: str) -> NamedNode | Literal:
    """A value given by a person as the RDF term of the parameter's kind."""
    try:
        if parameter.kind == "iri":
            return NamedNode(value if "://" in value else ID + value.removeprefix("id:"))
        if parameter.kind == "concept":
            return NamedNode(value if "://" in value else SCHEME + value.removeprefix("scheme:"))
        if parameter.kind == "number":
            return literal(str(int(value)), XSD.integer.value)
        if parameter.kind == "date":
            return _date(value)
        return Literal(value)
    except ValueError as error:
        raise UsageError(
            f"{parameter.name}={value} does not fit", str(error), f"Give {_KINDS[parameter.kind]}."
        ) from None


def _date(value: str) -> Literal:
    if re.fullmatch(r"\d{4}-\d\d-\d\d", value):
        value += "T00:00:00Z"
    if not re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)", value):
        raise ValueError("it is not a date")
    return literal(value, XSD.dateTime.value)


def parse(name: str, text: str) -> SavedQuery:
    """Read the header of a query text; a text without a header is a query without a title."""
    headers: dict[str, str] = {}
    parameters: dict[str, Parameter] = {}
    for line in text.splitlines():
        found = _HEADER.match(line)
        if not found:
            continue
        key, value = found[1], found[2].strip()
        if key == "param":
            parameter = _parameter(value)
            parameters[parameter.name] = parameter
        else:
            headers[key] = f"{headers[key]} {value}" if key in headers else value
    tags = tuple(t.strip() for t in headers.get("tags", "").split(",") if t.strip())
    return SavedQuery(
        name, headers.get("title", name), headers.get("description", ""), tags, text,
        headers.get("title_ar", ""), headers.get("description_ar", ""), parameters,
    )  # fmt: skip


def _parameter(value: str) -> Parameter:
    name, kind, meaning = (*value.split(maxsplit=2), "", "")[:3]
    name, _, default = name.partition("=")
    if kind not in _KINDS:
        why = f"{kind or 'nothing'} is not a kind of parameter"
        raise UsageError(f"#+ param: {value}", why, f"Use {', '.join(_KINDS)}.")
    return Parameter(name, kind, meaning, default or None)


def load(folder: str, name: str) -> SavedQuery:
    """The shipped query `name` of `folder` (report, browse, check); NotFound with the closest names."""
    path = paths.shipped("queries") / folder / f"{name}.rq"
    if not re.fullmatch(r"[a-z0-9_-]+", name) or not path.is_file():
        known = names(folder)
        close = difflib.get_close_matches(name, known, 3, 0.4)
        hint = f"Did you mean {' or '.join(close)}?" if close else f"There are: {', '.join(known)}."
        raise NotFound(f"There is no query named {name}", "", hint)
    return read(path)


def read(path: Path) -> SavedQuery:
    """The query in a file."""
    try:
        return parse(path.stem, path.read_text(encoding="utf-8"))
    except UnicodeDecodeError as error:
        raise BadFile(f"{path} is not UTF-8", str(error), "Save it as UTF-8.") from None


def names(folder: str) -> list[str]:
    """The shipped queries of a folder, sorted."""
    return sorted(p.stem for p in (paths.shipped("queries") / folder).glob("*.rq"))
