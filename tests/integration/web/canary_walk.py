"""The canary person's way through the product: five cases, every screen's fields, by the doors that pages use."""

from __future__ import annotations

import base64
import io
from contextlib import AsyncExitStack
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import aiohttp
import msgspec
from PIL import Image, ImageDraw
from PIL.PngImagePlugin import PngInfo

from inspection.commands import NoteRecording
from inspection.recorder import folder_of
from inspection.recording.journal import Journal
from tests.builders import RESTAURANT, uid
from tests.integration.media.clip import encoded
from tests.integration.web.canary import VALUES, jpeg
from tests.integration.web.world import ITEM, SYSTEM, Answer, Browser, World
from tests.unit.recording.packets import video

STAFF = ("officer", "colleague", "reviewer", "second", "head", "supervisor", "complaints")


def ink() -> str:
    image, note, out = Image.new("RGBA", (600, 200)), PngInfo(), io.BytesIO()
    ImageDraw.Draw(image).line([(40, 150), (200, 40), (320, 160), (520, 50)], fill="black", width=9)
    note.add_text("Author", VALUES["ink"])
    image.save(out, "PNG", pnginfo=note)
    return "data:image/png;base64," + base64.b64encode(out.getvalue()).decode()


async def done(answer: Any) -> Answer:
    found: Answer = await answer
    assert found.status == 200, found.value
    return found


