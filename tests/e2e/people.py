"""What each person does on his screen, in his words: buttons and fields are found by what they are called."""

from __future__ import annotations

import io
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pypdf
from PIL import Image
from playwright.async_api import Locator, Page, expect

from tests.e2e.service import DemoService

PHONE_NUMBER = "13905320001"
COMPANIONS = {"林晓": "lin", "周宁": "zhou"}
PLAN, REPORT = "地址方位图、平面图和卫生设施布局图", "卫生检测或评价报告"
SHOP = {
    "申请人名称": "青岛晨光美发店",
    "法定代表人（经营者）": "高晓梅",
    "经营场所地址": "青岛市市南区香港中路 10 号",
    "使用面积": "48",
    "理发椅数": "4",
    "洗头位数": "2",
    "从业人员数": "3",
}
SHOP_CHOICES = {
    "经营场所所在区市": "市南区",
    "经营项目": "美发",
    "是否烫染": "否",
    "用品用具消毒方式": "热力消毒",
    "是否使用集中空调": "否",
}


def photo(folder: Path) -> Path:
    """A plan of the shop as a phone would take it: large, lying on its side by EXIF."""
    path = folder / "布局图.jpg"
    image = Image.effect_mandelbrot((1600, 1200), (-2.0, -1.2, 1.0, 1.2), 60).convert("RGB")
    exif = Image.Exif()
    exif[0x0112] = 6
    image.save(path, "JPEG", quality=88, exif=exif)
    return path


def report(folder: Path) -> Path:
    path = folder / "卫生检测报告.pdf"
    writer = pypdf.PdfWriter()
    writer.add_blank_page(595, 842)
    buffer = io.BytesIO()
    writer.write(buffer)
    path.write_bytes(buffer.getvalue())
    return path


async def press(page: Page | Locator, name: str | re.Pattern[str], *, exact: bool = True) -> None:
    await page.get_by_role("button", name=name, exact=exact).click()


@dataclass
class Applicant:
    """On a phone."""

    page: Page
    demo: DemoService
    phone: str = PHONE_NUMBER
    case_id: str = ""
    inspection_id: str = ""

    async def code(self) -> str:
        """The one-time code from the newest message to this phone."""
        for message in await self.demo.messages():
            found = re.search(r"验证码 (\d{6})", message["text"])
            if found and message["to"] == self.phone:
                return found[1]
        raise AssertionError("no code came")

    async def log_in(self) -> None:
        await self.page.get_by_label("手机号码").fill(self.phone)
        await press(self.page, "获取验证码")
        await self.prove_phone()

    async def prove_phone(self) -> None:
        """The sixth digit sends the code by itself."""
        field = self.page.get_by_label("6 位验证码")
        await field.wait_for()
        await field.fill(await self.code())
        await field.wait_for(state="detached")

    async def find_item(self) -> None:
        await self.page.goto("/")
        await self.page.get_by_label("搜索事项").fill("理发店")
        await self.page.get_by_role("link", name=re.compile("公共场所卫生许可")).click()
        await (
            self.page.get_by_role("link", name="开始申请")
            .or_(self.page.get_by_role("button", name="开始申请"))
            .first.click()
        )

    async def fill_form(self) -> None:
        for label, value in {**SHOP, "联系手机": self.phone}.items():
            await self.page.get_by_label(label, exact=True).fill(value)
        for group, choice in SHOP_CHOICES.items():
            await self.page.get_by_role("group", name=group).get_by_text(choice, exact=True).click()
        await press(self.page, "下一步：上传材料")

    async def submit(self) -> str:
        """Gives the case number; the companion is named on the receipt."""
        await press(self.page, "下一步：核对")
        await self.page.get_by_role("checkbox").check()
        await press(self.page, "提交申请")
        await self.page.get_by_role("heading", name="已收件，放心").wait_for()
        receipt = await self.page.get_by_role("main").inner_text()
        found = re.search(r"QD\d{8}-\w{6}", receipt)
        assert found, receipt
        return found[0]

    async def apply(self, materials: Mapping[str, Path]) -> str:
        """Files the hygiene licence from the first page on, and stays on the progress page."""
        await self.find_item()
        await self.log_in()
        await self.fill_form()
        for material, path in materials.items():
            await self.upload(material, path)
        number = await self.submit()
        await self.page.get_by_role("link", name="查看进度").click()
        await self.page.wait_for_url("**/cases/*")
        self.case_id = self.page.url.rsplit("/", 1)[1]
        return number

    async def upload(self, material: str, path: Path) -> None:
        card = self.page.locator("section", has=self.page.get_by_role("heading", name=material)).last
        await card.locator("input[type=file]").first.set_input_files(path)
        await expect(card.get_by_text("已上传")).to_be_visible()

    async def companion(self) -> str:
        """The login of whoever the progress page names."""
        name = self.page.get_by_text(re.compile("|".join(COMPANIONS))).first
        await name.wait_for()
        text = await self.page.get_by_role("main").inner_text()
        return next(login for person, login in COMPANIONS.items() if person in text)

    async def open_link(self) -> None:
        """Opens the link of the newest invitation; the token leaves the address bar at once."""
        for message in await self.demo.messages():
            found = re.search(r"https?://\S+/i#\S+", message["text"])
            if found and message["to"] == self.phone:
                await self.page.goto(found[0])
                await expect(self.page).to_have_url(re.compile("/i$"))
                return
        raise AssertionError("no invitation came")

    async def join(self) -> None:
        """From the proved link through notice and camera check into the waiting room."""
        await press(self.page, "可以，到时见")
        await press(self.page, "我已看过，同意录音录像")
        await self.enter_room()

    async def enter_room(self) -> None:
        """From the camera check on, where somebody who comes back is at once."""
        await press(self.page, re.compile("打开摄像头"), exact=False)
        await press(self.page, "画面声音都好，进入")
        await self.page.wait_for_url("**/room/*")
        self.inspection_id = self.page.url.rsplit("/", 1)[1].partition("?")[0]

    async def sign(self) -> None:
        await self.page.goto(f"/sign/{self.inspection_id}?as=guest")
        await sign(self.page)


