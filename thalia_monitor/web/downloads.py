"""Raw values as CSV: every logged value at full precision, streamed, whatever the charts show of it."""

from __future__ import annotations

import csv
import io
import unicodedata
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Final

import numpy as np
from flask import Response, request

from thalia_monitor import contract
from thalia_monitor.errors import BadParameter
from thalia_monitor.web.context import monitor

if TYPE_CHECKING:
    from thalia_monitor.model.history import History
    from thalia_monitor.model.series_key import SeriesKey

_FORMULA: Final = frozenset("=+-@\u2212")
"""What a formula begins with; the last is the typographic minus."""
ROWS_AT_ONCE: Final = 20_000


def csv_of_run(run: str) -> Response:
    """All metric lines as CSV, or those columns that ``?name=`` (repeatable) asks for."""
    state = monitor().whole_state(run)
    asked = request.args.getlist("name")
    found = {name: state.history.find(name) for name in asked}
    missing = [name for name, key in found.items() if key is None]
    if missing:
        raise BadParameter(
            f"This run has no series {missing[0][:100]!r}; /api/v1/runs/{run} names what it has."
        )
    keys = [key for key in found.values() if key] or state.history.series_keys()
    answer = Response(lines(state.history, list(dict.fromkeys(keys))), mimetype="text/csv")
    filename = "_".join(map(_plain, [state.name or "run", *(asked if len(asked) == 1 else ())]))
    answer.headers["Content-Disposition"] = f'attachment; filename="{filename}.csv"'
    return answer


def _plain(name: str) -> str:
    return "".join(each if each.isascii() and each.isalnum() else "_" for each in name)[:80]


def lines(history: History, keys: Sequence[SeriesKey]) -> Iterator[str]:
    """Write ``step,segment,timestamp`` and these series; a cell is empty where a line did not log it."""
    head = io.StringIO()
    csv.writer(head).writerow(["step", "segment", "timestamp", *(_harmless(key.public) for key in keys)])
    yield head.getvalue()
    columns = [column for key in keys if (column := history.column(key)) is not None]
    wanted = _rows_with(history, [column.rows for column in columns])
    for first in range(0, len(wanted), ROWS_AT_ONCE):
        rows = wanted[first : first + ROWS_AT_ONCE]
        cells: list[list[object]] = [history.step[rows].tolist(), history.segment[rows].tolist()]
        cells.append(["" if np.isnan(time) else repr(time) for time in history.time[rows].tolist()])
        for column in columns:
            text = np.full(len(rows), "", dtype=object)
            if column.rows is None:
                text[:] = [repr(value) for value in column.values[rows].tolist()]
            else:
                at = np.searchsorted(column.rows, rows)
                found = (at < len(column.rows)) & (column.rows[np.minimum(at, len(column.rows) - 1)] == rows)
                text[found] = [repr(value) for value in column.values[at[found]].tolist()]
            cells.append(text.tolist())
        block = io.StringIO()
        csv.writer(block).writerows(zip(*cells, strict=True))
        yield block.getvalue()


def _rows_with(history: History, sparse: Sequence[np.ndarray | None]) -> np.ndarray:
    known = [rows for rows in sparse if rows is not None]
    if not sparse or len(known) < len(sparse):
        return np.arange(len(history))
    return np.unique(np.concatenate(known))


def _harmless(name: str) -> str:
    # A spreadsheet takes a cell for a formula that begins like this, also behind white space, and in full width.
    # With the apostrophe before one that stands there no two names become the same.
    begun = unicodedata.normalize("NFKC", contract.printable(name)).lstrip("\ufffd \u200b")
    return f"'{name}" if begun[:1] in _FORMULA or name[:1] in "'\t\r\n" else name
