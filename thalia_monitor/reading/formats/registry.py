"""The formats of a run's files beside the documented ones, each declared once: :data:`FORMATS`.

Whatever depends on the name or the format of a file asks here: which files are read, how, which of them make a
directory a run, and which wins where several tell the same.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from thalia_monitor import contract
from thalia_monitor.reading.files import FoundFile
from thalia_monitor.reading.formats import (
    binary,
    checkpoints,
    diagnostics,
    numpy_arrays,
    results,
    spikes,
    stage_log,
    text_log,
    trials,
)
from thalia_monitor.reading.recording import Recording

METADATA_PREFIX: Final = contract.METADATA_PATTERN.partition("*")[0]

DocumentReader = Callable[[Path, str, Path | None], Recording | None]
"""Reads one whole file (path, name to show, directory that links may not leave).

It returns None for another program's file, and raises Torn for a half-written one.
"""
FolderReader = Callable[[Sequence[FoundFile], float], Iterable[Recording]]
"""Reads what is new in the files of one folder, given them all and the time now in Unix seconds."""


@dataclass(frozen=True, slots=True)
class Format:
    """One format: the names of its files, and how they are read, either each by itself or a folder's together."""

    name: str
    """As recordings and ``thalia-monitor check`` name it."""
    pattern: re.Pattern[str]
    """What a file's whole name matches; its group ``stage``, if any, is the stage of a file that cannot be read."""
    read: DocumentReader | None = None
    follow: Callable[[Path, str, Path | None], FolderReader] | None = None
    """Makes the reader of a folder (its path, prefix of the names to show, directory that links may not leave)."""
    folder: str = ""
    """The folder of a run that its files are in; empty for any."""
    is_log: bool = False
    """Whether it records what happens as it happens, rather than save where training stands."""
    makes_run: bool = True
    """Whether such a file makes its directory a run: not where other programs have files of that name, too."""
    in_snapshots: bool = False
    """Whether its files also lie in the folders that Thalia's diagnostics scripts make."""
    fails_after: float | None = None
    """Seconds after which an unfinished file counts as a failed save; None where none does."""


def _named(*names: str) -> re.Pattern[str]:
    return re.compile("|".join(map(re.escape, names)))


FORMATS: Final = (
    Format(stage_log.FORMAT, stage_log.NAME, stage_log.read_stage_log, is_log=True),
    Format(text_log.FORMAT, _named(text_log.NAME), follow=text_log.follow, is_log=True),
    Format(trials.FORMAT, _named(trials.TRIALS_NAME), follow=trials.follow, is_log=True),
    Format(trials.EVENTS_FORMAT, _named(trials.EVENTS_NAME), follow=trials.follow),
    Format(results.FORMAT, _named(results.NOTEBOOK_NAME), results.read_result),
    Format(results.SEQUENCE_FORMAT, _named(results.SEQUENCE_NAME), results.read_sequence, makes_run=False),
    Format(
        checkpoints.FORMAT, binary.NAME, follow=checkpoints.follow, fails_after=checkpoints.SAVING_SECONDS
    ),
    Format(stage_log.SESSION_FORMAT, stage_log.SESSION_NAME, stage_log.read_session),
    Format(
        diagnostics.FORMAT,
        _named(diagnostics.NAME, diagnostics.HEALTH_NAME),
        diagnostics.read_diagnostics,
        in_snapshots=True,
    ),
    Format(diagnostics.FORMAT, _named(diagnostics.SWEEP_NAME), diagnostics.read_sweep, in_snapshots=True),
    Format(trials.SAVED_FORMAT, trials.SAVED_NAME, follow=trials.follow_saved),
    Format(
        numpy_arrays.FORMAT, numpy_arrays.NAME, numpy_arrays.read_arrays, makes_run=False, in_snapshots=True
    ),
    Format(
        spikes.FORMAT,
        contract.SPIKES_NAME,
        follow=spikes.follow,
        folder=contract.SPIKES_FOLDER,
        makes_run=False,
    ),
    Format(text_log.ROTATED_FORMAT, text_log.ROTATED_NAME, text_log.refuse_rotated),
    # Last: in this folder, any name that is none of the others'.
    Format(results.FORMAT, re.compile(r".+\.json"), results.read_result, folder="results"),
)
"""Every format, in the order of precedence: a file fills only what those of the formats before it leave open."""

LOGS: Final = frozenset(each.name for each in FORMATS if each.is_log)
"""Names of the formats that are logs."""

_PRECEDENCE: Final = {each.name: place for place, each in reversed(list(enumerate(FORMATS)))}


def precedence(name: str) -> int:
    """The place of a format among :data:`FORMATS`, by its name; behind all where it is none of them."""
    return _PRECEDENCE.get(name, len(FORMATS))


def format_of(folder: str, name: str) -> Format | None:
    """The format of a file, by its name and the folder of the run that it is in ("" for the run's own directory)."""
    for each in FORMATS:
        if each.pattern.fullmatch(name) and each.folder in ("", folder):
            return each
    return None


def is_documented(name: str) -> bool:
    """Whether a file is one of the documented ones: the log, or metadata."""
    return name == contract.LOG_NAME or (name.startswith(METADATA_PREFIX) and name.endswith(".json"))


def makes_run(folder: str, name: str) -> bool:
    """Whether a file makes a directory a run, by its name, and its folder if it is in one of the run's."""
    found = format_of(folder, name)
    return found is not None and found.makes_run
