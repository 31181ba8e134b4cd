"""Six runs made by hand, and what must be found of their stages, criteria, retention and safety."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.analysis.build import history
from thalia_monitor import load_training_state
from thalia_monitor.analysis.curriculum import advance, course_words, retention, safety, stage_course
from thalia_monitor.analysis.findings import Kind
from thalia_monitor.analysis.health import findings
from thalia_monitor.analysis.summary import summarize
from thalia_monitor.model.memo import AppendOnly
from thalia_monitor.model.records import Event, Severity
from thalia_monitor.model.run import TrainingState
from thalia_monitor.model.stage_plan import configuration

Line = Mapping[str, Any]


def run(directory: Path, *lines: Line, **saved: Any) -> TrainingState:
    """The state of a run with these lines in its log, and a checkpoint where ``saved`` has its fields."""
    directory.mkdir(exist_ok=True)
    text = "".join(json.dumps({"timestamp": 1e9 + place, **each}) + "\n" for place, each in enumerate(lines))
    (directory / "training_log.json").write_text(text)
    if saved:
        (directory / f"metadata_{saved['step']}.json").write_text(json.dumps(saved))
    return load_training_state(directory)


def metrics(first: int, last: int, **values: float) -> list[Line]:
    """A metric line every 1,000 steps, both ends included."""
    return [{"step": step, **(values or {"loss": 0.5})} for step in range(first, last + 1, 1_000)]


def event(kind: str, step: int, **fields: Any) -> Line:
    """An event line."""
    return {"event_type": kind, "step": step, **fields}


def begin(stage: int, step: int, **config: Any) -> Line:
    """A stage start with its configuration."""
    return event("stage_start", step, stage=stage, config=config)


def probe(task: str, stage: int, accuracy: float, step: int, n: int = 100) -> Line:
    """An evaluation."""
    return event("evaluation", step, task=task, stage=stage, accuracy=accuracy, n=n)


def spans(state: TrainingState) -> list[tuple[float, int, int, int, int | None]]:
    """Stage, number, first and last step, and where a resume repeats it, of each attempt."""
    return [
        (each.stage, each.number, each.start, each.end, each.repeated_from)
        for each in stage_course.attempts(state)
    ]


@pytest.fixture
def resumed(tmp_path: Path) -> TrainingState:
    """Stage 0 to step 10,000, stage 1 to 16,000, then again from a checkpoint at 8,000, in stage 0."""
    return run(
        tmp_path / "resume",
        begin(0, 0, duration_steps=10_000),
        *metrics(0, 10_000),
        probe("digits", 0, 0.9, 10_000),
        event("stage_end", 10_000, stage=0),
        event("transition", 10_000, old_stage=0, new_stage=1),
        begin(1, 10_000, duration_steps=20_000),
        *metrics(11_000, 16_000),
        probe("digits", 0, 0.1, 16_000),
        *metrics(8_000, 12_000),
    )


def test_a_resume_is_another_attempt_and_what_it_repeats_does_not_count(resumed: TrainingState) -> None:
    """The attempts before it are apart: stage 0 from step 8,000 on and all of stage 1 were trained in vain."""
    assert spans(resumed) == [
        (0, 1, 0, 10_000, 8_000),
        (1, 1, 10_000, 16_000, 10_000),
        (0, 2, 8_000, 12_000, None),
    ]
    stage = stage_course.courses(resumed)[-1]
    assert (stage.stage, stage.start, stage.end, stage.running, stage.steps) == (0, 0, 12_000, True, 12_000)


def test_a_probe_that_a_resume_repeats_is_not_one(resumed: TrainingState) -> None:
    """Neither the good one at step 10,000 nor the bad one at 16,000 was measured in the run as it now is."""
    assert retention.retention(resumed) == ()


@pytest.fixture
def extended(tmp_path: Path) -> TrainingState:
    """A stage of 10,000 steps that was given 5,000 more, at step 13,000."""
    return run(
        tmp_path / "extension",
        begin(-1, 0, duration_steps=10_000, success_criteria={"reaching_accuracy": 0.9}),
        *metrics(0, 10_000),
        event("extension", 10_000, stage=-1, additional_steps=5_000, reason="Not reached: reaching_accuracy"),
        *metrics(11_000, 13_000),
    )


def test_an_extension_is_what_the_plan_has_beyond_its_first_end(extended: TrainingState) -> None:
    """Planned to 10,000, extended to 15,000, at 13,000: 2,000 left, nothing overrun."""
    (stage,) = stage_course.courses(extended)
    assert (stage.planned, stage.extended, stage.end, stage.overrun) == (10_000, 15_000, 13_000, 0)
    assert course_words.sentence(extended) == (
        "Stage -1 Sensorimotor (stage 1 of 8): 13,000 steps of 15,000 planned (87%); extended by 5,000 steps."
    )


def test_an_overrun_is_every_step_beyond_the_plan(tmp_path: Path) -> None:
    """A stage of 10,000 steps at 14,000 is 4,000 over, and has no other number."""
    state = run(tmp_path / "overrun", begin(0, 0, duration_steps=10_000), *metrics(0, 14_000))
    (stage,) = stage_course.courses(state)
    assert (stage.planned, stage.extended, stage.overrun) == (10_000, 10_000, 4_000)
    assert "; 4,000 beyond the plan." in course_words.sentence(state)


def test_a_plan_in_weeks_becomes_steps_by_the_checkpoints(tmp_path: Path) -> None:
    """Two weeks after 10,000 steps: four planned weeks end at 20,000, two more at 30,000."""
    state = run(
        tmp_path / "weeks",
        begin(-1, 0, duration_weeks=4),
        *metrics(0, 10_000),
        event("extension", 10_000, stage=-1, additional_weeks=2, reason="not yet"),
        current_stage=-1,
        step=10_000,
        current_week=2,
        total_weeks=6,
        metrics={},
    )
    (stage,) = stage_course.courses(state)
    assert (stage.planned, stage.extended) == (20_000, 30_000)


def test_sleep_and_growth_checks_are_expected_at_their_intervals(tmp_path: Path) -> None:
    """Those of the stage's configuration, from the newest sleep of the stage or else its start."""
    state = run(
        tmp_path / "due",
        begin(0, 0, consolidation_interval=4_000, growth_check_interval=3_000),
        *metrics(0, 5_000),
        event("consolidation", 4_500, sleep_stage="NREM", patterns_replayed=10),
        *metrics(6_000, 7_000),
    )
    due = {each.what: (each.step, each.interval) for each in stage_course.expected(state)}
    assert due == {"sleep": (8_500, 4_000), "growth check": (9_000, 3_000)}


