"""The tour's last stop: what the starter was examined in, read from the file beside it."""

from __future__ import annotations

import json
from typing import Any

from modules.hooks import Call, Desk, NotThere, Reply

FILE = "Stable-diffusion/starter-evaluation.json"


def experiment(call: Call, desk: Desk) -> Reply:
    """GET experiment: the figures as they were measured. Raises NotThere where the file is missing or damaged."""
    for folder in desk.models_folders:
        try:
            found: Any = json.loads((folder / FILE).read_text(encoding="utf-8"))
            return Reply.json({name: found[name] for name in ("papers", "copies", "vae psnr")})
        except (OSError, ValueError, KeyError, TypeError):
            continue
    raise NotThere(f"the figures of the starter are not here: models/{FILE}", "they come with Taffy's own files")
