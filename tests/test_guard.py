"""The guard: what reaches out or changes is refused in every disguise, and what only looks like it passes.

Oxigraph calls a service for `SERVICE` and has no switch for it. So each disguise below is also given to Oxigraph: the
test knows that the parser would have taken it, and a disguise that it takes no more fails here rather than fades.
"""

from __future__ import annotations

import contextlib
import random
import re
import time

import pytest
from pyoxigraph import Store

from kb.errors import QueryInvalid, QueryRefused, UsageError
from kb.query import saved
from kb.query.guard import form_of, keywords
from kb.query.pool import check_format
from kb.store.base import GRAPH_FORMATS, TABLE_FORMATS

CALL = "<http://127.0.0.1:9/>{ ?a ?b ?c }"  # nothing listens there, and Oxigraph refuses that port
NAMES = "PREFIX : <http://127.0.0.1:9/> PREFIX x: <http://127.0.0.1:9/> "
DISGUISES = {
    "plain": f"SELECT * {{ SERVICE {CALL} }}",
    "lower case": f"select * {{ service {CALL} }}",
    "mixed case": f"SELECT * {{ SeRvIcE {CALL} }}",
    "silent": f"SELECT * {{ SERVICE SILENT {CALL} }}",
    "silent without space": f"SELECT * {{ SERVICESILENT{CALL} }}",
    "no space": f"SELECT*{{SERVICE{CALL}}}",
    "new lines": f"SELECT *\n{{\nSERVICE\n\n\t{CALL} }}",
    "comment between": f"SELECT * {{ SERVICE#}}\n{CALL} }}",
    "comments with signs between": f"SELECT * {{ SERVICE # # '\"\"\"\n #\n SILENT # {{\n {CALL} }}",
    "behind a comment": f"SELECT * {{ # SERVICE is next\nSERVICE {CALL} }}",
    "behind a comment that a carriage return ends": f"SELECT * {{ #\rSERVICE {CALL} }}",
    "by prefixed name": NAMES + "SELECT * { SERVICE x:p { ?a ?b ?c } }",
    "by empty prefix": NAMES + "SELECT * { SERVICE : { ?a ?b ?c } }",
    "glued to its name": NAMES + "SELECT * { SERVICE:p { ?a ?b ?c } }",
    "glued to its name, comment before the group": NAMES + "SELECT * { SERVICE:p # {\n { ?a ?b ?c } }",
    "glued to its prefix": NAMES + "SELECT * { SERVICEx:p { ?a ?b ?c } }",
    "silent and glued": NAMES + "SELECT * { SERVICESILENTx:p { ?a ?b ?c } }",
    "as a prefix of its own": NAMES + "PREFIX SERVICE: <http://a/> SELECT * { SERVICE:p { ?a ?b ?c } }",
    "behind true": f"SELECT * {{ ?s ?p trueSERVICE{CALL} }}",
    "behind true and a dot": f"SELECT * {{ ?s ?p true.SERVICE{CALL} }}",
    "behind a number": f"SELECT * {{ ?s ?p 1SERVICE{CALL} }}",
    "behind an exponent": f"SELECT * {{ ?s ?p 1e5SERVICE{CALL} }}",
    "behind a variable": f"SELECT * {{ ?s ?p ?o.SERVICE{CALL} }}",
    "behind an empty name": NAMES + f"SELECT * {{ ?s ?p :.SERVICE{CALL} }}",
    "behind a reifier": NAMES + f"SELECT * {{ ?s ?p :~SERVICE{CALL} }}",
    "behind a string": f"SELECT * {{ ?s ?p 'x'SERVICE{CALL} }}",
    "behind an escaped backslash": f'SELECT * {{ ?s ?p "\\\\"SERVICE{CALL} FILTER("" = "") }}',
    "behind a long string": f'SELECT * {{ ?s ?p """a "" \\""" b"""SERVICE{CALL} FILTER("" = "") }}',
    "behind a long string in single quotes": f"SELECT * {{ ?s ?p '''a '' b'''SERVICE{CALL} FILTER('' = '') }}",
    "between strings": f"SELECT * {{ FILTER('a' != \"b'\")SERVICE{CALL} FILTER(\"'\" = 'a') }}",
    "behind a language tag": f"SELECT * {{ ?s ?p 'x'@en.SERVICE{CALL} }}",
    "behind a blank node": f"SELECT * {{ ?s ?p [].SERVICE{CALL} }}",
    "behind less than": f"SELECT * {{ FILTER(1<2)SERVICE{CALL} FILTER(2>1) }}",
    "behind less than a string": f"SELECT * {{ ?s ?p ?a FILTER(?a<'>')SERVICE {CALL} FILTER(''='') }}",
    "behind less than and a comment": f"SELECT * {{ ?s ?p ?a FILTER(?a<?b#>'''\n)SERVICE {CALL}#'''\n}}",
    "behind less than and a tame comment": f"SELECT * {{ ?s ?p ?a FILTER(?a<?b#>#\n)SERVICE {CALL} }}",
    "behind an IRI with an escape": f"SELECT * {{ ?s <http://a/\\u0041#> ?o.SERVICE {CALL}\n}}",
    "behind an IRI with a quote": f"SELECT * {{ ?s <http://a/'> ?o SERVICE {CALL} FILTER(''='') }}",
    "behind an IRI with a number sign": f"SELECT * {{ ?s <http://a/#b> ?o SERVICE {CALL} }}",
    "in a subquery": f"SELECT * {{ {{ SELECT * {{ SERVICE {CALL} }} }} }}",
    "in optional": f"SELECT * {{ OPTIONAL {{ SERVICE {CALL} }} }}",
    "in exists": f"SELECT * {{ ?s ?p ?o FILTER EXISTS {{ SERVICE {CALL} }} }}",
    "in union": f"SELECT * {{ {{ }} UNION {{ SERVICE {CALL} }} }}",
    "in a graph": f"SELECT * {{ GRAPH ?g {{ SERVICE {CALL} }} }}",
    "in construct": f"CONSTRUCT {{ ?a ?b ?c }} WHERE {{ SERVICE {CALL} }}",
    "in ask": f"ASK {{ SERVICE {CALL} }}",
    "in describe": f"DESCRIBE ?a {{ SERVICE {CALL} }}",
    "by variable": "SELECT * { VALUES ?v { <http://127.0.0.1:9/> } SERVICE ?v { ?a ?b ?c } }",
    "by dollar variable": "SELECT * { VALUES ?v { <http://127.0.0.1:9/> } SERVICE$v{ ?a ?b ?c } }",
    "by base": "BASE <http://127.0.0.1:9/> SELECT * { SERVICE <> { ?a ?b ?c } }",
}
UPDATES = [
    "INSERT DATA { <urn:a> <urn:b> 1 }", "DELETE DATA { <urn:a> <urn:b> 1 }", "delete where { ?s ?p ?o }",
    "DELETE { ?s ?p ?o } INSERT { ?s ?p 1 } WHERE { ?s ?p ?o }", "WITH <urn:g> DELETE { ?s ?p ?o } WHERE { ?s ?p ?o }",
    "LOAD <http://127.0.0.1:9/>", "LOAD SILENT <http://127.0.0.1:9/> INTO GRAPH <urn:g>", "CLEAR ALL", "Clear Default",
    "DROP ALL", "CREATE GRAPH <urn:g>", "COPY DEFAULT TO <urn:g>", "MOVE <urn:g> TO DEFAULT", "ADD <urn:g> TO DEFAULT",
    "# SELECT\nDROP ALL", "PREFIX select: <http://a/> INSERT DATA { select:a select:b 1 }", "INSERT#\nDATA{}",
    "INSERT { ?s ?p 1 } WHERE { SELECT * { ?s ?p ?o } }", "BASE <http://a/SELECT> CLEAR ALL", '"SELECT" DROP ALL',
]  # fmt: skip
HARMLESS = {
    "in an IRI": "SELECT * { ?s <http://example.org/service/SERVICE> ?o }",
    "in an IRI with a group behind it": "SELECT * { GRAPH <http://example.org/service> { ?s ?p ?o } }",
    "in a prefix": "PREFIX service: <http://a/> SELECT * { ?s service:load service:SERVICE }",
    "in a local name": "PREFIX ex: <http://a/> SELECT * { ex:SERVICE ex:insert.delete ex:load-drop }",
    "in a variable": "SELECT ?SERVICE ?load { ?SERVICE ?load $insert FILTER(?SERVICE != ?load) }",
    "in a string": "SELECT * { ?s ?p 'SERVICE <http://a/> { }', \"LOAD\", '''DROP ALL''', \"\"\"SERVICE ?x { }\"\"\" }",
    "in a string with quotes": "SELECT * { ?s ?p 'it\\'s SERVICE <http://a/> { }' }",
    "in a string over lines": 'SELECT * { ?s <http://a/p> """one\nSERVICE two\nLOAD\n""" }',
    "in a comment": "# SERVICE <http://a/> { } LOAD\nSELECT * { ?s ?p ?o } # INSERT DATA { }",
    "in a header": "#+ title: Which service LOADs\n#+ description: delete, insert\nSELECT * { ?s ?p ?o }",
    "in a language tag": "SELECT * { ?s ?p 'x'@en-service }",
    "in a blank node": "SELECT * { _:SERVICE ?p _:load }",
    "in Arabic beside it": "SELECT * { ?s ?p 'خدمة SERVICE'@ar ; ?حمولة ?o }",
    "as a word of a name": "PREFIX a: <http://a/> SELECT * { ?s a:serviceLoad ?selfService }",
    "less than": "SELECT * { ?s ?p ?o FILTER(?o<3 && 'SERVICE x: {' != '>') }",
    "with": "SELECT (1 AS ?with) { }",
}
MODERN = [  # SPARQL 1.2 and what Oxigraph adds
    'VERSION "1.2" SELECT * { ?s ?p ?o }', "SELECT * { << ?s ?p ?o >> ?q ?z }", "SELECT * { <<( ?s ?p ?o )>> ?q ?z }",
    "SELECT * { ?s ?p ?o ~ ?r {| ?q ?z |} }", "SELECT * { ?s ?p 'x'@ar--rtl }", "SELECT * { ?s ?p ?o LATERAL { } }",
    "SELECT (TRIPLE(?s, ?p, ?o) AS ?t) { ?s ?p ?o }", "SELECT (LANGDIR('x'@ar--rtl) AS ?d) { }",
]  # fmt: skip


