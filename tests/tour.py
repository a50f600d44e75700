"""`python -m tests.tour`: makes the help's pictures of the tour of Inside, over a picture by the starter."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from time import monotonic

from PIL import Image
from playwright.sync_api import Page, expect

from modules.training.webp import save_small
from tests.bench.start import ROOT, Server, say, served, wait
from tests.pictures import FIXED, PICTURES
from tests.ui.noise import chromium

STOPS = 6
WIDTH, HIGHEST = 1100, 1150  # pixels of a screenshot before it is halved
REQUEST = {**FIXED, "prompt": "a bold castle on a blue background", "sampler": "Euler a", "cfg_scale": 4}


def main() -> None:
    flags = ["--ckpt", "starter", "--use-cpu", "--threads", "1"]
    with TemporaryDirectory() as folder, served([sys.executable], ROOT, Path(folder) / "data", flags) as server:
        id = picture(server)
        with chromium() as browser:
            page = browser.new_page(viewport={"width": WIDTH, "height": 900}, reduced_motion="reduce")
            page.goto(server.url)
            page.wait_for_selector("#taffy-open-inside", state="attached")
            page.wait_for_timeout(2000)
            page.evaluate("id => { location.hash = `inside=${id}` }", id)
            walk(page)


def picture(server: Server) -> str:
    """The id of the picture the tour leads over."""
    began = monotonic()
    job = wait(lambda: server.post("/jobs", REQUEST)["id"], server, began, "a server")

    def made() -> str:
        known = json.loads(server.get(f"/jobs/{job}"))
        return str(known["pictures"][0]["id"]) if known["state"] == "done" else ""

    return wait(made, server, began, "the picture")


def walk(page: Page) -> None:
    expect(page.locator(".inside-frame img")).to_have_attribute("data-look", "whole", timeout=60_000)
    page.get_by_role("button", name="Take the tour").click()
    page.get_by_role("button", name="Show where my words were heard").click()
    castle = page.get_by_role("button", name="castle", exact=True)
    castle.click(timeout=60_000)
    page.wait_for_function("!document.querySelector('#inside-panel-words .inside-told').textContent.includes(' of 20')")
    castle.hover()
    for stop in range(1, STOPS + 1):
        if stop == 3:
            for _ in range(5):
                page.get_by_role("slider", name="Step").press("ArrowRight")
        if stop == 4:
            page.get_by_role("button", name="Take this guess apart").click()
            expect(page.get_by_role("heading", name="What the words changed")).to_be_visible(timeout=60_000)
        page.wait_for_timeout(3000)
        keep(page, stop)
        page.locator(".inside-tour .taffy-go").click()


def keep(page: Page, stop: int) -> None:
    """The stop's box and what lies below it, in half of its size."""
    page.add_style_tag(content=".taffy-foot { display: none !important }")
    whole = Image.open(io.BytesIO(page.screenshot(full_page=True))).convert("RGB")
    box = page.evaluate(
        "() => { const box = document.querySelector('.inside-tour').getBoundingClientRect(); return box.top + scrollY }"
    )
    shown = whole.crop((0, int(box) - 8, whole.width, min(whole.height, int(box) + HIGHEST)))
    half = shown.resize((shown.width * 2 // 3, shown.height * 2 // 3), Image.Resampling.LANCZOS)
    save_small(half, PICTURES / f"inside-tour-{stop}.webp")
    say(f"stop {stop}")


if __name__ == "__main__":
    main()
