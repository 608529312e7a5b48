"""Says where and why a query does not parse, in line, column and words."""

from __future__ import annotations

import re

from kb.errors import QueryInvalid

_TELLING = {
    "Prefix not found": "a prefix is used that the query does not declare",
    "IRI parsing failed": "an IRI has a character that IRIs cannot have",
    r'"\""': "a text in quotes is not closed",
}


def explain(query: str, message: str) -> QueryInvalid:
    """The error for a query that the store refused with `message`.

    The store's parser gives the furthest place that any of its guesses reached; rdflib's, asked as a second opinion,
    names the word that does not fit. Its place is taken unless the store's message already says what is wrong.
    """
    found = re.search(r"error at (\d+):(\d+): (.*)", message, re.DOTALL)
    if not found:
        return QueryInvalid("The query does not parse", message.splitlines()[0] if message else "")
    line, column = int(found[1]), int(found[2])
    why = next((words for mark, words in _TELLING.items() if mark in found[3]), "")
    if not why:
        line, column, why = _second_opinion(query, line, column)
    # lines as both parsers count them; a tab is one column to the one and a jump to the other
    text = query.replace("\r\n", "\n").replace("\r", " ").replace("\t", " ").split("\n")[line - 1 : line]
    excerpt = f"  {text[0]}\n  {' ' * (column - 1)}^" if text else ""
    return QueryInvalid(f"Line {line}, column {column}", why, line=line, column=column, excerpt=excerpt)


def _second_opinion(query: str, line: int, column: int) -> tuple[int, int, str]:
    from pyparsing import ParseException  # with rdflib a third of a second to import: only for queries that are wrong
    from rdflib.plugins.sparql.parser import parseQuery

    try:
        parseQuery(query.replace("\t", " "))
    except ParseException as error:
        token = re.match(r"\w+|[?$]\w+|\S", query[error.loc :])
        word = f"{token[0]!r} does not fit here" if token else "the query ends too early; something is not closed"
        return error.lineno, error.column, word
    except (RecursionError, ValueError, TypeError):
        return line, column, "this is not what SPARQL expects here"
    return line, column, "this is not what SPARQL expects here"
