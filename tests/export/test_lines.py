"""The text of exported lines: every number as ``repr`` writes it, however many lines and series there are."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support import Run, line
from thalia_monitor import load_training_state
from thalia_monitor.errors import BadParameter
from thalia_monitor.export.lines import ROWS_AT_ONCE, csv_text, json_rows, select
from thalia_monitor.model.history import Column, History
from thalia_monitor.model.series_key import metric

EDGES = [
    0.0,
    -0.0,
    1e-4,
    9.999e-5,
    1e16,
    9999999999999998.0,
    5e-324,
    1.7976931348623157e308,
    math.nan,
    math.inf,
]


def history(*values: float, sparse: dict[int, float] | None = None) -> History:
    """A history with one dense metric, and one that only some lines have."""
    rows = np.array(sorted(sparse or {}), np.int64)
    columns = {"a": Column(np.array(values))}
    if sparse:
        columns["b"] = Column(np.array([sparse[row] for row in rows.tolist()]), rows)
    count = len(values)
    return History(np.arange(count), np.zeros(count, np.int64), np.full(count, np.nan), columns)


@given(st.lists(st.floats() | st.sampled_from(EDGES), min_size=1, max_size=40))
def test_every_number_is_written_as_repr_writes_it(values: list[float]) -> None:
    """Digit for digit, exponents and words included; the fast way that they are written makes no difference."""
    text = "".join(csv_text(select(history(*values))))
    assert text.split("\r\n") == [
        "step,segment,timestamp,a",
        *(f"{row},0,,{value!r}" for row, value in enumerate(values)),
        "",
    ]


@given(
    st.lists(st.floats(), min_size=1, max_size=20),
    st.dictionaries(st.integers(0, 19), st.floats() | st.sampled_from(EDGES), min_size=1),
)
def test_json_tells_missing_from_not_finite(values: list[float], sparse: dict[int, float]) -> None:
    """``null`` was not logged, ``"NaN"`` was; every finite number is the very one."""
    sparse = {row: value for row, value in sparse.items() if row < len(values)} or {0: 1.0}
    rows = json.loads(f"[{''.join(json_rows(select(history(*values, sparse=sparse))))}]", parse_constant=int)
    for row, (step, segment, time, a, b) in enumerate(rows):
        assert (step, segment, time) == (row, 0, None)
        for found, value in ((a, values[row]), (b, sparse.get(row))):
            if value is None or math.isfinite(value):
                assert repr(found) == repr(value)
            else:
                assert found == {"nan": "NaN", "inf": "Infinity", "-inf": "-Infinity"}[repr(value)]


def test_json_rows_join_over_blocks() -> None:
    """Many lines are one array, with one comma between any two."""
    count = ROWS_AT_ONCE + 3
    rows = json.loads(f"[{''.join(json_rows(select(history(*map(float, range(count))))))}]")
    assert [row[3] for row in rows] == list(range(count))


def test_steps_bound_the_lines(run: Run) -> None:
    """From the first to the last step, both included, of every attempt."""
    run.metrics(0, 100, 200, 300)
    run.metrics(100, 200)
    found = "".join(csv_text(select(load_training_state(run.directory).history, ["loss"], 100, 200)))
    assert [row.split(",")[:2] for row in found.splitlines()[1:]] == [
        ["100", "0"],
        ["200", "0"],
        ["100", "1"],
        ["200", "1"],
    ]


def test_the_http_csv_takes_the_same_bounds(client: object, run: Run) -> None:
    """``from`` and ``to`` of the address are those of the command."""
    run.append(*(line(step, loss=step) for step in range(5)))
    get = client.get  # type: ignore[attr-defined]
    key = get("/api/v1/runs").get_json()["runs"][0]["id"]
    text = get(f"/api/v1/runs/{key}/export.csv?name=loss&from=1&to=3").text
    assert [row.split(",")[0] for row in text.splitlines()[1:]] == ["1", "2", "3"]
    assert get(f"/api/v1/runs/{key}/export.csv?from=3&to=1").status_code == 400
    assert get(f"/api/v1/runs/{key}/export.csv?from=x").status_code == 400


def test_a_series_that_there_is_not_is_named_with_those_there_are() -> None:
    """The sentence helps to choose another."""
    with pytest.raises(BadParameter, match=r"no series 'loss'.* It has: a\."):
        select(history(1.0), ["loss"])
    assert select(history(1.0), ["a", "a"]).keys == (metric("a"),)
