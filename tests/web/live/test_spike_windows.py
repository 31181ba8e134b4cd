"""The raster on its page: which window it shows, and how little a tick sends of it."""

from __future__ import annotations

import json
from typing import Any

from tests.screen import Screen
from tests.support import Run
from thalia_monitor import CurriculumLogger

CHOICE = "activity-window"
PARTS = {"card": f"{CHOICE}-chart", "table": f"{CHOICE}-regions", "field": f"{CHOICE}-choice"}
FIGURE = '{"kind":"raster","name":"newest","type":"chart"}'


def log(run: Run, *steps: int) -> None:
    """Log windows in which one neuron fires at as many milliseconds as the step has thousands."""
    logger = CurriculumLogger(run.directory, console_log=False, file_log=False, json_log=True)
    for step in steps:
        logger.log_spikes({"cortex": {0: [step / 1_000], 1: []}}, step, 200)


def drawn(screen: Screen, name: str = "newest") -> list[float]:
    """The spikes on the raster."""
    (trace,) = screen.figure("raster", name)["data"]
    found: list[float] = trace["x"]
    return found


def test_without_windows_the_page_says_what_to_log(run: Run, client: Any) -> None:
    """And has nothing to choose from."""
    run.metrics(0, 100)
    screen = Screen(client, "/activity")
    assert "No spikes of single neurons are logged yet" in screen.text(PARTS["card"])
    assert "logger.log_spikes(" in screen.text(PARTS["card"])
    assert screen.component(PARTS["field"])["hidden"] is True


def test_the_newest_window_is_followed(run: Run, client: Any) -> None:
    """A new one is drawn at the next tick, in the same card, and its numbers are in the table."""
    run.metrics(0, 100)
    log(run, 3_000, 6_000)
    screen = Screen(client, "/activity")
    assert drawn(screen) == [6.0]
    assert [each["label"] for each in screen.component(CHOICE)["options"]] == [
        *("newest (step 6,000)", "step 6,000", "step 3,000")
    ]
    before = len(screen.answers)
    log(run, 9_000)
    screen.refresh()
    assert drawn(screen) == [9.0]
    sent = {key for answer in screen.answers[before:] for key in answer}
    assert FIGURE in sent
    assert PARTS["card"] not in sent
    assert "cortex 2 2 1 2.5 1 –" in screen.text(PARTS["table"])


def test_a_tick_without_a_new_window_sends_nothing_of_the_raster(run: Run, client: Any) -> None:
    """However the run goes on."""
    run.metrics(0, 100)
    log(run, 3_000)
    screen = Screen(client, "/activity")
    before = len(screen.answers)
    run.metrics(200)
    screen.refresh()
    assert any("frame-header" in answer for answer in screen.answers[before:])
    sent = {key for answer in screen.answers[before:] for key in answer}
    assert not sent & {FIGURE, CHOICE, *PARTS.values()}


def test_a_window_is_chosen_by_its_step(run: Run, client: Any) -> None:
    """It stays when newer ones come."""
    run.metrics(0, 100)
    log(run, 3_000, 6_000)
    screen = Screen(client, "/activity")
    screen.change(CHOICE, value="3000")
    assert drawn(screen, "3000") == [3.0]
    log(run, 9_000)
    screen.refresh()
    assert drawn(screen, "3000") == [3.0]
    assert "step 9,000" in json.dumps(screen.component(CHOICE)["options"])


def test_an_address_leads_to_the_window_nearest_its_step(run: Run, client: Any) -> None:
    """Of a window that is gone, the field says which one is shown instead; what is no step is the newest."""
    run.metrics(0, 100)
    log(run, 3_000, 9_000)
    screen = Screen(client, "/activity", search="?window=4000")
    assert screen.component(CHOICE)["value"] == "3000"
    assert drawn(screen, "3000") == [3.0]
    odd = Screen(client, "/activity", search="?window=../../secret.json")
    assert odd.component(CHOICE)["value"] == "newest"
    assert drawn(odd) == [9.0]
    for sent in (None, ["3000"], {"a": 1}, 10**30, True):
        odd.change(CHOICE, value=sent)
        assert odd.component(CHOICE)["value"] in ("newest", "9000")
