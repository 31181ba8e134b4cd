"""What is known of each metric: title, unit, direction, healthy band, order, and the names it is logged under.

One :class:`MetricInfo` per quantity, in the order of ``KNOWN``; a metric's treatment is stated nowhere else.
Sources: docs/data-contract.md, and Thalia's public history (``CurriculumTrainer``, ``train_loop``, its logger
and its stage evaluation), 2025-12 to 2026-03. ``docs/thalia.md`` has the same table for people.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import lru_cache
from types import MappingProxyType
from typing import Final, Literal

Direction = Literal["up", "down", ""]

LOWER_IS_BETTER_WORDS: Final = ("loss", "error", "_ece")
HIGHER_IS_BETTER_WORDS: Final = ("accuracy", "performance", "reward", "score", "success")
UNKNOWN_RANK: Final = 50
"""Where metrics that are not in the table come in the order of those that fill a free place."""


def lower_is_better(name: str) -> bool:
    """Whether a smaller value of this metric or milestone is the better one.

    ``loss``, ``prediction_error`` and calibration errors (``*_ece``) improve downwards; all else upwards.
    """
    return any(word in name.lower() for word in LOWER_IS_BETTER_WORDS)


@dataclass(frozen=True, slots=True)
class Band:
    """A range of values that Thalia states."""

    low: float
    high: float
    words: str
    """What it is, with its source, as a chart shows it."""
    healthy: bool = True
    """Whether values should be inside; else that is a reason for caution."""


@dataclass(frozen=True, slots=True)
class Name:
    """One name that a quantity is logged under."""

    pattern: str
    """The name; ``*`` stands for anything, and ``/`` for ``.`` too."""
    meaning: str
    unit: str = ""
    """``share`` is 0 to 1."""
    era: str = ""
    detail: str = ""
    """What a card says below the value; the unit where it is empty."""
    judged: bool = True
    """Whether the quantity's limits hold for its values: not those of a rate in Hz."""
    apart: bool = False
    """Whether it says something beside the quantity's other names: another window, one task of several."""


@dataclass(frozen=True, slots=True)
class MetricInfo:
    """Everything the monitor knows about one quantity."""

    names: tuple[Name, ...]
    """Its own name, then aliases, those that are preferred first."""
    better: Direction = ""
    """``up``, ``down``, or neither: what is good within a range."""
    core: bool = False
    """Whether it has a card, a chart in the first row and a place in the summary of every run."""
    summary_rank: int = 0
    """Order of the core metrics in a summary: how well it learns before how it lives."""
    band: Band | None = None
    warn_below: float | None = None
    warn_above: float | None = None
    """Limits at which Thalia's own logger warns."""
    placeholder: bool = False
    """Whether a constant 0 is a placeholder: Thalia's first trainers write it for what they do not measure."""
    rank: int = UNKNOWN_RANK
    """Order among the metrics that fill a place which no core metric fills."""
    fills: bool = True
    """Whether it may fill such a place; a step counter says nothing there."""
    regional_rate: bool = False
    """Whether it is how much a region fires, the region being the rest of the name."""
    use: str = ""
    """What else the monitor makes of it."""

    @property
    def name(self) -> str:
        """Its own name."""
        return self.names[0].pattern

    @property
    def title(self) -> str:
        """What people call it."""
        return title(self.name)


DOCUMENTED: Final = "documented 2025-12-08"
RICH: Final = "2025-12-12 to 2026-02-09"
SAFETY: Final = "2025-12-15 to 2026-02-09"
TRIALS: Final = "since 2026-03-25"
DIAGNOSTICS: Final = "since 2026-03-24"

_OWN_CHART: Final = "a chart of its own"
_SPIKES: Final = "spike count of a region / 100, whatever its size: can exceed 1"
_REGION: Final = "a chart of its own; finds silent regions, never judged as a rate"

HEALTHY_RATE: Final = Band(0.05, 0.15, "healthy: 0.05–0.15, Thalia's firing_stability")
GROWING: Final = Band(0.85, 1.0, "Thalia grows a region from 0.85", healthy=False)
"""Thalia's default; 0.75 to 0.95 by region and stage."""