@dataclass
class Walk:
    """cases: by what became of them; pages: addresses that show something of the person, with who may look."""

    world: World
    applicant: Browser
    staff: dict[str, Browser]
    cases: dict[str, str] = field(default_factory=dict)
    inspections: dict[str, str] = field(default_factory=dict)
    files: list[str] = field(default_factory=list)
    evidence: list[str] = field(default_factory=list)

    @classmethod
    async def begin(cls, world: World, stack: AsyncExitStack) -> Walk:
        browsers = [await stack.enter_async_context(world.browser()) for _ in range(1 + len(STAFF))]
        staff = dict(zip(STAFF, browsers[1:], strict=True))
        for login, browser in staff.items():
            await done(browser.log_in(login))
        await done(browsers[0].enter(VALUES["login"], world))
        return cls(world, browsers[0], staff)

    async def everything(self) -> None:
        await self.to_the_leader()
        await self.on_site()
        await self.withdrawn()
        await self.not_accepted()
        file = await self.upload(VALUES["unfiled name"])
        assert file["id"]
        await self.world.settle()

    # filing

    async def upload(self, name: str) -> Answer:
        photo = jpeg(VALUES["exif"], VALUES["exif device"])
        return await done(self.applicant.upload(photo, f"{name}.jpg", "image/jpeg"))

    async def file(self, what: str, *, with_plan: bool = True) -> str:
        form = {one.code: one.options[0].zh if one.kind == "choice" else VALUES.get(one.code, "") for one in ITEM.form}
        form["phone"] = VALUES["contact"]
        materials = []
        if with_plan:
            file = await self.upload(VALUES["file name"])
            self.files.append(file["id"])
            materials.append({"material": "layout", "attachments": [file["id"]]})
        body = {"item": RESTAURANT, "form": form, "materials": materials}
        self.cases[what] = (await done(self.applicant.post("/cases", body)))["answer"]["case_id"]
        return f"/cases/{self.cases[what]}"

    async def companion(self, case: str) -> tuple[Browser, Browser]:
        """The case's companion, and the colleague who is not."""
        holder = (await self.applicant.get(case))["summary"]["companion"]["id"]
        pair = [self.staff["officer"], self.staff["colleague"]]
        return (pair[0], pair[1]) if holder == f"staff:{uid('officer')}" else (pair[1], pair[0])

    async def accepted(self, what: str) -> str:
        case = await self.file(what)
        officer, _ = await self.companion(case)
        await done(officer.post(f"{case}/accept"))
        return case

    async def plan(self, case: str, what: str, mode: str) -> str:
        staff = [str(uid("reviewer")), str(uid("second"))]
        reviewer = self.staff["reviewer"]
        made = await done(reviewer.post(f"{case}/inspections", {"mode": mode, "inspectors": staff}))
        self.inspections[what] = made["answer"]["inspection_id"]
        path = f"/inspections/{self.inspections[what]}"
        starts = (self.world.clock.now + timedelta(days=1)).isoformat()
        await done(reviewer.post(f"{path}/slot", {"starts_at": starts}))
        await self.world.settle()
        return path

    # the four lives

    async def to_the_leader(self) -> None:
        """Notice, supplement, handover, return visit, remote inspection, refusal, rating, complaint, decision."""
        case = await self.file("decided", with_plan=False)
        officer, colleague = await self.companion(case)
        gap = {"target": "layout", "what": VALUES["gap"]}
        await done(officer.post(f"{case}/gap-notice", {"gaps": [gap]}))
        file = await self.upload(VALUES["file name"])
        self.files.append(file["id"])
        supplied = {"material": "layout", "attachments": [file["id"]]}
        form = {"safety-manager": VALUES["supplement"], "phone": VALUES["second contact"]}
        await done(self.applicant.post(f"{case}/supplement", {"form": form, "materials": [supplied]}))
        other = str(uid("colleague" if colleague is self.staff["colleague"] else "officer"))
        await done(officer.post(f"{case}/handover", {"to": other, "note": VALUES["handover"]}))
        await done(colleague.post(f"{case}/handover/decline", {"reason": VALUES["decline"]}))
        await done(self.applicant.post(f"{case}/return-visits"))
        visit = (await self.applicant.get(case))["visits"][0]["id"]
        await done(officer.post(f"/visits/{visit}/close", {"outcome": VALUES["visit"]}))
        await done(officer.post(f"{case}/accept"))
        await self.inspect(await self.plan(case, "remote", "remote"))
        await self.world.settle()
        decision = {"granted": False, "reasons": VALUES["decision"]}
        await done(self.staff["reviewer"].post(f"{case}/decide", decision))
        await done(self.applicant.post(f"{case}/evaluate", {"level": 1, "comment": VALUES["comment"]}))
        await self.world.settle()
        answering = self.staff["complaints"]
        complaint = f"/complaints/{(await answering.get('/complaints'))['complaints'][0]['id']}"
        await done(answering.post(f"{complaint}/answer", {"reply": VALUES["reply"]}))
        callback = {"result": "unsolved", "note": VALUES["callback"]}
        await done(answering.post(f"{complaint}/callback", callback))
        leader = {"decision": VALUES["leader"], "told_by": "phone"}
        await done(self.staff["head"].post(f"{complaint}/decide", leader))

    async def inspect(self, path: str) -> None:
        async with self.world.browser() as guest, AsyncExitStack() as stack:
            await self.come_in(guest)
            version = (await guest.get(f"{path}?as=guest"))["notice"]["version"]
            await done(guest.post(f"{path}/notice?as=guest", {"version": version, "accepted": True}))
            first, second = self.staff["reviewer"], self.staff["second"]
            sockets = [await self._join(browser, path, stack, query) for browser, query in
                       ((guest, "?as=guest"), (first, ""), (second, ""))]  # fmt: skip
            async for message in sockets[1]:
                if not message.json().get("waiting_for", ["?"]):
                    break
            await done(first.post(f"{path}/start"))
            still = await self.still(guest, path)
            self.evidence.append(f"{path}/stills/{still}")
            await self.record(path)
            await self.judge(path)
            await done(first.post(f"{path}/end"))
            await self.world.settle()
            self.world.later(minutes=5)
            await self.sign(path, ((guest, "?as=guest"), (first, ""), (second, "")))
            self.evidence += [f"{path}/{what}" for what in ("sheet.pdf", "sheet/record", "sheet/preview/1.png")]

    async def come_in(self, guest: Browser) -> None:
        """By the link, with the code that went to the second contact, which is whom the link was sent to."""
        messages = [m for m in await self.world.messenger.messages() if "/i#" in m.text]
        token = messages[0].text.partition("/i#")[2].split()[0]
        await done(guest.post("/invitations/code", {"token": token}))
        body = {"token": token, "code": await self.world.code_for(messages[0].to)}
        guest.csrf = (await done(guest.post("/invitations/verify?as=guest", body)))["csrf"]

    async def _join(
        self, browser: Browser, path: str, stack: AsyncExitStack, query: str
    ) -> aiohttp.ClientWebSocketResponse:
        socket = await browser.http.ws_connect(f"/api/v1{path}/room{query}", origin=browser.origin)
        await stack.enter_async_context(socket)
        return socket

    async def still(self, guest: Browser, path: str) -> str:
        form = aiohttp.FormData({"item": ITEM.checklist[0].code})
        form.add_field("file", jpeg(VALUES["still exif"]), filename="still.jpg", content_type="image/jpeg")
        taken = await done(guest.post(f"{path}/stills?as=guest", data=form))
        return str(taken["answer"]["still_id"])

    async def record(self, path: str) -> None:
        """A finished part, as the recorder leaves it, with packets that say who speaks."""
        inspection = UUID(path.rpartition("/")[2])
        guest, packets = f"guest:{inspection}", video(encoded())
        folder = folder_of(self.world.services.settings.recordings, inspection)
        journal = Journal.open(folder, guest.replace(":", "-"), 1, {}, clock=lambda: packets[0].arrival)
        for packet in packets:
            journal.add(packet)
        journal.add(replace(packets[-1], payload=packets[-1].payload + VALUES["recording"].encode()))
        sealed = journal.seal()
        note = NoteRecording(inspection_id=inspection, stage="opened", part=1, participant=guest)
        await self.world.do(SYSTEM, note)
        told = msgspec.structs.replace(note, stage="sealed", head=sealed.head, size=sealed.bytes)
        await self.world.do(SYSTEM, told)
        self.evidence.append(f"{path}/recordings/1/{guest}")

    async def judge(self, path: str) -> None:
        for check in ITEM.checklist:
            body = {"verdict": "unclear" if check.on_the_spot else "pass", "note": VALUES["item note"]}
            await done(self.staff["reviewer"].post(f"{path}/items/{check.code}/judge", body))
        await done(self.staff["reviewer"].post(f"{path}/findings"))

    async def sign(self, path: str, parties: tuple[tuple[Browser, str], ...]) -> None:
        for browser, query in parties:
            digest = (await browser.get(f"{path}{query}"))["sheet"]["digest"]
            await done(browser.post(f"{path}/sign{query}", {"digest": digest, "handwriting": ink()}))
        await self.world.settle()

    async def on_site(self) -> None:
        """Moved on site with a reason, a position, and a signature that is refused; then withdrawn."""
        case = await self.accepted("on site")
        path = await self.plan(case, "on site", "remote")
        first, second = self.staff["reviewer"], self.staff["second"]
        await done(first.post(f"{path}/move-on-site", {"reason": VALUES["move"]}))
        spot = {"latitude": float(VALUES["latitude"]), "longitude": float(VALUES["longitude"]), "accuracy": 5.0}
        for inspector in (first, second):
            await done(inspector.post(f"{path}/arrive", spot))
        await done(first.post(f"{path}/start"))
        for check in ITEM.checklist:
            body = {"verdict": "pass", "note": VALUES["item note"]}
            await done(first.post(f"{path}/items/{check.code}/judge", body))
        await done(first.post(f"{path}/findings"))
        await done(first.post(f"{path}/end"))
        await self.world.settle()
        self.world.later(minutes=5)
        digest = (await first.get(path))["sheet"]["digest"]
        refusal = {"digest": digest, "reason": VALUES["refusal"]}
        await done(self.applicant.post(f"{path}/refuse-signature", refusal))
        await self.sign(path, ((first, ""), (second, "")))
        self.evidence.append(f"{path}/sheet.pdf")
        await done(self.applicant.post(f"{case}/withdraw", {"reason": VALUES["withdrawal"]}))

    async def withdrawn(self) -> None:
        case = await self.file("withdrawn")
        await done(self.applicant.post(f"{case}/withdraw", {"reason": VALUES["withdrawal"]}))

    async def not_accepted(self) -> None:
        case = await self.file("not accepted")
        officer, _ = await self.companion(case)
        body = {"reason": VALUES["not accepted"], "right_authority": VALUES["authority"]}
        await done(officer.post(f"{case}/refuse-acceptance", body))
