"""Events of a run as DataFrames."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from thalia_monitor import contract

if TYPE_CHECKING:
    import pandas as pd

    from thalia_monitor.model.records import Event

TYPES: Final[Mapping[str, Any]] = {
    **dict.fromkeys(("step", "neurons_added", "new_total", "patterns_replayed", "duration_steps"), "Int64"),
    "duration_seconds": "Float64",
}
"""Column types other than text; nullable, since an event may lack a field."""


def event_table(events: Sequence[Event], names: Sequence[str]) -> pd.DataFrame:
    """DataFrame with one row per event and one column per field name."""
    import pandas as pd  # noqa: PLC0415 - slow to import, and most ticks need no table

    def values(name: str) -> list[Any]:
        return [event.step if name == contract.STEP else event.fields.get(name) for event in events]

    return pd.DataFrame({name: pd.array(values(name), dtype=TYPES.get(name, "str")) for name in names})


def one_table(before: pd.DataFrame, new: pd.DataFrame) -> pd.DataFrame:
    """Concatenate two tables with the same columns."""
    import pandas as pd  # noqa: PLC0415 - slow to import, and most ticks need no table

    return pd.concat([before, new], ignore_index=True) if len(new) else before
