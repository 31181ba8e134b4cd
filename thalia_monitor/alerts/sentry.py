"""The watch over every run of a monitor: one thread, which needs no browser; one sender, however many workers."""

from __future__ import annotations

import hashlib
import logging
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Protocol

from filelock import FileLock, Timeout

from thalia_monitor.alerts.delivery import Send, deliver
from thalia_monitor.alerts.journal import Journal, JournalFile
from thalia_monitor.alerts.judgement import judge, judge_unreadable
from thalia_monitor.alerts.plan import Plan
from thalia_monitor.alerts.sending import send
from thalia_monitor.alerts.trouble import harmless
from thalia_monitor.analysis.finding import Finding
from thalia_monitor.analysis.health import DEFAULTS, findings
from thalia_monitor.analysis.summary import summarize
from thalia_monitor.analysis.thresholds import Thresholds
from thalia_monitor.errors import MonitorError, RunUnreadable, SettingsError
from thalia_monitor.state import TrainingState

log: Final = logging.getLogger("thalia_monitor.alerts")
PATIENCE: Final = 30.0
"""Seconds to wait at the end for a letter that is being sent."""


class Watched(Protocol):
    """A run that can be read: a reader, or a library's reader of it."""

    @property
    def directory(self) -> Path:
        """Where it lies."""

    @property
    def name(self) -> str:
        """What it is called."""

    def read(self) -> TrainingState:
        """Read what is new; raises RunUnreadable."""


@dataclass(slots=True)
class Post:
    """The watch over one run: whoever holds its lock looks and sends."""

    reader: Watched
    plan: Plan
    thresholds: Thresholds
    folder: Path
    send: Send
    journal: Journal | None = None
    """None while another process holds the lock."""
    lock: FileLock = field(init=False)
    file: JournalFile = field(init=False)
    examined: tuple[str, list[Finding]] | None = None

    def __post_init__(self) -> None:
        name = hashlib.blake2s(str(self.reader.directory.absolute()).encode(errors="replace")).hexdigest()[
            :16
        ]
        self.lock = FileLock(self.folder / f"{name}.lock", thread_local=False)
        self.file = JournalFile(self.folder / f"{name}.json")

    def holds(self) -> bool:
        """Take the lock if nobody else has it, and read what was remembered."""
        if self.lock.is_locked:
            return True
        try:
            self.lock.acquire(timeout=0)
        except Timeout:
            return False
        self.journal = self.file.read()
        return True

    def look(self, now: float) -> None:
        """Look at the run, send what is due, and remember it before anything else can happen."""
        if not self.holds() or self.journal is None:
            return
        judged = self._judge(self.journal, now)
        if judged != self.journal:
            self._keep(judged)  # first: what was told may be sent again, but is never forgotten
        sent = deliver(self.plan, judged, harmless(self.reader.name), now, self.send)
        if sent != judged:
            self._keep(sent)

    def _judge(self, journal: Journal, now: float) -> Journal:
        try:
            state = self.reader.read()
        except RunUnreadable as error:
            return judge_unreadable(self.plan, str(error), journal, now)
        if self.examined is None or self.examined[0] != state.version:
            self.examined = state.version, findings(state, self.thresholds)
        summary = summarize(state, now, refresh=self.plan.check_seconds, found=self.examined[1])
        return judge(self.plan, summary, journal, now)

    def _keep(self, journal: Journal) -> None:
        self.file.write(journal)
        self.journal = journal

    def leave(self) -> None:
        """Let another process take over."""
        self.journal = None
        self.lock.release()


class Sentry:
    """Watches all runs from a thread of its own until it is stopped."""

    def __init__(
        self,
        plan: Plan,
        readers: Callable[[], Iterable[Watched]],
        folder: Path,
        *,
        thresholds: Thresholds = DEFAULTS,
        send: Send = send,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """Watch the runs of ``readers`` by a plan, remembering in ``folder``, which belongs to that plan alone.

        Raises:
            SettingsError: the folder cannot be made.
        """
        self._plan, self._readers, self._folder = plan, readers, folder
        self._thresholds, self._send, self._clock = thresholds, send, clock
        self.posts: dict[Path, Post] = {}
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="alerts", daemon=True)
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise SettingsError(
                f"Alerts have to be remembered, but {folder} cannot be made ({error.strerror}): "
                "choose another place with --state-dir."
            ) from error

    @property
    def standing(self) -> str:
        """What this process does for alerts: ``watching``, ``standing by`` (another one watches) or ``stopped``."""
        if not self._thread.is_alive():
            return "stopped"
        watching = any(post.journal is not None for post in list(self.posts.values()))
        return "watching" if watching else "standing by"

    def start(self) -> None:
        """Begin to watch."""
        self._thread.start()

    def stop(self) -> None:
        """End the watch, and let another process take over."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(PATIENCE)

    def leave(self) -> None:
        """Let other processes take over."""
        for post in self.posts.values():
            post.leave()

    def round(self) -> None:
        """Look at every run once."""
        for reader in self._readers():
            post = self.posts.get(reader.directory)
            if post is None:
                post = Post(reader, self._plan, self._thresholds, self._folder, self._send)
                self.posts[reader.directory] = post
            try:
                post.look(self._clock())
            except (MonitorError, OSError) as error:  # a full disk must not end the watch over the other runs
                log.error("alerts: %s cannot be watched: %s", harmless(reader.name), error)

    def _watch(self) -> None:
        try:
            while not self._stop.is_set():
                self.round()
                self._stop.wait(self._plan.check_seconds)
        finally:
            self.leave()
