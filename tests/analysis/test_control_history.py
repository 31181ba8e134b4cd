from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tests.analysis.build import state
from thalia_monitor.analysis.control_history import Controls, controls
from thalia_monitor.analysis.liveness import Status, liveness
from thalia_monitor.analysis.timeline import MarkerKind
from thalia_monitor.figures.marks import markers
from thalia_monitor.model.memo import AppendOnly
from thalia_monitor.model.records import Event

from .test_liveness import lines

FIELDS = ("id", "name", "user", "outcome", "reason", "old", "new", "session")


def declare(name: str, value: Any, session: str = "one", **fields: Any) -> Event:
    """A declaration, as the logger writes it."""
    kind = {float: "float", bool: "bool", type(None): "command"}[type(value)]
    return Event("declare", 0, {"name": name, "kind": kind, "value": value, "session": session} | fields)


def applied(name: str, old: Any = None, new: Any = None, session: str = "one", **fields: Any) -> Event:
    """An answer, as the logger writes it."""
    values = {} if new is None else {"old": old, "new": new}
    given = {"id": f"{name}-{new}", "name": name, "user": "anna", "outcome": "applied", "session": session}
    step, time = fields.pop("step", 10), fields.pop("time", 100.0)
    return Event("control", step, given | values | fields, time=time)


EVENTS = (
    declare("rate", 1.0, low=0.0, high=10.0),
    declare("pause", None),
    declare("resume", None),
    applied("rate", 1.0, 2.0),
    applied("pause"),
    applied("rate", 2.0, 3.0),
    applied("rate", 3.0, 99.0, outcome="refused", reason="too much"),
    declare("noise", False),
    applied("noise", False, True),
    applied("resume"),
    declare("rate", 0.5, "two", low=0.0),
    applied("rate", 3.0, 4.0),
    applied("rate", 0.5, 0.25, "two"),
)
"""Two processes; the first one's answer comes late."""


def values(known: Controls) -> dict[str, Any]:
    """Every parameter with its present value."""
    return {name: each.value for name, each in known.offered.items()}


@pytest.mark.parametrize(
    ("count", "expected", "paused"),
    [
        (3, {"rate": 1.0, "pause": None, "resume": None}, False),
        (5, {"rate": 2.0, "pause": None, "resume": None}, True),
        (7, {"rate": 3.0, "pause": None, "resume": None}, True),
        (10, {"rate": 3.0, "pause": None, "resume": None, "noise": True}, False),
        (11, {"rate": 0.5}, False),
        (13, {"rate": 0.25}, False),
    ],
)
def test_the_log_tells_what_is_offered_now(count: int, expected: dict[str, Any], paused: bool) -> None:
    """The newest process's declarations with what was applied since; no refusal and no other process changes them."""
    known = controls(state(events=EVENTS[:count]))
    assert values(known) == expected
    assert (known.pause is not None) is paused


@pytest.mark.parametrize("cut", range(len(EVENTS) + 1))
def test_read_in_two_parts_it_is_the_same(cut: int) -> None:
    """Wherever a tick falls, the next one continues what was known to the very same."""
    events = AppendOnly(EVENTS[:cut])
    controls(replace(state(), events=events))
    after = replace(state(), events=events.next_version(EVENTS))
    assert controls(after) == controls(state(events=EVENTS))


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"name": 5, "kind": "float", "value": 1.0, "session": "x"},
        {"name": "rate", "kind": "float", "value": "1", "session": "x"},
        {"name": "rate", "kind": "float", "value": float("nan"), "session": "x"},
        {"name": "rate", "kind": [], "value": 1.0, "session": "x"},
        {"name": "rate", "kind": "float", "value": 1.0, "session": 5},
        {"name": "rate", "kind": "float", "value": 1.0, "low": "a", "session": "x"},
        {"name": "rate", "kind": "choice", "value": 1.0, "choices": 7, "session": "x"},
        {"name": "rate", "kind": "choice", "value": 1.0, "choices": [[1]], "session": "x"},
        {"name": "<b>\x1b[2J", "kind": "float", "value": 1.0, "session": "x"},
    ],
)
def test_a_declaration_that_no_logger_writes_offers_nothing(fields: dict[str, Any]) -> None:
    """The log is somebody else's."""
    assert controls(state(events=(Event("declare", 0, fields),))).offered == {}


@pytest.mark.parametrize("junk", [None, 5, [], {"a": 1}, "x" * 100_000])
def test_an_answer_of_junk_is_listed_and_changes_nothing(junk: Any) -> None:
    """Whatever stands in its fields, its words are a short text."""
    events = (
        declare("rate", 1.0),
        applied("rate", junk, junk),
        Event("control", None, dict.fromkeys(FIELDS, junk)),
    )
    known = controls(state(events=events))
    assert values(known) == {"rate": 5.0 if junk == 5 else 1.0}
    assert [len(each.words) < 1_000 for each in known.changes] == [True, True]


def test_each_change_is_a_marker_and_a_refusal_is_none() -> None:
    """A marker says what, from what to what, and who."""
    found = markers(state(lines(*[20.0] * 5), events=EVENTS[:7]), [MarkerKind.CONTROL])
    assert [each.label for each in found] == [
        "3 changes by hand; pause by anna, rate 1 → 2 by anna, rate 2 → 3 by anna"
    ]


def test_a_paused_run_is_quiet_and_says_who_paused_it() -> None:
    """For as long as it lasts, and never stale: nothing is wrong with it."""
    history = lines(*[20.0] * 300)
    end = float(history.time[-1])
    paused = (declare("pause", None), declare("resume", None), applied("pause", step=30_000, time=end + 1))
    found = liveness(state(history, events=paused), end + 7_201)
    assert (found.status, found.text) == (Status.QUIET, "Paused by anna at step 30,000, 2 h ago.")
    resumed = (*paused, applied("resume", step=30_000, time=end + 10))
    assert liveness(state(history, events=resumed), end + 7_200).status is Status.STALE
    gone_on = (*paused[:2], applied("pause", step=29_000, time=end - 100))
    assert liveness(state(history, events=gone_on), end + 7_200).status is Status.STALE
