"""The incidents of a list as an evidence bundle to take away: the folder of `mizan bundle create` as one ZIP."""

from __future__ import annotations

import io
import tempfile
import threading
from datetime import UTC, datetime
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

from flask import Blueprint, Response, request

from kb.errors import AnswerTooLarge, NotFound, QueryBusy
from kb.ledger import Ledger
from kb.search import Hit
from web import selection
from web.listing import read
from web.site import here, not_modified, site, tagged, tongue
from web.views.incidents import listing_of

blueprint = Blueprint("parcel", __name__)
MOST = 100  # incidents of one bundle
READ = 64_000_000  # bytes of packed ledger files that are read through for it
_PATIENCE = 10.0  # seconds that a request waits for the one before
_COMMAND = "Whoever runs this knowledge base makes it with: mizan bundle create --incident …"
_one = threading.Lock()  # a bundle fills a processor for a while: one at a time


@blueprint.get("/api/bundle")
def as_bundle() -> Response:
    """The bundle of all incidents that the filters let through; it takes those of the list of incidents."""
    held = not_modified("bundle")
    if held:
        return held
    state, listing = read(request.args), listing_of(here())
    total = listing.total(state.filters)
    if total > MOST:
        raise AnswerTooLarge(
            f"The list has {total:,} incidents", f"a bundle made here takes {MOST}",
            f"Narrow the list by place, time or another field. {_COMMAND}",
        )  # fmt: skip
    selected = selection.hits(listing, state, tongue().code)
    if not selected:
        raise NotFound("No incident is in this list", "there is nothing to put into a bundle")
    _refuse_long_reading(selected)
    if not _one.acquire(timeout=_PATIENCE):
        raise QueryBusy(
            "A bundle is being made already", f"it took more than {_PATIENCE:g} s", "Try again in a moment."
        )
    try:
        body, name = _made([hit.iri for hit in selected])
    finally:
        _one.release()
    response = Response(body, content_type="application/zip")
    response.headers["Content-Disposition"] = f'attachment; filename="{name}.zip"'
    return tagged(response, "bundle")


def _refuse_long_reading(selected: list[Hit]) -> None:
    """AnswerTooLarge where the ledger files that the records stand in are too many to be read for a request."""
    ledger = Ledger(site().base.home.ledger)
    paths = [ledger.segment_path(n) for n in {here().store.segment_of(hit.iri) for hit in selected}]
    if sum(path.stat().st_size for path in paths if path.is_file()) > READ:
        raise AnswerTooLarge(
            "The records stand in files of the ledger that are too large for a request",
            f"they have more than {READ // 1_000_000} MB", _COMMAND,
        )  # fmt: skip


def _made(incidents: list[str]) -> tuple[bytes, str]:
    """The bytes of the ZIP and the bundle's name; the same bytes whenever the same snapshot is asked."""
    with tempfile.TemporaryDirectory(prefix="mizan-bundle-") as folder:
        made = site().base.bundle(incidents, Path(folder))
        packed = io.BytesIO()
        moment = datetime.fromisoformat(here().time).astimezone(UTC).timetuple()[:6]
        with ZipFile(packed, "w", ZIP_DEFLATED) as archive:
            for path in sorted(p for p in made.path.rglob("*") if p.is_file()):
                entry = ZipInfo(f"{made.path.name}/{path.relative_to(made.path).as_posix()}", moment)
                entry.compress_type, entry.external_attr = ZIP_DEFLATED, 0o100644 << 16
                archive.writestr(entry, path.read_bytes())
        return packed.getvalue(), f"mizan-{made.path.name}"
