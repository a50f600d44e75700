"""What the loop needs of a model family, and the card that tells everybody else about a checkpoint."""

from __future__ import annotations

from collections.abc import Callable, Collection, Generator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, Protocol

if TYPE_CHECKING:
    from torch import Tensor
    from torch.nn import Module

    from modules.core.moments import PaintedStep, Word, WordAttention
    from modules.core.request import GenerationRequest


@dataclass(frozen=True)
class CheckpointCard:
    """What depends on the checkpoint, read from the file's header. Nothing outside `families/` says 8, 4 or 512.

    downscale: pixels per latent cell and side. native_size: pixels of the side it was trained at.
    size_multiple: width and height must be multiples of it (pixels). prompt_tokens: tokens of one prompt window
    without its begin and end marks. prediction: what the network's output means, "epsilon" or "v_prediction".
    default_...: what it was made for; an empty sampler or schedule is the usual one. defaults_from: why they are not
    the usual ones, or empty.
    input_kind: what the denoiser wants beside noise and words: nothing ("text"), a mask and the masked picture
    ("inpaint"), or the picture to change ("instruct").
    pipeline: diffusers' class that paints whole pictures with it; empty where Taffy's own loop does.
    words: what a small checkpoint knows, by kind ("concepts", "hands" ...); empty when it knows too much to list.
    """

    name: str
    family: str
    downscale: int
    latent_channels: int
    native_size: int
    size_multiple: int
    prompt_tokens: int
    prediction: str
    default_steps: int
    default_cfg: float
    input_kind: Literal["text", "inpaint", "instruct"] = "text"
    description: str = ""
    default_sampler: str = ""
    default_schedule: str = ""
    defaults_from: str = ""
    pipeline: str = ""
    words: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    examples: tuple[str, ...] = ()


@dataclass(frozen=True)
class Conditioning:
    """What the denoiser attends to: embeddings (batch, tokens, width) in the network's dtype."""

    embeddings: Tensor
    pooled: Tensor | None = None  # (batch, width) for families that use one
    concat: Tensor | None = None  # (batch, k, h, w): latents that inpainting and instruct checkpoints see beside x


@dataclass(frozen=True)
class NoiseLevels:
    """The noise a network was trained on: sigmas[t] for t = 0..T-1, rising; sigma = noise / signal (Karras 2022)."""

    sigmas: tuple[float, ...]

    @property
    def sigma_min(self) -> float:
        return self.sigmas[0]

    @property
    def sigma_max(self) -> float:
        return self.sigmas[-1]


class Family(Protocol):
    """A loaded checkpoint. Latents and x0 are fp32 whatever the network computes in.

    words: tokens in prompts -> the ids that stand in their place, while an adapter adds learned words.
    """

    words: Mapping[tuple[int, ...], tuple[int, ...]]

    @property
    def card(self) -> CheckpointCard: ...
    @property
    def noise_levels(self) -> NoiseLevels: ...
    @property
    def facts(self) -> Mapping[str, str]:
        """What a picture's record should say: "Model hash" when known, "Precision", "Attention" ..."""
        ...

    @property
    def device(self) -> str:
        """Where latents should be ("cpu", "cuda:0" ...), as torch names it."""
        ...

    @property
    def networks(self) -> Mapping[str, Module]:
        """The torch modules by diffusers' name of the part ("unet", "vae" ...), for adapters."""
        ...

    def attend(self, kernel: str) -> None:
        """From now on compute attention with this kernel: "automatic" or a name."""
        ...

    def adapter_layers(self) -> Mapping[tuple[str, str], Module]:
        """What adapters may change: (part, name in adapters' files with "_" for ".") -> a layer with a weight."""
        ...

    @property
    def vae_key(self) -> str:
        """Same VAE weights, same key: names the cached fit of the linear preview."""
        ...

    def latent_shape(self, width: int, height: int) -> tuple[int, int, int]:
        """(channels, rows, columns) of the latent of a picture of width x height pixels."""
        ...

    def encode_prompt(self, prompt: str, clip_skip: int, negative: bool = False) -> Conditioning:
        """One prompt in A1111's grammar -> embeddings (1, tokens, width). negative: what to keep away from."""
        ...

    def prompt_words(self, prompt: str) -> Sequence[Word]:
        """The words of such a text and where they stand in its embeddings; none for a family that cannot say."""
        ...

    def watching(self, see: Callable[[WordAttention], None], layers: Collection[str]) -> AbstractContextManager[None]:
        """Within it `see` is shown what these cross-attentions of the denoiser compare, at every call; the answers
        stay the same to the bit. layers: their names in `networks["unet"]`. Raises BadRequest for a family without.
        """
        ...

    def denoise(self, x: Tensor, sigma: float, conditioning: Conditioning) -> Tensor:
        """Noisy latents x (batch, c, h, w) at noise level sigma -> the network's estimate of x0, same shape."""
        ...

    def decode(self, latents: Tensor) -> Tensor:
        """Latents (batch, c, h, w) -> pixels (batch, 3, height, width), fp32 in 0..1."""
        ...

    def encode(self, pixels: Tensor) -> Tensor:
        """Pixels (batch, 3, height, width), fp32 in 0..1 -> latents (the mean of the posterior)."""
        ...


class PaintsItself(Family, Protocol):
    """A checkpoint whose steps nobody else can take: its card names a pipeline."""

    def paint(self, request: GenerationRequest, seeds: Sequence[int]) -> Generator[PaintedStep, None, Tensor]:
        """Every step of the pictures of some seeds; returns pixels (batch, 3, height, width), fp32 in 0..1."""
        ...

    def shows(self, latents: Tensor) -> bool:
        """Whether `decode` can show latents as they are on the way."""
        ...
