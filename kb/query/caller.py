"""Calls another SPARQL service for a query here: only one that the operator allows, only at a public address."""

from __future__ import annotations

import http.client
import ipaddress
import socket
import ssl
import time
from urllib.parse import urlencode, urlsplit

from kb.errors import QueryTimeout
from kb.store.base import too_large
from kb.store.remote import ServiceFailed

_READ = 1 << 16
# IPv4 addresses in the clothes of IPv6, which a gateway of the operator may turn back into private ones
_TRANSLATED = (ipaddress.ip_network("64:ff9b::/96"), ipaddress.ip_network("64:ff9b:1::/48"))


def call(url: str, query: bytes, accept: str, seconds: float, most: int) -> tuple[str, bytes]:
    """The media type and body of a service's answer to a query.

    The name is resolved once, each of its addresses has to be public, and the connection goes to the address that
    was looked at: a name that answers differently the second time gains nothing. Redirects are refused.
    Raises ServiceFailed, QueryTimeout, AnswerTooLarge.
    """
    parts, deadline = urlsplit(url), time.monotonic() + seconds
    host, port = parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)
    address = _public_address(url, host, port)
    body = urlencode({"query": query.decode()}).encode()  # Virtuoso hangs on a direct POST
    headers = {
        "Accept": accept, "Content-Type": "application/x-www-form-urlencoded", "Host": parts.netloc.rpartition("@")[2],
        "Accept-Encoding": "identity", "User-Agent": "mizan-kb", "Connection": "close",
    }  # fmt: skip
    connection = http.client.HTTPConnection(host, port)
    response = None
    try:
        connection.sock = sock = _connected(address, port, host if parts.scheme == "https" else "", seconds)
        connection.request("POST", (parts.path or "/") + (f"?{parts.query}" if parts.query else ""), body, headers)
        response = connection.getresponse()
        if 300 <= response.status < 400:
            raise ServiceFailed(f"{url} leads elsewhere", "redirects are not followed", "Name the right address.")
        if response.status != 200:
            raise ServiceFailed(f"{url} answered {response.status}", response.reason)
        return response.headers.get_content_type(), _body(response, sock, deadline, most)
    except TimeoutError:
        raise QueryTimeout(f"{url} did not answer in time") from None
    except (OSError, http.client.HTTPException) as error:
        raise ServiceFailed(f"{url} cannot be reached", " ".join(str(error).split())[:200]) from None
    finally:
        if response is not None:
            response.close()
        connection.close()


def is_public(address: str) -> bool:
    """Whether an IP address is one of the open internet: not private, loopback, link-local, multicast or reserved."""
    found = ipaddress.ip_address(address.partition("%")[0])
    inner = getattr(found, "ipv4_mapped", None) or getattr(found, "sixtofour", None)
    if found.version == 6 and any(found in network for network in _TRANSLATED):
        return False
    return found.is_global and not found.is_multicast and (inner is None or is_public(str(inner)))


def _public_address(url: str, host: str, port: int) -> str:
    try:
        found = [str(info[4][0]) for info in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]
    except OSError as error:
        raise ServiceFailed(f"{url} cannot be found", str(error)) from None
    for address in found:
        if not is_public(address):
            raise ServiceFailed(f"{url} is refused", f"{host} is at {address}, which is not a public address")
    return found[0]


def _connected(address: str, port: int, name: str, seconds: float) -> socket.socket:
    plain = socket.create_connection((address, port), timeout=seconds)
    return ssl.create_default_context().wrap_socket(plain, server_hostname=name) if name else plain


def _body(response: http.client.HTTPResponse, sock: socket.socket, deadline: float, most: int) -> bytes:
    body = bytearray()
    while True:
        left = deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError
        sock.settimeout(left)
        part = response.read1(_READ)
        if not part:
            break
        body += part
        if len(body) > most:
            raise too_large("bytes", most)
    if response.length:
        raise ServiceFailed("The service broke off", f"{response.length:,} bytes of its answer are missing")
    return bytes(body)

