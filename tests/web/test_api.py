"""The JSON API: exactly the documented shapes, strict JSON, and errors that say what to do."""

from __future__ import annotations

import json
import math
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support import FIXTURES, Run, line
from thalia_monitor import __version__
from thalia_monitor.kept import RunNotes
from thalia_monitor.reading import run_reader as reading_run
from thalia_monitor.reading.formats.metadata import MetadataFolder
from thalia_monitor.web import context
from thalia_monitor.web.app import create_app

SCALARS = {
    "id": str,
    "name": str,
    "version": str,
    "current_stage": int,
    "stage_name": str,
    "current_step": int,
    "current_week": int | float,
    "total_weeks": int | float,
    "stage_progress": float,
    "metrics": dict,
    "metric_deltas": dict,
    "core_metrics": dict,
    "capacity_by_region": dict,
    "milestones": dict,
    "warnings": list,
    "problems": list,
    "growth_event_count": int,
    "consolidation_event_count": int,
    "last_update": str,
    "training_duration": float,
}
JSON_ROUTES = (
    *("", "/series?name=loss", "/growth", "/consolidation", "/milestones"),
    *("/events", "/notes", "/segments"),
)
RUN_ROUTES = (*JSON_ROUTES, "/export.csv")


def get(client: Any, path: str, status: int = 200) -> Any:
    """The decoded answer; a bare NaN in it is no JSON."""
    answer = client.get(path)
    text = answer.get_data(as_text=True)
    assert answer.status_code == status, text
    assert answer.mimetype == "application/json"

    def refuse(constant: str) -> None:
        raise AssertionError(f"{path} answered a bare {constant}")

    return json.loads(text, parse_constant=refuse)


@pytest.fixture
def key(client: Any) -> str:
    """The run's id."""
    [listed] = get(client, "/api/v1/runs")["runs"]
    return str(listed["id"])


@pytest.fixture(scope="module")
def healthy() -> tuple[Any, str]:
    """A client of the healthy fixture, and its run's address."""
    client = create_app(FIXTURES / "healthy").server.test_client()
    return client, f"/api/v1/runs/{get(client, '/api/v1/runs')['runs'][0]['id']}"


def test_healthz_reads_no_run(client: Any, run: Run) -> None:
    """It answers although the directory is gone."""
    run.directory.rmdir()
    assert get(client, "/healthz") == {"status": "ok", "version": __version__}


def test_the_list_of_runs(client: Any, run: Run) -> None:
    """Id and name of each; the id is the same after a restart."""
    listed = get(client, "/api/v1/runs")
    again = get(create_app(run.directory).server.test_client(), "/api/v1/runs")
    assert listed.keys() == {"runs"}
    assert listed["runs"][0].keys() >= {"id", "name"}
    assert listed["runs"][0]["name"] == run.directory.name
    assert listed["runs"][0]["id"] == again["runs"][0]["id"]


def test_a_runs_scalars_have_the_names_of_the_state(healthy: tuple[Any, str]) -> None:
    """Each with its type; warnings and problems as objects; counts of events."""
    client, address = healthy
    answer = get(client, address)
    assert answer.keys() >= SCALARS.keys()
    assert {name for name, kind in SCALARS.items() if not isinstance(answer[name], kind)} == set()
    assert [each.keys() for each in answer["warnings"]] == [{"severity", "message"}] * 3
    assert {each["severity"] for each in answer["warnings"]} == {"info", "warning", "critical"}
    assert (answer["current_stage"], answer["stage_name"]) == (0, "Sensory Foundations")
    assert (answer["current_week"], answer["total_weeks"], answer["stage_progress"]) == (6, 8, 0.75)
    assert (answer["growth_event_count"], answer["consolidation_event_count"]) == (31, 60)
    assert answer["training_duration"] == 7500.0
    assert answer["last_update"].endswith("+00:00")


