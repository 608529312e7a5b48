"""RDF files as records: Turtle, TriG, N-Triples, N-Quads, JSON-LD and RDF/XML, with the place of every error."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import IO

from pyoxigraph import NamedNode, Quad, RdfFormat, Triple, parse

from kb import canonical
from kb.errors import BadFile, DoesNotConform
from kb.ns import DCTERMS, MZ
from kb.packed import Opened
from kb.record import RESERVED, SYSTEM_FRAGMENT, Record, by_owner, owner, subject

FORMATS = {
    ".ttl": RdfFormat.TURTLE, ".trig": RdfFormat.TRIG, ".nt": RdfFormat.N_TRIPLES, ".nq": RdfFormat.N_QUADS,
    ".jsonld": RdfFormat.JSON_LD, ".rdf": RdfFormat.RDF_XML, ".owl": RdfFormat.RDF_XML,
}  # fmt: skip

_ENTITY = re.compile(rb"""<!ENTITY\s+[^\s"'>]+\s*(?:"([^"]*)"|'([^']*)')""")
_LONGEST_ENTITY = 200  # bytes
_MARK = f" {MZ.inRecord} "
_TELLING = (f"#{SYSTEM_FRAGMENT}> ", "#revision-", f"> {DCTERMS.accessRights} ")


def read(path: Path) -> list[Triple]:
    """The triples of an RDF file in canonical spelling; graph names are dropped, blank nodes are refused.

    pyoxigraph fetches no remote JSON-LD context and no XML entity, so a file from outside cannot call out.
    """
    with Opened(path) as opened:
        return list(_triples(opened.file, _format(path), path.name))


def turtle(text: str, name: str) -> list[Triple]:
    """The triples of Turtle text; `name` is what errors call it."""
    return list(_triples(BytesIO(text.encode()), RdfFormat.TURTLE, name))


def lines(path: Path, opened: Opened) -> Iterator[tuple[str, str]]:
    """The triples of an RDF file as lines of canonical N-Triples, each after the record it belongs to, as a stream.

    Raises what `read` raises, where it comes to it.
    """
    with _told(path.name):
        for quad in _quads(opened.file, _format(path)):
            line = _line(quad)
            yield line[1 : line.index(">")].partition("#")[0], line


def _format(path: Path) -> RdfFormat:
    form = FORMATS.get(Path(path.name.lower().removesuffix(".gz")).suffix)
    if form is None:
        raise BadFile(f"{path.name} is not an RDF file", "its name ends in none of " + " ".join(FORMATS))
    return form


def _triples(data: IO[bytes], form: RdfFormat, name: str) -> Iterator[Triple]:
    with _told(name):
        for quad in _quads(data, form):
            yield canonical.triple(quad.subject, quad.predicate, quad.object)


def _quads(data: IO[bytes], form: RdfFormat) -> Iterator[Quad]:
    return iter(parse(_guarded(data) if form == RdfFormat.RDF_XML else data, format=form))


def _line(quad: Quad) -> str:
    text = str(quad.triple)
    # a text without language, or an IRI, stands as the library writes it; all else is looked at
    if text[0] == "<" and (text[-1] == '"' or (text[-1] == ">" and '"^^<' not in text)) and "<<(" not in text:
        return f"{text} .\n"
    return f"{canonical.triple(quad.subject, quad.predicate, quad.object)} .\n"


def _guarded(data: IO[bytes]) -> IO[bytes]:
    """RDF/XML whose entities cannot make a small file fill the memory: they name beginnings of IRIs, not more."""
    text = data.read()
    for first, second in _ENTITY.findall(text):
        value = first or second
        if len(value) > _LONGEST_ENTITY or b"&" in value:
            why = "entities in it stand for others, or for long texts, and could unpack without end"
            raise BadFile("This RDF/XML cannot be read", why, "Write it as N-Triples or Turtle.")
    return BytesIO(text)


@contextmanager
def _told(name: str) -> Iterator[None]:
    """What a parser says of a file, as an error of ours."""
    try:
        yield
    except SyntaxError as error:
        told = error.msg or str(error)
        if "LoadDocumentCallback" in told:
            why = "contexts are never fetched, so that a file from outside cannot call out"
            raise BadFile(f"{name} names a remote JSON-LD context", why, "Write the context into the file.") from None
        place = f", line {error.lineno}, column {error.offset}" if error.lineno else ""
        raise BadFile(f"{name}{place} does not parse", told, "Correct that place.") from None
    except DoesNotConform as error:
        raise BadFile(f"{name}: {error.what}", error.why, error.hint) from None
    except MemoryError:  # the parser's own limit, raised before the memory is used
        raise BadFile(f"{name} has a value larger than 16 MiB", "no record needs one", "Shorten it.") from None
    except ValueError as error:
        raise BadFile(f"{name} does not parse", str(error)) from None


def records(triples: Iterable[Triple]) -> list[Record]:
    """Triples as records, each node marked with the record it belongs to, sorted by IRI."""
    return [record(iri, part) for iri, part in sorted(by_owner(triples).items())]


def record(iri: str, triples: Iterable[Triple]) -> Record:
    """One record out of its triples; the order and repetition of `triples` do not matter.

    Raises DoesNotConform when a node belongs elsewhere or uses the system's own fragment.
    """
    marked = list(triples)
    home = NamedNode(iri)
    tier = "PUBLIC"
    for node in {subject(t) for t in marked}:
        if owner(node) != iri:
            raise DoesNotConform(f"{node} stands in the record {iri}", "a record describes only its own nodes")
        if RESERVED.fullmatch(node.partition("#")[2]):
            raise DoesNotConform(f"{node} is used", "the system writes that node itself", "Use another fragment.")
        marked.append(Triple(NamedNode(node), MZ.inRecord, home))
    for triple in marked:
        if triple.predicate == MZ.inRecord and triple.object != home:
            raise DoesNotConform(f"{subject(triple)} says it is in another record", str(triple.object))
        if triple.subject == home and triple.predicate == DCTERMS.accessRights:
            tier = triple.object.value.rpartition("/")[2] if isinstance(triple.object, NamedNode) else "unknown"
    text = canonical.ntriples(marked)
    return Record(iri, tier=tier, text=text)


def written(iri: str, lines: Iterable[str]) -> Record:
    """One record out of distinct lines of canonical N-Triples, marks of belonging included, as `record` makes it.

    Raises DoesNotConform as `record` does.
    """
    text = "".join(sorted(lines))
    if any(part in text for part in _TELLING):  # it says its tier, or takes a name of the system's own
        return record(iri, canonical.parse_ntriples(text))
    return Record(iri, text=text)


def assembled(iri: str, lines: Iterable[str]) -> Record:
    """One record out of lines of canonical N-Triples as a file has them, as `record` makes it.

    Raises DoesNotConform as `record` does.
    """
    own = set(lines)
    marks = {f"<{node}>{_MARK}<{iri}> .\n" for node in {line[1 : line.index(">")] for line in own}}
    if any(_MARK in line for line in own - marks):  # a node says that it is in another record, or a text looks so
        return record(iri, canonical.parse_ntriples("".join(own)))
    return written(iri, own | marks)
