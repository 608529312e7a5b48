"""Reads mapping files (TOML) and checks every name in them, so that a slip is found before a row is read."""

from __future__ import annotations

import difflib
import re
import tomllib
from collections.abc import Iterable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pyoxigraph import NamedNode

from kb import document, paths, vocabulary
from kb.errors import BadFile, NotFound
from kb.ingest import shape
from kb.ingest.cell import KINDS, NUMERIC, Column
from kb.ingest.draft import fixed, slots
from kb.ingest.plan import Derivation, Each, Node, Rule, Value, When
from kb.ingest.plan import Mapping as Mapping
from kb.ingest.report import Unfit
from kb.ingest.section import MISSING, Section, meant
from kb.ns import PREFIXES, SCHEME
from kb.record import ADDRESS

VALUE_SOURCES = ("column", "derived", "template", "constant", "iri", "path", "concept", "node", "nodes")
RULE_KINDS = ("order", "ordered", "together", "needs", "known")
DERIVED = {"period": "edtf earliest latest precision", "edtf": "edtf earliest latest precision",
           "point": "", "place": "", "actor": "name new"}  # fmt: skip
"""Kinds of derived values, with the parts that follow their name after a point."""
_FROM = {"period": {"from": True, "until": False}, "edtf": {"from": True}, "point": {"lat": True, "lon": True},
         "place": {"column": True}, "actor": {"column": True, "otherwise": False}}  # fmt: skip
"""The columns that each kind is derived from, and whether it needs them."""
_OPTIONS: dict[str, dict[str, type]] = {
    "text": {"pattern": str, "reserved": list}, "integer": {"min": float, "max": float}, "edtf": {},
    "date": {"format": str}, "count": {"min": float, "max": float},
    "decimal": {"min": float, "max": float, "times": float}, "url": {},
    "code": {"scheme": str, "table": dict},
}  # fmt: skip


def names() -> list[str]:
    """The mappings that ship with the software."""
    return sorted(p.stem for p in _folder().glob("*.toml"))


def load(name: str) -> Mapping:
    """A shipped mapping by name, or a mapping file by path."""
    path = Path(name)
    if path.suffix == ".toml":
        return read(path)
    if name not in names():
        close = difflib.get_close_matches(name, [*names(), "rdf"], 1)
        hint = f"Did you mean {close[0]}?" if close else f"There are: {', '.join(names())}, rdf, or a .toml file."
        raise NotFound(f"There is no mapping named {name}", "", hint)
    return read(_folder() / f"{name}.toml")


def _folder() -> Path:
    return paths.shipped("ontology") / "mappings"


def read(path: Path) -> Mapping:
    """Read and check a mapping file; BadFile names the place that is wrong in it."""
    try:
        raw = tomllib.loads(path.read_text(encoding="utf-8"))
        return _Reader(path.name, raw).mapping()
    except FileNotFoundError:
        raise NotFound(f"There is no mapping file {path}", "", "Check the path.") from None
    except UnicodeDecodeError:
        raise BadFile(f"{path.name} is not UTF-8", "", "Save it as UTF-8.") from None
    except tomllib.TOMLDecodeError as error:
        raise BadFile(f"{path.name} is not TOML", str(error), "Correct that place.") from None
    except ValueError as error:
        hint = "Correct it there; the guide for documenters explains mapping files."
        raise BadFile(f"{path.name}, {error}", "", hint) from None


