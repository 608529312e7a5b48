"""Finds records of different datasets that may tell of one event: candidates for a person to review, never merged."""
