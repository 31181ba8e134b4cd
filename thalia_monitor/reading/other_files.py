"""A run's files of other formats than the documented ones: found, read when they change, and combined."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

from thalia_monitor import contract
from thalia_monitor.model.history import History
from thalia_monitor.model.records import Problem, SavedFile, Source
from thalia_monitor.model.spike_window import SpikeFile
from thalia_monitor.reading.batch import Batch, gather
from thalia_monitor.reading.contents import LogContents
from thalia_monitor.reading.files import (
    FileCache,
    FoundFile,
    Look,
    Reading,
    UnreadFiles,
    leads_outside,
    scan,
    signature_of,
)
from thalia_monitor.reading.formats import diagnostics, stage_log
from thalia_monitor.reading.formats.json_values import TOO_MANY
from thalia_monitor.reading.formats.registry import (
    FORMATS,
    METADATA_PREFIX,
    DocumentReader,
    FolderReader,
    Format,
    format_of,
    is_documented,
    makes_run,
)
from thalia_monitor.reading.formats.stage_spans import items
from thalia_monitor.reading.merge import Composed, compose
from thalia_monitor.reading.recording import Recording, RunParts, Stretch

SUBFOLDERS: Final = ("checkpoints", "logs", "results", "plots", contract.SPIKES_FOLDER)
"""Folders below a run's directory in which Thalia's birth script and our logger write files."""
MOST_STAMPED_FOLDERS: Final = 200
"""Folders named by date that are read below one directory: the newest. Thalia's diagnostics scripts make them."""


_Found = tuple[Format, FoundFile]


class Discovery:
    """The files of one directory beside the documented ones."""

    def __init__(
        self, directory: Path, clock: Callable[[], float] = time.time, *, within: Path | None = None
    ) -> None:
        self._directory = directory
        self._within = within
        self._clock = clock
        self._documents: dict[Format, FileCache[Recording | None]] = {
            each: FileCache(_document_reader(each.read, within)) for each in FORMATS if each.read
        }
        self._folders: dict[tuple[object, Path], FolderReader] = {}
        """What reads the files of a folder together, by ``Format.follow`` and folder."""
        self._composed: tuple[object, Composed] = ((), Composed())
        self._taken: set[str] = set()
        self._unread = UnreadFiles(directory)
        self.unread: tuple[Source, ...] = ()
        """Files that are there, and are not read."""

    def look(self) -> Look:
        """Return the version of the files, from their status alone."""
        files = self._scan()
        return Look(self._version(files), max((file.modified for _, file in files), default=None))

    def composed(self) -> Composed:
        """Read what has changed, and make one run of it; never raises for what is in the files."""
        files = self._scan()
        version = self._version(files)
        if version != self._composed[0]:
            declined: set[str] = set()
            self._composed = (version, compose(list(self._recordings(files, declined))))
            self._taken = {file.name for _, file in files} - declined
        self.unread = self._unread.sources(
            lambda name: name in self._taken or is_documented(name),
            lambda name: is_documented(name) or makes_run("", name),
        )
        return self._composed[1]

    def _version(self, files: Iterable[_Found]) -> tuple[object, ...]:
        now = self._clock()
        return tuple(
            (file.name, file.signature, file.modified < now - (kind.fails_after or math.inf))
            for kind, file in files
        )

    def _scan(self) -> list[_Found]:
        found = [
            each for folder in ("", *SUBFOLDERS) for each in _files(self._directory, folder, self._within)
        ]
        for folder in _diagnostics_folders(self._directory):
            found += [each for each in _files(self._directory, folder, self._within) if each[0].in_snapshots]
        return found

    def _recordings(self, files: Sequence[_Found], declined: set[str]) -> Iterator[Recording]:
        """Read every file; adds the names of files that belong to other programs to ``declined``."""
        for cache in self._documents.values():
            cache.forget_all_but({file.path for _, file in files})
        together: dict[tuple[object, Path], list[FoundFile]] = {}
        for kind, file in files:
            if kind.follow:
                together.setdefault((kind.follow, file.path.parent), []).append(file)
        self._folders = {key: reader for key, reader in self._folders.items() if key in together}
        reports: list[Recording] = []
        for kind, file in files:
            if kind.follow:
                group = together.pop((kind.follow, file.path.parent), None)
                if group:
                    yield from self._folder_reader(kind, file.path.parent)(group, self._clock())
                continue
            reading = self._documents[kind].read(file.path, file.name)
            if reading.value is None and reading.problem is None:
                declined.add(file.name)
            for each in _recorded(reading, kind, file):
                if each.own and each.lines:
                    reports.append(each)
                else:
                    yield each
        yield from diagnostics.in_order(reports)

    def _folder_reader(self, kind: Format, folder: Path) -> FolderReader:
        key = (kind.follow, folder)
        if kind.follow and key not in self._folders:
            prefix = "" if folder == self._directory else f"{folder.name}/"
            self._folders[key] = kind.follow(folder, prefix, self._within)
        return self._folders[key]


def _document_reader(read: DocumentReader, within: Path | None) -> Callable[[Path, str], Recording | None]:
    return lambda path, name: read(path, name, within)


