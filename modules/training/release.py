"""The command `python -m modules.training.release`: a run's newest averaged weights as a checkpoint, at any time."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from modules.training.checkpoint import load_ema
from modules.training.denoiser import TextToLatent
from modules.training.export import Trained, write_checkpoint
from modules.training.latents import read_latents
from modules.training.pack import load_pack, thin_pack
from modules.training.polish import polished_vae
from modules.training.shapes import build_text_encoder, build_unet
from modules.training.tokens import CompactVocabulary


def main() -> None:
    """Read the flags and write."""
    parser = argparse.ArgumentParser(prog="python -m modules.training.release", description=__doc__)
    parser.add_argument("--run", type=Path, required=True, metavar="DIR", help="folder of the run")
    parser.add_argument("--output", type=Path, required=True, metavar="FILE", help="the .safetensors to write")
    parser.add_argument("--evaluation", type=Path, metavar="JSON", help="what evaluate found, for the metadata")
    parser.add_argument("--pack", type=Path, metavar="ZIP", help="also write 300 of the run's sprites")
    arguments = parser.parse_args()
    evaluation = json.loads(arguments.evaluation.read_text()) if arguments.evaluation else None
    if arguments.pack:
        thin_pack(arguments.run / "pack.zip", arguments.pack)
    write_checkpoint(arguments.output, read_run(arguments.run), evaluation)


def read_run(folder: Path) -> Trained:
    """The averaged weights as they were last saved."""
    vocabulary = CompactVocabulary(load_pack(folder / "pack.zip").words)
    model = TextToLatent(build_text_encoder(vocabulary=vocabulary.size), build_unet())
    progress, weights = load_ema(folder / "denoiser.pt")
    model.load_state_dict(weights)
    vae_progress, _ = load_ema(folder / "vae.pt")
    factor = float(1 / read_latents(folder / "latents.pt").float().std())
    return Trained(model.eval(), polished_vae(folder), factor, vocabulary, vae_progress, progress)


if __name__ == "__main__":
    main()
