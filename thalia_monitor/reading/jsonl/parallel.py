"""Decoding a large log in several processes: ranges of it are decoded side by side and returned in order.

The others run ``python -m thalia_monitor.reading.jsonl.parallel``: plain child processes, because
``multiprocessing`` would run the script that reads the log a second time. Tasks come in on stdin and answers go
out on stdout, as MessagePack behind its length; a child ends when stdin does.
"""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Generator, Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass, fields
from pathlib import Path
from typing import IO, Any, BinaryIO, Final, TypeVar

import msgspec
import numpy as np

from thalia_monitor import system
from thalia_monitor.model.records import Event, Problem
from thalia_monitor.reading.batch import Batch, Broken, Cells
from thalia_monitor.reading.files import LONGEST_LINE, open_regular
from thalia_monitor.reading.formats.problems import Repeated
from thalia_monitor.reading.jsonl.bulk_decode import BulkDecoder
from thalia_monitor.reading.jsonl.line import TextField
from thalia_monitor.reading.jsonl.tail import count_lines

_ROOT: Final = str(Path(__file__).parents[3])


@dataclass(frozen=True, slots=True)
class Range:
    """A part of a file, from the beginning of a line to the end of one."""

    path: Path
    identity: tuple[int, int]
    """Device and inode: a file put in its place meanwhile is not the same."""
    start: int
    end: int
    within: Path | None = None
    """No link that leads out of this directory is followed."""

    def read(self) -> bytes:
        """Read it; OSError where the file is no longer that one, or shorter."""
        with open_regular(self.path, self.within) as file:
            status = os.fstat(file.fileno())
            file.seek(self.start)
            content = file.read(self.end - self.start)
        if (status.st_dev, status.st_ino) != self.identity or len(content) < self.end - self.start:
            raise OSError(0, "has changed while it was read")
        return content


Found = list[Batch | Broken | Problem | TextField]


class Helper:
    """The other process, as the one that started it sees it."""

    def __init__(self, file: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", __spec__.name, file],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=os.environ | {"PYTHONPATH": os.pathsep.join([_ROOT, *filter(None, sys.path)])},
            start_new_session=system.IS_POSIX,  # Ctrl-C is for the monitor; a helper ends with its stdin
        )

    def decode(self, task: Range) -> tuple[int, Found]:
        """Have a range decoded: its lines, and what they say, numbered from 1; OSError when it cannot."""
        assert self._process.stdin and self._process.stdout
        try:
            _send(self._process.stdin, _Task(os.fsencode(task.path), task.identity, task.start, task.end))
            answer = _received(self._process.stdout, _Answer)
        except (EOFError, msgspec.MsgspecError) as error:
            raise OSError(0, "the helper process has ended") from error
        if answer.failed:
            raise OSError(*answer.failed)
        return answer.lines, [_unpacked(each) for each in answer.found]

    def close(self) -> None:
        """End the process, whatever it is doing."""
        assert self._process.stdin and self._process.stdout
        self._process.kill()
        self._process.wait()
        self._process.stdout.close()
        with suppress(BrokenPipeError):  # a task that it never took
            self._process.stdin.close()


def decode_range(
    task: Range, decoder: BulkDecoder
) -> tuple[int, Iterator[Batch | Broken | Problem | TextField]]:
    """Decode a range; its lines are numbered from 1."""
    content = task.read()
    return count_lines(content), decoder.decode(content)


class _Task(msgspec.Struct):
    path: bytes
    identity: tuple[int, int]
    start: int
    end: int


class _Found(msgspec.Struct):
    """A part of an answer: a batch, its events apart, a number of broken lines, a problem or a text field."""

    batch: dict[str, Any] = {}
    events: list[tuple[int, str, int | None, dict[str, Any], float | None, int | None]] = []
    broken: int = 0
    problem: tuple[str, int | None, str, bool] | None = None
    """File, line and reason, and whether the reason counts once a file."""
    text_field: str | None = None
    """Name of the field that the problem is of."""


class _Answer(msgspec.Struct):
    lines: int = 0
    found: list[_Found] = []
    failed: tuple[int, str] | None = None


