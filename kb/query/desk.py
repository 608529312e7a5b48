"""Who may run a query next: places for all and for each client, first come first served, nobody waits in vain."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

from kb.errors import ClientGone, QueryBusy, TooManyQueries
from kb.query.policy import Policy

LOOK = 0.1  # seconds between two looks whether a client is still there
AGAIN = "Try again in a moment."


def stays() -> bool:
    """The client that never goes."""
    return False


@dataclass(frozen=True, slots=True, eq=False)
class Asker:
    """Who asks: the name by which its queries are counted, "" for the pages themselves; and whether it has gone."""

    name: str = ""
    gone: Callable[[], bool] = stays


class Desk:
    """Gives out a number of places; the pages come before the public, which never has all places but a single one."""

    def __init__(self, places: int, policy: Policy) -> None:
        self._policy = policy
        self._free = places
        self._public = max(1, places - 1)
        self._each = min(policy.running_per_client, self._public)
        self._running: Counter[str] = Counter()
        self._line: list[Asker] = []
        self._changed = threading.Condition()
        self.renewing = 0  # places whose worker is being replaced: these come back soon, so waiting is not in vain

    def enter(self, asker: Asker, seconds: float) -> None:
        """Wait for a place; QueryBusy or TooManyQueries when there is no room to wait or the time is up."""
        with self._changed:
            if self._line or not self._may(asker):
                self._admit(asker)
                self._wait(asker, seconds)
            self._free -= 1
            self._running[asker.name] += 1

    def leave(self, asker: Asker, *, renewing: bool = False) -> None:
        """Give the place back; with `renewing` it stays closed until `renewed`."""
        with self._changed:
            self._running[asker.name] -= 1
            if not self._running[asker.name]:
                del self._running[asker.name]
            if renewing:
                self.renewing += 1
            else:
                self._free += 1
            self._changed.notify_all()

    def renewed(self) -> None:
        """A place that `leave` closed is open again."""
        with self._changed:
            self.renewing -= 1
            self._free += 1
            self._changed.notify_all()

    def counts(self) -> tuple[int, int]:
        """How many queries run and how many wait."""
        with self._changed:
            return sum(self._running.values()), len(self._line)

    def _admit(self, asker: Asker) -> None:
        if not asker.name:
            self._line.insert(sum(1 for other in self._line if not other.name), asker)
            return
        waiting = [other.name for other in self._line if other.name]
        if waiting.count(asker.name) >= self._policy.waiting_per_client and not self._may(asker):
            raise TooManyQueries(
                f"{self._running[asker.name]} of your queries run and {waiting.count(asker.name)} wait",
                f"one client may have {self._each} running and {self._policy.waiting_per_client} waiting",
                "Send the next one when one is answered.",
            )
        if len(waiting) >= self._policy.waiting and not self._may(asker):
            raise QueryBusy("Too many queries wait already", f"there is room for {self._policy.waiting}", AGAIN)
        self._line.append(asker)

    def _wait(self, asker: Asker, seconds: float) -> None:
        deadline = time.monotonic() + seconds
        try:
            while self._next() is not asker:
                now = time.monotonic()
                if self.renewing:
                    deadline = max(deadline, now + LOOK)
                if now >= deadline:
                    raise QueryBusy("All query workers are busy", f"none came free in {seconds:g} s", AGAIN)
                self._changed.wait(min(deadline - now, LOOK))
                if asker.gone():
                    raise ClientGone("The client has gone while its query waited")
        finally:
            self._line.remove(asker)
            self._changed.notify_all()

    def _next(self) -> Asker | None:
        return next((asker for asker in self._line if self._may(asker)), None)

    def _may(self, asker: Asker) -> bool:
        if not self._free or not asker.name:
            return self._free > 0
        public = sum(number for name, number in self._running.items() if name)
        return public < self._public and self._running[asker.name] < self._each
