"""Canonical spelling: what is digested is what every store gives back, byte for byte, and any reader reads the same."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import unquote

import pytest
import rdflib
from pyoxigraph import BaseDirection, BlankNode, Literal, NamedNode, QuerySolutions, Store, Triple, parse_query_results
from pyoxigraph import QueryResultsFormat as Format

from kb import canonical
from kb.errors import DoesNotConform
from kb.record import by_owner, local_name, owner, system_node
from kb.store.base import Limits
from kb.store.local import LocalStore

XSD = "http://www.w3.org/2001/XMLSchema#"
S, P = NamedNode("https://w3id.org/mizan/id/incident/test/1"), NamedNode("urn:p")
SPELLINGS = {  # datatype: lexical forms, some of them not valid
    "integer": "0 00 -0 +1 01 -007 99999999999999999999999 abc 1.0",
    "decimal": "1.50 .5 1. 100 -0.0 0.0000000000000000001 12345678901234567890.123 1e5",
    "double": "1e5 1.0E-3 INF -INF NaN 0 -0 1.7976931348623157e308 x",
    "float": "1.0 3.4e38 NaN",
    "boolean": "true false 1 0 TRUE",
    "dateTime": "2016-02-27T00:00:00+00:00 2016-02-27T00:00:00.000Z 2016-02-27T24:00:00Z 2016-02-27T01:00:00+02:00 "
    "2016-02-27T00:00:00-00:00 2016-02-27T00:00:00 2016-02-30T00:00:00Z -0044-03-15T00:00:00Z 2016-02-27T00:00:00.120Z",
    "date": "2016-02-27 2016-02-27Z 2016-02-27+00:00 2016-02-30",
    "time": "12:00:00 12:00:00.500Z 24:00:00",
    "gYear": "2016 02016", "gYearMonth": "2016-02", "gMonth": "--02", "gDay": "---27", "gMonthDay": "--02-27",
    "duration": "P1Y P12M PT3600S P0D", "yearMonthDuration": "P12M", "dayTimeDuration": "PT60S",
    "byte": "1 300", "long": "00", "nonNegativeInteger": "007", "unsignedInt": "+1",
    "string": "x", "normalizedString": "x", "token": "x", "anyURI": "http://x/%20?a#b", "hexBinary": "0aF 0AFF",
    "base64Binary": "aGk= aGk", "language": "EN",
}  # fmt: skip
TEXTS = [
    "", " ", "  two  spaces ", "line\nbreak", "carriage\rreturn", "tab\t", 'quote " and \\ backslash', "\\n no break",
    "\0", "\x01\x08\x0b\x0c\x1f", "\x7f\x80\x85\x9f", "\u2028\u2029", "\ufeff", "\ufffe\uffff", "\U0001f54a",
    "\U0010ffff", "é", "e\u0301", "القانون الدولي الإنساني", "مُحَمَّد", "\u200f\u202eמ", "١٢٣", "漢字", "<b>&amp;",
    "'", "a" * 5000,
]  # fmt: skip


def _typed() -> list[Literal]:
    return [
        canonical.literal(value, XSD + datatype)
        for datatype, values in SPELLINGS.items() for value in values.split()
    ] + [
        canonical.literal("2016-02?/2016-03~", "http://id.loc.gov/datatypes/edtf/EDTF"),
        canonical.literal("POINT(36.2 37.1)", "http://www.opengis.net/ont/geosparql#wktLiteral"),
        canonical.literal("SY02", "https://w3id.org/mizan/ontology#PCode"),
    ]  # fmt: skip


def _texts() -> list[Literal]:
    tagged = [canonical.literal(t, language=tag) for t in TEXTS for tag in ("en", "AR", "zh-Hant-TW", "de-1996")]
    return [canonical.literal(t) for t in TEXTS] + tagged


def _triples() -> list[Triple]:
    return [Triple(S, NamedNode(f"urn:p{n}"), value) for n, value in enumerate([*_typed(), *_texts()])]


def test_canonical_literals_are_what_the_store_gives_back(tmp_path: Path) -> None:
    """In memory, on disk after it was closed and opened again, and through a serialised answer."""
    triples = _triples()
    wanted = canonical.ntriples(triples)
    memory = LocalStore.in_memory()
    memory.add(triples)
    assert canonical.ntriples(memory.node(S)) == wanted
    disk = LocalStore(tmp_path / "store")
    disk.add(triples)
    disk.copy_to(tmp_path / "copy")
    del disk
    opened = LocalStore.read_only(tmp_path / "copy")
    assert canonical.ntriples(opened.node(S)) == wanted
    answer = opened.ask("CONSTRUCT WHERE { ?s ?p ?o }", "CONSTRUCT", "ntriples", Limits())
    assert canonical.ntriples(canonical.parse_ntriples(answer.body.decode())) == wanted
    table = opened.ask("SELECT ?p ?o { ?s ?p ?o }", "SELECT", "json", Limits())
    rows = parse_query_results(table.body, format=Format.JSON)
    assert isinstance(rows, QuerySolutions)
    assert {(str(row["p"]), str(row["o"])) for row in rows} == {(str(t.predicate), str(t.object)) for t in triples}


def test_canonical_spelling_is_stable() -> None:
    for value in [*_typed(), *_texts()]:
        assert canonical.term(value) == value
        assert canonical.literal(value.value, value.datatype.value, value.language) == value


@pytest.mark.parametrize(
    ("value", "datatype", "spelling"),
    [
        ("007", "integer", "7"), ("1.50", "decimal", "1.5"), ("100", "decimal", "100"), ("1", "boolean", "true"),
        ("2016-02-27T00:00:00+00:00", "dateTime", "2016-02-27T00:00:00Z"),
        ("2016-02-27T02:00:00+02:00", "dateTime", "2016-02-27T02:00:00+02:00"),
        ("2016-02-27T24:00:00Z", "dateTime", "2016-02-28T00:00:00Z"), ("abc", "integer", "abc"),
        ("2016-02-30", "date", "2016-02-30"),
    ],
)  # fmt: skip
def test_canonical_literal_has_the_known_spelling(value: str, datatype: str, spelling: str) -> None:
    assert canonical.literal(value, XSD + datatype) == Literal(spelling, datatype=NamedNode(XSD + datatype))


def test_canonical_language_tags_are_lower_case() -> None:
    assert str(canonical.literal("x", language="AR-Latn")) == '"x"@ar-latn'


def test_canonical_ntriples_round_trip() -> None:
    text = canonical.ntriples(_triples())
    back = canonical.parse_ntriples(text)
    assert canonical.ntriples(back) == text
    assert set(back) == set(_triples())


def test_canonical_ntriples_has_one_sorted_line_for_each_triple() -> None:
    triples = _triples()
    text = canonical.ntriples([*reversed(triples), *triples])
    lines = text.split("\n")
    assert lines.pop() == ""
    assert len(lines) == len(set(triples))
    assert lines == sorted(lines, key=lambda line: [ord(c) for c in line])
    assert text == canonical.ntriples(triples)
    assert not re.search(r"[\x00-\x09\x0b-\x1f]", text), "control characters are escaped, so that a line is a line"


def test_canonical_digest_is_stable() -> None:
    text = canonical.ntriples([canonical.triple(S, P, canonical.literal("مستشفى", language="AR"))])
    assert text == '<https://w3id.org/mizan/id/incident/test/1> <urn:p> "مستشفى"@ar .\n'
    assert canonical.digest(text) == "1c08afea8a4d7f38a784027a638c44f8c059e7fd5b1b64bfb4971a23d25137ac"
    assert canonical.digest("") == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


def test_canonical_ntriples_reads_the_same_in_rdflib() -> None:
    text = canonical.ntriples(_triples())
    read = rdflib.Graph(bind_namespaces="none")
    previous, rdflib.NORMALIZE_LITERALS = rdflib.NORMALIZE_LITERALS, False  # rdflib respells values on its own
    try:
        read.parse(data=text, format="nt")
    finally:
        rdflib.NORMALIZE_LITERALS = previous
    theirs = {
        (str(o), str(o.datatype or ""), o.language or "") for o in read.objects() if isinstance(o, rdflib.Literal)
    }
    plain = XSD + "string", "http://www.w3.org/1999/02/22-rdf-syntax-ns#langString"
    ours = {
        (t.object.value, "" if t.object.datatype.value in plain else t.object.datatype.value, t.object.language or "")
        for t in _triples() if isinstance(t.object, Literal)
    }  # fmt: skip
    assert theirs == ours
    assert len(read) == text.count("\n")


def test_canonical_quads_name_their_graph() -> None:
    graph = NamedNode("urn:g")
    assert canonical.nquads([Triple(S, P, Literal("x"))] * 2, graph) == [f'{S} <urn:p> "x" <urn:g> .\n']


@pytest.mark.parametrize(
    ("node", "said"),
    [
        (BlankNode("b"), "a blank node"),
        (Triple(S, P, Literal("x")), "a quoted triple"),
        (Literal("نص", language="ar", direction=BaseDirection.RTL), "has a direction"),
    ],
    ids=["blank node", "quoted triple", "direction"],
)
def test_canonical_refuses_what_not_every_store_keeps(node: object, said: str) -> None:
    with pytest.raises(DoesNotConform, match=said):
        canonical.term(node)
    with pytest.raises(DoesNotConform, match=said):
        canonical.triple(S, P, node)


def test_canonical_probe_leaves_no_trace_between_literals() -> None:
    """Equal text of different types must not be mixed up by the cache."""
    assert canonical.literal("1") != canonical.literal("1", XSD + "integer")
    assert canonical.literal("1", language="en") != canonical.literal("1", language="fr")
    assert len(set(Store())) == 0


# records and their names

HOSTILE = [
    "..", ".", "../../etc/passwd", "a/b", "/", "//", "%2e%2e%2f", "%", "~", "~2E", "~~7E", "a b", "a#b", "a?b=c&d",
    "incident.html", "السورية", "é", "e\u0301", "\u202e", "\x00", "\n", '"', "<>", "{x}", "\\", "'", "RS0003", "_-9",
    "A" * 300, "ع" * 300, "🕊", "", " ", ";", ":", "@", "con", "record", "CON.txt",
]  # fmt: skip


def test_local_name_is_reversible_and_safe() -> None:
    names = {}
    for native in HOSTILE:
        name = local_name(native)
        assert re.fullmatch(r"[A-Za-z0-9_~-]*", name), (native, name)
        assert unquote(name.replace("~", "%")) == native
        assert names.setdefault(name, native) == native
        if name:
            iri = f"https://w3id.org/mizan/id/incident/test/{name}"
            assert NamedNode(iri).value == iri
            assert owner(iri) == iri
    assert len(names) == len(HOSTILE)


def test_local_name_keeps_plain_ids_as_they_are() -> None:
    assert local_name("syria-2015_16-INC-001") == "syria-2015_16-INC-001"
    assert local_name("../x") == "~2E~2E~2Fx"
    assert local_name("~") == "~7E"


def test_by_owner_gives_back_every_triple_once() -> None:
    base = "https://w3id.org/mizan/id/incident/test/"
    triples = [
        Triple(NamedNode(base + local_name(native) + fragment), P, Literal(native + fragment))
        for native in HOSTILE if native for fragment in ("", "#place", "#a-b", "#")
    ]  # fmt: skip
    groups = by_owner(triples)
    assert sorted(str(t) for part in groups.values() for t in part) == sorted(map(str, triples))
    assert set(groups) == {base + local_name(native) for native in HOSTILE if native}
    assert all(len(part) == 4 for part in groups.values())
    assert list(groups) == list(by_owner(triples)), "in order of first appearance"


def test_system_node_belongs_to_its_record() -> None:
    assert system_node("https://x/a").value == "https://x/a#record"
    assert owner(system_node("https://x/a").value) == "https://x/a"
