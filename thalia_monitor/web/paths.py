"""Where the site lies: ``pages/`` and ``assets/``, inside an installed package or beside a checkout's."""

from __future__ import annotations

from pathlib import Path

from thalia_monitor.errors import SettingsError

PACKAGE = Path(__file__).resolve().parent.parent


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
