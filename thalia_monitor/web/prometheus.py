"""Figures for Prometheus at ``/api/v1/metrics``: every run's state, and the server's own.

What a run's figures are is kept until one of its files changes, so that a scrape of many runs costs their files'
status. Names of runs, stages and milestones come from logs: as label values they are bounded, and written by
prometheus-client, which escapes them.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from threading import Lock
from typing import TYPE_CHECKING, Any, Final

from thalia_monitor import contract
from thalia_monitor._version import __version__
from thalia_monitor.analysis.liveness import Liveness, Status, liveness
from thalia_monitor.analysis.milestones import checklist
from thalia_monitor.analysis.quantities import places
from thalia_monitor.errors import MonitorError, NotInstalled
from thalia_monitor.model.records import Severity
from thalia_monitor.model.series_key import metric

if TYPE_CHECKING:
    from thalia_monitor.model.run import TrainingState
    from thalia_monitor.reading.library import Entry
    from thalia_monitor.web.context import Monitor
    from thalia_monitor.web.server.status import Report

MOST_RUNS: Final = 100
"""Runs with figures: those named outright, then those changed last."""
MOST_MILESTONES: Final = 30
"""Milestones of a run with a figure of their own."""
LONGEST_LABEL: Final = 100
BUDGET: Final = 2.0
"""Seconds of a scrape in which runs that have changed are read; the others keep their figures until the next."""
PATIENCE: Final = 0.1
"""Seconds a scrape waits for one run's log."""

Label = str
Sample = tuple[tuple[Label, ...], float]


@dataclass(frozen=True, slots=True)
class RunFigures:
    """What is exported of a run, as it was at one version of its files; its texts are values of labels."""

    version: str
    observed: float
    """Unix seconds of the look."""
    alive: Liveness
    stage_name: str
    single: dict[str, float]
    """By the name of the figure."""
    core: dict[str, float]
    warnings: dict[str, float]
    """How many are in force, by severity."""
    milestones: dict[str, float]
    """1 for passed, else 0."""
    milestones_left_out: int
    events: dict[str, float]

    def age(self, now: float) -> float | None:
        """Seconds since the last sign of life."""
        return None if self.alive.age is None else max(self.alive.age + now - self.observed, 0.0)

    def status(self, now: float) -> Status:
        """Whether the run is alive now."""
        age = self.age(now)
        return self.alive.status if age is None else self.alive.status_at(age)


def figures(state: TrainingState, version: str, now: float, refresh: float) -> RunFigures:
    """Take what is exported of a run from its state."""
    listed = checklist(state)
    core = (
        (place.core.name, state.current(metric(place.series)))
        for place in places(state)
        if place.filled and place.quantity == place.core.name
    )
    severities = [each.severity for each in state.warnings]
    stage = {} if state.current_stage is None else {"stage": float(state.current_stage)}
    return RunFigures(
        version=version,
        observed=now,
        alive=liveness(state, now, refresh),
        stage_name=label(state.stage_name),
        single=stage
        | {
            "step": float(state.current_step),
            "stage_progress": float(state.stage_progress),
            "problems": float(state.total_problems),
        },
        core={name: now.value for name, now in core if now},
        warnings={str(each): float(severities.count(each)) for each in Severity},
        milestones={label(each.name): float(each.passed is True) for each in listed[:MOST_MILESTONES]},
        milestones_left_out=max(len(listed) - MOST_MILESTONES, 0),
        events={kind: float(state.count_of(kind)) for kind in (contract.GROWTH, contract.CONSOLIDATION)},
    )


@dataclass(slots=True)
class Exporter:
    """The figures of one monitor's runs, kept between scrapes."""

    watch: Monitor
    _kept: dict[str, RunFigures] = field(default_factory=dict)
    _lock: Lock = field(default_factory=Lock)

    def look(self) -> tuple[list[tuple[Entry, RunFigures | None]], int]:
        """Every exported run with its figures (None where it cannot be read), and how many are left out."""
        with self._lock:
            entries = [each for each in self.watch.library.entries() if not each.gone]
            chosen = entries[:MOST_RUNS]
            versions = self.watch.library.versions([each.id for each in chosen])
            current = {each.id: version for each, version in zip(chosen, versions, strict=True) if version}
            self._kept = {run: kept for run, kept in self._kept.items() if run in current}
            self._refresh(current)
            return [(each, self._kept.get(each.id)) for each in chosen], len(entries) - len(chosen)

    def _refresh(self, current: dict[str, str]) -> None:
        """Read the runs that have changed, those first that were read longest ago."""

        def observed(run: str) -> float:
            return self._kept[run].observed if run in self._kept else 0.0

        changed = [
            run
            for run, version in current.items()
            if run not in self._kept or self._kept[run].version != version
        ]
        until = time.monotonic() + BUDGET
        for run in sorted(changed, key=observed):
            if time.monotonic() > until:
                return
            try:
                state = self.watch.state(run, PATIENCE)
            except MonitorError:
                self._kept.pop(run, None)
                continue
            if state.read_fraction == 1:  # the figures of a part would be wrong ones
                refresh = self.watch.settings.refresh_seconds
                self._kept[run] = figures(state, state.version, time.time(), refresh)

    def text(self, report: Report, accept: str, started: float) -> tuple[bytes, str]:
        """Write everything in the form that the header ``Accept`` asks for: content and its type.

        Raises:
            NotInstalled: prometheus-client is missing.
        """
        client = library()
        runs, left_out = self.look()
        registry = client.CollectorRegistry()
        registry.register(
            _Families([*_of_runs(client, runs), *_of_server(client, report, runs, left_out, started)])
        )
        encode, kind = client.exposition.choose_encoder(accept)
        return encode(registry), kind


