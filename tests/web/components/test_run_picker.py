"""Choosing a run: the list, its search, the directory an operator types, and nothing by a path."""

from __future__ import annotations

import json
import os
import re
import time
from pathlib import Path
from typing import Any

import pytest
from dash import Dash

from tests.screen import Screen
from tests.support import Run, callback, line
from thalia_monitor.reading.library import Entry, run_id
from thalia_monitor.web.app import create_app
from thalia_monitor.web.components import run_picker
from thalia_monitor.web.context import KEY, Monitor


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A root with three runs."""
    for number, name in enumerate(("morning", "noon", "night")):
        (tmp_path / "root" / name).mkdir(parents=True)
        run = Run(tmp_path / "root" / name)
        run.metrics(number + 1)
        run.metadata(100 * number, current_stage=number)
    return tmp_path / "root"


def listed(app: Dash, **asked: Any) -> tuple[str, str]:
    """The list as text, and its count, for what the browser asked."""
    answer = callback(app, "runs-list.children", {"runs-asked.data": {"query": "", "page": 1} | asked})
    return json.dumps(answer["runs-list"]["children"]), answer["runs-count"]["children"]


def test_the_list_tells_stage_step_and_age(root: Path) -> None:
    """Each run with its place, stage, step and last update."""
    text, count = listed(create_app(root=(root,)))
    assert count == "3 runs"
    for name in ("morning", "noon", "night"):
        assert name in text
    assert "Sensory Foundations" in text
    assert "data-age" in text
    assert f"?run={run_id(root / 'noon')}" in text


def test_the_list_is_searched_by_every_word(root: Path) -> None:
    """A part of the name or of the directory is enough; nothing found is said."""
    app = create_app(root=(root,))
    assert listed(app, query="NOO root")[1] == "1 of 3 runs"
    text, count = listed(app, query="evening")
    assert count == "0 of 3 runs"
    assert "No run is called that" in text


@pytest.mark.parametrize(
    "asked",
    [
        {"page": "x"},
        {"page": -5},
        {"page": 10**9},
        {"query": 5},
        pytest.param({"query": "x" * 10_000}, id="long"),
    ],
)
def test_nonsense_asked_of_the_list_is_harmless(root: Path, asked: dict[str, Any]) -> None:
    """Whatever a browser sends, the list answers."""
    listed(create_app(root=(root,)), **asked)


def test_a_long_list_is_paged(tmp_path: Path) -> None:
    """Twenty-five runs to a page: the others are not looked into."""
    for number in range(60):
        (tmp_path / f"run-{number:02}").mkdir()
        Run(tmp_path / f"run-{number:02}").metrics(number)
    app = create_app(root=(tmp_path,))
    answer = callback(app, "runs-list.children", {"runs-asked.data": {"query": "", "page": 3}})
    assert answer["runs-page"]["max_value"] == 3
    assert json.dumps(answer["runs-list"]["children"]).count('"data-run"') == 10


def test_the_search_takes_no_pattern() -> None:
    """What is typed is text."""
    entries = [Entry("1", "a.b", Path("/runs/a.b")), Entry("2", "aXb", Path("/runs/aXb"))]
    assert [each.id for each in run_picker.search(entries, "a.b")] == ["1"]
    assert run_picker.search(entries, "[") == []


def test_the_api_lists_the_runs(root: Path) -> None:
    """Programs find the same runs under the same ids."""
    answer = create_app(root=(root,)).server.test_client().get("/api/v1/runs").json
    assert {each["name"] for each in answer["runs"]} == {"morning", "noon", "night"}
    client = create_app(root=(root,)).server.test_client()
    assert client.get(f"/api/v1/runs/{run_id(root / 'night')}").json["current_step"] == 200


@pytest.mark.parametrize(
    "wanted",
    ["..", "%2e%2e", "%252e%252e", "..%2f..%2fetc", "..\\..", "%00", "%2fetc%2fpasswd", "C:%5c", "~", "."],
)
@pytest.mark.parametrize("rest", ["", "/series?name=loss", "/growth", "/export.csv", "/milestones"])
def test_a_path_is_never_a_run(root: Path, wanted: str, rest: str) -> None:
    """Path tricks in the place of an id are unknown runs, whatever is asked of them."""
    answer = create_app(root=(root,)).server.test_client().get(f"/api/v1/runs/{wanted}{rest}")
    assert answer.status_code in (404, 308)


@pytest.mark.parametrize(
    "name",
    [
        "../../etc/passwd",
        "..%2f..",
        "a\0b",
        "\\",
        "/etc/passwd",
        "neurons.",
        pytest.param("x" * 5000, id="long"),
    ],
)
def test_a_path_is_never_a_series(root: Path, name: str) -> None:
    """Path tricks in a series' name are unknown series."""
    client = create_app(root=(root,)).server.test_client()
    for what in ("series", "export.csv"):
        answer = client.get(f"/api/v1/runs/{run_id(root / 'noon')}/{what}", query_string={"name": name})
        assert answer.status_code == 400
        assert len(answer.json["error"]) < 400


def opened(app: Dash, typed: Any, **environment: Any) -> Any:
    """What typing a directory gives."""
    return callback(
        app, "runs-opened.data", {"directory-open.n_clicks": 1}, {"directory.value": typed}, **environment
    )


