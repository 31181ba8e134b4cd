"""Everybody who looks at a run within a second is shown the same version; who has it and asks again, the newest."""

from __future__ import annotations

from collections.abc import Iterator
from threading import Event, Thread
from typing import Any

import orjson
import pytest
from dash import Dash
from flask import Flask

from tests.support import Run, line
from thalia_monitor.errors import MonitorError
from thalia_monitor.state import TrainingState
from thalia_monitor.web.moments import ANSWERS, RUNS, Moment, Moments
from thalia_monitor.web.monitor import KEY, Monitor

KNOWN = {"run": "a", "version": "seen", "read": 40.0}
"""What a page has on its screen."""


class Clock:
    """The seconds of a test."""

    now = 50.0

    def __call__(self) -> float:
        """The time."""
        return self.now


@pytest.fixture
def clock() -> Clock:
    """A clock that stands still."""
    return Clock()


@pytest.fixture
def moments(clock: Clock) -> Iterator[Moments]:
    """Nothing was read yet; a request is being answered."""
    with Flask("test").test_request_context():
        yield Moments(clock)


def versions() -> Any:
    """A reader that finds another version at every reading."""
    numbers = iter(range(1000))
    return lambda: TrainingState(version=str(next(numbers)))


def known(moment: Moment) -> dict[str, Any]:
    """What a page has that was shown a moment."""
    return {"run": "a", "version": moment.state.version, "read": moment.read}


def test_who_asks_again_is_shown_the_newest(moments: Moments) -> None:
    """However soon after the last look: what it has already is no answer."""
    read, shown = versions(), KNOWN
    for expected in ("0", "1", "2"):
        moment = moments.newer("a", read, shown)
        assert moment.state.version == expected
        shown = known(moment)


def test_who_opens_a_page_is_shown_the_newest(moments: Moments) -> None:
    """It has nothing yet that would tell what is newer."""
    read = versions()
    assert [moments.newer("a", read, None).state.version for _ in range(2)] == ["0", "1"]


def test_all_others_are_shown_what_was_read_in_this_second(moments: Moments, clock: Clock) -> None:
    """In the next, the next is read."""
    read = versions()
    assert [moments.newer("a", read, KNOWN).state.version for _ in range(3)] == ["0", "0", "0"]
    clock.now = 50.9
    assert moments.newer("a", read, KNOWN).state.version == "0"
    clock.now = 51.0
    assert [moments.newer("a", read, KNOWN).state.version for _ in range(2)] == ["1", "1"]


def test_nobody_is_shown_less_than_another_worker_has_shown(moments: Moments, clock: Clock) -> None:
    """A page that was told of a version read later than ours is not led back."""
    read = versions()
    moments.newer("a", read, KNOWN)
    clock.now = 50.5
    later = KNOWN | {"read": 50.2}
    assert moments.newer("a", read, later).state.version == "1"


def test_a_clock_that_was_set_back_holds_nothing_up(moments: Moments, clock: Clock) -> None:
    """What was read in a second that is still to come is read anew."""
    read = versions()
    moments.newer("a", read, KNOWN)
    clock.now = 20.0
    assert [moments.newer("a", read, KNOWN).state.version for _ in range(2)] == ["1", "2"]


@pytest.mark.parametrize("read_at", ["yesterday", None, [], {}], ids=str)
def test_what_a_page_claims_to_have_need_not_make_sense(moments: Moments, read_at: Any) -> None:
    """Then the newest is shown."""
    read = versions()
    moments.newer("a", read, KNOWN)
    assert moments.newer("a", read, {"read": read_at}).state.version == "1"


def test_a_part_is_of_the_version_that_its_page_was_told_of(moments: Moments, clock: Clock) -> None:
    """Also when others have been told of a newer one; after two seconds, or of another worker, the newest."""
    read = versions()
    moments.newer("a", read, KNOWN)
    clock.now = 51.2
    moments.newer("a", read, KNOWN)
    assert moments.told("a", read, "0").version == "0"
    assert moments.told("a", read, "1").version == "1"
    clock.now = 52.1
    assert moments.told("a", read, "0").version == "2"
    assert moments.told("a", read, "told by another worker").version == "3"


