"""Answers that took long are kept beside their snapshot: the same bytes again, bounded, and gone with the snapshot."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from kb.knowledgebase import KnowledgeBase
from kb.query import answers, saved
from kb.query.answers import Answers
from kb.query.desk import Asker
from kb.snapshot import Retention
from kb.store.base import Answer, Limits
from web.app import create_app

QUERY, LIMITS = "SELECT * { ?s ?p ?o }", Limits()
QUESTION = "incidents_with_provision"


class Store:
    """Counts how often it is asked, and never answers twice the same."""

    def __init__(self) -> None:
        self.asked = 0

    def __call__(self) -> Answer:
        self.asked += 1
        return Answer("text/csv", os.urandom(2_000), self.asked)


def test_answer_that_took_long_is_given_again(tmp_path: Path) -> None:
    kept, store = Answers(tmp_path / "answers", slow=0), Store()
    first = kept.get(QUERY, "csv", LIMITS, store)
    assert kept.get(QUERY, "csv", LIMITS, store) == first and store.asked == 1
    assert kept.get(QUERY, "json", LIMITS, store) != first
    assert kept.get(QUERY + " ", "csv", LIMITS, store) != first
    assert not any(QUERY.encode() in p.read_bytes() for p in (tmp_path / "answers").iterdir())


def test_answer_that_was_quick_is_not_kept(tmp_path: Path) -> None:
    kept, store = Answers(tmp_path / "answers"), Store()
    kept.get(QUERY, "csv", LIMITS, store)
    kept.get(QUERY, "csv", LIMITS, store)
    assert store.asked == 2 and not (tmp_path / "answers").exists()


def test_answer_that_changes_by_itself_is_asked_each_time(tmp_path: Path) -> None:
    kept, store = Answers(tmp_path, slow=0), Store()
    for _ in range(2):
        kept.get("SELECT (NOW() AS ?now) {}", "csv", LIMITS, store)
    assert store.asked == 2 and not list(tmp_path.iterdir())


def test_kept_answer_beyond_the_limits_of_today_is_not_given(tmp_path: Path) -> None:
    kept, store = Answers(tmp_path, slow=0), Store()
    kept.get(QUERY, "csv", LIMITS, store)
    kept.get(QUERY, "csv", Limits(bytes=1_999), store)
    assert store.asked == 2


@pytest.mark.parametrize("damage", [b"", b"not gzip", b"\x1f\x8b\x08"])
def test_damaged_file_is_asked_for_again(tmp_path: Path, damage: bytes) -> None:
    kept, store = Answers(tmp_path, slow=0), Store()
    kept.get(QUERY, "csv", LIMITS, store)
    for path in tmp_path.iterdir():
        path.write_bytes(damage)
    assert kept.get(QUERY, "csv", LIMITS, store) == kept.get(QUERY, "csv", LIMITS, store)
    assert store.asked == 2


def test_kept_answers_take_no_more_room_than_they_may(tmp_path: Path) -> None:
    kept, store = Answers(tmp_path, slow=0, most=9_000), Store()
    for number in range(20):
        kept.get(f"{QUERY} LIMIT {number}", "csv", LIMITS, store)
    assert len(list(tmp_path.iterdir())) >= 2 and sum(p.stat().st_size for p in tmp_path.iterdir()) <= 9_000
    Answers(tmp_path, slow=0, most=1_000).get(QUERY, "csv", LIMITS, store)
    assert store.asked == 21, "what is larger than all that may be kept is answered all the same"


def test_saved_question_is_computed_once_a_snapshot(demo_copy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(answers.Answers.__init__, "__defaults__", (0.0, answers.MOST))
    question = saved.load("report", QUESTION)
    with KnowledgeBase.open(demo_copy) as base:
        first, ask, asked = base.ask_saved(question, {}), base.ask, []
        monkeypatch.setattr(base, "ask", lambda *given, **named: asked.append(given) or ask(*given, **named))
        assert base.ask_saved(question, {}) == first and not asked
        assert base.ask_saved(question, {"language": "ar"}).body != first.body
        folder = base.snapshot().answers
        assert len(list(folder.iterdir())) == 2 == len(asked) + 1
        base.compact(Retention(1))
        assert folder.parent != base.snapshot().folder and not base.snapshot().answers.exists()
        assert base.ask_saved(question, {}) == first and len(asked) == 2


def test_saved_questions_have_the_limits_of_a_client(demo_copy: Path) -> None:
    (demo_copy / "service.toml").write_text("[query]\nrunning_per_client = 1\nwaiting_per_client = 0\n")
    with KnowledgeBase.open(demo_copy, workers=3) as base:
        client, desk = create_app(base).test_client(), base.pool()._desk
        other, busy = {"REMOTE_ADDR": "192.0.2.7"}, Asker("127.0.0.1")
        desk.enter(busy, 1)
        for path in (f"/api/queries/{QUESTION}", f"/en/queries/{QUESTION}?run=1"):
            assert client.get(path).status_code == 429
            assert client.get(path, environ_overrides=other).status_code == 200
        desk.leave(busy)
        assert client.get(f"/api/queries/{QUESTION}").status_code == 200
