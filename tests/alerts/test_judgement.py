"""What is told, and what is told only once."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

from tests.analysis.build import checkpoint, history, state
from thalia_monitor.alerts.journal import Journal, Message
from thalia_monitor.alerts.judgement import judge, judge_unreadable
from thalia_monitor.alerts.plan import Channel, On, Plan, Rule
from thalia_monitor.analysis.summary import summarize
from thalia_monitor.state import Checkpoint, Event, HealthWarning, Severity, Source, TrainingState

NOW = 1_000_000.0
EVERYTHING = tuple(
    [Rule(on=each) for each in On if each is not On.METRIC]
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


def look(journal: Journal, seen: TrainingState, by: Plan | None = None, *, now: float = NOW) -> Journal:
    """One more look."""
    return judge(by or plan(), summarize(seen, now), journal, now)


def told(journal: Journal) -> list[str]:
    """What waits to be sent."""
    return [message.text for message in journal.messages]


def test_a_healthy_run_is_silent() -> None:
    """Nothing is told of a run in which nothing is wrong, however often one looks."""
    journal = Journal()
    for _ in range(5):
        journal = look(journal, run())
    assert told(journal) == []
    assert journal.seen


def test_a_trouble_is_told_once_and_its_end_once() -> None:
    """An alert when it begins, silence while it lasts, a recovery when it is over."""
    journal = look(Journal(), run())
    for number in range(5):
        journal = look(journal, run(math.nan, math.nan), now=NOW + number)
    assert told(journal) == ["loss has been NaN since step 4,000. (2 values of 42 not finite)"]
    for number in range(5):
        journal = look(journal, run(*[math.nan] * 2, *[0.5] * 30), now=NOW + 60 + number)
    assert told(journal)[1:] == [
        "Over after 1 min: loss has been NaN since step 4,000. (2 values of 42 not finite)"
    ]
    assert [message.over for message in journal.messages] == [False, True]


def test_a_trouble_that_comes_and_goes_is_not_told_again_at_once() -> None:
    """Within ten minutes it is not told again, unless it is still there after them."""
    by = plan(Rule(metric="loss", above=2), again_after=600)
    journal = look(Journal(), run(3.0), by)
    journal = look(journal, run(1.0), by, now=NOW + 10)
    assert len(told(journal)) == 2
    journal = look(journal, run(3.0), by, now=NOW + 20)
    journal = look(journal, run(1.0), by, now=NOW + 30)
    journal = look(journal, run(3.0), by, now=NOW + 40)
    assert len(told(journal)) == 2
    journal = look(journal, run(3.0), by, now=NOW + 601)
    assert len(told(journal)) == 3


def test_what_gets_worse_is_told_again() -> None:
    """A warning that turns critical is news."""

    def warned(severity: Severity) -> TrainingState:
        return run(points=(replace(checkpoint(1), warnings=(HealthWarning(severity, "High: 0.9"),)),))

    journal = look(Journal(), warned(Severity.WARNING))
    journal = look(journal, warned(Severity.CRITICAL))
    journal = look(journal, warned(Severity.WARNING))
    assert [message.severity for message in journal.messages] == [Severity.WARNING, Severity.CRITICAL]


def test_an_old_run_that_is_opened_is_no_news() -> None:
    """What was wrong with a run before the monitor first saw it is not told, unless the run lives on with it."""
    journal = look(Journal(), run(math.nan, ago=5000))
    assert told(journal) == []
    journal = look(journal, run(math.nan, math.nan))
    assert told(journal) == ["loss has been NaN since step 4,000. (2 values of 42 not finite)"]


def test_a_live_run_that_is_wrong_from_the_start_is_told() -> None:
    """The first look at a run that is alive tells what is wrong with it."""
    assert len(told(look(Journal(), run(math.nan)))) == 1


def test_silence_is_told_and_so_is_its_end() -> None:
    """A run gone stale, then alive again."""
    journal = look(Journal(), run())
    journal = look(journal, run(ago=4000))
    (text,) = told(journal)
    assert text.startswith("The run has gone stale. Last line 1 h 6 min ago")
    journal = look(journal, run(0.5))
    assert told(journal)[1].startswith("Over after")


def test_a_directory_that_vanishes_is_told_and_changes_nothing_else() -> None:
    """While a run cannot be read, what was wrong with it goes on."""
    journal = look(Journal(), run(math.nan))
    journal = judge_unreadable(plan(), "There is no directory /lab/run.", journal, NOW + 10)
    assert told(journal)[1:] == ["There is no directory /lab/run."]
    journal = look(journal, run(math.nan), now=NOW + 70)
    assert told(journal)[2:] == ["Over after 1 min: There is no directory /lab/run."]


def test_a_directory_that_is_not_there_yet_is_no_news() -> None:
    """The trainer may make it later."""
    assert told(judge_unreadable(plan(), "There is no directory.", Journal(), NOW)) == []


def test_a_milestone_is_told_when_it_is_passed_lost_and_passed_again() -> None:
    """Passed the first time is news, lost is a trouble, passed again is the end of it: once each."""
    first = checkpoint(100, milestones={"reach": False})
    second = checkpoint(200, milestones={"reach": True})
    third = checkpoint(300, milestones={"reach": False})
    fourth = checkpoint(400, milestones={"reach": True})
    journal = look(Journal(), run(points=(first,)))
    for count in (2, 2, 3, 3, 4, 4):
        journal = look(journal, run(points=(first, second, third, fourth)[:count]), now=NOW + count)
    assert told(journal) == [
        "Milestone reach is passed.",
        "Milestone reach was lost at step 300. (an earlier check had passed it)",
        "Over after 1 s: Milestone reach was lost at step 300. (an earlier check had passed it)",
    ]


def test_another_stage_is_told() -> None:
    """Once, with both names; the first stage that is seen is no news."""
    journal = look(Journal(), run())
    journal = look(journal, run(points=(checkpoint(1, stage=-1),)))
    assert told(journal) == []
    for _ in range(2):
        journal = look(journal, run(points=(checkpoint(1, stage=-1), checkpoint(2, stage=0))))
    assert told(journal) == ["Stage 0 Sensory Foundations has begun, after stage -1 Sensorimotor."]


def test_the_end_is_told_and_is_no_silence() -> None:
    """A run that has ended is finished, not stale."""
    journal = look(Journal(), run())
    ended = run(ago=9000, events=(Event("training_end", 4000, {}, time=NOW - 8999),))
    for _ in range(2):
        journal = look(journal, ended)
    (text,) = told(journal)
    assert text.startswith("Training has ended")


def test_a_message_waits_for_the_channels_it_is_bad_enough_for() -> None:
    """A channel for critical messages does not hear of milestones; a recovery goes where its alert went."""
    pager = Channel("pager", Severity.CRITICAL, "json://pager")
    by = Plan((Channel("desk", Severity.INFO, "json://desk"), pager), EVERYTHING)
    journal = look(Journal(), run(), by)
    journal = look(journal, run(points=(checkpoint(100, milestones={"reach": True}),)), by)
    journal = look(journal, run(math.nan), by)
    assert [message.waiting for message in journal.messages] == [("desk",), ("desk", "pager")]


def test_messages_that_nobody_takes_are_bounded() -> None:
    """The journal keeps the newest 200 while they cannot be sent."""
    waiting = tuple(Message(NOW, Severity.INFO, f"{number}", waiting=("desk",)) for number in range(500))
    journal = look(replace(look(Journal(), run()), messages=waiting), run())
    assert told(journal)[0] == "300"


def test_bounds_and_values_are_not_rounded_into_one() -> None:
    """Two rules that differ in the seventh digit are two, and a value above a bound does not look the same."""
    rules = [Rule(metric="loss", above=bound) for bound in (0.5000001, 0.5000002)]
    texts = told(look(look(Journal(), run(), plan(*rules)), run(0.50001), plan(*rules)))
    assert texts == [
        "loss is 0.50001, above 0.5000001 since step 4,000.",
        "loss is 0.50001, above 0.5000002 since step 4,000.",
    ]
