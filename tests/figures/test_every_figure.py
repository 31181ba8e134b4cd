"""What holds for every figure: strict JSON, bounded in size, and no markup for Plotly to read."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from tests.figures.states import EVERY_KIND, START, fixture_state, texts, views
from tests.support import FIXTURES
from thalia_monitor.figures.chart import POINTS, Chart, View
from thalia_monitor.figures.events import MOST_MARKS
from thalia_monitor.model.history import Column, History, Segment
from thalia_monitor.model.records import Event
from thalia_monitor.model.run import TrainingState
from thalia_monitor.web.app import create_app
from thalia_monitor.web.live.charts import BUILDERS, Builder

NAMES = sorted(path.name for path in FIXTURES.iterdir() if path.is_dir() and not path.name.startswith("_"))
MOST_NAMES = 12


@pytest.fixture(scope="module")
def builders() -> dict[str, Builder]:
    """Every kind of chart that any page declares."""
    found: dict[str, Builder] = create_app(Path("nowhere")).server.extensions[BUILDERS]
    return found


def charts(state: TrainingState, builders: dict[str, Builder], view: View) -> Iterator[tuple[str, Chart]]:
    """Every chart of a run in one view; of hundreds of metrics, the first dozen."""
    for kind, build in builders.items():
        for name in list(state.history.metrics)[:MOST_NAMES] if kind == "metric" else [""]:
            yield f"{kind} {name[:20]} in {view}", build(state, name, view)


def test_the_pages_declare_the_charts(builders: dict[str, Builder]) -> None:
    """What follows is about these, and about any that is added."""
    assert set(builders) >= {
        "metric",
        "neurons",
        "capacity",
        "capacity-now",
        "growth-timeline",
        "sleep-timeline",
    }


@pytest.mark.parametrize("name", NAMES)
def test_every_figure_is_strict_json_in_every_view(name: str, builders: dict[str, Builder]) -> None:
    """Whatever the files hold and however it is looked at: no NaN, no infinity, nothing but JSON values."""
    state = fixture_state(name)
    drawn = 0
    for view in views(state):
        for what, chart in charts(state, builders, view):
            try:
                json.dumps([chart.figure, chart.caption, chart.notes, chart.summary], allow_nan=False)
            except (TypeError, ValueError) as error:
                pytest.fail(f"{what}: {error}")
            for trace in chart.traces:
                assert len(trace["x"]) == len(trace["y"]), what
            drawn += 1
    assert drawn


@pytest.mark.parametrize("name", ["hostile", "healthy"])
def test_no_text_of_a_figure_is_markup(name: str, builders: dict[str, Builder]) -> None:
    """Plotly reads a subset of HTML in names, ticks and hovers: only our own line breaks, none of it from a log."""
    state = fixture_state(name)
    for what, chart in charts(state, builders, View(markers=EVERY_KIND)):
        for text in texts(chart.figure):
            written = text.replace("<br>", "")
            assert not re.search(r"[<>\x00-\x1f\u202a-\u202e\u2066-\u2069]", written), what
            assert len(text) < 500, what


@pytest.mark.parametrize("name", ["hostile", "healthy"])
def test_no_sentence_beside_a_figure_holds_an_escaped_character(
    name: str, builders: dict[str, Builder]
) -> None:
    """Captions, notes and summaries are text: "&lt;" would be read out, and shown, as it is written."""
    state = fixture_state(name)
    for what, chart in charts(state, builders, View(markers=EVERY_KIND)):
        for text in (chart.caption, chart.summary, *chart.notes):
            assert not re.search(r"&(lt|gt|amp|#\d+);", text), what


@pytest.fixture(scope="module")
def week() -> TrainingState:
    """A week of training: 200,000 lines of metrics (one NaN on every other) and six regions, 50,000 events."""
    lines = 200_000
    step = np.arange(lines) * 10
    noise = np.random.default_rng(7).normal(size=lines)
    regions = {f"region {number}": Column(noise + number) for number in range(6)}
    flood = np.where(np.arange(lines) % 2, noise, np.nan)
    events = tuple(
        Event(
            kind,
            number * 80,
            {"region": f"region {number % 6}", "sleep_stage": "REM", "patterns_replayed": 5},
        )
        for number in range(25_000)
        for kind in ("growth", "consolidation")
    )
    history = History(
        step=step,
        segment=np.zeros(lines, np.int64),
        time=START + step / 50,
        metrics={
            "loss": Column(noise),
            "flood": Column(flood),
            "rare": Column(noise[:50], np.arange(50) * 4000),
        },
        neurons=regions,
        capacity=regions,
        segments=(Segment(0, 0, 0),),
    )
    return TrainingState(history=history, events=events)


@pytest.mark.parametrize(
    "view",
    [
        View(),
        View(x="wall", smooth=0.9, markers=EVERY_KIND, log=frozenset({"loss"}), clip=frozenset({"loss"})),
        View(start=500_000, end=1_000_000),
    ],
    ids=["plain", "everything", "zoomed"],
)
def test_every_figure_is_bounded_whatever_the_length_of_the_log(
    week: TrainingState, builders: dict[str, Builder], view: View
) -> None:
    """A line has about as many points as pixels, a timeline no more marks than can be distinguished."""
    for what, chart in charts(week, builders, view):
        for trace in chart.traces:
            assert len(trace["x"]) <= max(6 * 1.5 * POINTS + 2, 3 * MOST_MARKS), what
        assert len(json.dumps(chart.figure)) < 600_000, what


def test_a_metric_that_is_logged_rarely_keeps_all_its_points(week: TrainingState) -> None:
    """Beside a dense one it is not starved."""
    chart = create_app(Path("nowhere")).server.extensions[BUILDERS]["metric"](week, "rare", View())
    assert chart.caption == "50 points"
