"""A bundle shows people and programs what the records say, refuses what it cannot trust, and survives hostile data."""

from __future__ import annotations

import csv
import hashlib
import io
import re
import subprocess
from collections.abc import Callable
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest
from pyoxigraph import NamedNode, RdfFormat, Triple, parse

from kb import bundle, canonical, document
from kb.bundle import Bundle, BundleRequest
from kb.canonical import literal
from kb.errors import DoesNotConform, LedgerBroken
from kb.export.sheet import safe
from kb.knowledgebase import KnowledgeBase
from kb.ledger import Entry, Head
from kb.ns import DCTERMS, ID, MZ, RDF, SCHEME, SKOS

ROOT = Path(__file__).resolve().parents[1]
CASE = f"{ID}incident/syria-2015-16/"


# records that cannot be trusted


def _changed(asked: BundleRequest, change: Callable[[Entry], Entry]) -> BundleRequest:
    iri = asked.asked[0]
    return replace(asked, records={**asked.records, iri: change(asked.records[iri])})


def _rehashed(entry: Entry, text: str) -> Entry:
    return replace(entry, triples=text, sha256=canonical.digest(text))


@pytest.mark.parametrize(
    ("change", "kind"),
    [
        (lambda e: replace(e, triples=e.triples.replace("INC-001", "INC-002", 1)), LedgerBroken),
        (lambda e: replace(e, sha256="0" * 64), LedgerBroken),
        (lambda e: replace(e, tier="RESTRICTED"), DoesNotConform),
        (lambda e: replace(e, operation="retire"), DoesNotConform),
        (lambda e: replace(e, record=CASE + "INC-002"), DoesNotConform),
        (lambda e: _rehashed(e, e.triples + "<not triples\n"), DoesNotConform),
        (lambda e: _rehashed(e, e.triples + "_:b <https://w3id.org/x> _:b .\n"), DoesNotConform),
        (lambda e: _rehashed(e, "<urn:x:s> <urn:x:p> <urn:x:o> .\n"), DoesNotConform),
        (lambda e: _rehashed(e, "\n".join(reversed(e.triples.splitlines())) + "\n"), DoesNotConform),
    ],
)
def test_entry_that_does_not_fit_is_refused_before_anything_is_written(
    request_: BundleRequest, tmp_path: Path, change: Callable[[Entry], Entry], kind: type[Exception]
) -> None:
    with pytest.raises(kind):
        bundle.create(_changed(request_, change), tmp_path / "out")
    assert not (tmp_path / "out").exists()


# what people read


