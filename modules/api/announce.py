"""What the terminal says when the server is ready: the address, and for other computers the link and its QR code."""

from __future__ import annotations

import sys

import segno

from modules.api.doors import LAN_HINT, link
from modules.core.settings import Settings
from modules.people.access import Access

OPEN_TO_ALL = (
    "WARNING: --no-auth asks nobody who they are. Everybody who reaches this computer over the network can make\n"
    "pictures on it, and see and delete those of everybody else."
)


def announce(settings: Settings, access: Access) -> str:
    """Print it; returns the address to open at this computer.

    The token is for people: a terminal shows it, a file that the output goes to does not.
    """
    here = link(settings, access.token, "localhost" if settings.listen else "")
    is_seen = sys.stdout.isatty()
    print(f"Taffy is ready on {here if is_seen else link(settings, '', 'localhost' if settings.listen else '')}")
    if settings.listen:
        there = link(settings, access.token)
        print(f"Other devices in this network open {there if is_seen else link(settings, '')}")
        if is_seen:
            segno.make(there, error="l").terminal(compact=True)
        elif access.token:
            print(f"with the token in {settings.data_dir / 'access' / 'token'}")
        if access.is_open:
            print(OPEN_TO_ALL)
        elif not settings.tls_cert:
            print(LAN_HINT)
    sys.stdout.flush()
    return here
