"""A run's directory, read as it grows: the only module that the pages ask for a training state."""

from __future__ import annotations

import hashlib
import os
import stat
import threading
import time
from concurrent.futures import Future
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import cached_property
from operator import or_
from pathlib import Path
from typing import Final

from thalia_monitor import contract
from thalia_monitor.errors import RunUnreadable
from thalia_monitor.model.memo import AppendOnly
from thalia_monitor.model.records import Event, Problem
from thalia_monitor.model.run import TrainingState
from thalia_monitor.reading.files import REFUSED, leads_outside, scan
from thalia_monitor.reading.formats.json_values import END_OF_TIME, configured_by
from thalia_monitor.reading.formats.metadata import MetadataFolder
from thalia_monitor.reading.formats.problems import MOST_KEPT
from thalia_monitor.reading.jsonl.log import TrainingLog
from thalia_monitor.reading.jsonl.parallel import WORTH_IT
from thalia_monitor.reading.merge import Merger, Told
from thalia_monitor.reading.other_files import Look, OtherFormats
from thalia_monitor.reading.rotated import may_be_part

SLOW: Final = 2.0
"""Seconds in which a small log and its other files are read; longer, and what there is of them is shown."""
ALMOST: Final = 0.99
"""The greatest part that is read while something is not: the log is in, other files are not."""


@dataclass(frozen=True)
class Listing:
    """The files of a directory as they are at one moment."""

    log: os.stat_result | None = None
    metadata: dict[str, os.stat_result] = field(default_factory=dict)
    rotated: dict[str, os.stat_result] = field(default_factory=dict)
    """Files beside the log whose names begin as its does."""
    others: Look = field(default_factory=Look)
    outside: tuple[str, ...] = ()
    """Files that are links out of the directory, and therefore not read."""

    @cached_property
    def version(self) -> str:
        """A signature of the files: equal ones mean equal contents."""
        others = self.metadata | self.rotated
        names = sorted(others)
        files = [*(others[name] for name in names), *([self.log] if self.log else [])]
        numbers = [(each.st_mode, each.st_ino, each.st_size, each.st_mtime_ns) for each in files]
        signature = repr((names, numbers, self.others.version, self.outside))
        return hashlib.blake2b(signature.encode(errors="replace"), digest_size=12).hexdigest()

    @property
    def last_update(self) -> datetime | None:
        """When one of the files last changed."""
        logs = [self.log] if self.log else [*self.rotated.values()]
        times = [status.st_mtime for status in (*logs, *self.metadata.values())]
        times += [self.others.modified] if self.others.modified is not None else []
        latest = max(times, default=None)
        return None if latest is None else datetime.fromtimestamp(min(max(latest, 0), END_OF_TIME - 1), UTC)


def list_directory(directory: Path, within: Path | None = None) -> Listing:
    """Take the status of every documented file; raises RunUnreadable where there is no such directory.

    Links that lead out of ``within`` are left out and named.
    """
    log, metadata, outside = None, {}, []
    rotated: dict[str, os.stat_result] = {}
    try:
        with scan(directory, within) as entries:
            for entry in entries:
                name = entry.name
                beside = may_be_part(name)
                documented = name.startswith("metadata_") and name.endswith(".json")
                if not (beside or documented or name == contract.LOG_NAME):
                    continue
                if within and entry.is_symlink() and leads_outside(directory / name, within):
                    outside.append(name)
                elif name == contract.LOG_NAME:
                    log = _status(entry)
                elif status := _status(entry):
                    if not beside:
                        metadata[name] = status
                    elif stat.S_ISREG(status.st_mode):
                        rotated[name] = status
    except FileNotFoundError as error:
        raise RunUnreadable(f"There is no directory {directory}. Check --checkpoint-dir.") from error
    except NotADirectoryError as error:
        raise RunUnreadable(
            f"{directory} is not a directory. Give the run's checkpoint directory."
        ) from error
    except OSError as error:
        raise RunUnreadable(f"{directory} cannot be read: {error.strerror}.") from error
    return Listing(log, metadata, rotated, outside=tuple(sorted(outside)))


def _status(entry: os.DirEntry[str]) -> os.stat_result | None:
    try:
        return entry.stat()
    except OSError:  # gone since it was listed, or a dangling link
        return None


class RunReader:
    """One run's directory; each read costs only what is new in its files."""

    def __init__(
        self,
        directory: Path,
        *,
        scheme: str = "documented",
        index: Path | None = None,
        within: Path | None = None,
    ) -> None:
        self.directory = directory
        self.name = contract.legible(directory.resolve().name or str(directory))
        self._scheme = scheme
        self._reading = threading.Lock()
        self._outcome: Future[TrainingState] = Future()
        """Of the reading under way, or of the last one."""
        self._log = TrainingLog(directory / contract.LOG_NAME, cache=index, within=within)
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
            large = self._log.unread(listing.log) >= WORTH_IT
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
        """Read what is new; only whoever holds the lock does."""
        if self._state is None or self._state.version != listing.version or not self._log.intact:
            if self._log.unread(listing.log) < WORTH_IT:
                self._log.refresh(
                    listing.log, listing.rotated
                )  # first, so that no other file keeps it from being shown
            self._metadata.refresh(listing.metadata)
            self._log.refresh(listing.log, listing.rotated)
            self._others.refresh(self._log.history)
            with self._log.lock:
                self._state = self._assemble(listing, listing.version)
        return self._state

    def _list(self) -> Listing:
        return replace(list_directory(self.directory, self._within), others=self._others.look())

    def _version(self, listing: Listing) -> str:
        unread = self._log.unread(listing.log)
        reading = unread >= WORTH_IT and self._reading.locked()
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
        told = self._merger.merge(
            Told(log.history, log.events, metadata.checkpoints), others.told, others.before
        )
        events = self._events = self._events.next_version(told.events)
        configured = events.extended("criteria", lambda new, _: configured_by(new), or_)
        refused = tuple(Problem(name, None, REFUSED) for name in listing.outside)
        problems = [*refused, *log.problems, *metadata.problems, *others.problems]
        return TrainingState(
            name=self.name,
            version=version,
            checkpoints=told.checkpoints,
            history=told.history,
            events=events,
            criteria={**others.criteria, **configured},
            problems=problems[:MOST_KEPT],
            sources=(*log.sources, *metadata.sources, *others.sources),
            unread=others.unread,
            last_update=listing.last_update,
            scheme=self._scheme,
            total_problems=log.total_problems + len(refused) + len(metadata.problems) + len(others.problems),
            read_fraction=read_fraction,
        )


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
