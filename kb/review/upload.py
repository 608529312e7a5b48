"""A table that somebody uploads: taken in under a name of ours, looked into without writing, kept until reviewed."""

from __future__ import annotations

import hashlib
import shutil
import zipfile
from collections.abc import Generator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import IO, Any

from kb.errors import BadFile
from kb.importing import Options
from kb.ingest import mapping, reject, tabular
from kb.ingest.table import Table
from kb.knowledgebase import KnowledgeBase
from kb.ns import ID

BYTES = 3 * 1024 * 1024  # of the file as it comes
ROWS = 2000
SHOWN = 100  # problems and records that a page shows
_UNPACKED, _PARTS = 48 * 1024 * 1024, 500  # of a workbook, which is a zip archive
_HINT = "Larger files are brought in on the server, with: mizan import"
_ENDINGS = (".csv", ".xlsx")


@dataclass(frozen=True, slots=True)
class Preview:
    """What a table would write; `told` is what a submission keeps of it, `rejected` the rows kept out, if any."""

    told: dict[str, Any]
    rejected: Path | None


def receive(folder: Path, name: str, stream: IO[bytes]) -> Path:
    """Keep an uploaded table in `folder`. Nothing of its name is used but the ending; BadFile for what is no table."""
    ending = next((e for e in _ENDINGS if name.lower().endswith(e)), "")
    if not ending:
        raise BadFile("The file is no table", "its name ends neither in .csv nor in .xlsx", "Save it as one of these.")
    data = stream.read(BYTES + 1)
    if len(data) > BYTES:
        raise BadFile("The file is too large", f"up to {BYTES // 1024 // 1024} MiB are taken here", _HINT)
    if not data:
        raise BadFile("The file is empty", "", "Choose the file again.")
    path = folder / f"table{ending}"
    path.write_bytes(data)
    path.chmod(0o600)
    if ending == ".xlsx":
        _look_into(path)
    return path


def _look_into(path: Path) -> None:
    """Refuse an archive that is no workbook, or that would fill the memory, or leads elsewhere."""
    try:
        with zipfile.ZipFile(path) as archive:
            parts = archive.infolist()
    except (zipfile.BadZipFile, ValueError, NotImplementedError) as error:
        raise BadFile("The workbook cannot be read", str(error), "Save it again, or save it as CSV.") from None
    if len(parts) > _PARTS or sum(part.file_size for part in parts) > _UNPACKED:
        raise BadFile("The workbook is too large", "it unpacks to more than is taken here", _HINT)
    if any(part.filename.startswith(("/", "\\")) or ".." in part.filename or part.flag_bits & 1 for part in parts):
        raise BadFile("The workbook is not as workbooks are", "parts of it lead elsewhere", "Save it anew.")
    if "[Content_Types].xml" not in {part.filename for part in parts}:
        raise BadFile("The file is no workbook", "", "Save it as .xlsx or .csv with a program for tables.")


def look(base: KnowledgeBase, layout: str, path: Path, name: str) -> Preview:
    """What a table would write by a shipped layout, without writing it; BadFile where it cannot be read as one."""
    if layout not in mapping.names():
        raise BadFile(f"There is no layout {layout[:40]}", "", f"There are: {', '.join(mapping.names())}.")
    known = mapping.load(layout)
    opened, _ = tabular.begin(path, known)
    if len(_rows(opened)) > ROWS:
        raise BadFile("The table is too long", f"up to {ROWS} rows are taken here", _HINT)
    intake = base.import_table(known, path, Options(check=True), check=True).intake
    store = base.snapshot().store
    own = [r for r in intake.records if r.iri in intake.origin]
    standing = {r.iri: store.digest(r.iri) for r in intake.records}
    replaced = sorted(r.iri.removeprefix(ID) for r in intake.records if standing[r.iri] not in (None, r.digest))
    rejected = reject.keep(intake, path.parent, "table").rejects
    told = {
        "layout": layout, "name": _plain(name), "file": path.name,
        "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
        "rows": intake.rows, "refused": intake.refused(), "incidents": len(own),
        "new": sum(1 for r in intake.records if standing[r.iri] is None), "replaced": replaced[:SHOWN],
        "replacing": len(replaced), "rejected": rejected.name if rejected else "",
        "records": [r.iri for r in own[:SHOWN]], "problems": [_problem(p) for p in intake.problems[:SHOWN]],
        "notes": [[rule, count, str(first.message)] for rule, (count, first) in sorted(intake.noted().items())],
    }  # fmt: skip
    return Preview(told, rejected)


def sheet(layout: str, path: Path) -> tuple[list[str], list[list[str]]]:
    """The columns and rows of a table as they were sent: what whoever publishes it has to have seen."""
    opened, _ = tabular.begin(path, mapping.load(layout))
    return opened.layout.header, _rows(opened)


def _rows(opened: Table) -> list[list[str]]:
    """The cells of a table, up to one row more than is taken."""
    cells = opened.cells()
    rows = [[str(cell) for cell in row] for _, _, row in islice(cells, ROWS + 1)]
    if isinstance(cells, Generator):
        cells.close()  # with it the file, which may not be read to its end
    return rows


def remove(folder: Path) -> None:
    """Remove the files of a submission that came to nothing."""
    shutil.rmtree(folder, ignore_errors=True)


def _plain(name: str) -> str:
    """A file's name as it is told: the end of it, without what cannot be seen or turns a text around."""
    return "".join(c for c in name if c.isprintable())[-100:] or "table"


def _problem(problem: Any) -> dict[str, Any]:
    names = ("row", "line", "column", "rule", "message", "hint")
    return {name: getattr(problem, name) for name in names}
