"""Tells the front half what a checkpoint's latents are."""

from collections.abc import Iterator

from modules.hooks import Answered, Bench, Question, hookimpl


@hookimpl
def answer(question: Question, bench: Bench) -> Iterator[Answered]:
    with bench.family(str(question.payload)) as family:
        yield Answered(message=list(family.latent_shape(64, 64)))
