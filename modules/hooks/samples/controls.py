"""A slider under txt2img."""

from modules.hooks import Control, hookimpl


@hookimpl
def controls(tab: str) -> list[Control]:
    return [Control("amount", "Amount of grain", "slider", 0.2)] if tab == "txt2img" else []
