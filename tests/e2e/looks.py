"""What a page is like for people who see little, touch with a thumb, or read large: asked of axe, and measured."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from playwright.async_api import Page, expect

from tests.e2e.browsers import ROOT

AXE = ROOT / "web" / "client" / "node_modules" / "axe-core" / "axe.min.js"
STANDARD = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"]
MEASURE = (Path(__file__).parent / "looks.js").read_text(encoding="utf-8")


@dataclass
class Findings:
    """What was found on each page, to be told together."""

    serious: list[str] = field(default_factory=list)
    advice: list[str] = field(default_factory=list)
    small: list[str] = field(default_factory=list)
    wide: list[str] = field(default_factory=list)

    async def look(self, page: Page, name: str, *, touch: bool) -> None:
        await self._ask_axe(page, name)
        if not touch:
            return
        self.small += [f"{name}: {one}" for one in (await page.evaluate(MEASURE))["small"]]
        for size in ("", "130%", "200%"):
            await page.evaluate("(size) => { document.documentElement.style.fontSize = size }", size)
            found = await page.evaluate(MEASURE)
            if found["wide"] > 0:
                self.wide.append(f"{name} at {size or '100%'}: {found['wide']} px, {found['sticking']}")
        await page.evaluate("document.documentElement.style.fontSize = ''")

    async def _ask_axe(self, page: Page, name: str) -> None:
        """Given to the page by the debugger, which no policy of the page forbids."""
        await page.evaluate(AXE.read_text(encoding="utf-8"))
        found = await page.evaluate(
            "(tags) => axe.run(document, { runOnly: { type: 'tag', values: tags }, resultTypes: ['violations'] })",
            [*STANDARD, "best-practice"],
        )
        for violation in found["violations"]:
            places = [f"{node['html'][:120]} ({node['failureSummary'][:200]})" for node in violation["nodes"][:3]]
            told = f"{name}: {violation['id']} [{violation['impact']}] {places}"
            is_standard = not set(STANDARD).isdisjoint(violation["tags"])
            serious = is_standard and violation["impact"] in ("serious", "critical")
            (self.serious if serious else self.advice).append(told)

    def then_nothing_was_found(self) -> None:
        if self.advice:
            print("\n".join(["advice:", *self.advice]))  # noqa: T201 -- shown with a failure, or by -rP
        for found in (self.serious, self.small, self.wide):
            assert not found, "\n".join(found)


async def shown(page: Page, address: str) -> None:
    """With its content: headings stand, and no place is kept any more for what is being loaded."""
    await page.goto(address)
    await page.get_by_role("heading").first.wait_for()
    await expect(page.get_by_text("正在读取")).to_have_count(0)
    await at_rest(page)


async def at_rest(page: Page) -> None:
    """Nothing fades or slides in any more: half a colour has half a contrast."""
    await page.evaluate(
        """() => Promise.all(document.getAnimations()
            .filter((one) => one.effect.getComputedTiming().iterations < Infinity)
            .map((one) => one.finished.catch(() => undefined)))"""
    )