def _oxigraph_takes(query: str) -> bool:
    """Whether the parser takes it for a query; the call itself fails, for nothing listens there."""
    try:
        Store().query(query)
    except SyntaxError:
        return False
    except (OSError, RuntimeError):  # nothing listens there; no such function
        return True
    return True


@pytest.mark.parametrize("query", DISGUISES.values(), ids=DISGUISES)
def test_guard_refuses_services_in_every_disguise(query: str) -> None:
    assert _oxigraph_takes(query) or "1e5" in query, "this is no disguise: the parser does not take it"
    with pytest.raises(QueryRefused, match=r"SERVICE in line \d+ is refused: it would call another server"):
        form_of(query)


@pytest.mark.parametrize("query", UPDATES)
def test_guard_refuses_updates(query: str) -> None:
    assert not _oxigraph_takes(query)
    with pytest.raises(QueryRefused, match="is refused: (nothing is changed|it would fetch from another)"):
        form_of(query)


@pytest.mark.parametrize("query", HARMLESS.values(), ids=HARMLESS)
def test_guard_lets_the_words_stand_where_they_mean_nothing(query: str) -> None:
    assert _oxigraph_takes(query), "this is no example: the parser does not take it"
    assert form_of(query) == "SELECT"


@pytest.mark.parametrize("query", MODERN)
def test_guard_knows_the_syntax_of_sparql_1_2(query: str) -> None:
    assert _oxigraph_takes(query)
    assert form_of(query) == "SELECT"