class Page(HTMLParser):
    """Tags, attributes and text of a page."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.feed(path.read_text(encoding="utf-8"))
        self.text = "".join(self.words)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.words.append(data)


def dossier(made: Bundle, language: str) -> Page:
    return Page(made.path / f"data/dossier.{language}.html")


def assert_loads_nothing(page: Page) -> None:
    names = {tag for tag, _ in page.tags}
    assert not names & {"script", "link", "img", "iframe", "object", "embed", "form", "base", "svg", "video", "audio"}
    for _, attributes in page.tags:
        assert not {a for a in attributes if a.startswith("on") or a in {"src", "srcset", "style", "background"}}
        assert re.match(r"#|https?://", attributes.get("href") or "#")
    style = page.words[page.words.index(next(w for w in page.words if "--ink" in w))]
    assert "url(" not in style
    assert "@import" not in style


@pytest.mark.parametrize("language", ["en", "ar"])
def test_dossier_is_self_contained(made: Bundle, language: str) -> None:
    page = dossier(made, language)
    assert_loads_nothing(page)
    policy = next(a["content"] for t, a in page.tags if a.get("http-equiv") == "Content-Security-Policy")
    assert policy and policy.startswith("default-src 'none'; style-src 'unsafe-inline'")
    root = next(a for t, a in page.tags if t == "html")
    assert root == {"lang": language, "dir": {"en": "ltr", "ar": "rtl"}[language]}


@pytest.mark.parametrize("language", ["en", "ar"])
def test_dossier_links_lead_somewhere_and_ids_are_single(made: Bundle, language: str) -> None:
    page = dossier(made, language)
    ids = [a["id"] for _, a in page.tags if "id" in a]
    assert len(ids) == len(set(ids))
    inside = {a["href"][1:] for t, a in page.tags if t == "a" and a["href"] and a["href"].startswith("#")}
    assert inside <= set(ids)


@pytest.mark.parametrize("language", ["en", "ar"])
def test_dossier_shows_every_claimant_label_and_number(
    made: Bundle, request_: BundleRequest, language: str, demo: KnowledgeBase
) -> None:
    text = dossier(made, language).text
    at, words = demo.snapshot(), " ".join(text.split())
    own = [t for iri in request_.asked for t in canonical.parse_ntriples(request_.records[iri].triples)]
    shown = {MZ.claimant, MZ.restsOn, *(NamedNode(MZ.base + n) for n in (
        "invokes", "mappingStatus", "harm", "objectHit", "position", "allegedActor", "confidence", "verification"
    ))}  # fmt: skip
    for triple in own:
        if triple.predicate in shown:
            label = at.labels(triple.object.value)[language]  # type: ignore[union-attr]
            assert " ".join(label.split()) in words, label
        if triple.predicate.value in {MZ.base + "minimum", MZ.base + "maximum"}:
            assert triple.object.value in text  # type: ignore[union-attr]
        if triple.predicate.value == MZ.base + "caution" and triple.object.language == language:  # type: ignore[union-attr]
            assert " ".join(triple.object.value.split()) in words  # type: ignore[union-attr]


@pytest.mark.parametrize("language", ["en", "ar"])
def test_dossier_gives_every_record_digest_in_one_piece(
    made: Bundle, request_: BundleRequest, language: str
) -> None:
    text = dossier(made, language).text
    for iri, entry in request_.records.items():
        assert entry.sha256 in text
        assert iri in text
    assert request_.ledger.sha256 in text
    assert hashlib.sha256((made.path / "data/rdf/dataset.nq").read_bytes()).hexdigest() in text


def test_dossier_keeps_suggestions_apart_from_claims_about_the_law(made: Bundle) -> None:
    page = (made.path / "data/dossier.en.html").read_text()
    for section in page.split("<h2")[1:3]:
        claims, _, suggestions = section.partition("Provisions suggested for examination")
        assert 'class="status candidate"' not in claims
        assert "status candidate" in suggestions


def test_dossier_shows_an_allegation_with_its_status_and_claimant(request_: BundleRequest, tmp_path: Path) -> None:
    iri = CASE + "INC-001"
    node = NamedNode(f"{iri}#alleged")
    values = {
        "claimant": f"{ID}actor/airwars", "about": iri, "invokes": f"{ID}provision/rome-statute/8-2-e-i",
        "mappingStatus": f"{SCHEME}mapping-status#alleged",
        "standardOfProof": f"{SCHEME}standard-of-proof#reasonable-basis",
    }  # fmt: skip
    added = [Triple(node, RDF.type, NamedNode(MZ.base + "LegalMapping"))]
    added += [Triple(node, NamedNode(MZ.base + name), NamedNode(value)) for name, value in values.items()]
    entry = request_.records[iri]
    text = canonical.ntriples(document.record(iri, [*canonical.parse_ntriples(entry.triples), *added]).triples)
    asked = replace(request_, records={**request_.records, iri: _rehashed(entry, text)})
    made = bundle.create(asked, tmp_path)
    page = (made.path / "data/dossier.en.html").read_text().split("<h2")[1]
    claims, _, suggestions = page.partition("Provisions suggested for examination")
    line = claims[claims.index('class="status alleged"') :]
    assert "status alleged" not in suggestions
    assert line.index("Alleged") < line.index("Airwars") < line.index("Reasonable basis")
    row = next(r for r in rows(made, "mappings") if r["mapping"] == node.value)
    assert (row["mapping_status_en"], row["claimant_en"]) == ("Alleged", "Airwars")


@pytest.mark.parametrize("language", ["en", "ar"])
def test_words_never_pronounce_guilt(made: Bundle, language: str) -> None:
    text = dossier(made, language).text.lower()
    assert not re.search(r"\b(guilty|perpetrat\w+ by)\b", text)


def test_start_here_names_the_incidents_in_both_languages(made: Bundle, demo: KnowledgeBase) -> None:
    text = (made.path / "START-HERE.txt").read_text()
    for name in ("syria-2015-16/INC-001", "syria-2015-16/INC-012"):
        labels = demo.snapshot().labels(bundle.incident_iri(name))
        assert labels["en"] in text
        assert labels["ar"] in text


# tables


def rows(made: Bundle, name: str) -> list[dict[str, str]]:
    data = (made.path / f"data/tables/{name}.csv").read_bytes().decode("utf-8")
    assert data.endswith("\r\n")
    return list(csv.DictReader(io.StringIO(data, newline="")))


def test_tables_hold_incidents_claims_mappings_and_sources(made: Bundle, demo: KnowledgeBase) -> None:
    incidents = {row["incident"]: row for row in rows(made, "incidents")}
    assert sorted(incidents) == [CASE + "INC-001", CASE + "INC-012"]
    first = incidents[CASE + "INC-001"]
    assert first["date"] == "2015-09-30"
    assert first["label_en"] == demo.snapshot().labels(CASE + "INC-001")["en"]
    assert first["wkt"].startswith("POINT(")
    claims = rows(made, "claims")
    assert {"17", "18"} <= {row["minimum"] for row in claims if row["claimant_en"]}
    for row in rows(made, "mappings"):
        assert row["invokes"]
        assert row["mapping_status_en"]
        assert row["mapping_status_ar"]
    assert all(row["label_en"] and row["label_ar"] and row["verification_en"] for row in rows(made, "sources"))


@pytest.mark.parametrize("cell", ["=1+1", "+1", "-1", "@x", "\tx", "\rx", "\n=x", "＝1"])
def test_cell_that_looks_like_a_formula_gets_an_apostrophe(cell: str) -> None:
    assert safe(cell) == f"'{cell}"


def test_plain_cell_stays_as_it_is() -> None:
    assert [safe(c) for c in ("", "17", "a=b", "نص", "'x")] == ["", "17", "a=b", "نص", "'x"]


# hostile data


HOSTILE = (
    "<script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "=HYPERLINK(\"http://evil.example\")",
    "\u202egnp.exe\u202c", "{{ 7*7 }}{% raw %}", "nul\u0000bell\u0007\u0085\u2028end", "</style></title><b>",
)  # fmt: skip


def hostile_request() -> BundleRequest:
    """A hand-made incident and actor whose every text attacks the reader."""
    iri, actor = f"{ID}incident/test/~3Cscript~3E", f"{ID}actor/evil"
    node, claim = NamedNode(iri), NamedNode(f"{iri}#claim")
    mz: Callable[[str], NamedNode] = lambda name: NamedNode(MZ.base + name)  # noqa: E731
    triples = [
        Triple(node, RDF.type, MZ.Incident), Triple(node, DCTERMS.identifier, literal("=cmd|' /C calc'!A0")),
        Triple(claim, RDF.type, mz("CasualtyEstimate")), Triple(claim, mz("claimant"), NamedNode(actor)),
        Triple(claim, mz("about"), node), Triple(claim, mz("minimum"), literal("<b>", str(MZ.base))),
        Triple(claim, mz("harm"), NamedNode("javascript:alert(1)")),
        Triple(claim, mz("reference"), literal("@SUM(A1)")),
        Triple(node, NamedNode("http://xmlns.com/foaf/0.1/page"), NamedNode("javascript:alert(document.domain)")),
        Triple(node, NamedNode("http://xmlns.com/foaf/0.1/page"), NamedNode("data:text/html,%3Cscript%3E")),
        *(Triple(node, SKOS.prefLabel, literal(text, language="en")) for text in HOSTILE),
        *(Triple(node, mz("caution"), literal(text, language="ar")) for text in HOSTILE),
        *(Triple(claim, DCTERMS.description, literal(text)) for text in HOSTILE),
    ]  # fmt: skip
    labels = [Triple(NamedNode(actor), SKOS.prefLabel, literal(text, language="en")) for text in HOSTILE]
    entries = {}
    for name, part in ((iri, triples), (actor, labels)):
        text = canonical.ntriples(document.record(name, part).triples)
        entries[name] = Entry("put", name, 1, canonical.digest(text), None, "PUBLIC", text)
    return BundleRequest([iri], entries, dict.fromkeys(entries, 1), 1, "2026-01-02T03:04:05Z", Head(1, "ab" * 32))


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    return bundle.create(hostile_request(), tmp_path_factory.mktemp("hostile"))


@pytest.mark.parametrize("language", ["en", "ar"])
def test_hostile_words_stay_words(hostile: Bundle, language: str) -> None:
    page = dossier(hostile, language)
    assert_loads_nothing(page)
    raw = (hostile.path / f"data/dossier.{language}.html").read_text(encoding="utf-8")
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in raw
    assert not re.search("[\u202a-\u202e\u2066\u2067\u0000-\u0008\u0085\u2028]", raw)
    assert "[U+202E]gnp.exe[U+202C]" in page.text
    assert "{{ 7*7 }}" in page.text
    assert "49{% raw" not in page.text


def test_hostile_start_page_shows_no_control_characters(hostile: Bundle) -> None:
    assert not re.search("[\u202a-\u202e\u0000-\u0009]", (hostile.path / "START-HERE.txt").read_text())


def test_hostile_cells_are_no_formulas(hostile: Bundle) -> None:
    for name in ("incidents", "claims", "mappings", "sources"):
        for row in rows(hostile, name):
            assert not [cell for cell in row.values() if cell.startswith(tuple("=+-@\t\r"))]
    assert rows(hostile, "incidents")[0]["identifier"] == "'=cmd|' /C calc'!A0"
    assert rows(hostile, "claims")[0]["reference"] == "'@SUM(A1)"


def _shell(folder: Path, command: str) -> str:
    return subprocess.run(["bash", "-c", command], cwd=folder, capture_output=True, text=True, check=True).stdout


def test_hostile_bundle_verifies_and_keeps_its_statements(hostile: Bundle) -> None:
    text = (hostile.path / "VERIFY.en.txt").read_text()
    for command in re.findall(r"^   ((?:find|sha256sum|diff) .*)$", text, re.MULTILINE):
        if command.startswith(("find", "sha256sum -c", "diff")):
            assert _shell(hostile.path, command) == ""
    for name, form in (("trig", RdfFormat.TRIG), ("jsonld", RdfFormat.JSON_LD)):
        data = (hostile.path / f"data/rdf/dataset.{name}").read_bytes()
        lines = (hostile.path / "data/rdf/dataset.nq").read_bytes()
        assert set(parse(data, format=form)) == set(parse(lines, format=RdfFormat.N_QUADS))
    stated = _shell(hostile.path, "grep ^RDF-SHA256 bag-info.txt").split()[1]
    assert _shell(hostile.path, "LC_ALL=C sort -u data/rdf/dataset.nq | sha256sum").split()[0] == stated
