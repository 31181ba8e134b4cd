"""Watch all runs of a monitor for alerts, in one thread of one process; other workers stand by."""

from __future__ import annotations

import hashlib
import logging
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Protocol

from filelock import FileLock, Timeout
from msgspec.structs import replace

from thalia_monitor.alerts.conditions import (
    CONDITIONS,
    ENDED,
    UNREADABLE,
    Alert,
    active_alerts,
    chat_safe,
    passed_milestones,
    undecided_keys,
    unreadable_alert,
)
from thalia_monitor.alerts.delivery import (
    ChannelCondition,
    ChannelStatus,
    Send,
    Sender,
    outbox_file,
    status,
)
from thalia_monitor.alerts.faults import Faults
from thalia_monitor.alerts.memory import ActiveAlert, Message, RunState, StateFile
from thalia_monitor.alerts.rules import Channel, Plan
from thalia_monitor.alerts.sending import send
from thalia_monitor.analysis.findings import Finding, Thresholds
from thalia_monitor.analysis.formatting import duration
from thalia_monitor.analysis.health import DEFAULTS, findings
from thalia_monitor.analysis.liveness import Status
from thalia_monitor.analysis.summary import Summary, summarize
from thalia_monitor.errors import RunUnreadable, SettingsError
from thalia_monitor.model.run import TrainingState

MOST_WAITING: Final = 200
"""Messages kept of one run until its channels have taken them."""


def advance(plan: Plan, summary: Summary, before: RunState, now: float) -> RunState:
    """Return the run's state after a look, with a message for everything that is new.

    An alert present at the first look at a run that is neither live nor quiet makes no message until the run is.
    """
    alive = summary.liveness.status in {Status.LIVE, Status.QUIET}
    events = tuple(_events(plan, summary, before, now)) if before.seen else ()
    after = _compare(
        plan, before, active_alerts(plan.rules, summary), undecided_keys(summary), now, mute_first=not alive
    )
    stage = summary.state.current_stage
    return replace(
        after,
        seen=before.seen or bool(summary.state.sources),
        stage=before.stage if stage is None else stage,
        passed=before.passed | passed_milestones(summary.state),
        finished=summary.liveness.status in ENDED,
        messages=after.messages + events,
    )


def advance_unreadable(plan: Plan, reason: str, before: RunState, now: float) -> RunState:
    """Return the run's state after a look that failed: the other alerts stay as they were."""
    unjudged = frozenset(before.active) - {UNREADABLE}
    return _compare(plan, before, unreadable_alert(plan.rules, reason), unjudged, now, mute_first=True)


def _compare(
    plan: Plan,
    before: RunState,
    found: Mapping[str, Alert],
    unjudged: frozenset[str],
    now: float,
    *,
    mute_first: bool,
) -> RunState:
    """Compare the alerts found with the active ones; ``unjudged`` ones that are not found stay as they are.

    With ``mute_first``, an alert present at the first look is muted, until a look without ``mute_first``.
    """
    messages = []
    current = {}
    for key, alert in before.active.items():
        if key in unjudged and key not in found:
            current[key] = alert
        elif key not in found and alert.notified:
            text = f"Over after {duration(max(now - alert.since, 0.0))}: {alert.text}"
            messages.append(with_channels(plan, Message(now, alert.severity, text, over=True)))
    # A time in the future was recorded by a wrong clock and must not suppress a message.
    notified_at = {key: at for key, at in before.notified_at.items() if 0 <= now - at < plan.again_after}
    for key, new in found.items():
        alert = before.active.get(key) or ActiveAlert(
            now, new.severity, new.text, muted=mute_first and not before.seen
        )
        muted = alert.muted and mute_first
        worse = alert.notified and alert.severity.rank < new.severity.rank
        if worse or not (alert.notified or muted or key in notified_at):
            messages.append(with_channels(plan, Message(now, new.severity, new.text)))
            notified_at[key] = now
            alert = replace(alert, notified=True, severity=new.severity, text=new.text)
        current[key] = replace(alert, muted=muted)
    return replace(
        before,
        active=current,
        notified_at=notified_at,
        messages=(*before.messages, *messages)[-MOST_WAITING:],
    )


