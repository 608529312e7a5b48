"""Mapping files: how the columns of a source become the nodes of a record, read from TOML and checked."""

from __future__ import annotations

import difflib
import re
import tomllib
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from pyoxigraph import NamedNode

from kb import document, paths, vocabulary
from kb.errors import BadFile, NotFound
from kb.ingest.cell import KINDS
from kb.ingest.cell import Column as Column
from kb.ns import PREFIXES, SCHEME
from kb.record import Record

_SOURCE_KEYS = ("column", "template", "constant", "iri", "path", "concept", "node", "nodes", "derived")
_DERIVED = frozenset({"period", "edtf", "place", "actor", "point"})


@dataclass(frozen=True, slots=True)
class Value:
    """Where one value of a property comes from: `source` says how, `text` which; language, type or table refine it."""

    source: str
    text: str
    language: str | None = None
    datatype: str | None = None


@dataclass(frozen=True, slots=True)
class Node:
    """One node of a record, or with `each` one for every part of a split cell.

    `record` is set for nodes that are records of their own (a cited article, a warring party).
    """

    name: str
    type: str
    fragment: str
    record: str | None
    when: dict[str, Any]
    each: dict[str, Any]
    values: tuple[tuple[NamedNode, Value], ...]


@dataclass(frozen=True, slots=True)
class Derivation:
    """A value made from several columns: kind period, edtf, place or point."""

    name: str
    kind: str
    options: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Mapping:
    """A mapping file in memory. `reference` are the records that come with it: dataset, claimant."""

    name: str
    title: dict[str, str]
    key: str
    record: str
    zone: str
    notice: dict[str, str]
    columns: dict[str, Column]
    derivations: tuple[Derivation, ...]
    rules: tuple[dict[str, Any], ...]
    nodes: tuple[Node, ...]
    reference: tuple[Record, ...]


def names() -> list[str]:
    """The mappings that ship with the software."""
    return sorted(p.stem for p in (paths.shipped("ontology") / "mappings").glob("*.toml"))


def load(name: str) -> Mapping:
    """A shipped mapping by name, or a mapping file by path."""
    path = Path(name)
    if path.suffix != ".toml":
        path = paths.shipped("ontology") / "mappings" / f"{name}.toml"
        if not path.is_file():
            close = difflib.get_close_matches(name, names(), 1)
            hint = f"Did you mean {close[0]}?" if close else f"There are: {', '.join(names())}, rdf, or a .toml file."
            raise NotFound(f"There is no mapping named {name}", "", hint)
    return read(path)


@lru_cache
def read(path: Path) -> Mapping:
    """Read and check a mapping file; BadFile names the place that is wrong in it."""
    try:
        with path.open("rb") as handle:
            raw = tomllib.load(handle)
        source = raw["source"]
        return Mapping(
            name=source["name"],
            title=source["title"],
            key=source["key"],
            record=source["record"],
            zone=source.get("timezone", "Asia/Damascus"),
            notice=source.get("notice", {}),
            columns={name: _column(name, spec) for name, spec in raw["columns"].items()},
            derivations=tuple(_derivation(spec) for spec in raw.get("derive", [])),
            rules=tuple(raw.get("rule", [])),
            nodes=tuple(_node(spec) for spec in raw["node"]),
            reference=tuple(document.records(document.turtle(source.get("records", ""), path.name))),
        )
    except FileNotFoundError:
        raise NotFound(f"There is no mapping file {path}") from None
    except tomllib.TOMLDecodeError as error:
        raise BadFile(f"{path.name} is not TOML", str(error)) from None
    except KeyError as error:
        raise BadFile(f"{path.name} lacks {error}", "a mapping needs it", "See the shipped mappings.") from None
    except ValueError as error:
        raise BadFile(f"{path.name}: {error}") from None


def expand(name: str) -> NamedNode:
    """`mz:harm` as an IRI; ValueError for a prefix that is not one of ours."""
    prefix, _, local = name.partition(":")
    if prefix not in PREFIXES or not re.fullmatch(r"[A-Za-z_][\w-]*", local):
        raise ValueError(f"{name!r} is not a term with a known prefix")
    return NamedNode(PREFIXES[prefix] + local)


def _column(name: str, spec: dict[str, Any]) -> Column:
    options = dict(spec)
    kind = options.pop("kind", "text")
    if kind not in KINDS:
        raise ValueError(f"column {name}: {kind!r} is not a kind ({', '.join(sorted(KINDS))})")
    if kind == "code":
        scheme = options.get("scheme", "")
        concepts = vocabulary.codes(scheme)
        for target in options.get("table", {}).values():
            _concept(target)
        if not concepts:
            raise ValueError(f"column {name}: there is no scheme {scheme!r}")
    return Column(
        name, kind, options.pop("required", False), options.pop("present", True), str(options.pop("empty", "")), options
    )


def _derivation(spec: dict[str, Any]) -> Derivation:
    options = dict(spec)
    kind = options.pop("kind")
    if kind not in _DERIVED:
        raise ValueError(f"derive {options['name']}: {kind!r} is none of {', '.join(sorted(_DERIVED))}")
    return Derivation(options.pop("name"), kind, options)


def _node(spec: dict[str, Any]) -> Node:
    values = [
        (expand(name), _value(item))
        for name, given in spec["set"].items()
        for item in (given if isinstance(given, list) else [given])
    ]
    expand(spec["type"])
    return Node(
        spec.get("name", spec.get("fragment", "")), spec["type"], spec.get("fragment", ""), spec.get("record"),
        spec.get("when", {}), spec.get("each", {}), tuple(values),
    )  # fmt: skip


def _value(spec: dict[str, Any]) -> Value:
    source = [key for key in _SOURCE_KEYS if key in spec]
    if len(source) != 1:
        raise ValueError(f"{spec} must have one of {', '.join(_SOURCE_KEYS)}")
    if source[0] == "concept":
        _concept(spec["concept"])
    datatype = expand(spec["datatype"]).value if "datatype" in spec else None
    return Value(source[0], str(spec[source[0]]), spec.get("lang"), datatype)


def _concept(target: str) -> None:
    scheme, _, local = target.partition("#")
    known = {node.value for node in vocabulary.codes(scheme).values()}
    if "{" not in local and f"{SCHEME}{target}" not in known:
        raise ValueError(f"{target!r} is not a concept of a shipped scheme")


