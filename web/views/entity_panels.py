"""What the page of each kind of record shows from other records: panels for its template, and claims about it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

from pyoxigraph import Literal, NamedNode

from kb.ns import MZ, ONTOLOGY, PREFIXES, RDF
from kb.search import FACETS, Filters
from web import comparison, corroboration, exhibit, lexicon, relation, shape, standpoint
from web.claim import arrange, is_claim
from web.panel import Panel, Panels
from web.reading import Node
from web.site import here, panels, reader, site, tongue
from web.views import law_panels
from web.views.incidents import listing_of
from web.views.search import PER_PAGE, page_number

_UNUSED = lexicon.Uses()
_MODULE = NamedNode(PREFIXES["owl"] + "Ontology")
Values = tuple[dict[str, Any], list[Node]]
_FEW = 1_000  # incidents of a place or conflict that their own question is asked about


def _claims(panel: Panel) -> list[Node]:
    read = reader()
    return [read.node(iri) for iri in panel.iris("claim")]


def incident(iri: str) -> Values:
    """Claims made elsewhere about it, series whose period covers its date, the law's scope, origins and matches."""
    ask, read = panels(), reader()
    spots = [n for place in read.node(iri).iris("mz:place") for n in read.node(place).iris("geo:sfWithin")]
    series = ask("incident_series", incident=iri, area=[a for spot in spots for a in read.around(spot)])
    grouped: dict[str, list[Node]] = {}
    for row in series:
        grouped.setdefault(row["series"].value, []).append(read.node(row["claim"].value))
    facts = law_panels.facts_of(iri)
    store = here().store
    values = {
        "origins": corroboration.origins(store, iri), "matches": corroboration.matches(store, iri),
        "match_states": corroboration.STATES, "series": grouped, "series_panel": series,
        "screening": law_panels.outlined(iri, facts), "courts": law_panels.courts(facts),
    }  # fmt: skip
    claims = [c for c in _claims(ask("incident_claims", record=iri)) if not corroboration.is_part_of_matching(c)]
    return values | _around(iri, claims), claims


def _around(iri: str, elsewhere: list[Node]) -> dict[str, Any]:
    """What is said side by side, the evidence behind it, and what stands near the incident."""
    read, snapshot = reader(), here()
    told = arrange([*read.record(iri).values(), *elsewhere])
    at = relation.bearings(read, iri, told.attributions)
    datasets = site().once("datasets", snapshot, lambda: snapshot.store.subjects(RDF.type, MZ.Dataset))
    others = [dataset.value for dataset in datasets]
    return {
        "standpoints": standpoint.aligned(told.attributions, told.responses, read.organisations),
        "exhibits": exhibit.exhibits(snapshot.store, read, iri),
        "near": relation.related(listing_of(snapshot), at, iri, others, tongue().code) if at else [],
        "patterns": sorted(n.value for n in snapshot.store.subjects(MZ.groups, NamedNode(iri))),
    }


def series(iri: str) -> Values:
    """Claims about the series, its parts, and what the screening says of its legal claims."""
    ask = panels()
    claims = _claims(ask("series_claims", record=iri))
    return {"parts": ask("series_parts", series=iri), "checks": law_panels.checks(claims)}, claims


def provision(iri: str) -> Values:
    """Incidents linked to the provision, other claims that name it, its parts, and the provision as data."""
    ask = panels()
    named: dict[str, list[Node]] = {}
    others = ask("provision_claims", provision=iri)
    for row in others:
        named.setdefault(row["through"].value, []).append(reader().node(row["claim"].value))
    values = {
        "incidents": ask("provision_incidents", provision=iri),
        "named": named,
        "named_panel": others,
        "parts": ask("provision_parts", provision=iri),
        **law_panels.provision(iri),
    }
    return values, []


def instrument(iri: str) -> Values:
    """The provisions as a tree with counts of incidents linked to each, claims naming the whole, and participation."""
    ask = panels()
    children: dict[str, list[str]] = {}
    provisions = ask("instrument_provisions", instrument=iri)
    for row in provisions:
        children.setdefault(row["parent"].value, []).append(row["provision"].value)
    counts: dict[str, list[tuple[str, int]]] = {}
    for row in ask("instrument_incidents", instrument=iri):
        counts.setdefault(row["provision"].value, []).append((row["status"].value, _integer(row["incidents"])))
    named = ask("instrument_claims", instrument=iri)
    values = {"children": children, "provisions": provisions, "counts": counts, "named": _claims(named), "panel": named}
    return {**values, **law_panels.instrument(iri)}, []


def actor(iri: str) -> Values:
    """What is alleged against the actor, what it answers, and what it claims itself."""
    ask = panels()
    responses, mappings = ask("actor_responses", actor=iri), ask("actor_mappings", actor=iri)
    values = {
        "attributions": ask("actor_attributions", actor=iri),
        "responses": responses,
        "response_claims": _claims(responses),
        "mappings": mappings,
        "mapping_claims": _claims(mappings),
        "made": ask("actor_claims", actor=iri),
        "about": ask("actor_incidents", actor=iri),
        "addressed": _claims(ask("actor_recommendations", actor=iri)),
        "parts": ask("actor_parts", actor=iri),
        "works": ask("actor_sources", actor=iri),
    }
    return values, []


