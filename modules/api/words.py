"""What the page wants to know of a prompt: its length, words that mean nothing, and what it is without its thing."""

from __future__ import annotations

from dataclasses import asdict

from fastapi import APIRouter, Request
from pydantic import ConfigDict, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass
from starlette.concurrency import run_in_threadpool

from modules.api.jobs import read_json
from modules.api.view import Json
from modules.app import App
from modules.core.errors import BadRequest, TaffyError
from modules.core.request import MAX_PROMPT, sentence
from modules.text.chunks import count_tokens
from modules.text.networks import take_lora_tags
from modules.text.vocabulary import scenery, unknown_words

WINDOW = 75  # tokens, where no checkpoint says otherwise


@dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class Question:
    """A prompt, and the checkpoint it is meant for; an empty name means the default one."""

    prompt: str
    checkpoint: str = ""


QUESTION = TypeAdapter(Question)


def word_routes(app: App) -> APIRouter:
    routes = APIRouter(prefix="/words")

    @routes.post("")
    async def look(request: Request) -> Json:
        """{"tokens": 12, "window": 75, "unknown": [{"word": "kat", "nearest": "cat"}], "quick": null, "scenery": ""}

        quick: what a LoRA in the prompt that draws in a few steps is used with, by its name ("lora").
        scenery: the prompt without the thing that is drawn, for what lies around it.
        """
        values = await read_json(request)
        try:
            question = QUESTION.validate_python(values)
        except ValidationError as error:
            raise BadRequest(sentence(error)) from error
        if len(question.prompt) > MAX_PROMPT:
            raise BadRequest(f"a prompt may have at most {MAX_PROMPT} characters, got {len(question.prompt)}")
        return await run_in_threadpool(judge, app, question)

    return routes


def judge(app: App, question: Question) -> Json:
    """A checkpoint nobody knows has no words: the prompt is still counted."""
    quick = quick_lora(app, question.prompt)
    try:
        card = app.card(question.checkpoint)
    except TaffyError:
        counted = {"tokens": count_tokens(question.prompt), "window": WINDOW}
        return {**counted, "unknown": [], "quick": quick, "scenery": question.prompt}
    return {
        "quick": quick,
        "tokens": count_tokens(question.prompt, card.prompt_tokens),
        "window": card.prompt_tokens,
        "unknown": [asdict(word) for word in unknown_words(question.prompt, card.words, card.examples)],
        "scenery": scenery(question.prompt, card.words),
    }


def quick_lora(app: App, prompt: str) -> Json | None:
    """The first LoRA of a prompt that draws in a few steps, and how."""
    try:
        names = [tag.name.casefold() for tag in take_lora_tags(prompt)[1]]
    except BadRequest:  # whoever generates is told
        return None
    if not names:
        return None
    for item in app.library.items():
        if item.kind == "lora" and item.quick and {item.name.casefold(), item.path.stem.casefold()} & {*names}:
            return {"lora": item.name, **asdict(item.quick)}
    return None
