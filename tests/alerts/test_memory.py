"""What alerts remember on disk."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from thalia_monitor.alerts.memory import ActiveAlert, Message, Outbox, RunState, StateFile
from thalia_monitor.model.records import Severity


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "3", '"x"', "\xff", "[" * 100_000, '{"stage": ' + "9" * 5_000]
)
def test_a_file_that_makes_no_sense_is_an_empty_one(tmp_path: Path, text: str) -> None:
    """Half a file, or one of another program, is no reason to stop."""
    file = StateFile(tmp_path / "state.json", RunState)
    assert file.read() == RunState()
    file.path.write_text(text, encoding="latin-1")
    assert file.read() == RunState()


def test_what_makes_sense_in_a_file_counts(tmp_path: Path) -> None:
    """Absurd counts, times and shapes are left out one by one; everything else is as it was written."""
    path = tmp_path / "state.json"
    good = {"since": 5.0, "severity": "warning", "text": "high", "told": True}
    path.write_text(
        json.dumps(
            {
                "seen": True,
                "stage": "two",
                "passed": ["reach", 7],
                "ongoing": {"good": good, "when": good | {"since": 1e300}, "bad": good | {"severity": "odd"}},
                "told_at": {"good": 5.0, "never": -1e9, "text": "noon"},
                "messages": [
                    {"time": 5.0, "severity": "info", "text": "m", "waiting": ["desk"]},
                    {"time": 1},
                ],
                "traffic": {"desk": {"sent": [], "failures": 1024, "next_try": 1e300}},
            }
        )
    )
    assert StateFile(path, RunState).read() == RunState(
        seen=True,
        passed=frozenset({"reach"}),
        active={"good": ActiveAlert(5.0, Severity.WARNING, "high", notified=True)},
        notified_at={"good": 5.0},
        messages=(Message(5.0, Severity.INFO, "m", channels=("desk",)),),
    )
    path.write_text(json.dumps({"sent": [5.0, 1e300], "failures": 10**30, "next_try": -1, "dropped": "x"}))
    assert StateFile(path, Outbox).read() == Outbox(sent=(5.0,))


def test_a_value_is_read_as_it_was_written(tmp_path: Path) -> None:
    """Everything that is remembered comes back."""
    file = StateFile(tmp_path / "state.json", RunState)
    state = RunState(
        seen=True,
        stage=-1,
        passed=frozenset({"reach"}),
        messages=(Message(1.5, Severity.WARNING, "m", channels=("desk",)),),
    )
    file.write(state)
    assert file.read() == state
