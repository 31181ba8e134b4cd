"""The demo: a simulated training, logged as a real one would be, fast through its past and then live.

``python -m thalia_monitor.demo DIRECTORY`` writes until interrupted. The command ``thalia-monitor demo``
calls :func:`run` in a thread, with an event to stop it.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from random import Random
from threading import Event
from typing import Any, Final

from thalia_monitor import contract
from thalia_monitor.demo.brain import WEEKS, WINDOW, Brain, Simulation
from thalia_monitor.demo.events import (
    Alert,
    Condition,
    Evaluation,
    Extension,
    Gate,
    Growth,
    Intervention,
    Logged,
    MilestoneCheck,
    Sleep,
    StageEnd,
    StageStart,
    TrainingEvent,
    Transition,
)
from thalia_monitor.logger.files import last_step
from thalia_monitor.logger.logger import CurriculumLogger
from thalia_monitor.stages import DOCUMENTED, stage_name

EXTENSION_WEEKS: Final = 2
LOAD_LIMIT: Final = 0.9
PROBE_INTERVAL: Final = 5_000
"""Steps between two probes of the tasks."""
TRIALS: Final = 400
"""Trials of a probe."""

TASKS: Final[Mapping[int, Mapping[str, float]]] = {
    -1: {"motor_control": 0.40, "reaching": 0.35, "manipulation": 0.25},
    0: {"mnist": 0.40, "temporal": 0.25, "phonology": 0.35},
    1: {"cifar10": 0.40, "n_back": 0.35, "object_permanence": 0.25},
}


def training(simulation: Simulation, brain: Brain | None = None) -> Iterator[TrainingEvent]:
    """Yield everything that happens in a simulated training, from step 0 and without end.

    ``brain`` is the one that is trained, where somebody changes it meanwhile.
    """
    brain = brain or Brain(simulation, Random(simulation.seed))
    yield StageStart(0, brain.stage, _config(brain.stage))
    while True:
        if brain.step and brain.step % simulation.growth_interval == 0:
            yield from _grow(brain)
        if brain.step and brain.step % simulation.consolidation_interval == 0:
            yield from _sleep(brain)
        yield from _measure(brain)
        if brain.step and brain.step % PROBE_INTERVAL == 0:
            yield from _probe(brain)
        brain.step += simulation.log_interval
        brain.learn()
        if (brain.step - brain.stage_start) % simulation.steps_per_week == 0:
            yield from _week_over(brain)


def _measure(brain: Brain) -> Iterator[TrainingEvent]:
    metrics = brain.metrics()
    yield Logged(brain.step, metrics)
    high = metrics["firing_rate"] > 0.28 if brain.firing_was_high else metrics["firing_rate"] > 0.30
    if high and not brain.firing_was_high:
        yield Alert(
            brain.step, "critical", f"Seizure-like activity: firing rate {metrics['firing_rate']:.3f} > 0.3"
        )
        yield Intervention(brain.step, "reduce_load", "firing rate above 0.3")
    if brain.firing_was_high and not high:
        yield Intervention(brain.step, "consolidate", "after over-excitation")
    brain.firing_was_high = high


def _probe(brain: Brain) -> Iterator[TrainingEvent]:
    """Probe the tasks of this stage and, less often, those of earlier ones; report health score and load."""
    random = Random(brain.step)  # its own: what the brain does depends on no probe
    for stage, tasks in TASKS.items():
        if stage > brain.stage or (stage < brain.stage and brain.step % (2 * PROBE_INTERVAL)):
            continue
        for task in tasks:
            skill = (
                min(brain.general_skill() + 0.03, 1.0) if stage == brain.stage else brain.kept(task, stage)
            )
            right = sum(random.random() < skill for _ in range(TRIALS))
            yield Evaluation(brain.step, task, stage, right / TRIALS, TRIALS)
    score = 1 - 0.25 * brain.excitation - (0.05 if brain.load > LOAD_LIMIT else 0.0)
    yield Condition(brain.step, round(score, 3), round(brain.load + random.gauss(0, 0.02), 3))


def _grow(brain: Brain) -> Iterator[TrainingEvent]:
    for region in brain.regions:
        if brain.may_grow and region.may_grow(brain.step):
            yield Alert(brain.step, "warning", f"High capacity in {region.name}: {region.capacity:.3f}")
            yield region.grow(brain.step, brain.random)


def _sleep(brain: Brain) -> Iterator[TrainingEvent]:
    pressure = brain.random.uniform(0.55, 0.85)
    if pressure > 0.75:
        yield Alert(brain.step, "info", f"Memory pressure {pressure:.2f}: consolidating")
    yield Sleep(brain.step, "NREM", brain.random.randint(110, 200), 5_000)
    yield Sleep(brain.step, "REM", brain.random.randint(50, 110), 2_000)
    for region in brain.regions:
        region.capacity *= 0.985  # replay frees some of what the day has filled


def _week_over(brain: Brain) -> Iterator[TrainingEvent]:
    results = brain.evaluate()
    yield MilestoneCheck(brain.step, brain.stage, brain.week, results)
    if brain.week < brain.total_weeks:
        return
    missed = [name for name, passed in results.items() if not passed]
    with_limits = (each for each in brain.criteria if each.threshold is not None)
    reached = {each.name: round(brain.skill(each), 4) for each in with_limits}
    yield Gate(brain.step, brain.stage, tuple(f"{each} not reached" for each in missed), reached)
    last = brain.stage == max(WEEKS)
    if missed or last:
        brain.total_weeks += EXTENSION_WEEKS
        reason = f"Not reached: {', '.join(missed)}" if missed else "The last stage goes on"
        yield Extension(brain.step, brain.stage, EXTENSION_WEEKS, reason)
        return
    yield StageEnd(brain.step, brain.stage)
    yield Transition(brain.step, brain.stage, brain.stage + 1, "Milestones passed")
    brain.stage += 1
    brain.stage_start = brain.step
    brain.total_weeks = WEEKS[brain.stage]
    yield StageStart(brain.step, brain.stage, _config(brain.stage))


def _config(stage: int) -> dict[str, Any]:
    tasks = TASKS.get(stage, {stage_name(stage).lower().replace(" ", "_"): 1.0})
    criteria = DOCUMENTED[stage].milestones
    return {
        "duration_weeks": WEEKS[stage],
        "tasks": list(tasks),
        "task_weights": dict(tasks),
        "success_criteria": {each.name: each.threshold for each in criteria if each.threshold is not None},
    }


HISTORY_HOURS = 2.0
METADATA_INTERVAL = 5_000
SPIKE_INTERVAL: Final = 5_000
"""Steps between two windows of spikes."""


@dataclass(slots=True)
class Clock:
    """Tells the logger the time: that of the simulated past, then the real one."""

    real: Callable[[], float]
    simulated: float | None = None

    def __call__(self) -> float:
        """Unix seconds."""
        return self.real() if self.simulated is None else self.simulated


def simulate(
    directory: Path,
    *,
    simulation: Simulation | None = None,
    history_hours: float = HISTORY_HOURS,
    clock: Callable[[], float] = time.time,
    controlled: bool = False,
) -> Iterator[int]:
    """Log a simulated training into a directory, one metric line for each step that is taken from it.

    The first ``history_hours`` are written at once, before the first step is yielded, with timestamps that
    end now; after that each line bears the time of ``clock`` (Unix seconds). A directory that holds a demo
    already is continued at its last step. It never ends by itself; ``controlled`` offers viewers to stop it, to pause
    it (a step is then yielded again and again), and to change how it learns.
    """
    simulation = simulation or Simulation()
    done = last_step(directory / contract.LOG_NAME)
    start = clock() - history_hours * 3600
    watch = Clock(clock, start if done is None else None)
    stages = StageWeeks(simulation.steps_per_week)
    logger = CurriculumLogger(
        directory,
        console_log=False,
        file_log=False,
        json_log=True,
        metadata_interval=METADATA_INTERVAL,
        keep_in_memory=False,
        clock=watch,
    )
    begun: StageStart | None = None
    dated = done is not None
    brain = Brain(simulation, Random(simulation.seed))
    for event in training(simulation, brain):
        week = stages.follow(event)
        if done is not None and event.step <= done:
            begun = event if isinstance(event, StageStart) else begun
            continue
        if begun:
            log(logger, begun, week)
            begun = None
        past = event.step < history_hours * 3600 * simulation.steps_per_second
        watch.simulated = start + event.step / simulation.steps_per_second if past and done is None else None
        if watch.simulated is None and isinstance(event, Logged):
            if not dated:
                date_metadata(directory, start, simulation.steps_per_second)
                dated = True
            yield event.step
            if controlled and (yield from _obey(logger, brain)):
                return
        if isinstance(event, Logged):
            event = replace(event, metrics={**event.metrics, **brain.activity()})
        log(logger, event, week)
        if isinstance(event, Logged) and event.step % SPIKE_INTERVAL == 0:
            sizes = {region.name: region.neurons for region in brain.regions}
            logger.log_spikes(brain.spikes(), event.step, WINDOW, sizes=sizes)


def _obey(logger: CurriculumLogger, brain: Brain) -> Generator[int, None, bool]:
    """Apply what viewers ask for, and wait while paused; returns whether training is to stop."""
    if not logger.control(wait=False):
        _offer(logger, brain)
    while (control := logger.control(brain.step, wait=False)).paused and not control.given("stop"):
        yield brain.step
    brain.learning_rate, brain.may_grow = control["learning_rate"], control["may_grow"]
    stopped = control.requested("stop")
    if stopped:
        logger.log_event("training_stopped", {"reason": "on request"}, step=brain.step)
    return stopped


def _offer(logger: CurriculumLogger, brain: Brain) -> None:
    logger.declare(
        "learning_rate",
        brain.learning_rate,
        low=1e-6,
        high=1e-1,
        help="The further from 0.001, the worse the loss gets.",
    )
    logger.declare("may_grow", brain.may_grow, help="Whether full regions get new neurons.")
    logger.declare_command("pause")
    logger.declare_command("checkpoint_now", partial(_save, logger, brain))
    logger.declare_command("stop")


def _save(logger: CurriculumLogger, brain: Brain) -> None:
    logger.log_milestone_evaluation(brain.stage, brain.evaluate(), week=brain.week, step=brain.step)


def date_metadata(directory: Path, start: float, steps_per_second: float) -> None:
    """Give files of the simulated past the times at which they would have been written."""
    for path in directory.glob(contract.METADATA_PATTERN):
        moment = start + int(path.stem.rpartition("_")[2]) / steps_per_second
        os.utime(path, (moment, moment))


def run(
    directory: Path,
    stop: Event,
    *,
    simulation: Simulation | None = None,
    history_hours: float = HISTORY_HOURS,
    pace: float | None = None,
) -> None:
    """Write a simulated training until ``stop`` is set or a viewer stops it, a metric line each ``pace`` seconds.

    ``pace`` is by default the time that the simulated brain takes for it (0.5 s); 0 is as fast as possible.
    """
    simulation = simulation or Simulation()
    seconds = simulation.seconds_per_line if pace is None else pace
    for _ in simulate(directory, simulation=simulation, history_hours=history_hours, controlled=True):
        if stop.wait(seconds):
            return


@dataclass(slots=True)
class StageWeeks:
    """Keeps the week of the running stage."""

    steps_per_week: int
    start: int = 0

    def follow(self, event: TrainingEvent) -> int:
        """Whole weeks into the stage at which an event happens."""
        if isinstance(event, StageStart):
            self.start = event.step
        return (event.step - self.start) // self.steps_per_week


def log(logger: CurriculumLogger, event: TrainingEvent, week: int) -> None:
    """Log what happened, as a training script would."""
    match event:
        case Logged(step=step, metrics=metrics):
            logger.log_training_step(step, metrics, week=week)
        case Growth(step=step, region=region, neurons_added=added, new_total=total, reason=reason):
            logger.log_growth_event(region, added, reason, step, new_total=total)
        case Sleep(step=step, sleep_stage=stage, patterns_replayed=patterns, duration_steps=steps):
            details = {"cycles": 5, "her_enabled": stage == "REM"}
            logger.log_consolidation(stage, patterns, step=step, duration_steps=steps, details=details)
        case MilestoneCheck(step=step, stage=number, results=results):
            logger.log_milestone_evaluation(number, results, week=event.week, step=step)
        case Alert(step=step, severity=severity, message=message):
            logger.log_warning(message, severity, step)
        case Evaluation(step=step, task=task, stage=number, accuracy=accuracy, n=trials):
            logger.log_evaluation(task, number, accuracy, trials, step)
        case Intervention(step=step, intervention=what, reason=reason):
            logger.log_intervention(what, reason, step)
        case Condition(step=step, score=score, load=load):
            logger.log_health_score(score, step)
            logger.log_cognitive_load(load, step)
        case Gate(step=step, stage=number, failures=failures, metrics=metrics):
            decision = "extend" if failures else "proceed"
            fields = {"stage": number, "decision": decision, "passed": not failures, "metrics": metrics}
            logger.log_event(contract.GATE, fields | {"failures": list(failures)}, step=step)
        case Transition(old_stage=old, new_stage=new, reason=reason):
            logger.log_transition(old, new, reason)
        case Extension(stage=number, additional_weeks=weeks, reason=reason):
            logger.log_stage_extension(number, weeks, reason)
        case StageStart(stage=number, config=config):
            logger.log_stage_start(number, config)
        case StageEnd(stage=number):
            logger.log_stage_end(number)


def main(arguments: Sequence[str] | None = None) -> None:
    """Write a simulated training into the directory given on the command line, until interrupted."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("directory", type=Path)
    parser.add_argument("--seed", type=int, default=Simulation().seed)
    parser.add_argument("--pace", type=float, default=None, help="seconds between two metric lines")
    parser.add_argument("--history-hours", type=float, default=HISTORY_HOURS)
    options = parser.parse_args(arguments)
    simulation = Simulation(seed=options.seed)
    stop = Event()
    try:
        run(
            options.directory,
            stop,
            simulation=simulation,
            history_hours=options.history_hours,
            pace=options.pace,
        )
    except KeyboardInterrupt:
        stop.set()


if __name__ == "__main__":
    main()
