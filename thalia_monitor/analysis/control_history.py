"""What a run lets be changed while it trains, as its log tells it: declarations, present values, and every answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from thalia_monitor import contract
from thalia_monitor.model.control_request import (
    APPLIED,
    COMMAND,
    LONGEST_WORDS,
    MOST_DECLARED,
    PAUSE,
    RESUME,
    Parameter,
    Unacceptable,
    parameter_from,
    shown,
    user_name,
)

if TYPE_CHECKING:
    from thalia_monitor.model.records import Event
    from thalia_monitor.model.run import TrainingState

MOST_CHANGES: Final = 1_000
"""Newest answers that are kept; the log, the events page and the charts have all of them."""
KINDS: Final = frozenset({contract.DECLARE, contract.CONTROL})


@dataclass(frozen=True, slots=True)
class Change:
    """One answer of the training to a request."""

    id: str
    name: str
    """Empty where the request could not be read."""
    user: str
    outcome: str
    """``applied``, ``refused`` or ``failed``."""
    reason: str = ""
    old: Any = None
    new: Any = None
    """Both None for a command."""
    step: int | None = None
    time: float | None = None
    """Unix seconds by the trainer's clock."""
    session: str = ""

    @property
    def applied(self) -> bool:
        """Whether it took effect."""
        return self.outcome == APPLIED

    @property
    def words(self) -> str:
        """What was changed, by whom: ``learning_rate 0.001 → 0.0001 by anna``."""
        what = self.name or "request"
        if self.applied and self.new is not None:
            what = f"{what} {shown(self.old)} → {shown(self.new)}"
        elif self.new is not None:
            what = f"{what} {shown(self.new)}"
        return f"{what} by {self.user}" if self.user else what


@dataclass(frozen=True, slots=True)
class Controls:
    """What a run offers for control, and what was made of it."""

    session: str = ""
    """Of the newest process that has declared anything; empty where none has."""
    offered: Mapping[str, Parameter] = field(default_factory=dict)
    """By name, each with its present value."""
    changes: tuple[Change, ...] = ()
    """The newest answers, in the order of the log."""
    pause: Change | None = None
    """The pause that the run is in."""

    def answer_to(self, request: str) -> Change | None:
        """The answer to a request, by its id; None while there is none."""
        return next((each for each in reversed(self.changes) if each.id == request), None)

    def of(self, name: str) -> tuple[Change, ...]:
        """The answers about one parameter or command."""
        return tuple(each for each in self.changes if each.name == name)


def controls(state: TrainingState) -> Controls:
    """What the run offers and what was changed; costs what is new in the log."""
    return state.extended("controls", lambda new, _: _read(new), _joined)


def change_of(event: Event) -> Change:
    """Read the event that answers a request."""
    given = {name: event.fields.get(name) for name in _TEXTS}
    texts = {name: value if isinstance(value, str) else "" for name, value in given.items()}
    texts["reason"] = contract.printable(texts["reason"][:LONGEST_WORDS])
    texts["name"] = contract.printable(texts["name"][:LONGEST_WORDS])
    texts["user"] = user_name(texts["user"]) if texts["user"] else ""
    old, new = event.fields.get("old"), event.fields.get("new")
    return Change(**texts, old=old, new=new, step=event.step, time=event.time)


_TEXTS: Final = ("id", "name", "user", "outcome", "reason", "session")


def _read(events: Sequence[Event]) -> Controls:
    found = Controls()
    for event in events:
        if event.kind in KINDS:
            found = _joined(found, _declared(event) if event.kind == contract.DECLARE else _answered(event))
    return found


def _declared(event: Event) -> Controls:
    session, offered = event.fields.get("session"), parameter_from(event.fields)
    if not isinstance(session, str) or not session or offered is None:
        return Controls()
    return Controls(session, {offered.name: offered})


def _answered(event: Event) -> Controls:
    return Controls(changes=(change_of(event),))


def _joined(before: Controls, after: Controls) -> Controls:
    """What is offered by the events of both; of what an earlier process offered, nothing is."""
    if not after.session and not after.changes:
        return before
    session = after.session or before.session
    known = before if session == before.session else Controls()
    offered, pause = dict(known.offered), known.pause
    for change in after.changes:
        if not change.applied or change.session != session:
            continue
        if change.name in (PAUSE, RESUME):
            pause = change if change.name == PAUSE else None
        elif change.name in offered:
            offered[change.name] = _changed(offered[change.name], change.new)
    # What is declared after a change is declared with the value that it left.
    merged = dict(list((offered | dict(after.offered)).items())[:MOST_DECLARED])
    return Controls(session, merged, (before.changes + after.changes)[-MOST_CHANGES:], pause)


def _changed(offered: Parameter, value: Any) -> Parameter:
    if offered.kind == COMMAND:
        return offered
    try:
        return offered._replace(value=offered.check(value))
    except Unacceptable:  # no logger of ours writes that
        return offered
