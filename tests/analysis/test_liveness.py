"""Whether a run is alive, judged with a fake clock by the run's own rhythm."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest

from tests.analysis.build import checkpoint, history, state
from thalia_monitor.analysis.liveness import Liveness, Status, liveness
from thalia_monitor.analysis.pace import rhythm_of
from thalia_monitor.model.history import Floats, History
from thalia_monitor.model.records import Event
from thalia_monitor.model.run import TrainingState

START = datetime(2026, 1, 5, 8, tzinfo=UTC).timestamp()


def lines(*gaps: float) -> History:
    """A history whose lines are this far apart in seconds, each 100 steps on."""
    time: Floats = START + np.cumsum(np.concatenate(([0.0], np.asarray(gaps))))
    return history(range(0, 100 * len(time), 100), time=time, loss=np.zeros(len(time)))


def after(run: TrainingState, seconds: float, refresh: float = 0.0) -> Liveness:
    """Liveness this many seconds after the last line."""
    return liveness(run, float(run.history.time[-1]) + seconds, refresh)


EVERY_20_S = state(lines(*[20.0] * 300))


@pytest.mark.parametrize(
    ("seconds", "status", "text"),
    [
        (12, Status.LIVE, "Last line 12 s ago, usually every 20 s."),
        (60, Status.LIVE, "Last line 1 min ago, usually every 20 s."),
        (61, Status.QUIET, "Last line 1 min 1 s ago, usually every 20 s."),
        (200, Status.QUIET, "Last line 3 min 20 s ago, usually every 20 s."),
        (252, Status.STALE, "Last line 4 min 12 s ago, usually every 20 s."),
        (2 * 86_400, Status.STALE, "Last line 2 d ago, usually every 20 s."),
    ],
)
def test_silence_is_judged_by_the_usual_gap(seconds: float, status: Status, text: str) -> None:
    """Quiet after three usual gaps, stale after ten, and the text gives both numbers."""
    said = after(EVERY_20_S, seconds)
    assert (said.status, said.text, said.age, said.clock) == (status, text, seconds, "")


def test_a_fast_run_is_not_quiet_within_five_seconds_or_a_refresh() -> None:
    """A line every 10 ms does not make the page cry after 30 ms."""
    run = state(lines(*[0.01] * 300))
    assert after(run, 4.9).status is Status.LIVE
    assert after(run, 5.5).status is Status.QUIET
    assert after(run, 29, refresh=30).status is Status.LIVE
    assert after(run, 29).status is Status.QUIET
    assert after(run, 31).status is Status.STALE


def test_a_night_in_between_does_not_change_the_rhythm() -> None:
    """One-off pauses and restarts are not what is usual."""
    run = state(lines(*[20.0] * 100, 8 * 3600.0, *[20.0] * 150, 3600.0, *[20.0] * 20))
    assert after(run, 61).status is Status.QUIET
    assert after(run, 61).text.endswith("usually every 20 s.")


def test_a_resume_does_not_change_the_rhythm() -> None:
    """The time between the last line before a restart and the first after it is no gap."""
    steps = [*range(0, 3000, 100), *range(1000, 3000, 100)]
    time = [*(START + 20.0 * np.arange(30)), *(START + 9000 + 20.0 * np.arange(20))]
    assert after(state(history(steps, time=time)), 61).status is Status.QUIET


def test_pauses_that_recur_are_part_of_the_rhythm() -> None:
    """A brain that sleeps for a minute every hundred lines is not quiet each time."""
    run = state(lines(*([1.0] * 99 + [60.0]) * 8))
    assert after(run, 59).status is Status.LIVE
    assert after(run, 100).status is Status.QUIET
    assert after(run, 200).status is Status.STALE
    assert after(run, 59).text == "Last line 59 s ago, usually every 1 s with pauses of up to 1 min."


def test_lines_that_come_in_bursts_have_the_mean_gap() -> None:
    """A writer that logs ten lines at a time is not expected to write without end."""
    run = state(lines(*([0.0] * 9 + [100.0]) * 40))
    assert rhythm_of(run).line == pytest.approx(10, rel=0.2)
    assert after(run, 120).status is Status.LIVE


def test_a_new_run_is_live_for_a_minute_and_then_unknown() -> None:
    """Before there is a rhythm, nothing is called quiet."""
    run = state(lines(20.0, 20.0))
    assert after(run, 50).status is Status.LIVE
    assert after(run, 500).status is Status.UNKNOWN
    assert after(run, 500).text == "Last line 8 min 20 s ago."


def test_nothing_written_is_unknown() -> None:
    """An empty directory is neither alive nor dead."""
    said = liveness(state(), START)
    assert (said.status, said.text, said.age) == (Status.UNKNOWN, "Nothing has been written yet.", None)


class TestClocks:
    def test_a_trainer_whose_clock_is_ahead_is_judged_by_the_files(self) -> None:
        """Timestamps an hour in the future are noted, and ages come from the modification time."""
        run = state(EVERY_20_S.history, changed=float(EVERY_20_S.history.time[-1]) - 3600)
        said = liveness(run, float(run.history.time[-1]) - 3600 + 30)
        assert (said.status, said.age) == (Status.LIVE, 30)
        assert said.text == "Last change 30 s ago, usually every 20 s."
        assert said.clock == "The trainer's clock is 1 h ahead of this computer's."

    def test_a_silent_trainers_clock_stays_as_far_ahead_as_it_was(self) -> None:
        """How far it is ahead was to be seen when it last wrote; it does not shrink while nothing comes."""
        run = state(EVERY_20_S.history, changed=float(EVERY_20_S.history.time[-1]) - 7200)
        said = liveness(run, float(run.history.time[-1]) - 7200 + 3600)
        assert (said.status, said.age) == (Status.STALE, 3600)
        assert said.clock == "The trainer's clock is 2 h ahead of this computer's."

    def test_a_trainer_whose_clock_is_behind_is_judged_by_the_files(self) -> None:
        """A live run is not called stale because its timestamps are two hours old."""
        run = state(EVERY_20_S.history, changed=float(EVERY_20_S.history.time[-1]) + 7200)
        said = liveness(run, float(run.history.time[-1]) + 7210)
        assert (said.status, said.age) == (Status.LIVE, 10)
        assert said.clock == "The log's newest timestamp is 2 h before the files last changed."

    def test_files_whose_clock_is_behind_the_log_are_noted(self) -> None:
        """A timestamp cannot be later than the change that wrote it."""
        run = state(EVERY_20_S.history, changed=float(EVERY_20_S.history.time[-1]) - 300)
        said = after(run, 1)
        assert said.clock == "The log's newest timestamp is 5 min after the files last changed."
        assert said.age == 301

    def test_when_every_clock_is_ahead_nothing_is_claimed(self) -> None:
        """A sign of life in the future cannot be dated."""
        run = state(EVERY_20_S.history, changed=float(EVERY_20_S.history.time[-1]))
        said = after(run, -900)
        assert (said.status, said.age) == (Status.UNKNOWN, None)
        assert said.text == "Last change at a time that is 15 min in the future."
        assert "15 min ahead" in said.clock

    def test_files_alone_may_be_from_the_future(self) -> None:
        """Without timestamps it is the files' clock that is ahead."""
        said = liveness(state(None, checkpoint(5, modified=START), changed=START), START - 120)
        assert said.status is Status.UNKNOWN
        assert said.clock == "The files' clock is 2 min ahead of this computer's."

    def test_timestamps_from_the_future_without_a_file_time_claim_nothing(self) -> None:
        """There is nothing to fall back on."""
        said = after(EVERY_20_S, -900)
        assert (said.status, said.age) == (Status.UNKNOWN, None)

    def test_a_second_of_difference_is_no_difference(self) -> None:
        """Clocks are never quite equal; an age is not negative."""
        run = state(EVERY_20_S.history, changed=float(EVERY_20_S.history.time[-1]) - 1)
        said = after(run, -2)
        assert (said.status, said.age, said.clock) == (Status.LIVE, 0, "")
        assert said.text == "Last line just now, usually every 20 s."

    def test_a_checkpoint_after_the_last_line_is_no_clock_error(self) -> None:
        """Where only checkpoints go on, they are the sign of life, and the clocks are fine."""
        end = float(EVERY_20_S.history.time[-1])
        saved = [
            checkpoint(step, modified=end + (step - 30_000) / 10) for step in range(30_000, 45_001, 5000)
        ]
        said = liveness(state(EVERY_20_S.history, *saved, changed=end + 1500), end + 1512)
        assert (said.status, said.clock) == (Status.LIVE, "")
        assert said.text == "Last checkpoint 12 s ago, usually every 8 min 20 s."

    def test_a_copied_run_is_judged_by_its_timestamps(self) -> None:
        """Files that were all written today do not make a run of last week live."""
        end = float(EVERY_20_S.history.time[-1])
        copied = [checkpoint(step, modified=end + 7 * 86_400) for step in range(0, 30_000, 5000)]
        said = liveness(state(EVERY_20_S.history, *copied, changed=end + 7 * 86_400), end + 7 * 86_400 + 5)
        assert said.status is Status.STALE
        assert said.text == "Last line 7 d ago, usually every 20 s."
        assert said.clock == "The files were copied: ages are by the log's timestamps."

    def test_a_clock_that_is_wrong_all_along_is_no_copy(self) -> None:
        """Checkpoints that keep step with the log, an hour late, are of a trainer whose clock is slow."""
        end = float(EVERY_20_S.history.time[-1])
        saved = [checkpoint(step, modified=START + step / 5 + 3600) for step in range(0, 30_000, 5000)]
        said = liveness(state(EVERY_20_S.history, *saved, changed=end + 3600), end + 3610)
        assert (said.status, said.age) == (Status.LIVE, 10)
        assert said.clock == "The log's newest timestamp is 1 h before the files last changed."

    def test_a_copied_run_with_a_clock_ahead_is_judged_by_its_files(self) -> None:
        """A timestamp in the future is never trusted."""
        end = float(EVERY_20_S.history.time[-1])
        copied = [checkpoint(step, modified=end - 7200) for step in range(0, 30_000, 5000)]
        said = liveness(state(EVERY_20_S.history, *copied, changed=end - 7200), end - 7190)
        assert said.clock.startswith("The trainer's clock is")
        assert said.age == 10


