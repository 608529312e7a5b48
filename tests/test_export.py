"""Rows as files: hostile values stay values, geometries of every shape, pictures that leave nothing out unsaid."""

from __future__ import annotations

import csv
import io
import json

import pytest
from openpyxl import load_workbook
from pyoxigraph import Literal, NamedNode, RdfFormat, parse

from kb.errors import AnswerTooLarge
from kb.export import Context, Rows, read, write
from kb.export.geo import geometry
from kb.export.sheet import safe
from kb.ns import GEO, XSD
from kb.store.base import Answer
from web.chart import SHOWN, draw

HOSTILE = ["=1+1", "+cmd|' /C calc'!A0", "-1", "@SUM(A1)", "\t=1", "＝1", 'a"b,c\nd', "\u202eabc", "نص", "<script>"]
CONTEXT = Context("q", {"en": "t", "ar": "س"}, {"place": "x"}, 7, "2026-01-01T00:00:00Z", "ar", "http://h/api/queries/q")
THING = NamedNode("https://w3id.org/mizan/id/actor/x")


def number(text: str, kind: str = "integer") -> Literal:
    return Literal(text, datatype=NamedNode(XSD.base + kind))


def label(iri: str) -> str:
    return "=label" if iri == THING.value else ""


def rows_of(*values: object) -> Rows:
    return Rows(("who", "value"), tuple({"who": THING, "value": v} for v in values))  # type: ignore[misc]


def test_csv_computes_nothing_and_loses_nothing() -> None:
    rows = rows_of(*(Literal(text) for text in HOSTILE))
    found = list(csv.DictReader(io.StringIO(write("csv", rows, label, CONTEXT).decode(), newline="")))
    assert [row["value"] for row in found] == [safe(text) for text in HOSTILE]
    assert {row["who_label"] for row in found} == {"'=label"}
    raw = list(csv.DictReader(io.StringIO(write("csv", rows, label, CONTEXT, raw=True).decode(), newline="")))
    assert [row["value"] for row in raw] == HOSTILE and "who_label" not in raw[0]


def test_negative_number_is_a_number_and_not_a_formula() -> None:
    rows = rows_of(number("-5"), number("-2.5", "decimal"), number("99999999999999999999"))
    text = write("csv", rows, label, CONTEXT).decode()
    assert ",-5\r\n" in text and ",-2.5\r\n" in text and ",99999999999999999999\r\n" in text
    assert [row["value"] for row in json.loads(write("json", rows, label, CONTEXT))["rows"]] == [
        -5, -2.5, "99999999999999999999",
    ]  # fmt: skip


def test_workbook_holds_hostile_text_as_text() -> None:
    rows = rows_of(*(Literal(text) for text in [*HOSTILE, "bell\u0007"]), number("12"))
    sheet = load_workbook(io.BytesIO(write("xlsx", rows, label, CONTEXT)))["rows"]
    cells = [row[2] for row in sheet.iter_rows(min_row=2)]
    assert [cell.value for cell in cells] == [*HOSTILE, "bell\ufffd", 12]
    assert {cell.data_type for cell in cells} == {"s", "n"}


def test_workbook_refuses_what_it_would_cut() -> None:
    with pytest.raises(AnswerTooLarge, match="Take CSV or JSON"):
        write("xlsx", rows_of(Literal("x" * 32_768)), label, CONTEXT)
    assert len(write("csv", rows_of(Literal("x" * 32_768)), label, CONTEXT)) > 32_768


