"""A second process that decodes ranges of a large log while the first does the same with others.

Run as ``python -m thalia_monitor.reading.helper``: a plain child process, because ``multiprocessing`` would run
the script that reads the log a second time. Tasks come in on stdin and answers go out on stdout, pickled, to and
from the process that started it; it ends when stdin does.
"""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, BinaryIO, Final

from thalia_monitor.reading.batch import Batch
from thalia_monitor.reading.bulk import BulkDecoder
from thalia_monitor.reading.decode import TextField
from thalia_monitor.reading.tail import count_lines, open_regular
from thalia_monitor.state import Event, Problem

_ROOT: Final = str(Path(__file__).parents[2])


@dataclass(frozen=True, slots=True)
class Range:
    """A part of a file, from the beginning of a line to the end of one."""

    path: Path
    identity: tuple[int, int]
    """Device and inode: a file put in its place meanwhile is not the same."""
    start: int
    end: int

    def read(self) -> bytes:
        """Read it; OSError where the file is no longer that one, or shorter."""
        with open_regular(self.path) as file:
            status = os.fstat(file.fileno())
            file.seek(self.start)
            content = file.read(self.end - self.start)
        if (status.st_dev, status.st_ino) != self.identity or len(content) < self.end - self.start:
            raise OSError(0, "has changed while it was read")
        return content


Found = list[Batch | Problem | TextField]


class Helper:
    """The other process, as the one that started it sees it."""

    def __init__(self, file: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", __spec__.name, file],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=os.environ | {"PYTHONPATH": os.pathsep.join([_ROOT, *filter(None, sys.path)])},
            start_new_session=True,  # Ctrl-C is for the monitor; a helper ends with its stdin
        )

    def decode(self, task: Range) -> tuple[int, Found]:
        """Have a range decoded: its lines, and what they say, numbered from 1; OSError when it cannot."""
        assert self._process.stdin and self._process.stdout
        try:
            pickle.dump(task, self._process.stdin)
            self._process.stdin.flush()
            answer = pickle.load(self._process.stdout)
        except (EOFError, pickle.UnpicklingError) as error:
            raise OSError(0, "the helper process has ended") from error
        if isinstance(answer, OSError):
            raise answer
        lines, found = answer
        return lines, [_unpacked(each) for each in found]

    def close(self) -> None:
        """End the process, whatever it is doing."""
        assert self._process.stdin and self._process.stdout
        self._process.kill()
        self._process.wait()
        self._process.stdout.close()
        with suppress(BrokenPipeError):  # a task that it never took
            self._process.stdin.close()


def decode_range(task: Range, decoder: BulkDecoder) -> tuple[int, Iterator[Batch | Problem | TextField]]:
    """Decode a range; its lines are numbered from 1."""
    content = task.read()
    return count_lines(content), decoder.decode(content)


def _packed(found: Batch | Problem | TextField) -> Any:
    """Take the events of a batch apart: slotted dataclasses are slow to pickle."""
    if isinstance(found, Problem | TextField):
        return found
    events = [(row, (e.kind, e.step, e.fields, e.time, e.line)) for row, e in found.events]
    return replace(found, events=()), events


def _unpacked(packed: Any) -> Batch | Problem | TextField:
    if isinstance(packed, Problem | TextField):
        return packed
    batch: Batch
    batch, events = packed
    return replace(
        batch,
        events=tuple(
            (row, Event(kind, step, fields, time=time, line=line))
            for row, (kind, step, fields, time, line) in events
        ),
    )


def serve(tasks: BinaryIO, answers: BinaryIO, decoder: BulkDecoder) -> None:
    """Answer tasks until there are no more."""
    while True:
        try:
            task = pickle.load(tasks)
        except EOFError:
            return
        try:
            lines, found = decode_range(task, decoder)
            answer: Any = lines, [_packed(each) for each in found]
        except OSError as error:
            answer = error
        pickle.dump(answer, answers, protocol=pickle.HIGHEST_PROTOCOL)
        answers.flush()


if __name__ == "__main__":
    try:
        serve(sys.stdin.buffer, sys.stdout.buffer, BulkDecoder(sys.argv[1]))
    except (BrokenPipeError, KeyboardInterrupt):  # the other process is gone, or both were interrupted
        sys.exit(1)
