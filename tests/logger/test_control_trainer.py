from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest

from thalia_monitor import control_folder, load_training_state
from thalia_monitor.analysis.liveness import Status, liveness
from thalia_monitor.logger import CurriculumLogger, TrainingStopped
from thalia_monitor.logger import control as logger_control
from thalia_monitor.logger import trainer as trainer_link

from .test_control import events, put, request
from .test_trainer import CurriculumStage, LaterTrainer, StageConfig, Trainer

pytestmark = pytest.mark.skipif(not control_folder.OFFERED, reason="not offered on this system")


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Look at the folder at every step."""
    monkeypatch.setattr(logger_control, "INTERVAL", 0.0)
    monkeypatch.setattr(trainer_link, "INTERVAL", 0.01)


class Saving(LaterTrainer):
    """A trainer as it is from December 2025 on: it saves checkpoints, and does something at each step of a test's."""

    def __init__(self) -> None:
        super().__init__()
        self.saved: list[int] = []
        self.at: dict[int, Any] = {}

    def save_checkpoint(self, name: str | None = None) -> str:
        """Save under a name of its own."""
        self.saved.append(self.global_step)
        return name or f"manual_step_{self.global_step}"

    def report(self, step: int) -> None:
        """Let the test do something before the callbacks of a step."""
        self.at.pop(self.global_step, lambda: None)()
        super().report(step)


@pytest.fixture
def logger(tmp_path: Path) -> CurriculumLogger:
    """A logger in a new directory."""
    return CurriculumLogger(tmp_path, console_output=False)


@pytest.fixture
def trainer(logger: CurriculumLogger) -> Saving:
    """An attached trainer."""
    made = Saving()
    logger.attach(made)
    return made


def train(trainer: Trainer, steps: int = 500) -> None:
    """Train both stages."""
    for stage in CurriculumStage:
        trainer.train_stage(stage, StageConfig(steps))


def test_an_attached_trainer_offers_what_it_has(tmp_path: Path) -> None:
    """Pausing and stopping always, a checkpoint where it can save one; in the log before the first step."""
    offered = []
    for kind in (Saving, Trainer):
        logger = CurriculumLogger(tmp_path / kind.__name__, console_output=False)
        logger.attach(kind())
        offered.append({event["name"]: event.get("confirm", False) for event in events(logger, "declare")})
    without = {"pause": False, "resume": False, "stop": True, "stop_after_stage": True}
    assert offered == [without | {"checkpoint_now": False}, without]


def test_a_checkpoint_is_saved_at_the_next_step(logger: CurriculumLogger, trainer: Saving) -> None:
    """By the trainer's own method, once."""
    trainer.at[123] = lambda: put(logger, request(logger, "checkpoint_now", None))
    train(trainer)
    assert trainer.saved == [123]
    assert [event["outcome"] for event in events(logger, "control")] == ["applied"]


def test_a_stop_ends_the_stage_at_the_next_step(logger: CurriculumLogger, trainer: Saving) -> None:
    """The script gets TrainingStopped, and the run is one that was stopped, with the reason; nothing is critical."""
    trainer.at[123] = lambda: put(logger, request(logger, "stop", None))
    with pytest.raises(TrainingStopped, match="stopped on request"):
        train(trainer)
    assert trainer.global_step == 123
    state = load_training_state(logger.log_dir)
    found = liveness(state, state.events[-1].time or 0.0)
    assert (found.status, "stopped on request" in found.text) == (Status.STOPPED, True)
    assert [str(each.severity) for each in state.warnings] == ["info"]


def test_a_trainers_own_way_of_stopping_is_taken(logger: CurriculumLogger) -> None:
    """One that has a method for it is asked, and ends as it likes."""

    class Stoppable(Saving):
        asked = 0

        def request_stop(self) -> None:
            """Note it."""
            self.asked += 1

    trainer = Stoppable()
    logger.attach(trainer)
    trainer.at[5] = lambda: put(logger, request(logger, "stop", None))
    train(trainer)
    assert trainer.asked == 1
    assert trainer.global_step == 1_000


def test_a_stop_after_the_stage_lets_it_end(logger: CurriculumLogger, trainer: Saving) -> None:
    """The next stage does not begin."""
    trainer.at[123] = lambda: put(logger, request(logger, "stop_after_stage", None))
    with pytest.raises(TrainingStopped):
        train(trainer)
    assert trainer.global_step == 500
    assert [event["stage"] for event in events(logger, "stage_end")] == [-1]
    assert [event["stage"] for event in events(logger, "stage_start")] == [-1]


def test_a_pause_holds_the_trainer(logger: CurriculumLogger, trainer: Saving) -> None:
    """Within its callback, until resumed; a stop ends a pause too."""
    reached = threading.Event()
    trainer.at[100] = lambda: put(logger, request(logger, "pause", None))
    trainer.at[101] = reached.set
    thread = threading.Thread(target=train, args=(trainer,))
    thread.start()
    assert not reached.wait(0.3)
    assert trainer.global_step == 100
    put(logger, request(logger, "resume", None))
    thread.join(20)
    assert trainer.global_step == 1_000


def test_a_stop_ends_a_pause(logger: CurriculumLogger, trainer: Saving) -> None:
    """Nobody has to resume first."""
    trainer.at[100] = lambda: put(logger, request(logger, "pause", None))
    stopper = threading.Timer(0.2, lambda: put(logger, request(logger, "stop", None)))
    stopper.start()
    with pytest.raises(TrainingStopped):
        train(trainer)
    stopper.join()
    assert trainer.global_step == 100
