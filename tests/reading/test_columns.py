from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from thalia_monitor.model.history import History
from thalia_monitor.reading import columns
from thalia_monitor.reading.batch import gather
from thalia_monitor.reading.columns import HistoryBuilder, is_continuation
from thalia_monitor.reading.contents import LogContents
from thalia_monitor.reading.recording import MetricLine

TABLES = st.dictionaries(st.sampled_from("abc"), st.floats(allow_nan=False), max_size=3)


def rows_of(history: History) -> list[tuple[int, dict[str, float], dict[str, float]]]:
    """A history, row by row."""
    tables: list[tuple[int, dict[str, float], dict[str, float]]] = [
        (int(step), {}, {}) for step in history.step
    ]
    for place, table in ((1, history.metrics), (2, history.neurons)):
        for name, column in table.items():
            rows = range(len(history)) if column.rows is None else column.rows.tolist()
            for row, value in zip(rows, column.values.tolist(), strict=True):
                tables[row][place][name] = value
    return tables


def test_a_column_is_dense_until_a_line_lacks_it() -> None:
    """The rows are noted only for a quantity that is not on every line."""
    builder = HistoryBuilder()
    builder.extend(gather([MetricLine(1, {"loss": 0.5}), MetricLine(2, {"loss": 0.25})]))
    assert builder.history().metrics["loss"].rows is None
    builder.extend(gather([MetricLine(3, {"other": 1.0})]))
    columns = builder.history().metrics
    assert columns["loss"].rows is not None
    assert columns["loss"].rows.tolist() == [0, 1]
    assert columns["other"].rows is not None
    assert columns["other"].rows.tolist() == [2]


def test_a_resume_that_turns_out_a_straggler_changes_the_lineage() -> None:
    """Its row's segment is no longer what it was; the history handed out before keeps it."""
    builder = HistoryBuilder()
    builder.extend(gather([MetricLine(10), MetricLine(30), MetricLine(20)]))
    before = builder.history()
    builder.extend(gather([MetricLine(40)]))
    after = builder.history()
    assert before.segment.tolist() == [0, 0, 1]
    assert after.segment.tolist() == [0, 0, 0, 0]
    assert not after.ordered
    assert after.lineage is not before.lineage


def test_a_log_of_ever_new_names_does_not_fill_the_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """Those beyond a limit are left out, and that is said once."""
    monkeypatch.setattr(columns, "MOST_SERIES", 3)
    contents = LogContents()
    for step in range(6):
        contents.add_items([MetricLine(step, {f"metric {step}": 1.0, "metric 0": 2.0})])
    assert list(contents.builder.history().metrics) == ["metric 0", "metric 1", "metric 2"]
    assert [str(problem) for problem in contents.log_problems] == [
        "training_log.json: names more than 2,000 different metrics; the rest of them is left out"
    ]


@given(
    st.lists(st.tuples(st.integers(0, 9), TABLES, TABLES), max_size=12),
    st.lists(st.integers(0, 12), max_size=3),
)
def test_a_history_says_what_its_lines_said(
    lines: list[tuple[int, dict[str, float], dict[str, float]]], cuts: list[int]
) -> None:
    """Row by row, each line's values under its names, in whatever pieces they were appended."""
    builder, first = HistoryBuilder(), 0
    for last in [*sorted(min(cut, len(lines)) for cut in cuts), len(lines)]:
        builder.extend(gather(MetricLine(*line) for line in lines[first:last]))
        builder.history()
        first = last
    assert rows_of(builder.history()) == lines


@given(st.lists(st.tuples(st.integers(0, 9), TABLES), max_size=8), st.integers(0, 8), TABLES)
def test_a_history_extends_another_when_only_rows_were_added(
    lines: list[tuple[int, dict[str, float]]], cut: int, other: dict[str, float]
) -> None:
    """A changed value, a changed segment or a missing row tells them apart."""

    def history(given: list[tuple[int, dict[str, float]]]) -> History:
        builder = HistoryBuilder()
        builder.extend(gather(MetricLine(*line) for line in given))
        return builder.history()

    whole = sorted(lines, key=lambda line: line[0])
    assert is_continuation(history(whole), history(whole[:cut]))
    if cut < len(whole):
        assert not is_continuation(history(whole[:cut]), history(whole))
        same = sorted(map(repr, other.items())) == sorted(map(repr, whole[cut][1].items()))
        changed = [*whole[:cut], (whole[cut][0], other), *whole[cut + 1 :]]
        assert is_continuation(history(changed), history(whole)) == same
