"""Rules over several columns of a row."""

from __future__ import annotations

from kb.ingest.draft import Draft
from kb.ingest.known import Known
from kb.ingest.plan import Rule
from kb.ingest.report import Unfit, quoted


def check(rule: Rule, draft: Draft, known: Known) -> None:
    """Remember in `draft` where it breaks `rule`. What each kind of rule asks for is said in `plan.Rule`."""
    match rule.kind:
        case "order":
            _order(rule, draft)
        case "ordered":
            _ordered(rule, draft)
        case "together":
            _together(rule, draft)
        case "needs":
            _needs(rule, draft)
        case _:
            _known(rule, draft, known)


def _order(rule: Rule, draft: Draft) -> None:
    (first, low), (second, high) = ((c, draft.texts.get(c)) for c in rule.columns)
    if low and high and float(low) > float(high):
        hint = "Exchange or correct the two numbers."
        draft.fault(first, Unfit("order", f"{first} {low} is above {second} {high}", hint))


def _ordered(rule: Rule, draft: Draft) -> None:
    given = [(c, draft.texts[c]) for c in rule.columns if draft.texts.get(c)]
    numbers = [float(text) for _, text in given]
    if numbers != sorted(numbers):
        draft.texts[rule.mark] = "yes"
        listed = ", ".join(f"{c} {text}" for c, text in given)
        draft.note(given[0][0], "disordered", f"{listed} are not in order; each is kept as the source gives it")


def _together(rule: Rule, draft: Draft) -> None:
    filled = [c for c in rule.columns if draft.texts.get(c)]
    if 0 < len(filled) < len(rule.columns):
        missing = next(c for c in rule.columns if c not in filled)
        draft.fault(missing, Unfit("together", f"{filled[0]} is given without it", "Fill in both or neither."))


def _needs(rule: Rule, draft: Draft) -> None:
    wanted = rule.mark
    filled = next((c for c in rule.columns if draft.row.cells.get(c, "").strip()), None)
    if filled and not draft.texts.get(wanted):
        hint = f"Fill in {wanted}, or leave {filled} empty."
        draft.fault(wanted, Unfit("needs", f"{filled} says nothing without it", hint))


def _known(rule: Rule, draft: Draft, known: Known) -> None:
    (column,), kind = rule.columns, rule.mark
    text = draft.texts.get(column, "")
    for part in filter(None, (p.strip() for p in (text.split(rule.split) if rule.split else [text]))):
        if known.find(kind, part) is None:
            hint = known.suggestion(kind, part) or f"Look up its id on its page, or add the record of the {kind} first."
            draft.fault(column, Unfit(f"known-{kind}", f"there is no {kind} {quoted(part)} here", hint))
