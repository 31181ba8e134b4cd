"""Asking a running training for a change: what may be asked, the request's file, and what became of it.

Nothing here is applied: the training's own logger does that, at a step, and its log says so. A run's directory is
written to only in its ``control`` folder, which the logger has made.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from thalia_monitor import contract, control_folder
from thalia_monitor.analysis.control_history import controls
from thalia_monitor.analysis.liveness import Status, liveness
from thalia_monitor.errors import MonitorError
from thalia_monitor.model.control_request import (
    COMMAND,
    REFUSED,
    Request,
    Unacceptable,
    is_same,
    new_id,
    parse_request,
    shown,
    user_name,
)
from thalia_monitor.reading.files import open_folder
from thalia_monitor.reading.run_reader import RunReader

if TYPE_CHECKING:
    from thalia_monitor.analysis.control_history import Change, Controls
    from thalia_monitor.model.run import TrainingState

MOST_A_MINUTE: Final = 30
"""Requests that one user may make of a run in a minute."""
MOST_WAITING: Final = 50
"""Requests that may wait for a run, whoever made them."""
MINUTE: Final = 60.0
TAKING: Final = (Status.LIVE, Status.QUIET)
"""Statuses of a run whose training is there to answer."""


class NotAsked(MonitorError):
    """A request that was not made, with the reason."""

    status = 409


@dataclass(frozen=True, slots=True)
class ControlFolder:
    """The requests that wait for one run."""

    directory: Path
    within: Path | None = None
    """The directory that no link of the run's may lead out of; None where links are followed."""

    @contextmanager
    def _opened(self) -> Iterator[int]:
        run = open_folder(self.directory, self.within)
        try:
            with control_folder.opened(run) as folder:
                yield folder
        finally:
            os.close(run)

    def waiting(self) -> list[Request]:
        """The requests that the training has not taken yet, the oldest first; those of nobody are left out."""
        found = []
        try:
            with self._opened() as folder:
                for name in control_folder.names(folder)[: 2 * MOST_WAITING]:
                    content = control_folder.content(folder, name)
                    try:
                        if isinstance(content, bytes):
                            found.append(parse_request(content, name.partition(".")[0]))
                    except Unacceptable:
                        continue
        except OSError:  # no folder: nothing waits
            return []
        return found

    def put(self, request: Request) -> None:
        """Put a request into the folder; raises NotAsked where that fails."""
        if not control_folder.OFFERED:
            raise NotAsked("This system cannot write into a run's directory safely; use Linux or macOS.")
        try:
            with self._opened() as folder:
                control_folder.put(folder, request)
        except OSError as error:
            raise NotAsked(
                f"The request cannot be written into the run's folder {contract.CONTROL_FOLDER}/: {error.strerror}. "
                "The training makes the folder, and this account must be allowed to write into it."
            ) from error

    def withdraw(self, identifier: str) -> bool:
        """Take a request back; False where the training has it already. Raises NotAsked where that fails."""
        if not any(each.id == identifier for each in self.waiting()):
            return False
        try:
            with self._opened() as folder:
                return control_folder.remove(folder, f"{identifier}.json")
        except OSError as error:
            raise NotAsked(f"The request cannot be withdrawn: {error.strerror}.") from error


def ask(
    state: TrainingState,
    folder: ControlFolder,
    name: str,
    value: Any,
    *,
    user: str,
    seen: Any,
    session: str,
    now: float,
) -> Request:
    """Ask a run's training for a change; returns the request, which waits in the folder then.

    Args:
        state: the run as it is now.
        folder: of the run.
        name: of the parameter or command.
        value: the new value; None for a command.
        user: who asks.
        seen: the parameter's value that the user saw.
        session: of the training process whose declarations the user saw.
        now: Unix seconds.

    Raises:
        NotAsked: the run is not live, the value cannot be accepted, or there were too many requests.
    """
    alive = liveness(state, now)
    if alive.status not in TAKING:
        status = "not known to be live" if alive.status is Status.UNKNOWN else alive.status
        raise NotAsked(f"This run takes no requests: it is {status}. {alive.text}")
    known = controls(state)
    offered = known.offered.get(name)
    if offered is None:
        raise NotAsked(f"This training has not declared {shown(name)}, so nobody can change it.")
    if session != known.session:
        raise NotAsked("The training was started again meanwhile: look at the values that it has now.")
    try:
        value = offered.check(value)
    except Unacceptable as error:
        raise NotAsked(f"{name} stays as it is: {error}.") from None
    if offered.kind != COMMAND and not is_same(seen, offered.value):
        raise NotAsked(
            f"{name} stays as it is: it was changed to {shown(offered.value)} meanwhile, and you saw {shown(seen)}."
        )
    user = user_name(user)
    _limit(known, folder.waiting(), user, now)
    based_on = None if offered.kind == COMMAND else offered.value
    request = Request(new_id(), known.session, name, value, based_on, user, round(now, 3))
    folder.put(request)
    return request


