"""Bench `page`: how long the page takes to open, to answer the hand while a full-size step runs on the worker, from
the click to the first preview with the starter, and in Live from the last letter to the picture. Real Chromium, real
server.

--busy: the checkpoint whose steps run meanwhile: full (made here, 2.1 GB in a temporary folder) or starter.
"""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from time import monotonic
from typing import Any

from tests.bench.report import Report, Row, machine
from tests.bench.start import ROOT, Server, say, served, wait
from tests.bench.step import models_with

LOAD_LIMIT, ACTION_LIMIT, PREVIEW_LIMIT, LIVE_LIMIT = 2.0, 0.1, 0.5, 1.0  # seconds, promised
ACTIONS = 40
TITLE = "The page under the hand"
HAND = """async (n) => {
    const painted = () => new Promise((done) => requestAnimationFrame(() => setTimeout(done)));
    const fold = document.querySelector("button.label-wrap"), prompt = document.querySelector("#prompt textarea");
    const acts = [
        () => fold.click(),
        () => { prompt.value += " cat"; prompt.dispatchEvent(new InputEvent("input", { bubbles: true })); },
        () => document.querySelectorAll("[role=tab]")[1].click(),
        () => document.querySelectorAll("[role=tab]")[0].click(),
    ];
    const seconds = [];
    for (let i = 0; i < n; i++) {
        const began = performance.now();
        acts[i % acts.length]();
        await painted();
        seconds.push((performance.now() - began) / 1000);
        await new Promise((done) => setTimeout(done, 150));
    }
    return seconds;
}"""  # fold, type, another tab and back: from the action to the frame that shows it
CLICK = """() => new Promise((done) => {
    const began = performance.now();
    const look = () => {
        const src = document.querySelector(".taffy-box img.front")?.src ?? "";
        if (src.startsWith("data:")) done((performance.now() - began) / 1000);
        else requestAnimationFrame(look);
    };
    document.querySelector(".taffy-generate").click();
    look();
})"""

IDLE = "document.querySelector('.taffy-line').textContent === 'Done'"
LIVE = """(words) => new Promise((done) => {
    const shown = () => document.querySelector(".taffy-box img.front")?.src ?? "";
    const before = shown(), prompt = document.querySelector("#prompt textarea");
    prompt.value = words;
    prompt.dispatchEvent(new InputEvent("input", { bubbles: true }));
    const began = performance.now();
    const look = () => {
        const src = shown();
        if (src !== before && src.includes("/pictures/")) done((performance.now() - began) / 1000);
        else requestAnimationFrame(look);
    };
    look();
})"""


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--busy", default="full", help="default: %(default)s")
    parser.add_argument("--runs", type=int, default=5, help="how often (default: %(default)s)")


def run(options: Namespace) -> Iterator[Report]:
    from tests.ui.noise import chromium

    facts = machine(ROOT)
    with TemporaryDirectory(prefix="taffy-bench-") as name, chromium() as browser:
        folder = Path(name)
        flags = ["--ckpt", "starter", "--models-dir", str(models_with(options.busy, folder))]
        with served([sys.executable], ROOT, folder / "data", flags) as server:
            picture(server, {"prompt": "warm-up", "checkpoint": "starter", "steps": 4})
            rows = [part(browser, server, options.runs) for part in (opening, previews, live)]
            yield Report("page", TITLE, tuple(rows), facts)
            rows.append(hand(browser, server, options.busy))
            yield Report("page", TITLE, tuple(rows), facts, complete=True)


def picture(server: Server, request: dict[str, Any]) -> None:
    """Ask for one and wait for its end."""
    began = monotonic()
    job = wait(lambda: server.post("/jobs", request)["id"], server, began, "the server")
    wait(lambda: b'"done"' in server.get(f"/jobs/{job}"), server, began, "the picture")


def filled(browser: Any, server: Server) -> Any:
    page = browser.new_context(viewport={"width": 1280, "height": 900}).new_page()
    page.goto(server.url)
    page.wait_for_function("document.querySelector('#checkpoint input')?.value")
    return page


def opening(browser: Any, server: Server, runs: int) -> Row:
    """From the address to the form that knows its checkpoint, in a browser that was never here."""
    seconds = []
    for _ in range(runs + 1):
        began = monotonic()
        page = filled(browser, server)
        seconds.append(monotonic() - began)
        page.context.close()
        say(f"page after {seconds[-1]:.2f} s")
    return Row("Seconds", "page load", tuple(seconds[1:]), "s", LOAD_LIMIT)


def previews(browser: Any, server: Server, runs: int) -> Row:
    seconds = []
    for _ in range(runs):
        page = filled(browser, server)
        page.locator("#prompt textarea").fill("a castle")
        page.wait_for_timeout(1000)
        seconds.append(page.evaluate(CLICK))
        say(f"preview {seconds[-1]:.2f} s after the click")
        page.wait_for_function(IDLE)  # else the next click finds a preview of this one
        page.context.close()
    return Row("Seconds", "click to first preview", tuple(seconds), "s", PREVIEW_LIMIT)


def live(browser: Any, server: Server, runs: int) -> Row:
    """From the last letter to the picture, the pause that Live waits for included."""
    page = filled(browser, server)
    page.get_by_role("switch", name="Live").check()
    page.wait_for_timeout(1500)
    page.wait_for_function(IDLE)
    seconds = []
    for number in range(runs + 1):
        page.wait_for_timeout(1500)
        seconds.append(page.evaluate(LIVE, f"a castle, number {number}"))
        say(f"live picture {seconds[-1]:.2f} s after the last letter")
    page.context.close()
    return Row("Seconds", "Live: last letter to picture", tuple(seconds[1:]), "s", LIVE_LIMIT)


def hand(browser: Any, server: Server, busy: str) -> Row:
    """The slowest but one of twenty actions (95th percentile), again and again, while the worker is in its steps."""
    job = server.post("/jobs", {"prompt": "busy", "checkpoint": busy, "steps": 150})["id"]
    page = filled(browser, server)
    page.wait_for_function("/[Ss]tep [1-9]/.test(document.querySelector('.taffy-line')?.textContent)", timeout=600_000)
    rounds = [sorted(page.evaluate(HAND, ACTIONS))[int(0.95 * ACTIONS) - 1] for _ in range(3)]
    server.post(f"/jobs/{job}/cancel", {})
    page.context.close()
    return Row("Seconds", "an action, 95th percentile", tuple(rounds), "s", ACTION_LIMIT)
