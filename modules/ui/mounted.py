"""The page in its place in the server, and how a newer one takes the place: nothing that people uploaded is lost."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from typing import Any

from fastapi import FastAPI
from gradio import Blocks
from gradio.routes import App as GradioApp
from starlette.concurrency import run_in_threadpool
from starlette.routing import Mount

GRACE = 60.0  # seconds in which a page that was replaced still answers what it was asked before


class Mounted:
    """put: builds the page and mounts it in a server, its background work in the server's lifespan.

    grace: seconds until a page that was replaced ends.
    """

    def __init__(self, server: FastAPI, put: Callable[[FastAPI], None], grace: float = GRACE) -> None:
        put(server)
        self._put = put
        self._grace = grace
        self._place = place_in(server)
        self._life = AsyncExitStack()  # of the page that is there; that of the first one is the server's own
        self._ending: set[asyncio.Task[None]] = set()
        began = server.router.lifespan_context

        @asynccontextmanager
        async def lifespan(app: FastAPI) -> AsyncIterator[Any]:
            async with began(app) as state:
                yield state
                await self._end()

        server.router.lifespan_context = lifespan

    async def remount(self) -> None:
        """The page as it would be after a restart; open pages keep the old one until they are reloaded."""
        aside, life = FastAPI(), AsyncExitStack()
        await run_in_threadpool(self._put, aside)
        await life.enter_async_context(aside.router.lifespan_context(aside))
        fresh = place_in(aside).app
        old, new = blocks_of(self._place), blocks_of(place_in(aside))
        new.temp_file_sets += [files for files in old.temp_file_sets if files or files is old.upload_file_set]
        old.temp_file_sets = []  # else its end would delete them
        self._place.app, before, self._life = fresh, self._life, life
        task = asyncio.create_task(self._retire(old, before))
        self._ending.add(task)
        task.add_done_callback(self._ending.discard)

    async def _retire(self, old: Blocks, life: AsyncExitStack) -> None:
        try:
            await asyncio.sleep(self._grace)
        finally:
            await life.aclose()
            old.close(verbose=False)

    async def _end(self) -> None:
        for task in list(self._ending):
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
        await self._life.aclose()


def place_in(server: FastAPI) -> Mount:
    """Where the page is."""
    return next(route for route in server.routes if isinstance(route, Mount) and isinstance(route.app, GradioApp))


def blocks_of(place: Mount) -> Blocks:
    assert isinstance(place.app, GradioApp)
    return place.app.get_blocks()
