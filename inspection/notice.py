"""The notice of recording (录音录像告知), shown and answered before any frame is stored (个人信息保护法 §17, §35).

A text once shown never changes: a new wording is a new version, and `test_notice` holds the digests.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property

from cases.catalogue import Bilingual
from inspection.errors import NoticeVersionError

MEGABYTES = 120
"""What half an hour costs the applicant: about 500 kbit/s of picture and sound."""


@dataclass(frozen=True)
class NoticeText:
    version: str
    text: Bilingual

    @cached_property
    def digest(self) -> str:
        """SHA-256 over both languages, as they were shown; 64 hex digits."""
        return hashlib.sha256(f"{self.version}\n{self.text.zh}\n{self.text.en}".encode()).hexdigest()


_FIRST = NoticeText(
    version="recording-1",
    text=Bilingual(
        zh=(
            "远程勘验录音录像告知书\n"
            "一、谁在录：受理您申请的行政审批机关。勘验由两名以上工作人员进行，他们的姓名和证件号会显示在页面上。\n"
            "二、为什么录：依照《行政许可法》第三十四条核实申请材料的实质内容，全过程留痕，作为本件的勘验记录。不用于其他目的。\n"
            "三、录什么：勘验开始到结束之间，您手机拍到的画面和双方的声音，以及您同意后拍摄的照片。"
            "请只拍经营场所；家人、顾客、证件号码等无关内容，请尽量避开。不做人脸识别，不收集行踪轨迹。\n"
            "四、保存多久：保存在本机关的服务器上，与本件案卷保存期限相同，到期依法删除。只有本件勘验人员和监督人员可以查看，每次查看都有记录。\n"
            f"五、流量：勘验约半小时，大约使用 {MEGABYTES} MB 流量，建议连接无线网络。流量费由您的运营商收取。\n"
            "六、您的权利：您可以查阅、复制勘验单和照片，要求更正错误，也可以向本机关或上级机关投诉。\n"
            "七、可以不同意：不同意录音录像，或中途不想继续，都可以改为工作人员上门现场勘验。您的办理次序和结果不受影响，也不另收费。"
        ),
        en=(
            "Notice of recording\n"
            "1. Who records: the authority that handles your application. Two inspectors at least take part; "
            "their names and certificates are shown on the page.\n"
            "2. Why: to verify the facts of your application (Administrative Licensing Law, art. 34) and to keep "
            "the whole inspection on record. For nothing else.\n"
            "3. What: between the start and the end of the inspection, the picture from your phone, the sound of "
            "both sides, and the photos you agree to. Please show the premises only, and keep family, customers and "
            "identity numbers out of view. No face recognition, no tracking of your whereabouts.\n"
            "4. How long: on our own servers for as long as the file of your matter is kept, then erased by law. "
            "Only this matter's inspectors and supervisors can see it, and every view is noted.\n"
            f"5. Data: about {MEGABYTES} MB for half an hour. Wi-Fi is recommended; "
            "your operator charges for mobile data.\n"
            "6. Your rights: you may read and copy the sheet and the photos, have mistakes corrected, and complain to "
            "this authority or the one above it.\n"
            "7. You may say no: without recording, or if you want to stop, inspectors come to you instead. Your place "
            "in the queue and the result are not affected, and it costs nothing."
        ),
    ),
)

NOTICES = {notice.version: notice for notice in (_FIRST,)}
CURRENT = _FIRST


def require_current(version: str) -> NoticeText:
    """The notice that is to be answered; raises NoticeVersionError when another one was shown."""
    if version != CURRENT.version:
        raise NoticeVersionError(version=CURRENT.version)
    return CURRENT
