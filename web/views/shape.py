"""Pages and data of the shapes that records are checked by; their IRIs lead here."""

from __future__ import annotations

from flask import Blueprint, Response, redirect, request

from kb.errors import NotFound
from web import negotiation, shape
from web.negotiation import HTML, SUFFIX_TYPES
from web.site import not_modified, page, tagged, tongue

blueprint = Blueprint("shape", __name__)
_TYPES = ("text/turtle", "application/ld+json", HTML)
_PAGE_TYPES = (HTML, "text/turtle", "application/ld+json")


@blueprint.get("/shape/<string(maxlength=60):name>")
@blueprint.get("/shape/<string(maxlength=60):name>.<suffix:suffix>")
def dereferenced(name: str, suffix: str = "") -> Response:
    """A module of shapes: RDF by Accept or suffix, 303 to its page for HTML."""
    _must_be(name)
    wanted = _wanted(suffix, _TYPES)
    if wanted != HTML:
        return _data(name, wanted)
    response: Response = redirect(f"/{tongue().code}/shape/{name}", 303)  # type: ignore[assignment]
    response.headers["Vary"] = "Accept, Accept-Language"
    return response


@blueprint.get("/<lang:lang>/shape/<string(maxlength=60):name>")
@blueprint.get("/<lang:lang>/shape/<string(maxlength=60):name>.<suffix:suffix>")
def show_module(lang: str, name: str, suffix: str = "") -> Response:
    """The page of a module of shapes, or its data where Accept or the suffix asks for that."""
    _must_be(name)
    wanted = _wanted(suffix, _PAGE_TYPES)
    if wanted != HTML:
        return _data(name, wanted)
    held = not_modified(f"{lang}-shape")
    if held:
        return held
    nodes = shape.module(name)
    main = next((one for one in nodes if one.iri == shape.iri_of(name)), shape.Shape(shape.iri_of(name)))
    response = tagged(page(
        "shape.html", name=name, main=main, modules=shape.names(), is_node=lambda v: isinstance(v, shape.Shape),
        groups=[[one for one in nodes if one.fragment and one.checks_nodes == whole] for whole in (True, False)],
    ), f"{lang}-shape")  # fmt: skip
    response.headers["Vary"] = "Accept"
    return response


def _must_be(name: str) -> None:
    if name not in shape.names():
        raise NotFound(f"There are no shapes {name[:40]!r}", "", f"There are: {', '.join(shape.names())}.")


def _wanted(suffix: str, offered: tuple[str, ...]) -> str:
    if suffix and SUFFIX_TYPES[suffix] not in offered:
        raise NotFound(f"Shapes are not offered as {suffix}", "", "Take ttl or jsonld.")
    return SUFFIX_TYPES[suffix] if suffix else negotiation.must_choose(request.accept_mimetypes, offered)


def _data(name: str, media_type: str) -> Response:
    held = not_modified(media_type)
    if held:
        held.headers["Vary"] = "Accept"
        return held
    body = shape.serialised(name, media_type)
    assert body is not None
    response = tagged(Response(body, content_type=f"{media_type}; charset=utf-8"), media_type)
    response.headers["Vary"] = "Accept"
    response.headers["Link"] = f'<{shape.iri_of(name)}>; rel="canonical"'
    return response
