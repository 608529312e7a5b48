"""The namespaces that the code names, closed: a misspelt term fails at once."""

from __future__ import annotations

from pyoxigraph import NamedNode

MZ_BASE = "https://w3id.org/mizan/ontology#"
ID = "https://w3id.org/mizan/id/"
SCHEME = "https://w3id.org/mizan/scheme/"
SHAPE = "https://w3id.org/mizan/shape/"
ONTOLOGY = "https://w3id.org/mizan/ontology"
ACCESS = "http://publications.europa.eu/resource/authority/access-right/"


class Vocabulary:
    """A closed namespace: attributes are its terms as NamedNodes; anything else raises AttributeError."""

    def __init__(self, base: str, terms: str) -> None:
        self.base = base
        self.terms = frozenset(terms.split())
        self._nodes = {name: NamedNode(base + name) for name in self.terms}

    def __getattr__(self, name: str) -> NamedNode:
        try:
            return self._nodes[name]
        except KeyError:
            raise AttributeError(f"{self.base} has no term {name!r} here") from None

    def __getitem__(self, name: str) -> NamedNode:
        return self.__getattr__(name)


MZ = Vocabulary(
    MZ_BASE,
    "Record Import Incident IncidentSeries Provision LegalInstrument Actor Source EvidenceItem Dataset Place "
    "adminLevel inRecord describes revision recordDigest ledgerSegment accessTier PCode inDataset claimant about "
    "restsOn mapping sourceFile Scope Participation ConflictClassification Profile Element Offence ElementAssessment "
    "scopeOf from until coversConflict coversConduct coversObject coversPerson coversHarm coversAge coversWeapon binds "
    "bindsActor territory excludesActor hasPrecondition requiresPartyTerritory territoryOf ofInstrument unspecific "
    "participationForm inForceForStateFrom ceasedOn participant conflictType validFrom validUntil withinPlace method "
    "objectHit weapon victimCategory harm victimAge allegedActor areaControlledBy establishes confidence side "
    "hasProfile profileFacts applicable undetermined notApplicable refersTo refersSituationIn vetoedBy"
    " hasElement elementOf elementNumber elementKind indicatedBy evidenceNeeded assesses assessmentValue fitsDegree"
    " degreeOfInvolvement offence minimum best maximum verification verificationBasis invokes officialSource"
    " topic instrumentKind invokesNorm expressesNorm LegalMapping EditorialNote"
    " recognisedBy recognisedWith factKind evidenceKind groups query madeFromSnapshot supportedBy contradictedBy"
    " standardOfProof assessedOn rationale ModeOfLiability Precondition"
    " Pattern Attribution CasualtyEstimate subsetOf victimSex position"
    " crimeLabel date caution summary"
    " place partOfConflict evidenceGrade mappingStatus WarringParty"
    " EventIdentity sameEventAs differentEventFrom matchScore modelDigest placePrecision basis jointWith dateNote"
    "",
)
RDF = Vocabulary("http://www.w3.org/1999/02/22-rdf-syntax-ns#", "type")
RDFS = Vocabulary("http://www.w3.org/2000/01/rdf-schema#", "subClassOf isDefinedBy seeAlso")
SKOS = Vocabulary(
    "http://www.w3.org/2004/02/skos/core#",
    "Concept ConceptScheme prefLabel altLabel definition scopeNote notation inScheme broader",
)
DCTERMS = Vocabulary(
    "http://purl.org/dc/terms/", "title accessRights identifier description license publisher source issued"
)
PROV = Vocabulary(
    "http://www.w3.org/ns/prov#",
    "wasGeneratedBy wasAttributedTo wasDerivedFrom wasRevisionOf startedAtTime hadPrimarySource "
    "specializationOf invalidatedAtTime wasAssociatedWith Entity",
)
SEM = Vocabulary(
    "http://semanticweb.cs.vu.nl/2009/11/sem/", "hasEarliestBeginTimeStamp hasLatestEndTimeStamp"
)
GEO = Vocabulary(
    "http://www.opengis.net/ont/geosparql#", "Geometry Feature asWKT hasGeometry sfWithin wktLiteral"
)
XSD = Vocabulary(
    "http://www.w3.org/2001/XMLSchema#", "string integer decimal dateTime date boolean anyURI hexBinary"
)
ORG = Vocabulary("http://www.w3.org/ns/org#", "classification subOrganizationOf Organization")
CITO = Vocabulary("http://purl.org/spar/cito/", "confirms disputes")
EDTF = Vocabulary("http://id.loc.gov/datatypes/edtf/", "EDTF")
ELI = Vocabulary("http://data.europa.eu/eli/ontology#", "is_part_of number")
OA = Vocabulary("http://www.w3.org/ns/oa#", "hasSource")
SPDX = Vocabulary("http://spdx.org/rdf/terms#", "checksum checksumValue algorithm Checksum")

PREFIXES = {
    "mz": MZ_BASE,
    "id": ID,
    "rdf": RDF.base,
    "rdfs": RDFS.base,
    "skos": SKOS.base,
    "dcterms": DCTERMS.base,
    "prov": PROV.base,
    "sem": SEM.base,
    "geo": GEO.base,
    "xsd": XSD.base,
    "edtf": EDTF.base,
    "spdx": SPDX.base,
    "dcat": "http://www.w3.org/ns/dcat#",
    "eli": "http://data.europa.eu/eli/ontology#",
    "cito": "http://purl.org/spar/cito/",
    "org": "http://www.w3.org/ns/org#",
    "oa": OA.base,
    "foaf": "http://xmlns.com/foaf/0.1/",
    "owl": "http://www.w3.org/2002/07/owl#",
    "sh": "http://www.w3.org/ns/shacl#",
    "scheme": SCHEME,
}
