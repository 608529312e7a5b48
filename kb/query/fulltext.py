"""Text search inside SPARQL: `?x mz:matches "words"` is answered by the search index before the store is asked.

Written `?x mz:matches "words"` or `?x mz:matches ("words" ?score 20)`, with a variable for the score, or at most so
many best matches, or both. The pattern becomes a VALUES block at the end of its group, so it joins like any other.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from pyoxigraph import RdfFormat, parse

from kb.errors import AnswerTooLarge, QueryInvalid
from kb.ns import MZ, MZ_BASE
from kb.query.desk import Asker
from kb.query.guard import tokens
from kb.query.pool import QueryPool
from kb.store.base import Answer, Limits, Scope

PREDICATE = MZ_BASE + "matches"
MOST = 10_000  # records that one pattern may match
_FORMS = 'Write it as ?x mz:matches "words", or ?x mz:matches ("words" ?score 20).'
Find = Callable[[str, int], tuple[int, Sequence[tuple[str, float]]]]
Token = re.Match[str]


@dataclass(frozen=True, slots=True)
class _Pattern:
    """One use of the predicate: where it stands, its variable, what it asks, and where its group ends."""

    start: int
    end: int
    subject: str
    text: str
    score: str
    limit: int
    group_end: int


def ask(
    pool: QueryPool, store: Path, find: Find, query: str, name: str, limits: Limits | None, asker: Asker | None,
    scope: Scope | None,
) -> Answer:  # fmt: skip
    """See QueryPool.ask; text patterns are answered by `find`."""
    expanded = expand(query, find)
    try:
        return pool.ask(store, expanded, name, limits, asker=asker, scope=scope)
    except QueryInvalid:
        if expanded != query:  # the place of the error has moved: what was written is read again
            pool.ask(store, query, name, limits, asker=asker, scope=scope)
        raise


def expand(query: str, find: Find) -> str:
    """The query with each text pattern replaced by the records that `find` gives for it (how many, and the best).

    Raises QueryInvalid for a pattern that is not written in one of the two forms, AnswerTooLarge past MOST.
    """
    if "matches" not in query:
        return query
    patterns = list(_patterns(query))
    edits = [(pattern.start, pattern.end, f"{MZ.inRecord} []") for pattern in patterns]
    edits += [(pattern.group_end, pattern.group_end, _values(pattern, find)) for pattern in patterns]
    for start, end, text in sorted(edits, key=lambda edit: edit[:2], reverse=True):
        query = query[:start] + text + query[end:]
    return query


def _values(pattern: _Pattern, find: Find) -> str:
    number, found = find(pattern.text, pattern.limit or MOST)
    if not pattern.limit and number > MOST:
        raise AnswerTooLarge(
            f"{number:,} records match {pattern.text[:60]!r}", f"a text pattern may match {MOST:,}",
            f"Add a word, or ask for the best: mz:matches ({pattern.text[:60]!r} 100).",
        )  # fmt: skip
    if not pattern.score:
        return f" VALUES {pattern.subject} {{ {' '.join(f'<{iri}>' for iri, _ in found)} }} "
    rows = " ".join(f"(<{iri}> {score:.4f})" for iri, score in found)
    return f" VALUES ({pattern.subject} {pattern.score}) {{ {rows} }} "


def _patterns(query: str) -> list[_Pattern]:
    told = [token for token in tokens(query) if not token["space"]]
    spellings = _spellings(told)
    return [_pattern(told, place) for place, token in enumerate(told) if token[0] in spellings and place]


def _spellings(told: list[Token]) -> set[str]:
    """How the predicate may be written in this query: its IRI, and its name under each prefix declared for it."""
    found = {f"<{PREDICATE}>"}
    for first, second, third in zip(told, told[1:], told[2:], strict=False):
        if first[0].upper() == "PREFIX" and third[0] == f"<{MZ_BASE}>":
            found.add(f"{second[0]}matches")
    return found


def _pattern(told: list[Token], place: int) -> _Pattern:
    subject = _subject(told, place)
    end, text, score, limit = place + 1, "", "", ""
    if end < len(told) and told[end][0] == "(":
        closing = next((n for n in range(end, len(told)) if told[n][0] == ")"), end)
        inside = [token[0] for token in told[end + 1 : closing]]
        text, rest = (inside or [""])[0], inside[1:]
        if rest and re.fullmatch(r"[?$]\w+", rest[0]):
            score, rest = rest[0], rest[1:]
        limit, end = "".join(rest), closing
    elif end < len(told):
        text = told[end][0]
    if text[:1] not in "\"'" or not text or (limit and not re.fullmatch(r"[1-9]\d{0,4}", limit)):
        raise _refused(told, place, "it takes a text, and in brackets a variable for the score and a whole number")
    if end + 1 < len(told) and told[end + 1][0].startswith(("@", "^")):
        raise _refused(told, place, "the text has no language and no type: all languages are searched")
    words = _value(text)
    if not re.search(r"\w", words):
        raise _refused(told, place, "there is no word in the text")
    closing = _group_end(told, place)
    return _Pattern(told[place].start(), told[end].end(), subject, words, score, min(int(limit or 0), MOST), closing)


def _subject(told: list[Token], place: int) -> str:
    """The variable that the pattern is about: right before it, or where the list of properties began."""
    if told[place - 1][0] != ";":
        found = told[place - 1]
    else:
        start, depth = place - 1, 0
        while start >= 0 and not (depth == 0 and _ends_triples(told, start)):
            depth += (told[start][0] in ")]") - (told[start][0] in "([")
            start -= 1
        start += 1
        while told[start][0].upper() in ("FILTER", "BIND"):
            start = _after_brackets(told, start)
        found = told[start]
    if not re.fullmatch(r"[?$]\w+", found[0]):
        raise _refused(told, place, "it has to be about a variable, as in ?incident mz:matches")
    return found[0]


def _ends_triples(told: list[Token], place: int) -> bool:
    sign = told[place][0]
    if sign == "." and 0 < place < len(told) - 1:  # in a number it stands between digits
        before, after = told[place - 1], told[place + 1]
        touching = before.end() == told[place].start() and after.start() == told[place].end()
        return not (touching and before[0].isdigit() and after[0].isdigit())
    return sign in "{}."


def _after_brackets(told: list[Token], place: int) -> int:
    depth = 0
    for number in range(place, len(told)):
        depth += (told[number][0] == "(") - (told[number][0] == ")")
        if told[number][0] == ")" and depth == 0:
            return number + 1
    return place + 1


def _group_end(told: list[Token], place: int) -> int:
    depth = 0
    for token in told[place:]:
        depth += (token[0] == "{") - (token[0] == "}")
        if depth < 0:
            return token.start()
    raise _refused(told, place, "its group is not closed")


def _value(text: str) -> str:
    """What a text in quotes says, by the store's own reading of its escapes."""
    try:
        (quad,) = parse(f"<urn:a> <urn:b> {text} .", format=RdfFormat.TURTLE)
    except (SyntaxError, ValueError) as error:
        raise QueryInvalid("The text of mz:matches cannot be read", str(error), _FORMS) from None
    return str(getattr(quad.object, "value", ""))


def _refused(told: list[Token], place: int, why: str) -> QueryInvalid:
    token = told[place]
    line = token.string.count("\n", 0, token.start()) + 1
    column = token.start() - (token.string.rfind("\n", 0, token.start()) + 1) + 1
    return QueryInvalid(f"Line {line}, column {column}: mz:matches", why, _FORMS, line=line, column=column)
