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
from modules.training.latents import LatentSet, encode_renders
from modules.training.loop import run_stage
from modules.training.pack import Pack, build_pack, load_pack
from modules.training.photos import HELD_OUT, centre_crops
from modules.training.pictures import loss_plot, sample, sheet
from modules.training.renders import Plan, RenderSet, draw_all
from modules.training.scenes import Holdouts, read_holdouts
from modules.training.shapes import UNET, build_text_encoder, build_unet, build_vae
from modules.training.start import read_start
from modules.training.tokens import CompactVocabulary
from modules.training.vae import Pictures, round_trip_psnr, unseen_renders, vae_stage

VAE_SHARE = 0.1  # of the time
SHEET_SECONDS = 600.0
SHEET_EVERY = 2  # only every second thing: a sheet costs as much as a thousand training pictures
RENDERS = 60_000  # pictures: about 70 of each (concept, hand)


@dataclass(frozen=True)
class Run:
    """Where a run lives and how long it may take."""

    folder: Path
    minutes: float
    pause_file: Path | None
    npm_folder: Path
    output: Path | None
    start_from: Path | None = None
    workers: int = 2
    seed: int = 1

    def train(self) -> None:
        """Do what is still to be done, and export."""
        self.folder.mkdir(parents=True, exist_ok=True)
        pack, holdouts = self._pack(), read_holdouts()
        renders = draw_all(
            Plan(self.seed, RENDERS, holdouts), self.folder / "pack.zip", self.folder / "renders.npy", self.workers
        )
        vae, vae_progress = self._vae(pack, renders, holdouts)
        data = encode_renders(vae, renders, self.folder / "latents.pt", Clock(self.minutes * 60, self.pause_file))
        used = vae_progress.seconds + data.seconds
        clock = Clock(max(1.0, self.minutes * 60 - used), self.pause_file)
        self._denoiser(vae, vae_progress, data, CompactVocabulary(pack.words), clock)

    def _pack(self) -> Pack:
        path = self.folder / "pack.zip"
        if not path.exists():
            build_pack(path, self.npm_folder)
        return load_pack(path)

    def _vae(self, pack: Pack, renders: RenderSet, holdouts: Holdouts) -> tuple[AutoencoderKL, Progress]:
        """The averaged autoencoder. Once finished it stays: the latents depend on it."""
        path = self.folder / "vae.pt"
        torch.manual_seed(self.seed)
        vae, averaged = build_vae(), build_vae().eval()
        if self.start_from is not None:
            read_start(self.start_from).into_vae(vae)
        unseen = unseen_renders(pack, holdouts)
        photos = centre_crops([pack.photos[name] for name in HELD_OUT]) * 2 - 1

        def report(progress: Progress, ema: Ema) -> None:
            averaged.load_state_dict(ema.weights)
            levels = [f"{round_trip_psnr(averaged, pictures):.2f} dB" for pictures in (unseen, photos)]
            print(f"\nvae: {progress.samples} pictures, {levels[0]}, photographs {levels[1]}", flush=True)

        if not (path.exists() and load_ema(path)[0].finished):
            clock = Clock(self.minutes * 60 * VAE_SHARE, self.pause_file)
            run_stage(vae_stage(vae, Pictures(pack, renders, self.seed)), path, clock, report)
        progress, weights = load_ema(path)
        averaged.load_state_dict(weights)
        return averaged, progress

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
        if self.start_from is not None:
            read_start(self.start_from).into(model, vocabulary)
        averaged = TextToLatent(build_text_encoder(vocabulary=vocabulary.size), build_unet(UNET)).eval()
        prompts, drawn = sheet_prompts()[::SHEET_EVERY], 0.0

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
