"""Who may talk to this server at all. Stands before every route, Gradio's included; knows none of them.

A web page somewhere else can make the visitor's browser send requests to this machine. Three things give it away: the
Host it asks for (DNS rebinding), the Origin it comes from, and what the browser says about the two (Sec-Fetch-Site).
Whoever passes that must be known (`entry.py`) for everything but the routes in PUBLIC.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType

from modules.api.doors import is_own_address
from modules.api.entry import PUBLIC, Entry
from modules.api.login import page
from modules.api.scope import AsgiApp, Headers, Message, Receive, Scope, Send, headers_of, host_name
from modules.core.people import Person

MAX_BODY = 32_000_000  # bytes
NO_OTHERS: Mapping[str, int] = MappingProxyType({})
READING = {"GET", "HEAD", "OPTIONS"}
FOR_VIEWERS = ("/gradio_api/", "/words", "/logout")  # what may be sent there changes nothing of anybody's
NEVER_FOR_VIEWERS = "/gradio_api/upload"
CONTENT_SECURITY = "; ".join(
    (
        "default-src 'self'",
        "script-src 'self' 'unsafe-inline' 'unsafe-eval'",  # Gradio has inline scripts and evaluates `js=`
        "style-src 'self' 'unsafe-inline'",
        "img-src 'self' data: blob:",
        "media-src 'self' data: blob:",
        "font-src 'self' data:",
        "connect-src 'self' data: blob:",
        "worker-src 'self' blob:",
        "object-src 'none'",
        "base-uri 'self'",
        "form-action 'self'",
        "frame-ancestors 'none'",
    )
)
SECURITY_HEADERS = (
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"same-origin"),
    (b"x-frame-options", b"DENY"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"permissions-policy", b"camera=(), microphone=(), geolocation=()"),
    (b"content-security-policy", CONTENT_SECURITY.encode()),
)


class Guard:
    """An ASGI app around another one: refuses foreign hosts, foreign origins, huge bodies and strangers.

    hosts: names and addresses this server answers to, on any port. origins: web origins that may use it besides the
    one it serves itself ("http://localhost:7860"). A request without Origin passes, so scripts work. entry: who asks.
    bodies: path -> bytes, where a request may have more than 32 MB.
    """

    def __init__(
        self,
        asgi_app: AsgiApp,
        hosts: Iterable[str],
        origins: Iterable[str],
        entry: Entry,
        bodies: Mapping[str, int] = NO_OTHERS,
    ) -> None:
        self.asgi_app = asgi_app
        self._bodies = bodies
        self._hosts = frozenset(host.casefold() for host in hosts)
        self._origins = frozenset(origin.casefold() for origin in origins)
        self._entry = entry

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in {"http", "websocket"}:
            await self.asgi_app(scope, receive, send)
            return
        headers = headers_of(scope)
        status, reason = self._judge(scope, headers)
        if status:
            await refuse(scope, send, status, reason)
            return

        async def send_safely(message: Message) -> None:
            if message["type"] == "http.response.start":
                message = {**message, "headers": [*message.get("headers", ()), *SECURITY_HEADERS]}
            await send(message)

        person = await self._entry.person(scope, headers)
        if person is None and scope["path"] not in PUBLIC:
            await self._turn_away(scope, headers, receive, send_safely)
        elif person and (sentence := forbidden(person, scope)):
            await refuse(scope, send, 403, sentence)
        else:
            scope.setdefault("state", {})["person"] = person
            await self.asgi_app(scope, receive, send_safely)

    async def _turn_away(self, scope: Scope, headers: Headers, receive: Receive, send: Send) -> None:
        """401: a person who opens a page gets the one to log in, a program a sentence."""
        reads = scope.get("method") == "GET" and "text/html" in headers.get("accept", [""])[0]
        if reads and not self._entry.is_closed:
            await page(self._entry.access, status=401)(scope, receive, send)
        else:
            await refuse(scope, send, *self._entry.closed)

    def _judge(self, scope: Scope, headers: Headers) -> tuple[int, str]:
        """(0, "") for a welcome request, else the HTTP status and the sentence."""
        hosts = headers.get("host", [])
        name = host_name(hosts[0]) if len(hosts) == 1 else None
        if name is None or (name not in self._hosts and not is_own_address(name, scope)):
            given = ", ".join(hosts) or "nothing"
            return 403, f"This server answers to {', '.join(sorted(self._hosts))}; the request asked for {given:.100}."
        for origin in headers.get("origin", []):
            if not self._is_ours(origin, hosts[0]):
                return 403, f"Pages of other web sites may not use this server; this one came from {origin:.100}."
        if is_cross_site(scope, headers):
            return 403, "Other web sites may link to this server, but not use it."
        return judge_body(headers, self._bodies.get(scope["path"], MAX_BODY))

    def _is_ours(self, origin: str, host: str) -> bool:
        """Whether a page of this origin was served by us: it names the very host and port of the request."""
        scheme, _, rest = origin.casefold().partition("://")
        return (scheme in {"http", "https"} and rest == host.casefold()) or origin.casefold() in self._origins


def is_cross_site(scope: Scope, headers: Headers) -> bool:
    """Whether a browser says that another site's page asks. Following a link from there is fine."""
    site = headers.get("sec-fetch-site", ["none"])[-1]
    if site in {"none", "same-origin"} or "origin" in headers:  # an Origin was judged already
        return False
    follows_link = scope.get("method") in {"GET", "HEAD"} and headers.get("sec-fetch-mode") == ["navigate"]
    return not follows_link


def judge_body(headers: Headers, most: int) -> tuple[int, str]:
    if "transfer-encoding" in headers:
        return 411, "The request must say how long it is (Content-Length)."
    length = headers.get("content-length", ["0"])[-1]
    if not length.isdecimal() or int(length) > most:
        return 413, f"A request may have at most {most // 1_000_000} MB, this one has {length:.20} bytes."
    return 0, ""


def forbidden(person: Person, scope: Scope) -> str:
    """Why somebody who is known may not do this, or empty."""
    path = scope["path"]
    if person.role != "viewer" or scope.get("method", "GET") in READING:
        return ""
    allowed = path.startswith(FOR_VIEWERS) and not path.startswith(NEVER_FOR_VIEWERS)
    return "" if allowed else "Viewers look and change nothing. The owner can give you another role."


async def refuse(scope: Scope, send: Send, status: int, sentence: str) -> None:
    """Answer without asking the app. A WebSocket is refused before it opens."""
    kind = "http.response"
    if scope["type"] == "websocket":
        kind = "websocket.http.response"
        if kind not in scope.get("extensions", {}):
            await send({"type": "websocket.close", "code": 1008, "reason": sentence[:120]})
            return
    headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"connection", b"close"), *SECURITY_HEADERS]
    if status == 401:
        headers.append((b"www-authenticate", b'Bearer realm="Taffy"'))
    await send({"type": f"{kind}.start", "status": status, "headers": headers})
    await send({"type": f"{kind}.body", "body": sentence.encode(errors="replace")})
