"""What the SPARQL editor completes: the terms of the vocabulary and the law by their labels, and the known prefixes."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

from pyoxigraph import NamedNode

from kb.ns import ID, MZ, PREFIXES, RDF, SCHEME, SKOS
from kb.snapshot import Snapshot
from web.language import LANGUAGES, language
from web.reading import expand
from web.show import TERMS

KINDS = {  # in this order, by the class of which each is an instance
    "class": NamedNode(PREFIXES["owl"] + "Class"),
    "property": NamedNode(PREFIXES["owl"] + "ObjectProperty"),
    "datatype-property": NamedNode(PREFIXES["owl"] + "DatatypeProperty"),
    "concept": SKOS.Concept,
    "scheme": SKOS.ConceptScheme,
    "instrument": MZ.LegalInstrument,
    "provision": MZ.Provision,
}
_FURTHER = {  # namespaces of functions and units, which no record uses
    "geof": "http://www.opengis.net/def/function/geosparql/", "uom": "http://www.opengis.net/def/uom/OGC/1.0/",
}  # fmt: skip
_LOCAL = re.compile(r"[A-Za-z0-9_](?:[\w.-]*[\w-])?", re.ASCII)  # a part of what may stand behind a prefix; enough here


def terms(snapshot: Snapshot) -> bytes:
    """A JSON object with `prefixes` (name → namespace) and `terms`: kind, as written in a query, label in en, in ar."""
    prefixes = {**PREFIXES, **_FURTHER, **_schemes(snapshot)}
    del prefixes["scheme"], prefixes["id"]  # what follows these holds a slash or a number sign: written out in full
    bases = sorted(((base, name) for name, base in prefixes.items()), reverse=True)
    found = sorted({(kind.partition("-")[2] or kind, _written(iri, bases), *labels)
                    for kind, iri, *labels in (*_defined(snapshot), *_borrowed())})  # fmt: skip
    told = {"snapshot": snapshot.number, "prefixes": dict(sorted(prefixes.items())), "terms": found}
    return json.dumps(told, ensure_ascii=False, separators=(",", ":")).encode()


def _schemes(snapshot: Snapshot) -> dict[str, str]:
    """A prefix for each list of terms, named as the list is."""
    found = (node.value for node in snapshot.store.subjects(RDF.type, SKOS.ConceptScheme))
    names = sorted(iri.removeprefix(SCHEME) for iri in found if iri.startswith(SCHEME))
    return {name: f"{SCHEME}{name}#" for name in names if _LOCAL.fullmatch(name) and name not in PREFIXES}


def _defined(snapshot: Snapshot) -> Iterator[tuple[str, str, str, str]]:
    """What this knowledge base defines."""
    for kind, of in KINDS.items():
        for node in snapshot.store.subjects(RDF.type, of):
            labels = snapshot.labels(node.value)
            yield kind, node.value, labels.get("en", labels.get("", "")), labels.get("ar", "")


def _borrowed() -> Iterator[tuple[str, str, str, str]]:
    """The properties of other vocabularies that records use, by the names that pages give them."""
    for name, words in TERMS.items():
        english, arabic = (language(code).gettext(words) for code in LANGUAGES)
        yield "property", expand(name), english, arabic


def _written(iri: str, bases: list[tuple[str, str]]) -> str:
    """An IRI as it stands in a query: as a prefixed name where it can be one."""
    if not iri.startswith(ID):
        for base, name in bases:
            if iri.startswith(base) and _LOCAL.fullmatch(iri[len(base) :]):
                return f"{name}:{iri[len(base):]}"
    return f"<{iri}>"
