"""The documented files and all others, made one run: the documented ones win, nothing counts twice."""

from __future__ import annotations

from dataclasses import replace
from threading import Lock

import numpy as np

from thalia_monitor.history import History
from thalia_monitor.reading.checkpoints import TOTALS
from thalia_monitor.reading.composition import filled, missing
from thalia_monitor.reading.joining import Joining
from thalia_monitor.reading.told import Told
from thalia_monitor.records import Checkpoint, Event


class Merger:
    """Makes one run of all files, version by version; what was joined before is not joined again."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._joining: Joining | None = None
        self._filling: tuple[Event, ...] = ()

    def merge(self, documented: Told, others: Told, before: Told) -> Told:
        """Fill what the documented files do not tell: nothing that they tell is counted a second time.

        The history is the documented one, with what was logged ``before`` it began in front; without any, the
        others'. Of the others' events only the kinds that no documented line has; of their checkpoints those
        between the documented ones.
        """
        checkpoints = _checkpoints(documented.checkpoints, others)
        if not len(documented.history):
            return Told(others.history, documented.events + _missing(documented, others), checkpoints)
        with self._lock:  # while a large log is read in, its beginning may be asked for
            joined = self._joined(before, documented)
            filling = _placed(_missing(joined, others), joined.history)
            if filling == self._filling:
                filling = self._filling  # the very same events, of which something may be known
            self._filling = filling
        # In front, so that all events only ever get more at their end.
        return Told(joined.history, filling + joined.events if filling else joined.events, checkpoints)

    def _joined(self, before: Told, documented: Told) -> Told:
        if not len(before.history):
            self._joining = None
            return documented
        if self._joining is None or not self._joining.goes_on(before, documented):
            self._joining = Joining(before, documented)
        return self._joining.told(documented)


def _missing(known: Told, others: Told) -> tuple[Event, ...]:
    if not others.events:
        return ()
    return tuple(missing(known.events, others.events))


def _placed(events: tuple[Event, ...], history: History) -> tuple[Event, ...]:
    """Find the segments in which events of other files happened: by time, or else by step."""
    timed = bool(events) and not np.isnan(history.time).any()

    def segment(event: Event) -> int:
        if timed and event.time is not None:
            row = int(np.searchsorted(history.time, event.time, side="right")) - 1
            return int(history.segment[max(row, 0)])
        begun = (
            each.index for each in history.segments if event.step is None or each.first_step <= event.step
        )
        return max(begun, default=0)

    return tuple(replace(event, segment=segment(event)) for event in events)


def _without_totals(point: Checkpoint) -> Checkpoint:
    """Leave out the sizes of a binary checkpoint's header where it has no other metrics."""
    return point if point.metrics.keys() - TOTALS else replace(point, metrics={})


def _checkpoints(documented: tuple[Checkpoint, ...], others: Told) -> tuple[Checkpoint, ...]:
    """Take the documented ones, completed at the same step, and the steps that only others saved.

    One that stands behind the newest documented one is completed by that, so that it hides nothing of it.
    """
    if not documented:
        return others.checkpoints
    saved = {point.step: point for point in others.checkpoints}
    known = {point.step for point in documented}
    points = [filled(point, saved[point.step]) if point.step in saved else point for point in documented]
    if others.progress:
        points[-1] = filled(points[-1], others.progress[0])
    newest = points[-1]
    for step, point in saved.items():
        if step not in known:
            points.append(point if step < newest.step else filled(_without_totals(point), newest))
    return tuple(sorted(points, key=lambda point: (point.step, point.modified, point.file)))
