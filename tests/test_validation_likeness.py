"""Records judged in numbers: what is remembered of one, or learnt on the way, changes no finding about another.

The judge is pySHACL, or `Compiled.check`, which remembers no values and which the other tests hold against pySHACL.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from functools import cache
from itertools import combinations

import pytest

from kb.ingest import mapping
from kb.ns import ID, MZ_BASE, RDF
from kb.validation import Finding, Validator, compiled, oracle
from kb.validation.compiled import Compiled
from kb.validation.facts import Facts, Types, record_of, types_in
from tests.test_validation import DATASETS, case, intake, real
from tests.test_validation_corners import data, on_values, shapes
from tests.test_validation_shapes import changed
from tests.validation_peer import (
    CHANGES,
    closure,
    difference,
    disagreement_of_many,
    keys,
    made_wrong,
    record,
    shipped_types,
    types_only,
)

THING = "<https://example.org/Thing>"


def renamed(text: str, number: int) -> str:
    """A record under another name."""
    iri = text[1 : text.index(">")].partition("#")[0]
    return text.replace(f"<{iri}", f"<{iri}-{number}")


def by_numbers(checker: Compiled, texts: Sequence[str], types: Types) -> list[Finding]:
    """The findings about records judged one after the other, twice over: the second time from memory."""
    first = checker.examine(texts, types).findings
    again = checker.examine(texts, types).findings
    assert keys(first) == keys(again)
    return again


def near(checker: Compiled, texts: Iterable[str]) -> list[str]:
    """Those records that do not have to wait for triples of others."""
    return [text for text in texts if not checker.partners(text)]


def one_by_one(checker: Compiled, texts: Iterable[str], types: Types) -> list[Finding]:
    return [finding for text in texts for finding in checker.check(text, types)]


@cache
def known() -> dict[str, list[str]]:
    """The classes of what is shipped, and of what the mappings bring along or make beside incidents."""
    types = dict(shipped_types())
    for name in DATASETS:
        plan = mapping.load(name)
        for made in [*plan.reference, *intake(name).records]:
            types |= types_in(made.text)
    return types


def told(nodes: Iterable[str]) -> dict[str, Sequence[str]]:
    """The classes of nodes elsewhere, none for one that is nowhere."""
    return {node: known().get(node, ()) for node in nodes}


def classes(texts: Iterable[str]) -> dict[str, Sequence[str]]:
    checker = compiled.shipped()
    return {n: kinds for text in texts for n, kinds in closure(checker, text, known()).items()}


def judged_as_a_whole(monkeypatch: pytest.MonkeyPatch, checker: Compiled, texts: list[str], types: Types) -> int:
    """How many of these records were not known to be right by others."""
    read: list[str] = []
    monkeypatch.setattr(compiled, "Facts", lambda text, types: read.append(text) or Facts(text, types))
    checker.examine(texts, types)
    monkeypatch.setattr(compiled, "Facts", Facts)
    return len(read)


@pytest.mark.parametrize("name", ["ucdp-ged", "airwars"])
def test_records_like_others_are_not_judged_as_a_whole(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    texts = [renamed(text, n) for n in range(3) for text in real(name)[-40:]]
    types = classes(texts)
    checker = Compiled(oracle.shapes())
    checker.examine(texts[:80], types)
    faulty = len({f.record for f in checker.check("".join(texts[80:]), types)})
    assert judged_as_a_whole(monkeypatch, checker, texts[80:], types) == faulty < 20


@pytest.mark.parametrize("kind", CHANGES)
@pytest.mark.parametrize("name", ["ucdp-ged", "airwars"])
def test_records_made_wrong_among_others_like_them_get_the_findings_of_pyshacl(name: str, kind: str) -> None:
    right = [text for text in real(name) if "/incident/" in text.partition(" ")[0]][:3]
    wrong = [made_wrong(renamed(text, n), kind, n) for n in range(7, 11) for text in right]
    wrong = near(compiled.shipped(), wrong)
    texts = [*(renamed(text, n) for n in range(7) for text in right), *wrong]
    types = classes(texts)
    found = by_numbers(compiled.shipped(), texts, types)
    theirs = oracle.check([*right, *wrong], types, oracle.shapes())
    assert disagreement_of_many(found, theirs) == {}
    assert found


@pytest.mark.parametrize("seed", range(16))
def test_what_is_remembered_changes_no_finding_whatever_the_shapes(seed: int) -> None:
    draw = random.Random(seed)
    # with a shape refused nothing is remembered
    checker = next(c for n in range(seed, 9999, 100) if not (c := Compiled(changed(n))).refused)
    texts = [renamed(text, n) for n in range(2) for text in (*real("ucdp-ged")[-12:], *real("airwars")[-12:])]
    texts += [made_wrong(renamed(draw.choice(texts), n + 3), draw.choice(list(CHANGES)), n) for n in range(30)]
    texts = near(checker, texts)
    types: dict[str, Sequence[str]] = {}
    assert checker.examine(texts, types, learn=lambda nodes: types.update(told(nodes))).waiting == []
    assert keys(by_numbers(checker, texts, types)) == keys(one_by_one(checker, texts, types))


@pytest.mark.parametrize("limit", ["_PIECES", "_ARRANGEMENTS", "_HEADS", "_FAMILIES"])
def test_what_is_let_go_of_changes_no_finding(limit: str, monkeypatch: pytest.MonkeyPatch) -> None:
    texts = [renamed(text, n) for n in range(2) for text in (*real("ucdp-ged")[-15:], *real("airwars")[-15:])]
    texts = near(compiled.shipped(), [made_wrong(t, "two values exchanged", n) if n % 5 == 0 else t
                                      for n, t in enumerate(texts)])  # fmt: skip
    types, checker = classes(texts), Compiled(oracle.shapes())
    expected = keys(one_by_one(checker, texts, types))
    monkeypatch.setattr(f"kb.validation.likeness.{limit}", 3)
    if limit != "_PIECES":  # which is when the others are looked at
        monkeypatch.setattr("kb.validation.likeness._PIECES", 400)
    assert keys(by_numbers(checker, texts, types)) == expected
    likeness = checker._likeness
    assert likeness is not None
    assert len(likeness._families) <= 64 and sum(map(len, likeness._families.values())) <= 500


# what the letters of a name decide

NAMED = [
    'sh:pattern "[1-5]$"', "sh:maxLength 21", "sh:minLength 22", "sh:in ( ex:777 ex:8 ex:25 )", "sh:nodeKind sh:IRI",
    "sh:hasValue ex:7", "sh:class ex:Thing", "sh:not [ sh:pattern '3' ]", "sh:lessThan ex:q", "sh:equals ex:q",
    "sh:disjoint ex:q", "sh:or ( [ sh:class ex:Other ] [ sh:class ex:Thing ] )", "sh:minCount 2", "sh:maxCount 1",
    "sh:qualifiedValueShape [ sh:pattern '4$' ] ; sh:qualifiedMaxCount 0", "sh:uniqueLang true",
    "sh:datatype xsd:string",
    "sh:node ex:N . ex:N sh:pattern '[24]$'",
    "sh:property ex:M . ex:M sh:path ex:p ; sh:minCount 1", "sh:maxInclusive 20",
]  # fmt: skip
VALUES = [
    "ex:{n}", "<https://example.org/{n}#part>", "ex:{n}1000", "{n}", '"{n}"', '"a"@en , "{n}"@en', '"a"@en , "b"@EN',
    "01 , 1", '"https://example.org/{n}"', '"<https://example.org/{n}> ."', "ex:far , ex:{n}", "ex:777",
]  # fmt: skip


@pytest.mark.parametrize("constraint", NAMED)
def test_records_that_differ_in_name_get_the_findings_of_pyshacl(constraint: str) -> None:
    graph = shapes(on_values(constraint) + " ex:S sh:pattern '[0-6]$' .")
    texts = []
    for number in range(26):
        value = VALUES[number % len(VALUES)].format(n=number)
        part = f"<https://example.org/{number}#part> ex:q {number}"
        texts.append(data(f"ex:{number} a ex:Thing ; ex:p {value} ; ex:q ex:{number} . {part} ."))
        texts.append(data(f"ex:{number + 100} a ex:Thing ; ex:p {number} ; ex:q 5 ."))
        texts.append(data(f"ex:{number + 200} a ex:Thing ; ex:p ex:{number + 200} ; ex:q ex:9 ."))
    nodes = {line.partition(" ")[0] for text in texts for line in text.split("\n") if line}
    types: dict[str, Sequence[str]] = {n: [] if "#" in n else [THING] for n in nodes}
    types |= {"<https://example.org/far>": ["<https://example.org/Other>"], "<https://example.org/777>": [THING]}
    types |= {f"<https://example.org/{n}1000>": [] for n in range(26)}
    checker = Compiled(graph)
    assert checker.refused == ()
    outside = {n: kinds for n, kinds in types.items() if n not in nodes}
    assert difference(by_numbers(checker, texts, types), oracle.check(texts, outside, graph)) == {}


def test_other_classes_make_void_what_was_remembered() -> None:
    checker = Compiled(shapes(on_values("sh:class ex:Other")))
    texts = [data(f"ex:{n} a ex:Thing ; ex:p ex:far .") for n in range(30)]
    for kind, faults in (("Other", 0), ("Thing", 30), ("Other", 0)):
        types = {"<https://example.org/far>": [f"<https://example.org/{kind}>"]}
        assert len(checker.examine(texts, types).findings) == faults


def test_validators_of_one_process_judge_by_their_own_context() -> None:
    right = [text for text in real("ucdp-ged")[-30:] if "/incident/" in text.split(" ")[0]]
    texts = [renamed(text, n) for n in range(3) for text in right]
    records, types, actor = [record(text) for text in texts], classes(texts), f"<{ID}actor/ucdp>"
    for kind, component in (("Actor", set()), ("Place", {"ClassConstraintComponent"}), ("Actor", set())):
        context = types_only({**types, actor: [f"<{MZ_BASE}{kind}>"]})
        found = Validator(context, processes=1).validate(records)
        assert {f.component for f in found} == component
        assert len({f.record for f in found}) in (0, len(records))


def test_lines_twice_in_a_text_are_one_value() -> None:
    checker = Compiled(shapes(on_values("sh:minCount 2")))
    texts = [data(f'ex:{n} a ex:Thing ; ex:p "a" , "b" .') for n in range(30)]
    twice = texts[0].replace('"b"', '"a"').replace("org/0", "org/77")
    assert [f.focus for f in checker.examine([*texts, twice], {}).findings] == ["https://example.org/77"]


def test_only_one_of_two_that_judge_at_once_remembers() -> None:
    checker = Compiled(shapes(on_values("sh:class ex:Other")))
    texts = [data(f"ex:{n} a ex:Thing ; ex:p ex:far{n} .") for n in range(30)]
    wrong = {f"<https://example.org/far{n}>": [THING] for n in range(30)}
    inner: list[int] = []
    types: dict[str, Sequence[str]] = {}

    def learn(nodes: set[str]) -> None:
        inner.append(len(checker.examine(texts, wrong).findings))
        types.update(dict.fromkeys(nodes, ["<https://example.org/Other>"]))

    assert checker.examine(texts, types, learn=learn).findings == []
    assert inner == [30] * 30


# what is settled by the properties that a node has

PRESENCE = [
    "[ sh:path ex:p ; sh:minCount 1 ]", "[ sh:path ex:q ; sh:minCount 1 ]", "[ sh:path ex:p ; sh:minCount 2 ]",
    "[ sh:path ex:q ; sh:minCount 0 ]", "[ sh:path ex:q ; sh:maxCount 1 ]", "[ sh:path ex:r ; sh:maxCount 0 ]",
    "[ sh:property [ sh:path ex:p ; sh:minCount 1 ] , [ sh:path ex:r ; sh:minCount 1 ] ]",
    "[ sh:property [ sh:path ex:q ; sh:minCount 1 ; sh:nodeKind sh:IRI ] ]",
    "[ sh:deactivated true ; sh:nodeKind sh:Literal ]", "[ sh:path ex:p ; sh:minCount 1 ; sh:deactivated true ]",
    "[ sh:node [ sh:property [ sh:path ex:p ; sh:minCount 1 ] ] ]",
    "[ sh:path rdf:type ; sh:minCount 1 ]",
]  # fmt: skip
FAR = ["[ sh:path [ sh:inversePath ex:p ] ; sh:minCount 1 ]", "[ sh:path ( ex:p ex:q ) ; sh:minCount 1 ]"]


def _nodes() -> list[str]:
    """A record for each set of properties, with one or two values of each, in mixed order."""
    sets = [found for size in range(4) for found in combinations("pqr", size)]
    made = []
    for number, (names, values) in enumerate((names, values) for values in ("1", "1 , 2", "ex:x") for names in sets):
        said = " ; ".join(["a ex:Thing", *(f"ex:{name} {values}" for name in names)])
        made.append(data(f"ex:{number} {said} ."))
    random.Random(7).shuffle(made)
    return made


@pytest.mark.parametrize("operator", ["sh:or", "sh:and", "sh:xone", "sh:not"])
@pytest.mark.parametrize("far", [[], FAR], ids=["near", "far"])
def test_shapes_about_presence_find_what_pyshacl_finds(operator: str, far: list[str]) -> None:
    asked = list(combinations(PRESENCE + far, 1 if operator == "sh:not" else 2))
    written = [f"{operator} {' '.join(them if operator == 'sh:not' else ('(', *them, ')'))}" for them in asked]
    shape = "ex:S{} a sh:NodeShape ; sh:targetClass ex:Thing ; {} .\n"
    graph = shapes("".join(shape.format(n, w) for n, w in enumerate(written[:: 1 if operator == "sh:not" else 3])))
    texts, types, checker = _nodes(), {"<https://example.org/x>": []}, Compiled(graph)
    assert checker.refused == ()
    theirs = oracle.check(texts, types, graph)
    assert difference(one_by_one(checker, texts, types), theirs) == {}
    if not far:  # with them, records would wait for what they point to
        assert difference(by_numbers(checker, texts, types), theirs) == {}
    assert len({f.shape for f in theirs}) > 5


# classes that are learnt on the way

def test_classes_learnt_before_a_record_is_judged_give_the_findings_of_pyshacl() -> None:
    texts = near(compiled.shipped(), (*case()[::3], *real("ucdp-ged")[-15:], *real("airwars")[-15:]))
    texts = [made_wrong(text, "another IRI", n) if n % 2 else text for n, text in enumerate(texts)]
    inside = {node: kinds for text in texts for node, kinds in types_in(text).items()}
    own = {record_of(text.partition(" ")[0]) for text in texts}
    outside = {node: kinds for node, kinds in known().items() if record_of(node) not in own}
    asked: list[str] = []
    types: dict[str, Sequence[str]] = {}

    def learn(nodes: set[str]) -> None:
        asked.extend(nodes)
        types.update((node, outside.get(node, inside.get(node, ()))) for node in nodes)

    done = compiled.shipped().examine(texts, types, learn=learn)
    assert (done.waiting, done.linked) == ([], [])
    assert len(asked) == len(set(asked)) > 50, "a node was asked for again"
    assert difference(done.findings, oracle.check(texts, outside, oracle.shapes())) == {}
    assert len(done.findings) > 20


def test_record_whose_classes_are_not_learnt_waits() -> None:
    texts = [renamed(text, n) for n in range(3) for text in real("ucdp-ged")[-10:]]
    place = f"<{ID}actor/ucdp>"
    known = {node: kinds for node, kinds in classes(texts).items() if node != place}
    done = compiled.shipped().examine(texts, known, learn=lambda nodes: None)
    told = [n for n, text in enumerate(texts) if f"{place} .\n" in text and f"<{place[1:-1]}> {RDF.type}" not in text]
    assert [index for index, nodes in done.waiting if nodes == {place}] == told != []
    assert not {f.record for f in done.findings} & {texts[n][1 : texts[n].index(">")].partition("#")[0] for n in told}
    assert f"{MZ_BASE}claimant" in texts[told[0]]


def test_shapes_that_name_nodes_remember_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    checker = Compiled(shapes(on_values("sh:maxCount 0").replace("sh:targetClass ex:Thing", "sh:targetNode ex:7")))
    texts = [data(f"ex:{n} a ex:Thing ; ex:p {n} .") for n in range(30)]
    assert [f.focus for f in by_numbers(checker, texts, {})] == ["https://example.org/7"]
    assert judged_as_a_whole(monkeypatch, checker, texts, {}) == 30
