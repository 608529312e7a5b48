"""Facets over the curated case and UCDP: every count against SPARQL, both scripts, ranges, bins, and pages."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from datetime import date
from pathlib import Path

import pytest
import tantivy
from pyoxigraph import Literal, NamedNode, Triple

import kb.search.document
from kb.canonical import Nodes, literal, plain
from kb.errors import StoreDamaged, UsageError
from kb.ingest import mapping, tabular
from kb.ingest.known import finder
from kb.knowledgebase import KnowledgeBase
from kb.ns import DCTERMS, GEO, ID, MZ, PROV, RDF, SCHEME, SEM, SKOS
from kb.query import saved
from kb.record import Record
from kb.search import FACETS, Box, Filters, Listing, SearchIndex
from kb.search.listing import SORTS
from kb.store.base import Limits
from kb.store.local import LocalStore

PREFIXES = """PREFIX mz: <https://w3id.org/mizan/ontology#>
PREFIX skos: <http://www.w3.org/2004/02/skos/core#>
PREFIX geo: <http://www.opengis.net/ont/geosparql#>
PREFIX prov: <http://www.w3.org/ns/prov#>
PREFIX org: <http://www.w3.org/ns/org#>
PREFIX eli: <http://data.europa.eu/eli/ontology#>
PREFIX sem: <http://semanticweb.cs.vu.nl/2009/11/sem/>
"""
CLAIM = "?c mz:about ?i ; mz:claimant ?who . "
SOME = (
    "OPTIONAL { ?c mz:minimum ?low } OPTIONAL { ?c mz:best ?best } OPTIONAL { ?c mz:maximum ?high } "
    "FILTER (!(BOUND(?low) || BOUND(?best) || BOUND(?high)) "
    "|| COALESCE(?low, 0) > 0 || COALESCE(?best, 0) > 0 || COALESCE(?high, 0) > 0) "
)
SAID = "{{ ?i mz:{0}/skos:broader* ?v }} UNION {{ {1} ?c mz:{0}/skos:broader* ?v }}"
MAPPED = CLAIM + "?c mz:mappingStatus ?s ; mz:invokes "
PATTERNS = {
    "place": "?i mz:place/geo:sfWithin+ ?v",
    "object": SAID.format("objectHit", CLAIM),
    "method": SAID.format("method", CLAIM),
    "weapon": SAID.format("weapon", CLAIM),
    "actor": CLAIM + "?c a mz:Attribution ; mz:allegedActor/org:subOrganizationOf* ?v",
    "party": CLAIM + "?c a mz:WarringParty ; mz:allegedActor/org:subOrganizationOf* ?v",
    "confidence": CLAIM + "?c a mz:Attribution ; mz:confidence ?v",
    "position": CLAIM + "?c mz:position ?v",
    "harm": CLAIM + SOME + "?c mz:harm/skos:broader* ?v",
    "victim": CLAIM + SOME + "?c mz:harm ?h ; mz:victimCategory/skos:broader* ?v",
    "instrument": MAPPED + "?p . OPTIONAL { ?p mz:ofInstrument ?of } BIND (COALESCE(?of, ?p) AS ?v)",
    "provision": CLAIM + "?c mz:mappingStatus ?s ; mz:invokes/eli:is_part_of* ?v . "
    "FILTER (CONTAINS(STR(?v), '/id/provision/'))",
    "status": MAPPED + "?p . BIND (?s AS ?v)",
    "grade": "?i mz:evidenceGrade ?v",
    "dataset": "?i mz:inDataset ?v",
    "conflict": "?i mz:partOfConflict ?v",
}
ALEPPO = "?i mz:place/geo:sfWithin+ <https://w3id.org/mizan/id/place/SY02> . "


@pytest.fixture(scope="module")
def store(demo: KnowledgeBase, shared: Path) -> LocalStore:
    """The demonstration and the rows of UCDP in one store, as the writer would have it before it indexes."""
    plan, at = mapping.load("ucdp-ged"), demo.snapshot()
    rows = tabular.read(shared / "data" / "ucdp-ged-syria-2016.csv", plan, finder(at.store)).records
    made = LocalStore.in_memory()
    homes = [t.object.value for t in at.store.triples(MZ.describes) if isinstance(t.object, NamedNode)]
    kept = {iri: at.record(iri) for iri in homes} | {r.iri: list(r.triples) for r in [*plan.reference, *rows]}
    for iri, triples in kept.items():
        made.add([*triples, Triple(NamedNode(iri + "#record"), MZ.describes, NamedNode(iri))])
    return made


@pytest.fixture(scope="module")
def listing(store: LocalStore, tmp_path_factory: pytest.TempPathFactory) -> Listing:
    index = SearchIndex(tmp_path_factory.mktemp("facets") / "search", store)
    homes = [t.object.value for t in store.triples(MZ.describes) if isinstance(t.object, NamedNode)]
    index.update(((iri, plain(store.record(iri))) for iri in sorted(homes)), 1)
    return Listing(index)


def ask(store: LocalStore, query: str) -> list[dict[str, str]]:
    answer = store.ask(PREFIXES + query, "SELECT", "json", Limits(rows=10**6))
    return [{k: v["value"] for k, v in row.items()} for row in json.loads(answer.body)["results"]["bindings"]]


def by_sparql(store: LocalStore, pattern: str, where: str = "") -> dict[str, int]:
    rows = ask(
        store, f"SELECT ?v (COUNT(DISTINCT ?i) AS ?n) WHERE {{ ?i a mz:Incident . {where} {pattern} }} GROUP BY ?v"
    )
    return {row["v"]: int(row["n"]) for row in rows if "v" in row}


@pytest.mark.parametrize("name", sorted(PATTERNS))
def test_facet_counts_are_those_of_sparql(store: LocalStore, listing: Listing, name: str) -> None:
    facet = FACETS[name]
    for filters, where in ((Filters(), ""), (Filters(facets={"place": ("SY02",)}), ALEPPO)):
        if name == "place" and where:
            continue  # a facet is counted without its own choice
        counted = dict(listing.counts(filters, [name])[name])
        plain = {facet.iri(code): n for code, n in counted.items() if not facet.parted(code)[1]}
        assert plain == by_sparql(store, PATTERNS[name], where)
        assert plain or where or name in ("position",)


@pytest.mark.parametrize("name", ["instrument", "provision"])
def test_facets_of_law_are_counted_for_each_status(store: LocalStore, listing: Listing, name: str) -> None:
    counted = {c: n for c, n in listing.counts(Filters(), [name])[name] if FACETS[name].parted(c)[1]}
    assert counted
    for code, number in counted.items():
        value, status = FACETS[name].parted(code)
        where = f"FILTER (?v = <{FACETS[name].iri(value)}> && ?s = <{SCHEME}mapping-status#{status}>)"
        assert by_sparql(store, PATTERNS[name] + " . " + where) == {FACETS[name].iri(value): number}


def steps(numbers: Iterable[int]) -> dict[str, int]:
    return dict(Counter("3-5" if 3 <= n < 6 else "6-9" if 6 <= n < 10 else str(n) if n < 3 else "10-" for n in numbers))


def saved_rows(store: LocalStore, name: str) -> list[dict[str, str]]:
    """The rows of a report question about every dataset."""
    question, rows = saved.load("report", name), []
    for dataset in ask(store, "SELECT DISTINCT ?d WHERE { ?i mz:inDataset ?d }"):
        text = question.bind({"dataset": dataset["d"]})
        answer = store.ask(text, "SELECT", "json", Limits(rows=10**6))
        rows += [{k: v["value"] for k, v in row.items()} for row in json.loads(answer.body)["results"]["bindings"]]
    return rows


def test_numbers_of_claims_are_those_of_sparql(store: LocalStore, listing: Listing) -> None:
    query = f"SELECT ?i (COUNT(DISTINCT ?c) AS ?n) WHERE {{ ?i a mz:Incident . OPTIONAL {{ {CLAIM} }} }} GROUP BY ?i"
    expected = steps(int(row["n"]) for row in ask(store, query))
    assert dict(listing.counts(Filters(), ["claims"])["claims"]) == expected


def test_numbers_of_independent_sources_are_those_of_the_saved_question(store: LocalStore, listing: Listing) -> None:
    rows = saved_rows(store, "incidents_by_independent_sources")
    assert any(row["cited_sources"] != row["independent_sources"] for row in rows)
    expected = steps(int(row["independent_sources"]) for row in rows)
    assert dict(listing.counts(Filters(), ["sources"])["sources"]) == expected


@pytest.mark.parametrize(
    ("code", "name"),
    [
        ("figures", "casualty_ranges_that_disagree"),
        ("actors", "attributions_to_different_actors"),
        ("dates", "incidents_dates_disagree"),
    ],
)
def test_differences_are_those_of_the_saved_questions(
    store: LocalStore, listing: Listing, code: str, name: str
) -> None:
    expected = {row["incident"] for row in saved_rows(store, name)}
    found = listing.page(Filters(facets={"differ": (code,)}), limit=100).items
    assert {hit.iri for hit in found} == expected
    assert 0 < len(expected) < 100


def test_incidents_are_found_by_a_source_and_by_what_it_goes_back_to(store: LocalStore, listing: Listing) -> None:
    derived = ask(store, "SELECT DISTINCT ?s ?o WHERE { ?c mz:restsOn ?s ; mz:about ?i . ?s prov:wasDerivedFrom ?o }")
    assert derived
    for row in derived:
        codes = [FACETS["source"].code(row[name]) for name in ("s", "o")]
        own, origin = (listing.total(Filters(facets={"source": (code,)})) for code in codes)
        assert 0 < own <= origin


def test_values_of_one_facet_are_alternatives_and_facets_narrow_each_other(store: LocalStore, listing: Listing) -> None:
    chosen = Filters(facets={"object": ("hospital", "school"), "place": ("SY02",)})
    either = f"?o IN (<{SCHEME}object-hit#hospital>, <{SCHEME}object-hit#school>)"
    pattern = f"{ALEPPO} {SAID.format('objectHit', CLAIM).replace('?v', '?o')} FILTER ({either}) BIND (1 AS ?v)"
    assert {"1": listing.total(chosen)} == by_sparql(store, pattern)
    counts = listing.counts(chosen, ["object", "place"])
    assert counts["object"] == listing.counts(chosen.without("object"), ["object"])["object"]
    assert dict(counts["place"])["SY02"] == listing.total(chosen)
    assert len(counts["place"]) > 1, "other places can be ticked beside"


def test_days_and_numbers_and_boxes_narrow(store: LocalStore, listing: Listing) -> None:
    def number(pattern: str) -> int:
        return by_sparql(store, pattern + " BIND (1 AS ?v)").get("1", 0)

    first, last = "?i sem:hasEarliestBeginTimeStamp ?b . ", "?i sem:hasLatestEndTimeStamp ?e . "
    inside = 'FILTER (SUBSTR(STR(?e), 1, 10) >= "2016-02-27" && SUBSTR(STR(?b), 1, 10) <= "2016-03-05")'
    assert listing.total(Filters(since=date(2016, 2, 27), until=date(2016, 3, 5))) == number(first + last + inside) > 0
    killed = CLAIM + "?c mz:harm <https://w3id.org/mizan/scheme/harm#killed> . FILTER NOT EXISTS { ?c mz:subsetOf ?o } "
    low = "OPTIONAL { ?c mz:minimum ?l } OPTIONAL { ?c mz:best ?m } OPTIONAL { ?c mz:maximum ?h } "
    for bounds in ((50, None), (10, 12), (None, 0)):
        pairs = zip((">=", "<="), bounds, strict=True)
        limits = [f"COALESCE(?l, ?m, ?h) {sign} {n}" for sign, n in pairs if n is not None]
        pattern = f"{killed} {low} FILTER ({' && '.join(limits)})"
        assert listing.total(Filters(killed=bounds)) == number(pattern), bounds
    box, points = Box(36.0, 36.9, 36.4, 37.4), 0
    for row in ask(store, "SELECT ?w WHERE { ?i a mz:Incident ; mz:place/geo:hasGeometry/geo:asWKT ?w }"):
        east, north = map(float, row["w"].removeprefix("POINT(").removesuffix(")").split())
        points += box.south <= north <= box.north and box.west <= east <= box.east
    assert listing.total(Filters(box=box)) == points > 100


def test_bins_hold_every_incident_once(listing: Listing) -> None:
    total = listing.total(Filters())
    for unit in ("day", "week", "month", "year"):
        bins = listing.time(Filters(), unit)
        assert sum(n for _, n in bins) == total and bins == sorted(bins)
        assert unit != "week" or all(start.weekday() == 0 for start, _ in bins)
    assert [start.year for start, _ in listing.time(Filters(), "year")] == [2015, 2016]
    for zoom in (0, 5, 8, 16, 99):
        cells = listing.map(Filters(), zoom)
        assert sum(cell.incidents for cell in cells) == total
    for cell in listing.map(Filters(), 6)[:5]:
        assert listing.total(Filters(box=cell.box)) >= cell.incidents
    assert listing.time(Filters(text="no such word"), "day") == listing.map(Filters(text="no such word")) == []


ALIKE = [
    ("مستشفى القدس", "مُسْتَشْفَى القُدْس", "مستشفي القدس", "مستشفـــى قدس", "المستشفى القدس"),
    ("مدرسة", "المدرسة", "مدرسه", "بالمدرسة", "والمدرسة"),
    ("إدلب", "ادلب", "أدلب", "إِدلِـب"),
    ("27 نيسان 2016", "٢٧ نيسان ٢٠١٦", "۲۷ نيسان ۲۰۱۶"),
    ("Deir ez-Zor", "deir EZ ZOR", "Deir al-Zor", "Deir ez\u2010Zor"),
    ("al-Quds hospital", "Al Quds Hospital", "quds hospital", "AL-QUDS hospital"),
]


@pytest.mark.parametrize("texts", ALIKE, ids=lambda texts: ascii(texts[0]))
def test_what_is_spelt_in_other_ways_is_the_same_search(listing: Listing, texts: tuple[str, ...]) -> None:
    found = [listing.page(Filters(text=text), limit=100) for text in texts]
    assert found[0].total and [page.items for page in found] == [found[0].items] * len(found)
    assert len({page.total for page in found}) == 1


def test_names_written_in_one_are_found(listing: Listing) -> None:
    assert listing.total(Filters(text="Deir ezzor")) > 250
    assert listing.total(Filters(text="maarat alnuman")) > 0


def test_names_of_the_gazetteer_find_what_lies_there(listing: Listing) -> None:
    aleppo = listing.total(Filters(facets={"place": ("SY02",)}))
    assert listing.total(Filters(text="محافظة حلب")) >= aleppo > 1000, "rows of UCDP have no Arabic of their own"
    assert listing.total(Filters(text="حلب", facets={"dataset": ("ucdp-ged",)})) > 1000


# pages


def incident(number: int, when: str = "2016-02-27T00:00:00+02:00") -> tuple[str, list[Triple]]:
    iri = f"{ID}incident/test/{number:04d}"
    node = NamedNode(iri)
    return iri, [
        Triple(node, RDF.type, MZ.Incident), Triple(node, MZ.inRecord, node),
        Triple(node, SKOS.prefLabel, literal("the same title", language="en")),
        Triple(node, SEM.hasEarliestBeginTimeStamp, literal(when)),
    ]  # fmt: skip


def said(*records: tuple[str, list[Triple]]) -> list[tuple[str, Nodes]]:
    """Records as the index takes them."""
    return [(iri, plain(triples)) for iri, triples in records]


def walk(listing: Listing, sort: str, limit: int, filters: Filters) -> Iterator[tuple[str, ...]]:
    after = ""
    while True:
        page = listing.page(filters, sort, limit, after=after)
        yield tuple(hit.iri for hit in page.items)
        if not page.after:
            return
        after = page.after


@pytest.mark.parametrize("sort", SORTS)
@pytest.mark.parametrize("ties", ["hashed", "equal"])
def test_pages_visit_every_incident_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sort: str, ties: str
) -> None:
    if ties == "equal":  # as if all digests were the same, so that the keys of all incidents are
        monkeypatch.setattr(kb.search.document, "fingerprint", lambda iri: 7)
    index = SearchIndex(tmp_path / "search")
    for part in range(3):  # in several segments of the engine
        index.update(said(*(incident(n) for n in range(part, 131, 3))), part + 1)
    listing = Listing(index)
    for limit in (10, 50, 100):
        pages = list(walk(listing, sort, limit, Filters(text="title")))
        seen = [iri for page in pages for iri in page]
        assert len(seen) == len(set(seen)) == 131
        assert [len(page) for page in pages[:-1]] == [limit] * (len(pages) - 1)


@pytest.mark.parametrize("sort", [s for s in SORTS if s != "best"])
def test_pages_lead_back_the_way_they_came(listing: Listing, sort: str) -> None:
    filters = Filters(facets={"place": ("SY07",)})
    page = listing.page(filters, sort, 40)
    assert not page.before
    way = [page]
    while page.after:
        page = listing.page(filters, sort, 40, after=page.after)
        way.append(page)
    assert sum(len(p.items) for p in way) == page.total == listing.total(filters)
    for earlier in reversed(way[:-1]):
        page = listing.page(filters, sort, 40, before=page.before)
        assert page.items == earlier.items
    assert not page.before


def test_pages_are_in_order(listing: Listing) -> None:
    newest = [hit.date[:10] for hit in listing.page(Filters(), "newest", 100).items]
    assert newest == sorted(newest, reverse=True)
    oldest = [hit.date[:10] for hit in listing.page(Filters(), "oldest", 100).items]
    assert oldest == sorted(oldest) and oldest[0].startswith("2015-09-30")
    titles = [hit.label_en for hit in listing.page(Filters(facets={"dataset": ("ucdp-ged",)}), "title", 100).items]
    assert [t.casefold()[:3] for t in titles] == sorted(t.casefold()[:3] for t in titles)


HOSTILE = [
    "x", "~", "~~", "1~", "~1", "-1~a", "1e5~a", "9" * 30 + "~a", "१~a", "x y~a", "a:b~c", "[* TO *]~a", '"~a',
    "1~" + "a" * 5000, "\0~\0", "1\n~a",
]  # fmt: skip


@pytest.mark.parametrize("sort", SORTS)
@pytest.mark.parametrize("cursor", HOSTILE, ids=ascii)
def test_a_wrong_cursor_is_refused_or_leads_to_a_page(listing: Listing, sort: str, cursor: str) -> None:
    for way in ({"after": cursor}, {"before": cursor}):
        try:
            page = listing.page(Filters(text="hospital"), sort, 5, **way)
        except UsageError as error:
            assert "first page" in error.hint
        else:
            assert 0 <= len(page.items) <= 5


# taking from other records


@pytest.fixture
def small(tmp_path: Path) -> Callable[..., Listing]:
    """Puts records into a store and an index, segment after segment, as the writer does."""
    store = LocalStore.in_memory()
    index = SearchIndex(tmp_path / "search", store)

    def put(segment: int, *records: tuple[str, list[Triple]]) -> Listing:
        for iri, triples in records:
            nodes = {t.subject for t in triples}
            store.replace(iri, [*triples, *(Triple(n, MZ.inRecord, NamedNode(iri)) for n in nodes)])
        index.update([(iri, plain(store.record(iri))) for iri, _ in records], segment)
        return Listing(index)

    return put


def place(name: str, within: str, *names: str) -> tuple[str, list[Triple]]:
    node = NamedNode(f"{ID}place/{name}")
    labels = [Triple(node, SKOS.altLabel, literal(n, language="en")) for n in names]
    inside = Triple(node, GEO.sfWithin, NamedNode(f"{ID}place/{within}"))
    return node.value, [Triple(node, RDF.type, MZ.Place), inside, *labels]


def located(number: int, name: str) -> tuple[str, list[Triple]]:
    iri, triples = incident(number)
    return iri, [*triples, Triple(NamedNode(iri), MZ.place, NamedNode(f"{ID}place/{name}"))]


def claim(record: str, about: str, weapon: str) -> tuple[str, list[Triple]]:
    node = NamedNode(f"{ID}{record}#claim")
    return f"{ID}{record}", [
        Triple(node, MZ.about, NamedNode(about)), Triple(node, MZ.claimant, NamedNode(f"{ID}actor/a")),
        Triple(node, MZ.weapon, NamedNode(f"{SCHEME}weapon#{weapon}")),
        Triple(node, DCTERMS.description, literal("zeppelin", language="en")),
    ]  # fmt: skip


def weapons(listing: Listing) -> list[tuple[str, int]]:
    return listing.counts(Filters(), ["weapon"])["weapon"]


def test_claims_of_other_records_reach_the_incident(small: Callable[..., Listing]) -> None:
    one, other = incident(1), incident(2)
    assert weapons(small(1, one, other)) == []
    listing = small(2, claim("source/s", one[0], "missile"))
    assert weapons(listing) == [("missile", 1)]
    assert [hit.iri for hit in listing.page(Filters(text="zeppelin")).items] == [one[0]]
    assert listing.page(Filters(), "changed").items[0].iri == one[0], "a new claim is news of the incident"
    assert weapons(small(3, claim("source/s", other[0], "rocket"))) == [("rocket", 1)]
    listing = small(4, (f"{ID}source/s", []))
    assert weapons(listing) == [] and listing.total(Filters(text="zeppelin")) == 0
    assert listing.total(Filters()) == 2


def test_a_changed_place_changes_what_lies_in_it(small: Callable[..., Listing]) -> None:
    listing = small(1, place("north", "country", "Nordica"), place("town", "north", "Oppidum"), located(1, "town"))
    assert dict(listing.counts(Filters(), ["place"])["place"]) == {"town": 1, "north": 1, "country": 1}
    assert listing.total(Filters(text="oppidum")) == listing.total(Filters(text="nordica")) == 1
    listing = small(2, place("town", "south", "Urbs"))
    assert dict(listing.counts(Filters(), ["place"])["place"]) == {"town": 1, "south": 1}
    assert [listing.total(Filters(text=t)) for t in ("urbs", "oppidum", "nordica")] == [1, 0, 0]


def test_an_index_made_by_other_rules_is_filled_anew(tmp_path: Path) -> None:
    index = SearchIndex(tmp_path / "search")
    index.update(said(incident(1)), 4)
    assert index.segment == 4
    (tmp_path / "search" / "mizan-segment").write_bytes(b"4")  # as the first version noted it
    later = SearchIndex(tmp_path / "search")
    assert later.segment == -1
    later.update(said(incident(2)), 4)
    assert (later.segment, [h.iri for h in later.find().items]) == (4, [incident(2)[0]])


def test_a_snapshot_with_an_index_of_other_fields_says_what_to_do(tmp_path: Path) -> None:
    builder = tantivy.SchemaBuilder()
    builder.add_text_field("iri", stored=True, tokenizer_name="raw")
    builder.add_text_field("kind", stored=True, tokenizer_name="raw", fast=True)
    (tmp_path / "search").mkdir()
    tantivy.Index(builder.build(), path=str(tmp_path / "search")).writer().commit()
    index = SearchIndex.read_only(tmp_path / "search")
    for use in (lambda: index.find("hospital"), lambda: Listing(index)):
        with pytest.raises(StoreDamaged, match="mizan rebuild"):
            use()


def test_sources_are_one_as_soon_as_one_says_that_it_goes_back_to_the_other(fresh_home: Path) -> None:
    """At once where all of it comes in one change, and again when a source says so later."""

    def written(name: str, *triples: tuple[NamedNode, NamedNode | Literal]) -> Record:
        node = NamedNode(ID + name)
        about = NamedNode(f"{node.value}#claim")
        return Record(node.value, tuple(Triple(about if p in CLAIMED else node, p, o) for p, o in triples))

    CLAIMED = (MZ.about, MZ.claimant, MZ.restsOn, MZ.inRecord)
    sources = dict.fromkeys(("source/a", "source/b", "source/c", "source/d"), (RDF.type, MZ.Source))
    derived = (PROV.wasDerivedFrom, NamedNode(ID + "source/a"))

    def cites(*names: str) -> Record:
        incident = f"incident/made/{''.join(names)}"
        rests = [(MZ.inRecord, NamedNode(ID + incident))]
        rests += [(MZ.restsOn, NamedNode(f"{ID}source/{name}")) for name in names]
        about = [(MZ.about, NamedNode(ID + incident)), (MZ.claimant, NamedNode(ID + "actor/x"))]
        return written(incident, (RDF.type, MZ.Incident), *about, *rests)

    def numbers(base: KnowledgeBase) -> dict[str, int]:
        of = Filters(facets={"source": ("a", "c")})
        return dict(Listing(base.snapshot().index).counts(of, ["sources"])["sources"])

    with KnowledgeBase.open(fresh_home) as base:
        made = [written(name, triple) for name, triple in sources.items() if name != "source/b"]
        made += [written("source/b", sources["source/b"], derived), cites("a", "b"), cites("c", "d")]
        base.write(made, {"label": "test"})
        assert numbers(base) == {"1": 1, "2": 1}
        of_c = (PROV.wasDerivedFrom, NamedNode(ID + "source/c"))
        base.write([written("source/d", sources["source/d"], of_c)], {"label": "test"})
        assert numbers(base) == {"1": 2}
