"""The watcher of alerts beside a running server: started once in every process that serves, with ``--alerts``."""

from __future__ import annotations

import atexit
import errno
import hashlib
import logging
import os
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from flask import Flask
from platformdirs import user_state_path

from thalia_monitor import system
from thalia_monitor.errors import SettingsError
from thalia_monitor.web.context import KEY, Monitor
from thalia_monitor.web.server.status import temporary_folder

if TYPE_CHECKING:
    from thalia_monitor.alerts.delivery import ChannelStatus
    from thalia_monitor.alerts.rules import Plan
    from thalia_monitor.alerts.watcher import Watcher
    from thalia_monitor.settings import Settings

log = logging.getLogger(__name__)

WATCHER: Final = "thalia_monitor_watcher"


def guard(server: Flask) -> Watcher | None:
    """Start this process's watch if there is an alerts file and none is running; it ends with the process.

    Raises:
        SettingsError: the file cannot be used, or what alerts need is not installed.
    """
    watch: Monitor = server.extensions[KEY]
    plan = plan_of(watch.settings)
    if plan is None or watch.settings.alerts is None:
        return None
    running: tuple[int, Watcher] | None = server.extensions.get(WATCHER)
    if running and running[0] == os.getpid():  # a forked worker has no thread of its parent's
        return running[1]
    watcher: Watcher = _part("watcher").Watcher(
        plan,
        watch.library.alive,
        usable_memory(watch.settings, watch.settings.alerts),
        name=watch_name(watch.settings),
        thresholds=watch.thresholds,
    )
    system.raise_file_limit()
    server.extensions[WATCHER] = os.getpid(), watcher
    watcher.start()
    atexit.register(watcher.stop)
    return watcher


def plan_of(settings: Settings) -> Plan | None:
    """Read the alerts file, its addresses checked; None where none is wanted. Raises SettingsError like guard."""
    if settings.alerts is None:
        return None
    system.reach_loopback_directly()
    plan: Plan = _part("rules").load(settings.alerts)
    for channel in plan.channels:
        _part("sending").check(channel)
    return plan


def memory(settings: Settings, path: Path) -> Path:
    """The folder in which the alerts of one file are remembered, the same in every process and after a restart."""
    name = hashlib.blake2s(str(path.resolve()).encode(errors="replace")).hexdigest()[:16]
    home = settings.state_dir or system.user_folder(user_state_path) or temporary_folder()
    return home / "alerts" / name


def usable_memory(settings: Settings, path: Path) -> Path:
    """That folder, made; or a temporary one where this user has no place for it and none was named.

    Raises:
        SettingsError: the folder of --state-dir cannot be used.
    """
    place = memory(settings, path)
    try:
        if not settings.state_dir and system.user_folder(user_state_path) is None:
            raise FileNotFoundError(errno.ENOENT, "this user has no home")
        place.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not os.access(place, os.W_OK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
    except OSError as error:
        reason = (
            f"The alerts' folder {place} cannot be used ({error.strerror}): name another with --state-dir."
        )
        if settings.state_dir:
            raise SettingsError(reason) from error
        log.warning("%s Until then alerts are remembered until this server ends.", reason)
        return temporary_folder() / place.name
    return place


def watch_name(settings: Settings) -> str:
    """The name of a server's watch: servers of the same runs share one, and servers of other runs do not."""
    places = sorted(str(each.absolute()) for each in (*settings.checkpoint_dir, *settings.root))
    return f"watch-{hashlib.blake2s(chr(0).join(places).encode(errors='replace'), digest_size=8).hexdigest()}"


def _part(name: str) -> Any:
    """Load a module of the alerts, which need packages that not everyone wants."""
    try:
        return import_module(f"thalia_monitor.alerts.{name}")
    except ModuleNotFoundError as error:
        raise SettingsError(f"Alerts need {error.name}: pip install 'thalia-monitor[alerts]'.") from error


def standing(server: Flask) -> dict[str, Any]:
    """What this process does for alerts, and how many channels are stuck; fit for everyone's eyes."""
    watcher = _running(server)
    if watcher is None:
        return {}
    return {
        "alerts": watcher.role,
        "stuck_channels": sum(each.condition == "stuck" for each in watcher.channels),
    }


def channels(server: Flask) -> Sequence[ChannelStatus]:
    """How each channel of the alerts is doing; none without ``--alerts``."""
    watcher = _running(server)
    return watcher.channels if watcher else ()


def _running(server: Flask) -> Watcher | None:
    running: tuple[int, Watcher] | None = server.extensions.get(WATCHER)
    return running[1] if running else None
