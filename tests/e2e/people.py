"""What each person does on his screen, in his words: buttons and fields are found by what they are called."""

from __future__ import annotations

import asyncio
import io
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pypdf
from PIL import Image
from playwright.async_api import Locator, Page, expect

from tests.e2e.service import DemoService

PHONE_NUMBER = "13905320001"
SHOP = {
    "申请人名称": "青岛晨光美发店",
    "法定代表人（经营者）": "高晓梅",
    "联系手机": PHONE_NUMBER,
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

    async def code(self) -> str:
        """The one-time code from the newest message to this phone."""
        for message in await self.demo.messages():
            found = re.search(r"\b(\d{6})\b", message["text"])
            if found and message["to"].endswith(self.phone[-4:]):
                return found[1]
        raise AssertionError("no code came")

    async def log_in(self) -> None:
        await self.page.get_by_label("手机号码").fill(self.phone)
        await press(self.page, "获取验证码")
        field = self.page.get_by_label("6 位验证码")
        await field.wait_for()
        await field.fill(await self.code())
        login = self.page.get_by_role("button", name=re.compile("^(登录|确认)$"))
        if await login.count() and await login.is_enabled():
            await login.click()

    async def apply(self, folder: Path, *, materials: dict[str, Path]) -> str:
        """Files the hygiene licence and gives the case number."""
        await self.page.goto("/")
        await self.page.get_by_label("搜索事项").fill("理发店")
        await self.page.get_by_role("link", name=re.compile("公共场所卫生许可")).click()
        await press_or_link(self.page, "开始申请")
        await self.log_in()
        for label, value in SHOP.items():
            await self.page.get_by_label(label, exact=True).fill(value)
        for group, choice in SHOP_CHOICES.items():
            await self.page.get_by_role("group", name=group).get_by_text(choice, exact=True).click()
        await press(self.page, "下一步：上传材料")
        for material, path in materials.items():
            await self.upload(material, path)
        await press(self.page, "下一步：核对")
        await self.page.get_by_role("checkbox").check()
        await press(self.page, "提交申请")
        number = self.page.get_by_text(re.compile(r"QD\d{8}-\w{6}")).first
        await number.wait_for()
        found = re.search(r"QD\d{8}-\w{6}", await number.inner_text())
        assert found
        return found[0]

    async def upload(self, material: str, path: Path) -> None:
        card = self.page.locator("section", has=self.page.get_by_role("heading", name=material))
        await card.locator("input[type=file]").first.set_input_files(path)
        await expect(card.get_by_text("已上传")).to_be_visible()


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
        await expect(self.page.get_by_role("button", name="登录", exact=True)).to_have_count(0)

    async def open_case(self, case_id: str) -> None:
        await self.page.goto(f"/desk/cases/{case_id}")
        await self.page.get_by_role("heading", level=1).wait_for()


async def press_or_link(page: Page, name: str) -> None:
    await page.get_by_role("button", name=name).or_(page.get_by_role("link", name=name)).first.click()


def in_minutes(minutes: int) -> str:
    """For a `datetime-local` field that shows Beijing time."""
    return (datetime.now(UTC) + timedelta(hours=8, minutes=minutes)).strftime("%Y-%m-%dT%H:%M")


async def draw(page: Page) -> None:
    """Handwriting: a few strokes on the signature area."""
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
    await asyncio.sleep(0)
