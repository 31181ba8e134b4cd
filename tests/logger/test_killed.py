from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support import ROOT
from thalia_monitor import load_training_state

KILLS = 200


@pytest.mark.skipif(not hasattr(os, "fork"), reason="kills forked processes")
def test_whatever_was_reported_as_written_is_there_after_any_kill(tmp_path: Path) -> None:
    """``kill -9`` at random instants, hundreds of times: no record lost, no half metadata, one run."""
    program = subprocess.run(
        [sys.executable, str(ROOT / "tests" / "kill_writers.py"), str(tmp_path / "run"), str(KILLS), "7"],
        env={"PYTHONPATH": str(ROOT)},
        capture_output=True,
        check=False,
        text=True,
    )
    assert program.returncode == 0, program.stderr
    reported = json.loads(program.stdout)

    state = load_training_state(tmp_path / "run")
    assert len(reported) > KILLS
    assert set(reported) <= set(state.history.step.tolist())
    assert state.current_step >= reported[-1]
    assert state.checkpoint is not None
    # A line that was torn by a kill was not reported, and stands alone: the next one is on a line of its own.
    assert len(state.problems) <= 3
