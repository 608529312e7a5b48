"""Other shapes than the shipped ones: what is compiled agrees with pySHACL, what is not is refused by name."""

from __future__ import annotations

import pickle
import random
import re
import warnings
from functools import cache
from pathlib import Path

import pytest
from pyshacl.errors import ReportableRuntimeError, ShapeLoadError
from rdflib import RDF, XSD, BNode, Graph, Literal, Namespace, URIRef
from rdflib.namespace import SH
from rdflib.term import Node

from kb.canonical import ntriples, parse_ntriples
from kb.validation import oracle
from kb.validation.compiled import Compiled
from tests.test_validation_corners import TYPES, WEB, data, on_values, shapes, values
from tests.validation_peer import difference, disagreement, example

EXAMPLES = sorted((Path(__file__).parent / "examples").rglob("*.ttl"))
MZ = Namespace("https://w3id.org/mizan/ontology#")
RAISED = (re.error, ReportableRuntimeError, ShapeLoadError, ValueError, AttributeError, TypeError, RuntimeError,
AssertionError)

# SPARQL constraints

DECLARED = 'ex:o a owl:Ontology ; sh:declare [ sh:prefix "ex" ; sh:namespace "https://example.org/"^^xsd:anyURI ] .'
BELONGS = """SELECT $this ?value WHERE {
    $this ex:p ?value ; ex:q ?offence . FILTER (STRBEFORE(STR(?value), "#") != STR(?offence)) }"""
NUMBERED = """SELECT DISTINCT $this ?value
WHERE { ?value ex:memberOf $this ; ex:number ?number . ?other ex:memberOf $this ; ex:number ?number .
    FILTER (?value != ?other) OPTIONAL { ?value ex:label ?label } OPTIONAL { ?other ex:label ?otherLabel }
    FILTER (COALESCE(?label, "") = COALESCE(?otherLabel, "")) }"""
MUTUAL = """SELECT DISTINCT $this ?value WHERE {
    { ?value ex:memberOf $this . OPTIONAL { ?owner ex:has ?value FILTER (?owner = $this) } FILTER (!BOUND(?owner)) }
    UNION
    { $this ex:has ?value . OPTIONAL { ?value ex:memberOf ?owner FILTER (?owner = $this) } FILTER (!BOUND(?owner)) }
}"""
FACTS = """
    ex:a a ex:Thing ; ex:p <https://example.org/o1#x> , <https://example.org/o2#y> ,
        "https://example.org/o1#x" , ex:plain ;
        ex:q ex:o1 ; ex:has ex:m1 , ex:m2 , ex:m9 , "m" .
    ex:m1 ex:memberOf ex:a ; ex:number 1 . ex:m2 ex:memberOf ex:a ; ex:number 1 ; ex:label "x" .
    ex:m3 ex:memberOf ex:a ; ex:number 1 , 2 ; ex:label "x" , "y"@en . ex:m4 ex:memberOf ex:a , ex:b ; ex:number 2 .
    ex:m5 ex:memberOf ex:a ; ex:number 3 ; ex:label "1"^^xsd:integer .
    ex:m6 ex:memberOf ex:a ; ex:number 3 ; ex:label 1.0 .
    ex:m7 ex:memberOf ex:a ; ex:number 3 ; ex:label "x"^^ex:t .
    ex:m8 ex:memberOf ex:a ; ex:number 3 ; ex:label "y"^^ex:t .
    ex:b a ex:Thing ; ex:p ex:x ; ex:q ex:o1 , ex:o2 . ex:c a ex:Thing ; ex:p ex:x . ex:d a ex:Thing ; ex:has ex:d .
"""


def sparql(query: str, shape: str = "",
constraint: str = 'sh:message "On {$this}: {?value}."@en , "{?value}"@ar') -> Graph:
    return shapes(f"""{DECLARED} ex:S a sh:NodeShape ; sh:targetClass ex:Thing ; sh:sparql ex:C {shape} .
        ex:C {constraint} ; sh:prefixes ex:o ; sh:select '''{query}''' .""".replace("ex:C  ;", "ex:C"))


@pytest.mark.parametrize("query", [BELONGS, NUMBERED, MUTUAL], ids=["belongs", "numbered", "mutual"])
def test_query_of_a_template_finds_what_pyshacl_finds(query: str) -> None:
    for graph in (sparql(query), sparql(query.replace("ex:number", "<https://example.org/number>"))):
        checker = Compiled(graph)
        assert checker.refused == ()
        assert len(checker.check(data(FACTS), {})) > 2
        assert disagreement(checker, data(FACTS), {}, graph) == {}


