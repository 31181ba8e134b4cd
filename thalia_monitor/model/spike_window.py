"""A window of spikes: when each neuron of a sample fired within some milliseconds of one step."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from statistics import fmean, pstdev
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from thalia_monitor.model.records import Problem

ENOUGH: Final = 5
"""Spikes of a neuron from which its intervals have a coefficient of variation."""


def spaced(total: int, most: int) -> Sequence[int]:
    """Places of an evenly spaced sample: all of them, up to as many as are taken."""
    return range(total) if total <= most else [at * total // most for at in range(most)]


@dataclass(frozen=True, slots=True)
class RegionSpikes:
    """The sampled neurons of one region."""

    region: str
    of: int
    """Neurons of the whole region."""
    neurons: tuple[str, ...]
    """Ids of the sampled ones."""
    times: tuple[tuple[float, ...], ...]
    """Milliseconds since the window's start, ascending, of each of them."""
    left_out: int = 0
    """Spikes of these neurons that are counted, and whose times are not in the file."""

    @property
    def spikes(self) -> int:
        """Spikes of the sampled neurons."""
        return sum(map(len, self.times)) + self.left_out

    @property
    def silent(self) -> int:
        """Sampled neurons without a spike."""
        return sum(not each for each in self.times)

    @property
    def variation(self) -> float | None:
        """Coefficient of variation of the intervals between spikes, mean over the neurons with five spikes or more.

        Standard deviation over mean: 0 of a clock, 1 of a Poisson process (Softky and Koch 1993). None where no
        neuron has as many, or where times are left out.
        """
        enough = [each for each in self.times if len(each) >= ENOUGH and each[-1] > each[0]]
        if self.left_out or not enough:
            return None
        gaps = ([later - earlier for earlier, later in pairwise(each)] for each in enough)
        return fmean(pstdev(each) / fmean(each) for each in gaps)


@dataclass(frozen=True, slots=True)
class SpikeWindow:
    """The sampled neurons of every region in one window."""

    step: int
    milliseconds: float
    """Length of the window."""
    regions: tuple[RegionSpikes, ...]
    left_out: int = 0
    """Regions that are not in the file."""

    def rate(self, *regions: RegionSpikes) -> float:
        """Mean rate of the sampled neurons of some regions, in Hz."""
        neurons = sum(len(each.neurons) for each in regions)
        spikes = sum(each.spikes for each in regions)
        return spikes / neurons / self.milliseconds * 1000 if neurons else 0.0


@dataclass(frozen=True, slots=True)
class SpikeFile:
    """A file with one window, which is read when it is to be shown."""

    file: str
    step: int
    mark: Hashable
    """Changes when the file does."""
    read: Callable[[], SpikeWindow | Problem] = field(compare=False, repr=False)
    """Reads the window, or says why that is not possible."""
