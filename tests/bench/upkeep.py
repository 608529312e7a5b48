"""What keeping a knowledge base costs: a backup as folder and as tar, restoring it, which makes all else anew.

There is no peer: the figures to hold these against are the import of the same incidents and the copying of the files.
"""

from __future__ import annotations

import shutil
from pathlib import Path

from kb.knowledgebase import KnowledgeBase
from tests.bench import source
from tests.bench.figure import Memory, say, timed


def measure(folder: Path, size: int) -> None:
    """Back up the knowledge base of this size, then restore the backup beside it and compare."""
    home = source.ready(folder, size)
    work = folder / str(size) / "upkeep"
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir()
    with KnowledgeBase.open(home) as base:
        with timed("mizan backup to a folder, verified", size):
            base.backup(work / "copy")
        with timed("mizan backup to a .tar file, verified", size):
            check = base.backup(work / "copy.tar")
        say("  the .tar file", f"{(work / 'copy.tar').stat().st_size / size:,.0f} bytes an incident")
        with timed("the peer: copying the ledger, not verified", size):
            shutil.copytree(home / "ledger", work / "plain")
        before = base.snapshot()
        triples = len(before.store)
        with Memory() as memory, timed("mizan restore: ledger verified, store, index and snapshot made anew", size):
            again, outcome = KnowledgeBase.restore(work / "copy.tar", work / "restored")
        say("  peak memory of all processes together", f"{memory.peak:,.0f} MiB")
        assert again == check and outcome.snapshot == before.number
    with KnowledgeBase.open(work / "restored") as base:
        assert len(base.snapshot().store) == triples
    shutil.rmtree(work)