@pytest.mark.parametrize("folder", ["report", "browse"])
def test_guard_passes_every_shipped_query(folder: str) -> None:
    for name in saved.names(folder):
        assert form_of(saved.load(folder, name).text) in {"SELECT", "ASK", "CONSTRUCT", "DESCRIBE"}


PIECES = [
    "SERVICE", "SILENT", " ", "<urn:x>", "{?a ?b ?c}", "<", ">", "'", '"', "#", "\n", "\r", "\\", '"""', "'''", ":",
    ".", "true", "1", "?v", "x:p", "<a#b>", "<'>", "@en", "~", "[]", "(", ")", "{", "}", "|", "&&", "service:",
    "FILTER(", "^", "/", "*", "+", "?", "!", "$", "%41", "-", "_:a", "e", "SERVICE<urn:x>{?a ?b ?c}", "a", "\\u0041",
    "\t",
    ";", ",", "^^", "GRAPH", "\u00b7", "\u1680", "\u200c", "\u3001", "\u0301", "\u203f", "🕊", "\u00a0",
    "\u2028", "\x0b",
    "\ufeff", "<<", "{|",
]  # fmt: skip


def test_guard_sees_every_call_that_the_parser_sees() -> None:
    """Mutants of all queries here: whenever a parser takes one as a call, the guard must have refused it.

    A mutant calls a service when it parses, and parses no more once the word is misspelt. (Found in this way: names
    with signs that are letters to SPARQL and not to Python.)
    """
    chance = random.Random(20160227)
    queries = [q.replace("http://127.0.0.1:9/", "urn:x") for q in (*DISGUISES.values(), *HARMLESS.values(), *MODERN)]
    calls = 0
    for _ in range(60_000):
        query = chance.choice(queries)
        for _ in range(chance.randrange(1, 4)):
            place, cut = chance.randrange(len(query) + 1), chance.choice((0, 0, 0, 1, 2))
            query = query[:place] + chance.choice(PIECES) + query[place + cut :]
        misspelt = re.sub("service", lambda m: m[0][:-1] + "f", query, flags=re.IGNORECASE)
        if _oxigraph_takes(query) and not _oxigraph_takes(misspelt):
            calls += 1
            with pytest.raises(QueryRefused):
                print(repr(query))
                form_of(query)
    assert calls > 1_000


