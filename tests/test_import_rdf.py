"""RDF files: refused whole where nothing in them can be trusted, else record by record."""

from pathlib import Path

import pytest

from kb.knowledgebase import KnowledgeBase
from kb.ns import ID
from tests import incident_table as table
from tests.incident_table import Run

# RDF

PREFIX = """@prefix mz: <https://w3id.org/mizan/ontology#> . @prefix skos: <http://www.w3.org/2004/02/skos/core#> .
@prefix org: <http://www.w3.org/ns/org#> . @prefix dcterms: <http://purl.org/dc/terms/> .
@prefix id: <https://w3id.org/mizan/id/> . @prefix actor: <https://w3id.org/mizan/id/actor/> .
"""
KIND = "org:classification <https://w3id.org/mizan/scheme/actor-kind#ngo>"
ACTOR = f'actor:good a mz:Actor ; skos:prefLabel "Good"@en ; {KIND} .\n'
RESTRICTED = "<http://publications.europa.eu/resource/authority/access-right/RESTRICTED>"
NAMED = 'actor:x a mz:Actor ; skos:prefLabel "X"@en'
PART = f"{ID}incident/syria-2015-16/INC-021#x"


def at(address: str) -> str:
    """An actor with nothing wrong but its address."""
    return f'<{address}> a mz:Actor ; skos:prefLabel "X"@en ; {KIND} .'


RDF_WHOLE = {
    "syntax": (2, "actor:good a mz:Actor ;;;\n skos:prefLabel Good .", "t.ttl, line 5, column 17 does not parse: "),
    "blank-node": (2, f"{ACTOR} actor:x a mz:Actor ; org:classification [ a mz:Actor ] .",
          "t.ttl: a blank node stands in the data"),
    "reserved-fragment": (1, f"{ACTOR} <{ID}actor/good#record> mz:revision 7 .",
          "actor/good#record is used: the system writes that node"),
    "reserved-revision": (1, f"{ACTOR} <{ID}actor/good#revision-1> mz:revision 7 .", "actor/good#revision-1 is used"),
    "in-another-record": (1, f"{ACTOR} <{ID}actor/good#x> mz:inRecord actor:russia .",
          "actor/good#x says it is in another record"),
    "restricted": (1, f"{ACTOR} actor:x a mz:Actor ; dcterms:accessRights {RESTRICTED} .",
          "actor/x is RESTRICTED: this version keeps public"),
}  # fmt: skip
RDF_RECORDS = {
    "unknown-property": (f"{NAMED} ; mz:frobs 1 ; {KIND} .", "core:Actor", "does not belong on an actor"),
    "unknown-class": ("actor:x a mz:Frob .", "core:Node-type", "class"),
    "no-class": ('actor:x skos:prefLabel "X"@en .', "core:Node-type", "class"),
    "system-class": ("actor:x a mz:Record ; mz:describes actor:russia .", "core:Node-type", "class"),
    "part-without-whole": (f"<{PART}> a mz:EditorialNote .", "whole", "they would replace the whole"),
    "foreign-address": (at("http://example.org/x"), "address", "may not have the address http://example.org/x"),
    "import-address": (at(f"{ID}import/1"), "address", "import/1"),
    "store-address": (at(f"{ID}store"), "address", "id/store"),
    "path-address": (at(f"{ID}actor/../x"), "address", "may not have"),
    "script-address": (at("javascript:alert(1)"), "address", "javascript:alert(1)"),
    "points-to-nothing": (f"{NAMED} ; {KIND} ; org:subOrganizationOf actor:nobody .", "core:Actor-subOrganizationOf",
                          "existing actor"),
}  # fmt: skip


@pytest.mark.parametrize("name", RDF_WHOLE)
def test_bad_rdf_file_is_refused_whole(name: str, demo_home: Path, tmp_path: Path, mizan: Run) -> None:
    wanted, text, said = RDF_WHOLE[name]
    (tmp_path / "t.ttl").write_text(PREFIX + text, encoding="utf-8")
    for more in ((), ("--check",)):
        code, out, err = mizan("import", "rdf", str(tmp_path / "t.ttl"), "--home", str(demo_home), *more)
        assert (code, out) == (wanted, "")
        assert said in err and err.count("\n") == 1
    assert f"{ID}actor/good" not in table.digests(demo_home)