class _Reader:
    """Reads one file: columns first, then what is derived from them, then the nodes that use both."""

    def __init__(self, file: str, raw: dict[str, Any]) -> None:
        self.file = file
        top = Section("the file", raw)
        self.source = Section("[source]", top.take("source", dict))
        self.columns = {name: _column(name, spec) for name, spec in top.take("columns", dict).items()}
        derive, rule, node = (_tables(raw, top, key) for key in ("derive", "rule", "node"))
        top.done()
        self.known = set(self.columns)  # every text or term that a later part of the file may name
        self.derivations = tuple(self._derivation(spec) for spec in derive)
        self.rules = tuple(self._rule(spec) for spec in rule)
        named = (spec.get("name", spec.get("fragment")) for spec in node if isinstance(spec, dict))
        self.node_names = {name for name in named if isinstance(name, str) and name}
        self.nodes = tuple(self._node(number, spec) for number, spec in enumerate(node, 1))

    def mapping(self) -> Mapping:
        """The mapping as the rest of the software uses it."""
        source = self.source
        name, zone = source.take("name", str), source.take("timezone", str, "Asia/Damascus")
        if not re.fullmatch(r"[a-z0-9][a-z0-9-]{0,63}", name):
            raise ValueError("[source]: name must be of small letters, digits and hyphens")
        try:
            ZoneInfo(zone)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            raise ValueError(f"[source]: there is no timezone {zone!r}") from None
        if not self.nodes:
            raise ValueError("the file has no [[node]]: nothing would be made of a row")
        shipped = document.turtle(source.take("records", str, ""), f"{self.file}, records")
        made = Mapping(
            name, source.both("title"), self._name(source, source.take("key", str), self.columns),
            self._place(source, source.take("record", str)), zone, source.both("notice", {}), self.columns,
            self.derivations, self.rules, self.nodes, tuple(document.records(shipped)),
        )  # fmt: skip
        source.done()
        return made

    def _name(self, section: Section, name: str, among: Iterable[str] | None = None) -> str:
        known = self.known if among is None else set(among)
        if name not in known:
            raise ValueError(f"{section.where}: there is no column or derived value {name!r}{meant(name, known)}")
        return name

    def _names(self, section: Section, key: str, default: Any = MISSING) -> tuple[str, ...]:
        return tuple(self._name(section, name) for name in section.take(key, list, default))

    def _template(self, section: Section, text: str) -> str:
        for name in slots(text):
            self._name(section, name)
        return text

    def _address(self, section: Section, text: str) -> str:
        """A template whose filled form is part of an IRI: of a record, of a fragment, or with # of both."""
        record, *fragments = "".join(fixed(text)).split("#")
        if len(fragments) > 1 or not all(re.fullmatch(r"[A-Za-z0-9_~/-]*", part) for part in (record, *fragments)):
            raise ValueError(f"{section.where}: {text!r} may only have letters, digits, / _ ~ - and {{column}}")
        return self._template(section, text)

    def _place(self, section: Section, text: str) -> str:
        """The address of a record or fragment that the mapping makes: without #."""
        if "#" in text:
            raise ValueError(f"{section.where}: {text!r} may not have #, which stands between record and fragment")
        return self._address(section, text)

    def _derivation(self, raw: object) -> Derivation:
        section = Section("[[derive]]", raw)
        name, kind = section.take("name", str), section.take("kind", str)
        section.where = f"[[derive]] {name}"
        if kind not in DERIVED:
            raise ValueError(f"{section.where}: {kind!r} is not a kind ({', '.join(DERIVED)})")
        parts = {f"{name}.{part}" for part in DERIVED[kind].split()}
        options: dict[str, Any] = {}
        for key, needed in _FROM[kind].items():
            column = section.take(key, str, MISSING if needed else "")
            if column or needed:
                options[key] = self._name(section, column, self.columns)
        if kind == "point" and any(self.columns[options[key]].kind != "decimal" for key in ("lat", "lon")):
            raise ValueError(f"{section.where}: lat and lon must be columns of kind decimal")
        if kind == "place":
            options["level"] = section.take("level", int)
        self.known |= parts | {name}
        if kind == "actor":
            options["record"] = self._place(section, section.take("record", str))
        section.done()
        return Derivation(name, kind, options)

    def _rule(self, raw: object) -> Rule:
        section = Section("[[rule]]", raw)
        kind = next((k for k in RULE_KINDS if isinstance(raw, dict) and k in raw), None)
        if kind is None:
            raise ValueError(f"[[rule]] must have one of {', '.join(RULE_KINDS)}")
        mark = split = ""
        if kind in ("needs", "known"):
            mark, columns = section.take(kind, str), self._names(section, "columns")
            split = section.take("split", str, "")
            self._name(section, mark, self.columns if kind == "needs" else ("actor", "provision"))
        else:
            columns = tuple(self._name(section, name, self.columns) for name in section.take(kind, list))
        if kind in ("order", "ordered") and any(self.columns[c].kind not in NUMERIC for c in columns):
            raise ValueError(f"[[rule]] {kind}: {', '.join(columns)} must be columns of numbers")
        if len(columns) != {"order": 2, "known": 1}.get(kind, len(columns)):
            raise ValueError(f"[[rule]] {kind}: a wrong number of columns")
        if kind == "ordered":
            mark = section.take("otherwise", str)
            self.known.add(mark)
        section.done()
        return Rule(kind, columns, mark, split)

    def _node(self, number: int, raw: object) -> Node:
        section = Section(f"[[node]] {number}", raw)
        fragment, record = section.take("fragment", str, ""), section.take("record", str, None)
        name, kind = section.take("name", str, fragment), section.take("type", str)
        section.where = f"[[node]] {name or number}"
        if kind not in shape.allowed():
            raise ValueError(f"{section.where}: there is no class {kind!r} for records{meant(kind, shape.allowed())}")
        before, each = set(self.known), self._each(section)
        when = Section(f"{section.where}, when", section.take("when", dict, {}))
        equals = tuple((self._name(when, k), v) for k, v in when.texts("equals", {}).items())
        some, every, none = (self._names(when, key, []) for key in ("any", "every", "none"))
        made = When(some, every, none, equals)
        when.done()
        for template in filter(None, (fragment, record)):
            self._place(section, template)
        values = tuple(self._values(section, kind, section.take("set", dict)))
        section.done()
        self.known = before
        return Node(name, _expand(kind), fragment, record, made, each, values)

    def _each(self, section: Section) -> Each | None:
        raw = section.take("each", dict, None)
        if raw is None:
            return None
        each = Section(f"{section.where}, each", raw)
        columns = tuple(self._name(each, name, self.columns) for name in each.take("columns", list))
        fields, parts = tuple(each.take("names", list, [])), each.take("parts", str, "")
        tables = {name: _table(each, table) for name, table in each.take("tables", dict, {}).items()}
        if fields and not parts:
            raise ValueError(f"{each.where} has names but not parts, the sign between them")
        for name in tables:
            self._name(each, name, fields)
        self.known |= {"n", *(f"{column}.{field}" for column in columns for field in fields)}
        made = Each(columns, each.take("split", str), parts, fields, tables)
        if not made.split:
            raise ValueError(f"{each.where}: split is empty")
        each.done()
        return made

    def _values(self, section: Section, kind: str, given: dict[str, Any]) -> Iterator[tuple[NamedNode, Value]]:
        for name, items in given.items():
            if name not in shape.allowed()[kind]:
                known = shape.allowed()[kind]
                raise ValueError(f"{section.where}: {kind} has no property {name!r}{meant(name, known)}")
            if name == "mz:inRecord":
                raise ValueError(f"{section.where}: {name} is set by the software itself")
            for item in items if isinstance(items, list) else [items]:
                yield _expand(name), self._value(Section(f"{section.where}, {name}", item))

    def _value(self, section: Section) -> Value:
        found = [(key, value) for key in VALUE_SOURCES if (value := section.take(key, str, None)) is not None]
        if len(found) != 1:
            raise ValueError(f"{section.where} must have one of {', '.join(VALUE_SOURCES)}")
        (source, text), language = found[0], section.take("lang", str, None)
        if source in ("column", "derived"):
            self._name(section, text)
        elif source in ("iri", "path"):
            self._address(section, text)
        elif source == "template":
            self._template(section, text)
        elif source in ("node", "nodes"):
            self._name(section, text, self.node_names)
        elif source == "concept":
            _concept(section, text)
        if language is not None and not re.fullmatch(r"[a-z]{2,8}(-[a-z0-9]{1,8})*", language):
            raise ValueError(f"{section.where}: {language!r} is not a language tag")
        datatype = section.take("datatype", str, None)
        section.done()
        return Value(source, text, language, _expand(datatype).value if datatype else None)


