"""What the pages for contributors share: the register of people and the queue of what waits for review."""

from __future__ import annotations

from typing import cast

from flask import current_app

from kb.knowledgebase import KnowledgeBase, now
from kb.people import Register
from kb.review import Queue

EXTENSION = "mizan-contribute"


class Place:
    """One for each application."""

    def __init__(self, base: KnowledgeBase) -> None:
        self.register = Register(base.home)
        self.queue = Queue(base.home, now, base.policy.four_eyes)


def place() -> Place:
    """What the running application keeps for contributors."""
    return cast(Place, current_app.extensions[EXTENSION])
