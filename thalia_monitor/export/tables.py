"""A run's events, segments and milestones as tables, each a list of records, and Parquet files.

Parquet holds the metric lines bit for bit; each table lies in a file beside them.
"""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from thalia_monitor import contract
from thalia_monitor.analysis.milestones import checklist, verdicts
from thalia_monitor.errors import NotInstalled
from thalia_monitor.export.lines import LEADING, Cells, Selection, harmless, jsonable

if TYPE_CHECKING:
    import numpy as np

    from thalia_monitor.export.lines import Selection
    from thalia_monitor.model.records import Event, Note
    from thalia_monitor.model.run import TrainingState

Record = dict[str, Any]

NUMBERS: Final = ("neurons_added", "new_total", "patterns_replayed", "duration_steps")
TEXTS: Final = ("region", "reason", "sleep_stage")
"""Fields of growth and consolidation that have a column of their own; ``fields`` has those of every kind."""

SEGMENTS: Final = {"segment": int, "kind": str, "first_row": int, "first_step": int, "superseded_from": int}
EVENTS: Final = {
    "event_type": str,
    "step": int,
    "segment": int,
    "timestamp": float,
    **dict.fromkeys(TEXTS, str),
    **dict.fromkeys(NUMBERS, int),
    "fields": dict,
    "file": str,
    "line": int,
}
MILESTONES: Final = {
    "name": str,
    "group": str,
    "criterion": str,
    "passed": bool,
    "since_step": int,
    "timestamp": float,
}
NOTES: Final = {"step": int, "end_step": int, "text": str, "user": str, "timestamp": float}
SCHEMAS: Final[Mapping[str, Mapping[str, type]]] = {
    "segments": SEGMENTS,
    "events": EVENTS,
    "milestones": MILESTONES,
    "notes": NOTES,
}
"""The columns of each table and their types; any value may be None."""
_LARGEST: Final = 2**63


def tables(state: TrainingState, selection: Selection) -> dict[str, list[Record]]:
    """Every table of a run, by name; events are those between the selection's steps."""
    return {
        "segments": segment_records(state),
        "events": [event_record(each) for each in events_between(state, selection.start, selection.end)],
        "milestones": _milestones(state),
        "notes": [
            note_record(each) for each in state.notes if _within(each.step, selection.start, selection.end)
        ],
    }


def segment_records(state: TrainingState) -> list[Record]:
    """The parts of a log between its resumes."""
    return [
        {
            "segment": each.index,
            "kind": each.kind,
            "first_row": each.first_row,
            "first_step": each.first_step,
            "superseded_from": state.history.superseded_from(each.index),
        }
        for each in state.history.segments
    ]


def event_record(event: Event) -> Record:
    """An event: :data:`EVENTS` has its columns."""
    fields = jsonable(event.fields)
    return {
        "event_type": contract.legible(event.kind),
        "step": event.step,
        "segment": event.segment,
        "timestamp": event.time if event.time is not None and math.isfinite(event.time) else None,
        **{name: fields.get(name) if isinstance(fields.get(name), str) else None for name in TEXTS},
        **{name: _whole(fields.get(name)) for name in NUMBERS},
        "fields": fields,
        "file": contract.legible(event.file),
        "line": event.line,
    }


def note_record(note: Note) -> Record:
    """A note of a person: :data:`NOTES` has its columns."""
    return {
        "step": note.step,
        "end_step": note.end,
        "text": note.text,
        "user": note.user,
        "timestamp": note.time,
    }


def _whole(value: object) -> int | None:
    fits = isinstance(value, int) and not isinstance(value, bool) and -_LARGEST <= value < _LARGEST
    return value if fits else None  # type: ignore[return-value]  # checked above


def _milestones(state: TrainingState) -> list[Record]:
    since = verdicts(state)
    return [
        {
            "name": contract.legible(each.name),
            "group": each.group,
            "criterion": each.criterion,
            "passed": each.passed,
            "since_step": since[each.name].step if each.name in since else None,
            "timestamp": since[each.name].time if each.name in since else None,
        }
        for each in checklist(state)
    ]


