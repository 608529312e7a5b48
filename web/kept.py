"""What the query service keeps between requests: its journal, the counts of the data, its description as a store."""

from __future__ import annotations

from pathlib import Path
from typing import cast

from flask import current_app

from kb.knowledgebase import KnowledgeBase
from web import about
from web.journal import Journal
from web.site import here, site

EXTENSION = "mizan-service"
PATIENCE = 5.0  # seconds that a request waits for the counts of a new snapshot


class Kept:
    """One for each application."""

    def __init__(self, base: KnowledgeBase) -> None:
        self.counts = about.Counts(base)
        self.journal = Journal(base, self.counts.triples)
        self.described = about.Described()


def kept() -> Kept:
    """What the running application keeps."""
    return cast(Kept, current_app.extensions[EXTENSION])


def graphs() -> frozenset[str]:
    """The named graphs of the snapshot that this request reads."""
    found: frozenset[str] = site().once("graphs", here(), lambda: frozenset(here().store.graphs()))
    return found


def description(address: str) -> about.Graph:
    """All that the service says of itself under this address: description, counts, prefixes, examples."""
    counts = kept().counts.get(here(), PATIENCE)
    return [*about.description(address, here(), counts), *about.editing(address)]


def description_folder(address: str) -> Path:
    """The same as a store that a worker can open."""
    counts = kept().counts.get(here(), PATIENCE)
    key = (here().number, address, bool(counts))
    return kept().described.folder(key, lambda: description(address))
