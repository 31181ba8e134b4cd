"""Every file of a run but the documented ones: found, read when it changes, and combined into history and events."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from pathlib import Path
from typing import Final

from thalia_monitor import contract
from thalia_monitor.model.history import History
from thalia_monitor.model.records import Problem, Source
from thalia_monitor.reading.columns import Batch, extends, gather
from thalia_monitor.reading.contents import LogContents
from thalia_monitor.reading.files import (
    FileCache,
    Look,
    Reading,
    Signature,
    UnreadFiles,
    leads_outside,
    scan,
    signature_of,
)
from thalia_monitor.reading.formats import (
    binary,
    checkpoints,
    diagnostics,
    numpy_arrays,
    results,
    stage_log,
    text_log,
    trials,
)
from thalia_monitor.reading.formats.json_values import TOO_MANY
from thalia_monitor.reading.formats.stage_spans import items
from thalia_monitor.reading.merge import Composed, compose
from thalia_monitor.reading.recording import Recording, RunParts, Stretch

_DOCUMENTED: Final = contract.METADATA_PATTERN.partition("*")[0]
SUBFOLDERS: Final = ("checkpoints", "logs", "results", "plots")
"""Where Thalia's birth script puts things: searched with the run's own directory."""
MOST_SNAPSHOTS: Final = 200
"""Folders of Thalia's diagnostics scripts that are read below one directory: the newest."""


@dataclass(frozen=True, slots=True)
class _File:
    path: Path
    name: str
    """As it is shown: relative to the run's directory."""
    kind: str
    signature: Signature

    @property
    def modified(self) -> float:
        return self.signature[2] / 1e9


class Discovery:
    """The files of one directory beside the documented ones."""

    def __init__(
        self, directory: Path, clock: Callable[[], float] = time.time, *, within: Path | None = None
    ) -> None:
        self._directory = directory
        self._within = within
        self._clock = clock
        self._documents: FileCache[Recording | None] = FileCache(
            lambda path, name: _read_document(path, name, within)
        )
        self._binary: FileCache[binary.Found] = FileCache(lambda path, _: binary.read_binary(path, within))
        self._text: dict[Path, text_log.TextLog] = {}
        self._trials: dict[Path, trials.Trials] = {}
        self._composed: tuple[object, Composed] = ((), Composed())
        self._taken: set[str] = set()
        self._unread = UnreadFiles(directory)
        self.unread: tuple[Source, ...] = ()
        """Files that are there, and are not read."""

    def look(self) -> Look:
        """Return the version of the files, from their status alone."""
        files = self._scan()
        return Look(self._version(files), max((file.modified for file in files), default=None))

    def composed(self) -> Composed:
        """Read what has changed, and make one run of it; never raises for what is in the files."""
        files = self._scan()
        version = self._version(files)
        if version != self._composed[0]:
            declined: set[str] = set()
            self._composed = (version, compose(list(self._recordings(files, declined))))
            self._taken = {file.name for file in files} - declined
        self.unread = self._unread.sources(
            lambda name: name in self._taken or is_documented(name),
            lambda name: is_documented(name) or is_known("", name),
        )
        return self._composed[1]

    def _version(self, files: Iterable[_File]) -> tuple[object, ...]:
        old = self._clock() - checkpoints.SAVING_SECONDS
        return tuple(
            (file.name, file.signature, file.kind == "binary" and file.modified < old) for file in files
        )

    def _scan(self) -> list[_File]:
        found = [
            file for folder in ("", *SUBFOLDERS) for file in _files(self._directory, folder, self._within)
        ]
        for folder in _snapshots(self._directory):
            found += [file for file in _files(self._directory, folder, self._within) if file.kind in _SCRIPTS]
        return found

    def _recordings(self, files: Sequence[_File], declined: set[str]) -> Iterator[Recording]:
        """Read every file; ``declined`` takes the names of those that are of another program's."""
        self._forget_all_but({file.path for file in files})
        reports: list[Recording] = []
        yield from self._binaries([file for file in files if file.kind == "binary"])
        for file in files:
            if file.kind == "text":
                yield from self._text.setdefault(
                    file.path, text_log.TextLog(file.path, file.name, self._within)
                ).read()
            elif file.kind == "rotated":
                problem = Problem(file.name, None, "is a rotated part of its log, and is not read")
                yield Recording(Source(file.name, "rotated log", 0), problems=(problem,))
            elif file.kind in _DOCUMENTS:
                reading = self._documents.read(file.path, file.name)
                if reading.value is None and reading.problem is None:
                    declined.add(file.name)
                for each in _recorded(reading, file):
                    if each.own and each.lines:
                        reports.append(each)
                    else:
                        yield each
        yield from diagnostics.in_order(reports)
        yield from self._tried([file for file in files if file.kind in ("trials", "saved trial")])

    def _binaries(self, files: Sequence[_File]) -> Iterator[Recording]:
        for folder, group in groupby(files, lambda file: file.path.parent):
            family = f"{_prefix(self._directory, folder)}*.thalia"
            found = []
            for file in group:
                reading = self._binary.read(file.path, file.name)
                if reading.value is not None:
                    found.append(checkpoints.BinaryFile(file.name, file.modified, reading.value))
                if reading.problem:
                    yield Recording(Source(file.name, checkpoints.FORMAT, 0), problems=(reading.problem,))
            yield from checkpoints.recordings_of(found, family, self._clock())

    def _tried(self, files: Sequence[_File]) -> Iterator[Recording]:
        for folder, each in groupby(files, lambda file: file.path.parent):
            group, prefix = list(each), _prefix(self._directory, folder)
            reader = self._trials.setdefault(folder, trials.Trials(folder, prefix, self._within))
            try:
                yield from reader.read()
            except OSError as error:
                problem = Problem(prefix + trials.TRIALS_NAME, None, f"cannot be read: {error.strerror}")
                yield Recording(Source(problem.file, trials.FORMAT, 0), problems=(problem,))
            if saved := [file.path.name for file in group if file.kind == "saved trial"]:
                yield trials.saved_trials(saved, f"{prefix}checkpoint_trial_*.pt")

    def _forget_all_but(self, paths: set[Path]) -> None:
        self._documents.forget_all_but(paths)
        self._binary.forget_all_but(paths)
        self._text = {path: log for path, log in self._text.items() if path in paths}
        folders = {path.parent for path in paths}
        self._trials = {folder: reader for folder, reader in self._trials.items() if folder in folders}