def test_the_scalars_of_an_empty_run(client: Any, key: str) -> None:
    """None and empty, never 0 for what is missing."""
    answer = get(client, f"/api/v1/runs/{key}")
    assert (answer["current_stage"], answer["last_update"]) == (None, None)
    assert (answer["metrics"], answer["milestones"], answer["problems"]) == ({}, {}, [])


def test_problems_have_file_line_and_reason(client: Any, key: str, run: Run) -> None:
    """As the page shows them."""
    run.append("garbage\n")
    [problem] = get(client, f"/api/v1/runs/{key}")["problems"]
    assert problem.keys() == {"file", "line", "reason"}
    assert (problem["file"], problem["line"]) == ("training_log.json", 1)


def test_a_value_that_is_not_finite_is_its_name(client: Any, key: str, run: Run) -> None:
    """JSON has no NaN."""
    run.metadata(1, metrics={"a": math.nan, "b": math.inf, "c": -math.inf, "d": 1.5})
    run.append(line(1, capacity_by_region={"cortex": math.nan}))
    answer = get(client, f"/api/v1/runs/{key}")
    assert answer["metrics"] == {"a": "NaN", "b": "Infinity", "c": "-Infinity", "d": 1.5}
    assert answer["capacity_by_region"] == {"cortex": "NaN"}


def test_a_series(client: Any, key: str, run: Run) -> None:
    """Steps, segments and values side by side, what is not finite apart, and the total."""
    run.append(line(0, loss=1.0), line(10, loss=math.nan), line(20, loss=3.0), line(30, loss=-math.inf))
    run.append(line(10, loss=4.0), line(20, loss=5.0), line(40, capacity=0.5))
    assert get(client, f"/api/v1/runs/{key}/series?name=loss") == {
        "name": "loss",
        "total": 6,
        "step": [0, 20, 10, 20],
        "segment": [0, 0, 1, 1],
        "value": [1.0, 3.0, 4.0, 5.0],
        "nonfinite": [{"step": 10, "value": "NaN"}, {"step": 30, "value": "-Infinity"}],
        "nonfinite_total": 2,
    }


def test_of_a_flood_of_values_that_are_not_finite_the_first_are_listed(
    client: Any, key: str, run: Run
) -> None:
    """Ten thousand of them, however few points are asked for; the total counts the others too."""
    run.append(*(line(step, loss=math.nan) for step in range(10_200)))
    answer = get(client, f"/api/v1/runs/{key}/series?name=loss&points=5&from=100")
    assert [each["step"] for each in answer["nonfinite"]] == list(range(100, 10_100))
    assert answer["nonfinite_total"] == 10_100


def test_a_series_is_sampled_to_the_points_asked_for(client: Any, key: str, run: Run) -> None:
    """A thousand at most unless told otherwise, and the extremes among them as long as there is room."""
    run.append(*(line(step, loss=float(step == 777)) for step in range(5000)))
    address = f"/api/v1/runs/{key}/series?name=loss"
    usual, few, whole = (get(client, address + more) for more in ("", "&points=100", "&points=5000"))
    assert (usual["total"], few["total"], len(whole["step"])) == (5000, 5000, 5000)
    assert 300 < len(usual["step"]) <= 1000
    assert 30 < len(few["step"]) <= 100
    assert 777 in few["step"]
    assert 777 in usual["step"]
    for points in (1, 2, 3, 5, 10):
        steps = get(client, f"{address}&points={points}")["step"]
        assert len(steps) <= points
        assert steps == sorted(steps)
        assert steps[-1] == 4999


def test_a_series_between_two_steps(client: Any, key: str, run: Run) -> None:
    """``from`` and ``to``, either alone too, both included; empty ones count as not given."""
    run.append(*(line(step, loss=1.0) for step in range(100)))
    address = f"/api/v1/runs/{key}/series?name=loss"
    assert get(client, f"{address}&from=10&to=20")["step"] == list(range(10, 21))
    assert get(client, f"{address}&from=10&to=20")["total"] == 11
    assert get(client, f"{address}&from=95")["step"] == list(range(95, 100))
    assert get(client, f"{address}&to=3")["step"] == [0, 1, 2, 3]
    assert get(client, f"{address}&points=1000&from=&to=")["total"] == 100
    for nowhere in ("from=200&to=300", "from=20&to=10", "from=10.2&to=10.8"):
        answer = get(client, f"{address}&{nowhere}")
        assert (answer["total"], answer["step"]) == (0, [])


