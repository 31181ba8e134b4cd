"""What was computed from a value that never changes, kept with it."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from contextlib import suppress
from operator import is_
from typing import Any, Final, TypeVar, cast

T = TypeVar("T")

MOST: Final = 64
"""Things kept with one value: a finished run is looked at in ever other ways, and never gets a new version."""


class Memoized:
    """A value that remembers what was computed from it; of many things, those asked for last."""

    def memoized(self, what: Hashable, compute: Callable[[], T]) -> T:
        """Compute something from this value once, however many charts ask for it."""
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
    """Values of which there are only ever more, as they are at one moment.

    What :meth:`extended` computes for one version is taken over by the next: a new value costs itself, not all those
    before it. Whatever is kept is never changed, so that every version may be used at the same time as any other.
    """

    _kept: dict[Hashable, tuple[int, Any]]
    _source: tuple[T, ...]

    def next_version(self, now: tuple[T, ...]) -> AppendOnly[T]:
        """The next version: these very values and more of them, or anything else, of which nothing is known yet."""
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
    ) -> V:
        """Compute something of all values, from what it was for those that were there before.

        ``compute`` is given the new values and the position of the first of them; ``join`` puts what it gives behind
        what is known, and changes neither.
        """
        kept = self.__dict__.setdefault("_kept", {})
        count, known = kept.get(what, (0, None))
        if what not in kept:
            known = compute(self[:], 0)
        elif count < len(self):
            known = join(known, compute(self[count:], count))
        if count < len(self) or what not in kept:
            kept[what] = len(self), known
        return cast(V, known)
