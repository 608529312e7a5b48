"""Pages for those who contribute with a token: signing in, forms, uploads, review. Nobody else reaches them."""

from __future__ import annotations

from flask import Flask

from web.contribute import assessing, desk, entering, gate, sign, uploading
from web.contribute.field import figures
from web.contribute.place import EXTENSION, Place
from web.site import site


def register(app: Flask) -> None:
    """Add the pages to an application whose site is set up."""
    with app.app_context():
        app.extensions[EXTENSION] = Place(site().base)
    app.jinja_env.filters["figures"] = figures
    app.before_request(gate.keep)
    app.after_request(gate.seal)
    for module in (sign, desk, entering, assessing, uploading):
        app.register_blueprint(module.blueprint)
