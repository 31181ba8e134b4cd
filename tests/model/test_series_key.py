"""A metric or region may be called like something else: it stays itself everywhere."""

from __future__ import annotations

import csv
import io
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support import Run, line
from thalia_monitor import load_training_state
from thalia_monitor.alerts.conditions import Rule, active_alerts
from thalia_monitor.analysis import comparison
from thalia_monitor.analysis.comparison import run_values
from thalia_monitor.analysis.summary import summarize
from thalia_monitor.export.lines import csv_text, select
from thalia_monitor.figures import compare, growth, metrics
from thalia_monitor.figures.chart import View
from thalia_monitor.model.series_key import ALL_NEURONS, Kind, SeriesKey, metric, parse
from thalia_monitor.web.app import create_app
from thalia_monitor.web.components.compare.comparison_query import Choice, known_series, series_names
from thalia_monitor.web.components.value_table import shown_instead

LOOKALIKES = {
    "neurons.PFC": 7,
    "capacity.PFC": 8,
    "metric.loss": 9,
    "neurons": 10,
    "segment": 42,
    "region": 11,
    "neurons.": 12,
    "metric.neurons.PFC": 13,
    "metric.segment": 14,
}


@pytest.fixture
def alike(run: Run) -> Run:
    """A run whose metrics are called like its regions' series and like columns of its tables."""
    for place in range(3):
        regions = {"PFC": 100 + place, "step": 5, "neurons.step": 6, "a.b/c": 3}
        run.append(
            line(
                place,
                timestamp=1_795_870_300 + place,
                loss=0.5,
                neuron_counts=regions,
                capacity_by_region={"PFC": 0.25, "segment": 0.5},
                **LOOKALIKES,
            )
        )
    return run


names = st.text(st.sampled_from("abmetric.neursocapty"), max_size=20) | st.sampled_from(
    ["neurons.", "metric.", "capacity.x", "metric.metric.x", "segment", "step", "neurons"]
)
keys = st.builds(SeriesKey, st.sampled_from(Kind), names)


@given(keys, keys)
def test_public_names_never_collide(one: SeriesKey, other: SeriesKey) -> None:
    """Each leads back to its series, and is no column that a table has anyway."""
    assert parse(one.public) == one
    assert (one.public == other.public) == (one == other)
    assert one.public not in {"step", "segment", "timestamp", ALL_NEURONS}
    if one.kind == other.kind:
        assert (one.column == other.column) == (one == other)


def test_a_region_and_a_metric_of_its_series_name_are_two_series(alike: Run) -> None:
    """The metric that a trainer wrote as ``neurons.PFC`` is not the neuron count of PFC."""
    history = load_training_state(alike.directory).history
    found = {key: series.value.tolist() for key in history.series_keys() if (series := history.series(key))}
    assert found[SeriesKey(Kind.NEURONS, "PFC")] == [100, 101, 102]
    assert found[SeriesKey(Kind.NEURONS, "step")] == [5, 5, 5]
    for name, value in LOOKALIKES.items():
        assert found[metric(name)] == [value] * 3
    assert len(set(history.names())) == len(history.names()) == len(LOOKALIKES) + 7


def test_tables_keep_every_column(alike: Run) -> None:
    """``step`` and ``segment`` are the lines' own; a series of that name has its kind before it."""
    state = load_training_state(alike.directory)
    frame, regions, capacity = state.metrics_history, state.neuron_count_history, state.capacity_history
    for each in (frame, regions, capacity):
        assert each["step"].tolist() == [0, 1, 2]
        assert each["segment"].tolist() == [0, 0, 0]
        assert each.columns.is_unique
    assert frame["neurons.PFC"].tolist() == [7, 7, 7]
    assert frame["metric.segment"].tolist() == [42, 42, 42]
    assert frame["metric.metric.segment"].tolist() == [14, 14, 14]
    assert regions["PFC"].tolist() == [100, 101, 102]
    assert regions["neurons.step"].tolist() == [5, 5, 5]
    assert regions["neurons.neurons.step"].tolist() == [6, 6, 6]
    assert capacity["capacity.segment"].tolist() == [0.5, 0.5, 0.5]


def test_the_csv_has_each_series_once(alike: Run) -> None:
    """The header's names are unique, and each column holds its own values."""
    history = load_training_state(alike.directory).history
    text = "".join(csv_text(select(history)))
    head, *rows = csv.reader(io.StringIO(text))
    assert len(set(head)) == len(head)
    first = dict(zip(head, rows[0], strict=True))
    assert (first["step"], first["segment"]) == ("0", "0")
    assert (first["neurons.PFC"], first["metric.neurons.PFC"]) == ("100.0", "7.0")
    assert (first["metric.segment"], first["metric.neurons"]) == ("42.0", "10.0")