def test_the_configuration_of_the_first_stage_is_found_by_either_of_its_numbers(tmp_path: Path) -> None:
    """Thalia's -0.5 is stage -1: sleep is expected at the interval that it was configured with."""
    state = run(
        tmp_path / "half",
        event("stage_start", 0, stage=-0.5, config={"consolidation_interval": 777}),
        *metrics(0, 5_000),
    )
    for stage in (-1, -0.5):
        assert configuration(state.stage_events, stage)["consolidation_interval"] == 777
    assert [(each.what, each.step, each.interval) for each in stage_course.expected(state)] == [
        ("sleep", 5_439, 777)
    ]


def forgetting_run(directory: Path, *later: Line, neurons: int = 525_000, stage: int = 4) -> TrainingState:
    """A task taught in stage 3 with 0.80, probed again in a stage of a brain with so many neurons."""
    counts = {"neuron_counts": {"cortex": neurons}}
    return run(
        directory,
        begin(3, 0),
        *({**each, **counts} for each in metrics(0, 10_000)),
        probe("reading", 3, 0.70, 5_000),
        probe("reading", 3, 0.80, 10_000),
        event("stage_end", 10_000, stage=3),
        begin(stage, 10_000),
        *({**each, **counts} for each in metrics(11_000, 20_000)),
        *later,
    )


