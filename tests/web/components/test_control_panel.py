from __future__ import annotations

import base64
import json
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.controlled import Training, tree
from tests.screen import Screen, key_of, parts, words
from tests.support import Run
from tests.web.server.test_auth import hashed
from thalia_monitor import control_folder
from thalia_monitor.errors import SettingsError
from thalia_monitor.settings import Settings
from thalia_monitor.web.app import create_app

pytestmark = pytest.mark.skipif(not control_folder.OFFERED, reason="not offered on this system")
HERE = {"Origin": "http://localhost"}
SET = "control-answer.children"


def part(what: str, name: str) -> dict[str, str]:
    """The id of a part of a row."""
    return {"type": f"control-{what}", "name": name}


class Page(Screen):
    """The control page of one viewer, whose browser says where its requests come from."""

    def __init__(self, client: Any, headers: dict[str, str] | None = None) -> None:
        self.headers = HERE if headers is None else headers
        super().__init__(client, "/control")

    def press(self, what: str, name: str, typed: str | None = None) -> int:
        """Type a value and press a button; the status of the answer, which is applied to the page."""
        if typed is not None:
            self.set(part("input", name), value=typed)
        self.set(part(what, name), n_clicks=1)
        asked = self.question(SET, f"{key_of(part(what, name))}.n_clicks")
        answer = self.client.post("/_dash-update-component", json=asked, headers=self.headers)
        if answer.status_code == 200:
            for key, properties in answer.json["response"].items():
                self._apply(json.loads(key) if key.startswith("{") else key, properties)
        return int(answer.status_code)

    def tick(self) -> None:
        """Let a tick pass: rows that are missing, then what is in them."""
        self.refresh()
        self._follow(["live-pulse.data"])

    def outcome(self, name: str) -> str:
        """What the page says became of the requests about a parameter."""
        return self.text(part("state", name))


@pytest.fixture
def training(tmp_path: Path) -> Training:
    """A live training with something to change."""
    return Training(tmp_path / "run")


@pytest.fixture
def page(training: Training) -> Page:
    """The page of a viewer at the monitor's own machine."""
    return opened(training)


def opened(training: Training, **options: Any) -> Page:
    """The page of a monitor with these settings."""
    app = create_app(training.directory, control=True, **options)
    shown = Page(app.server.test_client())
    shown.tick()
    return shown


def test_each_parameter_shows_value_range_unit_and_what_it_does(page: Page) -> None:
    """And commands have a button, those that cannot be taken back one behind a question."""
    assert page.text(part("now", "learning_rate")) == "0.001"
    assert page.text(part("now", "noise")) == "off"
    said = page.everything()
    for each in (
        "number from 1e-06 to 0.1",
        "1/step",
        "Size of an update",
        "one of cosine, constant",
        "Stop after stage … This cannot be taken back. Yes, stop after stage",
        "End the training when this stage is over.",
    ):
        assert each in said, each
    assert page.text(part("past", "learning_rate")) == "Nobody has asked yet."


def test_a_change_is_pending_then_applied_at_a_step(page: Page, training: Training) -> None:
    """At once the page says that it waits, and after the trainer's next step, when it was applied and by whom."""
    assert page.press("set", "learning_rate", "1e-4") == 200
    page.tick()
    assert re.match(r"Pending: 0\.0001 by local, (< 1|[\d.]+) s\. withdraw", page.outcome("learning_rate"))
    assert page.text(part("now", "learning_rate")) == "0.001"
    training.steps()
    page.tick()
    applied = "✓ Applied at step 200: learning_rate 0.001 → 0.0001 by local."
    assert page.outcome("learning_rate") == applied
    assert page.text(part("now", "learning_rate")) == "0.0001"
    assert applied in page.text(part("past", "learning_rate"))


def test_one_click_returns_to_the_value_before(page: Page, training: Training) -> None:
    """The button is there once there is such a value, and names it."""
    assert page.component(part("back", "learning_rate"))["hidden"]
    page.press("set", "learning_rate", "1e-4")
    training.steps()
    page.tick()
    assert not page.component(part("back", "learning_rate"))["hidden"]
    assert page.text(part("back", "learning_rate")) == "Back to 0.001"
    page.press("back", "learning_rate")
    training.steps()
    page.tick()
    assert page.text(part("now", "learning_rate")) == "0.001"
    assert page.text(part("back", "learning_rate")) == "Back to 0.0001"


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [
        ("", "learning_rate stays as it is:  is not a number."),
        ("fast", "learning_rate stays as it is: fast is not a number."),
        ("nan", "learning_rate stays as it is: nan is not a finite number."),
        ("7", "learning_rate stays as it is: 7 is above 0.1, the highest allowed."),
    ],
)
def test_a_value_that_is_no_good_is_refused_on_the_page(
    page: Page, training: Training, typed: str, sentence: str
) -> None:
    """In one sentence, and nothing is written."""
    before = tree(training.directory)
    assert page.press("set", "learning_rate", typed) == 200
    assert page.text("control-answer") == sentence
    assert tree(training.directory) == before


