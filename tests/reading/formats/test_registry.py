"""The one place where the formats of a run's files are declared."""

from __future__ import annotations

import pytest

from thalia_monitor.reading.formats.registry import (
    FORMATS,
    LOGS,
    format_of,
    is_documented,
    makes_run,
    precedence,
)


@pytest.mark.parametrize(
    ("folder", "name", "expected"),
    [
        ("", "stage_-0.5_log.json", "CurriculumLogger stage log"),
        ("logs", "curriculum_training.log", "CurriculumLogger text log"),
        ("logs", "curriculum_training.log.1", "rotated log"),
        ("", "session_a.json", "CurriculumLogger session"),
        ("", "trials.csv", "Thalia trials"),
        ("", "events.log", "Thalia trial events"),
        ("", "checkpoint_trial_40.pt", "PyTorch checkpoint"),
        ("checkpoints", "stage_1_final.thalia.zst", "Thalia checkpoint"),
        ("", "training_results.json", "birth result"),
        ("results", "2026-01-01.json", "birth result"),
        ("results", "metrics.json", "Thalia sequence results"),
        ("2026-03-24T120000", "diagnostics_report.json", "Thalia diagnostics"),
        ("", "sweep_summary.json", "Thalia diagnostics"),
        ("", "traces.npz", "NumPy arrays"),
        ("", "2026-01-01.json", None),
        ("", "curriculum_training.log.old", None),
        ("", "training_log.json", None),
    ],
)
def test_a_file_has_the_format_of_its_name(folder: str, name: str, expected: str | None) -> None:
    """The whole name decides, and for the birth script's results the folder; documented files have none here."""
    found = format_of(folder, name)
    assert (found.name if found else None) == expected


def test_every_format_is_read_in_one_way() -> None:
    """Each file by itself, or a folder's files together: never both, never neither."""
    assert [each.name for each in FORMATS if (each.read is None) == (each.follow is None)] == []


def test_logs_come_before_what_is_saved() -> None:
    """Logs win over results, results over checkpoints; an unknown format comes last."""
    names = [
        "Thalia trials",
        "birth result",
        "Thalia checkpoint",
        "CurriculumLogger session",
        "no such format",
    ]
    assert sorted(set(names), key=precedence) == names
    assert sorted(LOGS, key=precedence) == [
        "CurriculumLogger stage log",
        "CurriculumLogger text log",
        "Thalia trials",
    ]


def test_names_that_other_programs_use_make_no_run() -> None:
    """Arrays and ``metrics.json`` are read where a run is, and are no reason to show a directory as one."""
    assert [name for name in ("a.npz", "metrics.json", "trials.csv", "a.thalia") if makes_run("", name)] == [
        "trials.csv",
        "a.thalia",
    ]


def test_documented_files_are_the_log_and_metadata() -> None:
    """They are read by themselves, before all other formats."""
    names = ["training_log.json", "metadata_100.json", "metadata_100.json.tmp", "stage_1_log.json"]
    assert [name for name in names if is_documented(name)] == ["training_log.json", "metadata_100.json"]
