"""What a run's own numbers say about its health: every trouble once, and none on a healthy run."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
import pytest

from tests.analysis.build import checkpoint, history, state
from thalia_monitor.analysis.findings import Finding, Kind, Thresholds
from thalia_monitor.analysis.health import findings
from thalia_monitor.demo.brain import Simulation
from thalia_monitor.demo.events import Logged, MilestoneCheck, StageStart
from thalia_monitor.demo.live_run import training
from thalia_monitor.errors import SettingsError
from thalia_monitor.model.history import Column, Floats, History
from thalia_monitor.model.records import Checkpoint, Event, Severity
from thalia_monitor.model.run import TrainingState

RANDOM = np.random.default_rng(5)
STEPS = range(0, 40_000, 100)
HEALTHY: Floats = 0.10 + 0.01 * RANDOM.normal(size=len(STEPS))


def only(run: TrainingState) -> Finding:
    """The one finding there is."""
    (found,) = findings(run)
    return found


def kinds(run: TrainingState) -> list[Kind]:
    """What is found."""
    return [each.kind for each in findings(run)]


def after(values: Floats, step: int, new: float) -> Floats:
    """These values, as they were logged at ``STEPS``, with another one from a step on."""
    changed = values.copy()
    changed[np.array(STEPS) >= step] = new
    return changed


def simulated(seed: int, interval: int, until: int) -> Iterator[TrainingState]:
    """States of a healthy simulated training, each 20,000 steps."""
    steps: list[int] = []
    points: list[Checkpoint] = []
    metrics: dict[str, list[float]] = {}
    neurons: dict[str, list[float]] = {}
    capacity: dict[str, list[float]] = {}
    milestones: dict[str, bool] = {}
    stages: list[StageStart] = []
    for event in training(Simulation(seed=seed, log_interval=interval)):
        if isinstance(event, MilestoneCheck):
            milestones = dict(event.results)
        if isinstance(event, StageStart):
            stages.append(event)
        if not isinstance(event, Logged):
            continue
        if event.step and event.step % 20_000 == 0:
            points.append(checkpoint(event.step, stage=stages[-1].stage, milestones=milestones))
            columns = {name: Column(np.array(values)) for name, values in metrics.items()}
            lines = history(steps)
            yield state(
                History(
                    lines.step,
                    lines.segment,
                    lines.time,
                    {name: column for name, column in columns.items() if len(column) == len(steps)},
                    {name: Column(np.array(values)) for name, values in neurons.items()},
                    {name: Column(np.array(values)) for name, values in capacity.items()},
                    lines.segments,
                ),
                *points,
                events=[
                    *(Event("growth", step, {"region": region}) for step, region in _growths(steps, neurons)),
                    *(Event("stage_start", each.step, {"stage": each.stage}) for each in stages),
                ],
            )
        if event.step > until:
            return
        steps.append(event.step)
        for name, value in event.metrics.items():
            if not isinstance(value, dict):
                metrics.setdefault(name, []).append(value)
        for region, count in event.metrics["neuron_counts"].items():
            neurons.setdefault(region, []).append(count)
            capacity.setdefault(region, []).append(event.metrics["capacity_by_region"][region])


def _growths(steps: list[int], neurons: dict[str, list[float]]) -> list[tuple[int, str]]:
    return [
        (steps[row], region)
        for region, counts in neurons.items()
        for row in np.flatnonzero(np.diff(counts)) + 1
    ]


@pytest.mark.parametrize(
    ("seed", "interval"), [(7, 20), (8, 100), (9, 100), *((seed, 500) for seed in range(20, 28)), (10, 1000)]
)
def test_a_healthy_run_raises_no_alarm(seed: int, interval: int) -> None:
    """Over simulated stages with sleep, growth and bouts of excitation nothing worse than a note is found."""
    for run in simulated(
        seed, interval, 500_000 if interval > 100 else 260_000 if interval > 20 else 150_000
    ):
        worse = [each for each in findings(run) if each.severity is not Severity.INFO]
        assert worse == []


def test_an_empty_run_is_not_ill() -> None:
    """Nothing logged, nothing wrong."""
    assert findings(state()) == []


class TestNonfinite:
    def test_a_loss_that_is_nan_is_critical_since_it_became_so(self) -> None:
        """The finding names the step at which the unbroken stretch began, and how many values there are."""
        run = state(history(STEPS, loss=after(HEALTHY, 30_000, math.nan)))
        found = only(run)
        assert (found.kind, found.severity) == (Kind.NONFINITE, Severity.CRITICAL)
        assert (found.since_step, found.series) == (30_000, "loss")
        assert found.message == "loss has been NaN since step 30,000."
        assert found.evidence == "100 values of 400 not finite"

    def test_an_earlier_burst_does_not_hide_when_the_present_one_began(self) -> None:
        """Each burst is its own."""
        values = after(HEALTHY, 39_900, math.inf)
        values[5] = math.nan
        assert only(state(history(STEPS, loss=values))).message == "loss has been ∞ since step 39,900."

    @pytest.mark.parametrize(("step", "severity"), [(39_500, Severity.WARNING), (20_000, Severity.INFO)])
    def test_a_burst_that_is_over_fades_to_a_note(self, step: int, severity: Severity) -> None:
        """A burst just over is a warning; long over, it stays on record and nothing is wrong now."""
        values = HEALTHY.copy()
        values[step // 100] = math.nan
        found = only(state(history(STEPS, my_metric=values)))
        assert (found.severity, found.since_step) == (severity, step)
        assert found.message == f"my_metric was not finite, last at step {step:,}."
        assert found.evidence == "1 value of 400 not finite"

    def test_a_log_out_of_order_is_examined_too(self) -> None:
        """Stragglers change no count."""
        values = after(HEALTHY, 39_900, math.nan)
        lines = history(STEPS, loss=values)
        shuffled = History(
            lines.step, lines.segment, lines.time, lines.metrics, segments=lines.segments, ordered=False
        )
        assert only(state(shuffled)).severity is Severity.CRITICAL


class TestFiring:
    def test_a_rate_that_stays_outside_the_range_is_found(self) -> None:
        """Outside 0.05 to 0.15 for 10,000 steps: since when, and what is healthy."""
        found = only(state(history(STEPS, firing_rate=after(HEALTHY, 25_000, 0.22))))
        assert (found.kind, found.severity, found.since_step) == (Kind.FIRING, Severity.WARNING, 25_000)
        assert found.message == "The firing rate has been too high since step 25,000: 0.22."
        assert found.evidence == "healthy is 0.05 to 0.15"
        low = only(state(history(STEPS, firing_rate=after(HEALTHY, 25_000, 0.03))))
        assert low.message == "The firing rate has been too low since step 25,000: 0.03."

    def test_a_short_bout_is_not(self) -> None:
        """Thalia judges stability over 10,000 steps."""
        assert kinds(state(history(STEPS, firing_rate=after(HEALTHY, 35_000, 0.22)))) == []

    def test_a_rate_that_came_back_is_not(self) -> None:
        """What is over is over, within ten lines."""
        values = after(HEALTHY, 10_000, 0.22)
        values[-6:] = 0.1
        assert kinds(state(history(STEPS, firing_rate=values))) == []

    @pytest.mark.parametrize("name", ["firing_rate/cortex", "region_firing_rates.cortex"])
    def test_a_silent_region_is_critical(self, name: str) -> None:
        """Below 0.01 for 1,000 steps, by either of the names that regions' rates have."""
        found = only(state(history(STEPS, **{name: after(HEALTHY, 38_500, 0.0)})))
        assert (found.kind, found.severity, found.since_step) == (Kind.SILENT, Severity.CRITICAL, 38_500)
        assert found.message == "cortex has been silent since step 38,500."

    def test_one_spike_breaks_the_silence(self) -> None:
        """A region that fired 500 steps ago has not been silent for 1,000."""
        values = after(HEALTHY, 38_000, 0.0)
        values[-5] = 0.02
        assert kinds(state(history(STEPS, **{"firing_rate/cortex": values}))) == []

    def test_a_rate_running_away_is_critical_at_once(self) -> None:
        """Two lines above 0.8 are enough; one is noise."""
        found = only(state(history(STEPS, firing_rate=after(HEALTHY, 39_800, 0.9))))
        assert (found.kind, found.severity, found.since_step) == (Kind.RUNAWAY, Severity.CRITICAL, 39_800)
        assert kinds(state(history(STEPS, firing_rate=after(HEALTHY, 39_900, 0.9)))) == []

    def test_a_rate_that_is_zero_all_along_was_not_measured(self) -> None:
        """Thalia's first logger wrote a constant 0 as a placeholder."""
        assert kinds(state(history(STEPS, firing_rate=np.zeros(400), capacity=np.zeros(400)))) == []

    def test_averages_are_not_regions(self) -> None:
        """Thalia logs an average beside the regions under the same prefix."""
        assert kinds(state(history(STEPS, **{"firing_rate/average": np.zeros(400)}))) == []

    @pytest.mark.parametrize("name", ["avg_firing_rate", "firing_rate/average", "mean_firing_rate"])
    def test_a_rate_is_judged_under_each_of_its_names(self, name: str) -> None:
        """The sentence names the series, and the finding leads to its chart."""
        found = only(state(history(STEPS, **{name: after(HEALTHY, 25_000, 0.22)})))
        assert (found.kind, found.severity, found.series) == (Kind.FIRING, Severity.WARNING, name)
        assert found.message == f"The firing rate ({name}) has been too high since step 25,000: 0.22."
        found = only(state(history(STEPS, **{name: after(HEALTHY, 39_800, 0.9)})))
        assert found.kind is Kind.RUNAWAY

    @pytest.mark.parametrize("name", ["firing_rate", "avg_firing_rate"])
    @pytest.mark.parametrize("lines", [1, 2, 9])
    def test_a_short_run_beyond_the_loggers_limits_is_found_at_once(self, name: str, lines: int) -> None:
        """A birth run at 0.42 is over Thalia's own limit of 0.30 in every value, however few there are."""
        short = range(0, 1000 * lines, 1000)
        found = only(state(history(short, **{name: [0.42] * lines})))
        assert (found.kind, found.severity, found.since_step) == (Kind.FIRING, Severity.WARNING, 0)
        assert found.message.endswith("has been too high since step 0: 0.42.")
        assert found.evidence == "above 0.3, the limit of Thalia's logger, in every value so far"
        low = only(state(history(short, **{name: [0.015] * lines})))
        assert low.evidence == "below 0.02, the limit of Thalia's logger, in every value so far"
        for healthy in (0.3, 0.1, 0.02):
            assert kinds(state(history(short, **{name: [healthy] * lines}))) == []

    @pytest.mark.parametrize("name", ["firing_rate/cortex", "mean_fr_hz", "region_firing_rates_hz/cortex"])
    def test_spike_counts_and_rates_in_hz_are_not_judged_as_rates(self, name: str) -> None:
        """Spikes / 100 of a region may be any number, and 9 Hz is no share of 1."""
        for value in (0.22, 0.9, 9.1):
            assert kinds(state(history(STEPS, **{name: np.full(400, value)}))) == []

    def test_a_count_that_is_logged_twice_is_a_count(self) -> None:
        """Thalia's trainer has the same spikes / 100 flat and in an object; alone, the object has rates."""
        fast = np.full(400, 0.9)
        both = {"region_firing_rates/cortex": fast, "firing_rate/cortex": fast}
        assert kinds(state(history(STEPS, **both))) == []
        assert kinds(state(history(STEPS, **dict(reversed(both.items()))))) == []
        assert kinds(state(history(STEPS, **{"region_firing_rates/cortex": fast}))) == [Kind.RUNAWAY]

    def test_a_region_under_two_names_is_found_once(self) -> None:
        """Thalia logs each region's count flat and in an object."""
        silent = after(HEALTHY, 38_500, 0.0)
        run = state(history(STEPS, **{"firing_rate/cortex": silent, "region_firing_rates/cortex": silent}))
        assert only(run).message == "cortex has been silent since step 38,500."

    @pytest.mark.parametrize("name", ["firing_rate", "avg_firing_rate"])
    def test_a_placeholder_is_not_silence(self, name: str) -> None:
        """Neither is a rate too low that was 0.0 in every line; one that fell to 0 is silence."""
        assert kinds(state(history(STEPS, **{name: np.zeros(400)}))) == []
        assert kinds(state(history(STEPS, **{name: after(HEALTHY, 30_000, 0.0)}))) == [Kind.SILENT]

    def test_a_resume_begins_anew(self) -> None:
        """What was wrong before a resume is not held against the part that repeats it."""
        steps = [*range(0, 30_000, 100), *range(20_000, 24_000, 100)]
        values = np.concatenate((np.full(300, 0.3), np.full(40, 0.1)))
        assert kinds(state(history(steps, firing_rate=values))) == []


