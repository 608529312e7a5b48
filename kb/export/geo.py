"""Rows with a geometry as GeoJSON (RFC 7946), and WKT as the coordinates of GeoJSON."""

from __future__ import annotations

import json
import re
from typing import Any

from kb.export.rows import Label, Rows, plain

_SHAPES = {  # and how deep the positions lie in the lists of GeoJSON
    "POINT": ("Point", 0), "LINESTRING": ("LineString", 1), "POLYGON": ("Polygon", 2), "MULTIPOINT": ("MultiPoint", 1),
    "MULTILINESTRING": ("MultiLineString", 2), "MULTIPOLYGON": ("MultiPolygon", 3),
}  # fmt: skip
_WKT = re.compile(r"\s*([A-Z]+)\s*(\([-\d.eE+\s,()]*\))\s*")  # one with another coordinate system stays text
_NUMBER = r"(-?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?)"
_PAIR = re.compile(rf"{_NUMBER}\s+{_NUMBER}")


def geometry(wkt: str) -> dict[str, Any] | None:
    """The geometry of a WKT text in longitude and latitude (WGS 84); None for what GeoJSON cannot say."""
    found = _WKT.fullmatch(wkt)
    if not found or found[1] not in _SHAPES:
        return None
    text = _PAIR.sub(r"[\1,\2]", found[2]).replace("(", "[").replace(")", "]")
    try:
        places = json.loads(text)
    except (ValueError, RecursionError):
        return None
    if found[1] == "POINT":
        places = places[0] if len(places) == 1 else None
    elif found[1] == "MULTIPOINT":
        places = [p[0] if isinstance(p, list) and p and isinstance(p[0], list) else p for p in places]
    kind, depth = _SHAPES[found[1]]
    return {"type": kind, "coordinates": places} if _fits(places, depth) else None


def _fits(places: Any, depth: int) -> bool:
    """Whether these are positions of two numbers at that depth."""
    if not isinstance(places, list) or not places:
        return False
    if depth == 0:
        return len(places) == 2 and not any(isinstance(number, list) for number in places)
    return all(_fits(place, depth - 1) for place in places)


def to_geojson(rows: Rows, label: Label, column: str, about: dict[str, Any]) -> bytes:
    """A feature for each row, with all its columns as properties; a row without a place has the geometry null."""
    headers = rows.headers()
    features = []
    for row, cells in zip(rows.rows, rows.cells(label), strict=True):
        properties = {name: plain(cell) for name, cell in zip(headers, cells, strict=True) if cell is not None}
        shape = geometry(row[column].value) if column in row else None
        features.append({"type": "Feature", "geometry": shape, "properties": properties})
    found = {"type": "FeatureCollection", **about, "features": features}
    return json.dumps(found, ensure_ascii=False, indent=1).encode() + b"\n"
