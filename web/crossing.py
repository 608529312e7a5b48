"""Scripts of other sites: they may read answers here where the operator names their site, and nowhere else."""

from __future__ import annotations

from flask import Response, request

from web.site import site

_EXPOSED = "ETag, Link, X-Mizan-Permalink, X-Mizan-Rows, X-Mizan-Snapshot"


def open_to_others(response: Response) -> Response:
    """The response with the headers by which a browser lets an allowed site read it."""
    allowed = site().base.policy.origins
    origin = request.headers.get("Origin", "")
    if origin and (origin in allowed or "*" in allowed):
        response.headers["Access-Control-Allow-Origin"] = origin
        response.headers["Access-Control-Expose-Headers"] = _EXPOSED
        if request.method == "OPTIONS":
            response.headers["Access-Control-Allow-Methods"] = "GET, HEAD, POST, OPTIONS"
            response.headers["Access-Control-Allow-Headers"] = "Accept, Content-Type"
            response.headers["Access-Control-Max-Age"] = "86400"
    if allowed:
        response.vary.add("Origin")
    return response
