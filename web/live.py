"""Server-sent events: a page is told that it changed, and loads itself again."""

from __future__ import annotations

import asyncio
import re
from typing import TYPE_CHECKING
from uuid import UUID

from aiohttp import web

from eventstore import RecordUnavailableError
from web.call import Call
from web.going_on import LEAVING, WATCHERS

if TYPE_CHECKING:
    from projections.changes import Changes

_LONGEST = 3600.0  # the browser opens it again, and its session is looked at anew


async def follow(call: Call, key: UUID, position: int) -> web.StreamResponse:
    """Streams `changed` with the position reached. position: of the rows now; more than `Last-Event-ID` means news."""
    watchers = call.request.app[WATCHERS]
    if watchers.full:
        return web.Response(status=204)  # tells an EventSource not to come back
    response = web.StreamResponse(headers={"Content-Type": "text/event-stream", "X-Accel-Buffering": "no"})
    watchers.open += 1
    try:
        async with call.services.runner.listen(key) as changes:
            await response.prepare(call.request)
            await _stream(call, response, changes, position)
    except (ConnectionResetError, TimeoutError):
        pass  # the page was closed, or reads too slowly
    finally:
        watchers.open -= 1
    return response


async def _stream(call: Call, response: web.StreamResponse, changes: Changes, position: int) -> None:
    seen = call.request.headers.get("Last-Event-ID", "")
    if re.fullmatch(r"[0-9]{1,18}", seen) and int(seen) < position:
        await _tell(response, position)
    leaving, clock = call.request.app[LEAVING], asyncio.get_running_loop().time
    until, beat = clock() + _LONGEST, call.services.settings.heartbeat_seconds
    await response.write(b"retry: 2000\n\n")
    left = asyncio.create_task(leaving.wait())
    news = asyncio.create_task(changes.get())
    try:
        while clock() < until and not leaving.is_set():
            done, _ = await asyncio.wait({left, news}, timeout=beat, return_when=asyncio.FIRST_COMPLETED)
            if news in done:
                await _tell(response, news.result())
                news = asyncio.create_task(changes.get())
            elif not done:
                if not await _still_logged_in(call):
                    return
                await asyncio.wait_for(response.write(b": still here\n\n"), beat)
    finally:
        left.cancel()
        news.cancel()


async def _still_logged_in(call: Call) -> bool:
    try:
        return await call.auth.sessions.alive(call.login)
    except RecordUnavailableError:  # nothing can change meanwhile: the page keeps its stream
        return True


async def _tell(response: web.StreamResponse, position: int) -> None:
    data = f'id: {position}\nevent: changed\ndata: {{"position":{position}}}\n\n'
    await asyncio.wait_for(response.write(data.encode()), 10)