@pytest.mark.parametrize(
    ("query", "form"),
    [
        ("SELECT * {}", "SELECT"), ("select(1 as ?x){}", "SELECT"), ("ASK{}", "ASK"), ("ASKWHERE{}", "ASK"),
        ("SELECTDISTINCT*{}", "SELECT"), ("CONSTRUCT WHERE { ?s ?p ?o }", "CONSTRUCT"),
        ("DESCRIBE <urn:a>", "DESCRIBE"),
        ("BASE<http://a/>ASK{}", "ASK"), ("PREFIX select: <http://a/> ASK { select:a a select:b }", "ASK"),
        ("PREFIX ask: <http://ASK/SELECT> # SELECT\r\nDESCRIBE ask:a", "DESCRIBE"),
        ("CONSTRUCT { ?s ?p ?o } WHERE { SELECT * { ?s ?p ?o } }", "CONSTRUCT"),
    ],
)  # fmt: skip
def test_form_is_the_first_keyword(query: str, form: str) -> None:
    assert _oxigraph_takes(query)
    assert form_of(query) == form


@pytest.mark.parametrize("query", ["", " ", "# only a comment", "hello", "?select", "'SELECT'", "<SELECT>", "'", "\\"])
def test_form_of_what_is_no_query_says_so(query: str) -> None:
    with pytest.raises(QueryInvalid, match="not a SPARQL query.*Try: SELECT"):
        form_of(query)


def test_refusal_names_the_line() -> None:
    with pytest.raises(QueryRefused, match="SERVICE in line 3"):
        form_of(f"SELECT *\n{{\n SERVICE {CALL} }}")
    with pytest.raises(QueryRefused, match="LOAD in line 2.*Import the other data first"):
        form_of("# load\nLOAD <http://a/>")


def test_keywords_are_bare_words_only() -> None:
    query = "PREFIX a: <http://a/b#c> SELECT ?x { ?x a:b 'c' # d\n FILTER(NOW() > \"e\"@en) }"
    assert [word for word, _ in keywords(query)] == ["PREFIX", "SELECT", "FILTER", "NOW"]
    assert [query[at : at + 3].upper() for _, at in keywords(query)] == ["PRE", "SEL", "FIL", "NOW"]


SLOW = [
    "a.", "<\\'''>", "\\'''\n", "\\'", "# ", "SERVICE # # ", "SERVICE ", "<a", "<#>'''\n", "<'>", '"""\\', '\\"""',
    "<>", ":a\\'", "SERVICE#x\n", "<a#>SERVICE<b>", '"', "'''a'", "<'''>", "<SERVICE#>", "<SERVICE'>",
    "SERVICE<a> ", "a:",
]  # fmt: skip


