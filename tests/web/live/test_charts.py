"""What a chart is sent: nothing, the new points, or the whole figure; and the reader's zoom is never touched."""

from __future__ import annotations

import copy
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.figures.states import EVERY_KIND
from tests.screen import Screen, parts
from tests.support import Run, line
from thalia_monitor.figures.chart import Chart, View
from thalia_monitor.model.run import TrainingState
from thalia_monitor.web.app import create_app

LOSS = '{"kind":"metric","name":"loss","type":"chart"}'


def screen_of(run: Run, path: str = "/metrics", **view: Any) -> Screen:
    """A viewer of the run."""
    screen = Screen(create_app(run.directory).server.test_client(), path, **view)
    if path == "/compare":
        screen.change("live-others", data="known")  # what the browser asks for there
    return screen


def sent(screen: Screen) -> Any:
    """What the chart of the loss was sent last; None for nothing."""
    found = [answer[LOSS].get("figure") for answer in screen.answers if LOSS in answer]
    return found[-1] if found else None


def is_patch(figure: Any) -> bool:
    """Whether it changes what the browser holds rather than replacing it."""
    return isinstance(figure, dict) and "__dash_patch_update" in figure


def caption(screen: Screen) -> str:
    """What stands beside the title of the loss."""
    return screen.text({"type": "caption", "kind": "metric", "name": "loss"})


@pytest.fixture
def filled(run: Run) -> Run:
    """A run of fifty lines."""
    run.metrics(*range(0, 5000, 100), firing_rate=0.1, neuron_counts={"cortex": 5, "striatum": 6})
    return run


def test_the_first_answer_is_the_whole_figure(filled: Run) -> None:
    """The browser holds nothing yet."""
    screen = screen_of(filled)
    assert set(sent(screen)) == {"data", "layout"}
    assert len(screen.figure("metric", "loss")["data"][0]["x"]) == 50


def test_an_unchanged_run_is_sent_nothing(filled: Run) -> None:
    """A tick costs the wire no figure."""
    screen = screen_of(filled)
    screen.answers.clear()
    screen.refresh()
    assert all("figure" not in properties for answer in screen.answers for properties in answer.values())


def test_a_chart_that_is_not_on_the_screen_is_sent_nothing(filled: Run) -> None:
    """Until it is; what came meanwhile is then sent at once."""
    screen = screen_of(filled)
    screen.set("charts-near", data=[["metric", "capacity"]])
    screen.answers.clear()
    filled.metrics(5000)
    screen.refresh()
    assert sent(screen) is None
    screen.change("charts-near", data=[["metric", "capacity"], ["metric", "loss"]])
    assert is_patch(sent(screen))
    assert screen.figure("metric", "loss")["data"][0]["x"][-2:] == [4900.0, 5000.0]


def test_a_chart_close_to_the_screen_is_drawn_in_advance_and_follows_when_it_is_on_it(filled: Run) -> None:
    """A new line draws it no second time before it is seen; another view does, and being seen brings what is new."""
    loss, ahead = ["metric", "loss"], ["metric", "loss", "ahead"]
    screen = screen_of(filled)
    screen.set("charts-near", data=[ahead])
    screen.change("view", data={"x": "step", "smooth": 0.5})
    assert screen.figure(*loss)["data"][0]["x"]
    screen.answers.clear()
    filled.metrics(5000)
    screen.refresh()
    assert sent(screen) is None
    screen.change("charts-near", data=[loss])
    assert is_patch(sent(screen))


def test_what_came_before_a_zoomed_chart_was_on_the_screen_is_new_too(filled: Run) -> None:
    """New is what the chart has not shown while it followed."""
    screen = screen_of(filled)
    screen.set("charts-near", data=[])
    screen.change("view", data={"x": "step", "smooth": 0, "start": 1000, "end": 2000})
    filled.metrics(5000, 5100)
    screen.refresh()
    screen.change("charts-near", data=[["metric", "loss"]])
    assert caption(screen).startswith("paused, 2 new points ")