@dataclass
class Official:
    """At a desk."""

    page: Page
    demo: DemoService
    login: str

    async def log_in(self) -> None:
        await self.page.goto("/desk")
        await self.page.get_by_label("账号").fill(self.login)
        await self.page.get_by_label("密码").fill(self.demo.password)
        await press(self.page, "登录")
        await self.page.get_by_role("button", name="退出").wait_for()

    async def open_case(self, case_id: str) -> None:
        await self.page.goto(f"/desk/cases/{case_id}")
        await self.page.get_by_role("heading", name="办理经过").wait_for()

    @property
    def dialog(self) -> Locator:
        return self.page.get_by_role("dialog")

    async def accept(self) -> None:
        """The dialog says what begins; the page then says that it has begun."""
        await press(self.page, "受理")
        await press(self.dialog, "确认受理")
        await self.page.get_by_text("已受理，已告知申请人").wait_for()

    async def notice_gap(self, target: str, what: str) -> None:
        await press(self.page, "一次性告知")
        await self.dialog.get_by_role("checkbox", name=re.compile(target)).check()
        await self.dialog.get_by_label(re.compile(f"{target}.*要怎么补")).fill(what)
        await press(self.dialog, re.compile("发出告知"))

    async def plan(self, mode: str, colleague: str) -> None:
        await press(self.page, "安排勘验")
        await self.dialog.get_by_text(mode, exact=True).click()
        choice = self.dialog.get_by_role("combobox")
        await choice.focus()
        await choice.press("Enter")
        await self.page.get_by_role("option", name=re.compile(colleague)).click()
        await self.dialog.get_by_role("heading").click()  # closes the list
        await press(self.dialog, "安排")
        await expect(self.dialog).to_have_count(0)

    async def offer_slot(self) -> None:
        """As early as the dialog allows."""
        await press(self.page, re.compile("约时间"))
        await press(self.dialog, "发出")
        await expect(self.dialog).to_have_count(0)

    async def judge(self, verdict: str = "符合", *, note: str = "", mend_by: str = "") -> None:
        """Judges the chosen item; one that needs no words is saved at once, and the next one is chosen by itself."""
        count = self.page.get_by_text(re.compile(r"^\d+ / \d+$"))
        done, _, total = (await count.inner_text()).partition(" / ")
        await (
            self.page.get_by_role("group", name="结论")
            .get_by_role("button", name=re.compile(rf"^\d?\s*{verdict}$"))
            .click()
        )
        if note:
            if mend_by:
                await self.page.get_by_label("改好的最后日期").fill(mend_by)
            await self.page.get_by_label("说明").fill(note)
            await press(self.page, re.compile("^(记下|更改)"), exact=False)
        await expect(count).to_have_text(f"{int(done) + 1} / {total}")

    async def sign(self, inspection_id: str) -> None:
        await self.page.goto(f"/desk/inspections/{inspection_id}")
        await sign(self.page)