def _limit(known: Controls, waiting: Sequence[Request], user: str, now: float) -> None:
    """Refuse one request too many; counted by what all monitors and workers see, the folder and the log."""
    if len(waiting) >= MOST_WAITING:
        raise NotAsked(f"{len(waiting)} requests are waiting for this run already: is the trainer alive?")
    recent = sum(each.user == user for each in waiting)
    recent += sum(
        each.user == user and each.time is not None and abs(now - each.time) < MINUTE
        for each in known.changes
    )
    if recent >= MOST_A_MINUTE:
        raise NotAsked(f"That were {recent} requests within a minute: please wait a little.")


@dataclass(frozen=True, slots=True)
class Wish:
    """What a person has typed: a parameter with its new value, or a command."""

    name: str
    text: str | None

    @staticmethod
    def of(typed: str) -> Wish:
        """Read ``learning_rate=1e-4`` or ``pause``."""
        name, equals, text = typed.partition("=")
        return Wish(name.strip(), text if equals else None)

    def value(self, known: Controls) -> Any:
        """The value meant; raises NotAsked where it is none of that parameter."""
        offered = known.offered.get(self.name)
        if offered is None:
            names = ", ".join(known.offered) or "nothing"
            raise NotAsked(f"This training has not declared {shown(self.name)}; it has declared {names}.")
        if self.text is None and offered.kind != COMMAND:
            raise NotAsked(f"Which value? {self.name}={shown(offered.value)} is the present one.")
        if self.text is not None and offered.kind == COMMAND:
            raise NotAsked(f"{self.name} is a command and takes no value.")
        try:
            return None if self.text is None else offered.parse(self.text)
        except Unacceptable as error:
            raise NotAsked(f"{self.name} stays as it is: {error}.") from None


def set_from_terminal(
    directory: Path,
    typed: Sequence[str],
    *,
    user: str,
    patience: float,
    tell: Callable[[str], object],
    interval: float = 0.1,
) -> bool:
    """Ask for changes one after the other, and wait for the answer to each; whether all were applied.

    Raises:
        MonitorError: the directory cannot be read, or a request cannot be made.
    """
    reader, folder, good = RunReader(directory), ControlFolder(directory), True
    for wish in map(Wish.of, typed):
        state = reader.read()
        known = controls(state)
        offered = known.offered.get(wish.name)
        request = ask(
            state,
            folder,
            wish.name,
            wish.value(known),
            user=user,
            seen=offered.value if offered else None,
            session=known.session,
            now=time.time(),
        )
        answer = _awaited(reader, request, patience, interval)
        tell(in_words(request, answer, patience))
        good = good and answer is not None and answer.applied
        if not good:
            break
    return good


def _awaited(reader: RunReader, request: Request, patience: float, interval: float) -> Change | None:
    end = time.monotonic() + patience
    while True:
        answer = controls(reader.read()).answer_to(request.id)
        if answer is not None or time.monotonic() >= end:
            return answer
        time.sleep(interval)


def in_words(request: Request, answer: Change | None, waited: float) -> str:
    """What became of a request, for a terminal."""
    what = request.name if request.value is None else f"{request.name}={shown(request.value)}"
    if answer is None:
        return f"{what}: not heard for {waited:g} s: is the trainer alive? The request waits in its folder."
    at = "" if answer.step is None else f" at step {answer.step:,}"
    if answer.applied:
        return f"{what}: applied{at}" + (f", was {shown(answer.old)}" if request.value is not None else "")
    return f"{what}: {'refused' if answer.outcome == REFUSED else 'failed'}{at}: {answer.reason}"
