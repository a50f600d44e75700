"""A stylesheet of the extension's folder."""

from modules.hooks import hookimpl


@hookimpl
def assets() -> list[str]:
    return ["look.css"]
