"""A table row by row, with the checks of its header; says plainly when a file is not a table."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from kb.errors import BadFile
from kb.ingest import source
from kb.ingest.report import Row, quoted

OWN = "mizan_"  # columns of a reject file that say why; ignored when it is imported again
SURPLUS = f"{OWN}surplus_"  # but cells in these have not found their column yet


class Layout:
    """The header of a table: turns the cells of a row into a Row."""

    def __init__(self, header: Sequence[str]) -> None:
        self.header = [name.strip() for name in header]
        self._kept = [i for i, name in enumerate(self.header) if not name.startswith(OWN)]
        self._named = [(self.header[i], i) for i in self._kept if self.header[i]]
        self._unplaced = [i for i, name in enumerate(self.header) if name.startswith(SURPLUS)]
        self.columns = [self.header[i] for i in self._kept]

    def row(self, number: int, line: int, cells: Sequence[str]) -> Row:
        """One data row: `number` counts from 1, `line` is where it stands in the file."""
        width, given = len(self.header), len(cells)
        named = {name: cells[i] for name, i in self._named if i < given}
        beyond = [*(cells[i] for i in self._unplaced if i < given), *cells[width:]]
        surplus = tuple(beyond) if any(cell.strip() for cell in beyond) else ()
        return Row(number, line, named, tuple(cells[i] for i in self._kept if i < given), surplus)


class Table:
    """A table open for reading: its `columns`, and its rows by iteration, or as `cells` to be laid out elsewhere."""

    def __init__(self, path: Path) -> None:
        self.path = path
        if not path.is_file():
            raise BadFile(f"{path} is not there", "", "Check the path.")
        if path.stat().st_size == 0:
            raise BadFile(f"{path} is empty", "", "Save the table again and check that it has a header row.")
        self._place = source.Place()
        self._rows = source.rows(path, self._place)
        filled = ((line, cells) for line, cells in self._rows if any(cell.strip() for cell in cells))
        try:
            self.line, header = next(filled)
        except StopIteration:
            raise BadFile(f"{path} has no header row", "", "The first row must name the columns.") from None
        self.layout = Layout(header)
        self._check_header()
        self.columns = self.layout.columns

    def __iter__(self) -> Iterator[Row]:
        return (self.layout.row(*found) for found in self.cells())

    def cells(self) -> Iterator[tuple[int, int, Sequence[str]]]:
        """Number, line and cells of every row that is not empty."""
        number = 0
        for line, cells in self._rows:
            if any(cell.strip() for cell in cells):
                number += 1
                yield number, line, cells

    def share(self) -> float:
        """About how much of the file has been read, from 0 to 1; 0 where that cannot be told."""
        return self._place.share()

    def _check_header(self) -> None:
        place, header = f"{self.path.name}, line {self.line}", self.layout.header
        if doubled := sorted({c for c in header if c and header.count(c) > 1}):
            hint = "Give each column its own name."
            raise BadFile(f"{place}: the header names the column {quoted(doubled[0])} twice", "", hint)
        for sign, name in ((";", "semicolons"), ("\t", "tabs")):
            if len(header) == 1 and sign in header[0]:
                hint = "Save it as CSV UTF-8 with commas, or as .xlsx."
                raise BadFile(f"{place}: the cells seem to be separated by {name}", "", hint)
        for name in header:
            if any("\ud800" <= c <= "\udfff" for c in name):
                raise BadFile(f"{place}: the header is not UTF-8", "", "Save the file as CSV UTF-8.")
            if not name.isprintable():
                raise BadFile(f"{place}: the column {quoted(name)} has control characters", "", "Type its name anew.")