def test_a_directory_is_opened_at_this_machine_only(run: Run) -> None:
    """The operator at the machine may; a viewer elsewhere, one behind a proxy, and anyone with --root may not."""
    run.metrics(5)
    directory = str(run.directory)
    assert opened(create_app(), directory)["runs-opened"]["data"] == run_id(run.directory)
    refused = "only on the machine"
    elsewhere = {"environ_base": {"REMOTE_ADDR": "192.168.1.9"}}
    proxied = {"headers": {"X-Forwarded-For": "192.168.1.9"}}
    for answer in (
        opened(create_app(), directory, **elsewhere),
        opened(create_app(), directory, **proxied),
        opened(create_app(host="0.0.0.0"), directory),
        opened(create_app(root=(run.directory.parent,)), directory),
    ):
        assert "runs-opened" not in answer
        assert refused in answer["directory-advice"]["children"]


@pytest.mark.parametrize(
    "typed", ["/missing", "a\0b", "~nobody/x", "\n", 5, ["/etc"], pytest.param("x" * 100_000, id="long")]
)
def test_what_is_no_directory_is_a_sentence(typed: Any) -> None:
    """Anything typed that cannot be opened is said, and breaks nothing."""
    answer = opened(create_app(), typed)
    assert "runs-opened" not in answer


def test_another_runs_page_does_not_stay_on_screen(run: Run, tmp_path: Path) -> None:
    """A run that cannot be read shows a notice and nothing of the run before; without one it is said what to do."""
    app = create_app((run.directory, tmp_path / "missing"))
    watch: Monitor = app.server.extensions[KEY]
    good, bad = (each.id for each in watch.library.entries())
    known = {"run": good, "version": watch.state(good).version}
    answer = callback(
        app, "live-version.data", {"live-pulse.data": 1}, {"live-run.data": bad, "live-version.data": known}
    )
    assert answer["page"]["hidden"] is True
    assert answer["frame-header"]["children"] is None
    assert "no directory" in json.dumps(answer["frame-notice"])
    answer = callback(
        app, "live-version.data", {"live-pulse.data": 1}, {"live-run.data": good, "live-version.data": None}
    )
    assert answer["page"]["hidden"] is False


def test_the_run_on_screen_stays_when_another_is_newer(root: Path) -> None:
    """Without a choice the newest is shown, and the page does not jump when another one is written to."""
    app = create_app(root=(root,))
    shown = run_id(root / "morning")
    answer = callback(
        app,
        "live-version.data",
        {"live-pulse.data": 1},
        {"live-version.data": {"run": shown, "version": "x"}},
    )
    assert answer["live-version"]["data"]["run"] == shown


def test_a_name_that_is_no_text_is_listed_and_read(tmp_path: Path) -> None:
    """Names on disk are bytes: a run and a file whose names are no UTF-8 are shown, and so are the others."""
    for name in (b"\xff\xfe", b"good"):
        directory = tmp_path / "root" / os.fsdecode(name)
        directory.mkdir(parents=True)
        Run(directory).metrics(7)
        (directory / os.fsdecode(b"metadata_\xff.json")).write_text("{")
    app = create_app(root=(tmp_path / "root",))
    text, count = listed(app)
    assert count == "2 runs"
    assert "??" in text and "good" in text
    for each in app.server.test_client().get("/api/v1/runs").json["runs"]:
        screen = Screen(app.server.test_client(), "/")
        screen.set("live-run", data=each["id"])
        screen.refresh()
        assert "metadata_?.json" in screen.everything()


def ordered(app: Dash, sort: str) -> list[str]:
    """Names of the runs in the order of the list."""
    text, _ = listed(app, sort=sort)
    return re.findall(r'"children": "(morning|noon|night)"', text)


@pytest.mark.parametrize(
    ("sort", "names"),
    [
        ("run", ["morning", "night", "noon"]),
        ("-run", ["noon", "night", "morning"]),
        ("stage", ["morning", "noon", "night"]),
        ("-stage", ["night", "noon", "morning"]),
        ("-step", ["night", "noon", "morning"]),
    ],
)
def test_the_list_is_sorted_by_a_column(root: Path, sort: str, names: list[str]) -> None:
    """Over all runs, not only those on the page; the heading says which way."""
    app = create_app(root=(root,))
    assert ordered(app, sort) == names
    direction = "descending" if sort.startswith("-") else "ascending"
    assert listed(app, sort=sort)[0].count(f'"aria-sort": "{direction}"') == 1


def test_live_runs_come_first_with_their_status_and_losses(root: Path) -> None:
    """The newest lines decide, and not which directory changed last; the newest loss stands at its trend."""
    now = time.time()
    for name, age in (("morning", 0), ("noon", 2000), ("night", 4000)):
        run = Run(root / name)
        for number in range(20):
            loss = 0.5 - number / 100
            run.append(line(1000 + number, timestamp=now - age - 20 + number, loss=loss))
        for each in (root / name).iterdir():
            os.utime(each, (now - age, now - age))
        os.utime(root / name, (now + age, now + age))  # the list of its files changed last
    app = create_app(root=(root,))
    assert ordered(app, "")[0] == "morning"
    text, _ = listed(app, query="morning")
    assert '"aria-label": "Live"' in text
    assert "0.31" in text
    assert '"aria-label": "Stale"' in listed(app, query="night")[0]
