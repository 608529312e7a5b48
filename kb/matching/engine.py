"""DuckDB as matching uses it: with a file of its own and a bounded memory, the rest of the work on the disk."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from kb.errors import MizanError
from kb.process import cores

if TYPE_CHECKING:
    import duckdb

_MEMORY = "2GB"  # for the engine, which puts the rest on the disk


class MatchingMissing(MizanError):
    """The libraries for matching are not installed."""

    title = "Matching is not installed"


def needed() -> None:
    """MatchingMissing without the libraries."""
    try:
        import duckdb  # noqa: F401
        import splink  # noqa: F401
    except ImportError as error:
        raise MatchingMissing(
            "Matching needs splink and DuckDB", str(error), "Install them with: pip install 'mizan-kb[match]'"
        ) from None


@contextmanager
def engine(folder: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """A database in a file below `folder`, which goes at the end."""
    needed()
    import duckdb

    config: dict[str, str | bool | int | float | list[str]] = {
        "threads": cores(), "memory_limit": _MEMORY, "temp_directory": str(folder / "spilt"),
        "preserve_insertion_order": False,
    }  # fmt: skip
    place = folder / "engine.duckdb"
    try:
        with duckdb.connect(str(place), config=config) as base:
            yield base
    finally:
        place.unlink(missing_ok=True)
