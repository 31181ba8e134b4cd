"""``thalia-monitor export``: a run's values into a file that is whole or not there at all."""

from __future__ import annotations

import json
import os
import secrets
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Final, TextIO

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from thalia_monitor import contract
from thalia_monitor.errors import BadParameter, ExportFailed
from thalia_monitor.export.lines import LEADING, ROWS_AT_ONCE, Selection, csv_text, json_rows, select
from thalia_monitor.export.tables import (
    csv_table,
    file_beside,
    pyarrow_installed,
    tables,
    write_lines,
    write_table,
)
from thalia_monitor.kept import RunNotes, state_folder
from thalia_monitor.reading.arrays import release
from thalia_monitor.reading.library import Library, run_id
from thalia_monitor.reading.run_reader import RunReader
from thalia_monitor.reading.run_search import Candidate, Root, search

if TYPE_CHECKING:
    from thalia_monitor.model.run import TrainingState
    from thalia_monitor.settings import Settings

FORMATS: Final = ("csv", "parquet", "json")
STANDARD_OUTPUT: Final = Path("-")
LOOK_AGAIN: Final = 0.2
"""Seconds between two looks at how far a log is read, where a bar shows it."""
MOST_NAMED: Final = 10


@dataclass(frozen=True, slots=True)
class Request:
    """What to export, and where to."""

    directory: Path
    output: Path
    run: str = ""
    """Which run below the directory; empty for the directory's own, or the only one."""
    format: str = ""
    """One of :data:`FORMATS`; empty for that of the output's name, or CSV."""
    series: tuple[str, ...] = ()
    start: int | None = None
    end: int | None = None

    @property
    def chosen_format(self) -> str:
        """The format that is requested, or that the output's name ends in, or CSV."""
        suffix = self.output.suffix.lower().removeprefix(".")
        return self.format or (suffix if suffix in FORMATS else "csv")


def export(request: Request, settings: Settings, console: Console) -> str:
    """Write the export and return a sentence on it; a bar on the console shows the progress.

    Raises:
        MonitorError: the run cannot be read, there is nothing like what is requested, or the file cannot be written.
    """
    check_target(request)
    run = find_run(request, settings)
    with tempfile.TemporaryDirectory(prefix="thalia-monitor-export-") as folder, progress(console) as bars:
        state = whole_state(run, settings, Path(folder), bars)
        names = [part for name in request.series for part in _parts(state, name)]
        selection = select(state.history, names, request.start, request.end)
        task = bars.add_task("Writing", total=len(selection))

        def written(rows: int) -> None:
            bars.advance(task, rows)
            _release(state)

        size = _write(request, state, selection, written)
    lines = f"{len(selection):,} {'line' if len(selection) == 1 else 'lines'}"
    return f"{lines} of {len(selection.keys):,} series of {state.name} in {request.output} ({size / 1e6:,.1f} MB)."


def check_target(request: Request) -> None:
    """Refuse an output that cannot be meant, before anything slow is done.

    Raises:
        BadParameter: it is a directory, in none, or standard output for a format of several files.
        NotInstalled: the format needs a package that is missing.
    """
    target = request.output
    if request.chosen_format == "parquet" and find_spec("pyarrow") is None:
        pyarrow_installed()  # raises; where it is installed, it is imported after the reading, which needs the memory
    if target == STANDARD_OUTPUT:
        if request.chosen_format == "parquet":
            raise BadParameter("Parquet is several files: say where they go with -o FILE.")
        return
    if target.exists() and not target.is_file():
        raise BadParameter(f"-o {target} is no file: give the name of one, or - for standard output.")
    if not target.absolute().parent.is_dir():
        raise BadParameter(f"-o {target}: there is no directory {target.absolute().parent}.")


def find_run(request: Request, settings: Settings) -> Candidate:
    """Find the run to export: the directory's own, the one that is named, or the only one below it.

    Raises:
        BadParameter: there is no such run, there are several, or the output lies in it.
        RunUnreadable: the directory cannot be read.
    """
    directory = request.directory.absolute()
    found: tuple[Candidate, ...] = () if request.run else own_run(directory)
    if not found:
        found = search(Root(directory, settings.root_depth, settings.root_pattern)).runs
    if request.run:
        names = request.run, request.run.rstrip("/")
        found = tuple(each for each in found if each.name in names or run_id(each.directory) == request.run)
        if not found:
            raise BadParameter(
                f"There is no run {request.run[:100]!r} below {directory}; "
                "without --run all of them are listed, if there are several."
            )
    if len(found) > 1:
        named = ", ".join(each.name for each in found[:MOST_NAMED])
        more = f" and {len(found) - MOST_NAMED:,} more" if len(found) > MOST_NAMED else ""
        raise BadParameter(f"{directory} holds {len(found):,} runs: choose one with --run: {named}{more}.")
    run = found[0] if found else Candidate(directory, directory.name, 0.0)
    if request.output.absolute().parent.resolve().is_relative_to(run.directory.resolve()):
        raise BadParameter(
            f"-o {request.output} lies in the run's own directory, which is only read: choose another place."
        )
    return run


