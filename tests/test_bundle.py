"""A bundle can be read, loaded and verified without this software, is the same anywhere, and survives hostile data."""

from __future__ import annotations

import csv
import errno
import hashlib
import io
import json
import os
import pickle
import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest
import rdflib
from pyoxigraph import CanonicalizationAlgorithm, Dataset, NamedNode, RdfFormat, Triple, parse

from kb import bundle, canonical, document
from kb.bundle import Bundle, BundleExists, BundleRequest
from kb.bundle.bag import Bag
from kb.bundle.tables import safe
from kb.canonical import literal
from kb.errors import DoesNotConform, LedgerBroken, NotFound, StorageFailed, UsageError
from kb.knowledgebase import KnowledgeBase
from kb.ledger import Entry, Head
from kb.ns import DCTERMS, ID, MZ, RDF, SCHEME, SKOS

ROOT = Path(__file__).resolve().parents[1]
ASKED = ("syria-2015-16/INC-001", "syria-2015-16/INC-012")
CASE = f"{ID}incident/syria-2015-16/"


def request_for(base: KnowledgeBase, *names: str) -> BundleRequest:
    """The request that the knowledge base would make for incidents."""
    at = base.snapshot()
    chosen = bundle.select(names, at.record)
    segments = {iri: at.store.segment_of(iri) for iri in chosen.records}
    written = base.written(chosen.records, at)
    return BundleRequest(chosen.incidents, written, segments, at.number, at.time, at.ledger, chosen.omitted)


@pytest.fixture(scope="module")
def request_(demo: KnowledgeBase) -> BundleRequest:
    return request_for(demo, *ASKED)


