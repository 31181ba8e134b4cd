"""The list of checkpoint files: every file, what it holds, whether it counts, and what differs between two."""

from __future__ import annotations

import os
import pickle
import struct
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from fixtures.thalia_files import metadata, plain
from tests.support import FIXTURES, Run, line
from thalia_monitor import load_training_state
from thalia_monitor.model.records import Event
from thalia_monitor.model.run import TrainingState
from thalia_monitor.web.app import create_app
from thalia_monitor.web.components import checkpoint_list


def rows(state: TrainingState) -> dict[str, dict[Any, Any]]:
    """The table's rows by file."""
    return {row["file"]: row for row in checkpoint_list.table(state).to_dict("records")}


def words(parts: Any) -> str:
    """All text of some components."""
    if isinstance(parts, list | tuple):
        return " ".join(words(each) for each in parts)
    if isinstance(parts, str | int | float):
        return str(parts)
    return words(getattr(parts, "children", None) or "")


def test_every_file_is_listed_with_what_it_holds(run: Run) -> None:
    """Metadata with the regions that the log has at its step; binary ones with their own and their size on disk."""
    run.metrics(0, neuron_counts={"cortex": 100})
    run.metrics(500, neuron_counts={"cortex": 150, "vta": 20})
    run.metadata(400)
    run.metadata(600)
    content = plain(
        metadata(700, 0, regions={"cortex": {"n_neurons": 160}}), ["cortex", "pathway:x"], neurons=999
    )
    (run.directory / "stage_0_step_700.thalia").write_bytes(content)
    found = rows(load_training_state(run.directory))
    assert (found["metadata_400.json"]["neurons"], found["metadata_400.json"]["regions"]) == (100, 1)
    assert (found["metadata_600.json"]["neurons"], found["metadata_600.json"]["regions"]) == (170, 2)
    assert found["metadata_400.json"]["milestones"] == "1 of 2"
    binary = found["stage_0_step_700.thalia"]
    assert (binary["step"], binary["neurons"], binary["regions"]) == (700, 999, 1)
    assert binary["size_bytes"] == len(content)
    assert {each["status"] for each in found.values()} == {"kept"}


def test_a_count_beyond_64_bits_is_left_out(run: Run) -> None:
    """One line with 1e20 neurons keeps nobody from the list; a count below it is there to the last one."""
    run.metrics(0, neuron_counts={"cortex": 2**53 + 2})
    run.metrics(500, neuron_counts={"cortex": 1e20})
    run.metadata(400)
    run.metadata(600)
    table = checkpoint_list.table(load_training_state(run.directory)).set_index("file")["neurons"]
    assert table["metadata_400.json"] == 2**53 + 2
    assert table.isna().to_dict() == {"metadata_400.json": False, "metadata_600.json": True}


def test_what_a_resume_has_passed_by_is_superseded(run: Run) -> None:
    """Metadata of steps that training has gone back from; a binary save with a higher step than a later one."""
    run.metrics(*range(0, 1000, 100))
    run.metadata(900)
    run.metrics(300, 400)
    for place, step in enumerate((1000, 2000, 1500)):
        path = run.directory / f"manual_step_{step}.thalia"
        path.write_bytes(plain(metadata(step, 0, timestamp=f"2025-12-12T09:15:0{place}")))
    run.metadata(200)
    found = {name: row["status"] for name, row in rows(load_training_state(run.directory)).items()}
    assert found["metadata_900.json"] == "superseded"
    assert found["metadata_200.json"] == "kept"
    assert found["manual_step_2000.thalia"] == "superseded"
    assert found["manual_step_1000.thalia"] == "kept"


def test_an_old_save_below_the_present_step_is_superseded_too(run: Run) -> None:
    """By its time: it was saved before training went back to a lower step."""
    run.append(
        *(
            line(step, loss=1.0, timestamp=1_765_200_000.0 + place)
            for place, step in enumerate((0, 500, 300, 900))
        )
    )
    for step, second in ((400, 1), (200, 1), (600, 3)):
        os.utime(run.metadata(step), (1_765_200_000.0 + second,) * 2)
    found = {name: row["status"] for name, row in rows(load_training_state(run.directory)).items()}
    assert found == {
        "metadata_200.json": "kept",
        "metadata_400.json": "superseded",
        "metadata_600.json": "kept",
    }


