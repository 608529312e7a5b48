"""Corner cases of SHACL, each with a small shapes graph of its own: what is compiled agrees with pySHACL.

Where pySHACL 0.40 differs from the standard or raises, the test says so and pins what happens here.
"""

from __future__ import annotations

import pytest
from pyoxigraph import RdfFormat, parse
from rdflib import Graph, URIRef
from rdflib.namespace import SH

from kb.canonical import ntriples
from kb.validation import oracle
from kb.validation.compiled import Compiled
from tests.validation_peer import disagreement

PREFIXES = """
@prefix sh: <http://www.w3.org/ns/shacl#> . @prefix xsd: <http://www.w3.org/2001/XMLSchema#> .
@prefix rdf: <http://www.w3.org/1999/02/22-rdf-syntax-ns#> . @prefix rdfs: <http://www.w3.org/2000/01/rdf-schema#> .
@prefix ex: <https://example.org/> . @prefix owl: <http://www.w3.org/2002/07/owl#> .
"""
TYPES = {"<https://example.org/far>": ["<https://example.org/Other>"]}


def shapes(turtle: str) -> Graph:
    """A shapes graph in which every shape of the given Turtle that is named has a message in two languages."""
    graph = Graph(bind_namespaces="none").parse(data=PREFIXES + turtle, format="turtle")
    kinds = {*graph.subjects(SH.path), *graph.subjects(SH.targetClass), *graph.subjects(SH.property)}
    for shape in {*kinds, *graph.objects(None, SH.node)}:
        if isinstance(shape, URIRef) and (shape, SH.message, None) not in graph:
            said = f'<{shape}> sh:message "Wrong."@en , "خطأ."@ar .'
            graph.parse(data=PREFIXES + said, format="turtle")
    return graph


def data(turtle: str) -> str:
    return ntriples(quad.triple for quad in parse((PREFIXES + turtle).encode(), format=RdfFormat.TURTLE))


def values(turtle: str) -> str:
    """A node of the class ex:Thing with these values of ex:p."""
    return data(f"ex:a a ex:Thing . ex:a ex:p {turtle} ." if turtle else "ex:a a ex:Thing .")


def on_values(constraint: str) -> str:
    """A shape with one property shape on ex:p."""
    return f"ex:S a sh:NodeShape ; sh:targetClass ex:Thing ; sh:property ex:P . ex:P sh:path ex:p ; {constraint} ."


