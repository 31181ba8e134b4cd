"""``metrics.json`` of Thalia's sequence-learning script of February 2026: a list of numbers under each name.

The script rewrites it whole whenever it saves; the n-th number of a list is that of its n-th evaluation. Its
``config.json`` holds the settings.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from thalia_monitor.model.records import Source
from thalia_monitor.reading.files import read_document
from thalia_monitor.reading.formats import json_values
from thalia_monitor.reading.recording import MetricLine, Recording

NAME: Final = "metrics.json"
FORMAT: Final = "Thalia sequence results"
KEYS: Final = ("train_accuracy", "train_dopamine", "test_accuracy", "violation_detection")
MOST_LINES: Final = 1_000_000


def read_sequence(path: Path, name: str, within: Path | None = None) -> Recording | None:
    """Read the lists as lines, one an evaluation; None for a file of another program's, Torn while half-written."""
    document = read_document(path, within).fields
    lists = {key: document[key][:MOST_LINES] for key in KEYS if isinstance(document.get(key), list)}
    if not lists:
        return None
    lines = []
    for step in range(max(map(len, lists.values()))):
        here = ((key, json_values.number(each[step])) for key, each in lists.items() if step < len(each))
        lines.append(MetricLine(step, {key: number for key, number in here if number is not None}))
    last = len(lines) - 1 if lines else None
    return Recording(Source(name, FORMAT, len(lines), 0 if lines else None, last), tuple(lines))