def _files(directory: Path, folder: str, within: Path | None = None) -> Iterator[_File]:
    """List a folder's files of known kinds, by name; a folder that is not there has none.

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
                    _DOCUMENTED
                )  # there may be thousands, and this is done at every tick
            )
    except OSError:
        return
    for name, linked in names:
        kind = _kind(folder, name)
        if kind and within and linked and leads_outside(directory / folder / name, within):
            continue
        if kind and (signature := signature_of(path := directory / folder / name)):
            yield _File(path, f"{folder}/{name}" if folder else name, kind, signature)


def _snapshots(directory: Path) -> Iterator[str]:
    """The folders of Thalia's diagnostics scripts: sweeps here, snapshots by time, and sweeps within those."""
    here = _folders(directory)
    yield from (name for name in here if diagnostics.SWEEP_FOLDER.fullmatch(name))
    stamped = [name for name in here if diagnostics.SNAPSHOT_FOLDER.fullmatch(name)]
    for folder in sorted(stamped)[-MOST_SNAPSHOTS:]:
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


def is_documented(name: str) -> bool:
    """Whether a file is one of the documented ones."""
    return name == contract.LOG_NAME or (name.startswith(_DOCUMENTED) and name.endswith(".json"))


def is_known(folder: str, name: str) -> bool:
    """Whether a file of this name, in a run's directory ("") or a folder of it, is read for that run."""
    return _kind(folder, name) not in ("", "sequence", "arrays")  # other programs' files have such names, too


def _kind(folder: str, name: str) -> str:
    for kind, pattern in _NAMES.items():
        if pattern.fullmatch(name):
            return kind
    return "result" if folder == "results" and name.endswith(".json") else ""


def _prefix(directory: Path, folder: Path) -> str:
    return "" if folder == directory else f"{folder.name}/"


