"""What is new in a run since the last look: alerts that began or ended, and events that happened once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from msgspec.structs import replace

from thalia_monitor.alerts.conditions import (
    CONDITIONS,
    ENDED,
    UNREADABLE,
    Alert,
    active,
    passed,
    undecided,
    unreadable,
)
from thalia_monitor.alerts.memory import ActiveAlert, Message, RunState
from thalia_monitor.alerts.rules import Plan
from thalia_monitor.analysis.formatting import duration
from thalia_monitor.analysis.liveness import Status
from thalia_monitor.analysis.summary import Summary

MOST_WAITING: Final = 200
"""Messages kept of one run until its channels have taken them."""


def advance(plan: Plan, summary: Summary, before: RunState, now: float) -> RunState:
    """Return the run's state after a look, with a message for everything that is new.

    What is there at the first look at a run that is not alive is known, and not new.
    """
    alive = summary.liveness.status in {Status.LIVE, Status.QUIET}
    events = tuple(_events(plan, summary, before, now)) if before.seen else ()
    after = _compare(plan, before, active(plan.rules, summary), undecided(summary), now, known=not alive)
    stage = summary.state.current_stage
    return replace(
        after,
        seen=before.seen or bool(summary.state.sources),
        stage=before.stage if stage is None else stage,
        passed=before.passed | passed(summary.state),
        finished=summary.liveness.status in ENDED,
        messages=after.messages + events,
    )


def advance_unreadable(plan: Plan, reason: str, before: RunState, now: float) -> RunState:
    """Return the run's state after a look that failed: everything but that stays as it was."""
    fixed = frozenset(before.active) - {UNREADABLE}
    return _compare(plan, before, unreadable(plan.rules, reason), fixed, now, known=True)


def _compare(
    plan: Plan,
    before: RunState,
    found: Mapping[str, Alert],
    fixed: frozenset[str],
    now: float,
    *,
    known: bool,
) -> RunState:
    """Compare current alerts with the previous ones; with ``known`` (first look) none is new."""
    messages = []
    current = {}
    for key, alert in before.active.items():
        if key in fixed and key not in found:
            current[key] = alert
        elif key not in found and alert.notified:
            text = f"Over after {duration(max(now - alert.since, 0.0))}: {alert.text}"
            messages.append(addressed(plan, Message(now, alert.severity, text, over=True)))
    # a time in the future is of a clock that was wrong, and keeps no message from being made
    notified_at = {key: at for key, at in before.notified_at.items() if 0 <= now - at < plan.again_after}
    for key, new in found.items():
        alert = before.active.get(key) or ActiveAlert(
            now, new.severity, new.text, muted=known and not before.seen
        )
        muted = alert.muted and known
        worse = alert.notified and alert.severity.rank < new.severity.rank
        if worse or not (alert.notified or muted or key in notified_at):
            messages.append(addressed(plan, Message(now, new.severity, new.text)))
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
            yield addressed(plan, Message(now, severity, text))


def addressed(plan: Plan, message: Message) -> Message:
    """Give a message the channels that it is bad enough for; a recovery goes where its alert went."""
    names = [each.name for each in plan.channels if message.severity.rank >= each.severity.rank]
    return replace(message, channels=tuple(names))
