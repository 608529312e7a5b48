"""The search index: text in both scripts, facets, ranges and pages over all records, embedded (tantivy)."""

from kb.search.asking import Box, Filters
from kb.search.index import Hit, Hits, SearchIndex
from kb.search.listing import Cell, Listing, Page
from kb.search.schema import FACETS, Facet, kind_of
from kb.search.screened import Screened
from kb.search.text import normalise, words

__all__ = [
    "FACETS", "Box", "Cell", "Facet", "Filters", "Hit", "Hits", "Listing", "Page", "Screened", "SearchIndex", "kind_of",
    "normalise", "words",
]  # fmt: skip
