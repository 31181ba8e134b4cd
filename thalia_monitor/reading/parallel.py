"""A large log at once: cut into ranges that this process and helpers decode side by side, handed out in order."""

from __future__ import annotations

import os
import threading
from collections.abc import Generator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final

from thalia_monitor.reading.bulk import BulkDecoder
from thalia_monitor.reading.files import open_regular
from thalia_monitor.reading.helper import Found, Helper, Range, decode_range
from thalia_monitor.reading.tail import LONGEST_LINE

WORTH_IT: Final = 32 * 2**20
"""Bytes; reading less than this is done before a helper has started."""
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
