"""Refusals of an inspection. Sentences say what to do next; `details` name parties and items, never persons."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Self

from cases.catalogue import CheckItem, ServiceItem
from cases.errors import InvalidInputError, MissingError, RefusedError


class InspectorsError(InvalidInputError):
    """行政许可法 §34(3): two inspectors at least, of the office that handles the case."""

    code = "inspectors"
    zh = "请指派两名以上本单位的勘验人员（行政许可法第三十四条第三款）。"
    en = "Assign at least two different inspectors of this office (Administrative Licensing Law, art. 34(3))."


class ModeNotAllowedError(RefusedError):
    code = "mode-not-allowed"
    zh = "本事项不能采用这种勘验方式，请改选现场勘验。"
    en = "This matter cannot be inspected that way. Choose an inspection on site."

    @classmethod
    def for_item(cls, item: ServiceItem) -> Self:
        basis = "；".join(basis.text for basis in item.basis)
        return cls(
            f"“{item.name.zh}”须现场勘验，不能仅凭视频办理（{item.remote_note.zh or basis}）。请改选现场或混合。",
            f"{item.name.en or item.code} must be verified on the spot ({item.remote_note.en or basis}). "
            "Choose on site or mixed.",
            item=item.code,
        )


class SlotError(InvalidInputError):
    code = "slot"
    zh = "勘验时间应晚于现在，请重新选择时间。"
    en = "The inspection must lie in the future. Choose another time."


class NoSlotError(RefusedError):
    code = "no-slot"
    zh = "尚未约定勘验时间，请等待工作人员发送时间和链接。"
    en = "No time has been offered yet. Wait for the office's message with time and link."


class InvitationError(MissingError):
    """A link that we did not make, or of another service."""

    code = "invitation"
    zh = "链接无效，请使用短信中的完整链接；如仍打不开，请联系本件的陪伴人。"
    en = "This link is not valid. Use the whole link from the message, or ask the matter's companion."


class InvitationEndedError(RefusedError):
    code = "invitation-ended"
    zh = "本次勘验已结束，链接已失效。请在“我的办件”中查看结果。"
    en = "This inspection has ended and its link with it. See the result under “My matters”."


class NoticeVersionError(InvalidInputError):
    code = "notice-version"
    zh = "录音录像告知书已更新，请刷新页面，阅读后重新作答。"
    en = "The notice of recording has changed. Refresh the page, read it and answer again."


class NotStartedError(RefusedError):
    code = "inspection-not-running"
    zh = "勘验尚未开始或已经结束，这一步只能在勘验进行中办理。"
    en = "The inspection is not running. This step is only possible between its start and its end."


class NotReadyError(RefusedError):
    """`details["waiting_for"]` lists what is missing: `notice`, `inspectors`, `applicant`."""

    code = "not-ready-to-start"
    zh = "还不能开始勘验。"
    en = "The inspection cannot start yet."

    @classmethod
    def because(cls, missing: Sequence[str]) -> Self:
        words = {
            "notice": ("申请人尚未同意录音录像告知", "the applicant has not accepted the notice of recording"),
            "inspectors": (
                "须有两名勘验人员到场（行政许可法第三十四条第三款）",
                "two inspectors must be present (Administrative Licensing Law, art. 34(3))",
            ),
            "applicant": ("申请人尚未进入房间", "the applicant is not in the room"),
        }
        return cls(
            f"还不能开始勘验：{'；'.join(words[what][0] for what in missing)}。",
            f"The inspection cannot start yet: {'; '.join(words[what][1] for what in missing)}.",
            waiting_for=list(missing),
        )


class VerdictError(InvalidInputError):
    code = "verdict"
    zh = "这一项的结论不完整，请补充后再保存。"
    en = "This verdict is incomplete. Complete it and save again."


class OnTheSpotError(RefusedError):
    code = "on-the-spot-item"
    zh = "本项不能通过视频判定。已到现场的请先登记到场再判定；未到场的请记为“看不清”，由现场勘验补判。"
    en = "Video cannot show this item. At the premises, say first that you have arrived; else mark it as unclear."


class ItemsOpenError(RefusedError):
    """`details["items"]` lists the codes of the mandatory items that nobody has judged."""

    code = "items-open"
    zh = "还有必查项未作结论，请先逐项判定。"
    en = "Some mandatory items have no verdict yet. Judge them first."

    @classmethod
    def naming(cls, items: Sequence[CheckItem]) -> Self:
        return cls(
            f"还有必查项未作结论：{'、'.join(item.title.zh for item in items)}。请先逐项判定。",
            f"Mandatory items without a verdict: {', '.join(item.title.en or item.code for item in items)}. "
            "Judge them first.",
            items=[item.code for item in items],
        )


class FindingsUntoldError(RefusedError):
    code = "findings-untold"
    zh = "请先向申请人说明哪些项目通过、哪些需要整改，再结束勘验。"
    en = "Tell the applicant what passed and what to mend before you end the inspection."


class RecordingOpenError(RefusedError):
    code = "recording-open"
    zh = "录音录像尚未封存，请稍候再生成勘验单。"
    en = "The recording has not been sealed yet. The sheet follows in a moment."


class RecordingRefusedError(RefusedError):
    """Nothing is stored before the notice was accepted and the inspection started."""

    code = "recording-refused"
    zh = "申请人同意录音录像且勘验开始后，才能录制。"
    en = "Recording is only possible once the applicant has accepted the notice and the inspection has started."


class SheetError(RefusedError):
    code = "sheet-not-ready"
    zh = "勘验单尚未生成，请稍后再签。"
    en = "The sheet is not ready yet. Sign in a moment."


class DigestError(RefusedError):
    code = "sheet-digest"
    zh = "您看到的勘验单不是当前版本，请刷新页面，核对后再签名。"
    en = "What you saw is not the current sheet. Refresh the page, check it and sign again."


class SignedError(RefusedError):
    code = "already-signed"
    zh = "您已经签过或已拒签本勘验单，无需重复办理。"
    en = "You have already signed this sheet, or refused to. Nothing more is needed."


class UnsignedError(RefusedError):
    """`details["parties"]` lists who has neither signed nor refused."""

    code = "signatures-missing"
    zh = "还有人未签名，勘验单暂不能封存。"
    en = "Some parties have not signed yet, so the sheet cannot be sealed."


class RoomEndedError(RefusedError):
    code = "room-ended"
    zh = "本次勘验已结束，视频房间已关闭。"
    en = "This inspection has ended and its room is closed."
