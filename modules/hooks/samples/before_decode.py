"""A mirror, in the latent."""

from typing import Any

from modules.hooks import hookimpl


@hookimpl
def before_decode(latent: Any) -> Any:
    return latent.flip(-1)
