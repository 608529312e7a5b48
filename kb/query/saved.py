"""Saved queries: one question per `.rq` file, with a header that people and machines read.

The header lines are `#+ title`, `#+ description`, `#+ tags`, `#+ group`, `#+ view`, and for each slot one
`#+ param: name kind description` with `#+ param_ar: name description`; a slot stands in the text as
`VALUES ?name { UNDEF }` and receives RDF terms, never text.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Protocol

from pyoxigraph import Literal, NamedNode

from kb import paths
from kb.errors import BadFile, NotFound, UsageError
from kb.ns import ID
from kb.query import parameter
from kb.query.parameter import Parameter, term

_SLOT = re.compile(r"VALUES\s*\?(\w+)\s*\{\s*UNDEF\s*\}")
_HEADER = re.compile(r"^#\+ (\w+): ?(.*)$")
GROUPS = ("law", "pattern", "evidence", "attribution", "actor", "place-time", "report", "quality")
VIEWS = {"table": 0, "map": 1, "timeline": 1, "bars": 2, "matrix": 2}  # and how many columns each needs at least


class Things(Protocol):
    """What a store says of the things that values name."""

    def knows(self, iri: str) -> bool:
        """Whether anything is said about a node."""
        ...

    def is_a(self, iri: str, classes: Iterable[str]) -> bool:
        """Whether a node is of one of these classes, or of one below."""
        ...


@dataclass(frozen=True, slots=True)
class SavedQuery:
    """A question with its text and slots, the group it is listed in, and the view that shows its answer best.

    `view` names columns of the answer after its kind: `map WKT [NUMBER]`, `timeline DATE [END]`, `bars NAME NUMBER`,
    `matrix ROW COLUMN [NUMBER]`.
    """

    name: str
    title: str
    description: str
    tags: tuple[str, ...]
    text: str
    title_ar: str = ""
    description_ar: str = ""
    parameters: dict[str, Parameter] = field(default_factory=dict)
    group: str = ""
    view: tuple[str, ...] = ("table",)

    def named(self, values: dict[str, str]) -> dict[str, str]:
        """The IRIs that these values mean, by parameter name; parameters of other kinds are left out."""
        kinds = {n: p for n, p in self.parameters.items() if p.kind in ("iri", "concept")}
        return {n: term(kinds[n], value).value for n, value in values.items() if n in kinds}

    def check(self, values: dict[str, str], store: Things, find: Callable[[str], list[str]]) -> None:
        """UsageError for a value that names nothing in a store, or a thing of another class; `find` gives near ones."""
        for name, iri in self.named(values).items():
            if not store.knows(iri):
                close = [near.removeprefix(ID) for near in find(iri.rpartition("/")[2].rpartition("#")[2])]
                hint = f"Did you mean {' or '.join(close)}?" if close else ""
                raise UsageError(f"{name}={values[name]} names nothing in this knowledge base", "", hint)
            slot = self.parameters[name]
            if slot.kind == "iri" and not store.is_a(iri, slot.of):
                what, why = f"{name}={values[name]} does not fit", "it is a thing of another class"
                raise UsageError(what, why, f"Give {slot.rule}.")

    def bind(self, values: dict[str, str]) -> str:
        """The query text with `values` in its slots as RDF terms; slots with neither value nor default stay open."""
        for name in values:
            if name not in self.parameters:
                close = difflib.get_close_matches(name, self.parameters, 1)
                known = ", ".join(self.parameters) or "none"
                hint = f"Did you mean {close[0]}? " if close else ""
                hint += f"Its parameters: {known}."
                raise UsageError(f"The query {self.name} has no parameter {name}", "", hint)
        slots: dict[str, list[NamedNode | Literal]] = {}
        for slot in self.parameters.values():
            value = values.get(slot.name, slot.default)
            if value is not None:
                slots[slot.name] = [term(slot, value)]
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


def parse(name: str, text: str) -> SavedQuery:
    """Read the header of a query text; a text without a header is a query without a title."""
    headers: dict[str, str] = {}
    parameters: dict[str, Parameter] = {}
    arabic: dict[str, str] = {}
    for line in text.splitlines():
        found = _HEADER.match(line)
        if not found:
            continue
        key, value = found[1], found[2].strip()
        if key == "param":
            read_one = parameter.read(value)
            parameters[read_one.name] = read_one
        elif key == "param_ar":
            arabic.update([(*value.split(maxsplit=1), "")[:2]])
        else:
            headers[key] = f"{headers[key]} {value}" if key in headers else value
    tags = tuple(t.strip() for t in headers.get("tags", "").split(",") if t.strip())
    for slot, meaning in arabic.items():
        if slot in parameters:
            parameters[slot] = replace(parameters[slot], meaning_ar=meaning)
    return SavedQuery(
        name, headers.get("title", name), headers.get("description", ""), tags, text,
        headers.get("title_ar", ""), headers.get("description_ar", ""), parameters,
        headers.get("group", ""), tuple(headers.get("view", "table").split()),
    )  # fmt: skip


def load(folder: str, name: str) -> SavedQuery:
    """The shipped query `name` of `folder` (report, browse, check); NotFound with the closest names."""
    path = paths.shipped("queries") / folder / f"{name}.rq"
    if not re.fullmatch(r"[a-z0-9_-]+", name) or not path.is_file():
        known = names(folder)
        close = difflib.get_close_matches(name, known, 3, 0.4)
        hint = f"Did you mean {' or '.join(close)}?" if close else f"There are: {', '.join(known)}."
        raise NotFound(f"There is no query named {name}", "", hint)
    return read(path)


def every(folder: str) -> list[SavedQuery]:
    """The shipped queries of a folder, by name."""
    return [load(folder, name) for name in names(folder)]


def read(path: Path) -> SavedQuery:
    """The query in a file."""
    try:
        return parse(path.stem, path.read_text(encoding="utf-8"))
    except UnicodeDecodeError as error:
        raise BadFile(f"{path} is not UTF-8", str(error), "Save it as UTF-8.") from None


def names(folder: str) -> list[str]:
    """The shipped queries of a folder, sorted."""
    return sorted(p.stem for p in (paths.shipped("queries") / folder).glob("*.rq"))
