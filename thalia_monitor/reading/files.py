"""Opening, listing and caching a run's files: the only module of the reader that opens anything of a run.

The writer of a run's directory can replace a file at any moment, also between listing and opening it. So
nothing is decided by a name: a file is opened in a way that cannot wait (a pipe would wait for its writer), and
what was opened is checked to be a regular file within the directory that links may not lead out of. Each
version of a file is parsed once, and a torn file keeps its last good reading.
"""

from __future__ import annotations

import errno
import json
import os
import stat
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import Any, BinaryIO, Final, Generic, TypeVar

from thalia_monitor import contract
from thalia_monitor.model.records import Problem, Source

LONGEST_LINE: Final = 16 * 2**20
"""Bytes; of a longer line only the first LONGEST_LINE + 1 are handed on: it then shows as too long."""

REFUSED: Final = (
    "is a link that leads out of the run's directory, and is not followed (--follow-links allows it)"
)


def leads_outside(path: Path, within: Path) -> bool:
    """Whether a path ends outside a directory when all links, the directory's own too, are followed.

    A link that leads nowhere or round in a circle counts as outside.
    """
    try:
        return not path.resolve(strict=True).is_relative_to(within.resolve())
    except (OSError, RuntimeError):  # a circle is a RuntimeError up to Python 3.12
        return True


_READ: Final = (
    os.O_RDONLY
    | getattr(os, "O_NONBLOCK", 0)
    | getattr(os, "O_NOCTTY", 0)
    | getattr(os, "O_CLOEXEC", 0)
    | getattr(os, "O_BINARY", 0)
)
_SCANS_DESCRIPTORS: Final = os.scandir in os.supports_fd
"""Not on Windows."""


def open_regular(path: Path, within: Path | None = None) -> BinaryIO:
    """Open a regular file for reading, unbuffered, without ever waiting for it.

    Raises OSError for anything else (a pipe, a device, a directory), and for a file outside ``within``, links
    followed.
    """
    descriptor = os.open(path, _READ)
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise OSError(errno.EINVAL, "not a regular file")
        _refuse_outside(descriptor, path, within)
        return os.fdopen(descriptor, "rb", buffering=0)
    except BaseException:
        os.close(descriptor)
        raise


@contextmanager
def scan(directory: Path, within: Path | None = None) -> Iterator[Iterator[os.DirEntry[str]]]:
    """List a directory; raises OSError for one outside ``within``, links followed.

    Of an entry use the name, the kind and the status, not the path.
    """
    if within is None or not _SCANS_DESCRIPTORS:
        with os.scandir(directory) as entries:
            yield entries
        return
    descriptor = open_folder(directory, within)
    try:
        with os.scandir(descriptor) as entries:
            yield entries
    finally:
        os.close(descriptor)


def open_folder(directory: Path, within: Path | None = None) -> int:
    """Open a directory, as a descriptor; raises OSError for one outside ``within``, links followed."""
    descriptor = os.open(directory, _READ | os.O_DIRECTORY)
    try:
        _refuse_outside(descriptor, directory, within)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def data_after(file: BinaryIO, position: int) -> int:
    """Where a file goes on behind the hole that it has at a position; the same position where it has none."""
    try:
        return os.lseek(file.fileno(), position, os.SEEK_DATA)
    except OSError as error:
        return os.fstat(file.fileno()).st_size if error.errno == errno.ENXIO else position
    except AttributeError:  # Windows
        return position


def _refuse_outside(descriptor: int, path: Path, within: Path | None) -> None:
    if within is not None and not _place_of(descriptor, path).is_relative_to(within.resolve()):
        raise OSError(errno.ELOOP, REFUSED)


def _place_of(descriptor: int, path: Path) -> Path:
    """Where an open file lies, links followed."""
    try:
        return Path(f"/proc/self/fd/{descriptor}").readlink()
    except OSError:  # not on Linux: the name is followed again, and has to lead to the very same file
        place = path.resolve(strict=True)
        if not os.path.samestat(os.lstat(place), os.fstat(descriptor)):
            raise OSError(errno.ELOOP, "is being replaced") from None
        return place


