"""One rule for a run's last update: the whole log, and a list entry that read few bytes of it, give the same."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime
from pathlib import Path

import pytest

from thalia_monitor import load_training_state
from thalia_monitor.analysis.clocks import listed_update
from thalia_monitor.analysis.liveness import liveness
from thalia_monitor.reading.listing import summarize

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC).timestamp()
DAY = 86_400.0


def write(directory: Path, first: float, *, copied: float | None = None, saved: float = 0.0) -> None:
    """Write 2,000 lines, one each 20 s from ``first`` on, and checkpoints ``saved`` seconds after their lines."""
    lines = [json.dumps({"step": 10 * i, "loss": 0.5, "timestamp": first + 20 * i}) for i in range(2000)]
    (directory / "training_log.json").write_text("\n".join(lines) + "\n")
    os.utime(directory / "training_log.json", (first + 39_980 + saved,) * 2)
    for step in range(500, 20_000, 500):
        path = directory / f"metadata_{step}.json"
        path.write_text(json.dumps({"step": step, "stage": 0, "week": 1, "total_weeks": 4, "metrics": {}}))
        os.utime(path, (first + 2 * step + saved,) * 2)
    if copied is not None:
        for path in directory.iterdir():
            os.utime(path, (copied,) * 2)


@pytest.mark.parametrize(
    ("first", "copied", "saved", "updated"),
    [
        (NOW - 39_985, None, 0.0, NOW - 5),
        (NOW - 300 * DAY, None, 0.0, NOW - 300 * DAY + 39_980),
        (NOW - 300 * DAY, NOW - 600, 0.0, NOW - 300 * DAY + 39_980),
        (NOW - 300 * DAY, None, 5 * 3600.0, NOW - 300 * DAY + 39_980 + 5 * 3600),
        (NOW + 5 * 3600 - 39_985, None, -5 * 3600.0, NOW - 5),
    ],
    ids=["live", "ended", "copied", "the trainer's clock is behind", "the trainer's clock is ahead"],
)
def test_the_whole_run_and_its_list_entry_give_the_same_last_update(
    tmp_path: Path, first: float, copied: float | None, saved: float, updated: float
) -> None:
    """The log's time where the clocks agree or the files were copied, else the files' time."""
    write(tmp_path, first, copied=copied, saved=saved)
    whole = liveness(load_training_state(tmp_path), NOW)
    assert whole.time == pytest.approx(updated, abs=0.01)
    assert listed_update(summarize(tmp_path), NOW) == pytest.approx(updated, abs=0.01)


def test_a_run_without_files_has_no_last_update(tmp_path: Path) -> None:
    """Nothing was ever written: there is no time, rather than 1970."""
    assert liveness(load_training_state(tmp_path), NOW).time is None
    assert listed_update(summarize(tmp_path), NOW) is None


def test_without_a_log_the_newest_checkpoint_counts(tmp_path: Path) -> None:
    """There is no other clock than that of the files."""
    write(tmp_path, NOW - DAY)
    (tmp_path / "training_log.json").unlink()
    assert liveness(load_training_state(tmp_path), NOW).time == pytest.approx(NOW - DAY + 39_000)
    assert listed_update(summarize(tmp_path), NOW) == pytest.approx(NOW - DAY + 39_000)
