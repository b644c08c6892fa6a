from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest

from eventstore import VaultKeyError, VaultKeys


def test_the_keys_file_is_made_once_and_for_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "secrets" / "keys.json"
    keys = VaultKeys.load_or_create(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert len(keys.kek) == len(keys.index_key) == 32
    assert keys.kek != keys.index_key
    assert VaultKeys.load_or_create(path) == keys
    assert list(path.parent.iterdir()) == [path]


def test_keys_that_others_can_read_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "keys.json"
    VaultKeys.load_or_create(path)
    path.chmod(0o640)
    with pytest.raises(VaultKeyError, match="chmod 600"):
        VaultKeys.load_or_create(path)


@pytest.mark.parametrize("damage", ["", "{}", "[]", '{"kek_id": "x", "kek": "AAAA", "index_key": "AAAA"}'])
def test_a_damaged_keys_file_is_never_replaced(tmp_path: Path, damage: str) -> None:
    path = tmp_path / "keys.json"
    path.touch(mode=0o600)
    path.write_text(damage)
    with pytest.raises(VaultKeyError):
        VaultKeys.load_or_create(path)
    assert path.read_text() == damage


def test_keys_do_not_show_in_a_printed_object(tmp_path: Path) -> None:
    path = tmp_path / "keys.json"
    keys = VaultKeys.load_or_create(path)
    assert repr(keys) == f"VaultKeys(kek_id={json.loads(path.read_text())['kek_id']!r})"
