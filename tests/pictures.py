"""`python -m tests.pictures`: makes the help's pictures of what each control does, with the starter. Run it again
whenever the starter has changed."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from time import monotonic
from typing import Any

from PIL import Image, ImageDraw, ImageFont

from modules.sampling.samplers import SAMPLERS
from modules.training.webp import save_small
from tests.bench.start import ROOT, Server, say, served, wait

PICTURES = ROOT / "docs" / "pictures"
FIXED = {
    "prompt": "a castle, on a blue background", "checkpoint": "starter", "steps": 20, "cfg_scale": 5.0, "seed": 7,
    "sampler": "Euler", "width": 64, "height": 64,
}  # fmt: skip
SHEETS: dict[str, tuple[str, list[Any]]] = {
    "steps": ("steps", [1, 2, 4, 8, 20, 40]),
    "cfg": ("cfg_scale", [1, 2, 4, 7, 12, 25]),
    "seeds": ("seed", [7, 8, 9, 10, 11, 12]),
    "samplers": ("sampler", list(SAMPLERS)),
}
TILE, GAP, LABEL = 160, 8, 22  # pixels


def main() -> None:
    flags = ["--ckpt", "starter", "--use-cpu", "--threads", "1"]
    with TemporaryDirectory() as folder, served([sys.executable], ROOT, Path(folder) / "data", flags) as server:
        for name, (field, values) in SHEETS.items():
            say(name)
            images = [made(server, {**FIXED, field: value}) for value in values]
            labels = [str(value) if field == "sampler" else f"{field.split('_')[0]} {value}" for value in values]
            save_small(sheet(images, labels), PICTURES / f"{name}.webp")


def made(server: Server, request: dict[str, Any]) -> Image.Image:
    """The picture of a request, once it is there."""
    began = monotonic()
    job_id = wait(lambda: server.post("/jobs", request)["id"], server, began, "a server")

    def url() -> str:
        job = json.loads(server.get(f"/jobs/{job_id}"))
        assert job["state"] not in {"failed", "cancelled"}, job["error"]
        return str(job["pictures"][0]["url"]) if job["state"] == "done" else ""

    return Image.open(io.BytesIO(server.get(wait(url, server, began, "the picture")))).convert("RGB")


def sheet(images: list[Image.Image], labels: list[str]) -> Image.Image:
    """The images in a row, enlarged, each over its label."""
    row = Image.new("RGB", (len(images) * (TILE + GAP) - GAP, TILE + LABEL), "white")
    draw, font = ImageDraw.Draw(row), ImageFont.load_default(14)
    for place, (image, label) in enumerate(zip(images, labels, strict=True)):
        left = place * (TILE + GAP)
        row.paste(image.resize((TILE, TILE), Image.Resampling.LANCZOS), (left, 0))
        draw.text((left + TILE / 2, TILE + LABEL / 2 + 1), label, "#333333", font, anchor="mm")
    return row


if __name__ == "__main__":
    main()
