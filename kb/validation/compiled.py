"""The shipped shapes compiled: a record's text in, its findings out; what is kept in between makes none of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from threading import Lock

from rdflib import Graph
from rdflib.namespace import OWL, RDF, RDFS, SH
from rdflib.term import Node

from kb.record import owner
from kb.validation import oracle
from kb.validation.arrangement import Learn
from kb.validation.compiler import Compiler
from kb.validation.facts import TYPE, Facts, Types, record_of
from kb.validation.finding import Finding
from kb.validation.likeness import Likeness
from kb.validation.path import Refused
from kb.validation.plan import Plan
from kb.validation.shape import Failure, Shape
from kb.validation.term import lexical, term

_MANY = 20  # records of which it pays to remember what was found
_PLANS = 4096  # kinds of nodes (classes and predicates) whose shapes are remembered
_Planned = list[tuple[str, Plan]]
_TARGETS = (SH.targetClass, SH.targetNode, SH.targetSubjectsOf, SH.targetObjectsOf)


@dataclass(frozen=True, slots=True)
class Refusal:
    """A shape that is not compiled and is left to pySHACL: its IRI, the component that stops it, and why."""

    shape: str
    component: str
    reason: str


@dataclass(slots=True)
class Examined:
    """What could be said of some records, and which of them, by index, could not be checked yet.

    `waiting` gives the nodes whose classes are not known, `linked` the other records whose triples count; `nodes` the
    nodes of all records by their classes, when they were asked for.
    """

    findings: list[Finding] = field(default_factory=list)
    waiting: list[tuple[int, set[str]]] = field(default_factory=list)
    linked: list[tuple[int, set[str]]] = field(default_factory=list)
    nodes: dict[tuple[str, ...], list[str]] = field(default_factory=dict)


@dataclass(slots=True)
class _Targets:
    """Shapes by what they are aimed at."""

    classes: dict[str, list[Shape]] = field(default_factory=dict)
    subjects: dict[str, list[Shape]] = field(default_factory=dict)
    objects: dict[str, list[Shape]] = field(default_factory=dict)
    nodes: dict[str, list[Shape]] = field(default_factory=dict)

    def add(self, shapes: Graph, node: Node, shape: Shape) -> None:
        """Aim a shape at all that it targets."""
        by_kind = dict(zip(_TARGETS, (self.classes, self.nodes, self.subjects, self.objects), strict=True))
        for parameter, aimed in by_kind.items():
            for target in shapes.objects(node, parameter):
                aimed.setdefault(term(target), []).append(shape)
        if _is_class(shapes, node):
            self.classes.setdefault(term(node), []).append(shape)


class Compiled:
    """A shapes graph as functions; it can be pickled, and compiles itself anew in the other process.

    Findings are pySHACL's, result by result, but for values that cannot be compared: there they are the standard's,
    a result for each, where pySHACL raises and ends. `refused` names the shapes that are not compiled;
    the records that those target are given to pySHACL with these shapes alone.
    """

    def __init__(self, shapes: Graph) -> None:
        self._shapes = shapes
        self._aimed, self._left = _Targets(), _Targets()
        self._plans: dict[tuple[tuple[str, ...], tuple[str, ...]], Plan] = {}
        compiler = Compiler(shapes)
        unfit = _unfit(shapes)
        refused: dict[Node, Refusal] = {}
        for node in sorted(_with_targets(shapes), key=str):
            try:
                if unfit is not None:
                    raise unfit
                self._aimed.add(shapes, node, compiler.shape(node))
            except Refused as error:
                refused[node] = Refusal(str(node), error.component, error.reason)
                self._left.add(shapes, node, Shape())
        self.refused = tuple(refused.values())
        self.far = frozenset({*compiler.far, *self._aimed.objects})
        self.typed = None if refused else frozenset(compiler.typed)
        self._likeness = None if refused or self._aimed.nodes else Likeness()
        self._in_use = Lock()  # one run at a time remembers
        self._rest = oracle.without(shapes, lambda t: t[1] in _TARGETS and t[0] not in refused) if refused else shapes

    def __reduce__(self) -> tuple[object, tuple[Graph, ...]]:
        """How to make it again elsewhere: closures cannot travel."""
        return (shipped, ()) if self._shapes is oracle.shapes() else (Compiled, (self._shapes,))

    def check(self, text: str, types: Types) -> list[Finding]:
        """The findings about one record (or several that need each other), sorted.

        `text` is canonical N-Triples, as the ledger keeps it; `types` gives the classes of nodes elsewhere, and a
        node that it lacks has none.
        """
        facts = Facts(text, types)
        findings, targeted = self._judged(facts, self._planned(facts))
        if targeted:
            findings += oracle.check([text], types, self._rest)
        return sorted(findings)

    def examine(
        self,
        texts: Sequence[str],
        types: Types,
        *,
        joined: bool = False,
        remember: bool = False,
        learn: Learn | None = None,
    ) -> Examined:
        """The findings about those records for which all that counts is known.

        That is the classes of all foreign nodes by `types`, and no triples of other records. With `joined`, each text
        already holds the triples that count, and no record is `linked`. With `remember` the nodes are given back.
        Verdicts about values are kept for the next call with the same mapping `types`, to which nodes may be added
        in between, but which must not give another answer about one that it has.
        `learn` is told what nodes a record needs that `types` lacks and may add them there, so that it is read once.
        """
        if self._likeness is None or len(texts) < _MANY or not self._in_use.acquire(blocking=False):
            return self._examine(texts, types, None, joined, remember, learn)
        try:
            self._likeness.begin(types, learn)
            return self._examine(texts, types, self._likeness, joined, remember, learn)
        finally:
            self._in_use.release()

    def _examine(
        self,
        texts: Sequence[str],
        types: Types,
        likeness: Likeness | None,
        joined: bool,
        remember: bool,
        learn: Learn | None,
    ) -> Examined:
        done = Examined()
        left = []
        for index, text in enumerate(texts):
            cut = likeness.cut(text) if likeness is not None else None
            if cut is not None and cut.conforms():
                if remember and cut.arrangement is not None:
                    for kinds, node in cut.arrangement.nodes:
                        done.nodes.setdefault(kinds, []).append(f"<{cut.iri}{node}")
                continue
            facts = Facts(text, types)
            if remember:
                for node, properties in facts.nodes.items():
                    done.nodes.setdefault(tuple(properties.get(TYPE, ())), []).append(node)
            planned = self._planned(facts)
            if not joined and (partners := self._partners(facts, planned)):
                done.linked.append((index, partners))
                continue
            unknown = self._unknown(facts, planned)
            if unknown and learn is not None:
                learn(unknown)
                unknown -= types.keys()
            if unknown:
                done.waiting.append((index, unknown))
                continue
            findings, targeted = self._judged(facts, planned)
            done.findings += findings
            if targeted:
                left.append(text)
            elif cut is not None and cut.is_new and not findings:
                cut.learn(facts, planned)
        if left:
            done.findings += oracle.check(left, types, self._rest)
        return done

    def partners(self, text: str) -> set[str]:
        """The other records whose triples, not their classes alone, bear on this one."""
        facts = Facts(text, {})
        return self._partners(facts, self._planned(facts))

    def _planned(self, facts: Facts) -> _Planned:
        """Each node of a record with the plan for its kind."""
        planned = []
        plans = self._plans
        for node, properties in facts.nodes.items():
            classes = facts.classes(node)
            key = (tuple(classes), tuple(properties))
            plan = plans.get(key)
            if plan is None or facts.above:
                if len(plans) >= _PLANS:
                    plans.clear()
                plan = Plan(_aimed(self._aimed, classes, properties), facts, node)
                plan.far = [p for p in properties if p in self.far]
                plan.typed = [p for p in properties if (p != TYPE if self.typed is None else p in self.typed)]
                if not facts.above:
                    plans[key] = plan
            planned.append((node, plan))
        return planned

    def _partners(self, facts: Facts, planned: _Planned) -> set[str]:
        found = {
            record_of(value)
            for node, plan in planned
            if plan.far
            for name in plan.far
            for value in facts.nodes[node][name]
            if value[0] == "<"
        }
        return found - facts.owners() if found else found

    def _unknown(self, facts: Facts, planned: _Planned) -> set[str]:
        found = set()
        nodes, known = facts.nodes, facts.foreign
        for node, plan in planned:
            properties = nodes[node]
            for predicate in plan.typed:
                for value in properties[predicate]:
                    if value not in nodes and value not in known and value[0] == "<":
                        found.add(value)
        if found:
            own = facts.owners()
            found = {value for value in found if record_of(value) not in own}
        return found

    def _judged(self, facts: Facts, planned: _Planned) -> tuple[list[Finding], bool]:
        """The findings of the compiled shapes, and whether a shape that is not compiled is aimed at a node here."""
        failures: list[Failure] = []
        for node, plan in planned:
            plan.run(facts, node, failures)
        # what an object of some predicate is held against, other records' triples count for: so it is `far`
        if self._aimed.nodes or any(plan.far for _, plan in planned):
            for node, shape in self._aimed_at_objects(facts):
                shape.check(facts, node, failures)
        if not failures:
            return [], self._left_over(facts)
        owners = facts.owners()
        return [f for f in map(_finding, failures) if f.record in owners], self._left_over(facts)

    def _aimed_at_objects(self, facts: Facts) -> set[tuple[str, Shape]]:
        """Focus nodes that are so as objects of a triple, or by name, and that no subject's plan has had."""
        targets = self._aimed
        found = {
            (value, shape)
            for predicate, shapes in targets.objects.items()
            for properties in facts.nodes.values()
            for value in properties.get(predicate, ())
            for shape in shapes
        }
        if targets.nodes:
            owners = facts.owners()
            found |= {(n, shape) for n, shapes in targets.nodes.items() if record_of(n) in owners for shape in shapes}
        return {
            (node, shape)
            for node, shape in found
            if shape not in _aimed(targets, facts.classes(node), facts.properties(node))
        }

    def _left_over(self, facts: Facts) -> bool:
        if not self.refused:
            return False
        left = self._left
        owners = facts.owners()
        return any(record_of(node) in owners for node in left.nodes) or any(
            left.objects.keys() & properties.keys() or _aimed(left, facts.classes(node), properties)
            for node, properties in facts.nodes.items()
        )


