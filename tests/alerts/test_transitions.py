"""What makes a message, and what makes only one."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import msgspec

from tests.analysis.build import checkpoint, history, state
from thalia_monitor.alerts.conditions import CONDITIONS, Rule
from thalia_monitor.alerts.memory import Message, RunState
from thalia_monitor.alerts.rules import Channel, Plan
from thalia_monitor.alerts.watcher import advance, advance_unreadable
from thalia_monitor.analysis.summary import summarize
from thalia_monitor.model.records import Checkpoint, Event, HealthWarning, Severity, Source
from thalia_monitor.model.run import TrainingState

NOW = 1_000_000.0
EVERYTHING = tuple(
    [Rule(on=each) for each in CONDITIONS if each != "metric"]
    + [Rule(metric="loss", above=2, severity=Severity.CRITICAL)]
)


def plan(*rules: Rule, **fields: Any) -> Plan:
    """A plan of these rules (all kinds unless said) with one channel for everything."""
    return Plan((Channel("desk", Severity.INFO, "json://desk"),), rules or EVERYTHING, **fields)


def run(
    *losses: float, ago: float = 1.0, points: tuple[Checkpoint, ...] = (), **fields: Any
) -> TrainingState:
    """A run that logs each 10 s, with forty good lines before these losses, the last some seconds ago."""
    values = [0.5] * 40 + list(losses)
    times = [NOW - ago - 10 * number for number in range(len(values) - 1, -1, -1)]
    lines = history(range(0, 100 * len(values), 100), time=times, loss=values)
    made = state(lines, *points, changed=NOW - ago)
    return replace(made, sources=(Source("training_log.json", "documented log", len(values)),), **fields)


def look(before: RunState, seen: TrainingState, by: Plan | None = None, *, now: float = NOW) -> RunState:
    """One more look."""
    return advance(by or plan(), summarize(seen, now), before, now)


def texts(state: RunState) -> list[str]:
    """The messages that were made."""
    return [message.text for message in state.messages]


def test_a_healthy_run_is_silent() -> None:
    """No message is made of a run in which nothing is wrong, however often one looks."""
    after = RunState()
    for _ in range(5):
        after = look(after, run())
    assert texts(after) == []
    assert after.seen


def test_an_alert_is_one_message_and_its_end_another() -> None:
    """An alert when it begins, silence while it lasts, a recovery when it is over."""
    after = look(RunState(), run())
    for number in range(5):
        after = look(after, run(math.nan, math.nan), now=NOW + number)
    assert texts(after) == ["loss has been NaN since step 4,000. (2 values of 42 not finite)"]
    for number in range(5):
        after = look(after, run(*[math.nan] * 2, *[0.5] * 30), now=NOW + 60 + number)
    assert texts(after)[1:] == [
        "Over after 1 min: loss has been NaN since step 4,000. (2 values of 42 not finite)"
    ]
    assert [message.over for message in after.messages] == [False, True]


def test_an_alert_that_comes_and_goes_is_not_repeated_at_once() -> None:
    """Within ten minutes it makes no other message, unless it is still there after them."""
    by = plan(Rule(metric="loss", above=2), again_after=600)
    after = look(RunState(), run(3.0), by)
    after = look(after, run(1.0), by, now=NOW + 10)
    assert len(texts(after)) == 2
    after = look(after, run(3.0), by, now=NOW + 20)
    after = look(after, run(1.0), by, now=NOW + 30)
    after = look(after, run(3.0), by, now=NOW + 40)
    assert len(texts(after)) == 2
    after = look(after, run(3.0), by, now=NOW + 601)
    assert len(texts(after)) == 3


def test_a_clock_put_back_silences_nothing() -> None:
    """A message of the future keeps no other from being made; no alert lasts less than no time."""
    by = plan(Rule(metric="loss", above=2), again_after=600)
    after = look(RunState(), run(1.0), by)
    for loss in (3.0, 1.0):
        after = look(after, run(loss), by, now=NOW + 86_400)
    assert len(texts(after)) == 2
    after = look(after, run(3.0), by)
    assert len(texts(after)) == 3
    after = look(after, run(1.0), by, now=NOW - 3_600)
    assert texts(after)[3].startswith("Over after < 1 s: loss is 3")


def test_what_gets_worse_is_told_again() -> None:
    """A warning that turns critical is news."""

    def warned(severity: Severity) -> TrainingState:
        return run(points=(replace(checkpoint(1), warnings=(HealthWarning(severity, "High: 0.9"),)),))

    after = look(RunState(), warned(Severity.WARNING))
    after = look(after, warned(Severity.CRITICAL))
    after = look(after, warned(Severity.WARNING))
    assert [message.severity for message in after.messages] == [Severity.WARNING, Severity.CRITICAL]


def test_a_critical_warning_in_the_log_is_texts() -> None:
    """The trainer logs it as an event, without any checkpoint; its end makes a message as well."""
    alarm = Event("warning", 3_900, {"severity": "critical", "message": "Theta unstable"})
    over = Event("warning", 3_900, {"severity": "info", "message": "Theta recovered"})
    by = plan(Rule(on="warning", severity=Severity.CRITICAL))
    after = look(RunState(), run(), by)
    after = look(after, run(events=(alarm,)), by)
    assert [(each.text, each.severity) for each in after.messages] == [
        ("The trainer warns: Theta unstable", Severity.CRITICAL)
    ]
    after = look(after, run(events=(alarm, over)), by, now=NOW + 60)
    assert texts(after)[1:] == ["Over after 1 min: The trainer warns: Theta unstable"]


def test_an_old_run_that_is_opened_is_no_news() -> None:
    """What was wrong with a run before the monitor first saw it makes no message, unless the run lives on with it."""
    after = look(RunState(), run(math.nan, ago=5000))
    assert texts(after) == []
    after = look(after, run(math.nan, math.nan))
    assert texts(after) == ["loss has been NaN since step 4,000. (2 values of 42 not finite)"]


def test_a_live_run_that_is_wrong_from_the_start_is_texts() -> None:
    """The first look at a run that is alive tells what is wrong with it."""
    assert len(texts(look(RunState(), run(math.nan)))) == 1


def test_silence_is_told_and_so_is_its_end() -> None:
    """A run gone stale, then alive again."""
    after = look(RunState(), run())
    after = look(after, run(ago=4000))
    (text,) = texts(after)
    assert text.startswith("The run has gone stale. Last line 1 h 6 min ago")
    after = look(after, run(0.5))
    assert texts(after)[1].startswith("Over after")


def test_a_directory_that_vanishes_is_told_and_changes_nothing_else() -> None:
    """While a run cannot be read, what was wrong with it goes on."""
    after = look(RunState(), run(math.nan))
    after = advance_unreadable(plan(), "There is no directory /lab/run.", after, NOW + 10)
    assert texts(after)[1:] == ["There is no directory /lab/run."]
    after = look(after, run(math.nan), now=NOW + 70)
    assert texts(after)[2:] == ["Over after 1 min: There is no directory /lab/run."]


def test_a_directory_that_is_not_there_yet_is_no_news() -> None:
    """The trainer may make it later."""
    assert texts(advance_unreadable(plan(), "There is no directory.", RunState(), NOW)) == []


def test_a_milestone_is_told_when_it_is_passed_lost_and_passed_again() -> None:
    """Passed the first time is an event, lost is an alert, passed again is the end of it: once each."""
    first = checkpoint(100, milestones={"reach": False})
    second = checkpoint(200, milestones={"reach": True})
    third = checkpoint(300, milestones={"reach": False})
    fourth = checkpoint(400, milestones={"reach": True})
    after = look(RunState(), run(points=(first,)))
    for count in (2, 2, 3, 3, 4, 4):
        after = look(after, run(points=(first, second, third, fourth)[:count]), now=NOW + count)
    assert texts(after) == [
        "Milestone reach is passed.",
        "Milestone reach was lost at step 300. (an earlier check had passed it)",
        "Over after 1 s: Milestone reach was lost at step 300. (an earlier check had passed it)",
    ]


def test_another_stage_is_texts() -> None:
    """Once, with both names; the first stage that is seen is no news."""
    after = look(RunState(), run())
    after = look(after, run(points=(checkpoint(1, stage=-1),)))
    assert texts(after) == []
    for _ in range(2):
        after = look(after, run(points=(checkpoint(1, stage=-1), checkpoint(2, stage=0))))
    assert texts(after) == ["Stage 0 Sensory Foundations has begun, after stage -1 Sensorimotor."]


def test_the_end_is_told_and_is_no_silence() -> None:
    """A run that has ended is finished, not stale."""
    after = look(RunState(), run())
    ended = run(ago=9000, events=(Event("training_end", 4000, {}, time=NOW - 8999),))
    for _ in range(2):
        after = look(after, ended)
    (text,) = texts(after)
    assert text.startswith("Training has ended")


def test_a_stop_is_told_as_a_warning_with_its_reason() -> None:
    """A run that was stopped before its end is reported once, to the channels of a rule on the end."""
    after = look(RunState(), run())
    stop = Event("early_stop", 4000, {"reason": "EARLY STOP: 5 critical issues"}, time=NOW - 1)
    for _ in range(2):
        after = look(after, run(ago=2, events=(stop,)))
    (message,) = after.messages
    assert message.severity is Severity.WARNING
    assert message.text.startswith("Training was stopped: EARLY STOP: 5 critical issues")


def test_a_message_waits_for_the_channels_it_is_bad_enough_for() -> None:
    """A channel for critical messages does not hear of milestones; a recovery goes where its alert went."""
    pager = Channel("pager", Severity.CRITICAL, "json://pager")
    by = Plan((Channel("desk", Severity.INFO, "json://desk"), pager), EVERYTHING)
    after = look(RunState(), run(), by)
    after = look(after, run(points=(checkpoint(100, milestones={"reach": True}),)), by)
    after = look(after, run(math.nan), by)
    assert [message.channels for message in after.messages] == [("desk",), ("desk", "pager")]


def test_messages_that_nobody_takes_are_bounded() -> None:
    """The run's state keeps the newest 200 while they cannot be sent."""
    waiting = tuple(Message(NOW, Severity.INFO, f"{number}", channels=("desk",)) for number in range(500))
    after = look(msgspec.structs.replace(look(RunState(), run()), messages=waiting), run())
    assert texts(after)[0] == "300"


