"""The compiled shapes held against pySHACL: what is compared, shipped data in plain form, and records made wrong."""

from __future__ import annotations

import random
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cache
from pathlib import Path

from pyoxigraph import NamedNode, RdfFormat, Triple, parse
from rdflib import Graph

from kb import document, vocabulary
from kb.canonical import ntriples, parse_ntriples
from kb.ns import MZ_BASE, PREFIXES, RDF
from kb.record import Record
from kb.validation import Finding, oracle
from kb.validation.compiled import Compiled
from kb.validation.facts import Types, record_of, types_of

XSD = PREFIXES["xsd"]
_BLANK = re.compile(r"[Nn]?[0-9a-f]{20,32}(b\d+)?")
COMPARED = ("LessThan", *(f"{side}{kind}" for side in ("Min", "Max") for kind in ("Inclusive", "Exclusive")))


def keys(findings: Sequence[Finding]) -> Counter[tuple[object, ...]]:
    """Findings with all that a result says, messages included; the names of blank nodes, which no run keeps, masked."""
    return Counter(
        (f.record, f.focus, f.path, "_:" if _BLANK.fullmatch(f.value) else f.value, f.shape, f.component, f.severity,
         f.messages)
        for f in findings
    )  # fmt: skip


def difference(ours: Sequence[Finding], theirs: Sequence[Finding]) -> dict[str, list[object]]:
    """What only one of the two found, for a test to hold against nothing."""
    one, other = keys(ours), keys(theirs)
    found = {"only ours": sorted(map(str, (one - other).elements())), "only theirs": sorted((other - one).elements())}
    return {name: list(items) for name, items in found.items() if items}


def disagreement(compiled: Compiled, text: str, types: Types, shapes: Graph) -> dict[str, list[object]]:
    """What the two engines say differently of a record.

    Where pySHACL cannot compare two values it says nothing of the pair: there the standard asks for a result, ours
    must have one, and the rest is compared.
    """
    ours, theirs = compiled.check(text, types), oracle.check([text], types, shapes)
    if any(f.shape == "" for f in theirs):
        ordered = [f for f in ours if f.component.startswith(COMPARED)]
        assert ordered, f"values that cannot be compared are not reported: {theirs}"
        return difference([f for f in ours if f not in ordered], [f for f in theirs if f.shape])
    return difference(ours, theirs)


def disagreement_of_many(ours: Sequence[Finding], theirs: Sequence[Finding]) -> dict[str, list[object]]:
    """The same for the findings about many records."""
    raising = {f.record for f in theirs if not f.shape}
    said = [f for f in ours if f.record not in raising or not f.component.startswith(COMPARED)]
    assert raising <= {f.record for f in ours if f.component.startswith(COMPARED)}
    return difference(said, [f for f in theirs if f.shape])


@cache
def shipped_types() -> dict[str, list[str]]:
    """The classes of every node of the shipped ontology, law, reference data and cases."""
    files = [*vocabulary.term_files(), *vocabulary.reference_files(), *vocabulary.law_files(), *vocabulary.case_files()]
    return types_of(t for path in files for t in document.read(path) if t.predicate == RDF.type)


def texts(*paths: Path) -> list[str]:
    """The records of some files as canonical N-Triples."""
    records = document.records([t for path in paths for t in document.read(path)])
    return [ntriples(record.triples) for record in records]


def example(path: Path) -> tuple[str, dict[str, list[str]]]:
    """An example as the text of its records, and the classes of the nodes that it only gives a class."""
    triples = [q.triple for q in parse(path.read_bytes(), format=RdfFormat.TURTLE)]
    named = [t for t in triples if isinstance(t.subject, NamedNode)]
    own = {record_of(str(t.subject)) for t in named if t.predicate != RDF.type}
    inside = [t for t in triples if not isinstance(t.subject, NamedNode) or record_of(str(t.subject)) in own]
    return ntriples(inside), types_of(t for t in named if record_of(str(t.subject)) not in own)


def closure(compiled: Compiled, text: str, known: Types) -> dict[str, Sequence[str]]:
    """The classes of all nodes that a record points to; none for those that are not known."""
    waiting = compiled.examine([text], {}, joined=True).waiting
    return {node: known.get(node, ()) for _, nodes in waiting for node in nodes}


def record(text: str) -> Record:
    """A record of its canonical N-Triples."""
    triples = parse_ntriples(text)
    return Record(record_of(str(triples[0].subject)), triples)


def types_only(known: Types) -> Callable[[Iterable[str]], Iterator[Triple]]:
    """A context that knows these classes."""

    def context(iris: Iterable[str]) -> Iterator[Triple]:
        for iri in iris:
            for kind in known.get(f"<{iri}>", ()):
                yield Triple(NamedNode(iri), RDF.type, NamedNode(kind[1:-1]))

    return context


# records made wrong

