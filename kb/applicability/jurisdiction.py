"""Which court could hear an offence alleged in an incident: kept apart from whether the law applies at all."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from kb.applicability.explain import Name, listed
from kb.applicability.facts import Facts
from kb.applicability.law import Law, Membership


class Ground(Enum):
    """A way to the jurisdiction of a court set up by a treaty; UNIVERSAL is that of the courts of any State."""

    TERRITORY = "territory"
    NATIONALITY = "nationality"
    REFERRAL = "referral"
    DECLARATION = "declaration"
    UNIVERSAL = "universal"


@dataclass(frozen=True, slots=True)
class Avenue:
    """One ground: open, closed, unknown, or a note; `states` and `law` are what the answer rests on."""

    ground: Ground
    answer: str
    states: tuple[str, ...] = ()
    law: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Jurisdiction:
    """The avenues to the court of one statute (an instrument's IRI), and the notes on other courts."""

    statute: str
    avenues: tuple[Avenue, ...]


def avenues(law: Law, statute: str, facts: Facts) -> tuple[Avenue, ...]:
    """The grounds of jurisdiction of the court of `statute` (an instrument's IRI) over what happened.

    Computed from participation and dates alone, never from a mapping: that a crime is invoked opens no court. What no
    record says (a declaration) is unknown; a referral that was vetoed closes that way until another one is recorded.
    """
    reached = {p for place in facts.place for p in law.ancestors(place)}
    sovereigns = {law.sovereigns[p] for p in reached if p in law.sovereigns}
    nationals = {s for actor in facts.actors for s in law.ancestors(actor) & law.states}
    members = law.memberships.get(statute, ())
    return (
        _by_party(Ground.TERRITORY, members, sovereigns, facts),
        _by_party(Ground.NATIONALITY, members, nationals, facts),
        _referral(law, statute, reached),
        Avenue(Ground.DECLARATION, "unknown", tuple(sorted(sovereigns | nationals))),
    )


def jurisdictions(law: Law, facts: Facts) -> tuple[Jurisdiction, ...]:
    """The avenues to every court whose statute binds by consent, each with universal jurisdiction as a note."""
    note = (Avenue(Ground.UNIVERSAL, "note", law=law.universal),) if law.universal else ()
    return tuple(Jurisdiction(s, (*avenues(law, s, facts), *note)) for s in sorted(law.statutes))


def _by_party(ground: Ground, members: tuple[Membership, ...], states: set[str], facts: Facts) -> Avenue:
    if not states:
        return Avenue(ground, "unknown")
    answers = {m.state: m.covers(facts.earliest, facts.latest) for m in members if m.state in states}
    bound = tuple(sorted(state for state, answer in answers.items() if answer))
    if bound:
        return Avenue(ground, "open", bound)
    settled = states <= answers.keys() and None not in answers.values()
    return Avenue(ground, "closed" if settled else "unknown", tuple(sorted(states)))


def _referral(law: Law, statute: str, reached: set[str]) -> Avenue:
    """A referral in force opens the way; where one was vetoed and none followed, the way is recorded as closed."""
    concerning = [r for r in law.referrals if r.statute == statute and r.places & reached]
    adopted = tuple(r.instrument for r in concerning if not r.vetoed_by and r.adopted)
    if adopted:
        return Avenue(Ground.REFERRAL, "open", law=adopted)
    vetoes = tuple(sorted({state for r in concerning for state in r.vetoed_by}))
    return Avenue(Ground.REFERRAL, "closed" if vetoes else "unknown", vetoes, tuple(r.instrument for r in concerning))


_TEXTS = {
    "territory-open": ("It is placed in the territory of {states}, a party at that time.",
                       "الحادثة موضوعة في إقليم {states}، وهي طرف في ذلك الوقت."),
    "territory-closed": ("It is placed in the territory of {states}, recorded as not a party at that time.",
                         "الحادثة موضوعة في إقليم {states}، وهي مسجّلة غير طرف في ذلك الوقت."),
    "territory-unknown": ("Whether the State on whose territory it happened was a party is not recorded.",
                          "لم يُسجَّل هل كانت الدولة التي وقعت الحادثة في إقليمها طرفًا."),
    "nationality-open": ("It is attributed to forces of {states}, a party at that time; what counts is the nationality "
                         "of persons accused, and none is named.",
                         "تُسنَد إلى قوات {states}، وهي طرف في ذلك الوقت؛ والعبرة بجنسية المتهمين، ولا يُسمّى أحد."),
    "nationality-closed": ("It is attributed to forces of {states}, recorded as not a party at that time; what counts "
                           "is the nationality of persons accused, and none is named.",
                           "تُسنَد إلى قوات {states}، المسجّلة غير طرف في ذلك الوقت؛ والعبرة بجنسية المتهمين، "
                           "ولا يُسمّى أحد."),
    "nationality-unknown": ("Whether a State whose nationals are alleged to be involved was a party is not recorded.",
                            "لم يُسجَّل هل كانت دولةٌ يُدّعى ضلوع رعاياها طرفًا."),
    "referral-open": ("The situation was referred by {law}.", "أُحيلت الحالة بموجب {law}."),
    "referral-closed": ("A referral was put to the vote as {law} and vetoed by {states}; no other is recorded.",
                        "طُرحت إحالة للتصويت ({law}) ونقضتها {states}؛ ولم تُسجَّل إحالة أخرى."),
    "referral-unknown": ("No referral of the situation is recorded.", "لم تُسجَّل أي إحالة للحالة."),
    "declaration-unknown": ("No declaration accepting jurisdiction is recorded; whether one was made is not known.",
                            "لم يُسجَّل هنا أي إعلان بقبول الاختصاص؛ ولا يُعرف هل صدر إعلان."),
    "universal-note": ("Courts of any State may have a jurisdiction of their own ({law}); whether one can use it "
                       "depends on its law and is not examined here.",
                       "قد يكون لمحاكم أي دولة اختصاص خاص بها ({law})؛ ويتوقف ذلك على قانونها ولا يُبحث هنا."),
}  # fmt: skip


def reason(avenue: Avenue, language: str, name: Name) -> str:
    """The reason of an answer in `en` or `ar`; `name` gives labels."""
    text = _TEXTS[f"{avenue.ground.value}-{avenue.answer}"][("en", "ar").index(language)]
    return text.format(states=listed(avenue.states, language, name), law=listed(avenue.law, language, name))