EVERY = (
    '"", "a", "a"@en, "a"@en-GB, "b"@EN, "b"@ar, "c"@fr, "abc", "a\\nb", "1", 1, 01, 1.0, 1.0e0, 2, 10, -1, true,'
    '"1"^^xsd:boolean, "maybe"^^xsd:boolean,'
    '"abc"^^xsd:integer, "5"^^xsd:int, "300"^^xsd:byte, "5"^^xsd:nonNegativeInteger,'
    '"NaN"^^xsd:double, "INF"^^xsd:double,'
    '"2016-01-01"^^xsd:date, "2016-01-01Z"^^xsd:date, "2016-13-01"^^xsd:date, "2016-01-01T00:00:00"^^xsd:dateTime,'
    '"2016-01-01T00:00:00Z"^^xsd:dateTime, "2016-01-01T02:00:00+02:00"^^xsd:dateTime,'
    '"2016-01-01T24:00:00Z"^^xsd:dateTime,'
    '"soon"^^xsd:dateTime, "10:00:00"^^xsd:time, "P1D"^^xsd:duration, "2016"^^xsd:gYear, "x"^^ex:type, "y"^^ex:type,'
    '" a  b "^^xsd:token, "a"^^xsd:anyURI, "<b/>"^^rdf:XMLLiteral, "0xff"^^xsd:hexBinary,'
    'ex:a, ex:far, ex:nowhere, <urn:x>'
)
LONE = [
    "sh:nodeKind sh:IRI", "sh:nodeKind sh:Literal", "sh:nodeKind sh:IRIOrLiteral", "sh:nodeKind sh:BlankNode",
    "sh:nodeKind sh:BlankNodeOrIRI", "sh:nodeKind sh:BlankNodeOrLiteral", "sh:nodeKind ex:unknown",
    "sh:datatype xsd:string", "sh:datatype xsd:integer", "sh:datatype xsd:decimal", "sh:datatype xsd:double",
    "sh:datatype xsd:boolean", "sh:datatype xsd:date", "sh:datatype xsd:dateTime", "sh:datatype xsd:time",
    "sh:datatype xsd:byte", "sh:datatype xsd:duration", "sh:datatype rdf:langString", "sh:datatype rdfs:Literal",
    "sh:datatype rdfs:Datatype", "sh:datatype ex:type", "sh:datatype xsd:token", "sh:datatype xsd:anyURI",
    "sh:minCount 1", "sh:minCount 0", "sh:minCount 99", "sh:maxCount 0", "sh:maxCount 1", "sh:maxCount 99",
    "sh:minInclusive 1", "sh:minExclusive 1", "sh:maxInclusive 1", "sh:maxExclusive 1", "sh:minInclusive 1.0",
    "sh:minInclusive 1.0e0", "sh:maxExclusive 2.5", "sh:minInclusive 1 , 2", 'sh:minInclusive "b"',
    'sh:maxInclusive "NaN"^^xsd:double', 'sh:minInclusive "2016-01-01"^^xsd:date',
    'sh:maxInclusive "2016-01-01Z"^^xsd:date', 'sh:minInclusive "2016-01-01T00:00:00Z"^^xsd:dateTime',
    'sh:maxExclusive "2016-01-01T00:00:00"^^xsd:dateTime', 'sh:minInclusive "10:00:00"^^xsd:time',
    'sh:minInclusive "abc"^^xsd:integer', 'sh:minInclusive "x"^^ex:type', "sh:minInclusive true",
    'sh:maxInclusive "P1D"^^xsd:duration', 'sh:minExclusive "a"@en',
    "sh:minLength 0", "sh:minLength 2", "sh:maxLength 1", "sh:maxLength 0", 'sh:pattern "^a"',
    'sh:pattern "A" ; sh:flags "i"',
    'sh:pattern "^b$" ; sh:flags "m"', 'sh:pattern "a.b" ; sh:flags "s"', 'sh:pattern "^a" , "1"', 'sh:pattern ""',
    'sh:languageIn ("en")', 'sh:languageIn ("EN" "ar")', 'sh:languageIn ("en-GB")', 'sh:languageIn ("*")',
    "sh:languageIn ()",
    "sh:uniqueLang true", "sh:uniqueLang false", "sh:in (1 ex:a \"a\"@en \"abc\")", "sh:in ()", "sh:in (1.0 true)",
    "sh:in (false 1)",
    "sh:hasValue 1", "sh:hasValue 1.0", 'sh:hasValue "a"@EN', "sh:hasValue ex:a , ex:none", "sh:class ex:Thing",
    "sh:class ex:Other", "sh:class ex:Thing , ex:Other", "sh:deactivated true ; sh:minCount 99",
    "sh:severity sh:Warning ; sh:maxCount 1", "sh:severity sh:Info ; sh:maxCount 1",
    "sh:severity ex:Grave ; sh:maxCount 1",
    "sh:not ex:Q . ex:Q sh:datatype xsd:integer", "sh:not [ sh:minLength 2 ] , [ sh:nodeKind sh:IRI ]",
    "sh:and ( [ sh:minLength 1 ] [ sh:nodeKind sh:Literal ] )",
    "sh:or ( [ sh:datatype xsd:integer ] [ sh:class ex:Other ] )",
    "sh:or ( [ sh:class ex:Thing ] [ sh:class ex:Other ] )", "sh:xone ( [ sh:minLength 2 ] [ sh:maxLength 3 ] )",
    "sh:xone ( [ sh:minLength 2 ] [ sh:minLength 2 ] )",
    "sh:or ( [ sh:path ex:p ; sh:minCount 99 ] [ sh:nodeKind sh:IRI ] )",
    "sh:node ex:Q . ex:Q sh:nodeKind sh:IRI ; sh:property ex:R . ex:R sh:path ex:p ; sh:maxCount 3",
    "sh:node [ sh:deactivated true ; sh:nodeKind sh:IRI ]", "sh:node ex:Nothing",
    "sh:property ex:Q . ex:Q sh:path ex:p ; sh:minCount 1", "sh:closed true",
    "sh:closed true ; sh:ignoredProperties (rdf:type)",
    "sh:qualifiedValueShape [ sh:datatype xsd:integer ] ; sh:qualifiedMinCount 3",
    "sh:qualifiedValueShape [ sh:datatype xsd:integer ] ; sh:qualifiedMaxCount 3 ; sh:qualifiedMinCount 99",
    "sh:qualifiedValueShape [ sh:nodeKind sh:BlankNode ] ; sh:qualifiedMinCount 1",
    "sh:qualifiedValueShape [ sh:nodeKind sh:BlankNode ] ; sh:qualifiedMinCount 0",
    "sh:order 1 ; sh:group ex:g ; sh:defaultValue 1 ; ex:note 1 ; sh:maxCount 1",
]  # fmt: skip