@dataclass
class FieldInspector:
    """At the premises, with his own phone in the hand."""

    page: Page
    demo: DemoService
    login: str

    async def open(self, inspection_id: str) -> None:
        await self.page.goto(f"/field/{inspection_id}")
        await self.page.get_by_label("账号").fill(self.login)
        await self.page.get_by_label("密码").fill(self.demo.password)
        await press(self.page, "登录")

    async def arrive(self) -> None:
        """His phone knows where it is: before the fountain of the May Fourth Square."""
        await self.page.context.grant_permissions(["camera", "microphone", "geolocation"])
        await self.page.context.set_geolocation({"latitude": 36.0625, "longitude": 120.3848, "accuracy": 12})
        await press(self.page, "我已到场")
        await expect(self.page.get_by_role("button", name="我已到场")).to_have_count(0)

    async def open_camera(self) -> None:
        await press(self.page, "打开摄像头")
        await self.page.get_by_label("摄像头画面").wait_for()

    async def take_still(self) -> None:
        """Of the chosen item, the first one."""
        await press(self.page, "拍照取证")
        await expect(self.page.get_by_role("list", name="已拍照片").get_by_role("listitem")).to_have_count(1)

    async def judge(self, verdict: str = "符合", *, note: str = "", mend_by: str = "") -> int:
        """Judges the chosen item and goes on to the next; gives how many there are."""
        judged = self.page.get_by_text(re.compile(r"^已判 \d+$"))
        done = int((await judged.inner_text()).removeprefix("已判 "))
        place = await self.page.get_by_text(re.compile(r"^第 \d+ 项，共 \d+ 项$")).inner_text()
        await self.page.get_by_role("radiogroup", name="结论").get_by_text(verdict, exact=True).click()
        if mend_by:
            await self.page.get_by_label("改好的最后日期").fill(mend_by)
        if note:
            await self.page.get_by_label("说明").fill(note)
        await press(self.page, re.compile("^记下"), exact=False)
        await expect(judged).to_have_text(f"已判 {done + 1}")
        return int(place.rsplit(" ", 2)[1])


async def sign(page: Page) -> None:
    """Reads the sheet, writes a name by hand, confirms the digest."""
    await page.get_by_role("img", name="手写签名区").wait_for()
    await draw(page)
    await page.get_by_role("checkbox").check()
    await press(page, "确认签名")
    await page.get_by_text(re.compile("您已签名|已签章归档")).first.wait_for()


async def draw(page: Page) -> None:
    """A few strokes on the signature area."""
    area = page.get_by_role("img", name="手写签名区")
    await area.scroll_into_view_if_needed()
    box = await area.bounding_box()
    assert box
    for start in (0.2, 0.45, 0.7):
        await page.mouse.move(box["x"] + box["width"] * start, box["y"] + box["height"] * 0.3)
        await page.mouse.down()
        for step in range(6):
            await page.mouse.move(
                box["x"] + box["width"] * (start + 0.02 * step), box["y"] + box["height"] * (0.3 + 0.08 * step)
            )
        await page.mouse.up()


def tomorrow() -> str:
    """For a date field: the day after today in Qingdao."""
    return (datetime.now(UTC) + timedelta(hours=8, days=1)).strftime("%Y-%m-%d")
