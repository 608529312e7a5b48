"""Any SPARQL 1.1 service by its URL, asked through SPARQLWrapper."""

from __future__ import annotations

import ast
import json
import re
import time
from contextlib import suppress
from http.client import HTTPException, HTTPResponse
from urllib.error import HTTPError, URLError

from pyoxigraph import QueryBoolean, QueryResultsFormat, QuerySolutions, RdfFormat, parse, parse_query_results
from SPARQLWrapper import POST, SPARQLWrapper
from SPARQLWrapper.SPARQLExceptions import QueryBadFormed, SPARQLWrapperException

from kb.errors import MizanError, QueryInvalid, QueryTimeout, UsageError
from kb.store.base import TABLE_FORMS, Answer, Limits, count_rows, media_type, too_large

_READ = 1 << 16  # bytes at a time


class ServiceFailed(MizanError):
    """A SPARQL service did not answer as the protocol asks."""

    http_status = 502
    title = "The SPARQL service failed"


class RemoteStore:
    """A SPARQL service. Queries go as form POST: Virtuoso hangs on a direct POST of a query."""

    def __init__(self, url: str) -> None:
        if not re.match(r"https?://[^/]", url):
            raise UsageError(f"{url[:80]} is not the address of a service", "", "Start it with http:// or https://.")
        self.url = url

    def ask(self, query: str, form: str, name: str, limits: Limits) -> Answer:
        """See Store.ask; a result that the service says it cut is refused, and so is one that breaks off."""
        wanted = media_type(form, name)
        client = SPARQLWrapper(self.url)
        client.setMethod(POST)
        client.setTimeout(max(1, round(limits.seconds)))
        client.setQuery(query)
        client.queryType = form  # its own guess reads words in comments too
        client.setOnlyConneg(True)  # else it adds `format=xml`, which services prefer to the header
        client.addCustomHttpHeader("Accept", wanted)
        try:
            with client.query().response as response:
                got = response.headers.get("Content-Type", "").partition(";")[0].strip()
                cut_at = response.headers.get("X-SPARQL-MaxRows", "")
                body = self._body(response, limits)
        except QueryBadFormed as error:
            raise QueryInvalid(f"{self.url} refuses the query", _response(error)) from None
        except (SPARQLWrapperException, HTTPException, OSError, ValueError) as error:
            raise self._failure(error, limits) from None
        if got != wanted:
            raise ServiceFailed(f"{self.url} answered {got or 'without a type'}", f"{wanted} was asked for")
        try:
            rows = _count(body, form, name)
        except (SyntaxError, ValueError) as error:
            raise ServiceFailed(f"{self.url} answered what is not {wanted}", _one_line(str(error))) from None
        if cut_at.isdigit() and rows >= int(cut_at):
            raise too_large("rows (the service cuts there)", int(cut_at))
        if rows > limits.rows:
            raise too_large("rows", limits.rows)
        return Answer(wanted, body, rows)

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
            return ServiceFailed(f"{self.url} answered {error.code}", str(error.reason))
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
    if name in ("json", "xml"):
        result = parse_query_results(body, format=QueryResultsFormat.JSON if name == "json" else QueryResultsFormat.XML)
        if isinstance(result, QueryBoolean) != (form == "ASK"):
            raise ValueError(f"it does not answer {form}")
        if name == "xml" and not body.rstrip().endswith(b"sparql>"):
            raise ValueError("it breaks off")  # the reader takes the end of the file for the end of the results
        return sum(1 for _ in result) if isinstance(result, QuerySolutions) else 1
    return count_rows(body, name) if form == "SELECT" else 1


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
