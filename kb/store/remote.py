"""Any SPARQL 1.1 service by its URL, asked through SPARQLWrapper."""

from __future__ import annotations

import re
from urllib.error import HTTPError, URLError

from SPARQLWrapper import POST, SPARQLWrapper
from SPARQLWrapper.SPARQLExceptions import SPARQLWrapperException

from kb.errors import MizanError, QueryInvalid, QueryTimeout
from kb.store.base import Answer, Limits, count_rows, media_type, too_large


class ServiceFailed(MizanError):
    """A SPARQL service did not answer as the protocol asks."""

    http_status = 502
    title = "The SPARQL service failed"


class RemoteStore:
    """A SPARQL service. Queries go as form POST: Virtuoso hangs on a direct POST of a query."""

    def __init__(self, url: str) -> None:
        self.url = url

    def ask(self, query: str, form: str, name: str, limits: Limits) -> Answer:
        """See Store.ask; a result that the service says it cut is refused."""
        wanted = media_type(form, name)
        client = SPARQLWrapper(self.url)
        client.setMethod(POST)
        client.setTimeout(max(1, round(limits.seconds)))
        client.setQuery(query)
        client.addCustomHttpHeader("Accept", wanted)
        try:
            response = client.query().response
            body = response.read(limits.bytes + 1)
        except TimeoutError:
            raise QueryTimeout(f"{self.url} did not answer in {limits.seconds:g} s") from None
        except SPARQLWrapperException as error:
            raise QueryInvalid(f"{self.url} refuses the query", _first_line(str(error))) from None
        except HTTPError as error:
            raise ServiceFailed(f"{self.url} answered {error.code}", str(error.reason)) from None
        except URLError as error:
            raise ServiceFailed(f"{self.url} cannot be reached", str(error.reason), "Check the address.") from None
        if len(body) > limits.bytes:
            raise too_large("bytes", limits.bytes)
        got = response.headers.get("Content-Type", "").partition(";")[0].strip()
        if got != wanted:
            raise ServiceFailed(f"{self.url} answered {got or 'without a type'}", f"{wanted} was asked for")
        rows = count_rows(body, name) if form == "SELECT" else body.count(b"\n")
        cap = response.headers.get("X-SPARQL-MaxRows", "")
        if cap.isdigit() and rows >= int(cap):
            raise too_large("rows (the service cuts there)", int(cap))
        if rows > limits.rows:
            raise too_large("rows", limits.rows)
        return Answer(wanted, body, rows)


def _first_line(text: str) -> str:
    """The part of a service's message that says something, without byte marks and newlines."""
    return re.sub(r"\\n.*|b['\"]|\s+", " ", text).strip()[:300]
