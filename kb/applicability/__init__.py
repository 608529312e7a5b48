"""Which provisions can apply to which incident, and why: law is data, and one engine reads it."""

from kb.applicability.facts import Facts, Reader
from kb.applicability.law import Law, Scope
from kb.applicability.screen import Screener
from kb.applicability.verdict import Outcome, Screening, Test, Verdict

__all__ = ["Facts", "Law", "Outcome", "Reader", "Scope", "Screener", "Screening", "Test", "Verdict"]
