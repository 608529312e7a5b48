"""The elements matrix for a person's terminal and for programs, in English or Arabic."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import asdict
from typing import Any

from kb.applicability.elements import Assessment, Fit, Matrix, Row
from kb.applicability.recognition import Indication
from kb.ns import MZ, MZ_BASE

Label = Callable[[str], str]
"""Gives the label of an IRI in the language of the answer."""

_WORDS = {
    "notice": (
        "Indications are found by machine: they say what to look at and are no assessment. What is missing is a kind "
        "of evidence of which nothing is recorded. Figures are each claimant's own; no number of people harmed is an "
        "element, and who is a civilian is the source's own assessment.",
        "الدلائل يجدها الحاسوب، وهي تبيّن أين يُنظر وليست تقييمًا. والناقص نوع من الأدلة لا شيء مسجّلًا منه. والأعداد لمن "
        "أفاد بها، وليس عدد المتضررين ركنًا، وصفة المدني تقدير المصدر.",
    ),
    "elements": ("Elements", "الأركان"),
    "preconditions": ("A person must also establish", "ويجب أن يُثبت شخص أيضًا"),
    "modes": (
        "Modes of liability that the alleged degree of involvement could fit (an attribution names an organisation, a "
        "mode concerns a person)",
        "أشكال المسؤولية التي قد تناسبها درجة الضلوع المدّعى بها (النسبة تسمّي كيانًا، وشكل المسؤولية يتعلق بشخص)",
    ),
    "caution": ("caution", "تنبيه"),
    "indicated": ("indications", "دلائل"),
    "none": ("no recorded fact speaks to it", "لا واقعة مسجّلة تتصل به"),
    "record": ("the record", "السجل"),
    "disputed": ("disputed by", "ينازع فيه"),
    "rivals": ("claims differ or are disputed on", "تختلف الإفادات أو يُنازع فيها في"),
    "silent": ("nothing recorded on", "لا شيء مسجّلًا عن"),
    "held": ("evidence recorded", "أدلة مسجّلة"),
    "missing": ("evidence missing", "أدلة ناقصة"),
    "origins": ("sources not derived from one another:", "المصادر التي لا يُشتق بعضها من بعض:"),
    "assessed": ("assessment", "التقييم"),
    "because": ("because", "لأن"),
}  # fmt: skip


def to_json(matrix: Matrix, labels: Callable[[str], dict[str, str]]) -> dict[str, Any]:
    """The matrix with the labels of every IRI in it; machine indications stand apart from assessments."""
    value = asdict(matrix)
    for part in ("elements", "preconditions"):
        for row, of in zip(value[part], getattr(matrix, part), strict=True):
            row["values"] = list(of.values)
            row["rivals"] = sorted(of.rivals)
    iris = sorted(set(_iris(value)))
    return {**value, "notice": _WORDS["notice"][0], "labels": {iri: labels(iri) for iri in iris}}


def _iris(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        if value.startswith(("https://", "http://")):
            yield value
    elif isinstance(value, dict):
        for part in value.values():
            yield from _iris(part)
    elif isinstance(value, list | tuple):
        for part in value:
            yield from _iris(part)


def as_text(matrix: Matrix, label: Label, language: str) -> str:
    """The matrix as lines of text."""
    word = _Words(language)
    lines = [label(matrix.incident), label(matrix.offence), "", word("notice"), "", word("elements")]
    for row in matrix.elements:
        lines += _row(row, label, word)
    if matrix.preconditions:
        lines += ["", word("preconditions")]
        for row in matrix.preconditions:
            lines += _row(row, label, word)
    if matrix.modes:
        lines += ["", word("modes")]
        lines += [_mode(fit, label, word) for fit in matrix.modes]
    return "\n".join(plain(line) for line in lines)


class _Words:
    def __init__(self, language: str) -> None:
        self.language = language
        self._index = 1 if language == "ar" else 0
        self.comma = "، " if language == "ar" else ", "

    def __call__(self, name: str) -> str:
        return _WORDS[name][self._index]


def _row(row: Row, label: Label, word: _Words) -> Iterator[str]:
    number = f"{row.crime} {row.number}. ".lstrip() if row.number else "- "
    kinds = f" ({word.comma.join(label(k) for k in row.kinds)})" if row.kinds else ""
    yield f"{number}{label(row.node)}{kinds}: {word.comma.join(label(v) for v in row.values)}"
    summary = row.summaries.get(word.language) or next(iter(row.summaries.values()), "")
    yield f"    {summary}"
    yield from (f"    {word('caution')}: {text}" for language, text in row.cautions if language == word.language)
    for assessment in row.assessments:
        yield f"    {word('assessed')}: {_assessment(assessment, label, word)}"
    if row.indications:
        yield f"    {word('indicated')} ({word('origins')} {row.origins}):"
        yield from (f"      {_indication(i, label, word)}" for i in row.indications)
    else:
        yield f"    {word('none')}"
    for name, iris in (("rivals", tuple(row.rivals)), ("silent", row.silent), ("held", row.recorded),
                       ("missing", row.missing)):  # fmt: skip
        if iris:
            yield f"    {word(name)}: {word.comma.join(label(i) for i in iris)}"


def _assessment(made: Assessment, label: Label, word: _Words) -> str:
    reason = made.reasons.get(word.language) or next(iter(made.reasons.values()), "")
    said = word.comma.join((label(made.value), label(made.standard), label(made.by), made.on))
    return f"{said} [{made.revision}]: {reason}"


def _indication(found: Indication, label: Label, word: _Words) -> str:
    who = label(found.claimant) if found.claimant else word("record")
    numbers = {p: v for p, v in found.said if p in _NUMBERS}
    said = [v if "://" not in v else label(v) for p, v in found.said if p not in _NUMBERS]
    if numbers:
        low, high = numbers.get(MZ.minimum.value, "?"), numbers.get(MZ.maximum.value, "…")
        said.append(low if low == high else f"{low}–{high}")
    text = f"{label(found.kind)}: {who}: {word.comma.join(said)}"
    if found.disputed_by:
        fragments = word.comma.join(n.rpartition("#")[2] for n in found.disputed_by)
        text += f" ({word('disputed')}: {fragments})"
    return text


_NUMBERS = frozenset((MZ.minimum.value, MZ.maximum.value, MZ.best.value))


def _mode(fit: Fit, label: Label, word: _Words) -> str:
    claims = word.comma.join(a.rpartition("#")[2] for a in fit.attributions)
    return f"- {label(fit.mode)} ({word('because')} {label(fit.degree)}: {claims})"


def plain(text: str) -> str:
    """Text without characters that could steer a terminal."""
    return "".join(c if c.isprintable() else " " for c in text.replace(MZ_BASE, "mz:"))
