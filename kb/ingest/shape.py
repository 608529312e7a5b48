"""Which properties the shapes allow on which class, so that a mapping file is checked before it is used."""

from __future__ import annotations

from functools import lru_cache

from pyoxigraph import NamedNode, QuerySolutions, RdfFormat, Store

from kb import paths
from kb.ns import PREFIXES

_ALLOWED = """
PREFIX sh: <http://www.w3.org/ns/shacl#>
SELECT ?class ?path WHERE { ?shape sh:targetClass ?class ; sh:closed true ; sh:property/sh:path ?path }
"""


@lru_cache(maxsize=1)
def allowed() -> dict[str, frozenset[str]]:
    """The properties of every class that a record may contain, all as prefixed names such as `mz:Incident`."""
    store = Store()
    for path in sorted((paths.shipped("ontology") / "shapes").glob("*.ttl")):
        store.load(path=str(path), format=RdfFormat.TURTLE, base_iri="urn:x-shapes")
    found: dict[str, set[str]] = {}
    rows = store.query(_ALLOWED)
    assert isinstance(rows, QuerySolutions)
    for row in rows:
        kind, path = row["class"], row["path"]
        assert isinstance(kind, NamedNode) and isinstance(path, NamedNode)
        found.setdefault(short(kind.value), set()).add(short(path.value))
    return {kind: frozenset(names) for kind, names in found.items()}


def short(iri: str) -> str:
    """An IRI with its prefix, if we have one for it."""
    prefix, base = max(
        ((p, b) for p, b in PREFIXES.items() if iri.startswith(b)), key=lambda found: len(found[1]), default=("", "")
    )
    return f"{prefix}:{iri[len(base) :]}" if prefix else iri
