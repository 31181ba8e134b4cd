"""What every part of the web half works with: settings, runs, cache. It hangs on the Flask app under one key."""

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
from thalia_monitor.web.cache import ANYTHING, FigureCache
from thalia_monitor.web.live.shared_answers import ReadState, RunStateCache, SharedAnswers
from thalia_monitor.web.server.auth import is_local

if TYPE_CHECKING:
    from thalia_monitor.analysis.findings import Finding, Thresholds
    from thalia_monitor.model.run import TrainingState
    from thalia_monitor.reading.library import Library

KEY: Final = "thalia_monitor"
PATIENCE: Final = 0.25
"""Seconds a request waits for a log that is still being read in before it shows the part that is there."""
PROGRAM_PATIENCE: Final = 2.0
"""Seconds a program's request waits for it before it is refused: a part would be a wrong answer."""
LOCKS: Final = 64
"""Different things are computed at the same time, the same thing once; few keys happen to share a lock."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Monitor:
    """One monitor: its settings, the runs it shows, and the cache of what was computed from them."""

    settings: Settings
    library: Library
    cache: FigureCache
    thresholds: Thresholds = DEFAULTS
    run_states: RunStateCache = field(default_factory=RunStateCache)
    answers: SharedAnswers = field(default_factory=SharedAnswers)
    _computing: tuple[Lock, ...] = field(default_factory=lambda: tuple(Lock() for _ in range(LOCKS)))

    def state(self, run: str | None = None, patience: float = PATIENCE) -> TrainingState:
        """Read a run as it is now; costs a few ``stat`` calls when nothing has changed.

        Raises:
            MonitorError: the run is unknown, or its directory cannot be read.
        """
        return self.library.read(self.library.entry(run).id, patience=patience)

    def whole_state(self, run: str) -> TrainingState:
        """Read a run for a program, to which the part that is there would look like all of it.

        Raises:
            MonitorError: as for :meth:`state`; or the run is still being read, after some waiting.
        """
        state = self.state(run, PROGRAM_PATIENCE)
        if state.read_fraction < 1:
            raise StillReading(state.read_fraction)
        return state

    def latest(self, run: str, known: Mapping[str, Any] | None) -> ReadState:
        """Return the state that a page is to show next; within a second the same for all viewers who lack it.

        ``known`` is the ``version`` and ``read`` on the page, None if there is none (:class:`RunStateCache`).

        Raises:
            MonitorError: as for :meth:`state`.
        """
        return self.run_states.latest(run, lambda: self.state(run), known)

    def shown(self, run: str, known: Mapping[str, Any]) -> TrainingState:
        """The state at the ``version`` that a page shows, or a newer one.

        Raises:
            MonitorError: as for :meth:`state`.
        """
        return self.run_states.state_at_version(run, lambda: self.state(run), known)

    @property
    def open_to_typing(self) -> bool:
        """Whether a viewer of the current request may name a directory: the operator at this machine, nobody else."""
        if self.settings.root or not self.settings.loopback or not has_request_context():
            return False
        return is_local(request)

    def open(self, typed: str) -> str:
        """Take in a directory that a viewer typed, and return its run id.

        Raises:
            MonitorError: it was not typed at this machine, a root was given, or it is no readable directory.
        """
        if not self.open_to_typing:
            raise BadParameter(
                "Directories can be opened only on the machine that the monitor runs on, and not with --root."
            )
        return self.library.add(Path(typed))

    def finished(
        self,
        state: TrainingState,
        run: str,
        what: str,
        compute: Callable[[], T],
        kind: type[T] = ANYTHING,
    ) -> T:
        """Compute something of a kind once for all viewers of a run at one version."""
        if state.read_fraction < 1:  # a worker that has read further would draw more
            return compute()
        key = f"{run}:{state.version}:{what}"
        found = self.cache.get(key, kind)
        if found is None:
            with self._computing[hash(key) % LOCKS]:  # the first of many computes, the others find it done
                found = self.cache.get(key, kind)
                if found is None:
                    found = compute()
                    self.cache.set(key, found)
        return found

    def examine(self, state: TrainingState) -> list[Finding]:
        """Find what is wrong with a run by this monitor's thresholds."""
        return findings(state, self.thresholds)

    def known(self, version: str, what: str, kind: type[T]) -> T | None:
        """What was computed for an earlier version, if it is still kept; ``version`` is ``run:version``."""
        return self.cache.get(f"{version}:{what}", kind)


def install(server: Flask, monitor: Monitor) -> None:
    """Hang the monitor on its Flask app."""
    server.extensions[KEY] = monitor


def monitor() -> Monitor:
    """The monitor of the app that is answering the current request."""
    return cast(Monitor, current_app.extensions[KEY])