def test_another_run_is_read(moments: Moments) -> None:
    """What is kept is of the run that was asked for."""
    read = versions()
    assert [moments.newer(run, read, KNOWN).state.version for run in "abb"] == ["0", "1", "1"]


def test_few_runs_are_kept(moments: Moments) -> None:
    """Of others, nothing stays in memory."""
    read = versions()
    for number in range(3 * RUNS):
        moments.newer(str(number), read, KNOWN)
    assert len(moments._kept) == RUNS


def test_one_reads_for_all(clock: Clock) -> None:
    """Who comes while the first is reading waits a little, and is shown the same."""
    moments, reading, go_on = Moments(clock), Event(), Event()
    shown: list[str] = []

    def slow() -> TrainingState:
        reading.set()
        go_on.wait(10)
        return TrainingState(version="slow")

    def look(read: Any) -> None:
        with Flask("test").test_request_context():
            shown.append(moments.newer("a", read, KNOWN).state.version)

    first = Thread(target=look, args=(slow,))
    first.start()
    assert reading.wait(10)
    second = Thread(target=look, args=(lambda: TrainingState(version="read for itself"),))
    second.start()
    go_on.set()
    first.join()
    second.join()
    assert shown in (["slow", "slow"], ["slow", "read for itself"])  # on a machine that is very busy


def test_a_run_that_cannot_be_read_keeps_nobody_waiting(clock: Clock) -> None:
    """While one still tries, the next tries for itself; and what went wrong is raised for each."""
    moments, reading, go_on = Moments(clock), Event(), Event()

    def hangs() -> TrainingState:
        reading.set()
        go_on.wait(10)
        raise MonitorError("gone")

    def look() -> None:
        with Flask("test").test_request_context(), pytest.raises(MonitorError, match="gone"):
            moments.newer("a", hangs, KNOWN)

    first = Thread(target=look)
    first.start()
    assert reading.wait(10)
    with Flask("test").test_request_context():
        assert moments.newer("a", versions(), KNOWN).state.version == "0"
    go_on.set()
    first.join()


@pytest.fixture
def page(app: Dash, run: Run, client: Any, clock: Clock) -> Any:
    """Ask as a page's parts do: the poll, and the facts of the growth page."""
    run.metrics(*range(100))
    client.get("/growth")
    watch: Monitor = app.server.extensions[KEY]
    watch.moments._clock = clock

    def ask(output: str, told: Any, changed: str, pulse: int = 1, **headers: str) -> Any:
        listed = client.get("/_dash-dependencies").get_json()
        (callback,) = [each for each in listed if output in each["output"].strip(".").split("...")]
        names = [each.rsplit(".", 1) for each in callback["output"].strip(".").split("...")]
        outputs = [{"id": name, "property": part} for name, part in names]
        values = {"live-version": told, "live-pulse": pulse}
        body = {"output": callback["output"], "outputs": outputs if len(outputs) > 1 else outputs[0]}
        for kind in ("inputs", "state"):
            body[kind] = [each | {"value": values.get(each["id"])} for each in callback[kind]]
        body["changedPropIds"] = [changed]
        sent = {"Content-Type": "application/json"} | headers
        return client.post("/_dash-update-component", data=orjson.dumps(body), headers=sent)

    return ask


def poll(page: Any, told: Any, pulse: int = 1) -> Any:
    """What the poll tells a page to show."""
    return page("live-version.data", told, "live-pulse.data", pulse)


def facts(page: Any, told: Any, changed: str = "live-version.data", **headers: str) -> Any:
    """What the growth page's facts are answered."""
    return page("growth-facts.children", told, changed, **headers)


GROWTH = line(100, event_type="growth", region="cortex", neurons_added=7, new_total=9, reason="x")


