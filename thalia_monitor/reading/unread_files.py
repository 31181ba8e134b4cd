"""Files that are there and are not read: named for the reader, so that nothing is passed over in silence."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path, PurePath
from typing import Final

from thalia_monitor.model.records import Source
from thalia_monitor.reading.files import scan

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
                waiting += [(f"{folder}{name}/", depth + 1) for name in folders]

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
