"""Warm start: the weights of a released starter or of an earlier run, and the token rows they know."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path

import torch
from diffusers import AutoencoderKL
from safetensors.torch import load_file
from torch import Tensor, nn

from modules.families.ldm_keys import text_keys, unet_keys, vae_keys
from modules.training.checkpoint import load_ema
from modules.training.denoiser import TextToLatent
from modules.training.pack import load_pack
from modules.training.shapes import build_text_encoder, build_unet, build_vae
from modules.training.tokens import UNKNOWN, CompactVocabulary

Weights = dict[str, Tensor]
TABLE = "token_embedding.weight"


@dataclass(frozen=True)
class Start:
    """Weights to begin with. `rows` holds the token rows by CLIP's own ids."""

    text: Weights  # without the token table
    unet: Weights
    vae: Weights
    rows: dict[int, Tensor]

    def into(self, model: TextToLatent, vocabulary: CompactVocabulary) -> None:
        """Give the weights to a model; rows of new tokens stay random, at the known rows' scale."""
        model.unet.load_state_dict(self.unet)
        model.text.load_state_dict(self.text, strict=False)
        table = model.text.get_input_embeddings().weight
        scale = torch.stack(list(self.rows.values())).std()
        with torch.no_grad():
            table.mul_(scale / table.std())
            for place, token in enumerate(vocabulary.known, start=1):
                if token in self.rows:
                    table[place] = self.rows[token]
            table[UNKNOWN] = 0

    def into_vae(self, vae: AutoencoderKL) -> None:
        """Give the autoencoder its weights."""
        vae.load_state_dict(self.vae)


def read_start(path: Path) -> Start:
    """Read a run's folder, or a checkpoint that a run has written."""
    if path.is_dir():
        return _from_run(path)
    if path.suffix != ".safetensors":
        raise ValueError(f"a start is a run's folder or a .safetensors file, got {path}")
    return _from_checkpoint(path)


def _from_run(folder: Path) -> Start:
    vocabulary = CompactVocabulary(load_pack(folder / "pack.zip").words)
    _, weights = load_ema(folder / "denoiser.pt")
    text, unet = (_below(weights, prefix) for prefix in ("text.", "unet."))
    table = text.pop(_table(text))
    rows = {token: table[place] for place, token in enumerate(vocabulary.known, start=1)}
    return Start(text, unet, load_ema(folder / "vae.pt")[1], rows)


def _from_checkpoint(path: Path) -> Start:
    weights = read_weights(path, build_text_encoder(vocabulary=8), build_unet(), build_vae())
    table = weights.text.pop(_table(weights.text))
    rows = {int(token): table[token] for token in table.abs().amax(1).nonzero()[:, 0]}
    return Start(weights.text, weights.unet, weights.vae, rows)


@dataclass(frozen=True)
class Parts:
    """The weights of a checkpoint's three networks, each under its library's own names, in fp32."""

    text: Weights
    unet: Weights
    vae: Weights


def read_weights(path: Path, text: nn.Module, unet: nn.Module, vae: nn.Module) -> Parts:
    """Read a single file; the modules only say which names there are."""
    tensors = {name: value.float() for name, value in load_file(path).items()}
    return Parts(
        _renamed(tensors, text, text_keys), _renamed(tensors, unet, unet_keys), _renamed(tensors, vae, vae_keys)
    )


def _renamed(tensors: Weights, module: nn.Module, keys: Callable[[Collection[str]], dict[str, str]]) -> Weights:
    """The module's weights under its own names, from single-file names."""
    return {name: tensors[key] for name, key in keys(module.state_dict().keys()).items()}


def _below(weights: Weights, prefix: str) -> Weights:
    return {name.removeprefix(prefix): value for name, value in weights.items() if name.startswith(prefix)}


def _table(text: Weights) -> str:
    (name,) = (name for name in text if name.endswith(TABLE))
    return name
