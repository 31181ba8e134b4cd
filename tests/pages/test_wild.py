"""Whatever value stands in whatever field of whatever file: every page and every answer of the API is still there."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest

from fixtures import thalia_files
from tests.screen import Screen
from thalia_monitor import load_training_state
from thalia_monitor.check import inspect
from thalia_monitor.web.app import create_app

PAGES = ("/", "/metrics", "/growth", "/consolidation", "/milestones", "/events", "/values")
ROUTES = ("", "/summary", "/growth", "/consolidation", "/milestones", "/export.csv")
VALUES = ("x", 1.5, 1e300, math.nan, math.inf, {"a": [1]})

EVENTS: dict[str, dict[str, Any]] = {
    "growth": {"region": "cortex", "neurons_added": 3, "new_total": 9, "reason": "full"},
    "consolidation": {
        "sleep_stage": "REM",
        "patterns_replayed": 9,
        "duration_steps": 5,
        "duration_seconds": 1.5,
    },
    "milestone": {"stage": 0, "week": 2, "results": {"a": True}},
    "transition": {"old_stage": 0, "new_stage": 1, "reason": "passed"},
    "extension": {"stage": 0, "additional_weeks": 2, "weeks": 2, "reason": "slow"},
    "warning": {"severity": "warning", "message": "High capacity"},
    "stage_start": {"stage": 0, "config": {"duration_weeks": 4}},
    "stage_end": {"stage": 0, "duration_hours": 1.0},
}
STAGE = {
    "stage": 0, "start_time": 1.7e9, "end_time": 1.7e9 + 9, "duration_hours": 1, "config": {},
    "step_metrics": [], "growth_events": [], "consolidation_events": [], "milestone_checks": [], "transitions": [],
}  # fmt: skip
LISTED: dict[str, dict[str, Any]] = {
    "growth_events": {"step": 5, "timestamp": 1.7e9, "region": "a", "n_added": 3, "reason": "r"},
    "consolidation_events": {
        "step": 5, "timestamp": 1.7e9, "stage": "REM", "n_patterns": 3, "duration_seconds": 5.0,
    },
    "milestone_checks": {"step": 5, "week": 2, "timestamp": 1.7e9, "results": {"a": True}},
    "transitions": {"timestamp": 1.7e9, "old_stage": 0, "new_stage": 1, "reason": "r"},
    "step_metrics": {"step": 5, "timestamp": 1.7e9, "loss": 0.5},
}  # fmt: skip
METADATA = {
    "current_stage": 0, "current_week": 1, "total_weeks": 4, "metrics": {"loss": 0.5}, "milestones": {"a": True},
    "warnings": ["High capacity"], "training_time_seconds": 5,
}  # fmt: skip
GROWN = {"timestamp": "2025-12-11T09:00:00", "region": "c", "neurons_added": 3, "new_size": 9, "reason": "r"}
SAVED = (
    "timestamp", "training_history", "growth_history", "milestones", "metrics", "regions", "total_steps",
    "stage_name", "checkpoint_reason", "total_weeks", "week",
)  # fmt: skip
RESULT = {
    "stage": "sensorimotor", "stage_number": -0.5, "success": True, "training_time_seconds": 5.0,
    "milestone_results": {"a": True}, "final_metrics": {"x": 1}, "start_time": "2025-12-11T09:00:00",
    "end_time": "2025-12-11T09:00:00",
}  # fmt: skip
TRIALS = (
    "trial,pattern,correct,reward,count_a,count_b,margin,accuracy_10,accuracy_100,n_silent_pops,"
    "n_hyperactive_pops,wall_clock_s\r\n"
)


def one_wrong(fields: dict[str, Any], value: Any) -> list[dict[str, Any]]:
    """These fields once for each of them, with the value in its place."""
    return [fields | {name: value} for name in fields]


def documented(directory: Path, value: Any) -> None:
    """Log and metadata."""
    lines = [
        {"step": 10, "event_type": kind} | each
        for kind, known in EVENTS.items()
        for each in one_wrong(known, value)
    ]
    lines += one_wrong(
        {"step": 10, "loss": 0.5, "neuron_counts": {"a": 5}, "capacity_by_region": {"a": 0.5}}, value
    )
    (directory / "training_log.json").write_text("".join(json.dumps(each) + "\n" for each in lines))
    for number, each in enumerate(one_wrong(METADATA, value)):
        (directory / f"metadata_{number}.json").write_text(json.dumps({"step": number} | each))


def stage_logs(directory: Path, value: Any) -> None:
    """Those of Thalia's own logger: each field of a file, of its lists and of its configuration."""
    wrong = one_wrong(STAGE, value)
    wrong += [STAGE | {name: one_wrong(entry, value)} for name, entry in LISTED.items()]
    config = {"duration_weeks": 4, "tasks": ["a"], "success_criteria": {"a": 0.5}}
    wrong += [STAGE | {"config": each} for each in one_wrong(config, value)]
    for number, each in enumerate(wrong):
        (directory / f"stage_{number}_log.json").write_text(json.dumps(each))


def checkpoints(directory: Path, value: Any) -> None:
    """Binary ones: their metadata and their growth history."""
    more: list[dict[str, Any]] = [{name: value} for name in SAVED]
    more.append({"growth_history": one_wrong(GROWN, value)})
    for number, each in enumerate(more):
        content = thalia_files.plain({"global_step": number, "current_stage": 0, **each})
        (directory / f"stage_0_step_{number}.thalia").write_bytes(content)


def results(directory: Path, value: Any) -> None:
    """Those of the birth script."""
    (directory / "results").mkdir()
    for number, each in enumerate(one_wrong(RESULT, value)):
        (directory / f"results/{number}.json").write_text(json.dumps({"total_steps": number} | each))


def trials(directory: Path, value: Any) -> None:
    """A cell of the table, and the numbers of an event."""
    text = str(value) if not isinstance(value, str) or value.isascii() else "?"
    cells = ["1", "A", "1", "1.00", "5", "5", "0", "0.5", "", "0", "0", "1.0"]
    rows = [",".join([*cells[:place], f'"{text}"', *cells[place + 1 :]]) for place in range(len(cells))]
    (directory / "trials.csv").write_text(TRIALS + "".join(row + "\r\n" for row in rows))
    digits = 5000 * "9"
    (directory / "events.log").write_text(
        "# Training events log — 2026-03-24T10:00:00\n"
        f"[trial    {digits} |    {digits}.7s] DIAGNOSTICS  criticals={digits}  warnings=1  brain_state=AI\n",
        encoding="utf-8",
    )


@pytest.mark.parametrize("write", [documented, stage_logs, checkpoints, results, trials])
@pytest.mark.parametrize("value", VALUES, ids=repr)
def test_no_value_in_no_field_takes_a_page_down(tmp_path: Path, write: Any, value: Any) -> None:
    """It is left out and reported, or shown for what it is."""
    write(tmp_path, value)
    state = load_training_state(tmp_path)
    assert all(
        str(frame.dtypes.iloc[0]) == "Int64" for frame in (state.growth_events, state.consolidation_events)
    )
    assert inspect(tmp_path).text()
    assert json.loads(inspect(tmp_path).json(), parse_constant=pytest.fail)
    client = create_app(tmp_path, no_index=True).server.test_client()
    run = client.get("/api/v1/runs").json["runs"][0]["id"]
    for route in ROUTES:
        answer = client.get(f"/api/v1/runs/{run}{route}")
        assert answer.status_code == 200
        if answer.is_json:
            json.loads(answer.text, parse_constant=pytest.fail)
    for page in PAGES:
        assert "Stage" in Screen(client, page).everything()
