"""The shape of each picture, in words."""

from modules.hooks import Column, Picture, hookimpl


def shape(picture: Picture) -> str:
    return "square" if picture.width == picture.height else "wide" if picture.width > picture.height else "tall"


@hookimpl
def columns() -> list[Column]:
    return [Column("shape", "Shape", shape)]
