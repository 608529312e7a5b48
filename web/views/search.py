"""Search: words in both scripts over all records, by kind and page by page."""

from __future__ import annotations

from urllib.parse import urlencode

from flask import Blueprint, Response, redirect, request

from kb.errors import UsageError
from web.address import page_of
from web.show import KINDS
from web.site import here, page, site

blueprint = Blueprint("search", __name__)
PER_PAGE = 25
_LAST_PAGE = 400
_LONGEST = 300  # characters of a search


@blueprint.get("/<lang:lang>/search")
def find(lang: str) -> Response:
    """The records that match `q` (all, newest first, without it), of `kind` if given."""
    text = request.args.get("q", "").strip()[:_LONGEST].replace("\0", " ")
    kind, number = request.args.get("kind", ""), page_number()
    snapshot = here()
    address = page_of(text, lang)
    if address and snapshot.record(text.partition("#")[0]):
        return redirect(address)  # type: ignore[return-value]
    counts = site().once("counts", snapshot, snapshot.index.counts)
    if kind and kind not in counts and kind not in KINDS:
        raise UsageError(f"There is no kind {kind[:40]!r}", "", f"Use one of: {', '.join(counts)}.")
    kinds = [kind] if kind else [k for k in counts if k != "ontology"]
    hits = snapshot.index.find(text, kinds=kinds, limit=PER_PAGE, offset=(number - 1) * PER_PAGE)
    pages = min(max(1, -(-hits.total // PER_PAGE)), _LAST_PAGE)
    return page(
        "search.html", text=text, kind=kind, kinds=[k for k in KINDS if k in counts and k != "ontology"],
        hits=hits, found=hits.items, number=number, pages=pages,
        at=lambda n: address_of(lang, text, kind, n),
    )  # fmt: skip


def page_number() -> int:
    """The `page` of this request, from 1; UsageError for anything that is not a page number."""
    given = request.args.get("page", "1")
    if not given.isascii() or not given.isdigit() or not 1 <= int(given[:9]) <= _LAST_PAGE:
        raise UsageError(
            f"page={given[:20]} is not a page", f"pages go from 1 to {_LAST_PAGE}", "Narrow the search."
        )
    return int(given)


def address_of(lang: str, text: str, kind: str, number: int) -> str:
    """The address of one page of a search."""
    pairs = [("q", text), ("kind", kind), ("page", str(number) if number > 1 else "")]
    return f"/{lang}/search?" + urlencode([p for p in pairs if p[1]])