def test_new_lines_are_sent_as_their_points(filled: Run) -> None:
    """Not the fifty that are drawn already."""
    screen = screen_of(filled)
    filled.metrics(5000, 5100)
    screen.refresh()
    patch = sent(screen)
    assert is_patch(patch)
    added = [step["params"]["value"] for step in patch["operations"] if step["operation"] == "Extend"]
    assert [5000.0, 5100.0] in added
    assert all(len(each) <= 2 for each in added)
    assert screen.figure("metric", "loss")["data"][0]["x"][-3:] == [4900.0, 5000.0, 5100.0]


@pytest.mark.parametrize(
    "view",
    [{}, {"start": 1000, "end": 2000}, {"smooth": 0.5, "markers": sorted(EVERY_KIND)}, {"x": "elapsed"}],
    ids=["plain", "zoomed", "smoothed", "elapsed"],
)
def test_a_patch_never_touches_what_the_reader_set(filled: Run, view: dict[str, Any]) -> None:
    """No range, no autorange, no trace's visibility; of a part that has passed, nothing is sent."""
    screen = screen_of(filled, **view)
    for step in (5000, 5100, 5200):
        filled.append(line(step, loss=0.5), line(step, event_type="growth", region="cortex", neurons_added=5))
        screen.answers.clear()
        screen.refresh()
        patch = sent(screen)
        if "start" in view or "x" in view:
            assert patch is None
            continue
        assert is_patch(patch)
        for operation in patch["operations"]:
            assert not {"range", "autorange", "visible"} & set(map(str, operation["location"]))
            assert operation["location"][0] in ("data", "layout")
            if operation["location"][0] == "layout":
                assert operation["location"][1] in ("shapes", "height", "annotations", "yaxis", "xaxis")


@pytest.mark.parametrize("change", [{"x": "elapsed"}, {"log": ["loss"]}, {"clip": ["loss"]}])
def test_another_axis_is_another_figure(filled: Run, change: dict[str, Any]) -> None:
    """A zoom has lost its meaning."""
    screen = screen_of(filled)
    screen.change("view", data={"x": "step", "smooth": 0} | change)
    assert set(sent(screen)) == {"data", "layout"}


def test_a_zoom_refines_what_is_drawn(run: Run) -> None:
    """More points of less; and back to everything."""
    run.append(*(line(step, loss=step % 7) for step in range(20_000)))
    screen = screen_of(run)
    whole = caption(screen)
    assert " of 20,000 points" in whole
    screen.change("view", data={"x": "step", "smooth": 0, "start": 100, "end": 300})
    assert caption(screen).startswith("paused, 0 new points 201 points")
    assert screen.figure("metric", "loss")["data"][0]["x"] == [float(step) for step in range(99, 302)]
    screen.change("view", data={"x": "step", "smooth": 0, "start": None, "end": None})
    assert caption(screen) == whole


def test_a_zoomed_chart_says_how_many_points_arrived_since(filled: Run) -> None:
    """It stays where it is; following again, the words are gone."""
    screen = screen_of(filled)
    zoom = {"x": "step", "smooth": 0, "start": 1000, "end": 2000}
    screen.change("view", data=zoom)
    filled.metrics(5000)
    screen.refresh()
    assert caption(screen).startswith("paused, 1 new point ")
    filled.metrics(5100, 5200)
    screen.refresh()
    assert caption(screen).startswith("paused, 3 new points ")
    screen.change("view", data=zoom | {"start": 1200})
    assert caption(screen).startswith("paused, 3 new points "), "another zoom is no following"
    screen.change("view", data={"x": "step", "smooth": 0})
    assert "paused" not in caption(screen)


def test_a_page_opened_by_a_link_to_a_zoom_shows_that_range(filled: Run) -> None:
    """The axis itself, since the browser never zoomed."""
    screen = screen_of(filled, start=1000, end=2000)
    axis = screen.figure("metric", "loss")["layout"]["xaxis"]
    assert (axis["range"], axis["autorange"]) == ([1000, 2000], False)


