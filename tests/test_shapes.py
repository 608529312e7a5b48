"""The SHACL shapes against their examples: every rule has a record that meets it and one that breaks it, exactly."""

from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
from pyshacl import validate
from rdflib import BNode, Graph, Literal, Namespace, URIRef
from rdflib.collection import Collection
from rdflib.namespace import OWL, RDF, RDFS, SH, SKOS
from rdflib.term import Node

ROOT = Path(__file__).parents[1]
ONTOLOGY = ROOT / "ontology"
MODULES = ("core", "law", "claim", "evidence")
GOOD = sorted((ROOT / "tests/examples/good").glob("*.ttl"))
BAD = sorted((ROOT / "tests/examples/bad").glob("*.ttl"))
TERMS = [*sorted(ONTOLOGY.glob("*.ttl")), *sorted((ONTOLOGY / "schemes").glob("*.ttl"))]
TURTLE = [path for folder in ("ontology", "kb/cases") for path in sorted((ROOT / folder).rglob("*.ttl"))]
MZ = Namespace("https://w3id.org/mizan/ontology#")

COMPONENTS = {
    SH["class"]: "ClassConstraintComponent",
    SH.closed: "ClosedConstraintComponent",
    SH.datatype: "DatatypeConstraintComponent",
    SH.equals: "EqualsConstraintComponent",
    SH.hasValue: "HasValueConstraintComponent",
    SH["in"]: "InConstraintComponent",
    SH.languageIn: "LanguageInConstraintComponent",
    SH.lessThan: "LessThanConstraintComponent",
    SH.lessThanOrEquals: "LessThanOrEqualsConstraintComponent",
    SH.maxCount: "MaxCountConstraintComponent",
    SH.maxInclusive: "MaxInclusiveConstraintComponent",
    SH.minCount: "MinCountConstraintComponent",
    SH.minInclusive: "MinInclusiveConstraintComponent",
    SH.nodeKind: "NodeKindConstraintComponent",
    SH["not"]: "NotConstraintComponent",
    SH["or"]: "OrConstraintComponent",
    SH.pattern: "PatternConstraintComponent",
    SH.qualifiedMinCount: "QualifiedMinCountConstraintComponent",
    SH.sparql: "SPARQLConstraintComponent",
    SH.uniqueLang: "UniqueLangConstraintComponent",
}
"""What each constraint parameter is called in a report."""
DESCRIPTIVE = {
    RDF.type,
    SH.ignoredProperties,
    SH.message,
    SH.name,
    SH.order,
    SH.path,
    SH.property,
    SH.qualifiedValueShape,
    SH.severity,
    SH.targetClass,
    SH.targetObjectsOf,
    SH.targetSubjectsOf,
}


def read(*paths: Path) -> Graph:
    """One graph of these Turtle files, with no prefixes but theirs."""
    graph = Graph(bind_namespaces="none")
    for path in paths:
        graph.parse(path, format="turtle")
    return graph


@cache
def shapes() -> Graph:
    return read(*(ONTOLOGY / "shapes" / f"{module}.ttl" for module in MODULES))


def results(data: Graph, rules: Graph) -> list[tuple[Node, Node, Node, Node]]:
    """Focus node, source shape, component and severity of each result that pySHACL finds."""
    _, report, _ = validate(data, shacl_graph=rules, advanced=False, inference="none", inplace=True)
    assert isinstance(report, Graph)
    parts = (SH.focusNode, SH.sourceShape, SH.sourceConstraintComponent, SH.resultSeverity)
    found = [tuple(report.value(result, part) for part in parts) for result in report.objects(None, SH.result)]
    return found  # type: ignore[return-value]


def report(data: Graph, rules: Graph) -> list[str]:
    """The results on nodes of records, one line each; nodes that are there only for their class are left out."""
    return sorted(
        "\t".join(
            (
                "_:blank" if isinstance(focus, BNode) else str(focus),
                str(shape),
                str(component).removeprefix(str(SH)),
                str(severity).removeprefix(str(SH)),
            )
        )
        for focus, shape, component, severity in results(data, rules)
        if (focus, MZ.inRecord, None) in data
    )


def expected(path: Path) -> list[str]:
    return path.with_suffix(".expected").read_text(encoding="utf-8").splitlines()


def canonical(text: str) -> str:
    """The one form in which Turtle is kept in this project."""
    graph = Graph(bind_namespaces="none").parse(data=text, format="turtle")
    return graph.serialize(format="longturtle", canon=True, encoding="utf-8").decode().strip() + "\n"


def nested() -> set[Node]:
    """Shapes that only other shapes use, inside sh:or, sh:not or a qualified count: in no report of their own."""
    graph = shapes()
    found = {*graph.objects(None, SH.qualifiedValueShape), *graph.objects(None, SH["not"])}
    for members in graph.objects(None, SH["or"]):
        found.update(Collection(graph, members))
    for shape in list(found):
        found.update(graph.objects(shape, SH.property))
    return found


