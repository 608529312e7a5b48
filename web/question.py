"""What a request asks of a saved question: its values and options read from the address, and what can be chosen."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlencode

from flask import Response, request
from markupsafe import Markup

from kb.errors import UsageError
from kb.export import FORMATS, Context, Rows, read
from kb.export.format import SUFFIXES
from kb.ns import ID, SCHEME
from kb.query import saved
from kb.query.parameter import Parameter
from kb.query.saved import SavedQuery
from web.asking import asker
from web.choosing import MOST, Choice, nearest, offered
from web.language import LANGUAGES
from web.reading import Text
from web.site import here, site, tongue

OPTIONS = {  # of the endpoint, beside the parameters of the question
    "format": tuple(FORMATS),
    "lang": LANGUAGES,
    "raw": ("0", "1"),
    "bom": ("0", "1"),
}
LONGEST = 500  # characters of a value
_FEW = 60  # up to so many choices are a list to open; more are offered while typing


@dataclass(frozen=True, slots=True)
class Field:
    """One parameter as a form field: `select` when the choices are all there are, else `input` that completes them.

    `more` says that there are others than the choices, to be asked for by their words. `typed` is what somebody gave
    that names nothing here; the choices are then what comes near it.
    """

    parameter: Parameter
    value: str
    choices: list[Choice]
    closed: bool
    more: bool = False
    typed: str = ""

    @property
    def words(self) -> Text | str:
        """The value in words."""
        return next((c.words for c in self.choices if c.value == self.value), self.value)


def given(query: SavedQuery, lang: str) -> dict[str, str]:
    """The value of each parameter: from the address, else its default; the language follows the page."""
    values = {}
    for name, parameter in query.parameters.items():
        standard = lang if name == "language" else parameter.default or ""
        found = request.args.getlist(name)
        if len(found) > 1:
            raise UsageError(f"{name} is given {len(found)} times", "a parameter has one value", "Leave one of them.")
        values[name] = (found[0] if found else standard).strip() or standard
        if len(values[name]) > LONGEST:
            raise UsageError(f"{name} is too long", f"more than {LONGEST} characters", "Shorten it.")
    return values


def option(name: str, standard: str) -> str:
    """One option of the endpoint; UsageError naming what is allowed."""
    found = request.args.getlist(name)
    value = found[0] if found else standard
    if len(found) > 1 or value not in OPTIONS[name]:
        wrong = f"{name} is given {len(found)} times" if len(found) > 1 else f"{name}={value[:40]} is not offered"
        raise UsageError(wrong, "", f"Give one of: {', '.join(OPTIONS[name])}.")
    return value


def refuse_others(query: SavedQuery) -> None:
    """UsageError for the first name in the address that is neither a parameter nor an option."""
    for name in request.args:
        if name not in query.parameters and name not in OPTIONS:
            known = ", ".join([*query.parameters, *OPTIONS])
            raise UsageError(f"{query.name} has no parameter {name[:60]}", "", f"Allowed: {known}.")


def answer(query: SavedQuery, values: dict[str, str]) -> Rows:
    """The rows of a question at the snapshot of this request, within the limits of the SPARQL service."""
    return read(site().base.ask_saved(query, values, at=here(), asker=asker(request)))


def context(query: SavedQuery, values: dict[str, str]) -> Context:
    """What is said beside the rows."""
    titles = {"en": query.title, "ar": query.title_ar}
    source = f"{request.url_root}api/queries/{query.name}?{urlencode(values)}"
    notes = {"description": query.description_ar if tongue().code == "ar" else query.description}
    return Context(query.name, titles, values, here().number, here().time, tongue().code, source, notes)


def handed(body: bytes, wanted: str, rows: int, stem: str) -> Response:
    """Rows in a format as a response: a file to keep, named after `stem`, unless it is JSON."""
    response = Response(body, content_type=FORMATS[wanted])
    response.headers["X-Mizan-Rows"] = str(rows)
    response.headers["Content-Language"] = tongue().code
    if wanted != "json":
        file = f"{stem}.{SUFFIXES.get(wanted, wanted)}"
        response.headers["Content-Disposition"] = f'attachment; filename="{file}"'
    return response


def example(name: str) -> str:
    """The text of a shipped question with the values in the address; "" without a name."""
    if not name:
        return ""
    query = saved.load("report", name)
    return query.bind({n: value for n in query.parameters if (value := request.args.get(n, "").strip())})


def fields(query: SavedQuery, values: dict[str, str]) -> list[Field]:
    """The form of a question."""
    return [_field(parameter, values[name]) for name, parameter in query.parameters.items()]


def _field(parameter: Parameter, value: str) -> Field:
    found = nearest(parameter, value) if parameter.name in request.args else []
    if found:
        return Field(parameter, found[0].value, found, True, typed=value)
    value = value.removeprefix(ID).removeprefix(SCHEME)
    choices = list(offered(parameter))
    more = len(choices) >= MOST
    closed = bool(choices) and (parameter.kind in ("concept", "text") or len(choices) <= _FEW)
    if value and all(choice.value != value for choice in choices):
        choices.append(Choice(value, value))
        closed = closed and parameter.kind != "iri"
    return Field(parameter, value, choices, closed, more)


def in_words(field: Field) -> Markup:
    """A value in words, with the value itself where the words are others."""
    if str(field.words) == field.value:
        return Markup('<bdi dir="auto">{}</bdi>').format(field.value)
    return Markup('<bdi>{}</bdi> (<bdi dir="ltr" class="code">{}</bdi>)').format(field.words, field.value)