class TestCapacity:
    def run(self, *growths: Event, neurons: tuple[float, float] = (500, 500)) -> TrainingState:
        """A run whose cortex is above its growth threshold from step 10,000 on."""
        lines = history(STEPS, loss=HEALTHY)
        return state(
            History(
                lines.step,
                lines.segment,
                lines.time,
                lines.metrics,
                {"cortex": Column(np.linspace(*neurons, 400))},
                {"cortex": Column(after(np.full(400, 0.6), 10_000, 0.9))},
                lines.segments,
            ),
            events=growths,
        )

    def test_a_full_region_that_does_not_grow_is_found(self) -> None:
        """Above 0.85 for longer than Thalia ever waits between two growths."""
        found = only(self.run())
        assert (found.kind, found.severity, found.since_step) == (Kind.CAPACITY, Severity.WARNING, 10_000)
        assert found.message == "Capacity of cortex has been above 0.85 since step 10,000 without growth."
        assert found.evidence == "90 % in use"
        assert found.series == "capacity.cortex"

    def test_a_region_that_grew_lately_is_not(self) -> None:
        """Growth takes a while to show; another region's growth does not count."""
        assert kinds(self.run(Event("growth", 30_000, {"region": "cortex"}))) == []
        assert kinds(self.run(Event("growth", 30_000, {"region": "striatum"}))) == [Kind.CAPACITY]
        assert kinds(self.run(Event("growth", 1_000, {"region": "cortex"}))) == [Kind.CAPACITY]

    def test_a_growth_counts_however_much_else_is_logged_behind_it(self) -> None:
        """Other kinds may come by the thousand, and growth that another file tells of stands before all of them."""
        others = [Event("note", 35_000, {})] * 6_000
        assert kinds(self.run(Event("growth", 30_000, {"region": "cortex"}), *others)) == []

    def test_a_full_grown_region_is_only_noted(self) -> None:
        """Thalia stops growing a region at some multiple of its first size."""
        found = only(self.run(neurons=(400, 1000)))
        assert found.severity is Severity.INFO
        assert found.evidence == "90 % in use; 2.5x initial size, which may be its limit"

    def test_without_regions_the_whole_counts(self) -> None:
        """A run that logs one capacity is judged by that."""
        run = state(history(STEPS, capacity=after(HEALTHY + 0.5, 5_000, 0.9)))
        assert only(run).message == "Capacity has been above 0.85 since step 5,000 without growth."


