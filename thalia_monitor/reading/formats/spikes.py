"""Windows of spikes: ``spikes/step_*.json``, listed by name, each read whole when it is shown.

One value that is none refuses its file: a raster with gaps that nobody sees would be a wrong one.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Final

from thalia_monitor import contract
from thalia_monitor.errors import RunUnreadable
from thalia_monitor.model.records import Problem, Source
from thalia_monitor.model.spike_window import RegionSpikes, SpikeFile, SpikeWindow
from thalia_monitor.reading.files import FoundFile, Signature, Torn, read_document, too_large
from thalia_monitor.reading.formats import json_values
from thalia_monitor.reading.recording import Recording
from thalia_monitor.reading.timeouts import TimedCalls

FORMAT: Final = "spike windows"
LARGEST: Final = 2 * 2**20
"""Bytes; the logger writes 1.7 MB at most."""
MOST_LISTED: Final = 200
"""Windows of a run: the newest by their steps; the logger keeps 40."""
MOST_HELD: Final = 8
"""Windows that are kept in memory: those shown last."""
MOST_REGIONS: Final = 100
MOST_NEURONS: Final = 1_000
"""Of a region."""
MOST_SPIKES: Final = 1_000
"""Of a neuron."""
LONGEST: Final = 1e9
"""Milliseconds."""


def follow(folder: Path, prefix: str, within: Path | None) -> SpikeFolder:
    """Make the reader of a folder's windows."""
    return SpikeFolder(folder, prefix, within)


class SpikeFolder:
    """The windows of one folder, of which those shown last are kept."""

    def __init__(self, folder: Path, prefix: str, within: Path | None) -> None:
        self._prefix = prefix
        self._within = within
        self._calls = TimedCalls(folder)
        self._lock = threading.Lock()
        self._held: OrderedDict[tuple[Path, Signature], SpikeWindow | Problem] = OrderedDict()

    def __call__(self, files: Sequence[FoundFile], _: float) -> Iterator[Recording]:
        """List the windows by step; what is too large to be one is a problem."""
        by_step = sorted((_step(file), file) for file in files)
        steps = [step for step, _ in by_step]
        shown, note = by_step[-MOST_LISTED:], ""
        if len(by_step) > len(shown):
            note = f"the newest {len(shown):,} of {len(by_step):,} are offered"
        name = files[0].name if len(files) == 1 else f"{self._prefix}step_*.json"
        large = [file.name for _, file in shown if file.signature[1] > LARGEST]
        yield Recording(
            Source(name, FORMAT, len(files) - len(large), steps[0], steps[-1], note),
            spikes=tuple(
                SpikeFile(file.name, step, file.signature, partial(self.read, file, step))
                for step, file in shown
                if file.signature[1] <= LARGEST
            ),
            problems=tuple(Problem(each, None, too_large(LARGEST)) for each in large),
        )

    def read(self, file: FoundFile, step: int) -> SpikeWindow | Problem:
        """Read a window, or say what is wrong with its file."""
        key = (file.path, file.signature)
        with self._lock:
            if key in self._held:
                self._held.move_to_end(key)
                return self._held[key]
        try:
            window = self._calls.result(lambda: read_window(file.path, step, self._within))
        except Torn as torn:
            return Problem(file.name, torn.line, torn.reason)
        except OSError as error:
            return Problem(file.name, None, f"cannot be opened: {error.strerror}")
        except RunUnreadable as error:
            return Problem(file.name, None, str(error))
        with self._lock:
            self._held[key] = window
            while len(self._held) > MOST_HELD:
                self._held.popitem(last=False)
        return window


def _step(file: FoundFile) -> int:
    named = contract.SPIKES_NAME.fullmatch(file.path.name)
    assert named, "the registry gives only files of this name"
    return int(named[1])


def read_window(path: Path, step: int, within: Path | None = None) -> SpikeWindow:
    """Read the window that is named for a step. Raises Torn, with what is wrong, or OSError."""
    fields = read_document(path, within, LARGEST).fields
    if json_values.count(fields.get(contract.STEP)) != step:
        raise Torn(f"is named for step {step:,}, and holds step {json_values.shown(fields.get('step'))}")
    length = json_values.finite(fields.get("window_ms"))
    if length is None or not 0 < length <= LONGEST:
        raise Torn(f"window_ms is {json_values.shown(fields.get('window_ms'))}, not a number of milliseconds")
    regions = fields.get("regions")
    if not isinstance(regions, dict) or not 0 < len(regions) <= MOST_REGIONS:
        raise Torn(f"regions are no object of 1 to {MOST_REGIONS:,} regions")
    found = tuple(_region(_name(name), given, length) for name, given in regions.items())
    return SpikeWindow(step, length, found, _count(fields, "regions_left_out", "the window"))


def _region(name: str, given: Any, length: float) -> RegionSpikes:
    table = json_values.table(given)
    spikes = table.get("spikes")
    if not isinstance(spikes, dict) or not 0 < len(spikes) <= MOST_NEURONS:
        raise Torn(f"spikes of region {name!r} are no object of 1 to {MOST_NEURONS:,} neurons")
    return RegionSpikes(
        name,
        max(_count(table, "of", name), len(spikes)),
        tuple(map(_name, spikes)),
        tuple(_times(each, name, length) for each in spikes.values()),
        _count(table, "left_out", name),
    )


def _times(given: Any, region: str, length: float) -> tuple[float, ...]:
    if not isinstance(given, list) or len(given) > MOST_SPIKES:
        raise Torn(f"a neuron of region {region!r} has no list of at most {MOST_SPIKES:,} spikes")
    times = [json_values.finite(each) for each in given]
    odd = next(
        (
            json_values.shown(each)
            for each, time in zip(given, times, strict=True)
            if time is None or not 0 <= time <= length
        ),
        None,
    )
    if odd is not None:
        raise Torn(f"a neuron of region {region!r} fires at {odd}, not within 0 to {length:g} ms")
    return tuple(sorted(time for time in times if time is not None))


def _count(table: Any, name: str, where: str) -> int:
    given = table.get(name, 0)
    found = json_values.count(given)
    if found is None:
        raise Torn(f"{name} of {where!r} is {json_values.shown(given)}, not a number of them")
    return found


def _name(name: str) -> str:
    if not 0 < len(name) <= json_values.LONGEST_NAME:
        raise Torn(f"the name of a region or neuron is empty or longer than {json_values.LONGEST_NAME}")
    return json_values.text(name)
