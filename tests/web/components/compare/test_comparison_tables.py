"""Comparing runs: what is chosen, what is shown of it, and that nothing sent can break it."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from dash import Dash
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support import Run, callback, line
from thalia_monitor.analysis.comparison import MOST
from thalia_monitor.reading.library import Library, run_id
from thalia_monitor.web.app import create_app
from thalia_monitor.web.components.compare.comparison_query import BY_ITSELF, Choice, choice_from, choice_of
from thalia_monitor.web.context import KEY

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=30),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=8,
)


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six runs; the loss of ``run-3`` is the lowest."""
    root = tmp_path_factory.mktemp("root")
    for number in range(6):
        (root / f"run-{number}").mkdir()
        run = Run(root / f"run-{number}")
        run.metrics(100, 200, loss=abs(3 - number) + 0.5)
        run.append(
            line(
                150,
                event_type="growth",
                region="cortex",
                neurons_added=10 * number,
                new_total=1000,
                reason="x",
            )
        )
        run.metadata(200 + number, milestones={"mnist_accuracy": number > 2, f"own-{number}": True})
    return root


@pytest.fixture
def compared(root: Path) -> Dash:
    """A monitor of these runs, in their order."""
    return create_app([root / f"run-{number}" for number in range(6)])


def library(app: Dash) -> Library:
    """The runs of a monitor."""
    runs: Library = app.server.extensions[KEY].library
    return runs


def filled(app: Dash, **chosen: Any) -> dict[str, str]:
    """The parts of the page as text, for a choice."""
    answer = callback(app, "compare-table.children", {"compare-chosen.data": chosen})
    return {
        name.removeprefix("compare-"): json.dumps(part, ensure_ascii=False) for name, part in answer.items()
    }


def test_without_a_choice_a_few_runs_are_compared(compared: Dash, root: Path) -> None:
    """The run on screen and the first others, by name; the first of them is the baseline."""
    current = run_id(root / "run-4")
    choice = choice_from(None, library(compared), current)
    expected = [run_id(root / f"run-{number}") for number in (0, 1, 2, 4)]
    assert list(choice.runs) == expected and len(expected) == BY_ITSELF
    assert choice.baseline == expected[0]


def test_runs_are_in_the_order_of_their_names(compared: Dash, root: Path, tmp_path: Path) -> None:
    """However they were found, changed or chosen; numbers in names count by their size."""
    runs = [run_id(root / f"run-{number}") for number in (5, 0, 3)]
    assert choice_from({"runs": runs}, library(compared), None).runs == tuple(
        run_id(root / f"run-{number}") for number in (0, 3, 5)
    )
    for name in ("run-10", "Run-2", "run-1", "a"):
        (tmp_path / name).mkdir()
        Run(tmp_path / name).metrics(1)
    several = create_app([tmp_path / name for name in ("run-10", "Run-2", "run-1", "a")])
    found = choice_from(None, library(several), None).runs
    assert [library(several).entry(run).name for run in found] == ["a", "run-1", "Run-2", "run-10"]


def test_a_run_has_its_colour_in_every_order_of_the_address(compared: Dash, root: Path) -> None:
    """In the list, in the legend and in every chart."""
    runs = [run_id(root / f"run-{number}") for number in range(6)]
    tables = [filled(compared, runs=order, base=runs[0]) for order in (runs, runs[::-1])]
    assert tables[0]["legend"] == tables[1]["legend"]
    colours = re.findall(r'"color": "(#\w+)"', tables[0]["legend"])
    assert len(set(colours)) == 6
    assert re.findall(r'"color": "(#\w+)"', tables[0]["table"]) == colours


def test_all_of_the_choice_is_given_to_the_address_at_once(compared: Dash, root: Path) -> None:
    """Runs, baseline, the run beside it, series and alignment, also where nobody has chosen them; a chosen step."""
    answer = callback(compared, "compare-table.children", {"compare-chosen.data": {}})
    runs = [run_id(root / f"run-{number}") for number in range(4)]
    expected = {"runs": runs, "base": runs[0], "series": "loss", "origin": "run", "beside": runs[1]}
    assert answer["compare-shown"]["data"]["choice"] == expected


def test_the_core_metrics_are_small_multiples(compared: Dash, tmp_path: Path) -> None:
    """A chart for each that a run logs; other metrics where there are none, none for what only checkpoints have."""

    def multiples(app: Dash) -> list[str]:
        answer = callback(app, "compare-table.children", {"compare-chosen.data": {}})
        names: list[str] = answer["compare-shown"]["data"]["multiples"][1:]
        return names

    assert multiples(compared) == ["loss"]
    core = {"firing_rate": 0.1, "capacity": 0.7, "performance": 0.6, "loss": 0.5}
    for name, metrics in (("core", core), ("trials", {"accuracy_100": 0.5, "margin": 3})):
        (tmp_path / name).mkdir()
        Run(tmp_path / name).append(line(1, **metrics))
    assert multiples(create_app([tmp_path / "core", tmp_path / "trials"])) == list(core)
    assert multiples(create_app([tmp_path / "trials"])) == ["performance", "margin"]


