"""The runs a monitor shows, each under an id made here: a request names an id, never a path.

Directories below the searched roots are cached, and searched again in the background when runs are listed.
"""

from __future__ import annotations

import hashlib
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

from thalia_monitor.contract import legible
from thalia_monitor.errors import MonitorError, RunUnreadable, UnknownRun
from thalia_monitor.reading.listing import Summary, summarize
from thalia_monitor.reading.run_reader import RunReader, TimedReader
from thalia_monitor.reading.run_search import Found, Root, search
from thalia_monitor.reading.timeouts import run_together

if TYPE_CHECKING:
    from thalia_monitor.kept import RunNotes
    from thalia_monitor.model.run import TrainingState

LOOK_AGAIN: Final = 5.0
"""Seconds between two searches, and ten times what a search takes if that is longer."""
AT_ONCE: Final = 1.0
"""Seconds before an unknown run id triggers another search."""
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


class SearchedRoot:
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


def newest_first(roots: Iterable[SearchedRoot]) -> list[Entry]:
    """The runs below all roots, each once."""
    every = {entry.id: entry for root in roots for entry in root.entries()}
    return sorted(every.values(), key=lambda each: (each.gone, -each.changed, each.name))


ALIVE: Final = 7 * 24 * 3600.0
"""Seconds since its last change after which nobody has to be alarmed about a run below a root."""
MOST_READERS: Final = 32
"""Runs whose histories are held in memory at once; the one not looked at for longest makes room."""


@dataclass(frozen=True, slots=True)
class Watched:
    """One of a library's runs, to be read without a viewer."""

    library: Library
    entry: Entry

    @property
    def directory(self) -> Path:
        """Where it lies."""
        return self.entry.directory

    @property
    def name(self) -> str:
        """What it is called."""
        return self.entry.name

    def read(self) -> TrainingState:
        """Read what is new; raises as :meth:`Library.read`."""
        return self.library.read(self.entry.id)


