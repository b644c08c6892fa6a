"""The socket of a live room. What is said over it is the room's business; here it is let in, bounded and shut."""

from __future__ import annotations

import asyncio
from contextlib import suppress

from aiohttp import WSCloseCode, WSMsgType, web

from cases.errors import MissingError, NotPermittedError, RefusedError
from cases.permissions import may
from eventstore import EventStoreError
from inspection import signaling
from inspection.live import Seat
from web.abilities import party_of, subject_of_inspection
from web.api.inspections import permitted_inspection
from web.call import Call
from web.database import is_down
from web.going_on import LEAVING, WATCHERS
from web.routing import PARTICIPANTS, Routes
from web.throttle import Limit

routes = Routes("room")
_JOINS = Limit("room-joins", 20, 2)
_HEARTBEAT = 10.0
_LOOK_AGAIN = 5.0  # seconds between looks at whether the session and the right to be here still stand


@routes.get(
    "/inspections/{inspection_id}/room", who=PARTICIPANTS, asks="JoinRoom", media="websocket",
    summary="The live room: JSON text frames",
)  # fmt: skip
async def join_room(call: Call) -> web.StreamResponse:
    row, _ = await permitted_inspection(call)
    await call.auth.throttle.take(_JOINS, call.actor.id)
    party = party_of(call.actor, row)
    socket = web.WebSocketResponse(heartbeat=_HEARTBEAT, max_msg_size=signaling.MAX_FRAME, compress=False)
    await socket.prepare(call.request)
    role = "inspector" if party in row.inspectors else "applicant"

    async def send(frame: bytes) -> None:
        await socket.send_str(frame.decode())

    try:
        seat = await call.services.live.join(row.id, party, role, send)
    except (RefusedError, EventStoreError) as refused:  # the socket stands: no problem document can follow any more
        await say_bye(socket, refused)
        return socket
    watchers = call.request.app[WATCHERS]
    watchers.sockets += 1
    try:
        await _sit(call, socket, seat)
    finally:
        watchers.sockets -= 1
    return socket


async def say_bye(socket: web.WebSocketResponse, refused: RefusedError | EventStoreError) -> None:
    bye = signaling.Bye(code=refused.code, title=refused.zh, title_en=refused.en)
    with suppress(ConnectionError):
        await socket.send_str(signaling.write(bye).decode())
    await socket.close(code=WSCloseCode.POLICY_VIOLATION)


async def _sit(call: Call, socket: web.WebSocketResponse, seat: Seat) -> None:
    """Until the page, the room, the service or the right to be here is gone."""
    waits = [
        asyncio.create_task(_hear(socket, seat)),
        asyncio.create_task(seat.closed.wait()),
        asyncio.create_task(call.request.app[LEAVING].wait()),
        asyncio.create_task(_until_revoked(call, socket)),
    ]
    try:
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in waits:
            task.cancel()
        await asyncio.gather(*waits, return_exceptions=True)
        await seat.leave()
        await socket.close()


async def _hear(socket: web.WebSocketResponse, seat: Seat) -> None:
    async for message in socket:
        if message.type is WSMsgType.TEXT:
            await seat.receive(message.data)


async def _until_revoked(call: Call, socket: web.WebSocketResponse) -> None:
    while True:
        await asyncio.sleep(_LOOK_AGAIN)
        try:
            if refused := await _revoked(call):
                await say_bye(socket, refused)
                return
        except Exception as error:
            # A database that is away for a moment takes no rights away, and the picture does not need it.
            if not (isinstance(error, EventStoreError) or is_down(error)):
                raise


async def _revoked(call: Call) -> RefusedError | None:
    if not await call.auth.sessions.alive(call.login):
        return NotPermittedError("您已退出登录，请重新登录。", "You have logged out. Log in again.")
    try:
        row, _ = await permitted_inspection(call)
        allowed = may(call.auth.actor(call.login), "JoinRoom", subject_of_inspection(row))
    except MissingError:  # a member of staff who is none any more, or a case out of reach
        allowed = False
    return None if allowed else NotPermittedError()
