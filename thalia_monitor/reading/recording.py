"""What one file contributes to a run, in the words that every format is translated into."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from thalia_monitor.state import Checkpoint, Event, Problem, Source


@dataclass(frozen=True, slots=True)
class MetricLine:
    """One logged step: whatever of it was logged, under the documented names."""

    step: int
    metrics: Mapping[str, float] = field(default_factory=dict)
    neurons: Mapping[str, float] = field(default_factory=dict)
    """Neuron counts by region."""
    capacity: Mapping[str, float] = field(default_factory=dict)
    """Capacity (0 to 1) by region."""
    time: float | None = None
    """Unix seconds."""
    stage: float | None = None
    """The curriculum stage, where the file tells it; steps may restart with it."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """The stage that a recording is of, from one start of it to its end."""

    stage: float | None
    start: float | None = None
    """Unix seconds."""
    end: float | None = None
    """Unix seconds; None while the stage runs, and for ever after a crash."""
    weeks: float | None = None
    """As configured at the start: an extension does not change it."""


@dataclass(frozen=True, slots=True)
class Recording:
    """What was read from one file, a family of files, or one stage's part of a file; in file order."""

    source: Source
    lines: tuple[MetricLine, ...] = ()
    events: tuple[Event, ...] = ()
    checkpoints: tuple[Checkpoint, ...] = ()
    criteria: Mapping[str, float] = field(default_factory=dict)
    """Milestone thresholds that the run itself configured."""
    problems: tuple[Problem, ...] = ()
    own: bool = False
    """Whether no other file tells the same: its events and numbers stand beside what other files tell."""
    stretch: Stretch | None = None
    """Set where the file records stage by stage, as the logs of Thalia's own logger do."""
