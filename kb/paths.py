"""Where things are: the data that ships with the software, and the folders of one knowledge base."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent


def shipped(name: str) -> Path:
    """The folder `ontology` or `queries`: beside the package in a checkout, inside it once installed."""
    installed = _PACKAGE / "shipped" / name
    return installed if installed.is_dir() else _PACKAGE.parent / name


def cases() -> Path:
    """The folder of curated cases."""
    return _PACKAGE / "cases"


@dataclass(frozen=True, slots=True)
class Home:
    """The folders and files of one knowledge base below `root`."""

    root: Path

    @property
    def manifest(self) -> Path:
        return self.root / "mizan.json"

    @property
    def lock(self) -> Path:
        return self.root / "lock"

    @property
    def ledger(self) -> Path:
        return self.root / "ledger"

    @property
    def store(self) -> Path:
        return self.root / "store"

    @property
    def snapshots(self) -> Path:
        return self.root / "snapshots"

    @property
    def current(self) -> Path:
        return self.root / "current"

    @property
    def rejects(self) -> Path:
        return self.root / "rejects"