@pytest.mark.parametrize("name", RDF_RECORDS)
def test_bad_rdf_record_is_kept_out_and_the_others_go_on(
    name: str, demo_copy: Path, tmp_path: Path, mizan: Run
) -> None:
    text, rule, said = RDF_RECORDS[name]
    (tmp_path / "t.ttl").write_text(PREFIX + ACTOR + text, encoding="utf-8")
    before = table.digests(demo_copy)
    code, out, err = mizan("import", "rdf", str(tmp_path / "t.ttl"), "--home", str(demo_copy))
    assert code == 1
    assert any(f"rule {rule}: " in line and said in line for line in err.splitlines()), err
    assert all(line.startswith("t.ttl: record ") for line in err.splitlines())
    assert "Read 2 records, kept out 1. Records: 1 new, 0 changed" in out
    assert table.digests(demo_copy).keys() - before.keys() == {f"{ID}actor/good"}
    (rejects,) = (demo_copy / "rejects").glob("rdf-*-rejected.nt")
    assert str(rejects) in out
    assert text.split()[0].partition(":")[2].strip("<>").rpartition("/")[2] in rejects.read_text(encoding="utf-8")


def test_bad_rdf_record_takes_those_that_point_to_it_along(demo_copy: Path, tmp_path: Path, mizan: Run) -> None:
    part = f'actor:part a mz:Actor ; skos:prefLabel "Part"@en ; {KIND} ; org:subOrganizationOf actor:x .'
    (tmp_path / "t.ttl").write_text(
        f'{PREFIX}{ACTOR}{part} actor:x a mz:Actor ; skos:prefLabel "X"@en .', encoding="utf-8"
    )
    code, out, err = mizan("import", "rdf", str(tmp_path / "t.ttl"), "--home", str(demo_copy))
    assert (code, "kept out 2" in out) == (1, True)
    assert f"record {ID}actor/part, rule complete: it points to {ID}actor/x, which is kept out. Correct that" in err
    assert table.dangling(demo_copy) == []


def test_bad_rdf_reject_file_corrected_completes_the_import(demo_copy: Path, tmp_path: Path, mizan: Run) -> None:
    (tmp_path / "t.ttl").write_text(f'{PREFIX}{ACTOR}actor:x a mz:Actor ; skos:prefLabel "X"@en .', encoding="utf-8")
    mizan("import", "rdf", str(tmp_path / "t.ttl"), "--home", str(demo_copy))
    (rejects,) = (demo_copy / "rejects").glob("rdf-*-rejected.nt")
    kind = f"<{ID}actor/x> <http://www.w3.org/ns/org#classification> <https://w3id.org/mizan/scheme/actor-kind#ngo> .\n"
    rejects.write_text(rejects.read_text(encoding="utf-8") + kind, encoding="utf-8")
    assert mizan("import", "rdf", str(rejects), "--home", str(demo_copy))[0] == 0
    assert f"{ID}actor/x" in table.digests(demo_copy)


def test_check_of_wrong_rdf_writes_nothing_anywhere(demo_copy: Path, tmp_path: Path, mizan: Run) -> None:
    (tmp_path / "t.ttl").write_text(PREFIX + ACTOR + "actor:x a mz:Frob .", encoding="utf-8")
    with KnowledgeBase.open(demo_copy) as base:
        base.snapshot()
    before = table.tree(demo_copy)
    code, out, _ = mizan("validate", "rdf", str(tmp_path / "t.ttl"), "--home", str(demo_copy))
    assert (code, out.splitlines()[-1]) == (1, "Checked 2 records: 1 would be kept out. Nothing was written.")
    assert table.tree(demo_copy) == before