def test_the_very_same_question_is_answered_once(page: Any, app: Dash) -> None:
    """For as long as its version is kept, to whoever may ask at all, with the same headers."""
    told = poll(page, None).get_json()["response"]["live-version"]["data"]
    before, again = facts(page, told), facts(page, told)
    assert before.status_code == again.status_code == 200
    assert again.data == before.data and len(app.server.extensions[KEY].moments._answers) == 1
    assert again.headers["Content-Security-Policy"] == before.headers["Content-Security-Policy"]
    assert facts(page, told, Host="elsewhere.example").status_code == 400


def test_an_answer_is_only_given_again_while_its_version_is_kept(page: Any, run: Run, clock: Clock) -> None:
    """Two seconds later the same question is about a newer version."""
    told = poll(page, None).get_json()["response"]["live-version"]["data"]
    before = facts(page, told)
    run.append(GROWTH)
    assert facts(page, told).data == before.data
    clock.now += 2
    assert facts(page, told).data != before.data


def test_a_question_about_a_version_that_is_not_kept_is_answered_anew(page: Any, run: Run) -> None:
    """Another worker has told of it: what is shown instead may be another one each time."""
    told = {"run": poll(page, None).get_json()["response"]["live-version"]["data"]["run"], "version": "other"}
    before = facts(page, told)
    run.append(GROWTH)
    assert facts(page, told).data != before.data


def test_what_a_reader_changes_is_not_answered_from_before(page: Any, app: Dash) -> None:
    """Only what follows a version is kept."""
    told = poll(page, None).get_json()["response"]["live-version"]["data"]
    facts(page, told, changed="view.data")
    assert not app.server.extensions[KEY].moments._answers


def test_polls_of_those_who_show_the_same_are_answered_once(
    page: Any, run: Run, app: Dash, clock: Clock
) -> None:
    """Whenever in this second they ask; one who shows it already is told of the newest."""
    first = poll(page, None).get_json()["response"]["live-version"]["data"]
    run.append(GROWTH)
    clock.now += 1
    second = poll(page, first, 2).get_json()["response"]["live-version"]["data"]
    run.append(line(101, loss=0.5))
    shared = poll(page, first, 3)
    assert shared.get_json()["response"]["live-version"]["data"] == second
    kept = len(app.server.extensions[KEY].moments._answers)
    assert poll(page, first, 4).data == shared.data
    assert len(app.server.extensions[KEY].moments._answers) == kept
    third = poll(page, second, 5).get_json()["response"]["live-version"]["data"]
    assert third["version"] not in (first["version"], second["version"])
    clock.now += 1
    assert poll(page, first, 6).get_json()["response"]["live-version"]["data"]["version"] == third["version"]


def test_few_answers_are_kept(page: Any, app: Dash) -> None:
    """Of many questions, the newest."""
    told = poll(page, None).get_json()["response"]["live-version"]["data"]
    for number in range(ANSWERS + 10):
        facts(page, told | {"read": number})
    assert len(app.server.extensions[KEY].moments._answers) == ANSWERS


def test_an_answer_whose_time_is_over_goes_with_the_next(page: Any, app: Dash, clock: Clock) -> None:
    """Nothing that nobody will ask for again stays in memory while others look."""
    told = poll(page, None).get_json()["response"]["live-version"]["data"]
    facts(page, told)
    (before,) = app.server.extensions[KEY].moments._answers
    clock.now += 2
    facts(page, poll(page, None).get_json()["response"]["live-version"]["data"])
    (now,) = app.server.extensions[KEY].moments._answers
    assert now != before


def test_a_large_answer_is_not_kept(page: Any, app: Dash, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whole figures, when a page is opened, would fill the memory."""
    monkeypatch.setattr("thalia_monitor.web.moments.LARGEST", 100)
    facts(page, poll(page, None).get_json()["response"]["live-version"]["data"])
    assert not app.server.extensions[KEY].moments._answers