@pytest.mark.parametrize("constraint", LONE)
def test_constraint_finds_what_pyshacl_finds(constraint: str) -> None:
    graph = shapes(on_values(constraint))
    checker = Compiled(graph)
    assert checker.refused == ()
    for text in (values(EVERY), values(""), values("1"), values('"a"@en , "b"@en , "c"@ar , "d"@ar , "e"'),
    values("ex:far")):
        assert disagreement(checker, text, TYPES, graph) == {}


PAIRS = [
    ("1", "2"), ("2", "1"), ("1", "1"), ("1", "1.0"), ("1", "1.5e0"), ('"a"', '"b"'), ('"b"', '"a"@en'), ("1", '"1"'),
    ("ex:a", "ex:b"),
    ('"a"', "ex:a"), ("1 , 3", "2 , 4"), ("ex:b", "ex:b"), ("true", "1"), ('"2016-01-01"^^xsd:date',
    '"2016-01-02"^^xsd:date'),
    ('"2016-01-01"^^xsd:date', '"2016-01-01Z"^^xsd:date'), ('"2016-01-01"^^xsd:date',
    '"2016-01-02T00:00:00Z"^^xsd:dateTime'),
    ('"2016-01-01T00:00:00Z"^^xsd:dateTime', '"2016-01-01T00:00:00"^^xsd:dateTime'),
    ('"2016-01-01T02:00:00+02:00"^^xsd:dateTime', '"2016-01-01T00:00:00Z"^^xsd:dateTime'),
    ('"P1D"^^xsd:duration', '"P2D"^^xsd:duration'), ('"NaN"^^xsd:double', '"NaN"^^xsd:double'), ('"x"^^ex:type',
    '"x"^^ex:type'),
    ("1", ""), ('"abc"^^xsd:integer', '"abc"^^xsd:integer'),
]  # fmt: skip


@pytest.mark.parametrize("pair", PAIRS, ids=str)
@pytest.mark.parametrize("parameter", ["lessThan", "lessThanOrEquals", "equals", "disjoint"])
def test_pairs_find_what_pyshacl_finds(parameter: str, pair: tuple[str, str]) -> None:
    graph = shapes(on_values(f"sh:{parameter} ex:q , ex:r"))
    text = values(pair[0]) + (data(f"ex:a ex:q {pair[1]} .") if pair[1] else "")
    checker = Compiled(graph)
    assert checker.refused == ()
    assert disagreement(checker, text, TYPES, graph) == {}


