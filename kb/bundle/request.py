"""What a bundle is made from: the records as written, and the snapshot that they were read from."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from pyoxigraph import Literal, NamedNode

from kb import canonical
from kb.bundle import closure
from kb.errors import DoesNotConform, LedgerBroken, NotFound, UsageError
from kb.ledger import Entry, Head
from kb.record import owner


@dataclass(frozen=True, slots=True)
class BundleRequest:
    """A bundle to be made.

    `asked` are incident IRIs; `records` the entries of everything that goes in, by record IRI; `segments` the ledger
    segment that holds each; `snapshot`, `time` (ISO 8601 with zone) and `ledger` name the state they were read from;
    `omitted` gives the reason for each record that was pointed to and left out.
    """

    asked: Sequence[str]
    records: Mapping[str, Entry]
    segments: Mapping[str, int]
    snapshot: int
    time: str
    ledger: Head
    omitted: Mapping[str, str] = field(default_factory=dict)

    @property
    def moment(self) -> int:
        """The snapshot's time in seconds since 1970."""
        return int(datetime.fromisoformat(self.time).timestamp())

    @property
    def date(self) -> str:
        """The snapshot's date as it stands in `time`."""
        return self.time[:10]


def check(request: BundleRequest) -> None:
    """Refuse a request before anything is written: a record that is missing, changed, not public or not canonical."""
    if not re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)", request.time):
        raise UsageError(f"{request.time} is not a time with its zone", "the bundle is dated by its snapshot")
    if not request.asked:
        raise UsageError("No incident is named", "", "Name one or more, such as syria-2015-16/INC-001.")
    for iri in request.asked:
        if iri not in request.records or not iri.startswith(closure.INCIDENTS):
            raise NotFound(f"The incident {iri} is not among the records of the bundle", "", "Look at its id again.")
    for iri, entry in request.records.items():
        if iri not in request.segments:
            raise NotFound(f"The ledger segment of {iri} is not given", "", "Read it from the snapshot.")
        _check_entry(iri, entry)


def _check_entry(iri: str, entry: Entry) -> None:
    if entry.record != iri or entry.operation != "put":
        raise DoesNotConform(f"The entry given for {iri} is not its record", f"{entry.operation} {entry.record}")
    if entry.tier != "PUBLIC":
        raise DoesNotConform(
            f"{iri} is {entry.tier}", "this version bundles public records only", "Leave that record out."
        )
    if canonical.digest(entry.triples) != entry.sha256:
        raise LedgerBroken(
            f"The bytes of {iri} do not fit their digest", f"the ledger says {entry.sha256}",
            "Run mizan ledger verify, and restore the ledger from a backup.",
        )  # fmt: skip
    try:
        triples = canonical.parse_ntriples(entry.triples)
    except SyntaxError as error:
        raise DoesNotConform(f"The bytes of {iri} are not N-Triples", str(error)) from None
    if canonical.ntriples(triples) != entry.triples:
        raise DoesNotConform(f"The bytes of {iri} are not in canonical form", "other tools would get another digest")
    for triple in triples:
        subject, named = triple.subject, isinstance(triple.object, NamedNode | Literal)
        if not named or not isinstance(subject, NamedNode) or owner(subject.value) != iri:
            raise DoesNotConform(f"The record {iri} holds a node that is blank or not its own", str(subject))


def selection(request: BundleRequest, version: str) -> bytes:
    """request/selection.json: what was asked, what matched, what went in, what did not and why."""
    value: dict[str, Any] = {
        "about": "What was asked for and what became of it. matched = included + withheld + omitted.",
        "asked": sorted(request.asked),
        "contrary_material": "included: records go in whole, with the claims for and against that they hold",
        "counts": {
            "matched": len(request.records) + len(request.omitted), "included": len(request.records),
            "withheld": 0, "omitted": len(request.omitted),
        },
        "included": [
            {"record": iri, "revision": entry.revision, "segment": request.segments[iri], "sha256": entry.sha256}
            for iri, entry in sorted(request.records.items())
        ],
        "ledger_head": {"segment": request.ledger.segment, "sha256": request.ledger.sha256},
        "omitted": [{"record": iri, "reason": reason} for iri, reason in sorted(request.omitted.items())],
        "rule": closure.RULE,
        "snapshot": request.snapshot,
        "snapshot_time": request.time,
        "software": f"mizan-kb {version}",
        "tier": "PUBLIC",
        "withheld": [],
    }  # fmt: skip
    return (json.dumps(value, ensure_ascii=False, indent=1, sort_keys=True) + "\n").encode()
