"""Any SPARQL 1.1 service by its URL, asked through SPARQLWrapper."""

from __future__ import annotations

import ast
import json
import time
from contextlib import suppress
from dataclasses import replace
from email.message import Message
from http.client import HTTPException, HTTPResponse
from urllib.error import HTTPError, URLError
from urllib.request import Request

from pyoxigraph import QueryBoolean, QueryResultsFormat, QuerySolutions, RdfFormat, parse, parse_query_results
from SPARQLWrapper import INSERT, POST, SPARQLWrapper
from SPARQLWrapper.SPARQLExceptions import QueryBadFormed, SPARQLWrapperException, Unauthorized

from kb.errors import MizanError, QueryInvalid, QueryRefused, QueryTimeout
from kb.store import quirk, service
from kb.store.base import TABLE_FORMS, Answer, Limits, media_type, too_large

_READ = 1 << 16  # bytes at a time
_JSON_IS_LARGER = 8  # than the other formats, at most by about this
_CREDENTIALS = f"Set {service.TOKEN}, or {service.USER} and {service.PASSWORD}, in the environment."


class ServiceFailed(MizanError):
    """A SPARQL service did not answer as the protocol asks."""

    http_status = 502
    title = "The SPARQL service failed"


class _Client(SPARQLWrapper):
    """SPARQLWrapper whose credentials stay behind where a service redirects to another."""

    authorization = ""

    def _createRequest(self) -> Request:  # noqa: N802
        request: Request = super()._createRequest()
        if self.authorization:
            request.add_unredirected_header("Authorization", self.authorization)
        return request


class RemoteStore:
    """A SPARQL service. Queries go as form POST: Virtuoso hangs on a direct POST of a query.

    With a graph only that graph is asked, and updates go to `update` (the same address if none is given).
    """

    def __init__(self, url: str, *, update: str = "", graph: str = "") -> None:
        service.check_address(url)
        self.url, self._update, self._graph = url, update or url, graph
        self._cut: int | None = None
        self.server: str | None = None  # what the service calls itself, once it has answered

    def ask(self, query: str, form: str, name: str, limits: Limits) -> Answer:
        """See Store.ask; a result that the service cut is refused, and so is one that breaks off.

        Tables are fetched as JSON, which cannot be cut unseen, and written as `name` here.
        """
        table = form in TABLE_FORMS
        wanted = media_type(form, "json" if table else name)
        other = table and name != "json"
        room = replace(limits, bytes=limits.bytes * _JSON_IS_LARGER) if other else limits
        body, headers = self._fetch(query, form, wanted, room)
        got = headers.get("Content-Type", "").partition(";")[0].strip()
        if got != wanted:
            raise ServiceFailed(f"{self.url} answered {got or 'without a type'}", f"{wanted} was asked for")
        if quirk.timed_out(body):
            raise QueryTimeout(f"{self.url} gave up in the middle of its answer", "a timeout of the service")
        self.server = headers.get("Server", "")
        virtuoso = quirk.is_virtuoso(self.server)
        if virtuoso and not table:
            self._refuse_silent_cut(query)
        try:
            if virtuoso and table:
                body = quirk.standard_json(body)
            rows = _count(body, form, "json" if table else name)
        except (SyntaxError, ValueError, LookupError, TypeError) as error:
            raise ServiceFailed(f"{self.url} answered what is not {wanted}", _one_line(str(error))) from None
        cut_at = headers.get("X-SPARQL-MaxRows", "")
        if cut_at.isdigit() and rows >= int(cut_at):
            raise too_large("rows (the service cuts there)", int(cut_at))
        if rows > limits.rows:
            raise too_large("rows", limits.rows)
        if other:
            body = _rewritten(body, name)
            if len(body) > limits.bytes:
                raise too_large("bytes", limits.bytes)
        return Answer(media_type(form, name), body, rows)

    def update(self, text: str, seconds: float = 120.0) -> None:
        """Run a SPARQL Update, waiting this long at most."""
        limits = Limits(seconds=seconds)
        client = self._client(self._update, limits)
        client.queryString, client.queryType = text, INSERT  # setQuery would search all of it for its form
        try:
            with client.query().response as response:
                self._body(response, limits)
        except QueryBadFormed as error:
            raise ServiceFailed(f"{self._update} refuses the update", _response(error)) from None
        except (SPARQLWrapperException, HTTPException, OSError, ValueError) as error:
            raise self._failure(error, limits) from None

    def _client(self, url: str, limits: Limits) -> _Client:
        client = _Client(url)
        client.authorization = service.authorization(url)
        client.setMethod(POST)
        client.setTimeout(max(1, round(limits.seconds)))
        client.setOnlyConneg(True)  # else it adds `format=xml`, which services prefer to the header
        return client

    def _fetch(self, query: str, form: str, wanted: str, limits: Limits) -> tuple[bytes, Message]:
        client = self._client(self.url, limits)
        client.setQuery(query)
        client.queryType = form  # its own guess reads words in comments too
        if self._graph:
            client.addDefaultGraph(self._graph)
        client.addCustomHttpHeader("Accept", wanted)
        try:
            with client.query().response as response:
                return self._body(response, limits), response.headers
        except QueryBadFormed as error:
            raise QueryInvalid(f"{self.url} refuses the query", _response(error)) from None
        except (SPARQLWrapperException, HTTPException, OSError, ValueError) as error:
            raise self._failure(error, limits) from None

    def _refuse_silent_cut(self, query: str) -> None:
        """Virtuoso cuts graphs without a word: only a LIMIT that lies below its cap shows that nothing is missing."""
        if self._cut is None:
            everything = "SELECT ?a ?b { ?a ?p ?o . ?b ?q ?r }"  # more rows than any cap
            _, headers = self._fetch(everything, "SELECT", media_type("SELECT", "json"), Limits(bytes=1 << 30))
            said = headers.get("X-SPARQL-MaxRows", "")
            self._cut = int(said) if said.isdigit() else 0
        asked = quirk.limit(query)
        if self._cut and (asked is None or asked > self._cut):
            raise QueryRefused(
                f"{self.url} cuts graphs at {self._cut:,} solutions without a word",
                "a cut answer could be taken for a whole one", f"End the query with a LIMIT of at most {self._cut}.",
            )  # fmt: skip

    def _body(self, response: HTTPResponse, limits: Limits) -> bytes:
        """The whole body, within time and size; the timeout of a socket alone would let a slow drip go on for ever."""
        deadline, body = time.monotonic() + limits.seconds, bytearray()
        while part := response.read1(_READ):
            body += part
            if len(body) > limits.bytes:
                raise too_large("bytes", limits.bytes)
            if time.monotonic() > deadline:
                raise TimeoutError
        if response.length:
            raise ServiceFailed(f"{self.url} broke off", f"{response.length:,} bytes of its answer are missing")
        return bytes(body)

    def _failure(self, error: Exception, limits: Limits) -> MizanError:
        if isinstance(error, TimeoutError) or isinstance(getattr(error, "reason", None), TimeoutError):
            return QueryTimeout(f"{self.url} did not answer in {limits.seconds:g} s")
        if isinstance(error, HTTPError):
            error.close()
            if error.code in (401, 403):
                return ServiceFailed(f"{self.url} answered {error.code}", str(error.reason), _CREDENTIALS)
            if error.code == 503:  # Fuseki's answer to a timeout before the first row
                return ServiceFailed(f"{self.url} answered 503", str(error.reason), "Narrow the query, or try later.")
            return ServiceFailed(f"{self.url} answered {error.code}", str(error.reason))
        if isinstance(error, Unauthorized):
            return ServiceFailed(f"{self.url} failed: it wants to know who asks", _response(error), _CREDENTIALS)
        if isinstance(error, SPARQLWrapperException):
            return ServiceFailed(f"{self.url} failed", _response(error))
        reason = error.reason if isinstance(error, URLError) else error
        return ServiceFailed(f"{self.url} cannot be reached", _one_line(str(reason)), "Check the address.")


