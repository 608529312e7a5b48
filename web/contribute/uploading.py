"""Uploading a table: looked into first, shown with every row that does not fit, then sent to review."""

from __future__ import annotations

import csv
import io

from flask import Blueprint, Response, redirect, request, send_file

from kb.errors import BadFile, DoesNotConform, NotFound, UsageError
from kb.ingest import mapping
from kb.people import Right
from kb.review import Kind, State, Submission, upload
from kb.review.queue import number
from web.contribute import gate
from web.contribute.place import place
from web.site import page, site

blueprint = Blueprint("contribute_upload", __name__)


@blueprint.get("/<lang:lang>/contribute/upload")
def form(lang: str) -> Response:
    """The page to choose a table and its layout."""
    gate.need(Right.UPLOAD)
    return _page(lang, None, request.args.get("layout", ""))


@blueprint.post("/<lang:lang>/contribute/upload")
def receive(lang: str) -> Response:
    """Take a table in, look into it, and show what it would write."""
    person = gate.need(Right.UPLOAD)
    given, layout, ident = request.files.get("table"), request.form.get("layout", ""), number()
    folder = place().queue.files(ident)
    try:
        if given is None or not given.filename:
            raise BadFile("No file was chosen", "", "Choose a table on your computer.")
        path = upload.receive(folder, given.filename, given.stream)
        told = upload.look(site().base, layout, path, given.filename.replace("\\", "/").rpartition("/")[2]).told
        title = f"{told['name']} ({layout})"
        held = place().queue.submit(person, Submission(
            ident, Kind.UPLOAD, State.PREPARED, person.name, person.token, title, typed=told
        ))  # fmt: skip
    except (BadFile, DoesNotConform, UsageError) as error:
        upload.remove(folder)
        refused = _page(lang, error, layout)
        refused.status_code = 422
        return refused
    finally:
        if given is not None:
            given.close()
    response: Response = redirect(f"/{lang}/contribute/submission/{held.id}", 303)  # type: ignore[assignment]
    return response


@blueprint.get("/<lang:lang>/contribute/upload/<layout>.csv")
def template(lang: str, layout: str) -> Response:
    """An empty table of a layout."""
    gate.need(Right.UPLOAD)
    if layout not in mapping.names():
        raise NotFound(f"There is no layout {layout[:40]}", "", f"There are: {', '.join(mapping.names())}.")
    text = io.StringIO()
    csv.writer(text).writerow(mapping.load(layout).columns)
    data = io.BytesIO(text.getvalue().encode("utf-8-sig"))  # the mark lets Excel read Arabic
    return send_file(data, mimetype="text/csv", as_attachment=True, download_name=f"{layout}.csv")


@blueprint.get("/<lang:lang>/contribute/submission/<ident>/rejected.csv")
def rejected(lang: str, ident: str) -> Response:
    """The rows that were kept out, as their author sent them, with the reasons; for their author alone."""
    person = gate.need(Right.UPLOAD)
    held = place().queue.get(ident, person)
    path = place().queue.files(held.id) / "table-rejected.csv"
    if held.token != person.token or not held.typed.get("rejected") or not path.is_file():
        raise NotFound("There are no rejected rows", "", "")
    data = io.BytesIO(path.read_bytes())
    return send_file(data, mimetype="text/csv", as_attachment=True, download_name="rejected.csv")


def _page(lang: str, refused: BadFile | DoesNotConform | UsageError | None, layout: str) -> Response:
    return page(
        "contribute/upload.html", layouts=mapping.names(), refused=refused, layout=layout or "incidents", lang=lang,
        rows=upload.ROWS, mib=upload.BYTES // 1024 // 1024, form_token=gate.form_token(),
    )  # fmt: skip