_ARRAYS: Final = (np.dtype(np.int64), np.dtype(np.float64))
"""The kinds of arrays; a kind's place is the code of its MessagePack extension."""


def _array_out(array: Any) -> msgspec.msgpack.Ext:
    return msgspec.msgpack.Ext(_ARRAYS.index(array.dtype), np.ascontiguousarray(array).tobytes())


def _array_in(code: int, content: memoryview) -> Any:
    return np.frombuffer(content, _ARRAYS[code]).copy()


def _send(pipe: IO[bytes], message: _Task | _Answer) -> None:
    packed = msgspec.msgpack.encode(message, enc_hook=_array_out)
    pipe.write(len(packed).to_bytes(8, "little") + packed)
    pipe.flush()


T = TypeVar("T")


def _received(pipe: IO[bytes], kind: type[T]) -> T:
    size = pipe.read(8)
    content = pipe.read(int.from_bytes(size, "little"))
    if len(size) < 8 or not content:
        raise EOFError
    return msgspec.msgpack.decode(content, type=kind, ext_hook=_array_in)


def _packed(found: Batch | Broken | Problem | TextField) -> _Found:
    if isinstance(found, Broken):
        return _Found(broken=found.count)
    if isinstance(found, Problem):
        repeated = isinstance(found.reason, Repeated)
        return _Found(problem=(found.file, found.line, str(found.reason), repeated))
    if isinstance(found, TextField):
        return msgspec.structs.replace(_packed(found.problem), text_field=found.name)
    columns = {each.name: getattr(found, each.name) for each in fields(found) if each.name != "events"}
    events = [(row, e.kind, e.step, dict(e.fields), e.time, e.line) for row, e in found.events]
    return _Found(columns, events)


def _unpacked(packed: _Found) -> Batch | Broken | Problem | TextField:
    if packed.broken:
        return Broken(packed.broken)
    if packed.problem:
        file, line, reason, repeated = packed.problem
        problem = Problem(file, line, Repeated(reason) if repeated else reason)
        return problem if packed.text_field is None else TextField(packed.text_field, problem)
    columns: dict[str, Any] = {
        name: {each: Cells(**cells) for each, cells in value.items()} if isinstance(value, dict) else value
        for name, value in packed.batch.items()
    }
    events = tuple(
        (row, Event(kind, step, rest, time=time, line=line))
        for row, kind, step, rest, time, line in packed.events
    )
    return Batch(**columns, events=events)


def serve(tasks: BinaryIO, answers: BinaryIO, decoder: BulkDecoder) -> None:
    """Answer tasks until there are no more."""
    while True:
        try:
            task = _received(tasks, _Task)
        except EOFError:
            return
        try:
            range_ = Range(Path(os.fsdecode(task.path)), task.identity, task.start, task.end)
            lines, found = decode_range(range_, decoder)
            _send(answers, _Answer(lines, [_packed(each) for each in found]))
        except OSError as error:
            _send(answers, _Answer(failed=(error.errno or 0, error.strerror or "")))
        except (OverflowError, UnicodeEncodeError):  # a number or a text that MessagePack has no place for
            _send(answers, _Answer(failed=(0, "cannot be handed over")))


if __name__ == "__main__":
    try:
        serve(sys.stdin.buffer, sys.stdout.buffer, BulkDecoder(sys.argv[1]))
    except (BrokenPipeError, KeyboardInterrupt):  # the other process is gone, or both were interrupted
        sys.exit(1)


MIN_PARALLEL_BYTES: Final = 32 * 2**20
"""Additions smaller than this are parsed before a helper process would have started."""
RANGE: Final = 8 * 2**20
AHEAD: Final = 6
"""Ranges that may be decoded, or being decoded, and not yet handed out: what bounds the memory."""
MOST_HELPERS: Final = 3


@dataclass(frozen=True, slots=True)
class Decoded:
    """What a range of a log says; its lines numbered from 1."""

    end: int
    lines: int
    found: Found


