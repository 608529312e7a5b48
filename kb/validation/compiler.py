"""The compiler: a shapes graph into shapes that run. What it does not know it refuses by name, and guesses nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import partial

from rdflib import RDF, Graph, Literal, URIRef
from rdflib.namespace import OWL, RDFS, SH
from rdflib.term import Node

from kb.validation import component as make
from kb.validation.finding import path_text, spoken
from kb.validation.path import Refused, compile_path, predicates_of
from kb.validation.shape import MANY, Check, Rule, Shape
from kb.validation.sparql import compile_query, query_check
from kb.validation.term import FALSE, term
from kb.validation.value import VALUE_TESTS, members, number, only

_DEEP = 10  # shapes within shapes; pySHACL stops with an error at 15
_TARGETS = {SH.targetClass, SH.targetNode, SH.targetSubjectsOf, SH.targetObjectsOf}
_BESIDE = {SH.path, SH.severity, SH.message, SH.name, SH.description, SH.order, SH.group, SH.defaultValue,
           SH.deactivated, SH.flags, SH.ignoredProperties, SH.qualifiedMinCount, SH.qualifiedMaxCount,
           SH.qualifiedValueShapesDisjoint, *_TARGETS}  # fmt: skip
_SHAPES = {SH.NodeShape, SH.PropertyShape}
_LISTS: dict[Node, tuple[str, Callable[[int, int], bool]]] = {
    SH["and"]: ("AndConstraintComponent", lambda all_, met: met == all_),
    SH["or"]: ("OrConstraintComponent", lambda all_, met: met > 0),
    SH.xone: ("XoneConstraintComponent", lambda all_, met: met == 1),
}
NOTHING, CLASSES, MORE = 0, 1, 2
"""How much a shape asks of a node: nothing but its term; its classes; its other properties."""


class Compiler:
    """Compiles the shapes of one graph; knows afterwards which predicates lead them to other nodes."""

    def __init__(self, shapes: Graph) -> None:
        self.shapes = shapes
        self.typed: set[str] = set()  # predicates whose objects' classes are asked for
        self.far: set[str] = set()  # predicates that lead on to more than that
        self._done: dict[tuple[Node, bool], Shape] = {}
        self._asks: dict[tuple[Node, bool], int] = {}
        self._open: list[Node] = []

    def shape(self, node: Node, heard: bool = True) -> Shape:
        """The compiled shape; `heard` when its own results reach the report, so that they need messages.

        Refused with the component that stops it, its own or one of a shape inside.
        """
        key = (node, heard)
        if key not in self._done:
            if node in self._open:
                raise Refused("recursion", f"{node} refers to itself")
            if len(self._open) > _DEEP:
                raise Refused("shape", "shapes are nested too deep")
            self._open.append(node)
            try:
                self._done[key] = _Build(self, node, heard).shape
            finally:
                self._open.pop()
        return self._done[key]

    def asks(self, node: Node, heard: bool) -> int:
        """How much a compiled shape asks of its focus node."""
        return self._asks[node, heard]

    def set_asks(self, node: Node, heard: bool, of_focus: int) -> None:
        """Remember how much a shape asks of its focus node."""
        self._asks[node, heard] = of_focus

    def is_property_shape(self, node: Node) -> bool:
        """Whether pySHACL takes it for a property shape."""
        kinds = set(self.shapes.objects(node, RDF.type))
        return SH.PropertyShape in kinds or (SH.NodeShape not in kinds and (node, SH.path, None) in self.shapes)


class _Build:
    """One shape being compiled."""

    def __init__(self, compiler: Compiler, node: Node, heard: bool) -> None:
        self.compiler, self.shapes, self.node, self.heard = compiler, compiler.shapes, node, heard
        self.shape = Shape()
        self.of_focus = self.of_value = NOTHING
        self.inner_settled = True
        self.parameters = set(self.shapes.predicates(node))
        self.path = self._path()
        self.severity = str(only(self.shapes, node, SH.severity) if SH.severity in self.parameters else SH.Violation)
        self.messages = list(self.shapes.objects(node, SH.message))
        self._check_form()
        if not self._deactivated(node):
            for parameter in sorted(self.parameters - _BESIDE, key=str):
                self._parameter(parameter)
        self._reach()

    def _path(self) -> Node | None:
        if not self.compiler.is_property_shape(self.node):
            if SH.path in self.parameters:
                raise Refused("path", "a node shape has one")
            return None
        path = only(self.shapes, self.node, SH.path)
        self.shape.path = compile_path(self.shapes, path)
        self.shape.predicate = make.predicate(path)
        return path

    def _check_form(self) -> None:
        kinds = set(self.shapes.objects(self.node, RDF.type))
        if kinds - {*_SHAPES, RDFS.Class, OWL.Class}:
            raise Refused("type", "it is of a class that is not known here")
        if kinds >= _SHAPES:
            raise Refused("type", "it is a node shape and a property shape")
        if SH.ignoredProperties in self.parameters and SH.closed not in self.parameters:
            raise Refused("ignoredProperties", "it is not closed")

    def _deactivated(self, node: Node) -> bool:
        if (node, SH.deactivated, None) not in self.shapes:
            return False
        said = only(self.shapes, node, SH.deactivated)
        if not isinstance(said, Literal) or not isinstance(said.value, bool):
            raise Refused("deactivated", f"{said} is not a boolean")
        return said.value

    def _parameter(self, parameter: Node) -> None:
        if parameter in VALUE_TESTS:
            name, tests = VALUE_TESTS[parameter]
            self.shape.tests += [(test, self._rule(name)) for test in tests(self.shapes, self.node)]
        elif parameter in _PARAMETERS:
            self.shape.checks += _PARAMETERS[parameter](self)
        elif str(parameter).startswith(str(SH)):
            raise Refused(str(parameter).removeprefix(str(SH)), "this is not compiled")

    def _rule(self, name: str, texts: Iterable[Node] = ()) -> Rule:
        if self.heard and not self.messages and not texts and name != "SPARQLConstraintComponent":
            raise Refused("message", "there is none, and pySHACL would make one")
        path = path_text(self.shapes, self.path)
        severity = self.severity.rpartition("#")[2]
        return Rule(str(self.node), name, severity, path, spoken(self.messages))

    def _inner(self, node: Node, heard: bool = False) -> Shape:
        """A shape that values are held against."""
        found = self.compiler.shape(node, heard)
        self.of_value = max(self.of_value, self.compiler.asks(node, heard))
        self.inner_settled &= found.settled
        return found

    def _near(self, check: Check, *predicates: str) -> Check:
        """A check that looks at nothing but the values, their classes, and the focus node's values of `predicates`."""
        self.shape.near[check] = predicates
        return check

    def _predicates(self, parameter: URIRef) -> Iterator[str]:
        """The predicates whose objects at the focus node a parameter names."""
        for written in self.shapes.objects(self.node, parameter):
            found = make.predicate(written)
            if found is None:
                raise Refused(parameter.fragment, f"{written} is no predicate")
            self.of_focus = MORE
            yield found

    def _reach(self) -> None:
        """Note which predicates lead to nodes of which more is asked than their term."""
        compiler = self.compiler
        if self.path is None:
            self.of_focus = max(self.of_focus, self.of_value)
        elif self.shape.predicate is not None:
            if self.of_value >= CLASSES:
                compiler.typed.add(self.shape.predicate)
            if self.of_value >= MORE:
                compiler.far.add(self.shape.predicate)
            self.of_focus = max(self.of_focus, CLASSES if self.path == RDF.type and not self.of_value else MORE)
        else:
            compiler.typed |= predicates_of(self.shapes, self.path)
            compiler.far |= predicates_of(self.shapes, self.path)
            self.of_focus = MORE
        compiler.set_asks(self.node, self.heard, self.of_focus)
        self.shape.inner = self.shape.has_inner()
        asked = self.shape.counts or self.shape.kinds or self.shape.checks or self.shape.inner
        self.shape.lone = self.path is None and not asked
        of_term = self.shape.tests or SH.hasValue in self.parameters or not self.inner_settled
        self.shape.settled = self.of_focus <= CLASSES and (self.path is not None or not of_term)

    # one function for each parameter

    def counts(self, parameter: URIRef, name: str) -> Iterator[Check]:
        """sh:minCount and sh:maxCount."""
        if self.path is None:
            raise Refused(parameter.fragment, "it stands on a node shape")
        limit = number(self.shapes, self.node, parameter)
        least, most = (limit, MANY) if parameter == SH.minCount else (0, limit)
        self.shape.counts.append((least, most, self._rule(name)))
        yield from ()

    def classes(self) -> Iterator[Check]:
        """sh:class."""
        self.of_value = max(self.of_value, CLASSES)
        for kind in self.shapes.objects(self.node, SH["class"]):
            self.shape.kinds.append((term(kind), self._rule("ClassConstraintComponent")))
        yield from ()

    def has_values(self) -> Iterator[Check]:
        """sh:hasValue."""
        for value in self.shapes.objects(self.node, SH.hasValue):
            if term(value) == FALSE:
                raise Refused("hasValue", "ill-typed booleans are equal to false for pySHACL")
            yield make.has_value(term(value), self._rule("HasValueConstraintComponent"))

    def unique_language(self) -> Iterator[Check]:
        """sh:uniqueLang."""
        said = only(self.shapes, self.node, SH.uniqueLang)
        if self.path is None or not isinstance(said, Literal) or not isinstance(said.value, bool):
            raise Refused("uniqueLang", "it is no boolean on a property shape")
        if said.value:
            yield self._near(make.unique_language(self._rule("UniqueLangConstraintComponent")))

    def pairs(self, parameter: URIRef, name: str) -> Iterator[Check]:
        """sh:equals, sh:disjoint, sh:lessThan, sh:lessThanOrEquals."""
        for predicate in self._predicates(parameter):
            rule = self._rule(name)
            if parameter == SH.equals:
                yield make.equal(predicate, rule)
            elif parameter == SH.disjoint:
                yield make.disjoint(predicate, rule)
            elif self.path is None:
                raise Refused(parameter.fragment, "it stands on a node shape")
            else:
                before = make.less if parameter == SH.lessThan else make.less_or_equal
                yield self._near(make.ordered(predicate, before, rule), predicate)

    def lists(self, parameter: URIRef) -> Iterator[Check]:
        """sh:and, sh:or, sh:xone."""
        name, accept = _LISTS[parameter]
        for head in self.shapes.objects(self.node, parameter):
            nodes = members(self.shapes, head, parameter)
            if not nodes:
                raise Refused(parameter.fragment, "its list is empty")
            inner = [self._inner(node) for node in nodes]
            rule = self._rule(name)
            if parameter == SH["or"] and all(map(_only_classes, inner)):
                yield self._near(make.any_class([[kind for kind, _ in shape.kinds] for shape in inner], rule))
            else:
                several = parameter == SH["or"]
                check = make.any_of(inner, rule) if several else make.joined(inner, partial(accept, len(inner)), rule)
                if self.path is None and all(map(_only_presence, inner)):
                    self.shape.of_kind.add(check)
                yield check

    def nots(self) -> Iterator[Check]:
        """sh:not."""
        for node in self.shapes.objects(self.node, SH["not"]):
            yield make.joined([self._inner(node)], lambda met: met == 0, self._rule("NotConstraintComponent"))

    def nodes(self) -> Iterator[Check]:
        """sh:node."""
        for node in self.shapes.objects(self.node, SH.node):
            if self.compiler.is_property_shape(node):
                raise Refused("node", f"{node} is a property shape")
            yield make.like(self._inner(node, self.heard), self._rule("NodeConstraintComponent"))

    def qualified(self) -> Iterator[Check]:
        """sh:qualifiedValueShape with its counts."""
        if self.path is None:
            raise Refused("qualifiedValueShape", "it stands on a node shape")
        counted = [
            (number(self.shapes, self.node, parameter), self._rule(name)) if parameter in self.parameters else None
            for parameter, name in (
                (SH.qualifiedMinCount, "QualifiedMinCountConstraintComponent"),
                (SH.qualifiedMaxCount, "QualifiedMaxCountConstraintComponent"),
            )
        ]
        if counted == [None, None]:
            raise Refused("qualifiedValueShape", "it has no count")
        wanted = set(self.shapes.objects(self.node, SH.qualifiedValueShape))
        for node in wanted:
            siblings = [self._inner(sibling) for sibling in self._siblings() - {node}]
            inner = self._inner(node)
            check = make.qualified(inner, siblings, *counted)
            yield self._near(check) if all(shape.lone for shape in (inner, *siblings)) else check

    def _siblings(self) -> set[Node]:
        said = set(self.shapes.objects(self.node, SH.qualifiedValueShapesDisjoint))
        if not any(isinstance(d, Literal) and d.value is True for d in said):
            return set()
        parents = self.shapes.subjects(SH.property, self.node)
        beside = {shape for parent in parents for shape in self.shapes.objects(parent, SH.property)}
        return {inner for shape in beside for inner in self.shapes.objects(shape, SH.qualifiedValueShape)}

    def properties(self) -> Iterator[Check]:
        """sh:property: what the property shapes say is the shape's own result, so nothing is yielded."""
        for node in self.shapes.objects(self.node, SH.property):
            if not self.compiler.is_property_shape(node):
                raise Refused("property", f"{node} is no property shape")
            inner = self._inner(node, self.heard)
            if inner.predicate is not None and not _fails_empty(self.shapes, node):
                self.shape.properties.setdefault(inner.predicate, []).append(inner)
            else:
                self.shape.always.append(inner)
        yield from ()

    def closed(self) -> Iterator[Check]:
        """sh:closed with sh:ignoredProperties: part of the shape, so nothing is yielded."""
        said = only(self.shapes, self.node, SH.closed)
        if not isinstance(said, Literal) or not isinstance(said.value, bool):
            raise Refused("closed", f"{said} is not a boolean")
        if said.value:
            self.of_value = MORE
            ignored = {
                node
                for head in self.shapes.objects(self.node, SH.ignoredProperties)
                for node in members(self.shapes, head, SH.ignoredProperties)
            }
            paths = {
                path
                for shape in self.shapes.objects(self.node, SH.property)
                for path in self.shapes.objects(shape, SH.path)
            }
            self.shape.closed = (frozenset(map(term, ignored | paths)), self._rule("ClosedConstraintComponent"))
        yield from ()

    def queries(self) -> Iterator[Check]:
        """sh:sparql, on node shapes."""
        if self.path is not None:
            raise Refused("sparql", "it stands on a property shape")
        for constraint in self.shapes.objects(self.node, SH.sparql):
            query = compile_query(self.shapes, constraint)
            self.of_focus = MORE
            self.compiler.far |= query.far
            if not self._deactivated(constraint):
                templates = [] if self.messages else list(self.shapes.objects(constraint, SH.message))
                yield query_check(query, self._rule("SPARQLConstraintComponent"), templates)


