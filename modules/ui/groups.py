"""What few people change, folded under every form that makes pictures."""

from __future__ import annotations

import gradio as gr

from modules.hooks import Page
from modules.ui.controls import (
    Form,
    extension_controls,
    fast_controls,
    html,
    sampler_choice,
    schedule_choice,
    tiling_choice,
    variation_controls,
)
from modules.ui.vae import vae_choice


def lay_out_groups(page: Page, tab: str, prefix: str = "") -> tuple[Form, dict[str, gr.Accordion]]:
    """The controls, and the groups by name. prefix: of the elements' ids, which must differ between tabs."""
    html("<taffy-quick></taffy-quick><taffy-found-hint></taffy-found-hint>", "taffy-quick-line")
    with gr.Accordion("Sampling", open=False, elem_id=f"{prefix}sampling") as sampling:
        form: Form = {"sampler": sampler_choice(), "schedule": schedule_choice(), "tiling": tiling_choice()}
        form["vae"] = vae_choice(page, prefix)
        form |= fast_controls()
    with gr.Accordion("Variation", open=False, elem_id=f"{prefix}variation") as variation:
        form |= variation_controls()
    more, groups = extension_controls(page.controls(tab))
    return form | more, {"Sampling": sampling, "Variation": variation, **groups}
