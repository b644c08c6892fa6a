"""The log of the record, for everybody: what is published cannot be told differently to different people."""

from __future__ import annotations

from aiohttp import web

from cases.errors import MissingError
from web.call import Call
from web.routing import ANYONE, Routes

routes = Routes("log")


@routes.get(
    "/log/checkpoint", who=ANYONE, media="text/plain", summary="The newest signed checkpoint, with its cosignatures",
    open_because="a checkpoint is published so that everybody sees the same; it holds a count and a hash",
)  # fmt: skip
async def get_checkpoint(call: Call) -> web.Response:
    notary = call.services.notary
    if notary is None or (newest := notary.newest) is None:
        raise MissingError
    lines = [line for each in call.services.witnessing if each.size == newest.size for line in each.lines]
    return web.Response(text=str(newest.with_signatures(lines)), content_type="text/plain", charset="utf-8")
