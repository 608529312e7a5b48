"""What SPARQL services are known to do otherwise than the standard says, each found by a test against that service.

Oxigraph's server (0.5) and Fuseki (5.2) write a sentence into a 200 answer when a query times out half-way: in CSV it
passes for a row, and Fuseki's passes for a comment in Turtle. So tables are always fetched as JSON, whose end shows
that it is whole, and written in the format asked for here; graphs are searched for the sentence.

Virtuoso (7.2) writes `typed-literal`, true as 1, points as a type of its own (rounded to single precision), and answers
ASK with a row. It cuts at ResultSetMaxRows: tables with a header that says so, graphs in silence. A FILTER inside
OPTIONAL does not see a variable of a VALUES outside (no label then), rows go missing behind paths and negations, and
some questions make it fail or hang. So saved questions and pages are answered here; it answers what people type.
"""

from __future__ import annotations

import json
import re
from typing import Any

_BREAKS = (b"The SPARQL operation has been cancelled", b"Incomplete results           ****   ##")
_BOOLEAN = "http://www.w3.org/2001/XMLSchema#boolean"
_GEOMETRY = "http://www.openlinksw.com/schemas/virtrdf#Geometry"
_WKT = "http://www.opengis.net/ont/geosparql#wktLiteral"
_LIMIT = re.compile(r"(?:\s|OFFSET\s+\d+)*LIMIT\s+(\d+)(?:\s|OFFSET\s+\d+)*", re.IGNORECASE)


def timed_out(body: bytes) -> bool:
    """Whether an answer ends in the sentence with which a service says that it gave up in the middle."""
    return body[-200:].rstrip().endswith(_BREAKS)


def is_virtuoso(server: str) -> bool:
    """Whether the Server header is Virtuoso's."""
    return server.startswith("Virtuoso")


def limit(query: str) -> int | None:
    """The number of the LIMIT at the very end of a query; None when there is none, or it might be in a comment."""
    body, _, end = query.rpartition("}")
    if "#" in re.sub(r"<[^<>\s]*>", "", (body.splitlines() or [""])[-1] + end):
        return None
    found = _LIMIT.fullmatch(end)
    return int(found[1]) if found else None


def standard_json(body: bytes) -> bytes:
    """An answer of Virtuoso in JSON as the standard has it."""
    answer: dict[str, Any] = json.loads(body)
    rows = answer["results"]["bindings"]
    if answer["head"]["vars"] == ["__ASK_RETVAL"]:
        value = rows[0]["__ASK_RETVAL"]["value"] if rows else "0"
        return json.dumps({"head": {}, "boolean": value == "1"}).encode()
    for row in rows:
        for term in row.values():
            if term["type"] == "typed-literal":
                term["type"] = "literal"
            if term.get("datatype") == _BOOLEAN:
                term["value"] = {"1": "true", "0": "false"}.get(term["value"], term["value"])
            elif term.get("datatype") == _GEOMETRY:
                term["datatype"] = _WKT
    return json.dumps(answer, ensure_ascii=False).encode()
