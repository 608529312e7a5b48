"""What a validation says: one finding for each SHACL result."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from rdflib import Graph, Literal, URIRef
from rdflib.namespace import RDF, SH
from rdflib.term import Node

_MARKS: dict[Node, str] = {SH.zeroOrMorePath: "*", SH.oneOrMorePath: "+", SH.zeroOrOnePath: "?"}


@dataclass(frozen=True, slots=True, order=True)
class Finding:
    """One SHACL result: where, which value, which rule, how grave, and what to do, by language tag."""

    record: str
    focus: str
    path: str
    value: str
    shape: str
    component: str
    severity: str
    messages: tuple[tuple[str, str], ...] = field(compare=False)

    def message(self, language: str = "en") -> str:
        """The rule in the language asked for, else in any."""
        found = dict(self.messages)
        return found.get(language) or next(iter(found.values()), self.component)


def spoken(messages: Iterable[Node]) -> tuple[tuple[str, str], ...]:
    """Messages by language tag, sorted; one without a tag counts as English."""
    return tuple(sorted(((m.language if isinstance(m, Literal) else None) or "en", str(m)) for m in messages))


def path_text(shapes: Graph, path: Node | None) -> str:
    """A property path as a report shows it: the predicate's IRI, or in the notation of SPARQL for any other path.

    The blank node that stands for such a path in SHACL has another name in every process.
    """
    return "" if path is None else str(path) if isinstance(path, URIRef) else _notation(shapes, path)


def _notation(shapes: Graph, path: Node) -> str:
    if isinstance(path, URIRef):
        return f"<{path}>"
    if (path, RDF.first, None) in shapes:
        return "/".join(_notation(shapes, part) for part in shapes.items(path))
    for predicate, part in shapes.predicate_objects(path):
        if predicate == SH.inversePath:
            return f"^{_notation(shapes, part)}"
        if predicate == SH.alternativePath:
            return f"({'|'.join(_notation(shapes, member) for member in shapes.items(part))})"
        if predicate in _MARKS:
            return f"({_notation(shapes, part)}){_MARKS[predicate]}"
    return str(path)
