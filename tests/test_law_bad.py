"""Law files that break a rule are refused, end to end, with the file, the term and the rule, and nothing is written."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from kb.knowledgebase import KnowledgeBase
from kb.ns import ID
from tests.test_screening import LABELS, PROVISION, resolution

Mizan = Callable[..., tuple[int, str, str]]
START = 'mz:from "2016-03-01T00:00:00+02:00"^^xsd:dateTime'
STATE = f"""<{ID}instrument/example-2016#participation-x> a mz:Participation ; skos:prefLabel "X"@en, "س"@ar ;
  mz:participationForm <https://w3id.org/mizan/scheme/participation-form#party> ;
  mz:verification <https://w3id.org/mizan/scheme/verification#unverified> ; mz:participant """
ELEMENT = f"""a mz:Element ; mz:elementOf <{PROVISION}> ; mz:elementNumber 1 ; {LABELS} ;
  mz:elementKind <https://w3id.org/mizan/scheme/element-kind#conduct> ."""
NUMBERED = resolution(START).replace(
    f"<{PROVISION}> a mz:Provision ;",
    f"<{PROVISION}#element-1> {ELEMENT} <{PROVISION}#element-2> {ELEMENT}\n"
    f"<{PROVISION}> a mz:Offence, mz:Provision ; mz:hasElement <{PROVISION}#element-1>, <{PROVISION}#element-2> ;",
)
SOURCE = "dcterms:source <https://example.org/resolution> ;"
BAD = {
    "unknown-term": (resolution(f"{START} ; mz:coverObject <https://w3id.org/mizan/scheme/object-hit#school>"),
                     f"{PROVISION}#scope", "law:Scope"),
    "unknown-concept": (resolution(f"{START} ; mz:coversObject <https://w3id.org/mizan/scheme/object-hit#castle>"),
                        f"{PROVISION}#scope", "law:Scope-coversObject"),
    "no-source": (resolution(START).replace(SOURCE, ""), f"{PROVISION}#scope", "law:"),
    "no-official-source": (resolution(START).replace("mz:officialSource <https://example.org/resolution> ;", ""),
                           PROVISION, "law:"),
    "ends-before-it-begins": (resolution(f'{START} ; mz:until "2016-02-01T00:00:00+02:00"^^xsd:dateTime'),
                              f"{PROVISION}#scope", "law:Scope-period"),
    "no-zone": (resolution('mz:from "2016-03-01T00:00:00"^^xsd:dateTime'), f"{PROVISION}#scope", "law:Scope-from"),
    "unknown-state": (resolution(START) + f"{STATE} <{ID}actor/atlantis> .",
                      f"{ID}instrument/example-2016#participation-x", "law:Participation-participant"),
    "left-before-it-joined": (
        resolution(START) + f'{STATE} <{ID}actor/syria> ; mz:inForceForStateFrom "2016-03-01"^^xsd:date ; '
        'mz:ceasedOn "2016-01-01"^^xsd:date .',
        f"{ID}instrument/example-2016#participation-x", "law:Participation-inForceForStateFromOrder"),
    "territory-unknown": (resolution(f"{START} ; mz:territory <{ID}place/XX>"), f"{PROVISION}#scope",
                          "law:Scope-territory"),
    "party-twice-at-once": (
        resolution(START) + f"{STATE} <{ID}actor/syria> ." + STATE.replace("participation-x", "participation-y")
        + f" <{ID}actor/syria> .", f"{ID}instrument/example-2016", "law:ParticipationsApart"),
    "element-numbered-twice": (NUMBERED, PROVISION, "law:ElementNumbers"),
    "two-scopes": (resolution(START) + resolution(START).partition(f"<{PROVISION}#scope>")[2].join(
        (f"<{PROVISION}#scope-2>", "")), f"{PROVISION}#scope-2", "law:Scope-single"),
}  # fmt: skip


@pytest.mark.parametrize("name", sorted(BAD))
def test_law_file_that_breaks_a_rule_is_refused(name: str, fresh_home: Path, tmp_path: Path, mizan: Mizan) -> None:
    text, node, rule = BAD[name]
    file = tmp_path / f"{name}.ttl"
    file.write_text(text, encoding="utf-8")
    code, out, err = mizan("import", "rdf", str(file), "--home", str(fresh_home))
    assert code == 1
    line = next(line for line in err.splitlines() if rule in line and node.removeprefix(ID) in line)
    assert line.startswith(f"{file.name}: ")
    with KnowledgeBase.open(fresh_home) as base:
        assert base.snapshot().record(PROVISION) == []
        assert PROVISION not in base.screener().scopes


def test_law_file_without_a_fault_enters(fresh_home: Path, tmp_path: Path, mizan: Mizan) -> None:
    file = tmp_path / "good.ttl"
    file.write_text(resolution(START), encoding="utf-8")
    assert mizan("import", "rdf", str(file), "--home", str(fresh_home))[0] == 0


def test_law_file_that_does_not_parse_names_the_line(fresh_home: Path, tmp_path: Path, mizan: Mizan) -> None:
    file = tmp_path / "broken.ttl"
    file.write_text(resolution(START).replace("mz:order 1 ;", "mz:order 1 ; ;; ]"), encoding="utf-8")
    code, _, err = mizan("import", "rdf", str(file), "--home", str(fresh_home))
    assert code == 2 and "broken.ttl, line" in err
