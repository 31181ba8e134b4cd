"""Where runs are looked for: directories below a root, found by the names of their files alone."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Final

from thalia_monitor import contract
from thalia_monitor.reading.files import leads_outside, scan
from thalia_monitor.reading.formats.registry import is_documented, makes_run
from thalia_monitor.reading.other_files import SUBFOLDERS
from thalia_monitor.reading.rotated import is_part

MOST_DIRECTORIES: Final = 50_000
"""Directories looked into below one root; more are a mistake of the root rather than runs."""


@dataclass(frozen=True, slots=True)
class Root:
    """A directory that is searched for runs."""

    directory: Path
    depth: int = 3
    """How many levels below it a run may lie; 0 is the root itself."""
    pattern: str = "*"
    """Which runs count, by their path below the root; ``*`` stands for anything, slashes too."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A directory that holds files of a run."""

    directory: Path
    name: str
    """Its path below the root, the root's own name for the root itself."""
    changed: float
    """Unix seconds: when its log, or the list of its files, last changed."""


@dataclass(frozen=True, slots=True)
class Found:
    """What a search brought up."""

    runs: tuple[Candidate, ...] = ()
    notes: tuple[str, ...] = ()
    """What was left out, and why, in words for the operator."""
    home: Path | None = None
    """The root with its own links followed."""
    complete: bool = True
    """Whether the root could be searched at all: if not, nothing is known of what is there."""


@dataclass(slots=True)
class _Search:
    root: Root
    home: Path
    """The root with its own links followed."""
    looked_into: int = 0
    outside: int = 0
    unreadable: int = 0
    seen: set[tuple[int, int]] = field(default_factory=set)
    """Device and inode of each directory: one that several links lead to is one run."""


def search(root: Root) -> Found:
    """Look for runs below a root; nothing is opened, and no link that leads out of the root is followed."""
    name = str(root.directory)
    try:
        going = _Search(root, root.directory.resolve(strict=True))
        runs = tuple(_below(going, going.home, 0))
    except (OSError, RuntimeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "a circle of links"
        return Found(notes=(f"--root {name} cannot be read: {reason}.",), complete=False)
    notes = []
    if going.outside:
        notes.append(f"{going.outside:,} links below {name} lead out of it and are not followed.")
    if going.unreadable:
        notes.append(f"{going.unreadable:,} directories below {name} cannot be read.")
    if going.looked_into > MOST_DIRECTORIES:
        notes.append(
            f"{name} has more than {MOST_DIRECTORIES:,} directories; say where to look with --root-depth."
        )
    return Found(runs, tuple(notes), going.home)


def _below(going: _Search, directory: Path, depth: int) -> Iterator[Candidate]:
    going.looked_into += 1
    if going.looked_into > MOST_DIRECTORIES:
        return
    try:
        status = directory.stat()
        if (status.st_dev, status.st_ino) in going.seen:
            return
        going.seen.add((status.st_dev, status.st_ino))
        files, folders = _contents(going, directory)
    except OSError:
        if depth == 0:
            raise
        going.unreadable += 1
        return
    own = [each for each in folders if each.name in SUBFOLDERS and _holds_run_files(each, going.home)]
    if files or own:
        name = directory.relative_to(going.home).as_posix()
        if fnmatchcase(name, going.root.pattern):
            changed = max(status.st_mtime, *(_modified(directory / each) for each in files[:1]), 0)
            yield Candidate(directory, going.home.name if name == "." else name, changed)
        if depth > 0:  # a run's folders are its own; a root may hold runs and be one
            return
    if depth < going.root.depth:
        for each in folders:
            if each not in own:
                yield from _below(going, each, depth + 1)


def _contents(going: _Search, directory: Path) -> tuple[list[str], list[Path]]:
    """The names of a run's files, the training log first, and the folders that may be looked into."""
    files: list[str] = []
    folders: list[Path] = []
    with scan(directory, going.home) as entries:
        for entry in entries:
            if is_run_file("", entry.name):
                files.append(entry.name)
            elif not entry.name.startswith(".") and entry.is_dir():
                folder = directory / entry.name
                if not entry.is_symlink():
                    folders.append(folder)
                elif leads_outside(folder, going.home):
                    going.outside += 1
                else:
                    folders.append(folder.resolve())  # one run has one id, whichever way it is reached
    return sorted(files, key=lambda name: (name != contract.LOG_NAME, name)), sorted(folders)


def _holds_run_files(directory: Path, within: Path) -> bool:
    try:
        with scan(directory, within) as entries:
            return any(is_run_file(directory.name, entry.name) for entry in entries)
    except OSError:
        return False


def _modified(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:
        return 0


def is_run_file(folder: str, name: str) -> bool:
    """Whether a file of this name, in a run's directory or a folder of it, tells something of a training."""
    return is_documented(name) or is_part(name) or makes_run(folder, name)
