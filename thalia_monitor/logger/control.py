"""Parameters and commands that a running training offers, changed through files in its ``control`` folder.

A request is *claimed* by removing its file, and only then answered: it is applied at most once, even if a process
crashes in between or several look at once. Each process writes a *session* id with what it declares: a request made
for another session is refused, even if its file reappears because its removal was lost.
"""

from __future__ import annotations

import math
import os
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from thalia_monitor import contract, control_folder
from thalia_monitor.logger import text_log
from thalia_monitor.logger.files import Guard, WriteErrors
from thalia_monitor.logger.json_values import plain, whole_step
from thalia_monitor.model.control_request import (
    APPLIED,
    COMMAND,
    FAILED,
    KNOWN_COMMANDS,
    LONGEST_WORDS,
    MOST_DECLARED,
    PAUSE,
    REFUSED,
    RESUME,
    Parameter,
    Request,
    Unacceptable,
    declared,
    is_same,
    parse_request,
    shown,
)

if TYPE_CHECKING:
    import logging

    from thalia_monitor.logger.recorder import Recorder

INTERVAL: Final = 0.2
"""Seconds between two looks at the folder."""
MTIME_RESOLUTION: Final = 2.0
"""Age in seconds from which the folder's mtime shows every later change: some disks round it to 2 s."""
FORCED_LISTING: Final = 5.0
"""Seconds after which the folder is listed though its mtime is the same: a file server's clock may be behind."""
MOST_AT_ONCE: Final = 50
REMEMBERED: Final = 1_000
"""Number of answered requests whose ids are kept, so that none is answered twice."""


class TrainingStopped(Exception):
    """Raised within an attached trainer, at a step or before a stage, where somebody has asked it to stop."""


