"""A list of everything that was made."""

from modules.hooks import Desk, GenerationRequest, hookimpl


@hookimpl
def after_save(picture_id: str, request: GenerationRequest, desk: Desk) -> None:
    with (desk.folder / "made.txt").open("a", encoding="utf-8") as file:
        file.write(f"{picture_id} {request.seed}\n")