def library() -> Any:
    """prometheus-client, which not everyone has.

    Raises:
        NotInstalled: it is missing.
    """
    try:
        import prometheus_client.core  # noqa: PLC0415 - optional
        import prometheus_client.exposition  # noqa: PLC0415
    except ModuleNotFoundError as error:
        raise NotInstalled(
            "Figures for Prometheus need prometheus-client: pip install 'thalia-monitor[prometheus]'."
        ) from error
    return prometheus_client


@dataclass(frozen=True, slots=True, eq=False)
class _Families:
    families: list[Any]

    def collect(self) -> list[Any]:
        """The families; named and called by prometheus-client."""
        return self.families


def _gauge(client: Any, name: str, text: str, labels: Iterable[str], samples: Iterable[Sample]) -> Any:
    family = client.core.GaugeMetricFamily(f"thalia_{name}", text, labels=list(labels))
    for values, value in samples:
        family.add_metric(list(values), value)
    return family


def label(text: str) -> str:
    """A text of a log as a label's value: legible, without control characters, and bounded."""
    shown = contract.printable(contract.legible(text))
    return shown if len(shown) <= LONGEST_LABEL else f"{shown[: LONGEST_LABEL - 1]}…"


RUN: Final = ("run", "name")
SINGLE: Final = {
    "step": "Furthest training step of the run.",
    "stage": "Number of the run's curriculum stage.",
    "stage_progress": "Share of the stage that is done, 0 to 1.",
    "problems": "Parts of the run's files that could not be read.",
}


def _of_runs(client: Any, runs: list[tuple[Entry, RunFigures | None]]) -> Iterator[Any]:
    now = time.time()
    named = [((each.id, label(each.name)), found) for each, found in runs]
    known = [(who, found) for who, found in named if found]
    names = {"stage_progress": "run_stage_progress_ratio"}
    yield _gauge(
        client,
        "run_readable",
        "Whether the run's directory can be read and has been read whole.",
        RUN,
        ((who, float(found is not None)) for who, found in named),
    )
    yield _gauge(
        client,
        "run_info",
        "Name of the stage that the run is in; always 1.",
        (*RUN, "stage_name"),
        (((*who, found.stage_name), 1.0) for who, found in known),
    )
    yield _gauge(
        client,
        "run_status",
        "1 for the status that the run has now: live, quiet, stale, finished, stopped or unknown.",
        (*RUN, "status"),
        (((*who, str(each)), float(found.status(now) is each)) for who, found in known for each in Status),
    )
    yield _gauge(
        client,
        "run_last_line_age_seconds",
        "Seconds since the run's last sign of life: its newest line, or a later checkpoint.",
        RUN,
        ((who, age) for who, found in known if (age := found.age(now)) is not None),
    )
    yield _gauge(
        client,
        "run_observed_timestamp_seconds",
        "When the figures of the run were last read from its files.",
        RUN,
        ((who, found.observed) for who, found in known),
    )
    for name, text in SINGLE.items():
        samples = ((who, found.single[name]) for who, found in known if name in found.single)
        yield _gauge(client, names.get(name, f"run_{name}"), text, RUN, samples)
    for name, text, by, part in (
        (
            "run_metric",
            "Newest value of a core metric, under whichever name the run logs it.",
            "metric",
            "core",
        ),
        ("run_warnings", "Health warnings of the trainer that are in force.", "severity", "warnings"),
        (
            "run_milestone_passed",
            "1 for a milestone that the newest check passed.",
            "milestone",
            "milestones",
        ),
    ):
        yield _gauge(
            client,
            name,
            text,
            (*RUN, by),
            (((*who, key), value) for who, found in known for key, value in getattr(found, part).items()),
        )
    events = client.core.CounterMetricFamily(
        "thalia_run_events",
        "Events of the run: growths, and phases of consolidations; those that a resume repeats, too.",
        labels=[*RUN, "event_type"],
    )
    for who, found in known:
        for kind, value in found.events.items():
            events.add_metric([*who, kind], value)
    yield events


def _of_server(
    client: Any, report: Report, runs: list[tuple[Entry, RunFigures | None]], left_out: int, started: float
) -> Iterator[Any]:
    milestones = sum(found.milestones_left_out for _, found in runs if found)
    memory = sum(each.memory or 0 for each in report.processes)
    for name, text, labels, samples in (
        ("info", "Version of the monitor; always 1.", ("version",), [((__version__,), 1.0)]),
        ("start_timestamp_seconds", "When the server was started.", (), [((), report.started.timestamp())]),
        ("processes", "Processes of the server.", (), [((), float(len(report.processes)))]),
        (
            "resident_memory_bytes",
            "Memory of all its processes, shared pages in each.",
            (),
            [((), float(memory))],
        ),
        (
            "runs",
            "Runs that the monitor knows, has lost, and holds in the memory of this process.",
            ("state",),
            [
                (("known",), float(report.runs)),
                (("gone",), float(report.gone)),
                (("held",), float(report.held)),
            ],
        ),
        (
            "left_out",
            f"What has no figures here, so that they stay few: runs beyond {MOST_RUNS}, milestones beyond "
            f"{MOST_MILESTONES} of a run.",
            ("kind",),
            [(("runs",), float(left_out)), (("milestones",), float(milestones))],
        ),
        ("cache_up", "Whether the cache of figures answers.", (), [((), float(report.cache_answers))]),
        ("scrape_duration_seconds", "Time this scrape has taken.", (), [((), time.monotonic() - started)]),
    ):
        yield _gauge(client, f"monitor_{name}", text, labels, samples)
    failures = client.core.CounterMetricFamily(
        "thalia_monitor_cache_failures", "How often the cache has failed this process."
    )
    failures.add_metric([], report.cache_failures)
    yield failures