def helpers_here() -> int:
    """How many helpers are worth having on this machine: one for each other processor."""
    available = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(available - 1, MOST_HELPERS)


def ranges(path: Path, start: int, end: int, within: Path | None = None) -> list[Range]:
    """Cut a file into ranges of whole lines; what is left at the end holds no newline, or an absurd line."""
    found: list[Range] = []
    with open_regular(path, within) as file:
        status = os.fstat(file.fileno())
        while start + RANGE <= end:
            cut = _after_newline(file, start + RANGE, end)
            if cut is None:
                break
            found.append(Range(path, (status.st_dev, status.st_ino), start, cut, within))
            start = cut
    return found


def _after_newline(file: BinaryIO, place: int, end: int) -> int | None:
    file.seek(place - 1)
    looked_at = 0
    while place + looked_at < min(end, place + LONGEST_LINE):
        piece = file.read(min(2**16, end - place + 1 - looked_at))
        at = piece.find(b"\n")
        if at >= 0:
            return place + looked_at + at
        if not piece:
            break
        looked_at += len(piece)
    return None


def decode_ranges(todo: list[Range], file: str, helpers: int) -> Generator[Decoded, None, None]:
    """Decode ranges with so many helpers, in their order; OSError where the file cannot be read to the end."""
    work = _Work(todo)
    own = BulkDecoder(file)
    with ExitStack() as stack:
        for _ in range(min(helpers, len(todo) - 1)):
            try:
                helper = Helper(file)
            except OSError:  # no room for another process: this one does it all
                break
            thread = threading.Thread(target=work.assist, args=(helper,), daemon=True)
            thread.start()
            stack.callback(thread.join)
            stack.callback(helper.close)
        stack.callback(work.stop)
        for place, task in enumerate(todo):
            while (decoded := work.finished(place)) is None:
                taken = work.take()
                if taken is None:
                    work.wait(place)
                    continue
                lines, found = decode_range(todo[taken], own)
                work.finish(taken, (lines, list(found)))
            yield Decoded(task.end, *decoded)


class _Work:
    """The ranges still to do, shared between the threads that wait for helpers and the one that decodes itself."""

    def __init__(self, todo: list[Range]) -> None:
        self._todo = todo
        self._change = threading.Condition()
        self._waiting = list(reversed(range(len(todo))))
        self._finished: dict[int, tuple[int, Found]] = {}
        self._handed_out = 0

    def assist(self, helper: Helper) -> None:
        """Keep a helper busy until there is nothing left; what it fails at is left to others."""
        while (taken := self._take_when_due()) is not None:
            try:
                self.finish(taken, helper.decode(self._todo[taken]))
            except OSError:
                with self._change:
                    self._waiting.append(taken)
                    self._waiting.sort(reverse=True)
                    self._change.notify_all()
                return

    def take(self) -> int | None:
        """Take the next range to decode, if there is one that is due."""
        with self._change:
            return self._take()

    def _take(self) -> int | None:
        due = self._waiting and self._waiting[-1] < self._handed_out + AHEAD
        return self._waiting.pop() if due else None

    def _take_when_due(self) -> int | None:
        with self._change:
            while self._waiting:
                if (taken := self._take()) is not None:
                    return taken
                self._change.wait()
            return None

    def finish(self, place: int, decoded: tuple[int, Found]) -> None:
        """Keep what a range says until it is its turn."""
        with self._change:
            self._finished[place] = decoded
            self._change.notify_all()

    def finished(self, place: int) -> tuple[int, Found] | None:
        """What the range whose turn it is says, when it is decoded."""
        with self._change:
            decoded = self._finished.pop(place, None)
            if decoded is not None:
                self._handed_out = place + 1
                self._change.notify_all()
            return decoded

    def wait(self, place: int) -> None:
        """Wait until that range is decoded, or there is something to take."""
        with self._change:
            while place not in self._finished and not (
                self._waiting and self._waiting[-1] < self._handed_out + AHEAD
            ):
                self._change.wait()

    def stop(self) -> None:
        """Leave the rest undone."""
        with self._change:
            self._waiting.clear()
            self._change.notify_all()