_NAMES: Final = {
    "stage": stage_log.NAME,
    "session": stage_log.SESSION_NAME,
    "text": re.compile(re.escape(text_log.NAME)),
    "rotated": re.compile(rf"(?:{re.escape(text_log.NAME)}|trials\.csv|events\.log)[._-]\d[\w.:+-]*"),
    "binary": binary.NAME,
    "result": re.compile(re.escape(results.NOTEBOOK_NAME)),
    "trials": re.compile(r"trials\.csv|events\.log"),
    "saved trial": trials.SAVED_NAME,
    "diagnostics": re.compile(f"{re.escape(diagnostics.NAME)}|{re.escape(diagnostics.HEALTH_NAME)}"),
    "sweep": re.compile(re.escape(diagnostics.SWEEP_NAME)),
    "sequence": re.compile(re.escape(results.SEQUENCE_NAME)),
    "arrays": re.compile(r".+\.npz"),
}
_SCRIPTS: Final = ("diagnostics", "sweep", "arrays")
"""Kinds of file that diagnostics scripts leave in folders of their own."""
_DOCUMENTS: Final[Mapping[str, Callable[[Path, str, Path | None], Recording | None]]] = {
    "stage": stage_log.read_stage_log,
    "session": stage_log.read_session,
    "result": results.read_result,
    "diagnostics": diagnostics.read_diagnostics,
    "sweep": diagnostics.read_sweep,
    "sequence": results.read_sequence,
    "arrays": numpy_arrays.read_arrays,
}


def _read_document(path: Path, name: str, within: Path | None) -> Recording | None:
    return _DOCUMENTS[_kind(path.parent.name, path.name)](path, name, within)


def _recorded(reading: Reading[Recording | None], file: _File) -> Iterator[Recording]:
    """Give a document's recording; one that was torn from the start still tells its stage by its name."""
    problems = (reading.problem,) if reading.problem else ()
    if reading.value is not None:
        yield replace(reading.value, problems=reading.value.problems + problems)
    elif problems:
        named = stage_log.NAME.fullmatch(file.path.name)
        stretch = Stretch(float(named[1])) if named else None
        yield Recording(Source(file.name, _FORMATS[file.kind], 0), problems=problems, stretch=stretch)


_FORMATS: Final = {
    "stage": stage_log.FORMAT,
    "session": stage_log.SESSION_FORMAT,
    "result": results.FORMAT,
    "diagnostics": diagnostics.FORMAT,
    "sweep": diagnostics.FORMAT,
    "sequence": results.SEQUENCE_FORMAT,
    "arrays": numpy_arrays.FORMAT,
}


class OtherFormats:
    """The other files of one directory; recomputed only when one of them has changed."""

    def __init__(self, directory: Path, within: Path | None = None) -> None:
        self._discovery = Discovery(directory, within=within)
        self._composed = Composed()
        self._crowded: Problem | None = None
        """Set where they have more metrics together than are kept."""
        self._earlier: tuple[Recording, ...] = ()
        self._gathered: list[tuple[Recording, Batch]] = []
        """The stretches there are now, laid out by column."""
        self.parts = RunParts(History())
        """Their history, events and checkpoints."""
        self.before = RunParts(History())
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
        """Return the version of the files, from their status alone."""
        return self._discovery.look()

    def refresh(self, documented: History) -> None:
        """Read what has changed; ``documented`` is the documented log's history."""
        composed = self._discovery.composed()
        if composed is not self._composed:
            self._composed = composed
            self._gathered = [(stretch, self._gather(stretch)) for stretch in composed.stretches]
            self.parts = self._parts_of(composed.stretches, self.parts.history, composed)
        earlier = _before(composed.stretches, documented)
        if len(earlier) != len(self._earlier) or not all(map(_same, earlier, self._earlier)):
            self._earlier = earlier
            self.before = self._parts_of(earlier, self.before.history)

    def _parts_of(
        self, stretches: Sequence[Recording], before: History, composed: Composed | None = None
    ) -> RunParts:
        contents = LogContents(before.generation)
        self._crowded = None
        for stretch in stretches:
            contents.extend(self._gather(stretch))
            if contents.builder.full and self._crowded is None:
                self._crowded = Problem(stretch.source.file, None, TOO_MANY)
        if not extends(contents.builder.history(), before):
            contents.builder.generation += 1
        saved, progress = (composed.checkpoints, composed.progress) if composed else ((), ())
        return RunParts(contents.builder.history(), contents.events.view(), saved, progress[-1:])

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
