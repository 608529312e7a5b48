"""Generated data with every kind of seeded error: both engines say the same, and what is expected is found.

Most kinds are kept out by the mapping's own rules before a record is made. So each that RDF can hold is made in a
record as well, where the shapes alone stand between it and the knowledge base.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import pytest

from kb import document
from kb.generate.dataset import EXPECTED, write
from kb.generate.fault import FAULTS
from kb.ingest import mapping, tabular
from kb.ingest.known import finder
from kb.validation import Validator, compiled, oracle
from kb.validation.facts import types_in, types_of
from tests.test_generate import LAYOUTS, SPOILT, rows
from tests.test_validation_likeness import real, renamed, told
from tests.validation_peer import XSD, difference, disagreement_of_many, shipped_types, types_only

NUMBER = f"<{XSD}integer>"


@pytest.fixture(scope="module")
def spoilt(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A dataset with every kind of error."""
    folder = tmp_path_factory.mktemp("synthetic") / "out"
    write(SPOILT, folder)
    return folder


@pytest.mark.parametrize("layout", LAYOUTS)
def test_generated_table_with_every_kind_of_error_gets_the_findings_of_pyshacl(layout: str, spoilt: Path) -> None:
    plan = mapping.load(str(spoilt / f"synthetic-{layout}.toml"))
    intake = tabular.read(spoilt / f"synthetic-{layout}.csv", plan, finder(None), lambda rows: None)
    wanted = [row for row in rows(spoilt / EXPECTED) if row["file"] == f"synthetic-{layout}.csv"]
    assert {row["kind"] for row in wanted} - {"gap"} == {f.kind for f in FAULTS if layout in f.sources}
    types: dict[str, Sequence[str]] = dict(shipped_types())
    types |= types_of(t for t in document.read(spoilt / "synthetic-actors.ttl") if "#type" in str(t.predicate))
    for made in plan.reference:
        types |= types_in(made.text)
    found = Validator(types_only(types), processes=1).validate(intake.records)
    inside = {node for record in intake.records for node in types_in(record.text)}
    outside = {node: kinds for node, kinds in types.items() if node not in inside}
    theirs = oracle.check([record.text for record in intake.records], outside, oracle.shapes())
    assert difference(found, theirs) == {}
    # what no rule of the mapping has kept out is left to the shapes: all of it, and nothing else
    by_shape = Counter(row["row"] for row in wanted if row["rule"].startswith(("claim:", "core:")))
    assert Counter(str(intake.origin[f.record].number) for f in found) == by_shape
    by_rule = Counter((row["row"], row["column"], row["rule"]) for row in wanted if row["row"] not in by_shape)
    said = Counter((str(p.row), p.column, p.rule) for p in (*intake.problems, *intake.notes))
    assert by_rule - said == Counter()


IN_RDF = {
    # kind: where it is made (UCDP or Airwars), what is replaced by what, and the constraint that finds it
    "missing-id": ("ucdp-ged", r"<[^>]*> <[^>]*identifier> .*\n", "", "MinCount"),
    "doubled-id": ("ucdp-ged", r"(<[^>]*> <[^>]*identifier> )(.*\n)", r'\1"another" .\n\1\2', "MaxCount"),
    "missing-place": ("ucdp-ged", r"<[^>]*> <[^>]*#place> .*\n", "", "MinCount"),
    "missing-claimant": ("ucdp-ged", r"<[^>]*> <[^>]*#claimant> .*\n", "", "MinCount"),
    "missing-date": ("ucdp-ged", r"<[^>]*> <[^>]*#date> .*\n", "", "MinCount"),
    "wrong-date": ("ucdp-ged", r"2016-\d\d-\d\d(T00:00:00)", r"2016-02-30\1", "Datatype"),
    "date-in-words": ("ucdp-ged", r'(#date> )"[^"]*"', r'\1"late April"', "Pattern"),
    "date-order": ("ucdp-ged", r"201\d(-\d\d-\d\dT23:59:59)", r"2001\1", "LessThanOrEquals"),
    "unknown-code": ("ucdp-ged", r"(scheme/incident-method)#[\w-]+", r"\1#zzzz", "Class"),
    "number-in-words": ("ucdp-ged", rf'"\d+"(\^\^{NUMBER})', r'"dozens"\1', "Datatype"),
    "negative-number": ("ucdp-ged", rf'"\d+"(\^\^{NUMBER})', r'"-3"\1', "MinInclusive"),
    "minimum-above-maximum": ("airwars", rf'(#minimum> )"\d+"(\^\^{NUMBER})', r'\1"9999"\2', "LessThanOrEquals"),
    "disordered-numbers": ("ucdp-ged", rf'(#best> )"\d+"(\^\^{NUMBER})', r'\1"9999"\2', "LessThanOrEquals"),
    "latitude-out-of-range": ("ucdp-ged", r"POINT\((\S+) \S+\)", r"POINT(\1 91.5)", "Pattern"),
    "longitude-out-of-range": ("ucdp-ged", r"POINT\(\S+ ", r"POINT(181.5 ", "Pattern"),
    "decimal-comma": ("ucdp-ged", r"POINT\(\S+ ", r"POINT(36,17594 ", "Pattern"),
    "coordinate-alone": ("ucdp-ged", r"POINT\(\S+ \S+\)", r"POINT(36.1)", "Pattern"),
    "confidence-of-nobody": ("airwars", r"<[^>]*> <[^>]*#allegedActor> .*\n", "", "MinCount"),
    "unknown-claimant": ("ucdp-ged", r"(#claimant> )<[^>]*>", r"\1<https://w3id.org/mizan/id/actor/nobody>", "Class"),
    "contradiction": ("ucdp-ged", r'(<[^>]*> <[^>]*prefLabel> )(".*\n)', r'\1"other"@en .\n\1\2', "UniqueLang"),
}  # fmt: skip
OF_TABLES = {
    "malformed-id", "id-too-long", "reserved-dataset", "wrong-century", "minimum-above-maximum-by-shape",
    "part-above-whole", "swapped-coordinates", "unknown-provision", "bad-web-address", "wrong-encoding",
    "control-character", "spreadsheet-error", "row-too-short", "row-too-long", "unknown-area", "unpaired-lists",
}  # fmt: skip
"""Kinds that are faults of a table, or of its relation to something that a record does not hold."""


def test_every_seeded_kind_is_made_in_rdf_or_is_one_of_tables_alone() -> None:
    assert IN_RDF.keys() | OF_TABLES == {fault.kind for fault in FAULTS}
    assert not IN_RDF.keys() & OF_TABLES


@pytest.mark.parametrize("kind", IN_RDF)
def test_seeded_kind_in_a_record_is_found_by_the_shapes_as_by_pyshacl(kind: str) -> None:
    source, what, by, component = IN_RDF[kind]
    right = next(t for t in real(source) if "/incident/" in t.partition(" ")[0] and re.search(what, t))
    texts = [renamed(right, number) for number in range(20)]
    wrong = re.sub(what, by, renamed(right, 99))
    types: dict[str, Sequence[str]] = {}
    checker = compiled.shipped()
    done = checker.examine([*texts, wrong], types, learn=lambda nodes: types.update(told(nodes)))
    assert disagreement_of_many(done.findings, oracle.check([right, wrong], types, oracle.shapes())) == {}
    assert {f.record[-3:] for f in done.findings} == {"-99"}
    assert f"{component}ConstraintComponent" in {f.component for f in done.findings}
