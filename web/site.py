"""What every request shares: the knowledge base, one snapshot, the language, and the frame of a page."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, cast
from urllib.parse import quote, urlencode

from flask import Response, current_app, g, render_template, request
from markupsafe import Markup
from werkzeug.local import LocalProxy

from kb import __version__
from kb.knowledgebase import KnowledgeBase
from kb.people import Person
from kb.snapshot import Snapshot
from web import negotiation
from web.held import Held
from web.language import LANGUAGES, Language, language
from web.panel import Panels
from web.reading import Reader
from web.show import Show

EXTENSION = "mizan"


class Site:
    """The knowledge base of an application, values computed once for each snapshot, and what was made of them."""

    def __init__(self, base: KnowledgeBase) -> None:
        self.base = base
        self._guard = threading.Lock()
        self._computed: dict[str, tuple[Snapshot, Any]] = {}
        self.held = Held()

    def once(self, name: str, snapshot: Snapshot, compute: Callable[[], Any]) -> Any:
        """The value of `compute` for this snapshot, computed at first use."""
        with self._guard:
            held = self._computed.get(name)
        if held is None or held[0] is not snapshot:
            held = (snapshot, compute())
            with self._guard:
                self._computed[name] = held
        return held[1]


def site() -> Site:
    """The site of the running application."""
    return cast(Site, current_app.extensions[EXTENSION])


def here() -> Snapshot:
    """The snapshot that this request reads, the same from its beginning to its end."""
    if "snapshot" not in g:
        g.snapshot = site().base.snapshot()
    return cast(Snapshot, g.snapshot)


def tongue() -> Language:
    """The language of this request: from the address, from `?lang=`, else from Accept-Language."""
    if "language" not in g:
        code = (request.view_args or {}).get("lang") or _from_address() or request.args.get("lang", "")
        if code not in LANGUAGES:
            code = negotiation.choose_language(request.accept_languages)
        g.language = language(code)
    return cast(Language, g.language)


def _from_address() -> str:
    first = request.path.split("/")[1] if request.path.startswith("/") else ""
    return first if first in LANGUAGES else ""


def reader() -> Reader:
    """The reader of this request."""
    if "reader" not in g:
        g.reader = Reader(here(), tongue())
    return cast(Reader, g.reader)


def show() -> Show:
    """Shows terms in the language of this request."""
    if "show" not in g:
        g.show = Show(reader())
    return cast(Show, g.show)


def panels() -> Panels:
    """Runs the queries of this request's page."""
    return Panels(site().base, here(), tongue().code)


def etag(variant: str) -> str:
    """The tag of a representation: it changes with the snapshot, the software, and whether somebody has signed in."""
    snapshot = here()
    one = person()
    own = f"-{one.token}" if one else ""
    return f"{snapshot.number}-{snapshot.ledger.sha256[:16]}-{__version__}-{variant}{own}"


def not_modified(variant: str) -> Response | None:
    """What needs no work: a 304 when the client holds this representation already, else what was made before."""
    tag = etag(variant)
    held = request.if_none_match  # `*` would match what is not there, too
    if request.method in ("GET", "HEAD") and not held.star_tag and held.contains_weak(tag):
        response = Response(status=304)
        response.set_etag(tag, weak=True)
        return response
    return site().held.get(tag) if person() is None else None


def person() -> Person | None:
    """Whoever has signed in, if anybody has; set by the gate of the pages for contributors."""
    return cast(Person | None, g.get("person"))


def tagged(response: Response, variant: str, *, keep: bool = True) -> Response:
    """The response with its ETag and the number of the snapshot that it was made from, kept for whoever asks again.

    What somebody sees who has signed in is kept for nobody.
    """
    response.set_etag(etag(variant), weak=True)
    response.headers["X-Mizan-Snapshot"] = str(here().number)
    response.headers.setdefault("Cache-Control", "private, no-cache" if person() else "no-cache")
    if keep and person() is None:
        site().held.put(etag(variant), response)
    return response


def page(template: str, **values: Any) -> Response:
    """A page in the language of this request."""
    response = Response(render_template(template, **values), mimetype="text/html")
    response.headers["Content-Language"] = tongue().code
    return response


def page_context() -> dict[str, Any]:
    """What every template knows: language, texts, `show`, and the address of this page in the other language."""
    here_in = tongue()
    return {
        "ui": here_in,
        "_": _gettext,
        "gettext": _gettext,
        "ngettext": _ngettext,
        "show": LocalProxy(show),
        "person": person(),
        "other": language(next(c for c in LANGUAGES if c != here_in.code)),
        "other_address": other_address(),
        "version": __version__,
    }


def _gettext(message: str, **values: Any) -> str:
    return _filled(tongue().gettext(message), values)


def _ngettext(singular: str, plural: str, number: int, **values: Any) -> str:
    values.setdefault("num", tongue().number(number))
    return _filled(tongue().ngettext(singular, plural, number), values)


def _filled(text: str, values: dict[str, Any]) -> str:
    return Markup(text) % values if values else Markup(text)


def other_address() -> str:
    """This page in the other language, with the same query."""
    code = next(c for c in LANGUAGES if c != tongue().code)
    pairs = [(k, v) for k, v in request.args.items(multi=True) if k != "lang"]
    path = quote("/" + request.path.lstrip("/"))  # `//host` would lead to another server
    if _from_address():
        return f"/{code}{path[3:] or '/'}" + (f"?{urlencode(pairs)}" if pairs else "")
    return f"{path}?{urlencode([*pairs, ('lang', code)])}"
