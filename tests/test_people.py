"""Tokens and sessions: shown once, kept as digests in a file of their own, ended by time, by hand, and everywhere."""

from __future__ import annotations

import stat
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from kb.errors import Forbidden, TooManyAttempts, UsageError
from kb.paths import Home
from kb.people import ROLES, Person, Register, Right, demand
from kb.people.register import TRIES, WITHIN
from kb.people.right import rights_of
from kb.people.session import IDLE, LASTS

DAY = 86400.0
Run = Callable[..., tuple[int, str, str]]


class Clock:
    def __init__(self) -> None:
        self.now = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def register(tmp_path: Path, clock: Clock) -> Register:
    return Register(Home(tmp_path), clock)


def signed_in(register: Register, token: str) -> str:
    found = register.sign_in(token, "192.0.2.1")
    assert found is not None
    return found[0]


def test_token_opens_a_session_with_its_rights(register: Register) -> None:
    number = signed_in(register, register.new("Team 3", "contributor", "30d"))
    session = register.session(number)
    assert session is not None and session.person.name == "Team 3"
    assert session.person.rights == ROLES["contributor"]


def test_token_is_nowhere_in_the_file_and_nobody_else_can_read_it(register: Register, tmp_path: Path) -> None:
    token = register.new("Team 3", "reviewer", "30d")
    number = signed_in(register, token)
    (path,) = tmp_path.iterdir()
    held = path.read_bytes()
    assert token.rpartition("_")[2].encode() not in held and number.encode() not in held
    assert b"192.0.2.1" not in held
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_file_that_others_can_read_is_closed_to_them(register: Register, tmp_path: Path) -> None:
    register.new("Team 3", "reviewer", "30d")
    (path,) = tmp_path.iterdir()
    path.chmod(0o644)
    register.tokens()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


OTHERS = [
    lambda t: t[:-1] + ("A" if t[-1] != "A" else "B"), lambda t: t[:-1], str.upper, lambda t: "",
    lambda t: "mizan_aaaaaaaaaa_" + t[-43:], lambda t: t + "\x00",
]  # fmt: skip


@pytest.mark.parametrize("change", OTHERS)
def test_other_than_the_token_opens_nothing(register: Register, change: Callable[[str], str]) -> None:
    assert register.sign_in(change(register.new("Team 3", "contributor", "30d")), "192.0.2.1") is None


def test_token_ends_at_its_time_and_with_it_the_session(register: Register, clock: Clock) -> None:
    token = register.new("Team 3", "contributor", "1d")
    clock.now += DAY - 60
    number = signed_in(register, token)
    assert register.session(number)
    clock.now += 61
    assert register.session(number) is None
    assert register.sign_in(token, "192.0.2.1") is None
    assert [state for _, state in register.tokens()] == ["expired"]


def test_revoked_token_ends_its_sessions(register: Register) -> None:
    token = register.new("Team 3", "contributor", "30d")
    number = signed_in(register, token)
    register.revoke(token.split("_")[1])
    assert register.session(number) is None
    assert register.sign_in(token, "192.0.2.1") is None


def test_session_ends_unused_and_at_the_latest_after_its_time(register: Register, clock: Clock) -> None:
    token = register.new("Team 3", "contributor", "30d")
    number = signed_in(register, token)
    clock.now += IDLE + 1
    assert register.session(number) is None
    number, begun = signed_in(register, token), clock.now
    while clock.now < begun + LASTS - IDLE:
        clock.now += IDLE / 2
        assert register.session(number)
    clock.now = begun + LASTS + 1
    assert register.session(number) is None


def test_sign_out_ends_one_session_only(register: Register) -> None:
    token = register.new("Team 3", "contributor", "30d")
    first, second = signed_in(register, token), signed_in(register, token)
    register.sign_out(first)
    assert register.session(first) is None and register.session(second)


def test_guessing_is_held_up_for_this_client_and_not_for_others(register: Register, clock: Clock) -> None:
    token = register.new("Team 3", "contributor", "30d")
    for _ in range(TRIES):
        assert register.sign_in("mizan_guess", "2001:db8:1:2::7") is None
    with pytest.raises(TooManyAttempts) as refused:
        register.sign_in(token, "2001:db8:1:2:ffff::1")  # the same network
    assert 0 < refused.value.seconds <= WITHIN + 1
    assert register.sign_in(token, "192.0.2.9")
    clock.now += WITHIN + 1
    assert register.sign_in(token, "2001:db8:1:2::7")


@pytest.mark.parametrize("expires", ["", "tomorrow", "2020-01-01", "9999d", "2999-01-01", "0d", "-5d", "2027-02-30"])
def test_expiry_that_does_not_fit_is_refused(register: Register, expires: str) -> None:
    with pytest.raises(UsageError):
        register.new("Team 3", "contributor", expires)


@pytest.mark.parametrize("name", ["", " ", "a\nb", "x" * 101, "Team\u202e3"])
def test_name_that_could_mislead_is_refused(register: Register, name: str) -> None:
    with pytest.raises(UsageError):
        register.new(name, "contributor", "30d")


def test_scope_narrows_a_role_and_never_widens_it(register: Register) -> None:
    number = signed_in(register, register.new("Team 3", "contributor", "30d", frozenset({"enter"})))
    session = register.session(number)
    assert session is not None and session.person.rights == {Right.ENTER}
    with pytest.raises(UsageError):
        register.new("Team 3", "contributor", "30d", frozenset({"review"}))
    assert rights_of("contributor", frozenset({"review"})) == frozenset() == rights_of("unheard-of", frozenset())


@pytest.mark.parametrize("right", list(Right))
@pytest.mark.parametrize("role", [None, *ROLES])
def test_every_right_of_every_role_is_granted_or_refused(role: str | None, right: Right) -> None:
    person = Person("t", "n", role, ROLES[role]) if role else None
    granted = {None: set(), "contributor": {"enter", "assess", "upload"}, "reviewer": set(Right)}[role]
    if right.value in granted:
        assert demand(person, right) is person
    else:
        with pytest.raises(Forbidden):
            demand(person, right)


def test_commands_make_list_and_revoke(mizan: Run, fresh_home: Path, tmp_path: Path) -> None:
    home = ("--home", str(fresh_home))
    code, token, told = mizan("token", "new", "--name", "فريق ٣", "--role", "reviewer", "--expires", "90d", *home)
    assert code == 0 and token.startswith("mizan_") and "not shown again" in told
    ident = token.split("_")[1]
    code, listed, _ = mizan("token", "list", *home)
    assert code == 0 and ident in listed and "فريق ٣" in listed and token.split("_")[2].strip() not in listed
    assert mizan("token", "revoke", ident, *home)[0] == 0
    assert "revoked" in mizan("token", "list", *home)[1]
    assert mizan("token", "revoke", "nosuchone", *home)[0] == 2
    assert mizan("backup", str(tmp_path / "b.tar"), *home)[0] == 0
    with tarfile.open(tmp_path / "b.tar") as tar:
        assert not [n for n in tar.getnames() if "people" in n]
