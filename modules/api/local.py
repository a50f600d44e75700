"""Who may do what runs code or writes outside the data folder: the owner, at this computer itself.

"At this computer" is what no page, proxy or tunnel can pretend by accident: the connection comes from this machine, it
was asked for as this machine, and nobody says that they pass it on for somebody else.
"""

from __future__ import annotations

from fastapi import Request

from modules.api.scope import Scope, headers_of, host_name, peer
from modules.core.errors import NotAllowed
from modules.core.people import Person

LOOPBACK = ("localhost", "127.0.0.1", "::1")
FORWARDED = ("forwarded", "via", "x-real-ip", "x-client-ip", "cf-connecting-ip", "true-client-ip")
ELSEWHERE = "sit at the computer that Taffy runs on and open its page there as http://localhost"


def is_local(scope: Scope) -> bool:
    """Whether a request was made on this very computer: peer and Host are loopback, and no proxy passed it on."""
    headers = headers_of(scope)
    hosts = headers.get("host", [])
    is_forwarded = any(name in FORWARDED or name.startswith("x-forwarded") for name in headers)
    return peer(scope) in LOOPBACK and len(hosts) == 1 and host_name(hosts[0]) in LOOPBACK and not is_forwarded


def is_local_owner(request: Request) -> bool:
    """Whether the owner asks, at this computer."""
    person = getattr(request.state, "person", None)
    return isinstance(person, Person) and person.role == "owner" and is_local(request.scope)


def must_be_local_owner(request: Request) -> None:
    """A dependency of routes that install, update or run code, or write outside the data folder. Raises NotAllowed."""
    if not is_local_owner(request):
        raise NotAllowed("only the owner may do this, and only at the computer that Taffy runs on", ELSEWHERE)
