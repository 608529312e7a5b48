"""Shows terms as HTML: links, texts, dates and numbers, everything escaped; templates know it as `show`."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime

from markupsafe import Markup
from pyoxigraph import Literal, NamedNode

from kb.ns import EDTF, GEO, MZ_BASE, XSD
from web.address import is_external, page_of
from web.dating import spell, spell_timestamp
from web.language import Language, marked
from web.reading import Node, Reader, Term, Text, shorten

_GIST = ("mz:mappingStatus", "mz:invokes", "mz:invokesNorm", "mz:allegedActor", "mz:confidence", "mz:position",
         "mz:conflictType", "mz:harm", "mz:victimCategory", "mz:victimAge", "mz:victimSex")  # fmt: skip
_NUMBERS = (XSD.integer, XSD.decimal)
_MOMENTS = (XSD.dateTime, XSD.date)
TERMS = {  # what properties of other vocabularies are called here
    "dcterms:accessRights": marked("Access"),
    "dcterms:bibliographicCitation": marked("Citation"),
    "dcterms:description": marked("Description"),
    "dcterms:format": marked("Format"),
    "dcterms:identifier": marked("Identifier"),
    "dcterms:issued": marked("Issued"),
    "dcterms:license": marked("Licence"),
    "dcterms:publisher": marked("Publisher"),
    "dcterms:source": marked("Source"),
    "dcterms:title": marked("Title"),
    "dcterms:created": marked("Created"),
    "dcterms:modified": marked("Modified"),
    "cito:disputes": marked("Disputes"),
    "eli:amends": marked("Amends"),
    "eli:cites": marked("Cites"),
    "eli:date_document": marked("Adopted on"),
    "eli:is_part_of": marked("Part of"),
    "eli:number": marked("Number"),
    "eli:passed_by": marked("Adopted by"),
    "foaf:homepage": marked("Website"),
    "foaf:page": marked("Page elsewhere"),
    "geo:asWKT": marked("Coordinates"),
    "geo:hasGeometry": marked("Geometry"),
    "geo:sfWithin": marked("Within"),
    "oa:end": marked("End position"),
    "oa:hasSelector": marked("Selector"),
    "oa:hasSource": marked("Source"),
    "oa:start": marked("Start position"),
    "org:classification": marked("Kind"),
    "org:subOrganizationOf": marked("Part of"),
    "owl:versionIRI": marked("Version"),
    "prov:startedAtTime": marked("Time of import"),
    "prov:wasAttributedTo": marked("Attributed to"),
    "prov:wasDerivedFrom": marked("Derived from"),
    "prov:wasGeneratedBy": marked("Written by"),
    "rdf:type": marked("Class"),
    "rdfs:domain": marked("Used on"),
    "rdfs:isDefinedBy": marked("Defined in"),
    "rdfs:range": marked("Takes"),
    "rdfs:seeAlso": marked("See also"),
    "rdfs:subClassOf": marked("Kind of"),
    "rdfs:subPropertyOf": marked("Kind of"),
    "sem:hasEarliestBeginTimeStamp": marked("Not before"),
    "sem:hasLatestEndTimeStamp": marked("Not after"),
    "sh:class": marked("Class of the value"),
    "sh:closed": marked("No other properties"),
    "sh:datatype": marked("Datatype"),
    "sh:ignoredProperties": marked("Properties let through besides"),
    "sh:in": marked("One of"),
    "sh:maxCount": marked("Values at most"),
    "sh:minCount": marked("Values at least"),
    "sh:nodeKind": marked("Kind of node"),
    "sh:path": marked("Property"),
    "sh:pattern": marked("Pattern"),
    "sh:property": marked("Its properties"),
    "sh:severity": marked("Severity"),
    "sh:targetClass": marked("Checks the class"),
    "sh:targetObjectsOf": marked("Checks what this leads to"),
    "sh:targetSubjectsOf": marked("Checks what has"),
    "skos:altLabel": marked("Also called"),
    "skos:broader": marked("Broader"),
    "skos:closeMatch": marked("Close to"),
    "skos:definition": marked("Definition"),
    "skos:exactMatch": marked("Same as"),
    "skos:example": marked("Example"),
    "skos:notation": marked("Code"),
    "skos:prefLabel": marked("Name"),
    "skos:scopeNote": marked("Note"),
    "spdx:algorithm": marked("Algorithm"),
    "spdx:checksum": marked("Checksum"),
    "spdx:checksumValue": marked("Checksum value"),
}
KINDS = {  # singular and plural of each kind of record
    "incident": (marked("Incident"), marked("Incidents")),
    "provision": (marked("Provision"), marked("Provisions")),
    "instrument": (marked("Legal instrument"), marked("Legal instruments")),
    "actor": (marked("Actor"), marked("Actors")),
    "source": (marked("Source"), marked("Sources")),
    "dataset": (marked("Dataset"), marked("Datasets")),
    "place": (marked("Place"), marked("Places")),
    "series": (marked("Series"), marked("Series of incidents")),
    "conflict": (marked("Conflict"), marked("Conflicts")),
    "scheme": (marked("List of terms"), marked("Lists of terms")),
    "ontology": (marked("Vocabulary"), marked("Vocabulary")),
    "import": (marked("Import"), marked("Imports")),
}


class Show:
    """Terms of one snapshot as HTML in one language."""

    def __init__(self, reader: Reader) -> None:
        self.reader = reader
        self.language: Language = reader.language
        self._anchors: set[str] = set()

    def __call__(self, term: Term) -> Markup:
        """Any term: a link for what can be followed, words for dates, numbers and coordinates."""
        if isinstance(term, NamedNode):
            return self.link(term.value)
        if term.datatype == EDTF.EDTF:
            return self.date(term.value)
        if term.datatype in _MOMENTS:
            return self.moment(term.value)
        if term.datatype in _NUMBERS:
            return self.number(term.value)
        if term.datatype == GEO.wktLiteral:
            return self.coordinates(term.value)
        if term.datatype == XSD.anyURI:
            return self.outside(term.value)
        return Markup("{}").format(Text(term.value, term.language or "", self.language))

    def values(self, node: Node, name: str) -> list[Markup]:
        """All values of a property that a reader of this language should see."""
        terms = node.terms(name)
        tagged = [t for t in terms if isinstance(t, Literal) and t.language]
        plain = [t for t in terms if not (isinstance(t, Literal) and t.language)]
        return [Markup("{}").format(t) for t in node.localised(tagged)] + [self(t) for t in plain]

    def link(self, iri: str, words: Text | Markup | str | None = None) -> Markup:
        """A thing of ours as a link to its page under its label; anything else as `outside` shows it."""
        address = page_of(iri, self.language.code)
        if address is None:
            return self.outside(iri)
        text = words if words is not None else self._name(iri)
        return Markup('<a href="{}"><bdi>{}</bdi></a>').format(address, text)

    def _name(self, iri: str) -> Text | Markup:
        """The label of a thing; a claim has none and is named by what it is, by whom, and whom or what it names."""
        label = self.reader.label(iri)
        if label.language or "#" not in iri:
            return label
        node = self.reader.peek(iri)
        if not node.has("mz:claimant"):
            return label
        names = [self._head(node)] + [Markup("{}").format(self.reader.label(i)) for i in node.iris("mz:allegedActor")]
        return Markup(" → ").join(names) if self.language.code == "en" else Markup(" ← ").join(names)

    def _head(self, claim: Node) -> Markup:
        kind = next((t for t in claim.types if t.startswith("mz:")), "mz:Claim")
        who, what = self.reader.label(claim.iri_value("mz:claimant")), self.reader.label(MZ_BASE + kind[3:])
        return Markup("{}: {}").format(who, what)

    def address(self, iri: str) -> str:
        """The address of the page of one of our nodes; `#` for any other, which leads nowhere."""
        return page_of(iri, self.language.code) or "#"

    def outside(self, iri: str) -> Markup:
        """A foreign IRI: a link where it is http or https, otherwise (javascript:, data:) only its text."""
        short = shorten(iri)
        if not is_external(iri):
            return Markup('<bdi dir="ltr" class="code">{}</bdi>').format(short)
        return Markup('<a href="{}" rel="noopener noreferrer external" dir="ltr" class="outside">{}</a>').format(
            iri, short
        )

    def property_name(self, name: str) -> Markup:
        """A property by its label, linked to its definition where it is a term of ours."""
        if name.startswith("mz:"):
            iri = MZ_BASE + name[3:]
            label = self.reader.label(iri)
            return Markup("{}").format(Text(_capital(label.value), label.language, self.language))
        if name in TERMS:
            return Markup("{}").format(self.language.gettext(TERMS[name]))
        return Markup('<bdi dir="ltr" class="code">{}</bdi>').format(name)

    def kind(self, name: str, plural: bool = False) -> str:
        """The word for a kind of record."""
        words = KINDS.get(name)
        return self.language.gettext(words[plural]) if words else name

    def date(self, edtf: str) -> Markup:
        """An EDTF date in words, the expression itself in the title."""
        return Markup('<time title="EDTF {}"><bdi>{}</bdi></time>').format(edtf, spell(edtf, self.language))

    def moment(self, text: str) -> Markup:
        """A timestamp in words, machine-readable beside it."""
        words = spell_timestamp(text, self.language)
        return Markup('<time datetime="{}"><bdi>{}</bdi></time>').format(text, words)

    def day(self, text: str) -> Markup:
        """The day of a timestamp, without the time."""
        try:
            words = self.language.day(datetime.fromisoformat(text).date())
        except ValueError:
            words = text
        return Markup('<time datetime="{}"><bdi>{}</bdi></time>').format(text, words)

    def span(self, text: str) -> Markup:
        """A bound of time with its hour and offset, midnight included."""
        try:
            words = self.language.moment(datetime.fromisoformat(text), midnight=True)
        except ValueError:
            words = text
        return Markup('<time datetime="{}"><bdi>{}</bdi></time>').format(text, words)

    def instant(self, seconds: float) -> Markup:
        """A moment given as seconds since 1970, with its hour in UTC."""
        return self.span(datetime.fromtimestamp(seconds, UTC).isoformat())

    def number(self, text: str | int) -> Markup:
        """A number with this language's grouping."""
        try:
            return Markup("<bdi>{}</bdi>").format(self.language.number(float(text) if "." in str(text) else int(text)))
        except ValueError:
            return Markup("<bdi>{}</bdi>").format(text)

    def coordinates(self, wkt: str) -> Markup:
        """A WKT point as latitude and longitude; other shapes as they are."""
        inner = wkt.removeprefix("POINT(").removesuffix(")").split()
        text = f"{inner[1]}° N, {inner[0]}° E" if wkt.startswith("POINT(") and len(inner) == 2 else wkt
        return Markup('<bdi dir="ltr" class="code" title="{}">{}</bdi>').format(wkt, text)

    def anchor(self, node: Node, main: Node) -> Markup:
        """The `id` attribute of a node of the page's own record, once a page: a second one would not be valid."""
        name = node.fragment
        if not name or node.record != main.record or name in self._anchors:
            return Markup("")
        self._anchors.add(name)
        return Markup(' id="{}"').format(name)

    def within(self, place: str) -> list[Markup]:
        """A place of the gazetteer and those around it, inner to outer."""
        return [self.link(iri) for iri in self.reader.around(place)]

    def english(self, text: str) -> Text:
        """A text that stands in the software in English only."""
        return Text(text, "en", self.language)

    def labels(self, node: Node, *names: str) -> list[Markup]:
        """The names of what some properties lead to, as words without links."""
        return [Markup("{}").format(self.reader.label(iri)) for name in names for iri in node.iris(name)]

    def names(self, iris: Iterable[str]) -> Markup:
        """Links to several things, with the comma of this language between them."""
        return self.joined([self.link(iri) for iri in iris])

    def summary(self, claim: Node) -> Markup:
        """A claim in one line, linked to where it stands: what it is, by whom, and what it says in short."""
        said = self._gist(claim)
        link = self.link(claim.iri, self._head(claim))
        return link + Markup(" – {}").format(said) if said else link

    def _gist(self, claim: Node) -> Markup | Text | None:
        labels = [self.reader.label(i) for name in _GIST for i in claim.iris(name)]
        numbers = sorted({n for n in (claim.integer("mz:minimum"), claim.integer("mz:maximum")) if n is not None})
        parts = [Markup("{}").format(text) for text in labels]
        if numbers:
            parts.append(Markup("–").join(self.number(n) for n in numbers))
        return self.joined(parts) if parts else claim.text("mz:action") or claim.text("dcterms:description")

    def joined(self, parts: Iterable[Markup]) -> Markup:
        """Parts with the list comma of this language between them."""
        return Markup(self.comma).join(parts)

    @property
    def comma(self) -> str:
        """The comma of this language with a space after it."""
        return "، " if self.language.code == "ar" else ", "


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