def _aimed(targets: _Targets, classes: Iterable[str], predicates: Iterable[str]) -> dict[Shape, None]:
    """The shapes aimed at a node by its classes or by the predicates that it is a subject of."""
    by_class = (shape for kind in classes for shape in targets.classes.get(kind, ()))
    by_predicate = (shape for predicate in predicates for shape in targets.subjects.get(predicate, ()))
    return dict.fromkeys([*by_class, *by_predicate])


def _finding(failure: Failure) -> Finding:
    focus_term, path, value, rule = failure
    focus = lexical(focus_term)
    text = "" if value is None else lexical(value)
    return Finding(owner(focus), focus, path, text, rule.shape, rule.component, rule.severity, rule.messages)


def _is_class(shapes: Graph, node: Node) -> bool:
    return (node, RDF.type, RDFS.Class) in shapes or (node, RDF.type, OWL.Class) in shapes


def _with_targets(shapes: Graph) -> set[Node]:
    """The shapes that choose their own focus nodes."""
    found = {node for parameter in _TARGETS for node in shapes.subjects(parameter)}
    kinds = {node for kind in (SH.NodeShape, SH.PropertyShape) for node in shapes.subjects(RDF.type, kind)}
    return found | {node for node in kinds if _is_class(shapes, node)}


def _unfit(shapes: Graph) -> Refused | None:
    """Why pySHACL would not load the graph, or would find constraint components of its own in it; else None."""
    if (None, RDF.type, SH.ConstraintComponent) in shapes or (None, RDFS.subClassOf, SH.ConstraintComponent) in shapes:
        return Refused("ConstraintComponent", "the graph declares its own")
    for reason in _faults(shapes):
        return Refused("shapes graph", reason)
    return None


def _faults(shapes: Graph) -> Iterator[str]:
    for node in shapes.subjects(RDF.type, SH.NodeShape):
        if (node, SH.path, None) in shapes:
            yield f"{node} is a node shape and has a path"
    for node in shapes.subjects(RDF.type, SH.PropertyShape):
        if len(list(shapes.objects(node, SH.path))) != 1:
            yield f"{node} is a property shape without one path"
    for node in set(shapes.subjects(SH.deactivated)):
        if len(list(shapes.objects(node, SH.deactivated))) != 1:
            yield f"{node} is deactivated more than once"
    for parameter in (SH["and"], SH["or"], SH.xone):
        for head in shapes.objects(None, parameter):
            if (head, RDF.first, None) not in shapes:
                yield f"{parameter} has an empty list"


@lru_cache(maxsize=1)
def shipped() -> Compiled:
    """The shipped shapes, compiled once a process."""
    return Compiled(oracle.shapes())
