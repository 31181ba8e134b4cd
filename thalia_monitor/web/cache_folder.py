"""Folders for results and for snapshots of large logs: in ``--cache-dir``, or the user's cache directory."""

from __future__ import annotations

import logging
from pathlib import Path

from platformdirs import user_cache_path

from thalia_monitor import system
from thalia_monitor.errors import SettingsError
from thalia_monitor.settings import Settings

log = logging.getLogger(__name__)


def cache_folders(settings: Settings, several_processes: bool) -> tuple[Path | None, Path | None]:
    """Return the folders for results and for snapshots of large logs; None for one that is not wanted or possible.

    Args:
        settings: where they are.
        several_processes: whether results are kept in files if the settings do not say where.

    Raises:
        SettingsError: a folder cannot be used and was named, with --cache-dir or --cache files.
    """
    files = settings.cache == "files" or (several_processes and not settings.cache)
    try:
        return (
            private_folder(settings, "figures") if files else None,
            None if settings.no_index else private_folder(settings, "logs"),
        )
    except SettingsError as error:
        if settings.cache_dir or settings.cache == "files":
            raise
        log.warning(
            "%s Until a usable folder is named, each process computes and reads everything itself.", error
        )
        return None, None


def private_folder(settings: Settings, name: str) -> Path:
    """Return a folder that only this user can read and write: its content is trusted without checks.

    Raises:
        SettingsError: it cannot be made, or others may write to it or to one above it.
    """
    home = settings.cache_dir or system.user_folder(user_cache_path)
    if home is None:
        raise SettingsError("This user has no home for a cache: name a folder with --cache-dir.")
    folder = home.absolute() / name
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        reason = system.why_not_private(folder)
        if not reason:
            system.shut_to_others(folder)
    except OSError as error:
        reason = str(error.strerror)
    if reason:
        raise SettingsError(
            f"The cache folder {folder} cannot be used ({reason}): name another with --cache-dir."
        )
    return folder