def _only_classes(shape: Shape) -> bool:
    """Whether a shape asks for nothing but classes of the focus node itself."""
    return shape.path is None and not (shape.tests or shape.checks or shape.has_inner())


def _only_presence(shape: Shape) -> bool:
    """Whether a shape asks nothing but that the focus node has values of some predicates, however many and which."""
    if shape.tests or shape.kinds or shape.checks or shape.closed is not None:
        return False
    if shape.path is None:
        return all(map(_only_presence, [*shape.always, *(s for found in shape.properties.values() for s in found)]))
    any_number = all(least <= 1 and most == MANY for least, most, _ in shape.counts)
    return shape.predicate is not None and any_number and not shape.has_inner()


def _fails_empty(shapes: Graph, node: Node) -> bool:
    """Whether a property shape can have a result about a focus node that has no value for it."""
    return bool({SH.minCount, SH.hasValue, SH.equals, SH.qualifiedMinCount} & set(shapes.predicates(node)))


_PARAMETERS: dict[Node, Callable[[_Build], Iterator[Check]]] = {
    SH.minCount: lambda build: build.counts(SH.minCount, "MinCountConstraintComponent"),
    SH.maxCount: lambda build: build.counts(SH.maxCount, "MaxCountConstraintComponent"),
    SH["class"]: _Build.classes,
    SH.hasValue: _Build.has_values,
    SH.uniqueLang: _Build.unique_language,
    SH.equals: lambda build: build.pairs(SH.equals, "EqualsConstraintComponent"),
    SH.disjoint: lambda build: build.pairs(SH.disjoint, "DisjointConstraintComponent"),
    SH.lessThan: lambda build: build.pairs(SH.lessThan, "LessThanConstraintComponent"),
    SH.lessThanOrEquals: lambda build: build.pairs(SH.lessThanOrEquals, "LessThanOrEqualsConstraintComponent"),
    SH["and"]: lambda build: build.lists(SH["and"]),
    SH["or"]: lambda build: build.lists(SH["or"]),
    SH.xone: lambda build: build.lists(SH.xone),
    SH["not"]: _Build.nots,
    SH.node: _Build.nodes,
    SH.qualifiedValueShape: _Build.qualified,
    SH.property: _Build.properties,
    SH.closed: _Build.closed,
    SH.sparql: _Build.queries,
}
