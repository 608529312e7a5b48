"""Writes a submission into the knowledge base, through the same door as everything else."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

from pyoxigraph import NamedNode, Triple

from kb import document
from kb.applicability.assessment import Judgement
from kb.canonical import literal
from kb.errors import Conflicting, DoesNotConform
from kb.importing import Options
from kb.ingest import mapping
from kb.knowledgebase import KnowledgeBase
from kb.ns import DCTERMS, ID, MZ, RDF, SKOS
from kb.people import Person
from kb.record import Record
from kb.review.submission import Kind, Submission
from kb.validation import Finding

_LABELS = {"en": "Entered on this site", "ar": "مُدخَل في هذا الموقع"}


def dataset(name: str, publisher: str) -> Record:
    """The dataset of what is entered on the site, under the name and with the publisher that the operator chose.

    No licence is stated where nobody has stated one.
    """
    node = NamedNode(f"{ID}dataset/{name}")
    labels = [Triple(node, SKOS.prefLabel, literal(text, language=tag)) for tag, text in _LABELS.items()]
    return document.record(node.value, [
        Triple(node, RDF.type, MZ.Dataset), *labels, Triple(node, DCTERMS.license, literal("none stated")),
        Triple(node, DCTERMS.publisher, NamedNode(f"{ID}actor/{publisher}")),
    ])  # fmt: skip


def with_dataset(base: KnowledgeBase, records: tuple[Record, ...]) -> list[Record]:
    """Records with the dataset that they belong to, where that does not stand yet."""
    own = dataset(base.policy.dataset, base.policy.publisher)
    named = any(f"<{own.iri}>" in record.text for record in records)
    known = base.snapshot().store.digest(own.iri) is not None
    return [*([own] if named and not known else []), *records]


def check(base: KnowledgeBase, records: tuple[Record, ...]) -> list[Finding]:
    """What the validation finds about records as they would be written now."""
    return base.validate(with_dataset(base, records))


def publish(base: KnowledgeBase, submission: Submission, reviewer: Person, file: Path | None = None) -> int:
    """Write a submission; returns the number of the snapshot that shows it. `file` is the table of an upload.

    DoesNotConform, with nothing written, when it does not hold any more as it stands; Conflicting when something else
    has come to stand under its IRI.
    """
    activity: dict[str, Any] = {
        "label": f"{submission.kind.value} entered by {submission.author}, published by {reviewer.name}",
        "entered": {"name": submission.author, "token": submission.token, "at": submission.changed},
        "published": {"name": reviewer.name, "token": reviewer.token}, "submission": submission.id,
    }  # fmt: skip
    if submission.kind == Kind.UPLOAD:
        return _upload(base, submission, file, activity)
    records = submission.records
    if submission.kind == Kind.ASSESSMENT:
        records = (base.assessed(judgement(submission.typed)),)
    elif not submission.corrects and any(base.snapshot().store.digest(r.iri) not in (None, r.digest) for r in records):
        why = "something else stands there since it was submitted"
        raise Conflicting(f"{submission.title} cannot be published", why, "Return it: it needs another identifier.")
    whole = with_dataset(base, records)
    findings = [f for f in base.validate(whole) if f.severity == "Violation"]
    if findings:  # before anything of it is written
        hint = "Return it to its author with this reason."
        raise DoesNotConform(f"{submission.title} cannot be published", findings[0].message(), hint)
    return base.add(whole, activity).outcome.snapshot


def judgement(typed: dict[str, Any]) -> Judgement:
    """An assessment as it was typed."""
    return Judgement(
        typed["incident"], typed["element"], typed["value"], typed["by"], typed["standard"], typed["on"],
        dict(typed["reasons"]), tuple(typed["supported_by"]), tuple(typed["contradicted_by"]),
    )  # fmt: skip


def _upload(base: KnowledgeBase, submission: Submission, file: Path | None, activity: dict[str, Any]) -> int:
    if file is None:
        raise Conflicting(f"{submission.title} cannot be published", "its file is gone", "Return it to its author.")
    if hashlib.sha256(file.read_bytes()).hexdigest() != submission.typed["sha256"]:
        raise Conflicting(f"{submission.title} cannot be published", "its file is not what was looked at", "Return it.")
    layout = mapping.load(submission.typed["layout"])
    label = f"import {layout.name} {submission.typed['name']}, {activity['label']}"
    done = base.import_table(layout, file, Options(activity={**activity, "label": label}))
    assert done.outcome is not None
    return done.outcome.snapshot
