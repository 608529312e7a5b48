"""Reads what a request to the SPARQL service asks, exactly as it was sent: nothing is repaired, nothing guessed."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import parse_qsl

from flask import Request
from werkzeug.datastructures import MultiDict

from kb.errors import QueryInvalid, QueryRefused, UsageError
from kb.query.desk import Asker, stays
from kb.store.base import Scope
from web.negotiation import UnsupportedBody

FORM, DIRECT, UPDATE = "application/x-www-form-urlencoded", "application/sparql-query", "application/sparql-update"
_BROKEN_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")
_MOST_FIELDS = 100
_UTF8 = ("utf-8", "utf8", "us-ascii")


@dataclass(frozen=True, slots=True)
class Asked:
    """A query as it was sent, the format asked for by name (or ""), and what its names are read against."""

    text: str
    format: str
    scope: Scope


def asked(request: Request) -> Asked | None:
    """What a GET, HEAD or POST request asks; None when there is no query in its address."""
    address = fields(request.query_string, "address")
    if request.method != "POST":
        text = _query(address)
        return None if text is None else _asked(text, address, request)
    kind = request.mimetype
    charset = request.mimetype_params.get("charset", "utf-8").lower()
    if kind in (FORM, DIRECT) and charset not in _UTF8:
        raise QueryInvalid("The body is not UTF-8", f"charset {charset[:20]}", "Send the query as UTF-8.")
    if kind == DIRECT:
        if _query(address) is not None:
            raise UsageError("The query is given twice", "in the address and in the body", "Leave one of them out.")
        try:
            return _asked(request.get_data().decode("utf-8"), address, request)
        except UnicodeDecodeError as error:
            raise QueryInvalid("The body is not UTF-8", str(error), "Send the query as UTF-8.") from None
    if kind == FORM:
        _query(address)
        both = MultiDict([*fields(request.get_data(), "body").items(multi=True), *address.items(multi=True)])
        text = _query(both)
        if text is None:
            raise UsageError("There is no query in the form", "", "Send it as the field `query`.")
        return _asked(text, both, request)
    if kind == UPDATE:
        raise updates_refused()
    raise UnsupportedBody(
        f"A body of type {kind[:60] or 'unknown'} is not read here", "",
        f"Send {FORM} with a field `query`, or {DIRECT}.",
    )  # fmt: skip


def asker(request: Request) -> Asker:
    """Who sends a request: the address it comes from, and whether the server still sees it."""
    return Asker(request.remote_addr or "unknown", request.environ.get("waitress.client_disconnected", stays))


def fields(raw: bytes, where: str) -> MultiDict[str, str]:
    """Form fields; broken escapes and what is not UTF-8 are errors, where libraries put a sign of their own."""
    try:
        text = raw.decode("utf-8")
        broken = _BROKEN_ESCAPE.search(text)
        if broken:
            raise UsageError(
                f"The {where} has a % that no two hexadecimal digits follow", f"at character {broken.start() + 1}",
                "Write the sign itself as %25.",
            )  # fmt: skip
        return MultiDict(parse_qsl(text, keep_blank_values=True, errors="strict", max_num_fields=_MOST_FIELDS))
    except UnicodeDecodeError as error:
        raise UsageError(f"The {where} is not UTF-8", str(error), "Encode the query as UTF-8 first.") from None
    except ValueError:
        what = f"The {where} has more than {_MOST_FIELDS} fields"
        raise UsageError(what, "", "Send a query and its format.") from None


def updates_refused() -> QueryRefused:
    """The error for a SPARQL update or a change of a graph."""
    return QueryRefused(
        "Changes are refused here",
        "what stands in the knowledge base has passed validation and is in the ledger, and neither can be passed by",
        "Bring records in with `mizan import`.",
    )


def _query(values: MultiDict[str, str]) -> str | None:
    if "update" in values or "using-graph-uri" in values or "using-named-graph-uri" in values:
        raise updates_refused()
    given = values.getlist("query")
    if len(given) > 1:
        raise UsageError(f"There are {len(given)} queries", "the protocol has one a request", "Send them one by one.")
    return given[0] if given else None


def _asked(text: str, values: MultiDict[str, str], request: Request) -> Asked:
    formats = values.getlist("format")
    if len(set(formats)) > 1:
        raise UsageError("There are several formats", "one answer has one", "Send `format` once.")
    default, named = values.getlist("default-graph-uri"), values.getlist("named-graph-uri")
    return Asked(text, formats[0] if formats else "", Scope(request.base_url, tuple(default), tuple(named)))