class TestWithoutTimestamps:
    SAVED = tuple(checkpoint(step, modified=START + step / 10) for step in range(0, 50_000, 5000))

    def test_checkpoints_have_a_rhythm_of_their_own(self) -> None:
        """A directory of checkpoints alone is judged by how often they come."""
        run = state(None, *self.SAVED, changed=START + 4500)
        said = liveness(run, START + 4500 + 700)
        assert (said.status, said.text) == (
            Status.LIVE,
            "Last checkpoint 11 min 40 s ago, usually every 8 min 20 s.",
        )
        assert liveness(run, START + 4500 + 1600).status is Status.QUIET
        assert liveness(run, START + 4500 + 5100).status is Status.STALE

    def test_lines_get_their_rhythm_from_the_checkpoints(self) -> None:
        """A line every 100 steps at ten steps a second is a line every ten seconds."""
        run = state(history(range(0, 45_000, 100)), *self.SAVED, changed=START + 4500)
        said = liveness(run, START + 4540)
        assert (said.status, said.text) == (Status.QUIET, "Last change 40 s ago, usually every 10 s.")

    def test_files_that_were_copied_together_have_no_rhythm(self) -> None:
        """A copied directory whose files all changed at once says nothing about the training."""
        copied = [checkpoint(step, modified=START) for step in range(0, 50_000, 5000)]
        said = liveness(state(None, *copied, changed=START), START + 300)
        assert (said.status, said.text) == (Status.UNKNOWN, "Last checkpoint 5 min ago.")