def _count(body: bytes, form: str, name: str) -> int:
    """The rows or triples of an answer, by reading all of it: what breaks off must not pass for a whole one."""
    if form not in TABLE_FORMS:
        kind = {"turtle": RdfFormat.TURTLE, "ntriples": RdfFormat.N_TRIPLES, "jsonld": RdfFormat.JSON_LD,
                "rdfxml": RdfFormat.RDF_XML, "trig": RdfFormat.TRIG}[name]  # fmt: skip
        return sum(1 for _ in parse(body, format=kind))
    result = parse_query_results(body, format=QueryResultsFormat.JSON)
    if isinstance(result, QueryBoolean) != (form == "ASK"):
        raise ValueError(f"it does not answer {form}")
    return sum(1 for _ in result) if isinstance(result, QuerySolutions) else 1


def _rewritten(body: bytes, name: str) -> bytes:
    """A table in JSON in another format."""
    to = {"xml": QueryResultsFormat.XML, "csv": QueryResultsFormat.CSV, "tsv": QueryResultsFormat.TSV}[name]
    return bytes(parse_query_results(body, format=QueryResultsFormat.JSON).serialize(format=to) or b"")


def _response(error: SPARQLWrapperException) -> str:
    """What the service said, on one line; of a problem in JSON (ours, or RFC 9457) the parts for people."""
    text = str(error).partition("Response:\n")[2]
    with suppress(ValueError, SyntaxError):
        text = ast.literal_eval(text).decode("utf-8", "replace")  # SPARQLWrapper gives the bytes as Python writes them
    with suppress(ValueError):
        problem = json.loads(text)
        parts = [problem.get(key) for key in ("what", "why", "detail", "message")] if isinstance(problem, dict) else []
        text = ": ".join(str(part) for part in parts if part) or text
    return _one_line(text)


def _one_line(text: str) -> str:
    return " ".join(text.split())[:300]
