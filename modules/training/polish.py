"""The command `python -m modules.training.polish`: sharpen a run's decoder while its encoder, and every latent, stays.

It can run beside the denoiser, whose latents it leaves as they are.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import dataclass
from pathlib import Path

import torch
from diffusers import AutoencoderKL
from torch import Tensor, nn

from modules.training.checkpoint import Ema, Progress, load_ema
from modules.training.clock import Clock
from modules.training.loop import Stage, run_stage
from modules.training.pack import load_pack
from modules.training.photos import HELD_OUT, centre_crops
from modules.training.renders import Plan, draw_all
from modules.training.run import RENDERS
from modules.training.scenes import read_holdouts
from modules.training.shapes import build_vae
from modules.training.vae import Pictures, reconstruction_loss, round_trip_psnr, unseen_renders

FILE = "decoder.pt"
SEED = 11


def main() -> None:
    """Read the flags and train."""
    parser = argparse.ArgumentParser(prog="python -m modules.training.polish", description=__doc__)
    parser.add_argument("--run", type=Path, required=True, metavar="DIR", help="folder of the run")
    parser.add_argument("--minutes", type=float, required=True, help="processor time")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    pack, holdouts = load_pack(arguments.run / "pack.zip"), read_holdouts()
    renders = draw_all(Plan(1, RENDERS, holdouts), arguments.run / "pack.zip", arguments.run / "renders.npy", workers=1)
    vae = polished_vae(arguments.run)
    unseen = unseen_renders(pack, holdouts)
    photos = centre_crops([pack.photos[name] for name in HELD_OUT]) * 2 - 1
    averaged = build_vae().eval()
    averaged.load_state_dict(vae.state_dict())

    def report(progress: Progress, ema: Ema) -> None:
        averaged.load_state_dict(ema.weights, strict=False)
        levels = [f"{round_trip_psnr(averaged, pictures):.2f} dB" for pictures in (unseen, photos)]
        print(f"\ndecoder: {progress.samples} pictures, {levels[0]}, photographs {levels[1]}", flush=True)

    clock = Clock(arguments.minutes * 60, now=time.process_time)
    run_stage(decoder_stage(vae, Pictures(pack, renders, SEED)), arguments.run / FILE, clock, report)


def polished_vae(folder: Path) -> AutoencoderKL:
    """The run's autoencoder, with the sharpened decoder if there is one."""
    vae = build_vae().eval()
    vae.load_state_dict(load_ema(folder / "vae.pt")[1])
    if (folder / FILE).exists():
        vae.load_state_dict(load_ema(folder / FILE)[1], strict=False)
    return vae


@dataclass(frozen=True)
class Loss:
    """The autoencoder's loss without its encoder's part in learning."""

    vae: AutoencoderKL
    pictures: Pictures
    batch: int

    def __call__(self, step: int) -> Tensor:
        pictures = self.pictures.batch(step, self.batch)
        generator = torch.Generator().manual_seed(self.pictures.seed * 1_000_003 + step)
        with torch.autocast("cpu", torch.bfloat16):
            with torch.no_grad():
                posterior = self.vae.encode(pictures).latent_dist
                noise = torch.randn(posterior.mean.shape, generator=generator)
                latents = posterior.mean + posterior.std * noise
            decoded: Tensor = self.vae.decode(latents).sample
        return reconstruction_loss(decoded.float() - pictures)


def decoder_stage(vae: AutoencoderKL, pictures: Pictures, batch: int = 8, peak_rate: float = 7e-4) -> Stage:
    """The decoder alone as a stage; its weights keep the autoencoder's names."""
    decoder = nn.ModuleDict({"decoder": vae.decoder, "post_quant_conv": vae.post_quant_conv})
    return Stage(
        "decoder", decoder, Loss(vae, pictures, batch), batch, peak_rate, warmup=100, ema_decay=0.998, decay_from=0.4
    )


if __name__ == "__main__":
    main()
