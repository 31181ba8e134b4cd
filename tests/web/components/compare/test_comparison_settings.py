"""What was set and changed in the runs compared: settings that differ, and changes by hand."""

from __future__ import annotations

import json
from pathlib import Path

from plotly.io.json import to_json_plotly

from tests.screen import words
from tests.support import Run, line
from tests.web.components.compare.test_side_by_side import TASK, filled
from thalia_monitor import load_training_state
from thalia_monitor.analysis.comparison import Side
from thalia_monitor.web.app import create_app
from thalia_monitor.web.components.compare import comparison_settings


def test_settings_that_differ_are_beside_each_other(tmp_path: Path) -> None:
    """Names and values from a log are text; what is the same is only counted."""
    for number, rate in ((1, 0.001), (2, 0.01)):
        (tmp_path / f"run-{number}").mkdir()
        run = Run(tmp_path / f"run-{number}")
        config = {"learning_rate": rate, TASK: number, "batch": 32}
        run.append(line(0, event_type="stage_start", stage=0, config=config))
        run.metrics(100)
    found = filled(create_app([tmp_path / "run-1", tmp_path / "run-2"]))["settings"]["children"]
    text = words(found)
    assert "learning_rate, stage 0 0.001 0.01" in text and f"{TASK}, stage 0 1 2" in text
    assert "1 more setting the same in all." in text and "batch" not in text


def test_the_changes_by_hand_of_two_runs_are_side_by_side(tmp_path: Path) -> None:
    """By step, each in its run's column; what was refused is none."""
    states = []
    for name, step, outcome in (("one", 300, "applied"), ("two", 100, "applied"), ("three", 200, "refused")):
        (tmp_path / name).mkdir()
        run = Run(tmp_path / name)
        run.metrics(100, 200, 300)
        fields = {"name": "rate", "user": "anna", "old": 1.0, "new": 0.5, "session": "s", "outcome": outcome}
        run.append(line(step, event_type="control", **fields))
        states.append(load_training_state(run.directory))
    sides = [Side(state, state.name, place, place == 0) for place, state in enumerate(states)]
    table = words(json.loads(to_json_plotly(comparison_settings.changes(sides))))
    assert " ".join(table.split()) == ("Step one two three 100 rate 1 → 0.5 by anna 300 rate 1 → 0.5 by anna")
    assert "Nobody has changed" in words(json.loads(to_json_plotly(comparison_settings.changes(sides[2:]))))
