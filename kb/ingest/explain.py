"""Shows what the first rows of a table become: Turtle, and the column that each triple comes from."""

from __future__ import annotations

from itertools import islice
from pathlib import Path

from kb import canonical
from kb.ingest import tabular
from kb.ingest.build import Builder
from kb.ingest.known import finder
from kb.ingest.plan import Mapping
from kb.ns import ID, MZ, RDF
from kb.store.local import LocalStore

_ROWS = 3


def table(mapping: Mapping, path: Path, store: LocalStore | None) -> str:
    """The first rows of a table as Turtle, then as comments each triple that comes from a column, with that column."""
    opened, _ = tabular.begin(path, mapping)
    builder = Builder(mapping, finder(store))
    parts: list[str] = []
    for row in islice(opened, _ROWS):
        lines, draft, iri = builder.build(row)
        parts.append(f"# row {row.number} (line {row.line}): {iri or 'kept out'}\n")
        parts += [f"# {problem}\n" for problem in draft.problems]
        text = "".join(sorted(line for part in lines.values() for line in part))
        triples = canonical.parse_ntriples(text)
        if triples:
            parts.append(canonical.turtle(t for t in triples if t.predicate != MZ.inRecord).decode())
        for triple in triples:
            if triple.predicate in (RDF.type, MZ.inRecord):
                continue
            place = str(triple.subject)[1:-1].removeprefix(ID)
            if column := mapping.column_of(place, triple.predicate.value):
                shown = " ".join(str(triple).removeprefix(f"<{ID}").split())
                parts.append(f"# column {column}: <{shown[:200]}\n")
        parts.append("\n")
    return "".join(parts)
