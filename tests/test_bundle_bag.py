"""A bundle can be verified without this software, is the same anywhere, and is there whole or not at all."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import pickle
import re
import subprocess
import sys
from pathlib import Path

import pytest
import rdflib
from pyoxigraph import CanonicalizationAlgorithm, Dataset, NamedNode, RdfFormat, Triple, parse

from kb import bundle, canonical
from kb.bundle import Bundle, BundleExists, BundleRequest
from kb.bundle.bag import Bag
from kb.canonical import literal
from kb.errors import NotFound, StorageFailed, UsageError
from kb.knowledgebase import KnowledgeBase
from kb.ledger import Entry
from kb.ns import ID, MZ, SCHEME

ROOT = Path(__file__).resolve().parents[1]
ASKED = ("syria-2015-16/INC-001", "syria-2015-16/INC-012")
CASE = f"{ID}incident/syria-2015-16/"


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
        tuple(node.value for node in (q.subject, q.predicate, q.object, q.graph_name))
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
        base = {"PYTHONPATH": str(ROOT), "PATH": os.defpath, "PYTHONHASHSEED": seed}
        environment = {**base, "TZ": zone, "LC_ALL": locale}
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