class TestFinished:
    END = float(EVERY_20_S.history.time[-1])

    def ended(self, *events: Event) -> TrainingState:
        """A run with these events, whose last line is at ``END``."""
        return state(EVERY_20_S.history, events=events, changed=self.END)

    def test_a_stage_end_with_nothing_after_it_is_finished_once_quiet(self) -> None:
        """Between two stages a run is live; when nothing follows, the stage's end was the end."""
        run = self.ended(Event("stage_end", 30_000, {"stage": 0}, time=self.END))
        assert after(run, 20).status is Status.LIVE
        said = after(run, 7200)
        assert said.status is Status.FINISHED
        assert said.text == "Stage 0 Sensory Foundations has ended; last change 2 h ago."

    def test_a_stage_that_missed_milestones_has_ended(self) -> None:
        """Only listed failures are an error that stopped it; a stage without success is over like any other."""
        fields = {"stage": 0, "success": False, "failure_reasons": []}
        run = self.ended(Event("stage_end", 30_000, fields, time=self.END))
        assert after(run, 20).status is Status.LIVE
        assert after(run, 7200).status is Status.FINISHED

    def test_the_end_of_training_is_finished_at_once(self) -> None:
        """An event that says so needs no waiting."""
        run = self.ended(Event("training_end", 30_000, {}))
        assert after(run, 1).status is Status.FINISHED
        assert after(run, 1).text == "Training has ended; last change 1 s ago."

    def test_a_stage_end_before_the_last_line_is_not_the_end(self) -> None:
        """Whatever was logged later shows that it went on."""
        run = self.ended(Event("stage_end", 20_000, {"stage": 0}, time=self.END - 1000))
        assert after(run, 7200).status is Status.STALE
        assert after(self.ended(Event("stage_end", 20_000, {"stage": 0})), 7200).status is Status.STALE

    def test_a_new_stage_after_the_end_of_one_is_not_the_end(self) -> None:
        """A run that died just after it entered a stage has not finished."""
        run = self.ended(
            Event("stage_end", 30_000, {"stage": 0}, time=self.END),
            Event("stage_start", 30_000, {"stage": 1}, time=self.END),
        )
        assert after(run, 7200).status is Status.STALE

    def test_an_end_that_another_file_tells_may_stand_before_older_events(self) -> None:
        """Of several files, their times tell which event is the newest; within one, its order does."""
        grown = Event("growth", 29_000, {}, time=self.END - 20)
        end = Event("stage_end", None, {"stage": 0}, time=self.END, file="stage_0_log.json")
        assert after(self.ended(end, grown), 7200).status is Status.FINISHED
        assert after(self.ended(replace(end, time=self.END - 30), grown), 7200).status is Status.STALE
        assert after(self.ended(replace(end, file=grown.file), grown), 7200).status is Status.STALE

    def test_an_end_that_cannot_be_placed_proves_nothing(self) -> None:
        """A stage's end without step and time may be of long ago."""
        assert after(self.ended(Event("stage_end", None, {})), 7200).status is Status.STALE

    def test_a_stage_end_without_a_number_is_said_without(self) -> None:
        """What is not known is not made up."""
        run = self.ended(Event("stage_end", 30_000, {}))
        assert after(run, 7200).text == "The stage has ended; last change 2 h ago."


