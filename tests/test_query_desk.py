"""Places for queries: pages come first, no client takes all, nobody waits without end, who has gone is let go."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from kb.errors import ClientGone, QueryBusy, TooManyQueries
from kb.query.desk import Asker, Desk
from kb.query.policy import Policy
from kb.query.pool import QueryPool
from kb.store.base import Limits
from kb.store.local import LocalStore

ENDLESS = "SELECT (COUNT(*) AS ?n) { VALUES ?a { 1 2 3 4 5 6 7 8 9 } ?b ?c ?d . ?e ?f ?g . ?h ?i ?j . ?k ?l ?m }"


def enter(desk: Desk, *names: str) -> list[Asker]:
    askers = [Asker(name) for name in names]
    for asker in askers:
        desk.enter(asker, 0.05)
    return askers


def test_desk_keeps_a_place_for_the_pages() -> None:
    desk = Desk(3, Policy(running_per_client=3))
    enter(desk, "a", "b")
    with pytest.raises(QueryBusy, match="busy"):
        enter(desk, "c")
    enter(desk, "")
    with pytest.raises(QueryBusy):
        enter(desk, "")
    assert desk.counts() == (3, 0)


def test_desk_lets_others_in_while_one_client_has_its_share() -> None:
    desk = Desk(4, Policy(running_per_client=2))
    (first, _) = enter(desk, "a", "a")
    with pytest.raises(QueryBusy):
        enter(desk, "a")
    enter(desk, "b")
    desk.leave(first)
    enter(desk, "a")


def test_desk_refuses_a_client_that_queues_too_much_and_a_crowd() -> None:
    policy = Policy(running_per_client=1, waiting=3, waiting_per_client=2)
    desk = Desk(2, policy)
    (holder,) = enter(desk, "a")
    with ThreadPoolExecutor(4) as threads:
        waiting = [threads.submit(desk.enter, Asker(name), 5.0) for name in ("a", "a", "b")]
        while desk.counts()[1] < 3:
            time.sleep(0.01)
        with pytest.raises(TooManyQueries, match="1 of your queries run and 2 wait"):
            desk.enter(Asker("a"), 5.0)
        with pytest.raises(QueryBusy, match="room for 3"):
            desk.enter(Asker("c"), 5.0)
        done = 0
        while done < 3:  # each is let in when the one before it leaves
            desk.leave(holder)
            while sum(w.done() for w in waiting) == done:
                time.sleep(0.01)
            done += 1
            holder = Asker("b" if waiting[2].done() and done == 3 else "a")
    assert desk.counts() == (1, 0)


def test_desk_serves_in_the_order_of_coming() -> None:
    desk, order = Desk(2, Policy()), []
    (holder,) = enter(desk, "x")

    def wait(name: str) -> None:
        asker = Asker(name)
        desk.enter(asker, 5.0)
        order.append(name)
        desk.leave(asker)

    with ThreadPoolExecutor(5) as threads:
        for number, name in enumerate("edcba", 1):
            threads.submit(wait, name)
            while desk.counts()[1] < number:
                time.sleep(0.005)
        desk.leave(holder)
    assert order == list("edcba")


def test_desk_lets_go_who_has_gone() -> None:
    desk = Desk(2, Policy())
    enter(desk, "a")
    with pytest.raises(ClientGone):
        desk.enter(Asker("b", lambda: True), 5.0)
    assert desk.counts() == (1, 0)


def test_desk_waits_for_a_worker_that_is_being_replaced() -> None:
    desk = Desk(1, Policy())
    (asker,) = enter(desk, "a")
    desk.leave(asker, renewing=True)
    threading.Timer(0.5, desk.renewed).start()
    desk.enter(Asker("b"), 0.05)
    assert desk.counts() == (1, 0)


def test_pool_frees_the_worker_of_a_client_that_has_gone(tmp_path: Path) -> None:
    made = LocalStore(tmp_path / "store")
    made.load(b"".join(f"<urn:s{n}> <urn:p> {n} .\n".replace(f" {n} ", f' "{n}" ').encode() for n in range(500)))
    made.copy_to(tmp_path / "copy")
    del made
    with QueryPool(1, Limits(seconds=30.0)) as pool:
        pool.ask(tmp_path / "copy", "ASK {}", "json")
        left = time.monotonic() + 0.5
        with pytest.raises(ClientGone):
            pool.ask(tmp_path / "copy", ENDLESS, "json", asker=Asker("a", lambda: time.monotonic() > left))
        assert time.monotonic() - left < 5.0
        assert pool.ask(tmp_path / "copy", "ASK {}", "json", asker=Asker("a")).rows == 1
        assert pool.load().replaced == {"client gone": 1}


def test_pool_gives_no_place_away_for_good(tmp_path: Path) -> None:
    """After any mixture of ends, as many queries run as there are workers."""
    made = LocalStore(tmp_path / "store")
    made.copy_to(tmp_path / "copy")
    with QueryPool(2, Limits(seconds=20.0)) as pool:
        for query, limits in (
            ("ASK {}", Limits()), ("ASK {", Limits()), ("SELECT (1 AS ?a) {}", Limits(rows=0)),
            ("SELECT * { VALUES ?a { 1 2 } VALUES ?b { 1 2 } }", Limits(bytes=3)),
        ):  # fmt: skip
            for _ in range(3):
                try:
                    pool.ask(tmp_path / "copy", query, "json", limits)
                except Exception as error:
                    assert type(error).__name__ in {"QueryInvalid", "AnswerTooLarge"}
        assert (pool.load().running, pool.load().waiting, pool.load().workers) == (0, 0, 2)
        assert pool.load().replaced == {}
