"""The file contract: names and fields of what a training run leaves behind.

``metadata_*.json`` holds one JSON object per checkpoint; ``training_log.json`` holds JSON Lines, one line per
logged step or event. ``docs/data-contract.md`` states the same for people.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Final

LOG_NAME: Final = "training_log.json"
METADATA_PATTERN: Final = "metadata_*.json"

STEP: Final = "step"
TIMESTAMP: Final = "timestamp"
EVENT_TYPE: Final = "event_type"
NEURON_COUNTS: Final = "neuron_counts"
CAPACITY_BY_REGION: Final = "capacity_by_region"
CONTEXT: Final = frozenset({"stage", "current_stage", "week", "current_week", "total_weeks"})
"""Numbers that say where in the curriculum a line was logged: not metrics."""

GROWTH: Final = "growth"
CONSOLIDATION: Final = "consolidation"
MILESTONE: Final = "milestone"
TRANSITION: Final = "transition"
EXTENSION: Final = "extension"
WARNING: Final = "warning"
REPORT: Final = "diagnostics_report"
"""A report of Thalia's diagnostics scripts: its numbers, and the state of each population."""
STAGE_START: Final = "stage_start"
STAGE_END: Final = "stage_end"
STAGE_EVENTS: Final = (STAGE_START, STAGE_END, TRANSITION, EXTENSION)
TRAINING_END: Final = "training_end"
EMERGENCY_STOP: Final = "emergency_stop"
INTERVENTION: Final = "intervention"
GATE: Final = "gate"
READINESS: Final = "readiness"
EVALUATION: Final = "evaluation"
"""How well a task of a stage is done when it is probed, perhaps stages later."""
COGNITIVE_LOAD: Final = "cognitive_load"
HEALTH_SCORE: Final = "health_score"
"""The score of Thalia's safety system, 0 to 1."""
TRANSITION_ANALYSIS: Final = "transition_analysis"
DECLARE: Final = "declare"
"""A parameter or command that the training offers to be changed or given while it runs."""
CONTROL: Final = "control"
"""The answer to a request to change or do something: applied, refused or failed."""

CONTROL_FOLDER: Final = "control"
"""The folder of a run's directory that requests are put into, one file each."""

SPIKES_FOLDER: Final = "spikes"
"""The folder of a run's directory with the spike times of sampled neurons, one file a window."""
SPIKES_NAME: Final = re.compile(r"step_([0-9]{10}|[1-9][0-9]{10,17})\.json")
"""One name for each step from 0 to 10^18 - 1 (:func:`spikes_name`)."""

GROWTH_FIELDS: Final = ("step", "region", "neurons_added", "new_total", "reason")
CONSOLIDATION_FIELDS: Final = ("step", "sleep_stage", "patterns_replayed", "duration_steps")

SEGMENT: Final = "segment"
"""The column of every table that tells one stretch between resumes from the next."""


def spikes_name(step: int) -> str:
    """Name the file of a window at a step; names of up to ten digits sort as steps do."""
    return f"step_{step:010d}.json"


def exact(value: float) -> str:
    """Write a number in full, as short as it can be: ``0.85``, ``4`` rather than ``4.0``."""
    return repr(value).removesuffix(".0")


def printable(text: str) -> str:
    """Replace what a terminal or an editor would obey instead of show: escapes, line breaks, changes of direction."""
    return "".join("\ufffd" if unicodedata.category(each) in _COMMANDS else each for each in text)


_COMMANDS: Final = frozenset({"Cc", "Cf", "Zl", "Zp"})


def legible(name: str) -> str:
    """Write a file's or directory's name so that any page can show it: on disk it may be bytes that are no text."""
    return name if name.isascii() else name.encode("utf-8", "replace").decode()


def file_name(name: str) -> str:
    """Write a name so that any system takes it for a file's: ASCII letters, digits and ``_``, 80 at most."""
    return "".join(each if each.isascii() and each.isalnum() else "_" for each in name)[:80]
