"""Decides which questions go to the columns of a snapshot, and asks them there.

Measured at a million incidents: the store answers about a few thousand incidents in the time that the columns take to
begin, and about a million not within any limit that a visitor waits for. So the size of the dataset decides.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from pathlib import Path

from kb.columns.build import FILE, stands
from kb.columns.wanted import about_dataset
from kb.errors import QueryTimeout
from kb.query.answers import Answers
from kb.query.desk import Asker
from kb.query.guard import form_of
from kb.query.policy import Policy
from kb.query.pool import QueryPool, Unfit
from kb.query.saved import SavedQuery
from kb.search import SearchIndex
from kb.search.asking import Filters
from kb.search.listing import Listing
from kb.search.schema import FACETS
from kb.store.base import Answer, Limits

MANY = 5000  # incidents of a dataset from which its questions go to the columns
KEPT = "answers"  # the folder in a snapshot's own
MODULE = "kb.columns.worker"


class Columnar:
    """One process that answers from columns, started when it is first needed; the store answers the rest."""

    def __init__(self, limits: Limits, policy: Policy, many: int = MANY) -> None:
        self._limits = limits
        self._policy = policy
        self._many = many
        self._pool: QueryPool | None = None
        self._guard = threading.Lock()

    def close(self) -> None:
        """End the process."""
        with self._guard:
            if self._pool is not None:
                self._pool.close()
                self._pool = None

    def ask(
        self, folder: Path, index: SearchIndex, question: SavedQuery, values: Mapping[str, str], text: str, name: str,
        limits: Limits, asker: Asker | None, store: Callable[[], Answer],
    ) -> Answer:  # fmt: skip
        """The answer to a question bound as `text` over the snapshot in `folder`; `store` asks the store.

        What took long is kept beside the snapshot, whoever answered it.
        """

        def asked() -> Answer:
            large = self._large(index, question, values)
            return self._answered(folder / FILE, text, name, limits, asker, store) if large else store()

        return Answers(folder / KEPT).get(text, name, limits, asked)

    def _answered(
        self, path: Path, text: str, name: str, limits: Limits, asker: Asker | None, store: Callable[[], Answer]
    ) -> Answer:
        if stands(path) and form_of(text) == "SELECT":
            try:
                return self._started().ask(path, text, name, limits, asker=asker)
            except Unfit:
                return store()
        try:
            return store()
        except QueryTimeout as error:
            if stands(path):
                raise
            hint = f"{error.hint} Whoever runs this can prepare questions about large datasets with: mizan columns"
            raise QueryTimeout(error.what, error.why, hint.strip()) from None

    def _large(self, index: SearchIndex, question: SavedQuery, values: Mapping[str, str]) -> bool:
        slot = about_dataset(question)
        if not slot:
            return False
        chosen = values.get(slot, question.parameters[slot].default)
        if not chosen:
            return False
        code = FACETS["dataset"].code(question.named({slot: chosen})[slot])
        return Listing(index).total(Filters(facets={"dataset": (code,)})) > self._many

    def _started(self) -> QueryPool:
        with self._guard:
            if self._pool is None:
                self._pool = QueryPool(1, self._limits, self._policy, MODULE)
            return self._pool
