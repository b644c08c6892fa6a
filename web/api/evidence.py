"""Stills, sheets and recordings. Every opening of a recording or sheet is noted before its first byte."""

from __future__ import annotations

import re

from aiohttp import web

from cases.errors import MissingError
from inspection.policies import MARKED, PDF, RECORD
from projections.rows import InspectionRow
from web.api.attachments import download
from web.api.inspections import permitted_inspection
from web.call import Call
from web.observe import audit
from web.routing import ALL, STAFF, Query, Routes

routes = Routes("evidence")
_VARIANT = Query(name="variant", about="with the watermark, or as taken", pattern="marked|original|")


@routes.get(
    "/inspections/{inspection_id}/stills/{still}", who=ALL, asks="ViewInspection", media="image/jpeg",
    queries=(_VARIANT,), summary="A still",
)  # fmt: skip
async def get_still(call: Call) -> web.Response:
    row, _ = await permitted_inspection(call)
    id, variant = call.id("still"), call.query("variant") or MARKED
    if all(still.id != id for still in row.stills):
        raise MissingError
    content = await call.evidence.read(row, id, variant)
    return download(content, _image_type(content), inline=variant == MARKED)


@routes.get(
    "/inspections/{inspection_id}/recordings/{part}/{participant}", who=STAFF, asks="PlayRecording", media="video/webm",
    summary="A part of the recording, in ranges",
)  # fmt: skip
async def play_recording(call: Call) -> web.FileResponse:
    row, _ = await permitted_inspection(call)
    part, participant = call.request.match_info["part"], call.request.match_info["participant"]
    derived = await call.evidence.playable(row, _number(part), participant)
    note_opening(call, row, f"recording {part} {participant}")
    return web.FileResponse(derived.path, headers={"Content-Type": derived.media_type, "Accept-Ranges": "bytes"})


@routes.get(
    "/inspections/{inspection_id}/sheet/record", who=ALL, asks="ViewInspection", media="application/octet-stream",
    summary="The exact bytes whose SHA-256 is signed",
)  # fmt: skip
async def get_record(call: Call) -> web.Response:
    row, _ = await permitted_inspection(call)
    if row.sheet.record is None:
        raise MissingError
    note_opening(call, row, "sheet record")
    return web.Response(body=await call.evidence.read(row, row.sheet.record, RECORD), content_type="application/json")


@routes.get(
    "/inspections/{inspection_id}/sheet.pdf", who=ALL, asks="ViewInspection", media="application/pdf",
    summary="The sealed sheet",
)  # fmt: skip
async def get_sheet(call: Call) -> web.Response:
    row, _ = await permitted_inspection(call)
    if row.sheet.pdf is None:
        raise MissingError
    note_opening(call, row, "sheet pdf")
    content = await call.evidence.read(row, row.sheet.pdf, PDF)
    headers = {
        "Content-Disposition": f'inline; filename="{row.case_number}.pdf"',
        # Browsers show a PDF as an object of its own page, which the policy of our pages forbids.
        "Content-Security-Policy": "default-src 'none'; object-src 'self'; frame-ancestors 'none'",
    }
    return web.Response(body=content, content_type="application/pdf", headers=headers)


@routes.get(
    "/inspections/{inspection_id}/sheet/preview/{page}.png", who=ALL, asks="ViewInspection", media="image/png",
    summary="A page of the sheet as it is shown before signing",
)  # fmt: skip
async def get_preview(call: Call) -> web.Response:
    row, _ = await permitted_inspection(call)
    page = _number(call.request.match_info["page"])
    if row.sheet.record is None:
        raise MissingError
    note_opening(call, row, f"sheet page {page}")
    return web.Response(body=await call.evidence.preview(row, page), content_type="image/png")


def _number(text: str) -> int:
    """A part or page; 0, which none of them has, for anything else."""
    return int(text) if re.fullmatch(r"[0-9]{1,4}", text) else 0


def note_opening(call: Call, row: InspectionRow, what: str) -> None:
    """Who opened what; ids only. What one session asks for again within minutes belongs to the same opening."""
    if call.evidence.opens(call.login.digest, row.id, what):
        audit.info("opened", extra={"actor": call.actor.id, "inspection": str(row.id), "what": what})


def _image_type(content: bytes) -> str:
    return "image/png" if content.startswith(b"\x89PNG") else "image/webp" if content[:4] == b"RIFF" else "image/jpeg"
