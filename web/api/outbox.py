"""The demonstration's outbox: what would have gone out as text messages. Elsewhere this address does not exist."""

from __future__ import annotations

from web.call import Call
from web.messenger import OutboxMessenger
from web.problems import NoSuchPageError
from web.routing import ANYONE, Routes
from web.views import Outbox

routes = Routes("outbox")


@routes.get(
    "/outbox", answer=Outbox, who=ANYONE, summary="Text messages of the demonstration",
    open_because="only in a demonstration, where every phone is made up; otherwise 404",
)  # fmt: skip
async def get_outbox(call: Call) -> Outbox:
    messenger = call.services.messenger
    if not call.services.settings.demo or not isinstance(messenger, OutboxMessenger):
        raise NoSuchPageError
    return Outbox(messages=await messenger.messages())
