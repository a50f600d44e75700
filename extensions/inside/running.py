"""What the tab asks about a job that runs: its steps so far, and their numbers. The engine is at work, not asked."""

from __future__ import annotations

from typing import Any

from modules.hooks import Call, Desk, GenerationRequest, JobCard, NotThere, Reply

from .channels import channels
from .kept import own_seed
from .pieces import keys, read
from .routes import body

NOISELESS = "This job paints nothing out of noise, so it has no steps. Look at its picture when it is done."
GONE = "the steps of this job are not there any more"


def running(call: Call, desk: Desk) -> Reply:
    """GET running?job=<id>[&seed=<of the batch that is followed>&since=<steps that are known>].

    {"seed", "newest", "picture", "state", "why", "known", "steps", "looks", "words", "start"}: the batch this is about
    and the newest there is (-1 before the first step), the finished picture's id once it is there, how the job is, and
    what is new of the batch. known: what the panels show, as of `steps`. {"missing": why} for a job without noise.
    """
    card = desk.job(call.query.get("job", ""), call.owner)
    request = card.request
    if request is None or request.style_mode == "colour":
        return Reply.json({"missing": NOISELESS})
    there = keys(desk, card.id)
    newest = there[-1].seed if there else -1
    seed, since = number(call, "seed", newest), number(call, "since", 0)
    new = [key for key in there if key.seed == seed and key.last >= since]
    told = [piece for key in new if (piece := read(desk, card.id, key))]
    about: dict[str, Any] = {
        "seed": seed,
        "newest": newest,
        "picture": done(card, seed),
        "state": card.state,
        "why": "; ".join(filter(None, (card.error, card.advice))),
        "known": known(request, card, desk) | {"pictures": new[-1].pictures if new else 1},
        "steps": sorted({call.step: call.sigma for _, record in told for call in reversed(record.calls)}.items()),
        "looks": [look for one, _ in told for look in one["looks"]],
        "words": [line for one, _ in told for line in one["words"]],
        "start": next((one["start"] for one, _ in told if one["start"]), None),
    }
    return Reply.json(about)


def watch(call: Call, desk: Desk) -> Reply:
    """POST watch {"job"}: where its words look is told from the next step on."""
    card = desk.job(str(body(call).get("job", "")), call.owner)
    desk.say(card.id, "watch")
    return Reply.json({}, 202)


def number(call: Call, name: str, usual: int = -1) -> int:
    text = call.query.get(name, "")
    return int(text) if text.isdecimal() else usual


def done(card: JobCard, seed: int) -> str:
    """The id of the finished picture of this seed, the first one's where no steps were told; empty before that."""
    if seed < 0:
        return card.pictures[0].id if card.pictures else ""
    return next((picture.id for picture in card.pictures if picture.request and own_seed(picture) == seed), "")


def known(request: GenerationRequest, card: JobCard, desk: Desk) -> dict[str, Any]:
    """As of `routes.steps`, where it can be told already."""
    return {
        "job": card.id,
        "prompt": request.prompt,
        "width": request.width,
        "height": request.height,
        "image": bool(request.image),
        "source": request.image,
        "kept": bool(desk.settings["keep"]),
        "watched": bool(desk.settings["watch"]),
    }


def numbers(call: Call, desk: Desk) -> Reply:
    """GET running-latent?job=<id>&seed=<n>&step=<n>: the channels of what the network said at a step, as `latent`."""
    card = desk.job(call.query.get("job", ""), call.owner)
    seed, step = number(call, "seed"), number(call, "step")
    having = [key for key in keys(desk, card.id) if key.seed == seed and key.first <= step <= key.last]
    if having and (piece := read(desk, card.id, having[0])):
        return Reply.json(channels(piece[1].alone(seed).at(step).x0[0]))
    raise NotThere(GONE, "when the picture is done they can be looked at again")
