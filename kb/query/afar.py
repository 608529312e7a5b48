"""Questions to the SPARQL service that a knowledge base is published to, under the same rules as questions here."""

from __future__ import annotations

from kb.query.guard import form_of
from kb.query.pool import check_format
from kb.store.base import Answer, Limits, Scope
from kb.store.mirror import Mirror


def ask(
    mirror: Mirror | None, query: str, name: str, limits: Limits, number: int, scope: Scope | None
) -> Answer | None:
    """The service's answer for snapshot `number`; None without a service, and for other graphs than its own.

    Updates, LOAD and SERVICE are refused here: what the service would do with them is not known.
    """
    if mirror is None or (scope and (scope.default or scope.named)):
        return None
    form = form_of(query)
    check_format(form, name)
    return mirror.ask(f"BASE <{scope.base}> {query}" if scope and scope.base else query, form, name, limits, number)