@pytest.mark.parametrize(
    ("stage", "neurons", "percent"),
    [
        *((0, 50_000, 10.0), (1, 75_000, 9.0), (2, 125_000, 7.9), (3, 275_000, 6.6)),
        *((4, 525_000, 5.6), (5, 875_000, 5.0), (6, 1_200_000, 5.0)),
    ],
)
def test_the_allowed_forgetting_is_that_of_thalias_worked_example(
    stage: int, neurons: int, percent: float
) -> None:
    """Stricter the larger the brain and the later the stage, at least 5 %; 5.6 % at stage 4 with 525,000 neurons."""
    assert retention.allowed(stage, neurons) == pytest.approx(percent / 100, abs=1e-9)


@pytest.mark.parametrize(
    ("stage", "neurons", "share"),
    [
        *((-1e30, 50_000, 0.1), (1e308, 50_000, 0.05), (10**400, 50_000, 0.05)),
        *((math.nan, 50_000, 0.1), (math.inf, 50_000, 0.05), (-math.inf, 50_000, 0.1)),
        *((0, 5e-324, 1.0), (0, math.inf, 0.05), (0, math.nan, 0.1), (0, -1.0, 0.1)),
    ],
)
def test_the_allowed_forgetting_is_a_share_whatever_the_numbers(
    stage: float, neurons: float, share: float
) -> None:
    """A stage counts as one of 0 to 20, and between 5 and 100 % are allowed."""
    assert retention.allowed(stage, neurons) == share


@pytest.mark.parametrize("stage", ["-1e30", "1e308", "NaN", "Infinity", "1e999", "1" + "0" * 400])
def test_a_stage_beyond_all_measure_costs_no_summary(tmp_path: Path, stage: str) -> None:
    """One such line keeps nobody from the summary of the run, and the run's retention has a sentence."""
    (tmp_path / "training_log.json").write_text(
        f'{{"step":0,"event_type":"stage_start","stage":{stage}}}\n'
        '{"step":1,"event_type":"evaluation","task":"a","stage":0,"accuracy":0.5}\n{"step":1,"loss":0.5}\n'
    )
    state = load_training_state(tmp_path)
    assert all(each.kind is not Kind.RETENTION for each in summarize(state, 1e9).findings)
    assert retention.sentence(state) == "1 task probed, none of them yet after the end of its stage."


def test_forgetting_beyond_the_limit_is_one_finding_that_ends_with_the_next_good_probe(
    tmp_path: Path,
) -> None:
    """0.80 to 0.752 is 6 %, beyond 5.6 %; 0.76 is 5 %, within it."""
    lost = forgetting_run(tmp_path / "forgetting", probe("reading", 3, 0.752, 15_000))
    (task,) = retention.retention(lost)
    assert task.forgetting == pytest.approx(0.06)
    assert task.limit == pytest.approx(0.056)
    assert retention.transfer([task]) == pytest.approx(-0.048)
    (found,) = [each for each in findings(lost) if each.kind is Kind.RETENTION]
    assert (found.severity, found.series, found.since_step) == (Severity.WARNING, "reading", 15_000)
    assert found.message == "Task reading of stage 3 is being forgotten: 6 %."
    assert found.evidence == "accuracy 0.752 at step 15,000, 0.8 at the end of its stage; 5.6 % allowed"
    again = forgetting_run(
        tmp_path / "again", probe("reading", 3, 0.752, 15_000), probe("reading", 3, 0.76, 18_000)
    )
    assert [each for each in findings(again) if each.kind is Kind.RETENTION] == []


def test_catastrophic_forgetting_is_critical(tmp_path: Path) -> None:
    """More than 20 %: 0.80 to 0.6 is 25 %."""
    state = forgetting_run(tmp_path / "lost", probe("reading", 3, 0.6, 15_000))
    (found,) = [each for each in findings(state) if each.kind is Kind.RETENTION]
    assert found.severity is Severity.CRITICAL


