"""What browsers that show the same are sent next is computed once, however many they are."""

from __future__ import annotations

import time
from collections.abc import Iterator
from threading import Event, Thread
from typing import Any

import orjson
import pytest
from dash import Dash

from tests.screen import Screen
from tests.support import Run, line
from thalia_monitor.web.context import KEY, Monitor
from thalia_monitor.web.live import panels as panes
from thalia_monitor.web.live.shared_answers import MAX_ANSWERS

VERSION = "live-version"
GROWTH = line(100, event_type="growth", region="cortex", neurons_added=7, new_total=9, reason="x")


class Clock:
    """The seconds of a test."""

    now = 50.0

    def __call__(self) -> float:
        """The time."""
        return self.now


class Asker:
    """Somebody who asks one worker what a tick of the growth page asks."""

    def __init__(self, app: Dash, clock: Clock) -> None:
        self.watch: Monitor = app.server.extensions[KEY]
        self.watch.run_states._clock = self.watch.answers._clock = clock
        self.client = app.server.test_client()
        self._screen = Screen(self.client, "/growth")

    @property
    def shown(self) -> dict[str, Any]:
        """What a page has on its screen that was just opened here."""
        told: dict[str, Any] = self._screen.component(VERSION)["data"]
        return told

    @property
    def kept(self) -> int:
        """How many answers this worker keeps."""
        return len(self.watch.answers)

    def tick(
        self,
        shown: Any,
        pulse: int = 1,
        changed: str = "live-pulse.data",
        address: str = "/_dash-update-component",
        **headers: str,
    ) -> Any:
        """What a page is answered that shows this."""
        self._screen.set(VERSION, data=shown)
        self._screen.set("live-pulse", data=pulse)
        question = self._screen.question("frame-header.children", changed)
        sent = {"Content-Type": "application/json"} | headers
        return self.client.post(address, data=orjson.dumps(question), headers=sent)

    def rows(self, shown: Any) -> Any:
        """What the table of that page is answered when it follows a version."""
        self._screen.set(VERSION, data=shown)
        question = self._screen.question("growth-log-rows.children", f"{VERSION}.data")
        return self.client.post(
            "/_dash-update-component", data=orjson.dumps(question), content_type="application/json"
        )


@pytest.fixture
def clock() -> Clock:
    """A clock that stands still."""
    return Clock()


@pytest.fixture
def worker(app: Dash, run: Run, clock: Clock) -> Asker:
    """The only worker of a server, a second after a page was opened and a line was logged."""
    return looked(run, app, clock)


def looked(run: Run, app: Dash, clock: Clock) -> Asker:
    """A worker on a run of a hundred lines."""
    run.metrics(*range(100))
    asker = Asker(app, clock)
    clock.now += 1
    run.append(GROWTH)
    return asker


def told(answer: Any) -> Any:
    """The version that an answer tells of."""
    return answer.get_json()["response"][VERSION]["data"]


def test_a_tick_of_all_who_show_the_same_is_answered_once(worker: Asker, run: Run) -> None:
    """Whenever in this second they ask; with the headers that every answer has."""
    shown = worker.shown
    first = worker.tick(shown, 1)
    run.append(line(101, loss=0.5))
    again = worker.tick(shown, 2)
    assert first.status_code == again.status_code == 200
    assert again.data == first.data and worker.kept == 1
    assert again.headers["Content-Security-Policy"] == first.headers["Content-Security-Policy"]
    assert worker.tick(shown, 3, Host="elsewhere.example").status_code == 400


def test_who_shows_it_already_is_shown_the_newest(worker: Asker, run: Run, clock: Clock) -> None:
    """In the same second, too; in the next, everybody is."""
    shown = worker.shown
    second = told(worker.tick(shown))
    run.append(line(101, loss=0.5))
    third = told(worker.tick(second))
    assert third["version"] not in (shown["version"], second["version"])
    clock.now += 1
    assert told(worker.tick(shown))["version"] == third["version"]


def test_that_there_is_nothing_new_is_never_answered_from_before(worker: Asker, run: Run) -> None:
    """There may be something at any moment."""
    shown = told(worker.tick(worker.shown))
    kept = worker.kept
    assert VERSION not in worker.tick(shown).get_json()["response"]
    assert worker.kept == kept
    run.append(line(101, loss=0.5))
    assert told(worker.tick(shown))["version"] != shown["version"]


def test_a_part_that_follows_a_version_is_answered_once(worker: Asker, run: Run, clock: Clock) -> None:
    """For as long as that version is kept: two seconds later the same question is about a newer one."""
    shown = told(worker.tick(worker.shown))
    before = worker.rows(shown)
    run.append(GROWTH)
    assert worker.rows(shown).data == before.data
    clock.now += 2
    assert worker.rows(shown).data != before.data


