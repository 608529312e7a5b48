"""Signing in with a token, and out."""

from __future__ import annotations

from flask import Blueprint, Response, redirect, request

from web.contribute import gate
from web.contribute.place import place
from web.site import page

blueprint = Blueprint("sign", __name__)
_LONGEST = 200  # characters of what is sent as a token


@blueprint.get("/<lang:lang>/sign-in")
def form(lang: str) -> Response:
    """The page to sign in, or out."""
    return _page(lang, refused=False)


@blueprint.post("/<lang:lang>/sign-in")
def sign_in(lang: str) -> Response:
    """Start a session for whoever holds the token sent; a session that the browser had ends."""
    text = request.form.get("token", "")
    found = place().register.sign_in(text, request.remote_addr or "") if 0 < len(text) <= _LONGEST else None
    if found is None:
        refused = _page(lang, refused=True)
        refused.status_code = 403
        return refused
    held = request.cookies.get(gate.COOKIE, "")
    if held:
        place().register.sign_out(held)
    response: Response = redirect(f"/{lang}/contribute/", 303)  # type: ignore[assignment]
    gate.give(response, gate.COOKIE, found[0])
    gate.take(response, gate.VISIT)
    return response


@blueprint.post("/<lang:lang>/sign-out")
def sign_out(lang: str) -> Response:
    """End the session."""
    place().register.sign_out(request.cookies.get(gate.COOKIE, ""))
    response: Response = redirect(f"/{lang}/", 303)  # type: ignore[assignment]
    gate.take(response, gate.COOKIE)
    return response


def _page(lang: str, *, refused: bool) -> Response:
    return page("contribute/sign.html", form_token=gate.form_token(), refused=refused, lang=lang)