def test_a_task_that_was_never_probed_later_has_no_retention_rather_than_none(tmp_path: Path) -> None:
    """Its cell of the later stage is missing, and nothing is said to be forgotten."""
    (task,) = retention.retention(forgetting_run(tmp_path / "unprobed"))
    assert set(task.by_stage) == {3}
    assert (task.forgetting, task.beyond, task.learned and task.learned.accuracy) == (None, False, 0.80)


def test_forgetting_is_found_where_steps_begin_again_at_each_stage(tmp_path: Path) -> None:
    """0.9 at the end of stage 0 and 0.2 at step 4,900 of stage 1 are 78 % forgotten, though 4,900 is before 9,900."""
    state = run(
        tmp_path / "again at 0",
        begin(0, 0),
        *({"step": step, "stage": 0, "loss": 0.5} for step in range(0, 10_000, 100)),
        probe("digits", 0, 0.9, 9_900),
        begin(1, 0),
        probe("digits", 0, 0.8, 0),
        *({"step": step, "stage": 1, "loss": 0.5} for step in range(0, 5_000, 100)),
        probe("digits", 0, 0.2, 4_900),
    )
    assert [each.kind for each in state.history.segments] == ["start", "stage"]
    (task,) = retention.retention(state)
    assert {stage: each.accuracy for stage, each in task.by_stage.items()} == {0: 0.9, 1: 0.2}
    assert (task.learned and task.learned.step, task.now and task.now.step) == (9_900, 4_900)
    assert task.forgetting == pytest.approx(0.78, abs=0.005)
    (found,) = [each for each in findings(state) if each.kind is Kind.RETENTION]
    assert found.message == "Task digits of stage 0 is being forgotten: 77.8 %."


def test_a_stage_that_no_event_names_where_steps_begin_again_is_no_later_stretch(tmp_path: Path) -> None:
    """The attempt that goes on there ends in the segment of its last line, and a probe there is of its stage."""
    state = run(
        tmp_path / "unnamed",
        begin(0, 0),
        *({"step": step, "stage": 0, "loss": 0.5} for step in range(0, 3_000, 100)),
        *({"step": step, "stage": 1, "loss": 0.5} for step in range(0, 5_000, 100)),
        probe("digits", 0, 0.2, 4_000),
    )
    (attempt,) = stage_course.attempts(state)
    assert (attempt.segment, attempt.until) == (0, 1)
    (task,) = retention.retention(state)
    assert set(task.by_stage) == {0}


def test_a_task_is_kept_as_well_as_the_metrics_say_where_nothing_is_evaluated(tmp_path: Path) -> None:
    """``task/reading_accuracy`` at the end of its stage and now: 0.8 and 0.72, so that a tenth is forgotten."""
    name = "task/reading_accuracy"
    state = run(
        tmp_path / "metrics",
        begin(0, 0),
        *({"step": step, name: 0.8} for step in range(0, 10_001, 1_000)),
        begin(1, 10_000),
        *({"step": step, name: 0.72} for step in range(11_000, 20_001, 1_000)),
    )
    (task,) = retention.retention(state)
    assert (task.task, task.stage) == ("reading", 0)
    assert task.forgetting == pytest.approx(0.1)


def test_a_silent_region_is_why_the_stage_does_not_advance(tmp_path: Path) -> None:
    """The criterion shows the worst region, its limit, and that the constant has no trend."""
    values = {"region_firing_rates/cortex": 0.1, "region_firing_rates/striatum": 0.002}
    state = run(
        tmp_path / "silence",
        begin(0, 0),
        *metrics(0, 50_000, **values),
        current_stage=0,
        step=50_000,
        metrics={},
        milestones={"no_silence": False},
    )
    each = next(each for each in advance.requirements(state) if each.milestone.name == "no_silence")
    assert each.measure and (each.measure.series, each.measure.value) == (
        "region_firing_rates/striatum",
        0.002,
    )
    assert (str(each.measure.target), each.met) == ("> 0.01", False)
    assert each.distance_to_limit == pytest.approx(0.008)
    assert (each.estimate.steps, each.estimate.reason) == (None, "no trend")


