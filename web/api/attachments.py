"""Photos and documents that belong to an application."""

from __future__ import annotations

from aiohttp import web

from cases.attachments import AttachmentMissingError
from cases.errors import MissingError
from cases.permissions import Subject
from projections.rows import CaseRow
from projections.worklists import Filter, find_case, list_cases
from web.abilities import subject_of_case
from web.bodies import Part
from web.call import Call
from web.files import StoredFile
from web.present import attachment
from web.routing import MEMBERS, Query, Routes
from web.throttle import Limit
from web.views import Attachment

routes = Routes("attachments")
_VARIANT = Query(name="variant", about="which form of it", pattern="original|display|thumbnail|")
_UPLOADS = Limit("uploads", 60, 2)
_TYPES = {"display": "image/jpeg", "thumbnail": "image/webp"}


@routes.post(
    "/attachments", upload=(), answer=Attachment, who=MEMBERS, keyed=True,
    open_because="what one uploads is one's own until it is filed with a case; counted and throttled",
    summary="Upload a photo or PDF, to be named in an application afterwards",
)  # fmt: skip
async def upload_attachment(call: Call, part: Part, fields: dict[str, str]) -> Attachment:
    await call.auth.throttle.take(_UPLOADS, call.actor.id)
    file = await call.files.add(call.command_id, call.actor.id, part.name, part.media_type, part.data)
    return attachment(file.id, file.kind, file.name, file.size, file.sha256)


@routes.get(
    "/attachments/{attachment_id}", asks="ViewCase", who=MEMBERS, queries=(_VARIANT,), media="application/octet-stream",
    summary="The file, if one may see its case",
)  # fmt: skip
async def get_attachment(call: Call) -> web.Response:
    variant = call.query("variant") or "original"
    try:
        file = await call.files.get(call.id("attachment_id"))
    except AttachmentMissingError:
        raise MissingError from None  # the same answer as for one that may not be seen
    call.permit(_subject(call, file, await _case_of(call, file)))
    if file.kind == "pdf" and variant != "original":
        raise AttachmentMissingError
    content = await call.files.content(file, variant)
    return download(content, _TYPES.get(variant, file.media_type), inline=variant != "original")


async def _case_of(call: Call, file: StoredFile) -> CaseRow | None:
    """The case that the file was filed with. If its note was lost with the process, the owner's cases are searched."""
    pool = call.services.pool
    if file.case_id is not None:
        return await find_case(pool, file.case_id)
    wanted = Filter(companion=file.owner) if file.owner.startswith("staff:") else Filter(applicant=file.owner)
    for case in (await list_cases(pool, wanted, order="newest")).cases:
        if any(file.id == one.id for material in case.materials for one in material.attachments):
            await call.files.adopt([file.id], case.id)
            return case
    return None


def _subject(call: Call, file: StoredFile, case: CaseRow | None) -> Subject:
    """Before it is filed, only who sent it may look at it."""
    if case is not None:
        return subject_of_case(case)
    return Subject(office="", region="", applicant=file.owner, companions=frozenset({file.owner}))


def download(content: bytes, media_type: str, *, inline: bool) -> web.Response:
    """What people sent is never shown as a page of ours: originals are saved, in a sandbox if opened after all."""
    headers = {
        "Content-Disposition": "inline" if inline else "attachment",
        "Content-Security-Policy": "sandbox; default-src 'none'; frame-ancestors 'none'",
    }
    return web.Response(body=content, content_type=media_type, headers=headers)
