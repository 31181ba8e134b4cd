"""Symbolic links in directories that somebody else writes to: they may lead anywhere, so they are asked where."""

from __future__ import annotations

from pathlib import Path
from typing import Final

REFUSED: Final = (
    "is a link that leads out of the run's directory, and is not followed (--follow-links allows it)"
)


def leads_outside(path: Path, within: Path) -> bool:
    """Whether a path ends outside a directory when all links, the directory's own too, are followed.

    A link that leads nowhere or round in a circle counts as outside.
    """
    try:
        return not path.resolve(strict=True).is_relative_to(within.resolve())
    except (OSError, RuntimeError):  # a circle is a RuntimeError up to Python 3.12
        return True