def source(iri: str) -> Values:
    """Claims that rest on the source or are about it, its legal claims checked, and what was made from it."""
    ask = panels()
    values: dict[str, Any] = {
        "incidents": ask("source_incidents", source=iri), "derived": ask("source_derived", source=iri),
    }  # fmt: skip
    cited = _claims(ask("source_cited", source=iri))
    about = _claims(ask("source_claims", record=iri))
    values["checks"] = law_panels.checks({n.iri: n for n in [*reader().record(iri).values(), *cited]}.values())
    told = [n for n in {n.iri: n for n in [*reader().record(iri).values(), *cited]}.values() if is_claim(n)]
    values |= {"windows": _windows(told), "relations": comparison.RELATIONS}
    return values, list({n.iri: n for n in [*cited, *about]}.values())


def _windows(claims: list[Node]) -> list[comparison.Window]:
    """The incidents in the windows of the series that a source speaks of, and what others count there."""
    snapshot = here()
    kept: dict[str, tuple[comparison.Beside, ...]] = site().once("beside", snapshot, dict)

    def once(name: str, count: Callable[[], tuple[comparison.Beside, ...]]) -> tuple[comparison.Beside, ...]:
        if name not in kept:
            kept[name] = count()
        return kept[name]

    return comparison.windows(snapshot.store, listing_of(snapshot), reader(), claims, once)


def dataset(iri: str) -> Values:
    """Counts by class, and the incidents page by page."""
    number = page_number()
    hits = here().index.find(kinds=["incident"], dataset=iri, limit=PER_PAGE, offset=(number - 1) * PER_PAGE)
    pages = max(1, -(-hits.total // PER_PAGE))
    counts = site().once(f"dataset {tongue().code} {iri}", here(), lambda: panels()("dataset_counts", dataset=iri))
    values = {
        "counts": counts, "hits": hits, "found": hits.items, "number": number, "pages": pages,
        "dataset_page": lambda n: f"?page={n}",
    }  # fmt: skip
    return values, []


def place(iri: str) -> Values:
    """Places within, and incidents and series located here."""
    ask = panels()
    return _named(ask, iri, "place", parts="place_parts", series="place_series") | _incidents("place", iri), []


def conflict(iri: str) -> Values:
    """Incidents of the conflict and how it has been classified."""
    ask = panels()
    values = _incidents("conflict", iri)
    elsewhere = _claims(ask("conflict_classifications", conflict=iri)) + _claims(ask("conflict_claims", record=iri))
    return values, list({n.iri: n for n in elsewhere}.values())


def import_(iri: str) -> Values:
    """The records that the import wrote."""
    return _named(panels(), iri, "import", records="import_records"), []


def scheme(iri: str) -> Values:
    """The concepts, and which stands under which."""
    concepts = reader().members(iri)
    narrower: dict[str, list[Node]] = {}
    for node in concepts:
        narrower.setdefault(node.iri_value("skos:broader"), []).append(node)
    return {"narrower": narrower}, []


def ontology(iri: str) -> Values:
    """The terms by sort; of one module only its own."""
    read = reader()
    groups: dict[str, list[Node]] = {}
    for node in read.record(ONTOLOGY).values():
        modules = node.iris("rdfs:isDefinedBy")
        if node.iri != ONTOLOGY and (iri == ONTOLOGY or iri in modules):
            sort = next((t for t in node.types if t.startswith(("owl:", "rdfs:"))), "rdf:type")
            groups.setdefault(sort, []).append(node)
    named = {n.value for n in here().store.subjects(RDF.type, _MODULE)}
    everything = [node for nodes in groups.values() for node in nodes]
    used = lexicon.uses(everything if iri == ONTOLOGY else read.record(ONTOLOGY).values())
    classes = groups.get("owl:Class", [])
    return {
        "groups": groups, "modules": [read.node(i) for i in sorted(named) if i.startswith(ONTOLOGY)],
        "uses": used, "twigs": lexicon.tree(classes), "checking": shape.checking(), "shape_modules": shape.names(),
        "stars": {node.iri: picture for node in classes if (picture := lexicon.star(used.get(node.iri) or _UNUSED))},
    }, []  # fmt: skip


def _incidents(kind: str, iri: str) -> dict[str, Any]:
    """The incidents of a place or conflict: by its question, or the newest and how many there are, where it is many."""
    code = FACETS[kind].code(iri)
    listing, filters = listing_of(here()), Filters(facets={kind: (code,)})
    total = listing.total(filters)
    if total <= _FEW:
        return {"incidents": panels()(f"{kind}_incidents", **{kind: iri})}
    address = f"/{tongue().code}/incidents?{urlencode({kind: code})}"
    return {"newest": listing.page(filters, language=tongue().code).items, "total": total, "list": address}


def _named(ask: Panels, iri: str, slot: str, **names: str) -> dict[str, Any]:
    return {key: ask(name, **{slot: iri}) for key, name in names.items()}


def _integer(term: object) -> int:
    return int(term.value) if isinstance(term, Literal) else 0


PANELS: dict[str, Callable[[str], Values]] = {
    "incident": incident, "series": series, "provision": provision, "instrument": instrument, "actor": actor,
    "source": source, "dataset": dataset, "place": place, "conflict": conflict, "import": import_,
    "scheme": scheme, "ontology": ontology,
}  # fmt: skip
