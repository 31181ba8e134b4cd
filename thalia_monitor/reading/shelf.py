"""What the searches below the roots brought up: kept, and looked for again in the background when it is asked for."""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from thalia_monitor.contract import legible
from thalia_monitor.reading.roots import Found, Root, search

LOOK_AGAIN: Final = 5.0
"""Seconds between two searches, and ten times what a search takes if that is longer."""
AT_ONCE: Final = 1.0
"""Seconds before a run that is asked for but not known is looked for anew."""
WAIT: Final = 2.0
"""Seconds a question waits for a search; what takes longer is there at one of the next questions."""
MOST_GONE: Final = 200


@dataclass(frozen=True, slots=True)
class Entry:
    """One run that can be chosen."""

    id: str
    name: str
    directory: Path
    changed: float = 0.0
    """Unix seconds, as of the last search; 0 for a directory that was named outright."""
    home: Path | None = None
    """The root it was found below, its own links followed; None for a directory that was named outright."""
    gone: bool = False
    """Whether it was found once and is not there any more."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "name", legible(self.name))

    @property
    def place(self) -> str:
        """Its directory, as a page can show it."""
        return legible(str(self.directory))


def run_id(directory: Path) -> str:
    """Make the id of a directory: the same on every worker and after every restart."""
    return hashlib.blake2s(str(directory).encode("utf-8", "surrogateescape"), digest_size=6).hexdigest()


class Shelf:
    """The runs below one root."""

    def __init__(self, root: Root, look: Callable[[Root], Found] = search) -> None:
        self.root = root
        self._look = look
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._begun = self._ended = 0.0
        self._entries: dict[str, Entry] = {}
        self._notes: tuple[str, ...] = ()

    @property
    def notes(self) -> tuple[str, ...]:
        """What could not be searched, in words for the reader."""
        thread, waited = self._thread, time.monotonic() - self._begun
        if thread is not None and thread.is_alive() and waited > WAIT:
            slow = f"{self.root.directory} has been searched for {waited:.0f} s and is not done."
            return (*self._notes, slow)
        return self._notes

    def entries(self) -> list[Entry]:
        """The runs found last, the newest first, those that are gone at the end."""
        self._search(older_than=max(LOOK_AGAIN, 10 * (self._ended - self._begun)), wait=not self._ended)
        return list(self._entries.values())

    def entry(self, run: str) -> Entry | None:
        """Find a run by its id; one that is not known is looked for first: it may be new."""
        if run not in self._entries:
            self._search(older_than=AT_ONCE, wait=True)
        else:
            self.entries()
        return self._entries.get(run)

    def _search(self, *, older_than: float, wait: bool) -> None:
        with self._lock:
            thread = self._thread
            if thread is None or not thread.is_alive():
                if self._ended and time.monotonic() - self._ended < older_than:
                    return
                self._begun = time.monotonic()
                thread = threading.Thread(target=self._run, daemon=True, name=f"search {self.root.directory}")
                self._thread = thread
                thread.start()
        if wait:
            thread.join(WAIT)

    def _run(self) -> None:
        found = self._look(self.root)
        now = {
            key: Entry(key, each.name, each.directory, each.changed, found.home)
            for each in sorted(found.runs, key=lambda each: (-each.changed, each.name))
            for key in (run_id(each.directory),)
        }
        if found.complete:
            before = self._entries.items()
            gone = {key: replace(each, gone=True) for key, each in before if key not in now}
            self._entries = now | dict(list(gone.items())[:MOST_GONE])
        self._notes = found.notes
        self._ended = time.monotonic()


def newest_first(shelves: Iterable[Shelf]) -> list[Entry]:
    """The runs on all shelves, each once."""
    every = {entry.id: entry for shelf in shelves for entry in shelf.entries()}
    return sorted(every.values(), key=lambda each: (each.gone, -each.changed, each.name))
