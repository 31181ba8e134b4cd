from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from tests import train_loop
from tests.support import ROOT
from thalia_monitor import load_training_state
from thalia_monitor.logger import CurriculumLogger


def example(page: str, word: str) -> str:
    """The one program of a document that has a word in it."""
    (program,) = (
        each for each in re.findall(r"```python\n(.*?)```", (ROOT / page).read_text(), re.S) if word in each
    )
    return str(program)


def test_a_plain_loop_needs_three_lines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The README's program: steps and metrics are there, and no stage that nobody has named."""
    monkeypatch.chdir(tmp_path)
    exec(example("README.md", "logger.record(step"), {"train": lambda step: {"loss": 1 / (1 + step)}})

    state = load_training_state(tmp_path / "runs" / "first")
    assert (state.current_step, state.current_stage) == (9_999, None)
    assert len(state.history) == 10_000
    assert list(state.problems) == []
    assert list(state.events) == []


def test_a_train_loop_is_followed_by_a_logger_of_five_lines(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The program of docs/logging.md: each trial is a step; Thalia's own logger still gets every row."""
    monkeypatch.chdir(tmp_path)
    package = ModuleType("thalia.training")
    package.__dict__["trainer"] = train_loop
    monkeypatch.setitem(sys.modules, "thalia", ModuleType("thalia"))
    monkeypatch.setitem(sys.modules, "thalia.training", package)
    monkeypatch.setattr(train_loop, "TrainingLogger", train_loop.TrainingLogger)

    def task(_: Any, trial: int, __: Any) -> train_loop.TrialResult:
        return train_loop.TrialResult(
            trial % 2 == 0, 1.0 if trial % 2 == 0 else -0.5, {"margin": trial, "pattern": "A"}
        )

    given: dict[str, Any] = {
        "brain": None,
        "task": task,
        "readout_groups": [],
        "config": train_loop.TrainConfig(50, "theirs"),
    }
    exec(example("docs/logging.md", "train_loop"), given)

    lines = list(map(json.loads, Path("runs/first/training_log.json").read_bytes().splitlines()))
    assert [(line["step"], line["reward"], line["margin"]) for line in lines] == [
        (trial, 1.0 if trial % 2 == 0 else -0.5, trial) for trial in range(50)
    ]
    assert load_training_state(tmp_path / "runs" / "first").current_step == 49
    assert train_loop.made[-1].rows == list(range(50))


def test_a_record_in_a_stage_belongs_to_it(tmp_path: Path) -> None:
    """As if it were logged as a training step."""
    logger = CurriculumLogger(tmp_path, console_output=False)
    logger.log_stage_start(1, {"duration_weeks": 4})
    logger.record(10, {"loss": 0.5})
    logger.log_stage_end(1)

    stage = json.loads((tmp_path / "stage_1_log.json").read_bytes())
    assert [record["loss"] for record in stage["step_metrics"]] == [0.5]


@pytest.mark.parametrize(
    ("severity", "written", "level"),
    [("critical", "critical", "ERROR"), (" Critical", "critical", "ERROR"), ("info", "info", "INFO")],
)
def test_a_warnings_severity_is_in_every_file(
    tmp_path: Path, severity: str, written: str, level: str
) -> None:
    """As an event of the log, in the next metadata, and as the level of the text log's record."""
    logger = CurriculumLogger(tmp_path, console_output=False)
    logger.log_stage_start(0, {})
    logger.log_warning("Theta unstable", severity=severity, step=7)
    logger.log_training_step(1_000, {"loss": 0.5})

    events = map(json.loads, (tmp_path / "training_log.json").read_bytes().splitlines())
    (event,) = (each for each in events if each.get("event_type") == "warning")
    assert (event["step"], event["severity"], event["message"]) == (7, written, "Theta unstable")
    metadata = json.loads((tmp_path / "metadata_000000001000.json").read_bytes())
    assert metadata["warnings"] == [{"severity": written, "message": "Theta unstable"}]
    assert f"- {level} -   ⚠️  Theta unstable" in (tmp_path / "curriculum_training.log").read_text("utf-8")


@pytest.mark.parametrize("json_log", [None, False], ids=["all", "text alone"])
def test_a_critical_warning_is_shown_as_critical(tmp_path: Path, json_log: bool | None) -> None:
    """Whichever of the logger's files it is read from."""
    logger = CurriculumLogger(tmp_path, console_output=False, json_log=json_log)
    logger.log_stage_start(0, {})
    logger.log_training_step(1_000, {"loss": 0.5})
    logger.log_warning("Theta unstable", severity="critical")

    warnings = [each for each in load_training_state(tmp_path).events if each.kind == "warning"]
    assert [(each.fields["severity"], each.fields["message"]) for each in warnings] == [
        ("critical", "Theta unstable")
    ]