def test_a_cache_that_forgot_costs_a_figure_and_nothing_else(filled: Run) -> None:
    """Without what was drawn before, all that is drawn now is sent, and the zoom stays all the same."""
    screen = Screen(create_app(filled.directory, cache="off").server.test_client(), "/metrics")
    filled.metrics(5000)
    screen.refresh()
    assert is_patch(sent(screen))
    assert screen.figure("metric", "loss")["data"][0]["x"][-1] == 5000


def test_a_replaced_log_is_drawn_anew(filled: Run) -> None:
    """Nothing of the old one stays on the chart."""
    screen = screen_of(filled)
    filled.log.write_text(line(7, loss=0.5), encoding="utf-8")
    screen.refresh()
    assert screen.figure("metric", "loss")["data"][0]["x"] == [7]


def test_hundreds_of_viewers_cost_one_computation(filled: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was drawn for one version and view is kept for all."""
    app = create_app(filled.directory)
    builders = app.server.extensions["thalia_monitor_charts"]
    drawn: list[str] = []
    build = builders["metric"]

    def counting(state: TrainingState, name: str, view: View) -> Chart:
        drawn.append(name)
        chart: Chart = build(state, name, view)
        return chart

    monkeypatch.setitem(builders, "metric", counting)
    for _ in range(5):
        Screen(app.server.test_client(), "/metrics")
    assert sorted(drawn) == ["capacity", "firing_rate", "loss", "performance"]


WRITTEN = ("line", "lines", "nan", "growth", "sleep", "resume", "metadata")
CHANGES: dict[str, dict[str, Any]] = {
    "log": {"log": ["loss"]},
    "clip": {"clip": ["loss", "firing_rate"]},
    "zoom": {"start": 300, "end": 900},
    "follow": {"start": None, "end": None},
    "wall": {"x": "wall", "start": None, "end": None},
    "step": {"x": "step", "start": None, "end": None},
    "smooth": {"smooth": 0.6},
    "raw": {"smooth": 0, "log": [], "clip": []},
    "events": {"markers": sorted(EVERY_KIND)},
    "bare": {"markers": []},
}


ACTIONS = st.sampled_from([*WRITTEN, *CHANGES])


def write(run: Run, action: str, step: int) -> None:
    """Let training go on."""
    told: dict[str, list[str]] = {
        "line": [line(step, loss=0.5 + step / 1000, timestamp=1e9 + step)],
        "lines": [line(step + each, loss=each, timestamp=1e9 + step) for each in range(70)],
        "nan": [line(step, loss=float("nan"), firing_rate=0.1, timestamp=1e9 + step)],
        "growth": [line(step, event_type="growth", region="cortex", neurons_added=3)],
        "sleep": [line(step, event_type="consolidation", sleep_stage="REM", patterns_replayed=3)],
        "resume": [line(step // 2, loss=1.0, timestamp=2e9 + step)],
    }
    run.append(*told.get(action, []))
    if action == "metadata":
        run.metadata(step)


def shown(screen: Screen, zoomed: bool) -> list[Any]:
    """What the charts of the page show: all but the ranges, which are the reader's, and what they are reset to."""
    found = []
    for name in ("firing_rate", "capacity", "performance", "loss"):
        figure = copy.deepcopy(screen.figure("metric", name))
        for axis in (figure["layout"]["xaxis"], figure["layout"]["yaxis"]):
            axis.pop("range", None)
            axis.pop("autorange", None)
        if zoomed:
            figure["layout"]["xaxis"].pop("autorangeoptions", None)
        found.append(figure)
    return found


@settings(max_examples=20, deadline=None)
@given(st.lists(ACTIONS, min_size=1, max_size=8))
def test_after_anything_that_can_happen_the_page_shows_what_a_new_one_would(actions: list[str]) -> None:
    """Lines, events, resumes, zooms, other axes, in any order: patches add up to the figure."""
    with tempfile.TemporaryDirectory() as folder:
        run = Run(Path(folder))
        view: dict[str, Any] = {"x": "step", "smooth": 0}
        run.append(line(1, loss=1.0, timestamp=1e9), line(2, loss=2.0, timestamp=1e9 + 2))
        app = create_app(run.directory)
        screen = Screen(app.server.test_client(), "/metrics")
        for number, action in enumerate(actions):
            write(run, action, 100 * (number + 1))
            if action in CHANGES:
                view = view | CHANGES[action]
                screen.change("view", data=view)
            screen.refresh()
        zoomed = view.get("start") is not None
        assert shown(screen, zoomed) == shown(Screen(app.server.test_client(), "/metrics", **view), zoomed)


@pytest.mark.parametrize(
    ("path", "kind"), [("/growth", "capacity-now"), ("/consolidation", "sleep-frequency")]
)
def test_a_chart_with_an_axis_of_its_own_has_nothing_to_do_with_a_zoom(
    filled: Run, path: str, kind: str
) -> None:
    """Percent and steps between sleeps are no steps: the zoom of other charts neither moves nor pauses it."""
    filled.append(
        line(5000, capacity_by_region={"cortex": 0.5}),
        *(line(step, event_type="consolidation", sleep_stage="REM") for step in (1000, 2000, 4000)),
    )
    plain, zoomed = screen_of(filled, path), screen_of(filled, path, start=1000, end=2000)
    assert zoomed.figure(kind)["data"]
    assert zoomed.figure(kind)["layout"] == plain.figure(kind)["layout"]
    caption = {"type": "caption", "kind": kind, "name": ""}
    assert zoomed.text(caption) == plain.text(caption)
    other = "growth-timeline" if path == "/growth" else "sleep-timeline"
    assert path == "/growth" or zoomed.figure(other)["layout"]["xaxis"]["range"] == [1000, 2000]


@pytest.mark.parametrize("path", ["/metrics", "/growth", "/consolidation", "/compare"])
def test_every_chart_leads_to_a_table_of_what_is_behind_it(filled: Run, path: str) -> None:
    """To the raw values of its series, or to the table of events that stands on the same page."""
    screen = screen_of(filled, path)
    tables = {f"#{each['props'].get('id')}" for each in parts(screen.layout)}
    cards = [each for each in parts(screen.layout) if "chart-card" in str(each["props"].get("className", ""))]
    assert cards
    for card in cards:
        [link] = [each["props"] for each in parts(card) if each["props"].get("href")]
        assert link["href"].startswith("/values?series=") or link["href"] in tables, link


@pytest.mark.parametrize(
    ("path", "tools"),
    [
        ("/metrics", {"smooth", "events"}),
        ("/growth", {"events"}),
        ("/consolidation", set()),
        ("/compare", {"smooth"}),
    ],
)
def test_a_page_says_which_tools_its_charts_heed(filled: Run, path: str, tools: set[str]) -> None:
    """By what the charts themselves do: a tool that they take changes one of them, any other changes none."""
    filled.append(
        *(line(step, event_type="growth", region="cortex", neurons_added=1) for step in (5000, 5100))
    )
    filled.append(*(line(step, event_type="consolidation", sleep_stage="REM") for step in (5000, 5100)))
    screen = screen_of(filled, path)
    assert {
        tool for each in parts(screen.layout) for tool in each["props"].get("data-takes", "").split()
    } == tools
    for tool, view in (("smooth", {"smooth": 0.9}), ("events", {"markers": sorted(EVERY_KIND)})):
        other = screen_of(filled, path, **view)
        same = all(drawn(screen, each) == drawn(other, each) for each in chart_ids(screen))
        assert same == (tool not in tools), tool


def chart_ids(screen: Screen) -> list[dict[str, Any]]:
    """The ids of the charts on a page."""
    ids = [each["props"].get("id") for each in parts(screen.layout)]
    return [each for each in ids if isinstance(each, dict) and each["type"] == "chart"]


def drawn(screen: Screen, chart: dict[str, Any]) -> Any:
    """What a chart shows."""
    return screen.figure(chart["kind"], chart["name"])["data"]