class Control(Mapping[str, Any]):
    """The declared parameters at a step: a mapping of names to values, and the commands that were given."""

    __slots__ = ("_pending_commands", "_values", "paused")

    def __init__(self) -> None:
        self._values: dict[str, Any] = {}
        self._pending_commands: set[str] = set()
        self.paused = False
        """Whether the training is to wait; :meth:`CurriculumLogger.control` does so by itself."""

    def __getitem__(self, name: str) -> Any:
        return self._values[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def given(self, command: str) -> bool:
        """Whether a command without an action was given, and not yet taken by :meth:`requested`."""
        return command in self._pending_commands

    def requested(self, command: str) -> bool:
        """Whether a command without an action was given since the last call; true once for each."""
        waited = command in self._pending_commands
        self._pending_commands.discard(command)
        return waited


class Inbox:
    """The folder that requests are put into."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._path = directory / contract.CONTROL_FOLDER
        self._listed_mtime: int | None = None
        self._listed_at = -math.inf
        self._unremovable: set[str] = set()

    def open(self) -> None:
        """Make the folder. Raises OSError."""
        self._path.mkdir(exist_ok=True)

    def take(self) -> Iterator[tuple[str, bytes | str]]:
        """Claim waiting requests, oldest first; yield id and content (bytes), or id and reason to refuse it (str)."""
        if not self._may_have_news():
            return
        with ExitStack() as stack:
            try:
                folder = stack.enter_context(control_folder.opened(self._directory))
            except OSError:  # gone, or a link in its place: a monitor that is asked to write there says so
                return
            waiting = [name for name in control_folder.names(folder) if name not in self._unremovable]
            control_folder.remove_orphans(folder)
            for name in waiting[:MOST_AT_ONCE]:
                content = control_folder.content(folder, name)
                try:
                    if not control_folder.remove(folder, name):  # taken by another process, or withdrawn
                        continue
                except OSError:  # a folder of that name, or a file that this account may not remove
                    self._unremovable.add(name)
                    content = "its file cannot be removed, so that it could be applied again and again"
                yield name.partition(".")[0], content
            if len(waiting) > MOST_AT_ONCE:
                self._listed_mtime = None  # list the rest at once

    def _may_have_news(self) -> bool:
        try:
            changed = os.stat(self._path).st_mtime_ns  # noqa: PTH116 - a Path takes twice as long
        except OSError:
            return False
        now = time.monotonic()
        if changed == self._listed_mtime and now - self._listed_at < FORCED_LISTING:
            return False
        self._listed_at = now
        self._listed_mtime = changed if time.time() - changed / 1e9 > MTIME_RESOLUTION else None
        return True


class CaughtError:
    """Context manager that suppresses an exception raised in its block, and keeps it as ``error``."""

    def __init__(self) -> None:
        self.error: Exception | None = None

    def __enter__(self) -> CaughtError:
        return self

    def __exit__(self, _: object, error: BaseException | None, __: object) -> bool:
        self.error = error if isinstance(error, Exception) else None
        return self.error is not None


class ControlState:
    """What one logger has declared, its values now, and which requests were answered."""

    def __init__(self, errors: WriteErrors, directory: Path) -> None:
        self.view = Control()
        self.due = math.inf
        """When to look at the folder next, by the monotonic clock; never before anything is declared."""
        self.guard = Guard(errors)  # not the logger's: an action may take long, and others log meanwhile
        self.inbox = Inbox(directory)
        self.session = ""
        self.offered: dict[str, Parameter] = {}
        self.actions: dict[str, Callable[[], Any]] = {}
        self.answered: deque[str] = deque(maxlen=REMEMBERED)

    def __getstate__(self) -> dict[str, Any]:
        """The state for pickle, without the training's own functions, which may hold all of a brain."""
        offered = {name: each for name, each in self.offered.items() if name not in self.actions}
        return self.__dict__ | {
            "offered": offered,
            "actions": {},
            "session": "",
            "due": 0.0 if offered else math.inf,
        }

    def refusal(self, request: Request) -> str:
        """Return the reason to refuse a request; empty if it is to be applied."""
        known = self.offered.get(request.name)
        if known is None:
            return f"{shown(request.name)} is not declared by this training"
        if request.session != self.session:
            return "it was made for an earlier process of this training"
        if request.id in self.answered:
            return "it was answered before"
        try:
            known.check(request.value)
        except Unacceptable as error:
            return str(error)
        if known.kind != COMMAND and not is_same(request.based_on, known.value):
            return f"it was based on {shown(request.based_on)}, and the value is {shown(known.value)} now"
        if request.name in (PAUSE, RESUME) and self.view.paused == (request.name == PAUSE):
            return "training is paused already" if self.view.paused else "training is not paused"
        return ""

    def set_visible(self, name: str, value: Any) -> None:
        """Set the value that the training's loop sees."""
        self.view._values[name] = value

    def apply_value(self, name: str, value: Any) -> None:
        """Apply a requested value: the loop sees it, and later requests are compared with it."""
        self.set_visible(name, value)
        self.offered[name] = self.offered[name]._replace(value=value)

    def run_command(self, command: str) -> Exception | None:
        """Call a command's action, or leave the command to the loop; return the action's error."""
        if command in (PAUSE, RESUME):
            self.view.paused = command == PAUSE
            return None
        action = self.actions.get(command)
        if action is None:
            self.view._pending_commands.add(command)
            return None
        with CaughtError() as caught:
            action()
        return caught.error

    @property
    def waits(self) -> bool:
        """Whether training is to wait; a command that its loop has to look at ends the wait for one step."""
        return self.view.paused and not self.view._pending_commands


class ControlMethods:
    """Mixin of CurriculumLogger: methods by which a running training is changed from outside."""

    guard: Guard
    logger: logging.Logger
    _recorder: Recorder | None
    _controls: ControlState

    def declare(
        self,
        name: str,
        value: Any,
        low: float | None = None,
        high: float | None = None,
        *,
        unit: str = "",
        help: str = "",
        choices: Sequence[Any] | None = None,
    ) -> None:
        """Offer a parameter to be changed while training runs; ``control()[name]`` is its value then.

        A number lies between ``low`` and ``high``, a choice is one of ``choices``; without either it may be anything
        of the value's type. Declare it again when the training itself changes the value. An invalid declaration is
        logged as a warning and not offered; ``control()[name]`` is the value all the same.
        """
        now = plain(value)
        with self._controls.guard.lock, self._controls.guard:
            self._controls.set_visible(str(name), now)
            try:
                offered = declared(
                    name,
                    now,
                    low=plain(low),
                    high=plain(high),
                    unit=unit,
                    help=help,
                    choices=None if choices is None else [plain(each) for each in choices],
                )
            except Unacceptable as error:
                self._controls.offered.pop(str(name), None)
                self.logger.warning(f"{shown(name)} is not offered for control: {error}")
                return
            self._controls.set_visible(offered.name, offered.value)
            self._register_offer(offered)

    def declare_command(
        self,
        name: str,
        action: Callable[[], Any] | None = None,
        *,
        help: str = "",
        confirm: bool | None = None,
    ) -> None:
        """Offer a command: ``action`` is called at the next step, or ``control().requested(name)`` is true once.

        ``pause`` and ``resume`` are offered together and need neither: :meth:`control` waits. ``confirm`` says that
        it cannot be taken back, as is assumed of commands of your own.
        """
        default_help, irreversible = KNOWN_COMMANDS.get(name, ("", True))
        with self._controls.guard.lock, self._controls.guard:
            try:
                offered = declared(
                    name,
                    None,
                    kind=COMMAND,
                    help=help or default_help,
                    confirm=irreversible if confirm is None else confirm,
                )
            except Unacceptable as error:
                self.logger.warning(f"{shown(name)} is not offered for control: {error}")
                return
            if action is not None and name not in (PAUSE, RESUME):
                self._controls.actions[name] = action
            self._register_offer(offered)
        other = {PAUSE: RESUME, RESUME: PAUSE}.get(name)
        if other and other not in self._controls.offered:
            self.declare_command(other)

    def control(self, step: int | None = None, *, wait: bool = True) -> Control:
        """Return the parameters' values for the step that begins; to be called once at every step.

        Requests are applied here, and nowhere else; ``step`` is the script's own count, by default the newest that
        was logged. While training is paused it waits, unless ``wait`` is False: then look at ``.paused``.
        """
        controls = self._controls
        if time.monotonic() >= controls.due:
            self._answer_requests(step)
            while wait and controls.waits:
                time.sleep(INTERVAL)
                self._answer_requests(step)
        return controls.view

    def _register_offer(self, offered: Parameter) -> None:
        """Add a parameter to those offered, and log it if it is new or has changed."""
        controls = self._controls
        if self._recorder is None or not control_folder.OFFERED:
            self.logger.warning(
                f"{offered.name} cannot be changed from outside: json_log is off, or this system cannot do it"
            )
            return
        if offered.name not in controls.offered and len(controls.offered) >= MOST_DECLARED:
            self.logger.warning(f"{offered.name} is not offered: {MOST_DECLARED} others are already")
            return
        before = controls.offered.get(offered.name)
        controls.offered[offered.name] = offered
        if not controls.session:
            self._begin_session()
        elif offered != before:
            self._log_declaration(offered)

    def _begin_session(self) -> None:
        controls = self._controls
        controls.inbox.open()
        controls.session = os.urandom(8).hex()
        controls.due = 0.0
        for each in controls.offered.values():
            self._log_declaration(each)

    def _log_declaration(self, offered: Parameter) -> None:
        """Log a declaration: monitors learn from the log what they may request."""
        assert self._recorder is not None
        with self.guard.lock:
            self._recorder.event(
                contract.DECLARE, None, offered.fields() | {"session": self._controls.session}
            )

    def _answer_requests(self, step: int | None) -> None:
        controls = self._controls
        controls.due = time.monotonic() + INTERVAL
        with controls.guard.lock, controls.guard:
            if not controls.session:  # after unpickling, in another process
                self._begin_session()
            for identifier, content in controls.inbox.take():
                self._answer(identifier, content, step)

    def _answer(self, identifier: str, content: bytes | str, step: int | None) -> None:
        """Apply one claimed request, or refuse it; a value counts only once its acknowledgement is written."""
        controls = self._controls
        try:
            if isinstance(content, str):
                raise Unacceptable(content)
            request = parse_request(content, identifier)
        except Unacceptable as error:
            self._acknowledge({"id": identifier, "outcome": REFUSED, "reason": str(error)}, step)
            return
        fields: dict[str, Any] = {"id": request.id, "name": request.name, "user": request.user}
        fields["asked"] = round(request.asked, 3)
        known, reason = controls.offered.get(request.name), controls.refusal(request)
        controls.answered.append(request.id)
        if known is None or reason:
            wanted = {} if request.value is None else {"new": shown(request.value)}
            self._acknowledge(fields | wanted | {"outcome": REFUSED, "reason": reason}, step)
        elif known.kind == COMMAND:
            failure = controls.run_command(request.name)
            outcome = {"outcome": APPLIED}
            if failure is not None:
                reason = f"{type(failure).__name__}: {failure}"[:LONGEST_WORDS]
                outcome = {"outcome": FAILED, "reason": reason}
            self._acknowledge(fields | outcome, step)
        else:
            value = known.check(request.value)
            if self._acknowledge(fields | {"old": known.value, "new": value, "outcome": APPLIED}, step):
                controls.apply_value(request.name, value)

    def _acknowledge(self, fields: dict[str, Any], step: int | None) -> bool:
        """Log the answer to a request; return whether it could be written."""
        assert self._recorder is not None
        named = fields | {"session": self._controls.session}
        with self.guard.lock:
            at = None if step is None else whole_step(step)
            written = self._recorder.event(contract.CONTROL, at, named)
            self.logger.info(text_log.event(contract.CONTROL, named, at))
        return written