def constraints() -> Iterator[tuple[Node, str]]:
    """Each constraint that can appear in a report, as source shape and component."""
    graph, inner = shapes(), nested()
    for kind in (SH.NodeShape, SH.PropertyShape):
        for shape in graph.subjects(RDF.type, kind):
            for parameter in graph.predicates(shape, unique=True):
                if shape not in inner and parameter not in DESCRIPTIVE:
                    assert isinstance(parameter, URIRef)
                    yield shape, COMPONENTS[parameter]


@pytest.mark.parametrize("path", GOOD, ids=lambda path: path.stem)
def test_shapes_accept_good_example(path: Path) -> None:
    assert report(read(path), shapes()) == []


@pytest.mark.parametrize("path", BAD, ids=lambda path: path.stem)
def test_shapes_report_bad_example_exactly(path: Path) -> None:
    assert report(read(path), shapes()) == expected(path)


def test_shapes_have_no_expected_report_without_example() -> None:
    reports = (ROOT / "tests/examples/bad").glob("*.expected")
    assert {path.stem for path in reports} == {path.stem for path in BAD}
    assert all(expected(path) for path in BAD)


def test_shapes_have_bad_example_for_every_constraint() -> None:
    shown = {tuple(line.split("\t")[1:3]) for path in BAD for line in expected(path)}
    assert {(str(shape), component) for shape, component in constraints()} - shown == set()


def test_shapes_have_good_example_for_every_class_and_property() -> None:
    graph, examples = shapes(), read(*GOOD)
    shown: set[tuple[Node, Node]] = set()
    for node in examples.subjects(MZ.inRecord):
        for kind in examples.objects(node, RDF.type):
            shown.update((kind, path) for path in examples.predicates(node))
    wanted = {
        (kind, path)
        for shape, kind in graph.subject_objects(SH.targetClass)
        for path in [RDF.type, *(graph.value(rule, SH.path) for rule in graph.objects(shape, SH.property))]
    }
    assert wanted - shown == set()


def test_shapes_name_every_node_but_lists() -> None:
    graph = read(*(ONTOLOGY / "shapes").glob("*.ttl"))
    blank = {node for triple in graph for node in triple if isinstance(node, BNode)}
    assert {node for node in blank if (node, RDF.first, None) not in graph} == set()


def test_shapes_explain_every_rule_in_both_languages() -> None:
    graph = shapes()
    parts_of = {SH.NodeShape: [SH.message], SH.PropertyShape: [SH.message, SH.name], SH.SPARQLConstraint: [SH.message]}
    for kind, parts in parts_of.items():
        for shape in graph.subjects(RDF.type, kind):
            for part in parts:
                texts = [text for text in graph.objects(shape, part) if isinstance(text, Literal)]
                assert sorted(str(text.language) for text in texts) == ["ar", "en"], (shape, part)
            assert kind == SH.SPARQLConstraint or graph.value(shape, SH.severity) == SH.Violation, shape


def test_shapes_use_sparql_only_where_core_cannot_say_it() -> None:
    found = {str(shape).rpartition("/")[2] for shape in shapes().subjects(SH.sparql)}
    alone = {"law#ElementNumbers", "law#ElementsListed", "law#ParticipationsApart", "claim#ElementAssessment-belongs"}
    assert found == alone
    assert set(shapes().predicates()) & {SH.ask, SH.js} == set()


def test_shapes_declare_the_prefixes_of_their_sparql() -> None:
    graph = shapes()
    for constraint in graph.subjects(RDF.type, SH.SPARQLConstraint):
        module = URIRef(str(constraint).partition("#")[0])
        assert list(graph.objects(constraint, SH.prefixes)) == [module]
        prefixes = graph.objects(module, SH.declare)
        declared = [(str(graph.value(node, SH.prefix)), str(graph.value(node, SH.namespace))) for node in prefixes]
        assert declared == [("mz", str(MZ))]


@pytest.mark.parametrize("path", TURTLE, ids=lambda path: str(path.relative_to(ROOT)))
def test_shapes_and_data_are_in_canonical_form(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert canonical(text) == text


def test_shapes_of_terms_accept_the_ontology() -> None:
    found = results(read(*TERMS), read(ONTOLOGY / "shapes/meta.ttl"))
    assert [(focus, shape) for focus, shape, _, _ in found] == []


@pytest.mark.parametrize("path", [SKOS.prefLabel, SKOS.definition, RDFS.isDefinedBy])
@pytest.mark.parametrize("kind", [OWL.Class, OWL.ObjectProperty, OWL.DatatypeProperty])
def test_shapes_of_terms_refuse_an_incomplete_term(kind: URIRef, path: URIRef) -> None:
    data = read(ONTOLOGY / "core.ttl")
    term = min((term for term in data.subjects(RDF.type, kind) if str(term).startswith(str(MZ))), key=str)
    lost = [value for value in data.objects(term, path) if getattr(value, "language", None) != "en"]
    assert len(lost) == 1
    data.remove((term, path, lost[0]))
    focus = {focus for focus, _, _, _ in results(data, read(ONTOLOGY / "shapes/meta.ttl"))}
    assert focus == {term}
