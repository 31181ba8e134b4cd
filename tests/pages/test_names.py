"""Runs with the names of Thalia's own trainers: every page fills the four places, and says from which series."""

from __future__ import annotations

import json
from typing import Any

import pytest
from click.testing import CliRunner

from tests.pages.conftest import Open
from tests.screen import Screen, parts, words
from tests.support import FIXTURES, Run
from thalia_monitor import cli
from thalia_monitor.web.app import create_app

FILLED = {
    "legacy_names": {
        "Firing rate": ("0.4252", "from avg_firing_rate"),
        "task/motor_control_accuracy": ("0.411", "one task"),
        "Performance": ("0.68", "best task, from task_accuracy"),
        "task/reaching_accuracy": ("0.68", "one task"),
    },
    "legacy_trials": {
        "Correct": ("1", ""),
        "Accuracy 10": ("1", "of the last 10 trials right"),
        "Performance": ("0.79", "of the last 100 trials right, from accuracy_100"),
        "Reward": ("1", ""),
    },
    "legacy_birth": {
        "Firing rate": ("0.42", "of neurons active per step"),
        "task_performance/motor_control": ("0.55", "one task"),
        "Performance": ("0.61", "best task, from accuracy"),
        "task_performance/reaching": ("0.91", "one task"),
    },
}
SERIES = {
    "legacy_names": [
        "avg_firing_rate",
        "task/motor_control_accuracy",
        "task_accuracy",
        "task/reaching_accuracy",
    ],
    "legacy_trials": ["accuracy_10", "reward", "accuracy_100", "correct"],
    "legacy_birth": [
        "firing_rate",
        "task_performance/motor_control",
        "accuracy",
        "task_performance/reaching",
    ],
}


def cards(screen: Screen, pane: str) -> dict[str, tuple[str, str]]:
    """What each card says: title to value and what stands below it."""
    found = {}
    for card in screen.component({"type": "pane", "name": pane})["children"]:
        title, value, detail = (words(each) for each in card["props"]["children"][:3])
        found[title] = value, detail
    return found


@pytest.mark.parametrize("fixture", FILLED)
@pytest.mark.parametrize(("path", "pane"), [("/metrics", "metrics-cards"), ("/", "overview-metrics")])
def test_the_cards_are_filled(visit: Open, fixture: str, path: str, pane: str) -> None:
    """Four values, each with what it is and where it is from."""
    assert cards(visit(fixture, path), pane) == FILLED[fixture]


@pytest.mark.parametrize("fixture", FILLED)
def test_the_first_charts_are_of_the_same_series(visit: Open, fixture: str) -> None:
    """Each drawn, none of them again among the others, its title with the series it is from."""
    screen = visit(fixture, "/metrics")
    assert screen.component("metrics-other-first-shown")["data"] == SERIES[fixture]
    said = screen.text("metrics-other-first")
    for name in SERIES[fixture]:
        assert screen.figure("metric", name)["data"][0]["y"]
        assert name not in screen.component("metrics-other-shown")["data"]
    for title, (_, detail) in FILLED[fixture].items():
        assert title in said
        assert "from " not in detail or detail in said


@pytest.mark.parametrize("fixture", FILLED)
def test_the_command_says_the_same(fixture: str) -> None:
    """Values with the names of their series; there is never "No metrics yet" beside metrics."""
    told = CliRunner().invoke(cli.cli, ["status", str(FIXTURES / fixture)]).output
    assert "No metrics yet" not in told
    for title, (value, detail) in FILLED[fixture].items():
        assert f"{title} {value}" + (f" ({detail})" if "from " in detail else "") in told
    record = json.loads(CliRunner().invoke(cli.cli, ["status", str(FIXTURES / fixture), "--json"]).output)
    assert sorted(each["series"] for each in record["metrics"].values()) == sorted(SERIES[fixture])
    assert record["metrics"]["performance"]["value"] == float(FILLED[fixture]["Performance"][0])


def test_a_rate_over_the_limit_is_warned_of_on_every_page(visit: Open) -> None:
    """Nothing is called healthy beside a finding, whatever the trainer logs the rate as."""
    for path in ("/", "/metrics", "/growth"):
        said = visit("legacy_names", path).text("frame-warnings")
        assert "▲ warning, found in the numbers The firing rate (avg_firing_rate) has been too high" in said
        assert "No warnings" not in said
        assert "0.42" in visit("legacy_birth", path).text("frame-warnings")
    told = CliRunner().invoke(cli.cli, ["status", str(FIXTURES / "legacy_birth")]).output
    assert "No health warnings" not in told
    assert "too high" in told


