"""The command `python -m modules.training.showcase`: the documentation's pictures of the starter."""

from __future__ import annotations

import argparse
from pathlib import Path

import torch
from PIL import Image

from modules.training.card import sheet_prompts
from modules.training.copies import FEATURES_FILE, Library, load_library
from modules.training.maker import Maker, load_maker
from modules.training.pictures import sheet
from modules.training.renders import RenderSet
from modules.training.run import RENDERS
from modules.training.school import School
from modules.training.sheets import nearest_sheet
from modules.training.webp import save_small

TAFFY = "taffy, van gogh oil painting"
SEEDS = 8


def main() -> None:
    """Read the flags, make the pictures, write them."""
    parser = argparse.ArgumentParser(prog="python -m modules.training.showcase", description=__doc__)
    parser.add_argument("--checkpoint", type=Path, required=True, metavar="F", help="the .safetensors to show")
    parser.add_argument("--run", type=Path, required=True, metavar="DIR", help="folder of the run that made it")
    parser.add_argument("--features", type=Path, default=FEATURES_FILE, metavar="F", help="default %(default)s")
    parser.add_argument("--output", type=Path, required=True, metavar="DIR", help="folder of the pictures")
    arguments = parser.parse_args()
    maker = load_maker(arguments.checkpoint)
    training = School(arguments.run, RENDERS, maker.vae).training()
    save_small(taffy(maker, load_library(arguments.features), training), arguments.output / "starter-taffy.webp")
    save_small(everything(maker), arguments.output / "starter-sheet.webp")


def taffy(maker: Maker, library: Library, training: RenderSet) -> Image.Image:
    """The mascot as no training picture showed her, seeds 0 to 7, above the nearest training pictures."""
    latents = maker.latents([TAFFY] * SEEDS, list(range(SEEDS)))
    nearest = training.floats(library.nearest(latents)[1].numpy())
    return nearest_sheet(maker.decode(latents), nearest, [f"seed {seed}" for seed in range(SEEDS)])


def everything(maker: Maker, columns: int = 12) -> Image.Image:
    """One prompt for each thing, seeds from 0 on in order."""
    prompts = sheet_prompts()
    pictures = maker.decode(maker.latents(prompts, list(range(len(prompts)))))
    return sheet(pictures, prompts, columns)


if __name__ == "__main__":
    torch.set_num_threads(1)
    main()
