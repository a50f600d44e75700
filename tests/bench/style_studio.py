"""The pictures of the bench `style`: contents, styles, and every content in every style by every mode.

Each picture is kept in a folder under the hash of all that it depends on beside the code, so a bench that was broken
off goes on where it was. Delete the folder to measure changed code.
"""

from __future__ import annotations

import io
import json
from argparse import Namespace
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field, replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from modules.core.events import PictureMade
from modules.core.paths import write_atomically
from modules.core.request import GenerationRequest
from modules.style.measure import Score
from tests.bench.start import BenchFailed
from tests.bench.step import models_with

KEPT = "style-pictures"  # folder beside the report
BOTH, STYLE = "{treatment} of a {concept}", "{treatment}"  # prompts
TUNED: dict[str, Any] = {"style_mode": "inject", "style_keep": 0.75, "style_amount": 0.5, "cfg_scale": 2.0}
MODES: dict[str, dict[str, Any]] = {  # found on other things than those that are measured
    "words for the style": {"style_mode": "words", "strength": 0.5, "prompt": STYLE},
    "words for both": {"style_mode": "words", "strength": 0.7, "prompt": BOTH},
    "inject": {"style_mode": "inject"},
    "inject, words for the style": {**TUNED, "prompt": STYLE},
    "inject, words for both": {**TUNED, "prompt": BOTH},
    "colour": {"style_mode": "colour", "width": 0, "height": 0},
}
Draw = Callable[[str, str, int], Image.Image]
"""draw(concept, treatment or "", number)"""


@dataclass(frozen=True)
class Pair:
    """A content and the treatment it should get. style: a picture of another thing in that treatment."""

    concept: str
    treatment: str
    content: Image.Image
    style: Image.Image
    results: dict[str, Image.Image] = field(default_factory=dict)
    scores: dict[str, Score] = field(default_factory=dict)


class Studio:
    """An engine on one checkpoint, and the pictures it makes. folder: for what the engine itself keeps."""

    def __init__(self, options: Namespace, folder: Path) -> None:
        from tests.bench.turns import engine_on

        self._engine, manager = engine_on(models_with(options.checkpoint, folder), folder, options)
        for _ in self._engine.load("load", options.checkpoint):
            pass
        family: Any = manager.current
        self.card = family.card
        self._kept = options.out / KEPT
        side = self.card.native_size
        self._request = GenerationRequest(
            checkpoint=options.checkpoint, width=side, height=side, steps=options.steps, preview="off",
            cfg_scale=self.card.default_cfg, seed=0, style_memory="stored",
        )  # fmt: skip

    def pairs(self, options: Namespace) -> Iterator[Pair]:
        """Every content with every treatment; the styles show things that are no contents, as far as there are any."""
        draw, things = drawn_from(options.pack) if options.pack else (self.painted, self.card.words.get("concepts", ()))
        if not things:
            raise BenchFailed(f"{self.card.name} does not say what things it knows")
        contents = things[:: max(1, len(things) // options.contents)][: options.contents]
        others = [thing for thing in things if thing not in contents] or things
        treatments = [each for each in options.treatments.split(",") if each] or self.card.words.get("treatments", ())
        for number, treatment in enumerate(treatments):
            style = draw(others[(7 * number + 3) % len(others)], treatment, 200 + number)
            for index, concept in enumerate(contents):
                yield Pair(concept, treatment, draw(concept, "", index), style)

    def painted(self, concept: str, treatment: str, number: int) -> Image.Image:
        words = BOTH.format(treatment=treatment, concept=concept) if treatment else f"a {concept} on a white background"
        return self._picture(replace(self._request, prompt=words, seed=number), {})

    def styled(self, pair: Pair, mode: str, **values: Any) -> Image.Image:
        known = {"prompt": "", "style_images": ("style",), **MODES[mode], **values}
        prompt = known.pop("prompt").format(treatment=pair.treatment, concept=pair.concept)
        request = replace(self._request, image="content", prompt=prompt, **known)
        return self._picture(request, {"content": png(pair.content), "style": png(pair.style)})

    def _picture(self, request: GenerationRequest, inputs: dict[str, bytes]) -> Image.Image:
        said = json.dumps(asdict(request), sort_keys=True, default=str).encode()
        file = self._kept / f"{sha256(b'|'.join([said, *inputs.values()])).hexdigest()[:24]}.png"
        if not file.exists():
            events = self._engine.generate("bench", request, inputs)
            made = next(event for event in events if isinstance(event, PictureMade))
            write_atomically(file, png(Image.frombytes("RGB", (made.width, made.height), made.rgb)))
        return Image.open(file).convert("RGB")


def drawn_from(path: Path) -> tuple[Draw, list[str]]:
    """The training's own sprites and treatments, on all its backgrounds in turn; and the things that have one."""
    from modules.training.catalog import BACKGROUNDS, CONCEPTS, OWN_GROUND, drawings
    from modules.training.compose import render
    from modules.training.pack import load_pack
    from modules.training.scenes import Scene

    sprites = load_pack(path).sprites

    def draw(concept: str, treatment: str, number: int) -> Image.Image:
        ground = "white" if treatment in OWN_GROUND else BACKGROUNDS[number % len(BACKGROUNDS)].word
        picture = render(Scene(concept, "soft", treatment, ground, 0.85, (0.0, 0.0), number), sprites)
        return Image.fromarray((picture.permute(1, 2, 0).numpy() * 255).astype(np.uint8))

    return draw, [thing for thing in CONCEPTS if all((slug, "soft") in sprites for slug in drawings(thing))]


def png(picture: Image.Image) -> bytes:
    file = io.BytesIO()
    picture.save(file, "PNG")
    return file.getvalue()
