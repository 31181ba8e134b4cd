"""Parquet files of a run: the metric lines bit for bit, and a file beside them for each table."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from thalia_monitor import contract
from thalia_monitor.errors import NotInstalled
from thalia_monitor.export.lines import LEADING, Cells, Selection
from thalia_monitor.export.tables import SCHEMAS, Record

if TYPE_CHECKING:
    import numpy as np

ROWS_IN_A_GROUP: Final = 65_536


def library() -> Any:
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
    pa = library()
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
    pa = library()
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


def beside(path: Path, name: str) -> Path:
    """Where a table lies beside the lines: ``run.events.parquet`` beside ``run.parquet``."""
    return path.with_name(f"{path.stem}.{name}{path.suffix}")
