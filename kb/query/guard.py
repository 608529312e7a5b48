"""Reads a query's words before anything runs it: its form, and whether it asks for what is never done here."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Collection, Iterator, Sequence

from kb.errors import QueryInvalid, QueryRefused

_FORMS = ("SELECT", "ASK", "CONSTRUCT", "DESCRIBE")
_CHANGING = frozenset(["NOW", "RAND", "UUID", "STRUUID", "BNODE"])
_UPDATES = frozenset(["INSERT", "DELETE", "LOAD", "CLEAR", "CREATE", "DROP", "COPY", "MOVE", "ADD", "WITH"])
# Letters of names: where one beyond ASCII may not stand, the parser ends anyway.
_LETTER = r"A-Za-z\u0080-\U0010ffff"
_LOCAL = rf"(?:[{_LETTER}0-9_:]|%[0-9A-Fa-f]{{2}}|\\.)(?:[{_LETTER}0-9_:.\-]|%[0-9A-Fa-f]{{2}}|\\.)*"
# Everything in which a keyword's letters can stand without being one: IRIs, strings, comments, names, variables.
_TOKEN = re.compile(
    rf"""
      (?P<space> [ \t\n\r]+ | (?P<comment> \# ) )
    | (?P<text>
          \"\"\"(?:[^"\\]|\\.|"(?!""))*\"\"\" | '''(?:[^'\\]|\\.|'(?!''))*'''
        | "(?:[^"\\\n\r]|\\.)*" | '(?:[^'\\\n\r]|\\.)*'
        | @[A-Za-z]+(?:-[A-Za-z0-9]+)*(?:--[A-Za-z]+)? | _:[{_LETTER}0-9_.\-]+
      )
    | (?P<address> (?P<iri> <[^<>"{{}}|^`\x00-\x20]*> ) | [?$][{_LETTER}0-9_]+ | :(?:{_LOCAL})? )
    | (?P<word> [{_LETTER}][{_LETTER}0-9_.\-]* ) (?P<local> :(?:{_LOCAL})? )?
    | (?P<other> . )
    """,
    re.VERBOSE | re.DOTALL,
)


class _Reader:
    """A query as tokens, from any place in it."""

    def __init__(self, query: str) -> None:
        self.query = query
        self._line_ends = [found.start() for found in re.finditer(r"[\n\r]", query)]

    def tokens(self, place: int) -> Iterator[re.Match[str]]:
        """The tokens from `place` on, taking every `<…>` that can be an IRI for one.

        They end at a quote or backslash that stands alone: no parser goes on there, and with that and the list of
        line ends the cost of hostile text stays linear.
        """
        while place < len(self.query):
            match = _TOKEN.match(self.query, place)
            assert match is not None
            if match["other"] and match["other"] in "\"'\\":
                return
            yield match
            place = self._line_end(place) if match["comment"] else match.end()

    def after(self, place: int) -> re.Match[str] | None:
        """The next token that is no space and no comment."""
        return next((token for token in self.tokens(place) if not token["space"]), None)

    def service_calls(self) -> Iterator[int]:
        """Where the query calls a service, in any reading that a parser could have of it.

        `<` opens an IRI or means less-than, which only the grammar decides; what a quote or `#` behind it hides
        depends on that, so both readings are followed.
        """
        todo, seen = [0], set()
        while todo:
            for match in self.tokens(todo.pop()):
                if match.start() in seen:
                    break
                seen.add(match.start())
                if match["word"] and "SERVICE" in match["word"].upper() and self._is_call(match):
                    yield match.start()
                if match["iri"]:
                    todo.append(match.start() + 1)

    def _is_call(self, word: re.Match[str]) -> bool:
        """Whether an address and a group in braces follow: `SERVICE <…> {`.

        The parser asks for no space around keywords (`SERVICESILENT<…>`, `trueSERVICE:p`), so a name with the word in
        it can be the keyword and its address in one.
        """
        following = (token for token in self.tokens(word.end()) if not token["space"])
        token = next(following, None) if word["local"] is None else word
        if token and token["word"] and token["word"].upper() == "SILENT" and token["local"] is None:
            token = next(following, None)
        if not token or not (token["address"] or token["local"]):
            return False
        token = next(following, None)
        return bool(token and token[0] == "{")

    def _line_end(self, place: int) -> int:
        index = bisect_left(self._line_ends, place)
        return self._line_ends[index] if index < len(self._line_ends) else len(self.query)


def tokens(query: str) -> Iterator[re.Match[str]]:
    """The tokens of a query, with the groups that _TOKEN names."""
    return _Reader(query).tokens(0)


def keywords(query: str) -> Iterator[tuple[str, int]]:
    """The bare words of a query in upper case with their offsets, nothing from inside names or literals."""
    for match in _Reader(query).tokens(0):
        if match["word"] and match["local"] is None:
            yield match["word"].upper(), match.start()


def repeatable(query: str) -> bool:
    """Whether the same data always give the same answer."""
    return not any(word in _CHANGING or word.startswith("SERVICE") for word, _ in keywords(query))


def namespaces(query: str) -> set[str]:
    """The IRIs that a query uses, prefixed names by their namespace alone; what it only declares is left out."""
    declared: dict[str, str] = {}
    used: set[str] = set()
    prefixed: set[str] = set()
    declaring, name = False, None
    for match in _Reader(query).tokens(0):
        if match["space"]:
            continue
        if declaring and name is None:
            name = match[0].partition(":")[0]
        elif declaring and name is not None:
            declared[name] = match[0][1:-1]
            declaring, name = False, None
        elif match["word"] and not match["local"] and match["word"].upper() == "PREFIX":
            declaring = True
        elif match["iri"]:
            used.add(match[0][1:-1])
        elif match["local"] or match[0].startswith(":"):
            prefixed.add(match["word"] or "")
    return used | {declared[name] for name in prefixed if name in declared}


def check_graphs(query: str, graphs: Collection[str]) -> None:
    """Refuse `FROM` for any graph but these: nothing is fetched, and an empty graph would look like an answer."""
    if "FROM" not in query.upper():
        return
    reader = _Reader(query)
    for match in reader.tokens(0):
        # the parser asks for no space here either, and the word stands nowhere else in the language
        if not match["word"] or match["local"] or not match["word"].upper().startswith("FROM"):
            continue
        named = reader.after(match.end())
        if named and named["word"] and named["word"].upper() == "NAMED" and not named["local"]:
            named = reader.after(named.end())
        name = named[0] if named else ""
        if name[1:-1] not in graphs:
            why = f"of the graphs here none is {name[:200]}" if graphs else "there are no named graphs here"
            raise QueryRefused(
                f"FROM in line {query.count(chr(10), 0, match.start()) + 1} is refused",
                f"{why}, and nothing is fetched from elsewhere", "Leave it out: without it the whole store is asked.",
            )  # fmt: skip


def allowed_calls(query: str, services: Sequence[str]) -> list[tuple[int, int, int]]:
    """Where a query names the services that it calls: start and end of each IRI, and its place in `services`.

    Raises QueryRefused for a call of any other, or one that is not written as `SERVICE <…>`.
    """
    if "SERVICE" not in query.upper():
        return []
    reader = _Reader(query)
    plain = {token.start() for token in reader.tokens(0)}
    found = []
    for offset in reader.service_calls():
        word = _TOKEN.match(query, offset)
        named = reader.after(word.end()) if word and word["local"] is None else None
        if named and named["word"] and named["word"].upper() == "SILENT":
            named = reader.after(named.end())
        name = named[0][1:-1] if named and named["iri"] else ""
        if not named or name not in services or offset not in plain:
            known = f" Allowed here: {', '.join(services)}." if services else ""
            raise _refused("SERVICE", query, offset, "it would call another server from here", known)
        found.append((named.start(), named.end(), services.index(name)))
    return found


def form_of(query: str, services: Sequence[str] = ()) -> str:
    """SELECT, ASK, CONSTRUCT or DESCRIBE.

    Raises QueryRefused for updates, LOAD and SERVICE (but for calls of these services), QueryInvalid when no query
    form is there at all.
    """
    allowed_calls(query, services)
    for word, offset in keywords(query):
        # the parser asks for no space after a keyword either: `SELECTDISTINCT`, `ASKWHERE`
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


def _refused(word: str, query: str, offset: int, why: str, known: str = "") -> QueryRefused:
    line = query.count("\n", 0, offset) + 1
    hint = (
        "Records come in with `mizan import`, through validation and the ledger."
        if word in _UPDATES - {"LOAD"}
        else "Import the other data first, then ask here."
    )
    return QueryRefused(f"{word} in line {line} is refused", why, hint + known)
