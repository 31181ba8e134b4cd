"""``thalia-monitor export``: whole files, the same as over HTTP, and clear words where there can be none."""

from __future__ import annotations

import json
import math
import os
import pty
import signal
import struct
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from tests.support import FIXTURES, ROOT, Run, line
from thalia_monitor import create_app, load_training_state
from thalia_monitor.cli import cli
from thalia_monitor.errors import MonitorError
from thalia_monitor.kept import RunNotes
from thalia_monitor.reading.library import run_id

KEPT = "was here before"


def export(*arguments: str | Path) -> Result:
    """Run the command in this process; one of our own errors is raised."""
    ended = CliRunner().invoke(cli, ["export", *map(str, arguments)], standalone_mode=False)
    if isinstance(ended.exception, MonitorError):
        raise ended.exception
    assert ended.exception is None, ended.exception
    return ended


def http_csv(directory: Path, query: str = "") -> bytes:
    """The same run's CSV over HTTP."""
    client = create_app(directory).server.test_client()
    [listed] = client.get("/api/v1/runs").get_json()["runs"]
    content: bytes = client.get(f"/api/v1/runs/{listed['id']}/export.csv{query}").data
    return content


@pytest.mark.parametrize(
    ("arguments", "query"),
    [
        ([], ""),
        (["--series", "loss"], "?name=loss"),
        (["--series", "loss", "--series", "neurons.cortex"], "?name=loss&name=neurons.cortex"),
        (["--from", "1000", "--to", "50000"], "?from=1000&to=50000"),
    ],
    ids=" ".join,
)
@pytest.mark.parametrize("name", ["healthy", "nan", "resumed", "out_of_order", "hostile"])
def test_the_csv_is_the_one_of_http(tmp_path: Path, name: str, arguments: list[str], query: str) -> None:
    """Byte for byte, for whatever is chosen of a run."""
    expected = http_csv(FIXTURES / name, query)
    if expected.startswith(b'{"error"'):
        with pytest.raises(MonitorError) as refused:
            export(FIXTURES / name, *arguments, "-o", tmp_path / "run.csv")
        assert str(refused.value) == json.loads(expected)["error"]
        return
    export(FIXTURES / name, *arguments, "-o", tmp_path / "run.csv")
    assert (tmp_path / "run.csv").read_bytes() == expected


def test_without_a_file_it_goes_to_standard_output() -> None:
    """Bytes alone on standard output, words on the other, so that a pipe gets the data only."""
    command = [sys.executable, "-m", "thalia_monitor", "export", str(FIXTURES / "nan")]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, check=True)
    assert ended.stdout == http_csv(FIXTURES / "nan")
    assert b" lines of " in ended.stderr


@pytest.mark.parametrize("name", ["healthy", "nan", "resumed"])
def test_json_holds_everything(tmp_path: Path, name: str) -> None:
    """Strict JSON: the lines, and segments, events and milestones as tables of their own."""
    export(FIXTURES / name, "-o", tmp_path / "run.json")
    found = json.loads((tmp_path / "run.json").read_text(), parse_constant=int)
    state = load_training_state(FIXTURES / name)
    history = state.history
    assert found["columns"] == ["step", "segment", "timestamp", *history.names()]
    assert [row[0] for row in found["rows"]] == history.step.tolist()
    loss = history.series("loss")
    assert loss is not None
    column = found["columns"].index("loss")
    logged = [row[column] for row in found["rows"] if row[column] is not None]
    assert sum(isinstance(each, str) for each in logged) == int((~np_isfinite(loss.value)).sum())
    assert [each["event_type"] for each in found["events"]] == [each.kind for each in state.events]
    assert [each["kind"] for each in found["segments"]] == [each.kind for each in history.segments]
    assert {each["name"]: each["passed"] for each in found["milestones"]}.items() >= state.milestones.items()


def np_isfinite(values: Any) -> Any:
    """Where values are finite."""
    return ~((values != values) | (abs(values) == math.inf))


