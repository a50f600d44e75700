"""Mode "inject": a content picture painted with the attention of style pictures (StyleID, algorithm in section 4)."""

from __future__ import annotations

import math
from collections.abc import Generator, Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from weakref import WeakKeyDictionary

import torch
from PIL import Image
from torch import Tensor

from modules.adapters.style_injection import (
    Features,
    Layer,
    Mix,
    adain,
    decoder_layers,
    injecting,
    moments,
    recording,
    step_bytes,
)
from modules.core.errors import BadRequest
from modules.core.events import PictureMade, Stepped
from modules.core.family import Family
from modules.core.moments import Prediction
from modules.engine.denoiser import Denoiser
from modules.engine.finish import decode_picture
from modules.engine.picture import fitted, to_tensor
from modules.engine.place import Place, place
from modules.engine.prompts import encode_prompts
from modules.engine.start import Pass
from modules.engine.style.job import Progress, StyleJob, picture_hash, weighted
from modules.engine.style.room import Room
from modules.sampling.inversion import PredictionType, inverted
from modules.sampling.samplers import SAMPLERS
from modules.sampling.schedules import Sigmas, sigmas_for
from modules.style.colour import on_white


@dataclass(frozen=True)
class Inverted:
    """A picture on its way to noise.

    noise: (1, c, h, w) at the first level. shown: level -> what the network saw there. features: level -> what it had
    in its layers; empty where memory was short, then they are asked for again.
    """

    noise: Tensor
    shown: dict[float, Tensor]
    features: dict[float, Features]


class KnownStyles:
    """The inverted style pictures of the last job on each loaded checkpoint; they go when the checkpoint goes."""

    def __init__(self) -> None:
        self._of: WeakKeyDictionary[Family, dict[str, Inverted]] = WeakKeyDictionary()

    def find(self, family: Family, key: str) -> Inverted | None:
        return self._of.get(family, {}).get(key)

    def keep(self, family: Family, styles: dict[str, Inverted]) -> None:
        """Instead of those before. Only stored ones save anything."""
        self._of[family] = {key: style for key, style in styles.items() if style.features}


@dataclass(frozen=True)
class Injection:
    """One job's constants: which layers, at which levels, where features are kept (None: nowhere).

    levels: all of the schedule; sigmas: the last ones, that the pictures climb and come down again.
    """

    job: StyleJob
    family: Family
    place: Place
    layers: Sequence[Layer]
    levels: Sigmas
    sigmas: Sigmas
    keep_on: str | None

    @property
    def steps(self) -> int:
        return len(self.sigmas) - 1

    def features(self, picture: Inverted, sigma: float) -> Features:
        """What the layers see of a picture at a level, from the store or from the network."""
        if sigma in picture.features:
            return picture.features[sigma]
        with recording(self.layers, self.family.device) as features:
            self.ask(picture.shown[sigma], sigma)
        return features

    def ask(self, x: Tensor, sigma: float) -> Prediction:
        """The network under the empty prompt and without guidance: with them an inversion explodes."""
        return Prediction(self.family.denoise(x, sigma, self.family.encode_prompt("", self.job.request.clip_skip)))

    def invert(self, picture: Image.Image, progress: Progress) -> Generator[Stepped, None, Inverted]:
        shown: dict[float, Tensor] = {}
        features: dict[float, Features] = {}

        def denoise(x: Tensor, sigma: float) -> Prediction:
            shown[sigma] = x
            with recording(self.layers, self.keep_on) if self.keep_on else nullcontext() as found:
                prediction = self.ask(x, sigma)
            if found is not None:
                features[sigma] = found
            return prediction

        latents = self.family.encode(to_tensor(picture, self.family.device))
        for step in inverted(denoise, latents, self.sigmas.values, prediction_type(self.family)):
            yield progress.stepped(step)
        return Inverted(step.x, shown, features)

    def key(self, picture: Image.Image) -> str:
        """Same key, same inversion: everything it depends on beside the checkpoint."""
        request = self.job.request
        size = request.width, request.height
        words = [*size, request.steps, self.steps, request.style_grid, request.clip_skip, request.tiling]
        return "/".join(map(str, [picture_hash(picture), *words, *self.job.adapters]))


@torch.inference_mode()
def inject(job: StyleJob, family: Family, known: KnownStyles) -> Iterator[Stepped | PictureMade]:
    """Invert what is not known yet, mix the noise, and paint with the styles' attention. DDIM, whatever was asked."""
    injection = prepared(job, family)
    keys = [injection.key(style) for style in job.styles]
    styles = {key: found for key in keys if (found := known.find(family, key))}
    fresh = {key: style for key, style in zip(keys, job.styles, strict=True) if key not in styles}
    progress = Progress(job, family, injection.steps * (len(fresh) + 2))
    size = job.request.width, job.request.height
    for key, picture in fresh.items():
        styles[key] = yield from injection.invert(fitted(on_white(picture), size, "crop"), progress)
    known.keep(family, styles)
    content = yield from injection.invert(injection.place.seen, progress)
    yield from painted(injection, content, [styles[key] for key in keys], progress)