def library_of(directory: Path, settings: Settings) -> Library:
    """The run in a directory, or the runs below it, as a library."""
    alone = own_run(directory)
    return Library(
        [directory] if alone else [],
        [] if alone else [Root(directory, settings.root_depth, settings.root_pattern)],
        scheme=settings.stage_scheme,
        follow_links=settings.follow_links,
    )


def own_run(directory: Path) -> tuple[Candidate, ...]:
    """The directory itself, if there is anything of a run in it; its log is not read for that."""
    found = search(Root(directory, 0)).runs
    if not found and directory.is_dir() and RunReader(directory, within=directory).read().sources:
        found = (Candidate(directory, directory.name, 0.0),)
    return found


def _parts(state: TrainingState, name: str) -> list[str]:
    """One series, or several with commas between them, where none has that name."""
    return [name] if state.history.find(name) else [part.strip() for part in name.split(",")]


def progress(console: Console) -> Progress:
    """Bars for a terminal; nothing elsewhere."""
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        TimeRemainingColumn(),
        console=console,
        disable=not console.is_terminal,
        transient=True,
    )


def whole_state(run: Candidate, settings: Settings, folder: Path, bars: Progress) -> TrainingState:
    """Read a whole run; its columns lie in files of the folder rather than in memory.

    Raises:
        MonitorError: it cannot be read, or holds nothing of a training.
    """
    within = None if settings.follow_links else run.directory
    reader = RunReader(run.directory, scheme=settings.stage_scheme, cache=folder, within=within)
    state = _read(reader, bars)
    if not state.sources:
        raise ExportFailed(
            f"{run.directory} holds no file of a training run: thalia-monitor check names what it holds."
        )
    return RunNotes(state_folder(settings), run_id(run.directory)).onto(state)


def _read(reader: RunReader, bars: Progress) -> TrainingState:
    if bars.disable:
        return reader.read()
    task = bars.add_task("Reading", total=1.0)
    while (state := reader.read(patience=LOOK_AGAIN)).read_fraction < 1:
        bars.update(task, completed=state.read_fraction)
    bars.update(task, completed=1.0)
    return state


def _release(state: TrainingState) -> None:
    history = state.history
    for table in (history.metrics, history.neurons, history.capacity):
        for column in table.values():
            release(column.values)
            if column.rows is not None:
                release(column.rows)
    for array in (history.step, history.segment, history.time):
        release(array)


def _write(
    request: Request, state: TrainingState, selection: Selection, written: Callable[[int], object]
) -> int:
    """Write the files and return their size in bytes."""
    kind, target = request.chosen_format, request.output
    text = _text(kind, state, selection, written)
    if target == STANDARD_OUTPUT:
        return _put(text, sys.stdout)
    beside = tables(state, selection)
    names = list(beside) if kind == "parquet" else ["notes"] if kind == "csv" and beside["notes"] else []
    with replaced([*(file_beside(target, name) for name in names), target]) as places:
        if kind == "parquet":
            for place, (name, records) in zip(places, beside.items(), strict=False):
                write_table(place, name, records)
            write_lines(places[-1], selection, state.name, written)
        else:
            if names:
                places[0].write_text(csv_table("notes", beside["notes"]), encoding="utf-8", newline="")
            with places[-1].open("x", encoding="utf-8", newline="") as file:
                _put(text, file)
        return sum(place.stat().st_size for place in places)


def _put(text: Iterator[str], file: TextIO) -> int:
    """Write each piece while the next one is made, and return the number of characters."""
    with ThreadPoolExecutor(1) as writer:
        size, writing = 0, writer.submit(int)
        for piece in text:
            size += writing.result()
            writing = writer.submit(file.write, piece)
        return size + writing.result()


def _text(
    kind: str, state: TrainingState, selection: Selection, written: Callable[[int], object]
) -> Iterator[str]:
    pieces = csv_text(selection) if kind == "csv" else _json(state, selection)
    left = len(selection)
    for place, piece in enumerate(pieces):
        yield piece
        if place:  # the first is the heading
            rows = min(left, ROWS_AT_ONCE)
            left -= rows
            written(rows)


def _json(state: TrainingState, selection: Selection) -> Iterator[str]:
    head = {"run": state.name, "columns": [*LEADING, *map(contract.legible, selection.names)]}
    yield json.dumps(head, ensure_ascii=False)[:-1] + ',\n"rows": [\n'
    yield from json_rows(selection)
    for name, records in tables(state, selection).items():
        rows = ",\n".join(json.dumps(record, ensure_ascii=False, allow_nan=False) for record in records)
        yield f'],\n"{name}": [\n{rows}\n'
    yield "]}\n"


@contextmanager
def replaced(targets: Sequence[Path]) -> Iterator[list[Path]]:
    """Give a name beside each target to write to; what was written takes the targets' place if all went well.

    Raises:
        ExportFailed: it cannot be written; what was there before is unchanged.
    """
    token = secrets.token_hex(4)
    places = [target.with_name(f".{target.name[:200]}.{token}.part") for target in targets]
    try:
        yield places
        for place in places:
            with place.open("rb") as file:
                os.fsync(file.fileno())
        for place, target in zip(places, targets, strict=True):
            place.replace(target)
    except OSError as error:
        raise ExportFailed(
            f"{targets[-1]} cannot be written: {error.strerror or error}. What was there before is unchanged."
        ) from error
    finally:
        for place in places:
            place.unlink(missing_ok=True)
