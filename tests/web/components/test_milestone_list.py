"""The checklist of the Milestones page."""

from __future__ import annotations

from tests.screen import Screen, parts, words
from tests.support import Run, line
from thalia_monitor.web.app import create_app


def rows(run: Run) -> dict[str, str]:
    """The words of each milestone's row, by its name."""
    screen = Screen(create_app(run.directory).server.test_client(), "/milestones")
    listed = [
        each["props"]["children"]
        for each in parts(screen.component("milestones-checklist"))
        if str(each["props"].get("className")).startswith("milestone milestone-")
    ]
    return {words(row[1]): words(row) for row in listed}


def test_each_criterion_says_its_value_its_target_and_when_it_was_passed_or_lost(run: Run) -> None:
    """``0.87 of > 0.9``, how much is missing or met by, and the step with its time."""
    run.append(
        *(line(step, timestamp=1.7e9 + step, mnist_accuracy=0.97, loss=0.5) for step in (0, 100, 200, 300))
    )
    run.append(line(310, phoneme_discrimination=0.87))
    checks = {100: {"mnist_accuracy": True}, 200: {"mnist_accuracy": True}, 300: {"mnist_accuracy": True}}
    for step, passed in ((100, False), (200, True), (300, False)):
        results = checks[step] | {"gaze_following": passed, "phoneme_discrimination": False}
        run.metadata(step, metrics={}, milestones=results)
    found = rows(run)
    assert (
        "0.97  of > 0.95 met by 0.02 passed at step  100 2023-11-14 22:15:00 UTC" in found["mnist_accuracy"]
    )
    assert "> 0.8 lost at step  300 2023-11-14 22:18:20 UTC" in found["gaze_following"]
    assert found["phoneme_discrimination"].endswith("0.87  of > 0.9 0.03 to go not passed")
    assert found["sensorimotor_maintained"].endswith("> 0.85 not evaluated yet")


def test_a_value_that_is_not_finite_is_named(run: Run) -> None:
    """And no distance is made up."""
    run.append(line(10, mnist_accuracy=float("nan")))
    run.metadata(5, metrics={}, milestones={"mnist_accuracy": False})
    assert rows(run)["mnist_accuracy"].endswith("NaN  of > 0.95 not passed")
