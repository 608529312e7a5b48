"""The fields of a form as a page shows them: names, help, choices, what was typed, and what is wrong with it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from markupsafe import Markup
from werkzeug.datastructures import MultiDict

from kb.form import FILLED, Fault, Field, Form, Typed, name_of
from kb.ns import SKOS
from web.choosing import Choice
from web.contribute import choice
from web.language import language, marked
from web.reading import shorten
from web.show import TERMS
from web.site import tongue

_LINES = 2  # empty lines in a field of several values
_FIGURES = re.compile(r"((?<![\w-])[0-9X]{2,}[-/:+.0-9TXZ~%?]*[0-9XZ~%?](?!\w))")
_SHORT = {SKOS.prefLabel.value, SKOS.altLabel.value}  # names, which fit on a line
TOLD = {  # what is wrong where no shape says it; the name of the rule is that of kb.form
    "unknown": marked("“%(value)s” names nothing that is known here. Choose from the list, or have it added first."),
    "characters": marked("This has characters that cannot be seen or that turn the text around. Type it anew."),
    "long": marked("This is longer than 20,000 characters. Shorten it."),
    "many": marked("Here are more than 50 values. Give fewer."),
    "taken": marked("Another record has this identifier. Choose another."),
}


@dataclass(slots=True)
class Shown:
    """One field on the page; one of `words` has one of these for each language, in `parts`."""

    name: str
    label: str
    kind: str
    help: str
    rule: str
    required: bool
    many: bool
    usual: bool
    values: list[str]
    errors: list[str]
    choices: Sequence[Choice] = ()
    kinds: str = ""
    scheme: str = ""
    tag: str = ""
    long: bool = False
    parts: list[Shown] = field(default_factory=list)

    @property
    def id(self) -> str:
        """The identifier on the page."""
        return "f-" + re.sub(r"[^A-Za-z0-9]+", "-", self.name)

    @property
    def filled(self) -> bool:
        """Whether something is typed here or below, or is wrong."""
        return any(self.values) or bool(self.errors) or any(part.filled for part in self.parts)


def typed_of(form: Form, sent: MultiDict[str, str], within: str = "") -> dict[str, list[str]]:
    """What was typed into the fields of a form; all else that was sent is passed over."""
    found: dict[str, list[str]] = {}
    for asked in form.fields:
        if asked.path in FILLED:
            continue
        name = name_of(asked.path, within)
        if asked.part is not None:
            found |= typed_of(asked.part, sent, f"{name}/")
        for key in [f"{name}@{tag}" for tag in asked.languages] or [name]:
            if given := [text.replace("\r\n", "\n") for text in sent.getlist(key) if text.strip()]:
                found[key] = given
    return found


def shown(form: Form, typed: Typed, faults: Sequence[Fault], about: str, within: str = "") -> list[Shown]:
    """The fields of a form, those that nobody is asked for left out."""
    return [_shown(f, typed, faults, about, within) for f in form.fields if f.path not in FILLED]


def _shown(asked: Field, typed: Typed, faults: Sequence[Fault], about: str, within: str) -> Shown:
    name, code = name_of(asked.path, within), tongue().code
    many = asked.most != 1
    made = Shown(
        name, _name(asked), asked.kind, _in(asked.help), _in(asked.rule), asked.least > 0, many,
        asked.usual, list(typed.get(name, ())), [words(f) for f in faults if f.name == name],
    )  # fmt: skip
    match asked.kind:
        case "words":
            for tag in sorted(asked.languages, key=lambda t: t != code):
                key = f"{name}@{tag}"
                texts = list(typed.get(key, ()))
                own = [words(f) for f in faults if f.name == key]
                made.parts.append(Shown(
                    key, _tongue(tag), "line", "", "", tag in asked.needed, False, True, texts, own, tag=tag,
                    long=asked.path not in _SHORT,
                ))  # fmt: skip
        case "code":
            made.choices, made.scheme = choice.codes(asked), asked.schemes[0] if asked.schemes else ""
        case "choice":
            made.choices = [Choice(value, value) for value in asked.choices]
        case "thing":
            made.choices = choice.things(asked, about)
            made.kinds = "" if choice.closed(asked) else " ".join(choice.kinds(asked))
        case "part" if asked.part is not None:
            made.parts = shown(asked.part, typed, faults, about, f"{name}/")
            if not made.required:  # what a part needs is needed only where there is one
                for one in made.parts:
                    one.required = False
    if many and asked.kind in ("text", "link", "number", "date", "thing"):
        made.values += [""] * _LINES
    return made


def words(fault: Fault) -> str:
    """A fault in the language of the page."""
    if fault.kind == "rule":
        return _in(fault.words)
    value = fault.value if len(fault.value) <= 80 else f"{fault.value[:79]}…"
    text = tongue().gettext(TOLD[fault.kind])
    return text % {"value": value} if "%(value)s" in text else text


def summary(fields: Iterable[Shown], faults: Sequence[Fault]) -> list[tuple[str, str, str]]:
    """All that is wrong, for the top of the page: identifier of the field (or none), its name, what is wrong."""
    found = [("", "", words(f)) for f in faults if not f.name]
    return found + list(_wrong(fields, ""))


def _wrong(fields: Iterable[Shown], within: str) -> Iterable[tuple[str, str, str]]:
    for one in fields:
        name = f"{within}{one.label}"
        for error in one.errors:
            # the first thing in a group that can be typed into
            target = one.parts[0].id if one.parts and one.kind != "line" else one.id
            yield target, name, error
        yield from _wrong(one.parts, f"{name}: ")


def _name(asked: Field) -> str:
    """What a field is called: as its shape says, but for texts that stand once for each language, as pages do."""
    common = TERMS.get(shorten(asked.path), "") if asked.kind == "words" else ""
    return tongue().gettext(common) if common else _capital(_in(asked.names))


def figures(text: str) -> Markup:
    """A text in which dates and codes keep their order in a line that runs from right to left."""
    parts = _FIGURES.split(text)
    return Markup("").join(
        Markup('<bdi dir="ltr">{}</bdi>').format(part) if number % 2 else part for number, part in enumerate(parts)
    )


def _in(texts: dict[str, str]) -> str:
    return texts.get(tongue().code) or texts.get("en", "")


def _tongue(tag: str) -> str:
    return language(tag).name


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
