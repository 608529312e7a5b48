"""Pages about the law: an incident's screening in full, elements of a crime against it, and what is not verified."""

from __future__ import annotations

from flask import Blueprint, Response

from kb.applicability import Facts
from kb.applicability.elements import matrix
from kb.knowledgebase import Row
from web.address import iri_of
from web.screening import anchor
from web.site import here, not_modified, page, panels, reader, site, tagged
from web.views.entity import Entity, load
from web.views.law_panels import facts_of, screened

blueprint = Blueprint("law", __name__)
_LOOKED_AT = (  # fields of Facts with the property that each is read from
    ("place", "geo:sfWithin"), ("conflict", "mz:conflictType"), ("conduct", "mz:method"), ("objects", "mz:objectHit"),
    ("weapons", "mz:weapon"), ("harms", "mz:harm"), ("persons", "mz:victimCategory"), ("ages", "mz:victimAge"),
    ("actors", "mz:allegedActor"), ("control", "mz:areaControlledBy"), ("established", "mz:establishes"),
)  # fmt: skip


@blueprint.get("/<lang:lang>/incident/<entity:path>/screening")
def screening(lang: str, path: str) -> Response:
    """All six tests of every provision on one incident, with the facts that they looked at."""
    entity = load(reader(), "incident", path)
    return not_modified(f"{lang}-screening") or tagged(_screening(entity), f"{lang}-screening")


def _screening(entity: Entity) -> Response:
    facts = facts_of(entity.iri)
    found = screened(facts)
    named = found.targets(node for node in entity.nodes.values() if node.has("mz:invokes"))
    return page(
        "screening.html", entity=entity, main=entity.main, screening=found, looked_at=looked_at(facts),
        named={s.provision for target in named for s in target.screenings}, anchor=anchor,
    )  # fmt: skip


def looked_at(facts: Facts) -> list[tuple[str, list[str]]]:
    """The facts of a screening: a property and the values that were reported, none where nothing is recorded."""
    return [(name, sorted(getattr(facts, field))) for field, name in _LOOKED_AT]


@blueprint.get("/<lang:lang>/incident/<entity:path>/elements/<entity:provision>")
def elements(lang: str, path: str, provision: str) -> Response:
    """The elements of an offence against what is recorded of an incident."""
    return not_modified(f"{lang}-elements") or tagged(_elements(path, provision), f"{lang}-elements")


def _elements(path: str, provision: str) -> Response:
    snapshot, offence = here(), iri_of("provision", provision)
    incident = iri_of("incident", path)
    found = matrix(snapshot.store, site().base.screener(snapshot).law, incident, offence)
    return page(
        "elements.html", matrix=found, incident=incident, offence=reader().node(offence),
        screening=screened(facts_of(incident), [offence]),
    )  # fmt: skip


@blueprint.get("/<lang:lang>/law/status")
def status(lang: str) -> Response:
    """What of the law is not fully verified, by instrument, with the source that would settle it."""
    return not_modified(f"{lang}-law-status") or tagged(_status(), f"{lang}-law-status")


def _status() -> Response:
    panel = panels()("law_status")
    groups: dict[str, list[Row]] = {}
    for row in panel:
        groups.setdefault(row["instrument"].value, []).append(row)
    counts: dict[str, int] = {}
    for row in panel:
        counts[row["verification"].value] = counts.get(row["verification"].value, 0) + 1
    return page("law_status.html", groups=groups, counts=sorted(counts.items(), reverse=True), panel=panel)
