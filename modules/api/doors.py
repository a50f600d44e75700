"""Under which names and addresses this server is reached, and the link that is given to people."""

from __future__ import annotations

import socket
from contextlib import suppress
from ipaddress import ip_address

from modules.api.local import LOOPBACK
from modules.api.scope import MAPPED, Scope
from modules.core.settings import Settings

SOMEWHERE = ("198.51.100.1", 9)  # an address of documentation (RFC 5737): nothing is sent to it

LAN_HINT = (
    "The way there is not encrypted (http). In a network you do not trust use --tls-cert and --tls-key; never put\n"
    "it on the internet as it is: docs/lan.md says how to use a VPN or a proxy."
)


def hosts(settings: Settings) -> frozenset[str]:
    """The names that a request may ask for, in lower case."""
    names = {*LOOPBACK, settings.host}
    if settings.listen:
        own = socket.gethostname().casefold()
        names |= {own, f"{own.partition('.')[0]}.local"}
        names |= {name.strip().casefold() for name in settings.allow_hosts.split(",") if name.strip()}
    return frozenset(names)


def is_own_address(name: str, scope: Scope) -> bool:
    """Whether a request asks for the very address it arrived at. A name would not do: it can be made to point here."""
    try:
        asked = ip_address(name)
        arrived = ip_address(str((scope.get("server") or ("",))[0]).removeprefix(MAPPED))
    except ValueError:
        return False
    return asked == arrived


def lan_address() -> str:
    """The address other computers reach this one at; the loopback address where there is no network."""
    with suppress(OSError), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        asking.connect(SOMEWHERE)  # only asks the system which way it would send
        return str(asking.getsockname()[0])
    return "127.0.0.1"


def link(settings: Settings, token: str, host: str = "") -> str:
    """The address of the page, with what lets people in. host: the one other computers see where it is empty."""
    scheme = "https" if settings.tls_cert else "http"
    name = host or (lan_address() if settings.listen else settings.host)
    door = f"{scheme}://{f'[{name}]' if ':' in name else name}:{settings.port}"
    return f"{door}/login?token={token}" if token else door
