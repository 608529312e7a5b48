"""The programming interface of screenings: the same answers as `mizan screen --json`."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

from flask import Blueprint, Response, request

from kb.applicability import answer
from kb.errors import NotFound, UsageError
from kb.knowledgebase import KnowledgeBase
from kb.record import named
from web.site import here, not_modified, site, tagged

blueprint = Blueprint("screen", __name__)
_KNOWN = {"incident", "provision", "outcome"}
_MOST = 50  # incidents a request


@blueprint.get("/api/screen")
def screen() -> Response:
    """The six tests for `incident` (repeatable), or counts for each provision; `provision` and `outcome` narrow it."""
    for name in request.args:
        if name not in _KNOWN:
            raise UsageError(f"There is no parameter {name}", "", "Give incident, provision or outcome.")
    held = not_modified("api-screen")
    if held:
        return held
    base = site().base
    provisions = [_provision(base, text) for text in request.args.getlist("provision")] or None
    incidents = [named("incident", text) for text in request.args.getlist("incident")]
    if len(incidents) > _MOST:
        raise UsageError(f"{len(incidents)} incidents are asked for at once", f"at most {_MOST} are answered", "")
    told = _incidents(base, incidents, provisions) if incidents else _counts(provisions)
    body = json.dumps({"snapshot": here().number, **told}, ensure_ascii=False, indent=1)
    return tagged(Response(body, content_type="application/json; charset=utf-8"), "api-screen")


def _provision(base: KnowledgeBase, text: str) -> str:
    iri = named("provision", text)
    if iri not in base.screener(here()).scopes:
        raise NotFound(f"{iri} is not a provision with a scope", "only those can be mapped to an incident")
    return iri


def _incidents(base: KnowledgeBase, incidents: list[str], provisions: list[str] | None) -> dict[str, Any]:
    labels, outcomes = here().labels, set(request.args.getlist("outcome"))
    return {
        "incidents": [
            {
                "incident": iri, "label": labels(iri),
                "screenings": [answer.screening(s, labels) for s in base.screen(iri, provisions)
                               if not outcomes or s.outcome.value in outcomes],
                "jurisdiction": answer.jurisdiction(base.jurisdiction(iri), labels),
            }
            for iri in incidents
        ]
    }  # fmt: skip


def _counts(provisions: list[str] | None) -> dict[str, Any]:
    found = answer.counts(here().store)
    return {
        "provisions": [
            {"provision": iri, "label": here().labels(iri), **asdict(count)}
            for iri, count in found.items() if provisions is None or iri in provisions
        ]
    }  # fmt: skip
