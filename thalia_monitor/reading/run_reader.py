"""A run's directory, read as it grows, with or without a time limit."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import replace
from operator import or_
from pathlib import Path
from typing import TYPE_CHECKING, Final

from thalia_monitor import contract
from thalia_monitor.errors import RunUnreadable
from thalia_monitor.model.memo import AppendOnly
from thalia_monitor.model.records import Event, Problem
from thalia_monitor.model.run import TrainingState
from thalia_monitor.reading.files import REFUSED
from thalia_monitor.reading.formats.json_values import configured_by
from thalia_monitor.reading.formats.metadata import MetadataFolder
from thalia_monitor.reading.formats.problems import MOST_KEPT
from thalia_monitor.reading.jsonl.parallel import MIN_PARALLEL_BYTES
from thalia_monitor.reading.listing import Listing, Summary, list_directory
from thalia_monitor.reading.merge import Merger
from thalia_monitor.reading.other_files import OtherFormats
from thalia_monitor.reading.recording import RunParts
from thalia_monitor.reading.timeouts import LONGEST_WAIT, Call, TimedCalls
from thalia_monitor.reading.training_log import TrainingLog

if TYPE_CHECKING:
    from thalia_monitor.kept import RunNotes

SLOW: Final = 2.0
"""Seconds in which a small log and its other files are read; longer, and what there is of them is shown."""
ALMOST: Final = 0.99
"""The greatest part that is read while something is not: the log is in, other files are not."""


class RunReader:
    """One run's directory; each read costs only what is new in its files."""

    def __init__(
        self,
        directory: Path,
        *,
        scheme: str = "documented",
        cache: Path | None = None,
        within: Path | None = None,
    ) -> None:
        self.directory = directory
        self.name = contract.legible(directory.resolve().name or str(directory))
        self._scheme = scheme
        self._reading = threading.Lock()
        self._outcome: Future[TrainingState] = Future()
        """Of the reading under way, or of the last one."""
        self._log = TrainingLog(directory / contract.LOG_NAME, cache=cache, within=within)
        self._metadata = MetadataFolder(directory, within)
        self._others = OtherFormats(directory, within)
        self._within = within
        """No link that leads out of this directory is followed; None follows any."""
        self._merger = Merger()
        self._state: TrainingState | None = None
        self._events: AppendOnly[Event] = AppendOnly()
        self._partial = TrainingState(name=self.name)

    @property
    def bytes_read(self) -> int:
        """Bytes of file content read so far."""
        return self._log.bytes_read + self._metadata.bytes_read

    def version(self) -> str:
        """Sign the files by their status alone; raises RunUnreadable where there is no directory to list.

        While a large log is being read in, the version changes with the progress.
        """
        return self._version(self._list())

    def read(self, *, patience: float | None = None) -> TrainingState:
        """Take in what is new; the very same state as before while no file has changed.

        Safe from several threads: one reads, the others wait for it. With patience, a thread of its own reads, and
        what takes long (a large log, or many or dear other files) is not waited for: the state is given as far as
        it is read, for a large log after so many seconds. Raises RunUnreadable.
        """
        listing = self._list()
        state = self._state
        if state is not None and state.version == listing.version and self._log.intact:
            return state
        if patience is not None:
            large = self._log.unread(listing.log) >= MIN_PARALLEL_BYTES
            return self._read_aside(listing, patience if large else max(patience, SLOW))
        if self._reading.acquire(blocking=False):
            outcome = self._begin()
            self._read_and_release(listing, outcome)
            return outcome.result()
        with self._reading:  # the files may have changed while another thread was reading
            return self._read(self._list())

    def _read_aside(self, listing: Listing, patience: float) -> TrainingState:
        """Read in another thread, or wait for the one that does; after so many seconds, give what there is."""
        until = time.monotonic() + patience
        while True:
            if own := self._reading.acquire(blocking=False):
                begun = self._begin()
                threading.Thread(target=self._read_and_release, args=(listing, begun), daemon=True).start()
            outcome = self._outcome
            try:
                state = outcome.result(max(until - time.monotonic(), 0))
            except TimeoutError:
                if outcome.done():  # the files' own time-out
                    raise
                return self._so_far(listing)
            if own or (state.version == listing.version and self._log.intact):
                return state
            time.sleep(0.001)  # what was read is older than this listing, or another thread is about to read

    def _begin(self) -> Future[TrainingState]:
        self._outcome = Future()
        return self._outcome

    def _read_and_release(self, listing: Listing, outcome: Future[TrainingState]) -> None:
        try:
            outcome.set_result(self._read(listing))
        except BaseException as error:  # noqa: BLE001 - it is raised where the outcome is waited for
            outcome.set_exception(error)
        finally:
            self._reading.release()

    def _read(self, listing: Listing) -> TrainingState:
        """Read what is new; the caller holds the lock."""
        if not self._log.intact:
            with self._log.lock:
                self._state = None  # its columns are in a file that was cut
        if self._state is None or self._state.version != listing.version:
            if self._log.unread(listing.log) < MIN_PARALLEL_BYTES:
                self._log.refresh(
                    listing.log, listing.rotated
                )  # first, so that no other file keeps it from being shown
            self._metadata.refresh(listing.metadata)
            self._log.refresh(listing.log, listing.rotated)
            self._others.refresh(self._log.first_time)
            self._log.place_after(self._others.earlier)
            with self._log.lock:
                self._state = self._assemble(listing, listing.version)
                # The columns of the partial one are in memory that nobody else shares.
                self._partial = TrainingState(name=self.name)
        return self._state

    def _list(self) -> Listing:
        return replace(list_directory(self.directory, self._within), others=self._others.look())

    def _version(self, listing: Listing) -> str:
        unread = self._log.unread(listing.log)
        reading = unread >= MIN_PARALLEL_BYTES and self._reading.locked()
        return f"{listing.version}+{unread:x}" if reading else listing.version

    def _so_far(self, listing: Listing) -> TrainingState:
        """The state as far as another thread has read it; the very same while that has not come further."""
        with self._log.lock:
            state = self._state
            if state is not None and (state.version == listing.version or not self._reading.locked()):
                return state
            version = f"{listing.version}+{self._log.unread(listing.log):x}"
            if self._partial.version != version:
                size = self._log.size(listing.log)
                fraction = min(1 - self._log.unread(listing.log) / max(size, 1), ALMOST)
                self._partial = self._assemble(listing, version, fraction)
            return self._partial

    def _assemble(self, listing: Listing, version: str, read_fraction: float = 1.0) -> TrainingState:
        log, metadata, others = self._log, self._metadata, self._others
        parts = self._merger.merge(
            RunParts(log.history, log.events, metadata.checkpoints, kinds=log.event_kinds), others.parts
        )
        events = self._events = self._events.next_version(parts.events)
        configured = events.extended("criteria", lambda new, _: configured_by(new), or_)
        refused = tuple(Problem(name, None, REFUSED) for name in listing.outside)
        problems = [*refused, *log.problems, *metadata.problems, *others.problems]
        return TrainingState(
            name=self.name,
            version=version,
            checkpoints=parts.checkpoints,
            history=parts.history,
            events=events,
            criteria={**others.criteria, **configured},
            problems=problems[:MOST_KEPT],
            sources=(*log.sources, *metadata.sources, *others.sources),
            unread=others.unread,
            saved_files=(*metadata.files, *others.files),
            spike_files=others.spikes,
            last_update=listing.last_update,
            scheme=self._scheme,
            total_problems=log.total_problems + len(refused) + len(metadata.problems) + len(others.problems),
            read_fraction=read_fraction,
        )


