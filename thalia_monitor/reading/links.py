"""Symbolic links in directories that somebody else writes to: they may lead anywhere, so they are asked where."""

from __future__ import annotations

from pathlib import Path


def leads_outside(path: Path, within: Path) -> bool:
    """Whether a path, all links followed, ends outside a directory (given with its own links followed).

    A link that leads nowhere or round in a circle counts as outside.
    """
    try:
        return not path.resolve(strict=True).is_relative_to(within)
    except (OSError, RuntimeError):  # a circle is a RuntimeError up to Python 3.12
        return True