def test_the_api_has_what_was_logged_and_what_it_stands_for(visit: Open) -> None:
    """``metrics`` by the logged names, ``core_metrics`` by the quantities."""
    client = visit("legacy_names", "/").client
    [run] = client.get("/api/v1/runs").get_json()["runs"]
    answer = client.get(f"/api/v1/runs/{run['id']}").get_json()
    assert "firing_rate" not in answer["metrics"]
    assert answer["core_metrics"] == {
        "firing_rate": {
            "value": answer["metrics"]["avg_firing_rate"],
            "step": 19_000,
            "series": "avg_firing_rate",
            "unit": "",
        },
        "performance": {"value": 0.68, "step": 19_000, "series": "task_accuracy", "unit": ""},
    }


def test_a_comparison_begins_with_what_the_runs_log(visit: Open) -> None:
    """Performance, where that is what most runs log; each quantity can be chosen by its own name."""
    screen = visit("legacy_names", "/compare")
    screen.change("live-others", data="known")
    assert screen.component("compare-series")["value"] == "performance"
    offered = [each["value"] for each in screen.component("compare-series")["options"]]
    assert offered[:3] == ["firing_rate", "task/motor_control_accuracy", "performance"]
    mixed = create_app([FIXTURES / name for name in ("healthy", "legacy_names", "legacy_trials")])
    screen = Screen(mixed.server.test_client(), "/compare")
    screen.change("live-others", data="known")
    assert screen.component("compare-series")["value"] == "performance"


@pytest.mark.parametrize(
    ("search", "series"),
    [("", "task_accuracy"), ("?series=firing_rate", "avg_firing_rate"), ("?series=dopamine", "dopamine")],
)
def test_the_values_are_of_what_the_run_logs(visit: Open, search: str, series: str) -> None:
    """The first of its metrics where none is chosen, and a quantity under the name that the run logs it under."""
    screen = visit("legacy_names", "/values", search=search)
    assert screen.component("values-series")["value"] == series
    assert screen.text("values-count") == "1–20 of 20, newest first"


def test_an_empty_run_has_no_values(visit: Open) -> None:
    """It says so, and what has not been logged is not called by a name that nobody chose."""
    assert "No metrics yet" in visit("empty", "/values").text("values-table")
    assert "Nothing is logged under 'loss' yet" in visit(
        "legacy_names", "/values", search="?series=loss"
    ).text("values-table")


def test_a_run_without_metrics_says_so_and_one_with_placeholders_does_not(run: Run) -> None:
    """ "No metrics yet" only where there are none; a constant 0 of the first trainers is a dash, with the reason."""

    def told() -> str:
        return CliRunner().invoke(cli.cli, ["status", str(run.directory)]).output

    def card(path: str, pane: str) -> Any:
        return cards(Screen(create_app(run.directory).server.test_client(), path), pane)["Firing rate"]

    run.append("")
    assert "No metrics yet." in told()
    assert card("/metrics", "metrics-cards") == ("–", "not logged yet")
    for step in range(0, 5000, 1000):
        run.append(
            json.dumps({"step": step, "firing_rate": 0.0, "capacity": 0.0, "global_step": float(step)}) + "\n"
        )
    said = told()
    assert "No metrics yet" not in said
    assert "Nothing measured yet: only firing_rate, capacity and global_step" in said
    assert "Warning" not in said
    assert card("/metrics", "metrics-cards") == ("–", "constant 0, a placeholder")
    assert card("/", "overview-metrics")[0] == "–"


def test_names_of_places_follow_the_run(run: Run) -> None:
    """A place that another series takes shows that one's chart after the next tick, without a reload."""
    run.append(*(json.dumps({"step": step, "avg_firing_rate": 0.1}) + "\n" for step in range(0, 500, 100)))
    screen = Screen(create_app(run.directory).server.test_client(), "/metrics")
    assert screen.component("metrics-other-first-shown")["data"][0] == "avg_firing_rate"
    run.append(*(json.dumps({"step": step, "firing_rate": 0.1}) + "\n" for step in range(500, 900, 100)))
    screen.refresh()
    assert screen.component("metrics-other-first-shown")["data"][0] == "firing_rate"
    charts = [
        each["props"]["id"]["name"]
        for each in parts(screen.component("metrics-other-first")["children"])
        if isinstance(each["props"].get("id"), dict) and each["props"]["id"]["type"] == "chart"
    ]
    assert charts[0] == "firing_rate"
