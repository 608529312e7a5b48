"""The vocabulary as pictures and lists: which class stands under which, which property leads from where to where."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from web.reading import Node, expand

ROW, INDENT, BOX = 30, 28, 210  # of the pictures, in their own units


@dataclass(slots=True)
class Uses:
    """What is said of a term elsewhere in the vocabulary: narrower terms, properties used on it and leading to it."""

    narrower: list[str] = field(default_factory=list)
    properties: list[Node] = field(default_factory=list)
    leading: list[Node] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Twig:
    """One class in the tree: where it stands, and where the line to what it is a kind of begins (None: none)."""

    iri: str
    x: int
    y: int
    above: int | None


@dataclass(frozen=True, slots=True)
class Arm:
    """One property in the picture of a class: the classes at its other end, and its height."""

    node: Node
    ends: tuple[str, ...]
    y: int


@dataclass(frozen=True, slots=True)
class Star:
    """The picture of a class: what leads to it, what leads from it to other things, and how high it is."""

    incoming: tuple[Arm, ...]
    outgoing: tuple[Arm, ...]
    height: int


def uses(terms: Iterable[Node]) -> dict[str, Uses]:
    """What is said of each term elsewhere, by IRI."""
    found: dict[str, Uses] = {}
    for node in terms:
        for name in ("rdfs:subClassOf", "rdfs:subPropertyOf"):
            for iri in _seen(node, name):
                found.setdefault(iri, Uses()).narrower.append(node.iri)
        for iri in _seen(node, "rdfs:domain"):
            found.setdefault(iri, Uses()).properties.append(node)
        for iri in _seen(node, "rdfs:range"):
            found.setdefault(iri, Uses()).leading.append(node)
    return found


def tree(classes: Sequence[Node]) -> list[Twig]:
    """The classes as a tree; one that is a kind of two stands under each, and what is a kind of none is a root."""
    among = {node.iri for node in classes}
    below: dict[str, list[str]] = {}
    for node in classes:
        for parent in [iri for iri in _seen(node, "rdfs:subClassOf") if iri in among] or [""]:
            below.setdefault(parent, []).append(node.iri)
    found: list[Twig] = []

    def grow(parent: str, depth: int, above: int | None, trail: frozenset[str]) -> None:
        for iri in sorted(below.get(parent, [])):
            if iri not in trail:
                y = len(found) * ROW
                found.append(Twig(iri, depth * INDENT, y, above))
                grow(iri, depth + 1, y, trail | {iri})

    grow("", 0, None, frozenset())
    return found


def star(use: Uses) -> Star | None:
    """The picture of a class by the properties that join it to other things; None where there are none."""
    classes = expand("owl:ObjectProperty")
    outgoing = [n for n in use.properties if classes in _kinds(n)]
    incoming = [n for n in use.leading if classes in _kinds(n)]
    if not outgoing and not incoming:
        return None
    arms = [
        tuple(Arm(node, tuple(_seen(node, end)), place * ROW) for place, node in enumerate(nodes))
        for nodes, end in ((incoming, "rdfs:domain"), (outgoing, "rdfs:range"))
    ]
    return Star(arms[0], arms[1], max(len(arms[0]), len(arms[1])) * ROW)


def _seen(node: Node, name: str) -> list[str]:
    """Values looked at without counting as shown on the page."""
    shown = set(node.shown)
    found = node.iris(name)
    node.shown = shown
    return found


def _kinds(node: Node) -> list[str]:
    return _seen(node, "rdf:type")
