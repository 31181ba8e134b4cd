import json
from pathlib import Path

import pytest

from tests.reading.logger_files import logged, stage_log, started, steps, write_json, write_text
from tests.reading.writing import append, growth, line, write_log, write_metadata
from thalia_monitor.check import inspect


def a_run(directory: Path) -> Path:
    """Write a small documented run and return its log."""
    write_metadata(
        directory, "1", 2000, current_stage=1, current_week=3, total_weeks=8, metrics={"loss": 0.4}
    )
    times = (1_765_220_000.0, 1_765_223_600.0, 1_765_227_200.0)
    values = (0.5, float("nan"), 0.4)
    lines = [line(1000 * n, loss=v, timestamp=t) for n, (v, t) in enumerate(zip(values, times, strict=True))]
    return write_log(directory, *lines, growth(1500))


def test_a_clean_run_is_told_in_full(tmp_path: Path) -> None:
    """Files, lines, stages, series, steps and times are found, and the exit code is 0."""
    a_run(tmp_path)
    report = inspect(tmp_path)
    assert report.exit_code == 0
    assert [source.file for source in report.files] == ["training_log.json", "metadata_*.json"]
    assert (report.lines, report.first_step, report.last_step, report.step) == (3, 0, 2000, 2000)
    assert [(stage.number, stage.name) for stage in report.stages] == [
        (1, "Object Permanence & Working Memory")
    ]
    (loss,) = report.series
    assert (loss.name, loss.values, loss.nonfinite, loss.first_step, loss.last_step) == (
        "loss",
        3,
        1,
        0,
        2000,
    )
    assert report.events == {"growth": 1}
    assert report.first_time is not None
    assert report.last_time is not None
    assert (report.last_time - report.first_time).total_seconds() == 7200


def test_the_text_reads_like_a_page(tmp_path: Path) -> None:
    """The text for people stands in aligned sections, without trailing blanks."""
    a_run(tmp_path)
    text = inspect(tmp_path).text()
    assert text.splitlines() == [
        "No problems",
        str(tmp_path),
        "stage 1, Object Permanence & Working Memory · week 3 of 8 · step 2,000",
        "",
        "Files",
        "  training_log.json   training log          4 records   steps 0 – 2,000",
        "  metadata_*.json     checkpoint metadata   1 record    step 2,000",
        "",
        "Run",
        "  metric lines   3",
        "  steps          0 – 2,000",
        "  time           2025-12-08 18:53:20 – 2025-12-08 20:53:20 UTC (2:00:00)",
        "  stages         1 Object Permanence & Working Memory",
        "  checkpoints    1",
        "  events         1 growth",
        "",
        "Series",
        "  loss   3 values   steps 0 – 2,000   1 not finite",
    ]


def test_problems_are_told_with_file_and_line(tmp_path: Path) -> None:
    """Every problem is told with file and line, and the exit code is 1."""
    append(a_run(tmp_path), "oops\n")
    report = inspect(tmp_path)
    assert report.exit_code == 1
    assert report.text().startswith("1 problem\n")
    assert "Problems\n  training_log.json, line 5\n" in report.text()


def test_the_json_is_strict(tmp_path: Path) -> None:
    """The JSON has the same findings under their names, and never a bare NaN."""
    append(a_run(tmp_path), "oops\n")
    report = json.loads(inspect(tmp_path).json(), parse_constant=pytest.fail)
    assert report["exit_code"] == 1
    assert report["files"][0] == {
        "file": "training_log.json", "format": "training log", "records": 5,
        "first_step": 0, "last_step": 2000, "note": "",
    }  # fmt: skip
    assert report["problems"][0]["line"] == 5
    assert report["first_time"] == "2025-12-08T18:53:20+00:00"
    assert report["stage"] == {"number": 1, "name": "Object Permanence & Working Memory"}


@pytest.mark.parametrize(("name", "words"), [("missing", "no directory"), (".", "no file of a training run")])
def test_an_unusable_directory_says_what_to_do(tmp_path: Path, name: str, words: str) -> None:
    """A directory that is missing, or that holds no run, is unusable: exit code 2 and advice."""
    report = inspect(tmp_path / name)
    assert report.exit_code == 2
    assert words in " ".join(report.text().split())
    assert json.loads(report.json())["unusable"]


def test_several_formats_are_told_apart(tmp_path: Path) -> None:
    """Every file is told with its own format and steps, and the stages of all of them."""
    own = stage_log(-1, 0, 9, step_metrics=logged((1000, 5000), 1))
    write_json(tmp_path / "logs", "stage_-1_log.json", own)
    write_json(tmp_path / "logs", "stage_0_log.json", stage_log(0, 20))
    write_text(tmp_path / "logs", started(0, -1) + started(20, 0) + steps((1000,), 21), 21)
    report = inspect(tmp_path)
    assert [(source.file, source.first_step, source.last_step) for source in report.files] == [
        ("logs/curriculum_training.log", 1000, 1000),
        ("logs/stage_-1_log.json", 1000, 5000),
        ("logs/stage_0_log.json", None, None),
    ]
    assert [stage.number for stage in report.stages] == [-1, 0]
    assert (report.lines, report.resumes, report.exit_code) == (3, 0, 0)


def test_a_hostile_name_cannot_command_the_terminal(tmp_path: Path) -> None:
    """Escape sequences in names are shown as what they are not: obeyed."""
    (tmp_path / "stage_0_\x1b[31m.thalia").write_bytes(b"PK" + bytes(300))
    text = inspect(tmp_path).text()
    assert "\x1b" not in text
    assert "no Thalia checkpoint" in text