def test_regions_are_series_too(healthy: tuple[Any, str]) -> None:
    """Neurons and capacity, by the region's name."""
    client, address = healthy
    for name in ("neurons.cortex", "capacity.hippocampus"):
        answer = get(client, f"{address}/series?name={name}")
        assert (answer["name"], answer["total"]) == (name, 601)


@pytest.mark.parametrize(
    "query",
    [
        "",
        "?name=",
        "?name=nothing",
        "?name=loss&points=many",
        "?name=loss&points=0",
        "?name=loss&points=-5",
        "?name=loss&points=1e9",
        "?name=loss&points=nan",
        "?name=loss&from=here",
        "?name=loss&to=nan",
        "?name=neurons.",
    ],
)
def test_a_bad_parameter_is_400_with_a_sentence(healthy: tuple[Any, str], query: str) -> None:
    """What is wrong and what to do, in the one shape of an error."""
    client, address = healthy
    answer = get(client, f"{address}/series{query}", 400)
    assert answer.keys() == {"error"}
    assert len(answer["error"]) > 20


def test_an_unknown_series_names_those_there_are(healthy: tuple[Any, str]) -> None:
    """So that the next try is right."""
    client, address = healthy
    assert "loss" in get(client, f"{address}/series?name=lost", 400)["error"]


@pytest.mark.parametrize("route", RUN_ROUTES)
def test_an_unknown_run_is_404(client: Any, route: str) -> None:
    """It says where the ones there are can be found."""
    answer = get(client, f"/api/v1/runs/ffffffffffff{route}", 404)
    assert answer.keys() == {"error"}
    assert "/api/v1/runs" in answer["error"]


@pytest.mark.parametrize("route", RUN_ROUTES)
def test_a_run_that_cannot_be_read_is_503(client: Any, key: str, run: Run, route: str) -> None:
    """It may come back: the id stays good."""
    run.directory.rename(run.directory.with_name("away"))
    answer = get(client, f"/api/v1/runs/{key}{route}", 503)
    assert answer.keys() == {"error"}
    assert "There is no directory" in answer["error"]


def test_a_monitor_without_a_run(run: Run) -> None:
    """An empty list, not an error."""
    assert get(create_app().server.test_client(), "/api/v1/runs") == {"runs": []}


def test_growth_events(client: Any, key: str, run: Run) -> None:
    """Every one, every field; null where the log does not say."""
    run.append(line(5, event_type="growth", region="cortex", neurons_added=10, new_total=110, reason="full"))
    run.append(line(None, event_type="growth", region="striatum"))
    assert get(client, f"/api/v1/runs/{key}/growth") == {
        "growth_events": [
            {"step": 5, "region": "cortex", "neurons_added": 10, "new_total": 110, "reason": "full"},
            {"step": None, "region": "striatum", "neurons_added": None, "new_total": None, "reason": None},
        ]
    }


def test_consolidation_events(client: Any, key: str, run: Run) -> None:
    """The same for sleeps."""
    run.append(
        line(9, event_type="consolidation", sleep_stage="NREM2", patterns_replayed=7, duration_steps=50)
    )
    assert get(client, f"/api/v1/runs/{key}/consolidation") == {
        "consolidation_events": [
            {"step": 9, "sleep_stage": "NREM2", "patterns_replayed": 7, "duration_steps": 50}
        ]
    }


