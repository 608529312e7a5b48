"""The words of a screening: six tests, three verdicts, three outcomes, and what each rests on."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum

from kb.applicability.law import Classification


class Verdict(Enum):
    """What one test says. Missing facts give UNKNOWN, never a silent pass."""

    PASSED = "passed"
    FAILED = "failed"
    UNKNOWN = "unknown"


class Outcome(Enum):
    """What a screening says of a provision: it can apply, it cannot, or the facts do not decide."""

    APPLICABLE = "applicable"
    NOT_APPLICABLE = "not-applicable"
    UNDETERMINED = "undetermined"


TESTS = ("time", "place", "person", "subject", "exclusion", "precondition")


@dataclass(frozen=True, slots=True)
class Test:
    """One test with its verdict; `reason` names a text of explain.py, `facts` and `law` the IRIs and values in it.

    `claims` are the classifications of the conflict that it leans on.
    """

    __test__ = False  # not a test of pytest's

    name: str
    verdict: Verdict
    reason: str
    facts: tuple[str, ...] = ()
    law: tuple[str, ...] = ()
    claims: tuple[Classification, ...] = ()


@dataclass(frozen=True, slots=True)
class Screening:
    """The answer for one incident and one provision: six tests and what follows from them."""

    provision: str
    tests: tuple[Test, ...]

    @property
    def outcome(self) -> Outcome:
        """One failed test rules the provision out; else one unknown leaves it open; else it can apply."""
        return decide(test.verdict for test in self.tests)


def decide(verdicts: Iterable[Verdict]) -> Outcome:
    """The outcome of a set of verdicts."""
    found = set(verdicts)
    if Verdict.FAILED in found:
        return Outcome.NOT_APPLICABLE
    return Outcome.UNDETERMINED if Verdict.UNKNOWN in found else Outcome.APPLICABLE