def _tables(raw: dict[str, Any], top: Section, key: str) -> list[object]:
    top.take(key, object, [])
    value = raw.get(key, [])
    if not isinstance(value, list):
        raise ValueError(f"{key} must be written [[{key}]], once for each")
    return value


def _column(name: str, raw: object) -> Column:
    section = Section(f"[columns.{name}]", raw)
    kind = section.take("kind", str, "text")
    if kind not in KINDS:
        raise ValueError(f"{section.where}: {kind!r} is not a kind ({', '.join(KINDS)}){meant(kind, KINDS)}")
    options = section.given({**_OPTIONS[kind], "split": str})
    if told := section.both("help", {}):
        options["help"] = told
    if kind == "code" and not vocabulary.codes(section.take("scheme", str)):
        raise ValueError(f"{section.where}: there is no scheme {options['scheme']!r}")
    for target in section.texts("table", {}).values() if kind == "code" else ():
        _concept(section, target)
    if form := options.get("format"):
        _check_format(section, form)
    try:
        re.compile(options.get("pattern", ""))
    except re.error as error:
        raise ValueError(f"{section.where}: the pattern is not a regular expression ({error})") from None
    made = Column(
        name, kind, section.take("required", bool, False), section.take("present", bool, True),
        section.take("empty", str, ""), options,
    )  # fmt: skip
    try:
        made.terms(made.empty)
    except Unfit as unfit:
        raise ValueError(f"{section.where}, empty: {unfit.message}") from None
    section.done()
    return made


def _check_format(section: Section, form: str) -> None:
    day = datetime(2016, 2, 27)
    try:
        same = datetime.strptime(day.strftime(form), form) == day
    except ValueError:
        same = False
    if not same:
        raise ValueError(f"{section.where}: the format {form!r} does not tell day, month and year, as %d/%m/%Y does")


def _table(section: Section, raw: object) -> dict[str, str]:
    table = Section(f"{section.where}, tables", raw)
    assert isinstance(raw, dict)
    made = {key: str(table.take(key, str)) for key in raw}
    if "*" not in made:
        raise ValueError(f'{table.where}: "*" is missing, which stands for any other text')
    for target in made.values():
        if "#" in target:
            _concept(section, target)
        elif not ADDRESS.fullmatch(target):
            raise ValueError(f"{table.where}: {target!r} is neither scheme#concept nor an id such as actor/syria")
    return made


def _concept(section: Section, target: str) -> None:
    scheme, _, local = target.partition("#")
    known = {node.value for node in vocabulary.codes(scheme).values()}
    if f"{SCHEME}{target}" not in known:
        near = meant(target, [iri.removeprefix(SCHEME) for iri in known])
        raise ValueError(f"{section.where}: {target!r} is not a concept of a shipped scheme{near}")


def _expand(name: str) -> NamedNode:
    prefix, _, local = name.partition(":")
    if prefix not in PREFIXES or not re.fullmatch(r"[A-Za-z_][\w-]*", local, re.ASCII):
        raise ValueError(f"{name!r} is not a term with a known prefix")
    return NamedNode(PREFIXES[prefix] + local)
