"""A run at a glance, in words."""

from __future__ import annotations

import json
import math
from dataclasses import replace

from tests.analysis.build import checkpoint, history, state
from thalia_monitor.analysis import report
from thalia_monitor.analysis.summary import Summary, summarize
from thalia_monitor.model.records import Event, HealthWarning, Severity
from thalia_monitor.model.run import TrainingState

NOW = 1_000_000.0


def steady_run(**fields: object) -> TrainingState:
    """A run that logs every 20 s, 40 steps each, its loss falling by 4 % in 1,000 steps, last 12 s ago."""
    count = 400
    times = [NOW - 12 - 20 * (count - 1 - number) for number in range(count)]
    steps = range(0, 40 * count, 40)
    loss = [0.234 * 1.04 ** ((steps[-1] - step) / 1000) for step in steps]
    lines = history(steps, time=times, loss=loss)
    saved = checkpoint(
        15_000, week=2, total_weeks=4, milestones={"mnist_accuracy": True, "a": True, "b": False}
    )
    given = {"name": "lab run"} | fields
    return replace(state(lines, saved, changed=NOW - 12), **given)  # type: ignore[arg-type]


def summary(**fields: object) -> Summary:
    """That run, summed up."""
    return summarize(steady_run(**fields), NOW)


def test_the_text_answers_the_first_question_first() -> None:
    """Whether it is alive, where it is, how fast, how well: one subject a line."""
    lines = report.text(summary()).splitlines()
    assert lines[0] == "lab run: live. Last line 12 s ago, usually every 20 s."
    assert lines[1] == (
        "Stage 0 Sensory Foundations, week 2 of 4, step 15,960. Next is Object Permanence & Working Memory."
    )
    assert lines[2].startswith("2 steps/s")
    assert lines[3] == "Loss 0.234, down 3.8 % in the last 1,000 steps."
    assert lines[4].startswith("2 of ")
    assert "Left: b." in lines[4]
    assert lines[5:7] == ["No growth yet.", "No consolidation yet."]


def test_warnings_and_findings_say_how_bad_they_are() -> None:
    """Severity comes first, and health findings are distinguished from the trainer's warnings."""
    saved = checkpoint(15_000, milestones={"a": True})
    warned = replace(saved, warnings=(HealthWarning(Severity.WARNING, "High capacity in cortex: 0.9"),))
    text = report.text(summary(checkpoints=(warned,)))
    assert "\nWarning: High capacity in cortex: 0.9\n" in text
    lines = history(range(20), loss=[0.5] * 19 + [math.inf])
    text = report.text(summary(history=lines))
    assert "\nCritical (found): loss has been ∞ since step 19." in text


def test_nothing_from_the_files_commands_the_terminal() -> None:
    """Escapes, line breaks and changes of direction in a log never reach the terminal."""
    wild = Event("consolidation", 5, {"sleep_stage": "\x1b[2JREM\n\u202egnp"})
    text = report.text(summary(events=(wild,), name="evil\x1b]0;owned\x07"))
    assert not set("\x1b\x07\u202e") & set(text)
    assert "Last consolidation: [2JREMgnp at step 5." in text


def test_the_record_is_strict_json() -> None:
    """NaN and infinities are named, so that any reader of JSON takes the answer."""
    lines = history(range(20), loss=[0.5] * 19 + [math.nan])
    text = json.dumps(report.record(summary(history=lines)), allow_nan=False)
    record = json.loads(text)
    assert record["metrics"]["loss"]["value"] == "NaN"
    assert record["status"] == "live"
    assert record["milestones"]["passed"] == 2
    assert record["text"].startswith("lab run: live.")


def test_a_metric_called_like_a_region_names_its_own_series() -> None:
    """``series`` is the public name, under which the API has the metric and not the region's neurons."""
    lines = history(range(20), **{name: [0.5] * 20 for name in ("neurons.PFC", "segment", "acc")})
    metrics = report.record(summary(history=lines))["metrics"]
    names = {name: metrics[name]["series"] for name in ("neurons.PFC", "segment", "acc")}
    assert names == {"neurons.PFC": "metric.neurons.PFC", "segment": "metric.segment", "acc": "acc"}


def test_an_empty_run_has_a_record_too() -> None:
    """What is not known is null, never 0."""
    record = report.record(summarize(state(), NOW))
    assert record["current_stage"] is None
    assert record["last_sleep"] is None
    assert record["pace"]["steps_per_second"] is None
    assert record["growth"]["neurons"] is None
