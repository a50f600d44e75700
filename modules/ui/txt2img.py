"""The tab that turns words into a picture: its layout."""

from __future__ import annotations

from collections.abc import Sequence

import gradio as gr

from modules.hooks import Page, Tab, hookimpl
from modules.ui.controls import Form, lay_out_numbers, lay_out_prompts, note
from modules.ui.frame import Groups, lay_out_frame
from modules.ui.groups import lay_out_groups
from modules.ui.hires import hires_controls

ID = "txt2img"


@hookimpl
def tabs() -> Sequence[Tab]:
    return [Tab(ID, "txt2img", 10, build)]


def build(page: Page) -> None:
    lay_out_frame(page, ID, lay_out)


def lay_out(page: Page) -> tuple[Form, Groups]:
    form = lay_out_prompts()
    note(page)
    form |= lay_out_numbers()
    with gr.Accordion("Second, finer pass (hires)", open=False, elem_id="hires") as hires:
        form |= hires_controls(page)
    more, groups = lay_out_groups(page, ID)
    return form | more, {"Hires": hires, **groups}
