"""Everything that happened in a run, as rows of one table."""

from __future__ import annotations

from typing import Final

import pandas as pd

from thalia_monitor.analysis.happenings import happenings
from thalia_monitor.state import TrainingState
from thalia_monitor.web.values import moment

COLUMNS: Final = {"step": "Step", "kind": "Kind", "what": "What", "time": "Time (UTC)"}


def chronicle(state: TrainingState) -> pd.DataFrame:
    """List every happening by step; those without one come first."""
    found = sorted(happenings(state), key=lambda each: (each.segment, -1 if each.step is None else each.step))
    return pd.DataFrame(
        {
            "step": pd.array([each.step for each in found], dtype="Int64"),
            "kind": [str(each.kind) for each in found],
            "what": [each.label for each in found],
            "time": [moment(float("nan") if each.time is None else each.time) for each in found],
        }
    )