def test_message_with_a_value_in_it_is_filled_as_pyshacl_fills_it() -> None:
    """The shape's own message stands as it is written; without one that of the constraint, which loses its language."""
    graph = sparql(BELONGS)
    graph.remove((URIRef("https://example.org/S"), SH.message, None))
    assert disagreement(Compiled(graph), data(FACTS), {}, graph) == {}
    said = {text for f in Compiled(graph).check(data(FACTS), {}) for text in f.messages}
    assert ("en", "On https://example.org/b: https://example.org/x.") in said
    graph = sparql(BELONGS, "; sh:message 'Not {?value}.'@en")
    assert disagreement(Compiled(graph), data(FACTS), {}, graph) == {}
    assert {f.message() for f in Compiled(graph).check(data(FACTS), {})} == {"Not {?value}."}


def test_query_is_silent_when_deactivated() -> None:
    graph = sparql(BELONGS, constraint="sh:deactivated true")
    assert Compiled(graph).check(data(FACTS), {}) == oracle.check([data(FACTS)], {}, graph) == []


# what is refused

PATH = "sh:maxCount 0 . ex:S sh:property ex:P4 . ex:P4 sh:path [ sh:inversePath %s ] ; sh:maxCount 0"
REFUSED = {
    "recursion": ("sh:node ex:P2 . ex:P2 a sh:NodeShape ; sh:property ex:P3 . ex:P3 sh:path ex:q ; sh:node ex:P2",
    "recursion"),
    "no message": ("sh:maxCount 0 . ex:S sh:property [ sh:path ex:p ; sh:maxCount 0 ]", "message"),
    "an unknown parameter": ("sh:maxCount 0 ; sh:singleLine true", "singleLine"),
    "an expression": ("sh:maxCount 0 ; sh:expression ex:anything", "expression"),
    "a class that is not known": ("a ex:Kind ; sh:maxCount 0", "type"),
    "two severities": ("sh:minCount 99 ; sh:severity sh:Info , sh:Warning", "severity"),
    "a count that is a decimal": ('sh:maxCount 0 ; sh:maxLength "3"^^xsd:int', "maxLength"),
    "an inverse of a sequence": (PATH % "( ex:q ex:p )", "path"),
    "a value that ill-typed ones are equal to": ("sh:hasValue false", "hasValue"),
    "an inverse of rdf:type": (PATH % "rdf:type", "path"),
    "another query": ("sh:maxCount 0 . ex:S sh:sparql [ sh:select 'SELECT $this WHERE { $this <urn:p> ?any }' ]",
    "sparql"),
    "a query on values": ("sh:sparql [ sh:select 'SELECT $this WHERE { $this $PATH ?any }' ]", "sparql"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_shape_that_is_not_compiled_is_refused_by_name_and_left_to_pyshacl(name: str) -> None:
    text, component = REFUSED[name]
    also = "ex:T a sh:NodeShape ; sh:targetSubjectsOf ex:q ; sh:property ex:TQ . ex:TQ sh:path ex:q ; sh:maxCount 1 ."
    graph = shapes(on_values(text) + also)
    if name == "no message":
        graph.remove((None, SH.message, Literal("Wrong.", lang="en")))
    checker = Compiled(graph)
    (refusal,) = checker.refused
    assert (refusal.shape, refusal.component) == ("https://example.org/S", component)
    assert refusal.reason
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # pySHACL warns of recursion
        assert disagreement(checker, WEB, TYPES, graph) == {}
        assert checker.check(WEB, TYPES) != []


def test_only_records_that_a_refused_shape_targets_go_to_pyshacl(monkeypatch: pytest.MonkeyPatch) -> None:
    graph = shapes(on_values("sh:maxCount 0 ; sh:singleLine true"))
    sent: list[list[str]] = []
    monkeypatch.setattr(oracle, "check", lambda parts, types, rules: sent.append(list(parts)) or [])
    checker = Compiled(graph)
    other = data("ex:z a ex:Other ; ex:p 1 .")
    checker.examine([other, values("1"), other], {})
    assert sent == [[values("1")]]


def test_components_declared_in_the_graph_are_all_left_to_pyshacl() -> None:
    graph = shapes(on_values("sh:maxCount 0") + "ex:C a sh:ConstraintComponent ; sh:parameter [ sh:path ex:limit ] .")
    assert [r.component for r in Compiled(graph).refused] == ["ConstraintComponent"]


def test_compiled_shapes_travel_to_another_process() -> None:
    graph = shapes(on_values("sh:maxCount 0"))
    copy = pickle.loads(pickle.dumps(Compiled(graph)))
    assert copy.check(values("1"), {}) == Compiled(graph).check(values("1"), {}) != []


# shapes changed at random

@cache
def _records() -> tuple[str, dict[str, list[str]]]:
    """Examples good and bad in one text: so many that most changes of a shape change what is found."""
    types: dict[str, list[str]] = {}
    lines: list[str] = []
    for path in EXAMPLES[::7]:
        text, known = example(path)
        if "_:" not in text:
            lines.append(text)
            types |= known
    own = {line.partition(" ")[0] for text in lines for line in text.split("\n")}
    return ntriples(parse_ntriples("".join(lines))), {n: kinds for n, kinds in types.items() if n not in own}


_NEW: dict[URIRef, list[Node]] = {
    SH.minCount: [Literal(0), Literal(2), Literal("1")], SH.maxCount: [Literal(0), Literal(1), Literal(-1)],
    SH.datatype: [XSD.string, XSD.integer, XSD.date, RDF.langString], SH.nodeKind: [SH.IRI, SH.Literal, SH.BlankNode],
    SH["class"]: [MZ.Place, MZ.Actor, MZ.Incident], SH.pattern: [Literal("^a"), Literal("("), Literal("[0-9]")],
    SH.minInclusive: [Literal(1), Literal("2016-01-01", datatype=XSD.date)], SH.maxExclusive: [Literal(2.5)],
    SH.minLength: [Literal(3)], SH.maxLength: [Literal(5)], SH.hasValue: [MZ.Incident, Literal("x")],
    SH.uniqueLang: [Literal(True)], SH.equals: [MZ.inRecord], SH.disjoint: [MZ.inRecord], SH.lessThan: [MZ.date],
    SH.deactivated: [Literal(True), Literal(False)], SH.severity: [SH.Warning, SH.Info], SH.closed: [Literal(False)],
    SH.targetClass: [MZ.Incident, MZ.Actor], SH.targetSubjectsOf: [MZ.claimant], SH.targetObjectsOf: [MZ.about,
    MZ.place],
    SH.path: [MZ.about, BNode("inverse"), RDF.type], SH.js: [MZ.anything], SH.message: [Literal("New.", lang="en")],
}  # fmt: skip
_NESTING = (SH.node, SH["not"], SH.property, SH.qualifiedValueShape)


def changed(seed: int) -> Graph:
    """The shipped shapes with a few triples removed, replaced or added."""
    draw = random.Random(seed)
    graph = Graph(bind_namespaces="none")
    graph += oracle.shapes()
    nodes = sorted({*graph.subjects(RDF.type, SH.NodeShape), *graph.subjects(RDF.type, SH.PropertyShape)}, key=str)
    for _ in range(draw.choice([1, 2, 4, 8])):
        shape = draw.choice(nodes)
        about = sorted((t for t in graph.triples((shape, None, None)) if t[1] != RDF.type), key=str)
        if draw.random() < 0.35 and about:
            graph.remove(draw.choice(about))
            continue
        parameter = draw.choice(sorted(_NEW, key=str))
        if draw.random() < 0.2:
            graph.add((shape, draw.choice(_NESTING), draw.choice(nodes)))
            continue
        if draw.random() < 0.6:
            graph.remove((shape, parameter, None))
        graph.add((shape, parameter, draw.choice(_NEW[parameter])))
    if (None, SH.path, BNode("inverse")) in graph:
        graph.add((BNode("inverse"), SH.inversePath, MZ.about))
    return graph


@pytest.mark.parametrize("seed", range(25))
def test_shapes_changed_at_random_agree_with_pyshacl_or_are_refused(seed: int) -> None:
    graph = changed(seed)
    text, types = _records()
    checker = Compiled(graph)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            theirs = oracle.check([text], types, graph)
        except RAISED:
            assert checker.refused, "pySHACL cannot work with these shapes, and nothing was refused"
            return
        if any(finding.shape == "" for finding in theirs):
            return
        assert difference(checker.check(text, types), theirs) == {}