def _files(directory: Path, folder: str, within: Path | None = None) -> Iterator[_Found]:
    """List a folder's files of known formats, by name; a folder that is not there has none.

    What is reached by a link that leads out of ``within`` is left out.
    """
    try:
        if within and folder and leads_outside(directory / folder, within):
            return
        with scan(directory / folder, within) as entries:
            names = sorted(
                (entry.name, entry.is_symlink())
                for entry in entries
                if not entry.name.startswith(
                    METADATA_PREFIX
                )  # of these there may be thousands, at every tick
            )
    except OSError:
        return
    for name, linked in names:
        kind = format_of(folder, name)
        if kind and within and linked and leads_outside(directory / folder / name, within):
            continue
        if kind and (signature := signature_of(path := directory / folder / name)):
            yield kind, FoundFile(path, f"{folder}/{name}" if folder else name, signature)


def _diagnostics_folders(directory: Path) -> Iterator[str]:
    """The folders of Thalia's diagnostics scripts: sweeps here, snapshots by time, and sweeps within those."""
    here = _folders(directory)
    yield from (name for name in here if diagnostics.SWEEP_FOLDER.fullmatch(name))
    stamped = [name for name in here if diagnostics.SNAPSHOT_FOLDER.fullmatch(name)]
    for folder in sorted(stamped)[-MOST_STAMPED_FOLDERS:]:
        yield folder
        inner = _folders(directory / folder)
        yield from (f"{folder}/{name}" for name in inner if diagnostics.SWEEP_FOLDER.fullmatch(name))


def _folders(directory: Path) -> list[str]:
    """Names of folders that diagnostics scripts may have made, without links; names are checked before types."""
    try:
        with scan(directory) as entries:
            return sorted(
                entry.name
                for entry in entries
                if entry.name[:2] in ("20", "sw") and entry.is_dir(follow_symlinks=False)
            )
    except OSError:
        return []


def _recorded(reading: Reading[Recording | None], kind: Format, file: FoundFile) -> Iterator[Recording]:
    """Yield a document's recording; one that was never readable still has its stage, from the file's name."""
    problems = (reading.problem,) if reading.problem else ()
    if reading.value is not None:
        yield replace(reading.value, problems=reading.value.problems + problems)
    elif problems:
        named = kind.pattern.fullmatch(file.path.name)
        stage = named.groupdict().get("stage") if named else None
        stretch = Stretch(float(stage)) if stage else None
        yield Recording(Source(file.name, kind.name, 0), problems=problems, stretch=stretch)


class OtherFormats:
    """The other files of one directory; combined again only when one of them has changed."""

    def __init__(self, directory: Path, within: Path | None = None) -> None:
        self._discovery = Discovery(directory, within=within)
        self._composed = Composed()
        self._crowded: Problem | None = None
        """Set where they have more metrics together than are kept."""
        self._stretches_before: tuple[Recording, ...] = ()
        self._gathered: list[tuple[Recording, Batch]] = []
        """The recordings of stages that there are now, with their lines by column."""
        self.parts = RunParts(History())
        """Their history, events and checkpoints."""
        self.earlier: LogContents | None = None
        """Of that, what was logged before the documented log began; None if nothing was."""

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
    def files(self) -> tuple[SavedFile, ...]:
        """The checkpoint files among them."""
        return self._composed.files

    @property
    def spikes(self) -> tuple[SpikeFile, ...]:
        """The files with windows of spikes, by step."""
        return self._composed.spikes

    @property
    def unread(self) -> tuple[Source, ...]:
        """Files that are there, and are not read."""
        return self._discovery.unread

    def look(self) -> Look:
        """Return the version of the files, from their status alone."""
        return self._discovery.look()

    def refresh(self, log_began: float) -> None:
        """Read what has changed; ``log_began`` is when the documented log began: Unix seconds, NaN if unknown."""
        composed = self._discovery.composed()
        if composed is not self._composed:
            self._composed = composed
            self._gathered = [(stretch, self._gather(stretch)) for stretch in composed.stretches]
            contents, self._crowded = self._contents_of(composed.stretches)
            contents.builder.continue_lineage(self.parts.history)
            events = contents.events.view()
            progress = composed.progress[-1:]
            self.parts = RunParts(contents.builder.history(), events, composed.checkpoints, progress)
        before = _before(composed.stretches, log_began)
        if len(before) != len(self._stretches_before) or not all(map(_same, before, self._stretches_before)):
            self._stretches_before = before
            self.earlier = self._contents_of(before)[0] if before else None

    def _contents_of(self, stretches: Sequence[Recording]) -> tuple[LogContents, Problem | None]:
        """Contents of stretches one after another, and the problem of having too many metrics."""
        contents, crowded = LogContents(), None
        for stretch in stretches:
            contents.add_batch(self._gather(stretch))
            if contents.builder.names_left_out and crowded is None:
                crowded = Problem(stretch.source.file, None, TOO_MANY)
        return contents, crowded

    def _gather(self, stretch: Recording) -> Batch:
        """The lines of a recording by column; of one that has not changed, those of before."""
        for known, batch in self._gathered:
            if _same(stretch, known):
                return batch
        return gather(items(stretch))


def _same(stretch: Recording, before: Recording) -> bool:
    """Tell whether a stretch has the lines and events that it had before."""
    return (
        stretch.lines is before.lines or stretch.lines == before.lines
    ) and stretch.events == before.events


def _before(stretches: Sequence[Recording], log_began: float) -> tuple[Recording, ...]:
    """The stages whose last line is older than the documented log: those of a run whose logger was replaced.

    Only stage logs count, whose times are exact: a text log's are not, and the same lines would count twice.
    """
    return tuple(
        stretch
        for stretch in stretches
        if stretch.source.format == stage_log.FORMAT
        and stretch.lines
        and (stretch.lines[-1].time or log_began) < log_began
    )
