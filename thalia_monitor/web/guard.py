"""The watcher of alerts beside a running server: started once in every process that serves, with ``--alerts``."""

from __future__ import annotations

import atexit
import hashlib
import os
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from flask import Flask
from platformdirs import user_state_path

from thalia_monitor.errors import SettingsError
from thalia_monitor.settings import Settings
from thalia_monitor.web import operations
from thalia_monitor.web.monitor import KEY, Monitor

if TYPE_CHECKING:
    from thalia_monitor.alerts.delivery import ChannelStatus
    from thalia_monitor.alerts.rules import Plan
    from thalia_monitor.alerts.watcher import Watcher

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
        memory(watch.settings, watch.settings.alerts),
        name=watch_name(watch.settings),
        thresholds=watch.thresholds,
    )
    operations.raise_file_limit()
    server.extensions[WATCHER] = os.getpid(), watcher
    watcher.start()
    atexit.register(watcher.stop)
    return watcher


def plan_of(settings: Settings) -> Plan | None:
    """Read the alerts file, its addresses checked; None where none is wanted. Raises SettingsError like guard."""
    if settings.alerts is None:
        return None
    plan: Plan = _part("rules").load(settings.alerts)
    for channel in plan.channels:
        _part("sending").check(channel)
    return plan


def memory(settings: Settings, path: Path) -> Path:
    """The folder in which the alerts of one file are remembered, the same in every process and after a restart."""
    name = hashlib.blake2s(str(path.resolve()).encode(errors="replace")).hexdigest()[:16]
    place = settings.state_dir or user_state_path("thalia-monitor")
    return place / "alerts" / name


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
