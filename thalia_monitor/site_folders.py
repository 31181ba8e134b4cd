"""Where the site's files lie: ``pages/`` and ``assets/`` of a checkout, or of the installed package."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from thalia_monitor.errors import SettingsError

PACKAGE: Final = Path(__file__).resolve().parent
PLOTLY: Final = "plotly-cartesian.min.js"
"""The asset that is plotly.js: its bundle with lines, bars and heatmaps, a third of the one in Python's package."""


def site_folder(name: str) -> Path:
    """Find ``pages`` or ``assets``; the checkout's own wins, since an editable install leaves a stale copy behind.

    Raises:
        SettingsError: the installation is incomplete.
    """
    checkout = PACKAGE.parent
    candidates = [PACKAGE / name]
    if (checkout / "pyproject.toml").is_file():  # else a stray site-packages/pages could take over
        candidates.insert(0, checkout / name)
    for folder in candidates:
        if folder.is_dir():
            return folder
    raise SettingsError(
        f"The folder {name}/ is missing from this installation: install thalia-monitor again."
    )