def events_between(
    state: TrainingState, start: float | None, end: float | None, types: Collection[str] = ()
) -> list[Event]:
    """Return the events between two steps, in the order of the log: those of some types, or of all without any.

    None is no bound; an event without a step is left out where there is one.
    """
    return [
        each
        for each in state.events
        if (not types or contract.legible(each.kind) in types) and _within(each.step, start, end)
    ]


def _within(step: int | None, start: float | None, end: float | None) -> bool:
    if start is None and end is None:
        return True
    return step is not None and (start is None or step >= start) and (end is None or step <= end)


ROWS_IN_A_GROUP: Final = 65_536


def pyarrow_installed() -> Any:
    """pyarrow, which not everyone has.

    Raises:
        NotInstalled: it is missing.
    """
    try:
        import pyarrow.parquet  # noqa: PLC0415 - optional, and slow to import
    except ModuleNotFoundError as error:
        raise NotInstalled(
            "Parquet needs pyarrow: pip install 'thalia-monitor[parquet]'. CSV and JSON work without."
        ) from error
    return pyarrow


def write_lines(path: Path, selection: Selection, name: str, progress: Callable[[int], object]) -> None:
    """Write the metric lines: a value that a line did not log is null, one that it logged as NaN is NaN."""
    pa = pyarrow_installed()
    names = [*LEADING, *map(contract.legible, selection.names)]
    types = [pa.int64(), pa.int64(), *[pa.float64()] * (len(names) - 2)]
    schema = pa.schema(list(zip(names, types, strict=True)), metadata={"run": name})
    # Dictionaries are for values that repeat; without them the writer keeps less in memory.
    with pa.parquet.ParquetWriter(path, schema, compression="zstd", use_dictionary=False) as writer:
        for block in selection.blocks(ROWS_IN_A_GROUP):
            arrays = [
                pa.array(block.step),
                pa.array(block.segment),
                *(_array(pa, each) for each in block.cells),
            ]
            writer.write_table(pa.table(arrays, schema=schema), row_group_size=ROWS_IN_A_GROUP)
            progress(len(block))


def _array(pa: Any, cells: Cells) -> Any:
    values: np.ndarray = cells[0]
    return pa.array(values, pa.float64(), mask=cells[1], from_pandas=False)


def write_table(path: Path, name: str, records: Sequence[Record]) -> None:
    """Write one of the tables beside the lines."""
    pa = pyarrow_installed()
    kinds: Mapping[type, Any] = {int: pa.int64(), float: pa.float64(), bool: pa.bool_()}
    schema = pa.schema([(column, kinds.get(kind, pa.string())) for column, kind in SCHEMAS[name].items()])
    arrays = [
        pa.array([_plain(each[column]) for each in records], type_) for column, type_ in _fields(schema)
    ]
    pa.parquet.write_table(pa.table(arrays, schema=schema), path, compression="zstd")


def _fields(schema: Any) -> list[tuple[str, Any]]:
    return [(field.name, field.type) for field in schema]


def _plain(value: object) -> object:
    """A record's value as a cell: an object of any fields is its JSON text."""
    return json.dumps(value, ensure_ascii=False) if isinstance(value, dict) else value


def csv_table(name: str, records: Sequence[Record]) -> str:
    """One of the tables as CSV; text that a spreadsheet would take for a formula is made harmless."""
    written = io.StringIO()
    table = csv.writer(written)
    table.writerow(SCHEMAS[name])
    for record in records:
        values = (_plain(record[column]) for column in SCHEMAS[name])
        table.writerow([harmless(each) if isinstance(each, str) else each for each in values])
    return written.getvalue()


def file_beside(path: Path, name: str) -> Path:
    """Where a table lies beside the lines: ``run.events.parquet`` beside ``run.parquet``."""
    return path.with_name(f"{path.stem}.{name}{path.suffix}")
