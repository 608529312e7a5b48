"""Benchmarks: they print figures and compare with a peer in the same run; no test depends on a time."""