def prepared(job: StyleJob, family: Family) -> Injection:
    """Raises BadRequest for a family that cannot, OutOfMemory if there is no room."""
    request = replace(job.request, sampler="DDIM", schedule="ddim")
    if not request.prompt:
        request = replace(request, cfg_scale=1.0)
    layers = decoder_layers(family, request.style_grid)
    prediction_type(family)
    _, rows, columns = family.latent_shape(request.width, request.height)
    itemsize = next(family.networks["unet"].parameters()).element_size()
    pictures = len(set(request.style_images)) + 1
    needed = step_bytes(layers, rows, columns, itemsize)
    steps = climbed(request.style_keep, request.steps)
    keep_on = Room.now(family.device).keep_on(request.style_memory, needed, steps, pictures)
    levels = sigmas_for(SAMPLERS["DDIM"], "ddim", request.steps, family.noise_levels)
    sigmas = replace(levels, values=levels.values[-steps - 1 :])
    where = place(request, job.inputs, family.card.size_multiple)
    assert where is not None  # the request was checked: this mode has a picture
    return Injection(replace(job, request=request), family, where, layers, levels, sigmas, keep_on)


def painted(
    injection: Injection, content: Inverted, styles: Sequence[Inverted], progress: Progress
) -> Iterator[Stepped | PictureMade]:
    """DDIM from the content's noise, each call of the network with the features of its level."""
    job, family = injection.job, injection.family
    request = job.request
    prompts = encode_prompts(family, request, injection.steps)
    run = Pass(request, prompts, injection.levels, injection.sigmas)
    denoiser = Denoiser(family, job.moments, run, 0, job=job.task)

    def denoise(x: Tensor, sigma: float) -> Prediction:
        of_styles = [injection.features(style, sigma) for style in styles]
        mix = Mix(
            injection.features(content, sigma),
            list(zip(job.shares, of_styles, strict=True)),
            gamma_at(gamma(request.style_keep), denoiser.step, injection.steps, request.style_keep_falls),
            request.style_contrast,
        )
        with injecting(injection.layers, mix):
            return denoiser(x, sigma)

    x = start(content.noise, styles, job.shares, request.style_amount)
    for step in SAMPLERS["DDIM"].run(denoise, x, injection.sigmas, no_noise):
        denoiser.step = step.index + 1
        job.moments.notice("after_step", denoiser.after(step))
        yield progress.stepped(step)
    facts = {**family.facts, "Sampler": request.sampler, "Schedule type": "DDIM"}
    latent = job.moments.change_latent(step.x, request, 0)
    picture = injection.place.finished(decode_picture(family, latent))
    yield job.made(picture, 0, request.seed, facts | injection.place.facts)


def start(content: Tensor, styles: Sequence[Inverted], shares: Sequence[float], amount: float) -> Tensor:
    """The content's noise with the styles' mean and spread (eq. 8), as much as `amount` says."""
    means, spreads = zip(*(moments(style.noise) for style in styles), strict=True)
    return torch.lerp(content, adain(content, weighted(shares, means), weighted(shares, spreads)), amount)


def gamma(keep: float) -> float:
    """How much of the content's queries is kept: 0 at keep 0, the paper's 0.75 in the middle, 1 at 1."""
    return min(1.5 * keep, 0.5 + 0.5 * keep)


def climbed(keep: float, steps: int) -> int:
    """How many of the steps to noise are climbed: all, as in the paper, up to keep 0.5; then ever fewer, 1 at 1.

    Queries alone hold little of the content (measured: docs/style.md); less noise does.
    """
    return max(1, round(steps * min(1.0, 2 * (1 - keep))))


def gamma_at(gamma: float, step: int, steps: int, falls: bool) -> float:
    """gamma of a 0-based step: constant, or falling to half along a cosine ("Scheduled Style Injection", 2026)."""
    if not falls:
        return gamma
    part = step / max(steps - 1, 1)
    return gamma * (0.5 + 0.25 * (1 + math.cos(math.pi * part)))


def prediction_type(family: Family) -> PredictionType:
    """Raises BadRequest for networks that have no inversion here."""
    if family.card.input_kind == "text":
        if family.card.prediction == "v_prediction":
            return "v_prediction"
        if family.card.prediction == "epsilon":
            return "epsilon"
    raise BadRequest(
        f"style injection cannot run {family.card.name} backwards: it predicts {family.card.prediction} "
        f"and takes {family.card.input_kind}",
        "choose an ordinary Stable Diffusion checkpoint",
    )


def no_noise(sigma_from: float, sigma_to: float) -> Tensor:
    raise AssertionError("DDIM asks for no noise")