def test_a_run_without_data_has_nothing_of_all_this(tmp_path: Path) -> None:
    """No stage, criterion, task or intervention, no sentence, and no failure."""
    state = run(tmp_path / "empty")
    assert (stage_course.courses(state), retention.retention(state), advance.requirements(state)) == (
        (),
        (),
        (),
    )
    assert (stage_course.expected(state), safety.recorded(state), advance.gate(state)) == ((), False, None)
    sentences = [each.sentence(state) for each in (course_words, retention, advance, safety)]
    assert sentences == ["", "", "", ""]


def test_safety_is_what_was_recorded(tmp_path: Path) -> None:
    """Interventions by kind with the newest of each, the last health score, and the load against its limit."""
    state = run(
        tmp_path / "safety",
        *metrics(0, 3_000),
        event("intervention", 1_000, intervention="reduce_load", reason="load"),
        event("intervention", 2_000, intervention="reduce_load", actions=["pause", "sleep"]),
        event("intervention", 3_000, intervention="rollback"),
        event("cognitive_load", 1_000, load=0.95),
        event("cognitive_load", 2_000, load=0.5),
        event("health_score", 2_000, score=0.85),
    )
    found = [(each.kind, each.count, each.newest.step, each.newest.reason) for each in safety.tallies(state)]
    assert found == [("reduce_load", 2, 2_000, "pause, sleep"), ("rollback", 1, 3_000, "")]
    assert safety.sentence(state) == (
        "3 interventions (reduce_load 2, rollback 1); health score 0.85; "
        "cognitive load 0.5, above 0.9 in 50 % of 2 values."
    )


def test_hostile_fields_are_left_out(tmp_path: Path) -> None:
    """An evaluation without a usable task, step or accuracy is none; an intervention has at least a name."""
    bad: Sequence[Line] = (
        event("evaluation", 5_000, task=["a"], stage=0, accuracy=0.5),
        event("evaluation", 5_000, task="a", stage=0, accuracy=True),
        event("evaluation", 5_000, task="a", stage=0, accuracy=7),
        {"event_type": "evaluation", "task": "a", "stage": 0, "accuracy": 0.5},
        event("cognitive_load", 5_000, load="high", threshold="<b>"),
        event("intervention", 5_000, intervention={"a": 1}, actions="all"),
        event("gate", 5_000, passed="yes", failures="no", metrics=[1]),
        event("stage_start", 5_000, stage="two"),
    )
    state = run(tmp_path / "hostile", begin(0, 0), *metrics(0, 6_000), *bad)
    assert retention.retention(state) == ()
    assert [each.kind for each in safety.interventions(state)] == ["unknown"]
    assert safety.load(state) is None
    gate = advance.gate(state)
    assert gate and (gate.passed, gate.failures, gate.measured) == (None, (), {})
    assert spans(state) == [(0, 1, 0, 6_000, None)]


def test_a_gate_of_an_attempt_that_was_given_up_says_nothing_of_now(tmp_path: Path) -> None:
    """The run failed its gate at step 5,000 and was resumed from 3,000: the next gate is still to come."""
    failed = event("gate", 5_000, passed=False, decision="extend")
    lines = (begin(0, 0), *metrics(0, 5_000), failed)
    before = advance.gate(run(tmp_path / "failed", *lines))
    assert before
    assert before.decision == "extend"
    assert advance.gate(run(tmp_path / "resumed", *lines, *metrics(3_000, 4_000))) is None


