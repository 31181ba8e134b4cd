from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.support import ROOT
from thalia_monitor import load_training_state

WRITTEN_FOR_THALIA = """
import random
from thalia.training.curriculum_logger import CurriculumLogger, LogLevel

CONFIG = {
    "duration_weeks": 4,
    "tasks": ["reaching", "manipulation"],
    "task_weights": {"reaching": 0.6, "manipulation": 0.4},
    "success_criteria": {"reaching_accuracy": 0.90, "manipulation_success": 0.85},
}


def train(logger: CurriculumLogger, stage: int, steps: int) -> None:
    logger.log_stage_start(stage=stage, config=CONFIG)
    for step in range(1, steps + 1):
        share = step / steps
        metrics = {
            "loss": max(0.0, 0.5 * (1 - share) + random.gauss(0, 0.05)),
            "firing_rate": 0.10 + random.gauss(0, 0.02),
            "capacity": 0.5 + 0.4 * share,
            "reaching_accuracy": 0.7 + 0.25 * share,
        }
        logger.log_training_step(step=step, metrics=metrics)
        if step % 700 == 0:
            reason = f"Capacity {metrics['capacity']:.2f}, learning plateau"
            logger.log_growth_event(region="cortex", n_added=120, reason=reason, step=step)
        if step % 1_000 == 0:
            logger.log_consolidation(stage_name="NREM2", n_patterns=120, duration_seconds=60.5, step=step)
            logger.log_consolidation("REM", 60, 30.0)
    passed = {"reaching_accuracy": metrics["reaching_accuracy"] > 0.90, "no_silence": True}
    logger.log_milestone_evaluation(stage=stage, results=passed, week=4, step=steps)
    logger.log_stage_extension(stage=stage, additional_weeks=2, reason="Manipulation below threshold")
    logger.log_stage_end(stage=stage)


random.seed(7)
quiet = CurriculumLogger("logs/quiet", LogLevel.WARNING, False, True)
quiet.log_training_step(1, {"loss": 0.5})
logger = CurriculumLogger(
    log_dir="logs/run", log_level=LogLevel.INFO, console_output=True, file_output=True
)
for stage in (-1, 0):
    train(logger, stage, 3_000)
    logger.log_transition(old_stage=stage, new_stage=stage + 1, reason="Milestones passed")
assert logger.current_stage == 0
assert [record["step"] for record in logger.stage_logs[0].step_metrics][-1] == 3_000
assert sum(event["n_added"] for event in logger.stage_logs[-1].growth_events) == 480
print(logger.generate_stage_report(stage=-1))
print(logger.generate_session_report())
logger.save_session()
logger.save_session(filename="last_session.json")
"""


def run(program: str, directory: Path) -> str:
    """Run a program in a directory of its own; return what it printed."""
    script = directory / "script.py"
    script.write_text(program, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, script.name],
        cwd=directory,
        env={"PYTHONPATH": str(ROOT), "PYTHONUTF8": "1"},
        capture_output=True,
        check=False,
        encoding="utf-8",
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_script_for_thalias_logger_needs_another_import_and_no_more(tmp_path: Path) -> None:
    """Both ways of constructing it, every method, ``LogLevel``, reports; and the monitor shows the run."""
    program = WRITTEN_FOR_THALIA.replace("thalia.training.curriculum_logger", "thalia_monitor.logger")
    assert program != WRITTEN_FOR_THALIA
    output = run(program, tmp_path)

    assert "Stage -1 Report" in output
    assert "Curriculum Training Session Report" in output
    names = {path.name for path in (tmp_path / "logs" / "run").iterdir()}
    assert names >= {"curriculum_training.log", "stage_-1_log.json", "stage_0_log.json", "last_session.json"}
    state = load_training_state(tmp_path / "logs" / "run")
    assert list(state.problems) == []
    assert (state.current_stage, state.current_step, state.total_weeks) == (0, 6_000, 6)
    assert len(state.metrics_history) == 6_000
    assert len(state.growth_events) == 8
    assert list(state.consolidation_events["sleep_stage"]) == ["NREM2", "REM"] * 6
    assert state.milestones == {"reaching_accuracy": True, "no_silence": True}
    assert state.metrics.keys() == {"loss", "firing_rate", "capacity", "reaching_accuracy"}


def first_program(page: str, title: str) -> str:
    """The first Python program below a heading of a document."""
    text = (ROOT / page).read_text(encoding="utf-8")
    section = re.search(rf"^## {title}$(.*?)(?=^## |\Z)", text, re.MULTILINE | re.DOTALL)
    block = re.search(r"^```python\n(.*?)^```", section[1], re.MULTILINE | re.DOTALL) if section else None
    assert block, f"{page} has no program below {title!r}"
    return block[1]


CURRICULUM = (("README.md", "Connect your training"), ("docs/logging.md", "A curriculum"))


@pytest.mark.parametrize(("page", "title"), CURRICULUM)
def test_connecting_a_training_takes_under_ten_lines(page: str, title: str) -> None:
    """Of code, as the documents show it."""
    program = first_program(page, title)
    code = [line for line in program.splitlines() if line.strip() and not line.strip().startswith("#")]

    assert len(code) < 10


@pytest.mark.parametrize(("page", "title"), CURRICULUM)
def test_who_follows_the_readme_sees_the_run(
    page: str, title: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Copied as it is, with the reader's own ``train`` or ``trainer``."""
    monkeypatch.chdir(tmp_path)

    class Trainer:
        def add_callback(self, callback: Any) -> None:
            for step in range(0, 10_000, 1_000):
                callback(step, {"loss": 0.5, "firing_rate": 0.1})

    exec(first_program(page, title), {"train": lambda step: {"loss": 1 / (1 + step)}, "trainer": Trainer()})

    (log,) = tmp_path.rglob("training_log.json")
    state = load_training_state(log.parent)
    assert list(state.problems) == []
    assert (state.current_stage, state.stage_name) == (-1, "Sensorimotor")
    assert state.current_step >= 9_000
    assert "loss" in state.metrics
