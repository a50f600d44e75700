"""Who asks: what a request shows (cookie, token, password, or that it comes from this computer) -> a person."""

from __future__ import annotations

import binascii
from base64 import b64decode
from http.cookies import CookieError, SimpleCookie

from starlette.concurrency import run_in_threadpool

from modules.api.local import is_local
from modules.api.login import PATH, cookie_name
from modules.api.scope import Headers, Scope, peer
from modules.core.people import LOCAL_OWNER, OWNER_HERE, Person
from modules.people.access import Access

PUBLIC = (PATH, "/healthz")  # all that strangers may ask for
SOMEBODY = Person(LOCAL_OWNER, "user")  # with --no-auth, at another computer


class Entry:
    """Without `--listen` whoever sits here is the owner, and nobody else comes in. With it everybody shows something,
    at this computer too: a proxy that says nothing of itself would look like somebody who sits here."""

    def __init__(self, access: Access) -> None:
        self.access = access

    @property
    def is_closed(self) -> bool:
        """Whether there is nothing a stranger could show."""
        return not self.access.is_shared

    @property
    def closed(self) -> tuple[int, str]:
        """What a stranger is told."""
        if self.is_closed:
            return 403, "This server is for its own computer only. To share it, start it with --listen."
        return 401, "Log in first: open /login, or send the token as Authorization: Bearer."

    async def person(self, scope: Scope, headers: Headers) -> Person | None:
        if not self.access.is_shared:
            return OWNER_HERE if is_local(scope) else None
        if self.access.is_open:
            return OWNER_HERE if is_local(scope) else SOMEBODY
        if (note := cookie(scope, headers)) and (person := self.access.of_session(note)):
            return person
        kind, _, shown = headers.get("authorization", [""])[0].partition(" ")
        match kind.casefold():
            case "bearer":
                return self._of_token(scope, shown.strip())
            case "basic":
                return await self._of_password(scope, shown.strip())
        return None

    def _of_token(self, scope: Scope, token: str) -> Person | None:
        if person := self.access.of_token(token):
            return person
        self.access.throttle.seconds(peer(scope))  # counts; 192 bits need no lock
        return None

    async def _of_password(self, scope: Scope, shown: str) -> Person | None:
        """HTTP Basic, for programs. Known pairs cost nothing; others are counted before they are judged."""
        try:
            name, _, password = b64decode(shown, validate=True).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            return None
        address = peer(scope)
        if not self.access.is_known(name, password) and self.access.throttle.seconds(address):
            return None
        person = await run_in_threadpool(self.access.of_password, name, password)
        if person:
            self.access.throttle.forgive(address)
        return person


def cookie(scope: Scope, headers: Headers) -> str:
    """Our cookie in a request, or empty."""
    jar: SimpleCookie = SimpleCookie()
    for line in headers.get("cookie", []):
        try:
            jar.load(line)
        except CookieError:  # of another program on this host
            continue
    found = jar.get(cookie_name(scope))
    return found.value if found else ""