@pytest.mark.parametrize(
    "pair", [('"abc"^^xsd:integer', "5"), ("5", '"abc"^^xsd:integer'), ('"x"^^ex:type', '"y"^^ex:type')], ids=str
)
def test_values_that_cannot_be_compared_are_not_in_order(pair: tuple[str, str]) -> None:
    """The standard: a result where two values cannot be compared.

    pySHACL 0.40 raises a TypeError and aborts the run, or takes them for ordered with a DeprecationWarning, by which
    of the two stands first: rdflib gives NotImplemented, which counts as true. Left to the reference engine, the
    record is reported as a whole.
    """
    graph = shapes(on_values("sh:lessThanOrEquals ex:q"))
    text = values(pair[0]) + data(f"ex:a ex:q {pair[1]} .")
    (finding,) = Compiled(graph).check(text, {})
    assert (finding.focus, finding.component) == ("https://example.org/a", "LessThanOrEqualsConstraintComponent")
    (reported,) = oracle.check([text], {}, graph)
    assert (reported.record, reported.shape, reported.severity) == ("https://example.org/a", "", "Violation")
    assert dict(reported.messages).keys() == {"ar", "en"}


@pytest.mark.parametrize("value", ['"NaN"^^xsd:double', '"NaN"^^xsd:decimal'])
def test_value_that_is_no_number_is_in_no_range_of_decimals(value: str) -> None:
    """pySHACL 0.40 ends with the InvalidOperation that Python raises when it compares a Decimal with NaN."""
    graph = shapes(on_values("sh:minInclusive 1.5"))
    (finding,) = Compiled(graph).check(values(value), {})
    assert (finding.value.lower(), finding.component) == ("nan", "MinInclusiveConstraintComponent")
    (reported,) = oracle.check([values(value)], {}, graph)
    assert (reported.record, reported.shape) == ("https://example.org/a", "")


def test_ill_typed_values_are_ordered_by_their_text_in_less_than() -> None:
    """The standard asks for a result here too; rdflib's `<` falls back to the text, and pySHACL follows it."""
    graph = shapes(on_values("sh:lessThan ex:q"))
    text = values('"abc"^^xsd:integer') + data('ex:a ex:q "xyz"^^xsd:integer .')
    assert Compiled(graph).check(text, {}) == oracle.check([text], {}, graph) == []


PATHS = [
    "ex:q", "[ sh:inversePath ex:q ]", "( ex:q ex:q )", "( ex:q [ sh:inversePath ex:q ] )",
    "[ sh:alternativePath ( ex:q ex:p ) ]",
    "[ sh:zeroOrMorePath ex:q ]", "[ sh:oneOrMorePath ex:q ]", "[ sh:zeroOrOnePath ex:q ]", "( ex:q rdf:type )",
    "[ sh:zeroOrMorePath [ sh:alternativePath ( ex:q [ sh:inversePath ex:q ] ) ] ]",
    "( [ sh:zeroOrMorePath ex:q ] ex:p )",
    "[ sh:inversePath [ sh:inversePath ex:q ] ]", "[ sh:inversePath [ sh:zeroOrMorePath ex:q ] ]", "rdf:type",
]  # fmt: skip
WEB = data("""
    ex:a a ex:Thing ; ex:q ex:b , ex:c ; ex:p 1 . ex:b a ex:Thing ; ex:q ex:d , ex:a . ex:c a ex:Other ; ex:p "x" .
    ex:d ex:q ex:d , ex:far , "lit" . ex:e a ex:Thing .
""")


@pytest.mark.parametrize("asked", ["sh:minCount 2", "sh:class ex:Thing", "sh:nodeKind sh:IRI", "sh:property ex:Q"])
@pytest.mark.parametrize("path", PATHS)
def test_paths_find_what_pyshacl_finds(path: str, asked: str) -> None:
    graph = shapes(f"""ex:S a sh:NodeShape ; sh:targetClass ex:Thing ; sh:property ex:P .
        ex:P sh:path {path} ; {asked} .
        ex:Q sh:path ex:p ; sh:maxCount 0 .""")
    checker = Compiled(graph)
    assert checker.refused == ()
    assert disagreement(checker, WEB, TYPES, graph) == {}


TARGETS = [
    "sh:targetClass ex:Thing", "sh:targetClass ex:Thing , ex:Other", "sh:targetNode ex:a , ex:zz",
    "sh:targetSubjectsOf ex:q",
    "sh:targetObjectsOf ex:q", "sh:targetObjectsOf ex:q ; sh:targetClass ex:Thing ; sh:targetNode ex:d", "a rdfs:Class",
    "a owl:Class", "sh:targetObjectsOf ex:p", "sh:targetClass ex:None",
]  # fmt: skip


