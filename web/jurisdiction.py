"""Avenues to the jurisdiction of a court in words; whether the law applies is another question, asked elsewhere."""

from __future__ import annotations

from kb.applicability.jurisdiction import Avenue, Ground
from web.language import marked

GROUNDS = {
    Ground.TERRITORY: marked("Territory"),
    Ground.NATIONALITY: marked("Nationality"),
    Ground.REFERRAL: marked("Referral by the Security Council"),
    Ground.DECLARATION: marked("Declaration by a State that is not a party"),
}
ANSWERS = {"open": marked("open"), "closed": marked("closed"), "unknown": marked("unknown")}
_TERRITORY = {
    "open": marked("It is placed in the territory of %(states)s, a party at that time."),
    "closed": marked("It is placed in the territory of %(states)s, recorded as not a party at that time."),
    "unknown": marked("It is placed in the territory of %(states)s; whether that State was a party is not recorded."),
    "": marked("In the territory of which State it happened is not recorded."),
}
_NATIONALITY = {
    "open": marked("It is attributed to forces of %(states)s, a party at that time. What counts is the nationality of"
                   " the persons accused, and none is named here."),
    "closed": marked("It is attributed to forces of %(states)s, recorded as not a party at that time. What counts is"
                     " the nationality of the persons accused, and none is named here."),
    "unknown": marked("It is attributed to forces of %(states)s; whether each was a party is not recorded."),
    "": marked("No State is identified by the attributions, and no person is named."),
}  # fmt: skip
_REFERRAL = {
    "open": marked("The situation was referred by %(law)s."),
    "closed": marked("A referral was put to the vote as %(law)s and vetoed by %(states)s. No other is recorded."),
    "unknown": marked("A draft is recorded, %(law)s; what became of it is not."),
    "": marked("No referral of the situation is recorded."),
}
_DECLARATION = {
    "": marked("No declaration is recorded here, and whether one was made is not known to Mizan."),
}
_REASONS = {
    Ground.TERRITORY: _TERRITORY,
    Ground.NATIONALITY: _NATIONALITY,
    Ground.REFERRAL: _REFERRAL,
    Ground.DECLARATION: _DECLARATION,
}


def reason(avenue: Avenue) -> str:
    """The reason of an answer as a text to be translated, with places for `states` and `law`."""
    texts = _REASONS[avenue.ground]
    known = avenue.answer if avenue.states or avenue.law else ""
    return texts.get(known, texts[""])
