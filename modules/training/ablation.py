"""The command `python -m modules.training.ablation`: what variation does to copying, by two small equal runs.

Both arms begin with the same weights, learn the same few things for the same processor time, and are asked the same
prompts; only the variation of the drawings differs.
"""

from __future__ import annotations

import argparse
import json
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from diffusers import AutoencoderKL

from modules.training.catalog import CONCEPTS
from modules.training.checkpoint import load_ema
from modules.training.clock import Clock
from modules.training.copies import build_library, copied
from modules.training.denoiser import Batches, TextToLatent, denoiser_stage
from modules.training.exam import mark, seen_paper
from modules.training.export import full_text_encoder
from modules.training.figures import Figure
from modules.training.judge import Judge, load_judge
from modules.training.latents import LatentSet, encode_renders
from modules.training.loop import run_stage
from modules.training.maker import Maker
from modules.training.pack import load_pack
from modules.training.renders import Plan, draw_all
from modules.training.scenes import read_holdouts
from modules.training.shapes import build_text_encoder, build_unet, build_vae
from modules.training.start import read_start
from modules.training.tokens import CompactVocabulary
from modules.training.variation import NONE, USUAL, Strength

ARMS: dict[str, Strength] = {"without variation": NONE, "with variation": USUAL}
FEW = tuple(CONCEPTS)[:24]
SEEDS = {"training": 7, "unseen": 8}


@dataclass(frozen=True)
class Size:
    """How large an arm is."""

    minutes: float = 3.0  # of the processor
    training: int = 2_000
    unseen: int = 1_000
    prompts: int = 512
    steps: int = 12


def main() -> None:
    """Read the flags, run both arms, write the JSON."""
    parser = argparse.ArgumentParser(prog="python -m modules.training.ablation", description=__doc__)
    parser.add_argument("--run", type=Path, required=True, metavar="DIR", help="folder of the run whose VAE is used")
    parser.add_argument("--start-from", type=Path, required=True, metavar="F", help="weights that both arms begin with")
    parser.add_argument(
        "--minutes", type=float, default=Size.minutes, help="processor time an arm (default %(default)s)"
    )
    parser.add_argument("--output", type=Path, required=True, metavar="JSON", help="what was found")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    size, judge = Size(minutes=arguments.minutes), load_judge()
    found = {name: Arm(arguments.run, arguments.start_from, name, size, judge).result() for name in ARMS}
    arguments.output.write_text(json.dumps(found, indent=1) + "\n")


@dataclass(frozen=True)
class Arm:
    """One of the two runs, in a folder of its own inside the run's."""

    run: Path
    start_from: Path
    name: str
    size: Size
    judge: Judge

    def result(self) -> dict[str, Any]:
        """Train, make pictures, count copies."""
        vae = build_vae().eval()
        vae.load_state_dict(load_ema(self.run / "vae.pt")[1])
        training = self._encoded("training", self.size.training, vae)
        unseen = self._encoded("unseen", self.size.unseen, vae)
        real = unseen.latents * (training.scaling_factor / unseen.scaling_factor)
        maker = self._trained(training, vae)
        paper = seen_paper(read_holdouts(), self.size.prompts, FEW)
        made = maker.latents(paper.prompts, list(range(len(paper.prompts))))
        library = build_library(training.latents)
        hits, threshold = copied(library.nearest(made)[0], library.nearest(real)[0])
        named = mark(self.judge, paper, maker.decode(made))["concept"]
        rate = Figure(int(hits.sum()), len(hits), 0.01)
        return {"copies": rate.plain(), "threshold": round(threshold, 3), "concept": named.plain()}

    def _encoded(self, part: str, count: int, vae: AutoencoderKL) -> LatentSet:
        plan = Plan(SEEDS[part], count, read_holdouts(), ARMS[self.name], FEW)
        folder = self.run / "ablation" / self.name.replace(" ", "-")
        folder.mkdir(parents=True, exist_ok=True)
        renders = draw_all(plan, self.run / "pack.zip", folder / f"{part}.npy", workers=1)
        return encode_renders(vae, renders, folder / f"{part}.pt", Clock(1e9))

    def _trained(self, data: LatentSet, vae: AutoencoderKL) -> Maker:
        torch.manual_seed(0)
        vocabulary = CompactVocabulary(load_pack(self.run / "pack.zip").words)
        model = TextToLatent(build_text_encoder(vocabulary=vocabulary.size), build_unet())
        read_start(self.start_from).into(model, vocabulary)
        path = self.run / "ablation" / f"{self.name.replace(' ', '-')}.pt"
        clock = Clock(self.size.minutes * 60, now=time.process_time)
        run_stage(denoiser_stage(model, Batches(data, vocabulary, seed=1)), path, clock)
        model.load_state_dict(load_ema(path)[1])
        model.text = full_text_encoder(model.text, vocabulary)
        return Maker(model.eval(), vae, data.scaling_factor, self.size.steps, cfg=4.0)


if __name__ == "__main__":
    main()
