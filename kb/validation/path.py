"""Property paths of SHACL as functions from a node to the nodes at the path's end."""

from __future__ import annotations

from collections.abc import Callable, Collection

from rdflib import Graph, URIRef
from rdflib.namespace import RDF, SH
from rdflib.term import Node

from kb.validation.facts import TYPE, Facts
from kb.validation.term import term

Path = Callable[[Facts, str], Collection[str]]
_DEEP = 8  # pySHACL follows ten steps into a path and raises beyond


class Refused(Exception):
    """What stands here is not compiled: the constraint component or the part concerned, and the reason."""

    def __init__(self, component: str, reason: str) -> None:
        super().__init__(f"{component}: {reason}")
        self.component = component
        self.reason = reason


def compile_path(shapes: Graph, path: Node, inverse: bool = False, depth: int = 0) -> Path:
    """The function that follows `path`; Refused for what is no path, or one that pySHACL reads unlike the standard."""
    if depth > _DEEP:
        raise Refused("path", "it is nested too deep")
    if isinstance(path, URIRef):
        return _backward(term(path)) if inverse else _forward(term(path))
    described = dict(shapes.predicate_objects(path))
    if set(described) == {RDF.first, RDF.rest}:
        if inverse:  # pySHACL 0.40 turns the steps round and not their order
            raise Refused("path", "an inverse of a sequence")
        parts = list(shapes.items(path))
        if len(parts) < 2:
            raise Refused("path", "a sequence of fewer than two")
        return _sequence([compile_path(shapes, part, depth=depth + n + 1) for n, part in enumerate(parts)])
    if len(described) != 1:
        raise Refused("path", "it is not well-formed")
    ((kind, inner),) = described.items()
    if kind == SH.inversePath:
        return compile_path(shapes, inner, not inverse, depth + 1)
    if kind == SH.alternativePath:
        members = list(shapes.items(inner))
        if len(members) < 2:
            raise Refused("path", "an alternative of fewer than two")
        return _alternative([compile_path(shapes, m, inverse, depth + 1) for m in members])
    if kind not in (SH.zeroOrMorePath, SH.oneOrMorePath, SH.zeroOrOnePath):
        raise Refused("path", f"{kind} is not known")
    step = compile_path(shapes, inner, inverse, depth + 1)
    if kind == SH.zeroOrOnePath:
        return lambda facts, node: {node, *step(facts, node)}
    return _repeated(step, kind == SH.zeroOrMorePath)


def predicates_of(shapes: Graph, path: Node) -> set[str]:
    """The predicates that a path follows."""
    if isinstance(path, URIRef):
        return {term(path)}
    parts = shapes.items(path) if (path, RDF.first, None) in shapes else shapes.objects(path)
    return {predicate for part in parts if part != path for predicate in predicates_of(shapes, part)}


def _forward(predicate: str) -> Path:
    return lambda facts, node: facts.values(node, predicate)


def _backward(predicate: str) -> Path:
    if predicate == TYPE:
        raise Refused("path", "the inverse of rdf:type leads to every record there is")
    return lambda facts, node: facts.sources(predicate, node)


def _sequence(steps: list[Path]) -> Path:
    def follow(facts: Facts, node: str) -> Collection[str]:
        reached: Collection[str] = (node,)
        for step in steps:
            reached = {found for at in reached for found in step(facts, at)}
        return reached

    return follow


def _alternative(steps: list[Path]) -> Path:
    return lambda facts, node: {found for step in steps for found in step(facts, node)}


def _repeated(step: Path, with_start: bool) -> Path:
    def follow(facts: Facts, node: str) -> Collection[str]:
        reached = {node} if with_start else set()
        pending = list(step(facts, node))
        while pending:
            at = pending.pop()
            if at not in reached:
                reached.add(at)
                pending.extend(step(facts, at))
        return reached

    return follow
