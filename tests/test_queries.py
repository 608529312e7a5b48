"""Every shipped query: header, syntax in two engines, terms, for reports the exact rows; and the guides that use them.

`tests/expected/<query>.tsv` holds the rows of a report query with its defaults: the columns that decide, in the order
of the answer, without labels and texts. IRIs lack their common beginning. Rows that compare or conclude were worked out
by hand from the case file; plain lists were taken from the answer and read against the file and against counts of it.
"""

from __future__ import annotations

import csv
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pyoxigraph
import pytest
from rdflib import Graph
from rdflib.plugins.sparql import prepareQuery
from rdflib.term import Literal

from kb import paths, vocabulary
from kb.knowledgebase import KnowledgeBase, table
from kb.ns import ID, MZ_BASE, SCHEME
from kb.query import saved
from kb.query.guard import form_of
from kb.store.base import Limits

EXPECTED = Path(__file__).parent / "expected"
EMPTY = {"incidents_lacking_only_knowledge"}  # nobody has assessed the curated case; see test_assess.py
HELP = Path(__file__).parents[1] / "web" / "help"
FILES = sorted(paths.shipped("queries").glob("*/*.rq"))
REPORTS = [path.stem for path in FILES if path.parent.name == "report"]
BOTH = ["title", "title_ar", "description", "description_ar"]
GUIDES = [HELP / f"{name}.{tag}.md" for name in ("researcher", "recipient") for tag in ("en", "ar")]
HEADERS = {"report": [*BOTH, "tags"], "check": BOTH, "browse": ["title", "description"]}
SLOT = re.compile(r"VALUES\s*\?(\w+)\s*\{\s*UNDEF\s*\}")
ARABIC = re.compile(r"[\u0621-\u064a]")
# IRIs, strings and comments before names, so that nothing inside them is taken for a name
NAME = re.compile(r'<([^<>"{}|^`\\\s]*)>|"(?:[^"\\\n]|\\.)*"|#[^\n]*|(?<![\w-])([A-Za-z][\w-]*):([\w-]*)')
Rows = list[tuple[str, ...]]

every_query = pytest.mark.parametrize("path", FILES, ids=lambda p: f"{p.parent.name}/{p.stem}")
every_guide = pytest.mark.parametrize("path", GUIDES, ids=lambda p: p.stem)
every_report = pytest.mark.parametrize("name", REPORTS)


