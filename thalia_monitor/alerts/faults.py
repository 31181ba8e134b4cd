"""A fault in the watch over one run or channel stays there: it is logged, and the watch over all others goes on."""

from __future__ import annotations

import logging
from collections.abc import Hashable
from types import TracebackType


class Faults:
    """Keeps what goes wrong with single things, and logs it: one line and traceback for all that is new."""

    def __init__(self, what: str) -> None:
        """Contain faults of ``what``, like "the watch over runs"."""
        self._what = what
        self._known: dict[Hashable, str] = {}
        """What is wrong with each thing now."""
        self._new: list[tuple[str, BaseException]] = []

    def of(self, key: Hashable, name: str = "") -> Block:
        """Contain everything that goes wrong in a ``with`` block about one thing."""
        return Block(self, key, name)

    def failed(self, key: Hashable, name: str, fault: BaseException) -> None:
        """Take in a fault; the same one of the same thing is not logged again until it is over."""
        sign = f"{type(fault).__name__}: {fault}"
        if self._known.get(key) != sign:
            self._new.append((name, fault))
        self._known[key] = sign

    def cleared(self, key: Hashable) -> None:
        """Take in that nothing is wrong with a thing."""
        self._known.pop(key, None)

    def report(self, log: logging.Logger) -> None:
        """Log what is new since the last report: one line, with the first traceback."""
        if not self._new:
            return
        (name, fault), count = self._new[0], len(self._new)
        log.error(
            "alerts: %s failed%s: %s: %s",
            self._what,
            f" ({count:,} of them, {name} first)" if count > 1 else f" ({name})" if name else "",
            type(fault).__name__,
            fault,
            exc_info=fault,
        )
        self._new.clear()


class Block:
    """A block in which whatever goes wrong concerns one thing alone."""

    def __init__(self, faults: Faults, key: Hashable, name: str) -> None:
        self._faults, self._key, self._name = faults, key, name

    def __enter__(self) -> None:
        pass

    def __exit__(
        self, _: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> bool:
        if fault is None:
            self._faults.cleared(self._key)
        elif isinstance(fault, Exception):  # not the interpreter's own end
            self._faults.failed(self._key, self._name, fault)
            return True
        return False
