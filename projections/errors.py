"""What can go wrong with a read model. Each error has a public `code`; none holds personal data."""

from __future__ import annotations

from typing import ClassVar
from uuid import UUID


class ProjectionError(Exception):
    """Base. `zh` and `en` say what to do next; `detail` names the place."""

    code: ClassVar[str] = "projection"
    zh: ClassVar[str] = "读模型出错，请联系管理员。"
    en: ClassVar[str] = "A read model failed; tell the administrator."

    def __init__(self, detail: str) -> None:
        super().__init__(f"{self.zh} {self.en} [{detail}]")


class MissingRowError(ProjectionError):
    """An event belongs to a row that is not there: the table was damaged."""

    code = "projection-row-missing"
    zh = "读模型缺少数据行，请执行 peiban rebuild 重建。"
    en = "A row is missing; repair the read model with peiban rebuild."

    def __init__(self, what: str, id: UUID) -> None:
        super().__init__(f"{what} {id}")


class RebuildRunningError(ProjectionError):
    code = "rebuild-running"
    zh = "该投影正在重建，请等待完成。"
    en = "It is being rebuilt already; wait until that has finished."
