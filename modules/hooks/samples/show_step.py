"""A preview of one colour: how far the job is."""

from io import BytesIO

from PIL import Image

from modules.hooks import Frame, StepState, hookimpl


@hookimpl
def show_step(state: StepState) -> Frame:
    level = 255 * (state.step + 1) // state.steps
    file = BytesIO()
    Image.new("RGB", (8, 8), (level, level, level)).save(file, "JPEG")
    return Frame(file.getvalue(), 8, 8, "brightness")
