"""A run in one line: from its newest checkpoint and the end of its log."""

from __future__ import annotations

import pytest

from tests.support import Run, line
from thalia_monitor.reading.library import Library
from thalia_monitor.reading.listing import Summary, summarize


def test_step_and_stage_come_from_the_newest_files(run: Run) -> None:
    """The newest checkpoint tells the stage, the last line the step."""
    run.metadata(100, current_stage=1)
    run.metadata(900, current_stage=2)
    run.metrics(*range(0, 2000, 100))
    found = summarize(run.directory)
    assert (found.stage, found.step) == (2, 1900)
    assert found.last_update is not None


@pytest.mark.parametrize(
    "end", ['{"step": 50, "lo', '{"event_type": "note"}\n', "\n\n", "nonsense\n", '{"step": -1}\n']
)
def test_a_torn_or_stepless_end_is_passed_over(run: Run, end: str) -> None:
    """The last line that tells a step counts."""
    run.metrics(1, 2, 3)
    run.append(end)
    assert summarize(run.directory).step == 3


def test_a_checkpoint_being_written_is_passed_over(run: Run) -> None:
    """The newest whole checkpoint tells the stage."""
    run.metadata(100, current_stage=1)
    (run.directory / "metadata_200.json").write_text('{"step": 200, "current')
    found = summarize(run.directory)
    assert (found.stage, found.step) == (1, 100)


def test_only_the_end_of_a_long_log_is_read(run: Run) -> None:
    """A line before the last 64 KB is not seen: the cost is the same at any length."""
    run.append(line(999), " " * 70_000 + "\n")
    assert summarize(run.directory).step is None


def test_an_empty_directory_has_nothing_to_tell(run: Run) -> None:
    """No files, no numbers."""
    assert summarize(run.directory) == Summary()


def test_a_run_in_other_formats_is_summed_up_by_its_reader(run: Run) -> None:
    """What has none of the documented files is read instead."""
    (run.directory / "stage_1_log.json").write_text("{}")
    library = Library([run.directory])
    [found] = library.summaries([library.entry().id], limit=20)
    assert isinstance(found, Summary)
