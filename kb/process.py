"""Processes that share the work and end with the one that started them."""

from __future__ import annotations

import multiprocessing
import os
import threading
from concurrent.futures import ProcessPoolExecutor


def pool(size: int) -> ProcessPoolExecutor:
    """A pool of fresh processes: forking with a store's threads open is not safe."""
    spawn = multiprocessing.get_context("spawn")
    return ProcessPoolExecutor(size, mp_context=spawn, initializer=_end_with_parent)


def cores() -> int:
    """How many processes can run at once."""
    return os.cpu_count() or 1


def _end_with_parent() -> None:
    """In a process of a pool: end when the parent is gone, which a killed one cannot ask for any more."""
    parent = multiprocessing.parent_process()
    assert parent is not None

    def wait() -> None:
        parent.join()
        os._exit(1)

    threading.Thread(target=wait, daemon=True).start()
