from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import psutil
import pytest
from hypothesis import given
from hypothesis import strategies as st

from thalia_monitor.reading.arrays import ArrayLayout, ColumnArray, Extent, MappedArrays, release

FIRST = 4096
"""Bytes before the arrays of a file."""


def grown(values: list[int]) -> ColumnArray[np.int64]:
    """An array of these values."""
    array = ColumnArray(np.int64)
    array.append(np.array(values, np.int64))
    return array


def written(path: Path, *arrays: ColumnArray[np.int64], room: float = 1.125) -> list[Extent]:
    """Write arrays into a file; say where they are."""
    layout = ArrayLayout(room)
    extents = [layout.add(array) for array in arrays]
    with path.open("wb") as file:
        layout.write(file, FIRST)
    return extents


def mapped(path: Path) -> MappedArrays:
    """Map a file of arrays, as any process does."""
    with path.open("rb") as file:
        return MappedArrays.of(file.fileno(), FIRST)


def test_what_was_handed_out_never_changes() -> None:
    """A view of a growing array keeps its length and values, before and after the room is moved."""
    array = ColumnArray(np.int64)
    views = []
    for size in range(200):
        views.append(array.view)
        array.append(np.array([size]))
    assert all(view.tolist() == list(range(size)) for size, view in enumerate(views))


def test_a_view_is_not_a_copy_and_cannot_be_written() -> None:
    """A million rows cost nothing to hand out, and no page can spoil them for another."""
    array = ColumnArray(np.float64)
    array.append(np.zeros(1000))
    assert np.shares_memory(array.view, array.view)
    with pytest.raises(ValueError, match="read-only"):
        array.view[0] = 1


@given(
    columns=st.lists(st.lists(st.integers(-9, 9), max_size=5), min_size=1, max_size=4),
    repeated=st.sampled_from([1, 1000]),
    more=st.lists(st.integers(-9, 9), max_size=20),
)
def test_arrays_of_a_file_grow_in_each_process_for_itself(
    tmp_path_factory: pytest.TempPathFactory, columns: list[list[int]], repeated: int, more: list[int]
) -> None:
    """What one appends the other does not see, nor does the array behind it in the file."""
    path = tmp_path_factory.mktemp("arrays") / "file"
    given_values = [values * repeated for values in columns]
    extents = written(path, *map(grown, given_values))
    content = path.read_bytes()
    ours, others = mapped(path), mapped(path)
    arrays = [ours.array(np.int64, extent) for extent in extents]
    for array, number in zip(arrays, more, strict=False):
        array.append(np.array([number] * 5 * len(more)))
    for index, array in enumerate(arrays):
        added = [more[index]] * 5 * len(more) if index < len(more) else []
        assert array.view.tolist() == given_values[index] + added
        assert others.array(np.int64, extents[index]).view.tolist() == given_values[index]
    assert path.read_bytes() == content


def test_room_for_what_is_still_to_come_takes_no_space(tmp_path: Path) -> None:
    """Of a log that is read by a tenth, the columns need not be moved while the rest is read."""
    path = tmp_path / "file"
    (extent,) = written(path, grown(list(range(50_000))), room=10.0)
    array = mapped(path).array(np.int64, extent)
    array.append(np.arange(450_000))
    assert isinstance(array.view.base.base.obj, MappedArrays)  # type: ignore[union-attr]
    assert path.stat().st_blocks * 512 < 60_000 * 8 < path.stat().st_size


def test_released_memory_comes_back_with_what_was_appended(tmp_path: Path) -> None:
    """The pages of the file are read again; those with values of this process were kept."""
    path = tmp_path / "file"
    (extent,) = written(path, grown(list(range(10_000))))
    array = mapped(path).array(np.int64, extent)
    array.append(np.array([7, 8, 9]))
    release(array.view)
    assert array.view.tolist() == [*range(10_000), 7, 8, 9]
    release(grown([1, 2]).view)  # is in memory alone


@pytest.mark.skipif(sys.platform != "linux", reason="other systems may refuse it")
def test_columns_larger_than_the_memory_are_mapped(tmp_path: Path) -> None:
    """Of a huge log, whose pages come and go; most of them are never written to."""
    if Path("/proc/sys/vm/overcommit_memory").read_text().strip() == "2":
        pytest.skip("this machine promises no memory that it does not have")
    path = tmp_path / "file"
    (extent,) = written(path, grown([1, 2, 3]), room=1.0)
    beyond = 3 * psutil.virtual_memory().total
    with path.open("r+b") as file:
        file.truncate(beyond)
    array = mapped(path).array(np.int64, Extent(extent.start, 3, (beyond - FIRST) // 8))
    array.append(np.array([4]))
    assert array.view.tolist() == [1, 2, 3, 4]


@pytest.mark.parametrize("cut_to", [FIRST, FIRST + 100])
def test_a_file_that_is_too_short_is_seen_before_it_is_read(tmp_path: Path, cut_to: int) -> None:
    """Reading behind its end would kill the process."""
    path = tmp_path / "file"
    (extent,) = written(path, grown([1] * 10_000))
    whole = mapped(path)
    intact = [whole.intact]
    with path.open("r+b") as file:
        file.truncate(cut_to)
    intact.append(whole.intact)
    assert intact == [True, False]
    with pytest.raises(ValueError, match="buffer"):
        mapped(path).array(np.int64, extent)