def test_new_events_cost_only_themselves(tmp_path: Path) -> None:
    """Reading the probes and interventions of a longer log looks at the events that are new."""
    first = run(tmp_path / "long", begin(0, 0), *metrics(0, 2_000), probe("a", 0, 0.5, 2_000))
    seen: list[int] = []
    read = retention._read

    def counting(events: Any) -> Any:
        seen.append(len(events))
        return read(events)

    retention.retention(first)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(retention, "_read", counting)
        old = AppendOnly(first.events)
        before = TrainingState(history=first.history, events=old)
        retention.retention(before)
        more = (*first.events, first.events[-1])
        retention.retention(TrainingState(history=first.history, events=old.next_version(more)))
    assert seen == [len(first.events), 1]


def test_criteria_that_only_this_stage_is_configured_with_are_listed_too(tmp_path: Path) -> None:
    """With the limit of the configuration; those of an earlier stage are not."""
    state = run(
        tmp_path / "own",
        begin(0, 0, success_criteria={"old_skill": 0.5}),
        *metrics(0, 5_000),
        begin(1, 5_000, success_criteria={"new_skill": 0.8, "calm": True}),
        *metrics(6_000, 50_000, new_skill=0.7),
    )
    found = {each.milestone.name: each for each in advance.requirements(state)}
    assert "old_skill" not in found
    assert found["new_skill"].measure and str(found["new_skill"].measure.target) == "> 0.8"
    assert found["new_skill"].distance_to_limit == pytest.approx(0.1)
    assert (found["calm"].milestone.criterion, found["calm"].met) == ("check holds", None)


@pytest.mark.parametrize("stages", [2, 1_000_000], ids=["two stages in turn", "another stage each time"])
def test_many_stage_starts_cost_no_more_than_their_number(stages: int) -> None:
    """20,000 of them take at most 12 times as many calls as 2,000, and the newest is the stage that is trained."""

    def calls(count: int) -> int:
        """How many calls the courses take, generators' steps included."""
        events = tuple(Event("stage_start", step, {"stage": step % stages}) for step in range(count))
        state = TrainingState(history=history(range(0, count, 100), loss=[0.5] * len(range(0, count, 100))))
        state, made = replace(state, events=events), 0

        def counting(*_: object) -> None:
            nonlocal made
            made += 1

        sys.setprofile(counting)
        try:
            found = stage_course.courses(state)
        finally:
            sys.setprofile(None)
        assert (found[-1].stage, found[-1].running) == ((count - 1) % stages, True)
        return made

    assert calls(20_000) <= 12 * calls(2_000)


def test_attempts_are_those_since_the_newest_turns() -> None:
    """Of 5,000 stage starts 4,000 count; the first of them is attempt 1."""
    events = tuple(Event("stage_start", step, {"stage": step % 2}) for step in range(5_000))
    found = stage_course.attempts(TrainingState(history=history(range(6_000)), events=events))
    assert [(each.stage, each.number, each.start) for each in found[:3]] == [
        (0, 1, 1_000),
        (1, 1, 1_001),
        (0, 2, 1_002),
    ]
    assert (len(found), found[-1].number, found[-1].end) == (4_000, 2_000, 5_999)


def test_a_resume_that_goes_further_back_each_time_is_cheap() -> None:
    """What an earlier resume has repeated whole is looked at no more, and the stage goes on as it was."""
    steps = [step for first in range(300, 0, -1) for step in (first, first + 1)]
    state = TrainingState(history=history(steps), events=(Event("stage_start", 0, {"stage": 0}),))
    replaced = 0

    def counting(*given: Any, **changes: Any) -> Any:
        nonlocal replaced
        replaced += 1
        return replace(*given, **changes)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(stage_course, "replace", counting)
        found = stage_course.attempts(state)
    assert (len(found), found[-1].number, found[-1].start, found[-1].running) == (300, 300, 1, True)
    assert [each.repeated_from for each in found[-3:]] == [3, 2, None]
    assert replaced <= 3 * 300
