"""Pictures of a run to look at: labelled sample sheets and the loss plot, drawn with Pillow only."""

from __future__ import annotations

import numpy as np
import torch
from diffusers import AutoencoderKL
from PIL import Image, ImageDraw
from torch import Tensor

from modules.training.denoiser import TextToLatent, ddim
from modules.training.tokens import CompactVocabulary

TILE = 128  # each 64-pixel picture is shown doubled
LABEL = 26


def sample(
    model: TextToLatent,
    vae: AutoencoderKL,
    factor: float,
    vocabulary: CompactVocabulary,
    prompts: list[str],
    cfg: float = 4.0,
    steps: int = 20,
) -> Tensor:
    """One picture a prompt, from noise seeded by its position: (n, 3, 64, 64) in 0..1."""
    ids = torch.stack([vocabulary.encode(tuple(p.replace(",", " ,").split())) for p in prompts])
    noise = torch.stack(
        [torch.randn(4, 16, 16, generator=torch.Generator().manual_seed(i)) for i in range(len(prompts))]
    )
    with torch.autocast("cpu", torch.bfloat16):
        latents = ddim(model, ids, vocabulary.encode(()), cfg, steps, noise)
    with torch.inference_mode():
        decoded: Tensor = vae.decode(latents.float() / factor).sample
    return (decoded / 2 + 0.5).clamp(0, 1)


def sheet(pictures: Tensor, labels: list[str], columns: int = 8) -> Image.Image:
    """A grid of pictures (n, 3, h, w) in 0..1, each with its label below."""
    rows = -(-len(labels) // columns)
    image = Image.new("RGB", (columns * TILE, rows * (TILE + LABEL)), "white")
    draw = ImageDraw.Draw(image)
    for i, label in enumerate(labels):
        x, y = i % columns * TILE, i // columns * (TILE + LABEL)
        pixels = (pictures[i].permute(1, 2, 0).numpy() * 255).round().astype(np.uint8)
        image.paste(Image.fromarray(pixels).resize((TILE, TILE), Image.Resampling.NEAREST), (x, y))
        half = next((k for k in range(20, 0, -1) if label[k : k + 1] == " "), 20)
        text = label if len(label) <= 21 else label[:half] + "\n" + label[half:].strip()[:21]
        draw.multiline_text((x + 2, y + TILE), text, fill="black", spacing=0)
    return image


def loss_plot(losses: dict[str, list[float]], width: int = 640, height: int = 240) -> Image.Image:
    """One panel a stage; logarithmic in the loss, linear in steps; a faint raw and a strong mean line."""
    image = Image.new("RGB", (width, height * len(losses)), "white")
    draw = ImageDraw.Draw(image)
    for panel, (name, values) in enumerate(losses.items()):
        if len(values) < 2:
            continue
        heights = np.log10(np.maximum(values, 1e-9))
        low, high = float(heights.min()), float(heights.max()) + 1e-6
        window = max(1, len(values) // 40)
        smooth = np.convolve(np.pad(heights, window // 2, mode="edge"), np.ones(window) / window, "valid")
        for line, colour in ((heights, "#c8d6e8"), (smooth, "#1f4e8c")):
            points = [
                (
                    20 + (width - 40) * i / max(len(line) - 1, 1),
                    panel * height + 30 + (height - 50) * (high - float(value)) / (high - low),
                )
                for i, value in enumerate(line)
            ]
            draw.line(points, fill=colour)
        text = f"{name}: {len(values)} points, from {values[0]:.4f} to {10 ** smooth[-1]:.4f} (log scale)"
        draw.text((20, panel * height + 8), text, fill="black")
    return image
