"""What a training measures and decides about itself, written and read back."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest

from thalia_monitor import CurriculumLogger, load_training_state
from thalia_monitor.analysis import liveness
from thalia_monitor.analysis.curriculum import retention, safety
from thalia_monitor.analysis.liveness import Status


@pytest.mark.parametrize(
    ("given", "status", "words"),
    [
        ({}, Status.FINISHED, "Training has ended"),
        ({"reason": "out of memory", "stopped": True}, Status.STOPPED, "Training was stopped: out of memory"),
    ],
)
def test_a_loop_without_stages_says_that_it_has_ended(
    tmp_path: Path, given: dict[str, Any], status: Status, words: str
) -> None:
    """The run is over at once, and not quiet; training on makes it live again."""
    logger = CurriculumLogger(tmp_path, console_log=False, file_log=False, json_log=True)
    logger.record(1_000, {"loss": 0.5})
    logger.log_training_end(step=1_000, **given)
    state = load_training_state(tmp_path)
    assert (state.problems, state.current_step) == ([], 1_000)
    found = liveness.liveness(state, time.time())
    assert (found.status, found.text.partition(";")[0]) == (status, words)
    logger.record(1_001, {"loss": 0.5})
    assert liveness.liveness(load_training_state(tmp_path), time.time()).status == Status.LIVE


def test_probes_interventions_load_and_score_are_read_back(tmp_path: Path) -> None:
    """Each call is one event with its fields under the documented names; the log has no problem."""
    logger = CurriculumLogger(tmp_path, console_log=False, file_log=False, json_log=True)
    logger.log_stage_start(0, {})
    logger.log_training_step(1_000, {"loss": 0.5})
    logger.log_evaluation("digits", stage=0, accuracy=0.9, n=200, step=1_000)
    logger.log_intervention("reduce_load", "too much at once", 1_000, actions=["pause"], details={"stage": 0})
    logger.log_cognitive_load(0.95, 1_000, threshold=0.8, deactivated=["imitation"])
    logger.log_health_score(0.7, 1_000)
    state = load_training_state(tmp_path)
    assert (state.problems, logger.write_errors) == ([], 0)
    (task,) = retention.retention(state)
    assert task.now and (task.task, task.stage, task.now.accuracy, task.now.n, task.now.step) == (
        *("digits", 0, 0.9, 200, 1_000),
    )
    (intervention,) = safety.interventions(state)
    assert (intervention.kind, intervention.reason, intervention.step) == (
        "reduce_load",
        "too much at once",
        1_000,
    )
    load, score = safety.load(state), safety.score(state)
    assert load is not None and score is not None
    assert (load.value.tolist(), safety.load_limit(state), score.value.tolist()) == ([0.95], 0.8, [0.7])
    fields = {each.kind: dict(each.fields) for each in state.events}
    assert fields["cognitive_load"] == {"load": 0.95, "threshold": 0.8, "deactivated": ["imitation"]}
    assert fields["intervention"]["actions"] == ["pause"]
    assert state.current_step == 1_000
