"""The first latent channel as brightness."""

from typing import Any

from modules.hooks import Family, hookimpl


def grey(latents: Any, family: Family) -> Any:
    channel = latents[:, :1]
    low, high = channel.amin((2, 3), keepdim=True), channel.amax((2, 3), keepdim=True)
    return ((channel - low) / (high - low).clamp(min=1e-6)).expand(-1, 3, -1, -1)


@hookimpl
def previews() -> dict[str, object]:
    return {"grey": grey}