KNOWN: Final = (
    MetricInfo(
        (
            Name(
                "firing_rate",
                "share of neurons active per step; constant 0.0 is a placeholder of the first trainers (2025-12-08)",
                "share",
                DOCUMENTED,
                "of neurons active per step",
            ),
            Name(
                "avg_firing_rate",
                "mean over regions of spike count / 100; 0.0 where Thalia had no spike counts",
                "share",
                RICH,
            ),
            Name("firing_rate/average", "the same as avg_firing_rate", "share", RICH),
            Name(
                "mean_firing_rate",
                "mean over regions, of the safety monitor",
                "share",
                SAFETY,
            ),
            Name("firing_rate_hz", "mean rate", "Hz", DIAGNOSTICS, judged=False),
            Name("mean_firing_rate_hz", "mean rate", "Hz", DIAGNOSTICS, judged=False),
            Name("mean_fr_hz", "mean rate", "Hz", DIAGNOSTICS, judged=False),
        ),
        core=True,
        summary_rank=3,
        band=HEALTHY_RATE,
        warn_below=0.02,
        warn_above=0.30,
        placeholder=True,
    ),
    MetricInfo(
        (
            Name(
                "capacity",
                "share of the capacity in use; constant 0.0 is a placeholder of the first trainers (2025-12-08)",
                "share",
                DOCUMENTED,
                "of capacity in use",
            ),
        ),
        core=True,
        summary_rank=4,
        band=GROWING,
        warn_above=GROWING.low,
        placeholder=True,
    ),
    MetricInfo(
        (
            Name("performance", "share of tasks right", "share", DOCUMENTED, "of tasks right"),
            Name("task_accuracy", "the same as accuracy", "share", RICH, "best task"),
            Name("accuracy", "maximum over the tasks of their last 100 trials", "share", RICH, "best task"),
            Name(
                "accuracy_100",
                "last 100 trials; empty before",
                "share",
                TRIALS,
                "of the last 100 trials right",
                apart=True,
            ),
            Name("accuracy_10", "last 10 trials", "share", TRIALS, "of the last 10 trials right", apart=True),
            Name("task/*_accuracy", "one task, last 100 trials", "share", RICH, "one task", apart=True),
        ),
        "up",
        core=True,
        summary_rank=2,
        rank=10,
    ),
    MetricInfo((Name("loss", "loss", "", DOCUMENTED),), "down", core=True, summary_rank=1),
    MetricInfo(
        (
            Name("avg_reward", "mean reward of the newest trials, -0.5 to 1", "", TRIALS),
            Name("reward", "1 right, -0.5 wrong, 0 a tie", "", TRIALS),
        ),
        "up",
        rank=11,
        use=_OWN_CHART,
    ),
    MetricInfo(
        (
            Name("task_performance/*", "the same as task/*_accuracy", "share", RICH, "one task"),
            Name(
                "task/*_accuracy_all",
                "one task, last 1,000 trials",
                "share",
                RICH,
                "one task, last 1,000 trials",
            ),
        ),
        "up",
        rank=15,
        use=_OWN_CHART,
    ),
    MetricInfo((Name("correct", "1 where the trial was right", "", TRIALS),), "up", rank=16, use=_OWN_CHART),
    MetricInfo(
        (
            Name("*_hz", "a rate of Thalia's diagnostics", "Hz", DIAGNOSTICS, judged=False),
            Name("*_hz/*", "a rate by region or population", "Hz", DIAGNOSTICS, judged=False),
        ),
        rank=45,
        use="a chart of its own, in Hz; never judged against limits of 0 to 1",
    ),
    MetricInfo(
        (Name("firing_rate/*", _SPIKES, "spikes/100", RICH, judged=False),),
        rank=20,
        regional_rate=True,
        use=_REGION,
    ),
    MetricInfo(
        (
            Name(
                "region_firing_rates/*",
                "an object that is flattened: a region's rate; beside firing_rate/* the same spike count / 100",
                "share",
                RICH,
            ),
            Name("firing_rates/*", "firing rate of a region, of loggers that are not Thalia's", "share"),
            Name("region_firing_rate/*", "the same", "share"),
        ),
        rank=20,
        regional_rate=True,
        use="a chart of its own; judged like firing_rate, but not beside firing_rate/*",
    ),
    MetricInfo(
        (
            Name("dopamine", "the same as neuromodulator/dopamine_global", "", RICH),
            Name(
                "neuromodulator/*",
                "dopamine (global, tonic, phasic), norepinephrine, arousal, acetylcholine",
                "",
                RICH,
            ),
        ),
        rank=25,
        use=_OWN_CHART,
    ),
    MetricInfo(
        (
            Name(
                "oscillator/theta_frequency", "about 8; Thalia's safety monitor wants 6.5 to 8.5", "Hz", RICH
            ),
        ),
        rank=30,
        band=Band(6.5, 8.5, "Thalia's safety monitor: theta at 6.5–8.5 Hz"),
        use=_OWN_CHART,
    ),
    MetricInfo(
        (
            Name("oscillator/theta_phase", "phase", "rad", RICH),
            Name("oscillator/*", "any other oscillator", "", RICH),
        ),
        rank=30,
        use=_OWN_CHART,
    ),
    MetricInfo(
        (
            Name("health/issue_count", "issues of Thalia's health monitor", "issues", RICH),
            Name("health/max_severity", "the worst of them, 0 to 100", "", RICH),
            Name("health/is_healthy", "1 or 0; 1 as well where the check failed", "", RICH),
            Name("health/*", "issues by kind", "issues", RICH),
        ),
        rank=35,
        use=_OWN_CHART,
    ),
    MetricInfo(
        (
            Name("margin", "difference of the two readouts' spikes", "spikes", TRIALS),
            Name("count_a", "spikes of readout A", "spikes", TRIALS),
            Name("count_b", "spikes of readout B", "spikes", TRIALS),
            Name("n_silent_pops", "populations without a spike in the trial", "populations", TRIALS),
            Name("n_hyperactive_pops", "populations above 100 Hz in the trial", "populations", TRIALS),
        ),
        rank=40,
        use=_OWN_CHART,
    ),
    MetricInfo(
        (
            Name("critical_period/*_multiplier", "learning rate factor of a domain", "", RICH),
            Name("critical_period/*_progress", "how far its window has passed", "share", RICH),
            Name("critical_period/*_phase", "0 early, 1 peak, 2 late, -1 none", "", RICH),
        ),
        rank=60,
        use=_OWN_CHART,
    ),
    MetricInfo(
        (
            Name("weights/*_mean", "mean weight of a pathway", "", RICH),
            Name("weights/*_std", "standard deviation", "", RICH),
            Name("weights/*_min", "least weight", "", RICH),
            Name("weights/*_max", "greatest weight", "", RICH),
        ),
        rank=65,
        use=_OWN_CHART,
    ),
    MetricInfo(
        (
            Name("performance/steps_per_sec", "speed, not how well it learns", "steps/s", RICH),
            Name("performance/*_ms", "time of a forward pass (mean, standard deviation)", "ms", RICH),
            Name("performance/*", "any other measure of speed", "", RICH),
        ),
        rank=70,
        use="a chart of its own; never the performance",
    ),
    MetricInfo(
        (
            Name("memory/*_mb", "memory of CPU and GPU", "MB", RICH),
            Name("memory/*", "tensors, parameters", "", RICH),
        ),
        rank=75,
        use=_OWN_CHART,
    ),
    MetricInfo(
        (Name("global_step", "the step once more, as a number with a point", "steps", RICH),),
        fills=False,
        use="a chart of its own; never fills a place",
    ),
)
"""Every known quantity; where several patterns fit a name, the first counts."""