def test_parquet_is_exact_to_the_bit(run: Run, tmp_path: Path) -> None:
    """Every value's very bits; null where a line did not log it, NaN where it logged NaN."""
    arrow = pytest.importorskip("pyarrow.parquet")
    odd = [0.1, -0.0, 5e-324, math.nan, math.inf, -math.inf, 1e300]
    run.append(
        *(line(step, loss=value, **({"rare": 7} if step == 3 else {})) for step, value in enumerate(odd))
    )
    run.append(line(3, event_type="growth", region="cortex", neurons_added=5, new_total=9, reason="full"))
    run.append(line(2, loss=0.5, timestamp=1765200000.125))
    run.metadata(2)
    export(run.directory, "-o", tmp_path / "out.parquet")
    table = arrow.read_table(tmp_path / "out.parquet")
    assert table.column_names == ["step", "segment", "timestamp", "loss", "rare"]
    history = load_training_state(run.directory).history
    assert table["loss"].null_count == 0
    assert table["loss"].to_numpy().tobytes() == history.metrics["loss"].values.tobytes()
    assert table["rare"].to_pylist() == [None, None, None, 7.0, None, None, None, None]
    assert table["segment"].to_pylist() == history.segment.tolist()
    assert table["timestamp"].to_pylist() == [None] * 7 + [1765200000.125]
    assert struct.pack("<d", table["loss"][1].as_py()) == struct.pack("<d", -0.0)
    [event] = arrow.read_table(tmp_path / "out.events.parquet").to_pylist()
    assert (event["event_type"], event["region"], event["neurons_added"], event["step"]) == (
        "growth",
        "cortex",
        5,
        3,
    )
    assert json.loads(event["fields"])["reason"] == "full"
    milestones = arrow.read_table(tmp_path / "out.milestones.parquet").to_pylist()
    assert {each["name"]: each["passed"] for each in milestones}["mnist_accuracy"] is True
    segments = arrow.read_table(tmp_path / "out.segments.parquet").to_pylist()
    assert [each["kind"] for each in segments] == ["start", "resume"]
    assert segments[0]["superseded_from"] == 2
    assert sorted(path.name for path in tmp_path.glob("out*")) == [
        "out.events.parquet",
        "out.milestones.parquet",
        "out.notes.parquet",
        "out.parquet",
        "out.segments.parquet",
    ]


@pytest.mark.parametrize(
    "name", ["healthy", "many_metrics", "legacy_trials", "hostile", "thalia_diagnostics"]
)
def test_parquet_takes_every_run(tmp_path: Path, name: str) -> None:
    """Whatever is logged, and under whichever names."""
    arrow = pytest.importorskip("pyarrow.parquet")
    export(FIXTURES / name, "-o", tmp_path / "out.parquet")
    table = arrow.read_table(tmp_path / "out.parquet")
    assert table["step"].to_pylist() == load_training_state(FIXTURES / name).history.step.tolist()
    events = arrow.read_table(tmp_path / "out.events.parquet")
    assert len(events) == len(load_training_state(FIXTURES / name).events)


@pytest.fixture
def lab(tmp_path: Path) -> Path:
    """A directory with two runs below it."""
    for name in ("night-1", "night-2"):
        directory = tmp_path / "lab" / name
        directory.mkdir(parents=True)
        Run(directory).metrics(*range(3 if name == "night-1" else 4))
    return tmp_path / "lab"


def test_a_run_below_a_directory_is_chosen_by_name(lab: Path, tmp_path: Path) -> None:
    """By its path below it; without one, the error lists them."""
    assert "4 lines" in export(lab, "--run", "night-2", "-o", tmp_path / "run.csv").stderr
    assert (tmp_path / "run.csv").read_bytes() == http_csv(lab / "night-2")
    with pytest.raises(MonitorError, match=r"2 runs: choose one with --run: night-[12], night-[12]\."):
        export(lab, "-o", tmp_path / "run.csv")
    with pytest.raises(MonitorError, match="no run 'night-3'"):
        export(lab, "--run", "night-3", "-o", tmp_path / "run.csv")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["{run}", "-o", "{run}/out.csv"], "the run's own directory"),
        (["{run}", "-o", "{run}"], "is no file"),
        (["{run}", "-o", "{tmp}/nowhere/out.csv"], "there is no directory"),
        (["{run}", "--series", "lose", "-o", "{tmp}/out.csv"], "no series 'lose'"),
        (["{run}", "--from", "9", "--to", "1", "-o", "{tmp}/out.csv"], "the lower one first"),
        (["{run}", "--format", "parquet"], "-o FILE"),
        (["{tmp}/nowhere", "-o", "{tmp}/out.csv"], "no directory"),
        (["{tmp}/empty", "-o", "{tmp}/out.csv"], "no file of a training run"),
    ],
    ids=lambda each: " ".join(each) if isinstance(each, list) else "",
)
def test_what_cannot_be_exported_is_one_sentence(
    run: Run, tmp_path: Path, arguments: list[str], words: str
) -> None:
    """It names what is wrong; nothing is written, neither there nor in the run's directory."""
    run.metrics(1)
    (tmp_path / "empty").mkdir()
    filled = [each.replace("{run}", str(run.directory)).replace("{tmp}", str(tmp_path)) for each in arguments]
    if "parquet" in filled:
        pytest.importorskip("pyarrow")
    with pytest.raises(MonitorError, match=words):
        export(*filled)
    assert [path.name for path in run.directory.iterdir()] == ["training_log.json"]
    assert not (tmp_path / "out.csv").exists()