@pytest.mark.parametrize("part", SLOW)
def test_guard_takes_linear_time_for_hostile_text(part: str) -> None:
    query = part * (100_000 // len(part))
    started = time.process_time()
    with contextlib.suppress(QueryInvalid, QueryRefused):
        form_of(query)
    assert time.process_time() - started < 2.0  # seconds; measured below 0.3, quadratic ones take minutes


# formats by form


def test_formats_fit_their_form() -> None:
    for form in ("SELECT", "ASK"):
        for name in TABLE_FORMATS:
            check_format(form, name)
        for name in GRAPH_FORMATS:
            with pytest.raises(QueryInvalid, match="cannot be answered as .*Use json, xml, csv, tsv"):
                check_format(form, name)
    for form in ("CONSTRUCT", "DESCRIBE"):
        for name in GRAPH_FORMATS:
            check_format(form, name)
        for name in [*TABLE_FORMATS, "html", "", "JSON"]:
            with pytest.raises(QueryInvalid, match="cannot be answered as .*Use turtle, ntriples"):
                check_format(form, name)


# parameters

HEADER = "#+ title: t\n#+ param: a text one\n#+ param: b text two\n#+ param: i iri three\n#+ param: c concept four\n" \
         "#+ param: d date five\n#+ param: n number six\n"  # fmt: skip
SLOTS = "".join(f"VALUES ?{name} {{ UNDEF }} " for name in "abicdn")
INJECTIONS = [
    'x" } ?s ?p ?o . { ?s ?p "', "x' }", "x\\", 'x\\"', "x\n} DROP ALL", "x\r#", "} #", "?s", "<urn:a>", "UNDEF",
    "VALUES", "VALUES ?b { UNDEF }", 'VALUES ?b { UNDEF } "', "VALUES ?i { UNDEF }", "\\u0022 }", "%22", "\0",
    "\u2028}", "' UNION {", "SERVICE <http://127.0.0.1:9/> {}", '"""', "x\\\\", "{ UNDEF }", "\U0010ffff", "",
    "عربي\u202e",
]  # fmt: skip


def _bound(values: dict[str, str]) -> dict[str, str | None]:
    question = saved.parse("q", f"{HEADER}SELECT ?a ?b ?i ?c ?d ?n WHERE {{ {SLOTS}}}")
    text = question.bind(values)
    assert form_of(text) == "SELECT"
    rows = list(Store().query(text))  # type: ignore[arg-type]
    assert len(rows) == 1
    return {name: getattr(rows[0][name], "value", None) for name in "abicdn"}


@pytest.mark.parametrize("value", INJECTIONS, ids=ascii)
def test_parameters_stay_terms(value: str) -> None:
    assert _bound({"a": value}) == dict.fromkeys("bicdn") | {"a": value}


@pytest.mark.parametrize("first", INJECTIONS, ids=ascii)
def test_parameters_do_not_reach_into_each_other(first: str) -> None:
    """A text that looks like the slot of another parameter is not filled with that one's value."""
    for second in ('} ASK { "', "#", "VALUES ?a { UNDEF }", "<urn:x>"):
        assert _bound({"a": first, "b": second, "i": "incident/x"}) == dict.fromkeys("cdn") | {
            "a": first, "b": second, "i": "https://w3id.org/mizan/id/incident/x",
        }  # fmt: skip


@pytest.mark.parametrize("name", "icdn")
@pytest.mark.parametrize("value", ["a b", "<urn:a>", '"', "} #", "x> <urn:b", "{", "^", "`", "|", "\0", "2016-02-30 9"])
def test_parameters_that_do_not_fit_are_told(name: str, value: str) -> None:
    with pytest.raises(UsageError, match=rf"{name}=.* does not fit.*Give "):
        _bound({name: value})


def test_parameters_of_bytes_that_are_not_text_are_told() -> None:
    for name in "abic":
        with pytest.raises(UsageError, match="does not fit"):
            _bound({name: "\udcff"})


def test_parameter_without_a_slot_is_told() -> None:
    question = saved.parse("q", f"{HEADER}SELECT ?a {{ VALUES ?a {{ UNDEF }} }}")
    assert "VALUES ?a { \"x\" }" in question.bind({"a": "x"})
    with pytest.raises(UsageError, match=r"no slot for its parameter b.*VALUES \?b \{ UNDEF \}"):
        question.bind({"b": "x"})
