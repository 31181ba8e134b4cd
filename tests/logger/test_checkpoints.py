from __future__ import annotations

import json
import os
from itertools import pairwise
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from thalia_monitor.logger.files import ORPHAN_AGE
from thalia_monitor.logger.recorder import NEWEST_KEPT, MetadataFiles, metadata_name, surplus


def kept_after(count: int, interval: int) -> list[int]:
    """Save one metadata after the other, thinning each time."""
    steps: set[int] = set()
    for number in range(count):
        steps.add(number * interval)
        steps.difference_update(surplus(steps, interval))
    return sorted(steps)


def test_names_sort_as_steps_do() -> None:
    """Whoever lists the directory sees the order of training."""
    steps = [0, 9_000, 10_000, 999_999_999_999]

    assert sorted(metadata_name(step) for step in steps) == [metadata_name(step) for step in steps]


def test_old_metadata_get_rarer_with_age() -> None:
    """The newest 50 stay, then one in two intervals, one in four, and the first of all."""
    kept = kept_after(1_000, 1_000)

    assert kept[-NEWEST_KEPT:] == [number * 1_000 for number in range(950, 1_000)]
    assert kept[0] == 0
    gaps = [later - earlier for earlier, later in pairwise(kept)]
    assert gaps == sorted(gaps, reverse=True)
    assert len(kept) < 180


def test_the_number_of_files_grows_with_the_logarithm_of_the_run() -> None:
    """Twice as long a run has some 25 more files, not twice as many."""
    assert len(kept_after(4_000, 1)) - len(kept_after(2_000, 1)) <= 30


@given(st.sets(st.integers(0, 10**7), max_size=300), st.integers(1, 10_000))
def test_the_newest_and_the_first_are_never_let_go(steps: set[int], interval: int) -> None:
    """Thinning lets go of older ones only, and letting go twice changes nothing."""
    gone = surplus(steps, interval)
    left = steps - set(gone)

    newest = set(sorted(steps)[-NEWEST_KEPT:])
    assert newest <= left
    assert not steps or min(steps) in left
    assert surplus(left, interval) == []


def test_what_others_have_written_is_left_alone(tmp_path: Path) -> None:
    """Only files of the logger's own names are thinned."""
    foreign = tmp_path / "metadata_5.json"
    foreign.write_text("{}")
    files = MetadataFiles(tmp_path, 1)
    for step in range(200):
        files.save(step, {"step": step})

    assert foreign.exists()
    assert len(list(tmp_path.glob("metadata_*.json"))) < 130


def test_a_step_back_sets_later_metadata_aside(tmp_path: Path) -> None:
    """After a resume the newest metadata are those of the present; the others are kept under another name."""
    files = MetadataFiles(tmp_path, 1_000)
    for step in (1_000, 2_000, 3_000):
        files.save(step, {"step": step})

    assert files.supersede(1_500)
    assert not files.supersede(1_500)

    assert [path.name for path in sorted(tmp_path.glob("metadata_*.json"))] == [metadata_name(1_000)]
    assert len(list(tmp_path.glob("superseded_metadata_*.json"))) == 2


def test_the_newest_that_can_be_read_is_taken_up(tmp_path: Path) -> None:
    """A later process goes on from the newest good metadata, not from broken ones."""
    files = MetadataFiles(tmp_path, 1_000)
    files.save(1_000, {"step": 1_000})
    (tmp_path / metadata_name(2_000)).write_text('{"step": 2')
    (tmp_path / metadata_name(3_000)).write_text("[1]")

    assert MetadataFiles(tmp_path, 1_000).newest() == {"step": 1_000}


def test_a_killed_writers_leavings_are_removed(tmp_path: Path) -> None:
    """A temporary file of a minute ago belongs to nobody; a fresh one may be another writer's."""
    old, fresh = tmp_path / ".metadata_1.json.7.0.tmp", tmp_path / ".metadata_2.json.8.0.tmp"
    for path in (old, fresh):
        path.write_text("{")
    past = fresh.stat().st_mtime - ORPHAN_AGE - 1
    os.utime(old, (past, past))

    MetadataFiles(tmp_path, 1_000)

    assert not old.exists()
    assert fresh.exists()


def test_a_file_appears_under_its_name_only_when_it_is_whole(tmp_path: Path) -> None:
    """Nothing but whole JSON ever matches ``metadata_*.json``, and nothing temporary remains."""
    MetadataFiles(tmp_path, 1_000).save(5, {"step": 5, "text": "ä" * 10_000})

    (path,) = tmp_path.iterdir()
    assert json.loads(path.read_text(encoding="utf-8"))["step"] == 5