@pytest.fixture(scope="module")
def made(request_: BundleRequest, tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    return bundle.create(request_, tmp_path_factory.mktemp("bundles"))


def shell(folder: Path, command: str) -> subprocess.CompletedProcess[str]:
    """Run a command of VERIFY as its reader would."""
    return subprocess.run(["bash", "-c", command], cwd=folder, capture_output=True, text=True)


def commands(made: Bundle) -> list[str]:
    text = (made.path / "VERIFY.en.txt").read_text()
    return re.findall(r"^   ((?:find|sha256sum|diff|LC_ALL|grep|bagit\.py) .*)$", text, re.MULTILINE)


def tree(folder: Path) -> dict[str, tuple[bytes, int, int]]:
    """Bytes, mode and time of every file."""
    return {
        str(p.relative_to(folder)): (p.read_bytes(), p.stat().st_mode, int(p.stat().st_mtime))
        for p in sorted(folder.rglob("*")) if p.is_file()
    }  # fmt: skip


# verification with the tools of others


def test_verify_commands_of_standard_tools_pass_and_print_nothing(made: Bundle) -> None:
    silent = [c for c in commands(made) if c.startswith(("find", "sha256sum -c", "diff"))]
    assert len(silent) == 5
    for command in silent:
        done = shell(made.path, command)
        assert (done.returncode, done.stdout, done.stderr) == (0, "", ""), command


def test_verify_pages_name_the_same_commands_in_both_languages(made: Bundle) -> None:
    found = [re.findall(r"^   (\S.*)$", (made.path / f"VERIFY.{tag}.txt").read_text(), re.M) for tag in ("en", "ar")]
    steps = [[line for line in lines if re.match(r"(find|sha|diff|LC_ALL|grep|bagit)", line)] for lines in found]
    assert steps[0] == steps[1]
    assert len(steps[0]) == 10


def test_sha512_manifests_verify_too(made: Bundle) -> None:
    done = shell(made.path, "sha512sum -c --strict --quiet tagmanifest-sha512.txt manifest-sha512.txt")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_reference_implementation_of_bagit_agrees(made: Bundle) -> None:
    done = subprocess.run([sys.executable, "-m", "bagit", "--validate", "."], cwd=made.path, capture_output=True)
    assert done.returncode == 0, done.stderr.decode()


def test_manifests_are_sorted_by_bytes_with_two_spaces(made: Bundle) -> None:
    for name in ("manifest-sha256", "manifest-sha512", "tagmanifest-sha256", "tagmanifest-sha512"):
        data = (made.path / f"{name}.txt").read_bytes()
        assert re.fullmatch(rb"([0-9a-f]+  [a-zA-Z0-9._/-]+\n)+", data)
        paths = [line.split(b"  ")[1] for line in data.splitlines()]
        assert paths == sorted(paths)


def test_root_names_the_folder(made: Bundle) -> None:
    assert made.root == hashlib.sha256((made.path / "tagmanifest-sha256.txt").read_bytes()).hexdigest()
    assert made.path.name == made.root[:16]
    files = [p for p in made.path.rglob("*") if p.is_file()]
    assert (made.files, made.bytes) == (len(files), sum(p.stat().st_size for p in files))


def test_bag_info_is_dated_by_the_snapshot(made: Bundle, request_: BundleRequest) -> None:
    lines = [line.split(": ", 1) for line in (made.path / "bag-info.txt").read_text().splitlines()]
    info = dict(lines)
    payload = [p for p in (made.path / "data").rglob("*") if p.is_file()]
    assert info["Bagging-Date"] == request_.time[:10]
    assert info["Payload-Oxum"] == f"{sum(p.stat().st_size for p in payload)}.{len(payload)}"
    assert info["Mizan-Snapshot"] == str(request_.snapshot)
    assert info["Mizan-Ledger-Head"] == request_.ledger.sha256
    assert info["Mizan-Tier"] == "PUBLIC"
    assert [v for k, v in lines if k == "External-Identifier"] == sorted(request_.asked)


@pytest.mark.parametrize("name", ["data/dossier.en.html", "data/tables/claims.csv", "VERIFY.en.txt", "bagit.txt"])
def test_one_flipped_byte_is_found(request_: BundleRequest, tmp_path: Path, name: str) -> None:
    copy = bundle.create(request_, tmp_path)
    path = copy.path / name
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    done = shell(copy.path, "sha256sum -c --strict --quiet tagmanifest-sha256.txt manifest-sha256.txt")
    assert done.returncode != 0
    assert name in done.stdout


@pytest.mark.parametrize("name", ["data/more.txt", "data/rdf/x.nq", "beside.html"])
def test_added_file_is_found(request_: BundleRequest, tmp_path: Path, name: str) -> None:
    copy = bundle.create(request_, tmp_path)
    (copy.path / name).write_text("more")
    assert any(shell(copy.path, c).returncode for c in commands(copy) if c.startswith("diff"))


# the statements


def test_rdf_digest_equals_sorted_lines_and_w3c_canonical_hash(made: Bundle) -> None:
    sorted_lines = shell(made.path, "LC_ALL=C sort -u data/rdf/dataset.nq | sha256sum").stdout.split()[0]
    stated = shell(made.path, "grep ^RDF-SHA256 bag-info.txt").stdout.split()[1]
    data = (made.path / "data/rdf/dataset.nq").read_bytes()
    dataset = Dataset(parse(data, format=RdfFormat.N_QUADS))
    dataset.canonicalize(CanonicalizationAlgorithm.RDFC_1_0)
    form = "".join(sorted(f"{quad} .\n" for quad in dataset)).encode()
    assert sorted_lines == stated == hashlib.sha256(data).hexdigest() == hashlib.sha256(form).hexdigest()


@pytest.mark.parametrize(("name", "form"), [("trig", RdfFormat.TRIG), ("jsonld", RdfFormat.JSON_LD)])
def test_other_notations_hold_the_same_dataset(made: Bundle, name: str, form: RdfFormat) -> None:
    folder = made.path / "data/rdf"
    one = set(parse((folder / "dataset.nq").read_bytes(), format=RdfFormat.N_QUADS))
    assert set(parse((folder / f"dataset.{name}").read_bytes(), format=form)) == one


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize(("name", "form"), [("nq", "nquads"), ("trig", "trig"), ("jsonld", "json-ld")])
def test_rdflib_reads_the_same_dataset(
    made: Bundle, name: str, form: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rdflib, "NORMALIZE_LITERALS", False)  # it would respell Z as +00:00
    folder = made.path / "data/rdf"
    read = rdflib.Dataset()
    read.parse(data=(folder / f"dataset.{name}").read_text(), format=form)
    quads = {tuple(str(part) for part in quad) for quad in read.quads()}
    lines = parse((folder / "dataset.nq").read_bytes(), format=RdfFormat.N_QUADS)
    expected = {
        tuple(node.value for node in (q.subject, q.predicate, q.object, q.graph_name))  # type: ignore[union-attr]
        for q in lines
    }
    assert quads == expected


def test_each_record_is_a_graph_with_the_bytes_of_the_ledger(made: Bundle, request_: BundleRequest) -> None:
    quads = list(parse((made.path / "data/rdf/dataset.nq").read_bytes(), format=RdfFormat.N_QUADS))
    for iri, entry in request_.records.items():
        inside = canonical.ntriples(q.triple for q in quads if q.graph_name == NamedNode(iri))
        assert canonical.digest(inside) == entry.sha256
        system = NamedNode(f"{iri}#record")
        origin = {q.predicate.value.split("#")[-1]: q.object for q in quads if q.graph_name == system}
        assert origin["recordDigest"] == literal(entry.sha256)
        assert origin["describes"] == NamedNode(iri)
        assert origin["http://purl.org/dc/terms/isPartOf"] == NamedNode(f"{ID}snapshot/{request_.snapshot}")


def test_record_digest_is_found_with_the_command_of_verify(made: Bundle, request_: BundleRequest) -> None:
    template = next(c for c in commands(made) if "RECORD>" in c)
    iri = request_.asked[0]
    assert shell(made.path, template.replace("RECORD>", f"{iri}>")).stdout.split()[0] == request_.records[iri].sha256


def test_ontology_and_shapes_parse_and_explain_every_term(made: Bundle) -> None:
    folder = made.path / "data/rdf"
    known = {q.subject.value for q in parse(path=str(folder / "ontology.ttl")) if isinstance(q.subject, NamedNode)}
    assert list(parse(path=str(folder / "shapes.ttl")))
    for quad in parse(path=str(folder / "dataset.nq")):
        for node in (quad.predicate, quad.object):
            if isinstance(node, NamedNode) and node.value.startswith((SCHEME, MZ.base)):
                assert node.value in known, node


# the same anywhere


def test_two_builds_elsewhere_are_byte_identical(request_: BundleRequest, tmp_path: Path) -> None:
    (tmp_path / "request").write_bytes(pickle.dumps(_plain(request_)))
    code = (
        "import pickle, sys, os; from pathlib import Path; from kb import bundle; from kb.ledger import Entry, Head\n"
        "os.umask(int(sys.argv[3], 8)); v = pickle.loads(Path(sys.argv[1]).read_bytes())\n"
        "v['records'] = {k: Entry(**e) for k, e in v['records'].items()}; v['ledger'] = Head(*v['ledger'])\n"
        "print(bundle.create(bundle.BundleRequest(**v), Path(sys.argv[2])).root)"
    )
    roots = []
    places = (("a", "1", "UTC", "C", "022"), ("b", "77", "Asia/Damascus", "C.UTF-8", "077"))
    for name, seed, zone, locale, mask in places:
        (tmp_path / name / "cwd").mkdir(parents=True)
        environment = {"PYTHONPATH": str(ROOT), "PATH": os.defpath, "PYTHONHASHSEED": seed, "TZ": zone, "LC_ALL": locale}
        arguments = [sys.executable, "-c", code, str(tmp_path / "request"), str(tmp_path / name / "out"), mask]
        done = subprocess.run(
            arguments, cwd=tmp_path / name / "cwd", env=environment, capture_output=True, text=True, check=True
        )
        roots.append(done.stdout.strip())
    assert roots[0] == roots[1]
    assert tree(tmp_path / "a/out") == tree(tmp_path / "b/out")


def _plain(asked: BundleRequest) -> dict[str, object]:
    records = {iri: {name: getattr(e, name) for name in Entry.__slots__} for iri, e in asked.records.items()}
    backwards = dict(reversed(list(records.items())))
    return {
        "asked": list(reversed(asked.asked)), "records": backwards, "segments": dict(asked.segments),
        "snapshot": asked.snapshot, "time": asked.time, "ledger": (asked.ledger.segment, asked.ledger.sha256),
        "omitted": dict(asked.omitted),
    }  # fmt: skip


# whole or not at all


def test_existing_target_is_refused_and_untouched(request_: BundleRequest, tmp_path: Path) -> None:
    first = bundle.create(request_, tmp_path)
    before = tree(tmp_path)
    with pytest.raises(BundleExists, match="exists already"):
        bundle.create(request_, tmp_path)
    assert tree(tmp_path) == before
    assert [p.name for p in tmp_path.iterdir()] == [first.path.name]


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EIO])
@pytest.mark.parametrize("call", [1, 9, 20])
def test_full_disk_leaves_nothing(
    request_: BundleRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, call: int
) -> None:
    real, seen = os.fsync, []

    def failing(handle: int) -> None:
        seen.append(handle)
        if len(seen) == call:
            raise OSError(number, os.strerror(number))
        real(handle)

    monkeypatch.setattr(os, "fsync", failing)
    with pytest.raises(StorageFailed):
        bundle.create(request_, tmp_path / "new" / "out")
    assert len(seen) == call
    assert not (tmp_path / "new" / "out").exists()