def test_a_choice_survives_being_written_into_a_charts_name(compared: Dash, root: Path) -> None:
    """What a chart is called tells what it is drawn from."""
    runs = tuple(run_id(root / f"run-{number}") for number in (0, 2))
    choice = Choice(runs, runs[1], origin="-1", beside=runs[0])
    assert choice_of(choice.key, library(compared)) == choice
    runs = tuple(run_id(root / f"run-{number}") for number in (0, 2, 4))
    choice = Choice(runs, runs[1], beside=runs[2])
    assert choice_of(choice.pair_key, library(compared)) == choice


def test_the_tables_compare_with_the_baseline(compared: Dash, root: Path) -> None:
    """Better and worse by the metric's direction, absolute and in percent, with every run's milestones and totals."""
    runs = [run_id(root / f"run-{number}") for number in (3, 1, 5)]
    parts = filled(compared, runs=runs, base=runs[0], series="loss")
    assert "+2 (+400 %) ▼ worse" in parts["differences"]
    assert parts["differences"].count('"baseline"') == 3
    assert "own-1" in parts["milestones"] and "own-5" in parts["milestones"]
    assert '"50"' in parts["totals"], "neurons added"
    parts = filled(compared, runs=runs, base=runs[1], series="loss", step=100)
    assert "−2 (−80 %) ▲ better" in parts["differences"]
    assert "At step 100" in parts["differences"]


def test_a_control_is_told_only_what_it_does_not_show(compared: Dash) -> None:
    """An answer that was under way while the next thing was chosen must not wipe that out again."""
    shown = {"compare-series.value": "loss", "compare-origin.value": "run", "compare-step.value": None}
    shown |= {"compare-beside.value": choice_from(None, library(compared), None).beside}
    chosen: dict[str, Any] = {"series": "loss"}

    def told() -> dict[str, Any]:
        answer = callback(compared, "compare-table.children", {"compare-chosen.data": chosen}, shown)
        return {name: part["value"] for name, part in answer.items() if "value" in part}

    assert told() == {}
    chosen |= {"series": "firing_rate", "step": 500}
    assert told() == {"compare-series": "firing_rate", "compare-step": 500}


def test_runs_of_the_same_name_are_told_apart(tmp_path: Path) -> None:
    """Two directories called alike are shown with the folder they lie in."""
    for day in ("monday", "tuesday"):
        (tmp_path / day / "run").mkdir(parents=True)
        Run(tmp_path / day / "run").metrics(1)
    parts = filled(create_app([tmp_path / "monday" / "run", tmp_path / "tuesday" / "run"]))
    assert "monday/run" in parts["table"] and "tuesday/run" in parts["table"]


def test_a_run_that_cannot_be_read_is_said_and_the_others_compared(root: Path, tmp_path: Path) -> None:
    """A missing directory is a sentence beside the comparison of the rest."""
    parts = filled(create_app([root / "run-0", tmp_path / "missing", root / "run-1"]))
    assert "no directory" in parts["trouble"]
    assert "run-0" in parts["table"] and "run-1" in parts["table"]


def test_more_runs_than_can_be_told_apart_are_not_taken(tmp_path: Path) -> None:
    """A choice is bounded."""
    for number in range(MOST + 3):
        (tmp_path / str(number)).mkdir()
        Run(tmp_path / str(number)).metrics(1)
    app = create_app([tmp_path / str(number) for number in range(MOST + 3)])
    ids = [each.id for each in library(app).entries()]
    assert len(choice_from({"runs": ids}, library(app), None).runs) == MOST


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    sent=VALUES
    | st.fixed_dictionaries(
        {}, optional=dict.fromkeys(("runs", "base", "series", "origin", "step", "beside"), VALUES)
    )
)
def test_whatever_a_browser_sends_is_a_choice(sent: Any, compared: Dash) -> None:
    """Nothing that is sent raises, and every run of the choice is one that was found."""
    choice = choice_from(sent, library(compared), None)
    known = {each.id for each in library(compared).entries()}
    assert set(choice.runs) <= known and choice.runs
    assert choice.baseline in choice.runs
    assert choice.beside in {*choice.runs} - {choice.baseline} or (choice.beside, len(choice.runs)) == ("", 1)
    assert choice_of(str(sent), library(compared)).runs


@pytest.mark.parametrize("series", ["../../etc/passwd", "neurons.", "", "x" * 10_000, "<script>", "a\0b"])
def test_an_unknown_series_is_drawn_as_nothing(compared: Dash, series: str) -> None:
    """A name that no run logs leaves blanks."""
    assert "–" in filled(compared, series=series)["differences"] or series == ""


def test_a_change_in_any_of_the_runs_is_noticed(root: Path, tmp_path: Path) -> None:
    """The page follows all the runs it shows, not only the one in the address."""
    (tmp_path / "other").mkdir()
    other = Run(tmp_path / "other")
    other.metrics(1)
    app = create_app([root / "run-0", other.directory])

    def signed(known: Any) -> Any:
        answer = callback(
            app, "live-others.data", {"compare-asked.data": {"chosen": {}}}, {"live-others.data": known}
        )
        return answer.get("live-others", {}).get("data", known)

    before = signed(None)
    assert signed(before) == before
    other.metrics(2)
    assert signed(before) != before
