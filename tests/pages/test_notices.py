"""What a page says when the files are not as they should be: which file, which line, why, and what to do."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.pages.conftest import Open
from tests.screen import Screen
from tests.support import Run
from thalia_monitor.web.app import create_app

PAGES = ("/", "/metrics", "/growth", "/consolidation", "/milestones", "/events", "/values")


@pytest.mark.parametrize("path", PAGES)
@pytest.mark.parametrize(
    ("fixture", "said"),
    [
        ("empty", ["Waiting for data", "json_log=True", "metadata_*.json"]),
        ("no_metadata", ["No metadata_*.json in this directory", "Stage -1 Sensorimotor"]),
        ("no_log", ["No training_log.json in this directory"]),
        ("torn", ["3 notes about the files", "log.json, line 41:", "log.json, line 60:"]),
        (
            "metadata_broken",
            ["metadata_60000.json: is not whole JSON", "metadata_empty.json: is empty", "metadata_null.json"],
        ),
        ("week_overrun", ["Week 6/4 100% extended"]),
    ],
)
def test_the_right_notice_stands_on_every_page(visit: Open, fixture: str, said: list[str], path: str) -> None:
    """Whichever page is open."""
    everything = visit(fixture, path).everything()
    for each in said:
        assert each in everything


@pytest.mark.parametrize(
    "fixture", ["healthy", "array", "crlf_bom", "many_metrics", "out_of_order", "resumed"]
)
def test_what_can_be_read_raises_no_notice(visit: Open, fixture: str) -> None:
    """A sound file in an unusual form is no problem of the reader's."""
    assert visit(fixture, "/metrics").text("frame-notice") == ""


@pytest.mark.parametrize("path", PAGES)
def test_a_directory_that_is_not_there_is_said_on_every_page(tmp_path: Path, path: str) -> None:
    """With its name, since when, and what to check; the rest of the page stands."""
    screen = Screen(create_app(tmp_path / "later").server.test_client(), path)
    said = screen.text("frame-notice")
    assert f"There is no directory {tmp_path / 'later'}. Check --checkpoint-dir." in said
    assert "UTC)" in said


def test_no_directory_at_all_says_how_to_name_one() -> None:
    """``thalia-monitor`` without options is no dead end."""
    screen = Screen(create_app().server.test_client(), "/metrics")
    assert "No run is being watched. Start with --checkpoint-dir DIR" in screen.text("frame-notice")


def test_nan_is_seen(visit: Open) -> None:
    """A count in the chart's card with the first step; the metric's card shows the newest value, logged since."""
    screen = visit("nan", "/metrics")
    caption = screen.text({"type": "caption", "kind": "metric", "name": "loss"})
    assert "20 not finite, first at step " in caption
    assert "Loss 0.1306 " in screen.text("metrics-cards")


def test_a_resume_is_marked_and_listed(visit: Open) -> None:
    """On every chart, and as a row of the table of events."""
    screen = visit("resumed", "/metrics", markers=["resume"])
    heads = [trace for trace in screen.figure("metric", "loss")["data"] if trace.get("name") == "resume"]
    assert [(each["x"], each["hovertext"]) for each in heads] == [([40_000], ["Resumed at step 40,000"])]
    assert "Resumed at step 40,000" in visit("resumed", "/events", search="?find=resume").text("page")


def test_lines_out_of_order_are_no_resume(visit: Open) -> None:
    """Nothing is marked, and nothing is dim."""
    screen = visit("out_of_order", "/metrics", markers=["resume"])
    traces = screen.figure("metric", "loss")["data"]
    assert [each["x"] for each in traces if each.get("name") == "resume"] == [[]]
    assert traces[1]["x"] == []


def test_five_hundred_metrics_are_counted_searched_and_paged(visit: Open) -> None:
    """Only a dozen charts are made at a time; none is out of reach."""
    screen = visit("many_metrics", "/metrics")
    count = int(screen.text("metrics-other-count").removesuffix(" metrics"))
    assert count >= 500
    assert len(screen.component("metrics-other-shown")["data"]) == 12
    assert screen.component("metrics-other-page")["max_value"] == -(-count // 12)
    screen.change("metrics-other-query", value="PATHWAY 499")
    assert screen.component("metrics-other-shown")["data"] == ["weights/pathway_499_mean"]
    assert screen.text("metrics-other-count") == f"1 of {count}"
    assert screen.figure("metric", "weights/pathway_499_mean")["data"][0]["x"]
    screen.change("metrics-other-query", value="")
    screen.set("charts-near", data=[])
    reached: list[str] = []
    for page in range(screen.component("metrics-other-page")["max_value"]):
        screen.change("metrics-other-page", active_page=page + 1)
        reached += screen.component("metrics-other-shown")["data"]
    assert len(reached) == len(set(reached)) == count


def test_the_last_good_page_stays_when_the_run_cannot_be_read(run: Run) -> None:
    """A notice says why; the numbers and charts are still those of before, and its return clears the notice."""
    run.metrics(100, 200, 300, firing_rate=0.1)
    run.metadata(300)
    screen = Screen(create_app(run.directory).server.test_client(), "/metrics")
    before = (screen.text("frame-header"), screen.text("metrics-cards"), screen.figure("metric", "loss"))
    away = run.directory.rename(run.directory.with_name("away"))
    screen.refresh()
    assert "There is no directory" in screen.text("frame-notice")
    assert "what was read before stays on screen" in screen.text("frame-notice")
    first = screen.text("frame-notice")
    screen.refresh()
    assert screen.text("frame-notice") == first, "the same trouble keeps saying since when"
    now = (screen.text("frame-header"), screen.text("metrics-cards"), screen.figure("metric", "loss"))
    assert now == before
    away.rename(run.directory)
    run.metrics(400)
    screen.refresh()
    assert screen.text("frame-notice") == ""
    assert screen.facts()["Step"] == "400"
    assert screen.figure("metric", "loss")["data"][0]["x"][-1] == 400


def test_a_log_that_is_deleted_and_comes_back_is_followed(run: Run) -> None:
    """What was read of it stays, with a notice, until there is another one."""
    run.metrics(100, 200)
    run.metadata(200)
    screen = Screen(create_app(run.directory).server.test_client(), "/metrics")
    run.log.unlink()
    screen.refresh()
    assert "training_log.json: is gone" in screen.text("frame-notice")
    assert screen.figure("metric", "loss")["data"][0]["x"] == [100, 200]
    run.metrics(500)
    screen.refresh()
    assert screen.text("frame-notice") == ""
    assert screen.figure("metric", "loss")["data"][0]["x"] == [500]
