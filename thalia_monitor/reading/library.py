"""The runs a monitor shows, each under an id made here: a request names an id, never a path."""

from __future__ import annotations

import hashlib
from pathlib import Path
from threading import Lock

from thalia_monitor.errors import RunUnreadable, UnknownRun
from thalia_monitor.reading.run import RunReader


def run_id(directory: Path) -> str:
    """Make the id of a directory: the same on every worker and after every restart."""
    return hashlib.blake2s(str(directory).encode("utf-8", "surrogateescape"), digest_size=6).hexdigest()


class Library:
    """The runs that the operator allowed, readers made on first use."""

    def __init__(self, directories: list[Path], *, scheme: str = "documented") -> None:
        self._scheme = scheme
        self._lock = Lock()
        self._readers: dict[str, RunReader] = {}
        for directory in directories:
            self._add(directory.absolute())

    @property
    def ids(self) -> list[str]:
        """The ids of all runs, in the order they were given."""
        return list(self._readers)

    def reader(self, run: str | None = None) -> RunReader:
        """Find a run's reader by its id; without one, the first run's.

        Raises:
            UnknownRun: this library never gave out such an id, or holds no run at all.
        """
        if not self._readers:
            raise UnknownRun(
                "No run is being watched. Start with --checkpoint-dir DIR, or name one in the settings."
            )
        reader = self._readers.get(run) if run else next(iter(self._readers.values()))
        if reader is None:
            raise UnknownRun(f"There is no run {run!r} here. /api/v1/runs lists the ones there are.")
        return reader

    def id_of(self, reader: RunReader) -> str:
        """Tell the id of a reader handed out by this library."""
        return run_id(reader.directory)

    def open(self, directory: Path) -> str:
        """Take in one more directory and return its run id; only for an operator on the same machine.

        Raises:
            RunUnreadable: it is no readable directory.
        """
        resolved = directory.expanduser().absolute()
        if not resolved.is_dir():
            raise RunUnreadable(
                f"{resolved} is not a directory. Give the path of a run's checkpoint directory."
            )
        return self._add(resolved)

    def _add(self, directory: Path) -> str:
        key = run_id(directory)
        with self._lock:
            if key not in self._readers:
                self._readers[key] = RunReader(directory, scheme=self._scheme)
        return key