def test_what_is_broken_or_unfinished_says_so(run: Run) -> None:
    """Each with its reason, and nothing made up."""
    run.metadata(100)
    (run.directory / "metadata_200.json").write_text("{", encoding="utf-8")
    new, old = (run.directory / f"stage_0_step_{each}.thalia" for each in (1, 2))
    for path in (new, old):
        path.write_bytes(bytes(256))
    os.utime(old, (time.time() - 3600,) * 2)
    (run.directory / "stage_0_step_3.thalia").write_bytes(b"JUNK" * 100)
    found = rows(load_training_state(run.directory))
    assert {name: row["status"] for name, row in found.items()} == {
        "metadata_100.json": "kept",
        "metadata_200.json": "unreadable",
        "stage_0_step_1.thalia": "being written",
        "stage_0_step_2.thalia": "failed",
        "stage_0_step_3.thalia": "unreadable",
    }
    assert "not whole JSON" in found["metadata_200.json"]["reason"]


def test_a_damaged_file_hides_no_other(run: Run) -> None:
    """Absurd numbers in headers, metadata, names and the log beside a good file: each is a row, the page is shown."""
    run.metrics(0, neuron_counts={"cortex": 1e400})
    good = run.metadata(100)
    delta = struct.pack("<5sI32sQQ", b"\xce\x94THL", 1, bytes(32), 5000, 2**64 - 1).ljust(256, b"\0")
    files = {
        "a_step.delta.thalia": delta,
        "b_neurons.thalia": plain(metadata(1, 0, timestamp=None), neurons=2**64 - 1, saved_at=1765220001),
        "c_synapses.thalia": plain(metadata(2, 0), neurons=7, synapses=2**63),
        "d_large.thalia": plain(metadata(3, 0, regions={"cortex": {"n_neurons": 1e30}})),
        "e_larger.thalia": plain(
            metadata(4, 0, regions={"cortex": {"n_neurons": 1e308}, "vta": {"n_neurons": 1e308}})
        ),
        "f_stage.thalia": plain(metadata(5, 1e308, total_weeks=1e308)),
        f"checkpoint_trial_{'9' * 30}.pt": b"x",
    }
    for name, content in files.items():
        (run.directory / name).write_bytes(content)
    state = load_training_state(run.directory)
    found = rows(state)
    assert set(found) == {good.name, *files}
    assert found[good.name]["status"] == "kept"
    assert found["c_synapses.thalia"]["neurons"] == 7
    for name in ("b_neurons.thalia", "d_large.thalia", "e_larger.thalia"):
        assert pd.isna(found[name]["neurons"])
    assert pd.isna(found["a_step.delta.thalia"]["step"])
    assert "18,446,744,073,709,551,615 neurons" in " ".join(map(str, state.problems))
    assert "9,223,372,036,854,775,808 synapses" in " ".join(map(str, state.problems))
    names = list(checkpoint_list.entries(state))
    assert good.name in names
    for name in names:
        assert checkpoint_list.difference(state, good.name, name)
    checkpoint_list.facts(state)
    assert create_app(run.directory).server.test_client().get("/checkpoints").status_code == 200


class Trap:
    """Writes a file when it is unpickled."""

    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self) -> Any:
        return Path.write_text, (self.marker, "opened")


def test_nothing_is_ever_unpickled(tmp_path: Path) -> None:
    """Traps in a .npz, a .pt, a delta and a .thalia beside good ones: the whole site is read, and none goes off."""
    marker = tmp_path / "marker"
    run = Run(tmp_path / "run")
    run.directory.mkdir()
    run.metrics(0, 100)
    run.metadata(100)
    trap = np.array([Trap(marker)], dtype=object)
    np.savez(run.directory / "diagnostics_traces.npz", trap=trap)
    np.savez(run.directory / "weights_step_100.npz", trap=trap)
    (run.directory / "checkpoint_trial_200.pt").write_bytes(pickle.dumps(Trap(marker)))
    delta = (
        b"\xce\x94THL"
        + (1).to_bytes(4, "little")
        + bytes(32)
        + (0).to_bytes(8, "little")
        + (50).to_bytes(8, "little")
    )
    (run.directory / "stage_0_step_50.delta.thalia").write_bytes(delta + pickle.dumps(Trap(marker)))
    (run.directory / "stage_0_step_60.thalia").write_bytes(pickle.dumps(Trap(marker)) * 20)
    state = load_training_state(run.directory)
    found = rows(state)
    checkpoint_list.facts(state)
    checkpoint_list.difference(state, "metadata_100.json", "checkpoint_trial_200.pt")
    assert found["checkpoint_trial_200.pt"]["status"] == "not opened"
    assert found["checkpoint_trial_200.pt"]["step"] == 200
    assert found["stage_0_step_50.delta.thalia"]["status"] == "not opened"
    client = create_app(run.directory).server.test_client()
    for page in ("checkpoints", "diagnostics"):
        assert client.get(f"/{page}").status_code == 200
    assert not marker.exists()
    with pytest.raises(ValueError, match="pickle"):  # it is a trap indeed
        np.load(run.directory / "diagnostics_traces.npz")["trap"]
    np.load(run.directory / "diagnostics_traces.npz", allow_pickle=True)["trap"]
    assert marker.exists()


