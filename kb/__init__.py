"""Mizan: incidents, claims and the law as one verifiable knowledge base."""

__version__ = "0.2.0"