def test_events_of_any_type(client: Any, key: str, run: Run) -> None:
    """Every field of each with its file and line, oldest first; of too many the newest."""
    run.append(line(5, event_type="growth", region="cortex", neurons_added=10))
    run.append(line(7, event_type="intervention", intervention="rollback", load=float("nan")))
    run.append(line(None, event_type="note_of_mine", timestamp=1767225600.0))
    answer = get(client, f"/api/v1/runs/{key}/events")
    assert (answer["total"], [each["event_type"] for each in answer["events"]]) == (
        3,
        ["growth", "intervention", "note_of_mine"],
    )
    grown, intervened, own = answer["events"]
    assert (grown["region"], grown["neurons_added"], grown["fields"]) == (
        "cortex",
        10,
        {"region": "cortex", "neurons_added": 10},
    )
    assert (intervened["fields"], intervened["file"], intervened["line"]) == (
        {"intervention": "rollback", "load": "NaN"},
        "training_log.json",
        2,
    )
    assert (own["step"], own["timestamp"]) == (None, 1767225600.0)
    assert get(client, f"/api/v1/runs/{key}/events?limit=1") == {"total": 3, "events": [own]}


@pytest.mark.parametrize(
    ("query", "steps"),
    [
        ("?type=growth", [1, 3]),
        ("?type=growth&type=warning", [1, 2, 3]),
        ("?type=sleep", []),
        ("?from=2", [2, 3, 4]),
        ("?from=2&to=2.5", [2]),
        ("?type=growth&limit=1", [3]),
        ("?type=&type=", [1, 2, 3, 4]),
        ("?type=odd%3F", [4]),
    ],
)
def test_events_are_chosen_by_type_and_step(
    client: Any, key: str, run: Run, query: str, steps: list[int]
) -> None:
    """One without a step is between no bounds."""
    run.append(line(1, event_type="growth", region="cortex", neurons_added=1))
    run.append(line(2, event_type="warning", message="slow"))
    run.append(line(3, event_type="growth", region="cortex", neurons_added=1))
    run.append(line(4, event_type="odd\ud800"))
    if "from" in query:
        run.append(line(None, event_type="growth", region="cortex", neurons_added=1))
    assert [each["step"] for each in get(client, f"/api/v1/runs/{key}/events{query}")["events"]] == steps


@pytest.mark.parametrize("query", ["?limit=0", "?limit=all", "?limit=1e9", "?from=here", "?to=nan"])
def test_a_bad_choice_of_events_is_400(client: Any, key: str, query: str) -> None:
    """What is wrong and what to do."""
    assert get(client, f"/api/v1/runs/{key}/events{query}", 400).keys() == {"error"}


def test_notes_and_segments(run: Run, tmp_path: Path) -> None:
    """What people have written beside the run, and where it was resumed."""
    run.metrics(1, 2, 3)
    run.append(line(2, loss=0.5))
    client = create_app(run.directory, state_dir=tmp_path / "state").server.test_client()
    key = get(client, "/api/v1/runs")["runs"][0]["id"]
    RunNotes(tmp_path / "state", key).add(2, None, "the lamp <b>fell</b>", "ann", 0.0)
    assert [
        (each["step"], each["text"], each["user"])
        for each in get(client, f"/api/v1/runs/{key}/notes")["notes"]
    ] == [(2, "the lamp <b>fell</b>", "ann")]
    assert [
        (each["segment"], each["kind"], each["first_step"], each["superseded_from"])
        for each in get(client, f"/api/v1/runs/{key}/segments")["segments"]
    ] == [(0, "start", 1, 2), (1, "resume", 2, None)]


def test_milestones(client: Any, key: str, run: Run) -> None:
    """What was evaluated, and the stage's checklist with criteria and what is still to come."""
    run.metadata(1, current_stage=0, milestones={"mnist_accuracy": True, "own": False})
    answer = get(client, f"/api/v1/runs/{key}/milestones")
    assert answer["milestones"] == {"mnist_accuracy": True, "own": False}
    listed = {each["name"]: each for each in answer["checklist"]}
    assert listed["mnist_accuracy"] == {"name": "mnist_accuracy", "passed": True, "criterion": "> 0.95"}
    assert listed["own"] == {"name": "own", "passed": False, "criterion": ""}
    assert listed["gaze_following"]["passed"] is None


