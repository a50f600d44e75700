"""The way of a picture as a film: every step decoded as a whole, packed as GIF, WebP or MP4. No torch."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterator, Sequence
from fractions import Fraction
from io import BytesIO
from typing import Any

from PIL import Image

from modules.hooks import Answered, BadRequest, Call, Desk, NotThere, Picture, Reply, TaffyError

from .kept import own_seed, record_of
from .routes import line
from .turns import in_turns

KINDS = {"gif": "image/gif", "webp": "image/webp", "mp4": "video/mp4"}
LONGEST_SIDE = 768  # pixels
ALL_MS, HOLD_MS = 4000, 2000  # the whole way, and the finished picture after it
SHOT_MS = (60, 400)  # of one step


def film(call: Call, desk: Desk) -> Reply:
    """POST film?picture=<id>&kind=gif|webp|mp4: {"done", "of", "doing"} as lines of JSON, then {"src", "name"}."""
    picture = desk.picture(call.query.get("picture", ""), call.owner)
    kind = call.query.get("kind", "")
    if kind not in KINDS:
        raise BadRequest(f"a film is one of {', '.join(KINDS)}, got {kind!r:.20}")
    return Reply(_told(picture, desk, kind), "application/x-ndjson")


def _told(picture: Picture, desk: Desk, kind: str) -> Iterator[bytes]:
    try:
        frames: list[Image.Image] = []
        for frame, steps in _frames(picture, desk):
            frames.append(frame)
            yield line({"done": len(frames), "of": steps, "doing": "painting its steps"})
        yield line({"done": len(frames), "of": len(frames), "doing": "packing the film"})
        finished = Image.open(BytesIO(desk.png(picture.id, picture.owner))).convert("RGB")
        data = encoded([*frames, finished.resize(frames[-1].size, Image.Resampling.LANCZOS)], kind)
        src = f"data:{KINDS[kind]};base64,{b64encode(data).decode()}"
        yield line({"src": src, "name": f"steps-{picture.seed}.{kind}", "bytes": len(data)})
    except TaffyError as error:
        yield line({"error": error.message, "advice": error.advice})


def _frames(picture: Picture, desk: Desk) -> Iterator[tuple[Image.Image, int]]:
    """Each step as the VAE paints it, and how many there are."""
    request, record = picture.request, record_of(picture, desk)
    assert request is not None  # it has a record
    alone = record.alone(own_seed(picture))
    width, height = _size(picture.width, picture.height)

    def ask(wanted: Sequence[int]) -> Iterator[Answered]:
        payload: Any = {"checkpoint": request.checkpoint, "vae": request.vae, "steps": list(wanted), "quick": False}
        return desk.ask(picture.job, "looks", payload, {"steps": alone.only(wanted).packed()})

    for piece in in_turns(range(record.steps), ask):
        shot = Image.open(BytesIO(piece.data)).convert("RGB")
        yield shot.resize((width, height), Image.Resampling.LANCZOS), record.steps


def _size(width: int, height: int) -> tuple[int, int]:
    """No side longer than LONGEST_SIDE, and both even, as MP4 wants them."""
    share = min(1.0, LONGEST_SIDE / max(width, height))
    return max(2, 2 * round(width * share / 2)), max(2, 2 * round(height * share / 2))


def encoded(frames: Sequence[Image.Image], kind: str) -> bytes:
    """All frames evenly, the last one held. Raises NotThere where the packages for MP4 are not installed."""
    shot = min(max(ALL_MS // len(frames), SHOT_MS[0]), SHOT_MS[1])
    if kind == "mp4":
        return _mp4(frames, shot)
    first, *rest = frames
    file = BytesIO()
    durations = [*(shot for _ in rest), HOLD_MS]
    options: dict[str, Any] = {"quality": 85, "method": 2} if kind == "webp" else {"optimize": False}
    first.save(file, kind.upper(), save_all=True, append_images=rest, duration=durations, loop=0, **options)
    return file.getvalue()


def _mp4(frames: Sequence[Image.Image], shot: int) -> bytes:
    """H.264 in the colours that every player shows (4:2:0)."""
    try:
        import av
    except ImportError as error:
        raise NotThere("the package av, which writes MP4, is not installed", "choose WebP or GIF") from error
    file = BytesIO()
    with av.open(file, "w", format="mp4") as film:
        stream = film.add_stream("libx264", rate=Fraction(1000, shot), options={"crf": "18"})
        stream.width, stream.height = frames[0].size
        stream.pix_fmt = "yuv420p"
        for frame in [*frames, *[frames[-1]] * (HOLD_MS // shot)]:
            film.mux(stream.encode(av.VideoFrame.from_image(frame)))  # type: ignore[no-untyped-call]
        film.mux(stream.encode())
    return file.getvalue()
