"""What a training observes of itself: probes, load, health, interventions, its end, and windows of single spikes.

A window is one bounded JSON file with the spike times of a sample of each region's neurons; the others are events.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

from thalia_monitor import contract
from thalia_monitor.errors import NotSpikes
from thalia_monitor.logger.files import remove_orphans, write_whole
from thalia_monitor.logger.json_values import plain, text, to_bytes, whole_step
from thalia_monitor.model.spike_window import spaced

if TYPE_CHECKING:
    from pathlib import Path

    from thalia_monitor.logger.files import Guard
    from thalia_monitor.logger.recorder import Recorder

MOST_REGIONS: Final = 32
MOST_NEURONS: Final = 32
"""Neurons of a region: of more, an evenly spaced sample."""
MOST_SPIKES: Final = 200
"""Spike times of a neuron: of more, evenly spaced ones; the others are counted."""
MOST_WINDOWS: Final = 40
"""Files that are kept."""
LONGEST_NAME: Final = 60
"""Characters of a region's or neuron's name."""
MOST_READ: Final = 100_000
"""Times of one neuron, or rows of an array, that are looked at."""


class Observations:
    """The logger's methods that log an observation each; ``docs/data-contract.md`` has their fields."""

    guard: Guard
    _recorder: Recorder | None

    def log_event(
        self, kind: str, fields: Mapping[str, Any] | None = None, *, step: int | None = None
    ) -> None:
        """Log an event of any kind; the logger does it."""
        raise NotImplementedError

    def log_evaluation(
        self, task: str, stage: Any, accuracy: float, n: int | None = None, step: int | None = None
    ) -> None:
        """Log how well a task is done now.

        ``stage`` is the one that teaches the task, not the one that is trained now; ``accuracy`` is 0 to 1, over
        ``n`` trials. Probe tasks of earlier stages, too: the monitor shows what of them is kept.
        """
        fields = {"task": task, "stage": stage, "accuracy": accuracy} | ({} if n is None else {"n": n})
        self.log_event(contract.EVALUATION, fields, step=step)

    def log_intervention(
        self,
        intervention: str,
        reason: str = "",
        step: int | None = None,
        *,
        actions: Sequence[str] = (),
        details: Mapping[str, Any] | None = None,
    ) -> None:
        """Log that a safety system intervened, such as ``reduce_load``, ``consolidate`` or ``rollback``.

        ``actions`` are what it did; ``details`` are further fields of the event.
        """
        given = {"reason": reason, "actions": list(actions)}
        fields = {name: value for name, value in given.items() if value}
        self.log_event(
            contract.INTERVENTION, {**(details or {}), "intervention": intervention, **fields}, step=step
        )

    def log_cognitive_load(
        self,
        load: float,
        step: int | None = None,
        *,
        threshold: float | None = None,
        deactivated: Sequence[str] = (),
    ) -> None:
        """Log the cognitive load; ``deactivated`` are the mechanisms that were switched off because of it.

        ``threshold`` is where it becomes too high: 0.9 unless it is given.
        """
        given = {"threshold": threshold, "deactivated": list(deactivated) or None}
        fields = {name: value for name, value in given.items() if value is not None}
        self.log_event(contract.COGNITIVE_LOAD, {"load": load, **fields}, step=step)

    def log_training_end(self, reason: str = "", step: int | None = None, *, stopped: bool = False) -> None:
        """Log that the training has ended: the monitor shows it as ended at once, not as quiet and then stale.

        ``stopped`` tells that it ended before it was done, ``reason`` why: the text of an error, for example.
        """
        fields = {"status": "stopped" if stopped else "complete"} | ({"reason": reason} if reason else {})
        self.log_event(contract.TRAINING_END, fields, step=step)

    def log_health_score(self, score: float, step: int | None = None) -> None:
        """Log the health score of a safety system, 0 to 1."""
        self.log_event(contract.HEALTH_SCORE, {"score": score}, step=step)

    def log_spikes(
        self,
        spikes: Mapping[str, Any],
        step: int | None = None,
        window_ms: float = 200.0,
        *,
        sizes: Mapping[str, int] | None = None,
    ) -> None:
        """Log which neurons fired when in a window of ``window_ms`` milliseconds, for a raster.

        ``spikes`` has for each region either the spike times of each neuron (``{neuron: [milliseconds since the
        window's start, ...]}``) or an array of 0 and 1 of shape (time, neurons), whose rows share the window evenly.
        A sample is written: 32 neurons of a region at most, so pass what you have. ``sizes`` are the neurons of each
        region, where ``spikes`` has only some of them. How often is up to the script: call it at one step in
        thousands. The newest 40 windows are kept.
        """
        with self.guard.lock, self.guard:
            if self._recorder:
                self._recorder.spikes(
                    None if step is None else whole_step(step), window_of(spikes, window_ms, sizes or {})
                )


