"""Processes that share the work and end with the one that started them."""

from __future__ import annotations

import gc
import multiprocessing
import os
import threading
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor

_GARBAGE = 500_000  # objects made before cycles are looked for


def _nothing() -> None:
    pass


def pool(size: int, prepare: Callable[..., None] = _nothing, *given: object) -> ProcessPoolExecutor:
    """A pool of fresh processes, each of which calls `prepare` first.

    They are spawned: forking with a store's threads open is not safe.
    """
    spawn = multiprocessing.get_context("spawn")
    return ProcessPoolExecutor(size, mp_context=spawn, initializer=_begin, initargs=(prepare, given))


def cores() -> int:
    """How many processes can run at once."""
    return os.cpu_count() or 1


def _begin(prepare: Callable[..., None], given: tuple[object, ...]) -> None:
    """In a process of a pool: end when the parent is gone, which a killed one cannot ask for any more."""
    parent = multiprocessing.parent_process()
    assert parent is not None

    def wait() -> None:
        parent.join()
        os._exit(1)

    threading.Thread(target=wait, daemon=True).start()
    prepare(*given)
    # what such a process makes is freed by counting; looking for cycles all the time costs a sixth of the work
    gc.freeze()
    gc.set_threshold(_GARBAGE)
