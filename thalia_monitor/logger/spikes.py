"""Windows of spikes: spike times of a sample of each region's neurons, one bounded JSON file a window."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from contextlib import suppress
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

from thalia_monitor import contract
from thalia_monitor.errors import NotSpikes
from thalia_monitor.logger.files import remove_orphans, write_whole
from thalia_monitor.logger.json_values import plain, text, to_bytes
from thalia_monitor.model.spike_window import spaced

if TYPE_CHECKING:
    from pathlib import Path


MAX_REGIONS: Final = 32
"""Regions that are written: the first ones; the others are counted."""
MAX_NEURONS: Final = 32
"""Neurons of a region that are written: of more, an evenly spaced sample."""
MAX_SPIKES: Final = 200
"""Spike times of a neuron that are written: of more, evenly spaced ones; the others are counted."""
MAX_WINDOWS: Final = 40
"""Files that are kept."""
MAX_NAME: Final = 60
"""Characters of a region's or neuron's name that are written."""
MAX_INPUT: Final = 100_000
"""Spike times of a neuron, or rows of an array, that are accepted; more is an error."""


class SpikeFiles:
    """Windows in a run's directory. Only files with the name of a window are removed, the oldest first."""

    def __init__(self, directory: Path) -> None:
        self._folder = directory / contract.SPIKES_FOLDER
        self._steps: dict[int, None] | None = None
        """Steps that have a file, the oldest file first; None until the first window is saved."""

    def save(self, step: int, window: Mapping[str, Any]) -> None:
        """Write the window of a step and remove surplus ones.

        Raises:
            OSError: it cannot be written.
            NotSpikes: the step is negative, or too large for a file name.
        """
        name = contract.spikes_name(step)
        if not contract.SPIKES_NAME.fullmatch(name):
            raise NotSpikes(f"a window at step {step:,} has no file name")
        if self._steps is None:
            self._steps = dict.fromkeys(self._listed())
            remove_orphans(self._folder)
        record = {contract.STEP: step, **window}
        written = json.dumps(record, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
        write_whole(self._folder / name, to_bytes(written + "\n"))
        self._steps.pop(step, None)
        self._steps[step] = None
        for old in list(self._steps)[:-MAX_WINDOWS]:
            del self._steps[old]
            with suppress(OSError):
                (self._folder / contract.spikes_name(old)).unlink()

    def _listed(self) -> list[int]:
        """Return the steps of earlier windows by modification time: a resumed training writes lower steps later."""
        files: list[tuple[int, int]] = []
        with suppress(OSError):
            files = [
                (path.stat().st_mtime_ns, int(name[1]))
                for path in self._folder.iterdir()
                if (name := contract.SPIKES_NAME.fullmatch(path.name)) and path.is_file()
            ]
        return [step for _, step in sorted(files)]


def sample_window(spikes: Any, window_ms: Any, sizes: Mapping[str, Any]) -> dict[str, Any]:
    """Return a sample of a window as it is written to a file, without its step; raises NotSpikes for invalid values.

    Args:
        spikes: for each region, spike times by neuron, or an array (time, neurons) of 0 and 1.
        window_ms: length of the window.
        sizes: number of neurons of regions of which ``spikes`` has only some; ignored if it is not an int.
    """
    length = _number(window_ms)
    if length is None or not 0 < length < math.inf:
        raise NotSpikes(f"window_ms is a number of milliseconds above 0, not {text(window_ms)[:MAX_NAME]}")
    if not isinstance(spikes, Mapping) or not spikes:
        raise NotSpikes("spikes are a mapping with the neurons of at least one region")
    regions = {}
    for name, given in islice(spikes.items(), MAX_REGIONS):
        region = _name(name)
        if region in regions:
            raise NotSpikes(f"two regions are called {region}")
        total, times = (
            _sample_mapping(given, region)
            if isinstance(given, Mapping)
            else _sample_array(given, region, length)
        )
        size = plain(sizes.get(name))
        total = max(total, size) if type(size) is int else total
        regions[region] = _sample_region(region, times, total, length)
    more = len(spikes) - len(regions)
    return {"window_ms": length, "regions": regions} | ({"regions_left_out": more} if more else {})


def _sample_region(
    region: str, times_by_neuron: Mapping[str, Iterable[Any]], total: int, length: float
) -> dict[str, Any]:
    """Return what is written of a region: of so many neurons these, of the spikes of each a bounded number."""
    left_out, spikes = 0, {}
    for neuron, given in times_by_neuron.items():
        times = sorted(_times(given, region, neuron, length))
        spikes[neuron] = [times[at] for at in spaced(len(times), MAX_SPIKES)]
        left_out += len(times) - len(spikes[neuron])
    more = {"left_out": left_out} if left_out else {}
    return {"neurons": len(spikes), "of": total, **more, "spikes": spikes}


def _sample_mapping(given: Mapping[Any, Any], region: str) -> tuple[int, dict[str, Iterable[Any]]]:
    """Return the number of neurons, and the spike times of a sample of them."""
    if not given:
        raise NotSpikes(f"{region} has no neurons")
    names = list(given)
    picked = [names[at] for at in spaced(len(names), MAX_NEURONS)]
    times = {_name(each): given[each] for each in picked}
    if len(times) < len(picked):
        raise NotSpikes(f"two neurons of {region} are called the same")
    return len(names), times


def _sample_array(given: Any, region: str, length: float) -> tuple[int, dict[str, Iterable[Any]]]:
    """Return the number of neurons and the spike times of a sample of them, in milliseconds.

    ``given`` is an array (time, neurons) of 0 and 1: of numpy, torch, or nested lists.
    """
    try:
        shape = tuple(given.shape) if hasattr(given, "shape") else (len(given), len(given[0]))
        rows, total = map(int, shape)
    except (TypeError, ValueError, IndexError, KeyError):
        raise NotSpikes(
            f"{region} is neither a mapping of neurons to spike times nor an array of shape (time, neurons)"
        ) from None
    if not (0 < rows <= MAX_INPUT and total > 0):
        raise NotSpikes(f"{region} has {rows:,} rows of {total:,} neurons")
    picked = list(spaced(total, MAX_NEURONS))
    if hasattr(given, "tolist"):
        cells = given[:, picked].tolist()
    elif any(len(row) != total for row in given):
        raise NotSpikes(f"the rows of {region} differ in length")
    else:
        cells = [[row[at] for at in picked] for row in given]
    invalid = next((cell for row in cells for cell in row if cell not in (0, 1)), None)
    if invalid is not None:
        raise NotSpikes(f"{region} holds {text(invalid)[:MAX_NAME]}: neither 1, a spike, nor 0, none")
    return total, {
        str(neuron): [at * length / rows for at, row in enumerate(cells) if row[place]]
        for place, neuron in enumerate(picked)
    }


def _times(given: Any, region: str, neuron: str, length: float) -> list[float]:
    try:
        listed = list(islice(given.tolist() if hasattr(given, "tolist") else given, MAX_INPUT + 1))
    except TypeError:
        raise NotSpikes(f"the spikes of neuron {neuron} of {region} are no list of times") from None
    if len(listed) > MAX_INPUT:
        raise NotSpikes(f"neuron {neuron} of {region} has more than {MAX_INPUT:,} spikes")
    times = [_number(each) for each in listed]
    pairs = zip(listed, times, strict=True)
    invalid = next((each for each, time in pairs if not _within(time, length)), None)
    if invalid is not None or None in times:
        shown = text(invalid)[:MAX_NAME]
        raise NotSpikes(f"neuron {neuron} of {region} fires at {shown}, not within 0 to {length:g} ms")
    return [min(round(time, 2), length) for time in times if time is not None]


def _within(time: float | None, length: float) -> bool:
    return time is not None and 0 <= time <= length


def _number(value: Any) -> float | None:
    """Return a number, also one of numpy or torch, as a float; None for anything else, and for True and False."""
    number = plain(value)
    return float(number) if isinstance(number, int | float) and not isinstance(number, bool) else None


def _name(value: Any) -> str:
    name = text(plain(value))[:MAX_NAME]
    if not name:
        raise NotSpikes("a region or neuron has an empty name")
    return name
