"""A real server, and pages that tolerate no error and no request to anywhere else."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from urllib.request import urlopen

from playwright.sync_api import BrowserContext, ConsoleMessage, Page, Request, Response, expect

ROOT = Path(__file__).parents[2]
PATIENCE = 60.0  # seconds, for anything a page should show: two cores, shared with other things
SLOWER = float(os.environ.get("TAFFY_SLOWER", "1"))  # how many times slower the pages run, to find what hurries
START = 240.0  # seconds, for both processes and all they import
RECORD_PAINTED = """
    window.painted = [];
    const look = () => {
        const front = document.querySelector(".taffy-box img.front");
        if (front && front.naturalWidth && painted.at(-1) !== front.src) painted.push(front.src);
        requestAnimationFrame(look);
    };
    look();
"""  # every picture that was on the screen, in order

PUT_BACK = """(values) => {
    sessionStorage.removeItem("taffy-undo");
    window.taffyWanted = {txt2img: values};
    document.querySelector("#taffy-write-txt2img").click();
    document.dispatchEvent(new CustomEvent("taffy-form", {detail: {tab: "txt2img", form: taffyForm}})); // draws Undo
    scrollTo(0, 0);
}"""
SAYS = """values => Object.entries(values).every(
    ([name, value]) => JSON.stringify(taffyForm[name]) === JSON.stringify(value))"""
NewPage = Callable[..., Page]
expect.set_options(timeout=PATIENCE * 1000)


@dataclass(frozen=True)
class Server:
    url: str
    data: Path

    def state(self) -> dict[str, Any]:
        """What the server tells a watcher first."""
        with urlopen(f"{self.url}/jobs/stream", timeout=PATIENCE) as stream:
            for line in stream:
                if line.startswith(b"data: "):
                    state: dict[str, Any] = json.loads(line[6:])
                    return state
        raise AssertionError("the stream ended")


def free_port() -> int:
    with socket.socket() as door:
        door.bind(("127.0.0.1", 0))
        port: int = door.getsockname()[1]
        return port


@contextmanager
def running_server(port: int, data: Path, models: Path) -> Iterator[Server]:
    """`python webui.py` until the block ends."""
    command = [sys.executable, "webui.py", "--port", str(port), "--data-dir", str(data), "--models-dir", str(models)]
    environment = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONUNBUFFERED": "1"}
    data.mkdir(exist_ok=True)
    with (data / "server.log").open("ab") as log:
        process = subprocess.Popen(
            [*command, "--ckpt", "tiny", "--use-cpu"], cwd=ROOT, env=environment, stdout=log, stderr=log
        )
        try:
            server = Server(f"http://127.0.0.1:{port}", data)
            wait_until_ready(server, process)
            yield server
        finally:
            process.terminate()
            process.wait(PATIENCE)


def wait_until_ready(server: Server, process: subprocess.Popen[bytes]) -> None:
    """Both halves are up: the page is served, the engine can make pictures."""
    until = time.monotonic() + START
    while process.poll() is None and time.monotonic() < until:
        with suppress(OSError):
            if (engine := server.state()["worker"]["state"]) == "ready":
                return
            if engine == "failed":
                break
        time.sleep(0.1)
    raise AssertionError(f"the server did not start:\n{(server.data / 'server.log').read_text()}")


@contextmanager
def strict(context: BrowserContext) -> Iterator[None]:
    """Fails at the end of the block if a page of this context had an error or asked anybody but this machine."""
    sins: list[str] = []
    context.set_default_timeout(PATIENCE * 1000)

    def judge_message(message: ConsoleMessage) -> None:
        if message.type == "error":
            sins.append(f"console: {message.text}")

    def judge_response(response: Response) -> None:
        if response.status >= 400:
            sins.append(f"{response.status}: {response.url}")

    def judge_request(request: Request) -> None:
        parts = urlsplit(request.url)
        if parts.scheme not in {"data", "blob"} and parts.hostname not in {"127.0.0.1", "localhost"}:
            sins.append(f"outside: {request.url}")

    if SLOWER > 1:
        context.on("page", lambda page: slow_down(context, page))
    context.on("console", judge_message)
    context.on("weberror", lambda error: sins.append(f"exception: {error.error}"))
    context.on("dialog", lambda dialog: sins.append(f"dialog: {dialog.message}"))
    context.on("response", judge_response)
    context.on("request", judge_request)
    yield
    context.close()
    assert not sins, sins


def slow_down(context: BrowserContext, page: Page) -> None:
    context.new_cdp_session(page).send("Emulation.setCPUThrottlingRate", {"rate": SLOWER})


def open_in(context: BrowserContext, server: Server) -> Page:
    """A tab whose form has been filled by the server."""
    page = context.new_page()
    page.goto(server.url)
    wait_for_form(page)
    return page


def wait_for_form(page: Page) -> None:
    """The form is filled and the live part has heard of the server."""
    expect(page.locator("#checkpoint input")).to_have_value("tiny")
    page.wait_for_function("""() => {
        const shown = document.querySelector("#count input")?.value; // Gradio sets what came before a control was there
        return window.taffyForm?.checkpoint && shown === String(window.taffyForm.count);
    }""")
    expect(page.locator("taffy-engine")).to_have_attribute("data-state", re.compile("ready|busy"))


def put_back(page: Page, values: Mapping[str, Any]) -> None:
    """The form says this again, and there is nothing to undo."""
    page.evaluate(PUT_BACK, values)
    page.wait_for_function(SAYS, arg=values)


def ask(page: Page, prompt: str, **numbers: int) -> None:
    """Fill the form and press Ctrl+Enter in the prompt."""
    for name, number in {"count": 1, "steps": 4, "seed": -1, **numbers}.items():
        page.locator(f"#{name} input[type=number]").fill(str(number))
        page.locator(f"#{name} input[type=number]").press("Tab")
    page.locator("#prompt textarea").fill(prompt)
    page.locator("#prompt textarea").press("Control+Enter")


def result(page: Page, prompt: str, **numbers: int) -> None:
    """Ask, and wait until the last picture of this prompt is shown."""
    ask(page, prompt, **numbers)
    expect(page.locator(".taffy-line")).to_have_text("Done")
    expect(page.locator(".taffy-box img.front")).to_have_attribute("alt", prompt)
    expect(page.locator(".taffy-box img.front")).to_have_attribute("src", re.compile("^/pictures/"))


def asked_over_http(page: Page, **values: Any) -> str:
    """A job by `POST /jobs` from the page itself; its id."""
    script = """async (values) => (await (await fetch("/jobs", {method: "POST",
        headers: {"Content-Type": "application/json"}, body: JSON.stringify(values)})).json()).id"""
    id: str = page.evaluate(script, {"steps": 4, "width": 64, "height": 64} | values)
    return id


def wait_until_idle(page: Page) -> None:
    expect(page.locator("taffy-queue li.running, taffy-queue li.waiting")).to_have_count(0)
