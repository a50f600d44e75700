"""What only a server shows that runs as webui.py runs it: encryption, what it prints, and what stands in its log."""

from __future__ import annotations

import logging
import shutil
import ssl
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
import segno

from modules.api.announce import announce
from modules.api.server import server_config
from modules.core.errors import BadSetting
from modules.core.settings import Settings
from modules.log import log_to
from modules.people.access import Access, access_of
from tests.api.as_webui import as_webui

WORD = "correct horse battery"


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A certificate for localhost, signed by itself, and its key."""
    if not shutil.which("openssl"):
        pytest.skip("no openssl here to make a certificate")
    folder = tmp_path_factory.mktemp("tls")
    cert, key = folder / "cert.pem", folder / "key.pem"
    names = "subjectAltName=DNS:localhost,IP:127.0.0.1"
    made = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    made += ["-days", "2", "-subj", "/CN=localhost", "-addext", names, "-keyout", str(key), "-out", str(cert)]
    subprocess.run(made, check=True, capture_output=True)
    return cert, key


def test_with_a_certificate_everything_is_encrypted(tmp_path: Path, certificate: tuple[Path, Path]) -> None:
    cert, key = certificate
    with as_webui(tmp_path, Settings(listen=True, tls_cert=cert, tls_key=key)) as (app, port):
        url = f"https://localhost:{port}"
        with httpx.Client(base_url=url, verify=ssl.create_default_context(cafile=str(cert))) as browser:
            assert browser.get("/jobs").status_code == 401
            cookie = browser.get("/login", params={"token": app.access.token}).headers["set-cookie"]
            assert "Secure" in cookie
            assert browser.get("/people/me").json()["role"] == "owner"
            assert browser.get("/people/link").json()["url"].startswith("https://")
            assert browser.get("/jobs", headers={"origin": url}).status_code == 200  # our own page may ask
        with pytest.raises(httpx.ConnectError, match="certificate"):  # nobody else has signed it
            httpx.get(url)
        with pytest.raises(httpx.RemoteProtocolError):
            httpx.get(f"http://localhost:{port}/healthz")


def test_a_certificate_that_cannot_be_used_stops_the_start(tmp_path: Path, certificate: tuple[Path, Path]) -> None:
    cert, key = certificate

    async def nothing(*_: object) -> None: ...

    other = tmp_path / "other.pem"
    other.write_text("no key")
    for half in (Settings(tls_cert=cert), Settings(tls_key=key)):
        with pytest.raises(BadSetting, match="go together"):
            server_config(nothing, half)
    for wrong in (Settings(tls_cert=cert, tls_key=other), Settings(tls_cert=tmp_path / "gone", tls_key=key)):
        with pytest.raises(BadSetting, match="cannot be used"):
            server_config(nothing, wrong)


@pytest.fixture
def access(tmp_path: Path) -> Access:
    return access_of(Settings(data_dir=tmp_path, listen=True))


def test_a_terminal_shows_the_link_and_its_qr_code(
    access: Access, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    here = announce(Settings(data_dir=tmp_path, listen=True), access)
    printed = capsys.readouterr().out
    there = next(line for line in printed.splitlines() if line.startswith("Other devices")).split()[-1]
    assert here.startswith("http://localhost:7860/login?token=")
    assert there.endswith(f"/login?token={access.token}")
    segno.make(there, error="l").terminal(compact=True)
    assert capsys.readouterr().out in printed  # the code is of this very link
    segno.make(there[:-1], error="l").terminal(compact=True)
    assert capsys.readouterr().out not in printed
    assert "not encrypted" in printed


def test_a_file_that_the_output_goes_to_gets_no_token(
    access: Access, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    announce(Settings(data_dir=tmp_path, listen=True), access)
    printed = capsys.readouterr().out
    assert access.token not in printed
    assert str(tmp_path / "access" / "token") in printed


def test_open_to_all_is_said_loudly(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    settings = Settings(data_dir=tmp_path, listen=True, no_auth=True)
    announce(settings, access_of(settings))
    assert "WARNING: --no-auth" in capsys.readouterr().out


def test_the_link_on_the_owners_page_is_the_one_in_the_picture(tmp_path: Path) -> None:
    with as_webui(tmp_path, Settings(listen=True)) as (app, port):
        bearer = {"Authorization": f"Bearer {app.access.token}"}
        told = httpx.get(f"http://127.0.0.1:{port}/people/link", headers=bearer).json()
    assert told["qr"] == segno.make(told["url"], error="l").svg_inline(scale=4, border=2)
    assert app.access.token in told["url"]


@pytest.fixture
def log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    for name in ("uvicorn", "uvicorn.error"):  # servers of other tests may have told it to speak to itself
        monkeypatch.setattr(logging.getLogger(name), "propagate", True)
        monkeypatch.setattr(logging.getLogger(name), "disabled", False)
    log_to(tmp_path / "taffy.log")
    yield tmp_path / "taffy.log"
    for handler in set(root.handlers) - set(handlers):
        handler.close()
    root.handlers[:] = handlers
    root.setLevel(level)


def broken(*_: object) -> None:
    raise RuntimeError("a bug")


def test_no_token_password_or_cookie_gets_into_the_log(
    tmp_path: Path, log: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with as_webui(tmp_path, Settings(listen=True)) as (app, port):
        log_to(log, [app.access.token])
        logging.getLogger().setLevel(logging.DEBUG)  # more than anybody would be told
        app.access.users.add("ben", "user", WORD)
        with httpx.Client(base_url=f"http://127.0.0.1:{port}") as browser:
            browser.get("/login", params={"token": app.access.token})
            browser.get("/jobs", headers={"Authorization": f"Bearer {app.access.token}"})
            browser.post("/login", data={"name": "ben", "password": WORD + "!"})
            browser.post("/login", data={"name": "ben", "password": WORD})
            browser.get("/jobs", auth=("ben", WORD))
            cookie = next(iter(browser.cookies.values()))
            monkeypatch.setattr(app.queue.journal, "ended", broken)
            with pytest.raises(httpx.HTTPStatusError):
                browser.get(f"/jobs?token={app.access.token}", auth=("ben", WORD)).raise_for_status()
    text = log.read_text()
    assert "Traceback" in text  # it was written at all
    for secret in (app.access.token, WORD, WORD.replace(" ", "+"), cookie, "Basic YmVu"):
        assert secret not in text
