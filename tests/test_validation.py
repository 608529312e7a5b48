"""The compiled shapes say what pySHACL says, result by result: on the examples, on real records, on records made wrong.

Each comparison takes focus node, path, value, component, source shape, severity and the messages in both languages.
"""

from __future__ import annotations

import pickle
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

import pytest
from pyoxigraph import Triple

from kb import vocabulary
from kb.ingest import mapping, tabular
from kb.ingest.known import finder
from kb.ingest.report import Intake
from kb.ns import ID, MZ_BASE, RDF
from kb.validation import Finding, Validator, compiled, oracle
from kb.validation.facts import Facts, Types, record_of, types_in
from tests.validation_peer import (
    CHANGES,
    closure,
    difference,
    disagreement,
    example,
    made_wrong,
    record,
    shipped_types,
    texts,
    types_only,
)

EXAMPLES = sorted((Path(__file__).parent / "examples").rglob("*.ttl"))
DATASETS = {"ucdp-ged": ("ucdp-ged-syria-2016.csv", 29), "airwars": ("airwars-russia-2015q4.csv", 5)}


@cache
def intake(name: str) -> Intake:
    """What a mapping makes of a real table."""
    shared = Path(__file__).resolve().parents[2] / "shared" / "data"
    return tabular.read(shared / DATASETS[name][0], mapping.load(name), finder(None), lambda rows: None)


@cache
def real(name: str) -> tuple[str, ...]:
    """The records of that table, each so many-th of them."""
    return tuple(record.text for record in intake(name).records[:: DATASETS[name][1]])


@cache
def case() -> tuple[str, ...]:
    return tuple(texts(*vocabulary.case_files()))


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
    rich = [text for text in parts if text.count("^^") > 1 and "@en" in text]
    for seed in range(12):
        text = made_wrong(rich[seed * 7919 % len(rich)], kind, seed)
        types = closure(checker, text, shipped_types())
        assert disagreement(checker, text, types, oracle.shapes()) == {}, (source, kind, seed)
        found += bool(checker.check(text, types))
    assert found > 2, "hardly any of these changes is an error"


# many records

PLACE = f"{ID}place/nowhere/1"


@cache
def mixed() -> tuple[str, ...]:
    """Records of the case and the law, every third made wrong."""
    law = texts(*vocabulary.law_files())
    kinds = sorted(CHANGES)
    return tuple(
        made_wrong(text, kinds[n % len(kinds)], n) if n % 3 == 0 else text for n, text in enumerate([*case(),
        *law][::4])
    )


@cache
def by_pyshacl() -> tuple[Finding, ...]:
    """What pySHACL says of the mixed records when they all stand in one graph."""
    own = {record_of(text.partition(" ")[0]) for text in mixed()}
    known = {node: kinds for node, kinds in shipped_types().items() if record_of(node) not in own}
    return tuple(oracle.check(list(mixed()), known, oracle.shapes()))


@pytest.mark.parametrize("processes", [1, 2])
def test_records_taken_together_get_the_findings_of_one_run_of_pyshacl(
    processes: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kb.validation.shacl.FEW", 10)
    monkeypatch.setattr("kb.validation.shacl.BATCH", 17)
    with Validator(types_only(shipped_types()), processes=processes) as validator:
        findings = validator.validate([record(text) for text in mixed()])
    assert findings == sorted(findings)
    assert difference(findings, by_pyshacl()) == {}
    assert len(findings) > 30


def test_both_engines_find_the_same_in_batches() -> None:
    records = [record(text) for text in mixed()[:40]]
    context = types_only(shipped_types())
    ours = Validator(context).validate(records)
    assert difference(ours, Validator(context, engine="pyshacl", processes=1).validate(records)) == {}


def test_stream_finds_what_one_run_finds_whatever_the_order(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is nowhere in the context waits for the end of the stream, where the stream's own records are known."""
    monkeypatch.setattr("kb.validation.shacl.BATCH", 20)
    own = {record_of(text.partition(" ")[0]) for text in mixed()}
    outside = types_only({n: kinds for n, kinds in shipped_types().items() if record_of(n) not in own})
    far = compiled.shipped().partners
    near = [text for text in mixed() if not far(text)]
    expected = Validator(outside).validate([record(text) for text in near])
    for order in (near, near[::-1]):
        assert difference(list(Validator(outside).stream(iter(order))), expected) == {}


def test_stream_through_processes_finds_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kb.validation.shacl.FEW", 10)
    context = types_only(shipped_types())
    with Validator(context, processes=2) as validator:
        for changed in (list(real("ucdp-ged")), [made_wrong(text, "a value lost", 1) for text in real("ucdp-ged")]):
            found = list(validator.stream(iter(changed)))
            assert len(found) > 30
            assert difference(found, validator.validate([record(text) for text in changed])) == {}


def test_nothing_to_check_is_no_finding() -> None:
    assert Validator(types_only({})).validate([]) == []
    assert list(Validator(types_only({})).stream([])) == []


def test_class_of_a_node_comes_from_its_record_before_the_context() -> None:
    """A record that comes in replaces what the knowledge base holds of it."""
    actor, dataset = (f"{ID}{kind}/nowhere/1" for kind in ("actor", "dataset"))
    pointing = record(f"<{actor}> {RDF.type} <{MZ_BASE}Actor> .\n<{actor}> <{MZ_BASE}inDataset> <{dataset}> .\n")
    context = types_only({f"<{dataset}>": [f"<{MZ_BASE}Dataset>"]})

    def found(*others: str) -> list[str]:
        findings = Validator(context).validate([pointing, *(record(text) for text in others)])
        return [f.component for f in findings if f.value == dataset]

    assert found() == []
    assert found(f"<{dataset}> {RDF.type} <{MZ_BASE}Place> .\n") == ["ClassConstraintComponent"]
    assert found(f"<{dataset}> <{MZ_BASE}note> \"x\" .\n") == ["ClassConstraintComponent"]
    assert found(f"<{dataset}> {RDF.type} <{MZ_BASE}Dataset> .\n") == []


def test_node_that_its_own_record_lacks_has_no_class_from_the_context() -> None:
    text = case()[0]
    node = f"{record_of(text.split(' ', 1)[0])}#gone"
    asked: list[str] = []

    def context(iris: Iterable[str]) -> Iterator[Triple]:
        asked.extend(iris)
        return iter(())

    Validator(context).validate([record(f"{text}<{record_of(text.split(' ', 1)[0])}> <{PLACE}> <{node}> .\n")])
    assert node not in asked


def test_compiled_shapes_travel_by_name() -> None:
    assert pickle.loads(pickle.dumps(compiled.shipped())) is compiled.shipped()


def test_values_respelled_alike_are_one_value() -> None:
    """rdflib reads `01` and `1` as one literal, so pySHACL counts one."""
    facts = Facts('<urn:a> <urn:p> "01"^^<http://www.w3.org/2001/XMLSchema#integer> .\n'
                  '<urn:a> <urn:p> "1"^^<http://www.w3.org/2001/XMLSchema#integer> .\n', {})  # fmt: skip
    assert len(facts.values("<urn:a>", "<urn:p>")) == 1
