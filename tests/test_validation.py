"""The compiled shapes say what pySHACL says, result by result: on the examples, on real records, on records made wrong.

Each comparison takes focus node, path, value, component, source shape, severity and the messages in both languages.
"""

from __future__ import annotations

import pickle
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from pathlib import Path

import pytest
from pyoxigraph import NamedNode, Triple

from kb import vocabulary
from kb.canonical import ntriples, parse_ntriples
from kb.ingest import mapping, tabular
from kb.ingest.known import finder
from kb.ns import ID, MZ_BASE, RDF
from kb.record import Record
from kb.validation import Finding, Validator, compiled, oracle
from kb.validation.facts import Facts, Types, record_of, types_in
from tests.validation_peer import CHANGES, closure, difference, disagreement, example, made_wrong, shipped_types, texts

EXAMPLES = sorted((Path(__file__).parent / "examples").rglob("*.ttl"))
DATASETS = {"ucdp-ged": ("ucdp-ged-syria-2016.csv", 29), "airwars": ("airwars-russia-2015q4.csv", 5)}


@cache
def real(name: str) -> tuple[str, ...]:
    """The records that a mapping makes of a real table, each so many-th of them."""
    shared = Path(__file__).resolve().parents[2] / "shared" / "data"
    file, every = DATASETS[name]
    intake = tabular.read(shared / file, mapping.load(name), finder(None), lambda rows: None)
    return tuple(ntriples(record.triples) for record in intake.records)[::every]


@cache
def case() -> tuple[str, ...]:
    return tuple(texts(*vocabulary.case_files()))


def record(text: str) -> Record:
    triples = parse_ntriples(text)
    return Record(record_of(str(triples[0].subject)), triples)


def whole(parts: Iterable[str], known: Types) -> dict[str, list[object]]:
    """What differs when records are checked one by one here and in one run by pySHACL."""
    checker, parts = compiled.shipped(), list(parts)
    inside = {node: kinds for text in parts for node, kinds in types_in(text).items()}
    ours = [f for text in parts for f in checker.check(text, closure(checker, text, {**known, **inside}))]
    return difference(ours, oracle.check(parts, {n: k for n, k in known.items() if n not in inside}, oracle.shapes()))


def test_every_shipped_shape_is_compiled() -> None:
    assert compiled.shipped().refused == ()


def test_only_rules_about_the_law_need_triples_of_another_record() -> None:
    far = {predicate.removeprefix(f"<{MZ_BASE}") for predicate in compiled.shipped().far}
    assert far == {"hasElement>", "elementOf>", "scopeOf>", "inForceFrom>"}


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_examples_get_the_findings_of_pyshacl(path: Path) -> None:
    text, types = example(path)
    assert disagreement(compiled.shipped(), text, types, oracle.shapes()) == {}


def test_curated_case_and_law_get_the_findings_of_pyshacl() -> None:
    law = texts(*vocabulary.law_files(), *vocabulary.reference_files())
    assert whole([*case(), *law], shipped_types()) == {}


@pytest.mark.parametrize("name", DATASETS)
def test_real_tables_get_the_findings_of_pyshacl(name: str) -> None:
    assert len(real(name)) > 60
    assert whole(real(name), shipped_types()) == {}


@pytest.mark.parametrize("kind", CHANGES)
@pytest.mark.parametrize("source", ["case", "law", "ucdp-ged"])
def test_records_made_wrong_get_the_findings_of_pyshacl(source: str, kind: str) -> None:
    made = {"case": case, "law": lambda: tuple(texts(*vocabulary.law_files())), "ucdp-ged": lambda: real("ucdp-ged")}
    parts = made[source]()
    checker, found = compiled.shipped(), 0
    for seed in range(12):
        text = made_wrong(parts[seed * 7919 % len(parts)], kind, seed)
        types = closure(checker, text, shipped_types())
        assert disagreement(checker, text, types, oracle.shapes()) == {}, (source, kind, seed)
        found += bool(checker.check(text, types))
    assert found > 2, "hardly any of these changes is an error"