class TestLoss:
    FALLING: Floats = 0.1 + 0.5 * np.exp(-np.array(STEPS) / 8000) + 0.01 * RANDOM.normal(size=len(STEPS))

    def test_a_loss_that_rises_and_stays_is_found(self) -> None:
        """Twice the stage's best for 5,000 steps."""
        found = only(state(history(STEPS, loss=after(self.FALLING, 34_000, 0.4))))
        assert (found.kind, found.severity) == (Kind.LOSS, Severity.WARNING)
        assert found.message.startswith("Loss is diverging: 0.4, up from 0.1")
        assert found.since_step is not None
        assert 25_000 <= found.since_step <= 34_900

    def test_a_spike_a_bout_or_a_recovery_is_none(self) -> None:
        """What is short, or already falling again, is not a divergence."""
        spike, bout, recovery = self.FALLING.copy(), self.FALLING.copy(), self.FALLING.copy()
        spike[-3] = 50
        bout[-22:] = 0.6
        recovery[250:350] = 0.9
        for values in (spike, bout, recovery, self.FALLING):
            assert kinds(state(history(STEPS, loss=values))) == []

    def test_steps_that_leap_are_no_work(self) -> None:
        """What lies between two lines far apart is not looked through, block after block."""
        steps = [*range(0, 60_000, 100), *range(10**17, 10**17 + 60_000, 100)]
        found = only(state(history(steps, loss=np.where(np.array(steps) < 10**17, 0.1, 0.4))))
        assert found.message == "Loss is diverging: 0.4, up from 0.1 at step 9,900."

    def test_a_new_stage_has_new_tasks(self) -> None:
        """Loss may jump where a stage begins: by its event, or by the checkpoints where there is none."""
        lines = history(STEPS, loss=after(self.FALLING, 20_000, 0.5))
        assert kinds(state(lines)) == [Kind.LOSS]
        assert kinds(state(lines, events=[Event("transition", 20_000, {})])) == []
        another = Event("stage_start", 20_000, {}, file="curriculum_training.log")
        assert kinds(state(lines, events=[another, Event("transition", 10_000, {})])) == []
        assert kinds(state(lines, checkpoint(19_000, stage=0), checkpoint(25_000, stage=1))) == []