class Library:
    """The runs that the operator allowed: directories named outright, and what is found below the roots."""

    def __init__(
        self,
        directories: Iterable[Path],
        roots: Sequence[Root] = (),
        *,
        scheme: str = "documented",
        cache: Path | None = None,
        follow_links: bool = False,
        most_readers: int = MOST_READERS,
        notes: Callable[[str], RunNotes] | None = None,
    ) -> None:
        self._notes_of = notes
        self._scheme = scheme
        self._cache = cache
        self._follow_links = follow_links
        self._most_readers = most_readers
        self._lock = threading.Lock()
        self._named = [_entry(directory.absolute()) for directory in directories]
        self._searched_roots = [SearchedRoot(root) for root in roots]
        self._timed_readers: dict[str, TimedReader] = {}
        self._held: OrderedDict[str, TimedReader] = OrderedDict()
        """The readers with something in memory, the one used last at the end."""
        self._summarized: dict[str, tuple[float, Summary]] = {}
        """The last summary of a run, and when the run had changed by then."""

    @property
    def several(self) -> bool:
        """Whether there may be more than one run to choose from."""
        return len(self._named) > 1 or bool(self._searched_roots)

    @property
    def held(self) -> int:
        """How many runs' histories are in memory."""
        return sum(each.holding for each in list(self._held.values()))

    @property
    def notes(self) -> tuple[str, ...]:
        """What the search below the roots left out or could not read."""
        return tuple(legible(note) for searched in self._searched_roots for note in searched.notes)

    def entries(self) -> list[Entry]:
        """Every run there is: those named outright in their order, then those found, the newest first."""
        named = {each.id for each in self._named}
        return [*self._named, *(each for each in newest_first(self._searched_roots) if each.id not in named)]

    def alive(self) -> list[Watched]:
        """The runs to keep an eye on: those named outright, and those found that have changed this week."""
        since = time.time() - ALIVE
        named = {each.id for each in self._named}
        return [
            Watched(self, each)
            for each in self.entries()
            if each.id in named or (each.changed > since and not each.gone)
        ]

    def entry(self, run: str | None = None) -> Entry:
        """Find a run by its id; without one, the first.

        Raises:
            UnknownRun: this library never gave out such an id, or holds no run at all.
        """
        if run is None:
            first = next((each for each in self.entries() if not each.gone), None)
            if first is None:
                raise UnknownRun(self._none())
            return first
        known = [each for each in self._named if each.id == run]
        known += [found for searched in self._searched_roots if not known and (found := searched.entry(run))]
        if not known:
            raise UnknownRun(
                f"There is no run {run[:40]!r} here: it was removed, or the address is another monitor's. "
                "Choose another one from the list of runs (/api/v1/runs)."
            )
        return known[0]

    def read(self, run: str, *, patience: float | None = None) -> TrainingState:
        """Read what is new of a run.

        Raises:
            UnknownRun: there is no such run.
            RunUnreadable: its directory is not there, cannot be read, or does not answer.
        """
        reader = self._timed_reader(self.entry(run))
        try:
            return reader.read(patience)
        finally:
            self._hold(run, reader)

    def watch(self, run: str) -> Callable[[], Future[str]]:
        """What takes a run's version each time it is called, without reading; the future may fail, or never finish.

        Raises:
            UnknownRun: there is no such run.
        """
        return self._timed_reader(self.entry(run)).ask_version

    def summaries(self, runs: Sequence[str], *, limit: float = 1.0) -> list[Summary | str]:
        """Sum several runs up at once; where that fails, or takes longer than ``limit`` seconds, the reason why."""
        readers = [self._timed_reader(self.entry(run)) for run in runs]
        calls = [reader.summary_call() for reader in readers]
        run_together(calls, limit)
        for run, reader in zip(runs, readers, strict=True):
            if reader.holding:
                self._hold(run, reader)
        return [_outcome(each.result) for each in calls]

    def known_summaries(self, entries: Sequence[Entry], *, limit: float = 5.0) -> list[Summary | str]:
        """Sum several runs up as of the last search: only what has changed since the last summary is read."""
        unread = [
            each
            for each in entries
            if self._summarized.get(each.id, (None,))[0] != each.changed or not each.changed
        ]
        read = dict(
            zip(
                (each.id for each in unread),
                self.summaries([each.id for each in unread], limit=limit),
                strict=True,
            )
        )
        for each in unread:
            if isinstance(summary := read[each.id], Summary):
                self._summarized[each.id] = each.changed, summary
        return [read[each.id] if each.id in read else self._summarized[each.id][1] for each in entries]

    def versions(self, runs: Sequence[str], *, limit: float = 1.0) -> list[str | None]:
        """Take the version of several runs' files at once, reading none; None where that fails or takes long."""
        calls = [self._timed_reader(self.entry(run)).version_call() for run in runs]
        run_together(calls, limit)
        return [_version(each.result) for each in calls]

    def add(self, directory: Path) -> str:
        """Take in one more directory and return its run id; only for an operator on the same machine.

        Raises:
            RunUnreadable: it is no readable directory.
        """
        try:
            resolved = directory.expanduser().absolute()
            usable = resolved.is_dir()
        except (OSError, RuntimeError, ValueError) as error:  # too long, no such home, a NUL
            raise RunUnreadable(f"That cannot be the path of a directory: {error}.") from None
        if not usable:
            raise RunUnreadable(
                f"{str(resolved)[:300]} is not a directory. Give the path of a run's checkpoint directory."
            )
        new = _entry(resolved)
        with self._lock:
            if new not in self._named:
                self._named.append(new)
        return new.id

    def _none(self) -> str:
        if self._searched_roots:
            where = ", ".join(str(searched.root.directory) for searched in self._searched_roots)
            said = f"No run was found below {where} yet. It is searched again every few seconds."
            return " ".join([said, *self.notes])
        return "No run is being watched. Start with --checkpoint-dir DIR, or name one in the settings."

    def _timed_reader(self, entry: Entry) -> TimedReader:
        with self._lock:
            if entry.id not in self._timed_readers:
                self._timed_readers[entry.id] = self._new_timed_reader(entry)
            return self._timed_readers[entry.id]

    def _new_timed_reader(self, entry: Entry) -> TimedReader:
        within = None if self._follow_links else entry.home or entry.directory

        def make(directory: Path) -> RunReader:
            return RunReader(directory, scheme=self._scheme, cache=self._cache, within=within)

        notes = self._notes_of(entry.id) if self._notes_of else None
        return TimedReader(entry.directory, make, partial(summarize, within=within), notes=notes)

    def _hold(self, run: str, reader: TimedReader) -> None:
        with self._lock:
            self._held[run] = reader
            self._held.move_to_end(run)
            spare = [key for key, each in self._held.items() if not each.busy]
            for key in spare[: max(len(self._held) - self._most_readers, 0)]:
                self._held.pop(key).forget()


def _version(asked: Future[str]) -> str | None:
    error = asked.exception() if asked.done() else None
    if error is not None and not isinstance(error, MonitorError):
        raise error
    return asked.result() if asked.done() and error is None else None


def _outcome(asked: Future[Summary]) -> Summary | str:
    if not asked.done():
        return "does not answer"
    error = asked.exception()
    if error is None:
        return asked.result()
    if isinstance(error, MonitorError):
        return str(error)
    raise error


def _entry(directory: Path) -> Entry:
    return Entry(run_id(directory), directory.name or str(directory), directory)
