"""What keeps a command of ours from being carried out, told to whoever started it."""

from __future__ import annotations


class StartError(Exception):
    """Something of this machine is not as it has to be. `zh` and `en` say what to do."""

    code = "cannot-start"

    def __init__(self, zh: str, en: str) -> None:
        super().__init__(f"{zh} {en}")
        self.zh = zh
        self.en = en


class PortError(StartError):
    """variable: the setting that names the port."""

    code = "port-unusable"

    def __init__(self, variable: str, address: str, why: str) -> None:
        super().__init__(
            f"无法监听 {address}：请停止占用它的程序，或用 {variable} 换一个端口。",
            f"Cannot listen at {address}: stop what uses it, or choose another port with {variable}. [{why}]",
        )


class KeyFileError(StartError):
    code = "key-file"

    def __init__(self, file: object) -> None:
        super().__init__(
            f"密钥文件 {file} 已损坏，请从密钥备份中恢复。",
            f"The key file {file} is damaged. Restore it from the backup of the keys.",
        )


class NoRecordError(StartError):
    code = "no-record"

    def __init__(self, data_dir: object) -> None:
        super().__init__(
            f"{data_dir} 中没有记录：请用 PEIBAN_DATA_DIR 指明数据目录，或用 PEIBAN_DATABASE_URL 指明数据库。",
            f"There is no record in {data_dir}. Name the data folder with PEIBAN_DATA_DIR, "
            "or the database with PEIBAN_DATABASE_URL.",
        )
