"""A knowledge base published to a SPARQL service of others: Oxigraph's server, Fuseki, Virtuoso, each started once."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from kb import document, vocabulary, writer
from kb.errors import AnswerTooLarge, MizanError, QueryRefused, QueryTimeout, UsageError
from kb.knowledgebase import KnowledgeBase, table
from kb.ledger import Ledger
from kb.paths import Home
from kb.query import saved
from kb.record import Record
from kb.store import service
from kb.store.base import Limits
from kb.store.mirror import MARK, ServiceBehind
from kb.store.remote import RemoteStore, ServiceFailed
from tests.service_host import CUT, HOSTS, Host

INCIDENT = "https://w3id.org/mizan/id/incident/syria-2015-16/INC-001"
LABEL = f"SELECT ?l {{ <{INCIDENT}> <http://www.w3.org/2004/02/skos/core#prefLabel> ?l }} ORDER BY LANG(?l) ?l"
COUNT = "SELECT (COUNT(*) AS ?n) { ?s ?p ?o }"
PRODUCT = "SELECT ?a ?d { ?a ?b ?c . ?d ?e ?f . ?g ?h ?i . FILTER(STR(?c) < STR(?f) && STR(?a) = STR(?i)) }"


@pytest.fixture(scope="module", params=HOSTS)
def host(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Host]:
    with HOSTS[request.param](tmp_path_factory.mktemp(request.param)) as running:
        yield running


@pytest.fixture(scope="module")
def records() -> list[Record]:
    """Two incidents of the case, with what is claimed about them."""
    found = document.records([t for path in vocabulary.case_files() for t in document.read(path)])
    return [r for r in found if r.iri.endswith(("/INC-001", "/INC-002"))]


@pytest.fixture(scope="module")
def _small(records: list[Record], tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("small") / "home"
    writer.new_home(root, {"format": 1, "software": "test", "created": "2026-11-27T00:00:00Z"})
    with KnowledgeBase.open(root) as base:
        base.write(records[:1], {"label": "one"})
    return root


@pytest.fixture
def root(host: Host, _small: Path, tmp_path: Path) -> Path:
    """A small knowledge base, to be published to a graph of its own at the next change."""
    shutil.copytree(_small, tmp_path / "home")
    chosen = service.Service(host.query, host.update, f"urn:mizan:{tmp_path.name}")
    writer.set_service(Home(tmp_path / "home"), chosen)
    return tmp_path / "home"


def _changed(record: Record) -> Record:
    label = f"<{record.iri}> <http://www.w3.org/2004/02/skos/core#prefLabel> "
    lines = [x.replace('"@en', ' again"@en') if x.startswith(label) else x for x in record.text.splitlines(True)]
    return Record(record.iri, text="".join(lines))


def _number(base: KnowledgeBase, query: str = COUNT) -> int:
    return int(next(iter(table(base.ask(query))[0].values())).value)


def test_service_gets_every_change_and_answers_for_the_store(root: Path, records: list[Record]) -> None:
    with KnowledgeBase.open(root) as base:
        base.write(records, {"label": "both"})
        assert _number(base) == len(base.snapshot().store) + 2, "all, and the mark of the service"
        assert table(base.ask(LABEL)) == table(base.snapshot().store.ask(LABEL, "SELECT", "json", Limits()))
        before = table(base.ask(LABEL))
        base.write([_changed(records[0])], {"label": "again"})
        after = table(base.ask(LABEL))
        assert after == table(base.snapshot().store.ask(LABEL, "SELECT", "json", Limits()))
        assert after != before and len(after) == len(before), "what was replaced is gone"
        assert _number(base) == len(base.snapshot().store) + 2
        csv = base.ask(LABEL, "csv").body
        assert csv == base.snapshot().store.ask(LABEL, "SELECT", "csv", Limits()).body
        asked = f"ASK {{ <{INCIDENT}> ?p ?o }}"
        assert json.loads(base.ask(asked).body)["boolean"] is True
        assert base.ask(f"CONSTRUCT {{ ?s ?p ?o }} {{ ?s ?p ?o }} LIMIT {CUT}", "ntriples").rows == CUT


def test_service_that_fails_in_the_middle_goes_on_where_it_stopped(
    root: Path, records: list[Record], monkeypatch: pytest.MonkeyPatch
) -> None:
    with KnowledgeBase.open(root) as base:
        base.write(records, {"label": "both"})
    real, sent = RemoteStore.update, []

    def failing(store: RemoteStore, text: str, seconds: float = 120.0) -> None:
        sent.append(text)
        if len(sent) > 2:
            raise ServiceFailed("the line was cut")
        real(store, text, seconds)

    with KnowledgeBase.open(root) as base:
        monkeypatch.setattr(RemoteStore, "update", failing)
        with pytest.raises(ServiceFailed, match="the line was cut"):
            base.write([_changed(records[0])], {"label": "again"})
        with pytest.raises(ServiceBehind, match="does not hold snapshot"):
            base.ask(LABEL)
        monkeypatch.setattr(RemoteStore, "update", lambda *given: (sent.append(given[1]), real(*given)))
        sent.clear()
        done = base.write([_changed(records[0])], {"label": "again"})
        assert (done.changed, done.same) == (0, 1), "it stood in the ledger already"
        assert not any(text.startswith("CLEAR") for text in sent), "only the rest was sent"
        assert table(base.ask(LABEL)) == table(base.snapshot().store.ask(LABEL, "SELECT", "json", Limits()))
        assert _number(base) == len(base.snapshot().store) + 2


def test_service_changed_by_others_is_noticed_and_made_anew(root: Path, records: list[Record]) -> None:
    with KnowledgeBase.open(root) as base:
        base.write(records, {"label": "both"})
        known = service.read(json.loads((root / "mizan.json").read_text()))
        assert known is not None
        remote = RemoteStore(known.query, update=known.update, graph=known.graph)
        remote.update(f"CLEAR GRAPH <{known.graph}>")
        with pytest.raises(ServiceBehind):
            base.ask(LABEL)
        ours = f"{MARK} <http://purl.org/dc/terms/identifier> '{writer.first_digest(Ledger(root / 'ledger'))}'"
        remote.update(f"INSERT DATA {{ GRAPH <{known.graph}> {{ {ours} . <urn:a> <urn:b> <urn:c> }} }}")
        base.rebuild()
        assert _number(base) == len(base.snapshot().store) + 2
        remote.update(f"CLEAR GRAPH <{known.graph}>")
        remote.update(f"INSERT DATA {{ GRAPH <{known.graph}> {{ <urn:a> <urn:b> <urn:c> }} }}")
        with pytest.raises(UsageError, match="holds something else"):
            base.rebuild()
        remote.update(f"INSERT DATA {{ GRAPH <{known.graph}> {{ {MARK} <http://purl.org/dc/terms/identifier> 'x' }} }}")
        with pytest.raises(UsageError, match="holds another knowledge base.*--store-graph"):
            base.rebuild()


def test_service_out_of_time_gives_no_rows(root: Path, host: Host, records: list[Record]) -> None:
    """Oxigraph and Fuseki write that into an answer which began well; as CSV it would read like a row."""
    with KnowledgeBase.open(root) as base:
        base.write(records, {"label": "both"})
        with pytest.raises((QueryTimeout, ServiceFailed, AnswerTooLarge)) as caught:
            base.ask(PRODUCT, "csv", Limits(seconds=20.0, rows=10**9, bytes=1 << 30))
        if host.kind == "oxigraph":
            assert isinstance(caught.value, QueryTimeout)


def test_service_that_cuts_is_found_out(root: Path, host: Host, records: list[Record]) -> None:
    """Virtuoso names its cap for tables, and says nothing for graphs."""
    with KnowledgeBase.open(root) as base:
        base.write(records, {"label": "both"})
        everything = "SELECT * { ?s ?p ?o }"
        graph = "CONSTRUCT { ?s ?p ?o } { ?s ?p ?o }"
        if host.kind == "virtuoso":
            with pytest.raises(AnswerTooLarge, match="the service cuts there"):
                base.ask(everything)
            for query in (graph, f"{graph} LIMIT {CUT + 1}", f"{graph} # LIMIT 5"):
                with pytest.raises(QueryRefused, match=f"a LIMIT of at most {CUT}"):
                    base.ask(query, "ntriples")
        else:
            assert base.ask(everything).rows == base.ask(graph, "ntriples").rows == _number(base) > CUT


def test_service_refuses_with_a_plain_error(root: Path, host: Host, records: list[Record]) -> None:
    with KnowledgeBase.open(root) as base:
        base.write(records, {"label": "both"})
        with pytest.raises(MizanError) as caught:
            base.ask("SELECT ?s { ?s ?p }")
        assert host.query in str(caught.value) and "\n" not in str(caught.value)


def test_saved_questions_are_answered_alike_here_and_there(host: Host, demo_copy: Path) -> None:
    """Report questions over the curated case as their forms open: all by one server, a part by the slower ones."""
    writer.set_service(Home(demo_copy), service.Service(host.query, host.update, f"urn:mizan:{demo_copy.parent.name}"))
    with KnowledgeBase.open(demo_copy) as base:
        base.rebuild()
        here = base.snapshot().store
        for number, question in enumerate(saved.every("report")):
            if host.kind == "oxigraph" or not number % 6:
                mine = table(here.ask(question.bind({}), "SELECT", "json", Limits()))
                assert table(base.ask_saved(question, {})) == mine, question.name
