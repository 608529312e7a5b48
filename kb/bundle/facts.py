"""Triples as a reader meets them: values of a node in a stable order, and labels in the language of the page."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

from pyoxigraph import Literal, NamedNode, Triple

from kb import document, vocabulary
from kb.ns import DCTERMS, MZ_BASE, PREFIXES, RDF, SKOS, Vocabulary

LANGUAGES = ("en", "ar")
M = Vocabulary(
    MZ_BASE,
    "about addressee addressedTo againstActor action allegedActor adoptedOn basedOn basedOnNorm basis best "
    "bindingReason bindingStatus byteSize "
    "caution claimDate claimant confidence conflict conflictType credibility date dateNote datePrecision "
    "degreeOfInvolvement evidenceGrade expressesNorm followUp harm inDataset inForceFrom inForceUntil instrumentKind "
    "invokedAs invokes invokesNorm jointWith mappingStatus maximum method minimum objectHit ofInstrument "
    "officialSource operativeVerb order partOfConflict partyToConflict place placePrecision position rationale "
    "reference reportedAdmin1 reportedAdmin2 reportedAs reportedObject reportedPlacePrecision reportedTime "
    "reportedWeapon restsOn sameEventAs side sourceCode sourceGrade sourceKind standardOfProof subsetOf summary tag "
    "validFrom validUntil verification verificationBasis victimAge victimCategory victimSex weapon withinPlace "
    "Attribution CasualtyEstimate EditorialNote LegalMapping LegalInstrument Offence PartyResponse Provision "
    "Incident WarringParty",
)
D = Vocabulary(DCTERMS.base, "description format identifier issued license publisher source isPartOf")
P = Vocabulary(PREFIXES["prov"], "wasAttributedTo wasDerivedFrom wasGeneratedBy generatedAtTime Entity")
E = Vocabulary(PREFIXES["eli"], "is_part_of number date_document")
G = Vocabulary(PREFIXES["geo"], "asWKT hasGeometry sfWithin")
S = Vocabulary(PREFIXES["sem"], "hasEarliestBeginTimeStamp hasLatestEndTimeStamp")
F = Vocabulary(PREFIXES["foaf"], "page homepage")
O = Vocabulary(PREFIXES["oa"], "hasSource hasSelector start end SpecificResource")  # noqa: E741 the prefix's letter
C = Vocabulary(PREFIXES["cito"], "disputes")
H = Vocabulary(PREFIXES["spdx"], "Checksum algorithm checksum checksumValue checksumAlgorithm_sha256")
Term = NamedNode | Literal

_HIDDEN = {c: f"[U+{c:04X}]" for c in (*range(0x202A, 0x202F), *range(0x2066, 0x206A), 0xFEFF, 0x2028, 0x2029)}
_HIDDEN |= {c: f"[U+{c:04X}]" for c in (*range(0x00, 0x20), *range(0x7F, 0xA0)) if c not in (0x09, 0x0A)}


@dataclass(frozen=True, slots=True)
class Text:
    """Words with their language tag, `""` when they have none."""

    value: str
    language: str = ""

    def __str__(self) -> str:
        return self.value


def visible(text: str) -> str:
    """`text` with control and bidi-override characters spelt out, so that what is read is what is there."""
    return text.translate(_HIDDEN)


def _rank(term: Term) -> tuple[str, str]:
    return (term.language or "" if isinstance(term, Literal) else "", term.value)


class Facts:
    """An index over triples. Unknown nodes and properties have no values; nothing here raises."""

    def __init__(self, triples: Iterable[Triple], under: Facts | None = None) -> None:
        self._nodes: dict[str, dict[str, list[Term]]] = {}
        self._under = under
        for triple in triples:
            subject, predicate, value = triple.subject, triple.predicate, triple.object
            assert isinstance(subject, NamedNode)
            assert isinstance(value, NamedNode | Literal)
            self._nodes.setdefault(subject.value, {}).setdefault(predicate.value, []).append(value)
        for properties in self._nodes.values():
            for values in properties.values():
                values.sort(key=_rank)

    def nodes(self, prefix: str = "") -> list[str]:
        """The described nodes whose IRI starts with `prefix`, sorted; without those of the facts underneath."""
        return sorted(n for n in self._nodes if n.startswith(prefix))

    def knows(self, node: str) -> bool:
        """Whether anything is said about the node."""
        return node in self._nodes or (self._under is not None and self._under.knows(node))

    def values(self, node: str, predicate: NamedNode) -> list[Term]:
        """The values of a property, by language, then by spelling."""
        own = self._nodes.get(node, {}).get(predicate.value)
        if own is None and self._under is not None:
            return self._under.values(node, predicate)
        return own or []

    def links(self, node: str, predicate: NamedNode) -> list[str]:
        """The IRIs among the values of a property."""
        return [v.value for v in self.values(node, predicate) if isinstance(v, NamedNode)]

    def first(self, node: str, predicate: NamedNode) -> str:
        """The first value as a string, `""` without one."""
        return next((v.value for v in self.values(node, predicate)), "")

    def texts(self, node: str, predicate: NamedNode, language: str) -> list[Text]:
        """The literals of a property for a reader of `language`.

        Those in that language and those without one; if there are none, those of any other language.
        """
        found = [Text(v.value, v.language or "") for v in self.values(node, predicate) if isinstance(v, Literal)]
        return [t for t in found if t.language in (language, "")] or found

    def label(self, node: str, language: str) -> Text:
        """The preferred label in `language`, else in another one, else the last part of the IRI."""
        found = [Text(v.value, v.language or "") for v in self.values(node, SKOS.prefLabel) if isinstance(v, Literal)]
        fitting = [t for t in found if t.language == language]
        return next(iter(fitting or found), Text(node.rpartition("#")[2].rpartition("/")[2]))

    def kind(self, node: str) -> str:
        """The class of a node; for an offence, which is a provision too, the narrower one."""
        types = self.links(node, RDF.type)
        return M.Offence.value if M.Offence.value in types else next(iter(types), "")

    def claims(self, about: str) -> list[str]:
        """The claims about a thing, sorted."""
        return [n for n in self.nodes() if about in self.links(n, M.about) and self.values(n, M.claimant)]


@lru_cache(maxsize=1)
def terms() -> Facts:
    """The shipped ontology and schemes: where labels and definitions of properties and concepts come from."""
    return Facts(triple for path in vocabulary.term_files() for triple in document.read(path))