T = TypeVar("T")

Signature = tuple[int, int, int]
"""Inode, size and modification time (ns) of a file: equal signatures mean equal contents."""


class Torn(Exception):
    """A file that cannot be read as it is now; may be whole again at the next look."""

    def __init__(self, reason: str, line: int | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.line = line


def signature_of(path: Path) -> Signature | None:
    """Take a regular file's signature; None for what is gone, forbidden, or a pipe or device."""
    try:
        found = path.stat()
    except OSError:
        return None
    return (found.st_ino, found.st_size, found.st_mtime_ns) if stat.S_ISREG(found.st_mode) else None


@dataclass(frozen=True, slots=True)
class FoundFile:
    """A file that was found in a run's directory."""

    path: Path
    name: str
    """As it is shown: relative to the run's directory."""
    signature: Signature

    @property
    def modified(self) -> float:
        """When it last changed, in Unix seconds."""
        return self.signature[2] / 1e9


@dataclass(frozen=True, slots=True)
class Reading(Generic[T]):
    """What is known of one file: its newest good content, and what is wrong with it now."""

    value: T | None = None
    problem: Problem | None = None
    """Why the file cannot be read as it is now; ``value`` then is from before that."""


class FileCache(Generic[T]):
    """The readings of one kind of file, each parsed again only when its signature changes."""

    def __init__(self, parse: Callable[[Path, str], T]) -> None:
        self._parse = parse
        self._known: dict[Path, tuple[Signature, Reading[T]]] = {}

    def read(self, path: Path, name: str) -> Reading[T]:
        """Give the newest good reading of the file, which is shown under that name."""
        signature = signature_of(path)
        nothing: Reading[T] = Reading()
        known, reading = self._known.get(path, (None, nothing))
        if signature is None or signature != known:
            reading = self._read_again(path, name, reading)
            if signature is not None:
                self._known[path] = (signature, reading)
        return reading

    def forget_all_but(self, paths: set[Path]) -> None:
        """Drop the readings of files that are gone."""
        self._known = {path: known for path, known in self._known.items() if path in paths}

    def _read_again(self, path: Path, name: str, before: Reading[T]) -> Reading[T]:
        kept = "; the last good reading of it is shown" if before.value is not None else ""
        try:
            return Reading(self._parse(path, name))
        except Torn as torn:
            return Reading(before.value, Problem(name, torn.line, torn.reason + kept))
        except OSError as error:
            return Reading(before.value, Problem(name, None, f"cannot be opened: {error.strerror}{kept}"))


LARGEST: Final = 128 * 1024 * 1024
"""Bytes; a larger file is refused, since it has to be in memory whole to be parsed."""


@dataclass(frozen=True, slots=True)
class Document:
    """One JSON object, and when its file was last written."""

    fields: Mapping[str, Any]
    modified: float
    """Unix seconds."""


def too_large(largest: int) -> str:
    """Say that a file is refused for its size."""
    return f"is larger than {largest // 2**20} MB, more than this monitor reads into memory"


def read_document(path: Path, within: Path | None = None, largest: int = LARGEST) -> Document:
    """Read one JSON object, bare ``NaN`` and ``Infinity`` included; raises Torn where there is none.

    A file of more than ``largest`` bytes is refused unread.
    """
    with open_regular(path, within) as file:
        status = os.fstat(file.fileno())
        size = status.st_size
        content = file.read() if size <= largest else b""
    if size > largest:
        raise Torn(too_large(largest))
    if not content.strip():
        raise Torn("is empty: it is being rewritten, or the save failed")
    try:
        document = json.loads(content.decode("utf-8-sig", "replace"))
    except json.JSONDecodeError as error:
        raise Torn(
            f"is not whole JSON ({error.msg}): half-written, or a save that failed", error.lineno
        ) from error
    except (ValueError, RecursionError) as error:
        raise Torn(f"cannot be parsed: {error}") from error
    if not isinstance(document, dict):
        raise Torn(f"should hold a JSON object, and holds a {type(document).__name__}")
    return Document(document, status.st_mtime)


@dataclass(frozen=True, slots=True)
class Look:
    """The files as they are at one moment."""

    version: tuple[object, ...] = ()
    """Equal versions mean that there is nothing new to read. A checkpoint that grows old changes it: one that is
    unfinished counts as failed then."""
    modified: float | None = None
    """Unix seconds: when one of them last changed; None without any."""


DEEPEST: Final = 3
MOST_FOLDERS: Final = 200
MOST_ENTRIES: Final = 10_000
MOST_NAMED: Final = 60
KINDS: Final = {
    **dict.fromkeys((".png", ".jpg", ".jpeg", ".svg", ".pdf", ".gif"), ("image", "listed, not shown")),
    **dict.fromkeys((".pt", ".pth", ".ckpt", ".pkl", ".npy"), ("saved objects", "never opened")),
    ".txt": ("text", "not read"),
}
"""What a suffix stands for, and what is done with such a file."""

Listing = tuple[tuple[str, ...], tuple[str, ...]]
"""The names of a folder's files, and of its folders."""


class UnreadFiles:
    """The files of a directory that no format takes; a folder is listed again only when its list has changed."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._listed: dict[str, tuple[int, Listing]] = {}

    def sources(self, taken: Callable[[str], bool], is_run: Callable[[str], bool]) -> tuple[Source, ...]:
        """Name them by folder and suffix.

        Args:
            taken: whether a file, by its path below the directory, is read.
            is_run: whether a file of this name makes its folder a run.
        """
        groups: dict[tuple[str, str], list[str]] = {}
        runs: dict[str, int] = {}
        for folder, names in self._walk():
            left = [name for name in names if not taken(f"{folder}{name}")]
            if folder and (marks := sum(map(is_run, left))):
                runs[folder] = marks
            for name in left:
                if not (folder in runs and is_run(name)):
                    groups.setdefault((folder, PurePath(name).suffix.lower()), []).append(name)
        found = [_run(folder) for folder in runs] + [_group(*key, names) for key, names in groups.items()]
        if len(found) > MOST_NAMED:
            more = f"{len(found) - MOST_NAMED:,} more kinds of file or folders are not named"
            found = [*found[:MOST_NAMED], Source("…", "", 0, note=more)]
        return tuple(found)

    def _walk(self) -> Iterator[tuple[str, tuple[str, ...]]]:
        waiting, known = [("", 0)], self._listed
        self._listed = {}
        while waiting and len(self._listed) < MOST_FOLDERS:
            folder, depth = waiting.pop(0)
            files, folders = self._list(folder, known.get(folder))
            yield folder, files
            if depth < DEEPEST:
                inner = (f"{folder}{name}/" for name in folders)
                waiting += [(each, depth + 1) for each in inner if each != f"{contract.CONTROL_FOLDER}/"]

    def _list(self, folder: str, known: tuple[int, Listing] | None) -> Listing:
        path = self._directory / folder
        try:
            changed = path.stat().st_mtime_ns
            if known is None or known[0] != changed:
                known = (changed, _listing(path))
        except OSError:
            return (), ()
        self._listed[folder] = known
        return known[1]


def _listing(path: Path) -> Listing:
    files: list[str] = []
    folders: list[str] = []
    with scan(path) as entries:
        for _, entry in zip(range(MOST_ENTRIES), entries, strict=False):
            if entry.name.startswith(".") or entry.name.endswith(".tmp"):
                continue
            (folders if entry.is_dir(follow_symlinks=False) else files).append(entry.name)
    return tuple(sorted(files)), tuple(sorted(folders))


def _run(folder: str) -> Source:
    return Source(
        folder, "a run of its own", 0, note="not read here: open that directory, or this one with --root"
    )


def _group(folder: str, suffix: str, names: list[str]) -> Source:
    kind, note = KINDS.get(suffix, ("unknown format", "not read"))
    if len(names) == 1:
        return Source(f"{folder}{names[0]}", kind, 0, note=note)
    listed = f"*{suffix}" if suffix else "files without a suffix"
    return Source(f"{folder}{listed}", kind, 0, note=f"{len(names):,} files, {note}")