class TestPerformance:
    def test_a_plateau_far_from_the_goal_is_noted(self) -> None:
        """Less than 2 % in 5,000 steps is what Thalia grows a region for."""
        found = only(state(history(STEPS, performance=after(np.linspace(0.1, 0.6, 400), 25_000, 0.55))))
        assert (found.kind, found.severity, found.since_step) == (Kind.PLATEAU, Severity.INFO, 34_901)
        assert found.message == "Performance has hardly changed since step 34,901: 0.55."
        assert found.evidence == "0 % in 5,000 steps; +2 % is learning"

    @pytest.mark.parametrize("name", ["task_accuracy", "accuracy", "task/reaching_accuracy"])
    def test_performance_is_judged_under_each_of_its_names(self, name: str) -> None:
        """The sentence names the series."""
        found = only(state(history(STEPS, **{name: after(np.full(400, 0.8), 35_000, 0.6)})))
        assert (found.severity, found.series) == (Severity.WARNING, name)
        assert found.message == f"Performance ({name}) has fallen since step 34,901, to 0.6."

    def test_speed_is_not_performance(self) -> None:
        """Steps per second may fall without anything being forgotten."""
        speed = after(np.full(400, 0.8), 35_000, 0.6)
        assert kinds(state(history(STEPS, **{"performance/steps_per_sec": speed}))) == []

    def test_learning_and_mastery_are_no_plateau(self) -> None:
        """A run that still gains, or has little left to gain, is as it should be."""
        for values in (np.linspace(0.1, 0.6, 400), np.full(400, 0.95), np.zeros(400)):
            assert kinds(state(history(STEPS, performance=values))) == []

    def test_a_fall_is_a_warning(self) -> None:
        """A tenth lost within 5,000 steps is what Thalia's safety system calls a performance drop."""
        found = only(state(history(STEPS, performance=after(np.full(400, 0.8), 35_000, 0.6))))
        assert found.severity is Severity.WARNING
        assert found.message == "Performance has fallen since step 34,901, to 0.6."


