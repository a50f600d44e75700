"""One training run in a folder: data pack, autoencoder, latents, denoiser, export; each resumable."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch
from diffusers import AutoencoderKL
from PIL import Image

from modules.training.card import sheet_prompts
from modules.training.checkpoint import Ema, Progress, load_ema
from modules.training.clock import Clock
from modules.training.denoiser import Batches, TextToLatent, denoiser_stage
from modules.training.export import Trained, write_checkpoint
from modules.training.latents import LatentSet, encode_scenes
from modules.training.loop import run_stage
from modules.training.pack import Pack, build_pack, load_pack
from modules.training.pictures import loss_plot, sample, sheet
from modules.training.scenes import Holdouts, read_holdouts
from modules.training.shapes import UNET, build_text_encoder, build_unet, build_vae
from modules.training.tokens import CompactVocabulary
from modules.training.vae import Pictures, round_trip_psnr, unseen_renders, vae_stage

VAE_SHARE = 0.2  # of the time
SHEET_SECONDS = 300.0
LATENTS = 24_000  # views: about 190 of each sprite


@dataclass(frozen=True)
class Run:
    """Where a run lives and how long it may take."""

    folder: Path
    minutes: float
    pause_file: Path | None
    npm_folder: Path
    output: Path | None
    seed: int = 1

    def train(self) -> None:
        """Do what is still to be done, and export."""
        self.folder.mkdir(parents=True, exist_ok=True)
        pack, holdouts = self._pack(), read_holdouts()
        vae, vae_progress = self._vae(pack, holdouts)
        data = self._latents(vae, pack, holdouts)
        used = vae_progress.seconds + data.seconds
        clock = Clock(max(1.0, self.minutes * 60 - used), self.pause_file)
        self._denoiser(vae, vae_progress, data, CompactVocabulary(pack.words), clock)

    def _pack(self) -> Pack:
        path = self.folder / "pack.zip"
        if not path.exists():
            build_pack(path, self.npm_folder)
        return load_pack(path)

    def _vae(self, pack: Pack, holdouts: Holdouts) -> tuple[AutoencoderKL, Progress]:
        """The averaged autoencoder. Once finished it stays: the latents depend on it."""
        path = self.folder / "vae.pt"
        torch.manual_seed(self.seed)
        vae, averaged = build_vae(), build_vae().eval()
        unseen = unseen_renders(pack, holdouts)

        def report(progress: Progress, ema: Ema) -> None:
            averaged.load_state_dict(ema.weights)
            print(f"\nvae: {progress.samples} pictures, {round_trip_psnr(averaged, unseen):.2f} dB", flush=True)

        if not (path.exists() and load_ema(path)[0].finished):
            clock = Clock(self.minutes * 60 * VAE_SHARE, self.pause_file)
            run_stage(vae_stage(vae, Pictures(pack, holdouts, self.seed)), path, clock, report)
        progress, weights = load_ema(path)
        averaged.load_state_dict(weights)
        return averaged, progress

    def _latents(self, vae: AutoencoderKL, pack: Pack, holdouts: Holdouts) -> LatentSet:
        path = self.folder / "latents.pt"
        clock = Clock(self.minutes * 60, self.pause_file)
        return encode_scenes(vae, pack, holdouts, self.seed, LATENTS, path, clock)

    def _denoiser(
        self,
        vae: AutoencoderKL,
        vae_progress: Progress,
        data: LatentSet,
        vocabulary: CompactVocabulary,
        clock: Clock,
    ) -> None:
        """Train text encoder and U-Net; draw the sheet and the plot now and then; export at the end."""
        torch.manual_seed(self.seed)
        model = TextToLatent(build_text_encoder(vocabulary=vocabulary.size), build_unet(UNET))
        averaged = TextToLatent(build_text_encoder(vocabulary=vocabulary.size), build_unet(UNET)).eval()
        prompts, drawn = sheet_prompts(), 0.0

        def report(progress: Progress, ema: Ema) -> None:
            nonlocal drawn
            if not progress.finished and progress.seconds - drawn < SHEET_SECONDS:
                return
            drawn = progress.seconds
            averaged.load_state_dict(ema.weights)
            pictures = sample(averaged, vae, data.scaling_factor, vocabulary, prompts)
            _save(sheet(pictures, prompts), self.folder / "samples.png")
            curves = {"vae": vae_progress.losses, "denoiser": progress.losses}
            _save(loss_plot(curves), self.folder / "loss.png")

        path = self.folder / "denoiser.pt"
        run_stage(denoiser_stage(model, Batches(data, vocabulary, self.seed)), path, clock, report)
        if self.output is not None:
            progress, weights = load_ema(path)
            averaged.load_state_dict(weights)
            trained = Trained(averaged, vae, data.scaling_factor, vocabulary, vae_progress, progress)
            write_checkpoint(self.output, trained)


def _save(image: Image.Image, path: Path) -> None:
    part = path.with_suffix(".part.png")
    image.save(part)
    part.replace(path)
