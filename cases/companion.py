"""Who accompanies whom (一事一人陪伴): the choice of a companion, as a pure rule."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from cases.errors import RefusedError


class NoCompanionError(RefusedError):
    """No officer is appointed in the office in charge or above it, so nobody could be named."""

    code = "no-companion"
    zh = "受理机构尚未安排服务人员，请拨打 12345 反映，或稍后再提交；已填内容不会丢失。"
    en = "The office in charge has no officer appointed yet. Call 12345 or submit later; what you entered is kept."


@dataclass(frozen=True, kw_only=True)
class Officer:
    """An officer of the office in charge, with how many open cases he accompanies."""

    id: UUID
    on_duty: bool
    open_cases: int
    deputy: UUID | None = None


def choose_companion(officers: Sequence[Officer], others_on_duty: Mapping[UUID, int], case_id: UUID) -> UUID:
    """The officer on duty with the fewest open cases; equals take turns by the case's id.

    A deputy on duty stands in for an absent officer, also when he is no officer himself: `others_on_duty` holds
    such colleagues with their open cases. At night, with nobody on duty, the case goes to the officer with the fewest:
    a companion is named from the first moment (online filing has one too) and takes it up next morning.
    """
    present = {officer.id: officer.open_cases for officer in officers if officer.on_duty}
    for officer in officers:
        if not officer.on_duty and officer.deputy is not None and officer.deputy in others_on_duty:
            present.setdefault(officer.deputy, others_on_duty[officer.deputy])
    candidates = present or {officer.id: officer.open_cases for officer in officers}
    if not candidates:
        raise NoCompanionError
    return min(candidates, key=lambda candidate: (candidates[candidate], _turn(case_id, candidate)))


def _turn(case_id: UUID, candidate: UUID) -> bytes:
    return hashlib.sha256(case_id.bytes + candidate.bytes).digest()