def test_milestones_have_the_value_that_the_run_logs(client: Any, key: str, run: Run) -> None:
    """With the target and what is missing; what is not finite is a name."""
    run.metadata(
        1, current_stage=0, metrics={}, milestones={"mnist_accuracy": False, "gaze_following": False}
    )
    run.append(line(2, mnist_accuracy=0.75, gaze_following=float("nan")))
    found = {each["name"]: each for each in get(client, f"/api/v1/runs/{key}/milestones")["checklist"]}
    assert found["mnist_accuracy"] | {"missing": round(found["mnist_accuracy"]["missing"], 9)} == {
        "name": "mnist_accuracy",
        "passed": False,
        "criterion": "> 0.95",
        "series": "mnist_accuracy",
        "value": 0.75,
        "target": "> 0.95",
        "missing": 0.2,
    }
    assert (found["gaze_following"]["value"], found["gaze_following"]["missing"]) == ("NaN", None)
    assert "value" not in found["sequence_prediction"]


@pytest.mark.parametrize("fixture", ["hostile", "nan", "metadata_broken", "torn", "many_metrics", "resumed"])
def test_every_route_is_strict_json_whatever_the_files_hold(fixture: str) -> None:
    """Bare NaN would break every reader but Python's."""
    client = create_app(FIXTURES / fixture).server.test_client()
    address = f"/api/v1/runs/{get(client, '/api/v1/runs')['runs'][0]['id']}"
    for route in (*JSON_ROUTES, "/series?name=capacity"):
        get(client, address + route)


def test_the_api_lies_under_the_base_path(run: Run) -> None:
    """And nowhere else."""
    client = create_app(run.directory, base_path="/lab/thalia/").server.test_client()
    assert get(client, "/lab/thalia/healthz")["status"] == "ok"
    assert len(get(client, "/lab/thalia/api/v1/runs")["runs"]) == 1
    assert client.get("/api/v1/runs").status_code == 404
    assert "/lab/thalia/api/v1/runs lists the runs" in get(client, "/lab/thalia/api/v1/nothing", 404)["error"]


def test_the_api_only_reads(client: Any, key: str) -> None:
    """No method but GET and its like."""
    for method in (client.post, client.put, client.delete, client.patch):
        for address in (f"/api/v1/runs/{key}", "/api/v1/runs", "/healthz"):
            answer = method(address)
            assert (answer.status_code, answer.json.keys()) == (405, {"error"})


@pytest.fixture
def reading(client: Any, run: Run, monkeypatch: pytest.MonkeyPatch) -> Iterator[threading.Event]:
    """A run whose log is being read in until the event is set."""
    run.metrics(*range(100))
    finish = threading.Event()
    refresh = MetadataFolder.refresh

    def slowly(*arguments: Any) -> None:
        assert finish.wait(20)
        refresh(*arguments)

    monkeypatch.setattr(MetadataFolder, "refresh", slowly)
    yield finish
    finish.set()


@pytest.mark.parametrize("route", [*RUN_ROUTES, "/summary", "/series?name=no", "/export.csv?name=loss"])
def test_what_is_still_being_read_is_never_a_false_no(
    client: Any, key: str, reading: threading.Event, monkeypatch: pytest.MonkeyPatch, route: str
) -> None:
    """While a run is read in, a program is told how far it is and when to ask again, whatever it asks."""
    monkeypatch.setattr(context, "API_WAIT", 0.01)
    monkeypatch.setattr(reading_run, "SLOW", 0.01)
    answer = client.get(f"/api/v1/runs/{key}{route}")
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "2")
    assert answer.json == {"error": "This run is still being read: 99% so far. Ask again in 2 seconds."}


def test_a_program_is_answered_as_soon_as_all_is_read(
    client: Any, key: str, reading: threading.Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is read in a moment is waited for."""
    monkeypatch.setattr(context, "API_WAIT", 20.0)
    threading.Timer(0.3, reading.set).start()
    assert get(client, f"/api/v1/runs/{key}/series?name=loss")["total"] == 100
