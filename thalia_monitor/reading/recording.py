"""What the files of a run contribute to it, in the terms that every format is translated into."""

from __future__ import annotations

import os
from collections.abc import Mapping, Set
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from thalia_monitor.reading.clock import zone_offset

if TYPE_CHECKING:
    from thalia_monitor.model.history import History
    from thalia_monitor.model.records import Checkpoint, Event, Problem, SavedFile, Source
    from thalia_monitor.model.spike_window import SpikeFile


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
class Written:
    """When a file was written, by its status; what is copied has other times than what its writer left."""

    modified: float
    """Unix seconds."""
    changed: float
    """The same of its inode: a copy that keeps the modification time has a later one."""
    newest: float | None = None
    """When its newest record was made, by the clock of the file, whatever zone that is in."""

    @classmethod
    def of(cls, status: os.stat_result, newest: float | None = None) -> Written:
        """Take the times of a file's status."""
        return cls(status.st_mtime, status.st_ctime, newest)

    @property
    def placed(self) -> float:
        """When the file came to be here as it is."""
        return max(self.modified, self.changed)

    @property
    def was_moved(self) -> bool:
        """Whether the file was copied with its times, or its owner, mode or name changed since it was written."""
        return self.changed > self.modified + 0.001

    @property
    def was_copied(self) -> bool:
        """Whether a file whose writer flushes every record was copied, or moved."""
        return self.was_moved or (
            self.newest is not None and zone_offset(self.newest, self.modified, 0.01) is None
        )


@dataclass(frozen=True, slots=True)
class Recording:
    """What was read from one file, a family of files, or one stage's part of a file; in file order."""

    source: Source
    lines: tuple[MetricLine, ...] = ()
    events: tuple[Event, ...] = ()
    checkpoints: tuple[Checkpoint, ...] = ()
    files: tuple[SavedFile, ...] = ()
    """Checkpoint files, those that do not count too."""
    spikes: tuple[SpikeFile, ...] = ()
    """Files with a window of spikes each."""
    criteria: Mapping[str, float] = field(default_factory=dict)
    """Milestone thresholds that the run itself configured."""
    problems: tuple[Problem, ...] = ()
    own: bool = False
    """Whether no other file tells the same: its events and numbers stand beside what other files tell."""
    stretch: Stretch | None = None
    """Set where the file records stage by stage, as the logs of Thalia's own logger do."""
    written: Written | None = None
    """Set where it matters whether the file was copied: for the logs of Thalia's own logger."""


@dataclass(frozen=True, slots=True)
class RunParts:
    """History, events and checkpoints of a run, from one kind of file or from several."""

    history: History
    events: tuple[Event, ...] = ()
    checkpoints: tuple[Checkpoint, ...] = ()
    progress: tuple[Checkpoint, ...] = ()
    """Position of the training according to its logs, in the form of a checkpoint; none or one."""
    kinds: Set[str] = frozenset()
    """Kinds of the events of the documented log."""
