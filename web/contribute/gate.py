"""The gate: who has signed in, what only they may reach, and that a form was sent by its own page.

Flask-WTF was looked at: its check of the referrer over https needs a header that this site asks browsers not to send,
and its token needs a second, signed session. What is left of it stands below: a secret that the session keeps on the
server and every form carries, compared in constant time, and the browser's own word on where a request comes from.
"""

from __future__ import annotations

import hmac
import re
import secrets

from flask import Response, abort, g, request

from kb.errors import MizanError
from kb.people import Person, Right, Session, demand
from web.contribute.place import place
from web.language import LANGUAGES
from web.site import person

COOKIE = "mizan-session"
VISIT = "mizan-visit"  # the secret of the form for signing in, before there is a session
FIELD = "form_token"
UPLOAD = 4 * 1024 * 1024  # bytes
_INSIDE = re.compile(rf"/(?:{'|'.join(LANGUAGES)})/contribute(?:/.*)?", re.DOTALL)
_SIGNING = re.compile(rf"/(?:{'|'.join(LANGUAGES)})/sign-(?:in|out)/?")
_SAFE = {"GET", "HEAD", "OPTIONS"}


class ForeignForm(MizanError):
    """A form was sent that no page of this session made."""

    http_status = 403
    title = "The form is not from this session"


def keep() -> None:
    """Before every request: find the session; outside of one, every address inside is as if it did not exist."""
    number = request.cookies.get(COOKIE, "")
    session = place().register.session(number) if number else None
    g.session = session
    if session is not None:
        g.person = session.person
    if _INSIDE.fullmatch(request.path):
        if session is None:
            abort(404)
        if "/upload" in request.path:
            request.max_content_length = UPLOAD
        if request.method not in _SAFE:
            _own_form(session.form)
    elif _SIGNING.fullmatch(request.path) and request.method not in _SAFE:
        _own_form(session.form if session else request.cookies.get(VISIT, ""))


def seal(response: Response) -> Response:
    """After every request: what is inside is kept by no cache, and tells no other site that it was looked at."""
    if _INSIDE.fullmatch(request.path) or _SIGNING.fullmatch(request.path):
        response.headers["Cache-Control"] = "no-store"
        response.headers["Referrer-Policy"] = "same-origin"
        response.headers["X-Robots-Tag"] = "noindex"
        visit = g.get("visit")
        if visit is not None:
            give(response, VISIT, visit)
    elif person() is not None and response.mimetype == "text/html":
        response.headers["Cache-Control"] = "private, no-cache"  # it says that somebody has signed in
        response.vary.add("Cookie")
    return response


def give(response: Response, name: str, value: str) -> None:
    """Set a cookie that scripts cannot read and that no other site can have sent."""
    response.set_cookie(name, value, httponly=True, samesite="Strict", secure=request.is_secure, path="/")


def take(response: Response, name: str) -> None:
    """Remove a cookie."""
    response.delete_cookie(name, httponly=True, samesite="Strict", secure=request.is_secure, path="/")


def form_token() -> str:
    """The secret for the forms of this page: that of the session, else one for this visit."""
    session = current()
    if session is not None:
        return session.form
    held = request.cookies.get(VISIT, "")
    if not re.fullmatch(r"[A-Za-z0-9_-]{43}", held):
        held = g.visit = g.get("visit") or secrets.token_urlsafe(32)
    return str(held)


def current() -> Session | None:
    """The session of this request."""
    found: Session | None = g.get("session")
    return found


def need(right: Right) -> Person:
    """Whoever has signed in, if they have this right; Forbidden otherwise."""
    return demand(person(), right)


def _own_form(secret: str) -> None:
    """ForeignForm unless the request carries the secret and the browser does not say that it comes from elsewhere."""
    origin = request.headers.get("Sec-Fetch-Site", "same-origin")
    given = request.form.get(FIELD, "") or request.headers.get("X-Form-Token", "")
    fits = hmac.compare_digest(given.encode("utf-8", "replace"), secret.encode("utf-8", "replace"))
    if origin not in ("same-origin", "none") or not secret or not fits:
        hint = "Go back, load the page anew, and send it again; what you typed stays in the other window."
        raise ForeignForm("This form was not made for your session", "it may be old, or sent by another site", hint)
