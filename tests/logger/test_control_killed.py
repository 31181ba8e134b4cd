from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support import ROOT

TRIALS = 40


@pytest.mark.skipif(not hasattr(os, "fork"), reason="kills forked processes")
def test_a_request_is_applied_once_or_not_at_all_whoever_is_killed(tmp_path: Path) -> None:
    """``kill -9`` of the monitor, the trainer or both at random instants: never twice, by the log or in the loop."""
    program = subprocess.run(
        [sys.executable, str(ROOT / "tests" / "kill_control.py"), str(tmp_path / "runs"), str(TRIALS), "7"],
        env={"PYTHONPATH": str(ROOT)},
        capture_output=True,
        check=False,
        text=True,
    )
    assert program.returncode == 0, program.stderr
    found = json.loads(program.stdout)
    assert set(found["applied"]) <= {"0", "1"}
    assert set(found["seen"]) <= {"0", "1"}
    assert sum(found["applied"].values()) == sum(found["seen"].values()) == TRIALS
    assert found["applied"]["1"] > 0
    assert found["left"] == 0