CORE: Final = tuple(info for info in KNOWN if info.core)
CORE_METRICS: Final = tuple(info.name for info in CORE)
"""The four metrics every Thalia run is expected to log; any other numeric field is a custom metric."""
BY_NAME: Final[Mapping[str, MetricInfo]] = MappingProxyType({info.name: info for info in KNOWN})
FIRING_RATE: Final = BY_NAME["firing_rate"]
CAPACITY: Final = BY_NAME["capacity"]
PERFORMANCE: Final = BY_NAME["performance"]
LOSS: Final = BY_NAME["loss"]
_NAMED: Final = tuple((info, name) for info in KNOWN for name in info.names)
_EXACT: Final = {name.pattern: (info, name) for info, name in _NAMED if "*" not in name.pattern}
_PATTERNS: Final = tuple((info, name) for info, name in _NAMED if "*" in name.pattern)


@lru_cache(maxsize=16_384)
def lookup(series: str) -> tuple[MetricInfo, Name]:
    """Find what is known of a series by its name; one that is not in the table has a record made from its name."""
    path = series.replace(".", "/").lower()
    known = _EXACT.get(path) or next((each for each in _PATTERNS if fnmatchcase(path, each[1].pattern)), None)
    if known:
        return known
    higher = any(word in series.lower() for word in HIGHER_IS_BETTER_WORDS)
    name = Name(series, "")
    return MetricInfo((name,), "down" if lower_is_better(series) else "up" if higher else ""), name


def info(series: str) -> MetricInfo:
    """The record of the quantity that a series is of."""
    return lookup(series)[0]


def unit(series: str) -> str:
    """The unit of a series' values; empty where it has none or is a share of 1."""
    its = lookup(series)[1].unit
    return "" if its == "share" else its


def title(series: str) -> str:
    """Name a metric for people: ``firing_rate`` becomes ``Firing rate``; a name with a path keeps it."""
    if "/" in series or "." in series or not series.isascii():
        return series
    words = series.replace("_", " ").strip()
    return words[:1].upper() + words[1:] if words else series


def source_of(
    quantity: MetricInfo, logged: Iterable[str], measured: Callable[[str], bool], *, judged: bool = False
) -> str | None:
    """Choose the series that stands for a quantity among those logged; None where there is none.

    Its own name wins wherever it was measured, then its aliases in their order; of several names that one pattern
    fits, the first of ``logged``. ``judged`` leaves out those that the quantity's limits do not hold for.
    """
    found = [
        (quantity.names.index(name), series)
        for series in logged
        for its, name in (lookup(series),)
        if its is quantity and (name.judged or not judged)
    ]
    found.sort(key=lambda each: each[0])
    return next((series for _, series in found if measured(series)), None)
