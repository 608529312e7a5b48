"""Dereferencing: the IRIs of the data answer with data, or lead to the page, as the client asks."""

from __future__ import annotations

from flask import Blueprint, Response, redirect, request
from pyoxigraph import NamedNode

from kb.errors import NotFound
from kb.ns import ONTOLOGY
from web import negotiation
from web.address import iri_of
from web.negotiation import DATA_TYPES, HTML, SUFFIX_TYPES
from web.rdf import serialised
from web.site import here, not_modified, tagged, tongue

blueprint = Blueprint("data", __name__)


@blueprint.get("/id/<kind:kind>/<entity:path>")
@blueprint.get("/id/<kind:kind>/<entity:path>.<suffix:suffix>")
def thing(kind: str, path: str, suffix: str = "") -> Response:
    """A record: data by Accept or suffix, 303 to its page for HTML."""
    return dereference(kind, path, suffix)


@blueprint.get("/scheme/<entity:path>")
@blueprint.get("/scheme/<entity:path>.<suffix:suffix>")
def scheme(path: str, suffix: str = "") -> Response:
    """A concept scheme."""
    return dereference("scheme", path, suffix)


@blueprint.get("/ontology")
@blueprint.get("/ontology.<suffix:suffix>")
@blueprint.get("/ontology/<entity:path>")
@blueprint.get("/ontology/<entity:path>.<suffix:suffix>")
def ontology(path: str = "", suffix: str = "") -> Response:
    """The vocabulary, or one module of it."""
    return dereference("ontology", path, suffix)


def dereference(kind: str, path: str, suffix: str) -> Response:
    """The data of a thing, or a 303 to its page."""
    accept = request.accept_mimetypes
    media_type = SUFFIX_TYPES[suffix] if suffix else negotiation.must_choose(accept, DATA_TYPES)
    if media_type != HTML:
        return as_data(kind, path, media_type)
    iri = iri_of(kind, path)
    if iri != ONTOLOGY and not any(here().store.node(NamedNode(iri))):
        raise missing(iri)
    target = f"/{tongue().code}/{kind}" + (f"/{path}" if path else "")
    response: Response = redirect(target, 303)  # type: ignore[assignment]
    response.headers["Vary"] = "Accept, Accept-Language"
    return response


def as_data(kind: str, path: str, media_type: str) -> Response:
    """The record behind an address in an RDF format or as JSON."""
    held = not_modified(media_type)
    if held:
        held.headers["Vary"] = "Accept"
        return held
    iri = iri_of(kind, path)
    body = serialised(here(), iri, media_type)
    if body is None:
        raise missing(iri)
    response = tagged(Response(body, content_type=f"{media_type}; charset=utf-8"), media_type)
    response.headers["Vary"] = "Accept"
    response.headers["Link"] = f'<{iri}>; rel="canonical"'
    return response


def missing(iri: str) -> NotFound:
    """The error for an IRI that the snapshot says nothing about."""
    return NotFound(f"{iri} is not in this knowledge base", f"snapshot {here().number} says nothing about it")
