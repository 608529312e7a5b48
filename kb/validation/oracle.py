"""pySHACL, the reference engine: the oracle of the tests, and what checks the shapes that are not compiled."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable
from functools import lru_cache

from rdflib import Graph, URIRef
from rdflib.namespace import RDF, SH
from rdflib.term import Node

from kb import paths
from kb.record import owner
from kb.validation.facts import TYPE, Types
from kb.validation.finding import Finding, path_text, spoken
from kb.validation.term import quiet

COMPARING = {SH.lessThan, SH.lessThanOrEquals, SH.minInclusive, SH.minExclusive, SH.maxInclusive, SH.maxExclusive}
"""The constraints for which pySHACL raises on some values."""


@lru_cache(maxsize=1)
def shapes() -> Graph:
    """The shipped shapes for records, parsed once a process."""
    graph = Graph(bind_namespaces="none")
    for path in sorted((paths.shipped("ontology") / "shapes").glob("*.ttl")):
        if path.stem != "meta":
            graph.parse(path, format="turtle")
    return graph


def check(texts: list[str], types: Types, rules: Graph) -> list[Finding]:
    """Run pySHACL over records, given as canonical N-Triples, with the classes of nodes that stand elsewhere.

    Only results about nodes of these records count. Values that cannot be compared make pySHACL raise; then each
    record is checked alone, and the one that raises is checked without comparisons and reported as a whole for that.
    """
    owners = {owner(line[1 : line.index(">")]) for text in texts for line in text.split("\n") if line}
    try:
        return _run("".join([*texts, *_classes(texts, types)]), owners, rules)
    except (TypeError, ArithmeticError, DeprecationWarning) as error:
        if len(texts) > 1:
            return [finding for text in texts for finding in check([text], types, rules)]
        rest = _run("".join([*texts, *_classes(texts, types)]), owners, without_comparisons(rules))
        return [*rest, *(_incomparable(record, str(error)) for record in sorted(owners))]


@lru_cache(maxsize=4)
def without_comparisons(rules: Graph) -> Graph:
    """The same shapes without the constraints that compare values."""
    return without(rules, lambda t: t[1] in COMPARING)


def without(rules: Graph, left_out: Callable[[tuple[Node, Node, Node]], bool]) -> Graph:
    """Shapes without some of their triples, with the prefixes that pySHACL uses in messages of its own.

    The values of a property keep their order, which a graph as a whole does not: of two severities pySHACL takes the
    first.
    """
    graph = Graph(bind_namespaces="none")
    for prefix, namespace in rules.namespaces():
        graph.bind(prefix, namespace)
    for subject, predicate in {(s, p) for s, p, _ in rules}:
        triples = ((subject, predicate, value) for value in rules.objects(subject, predicate))
        graph += (t for t in triples if not left_out(t))
    return graph


def _run(text: str, owners: set[str], rules: Graph) -> list[Finding]:
    import pyshacl  # half a second to import: only where it is needed

    data = Graph(bind_namespaces="none")
    with quiet(), warnings.catch_warnings():
        data.parse(data=text, format="nt")
        # rdflib says by this warning that `<=` has taken two values for ordered that cannot be compared
        warnings.filterwarnings("error", "NotImplemented should not be used", DeprecationWarning)
        _, report, _ = pyshacl.validate(data, shacl_graph=rules, inplace=True, advanced=False, meta_shacl=False)
    assert isinstance(report, Graph)
    results = report.subjects(RDF.type, SH.ValidationResult)
    found = [_finding(report, result, rules) for result in results]
    return [finding for finding in found if finding.record in owners]


def _classes(texts: list[str], types: Types) -> Iterable[str]:
    """The classes of what the records point to, as N-Triples."""
    objects = {line[:-2].rpartition(" ")[2] for text in texts for line in text.split("\n") if line.endswith("> .")}
    return (f"{node} {TYPE} {kind} .\n" for node in sorted(objects & types.keys()) for kind in types[node])


def _finding(report: Graph, result: Node, rules: Graph) -> Finding:
    def value(predicate: URIRef) -> str:
        found = report.value(result, predicate)
        return "" if found is None else str(found)

    focus = value(SH.focusNode)
    # pySHACL 0.40 drops the language tags of messages of SPARQL constraints, so the shape is asked first.
    written = [*rules.objects(report.value(result, SH.sourceShape), SH.message)]
    return Finding(
        owner(focus), focus, path_text(rules, report.value(result, SH.resultPath)), value(SH.value),
        value(SH.sourceShape), value(SH.sourceConstraintComponent).rpartition("#")[2],
        value(SH.resultSeverity).rpartition("#")[2], spoken(written or report.objects(result, SH.resultMessage)),
    )  # fmt: skip


def _incomparable(record: str, reason: str) -> Finding:
    words = ("ar", "في السجل قيم لا يمكن مقارنتها. صحّح أنواعها."), ("en", f"Values cannot be compared: {reason}")
    return Finding(record, record, "", "", "", "LessThanConstraintComponent", "Violation", words)