Lines = list[tuple[str, str, str]]
Change = Callable[[random.Random, Lines], None]
_LITERALS = (
    '""', '"text"', '" padded "', '"a\\nb"', '"text"@en', '"نص"@ar', '"text"@en-gb', '"texte"@fr', '"2016-04-27"',
    f'"05"^^<{XSD}integer>', f'"5"^^<{XSD}integer>', f'"-1"^^<{XSD}integer>', f'"many"^^<{XSD}integer>',
    f'"5.0"^^<{XSD}decimal>', f'"5.0"^^<{XSD}double>', f'"NaN"^^<{XSD}double>', f'"1"^^<{XSD}boolean>',
    f'"maybe"^^<{XSD}boolean>', f'"2016-04-27"^^<{XSD}date>', f'"2016-04-27Z"^^<{XSD}date>',
    f'"2016-02-30"^^<{XSD}date>', f'"2016-04-27T21:37:00"^^<{XSD}dateTime>', f'"2016-04-27T21:37:00Z"^^<{XSD}dateTime>',
    f'"2099-04-27T21:37:00+02:00"^^<{XSD}dateTime>', f'"yesterday"^^<{XSD}dateTime>', '"SY07"^^<urn:unknown>',
)  # fmt: skip
_IRIS = (
    "<https://example.org/nowhere>", f"<{MZ_BASE}Incident>", "<https://w3id.org/mizan/scheme/weapon#rocket>",
    "<https://w3id.org/mizan/scheme/no-such#code>", "<https://w3id.org/mizan/id/actor/unknown-actor>",
    "<https://w3id.org/mizan/id/actor/russia>", f"<{MZ_BASE}Place>",
)  # fmt: skip
_PREDICATES = ("<https://example.org/unknown>", f"<{MZ_BASE}note>", f"<{MZ_BASE}elementOf>", f"<{MZ_BASE}hasElement>",
               f"<{PREFIXES['rdfs']}subClassOf>", f"<{MZ_BASE}caution>", f"<{MZ_BASE}rationale>")  # fmt: skip


def _pick(draw: random.Random, lines: Lines) -> int:
    return draw.randrange(len(lines))


def _lose(draw: random.Random, lines: Lines) -> None:
    del lines[_pick(draw, lines)]


def _add_other(draw: random.Random, lines: Lines) -> None:
    subject, predicate, _ = lines[_pick(draw, lines)]
    lines.append((subject, predicate, lines[_pick(draw, lines)][2]))


def _value(choices: Sequence[str], keep: bool = False) -> Change:
    def change(draw: random.Random, lines: Lines) -> None:
        index = _pick(draw, lines)
        subject, predicate, _ = lines[index]
        if not keep:
            del lines[index]
        lines.append((subject, predicate, draw.choice(choices)))

    return change


def _foreign_property(draw: random.Random, lines: Lines) -> None:
    subject, _, value = lines[_pick(draw, lines)]
    lines.append((subject, draw.choice(_PREDICATES), value))


def _move(draw: random.Random, lines: Lines) -> None:
    index, other = _pick(draw, lines), _pick(draw, lines)
    subject, _, value = lines[index]
    lines[index] = (subject, lines[other][1], value)


def _swap(draw: random.Random, lines: Lines) -> None:
    typed = [i for i, line in enumerate(lines) if "^^" in line[2]]
    if len(typed) > 1:
        one, other = draw.sample(typed, 2)
        lines[one], lines[other] = (*lines[one][:2], lines[other][2]), (*lines[other][:2], lines[one][2])


def _tag(draw: random.Random, lines: Lines) -> None:
    tagged = [i for i, line in enumerate(lines) if re.search(r'"@[a-z-]+$', line[2])]
    if tagged:
        index = draw.choice(tagged)
        subject, predicate, value = lines[index]
        tag = draw.choice(["", "@en", "@ar", "@ar-sy", "@fr"])
        lines[index] = (subject, predicate, value[: value.rindex("@")] + tag)
        if draw.random() < 0.5:
            lines.append((subject, predicate, '"another"' + tag))


def _retype(draw: random.Random, lines: Lines) -> None:
    typed = [i for i, line in enumerate(lines) if "^^" in line[2]]
    if typed:
        index = draw.choice(typed)
        subject, predicate, value = lines[index]
        kind = draw.choice(["string", "integer", "decimal", "double", "date", "dateTime", "boolean", "gYear", "token"])
        lines[index] = (subject, predicate, f"{value[: value.rindex('^^')]}^^<{XSD}{kind}>")


def _respell(draw: random.Random, lines: Lines) -> None:
    index = _pick(draw, lines)
    subject, predicate, value = lines[index]
    end = value.rindex('"') if value[0] == '"' else len(value) - 1
    lines[index] = (subject, predicate, value[:end] + draw.choice(["x", "/x", "9", "-1", "Z"]) + value[end:])


def _class(draw: random.Random, lines: Lines) -> None:
    typed = [i for i, line in enumerate(lines) if line[1] == str(RDF.type)]
    index = draw.choice(typed) if typed else 0
    kinds = ["Incident", "Actor", "Place", "Offence", "Provision", "Element", "Attribution", "ElementAssessment", "Odd"]
    line = (lines[index][0], str(RDF.type), f"<{MZ_BASE}{draw.choice(kinds)}>")
    lines[index : index + 1] = [line] if draw.random() < 0.5 else [line, lines[index]]


CHANGES: dict[str, Change] = {
    "a value lost": _lose, "a value of another property added": _add_other, "another literal": _value(_LITERALS),
    "another literal beside": _value(_LITERALS, True), "another IRI": _value(_IRIS),
    "another IRI beside": _value(_IRIS, True), "a property that does not belong": _foreign_property,
    "a value under another property": _move, "two values exchanged": _swap, "another language": _tag,
    "another datatype": _retype, "another spelling": _respell, "another class": _class,
}  # fmt: skip


def made_wrong(text: str, kind: str, seed: int) -> str:
    """A record with one to three changes of a kind, the same for the same seed."""
    draw = random.Random(f"{kind} {seed}")
    lines: Lines = [(s, p, o[:-2]) for s, p, o in (line.split(" ", 2) for line in text.split("\n") if line)]
    for _ in range(draw.choice([1, 1, 2, 3])):
        if lines:
            CHANGES[kind](draw, lines)
    triples: Iterator[Triple] = iter(parse_ntriples("".join(f"{s} {p} {o} .\n" for s, p, o in lines)))
    return ntriples(triples)
