"""The smallest extension: a checkbox under txt2img. The other half, `engine.py`, does what it says."""

from modules.hooks import Control, hookimpl


@hookimpl
def controls(tab: str) -> list[Control]:
    return [Control("enabled", "Invert colours", "checkbox", default=False)] if tab == "txt2img" else []
