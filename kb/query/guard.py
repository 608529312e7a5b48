"""Reads a query's words before anything runs it: its form, and whether it asks for what is never done here."""

from __future__ import annotations

import re
from collections.abc import Iterator

from kb.errors import QueryInvalid, QueryRefused

_FORMS = ("SELECT", "ASK", "CONSTRUCT", "DESCRIBE")
_UPDATES = frozenset(["INSERT", "DELETE", "LOAD", "CLEAR", "CREATE", "DROP", "COPY", "MOVE", "ADD", "WITH"])
_IRI = r"""<[^<>"{}|^`\x00-\x20]*>"""
_COMMENT = r"\#[^\n\r]*"
_LOCAL = r"(?:[\w:]|%[0-9A-Fa-f]{2}|\\.)(?:[\w:.\-·]|%[0-9A-Fa-f]{2}|\\.)*"
# Everything in which a keyword's letters can stand without being one: IRIs, strings, comments, names, variables.
_TOKEN = re.compile(
    rf"""
      (?P<skip> {_COMMENT}
        | \"\"\"(?:[^"\\]|\\.|"(?!""))*\"\"\" | '''(?:[^'\\]|\\.|'(?!''))*'''
        | "(?:[^"\\\n\r]|\\.)*" | '(?:[^'\\\n\r]|\\.)*'
        | [?$]\w+ | @[A-Za-z]+(?:-[A-Za-z0-9]+)*(?:--[A-Za-z]+)?
        | _:[\w.\-·]+ | :(?:{_LOCAL})? | \s+
      )
    | (?P<iri> {_IRI} )
    | (?P<name> (?P<word> [^\W\d_][\w.\-·]* ) (?P<local> :(?:{_LOCAL})? )? )
    | (?P<other> . )
    """,
    re.VERBOSE | re.DOTALL,
)
_SPACE = rf"(?:\s|{_COMMENT})*+"  # possessive: a comment may hold `#`, and there are many ways to cut it
_GROUP = re.compile(rf"{_SPACE}\{{", re.VERBOSE)
_CALL = re.compile(
    rf"{_SPACE}(?:SILENT{_SPACE})?(?:{_IRI}|[?$]\w+|[^\W\d_][\w.\-·]*:(?:{_LOCAL})?|:(?:{_LOCAL})?){_SPACE}\{{",
    re.VERBOSE | re.DOTALL | re.IGNORECASE,
)


def keywords(query: str) -> Iterator[tuple[str, int]]:
    """The bare words of a query in upper case with their offsets, nothing from inside names or literals."""
    for match in _reading(query, 0):
        if match["word"] and match["local"] is None:
            yield match["word"].upper(), match.start()


def _reading(query: str, place: int) -> Iterator[re.Match[str]]:
    """The tokens from `place` on, taking every `<…>` that can be an IRI for one.

    It ends at a quote or backslash that stands alone: no parser goes on there, and so what hostile text costs stays
    linear (a search for the end of each string would not).
    """
    while place < len(query):
        match = _TOKEN.match(query, place)
        assert match is not None
        if match["other"] and match["other"] in "\"'\\":
            return
        yield match
        place = match.end()


def form_of(query: str) -> str:
    """SELECT, ASK, CONSTRUCT or DESCRIBE.

    Raises QueryRefused for updates, SERVICE and LOAD, QueryInvalid when no query form is there at all.
    """
    for offset in _service_calls(query):
        raise _refused("SERVICE", query, offset, "it would call another server from here")
    for word, offset in keywords(query):
        # the parser asks for no space after a keyword: `SELECT*`, but also `SELECTDISTINCT` and `ASKWHERE`
        form = next((form for form in _FORMS if word.startswith(form)), "")
        if form:
            return form
        if word in _UPDATES:
            why = "it would fetch from another server" if word == "LOAD" else "nothing is changed by query"
            raise _refused(word, query, offset, why)
    raise QueryInvalid(
        "This is not a SPARQL query", "no SELECT, ASK, CONSTRUCT or DESCRIBE is in it",
        "Try: SELECT * WHERE { ?s ?p ?o } LIMIT 10",
    )  # fmt: skip


def _service_calls(query: str) -> Iterator[int]:
    """Where the query calls a service, in any reading that a parser could have of it.

    `<` opens an IRI or means less-than, which only the grammar decides; what a quote or `#` behind it hides depends
    on that, so both readings are followed. The parser also takes keywords without space around them
    (`SERVICESILENT<…>`, `trueSERVICE:p`), so the word is looked for inside names, where a group in braces follows.
    A reading ends at a quote or backslash of its own: no parser goes on there, and hostile text costs linear time.
    """
    todo, seen = [0], set()
    while todo:
        for match in _reading(query, todo.pop()):
            if match.start() in seen:
                break
            seen.add(match.start())
            if match["word"] and "SERVICE" in match["word"].upper():
                called = _GROUP if match["local"] is not None else _CALL
                if called.match(query, match.end()):
                    yield match.start()
            if match["iri"]:
                todo.append(match.start() + 1)


def _refused(word: str, query: str, offset: int, why: str) -> QueryRefused:
    line = query.count("\n", 0, offset) + 1
    hint = (
        "Records come in with `mizan import`, through validation and the ledger."
        if word in _UPDATES - {"LOAD"}
        else "Import the other data first, then ask here."
    )
    return QueryRefused(f"{word} in line {line} is refused", why, hint)
