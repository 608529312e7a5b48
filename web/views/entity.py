"""Entity pages: what a record says, and what other records say about it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from flask import Blueprint, Response, request

from kb.ns import ONTOLOGY
from web import negotiation
from web.address import iri_of
from web.claim import ClaimSet, arrange
from web.negotiation import HTML, PAGE_TYPES, SUFFIX_TYPES
from web.reading import Node, Reader
from web.site import not_modified, page, reader, tagged
from web.views import data
from web.views.entity_panels import PANELS

blueprint = Blueprint("entity", __name__)
_TEMPLATES = frozenset(PANELS)


@dataclass(slots=True)
class Entity:
    """One record as its page needs it."""

    iri: str
    kind: str
    path: str
    main: Node
    nodes: dict[str, Node]
    system: Node
    earlier: list[Node]
    claims: ClaimSet = field(default_factory=ClaimSet)

    @property
    def data_path(self) -> str:
        """The address of the data without its suffix."""
        place = f"{self.kind}/{self.path}" if self.path else self.kind
        return f"/{place}" if self.kind in ("scheme", "ontology") else f"/id/{place}"

    def remaining(self) -> list[tuple[Node, list[tuple[str, list[Any]]]]]:
        """What no part of the page has shown; asked last, so that nothing in a record is lost."""
        return [(node, left) for node in self.nodes.values() if (left := node.remaining())]


@blueprint.get("/<lang:lang>/<kind:kind>/<entity:path>")
@blueprint.get("/<lang:lang>/<kind:kind>/<entity:path>.<suffix:suffix>")
@blueprint.get("/<lang:lang>/ontology", defaults={"kind": "ontology", "path": ""})
@blueprint.get("/<lang:lang>/ontology.<suffix:suffix>", defaults={"kind": "ontology", "path": ""})
def show_entity(lang: str, kind: str, path: str, suffix: str = "") -> Response:
    """The page of a record, or its data where the suffix or Accept asks for that."""
    wanted = SUFFIX_TYPES[suffix] if suffix else negotiation.must_choose(request.accept_mimetypes, PAGE_TYPES)
    if wanted != HTML:
        return data.as_data(kind, path, wanted)
    variant = f"{lang}-page{request.args.get('page', '')[:5]}{quote(request.args.get('on', '')[:10])}"
    response = not_modified(variant) or tagged(_page(kind, path), variant)
    response.headers["Vary"] = "Accept"
    return response


def _page(kind: str, path: str) -> Response:
    entity = load(reader(), kind, path)
    own = [n for n in entity.nodes.values() if n is not entity.main]
    values: dict[str, Any] = {}
    elsewhere: list[Node] = []
    if kind in PANELS:
        values, elsewhere = PANELS[kind](entity.iri)
    entity.claims = arrange([*own, *elsewhere])
    template = f"{kind}.html" if kind in _TEMPLATES else "thing.html"
    return page(template, entity=entity, main=entity.main, claims=entity.claims, **values)


def load(read: Reader, kind: str, path: str) -> Entity:
    """The record behind an address; NotFound when the snapshot says nothing about it."""
    iri = iri_of(kind, path)
    nodes = read.record(iri)
    if not nodes:  # imports are written by the system and belong to no record
        nodes = {iri: read.node(iri)}
    if not any(nodes.values()) and iri != ONTOLOGY:
        raise data.missing(iri)
    return Entity(iri, kind, path, read.node(iri), nodes, read.system(iri), read.earlier(iri))
