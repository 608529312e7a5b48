"""Tables of incidents for tests: one row that is right, files made of such rows, and what a knowledge base holds."""

import csv
import io
import shutil
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

from openpyxl import Workbook
from pyoxigraph import NamedNode, QuerySolutions, Store

from kb.ingest import mapping
from kb.ns import ID, MZ, RDF, SCHEME

Run = Callable[..., tuple[int, str, str]]
COLUMNS = tuple(mapping.load("incidents").columns)
ROW = {
    "dataset": "my-archive", "id": "A-1", "date": "2016-04-27", "time": "21:37",
    "title_en": "Hospital hit in Sukkari",
    "title_ar": "إصابة مستشفى في السكري", "place_en": "Sukkari", "place_ar": "السكري", "governorate": "Aleppo",
    "lat": "36.17594", "lon": "37.14111", "place_precision": "neighbourhood-area", "object_hit": "hospital; school",
    "method": "airstrike", "weapon": "unspecified", "claimant": "msf", "basis": "count by the hospital",
    "killed_min": "50", "killed_max": "55", "victim_category": "civilian", "children_min": "1", "children_max": "3",
    "women_min": "2", "women_max": "4", "injured_min": "8", "injured_max": "9", "attributed_to": "syria",
    "degree": "not-stated", "confidence": "suspected", "response_by": "russia", "response": "denies-the-act",
    "response_text": "No flights there.",
    "provisions": "rome-statute/8-2-e-iv; icrc-customary-ihl/rule-28", "source_title": "Review of the attack",
    "source_kind": "report", "source_date": "2016-09", "source_url": "https://example.org/review",
}  # fmt: skip
"""A row of the project's own layout with nothing wrong in it."""


def incident(name: str) -> str:
    """The IRI of an incident of the dataset of `ROW`."""
    return f"{ID}incident/my-archive/{name}"


def encoded(rows: Iterable[Mapping[str, str] | Sequence[str]], columns: Sequence[str] = COLUMNS) -> bytes:
    """A CSV file: rows by column, or whole lists of cells; characters U+DC80 to U+DCFF stand for single bytes."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows([r.get(c, "") for c in columns] if isinstance(r, Mapping) else r for r in rows)
    return text.getvalue().encode("utf-8", "surrogateescape")


def right(name: str) -> dict[str, str]:
    """The row that is right, with an id of its own."""
    return {**ROW, "id": name}


def write(tmp_path: Path, *rows: dict[str, str] | list[str], name: str = "table.csv") -> Path:
    """A CSV file of these rows in a folder."""
    path = tmp_path / name
    path.write_bytes(encoded(rows))
    return path


def workbook(path: Path, *rows: list[object]) -> Path:
    """A workbook with one sheet of these rows."""
    book = Workbook()
    assert book.active is not None
    for row in rows:
        book.active.append(row)
    book.save(path)
    return path


def cells(**changed: object) -> list[object]:
    """The cells of the row that is right, some of them changed to values as a workbook has them."""
    return [changed.get(c, ROW.get(c)) for c in COLUMNS]


def read(path: Path) -> list[dict[str, str]]:
    """The rows of a CSV file as any other program reads them, bytes that are not UTF-8 included."""
    with path.open(encoding="utf-8-sig", errors="surrogateescape", newline="") as handle:
        return list(csv.DictReader(handle))


def copy(home: Path, to: Path) -> Path:
    """A copy of a knowledge base that may be written to."""
    shutil.copytree(home, to)
    return to


def store(home: Path) -> Store:
    """The triples of the snapshot that readers see."""
    return Store.read_only(str(home / "snapshots" / (home / "current").read_text().strip() / "store"))


def values(home: Path, node: str, predicate: NamedNode) -> list[str]:
    """The values of one property of a node, sorted; IRIs of our own without their base."""
    found = [q.object for q in store(home).quads_for_pattern(NamedNode(node), predicate, None)]
    return sorted(o.value.removeprefix(ID).removeprefix(SCHEME) for o in found)


def ask(home: Path, query: str) -> list[tuple[str, ...]]:
    """The rows of a SELECT, as texts; an unbound variable is an empty text."""
    answer = store(home).query(f"PREFIX mz: <{MZ.base}> PREFIX rdf: <{RDF.base}> {query}")
    assert isinstance(answer, QuerySolutions)
    return [tuple("" if value is None else value.value for value in row) for row in answer]


def tree(folder: Path) -> dict[str, tuple[int, int]]:
    """Size and time of every file in a folder: equal when nothing was written."""
    return {
        str(p.relative_to(folder)): (p.stat().st_size, p.stat().st_mtime_ns) for p in folder.rglob("*") if p.is_file()
    }


def digests(home: Path) -> dict[str, str]:
    """Every record with its digest: two knowledge bases with equal digests say the same."""
    return dict(ask(home, "SELECT ?r ?d { ?n mz:describes ?r ; mz:recordDigest ?d }"))  # type: ignore[arg-type]


def dangling(home: Path) -> list[tuple[str, ...]]:
    """Nodes below …/id/ that a statement points to and that do not exist."""
    return ask(
        home, f'SELECT DISTINCT ?o {{ ?s ?p ?o FILTER(isIRI(?o)) FILTER(strstarts(str(?o), "{ID}")) '
        "FILTER NOT EXISTS { ?o ?q ?x } }",
    )