@pytest.mark.parametrize(("wkt", "shape"), [
    ("POINT(37.1 36.2)", {"type": "Point", "coordinates": [37.1, 36.2]}),
    ("POINT (37 -36.5)", {"type": "Point", "coordinates": [37, -36.5]}),
    ("LINESTRING(0 1, 2 3)", {"type": "LineString", "coordinates": [[0, 1], [2, 3]]}),
    ("POLYGON((0 0, 1 0, 1 1, 0 0))", {"type": "Polygon", "coordinates": [[[0, 0], [1, 0], [1, 1], [0, 0]]]}),
    ("MULTIPOINT((0 1), (2 3))", {"type": "MultiPoint", "coordinates": [[0, 1], [2, 3]]}),
    ("MULTIPOINT(0 1, 2 3)", {"type": "MultiPoint", "coordinates": [[0, 1], [2, 3]]}),
    ("MULTIPOLYGON(((0 0, 1 0, 1 1, 0 0)))",
     {"type": "MultiPolygon", "coordinates": [[[[0, 0], [1, 0], [1, 1], [0, 0]]]]}),
    ("<http://www.opengis.net/def/crs/EPSG/0/2154> POINT(1 2)", None), ("POINT EMPTY", None), ("POINT(1)", None),
    ("POINT(1 2", None), ("CIRCLE(1 2)", None), ("POINT(1 2 3)", None), ("POINT(" * 5000, None), ("", None),
])  # fmt: skip
def test_geometry_is_read_or_left_out(wkt: str, shape: object) -> None:
    assert geometry(wkt) == shape


def test_geojson_keeps_rows_without_a_place() -> None:
    point = Literal("POINT(37 36)", datatype=GEO.wktLiteral)
    rows = Rows(("who", "where"), ({"who": THING, "where": point}, {"who": THING}))
    found = json.loads(write("geojson", rows, label, CONTEXT))["features"]
    assert [f["geometry"] and f["geometry"]["coordinates"] for f in found] == [[37, 36], None]
    assert [f["properties"]["who_label"] for f in found] == ["=label"] * 2


def test_answer_is_read_with_every_kind_of_term() -> None:
    cells = {
        "a": {"type": "uri", "value": "urn:x"}, "b": {"type": "bnode", "value": "n1"},
        "c": {"type": "literal", "value": "نص", "xml:lang": "ar"},
        "d": {"type": "literal", "value": "5", "datatype": XSD.base + "integer"}, "e": {"type": "literal", "value": ""},
    }  # fmt: skip
    body = json.dumps({"head": {"vars": [*cells, "f"]}, "results": {"bindings": [cells]}}).encode()
    rows = read(Answer("application/sparql-results+json", body, 1))
    assert rows.columns == (*"abcdef",)
    assert {k: str(v) for k, v in rows.rows[0].items()} == {
        "a": "<urn:x>", "b": "_:n1", "c": '"نص"@ar', "d": '"5"^^<http://www.w3.org/2001/XMLSchema#integer>', "e": '""',
    }  # fmt: skip
    assert list(parse(write("ntriples", rows, label, CONTEXT), format=RdfFormat.N_TRIPLES))


def test_empty_answer_is_a_whole_file_in_every_format() -> None:
    empty = Rows(("who", "value"), ())
    assert write("csv", empty, label, CONTEXT) == b"who,value\r\n"
    assert json.loads(write("json", empty, label, CONTEXT))["count"] == 0
    assert json.loads(write("geojson", empty, label, CONTEXT))["features"] == []
    assert load_workbook(io.BytesIO(write("xlsx", empty, label, CONTEXT)))["rows"].max_row == 1
    assert b"ResultSet" in write("turtle", empty, label, CONTEXT)


def test_picture_says_how_many_rows_it_leaves_out() -> None:
    rows = rows_of(*(number(str(n)) for n in range(1, SHOWN + 31)))
    chart = draw(("bars", "who", "value"), rows)
    assert chart and len(chart.marks) == SHOWN and chart.left_out == 30
    dates = Rows(("who", "day"), ({"who": THING, "day": Literal("2016-01-01")}, {"who": THING, "day": Literal("2016")}))
    line = draw(("timeline", "day"), dates)
    assert line and len(line.marks) == 1 and line.left_out == 1


def test_matrix_keeps_values_of_one_cell_apart() -> None:
    rows = rows_of(number("3"), number("4"))
    pairs = Rows(("who", "value", "n"), tuple({**row, "n": row["value"], "value": Literal("top")} for row in rows.rows))
    chart = draw(("matrix", "who", "value", "n"), pairs)
    assert chart and [value.value for value in chart.cells[0][1][0]] == ["3", "4"]  # type: ignore[union-attr]


def test_picture_of_nothing_is_none() -> None:
    for view in (("table",), ("bars", "who", "value"), ("timeline", "value"), ("map", "value")):
        assert draw(view, Rows(("who", "value"), ())) is None
        assert draw(view, rows_of(Literal("x"))) is None
