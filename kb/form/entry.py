"""What a person typed into a form, as a record; and what the validation found, at the field where it was typed."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from pyoxigraph import Literal, NamedNode, Triple

from kb import document, vocabulary
from kb.canonical import literal
from kb.form.shape import Field, Form, Words
from kb.ingest import period
from kb.ingest.report import Unfit
from kb.ns import MZ, MZ_BASE, PREFIXES, RDF, SEM, XSD
from kb.record import Record
from kb.validation import Finding

Typed = Mapping[str, list[str]]
"""What was typed, by the name of the field (see `name_of`)."""
Term = NamedNode | Literal
Resolve = Callable[[Field, str], str | None]
"""The IRI of the thing that a person means by a text, None where it names nothing."""

LONGEST = 20_000  # characters of one value
MOST = 50  # values of one field
_BOUNDS = (SEM.hasEarliestBeginTimeStamp.value, SEM.hasLatestEndTimeStamp.value, MZ_BASE + "datePrecision")
FILLED = frozenset({*_BOUNDS, MZ.inDataset.value, MZ.about.value})  # properties that no person is asked for
# C0 but for tab and line ends, DEL, C1, and the two overrides, which make a text read as another than it is
_STRANGE = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202d\u202e\ud800-\udfff\ufffe\uffff]")
_DIGITS = str.maketrans({chr(zero + n): str(n) for zero in (0x660, 0x6F0) for n in range(10)})


@dataclass(frozen=True, slots=True)
class Fault:
    """Something wrong with a field (`name`; empty for the whole form).

    `kind` is rule (a shape is broken: `words` say which), unknown (the value names nothing), characters, long or many.
    """

    name: str
    kind: str
    words: Words = field(default_factory=dict)
    value: str = ""


def name_of(path: str, within: str = "") -> str:
    """The name of a field in a form: its property as a prefixed name, behind those of the parts that it stands in."""
    prefix, base = max(((n, b) for n, b in PREFIXES.items() if path.startswith(b)), key=lambda p: len(p[1]))
    return f"{within}{prefix}:{path[len(base):]}"


@dataclass(slots=True)
class _Draft:
    """A record in the making."""

    typed: Typed
    resolve: Resolve
    zone: str
    triples: list[Triple] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)

    def values(self, name: str) -> list[str]:
        """What was typed into a field, without blanks; faults for what no text of ours may be."""
        found = list(dict.fromkeys(text for given in self.typed.get(name, ()) if (text := given.strip())))
        fine = [text for text in found[:MOST] if len(text) <= LONGEST and not _STRANGE.search(text)]
        if len(found) > MOST:
            self.faults.append(Fault(name, "many"))
        for text in found[:MOST]:
            if len(text) > LONGEST:
                self.faults.append(Fault(name, "long"))
            elif _STRANGE.search(text):
                self.faults.append(Fault(name, "characters"))
        return fine

    def node(self, iri: str, form: Form, fixed: Mapping[str, list[Term]], within: str = "") -> None:
        """Add all triples of one node."""
        subject = NamedNode(iri)
        self.triples.append(Triple(subject, RDF.type, NamedNode(form.of)))
        terms = {f.path: self.terms(f, name_of(f.path, within), iri) for f in form.fields if f.path not in FILLED}
        if form.at(_BOUNDS[0]) is not None:
            terms |= self.bounds(form, within)
        for path, given in {**terms, **fixed}.items():
            self.triples += [Triple(subject, NamedNode(path), term) for term in given]

    def terms(self, asked: Field, name: str, iri: str) -> list[Term]:
        """The values of one field as terms."""
        if asked.kind == "words":
            return [literal(text, language=tag) for tag in asked.languages for text in self.values(f"{name}@{tag}")]
        if asked.kind == "part" and asked.part is not None:
            within = f"{name}/"
            given = (text for name, texts in self.typed.items() if name.startswith(within) for text in texts)
            if not asked.least and not any(text.strip() for text in given):
                return []
            part = f"{iri.partition('#')[0]}#{asked.fragment}"
            self.node(part, asked.part, {}, within)
            return [NamedNode(part)]
        found = [self.term(asked, name, text) for text in self.values(name)]
        return [term for term in found if term is not None]

    def term(self, asked: Field, name: str, text: str) -> Term | None:
        """One value as a term; None with a fault where it is none. What a shape can tell is left to the shape."""
        match asked.kind:
            case "code":
                known = (vocabulary.codes(scheme).get(text.lower()) for scheme in asked.schemes)
                found = next((node for node in known if node is not None), None)
                if found is not None:
                    return found
                self.fault(name, "rule", asked, text)
                return None
            case "thing":
                iri = self.resolve(asked, text)
                if iri:
                    return NamedNode(iri)
                self.fault(name, "unknown", asked, text)
                return None
            case "link":
                try:
                    return NamedNode(text)
                except ValueError:
                    self.fault(name, "rule", asked, text)
                    return None
            case "date":
                try:
                    return period.uncertain(text.translate(_DIGITS), self.zone).edtf
                except Unfit:
                    self.fault(name, "rule", asked, text)
                    return None
            case "number":
                text = text.translate(_DIGITS)
        return literal(text, asked.datatype or XSD.string.value)

    def bounds(self, form: Form, within: str) -> dict[str, list[Term]]:
        """The first and last moment of the date typed, and its precision."""
        for text in self.values(name_of(MZ.date.value, within))[:1]:
            try:
                span = period.uncertain(text.translate(_DIGITS), self.zone)
            except Unfit:
                break  # the field has its fault already
            codes = vocabulary.codes("date-precision")
            return dict(zip(_BOUNDS, ([span.earliest], [span.latest], [codes[span.precision]]), strict=True))
        return {}

    def fault(self, name: str, kind: str, asked: Field, text: str) -> None:
        """Note that a value does not fit."""
        self.faults.append(Fault(name, kind, asked.rule, text[:200]))


def compose(
    iri: str, form: Form, typed: Typed, fixed: Mapping[str, list[Term]], resolve: Resolve, zone: str
) -> tuple[Record, list[Fault]]:  # fmt: skip
    """The record of what was typed, `fixed` giving properties that nobody is asked for; and what could not be read.

    The record is made of what could be read, so that the shapes can judge that at the same time. Dates are local
    times of `zone`.
    """
    draft = _Draft(typed, resolve, zone)
    draft.node(iri, form, fixed)
    return document.record(iri, draft.triples), draft.faults


def faults_of(findings: Iterable[Finding], form: Form, iri: str, already: Iterable[Fault] = ()) -> list[Fault]:
    """Findings about a record at the fields of its form; those of a field that could not be read are left out."""
    places = dict(_places(form, iri, ""))
    broken = {fault.name.partition("@")[0] for fault in already}
    faults: dict[tuple[str, str], Fault] = {}
    grave = [f for f in findings if f.severity == "Violation"]
    # the bounds of a date come of the field of the date: it is named only where it has no fault of its own
    for finding in sorted(grave, key=lambda f: f.path in _BOUNDS):
        within, here = places.get(finding.focus, ("", form))
        path = MZ.date.value if finding.path in _BOUNDS else finding.path
        known = here.at(path) if path not in FILLED else None
        name = name_of(path, within) if known is not None else ""
        if name and (name in broken or (finding.path in _BOUNDS and any(at == name for at, _ in faults))):
            continue
        words = known.rule if known is not None and finding.path in _BOUNDS else dict(finding.messages)
        faults.setdefault((name, finding.message()), Fault(name, "rule", words, finding.value[:200]))
    return list(faults.values())


def _places(form: Form, iri: str, within: str) -> Iterator[tuple[str, tuple[str, Form]]]:
    """Where the fields of each node of a record stand: its IRI, what their names begin with, its form."""
    yield iri, (within, form)
    for asked in form.fields:
        if asked.part is not None:
            part = f"{iri.partition('#')[0]}#{asked.fragment}"
            yield from _places(asked.part, part, f"{name_of(asked.path, within)}/")
