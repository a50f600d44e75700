"""A1111's tags for adapters in a prompt: <lora:name:text:unet>. Which file a name means is known elsewhere."""

from __future__ import annotations

import re
from dataclasses import dataclass

from modules.core.errors import BadRequest

_COMMENT = re.compile(r"#[^\n]*")
_TAG = re.compile(r"<(lora|lyco|hypernet):([^>]+)>")


@dataclass(frozen=True)
class LoraTag:
    """name: as written. text, denoiser: how much of it in the text encoders and in the denoiser."""

    name: str
    text: float
    denoiser: float


def take_lora_tags(prompt: str) -> tuple[str, tuple[LoraTag, ...]]:
    """A prompt without its tags, and what they say. Tags in comments say nothing; other <...> stay text.

    <lora:name>, <lora:name:0.8>, <lora:name:0.8:0.5>, and by name: <lora:name:te=0.8:unet=0.5>. Without a number it is
    1; the denoiser's is the text encoders' unless it is given. Raises BadRequest for what is no number, and for
    hypernetworks.
    """
    prompt = _COMMENT.sub("", prompt)
    tags = tuple(_tag(kind, arguments) for kind, arguments in _TAG.findall(prompt))
    return _TAG.sub("", prompt), tags


def _tag(kind: str, arguments: str) -> LoraTag:
    if kind == "hypernet":
        raise BadRequest(f"hypernetworks are not supported: <hypernet:{arguments:.99}>", "take it out of the prompt")
    pieces = [piece.strip() for piece in arguments.split(":")]
    named = dict(piece.split("=", 1) for piece in pieces[1:] if "=" in piece)
    name, *numbers = [pieces[0], *(piece for piece in pieces[1:] if "=" not in piece)]
    if unknown := named.keys() - {"te", "unet"}:
        raise BadRequest(f"<{kind}:{arguments:.99}> says {min(unknown)!r:.20}; known are te and unet")
    try:
        text = float(named.get("te", numbers[0] if numbers else 1))
        return LoraTag(name, text, float(named.get("unet", numbers[1] if len(numbers) > 1 else text)))
    except ValueError:
        raise BadRequest(f"the weights in <{kind}:{arguments:.99}> are not numbers", "like <lora:name:0.8>") from None