class TestForgetting:
    def test_a_milestone_passed_before_and_not_now_is_lost(self) -> None:
        """Whether the checkpoints tell or the milestone events."""
        points = [
            checkpoint(5000, milestones={"a": False, "b": True}),
            checkpoint(10_000, milestones={"a": True, "b": True}),
            checkpoint(15_000, milestones={"a": True, "b": False}),
        ]
        found = only(state(None, *points))
        assert (found.kind, found.severity, found.since_step, found.series) == (
            Kind.FORGETTING,
            Severity.WARNING,
            15_000,
            "b",
        )
        assert found.message == "Milestone b was lost at step 15,000."
        checks = [Event("milestone", each.step, {"results": each.milestones}) for each in points]
        assert only(state(None, events=checks)) == found

    def test_a_milestone_regained_is_not_lost(self) -> None:
        """Nor is one that was never passed, or that the next stage no longer checks."""
        points = [
            checkpoint(5000, milestones={"a": True, "b": False, "c": True}),
            checkpoint(10_000, milestones={"a": False, "b": False, "c": True}),
            checkpoint(15_000, stage=1, milestones={"a": True, "b": False}),
        ]
        assert kinds(state(None, *points)) == []

    def test_an_earlier_skill_that_is_not_maintained_is_found(self) -> None:
        """Such a milestone asks about the past, so that failing it at first is a loss already."""
        found = only(state(None, checkpoint(5000, milestones={"mnist_maintained": False})))
        assert found.message == "An earlier stage's skill is not maintained: mnist."

    def test_a_malformed_check_is_passed_over(self) -> None:
        """A score of 0.42 is not a milestone passed, and results may be anything."""
        checks = [
            Event("milestone", 1, {"results": {"a": 0.42, "b": True}}),
            Event("milestone", 2, {"results": ["b"]}),
            Event("milestone", None, {"results": {"b": False}}),
            Event("milestone", 3, {}),
        ]
        assert kinds(state(None, events=checks)) == []


