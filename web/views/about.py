"""The service's description of itself and of its data, its health, and its figures."""

from __future__ import annotations

import json
from time import perf_counter

from flask import Blueprint, Request, Response, redirect, request
from pyoxigraph import RdfFormat, Triple, serialize

from kb.canonical import turtle
from kb.errors import MizanError, NotFound, UsageError
from kb.store.base import Limits
from web import negotiation
from web.asking import fields
from web.compression import packed
from web.crossing import open_to_others
from web.kept import description, kept
from web.rdf import triples_of
from web.site import here, site, tongue

blueprint = Blueprint("about", __name__)
blueprint.after_request(packed)
blueprint.after_request(open_to_others)
GRAPH_TYPES = {
    "text/turtle": RdfFormat.TURTLE, "application/n-triples": RdfFormat.N_TRIPLES,
    "application/ld+json": RdfFormat.JSON_LD, "application/rdf+xml": RdfFormat.RDF_XML,
    "application/trig": RdfFormat.TRIG,
}  # fmt: skip
_NAMES = {
    "text/turtle": "turtle", "application/n-triples": "ntriples", "application/ld+json": "jsonld",
    "application/rdf+xml": "rdfxml", "application/trig": "trig",
}  # fmt: skip
_PROBE = "ASK { ?s a ?class }"
_PROBE_LIMITS = Limits(seconds=5.0, rows=1)


@blueprint.get("/void")
def void() -> Response:
    """What data there is, by class and property, with the prefixes and the examples; people get the page."""
    chosen = negotiation.must_choose(request.accept_mimetypes, [*GRAPH_TYPES, negotiation.HTML])
    if chosen == negotiation.HTML:
        response: Response = redirect(f"/sparql?lang={tongue().code}#about", 303)  # type: ignore[assignment]
    else:
        response = described(chosen)
    response.headers["Vary"] = "Accept, Accept-Language"
    return response


@blueprint.get("/.well-known/void")
def well_known() -> Response:
    """Where programs look for a description of the data."""
    response: Response = redirect("/void", 303)  # type: ignore[assignment]
    return response


@blueprint.get("/health")
def health() -> Response:
    """Whether a query is answered now: 200 or 503, with the reason."""
    started = perf_counter()
    told: dict[str, object] = {"status": "ok"}
    try:
        at = here()
        site().base.ask(_PROBE, "json", _PROBE_LIMITS, at)
        load = site().base.pool().load()
        told |= {
            "snapshot": at.number, "published": at.time, "triples": kept().counts.triples(at), "workers": load.workers,
            "running": load.running, "waiting": load.waiting,
            "milliseconds": round(1000 * (perf_counter() - started), 1),
        }  # fmt: skip
    except MizanError as error:
        told = {"status": "failing", "what": error.what, "why": error.why}
    response = Response(json.dumps(told, ensure_ascii=False) + "\n", content_type="application/json; charset=utf-8")
    response.status_code = 200 if told["status"] == "ok" else 503
    response.headers["Cache-Control"] = "no-store"
    return response


@blueprint.get("/metrics")
def metrics() -> Response:
    """Figures in the text format of Prometheus."""
    response = Response(kept().journal.figures(), content_type="text/plain; version=0.0.4; charset=utf-8")
    response.headers["Cache-Control"] = "no-store"
    return response


def described(media_type: str) -> Response:
    """The whole description in an RDF format, under the address of the service."""
    triples = description(f"{request.host_url}sparql")
    response = Response(_as(media_type, triples), content_type=f"{media_type}; charset=utf-8")
    response.headers["X-Mizan-Snapshot"] = str(here().number)
    return response


def written(asked: Request) -> Response:
    """One graph of the graph store: `?default` is all, `?graph=` a record by its IRI."""
    values = fields(asked.query_string, "address")
    media_type = negotiation.must_choose(asked.accept_mimetypes, list(GRAPH_TYPES))
    named = values.getlist("graph")
    if ("default" in values) == bool(named) or len(named) > 1:
        raise UsageError("It is not clear which graph is meant", "", "Give either ?default or one ?graph=<IRI>.")
    if not named:
        answer = site().base.ask("CONSTRUCT WHERE { ?s ?p ?o }", _NAMES[media_type], at=here())
        body = answer.body
    else:
        triples = triples_of(here(), named[0])
        if not triples:
            raise NotFound(f"There is no record {named[0][:200]}", f"snapshot {here().number} says nothing about it")
        body = _as(media_type, triples)
    response = Response(body, content_type=f"{media_type}; charset=utf-8")
    response.headers["Vary"] = "Accept"
    response.headers["X-Mizan-Snapshot"] = str(here().number)
    return response


def _as(media_type: str, triples: list[Triple]) -> bytes:
    if media_type == "text/turtle":
        return turtle(triples)
    body = serialize(triples, format=GRAPH_TYPES[media_type])
    assert body is not None
    return body
