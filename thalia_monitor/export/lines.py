"""The metric lines to export, and their text: the CSV of the command and of the HTTP API, and the rows of JSON."""

from __future__ import annotations

import csv
import io
import math
import unicodedata
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

import numpy as np
import orjson
from numpy.typing import NDArray

from thalia_monitor import contract
from thalia_monitor.analysis.formatting import strict
from thalia_monitor.errors import BadParameter
from thalia_monitor.model.history import Column, Floats, History, Ints
from thalia_monitor.model.series_key import SeriesKey

ROWS_AT_ONCE: Final = 20_000
LEADING: Final = ("step", "segment", "timestamp")
"""The first columns of every export."""
_FORMULA: Final = frozenset("=+-@\u2212")
"""What a formula begins with; the last is the typographic minus."""

Cells = tuple[Floats, NDArray[np.bool_] | None]
"""The values of one column in a block, and where a line did not log it (None: every line did)."""


@dataclass(frozen=True, slots=True)
class Block:
    """Consecutive exported lines, by column."""

    step: Ints
    segment: Ints
    cells: tuple[Cells, ...]
    """The timestamp's, then each series'."""

    def __len__(self) -> int:
        return len(self.step)


@dataclass(frozen=True)
class Selection:
    """The lines of a history to export: those that have one of the series, between two steps."""

    history: History
    keys: tuple[SeriesKey, ...]
    start: float | None = None
    """First step; None for the beginning."""
    end: float | None = None
    """Last step; None for the end."""

    @cached_property
    def columns(self) -> tuple[Column, ...]:
        """The series' columns, in the order of the keys."""
        return tuple(column for key in self.keys if (column := self.history.column(key)) is not None)

    @cached_property
    def rows(self) -> Ints:
        """The row of each exported line."""
        sparse = [column.rows for column in self.columns if column.rows is not None]
        dense = len(sparse) < len(self.columns) or not self.columns
        rows = np.arange(len(self.history)) if dense else np.unique(np.concatenate(sparse))
        if self.start is not None:
            rows = rows[self.history.step[rows] >= self.start]
        return rows if self.end is None else rows[self.history.step[rows] <= self.end]

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def names(self) -> list[str]:
        """The series' public names."""
        return [key.public for key in self.keys]

    def blocks(self, size: int = ROWS_AT_ONCE) -> Iterator[Block]:
        """Yield the lines in file order, so many at once."""
        history = self.history
        for first in range(0, len(self.rows), size):
            rows = self.rows[first : first + size]
            time = history.time[rows]
            untimed = np.isnan(time)
            cells = [(time, untimed if untimed.any() else None)]
            cells += [_cells(column, rows) for column in self.columns]
            yield Block(history.step[rows], history.segment[rows], tuple(cells))


def _cells(column: Column, rows: Ints) -> Cells:
    if column.rows is None:
        return column.values[rows], None
    if not len(column):
        return np.full(len(rows), np.nan), np.ones(len(rows), bool)
    at = np.minimum(np.searchsorted(column.rows, rows), len(column.rows) - 1)
    missing = column.rows[at] != rows
    return np.where(missing, np.nan, column.values[at]), missing if missing.any() else None


def select(
    history: History, names: Sequence[str] = (), start: float | None = None, end: float | None = None
) -> Selection:
    """Select series by their public names (all without any) between two steps.

    Raises:
        BadParameter: the run has no such series, or the steps are the wrong way round.
    """
    found = {name: history.find(name) for name in names}
    missing = [name for name, key in found.items() if key is None]
    if missing:
        known = ", ".join(history.names()[:20]) or "none yet"
        raise BadParameter(f"This run has no series {missing[0][:100]!r}. It has: {known}.")
    if start is not None and end is not None and start > end:
        raise BadParameter(f"No step is from {start:g} to {end:g}: give the lower one first.")
    keys = [key for key in found.values() if key] or history.series_keys()
    return Selection(history, tuple(dict.fromkeys(keys)), start, end)


def csv_text(selection: Selection) -> Iterator[str]:
    """Write the selected lines as CSV; a cell is empty where a line did not log it."""
    head = io.StringIO()
    csv.writer(head).writerow([*LEADING, *(harmless(contract.legible(name)) for name in selection.names)])
    yield head.getvalue()
    for block in selection.blocks():
        yield _text(block, _csv_word, "\r\n") + "\r\n"


def json_rows(selection: Selection) -> Iterator[str]:
    """Write the selected lines as JSON arrays, one a line, joined by commas; ``null`` is a value not logged."""
    between = ""
    for block in selection.blocks():
        yield between + "[" + _text(block, _json_word, "],\n[") + "]"
        between = ",\n"


def _text(block: Block, word: Callable[[float, bool], str], between: str) -> str:
    """The lines of a block, their cells joined by commas; each number as ``repr`` writes it.

    orjson writes a matrix many times faster, and as ``repr`` does but for exponents. What it would write otherwise
    is NaN to it, which it writes as ``null``, in whose place ``word(value, missing)`` is put afterwards: for what is
    missing, not finite, very large or very small.
    """
    matrix = np.column_stack([values for values, _ in block.cells])
    size = np.abs(matrix)
    odd = ~(((size >= 1e-4) & (size < 1e16)) | (size == 0))
    missing = np.zeros(matrix.shape, bool)
    for place, (_, absent) in enumerate(block.cells):
        if absent is not None:
            missing[:, place] = absent
    odd |= missing
    words = list(map(word, matrix[odd].tolist(), missing[odd].tolist()))
    matrix[odd] = np.nan
    lines = orjson.dumps(matrix, option=orjson.OPT_SERIALIZE_NUMPY)[2:-2].decode().split("],[")
    first = 0
    for line, count in enumerate(odd.sum(axis=1).tolist()):
        if count:
            lines[line] = lines[line].replace("null", "%s") % tuple(words[first : first + count])
            first += count
    heads = zip(block.step.tolist(), block.segment.tolist(), lines, strict=True)
    return between.join([f"{step},{segment},{line}" for step, segment, line in heads])


def _csv_word(value: float, missing: bool) -> str:
    return "" if missing else repr(float(value))


def _json_word(value: float, missing: bool) -> str:
    if missing:
        return "null"
    return repr(float(value)) if math.isfinite(value) else f'"{strict(value)}"'


def jsonable(value: Any) -> Any:
    """A value of a log as strict JSON: what is not finite becomes its name, text is valid Unicode."""
    if isinstance(value, float):
        return strict(value)
    if isinstance(value, str):
        return contract.legible(value)
    if isinstance(value, Mapping):
        return {contract.legible(str(key)): jsonable(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [jsonable(each) for each in value]
    return value if value is None or isinstance(value, bool | int) else contract.legible(str(value))


def harmless(name: str) -> str:
    """Text that no spreadsheet takes for a formula."""
    # A spreadsheet takes a cell for a formula that begins like this, also behind white space, and in full width.
    # With the apostrophe before one that stands there no two names become the same.
    begun = unicodedata.normalize("NFKC", contract.printable(name)).lstrip("\ufffd \u200b")
    return f"'{name}" if begun[:1] in _FORMULA or name[:1] in "'\t\r\n" else name
