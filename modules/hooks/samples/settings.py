"""A setting on the Extensions page."""

from modules.hooks import Control, hookimpl


@hookimpl
def settings() -> list[Control]:
    return [Control("language", "Language", "choice", "English", choices=("English", "Latin"))]
