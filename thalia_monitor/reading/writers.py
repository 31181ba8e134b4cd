"""Telling several writers of one log, such as data-parallel ranks, from one that is resumed again and again.

Each writer's own steps rise; in the file they go back and forth while time goes on. A line whose time is earlier,
too, is merely late. The steps of a run that crashes and resumes in a loop fall as well, but it pauses at each fall,
goes through the very steps that it had reached before, and only then beyond them.
"""

from __future__ import annotations

import math
from itertools import pairwise
from statistics import median
from typing import Final

WINDOW: Final = 64
"""Lines that are looked at."""
FALLS: Final = 4
"""Falls of the step among them, at least."""
ADVANCES: Final = 3
"""Lines among them that come further than any before, at least: a loop that gets nowhere has one writer."""


def lines_of_all_writers(step: list[int], time: list[float]) -> int:
    """In how many lines every writer of these lines writes at least once; 0 where there is one writer.

    Args:
        step: of the newest lines, in file order.
        time: of the same; NaN where a line has none.
    """
    falls = [at for at in range(1, len(step)) if step[at] < step[at - 1] and not time[at] < time[at - 1]]
    if len(falls) < FALLS:
        return 0
    highest = _highest_before(step)
    advances = [at for at in range(falls[0], len(step)) if step[at] > highest[at]]
    if len(advances) < ADVANCES:
        return 0
    one_of_several = (
        _alternate(step, falls) or _overtake(step, highest, falls, time) or _climb(step, highest, falls, time)
    )
    if not one_of_several:
        return 0
    widest = max(b - a for each in (falls, advances) for a, b in pairwise(each))
    return min(max(4 * widest, 8), WINDOW)


def _highest_before(step: list[int]) -> list[float]:
    highest, found = -math.inf, []
    for each in step:
        found.append(highest)
        highest = max(highest, each)
    return found


def _alternate(step: list[int], falls: list[int]) -> bool:
    """Whether two lines of five are falls, or one of five where many lines repeat the step before."""
    share = (len(falls) - 1) / (falls[-1] - falls[0])
    repeated = sum(a == b for a, b in pairwise(step))
    return share >= 0.4 or (share >= 0.2 and 4 * repeated >= len(step))


def _overtake(step: list[int], highest: list[float], falls: list[int], time: list[float]) -> bool:
    """Whether the line after a fall is mostly beyond all before it, without a pause at the fall.

    Without timestamps the line itself has to be at a step where another is, too: else it is merely late.
    """
    settled = [at for at in falls if at + 1 < len(step)]
    beyond = sum(step[at + 1] > highest[at] for at in settled)
    again = sum(step.count(step[at]) > 1 for at in settled)
    pauses = _pauses(falls, time)
    return 4 * beyond >= 3 * len(settled) and (
        pauses is False or (pauses is None and 2 * again > len(settled))
    )


def _climb(step: list[int], highest: list[float], falls: list[int], time: list[float]) -> bool:
    """Whether the lines between two falls are one of each writer, sorted by how far they are.

    From one such climb to the next every writer does one stride, which is at most what lies between two writers. The
    writers are not where others were before, or no time passes before each climb; without timestamps, all strides
    are the same.
    """
    climbs = [(step[a], step[a:b]) for a, b in pairwise(falls)]
    strides = [b - a for (a, _), (b, _) in pairwise(climbs)]
    between = [b - a for _, climb in climbs for a, b in pairwise(climb) if b > a]
    if not strides or not between or not 0 < median(strides) <= min(between):
        return False
    again = [at for at in range(falls[0], len(step)) if step[at] <= highest[at]]
    elsewhere = sum(step[at] not in step[:at] for at in again)
    pauses = _pauses(falls, time)
    return 2 * elsewhere > len(again) or (pauses is None and len(set(strides)) == 1) or pauses is False


def _pauses(falls: list[int], time: list[float]) -> bool | None:
    """Whether time passes at the falls, as it does while a run is started again; None without timestamps."""
    gaps = [b - a for a, b in pairwise(time)]
    if any(math.isnan(gap) for gap in gaps):
        return None
    here = set(falls)
    others = [gap for at, gap in enumerate(gaps, 1) if at not in here]
    return bool(others) and median(gaps[at - 1] for at in falls) > 2 * median(others)
