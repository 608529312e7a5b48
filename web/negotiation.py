"""Content negotiation: which of the offered media types a client wants most, by all of its q-values."""

from __future__ import annotations

from collections.abc import Sequence

from werkzeug.datastructures import LanguageAccept, MIMEAccept

from kb.errors import MizanError
from web.language import LANGUAGES

HTML = "text/html"
ANY = MIMEAccept()  # of a client that takes whatever there is
SUFFIX_TYPES = {"ttl": "text/turtle", "jsonld": "application/ld+json", "json": "application/json", "html": HTML}
DATA_TYPES = ("text/turtle", "application/ld+json", "application/json", HTML)  # `*/*` gets the first
PAGE_TYPES = (HTML, "text/turtle", "application/ld+json", "application/json")


class NotAcceptable(MizanError):
    """The client accepts none of the formats that there are."""

    http_status = 406
    title = "No format that you accept"


class UnsupportedBody(MizanError):
    """The body of a request is of a type that this address does not read."""

    http_status = 415
    title = "The body is of the wrong type"


def choose(accept: MIMEAccept, offered: Sequence[str]) -> str | None:
    """The offered type with the highest quality, the earlier one of equals; None when all are excluded.

    werkzeug's own `best_match` passes over exclusions (`text/html;q=0, */*`), its `quality` does not.
    """
    if not accept:
        return offered[0]
    best, quality = None, 0.0
    for media_type in offered:
        found = accept.quality(media_type)
        if found > quality:
            best, quality = media_type, found
    return best


def must_choose(accept: MIMEAccept, offered: Sequence[str]) -> str:
    """Like `choose`, with NotAcceptable naming the list."""
    found = choose(accept, offered)
    if found is None:
        raise NotAcceptable(
            "None of the formats you accept is offered here", "", f"Offered: {', '.join(dict.fromkeys(offered))}."
        )
    return found


def choose_language(accept: LanguageAccept) -> str:
    """The code of the language a client wants; English without a wish."""
    return accept.best_match(LANGUAGES) or LANGUAGES[0]