def test_two_users_at_once(training: Training) -> None:
    """Both see the same value: one is applied, the other hears why not, and both see whose value it is now."""
    ann, ben = opened(training), opened(training)
    ann.press("set", "learning_rate", "1e-4")
    ben.press("set", "learning_rate", "1e-2")
    ben.tick()
    assert ben.outcome("learning_rate").count("Pending") == 2
    training.steps()
    for page in (ann, ben):
        page.tick()
        assert page.text(part("now", "learning_rate")) == "0.0001"
        past = page.text(part("past", "learning_rate"))
        assert "✓ Applied at step 200: learning_rate 0.001 → 0.0001 by local." in past
        assert "it was based on 0.001, and the value is 0.0001 now." in past


def test_a_page_that_is_behind_asks_for_nothing(page: Page, training: Training) -> None:
    """Its viewer saw another value than there is: the page says so, and nothing is written."""
    other = opened(training)
    other.press("set", "learning_rate", "1e-4")
    training.steps()
    page.press("set", "learning_rate", "1e-2")
    assert page.text("control-answer") == (
        "learning_rate stays as it is: it was changed to 0.0001 meanwhile, and you saw 0.001."
    )
    assert training.requests == []


def test_a_trainer_that_does_not_answer_is_asked_after(
    page: Page, training: Training, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After ten seconds the page asks whether it is alive, and the request can be withdrawn."""
    page.press("set", "learning_rate", "1e-4")
    later = time.time() + 12
    monkeypatch.setattr(time, "time", lambda: later)
    page.tick()
    assert re.match(
        r"Not heard for 12 s: is the trainer alive\? 0\.0001 by local waits\. withdraw",
        page.outcome("learning_rate"),
    )
    page.press("withdraw", training.requests[0]["id"])
    assert page.text("control-answer") == "The request is withdrawn."
    assert training.requests == []


def test_a_request_that_was_taken_and_never_answered_is_told(
    page: Page, training: Training, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The trainer was killed between both."""
    page.press("set", "learning_rate", "1e-4")
    for path in (training.directory / "control").iterdir():
        path.unlink()
    later = time.time() + 6
    monkeypatch.setattr(time, "time", lambda: later)
    page.tick()
    assert page.outcome("learning_rate") == (
        "A request was taken and not answered: the training ended meanwhile."
    )


def test_commands_are_given_like_values(page: Page, training: Training) -> None:
    """A pause is told at the top of the page."""
    page.press("do", "pause")
    training.logger.control(wait=False)
    page.tick()
    assert page.text("control-notice") == "Training is paused, by local."
    assert page.outcome("pause") == "✓ Applied at step 190: pause by local."


def test_what_is_typed_stays_while_the_run_goes_on(page: Page, training: Training) -> None:
    """A new version of the run leaves the rows alone; a new declaration makes new ones."""
    page.set(part("input", "learning_rate"), value="0.00")
    training.steps(3)
    page.tick()
    assert page.component(part("input", "learning_rate"))["value"] == "0.00"
    training.logger.declare("momentum", 0.9)
    page.tick()
    assert page.text(part("now", "momentum")) == "0.9"


def test_the_page_is_in_the_navigation_only_when_it_is_on(training: Training) -> None:
    """When it is off, its address says how to turn it on."""
    client = create_app(training.directory).server.test_client()
    off = Screen(client, "/control")
    off.refresh()
    assert "Control" not in navigation(off)
    assert "Start the monitor with --control" in off.everything()
    assert "Control" in navigation(opened(training))


def navigation(screen: Screen) -> str:
    """The names of the sections."""
    [found] = [each for each in parts(screen.layout) if each["props"].get("className") == "navigation"]
    return words(found)


def test_a_training_that_declares_nothing_says_how(run: Run) -> None:
    """An empty page would be a riddle."""
    run.metrics(1, 2, 3)
    page = Page(create_app(run.directory, control=True).server.test_client())
    page.tick()
    assert "This training has declared nothing that may be changed" in page.everything()


# ---- who may, and from where


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Origin": "http://evil.example"},
        {"Origin": "http://localhost.evil.example"},
        {"Origin": "http://localhost:8051"},
        {"Origin": "null"},
        {"Origin": "http://localhost", "Sec-Fetch-Site": "cross-site"},
        {"Origin": "http://localhost", "Sec-Fetch-Site": "same-site"},
        {"Origin": "http://localhost", "X-Forwarded-For": "10.0.0.7"},
        {"Origin": "http://localhost", "Forwarded": "for=10.0.0.7"},
    ],
)
def test_a_request_from_elsewhere_changes_nothing(training: Training, headers: dict[str, str]) -> None:
    """Another site, a tool without an origin, and somebody behind a proxy that nobody has said is there."""
    page = opened(training)
    before = tree(training.directory)
    page.headers = headers
    for what, name in (("set", "learning_rate"), ("back", "learning_rate"), ("do", "pause")):
        assert page.press(what, name, "1e-4" if what == "set" else None) == 403
    assert tree(training.directory) == before


