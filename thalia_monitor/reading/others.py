"""What all files but the documented ones tell together, as a history, events and checkpoints."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from thalia_monitor.history import History
from thalia_monitor.reading import stage_log
from thalia_monitor.reading.batch import Batch, gather
from thalia_monitor.reading.columns import extends
from thalia_monitor.reading.composition import Composed
from thalia_monitor.reading.contents import LogContents
from thalia_monitor.reading.discovery import Discovery, Look
from thalia_monitor.reading.plain import TOO_MANY
from thalia_monitor.reading.recording import Recording
from thalia_monitor.reading.stretches import items
from thalia_monitor.reading.told import Told
from thalia_monitor.records import Problem, Source


class OtherFormats:
    """The other files of one directory; computed anew only when one of them has changed."""

    def __init__(self, directory: Path, within: Path | None = None) -> None:
        self._discovery = Discovery(directory, within=within)
        self._composed = Composed()
        self._crowded: Problem | None = None
        """Set where they have more metrics together than are kept."""
        self._earlier: tuple[Recording, ...] = ()
        self._gathered: list[tuple[Recording, Batch]] = []
        """The stretches there are now, laid out by column."""
        self.told = Told(History())
        """Everything that they tell."""
        self.before = Told(History())
        """Of that, what was logged before the documented log began."""

    @property
    def criteria(self) -> Mapping[str, float]:
        """Milestone thresholds that the run configured."""
        return self._composed.criteria

    @property
    def problems(self) -> tuple[Problem, ...]:
        """What could not be read in them."""
        return self._composed.problems + ((self._crowded,) if self._crowded else ())

    @property
    def sources(self) -> tuple[Source, ...]:
        """The files themselves."""
        return self._composed.sources

    @property
    def unread(self) -> tuple[Source, ...]:
        """Files that are there, and are not read."""
        return self._discovery.unread

    def look(self) -> Look:
        """Tell the version of the files by their status alone."""
        return self._discovery.look()

    def refresh(self, documented: History) -> None:
        """Read what has changed, knowing what the documented log says."""
        composed = self._discovery.composed()
        if composed is not self._composed:
            self._composed = composed
            self._gathered = [(stretch, self._gather(stretch)) for stretch in composed.stretches]
            self.told = self._told(composed.stretches, self.told.history, composed)
        earlier = _before(composed.stretches, documented)
        if len(earlier) != len(self._earlier) or not all(map(_same, earlier, self._earlier)):
            self._earlier = earlier
            self.before = self._told(earlier, self.before.history)

    def _told(
        self, stretches: Sequence[Recording], before: History, composed: Composed | None = None
    ) -> Told:
        contents = LogContents(before.generation)
        self._crowded = None
        for stretch in stretches:
            contents.extend(self._gather(stretch))
            if contents.builder.full and self._crowded is None:
                self._crowded = Problem(stretch.source.file, None, TOO_MANY)
        if not extends(contents.builder.history(), before):
            contents.builder.generation += 1
        saved, progress = (composed.checkpoints, composed.progress) if composed else ((), ())
        return Told(contents.builder.history(), contents.events.view(), saved, progress[-1:])

    def _gather(self, stretch: Recording) -> Batch:
        """A stretch by column; one that has not changed since is not laid out again."""
        for known, batch in self._gathered:
            if _same(stretch, known):
                return batch
        return gather(items(stretch))


def _same(stretch: Recording, before: Recording) -> bool:
    """Tell whether a stretch has the lines and events that it had before."""
    return stretch.lines is before.lines and stretch.events == before.events


def _before(stretches: Sequence[Recording], documented: History) -> tuple[Recording, ...]:
    """Take the stages that had ended when the documented log began: those of a run whose logger was replaced.

    Only stage logs count, whose times are exact: a text log's are not, and the same lines would count twice.
    """
    began = documented.first_time
    return tuple(
        stretch
        for stretch in stretches
        if stretch.source.format == stage_log.FORMAT
        and stretch.lines
        and (stretch.lines[-1].time or began) < began
    )
