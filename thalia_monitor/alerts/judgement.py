"""What is new since the last look: troubles that began or ended, and things that happened once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from itertools import islice
from typing import Final

from thalia_monitor.alerts.journal import MOST_WAITING, Journal, Message, Ongoing
from thalia_monitor.alerts.plan import On, Plan
from thalia_monitor.alerts.trouble import (
    UNREADABLE,
    Trouble,
    at_least,
    harmless,
    troubles,
    undecided,
    unreadable,
)
from thalia_monitor.analysis.liveness import Status
from thalia_monitor.analysis.milestones import changes
from thalia_monitor.analysis.summary import Summary
from thalia_monitor.analysis.wording import duration
from thalia_monitor.stages import stage_name
from thalia_monitor.state import Severity, TrainingState

_MOST_NAMES: Final = 5_000
_LONGEST_NAME: Final = 200
"""Milestone names that are remembered; the files are not to be trusted with the size of the journal."""


def judge(plan: Plan, summary: Summary, journal: Journal, now: float) -> Journal:
    """Take one look at a run into the journal, with a message for everything that is to be told.

    What is there at the first look at a run that is not alive is known, and no news.
    """
    alive = summary.liveness.status in {Status.LIVE, Status.QUIET}
    news = tuple(_news(plan, summary, journal, now)) if journal.seen else ()
    found, fixed = troubles(plan.rules, summary), undecided(summary)
    journal = _follow(plan, journal, found, fixed, now, known=not alive)
    return replace(
        journal,
        seen=journal.seen or bool(summary.state.sources),
        stage=journal.stage if summary.state.current_stage is None else summary.state.current_stage,
        passed=journal.passed | _passed(summary.state),
        finished=summary.liveness.status is Status.FINISHED,
        messages=journal.messages + news,
    )


def judge_unreadable(plan: Plan, why: str, journal: Journal, now: float) -> Journal:
    """Take a look that failed into the journal: everything but that stays as it was."""
    fixed = frozenset(journal.ongoing) - {UNREADABLE}
    return _follow(plan, journal, unreadable(plan.rules, why), fixed, now, known=True)


def _follow(
    plan: Plan,
    journal: Journal,
    found: Mapping[str, Trouble],
    fixed: frozenset[str],
    now: float,
    *,
    known: bool,
) -> Journal:
    """Compare the troubles there are with those there were; ``known``: those of a first look are no news."""
    messages = []
    ongoing = {}
    for key, before in journal.ongoing.items():
        if key in fixed and key not in found:
            ongoing[key] = before
        elif key not in found and before.told:
            text = f"Over after {duration(max(now - before.since, 0.0))}: {before.text}"
            messages.append(addressed(plan, Message(now, before.severity, text, over=True)))
    # a time in the future is of a clock that was wrong, and keeps nothing from being told
    told_at = {key: at for key, at in journal.told_at.items() if 0 <= now - at < plan.again_after}
    for key, trouble in found.items():
        before = journal.ongoing.get(key) or Ongoing(
            now, trouble.severity, trouble.text, muted=known and not journal.seen
        )
        muted = before.muted and known
        worse = before.told and not at_least(before.severity, trouble.severity)
        if worse or not (before.told or muted or key in told_at):
            messages.append(addressed(plan, Message(now, trouble.severity, trouble.text)))
            told_at[key] = now
            before = replace(before, told=True, severity=trouble.severity, text=trouble.text)
        ongoing[key] = replace(before, muted=muted)
    return replace(
        journal, ongoing=ongoing, told_at=told_at, messages=(*journal.messages, *messages)[-MOST_WAITING:]
    )


def _news(plan: Plan, summary: Summary, journal: Journal, now: float) -> Iterator[Message]:
    """Tell what happened once: another stage, a milestone passed for the first time, the end."""
    state, asked = summary.state, {rule.on for rule in plan.rules}
    stage = state.current_stage
    if On.STAGE in asked and journal.stage is not None and stage is not None and stage != journal.stage:
        before = stage_name(journal.stage, state.scheme)
        text = f"Stage {stage} {state.stage_name} has begun, after stage {journal.stage} {before}."
        yield addressed(plan, Message(now, Severity.INFO, text))
    if On.MILESTONE in asked:
        for name in sorted(_passed(state) - journal.passed):
            yield addressed(plan, Message(now, Severity.INFO, f"Milestone {harmless(name)} is passed."))
    if On.FINISHED in asked and summary.liveness.status is Status.FINISHED and not journal.finished:
        yield addressed(plan, Message(now, Severity.INFO, summary.liveness.text))


def _passed(state: TrainingState) -> frozenset[str]:
    """Every milestone that was ever passed."""
    names = (change.name for change in changes(state) if change.passed and len(change.name) <= _LONGEST_NAME)
    return frozenset(islice(names, _MOST_NAMES))


def addressed(plan: Plan, message: Message) -> Message:
    """Give a message the channels that it is bad enough for; a recovery goes where its alert went."""
    names = [each.name for each in plan.channels if at_least(message.severity, each.severity)]
    return replace(message, waiting=tuple(names))
