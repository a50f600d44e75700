"""Who may talk to this server at all. Stands before every route, Gradio's included; knows none of them.

A web page somewhere else can make the visitor's browser send requests to this machine. Three things give it away: the
Host it asks for (DNS rebinding), the Origin it comes from, and what the browser says about the two (Sec-Fetch-Site).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType

from modules.api.scope import AsgiApp, Headers, Message, Receive, Scope, Send, headers_of, host_name
from modules.core.people import OWNER_HERE

MAX_BODY = 32_000_000  # bytes
NO_OTHERS: Mapping[str, int] = MappingProxyType({})
SECURITY_HEADERS = (
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"same-origin"),
    (b"x-frame-options", b"DENY"),
    (b"cross-origin-resource-policy", b"same-origin"),
)


class Guard:
    """An ASGI app around another one: refuses foreign hosts, foreign origins and huge bodies, with a sentence.

    hosts: names and addresses this server answers to, on any port. origins: web origins that may use it besides the
    one it serves itself ("http://localhost:7860"). A request without Origin passes, so scripts work.
    bodies: path -> bytes, where a request may have more than 32 MB.
    """

    def __init__(
        self, asgi_app: AsgiApp, hosts: Iterable[str], origins: Iterable[str], bodies: Mapping[str, int] = NO_OTHERS
    ) -> None:
        self._app = asgi_app
        self._bodies = bodies
        self._hosts = frozenset(host.casefold() for host in hosts)
        self._origins = frozenset(origin.casefold() for origin in origins)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in {"http", "websocket"}:
            await self._app(scope, receive, send)
            return
        status, reason = self._judge(scope)
        if status:
            await refuse(scope, send, status, reason)
            return

        scope.setdefault("state", {})["person"] = OWNER_HERE

        async def send_safely(message: Message) -> None:
            if message["type"] == "http.response.start":
                message = {**message, "headers": [*message.get("headers", ()), *SECURITY_HEADERS]}
            await send(message)

        await self._app(scope, receive, send_safely)

    def _judge(self, scope: Scope) -> tuple[int, str]:
        """(0, "") for a welcome request, else the HTTP status and the sentence."""
        headers = headers_of(scope)
        hosts = headers.get("host", [])
        if len(hosts) != 1 or (name := host_name(hosts[0])) is None or name not in self._hosts:
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


async def refuse(scope: Scope, send: Send, status: int, sentence: str) -> None:
    """Answer without asking the app. A WebSocket is refused before it opens."""
    kind = "http.response"
    if scope["type"] == "websocket":
        kind = "websocket.http.response"
        if kind not in scope.get("extensions", {}):
            await send({"type": "websocket.close", "code": 1008, "reason": sentence[:120]})
            return
    headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"connection", b"close"), *SECURITY_HEADERS]
    await send({"type": f"{kind}.start", "status": status, "headers": headers})
    await send({"type": f"{kind}.body", "body": sentence.encode(errors="replace")})