def test_the_api_gives_both(alike: Run) -> None:
    """By public name; a metric that is called like no region's series of this run also by its own."""
    app = create_app(alike.directory)
    client = app.server.test_client()
    key = client.get("/api/v1/runs").get_json()["runs"][0]["id"]

    def values(name: str) -> tuple[str, Any]:
        answer = client.get(f"/api/v1/runs/{key}/series", query_string={"name": name}).get_json()
        return answer["name"], answer["value"][0]

    assert values("neurons.PFC") == ("neurons.PFC", 100)
    assert values("metric.neurons.PFC") == ("metric.neurons.PFC", 7)
    assert values("metric.metric.neurons.PFC") == ("metric.metric.neurons.PFC", 13)
    assert values("neurons.a.b/c") == ("neurons.a.b/c", 3)
    assert values("segment") == values("metric.segment") == ("metric.segment", 42)
    assert values("neurons.") == ("metric.neurons.", 12)
    assert values("loss") == ("loss", 0.5)


def test_charts_draw_what_they_are_named_after(alike: Run) -> None:
    """The region's curve, the total, the metric's chart, and the comparison of either."""
    state = load_training_state(alike.directory)
    drawn = growth.neurons(state, "", View())
    curves = {
        trace["name"]: trace["y"] for trace in drawn.traces if trace["type"] == "scatter" and trace["y"]
    }
    assert curves["PFC"] == [100, 101, 102]
    assert curves["total"] == [114, 115, 116]
    side = [comparison.Side(state, "one")]
    for name, values in (("metric.neurons.PFC", [7, 7, 7]), ("metric.segment", [42, 42, 42])):
        assert metrics.metric(state, name, View()).traces[0]["y"] == values
        assert compare.overlay(side, name, View()).traces[0]["y"] == values
    assert compare.overlay(side, "neurons.PFC", View()).traces[0]["y"] == [100, 101, 102]
    assert compare.overlay(side, "neurons", View()).traces[0]["y"] == [114, 115, 116]
    assert compare.overlay(side, "metric.neurons", View()).traces[0]["y"] == [10, 10, 10]
    assert (run_values(state, "neurons.PFC", 2).last, run_values(state, "metric.neurons.PFC", 2).last) == (
        102,
        7,
    )


def test_runs_are_compared_by_series_not_by_spelling(run: Run) -> None:
    """A run that has only a metric of that name has no such region."""
    run.append(line(0, **{"neurons.PFC": 7}))
    state = load_training_state(run.directory)
    assert run_values(state, "neurons.PFC", 0).last is None
    assert run_values(state, "metric.neurons.PFC", 0).last == 7


def test_an_alert_names_a_series_by_its_public_name(alike: Run) -> None:
    """Or a metric as the log does, where that means no other."""
    summary = summarize(load_training_state(alike.directory), 1_795_870_303.0)

    def found(name: str) -> list[str]:
        rule = Rule(metric=name, above=0)
        return [each.text.partition(",")[0] for each in active_alerts([rule], summary).values()]

    assert found("neurons.PFC") == ["neurons.PFC is 102"]
    assert found("metric.neurons.PFC") == ["metric.neurons.PFC is 7"]
    assert found("segment") == ["metric.segment is 42"]


@pytest.mark.parametrize("name", ["neurons.PFC", "capacity.PFC", "metric.loss"])
def test_a_lookalike_among_the_first_metrics_is_shown_itself(run: Run, name: str) -> None:
    """Where it fills the place of a core metric, the first values and the first comparison are the metric's."""
    regions = {"neuron_counts": {"PFC": 100}, "capacity_by_region": {"PFC": 0.25}}
    run.append(*(line(step, **{name: 7}, **regions) for step in range(3)))
    state = load_training_state(run.directory)
    assert shown_instead(state, None) == f"metric.{name}"
    chosen = known_series(Choice(("one",), "one"), None, [comparison.Side(state, "one")]).series
    assert chosen == f"metric.{name}"
    assert run_values(state, chosen, 2).last == 7


def test_a_comparison_offers_each_series_once(run: Run) -> None:
    """A metric that fills a place is offered under its public name, not also under a region's."""
    run.append(line(0, **{"neurons.PFC": 7, "segment": 42}, neuron_counts={"PFC": 100}))
    side = comparison.Side(load_training_state(run.directory), "one")
    offered = series_names([side], Choice(("one",), "one", "metric.segment"))
    assert sorted(offered) == ["metric.neurons.PFC", "metric.segment", "neurons.PFC"]