def test_a_failed_export_leaves_the_file_before(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A disk that is full in the middle: the old file is there unchanged, and nothing half-written beside it."""
    run.metrics(*range(10))
    target = tmp_path / "out" / "run.csv"
    target.parent.mkdir()
    target.write_text(KEPT)

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(MonitorError, match="No space left on device"):
        export(run.directory, "-o", target)
    assert {path.name: path.read_text() for path in target.parent.iterdir()} == {"run.csv": KEPT}


def test_a_killed_export_leaves_nothing_behind(run: Run, tmp_path: Path) -> None:
    """SIGTERM in the middle of it: no part of a file, no folder for temporary files."""
    run.append(*(line(step, loss=step / 3, other=1 / (1 + step)) for step in range(300_000)))
    (tmp_path / "tmp").mkdir()
    (tmp_path / "out").mkdir()
    command = [
        sys.executable,
        "-m",
        "thalia_monitor",
        "export",
        str(run.directory),
        "-o",
        str(tmp_path / "out" / "run.csv"),
    ]
    process = subprocess.Popen(
        command, cwd=ROOT, env=os.environ | {"TMPDIR": str(tmp_path / "tmp")}, stderr=subprocess.DEVNULL
    )
    end = time.monotonic() + 30
    while not any((tmp_path / "out").iterdir()) and time.monotonic() < end and process.poll() is None:
        time.sleep(0.005)
    process.send_signal(signal.SIGTERM)
    code = process.wait(timeout=30)
    left = [path.name for path in (tmp_path / "out").iterdir()]
    assert (code, left) in ((143, []), (0, ["run.csv"]))
    assert list((tmp_path / "tmp").iterdir()) == []


def test_a_bar_is_shown_on_a_terminal_only(run: Run, tmp_path: Path) -> None:
    """A terminal sees how far it is; a log file gets one plain sentence."""
    run.metrics(*range(50))
    command = [
        sys.executable,
        "-m",
        "thalia_monitor",
        "export",
        str(run.directory),
        "-o",
        str(tmp_path / "a.csv"),
    ]
    quiet = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert quiet.stdout == ""
    assert quiet.stderr == f"50 lines of 1 series of run in {tmp_path / 'a.csv'} (0.0 MB).\n"
    main, side = pty.openpty()
    process = subprocess.Popen(command, cwd=ROOT, stderr=side, env=os.environ | {"TERM": "xterm-256color"})
    os.close(side)
    seen = b""
    try:
        while piece := os.read(main, 65536):
            seen += piece
    except OSError:  # the other side is closed
        pass
    os.close(main)
    assert process.wait(timeout=30) == 0
    assert b"Writing" in seen and b"100%" in seen


def test_parquet_names_what_is_missing(run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Without pyarrow the sentence says how to install it."""
    run.metrics(1)
    monkeypatch.setitem(sys.modules, "pyarrow.parquet", None)
    with pytest.raises(MonitorError, match=r"pip install 'thalia-monitor\[parquet\]'"):
        export(run.directory, "-o", tmp_path / "run.parquet")


def test_notes_are_a_table_of_their_own(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In each format, and the lines are what they were; a formula in a note is none in the CSV."""
    run.metrics(1, 2, 3)
    plain = tmp_path / "plain.csv"
    export(run.directory, "-o", plain)
    assert not (tmp_path / "plain.notes.csv").exists()
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "home"))
    notes = RunNotes(tmp_path / "home" / "thalia-monitor", run_id(run.directory))
    notes.add(2, 3, "=1+1", "Ann", 1e9)
    expected = {"step": 2, "end_step": 3, "text": "=1+1", "user": "Ann", "timestamp": 1e9}
    export(run.directory, "-o", tmp_path / "out.json")
    assert json.loads((tmp_path / "out.json").read_text())["notes"] == [expected]
    export(run.directory, "-o", tmp_path / "out.csv")
    assert (tmp_path / "out.csv").read_bytes() == plain.read_bytes()
    rows = (tmp_path / "out.notes.csv").read_text(encoding="utf-8").splitlines()
    assert rows == ["step,end_step,text,user,timestamp", "2,3,'=1+1,Ann,1000000000.0"]
    export(run.directory, "--from", "3", "-o", tmp_path / "late.json")
    assert json.loads((tmp_path / "late.json").read_text())["notes"] == []
    arrow = pytest.importorskip("pyarrow.parquet")
    export(run.directory, "-o", tmp_path / "out.parquet")
    assert arrow.read_table(tmp_path / "out.notes.parquet").to_pylist() == [expected]