def _events(plan: Plan, summary: Summary, before: RunState, now: float) -> Iterator[Message]:
    for on in dict.fromkeys(rule.on for rule in plan.rules):
        find = CONDITIONS[on].events
        for severity, text in find(before, summary) if find else ():
            yield with_channels(plan, Message(now, severity, text))


def with_channels(plan: Plan, message: Message) -> Message:
    """Return the message with the channels that accept its severity (a recovery has that of its alert)."""
    names = [each.name for each in plan.channels if message.severity.rank >= each.severity.rank]
    return replace(message, channels=tuple(names))


log: Final = logging.getLogger("thalia_monitor.alerts")
PATIENCE: Final = 30.0
"""Seconds to wait at the end for a notification that is being sent."""


class ReadableRun(Protocol):
    """A run that can be read: a reader, or a library's reader of it."""

    @property
    def directory(self) -> Path:
        """Where it lies."""

    @property
    def name(self) -> str:
        """Display name of the run."""

    def read(self) -> TrainingState:
        """Read what is new; raises RunUnreadable."""


@dataclass(slots=True)
class WatchedRun:
    """State of one run between two looks."""

    file: StateFile[RunState]
    state: RunState
    examined: tuple[str, list[Finding]] | None = None
    """The newest version of the run that was examined, and what was found in it."""


@dataclass(slots=True)
class WatchState:
    """State of the watching process (which holds the lock): runs and channel senders."""

    senders: list[Sender]
    runs: dict[Path, WatchedRun] = field(default_factory=dict)