def test_the_worst_comes_first_and_keeps_its_key() -> None:
    """Findings are ordered by severity, and one that lasts is recognised again."""
    values = after(HEALTHY, 25_000, 0.3)
    runs = [
        state(history(STEPS[:end], firing_rate=values[:end], loss=after(HEALTHY, 30_000, math.nan)[:end]))
        for end in (380, 400)
    ]
    before, now = (findings(run) for run in runs)
    assert [each.kind for each in now] == [Kind.NONFINITE, Kind.FIRING]
    assert (
        [each.key for each in before]
        == [each.key for each in now]
        == ["nonfinite:loss", "firing:firing_rate"]
    )


class TestThresholds:
    def test_they_come_from_a_table(self) -> None:
        """A lab may judge by its own numbers."""
        run = state(history(STEPS, firing_rate=after(HEALTHY, 25_000, 0.22)))
        assert findings(run, Thresholds.from_mapping({"firing_high": 0.25})) == []
        assert Thresholds.from_mapping({}) == Thresholds()

    @pytest.mark.parametrize(
        ("table", "words"),
        [
            ({"firing_hi": 1}, "There is no health threshold 'firing_hi'; known are capacity, firing_high"),
            ({"silent": "low"}, "The health threshold 'silent' must be a number"),
            ({"silent": True}, "The health threshold 'silent' must be a number"),
            ({"silent": -1}, "The health threshold 'silent' must be a number"),
            ({"silent": math.nan}, "The health threshold 'silent' must be a number"),
        ],
    )
    def test_what_cannot_be_used_is_refused_in_words(self, table: dict[str, object], words: str) -> None:
        """A misspelt name is reported, with the names there are."""
        with pytest.raises(SettingsError) as raised:
            Thresholds.from_mapping(table)
        assert str(raised.value).startswith(words)