def test_without_the_flag_no_request_is_taken(training: Training) -> None:
    """A page that was open when the monitor was started again without it, or one that was made up."""
    page = opened(training)
    app = create_app(training.directory)
    page.client = app.server.test_client()
    before = tree(training.directory)
    assert page.press("set", "learning_rate", "1e-4") == 403
    assert tree(training.directory) == before


def test_with_a_password_file_the_users_name_is_in_the_log(training: Training, tmp_path: Path) -> None:
    """Without a password nobody changes anything, wherever they are; with one, the answer says who it was."""
    passwords = tmp_path / "htpasswd"
    passwords.write_text(f"ann:{hashed('owl')}\n")
    app = create_app(training.directory, control=True, auth_file=passwords, host="0.0.0.0")
    client = app.server.test_client()
    login = "Basic " + base64.b64encode(b"ann:owl").decode()
    client.environ_base.update(HTTP_AUTHORIZATION=login, REMOTE_ADDR="203.0.113.7")
    page = Page(client)
    page.tick()
    assert page.press("set", "learning_rate", "1e-4") == 200
    del client.environ_base["HTTP_AUTHORIZATION"]
    assert page.press("set", "learning_rate", "1e-3") == 401
    training.steps()
    assert [event["user"] for event in training.events("control")] == ["ann"]


def test_somebody_who_is_not_at_this_machine_needs_a_password(training: Training) -> None:
    """Whatever address gunicorn was told to listen on."""
    page = opened(training)
    page.client.environ_base["REMOTE_ADDR"] = "203.0.113.7"
    assert page.press("set", "learning_rate", "1e-4") == 403
    assert training.requests == []


@pytest.mark.parametrize("options", [{"host": "0.0.0.0"}, {"behind_proxy": True}, {"host": "192.0.2.1"}])
def test_the_flag_needs_a_password_file_where_others_reach_the_server(options: dict[str, Any]) -> None:
    """The error names both ways out."""
    with pytest.raises(SettingsError, match="--auth-file"):
        Settings(control=True, **options)
    assert Settings(control=True, auth_file=Path("htpasswd"), **options).control


NONSENSE: tuple[Any, ...] = (
    None,
    5,
    "x",
    [],
    {},
    [5],
    {"run": 5},
    {"run": "x", "values": {}},
    [{"id": 5}],
    [[]],
)


def nonsense(page: Page) -> Iterator[dict[str, Any]]:
    """The page's requests with something else in each place."""
    for output, changed in (
        (SET, f"{key_of(part('set', 'learning_rate'))}.n_clicks"),
        ("control-seen.data", "live-pulse.data"),
    ):
        asked = page.question(output, changed)
        for each in [*asked["inputs"], *asked["state"]]:
            for one in each if isinstance(each, list) else [each]:
                said = one.get("value")
                for value in NONSENSE:
                    one["value"] = value
                    yield asked
                one["value"] = said


def test_what_no_page_of_ours_sends_is_no_failure(page: Page, training: Training) -> None:
    """It is refused or ignored, and nothing that was not declared is written."""
    page.set(part("set", "learning_rate"), n_clicks=1)
    page.set(part("input", "learning_rate"), value="oops")
    statuses = set()
    for asked in nonsense(page):
        answer = page.client.post("/_dash-update-component", json=asked, headers=HERE)
        statuses.add(answer.status_code)
    assert statuses <= {200, 204, 400, 404}
    assert training.requests == []
