"""The monitor of a Flask app: its settings, the runs it shows, and what is cached of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any, Final, TypeVar, cast

from flask import Flask, current_app, has_request_context, request

from thalia_monitor.analysis.health import DEFAULTS, findings
from thalia_monitor.errors import BadParameter, StillReading
from thalia_monitor.settings import Settings
from thalia_monitor.web.cache import ANY_TYPE, ResultCache
from thalia_monitor.web.live.shared_answers import ReadState, RunStateCache, SharedAnswers
from thalia_monitor.web.server.auth import is_local

if TYPE_CHECKING:
    from thalia_monitor.analysis.findings import Finding, Thresholds
    from thalia_monitor.model.run import TrainingState
    from thalia_monitor.reading.library import Library

KEY: Final = "thalia_monitor"
PAGE_WAIT: Final = 0.25
"""Seconds that a page waits for a log that is still being read, before it shows the part that has been read."""
API_WAIT: Final = 2.0
"""Seconds that an API request waits for it, before it is refused: the part would be a wrong answer."""
LOCK_STRIPES: Final = 64
"""Locks that the keys of results are spread over, so that a process computes each result once."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Monitor:
    """Settings, runs and caches of one app; :func:`monitor` returns that of the current request."""

    settings: Settings
    library: Library
    cache: ResultCache
    thresholds: Thresholds = DEFAULTS
    run_states: RunStateCache = field(default_factory=RunStateCache)
    answers: SharedAnswers = field(default_factory=SharedAnswers)
    _computing: tuple[Lock, ...] = field(default_factory=lambda: tuple(Lock() for _ in range(LOCK_STRIPES)))

    def state(self, run: str | None = None, patience: float = PAGE_WAIT) -> TrainingState:
        """Read a run as it is now (None: the first run); costs a few ``stat`` calls when nothing has changed.

        Raises:
            MonitorError: the run is unknown, or its directory cannot be read.
        """
        return self.library.read(self.library.entry(run).id, patience=patience)

    def whole_state(self, run: str) -> TrainingState:
        """Read a run to its end, for a program: it would take the part that has been read for all of it.

        Raises:
            MonitorError: as for :meth:`state`; or the run is still being read, after some waiting.
        """
        state = self.state(run, API_WAIT)
        if state.read_fraction < 1:
            raise StillReading(state.read_fraction)
        return state

    def next_state(self, run: str, known: Mapping[str, Any] | None) -> ReadState:
        """Return the state that a page is to show next; within a second the same for all viewers who lack it.

        ``known`` is the ``version`` and ``read`` on the page, None if there is none (:class:`RunStateCache`).

        Raises:
            MonitorError: as for :meth:`state`.
        """
        return self.run_states.next_state(run, lambda: self.state(run), known)

    def state_at_version(self, run: str, known: Mapping[str, Any]) -> TrainingState:
        """Return the state at the ``version`` that a page shows, or a newer one.

        Raises:
            MonitorError: as for :meth:`state`.
        """
        return self.run_states.state_at_version(run, lambda: self.state(run), known)

    @property
    def may_add_directory(self) -> bool:
        """Whether the viewer of the current request may add a directory: only the operator at this machine may."""
        if self.settings.root or not self.settings.loopback or not has_request_context():
            return False
        return is_local(request)

    def add_directory(self, typed: str) -> str:
        """Add the directory that a viewer has typed to the runs, and return its run id.

        Raises:
            MonitorError: the viewer is not at this machine, a root was given, or the directory cannot be read.
        """
        if not self.may_add_directory:
            raise BadParameter(
                "Directories can be opened only on the machine that the monitor runs on, and not with --root."
            )
        return self.library.add(Path(typed))

    def cached_or_computed(
        self,
        state: TrainingState,
        run: str,
        what: str,
        compute: Callable[[], T],
        expected: type[T] = ANY_TYPE,
    ) -> T:
        """Return a cached result of the run's version, or compute and cache it.

        Nothing is cached while the run is still being read.
        """
        if state.read_fraction < 1:  # a worker that has read further would draw more
            return compute()
        key = f"{run}:{state.version}:{what}"
        found = self.cache.get(key, expected)
        if found is None:
            # The first of many computes, and the others find it done.
            with self._computing[hash(key) % LOCK_STRIPES]:
                found = self.cache.get(key, expected)
                if found is None:
                    found = compute()
                    self.cache.set(key, found)
        return found

    def examine(self, state: TrainingState) -> list[Finding]:
        """Find what is wrong with a run by this monitor's thresholds."""
        return findings(state, self.thresholds)

    def cached(self, run_version: str, what: str, expected: type[T]) -> T | None:
        """Return the cached result of an earlier version, ``run:version``; None if it is no longer there."""
        return self.cache.get(f"{run_version}:{what}", expected)


def install(server: Flask, monitor: Monitor) -> None:
    """Give a Flask app its monitor."""
    server.extensions[KEY] = monitor


def monitor() -> Monitor:
    """Return the monitor of the app that answers the current request."""
    return cast(Monitor, current_app.extensions[KEY])
