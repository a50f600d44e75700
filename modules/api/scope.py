"""What an ASGI request says of itself: its headers, its host, where it comes from. Judges nothing."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any
from urllib.parse import urlsplit

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
AsgiApp = Callable[[Scope, Receive, Send], Awaitable[None]]
Headers = Mapping[str, list[str]]

MAPPED = "::ffff:"  # an IPv4 address in IPv6's clothes


def headers_of(scope: Scope) -> Headers:
    """By name in lower case."""
    found: dict[str, list[str]] = {}
    for name, value in scope["headers"]:
        found.setdefault(name.decode("latin-1").lower(), []).append(value.decode("latin-1"))
    return found


def host_name(host: str) -> str | None:
    """The name in a Host header, without port and brackets, in lower case; None if it is not one."""
    if any(letter in host for letter in "/@?#\\"):
        return None
    try:
        parts = urlsplit(f"//{host}")
        _ = parts.port  # raises if it is no number
    except ValueError:
        return None
    return parts.hostname


def peer(scope: Scope) -> str:
    """The address a request comes from; empty if the server cannot say."""
    address = str((scope.get("client") or ("",))[0])
    return address.removeprefix(MAPPED)