def test_failed_rename_leaves_nothing(
    request_: BundleRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(self: Path, target: Path) -> None:
        raise OSError(errno.EROFS, "Read-only file system")

    monkeypatch.setattr(Path, "rename", refuse)
    with pytest.raises(StorageFailed, match="read-only"):
        bundle.create(request_, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_target_below_a_file_is_refused(request_: BundleRequest, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("a file")
    with pytest.raises(StorageFailed):
        bundle.create(request_, tmp_path / "file" / "out")
    assert [p.name for p in tmp_path.iterdir()] == ["file"]


def test_killed_process_leaves_nothing_that_passes_for_a_bundle(
    request_: BundleRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shutil.rmtree", lambda *_, **__: None)  # a killed process does not clean up
    monkeypatch.setattr(Bag, "_settle", _die)
    with pytest.raises(KeyboardInterrupt):
        bundle.create(request_, tmp_path)
    (left,) = tmp_path.iterdir()
    assert left.name.startswith(".unfinished-")
    monkeypatch.undo()
    assert bundle.create(request_, tmp_path).path.is_dir()


def _die(bag: Bag) -> None:
    raise KeyboardInterrupt


@pytest.mark.parametrize(
    "name", ["../x", "/x", "data/../x", "data//x", "data/a b", "data/\u202ex", "data/.x", "x\n", ""]
)
def test_bag_refuses_names_that_are_not_plain(tmp_path: Path, name: str) -> None:
    with pytest.raises(ValueError, match="not a name"):
        Bag(tmp_path, 0).add(name, [b""])


def test_bag_refuses_twins_by_case_and_broken_fields(tmp_path: Path) -> None:
    new = Bag(tmp_path, 0)
    new.add("data/a.txt", [b"a"])
    with pytest.raises(ValueError, match="already"):
        new.add("data/A.txt", [b"b"])
    with pytest.raises(ValueError, match="cannot hold"):
        new.close([("External-Identifier", "x\nMizan-Tier: SECRET")])


# what goes in


def test_selection_holds_what_incidents_rest_on_and_no_other_incident(request_: BundleRequest) -> None:
    records = set(request_.records)
    assert {i for i in records if i.startswith(f"{ID}incident/")} == {CASE + "INC-001", CASE + "INC-012"}
    triples = [t for e in request_.records.values() for t in canonical.parse_ntriples(e.triples)]
    for triple in triples:
        value = triple.object.value if isinstance(triple.object, NamedNode) else ""
        if triple.subject.value.startswith(CASE) and value.startswith(ID):  # type: ignore[union-attr]
            assert value.partition("#")[0] in records
    for kind in ("actor", "source", "provision", "instrument", "place", "dataset", "conflict"):
        assert any(iri.startswith(f"{ID}{kind}/") for iri in records), kind


def test_selection_takes_the_instrument_of_every_provision(request_: BundleRequest) -> None:
    instrument = NamedNode(MZ.base + "ofInstrument")
    for entry in list(request_.records.values()):
        for triple in canonical.parse_ntriples(entry.triples):
            if triple.predicate == instrument:
                assert triple.object.value in request_.records  # type: ignore[union-attr]


def test_selection_json_counts_add_up(made: Bundle, request_: BundleRequest) -> None:
    value = json.loads((made.path / "data/request/selection.json").read_text())
    counts = value["counts"]
    assert counts["matched"] == counts["included"] + counts["withheld"] + counts["omitted"]
    assert counts["included"] == len(value["included"]) == len(request_.records)
    assert value["asked"] == sorted(request_.asked)
    assert value["snapshot"] == request_.snapshot


def test_record_that_is_pointed_to_but_missing_is_named_as_omitted(demo: KnowledgeBase) -> None:
    at = demo.snapshot()
    gone = f"{ID}actor/airwars"
    chosen = bundle.select([ASKED[0]], lambda iri: [] if iri == gone else at.record(iri))
    assert gone not in chosen.records
    assert "not in the knowledge base" in chosen.omitted[gone]


def test_another_incident_is_not_pulled_in() -> None:
    def record(iri: str) -> list[Triple]:
        return [Triple(NamedNode(iri), NamedNode(MZ.base + "sameEventAs"), NamedNode(CASE + "B"))]

    chosen = bundle.select([CASE + "A"], record)
    assert chosen.records == (CASE + "A",)
    assert chosen.omitted == {CASE + "B": "another incident, which was not asked for"}


@pytest.mark.parametrize(
    "name", ["syria-2015-16/INC-001", "incident/syria-2015-16/INC-001", CASE + "INC-001", CASE + "INC-001#place"]
)
def test_incident_is_known_by_short_name_and_iri(name: str) -> None:
    assert bundle.incident_iri(name) == CASE + "INC-001"


@pytest.mark.parametrize("name", ["syria-2015-16/INC-999", f"{ID}actor/airwars", "https://example.org/", ""])
def test_unknown_incident_is_refused_with_the_next_step(demo: KnowledgeBase, name: str) -> None:
    with pytest.raises(NotFound) as caught:
        bundle.select([name], demo.snapshot().record)
    assert caught.value.hint


def test_asking_for_nothing_is_refused(demo: KnowledgeBase) -> None:
    with pytest.raises(UsageError):
        bundle.select([], demo.snapshot().record)


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
    for name in ASKED:
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


def test_hostile_bundle_verifies_and_keeps_its_statements(hostile: Bundle) -> None:
    for command in commands(hostile):
        if command.startswith(("find", "sha256sum -c", "diff")):
            assert shell(hostile.path, command).stdout == ""
    for name, form in (("trig", RdfFormat.TRIG), ("jsonld", RdfFormat.JSON_LD)):
        data = (hostile.path / f"data/rdf/dataset.{name}").read_bytes()
        lines = (hostile.path / "data/rdf/dataset.nq").read_bytes()
        assert set(parse(data, format=form)) == set(parse(lines, format=RdfFormat.N_QUADS))
    stated = shell(hostile.path, "grep ^RDF-SHA256 bag-info.txt").stdout.split()[1]
    assert shell(hostile.path, "LC_ALL=C sort -u data/rdf/dataset.nq | sha256sum").stdout.split()[0] == stated
