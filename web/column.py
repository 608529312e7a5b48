"""The columns of answers in words: those that the vocabulary has no term for."""

from __future__ import annotations

import re

from markupsafe import Markup

from kb.ns import MZ_BASE
from web.language import marked
from web.site import here, show, tongue

WORDS = {
    "addressed": marked("Addressed to"),
    "against": marked("Against"),
    "age": marked("Age group"),
    "allowed": marked("Allowed by the dates"),
    "applies_from": marked("Applies from"),
    "assessed_by": marked("Assessed by"),
    "attributed_by": marked("Attributed by"),
    "attributions": marked("Number of attributions"),
    "begins": marked("Begins not before"),
    "category": marked("Category of persons"),
    "cited_sources": marked("Sources cited"),
    "ceased": marked("Ceased on"),
    "claims": marked("Number of claims"),
    "classification": marked("Classification"),
    "classified_by": marked("Classified by"),
    "day": marked("Day"),
    "derived_from": marked("Derived from"),
    "description": marked("Description"),
    "disputed": marked("What is disputed"),
    "disputes": marked("Disputes"),
    "ends": marked("Ends not after"),
    "estimate": marked("Figure"),
    "evidence": marked("Kind of evidence"),
    "first": marked("First"),
    "form": marked("Form of participation"),
    "from": marked("From"),
    "governorate": marked("Governorate"),
    "in_force": marked("In force for the State"),
    "incidents": marked("Number of incidents"),
    "independent_sources": marked("Independent sources"),
    "instrument": marked("Instrument"),
    "invoked": marked("Law invoked"),
    "invoked_by": marked("Invoked by"),
    "involvement": marked("Involvement"),
    "issued": marked("Issued"),
    "kind": marked("Kind"),
    "law": marked("Law"),
    "mapping_count": marked("Number of mappings"),
    "mappings": marked("Number of mappings"),
    "month": marked("Month"),
    "noted_by": marked("Noted by"),
    "number": marked("Number"),
    "object": marked("Object hit"),
    "organisation": marked("Organisation"),
    "original": marked("Original"),
    "outcome": marked("Outcome of the computed screening"),
    "part_of": marked("Part of"),
    "party": marked("Party that answers"),
    "precedes": marked("Incidents before it applies"),
    "precision": marked("Precision"),
    "protected": marked("Protected kind"),
    "published_by": marked("Published by"),
    "read_in": marked("Read in"),
    "recommended_by": marked("Recommended by"),
    "remark": marked("Remark"),
    "response": marked("Reply"),
    "says": marked("What it says"),
    "second": marked("Second"),
    "series": marked("Series"),
    "sex": marked("Sex"),
    "source_count": marked("Number of sources"),
    "standard": marked("Standard of proof"),
    "stated_by": marked("Stated by"),
    "statement": marked("Statement"),
    "status": marked("Status"),
    "text": marked("Text"),
    "to": marked("To"),
    "too_early": marked("Too early"),
    "type": marked("Type"),
    "value": marked("Value"),
    "weapon_reported": marked("Weapon reported"),
    "within": marked("Within"),
    "wkt": marked("Coordinates"),
    "lower": marked("Lower figure"),
    "higher": marked("Higher figure"),
    "actor": marked("Actor"),
    "label": marked("Name"),
}
_SIDE = re.compile(r"(first|second|lower|higher)_(\w+)")  # of a pair


def heading(column: str) -> Markup:
    """A column in words, from the table or named after a term of the vocabulary; else its own name."""
    found = _SIDE.fullmatch(column)
    if found:
        side = tongue().gettext(WORDS[found[1]])
        return Markup("{}: {}").format(side, heading(found[2]))
    if column in WORDS:
        return Markup("{}").format(tongue().gettext(WORDS[column]))
    camel = re.sub(r"_(\w)", lambda letter: letter[1].upper(), column)
    for name in (camel, camel[:1].upper() + camel[1:]):
        if here().store.knows(MZ_BASE + name):
            return show().property_name(f"mz:{name}")
    return Markup('<bdi dir="ltr">{}</bdi>').format(column.replace("_", " "))