class SpikeFiles:
    """The windows in a run's directory; only files of their names are ever removed, the longest written first."""

    def __init__(self, directory: Path) -> None:
        self._folder = directory / contract.SPIKES_FOLDER
        self._known: dict[int, None] | None = None
        """Steps in the order of writing; None until the first window is saved."""

    def save(self, step: int, window: Mapping[str, Any]) -> None:
        """Write the window of a step, and remove surplus ones. Raises OSError, or NotSpikes for an odd step."""
        name = contract.spikes_name(step)
        if not contract.SPIKES_NAME.fullmatch(name):
            raise NotSpikes(f"a window at step {step:,} has no file name")
        if self._known is None:
            self._known = dict.fromkeys(self._listed())
            remove_orphans(self._folder)
        record = {contract.STEP: step, **window}
        written = json.dumps(record, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
        write_whole(self._folder / name, to_bytes(written + "\n"))
        self._known.pop(step, None)
        self._known[step] = None
        for old in list(self._known)[:-MOST_WINDOWS]:
            del self._known[old]
            with suppress(OSError):
                (self._folder / contract.spikes_name(old)).unlink()

    def _listed(self) -> list[int]:
        """Steps of the windows that an earlier process wrote, by when it did: a resumed training has lower ones."""
        found: list[tuple[int, int]] = []
        with suppress(OSError):
            found = [
                (path.stat().st_mtime_ns, int(name[1]))
                for path in self._folder.iterdir()
                if (name := contract.SPIKES_NAME.fullmatch(path.name)) and path.is_file()
            ]
        return [step for _, step in sorted(found)]


def window_of(spikes: Any, window_ms: Any, sizes: Mapping[str, Any]) -> dict[str, Any]:
    """Sample a window as it is written to a file, but for its step. Raises NotSpikes."""
    length = _number(window_ms)
    if length is None or not 0 < length < math.inf:
        raise NotSpikes(
            f"window_ms is a number of milliseconds above 0, not {text(window_ms)[:LONGEST_NAME]}"
        )
    if not isinstance(spikes, Mapping) or not spikes:
        raise NotSpikes("spikes are a mapping with the neurons of at least one region")
    regions = {}
    for name, given in islice(spikes.items(), MOST_REGIONS):
        region = _name(name)
        if region in regions:
            raise NotSpikes(f"two regions are called {region}")
        total, times = (
            _of_neurons(given, region) if isinstance(given, Mapping) else _of_array(given, region, length)
        )
        size = plain(sizes.get(name))
        known = size if type(size) is int else 0
        regions[region] = _region(region, times, max(total, known), length)
    more = len(spikes) - len(regions)
    return {"window_ms": length, "regions": regions} | ({"regions_left_out": more} if more else {})


def _region(region: str, every: Mapping[str, Iterable[Any]], of: int, length: float) -> dict[str, Any]:
    left_out, spikes = 0, {}
    for neuron, given in every.items():
        times = sorted(_times(given, region, neuron, length))
        spikes[neuron] = [times[at] for at in spaced(len(times), MOST_SPIKES)]
        left_out += len(times) - len(spikes[neuron])
    more = {"left_out": left_out} if left_out else {}
    return {"neurons": len(spikes), "of": of, **more, "spikes": spikes}


def _of_neurons(given: Mapping[Any, Any], region: str) -> tuple[int, dict[str, Iterable[Any]]]:
    """How many neurons there are, and the spike times of a sample of them."""
    if not given:
        raise NotSpikes(f"{region} has no neurons")
    names = list(given)
    picked = [names[at] for at in spaced(len(names), MOST_NEURONS)]
    found = {_name(each): given[each] for each in picked}
    if len(found) < len(picked):
        raise NotSpikes(f"two neurons of {region} are called the same")
    return len(names), found


def _of_array(given: Any, region: str, length: float) -> tuple[int, dict[str, Iterable[Any]]]:
    """The same of an array (time, neurons) of 0 and 1, of numpy, torch, or lists."""
    try:
        shape = tuple(given.shape) if hasattr(given, "shape") else (len(given), len(given[0]))
        rows, total = map(int, shape)
    except (TypeError, ValueError, IndexError, KeyError):
        raise NotSpikes(
            f"{region} is neither a mapping of neurons to spike times nor an array of shape (time, neurons)"
        ) from None
    if not (0 < rows <= MOST_READ and total > 0):
        raise NotSpikes(f"{region} has {rows:,} rows of {total:,} neurons")
    picked = list(spaced(total, MOST_NEURONS))
    if hasattr(given, "tolist"):
        cells = given[:, picked].tolist()
    elif any(len(row) != total for row in given):
        raise NotSpikes(f"the rows of {region} differ in length")
    else:
        cells = [[row[at] for at in picked] for row in given]
    odd = next((cell for row in cells for cell in row if cell not in (0, 1)), None)
    if odd is not None:
        raise NotSpikes(f"{region} holds {text(odd)[:LONGEST_NAME]}: neither 1, a spike, nor 0, none")
    return total, {
        str(neuron): [at * length / rows for at, row in enumerate(cells) if row[place]]
        for place, neuron in enumerate(picked)
    }


def _times(given: Any, region: str, neuron: str, length: float) -> list[float]:
    try:
        listed = list(islice(given.tolist() if hasattr(given, "tolist") else given, MOST_READ + 1))
    except TypeError:
        raise NotSpikes(f"the spikes of neuron {neuron} of {region} are no list of times") from None
    if len(listed) > MOST_READ:
        raise NotSpikes(f"neuron {neuron} of {region} has more than {MOST_READ:,} spikes")
    times = [_number(each) for each in listed]
    odd = next((each for each, time in zip(listed, times, strict=True) if not _within(time, length)), None)
    if odd is not None or None in times:
        shown = text(odd)[:LONGEST_NAME]
        raise NotSpikes(f"neuron {neuron} of {region} fires at {shown}, not within 0 to {length:g} ms")
    return [min(round(time, 2), length) for time in times if time is not None]


def _within(time: float | None, length: float) -> bool:
    return time is not None and 0 <= time <= length


def _number(value: Any) -> float | None:
    """A number, also one of numpy or torch; None for anything else, and for true and false."""
    found = plain(value)
    return float(found) if isinstance(found, int | float) and not isinstance(found, bool) else None


def _name(value: Any) -> str:
    found = text(plain(value))[:LONGEST_NAME]
    if not found:
        raise NotSpikes("a region or neuron has an empty name")
    return found
