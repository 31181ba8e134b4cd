"""Memoization on immutable values, and incremental results over append-only sequences."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from contextlib import suppress
from operator import is_
from typing import Any, Final, TypeVar, cast

T = TypeVar("T")

MOST: Final = 64
"""Results kept per value: a finished run gets no new version, yet is viewed in ever different ways."""


class Memoized:
    """Base of immutable values with a bounded, least-recently-used memo of derived results."""

    def memoized(self, what: Hashable, compute: Callable[[], T]) -> T:
        """Return the result stored under ``what``, computing it on the first call."""
        kept: OrderedDict[Hashable, Any] = self.__dict__.setdefault("_once", OrderedDict())
        found = kept.get(what, kept)
        if found is kept:
            found = kept[what] = compute()
        with suppress(KeyError):  # another thread has just made room
            kept.move_to_end(what)
            while len(kept) > MOST:
                kept.popitem(last=False)
        return cast(T, found)


V = TypeVar("V")


class AppendOnly(tuple[T, ...]):
    """Snapshot of an append-only sequence.

    Results of :meth:`extended` carry over to the next version, so a refresh costs only the new values. Stored results
    are never modified: all versions may be used concurrently.
    """

    _kept: dict[Hashable, tuple[int, Hashable, Any]]
    _source: tuple[T, ...]

    def next_version(self, now: tuple[T, ...]) -> AppendOnly[T]:
        """Return the next version; it inherits stored results if it starts with these very values, else none."""
        if now is self.__dict__.get("_source"):
            return self
        following = AppendOnly(now)
        following._source = now
        if len(now) >= len(self) and all(map(is_, self, now)):
            following._kept = dict(self.__dict__.get("_kept", {}))
        return following

    def extended(
        self,
        what: Hashable,
        compute: Callable[[tuple[T, ...], int], V],
        join: Callable[[V, V], V],
        depends: Hashable = None,
    ) -> V:
        """Return a result over all values, extending the one stored for an earlier version.

        ``compute`` takes the new values and the index of the first of them; ``join`` appends its result to the stored
        one and modifies neither. A result stored with another ``depends`` is computed again.
        """
        kept = self.__dict__.setdefault("_kept", {})
        count, before, known = kept.get(what, (0, None, None))
        if what not in kept or before != depends:
            count, known = -1, compute(self[:], 0)
        elif count < len(self):
            known = join(known, compute(self[count:], count))
        if count < len(self):
            kept[what] = len(self), depends, known
        return cast(V, known)
