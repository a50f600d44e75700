"""The door: a page that asks for a name and a password, or for the link's token, and the cookie given for them."""

from __future__ import annotations

from html import escape
from math import ceil
from urllib.parse import parse_qs

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from starlette.concurrency import run_in_threadpool

from modules.api.scope import Scope, headers_of, peer
from modules.core.people import Person
from modules.people.access import Access
from modules.people.sessions import KEEP_SECONDS

PATH = "/login"
LONGEST = 2000  # bytes of a form
PAGE = """<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>Taffy</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<style>
:root {{ color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif; }}
body {{ display: grid; place-items: center; min-height: 90vh; margin: 0; padding: 16px; }}
form {{ display: grid; gap: 16px; width: min(320px, 100%); }}
h1 {{ margin: 0; font-size: 24px; }}
label {{ display: grid; gap: 4px; }}
input, button {{ font: inherit; padding: 10px 12px; border-radius: 8px; border: 1px solid #888; }}
button {{ background: #0f766e; color: white; border: 0; cursor: pointer; }}
p {{ margin: 0; }}
</style></head>
<body><main><form method="post" action="/login"><h1>Taffy</h1>{problem}{fields}
<button>Come in</button></form></main></body></html>
"""
NAME = '<label>Name <input name="name" autocomplete="username" autocapitalize="none" required autofocus></label>'
PASSWORD = '<label>Password <input name="password" type="password" autocomplete="current-password" required></label>'
TOKEN = (
    "<p>Open the link that Taffy shows on its own computer, or type the part after <code>token=</code> here.</p>"
    '<label>Token <input name="token" type="password" autocomplete="current-password" required autofocus></label>'
)


def login_routes(access: Access) -> APIRouter:
    routes = APIRouter()

    @routes.get(PATH)
    async def ask(request: Request, token: str = "") -> Response:
        return await judge(access, request, {"token": token}) if token else page(access)

    @routes.post(PATH)
    async def answer(request: Request) -> Response:
        body = await request.body()
        given = parse_qs(body[:LONGEST].decode(errors="replace"))
        return await judge(access, request, {name: values[-1] for name, values in given.items()})

    @routes.post("/logout")
    async def leave(request: Request) -> Response:
        answer = RedirectResponse(PATH, 303)
        answer.delete_cookie(cookie_name(request.scope), path="/")
        return answer

    return routes


async def judge(access: Access, request: Request, given: dict[str, str]) -> Response:
    """Let somebody in who shows the right thing: the cookie, and on to the page; the address bar keeps no token.

    Wrong tries of others never keep the link's owner out: nobody guesses a token.
    """
    address, token = peer(request.scope), given.get("token", "")
    if person := access.of_token(token):
        return welcome(access, request, person)
    if wait := access.throttle.seconds(address):
        problem = f"Too many tries. Wait {seconds(wait)}."
        return page(access, problem, 429, {"Retry-After": str(ceil(wait))})
    if token:
        return page(access, "That is not right.", 401)
    person = await run_in_threadpool(access.of_password, given.get("name", ""), given.get("password", ""))
    if person is None:
        return page(access, "Name or password is not right.", 401)
    access.throttle.forgive(address)
    return welcome(access, request, person)


def seconds(wait: float) -> str:
    """In words, never too few."""
    return f"{ceil(wait)} second{'s' * (ceil(wait) != 1)}"


def welcome(access: Access, request: Request, person: Person) -> Response:
    answer = RedirectResponse("/", 303)
    answer.set_cookie(
        cookie_name(request.scope),
        access.note_for(person),
        max_age=KEEP_SECONDS,
        path="/",
        secure=is_encrypted(request.scope),
        httponly=True,
        samesite="lax",
    )
    return answer


def page(access: Access, problem: str = "", status: int = 200, headers: dict[str, str] | None = None) -> HTMLResponse:
    """What somebody sees whom we do not know."""
    fields = NAME + PASSWORD if access.users.all() else TOKEN
    told = f'<p role="alert">{escape(problem)}</p>' if problem else ""
    more = {"Cache-Control": "no-store", **(headers or {})}
    return HTMLResponse(PAGE.format(problem=told, fields=fields), status, more)


def cookie_name(scope: Scope) -> str:
    """Browsers send cookies to every port of a host: each server has its own name for it."""
    return f"taffy-{(scope.get('server') or ('', 0))[1]}"


def is_encrypted(scope: Scope) -> bool:
    """Whether the browser speaks TLS, with us or with a proxy in front."""
    return scope.get("scheme") == "https" or headers_of(scope).get("x-forwarded-proto", [""])[-1] == "https"
