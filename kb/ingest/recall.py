"""What became of large imports, so that the same file, coming again, is known and not worked through once more.

A memory, not a record: without it the import is done in full and gives the same. It holds as long as nothing was
written since that could bear on the result: records that the mapping makes, or anything that rows are checked
against or take names from.
"""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from kb.ingest.draft import pattern
from kb.ingest.plan import Mapping
from kb.ingest.report import Kept, Problem, Summary
from kb.ledger import Ledger
from kb.ns import ID
from kb.storage import replace_file

_SUFFIX = ".done"
_KEPT = 50  # imports that are remembered
_APART = ("incident/", "source/", "match/")  # kinds of records that no row of another table is checked against


@dataclass(frozen=True, slots=True)
class Recalled:
    """An earlier import of the same file: what it had to say, its records, those gone, and what it kept aside."""

    intake: Summary
    records: int
    gone: int
    kept: Kept


def remember(folder: Path, name: str, segment: int, told: Recalled) -> None:
    """Keep what became of an import whose result stands in the ledger up to `segment`."""
    intake = told.intake
    value = {
        "segment": segment, "records": told.records, "gone": told.gone, "columns": intake.columns,
        "rows": intake.rows, "out": intake.out, "rules": intake.by_rule,
        "problems": [asdict(p) for p in intake.problems],
        "noted": {rule: [n, asdict(note)] for rule, (n, note) in intake.notes_by_rule.items()},
        "rejects": told.kept.rejects and told.kept.rejects.name, "notes": told.kept.notes and told.kept.notes.name,
    }  # fmt: skip
    folder.mkdir(exist_ok=True)
    replace_file(folder / (name + _SUFFIX), json.dumps(value).encode())
    kept = sorted(folder.glob("*" + _SUFFIX), key=lambda p: p.stat().st_mtime)
    for path in kept[:-_KEPT]:
        path.unlink()


def recall(folder: Path, name: str, ledger: Ledger, mapping: Mapping, rejects: Path) -> Recalled | None:
    """What became of an import, if it is remembered and would be the same now."""
    try:
        value = json.loads((folder / (name + _SUFFIX)).read_bytes())
        found = _recalled(value, rejects)
        since = range(int(value["segment"]) + 1, ledger.head().segment + 1)
    except (FileNotFoundError, ValueError, LookupError, TypeError):
        return None
    there = all(path is None or path.is_file() for path in (found.kept.rejects, found.kept.notes))
    return found if there and not _bears(ledger, since, mapping) else None


def _recalled(value: dict[str, Any], rejects: Path) -> Recalled:
    intake = Summary(columns=value["columns"], rows=value["rows"], out=value["out"])
    intake.by_rule = Counter(value["rules"])
    intake.problems = [Problem(**p) for p in value["problems"]]
    intake.notes_by_rule = {rule: (n, Problem(**note)) for rule, (n, note) in value["noted"].items()}
    kept = Kept(*(value[key] and rejects / value[key] for key in ("rejects", "notes")))
    return Recalled(intake, value["records"], value["gone"], kept)


def _bears(ledger: Ledger, segments: range, mapping: Mapping) -> bool:
    """Whether anything in these segments could make the import of a file come out otherwise."""
    made = [pattern(mapping.record), *(pattern(n.record) for n in mapping.nodes if n.record)]
    for number in segments:
        for iri in ledger.records(number):
            local = iri.removeprefix(ID)
            if not local.startswith(_APART) or any(p.fullmatch(local) for p in made):
                return True
    return False
