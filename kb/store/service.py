"""The SPARQL service that a knowledge base is published to: its addresses, and the credentials in the environment."""

from __future__ import annotations

import base64
import ipaddress
import os
import re
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from kb.errors import UsageError

GRAPH = "https://w3id.org/mizan/graph"
TOKEN, USER, PASSWORD = "MIZAN_STORE_TOKEN", "MIZAN_STORE_USER", "MIZAN_STORE_PASSWORD"
_IRI = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:[^\x00-\x20<>\"{}|^`\\]+")


@dataclass(frozen=True, slots=True)
class Service:
    """Where queries and updates go, and the one graph that holds the knowledge base there.

    Nothing secret is in it: it is written to the manifest.
    """

    query: str
    update: str
    graph: str = GRAPH

    def __post_init__(self) -> None:
        check_address(self.query)
        check_address(self.update)
        if not _IRI.fullmatch(self.graph):
            raise UsageError(f"{self.graph[:80]} is not the IRI of a graph", "", "Write it like https://example.org/graph")

    def manifest(self) -> dict[str, str]:
        """What the manifest keeps of it."""
        return {"query": self.query, "update": self.update, "graph": self.graph}


def read(manifest: dict[str, Any]) -> Service | None:
    """The service that a manifest names, if any; UsageError when what it names cannot be one."""
    said = manifest.get("store")
    if said is None:
        return None
    if not isinstance(said, dict) or not isinstance(said.get("query"), str):
        raise UsageError("The manifest names a store without its address", "", "Name it with: mizan init --store URL")
    return Service(said["query"], str(said.get("update", said["query"])), str(said.get("graph", GRAPH)))


def check_address(url: str) -> None:
    """UsageError for what is no web address, or has a password in it, which would end in files and messages."""
    if not re.match(r"https?://[^/]", url):
        raise UsageError(f"{url[:80]} is not the address of a service", "", "Start it with http:// or https://.")
    if "@" in url.partition("://")[2].partition("/")[0]:
        raise UsageError(
            "The address of a service has a user name or password in it", "it would be written to files",
            f"Leave it out and set {USER} and {PASSWORD}, or {TOKEN}, in the environment.",
        )  # fmt: skip


def authorization(url: str) -> str:
    """The Authorization header for a service, from the environment; empty when none is set.

    UsageError where it would travel in the clear to another machine.
    """
    token, user = os.environ.get(TOKEN, ""), os.environ.get(USER, "")
    if not token and not user:
        return ""
    if not url.startswith("https://") and not _here(url):
        raise UsageError(
            f"{url} would be sent a password in the clear", "it is another machine, asked without encryption",
            f"Use https://, or unset {TOKEN} and {USER}.",
        )  # fmt: skip
    if token:
        secret = f"Bearer {token}"
    else:
        secret = "Basic " + base64.b64encode(f"{user}:{os.environ.get(PASSWORD, '')}".encode()).decode()
    if not secret.isprintable() or not secret.isascii():
        raise UsageError(f"{TOKEN} cannot be sent", "it has a line break or a letter beyond ASCII", "Set it anew.")
    return secret


def _here(url: str) -> bool:
    try:
        host = urlsplit(url).hostname or ""
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
