"""What any file may make the reader hold, and how long it may keep it: bounded, and said."""

from __future__ import annotations

import json
import threading
from pathlib import Path
from typing import Any

import pytest

from fixtures.thalia_files import metadata, plain
from tests.reading.writing import line, write_log, write_metadata
from thalia_monitor.reading import binary, run
from thalia_monitor.reading.run import RunReader, load_training_state

MANY = {f"m{number}": 1.0 for number in range(2_500)}
"""More metrics than are kept."""


def test_the_log_is_shown_while_other_files_take_long(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A checkpoint that takes long to read keeps no log from being shown, and comes when it is read."""
    write_log(tmp_path, line(1000, loss=0.5))
    (tmp_path / "stage_0_final.thalia").write_bytes(plain(metadata(2000)))
    go_on = threading.Event()
    read_binary = binary.read_binary

    def slowly(*arguments: Any) -> Any:
        assert go_on.wait(20)
        return read_binary(*arguments)

    monkeypatch.setattr(binary, "read_binary", slowly)
    monkeypatch.setattr(run, "SLOW", 0.05)
    reader = RunReader(tmp_path)
    part = reader.read(patience=0)
    assert (part.history.step.tolist(), part.read_fraction) == ([1000], run.ALMOST)
    assert part.checkpoints == ()
    go_on.set()
    monkeypatch.setattr(run, "SLOW", 20.0)
    whole = reader.read(patience=0)
    assert ([point.step for point in whole.checkpoints], whole.read_fraction) == ([2000], 1)
    assert whole.version != part.version


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("metadata_1.json", {"step": 1, "metrics": MANY}),
        ("stage_1_log.json", {"stage": 1, "step_metrics": [{"step": 1, **MANY}]}),
        ("stage_1_log.json", {"stage": 1, "step_metrics": [{"step": 1, "neuron_counts": MANY}]}),
        ("training_results.json", {"total_steps": 1, "stage": "toddler", "final_metrics": MANY}),
        ("trials.csv", "trial," + ",".join(MANY) + "\n1" + ",1" * len(MANY) + "\n"),
        ("stage_0_final.thalia", plain(metadata(1, metrics=MANY))),
        ("stage_0_final.thalia", plain(metadata(1, regions={each: {"n_neurons": 1} for each in MANY}))),
        (
            "curriculum_training.log",
            "".join(
                f"2026-01-01 00:00:00,000 - CurriculumTrainer - INFO - [Step {number}] {name}=1.000\n"
                for number, name in enumerate(MANY)
            ),
        ),
    ],
)
def test_the_log_caps_hold_for_every_format(tmp_path: Path, name: str, content: object) -> None:
    """Of more than 2,000 different metrics in any file the rest is left out, and a problem says so."""
    written = content if isinstance(content, bytes | str) else json.dumps(content)
    (tmp_path / name).write_bytes(written if isinstance(written, bytes) else written.encode())
    state = load_training_state(tmp_path)
    (problem,) = state.problems
    assert problem.reason == "names more than 2,000 different metrics; the rest of them is left out"
    assert len(state.metrics) <= 2002
    assert len(state.history.names()) <= 2002
    assert len(state.metrics) == 2000 or len(state.history.names()) in (2000, 2002)


def test_the_metrics_of_many_metadata_files_are_capped_together(tmp_path: Path) -> None:
    """Files that each name other metrics are bounded as one log that does so."""
    for step in range(3):
        write_metadata(tmp_path, str(step), step, metrics={f"m{step}_{number}": 1.0 for number in range(900)})
    state = load_training_state(tmp_path)
    assert [len(point.metrics) for point in state.checkpoints] == [900, 900, 200]
    assert [(each.file, "2,000 different metrics" in each.reason) for each in state.problems] == [
        ("metadata_*.json", True)
    ]


def test_long_lists_of_a_checkpoint_are_cut_with_a_word(tmp_path: Path) -> None:
    """Milestones and warnings beyond a thousand are left out, and a problem says how many are kept."""
    many = range(1001)
    write_metadata(
        tmp_path, "1", 1, milestones=dict.fromkeys(map(str, many), True), warnings=list(map(str, many))
    )
    state = load_training_state(tmp_path)
    assert (len(state.milestones), len(state.warnings)) == (1000, 1000)
    assert [each.reason for each in state.problems] == [
        "has more than 1,000 milestones; the rest of them is left out",
        "has more than 1,000 warnings; the rest of them is left out",
    ]
