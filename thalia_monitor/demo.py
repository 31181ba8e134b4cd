"""The demo: a simulated training that writes the documented files, fast through its past and then live.

``python -m thalia_monitor.demo DIRECTORY`` writes until interrupted. The command ``thalia-monitor demo``
calls :func:`run` in a thread, with an event to stop it.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from threading import Event
from typing import Any

from thalia_monitor import contract
from thalia_monitor.simulation.brain import Simulation
from thalia_monitor.simulation.happenings import (
    Alert,
    Extension,
    Growth,
    Happening,
    Logged,
    MilestoneCheck,
    Sleep,
    StageEnd,
    StageStart,
    Transition,
)
from thalia_monitor.simulation.training import training

HISTORY_HOURS = 2.0
CHECKPOINT_INTERVAL = 5_000


def simulate(
    directory: Path,
    *,
    simulation: Simulation | None = None,
    history_hours: float = HISTORY_HOURS,
    clock: Callable[[], float] = time.time,
) -> Iterator[int]:
    """Write a simulated training into a directory, one metric line for each step that is taken from it.

    The first ``history_hours`` are written at once, before the first step is yielded, with timestamps that
    end now; after that each line bears the time of ``clock`` (Unix seconds). It never ends by itself.
    """
    simulation = simulation or Simulation()
    start = clock() - history_hours * 3600
    directory.mkdir(parents=True, exist_ok=True)
    writer = RunWriter(directory)
    with (directory / contract.LOG_NAME).open("a", encoding="utf-8") as log:
        for happening in training(simulation):
            simulated = start + happening.step / simulation.steps_per_second
            past = happening.step < history_hours * 3600 * simulation.steps_per_second
            moment = simulated if past else clock()
            if not past and isinstance(happening, Logged):
                log.flush()
                yield happening.step
            for line in writer.lines(happening, moment):
                log.write(line + "\n")
            writer.checkpoint(happening, moment - start)


def run(
    directory: Path,
    stop: Event,
    *,
    simulation: Simulation | None = None,
    history_hours: float = HISTORY_HOURS,
    pace: float | None = None,
) -> None:
    """Write a simulated training until told to stop, one metric line each ``pace`` seconds.

    ``pace`` is by default the time that the simulated brain takes for it (0.5 s); 0 is as fast as possible.
    """
    simulation = simulation or Simulation()
    seconds = simulation.seconds_per_line if pace is None else pace
    for _ in simulate(directory, simulation=simulation, history_hours=history_hours):
        if stop.wait(seconds):
            return


class RunWriter:
    """Writes what happens in a training as the documented contract has it."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._metrics: dict[str, float] = {}
        self._milestones: dict[str, bool] = {}
        self._warnings: list[dict[str, str]] = []
        self._stage, self._stage_start, self._total_weeks, self._saved = -1, 0, 0, -1

    def lines(self, happening: Happening, moment: float) -> list[str]:
        """Put a happening into lines of the log."""
        line = to_line(happening, moment)
        return [] if line is None else [json.dumps(line)]

    def checkpoint(self, happening: Happening, seconds: float) -> None:
        """Write metadata where one is due."""
        if isinstance(happening, StageStart):
            self._stage, self._stage_start = happening.stage, happening.step
            self._total_weeks, self._milestones = happening.config["duration_weeks"], {}
        elif isinstance(happening, Extension):
            self._total_weeks += happening.additional_weeks
        elif isinstance(happening, MilestoneCheck):
            self._milestones = dict(happening.results)
        elif isinstance(happening, Alert):
            self._warnings.append({"severity": happening.severity, "message": happening.message})
        elif isinstance(happening, Logged):
            self._metrics = {k: v for k, v in happening.metrics.items() if not isinstance(v, dict)}
            if happening.step - self._saved >= CHECKPOINT_INTERVAL or self._saved < 0:
                self._write(happening.step, seconds)

    def _write(self, step: int, seconds: float) -> None:
        metadata: dict[str, Any] = {
            "current_stage": self._stage,
            "step": step,
            "current_week": (step - self._stage_start) // Simulation().steps_per_week,
            "total_weeks": self._total_weeks,
            "metrics": self._metrics,
            "milestones": self._milestones,
            "warnings": self._warnings[-5:],
            "training_time_seconds": round(seconds, 1),
        }
        path = self._directory / f"metadata_{step:012d}.json"
        temporary = path.with_name(f".{path.name}.tmp")
        temporary.write_text(json.dumps(metadata, indent=2), encoding="utf-8")
        temporary.replace(path)
        self._saved, self._warnings = step, []


def to_line(happening: Happening, moment: float) -> dict[str, Any] | None:
    """Put a happening into the fields of a log line; None for one that the log has no line for."""
    line: dict[str, Any] = {"step": happening.step, "timestamp": round(moment, 3)}
    match happening:
        case Logged(metrics=metrics):
            return line | dict(metrics)
        case Growth(region=region, neurons_added=added, new_total=total, reason=reason):
            return line | {
                "event_type": contract.GROWTH,
                "region": region,
                "neurons_added": added,
                "new_total": total,
                "reason": reason,
            }
        case Sleep(sleep_stage=stage, patterns_replayed=patterns, duration_steps=steps):
            return line | {
                "event_type": contract.CONSOLIDATION,
                "sleep_stage": stage,
                "patterns_replayed": patterns,
                "duration_steps": steps,
            }
        case MilestoneCheck(stage=number, week=week, results=results):
            return line | {
                "event_type": contract.MILESTONE,
                "stage": number,
                "week": week,
                "results": dict(results),
            }
        case Transition(old_stage=old, new_stage=new, reason=reason):
            return line | {
                "event_type": contract.TRANSITION,
                "old_stage": old,
                "new_stage": new,
                "reason": reason,
            }
        case Extension(stage=number, additional_weeks=weeks, reason=reason):
            return line | {
                "event_type": contract.EXTENSION,
                "stage": number,
                "additional_weeks": weeks,
                "reason": reason,
            }
        case Alert(severity=severity, message=message):
            return line | {"event_type": contract.WARNING, "severity": severity, "message": message}
        case StageStart(stage=number, config=config):
            return line | {"event_type": contract.STAGE_START, "stage": number, "config": dict(config)}
        case StageEnd(stage=number):
            return line | {"event_type": contract.STAGE_END, "stage": number}
        case _:
            return None


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
