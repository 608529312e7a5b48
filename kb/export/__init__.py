"""Rows of an answer as files: CSV and XLSX for people, JSON, GeoJSON and RDF for programs."""

from kb.export.format import FORMATS, Context, write
from kb.export.rows import Rows, read

__all__ = ["FORMATS", "Context", "Rows", "read", "write"]