def test_the_difference_has_regions_growth_numbers_and_milestones(run: Run) -> None:
    """From the first to the second: what is equal is left out, growth after the lower step counts."""
    run.metrics(0, neuron_counts={"cortex": 100, "vta": 20})
    growth = {"event_type": "growth", "region": "cortex", "new_total": 150}
    run.append(line(100, neurons_added=1, **growth), line(200, neurons_added=50, **growth))
    run.metrics(300, neuron_counts={"cortex": 150, "vta": 20})
    run.metadata(100, metrics={"loss": 0.5, "capacity": 0.7}, milestones={"a": False, "b": True})
    run.metadata(400, metrics={"loss": 0.25, "capacity": 0.7}, milestones={"a": True, "b": True})
    state = load_training_state(run.directory)
    said = words(checkpoint_list.difference(state, "metadata_100.json", "metadata_400.json"))
    assert said.startswith("300 steps later; ")
    assert "1 region of another size; 1 growth event; 1 number changed; 1 milestone or state changed." in said
    assert "cortex 100 150 50" in said
    assert "cortex 1 +50" in said
    assert "a not passed passed" in said
    assert "Loss 0.5 0.25 −0.25" in said
    assert "vta" not in said
    assert "Capacity" not in said


def test_two_reports_are_compared_likewise() -> None:
    """By their numbers and the states of their populations."""

    def report(file: str, rate: float, status: str) -> Event:
        fields = {"numbers": {"rate_hz": rate}, "population_status": {"cortex:l4": status}}
        return Event("diagnostics_report", None, fields, time=rate, file=file)

    state = TrainingState(events=(report("a.json", 1.0, "ok"), report("b.json", 3.0, "high")))
    assert [each["value"] for each in checkpoint_list.options(state)] == ["report b.json", "report a.json"]
    said = words(checkpoint_list.difference(state, "report a.json", "report b.json"))
    assert "cortex:l4 ok high" in said
    assert "Rate hz 1 3 2" in said


def test_a_choice_that_is_not_there_is_no_error() -> None:
    """Words say what to do; so they do without any checkpoint."""
    assert "Choose two" in words(checkpoint_list.difference(TrainingState(), "../../etc/passwd", None))
    assert checkpoint_list.MISSING in words(checkpoint_list.facts(TrainingState()))
    assert checkpoint_list.table(TrainingState()).empty


def test_500_are_listed_within_a_second(run: Run) -> None:
    """With 25 regions by the log; what is chosen from is at most 500 and at most 60 KB."""
    regions = {f"area_{number}": 1000 for number in range(25)}
    run.metrics(*range(0, 50_000, 100), neuron_counts=regions)
    for step in range(0, 50_000, 100):
        run.metadata(step)
    state = load_training_state(run.directory)
    start = time.perf_counter()
    table, options = checkpoint_list.table(state), checkpoint_list.options(state)
    assert time.perf_counter() - start < 1
    assert (len(table), len(options)) == (500, 500)
    assert set(table["neurons"]) == {25_000}
    assert sum(len(str(each)) for each in options) < 60_000


@pytest.mark.parametrize(
    ("size", "words"), [(0, "0 B"), (999, "999 B"), (1500, "1.5 kB"), (2.5e9, "2.5 GB"), (1e15, "1,000 TB")]
)
def test_sizes_have_a_unit(size: float, words: str) -> None:
    """Three digits and the unit that fits."""
    assert checkpoint_list.in_bytes(size) == words


def test_real_checkpoints_are_listed() -> None:
    """Those of a committed fixture."""
    state = load_training_state(FIXTURES / "legacy_checkpoints")
    assert len(rows(state)) >= 3
    assert all(row["size_bytes"] > 0 for row in rows(state).values())
