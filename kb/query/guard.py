"""Reads a query's words before anything runs it: its form, and whether it asks for what is never done here."""

from __future__ import annotations

import re
from collections.abc import Iterator

from kb.errors import QueryInvalid, QueryRefused

_FORMS = ("SELECT", "ASK", "CONSTRUCT", "DESCRIBE")
_UPDATES = frozenset(["INSERT", "DELETE", "LOAD", "CLEAR", "CREATE", "DROP", "COPY", "MOVE", "ADD", "WITH"])
# Everything in which a keyword's letters can stand without being one: IRIs, strings, comments, names, variables.
_TOKEN = re.compile(
    r"""
      (?P<skip> \#[^\n]*
        | <[^<>"{}|^`\\\x00-\x20]*>
        | \"\"\"(?:[^"\\]|\\.|"(?!""))*\"\"\" | '''(?:[^'\\]|\\.|'(?!''))*'''
        | "(?:[^"\\\n\r]|\\.)*" | '(?:[^'\\\n\r]|\\.)*'
        | [?$][^\W]\w* | @[A-Za-z]+(?:-[A-Za-z0-9]+)*(?:--[A-Za-z]+)?
        | [^\W\d_][\w.-]*:[^\s<>"{}()|^`,;\[\]]* | :[^\s<>"{}()|^`,;\[\]]* | _:[\w.-]+
      )
    | (?P<word> [A-Za-z]+ )
    | (?P<other> . )
    """,
    re.VERBOSE | re.DOTALL,
)


def keywords(query: str) -> Iterator[tuple[str, int]]:
    """The bare words of a query in upper case with their offsets, nothing from inside names or literals."""
    for match in _TOKEN.finditer(query):
        if match.lastgroup == "word":
            yield match[0].upper(), match.start()


def form_of(query: str) -> str:
    """SELECT, ASK, CONSTRUCT or DESCRIBE.

    Raises QueryRefused for updates, SERVICE and LOAD, QueryInvalid when no query form is there at all.
    """
    form = ""
    for word, offset in keywords(query):
        if word == "SERVICE":
            raise _refused("SERVICE", query, offset, "it would call another server from here")
        if not form and word in _FORMS:
            form = word
        elif not form and word in _UPDATES:
            why = "it would fetch from another server" if word == "LOAD" else "nothing is changed by query"
            raise _refused(word, query, offset, why)
    if not form:
        raise QueryInvalid(
            "This is not a SPARQL query", "no SELECT, ASK, CONSTRUCT or DESCRIBE is in it",
            "Try: SELECT * WHERE { ?s ?p ?o } LIMIT 10",
        )  # fmt: skip
    return form


def _refused(word: str, query: str, offset: int, why: str) -> QueryRefused:
    line = query.count("\n", 0, offset) + 1
    hint = (
        "Records come in with `mizan import`, through validation and the ledger."
        if word in _UPDATES - {"LOAD"}
        else "Import the other data first, then ask here."
    )
    return QueryRefused(f"{word} in line {line} is refused", why, hint)