def headers(text: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for key, value in re.findall(r"^#\+ (\w+): ?(.*)$", text, re.MULTILINE):
        found[key] = f"{found.get(key, '')} {value}".strip()
    return found


def iris(text: str) -> set[str]:
    prefixes = dict(re.findall(r"^PREFIX\s+([\w-]+):\s*<([^>]*)>", text, re.MULTILINE))
    body = re.sub(r"^PREFIX\s.*$", "", text, flags=re.MULTILINE)
    return {full or prefixes[prefix] + name for full, prefix, name in NAME.findall(body) if full or prefix}


def shown(value: object) -> str:
    text = value.value if isinstance(value, pyoxigraph.NamedNode | pyoxigraph.Literal) else str(value)
    if isinstance(value, Literal) and text.endswith("+00:00"):
        text = text.removesuffix("+00:00") + "Z"  # rdflib spells UTC so, the store with Z
    for start, short in ((ID, ""), (SCHEME, ""), (MZ_BASE, "mz:")):
        if text.startswith(start):
            return short + text.removeprefix(start)
    return " ".join(text.split())


def expected(name: str) -> tuple[list[str], Rows]:
    with (EXPECTED / f"{name}.tsv").open(encoding="utf-8", newline="") as handle:
        columns, *rows = csv.reader(handle, delimiter="\t", quoting=csv.QUOTE_NONE)
    return columns, [tuple(row) for row in rows]


def ask(base: KnowledgeBase, name: str, columns: list[str], **values: str) -> Rows:
    rows = table(base.ask(saved.load("report", name).bind(values)))
    return [tuple(shown(row[c]) if c in row else "" for c in columns) for row in rows]


@pytest.fixture(scope="module")
def graph(demo: KnowledgeBase) -> Graph:
    """All triples of the demo store in rdflib."""
    limits = Limits(seconds=60, rows=1_000_000)
    answer = demo.ask("CONSTRUCT { ?s ?p ?o } WHERE { ?s ?p ?o }", "ntriples", limits)
    return Graph().parse(data=answer.body, format="nt")


@pytest.fixture(scope="module")
def known() -> set[str]:
    """The terms and concepts that the shipped vocabulary defines."""
    return {q.subject.value for p in vocabulary.term_files() for q in pyoxigraph.parse(path=str(p))}


@every_query
def test_query_stands_where_it_is_read(path: Path) -> None:
    assert path.parent.name in HEADERS
    assert re.fullmatch(r"[a-z]+(_[a-z]+)*", path.stem)


@every_query
def test_query_header_is_complete(path: Path) -> None:
    found = headers(path.read_text(encoding="utf-8"))
    missing = [key for key in HEADERS[path.parent.name] if not found.get(key)]
    assert not missing
    assert all(ARABIC.search(value) for key, value in found.items() if key.endswith("_ar"))


@every_query
def test_query_never_speaks_of_guilt(path: Path) -> None:
    assert not re.search(r"guilty|committed|perpetrat", path.read_text(encoding="utf-8"), re.IGNORECASE)


@every_query
def test_query_parses_in_both_engines(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    prepareQuery(text)
    pyoxigraph.Store().query(text)


@every_query
def test_query_fixes_the_order_of_its_rows(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    if form_of(text) == "SELECT":
        assert re.search(r"\bORDER BY\b[^{}]*$", text)


@every_query
def test_query_names_only_terms_that_exist(path: Path, known: set[str]) -> None:
    own = {iri for iri in iris(path.read_text(encoding="utf-8")) if iri.startswith((MZ_BASE, SCHEME))}
    assert own <= known


@every_query
def test_query_parameters_have_slots(path: Path) -> None:
    query = saved.read(path)
    slots = set(SLOT.findall(query.text))
    assert set(query.parameters) <= slots
    assert all(p.meaning for p in query.parameters.values())
    if path.parent.name == "report":
        assert set(query.parameters) == slots
        assert all(p.default for p in query.parameters.values())
        assert not SLOT.search(query.bind({}))


@every_report
def test_report_defaults_name_what_the_base_holds(name: str, graph: Graph) -> None:
    subjects = {str(s) for s in graph.subjects()}
    for parameter in saved.load("report", name).parameters.values():
        if parameter.kind in ("iri", "concept") and parameter.default:
            assert saved.term(parameter, parameter.default).value in subjects


def test_report_queries_all_have_expected_rows() -> None:
    assert sorted(p.stem for p in EXPECTED.glob("*.tsv")) == REPORTS


@every_report
def test_report_answers_the_expected_rows(name: str, demo: KnowledgeBase) -> None:
    columns, rows = expected(name)
    assert bool(rows) == (name not in EMPTY)
    assert ask(demo, name, columns) == rows


@every_report
def test_report_answers_the_same_in_rdflib(name: str, graph: Graph) -> None:
    columns, rows = expected(name)
    found = graph.query(saved.load("report", name).bind({}))
    names = [str(v) for v in found.vars or []]
    assert list(answers(found, names, columns)) == rows


def answers(found: object, names: list[str], columns: list[str]) -> Iterator[tuple[str, ...]]:
    for row in found:  # type: ignore[attr-defined]
        values = dict(zip(names, row, strict=True))
        yield tuple("" if values[c] is None else shown(values[c]) for c in columns)


@every_report
def test_report_labels_follow_the_language(name: str, demo: KnowledgeBase) -> None:
    query = saved.load("report", name)
    columns, rows = expected(name)
    if "language" not in query.parameters or name in EMPTY:
        return
    assert ask(demo, name, columns, language="ar") == rows
    english, arabic = (table(demo.ask(query.bind({"language": tag}))) for tag in ("en", "ar"))
    texts = {c for row in arabic for c, value in row.items() if getattr(value, "language", None) == "ar"}
    assert texts
    assert [[c in row for c in texts] for row in english] == [[c in row for c in texts] for row in arabic]


@pytest.mark.parametrize(
    ("values", "incidents"),
    [
        ({}, "021 023"),
        ({"sources": "4"}, "023"),
        ({"sources": "1"}, "021 023 024 028"),
        ({"after": "2016-02-14T22:00:00Z"}, "018 019 021 023"),
        ({"after": "2016-02-14T22:00:01Z"}, "021 023"),
        ({"actor": "actor/syria"}, "021 023"),
        ({"actor": "actor/syria", "sources": "1"}, "021 023 024 028 029 030"),
        ({"actor": "actor/russian-armed-forces"}, "023"),
        ({"object": "object-hit#place-of-worship", "after": "2015-09-29"}, "001"),
    ],
)
def test_hospital_query_follows_its_parameters(demo: KnowledgeBase, values: dict[str, str], incidents: str) -> None:
    found = ask(demo, "incidents_hospital_after_cessation", ["incident"], **values)
    assert sorted({row[0].removeprefix("incident/syria-2015-16/INC-") for row in found}) == incidents.split()


def test_discounted_attribution_never_counts_against_its_actor(demo: KnowledgeBase) -> None:
    values = {"after": "2015-09-29", "object": "object-hit#market", "sources": "1"}
    found = {row[0] for row in ask(demo, "incidents_hospital_after_cessation", ["incident"], **values)}
    assert found == {"incident/syria-2015-16/INC-011"}  # INC-009, the market of Douma, is discounted


def test_resolution_of_may_2016_is_too_late_for_the_hospital_of_april(demo: KnowledgeBase) -> None:
    values = {"provision": "instrument/unsc-2286"}
    found = {row[0][-3:] for row in ask(demo, "incidents_with_provision", ["incident"], **values)}
    assert found == {"023", "024", "028", "029"}


@pytest.mark.parametrize("value", ["actor/syria", "id:actor/syria", f"{ID}actor/syria"])
def test_parameter_takes_an_iri_as_tables_print_it(demo: KnowledgeBase, value: str) -> None:
    assert ask(demo, "incidents_hospital_after_cessation", ["incident"], actor=value, sources="4")


@every_guide
def test_guide_commands_name_queries_and_parameters_that_exist(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    for command in re.findall(r"^mizan query (\w+)(?![\w.])(.*)$", text, re.MULTILINE):
        saved.load("report", command[0]).bind(dict(p.split("=") for p in re.findall(r"--param (\S+)", command[1])))
    named = set(re.findall(r"`((?:[a-z]+_)+[a-z]+)`", text))
    assert named <= set(REPORTS)


@every_guide
def test_guide_queries_answer(path: Path, demo: KnowledgeBase) -> None:
    for query in re.findall(r"^```sparql\n(.*?)^```", path.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL):
        assert demo.ask(query).rows


@every_guide
def test_guide_names_only_terms_that_exist(path: Path, known: set[str]) -> None:
    named = {MZ_BASE + name for name in re.findall(r"\bmz:(\w+)", path.read_text(encoding="utf-8"))}
    assert named <= known


@every_guide
def test_guide_says_the_same_in_both_languages(path: Path) -> None:
    def code(language: str) -> list[str]:
        text = path.with_suffix("").with_suffix(f".{language}.md").read_text(encoding="utf-8")
        return re.findall(r"^ *```\w+\n(.*?)^ *```", text, re.MULTILINE | re.DOTALL)

    assert code("en") == code("ar") != []


@pytest.mark.parametrize("language", ["en", "ar"])
def test_recipient_guide_commands_pass_on_a_bundle(language: str, demo: KnowledgeBase, tmp_path: Path) -> None:
    bundle = demo.bundle(["syria-2015-16/INC-021"], tmp_path).path
    printed = []
    for block in re.findall(r"^ *```sh\n(.*?)^ *```", (HELP / f"recipient.{language}.md").read_text(), re.M | re.S):
        for command in block.split("\n"):
            done = subprocess.run(
                ["bash", "-o", "pipefail", "-c", command], cwd=bundle, capture_output=True, text=True, check=True,
                env={"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"},
            )  # fmt: skip
            printed.append(done.stdout)
            assert not re.search("^(find|diff)", command.strip()) or not done.stdout
    text = "".join(printed)
    rdf = re.search(r"^RDF-SHA256: ([0-9a-f]{64})$", text, re.MULTILINE)
    assert rdf and f"{rdf[1]}  -" in text


def test_no_report_query_adds_up_casualties() -> None:
    for path in FILES:
        text = path.read_text(encoding="utf-8")
        if re.search(r"\b(SUM|AVG)\s*\(", text):
            assert not re.search(r"mz:(minimum|maximum|best)\b", text)