class TestStopped:
    END = TestFinished.END

    def said(self, *events: Event, seconds: float = 7200) -> Liveness:
        """What is said of the run with these events."""
        return after(state(EVERY_20_S.history, events=events, changed=self.END), seconds)

    @pytest.mark.parametrize(
        ("event", "status", "text"),
        [
            (
                Event("warning", 30_000, {"message": "EARLY STOP: 5 critical issues detected (threshold=5)"}),
                Status.STOPPED,
                "Training was stopped: EARLY STOP: 5 critical issues detected (threshold=5)",
            ),
            (
                Event("warning", 30_000, {"message": "Checkpoint saved for emergency stop low theta"}),
                Status.STOPPED,
                "Training was stopped: Checkpoint saved for emergency stop low theta",
            ),
            (Event("early_stop", 30_000, {"reason": "nan."}), Status.STOPPED, "Training was stopped: nan"),
            (Event("emergency_stop", 30_000, {}), Status.STOPPED, "Training was stopped: emergency stop"),
            (
                Event("intervention", 30_000, {"intervention": "emergency_stop", "reason": "WM_COLLAPSE"}),
                Status.STOPPED,
                "Training was stopped: WM_COLLAPSE",
            ),
            (
                Event("training_end", 30_000, {"status": "failed", "reason": "out of memory"}),
                Status.STOPPED,
                "Training was stopped: out of memory",
            ),
            (
                Event(
                    "stage_end", 30_000, {"stage": 0, "success": False, "failure_reasons": ["out of memory"]}
                ),
                Status.STOPPED,
                "Training was stopped: out of memory",
            ),
            (
                Event("run_end", 30_000, {"reason": "emergency_stop"}),
                Status.STOPPED,
                "Training was stopped: emergency_stop",
            ),
            (
                Event("TASK_LEARNED", 30_000, {}),
                Status.FINISHED,
                "Training has ended: the task is learned",
            ),
            (
                Event("note", 30_000, {"message": "TASK_LEARNED"}),
                Status.FINISHED,
                "Training has ended: the task is learned",
            ),
            (
                Event("training_end", 30_000, {"success": False}),
                Status.FINISHED,
                "Training has ended: not every milestone is passed",
            ),
            (Event("training_end", 30_000, {"success": True}), Status.FINISHED, "Training has ended"),
        ],
    )
    def test_an_end_is_said_with_its_reason_at_once_and_for_ever(
        self, event: Event, status: Status, text: str
    ) -> None:
        """Whichever event tells of it, with a time or without."""
        for each in (event, replace(event, time=self.END)):
            assert self.said(each, seconds=1).status is status
            assert self.said(each).text == f"{text}; last change 2 h ago."

    def test_what_was_logged_after_a_stop_shows_that_it_went_on(self) -> None:
        """A resume, a line or a checkpoint after an emergency stop: the run is judged by its silence."""
        stop = Event("warning", 20_000, {"message": "EARLY STOP: 5 critical issues"}, time=self.END - 1000)
        assert self.said(stop).status is Status.STALE
        stop = replace(stop, step=30_000, time=self.END)
        resumed = Event("stage_start", 30_000, {"stage": 0}, time=self.END)
        assert self.said(stop, resumed).status is Status.STALE
        saved = [checkpoint(step, modified=self.END - 30_000 + step) for step in range(0, 33_000, 1000)]
        run = state(EVERY_20_S.history, *saved, events=[stop], changed=self.END + 2000)
        assert liveness(run, self.END + 9000).status is not Status.STOPPED

    def test_a_warning_that_speaks_of_stopping_is_none(self) -> None:
        """Only the loop's own words end a run."""
        warning = Event("warning", 30_000, {"message": "No early stop is configured"}, time=self.END)
        assert self.said(warning).status is Status.STALE

    @pytest.mark.parametrize("seconds", [-900, 0])
    def test_an_end_holds_whatever_the_clocks_say(self, seconds: float) -> None:
        """Times from the future make an age unknown, not an end."""
        said = self.said(Event("task_learned", 30_000, {}, time=self.END), seconds=seconds)
        assert said.status is Status.FINISHED
        assert said.text.startswith("Training has ended: the task is learned")

    def test_an_end_without_any_time_is_an_end(self) -> None:
        """A log without timestamps whose file has no time either."""
        run = state(history([100, 200]), events=[Event("training_end", 200, {})])
        said = liveness(run, START)
        assert (said.status, said.text, said.age) == (Status.FINISHED, "Training has ended.", None)
