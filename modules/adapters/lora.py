"""LoRAs: small files that change many weights a little. Afterwards every weight is the very tensor it was before."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from modules.adapters.files import AdapterFile
from modules.adapters.lora_keys import Layer, change_of, layers_of
from modules.core.errors import BadRequest
from modules.core.family import Family

if TYPE_CHECKING:
    from torch import Tensor
    from torch.nn import Module, Parameter

OTHER_KINDS = {  # parts of keys that tell what cannot be used
    "dora_scale": "it is a DoRA, which is not supported",
    "lora_magnitude_vector": "it is a DoRA, which is not supported",
    "bundle_emb.": "it brings embeddings in the same file, which is not supported",
    "hada_t": "it is a LoHa in Tucker form, which is not supported",
    "lokr_t": "it is a LoKr in Tucker form, which is not supported",
    "on_input": "it is an (IA)^3, which is not supported",
    "oft_": "it is an OFT, which is not supported",
    ".a1.": "it is a GLoRA, which is not supported",
    "emb_params": "it is a textual inversion; it belongs in models/embeddings",
    "model.diffusion_model.": "it is a whole checkpoint",
}
OTHER_CHECKPOINT = "it was made for another kind of checkpoint"
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class WantedLora:
    """A LoRA and how much of it: in the text encoders and in the denoiser. 0 is none, 1 as trained."""

    file: AdapterFile
    text: float
    denoiser: float


@dataclass(frozen=True)
class _Change:
    """What one file adds to one weight: its tensors' keys by role, and how much of it."""

    file: AdapterFile
    layer: Layer
    roles: Mapping[str, str]
    amount: float


@contextmanager
def applied(family: Family, wanted: Sequence[WantedLora]) -> Iterator[Mapping[str, str]]:
    """Add the LoRAs to the family's weights; gives the facts for a picture's record ("Lora hashes").

    The original tensors are kept and put back, so weights are bit-equal afterwards; until then the touched layers
    take their memory twice. Raises BadRequest by the file's name if one does not fit; then nothing stays changed.
    """
    originals: dict[Parameter, Tensor] = {}
    try:
        _apply(_planned(family, wanted), originals)
        hashes = [f"{_plain(each.file.name)}: {each.file.hash}" for each in wanted]
        yield {"Lora hashes": ", ".join(hashes)} if hashes else {}
    finally:
        for parameter, original in originals.items():
            parameter.data = original


def _planned(family: Family, wanted: Sequence[WantedLora]) -> dict[Parameter, list[_Change]]:
    """What is to be added to which weight; no weight is read yet. Raises BadRequest."""
    here = family.adapter_layers()
    plan: dict[Parameter, list[_Change]] = {}
    for each in wanted:
        if misfit := each.file.misfit(family.card.family):
            raise BadRequest(f"the LoRA {misfit}", "choose a checkpoint of that family, or take the LoRA out")
        for layer, roles in _known_layers(each.file, here).items():
            amount = each.denoiser if layer[0] == "unet" else each.text
            for parameter, some in _targets(here[layer], roles):
                plan.setdefault(parameter, []).append(_Change(each.file, layer, some, amount))
    return plan


def _known_layers(file: AdapterFile, here: Mapping[Layer, Module]) -> dict[Layer, dict[str, str]]:
    """The file's layers that are in the checkpoint. Raises BadRequest if most are not, or nobody understands it."""
    layers, strange = layers_of(file.shapes)
    if strange:
        other = (what for mark, what in OTHER_KINDS.items() if any(mark in key for key in strange))
        reason = next(other, f"nobody knows its tensor {strange[0]!r:.99}")
        raise BadRequest(f"the LoRA {file.path.name} cannot be used: {reason}")
    missing = [name for part, name in layers if (part, name) not in here]
    if 2 * len(missing) >= len(layers):
        raise BadRequest(
            f"the LoRA {file.path.name} does not fit this checkpoint: {len(missing)} of its {len(layers)} layers are "
            f"not in it{f', {missing[0]!r:.99} for one' if missing else ''}",
            OTHER_CHECKPOINT,
        )
    if missing:
        log.warning("%s: %d of %d layers are not in this checkpoint", file.name, len(missing), len(layers))
    return {layer: roles for layer, roles in layers.items() if layer in here}


def _targets(module: Any, roles: Mapping[str, str]) -> Iterator[tuple[Parameter, Mapping[str, str]]]:
    """A layer's weight and bias with the keys that change them."""
    if weight := {role: key for role, key in roles.items() if role != "bias"}:
        yield module.weight, weight
    if "bias" in roles and module.bias is not None:
        yield module.bias, {"diff": roles["bias"]}


def _apply(plan: Mapping[Parameter, Sequence[_Change]], originals: dict[Parameter, Tensor]) -> None:
    """Change one weight after the other, computing in fp32. originals: filled with what was there."""
    import torch

    with torch.no_grad(), ExitStack() as stack:
        files = {change.file: _opened(change.file, stack) for changes in plan.values() for change in changes}
        for parameter, changes in plan.items():
            changed = parameter.data.float()
            for change in changes:
                changed = changed + change.amount * _difference(files[change.file], change, changed)
            originals[parameter] = parameter.data
            parameter.data = torch.empty_like(parameter.data).copy_(changed)


def _difference(opened: Any, change: _Change, like: Tensor) -> Tensor:
    """What one file adds to one weight. Raises BadRequest if it does not fit or cannot be read."""
    from safetensors import SafetensorError

    name, (part, layer) = change.file.path.name, change.layer
    try:
        tensors = {role: opened.get_tensor(key).to(like) for role, key in change.roles.items()}
        return change_of(tensors, like, change.file.alphas.get(part))
    except KeyError as error:
        raise BadRequest(f"the LoRA {name} is incomplete: its layer {layer} has no {error}") from error
    except (ValueError, IndexError, TypeError, RuntimeError) as error:
        message = f"the LoRA {name} does not fit this checkpoint: its layer {layer} has another shape"
        raise BadRequest(message, OTHER_CHECKPOINT) from error
    except SafetensorError as error:
        raise BadRequest(f"the LoRA {name} cannot be read: {error}", "download it again") from error


def _opened(file: AdapterFile, stack: ExitStack) -> Any:
    from safetensors import SafetensorError, safe_open

    try:
        return stack.enter_context(safe_open(file.path, framework="pt"))
    except (SafetensorError, OSError) as error:
        raise BadRequest(f"the LoRA {file.path.name} cannot be read: {error}", "download it again") from error


def _plain(name: str) -> str:
    """A name as it stands in the list of hashes."""
    return name.replace(":", "").replace(",", "")
