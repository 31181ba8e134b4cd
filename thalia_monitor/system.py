"""Functions that differ between operating systems, with fallbacks where one lacks a feature."""

from __future__ import annotations

import getpass
import logging
import os
import stat
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final

try:
    import grp
    import pwd
    import resource
except ImportError:  # Windows
    HAS_UNIX_USERS = False
else:
    HAS_UNIX_USERS = hasattr(os, "geteuid")

log = logging.getLogger(__name__)
IS_POSIX: Final = os.name == "posix"
LOOPBACK: Final = ("localhost", "127.0.0.1", "::1")
MOST_LINKS: Final = 40


def reach_loopback_directly() -> None:
    """Have libraries that follow ``http_proxy`` ask this machine itself without it."""
    for name in ("no_proxy", "NO_PROXY"):
        known = [each for each in os.environ.get(name, "").split(",") if each.strip()]
        os.environ[name] = ",".join(known + [each for each in LOOPBACK if each not in known])


def user_folder(find: Callable[[str], Path]) -> Path | None:
    """This user's folder of a kind, as platformdirs finds it; None for a user who has no home."""
    try:
        return find("thalia-monitor")
    except RuntimeError:
        return None


def user() -> str:
    """Name of the user who runs this process."""
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):  # a number without an account
        return "unknown"


def open_file_limit() -> float:
    """How many files this process may have open; infinity where the system does not say."""
    return resource.getrlimit(resource.RLIMIT_NOFILE)[0] if HAS_UNIX_USERS else float("inf")


def raise_file_limit() -> None:
    """Allow this process as many open files as the system lets it: 1,024, the usual limit, is for one run."""
    if not HAS_UNIX_USERS:
        return
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    except (OSError, ValueError):  # macOS calls its limit infinite, and allows fewer
        log.info("The limit of open files stays as it is: the system does not allow %s.", most)


def resident_memory(pid: int) -> int | None:
    """Bytes of memory that a process has resident, or had at most; None where the system does not say."""
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1])
    except (OSError, IndexError, ValueError):
        if pid != os.getpid() or not HAS_UNIX_USERS:
            return None
        most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return most if sys.platform == "darwin" else most * 1024
    return pages * resource.getpagesize() if HAS_UNIX_USERS else None


def children(pid: int) -> list[int]:
    """The processes that a process has started; none where the system does not say."""
    try:
        listed = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()
    except OSError:
        return []
    return [int(each) for each in listed]


def in_each_fork(action: Callable[[], object]) -> None:
    """Do something at the start of every process that is forked from this one."""
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=action)


def why_not_private(folder: Path) -> str:
    """Why a folder could be read or replaced by other users; empty where only this user and root can.

    The folder itself has to be this user's, and no link. Every folder above it has to be this user's or root's, and
    writable by others only where they cannot rename what is not theirs (the sticky bit of ``/tmp``).
    """
    if not HAS_UNIX_USERS:
        return ""
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode):
        return "it is a link" if stat.S_ISLNK(found.st_mode) else "it is no folder"
    if found.st_uid != os.geteuid():
        return "it belongs to somebody else"
    return _why_not_safe(folder.parent.absolute(), links=0)


def shut_to_others(folder: Path) -> None:
    """Take away every right that others have on a folder."""
    if HAS_UNIX_USERS and stat.S_IMODE(folder.lstat().st_mode) & 0o077:
        folder.chmod(0o700)


def _why_not_safe(folder: Path, links: int) -> str:
    for each in [*reversed(folder.parents), folder]:
        found = each.lstat()
        if found.st_uid not in (0, os.geteuid()):
            return f"{each} belongs to somebody else"
        if stat.S_ISLNK(found.st_mode):
            if links == MOST_LINKS:
                return f"{each} leads to itself"
            target = each.parent / each.readlink() / folder.relative_to(each)
            return _why_not_safe(Path(os.path.normpath(target)), links + 1)
        if _writable_by_others(found) and not found.st_mode & stat.S_ISVTX:
            return f"others can write to {each}"
    return ""


def _writable_by_others(found: os.stat_result) -> bool:
    if found.st_mode & stat.S_IWOTH:
        return True
    return bool(found.st_mode & stat.S_IWGRP) and not _is_own_group(found.st_gid)


def _is_own_group(gid: int) -> bool:
    """Whether a group is this user's private one, as many systems make one for each user."""
    try:
        group, user = grp.getgrgid(gid), pwd.getpwuid(os.geteuid())
    except KeyError:
        return False
    return group.gr_name == user.pw_name and set(group.gr_mem) <= {user.pw_name}