class Watcher:
    """Watches all runs from a thread of its own until it is stopped."""

    def __init__(
        self,
        plan: Plan,
        readers: Callable[[], Iterable[ReadableRun]],
        folder: Path,
        *,
        name: str = "watch",
        thresholds: Thresholds = DEFAULTS,
        send: Send = send,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """Watch the runs of ``readers`` by a plan, remembering in ``folder``, which belongs to that plan alone.

        Only one of the processes with the same folder and ``name`` watches at a time.

        Raises:
            SettingsError: the folder cannot be made.
        """
        self._plan, self._readers, self._folder, self._name = plan, readers, folder, name
        self._thresholds, self._send, self._clock = thresholds, send, clock
        self._watch: WatchState | None = None
        """None while another process holds the lock."""
        self._lock = FileLock(folder / f"{name}.lock", thread_local=False)
        self._faults = Faults("the watch over a run")
        self._round_faults = Faults("a round of the watch")
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="alerts", daemon=True)
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise SettingsError(
                f"Alerts have to be remembered, but {folder} cannot be made ({error.strerror}): "
                "choose another place with --state-dir."
            ) from error

    @property
    def role(self) -> str:
        """What this process does for alerts.

        ``watching``, ``standing by`` (another process watches), ``stuck`` (a channel does not take its
        messages, whichever process watches) or ``stopped``.
        """
        if not self._thread.is_alive():
            return "stopped"
        if any(each.condition is ChannelCondition.STUCK for each in self.channels):
            return "stuck"
        return "watching" if self._watch is not None else "standing by"

    @property
    def channels(self) -> Sequence[ChannelStatus]:
        """How each channel is doing, as the process that watches knows or has written."""
        watch, now = self._watch, self._clock()
        if watch is not None:
            return [each.status for each in watch.senders]
        return [
            status(each.name, outbox_file(self._folder, self._name, each.name).read(), now)
            for each in self._plan.channels
        ]

    def start(self) -> None:
        """Begin to watch."""
        self._thread.start()

    def stop(self) -> None:
        """End the watch, and let another process take over."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(PATIENCE)

    def release_lock(self) -> None:
        """Release the lock, so that another process can watch."""
        self._watch = None
        self._lock.release(force=True)

    def check_runs(self) -> None:
        """Look at every run once, if no other process does; what is found waits in the channels' queues."""
        watch = self._acquire()
        if watch is None:
            return
        begun, seen = time.monotonic(), set()
        for reader in self._readers():
            if self._stop.is_set():
                break
            seen.add(reader.directory)
            with self._faults.of(reader.directory, chat_safe(reader.name)):
                self._look(watch, reader)
            # a round over thousands of runs takes minutes
            if time.monotonic() - begun > self._plan.check_seconds:
                self._wake(watch)
                begun = time.monotonic()
        else:
            for gone in watch.runs.keys() - seen:
                del watch.runs[gone]
                self._faults.cleared(gone)
        self._wake(watch)
        self._faults.report(log)

    def deliver(self) -> None:
        """Send what is due to every channel, in turn; a started watch has threads for that."""
        for sender in self._watch.senders if self._watch else ():
            sender.step()

    def _acquire(self) -> WatchState | None:
        """Take the lock if it is free and load the saved state; None if another process holds it."""
        if self._watch is None:
            try:
                self._lock.acquire(timeout=0)
            except Timeout:
                return None
            senders = [self._sender(channel) for channel in self._plan.channels]
            self._adopt(senders)
            self._watch = WatchState(senders)
            if self._thread.is_alive():
                for sender in self._watch.senders:
                    sender.start()
        return self._watch

    def _sender(self, channel: Channel) -> Sender:
        file = outbox_file(self._folder, self._name, channel.name)
        return Sender(channel, self._plan, file, self._send, self._clock)

    def _adopt(self, senders: Sequence[Sender]) -> None:
        """Send the messages left by watchers that no longer run, such as that of a server of other runs."""
        for name in {path.name.partition(".")[0] for path in self._folder.glob("*.outbox")} - {self._name}:
            lock = FileLock(self._folder / f"{name}.lock", thread_local=False)
            with self._faults.of(name, name), suppress(Timeout), lock.acquire(timeout=0):
                for sender in senders:
                    file = outbox_file(self._folder, name, sender.channel.name)
                    sender.put(file.read().messages)
                    sender.save()
                    file.path.unlink(missing_ok=True)

    def _look(self, watch: WatchState, reader: ReadableRun) -> None:
        """Look at a run, queue messages of what is new, and remember its state.

        The queue is written before the state: a message may be sent twice, but is never lost. If writing fails, the
        state in memory counts, and the next look writes it.
        """
        run = watch.runs.get(reader.directory)
        if run is None:
            file = StateFile(self._folder / f"{_key(reader.directory)}.json", RunState)
            run = watch.runs[reader.directory] = WatchedRun(file, file.read())
        after = self._advance(run, reader)
        run.state = replace(after, messages=())
        messages = [replace(each, run=chat_safe(reader.name)) for each in after.messages]
        if messages:
            _queue(watch, messages)
        run.file.write(run.state)

    def _advance(self, run: WatchedRun, reader: ReadableRun) -> RunState:
        try:
            state = reader.read()
        except RunUnreadable as error:
            return advance_unreadable(self._plan, str(error), run.state, self._clock())
        if run.examined is None or run.examined[0] != state.version:
            run.examined = state.version, findings(state, self._thresholds)
        now = self._clock()
        summary = summarize(state, now, refresh=self._plan.check_seconds, found=run.examined[1])
        return advance(self._plan, summary, run.state, now)

    def _wake(self, watch: WatchState) -> None:
        for sender in watch.senders:
            sender.wake()

    def _run(self) -> None:
        try:
            while not self._stop.is_set():
                with self._round_faults.of("round"):
                    self.check_runs()
                self._round_faults.report(log)
                self._stop.wait(self._plan.check_seconds)
        finally:
            senders = self._watch.senders if self._watch else []
            for sender in senders:
                sender.stop()
            end = time.monotonic() + PATIENCE
            for sender in senders:
                sender.join(max(end - time.monotonic(), 0.0))
            self.release_lock()


def _queue(watch: WatchState, messages: Sequence[Message]) -> None:
    """Give each channel its messages, and keep them on disk."""
    for sender in watch.senders:
        sender.put([each for each in messages if sender.channel.name in each.channels])
    for sender in watch.senders:
        sender.save()


def _key(directory: Path) -> str:
    return hashlib.blake2s(str(directory.absolute()).encode(errors="replace")).hexdigest()[:16]
