"""The catalogue of service items, open to everybody."""

from __future__ import annotations

from cases.catalogue import ServiceItem
from web.call import Call
from web.routing import ANYONE, Query, Routes
from web.views import ItemList, ItemSummary, ItemView

routes = Routes("items")
_OPEN = "what an office does is public (政府信息公开条例)"
_WORDS = Query(name="q", about="everyday words for what one wants to do", pattern=r"[^\x00-\x1f]{0,60}")


@routes.get("/items", answer=ItemList, who=ANYONE, queries=(_WORDS,), open_because=_OPEN, summary="Find service items")
async def list_items(call: Call) -> ItemList:
    return ItemList(items=[_summary(item) for item in call.services.catalogue.find(call.query("q"))])


@routes.get(
    "/items/{code}", answer=ItemView, who=ANYONE, open_because=_OPEN, summary="One item with form and materials"
)
async def get_item(call: Call) -> ItemView:
    return ItemView(item=call.services.catalogue.current(call.request.match_info["code"]))


def _summary(item: ServiceItem) -> ItemSummary:
    return ItemSummary(
        code=item.code,
        version=item.version,
        name=item.name,
        summary=item.summary,
        department=item.department,
        field=item.field,
        remote=item.remote,
        promised_days=item.promised.days,
        promised_confirmed=item.promised.confirmed,
        statutory_days=item.statutory.days,
    )