def test_what_a_reader_changes_is_not_answered_from_before(worker: Asker) -> None:
    """Only what a tick asks is kept."""
    worker.tick(worker.shown, changed="view.data")
    assert worker.kept == 0


def test_few_answers_are_kept(worker: Asker) -> None:
    """Of many questions, the newest."""
    shown = worker.shown
    for number in range(MAX_ANSWERS + 10):
        worker.tick(shown | {"version": f"another {number}"})
    assert worker.kept == MAX_ANSWERS


def test_an_answer_whose_time_is_over_goes_with_the_next(worker: Asker, clock: Clock) -> None:
    """Nothing that nobody will ask for again stays in memory while others look."""
    shown = worker.shown
    worker.tick(shown)
    clock.now += 2
    worker.tick(shown | {"version": "another"})
    assert worker.kept == 1


def test_when_a_version_was_read_makes_no_difference(worker: Asker, slow: Slow) -> None:
    """Viewers got the same version from workers that read it at different times; they are sent the same."""
    fill(worker, slow)
    slow.go_on.set()
    shown = worker.shown
    assert worker.tick(shown).data == worker.tick(shown | {"read": 1.0}).data
    assert slow.times == 1


def test_charts_below_the_screen_are_no_reason_to_answer_twice(worker: Asker) -> None:
    """They are undrawn for as long as nobody scrolls there; what opens a chart on the screen is not kept."""
    screen, shown = worker._screen, worker.shown
    screen.set({"type": "drawn", "kind": "shares", "name": "shares"}, data=None)
    screen.set("charts-near", data=[["growth-timeline", ""]])
    worker.tick(shown)
    assert worker.kept == 1
    screen.set("charts-near", data=[["growth-timeline", ""], ["shares", "shares"]])
    worker.tick(shown)
    assert worker.kept == 1


def test_a_page_that_is_opened_is_answered_for_itself(worker: Asker) -> None:
    """Whole figures would fill the memory, and few open the same page in the same second."""
    assert told(worker.tick(None)) and worker.kept == 0


class Slow:
    """A pane that takes its time, so that others ask meanwhile."""

    def __init__(self) -> None:
        self.begun, self.go_on = Event(), Event()
        self.times = 0

    def __call__(self, _: Any) -> str:
        """Fill it."""
        self.times += 1
        self.begun.set()
        self.go_on.wait(10)
        return "filled slowly"


@pytest.fixture
def slow(monkeypatch: pytest.MonkeyPatch) -> Iterator[Slow]:
    """What fills the pane of the growth page now."""
    filled = Slow()
    yield filled
    filled.go_on.set()


def fill(asker: Asker, slow: Slow) -> None:
    """Let a worker fill that pane slowly."""
    asker.client.application.extensions[panes.PANELS]["growth-facts"] = slow


def ask(asker: Asker, shown: Any, said: list[bytes]) -> Thread:
    """Ask in a thread of its own."""
    asking = Thread(target=lambda: said.append(asker.tick(shown).data))
    asking.start()
    return asking


def test_who_asks_while_the_same_is_being_answered_waits_for_that(worker: Asker, slow: Slow) -> None:
    """It is drawn once."""
    fill(worker, slow)
    said: list[bytes] = []
    first = ask(worker, worker.shown, said)
    assert slow.begun.wait(10)
    second = ask(worker, worker.shown, said)
    time.sleep(0.05)
    slow.go_on.set()
    first.join()
    second.join()
    assert said[0] == said[1] and b"filled slowly" in said[0]
    assert slow.times == 1


def test_nobody_waits_for_an_answer_that_failed(worker: Asker) -> None:
    """What fails is over, and the next who asks the same tries it."""

    def fail(_: Any) -> None:
        raise RuntimeError

    panels = worker.client.application.extensions[panes.PANELS]
    panels["growth-facts"] = fail
    shown = worker.shown
    assert worker.tick(shown).status_code == 500
    assert worker.kept == 0
    panels["growth-facts"] = lambda _: "filled at once"
    assert b"filled at once" in worker.tick(shown).data


def test_only_a_callback_is_answered_from_before(worker: Asker) -> None:
    """The same words sent to another address are no question."""
    shown = worker.shown
    worker.tick(shown)
    assert worker.tick(shown, address="/metrics").status_code == 405


def test_who_waits_for_an_answer_that_fails_tries_it(worker: Asker, slow: Slow) -> None:
    """A failure is nobody else's answer."""
    panels = worker.client.application.extensions[panes.PANELS]

    def fail(state: Any) -> str:
        slow(state)
        raise RuntimeError

    panels["growth-facts"] = fail
    said: list[bytes] = []
    first = ask(worker, worker.shown, said)
    assert slow.begun.wait(10)
    second = ask(worker, worker.shown, said)
    time.sleep(0.05)
    panels["growth-facts"] = lambda _: "filled at once"
    slow.go_on.set()
    first.join()
    second.join()
    assert [b"filled at once" in each for each in said].count(True) == 1
