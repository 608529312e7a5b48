"""Avenues to the jurisdiction of a court in words; whether the law applies is another question, asked elsewhere."""

from __future__ import annotations

from kb.applicability.jurisdiction import Avenue, Ground, reason
from web.language import marked
from web.reading import Reader, Text

GROUNDS = {
    Ground.TERRITORY: marked("Territory"),
    Ground.NATIONALITY: marked("Nationality"),
    Ground.REFERRAL: marked("Referral by the Security Council"),
    Ground.DECLARATION: marked("Declaration by a State that is not a party"),
    Ground.UNIVERSAL: marked("Universal jurisdiction of other courts"),
}
ANSWERS = {
    "open": marked("open"),
    "closed": marked("closed"),
    "unknown": marked("unknown"),
    "note": marked("a note, not computed"),
}


def words(avenue: Avenue, read: Reader) -> Text:
    """The reason of an answer in the language of the page."""
    language = read.language
    text = reason(avenue, language.code, lambda iri, code: f"\u2068{read.label(iri).value}\u2069")
    return Text(text, language.code, language)
