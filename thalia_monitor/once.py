"""What was computed from a value that never changes, kept with it."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from contextlib import suppress
from typing import Any, Final, TypeVar, cast

T = TypeVar("T")

MOST: Final = 64
"""Things kept with one value: a finished run is looked at in ever other ways, and never gets a new version."""


class Once:
    """A value that remembers what was computed from it; of many things, those asked for last."""

    def once(self, what: Hashable, compute: Callable[[], T]) -> T:
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
