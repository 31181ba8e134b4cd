"""What files tell of a run, whichever they are."""

from __future__ import annotations

from dataclasses import dataclass

from thalia_monitor.history import History
from thalia_monitor.records import Checkpoint, Event


@dataclass(frozen=True, slots=True)
class Told:
    """A run's history, events and checkpoints, as one kind of file or several together tell them."""

    history: History
    events: tuple[Event, ...] = ()
    checkpoints: tuple[Checkpoint, ...] = ()
    progress: tuple[Checkpoint, ...] = ()
    """Where training stands by its logs, as a checkpoint would tell it; none or one."""