@pytest.mark.parametrize("target", TARGETS)
def test_targets_find_what_pyshacl_finds(target: str) -> None:
    graph = shapes(f"""ex:Thing a sh:NodeShape ; {target} ; sh:message "No."@en ; sh:in (ex:none) ; sh:property ex:P .
        ex:P sh:path ex:p ; sh:minCount 1 .""")
    checker = Compiled(graph)
    assert checker.refused == ()
    for text in (WEB, WEB + data("ex:Other rdfs:subClassOf ex:Mid . ex:Mid rdfs:subClassOf ex:Thing , ex:Mid .")):
        assert disagreement(checker, text, {**TYPES, "<urn:x>": ["<https://example.org/Thing>"]}, graph) == {}


def test_property_shapes_with_targets_find_what_pyshacl_finds() -> None:
    graph = shapes("ex:P sh:path ex:q ; sh:targetClass ex:Thing ; sh:class ex:Thing ; sh:closed true .")
    assert disagreement(Compiled(graph), WEB, TYPES, graph) == {}


CLOSED = [
    "sh:closed true", "sh:closed false", "sh:closed true ; sh:ignoredProperties (rdf:type)",
    "sh:closed true ; sh:ignoredProperties (ex:q ex:p) ; sh:property ex:P", "sh:closed true ; sh:property ex:P , ex:R",
    "sh:closed true ; sh:node [ sh:property ex:P ]", "sh:closed true ; sh:ignoredProperties ()",
]  # fmt: skip


@pytest.mark.parametrize("constraint", CLOSED)
def test_closed_shapes_find_what_pyshacl_finds(constraint: str) -> None:
    """A property shape counts for a closed shape even when it is deactivated; one that sh:node brings does not."""
    graph = shapes(f"""ex:S a sh:NodeShape ; sh:targetClass ex:Thing ; {constraint} .
        ex:P sh:path ex:q ; sh:maxCount 9 .
        ex:R sh:path ex:p ; sh:deactivated true ; sh:maxCount 0 .""")
    text = WEB + data("ex:a a rdfs:Resource .")
    assert disagreement(Compiled(graph), text, TYPES, graph) == {}


def test_qualified_siblings_find_what_pyshacl_finds() -> None:
    graph = shapes("""
        ex:S a sh:NodeShape ; sh:targetClass ex:Thing ; sh:property ex:P , ex:Q .
        ex:P sh:path ex:p ; sh:qualifiedValueShape ex:V ; sh:qualifiedMinCount 2 .
        ex:Q sh:path ex:p ; sh:qualifiedValueShape ex:W ; sh:qualifiedMaxCount 0 .
        ex:P sh:qualifiedValueShapesDisjoint true . ex:Q sh:qualifiedValueShapesDisjoint true .
        ex:V sh:minInclusive 1 . ex:W sh:maxInclusive 3 .
    """)
    checker = Compiled(graph)
    assert checker.refused == ()
    for text in (values("1 , 2 , 3"), values("1 , 4 , 5"), values("0"), values("")):
        assert disagreement(checker, text, {}, graph) == {}


def test_result_of_node_brings_the_results_it_rests_on() -> None:
    """pySHACL writes them into the report too, and so they are findings; inside sh:or they are not heard of."""
    graph = shapes("""ex:S a sh:NodeShape ; sh:targetClass ex:Thing ; sh:node ex:N ; sh:message "S"@en .
        ex:N a sh:NodeShape ; sh:property ex:P . ex:P sh:path ex:p ; sh:minCount 1 .
        ex:O a sh:NodeShape ; sh:targetClass ex:Thing ; sh:message "O"@en ; sh:or ( [ sh:node ex:N ] ) .""")
    text = values("")
    assert disagreement(Compiled(graph), text, {}, graph) == {}
    found = sorted(f.component for f in Compiled(graph).check(text, {}))
    assert found == ["MinCountConstraintComponent", "NodeConstraintComponent", "OrConstraintComponent"]
