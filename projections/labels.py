"""What each stored event is called on pages, and which stream it belongs to."""

from __future__ import annotations

from typing import NamedTuple

from cases.catalogue import Bilingual


class Label(NamedTuple):
    """stream: the aggregate's stored name. step: whether the progress page shows it to everybody."""

    stream: str
    text: Bilingual
    step: bool = True


def _label(stream: str, zh: str, en: str, *, step: bool = True) -> Label:
    return Label(stream, Bilingual(zh, en), step)


LABELS: dict[str, Label] = {
    "case-received": _label("case", "已收件", "Application received"),
    "companion-assigned": _label("case", "已确定陪伴人", "Companion named"),
    "gap-notice-issued": _label("case", "已一次性告知需补正内容", "One-time notice of what is missing"),
    "case-supplemented": _label("case", "已补正材料", "Supplement received"),
    "case-accepted": _label("case", "已受理", "Application accepted"),
    "acceptance-refused": _label("case", "不予受理", "Acceptance refused"),
    "handover-requested": _label("case", "申请移交陪伴", "Handover asked for", step=False),
    "handover-accepted": _label("case", "陪伴人已移交", "Companion handed over"),
    "handover-declined": _label("case", "未接受移交", "Handover declined", step=False),
    "handover-withdrawn": _label("case", "已收回移交", "Handover taken back", step=False),
    "inspection-noted": _label("case", "勘验情况已记入办件", "Inspection noted on the case", step=False),
    "case-decided": _label("case", "已作出决定", "Decision made"),
    "case-withdrawn": _label("case", "申请已撤回", "Application withdrawn"),
    "case-data-erased": _label("case", "个人信息已依法删除", "Personal data erased"),
    "holds-opened": _label("holds", "已建立留存登记", "Register of holds opened", step=False),
    "hold-placed": _label("holds", "已依法留存", "Legal hold placed", step=False),
    "hold-release-requested": _label("holds", "申请解除留存", "Release of hold asked for", step=False),
    "hold-release-declined": _label("holds", "未同意解除留存", "Release of hold declined", step=False),
    "hold-released": _label("holds", "留存已解除", "Hold released", step=False),
    "erasure-requested": _label("erasure", "申请删除个人信息", "Erasure asked for", step=False),
    "erasure-approved": _label("erasure", "已批准删除个人信息", "Erasure approved", step=False),
    "erasure-declined": _label("erasure", "未批准删除个人信息", "Erasure declined", step=False),
    "personal-data-erased": _label("erasure", "已删除个人信息", "Erasure carried out", step=False),
    "erasure-held-back": _label("erasure", "因依法留存未删除", "Erasure held back", step=False),
    "visit-opened": _label("visit", "已取复诊号", "Return visit opened"),
    "visit-closed": _label("visit", "复诊已办结", "Return visit closed"),
    "case-evaluated": _label("evaluation", "已作出评价", "Service rated"),
    "complaint-opened": _label("complaint", "差评已转诉求办理", "Complaint opened"),
    "complaint-answered": _label("complaint", "诉求已答复", "Complaint answered"),
    "callback-recorded": _label("complaint", "已回访", "Callback made", step=False),
    "complaint-escalated": _label("complaint", "诉求已提级督办", "Complaint escalated one level"),
    "complaint-solved": _label("complaint", "诉求已解决", "Complaint solved"),
    "complaint-decided": _label("complaint", "诉求已作出决定并告知", "Complaint decided and told"),
    "inspection-planned": _label("inspection", "已安排勘验", "Inspection planned"),
    "slot-offered": _label("inspection", "已提出勘验时间", "Inspection time offered"),
    "invitation-bound": _label("inspection", "邀请链接已绑定手机号", "Invitation bound to the phone", step=False),
    "slot-confirmed": _label("inspection", "已确认勘验时间", "Inspection time confirmed"),
    "notice-answered": _label("inspection", "已答复录音录像告知", "Notice of recording answered", step=False),
    "remote-refused": _label("inspection", "不采用远程方式，改为现场勘验", "Remote way declined, on site instead"),
    "moved-on-site": _label("inspection", "已转为现场勘验", "Inspection moved on site"),
    "slot-withdrawn": _label(
        "inspection", "原定勘验时间已取消，将另提上门时间", "Inspection time cancelled, a new one will be proposed"
    ),
    "participant-joined": _label("inspection", "参加人进入", "Participant joined", step=False),
    "participant-left": _label("inspection", "参加人离开", "Participant left", step=False),
    "arrived-on-site": _label("inspection", "勘验人员已到场", "Inspector arrived on site", step=False),
    "inspection-started": _label("inspection", "勘验开始", "Inspection started"),
    "recording-opened": _label("inspection", "开始录音录像", "Recording began", step=False),
    "recording-head": _label("inspection", "录音录像摘要已登记", "Recording digest noted", step=False),
    "recording-sealed": _label("inspection", "录音录像已固定", "Recording sealed", step=False),
    "still-taken": _label("inspection", "已拍照取证", "Still taken", step=False),
    "item-judged": _label("inspection", "检查项已作结论", "Item judged", step=False),
    "findings-told": _label("inspection", "已告知勘验情况", "Findings told to the applicant", step=False),
    "inspection-ended": _label("inspection", "勘验结束", "Inspection ended"),
    "sheet-drafted": _label("inspection", "勘验单已生成，待签名", "Inspection sheet ready to sign"),
    "sheet-signed": _label("inspection", "勘验单已签名", "Inspection sheet signed"),
    "signature-refused": _label("inspection", "拒绝在勘验单上签名", "Signature refused"),
    "sheet-sealed": _label("inspection", "勘验单已封存", "Inspection sheet sealed"),
    "office-established": _label("office", "机构已设立", "Office established", step=False),
    "staff-appointed": _label("staff", "人员已任用", "Member of staff appointed", step=False),
    "duty-set": _label("staff", "在岗状态已变更", "Duty changed", step=False),
    "deputy-named": _label("staff", "已指定代班人", "Deputy named", step=False),
}


def label(topic: str) -> Bilingual:
    return LABELS[topic].text
