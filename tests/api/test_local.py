"""What can run code is for the owner at this computer: nothing that comes from elsewhere looks like that."""

from __future__ import annotations

import pytest
from fastapi import Request

from modules.api.local import is_local, is_local_owner, must_be_local_owner
from modules.api.scope import Scope
from modules.core.errors import NotAllowed
from modules.core.people import OWNER_HERE, Person

PASSED_ON = [
    "forwarded",
    "x-forwarded-for",
    "x-forwarded-host",
    "x-forwarded-proto",
    "x-real-ip",
    "via",
    "cf-connecting-ip",
]


def scope_of(*headers: tuple[str, str], peer: str = "127.0.0.1") -> Scope:
    raw = [(name.encode(), value.encode()) for name, value in headers]
    return {"type": "http", "client": (peer, 5000), "headers": raw}


def asked_by(person: Person | None, scope: Scope) -> Request:
    scope["state"] = {"person": person} if person else {}
    return Request(scope)


@pytest.mark.parametrize("host", ["localhost:7860", "127.0.0.1", "[::1]:7860", "LOCALHOST"])
@pytest.mark.parametrize("peer", ["127.0.0.1", "::1", "::ffff:127.0.0.1"])
def test_a_request_of_this_computer_is_local(host: str, peer: str) -> None:
    assert is_local(scope_of(("host", host), peer=peer))


@pytest.mark.parametrize("peer", ["192.168.1.5", "::ffff:10.0.0.1", "", "127.0.0.1.example.com"])
def test_a_request_of_another_computer_is_not_whatever_host_it_names(peer: str) -> None:
    assert not is_local(scope_of(("host", "localhost"), peer=peer))


@pytest.mark.parametrize("host", ["192.168.1.5:7860", "evil.example.com", "localhost.example.com", "localhost@evil"])
def test_a_request_under_another_name_is_not_local(host: str) -> None:
    assert not is_local(scope_of(("host", host)))


@pytest.mark.parametrize("header", PASSED_ON)
def test_a_request_that_a_proxy_passed_on_is_not_local(header: str) -> None:
    assert not is_local(scope_of(("host", "localhost"), (header.title(), "127.0.0.1")))


def test_no_host_or_two_are_not_local() -> None:
    assert not is_local(scope_of())
    assert not is_local(scope_of(("host", "localhost"), ("host", "localhost")))


def test_only_the_owner_is_the_local_owner() -> None:
    here = scope_of(("host", "localhost"))
    assert is_local_owner(asked_by(OWNER_HERE, here))
    for person in (Person("ben", "user"), Person("eve", "viewer"), None):
        request = asked_by(person, here)
        assert not is_local_owner(request)
        with pytest.raises(NotAllowed, match="only the owner"):
            must_be_local_owner(request)


def test_the_owner_elsewhere_is_told_where_to_go() -> None:
    with pytest.raises(NotAllowed) as refused:
        must_be_local_owner(asked_by(OWNER_HERE, scope_of(("host", "taffy.lan"), peer="192.168.1.9")))
    assert "http://localhost" in refused.value.advice