def test_bounds_and_values_are_not_rounded_into_one() -> None:
    """Two rules that differ in the seventh digit are two, and a value above a bound does not look the same."""
    rules = [Rule(metric="loss", above=bound) for bound in (0.5000001, 0.5000002)]
    found = texts(look(look(RunState(), run(), plan(*rules)), run(0.50001), plan(*rules)))
    assert found == [
        "loss is 0.50001, above 0.5000001 since step 4,000.",
        "loss is 0.50001, above 0.5000002 since step 4,000.",
    ]


def test_forgetting_beyond_the_limit_is_one_message_and_one_when_it_is_over() -> None:
    """A task of stage 0 falls from 0.9 to 0.7 in stage 1, is probed again as bad, and then is kept again."""

    def probed(*accuracies: float) -> TrainingState:
        events = [
            Event("stage_start", 0, {"stage": 0}),
            Event("evaluation", 1_000, {"task": "digits", "stage": 0, "accuracy": 0.9}),
            Event("stage_start", 1_000, {"stage": 1}),
        ]
        for place, accuracy in enumerate(accuracies):
            fields = {"task": "digits", "stage": 0, "accuracy": accuracy}
            events.append(Event("evaluation", 2_000 + 100 * place, fields))
        return run(events=tuple(events))

    rules = plan(Rule(on="forgetting"))
    before = look(RunState(), probed(0.89), rules)
    assert texts(before) == []
    forgotten = look(before, probed(0.89, 0.7), rules)
    assert [each.split(" (")[0] for each in texts(forgotten)] == [
        "Task digits of stage 0 is being forgotten: 22.2 %."
    ]
    still = look(msgspec.structs.replace(forgotten, messages=()), probed(0.89, 0.7, 0.71), rules)
    assert texts(still) == []
    (over,) = texts(look(msgspec.structs.replace(still, messages=()), probed(0.89, 0.7, 0.71, 0.9), rules))
    assert over.startswith("Over after < 1 s: Task digits of stage 0 is being forgotten")
