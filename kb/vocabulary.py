"""The vocabulary that ships with the software: its files, and the codes of its concept schemes."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from pyoxigraph import Literal, NamedNode, RdfFormat, parse

from kb import paths
from kb.ns import SCHEME, SKOS


def term_files() -> list[Path]:
    """The ontology modules and concept schemes."""
    root = paths.shipped("ontology")
    return sorted(root.glob("*.ttl")) + sorted((root / "schemes").glob("*.ttl"))


def law_files() -> list[Path]:
    """The legal corpus, one instrument per file."""
    return sorted((paths.shipped("ontology") / "law").glob("*.ttl"))


def reference_files() -> list[Path]:
    """What the law refers to: States and institutions, and the gazetteer."""
    return sorted((paths.shipped("ontology") / "reference").glob("*.ttl"))


def case_files() -> list[Path]:
    """The curated cases."""
    return sorted(paths.cases().glob("*/*.ttl"))


@lru_cache
def codes(scheme: str) -> dict[str, NamedNode]:
    """The concepts of a scheme by local name, notation and label (all in lower case); {} for an unknown scheme."""
    path = paths.shipped("ontology") / "schemes" / f"{scheme}.ttl"
    if not path.is_file():
        return {}
    found: dict[str, NamedNode] = {}
    base = f"{SCHEME}{scheme}#"
    for quad in parse(path=str(path), format=RdfFormat.TURTLE):
        node, value = quad.subject, quad.object
        if not isinstance(node, NamedNode) or not node.value.startswith(base):
            continue
        found.setdefault(node.value[len(base) :].lower(), node)
        if quad.predicate in (SKOS.notation, SKOS.prefLabel) and isinstance(value, Literal):
            found.setdefault(value.value.lower(), node)
    return found
