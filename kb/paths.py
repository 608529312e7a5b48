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
        """What this folder is: format, software, when it was made."""
        return self.root / "mizan.json"

    @property
    def lock(self) -> Path:
        """Held by the one process that writes."""
        return self.root / "lock"

    @property
    def ledger(self) -> Path:
        """The chain of segments: the source of truth."""
        return self.root / "ledger"

    @property
    def store(self) -> Path:
        """The triples as the writer has them; a projection."""
        return self.root / "store"

    @property
    def search(self) -> Path:
        """The search index as the writer has it; a projection."""
        return self.root / "search"

    @property
    def snapshots(self) -> Path:
        """The published states that readers open."""
        return self.root / "snapshots"

    @property
    def current(self) -> Path:
        """The pointer to the snapshot that readers see."""
        return self.root / "current"

    @property
    def service(self) -> Path:
        """What the operator grants to those who ask; there need not be one."""
        return self.root / "service.toml"

    @property
    def links(self) -> Path:
        """Queries saved under a short address, with the digests of their answers."""
        return self.root / "links"

    @property
    def outbox(self) -> Path:
        """Notes of what a SPARQL service that the knowledge base is published to has not got yet."""
        return self.root / "outbox"

    @property
    def rejects(self) -> Path:
        """Rejected rows and notes of imports."""
        return self.root / "rejects"

    @property
    def imports(self) -> Path:
        """Journals of large imports that are not finished."""
        return self.root / "imports"

    @property
    def people(self) -> Path:
        """Digests of tokens, and sessions; never part of a backup, a bundle or anything that is published."""
        return self.root / "people.sqlite"

    @property
    def review(self) -> Path:
        """What waits for review, in a folder that only its owner can read; not part of what is published."""
        return self.root / "review"