class TimedReader:
    """Reader of one run whose calls give up after a time limit.

    Each call runs in a thread of its own, so that a file system that hangs delays only its own run.
    """

    def __init__(
        self,
        directory: Path,
        make: Callable[[Path], RunReader],
        summarize: Callable[[Path], Summary],
        *,
        limit: float = LONGEST_WAIT,
        notes: RunNotes | None = None,
    ) -> None:
        self.directory = directory
        self._notes = notes
        self._make = make
        self._summarize = summarize
        self._limit = limit
        self._calls = TimedCalls(directory, limit)
        self._making = threading.Lock()
        self._reader: RunReader | None = None
        self._looker: RunReader | None = None
        """Takes the version while there is no reader: it reads nothing, and making one costs half a look."""

    @property
    def holding(self) -> bool:
        """Whether a reader, and with it the run's data, is in memory."""
        return self._reader is not None

    @property
    def busy(self) -> bool:
        """Whether a read has not finished."""
        return self._calls.busy

    def read(self, patience: float | None = None) -> TrainingState:
        """Read what is new (see :meth:`RunReader.read`); raises RunUnreadable, also when nothing answers."""
        limit = self._limit + (patience or 0)
        return self._calls.result(lambda: self._read(patience), limit)

    def summary_call(self) -> Call[Summary]:
        """What reads the run's stage and step; it may fail with RunUnreadable, or never finish."""
        return self._calls.prepare(self._sum_up, self._limit)

    def version_call(self) -> Call[str]:
        """What takes the version of the run's files, as :meth:`ask_version` does."""
        return self._calls.prepare(self._version, self._limit)

    def ask_version(self) -> Future[str]:
        """Start taking the version of the run's files, from their status alone; it may fail as a reading may."""
        return self._calls.ask(self._version, self._limit)

    def forget(self) -> None:
        """Drop everything in memory; the next read starts from the beginning of the files."""
        self._reader = None

    def _sum_up(self) -> Summary:
        found = self._summarize(self.directory)
        if found.stage is not None or found.step is not None:
            return found
        state = self._read(0.0)  # a run in other formats: only its reader knows
        return Summary(state.current_stage, state.current_step if state.sources else None, state.last_update)

    def _version(self) -> str:
        looker = self._reader or self._looker
        if looker is None:
            looker = self._looker = self._make(self.directory)
        version = looker.version()
        return self._notes.versioned(version) if self._notes else version

    def _read(self, patience: float | None) -> TrainingState:
        with self._making:
            if self._reader is None:
                self._reader = self._make(self.directory)
            reader = self._reader
        state = reader.read(patience=patience)
        return self._notes.onto(state) if self._notes else state


def load_training_state(
    checkpoint_dir: str | os.PathLike[str], *, scheme: str = "documented"
) -> TrainingState:
    """Read a run's directory once, whole; never raises for what is, or is not, there.

    An empty directory gives an empty state, and so does one that is missing or cannot be read: with a problem that
    names it.
    """
    directory = Path(checkpoint_dir)
    try:
        return RunReader(directory, scheme=scheme).read()
    except RunUnreadable as error:
        problem = Problem(str(directory), None, str(error))
        return TrainingState(directory.name, problems=[problem], total_problems=1, scheme=scheme)
