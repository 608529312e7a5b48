"""The formats that rows are handed out in, with their media types, and one way to write each."""

from __future__ import annotations

import json
from dataclasses import dataclass, field

from kb.errors import UsageError
from kb.export import geo, graph, sheet
from kb.export.rows import Label, Rows, plain

FORMATS = {
    "json": "application/json",
    "csv": "text/csv; charset=utf-8; header=present",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "geojson": "application/geo+json",
    "turtle": "text/turtle; charset=utf-8",
    "jsonld": "application/ld+json",
    "ntriples": "application/n-triples",
    "rdfxml": "application/rdf+xml",
}
SUFFIXES = {"turtle": "ttl", "ntriples": "nt", "rdfxml": "rdf"}  # of a file name, where it is not the format's name


@dataclass(frozen=True, slots=True)
class Context:
    """What is said beside the rows: the question, its titles by language, the values given, and the data's state."""

    name: str
    titles: dict[str, str]
    parameters: dict[str, str]
    snapshot: int
    time: str
    language: str
    source: str  # the address that gives these rows again
    notes: dict[str, str] = field(default_factory=dict)

    @property
    def about(self) -> dict[str, object]:
        """The same for JSON."""
        return {
            "query": self.name, "title": self.titles, "parameters": self.parameters, "snapshot": self.snapshot,
            "snapshot_time": self.time, "language": self.language, "source": self.source, **self.notes,
        }  # fmt: skip


def write(name: str, rows: Rows, label: Label, context: Context, *, raw: bool = False, bom: bool = False) -> bytes:
    """Rows in the format `name`; UsageError where there is no geometry to make GeoJSON of."""
    if name == "csv":
        return sheet.to_csv(rows, label, raw=raw, bom=bom)
    if name == "xlsx":
        return sheet.to_xlsx(rows, label, _about_sheet(context), rightward=context.language != "ar")
    if name == "geojson":
        column = rows.geometry()
        if column is None and rows.rows:
            raise UsageError("These rows have no geometry", "none of the columns holds one", "Take JSON or CSV.")
        return geo.to_geojson(rows, label, column or "", context.about)
    if name in graph.FORMATS:
        return graph.to_rdf(rows, name, context.titles, context.source)
    return _json(rows, label, context)


def _json(rows: Rows, label: Label, context: Context) -> bytes:
    headers = rows.headers()
    found = [
        {name: plain(cell) for name, cell in zip(headers, cells, strict=True) if cell is not None}
        for cells in rows.cells(label)
    ]
    whole = {**context.about, "count": len(found), "columns": headers, "rows": found}
    return json.dumps(whole, ensure_ascii=False, indent=1).encode() + b"\n"


def _about_sheet(context: Context) -> list[tuple[str, str]]:
    lines = [("query", context.name), *((f"title ({tag})", text) for tag, text in context.titles.items())]
    lines += [(f"parameter {name}", value) for name, value in context.parameters.items()]
    lines += [("snapshot", str(context.snapshot)), ("snapshot time", context.time), ("source", context.source)]
    return [*lines, *context.notes.items()]
