"""A user's script that reads a run: the public names of the server, with the types that a checker sees."""

from __future__ import annotations

import sys
from datetime import datetime, timedelta
from typing import assert_type

import pandas as pd

from thalia_monitor import TrainingState, create_app, load_training_state

state = load_training_state(sys.argv[1])
assert_type(state, TrainingState)
assert_type(state.current_stage, int | None)
assert_type(state.stage_name, str)
assert_type(state.current_step, int)
assert_type(state.stage_progress, float)
assert_type(state.metrics["loss"], float)
assert_type(state.metrics_history, pd.DataFrame)
assert_type(state.growth_events, pd.DataFrame)
assert_type(dict(state.milestones), dict[str, bool])
assert_type(state.last_update, datetime | None)
assert_type(state.training_duration, timedelta)
for warning in state.warnings:
    sys.stdout.write(f"{warning.severity}: {warning.message}\n")
for problem in state.problems:
    sys.stdout.write(f"{problem.file}:{problem.line}: {problem.reason}\n")
if len(sys.argv) > 2:
    create_app(sys.argv[1]).run(port=int(sys.argv[2]))
