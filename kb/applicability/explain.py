"""Reasons in words, English and Arabic: what a test found, with the facts and the law that it looked at."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from kb.applicability.law import ZONE
from kb.applicability.verdict import Test

Name = Callable[[str, str], str]
"""Gives the label of an IRI in a language."""
Moment = Callable[[datetime], str]
"""Spells a moment, which comes in the time of Damascus."""

_DIMENSIONS = {
    "Conflict": ("the type of the conflict", "نوع النزاع"),
    "Conduct": ("the method", "الأسلوب"),
    "Object": ("the object hit", "العين المصابة"),
    "Person": ("the status of the victims", "صفة الضحايا"),
    "Harm": ("the harm", "الضرر"),
    "Age": ("the age of the victims", "عمر الضحايا"),
    "Weapon": ("the weapon", "السلاح"),
}
_TEXTS = {
    "time-inside": ("It was in force from {law}, before the earliest moment of the incident.",
                    "كان ساريًا منذ {law}، أي قبل أبكر وقت محتمل للحادثة."),
    "time-open": ("No beginning or end of its validity is recorded, so time does not rule it out.",
                  "لا بداية ولا نهاية مسجّلة لسريانه، فلا يستبعده الزمن."),
    "time-before": ("It applies only from {law}; the incident had ended by then.",
                    "لا يسري إلا منذ {law}، وكانت الحادثة قد انتهت قبل ذلك."),
    "time-after": ("It had ceased to apply on {law}, before the incident.", "انتهى سريانه في {law}، قبل الحادثة."),
    "time-straddles": ("The law changed on {law}, within the time in which the incident may have happened.",
                       "تغيّر القانون في {law}، ضمن المدة التي يُحتمل وقوع الحادثة فيها."),
    "place-any": ("It is not limited to a territory.", "لا يقتصر على إقليم بعينه."),
    "place-inside": ("The incident is placed in {facts}, within {law}.", "الحادثة موضوعة في {facts}، ضمن {law}."),
    "place-outside": ("The incident is placed in {facts}, outside {law}.", "الحادثة موضوعة في {facts}، خارج {law}."),
    "place-disputed": ("It is placed in {facts} by different reports; not all of that is within {law}.",
                       "تضعها إفادات مختلفة في {facts}؛ وليس ذلك كله ضمن {law}."),
    "place-unknown": ("It is limited to {law}, and the place of the incident is not in the gazetteer.",
                      "يقتصر على {law}، ومكان الحادثة غير مدرج في فهرس الأماكن."),
    "place-party": ("It happened in the territory of {facts}, a party to {law} on that date.",
                    "وقعت في إقليم {facts}، وهي طرف في {law} في ذلك التاريخ."),
    "place-not-party": ("It happened in the territory of {facts}, which was not a party to {law} on that date.",
                        "وقعت في إقليم {facts}، ولم تكن طرفًا في {law} في ذلك التاريخ."),
    "place-no-state": ("Whose territory {facts} is, is not recorded.", "لم يُسجَّل لأي دولة يعود إقليم {facts}."),
    "person-coalition": ("{facts} is a coalition; which of its members acted, and whether {law} binds that State, is "
                         "not recorded.",
                         "{facts} تحالف؛ ولم يُسجَّل أي من أعضائه تصرّف، ولا هل يُلزم {law} تلك الدولة."),
    "person-all-parties": ("It binds every party to the conflict, whoever made the attack.",
                           "يُلزم كل طرف في النزاع أيًّا كان من نفّذ الهجوم."),
    "person-individuals": ("It characterises the conduct of individuals; no person is named, and jurisdiction is a "
                           "separate question.",
                           "يكيّف سلوك الأفراد؛ ولا يُسمّى أي شخص، والاختصاص القضائي مسألة منفصلة."),
    "person-unknown": ("Whom it binds depends on the actor, and none is identified by the sources.",
                       "يتوقف نطاق إلزامه على الجهة الفاعلة، ولا تحدد المصادر أي جهة."),
    "person-named": ("{facts}, to whom it is attributed, is among those it binds: {law}.",
                     "{facts}، وهي الجهة المسند إليها، من بين من يُلزمهم: {law}."),
    "person-excluded": ("{facts}, to whom it is attributed, stands outside it.",
                        "{facts}، وهي الجهة المسند إليها، خارج نطاقه."),
    "person-acceptance": ("Whether {facts} accepted its terms is not recorded.", "لم يُسجَّل هل قبلت {facts} شروطه."),
    "person-states-party": ("{facts} was a party to {law} on that date.", "كانت {facts} طرفًا في {law} في ذلك التاريخ."),
    "person-member-states": ("It addresses States; {facts} is one.", "يخاطب الدول، و{facts} دولة."),
    "person-territorial-state": ("It addresses the State on whose territory it happened; {facts} is alleged.",
                                 "يخاطب الدولة التي وقع الفعل في إقليمها؛ والجهة المدّعى بها {facts}."),
    "person-not-party": ("{facts} was not bound by {law} on that date.",
                         "لم تكن {facts} ملزمة بـ{law} في ذلك التاريخ."),
    "person-no-state": ("It binds States, and {facts} is not recorded as one or as an organ of one.",
                        "يُلزم الدول، و{facts} غير مسجّلة دولةً ولا جهازًا تابعًا لدولة."),
    "person-participation": ("Whether {facts} is a party to {law} is not recorded.",
                             "لم يُسجَّل هل {facts} طرف في {law}."),
    "person-straddles": ("Whether {law} bound {facts} during all of the time in which it may have happened is open.",
                         "يبقى مفتوحًا هل كان {law} ملزمًا لـ{facts} طوال المدة التي يُحتمل وقوع الحادثة فيها."),
    "subject-any": ("It does not depend on a kind of conduct, object or person.",
                    "لا يتوقف على نوع من السلوك أو الأعيان أو الأشخاص."),
    "subject-covered": ("What is reported is of the kind it covers: {facts}.",
                        "ما أُفيد به من النوع الذي يشمله: {facts}."),
    "subject-unknown": ("It depends on {facts}, on which nothing definite is recorded; it covers {law}.",
                        "يتوقف على {facts}، ولا شيء محددًا مسجّلًا بشأنه؛ وهو يشمل {law}."),
    "subject-disputed": ("The conflict is classified in more than one way; it covers {law}.",
                         "للنزاع أكثر من تصنيف؛ وهو يشمل {law}."),
    "exclusion-none": ("It leaves nothing out that could concern the incident.", "لا يستثني ما قد يتصل بالحادثة."),
    "exclusion-unknown": ("Action directed at {law} is outside it, and who controlled the place is not recorded.",
                          "الأعمال الموجّهة ضد {law} خارج نطاقه، ولم يُسجَّل من كان يسيطر على المكان."),
    "exclusion-other": ("The place was reported to be controlled by {facts}, whom it does not leave out.",
                        "أُفيد بأن المكان كان تحت سيطرة {facts}، وهي غير مستثناة."),
    "exclusion-applies": ("The place was reported to be controlled by {facts}; action directed at it is outside.",
                          "أُفيد بأن المكان كان تحت سيطرة {facts}؛ والأعمال الموجّهة ضدها خارج نطاقه."),
    "exclusion-disputed": ("Control of the place is reported in more than one way, by {facts} among others.",
                           "وردت إفادات مختلفة عن السيطرة على المكان، منها {facts}."),
    "precondition-none": ("It requires nothing beyond these facts.", "لا يشترط ما يتجاوز هذه الوقائع."),
    "precondition-established": ("A person has assessed as established: {law}.", "قدّر شخص ثبوت ما يأتي: {law}."),
    "precondition-open": ("A person must first establish: {law}.", "يجب أن يُثبت شخص أولًا: {law}."),
}  # fmt: skip
_COVER = ("{name} reported is {facts}; it covers {law}.", "{name} كما أُفيد: {facts}؛ وهو يشمل {law}.")
_CLASSIFIED = (" The conflict there is so classified by: {claims}.", " صُنِّف النزاع هناك بهذا الوصف من: {claims}.")
_LANGUAGES = ("en", "ar")


def plain(at: datetime) -> str:
    """A moment in figures with its offset, kept together in text that runs the other way."""
    text = f"{at:%Y-%m-%d %H:%M} UTC{at:%z}"
    return f"\u2068{text}\u2069"


def reason(test: Test, language: str, name: Name, moment: Moment = plain) -> str:
    """The reason of a test in `en` or `ar`; `name` gives labels, `moment` spells the times."""
    index = _LANGUAGES.index(language)
    facts = listed(test.facts, language, name, moment)
    law = listed(test.law, language, name, moment)
    if test.reason in _TEXTS:
        text = _TEXTS[test.reason][index].format(facts=facts, law=law)
    else:
        dimension = _DIMENSIONS[test.reason.removeprefix("subject-").capitalize()][index]
        text = _COVER[index].format(name=dimension, facts=facts, law=law)
    return text[0].upper() + text[1:] + _classified(test, language, name)


def _classified(test: Test, language: str, name: Name) -> str:
    """Who classified the conflict and how, each claim with the mark of its verification; empty without any."""
    if not test.claims:
        return ""
    comma = "، " if language == "ar" else ", "
    claims = (
        f"{name(c.claimant, language)} ({comma.join(name(i, language) for i in (c.kind, c.mark) if i)})"
        for c in test.claims
    )
    return _CLASSIFIED[_LANGUAGES.index(language)].format(claims=comma.join(claims))


def listed(values: tuple[str, ...], language: str, name: Name, moment: Moment = plain) -> str:
    """Values of a test in words, one after the other."""
    separator = "، " if language == "ar" else ", "
    return separator.join(_value(v, language, name, moment) for v in values)


def _value(value: str, language: str, name: Name, moment: Moment) -> str:
    if value.startswith("@"):
        return moment(datetime.fromtimestamp(float(value[1:]), ZONE))
    if value.startswith("="):
        return _DIMENSIONS[value[1:]][_LANGUAGES.index(language)]
    return name(value, language)
