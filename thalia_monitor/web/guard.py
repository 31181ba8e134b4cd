"""The watch for alerts beside a running server: started once in every process that serves, if asked for."""

from __future__ import annotations

import atexit
import hashlib
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from flask import Flask

from thalia_monitor.errors import SettingsError
from thalia_monitor.settings import Settings
from thalia_monitor.web.monitor import KEY, Monitor

if TYPE_CHECKING:
    from thalia_monitor.alerts.sentry import Sentry

SENTRY: Final = "thalia_monitor_sentry"


def guard(server: Flask) -> Sentry | None:
    """Start the watch if there is an alerts file; it ends with the process.

    Raises:
        SettingsError: the file cannot be used, or what alerts need is not installed.
    """
    watch: Monitor = server.extensions[KEY]
    if watch.settings.alerts is None:
        return None
    sentry = _sentry(watch, watch.settings.alerts)
    server.extensions[SENTRY] = sentry
    sentry.start()
    atexit.register(sentry.stop)
    return sentry


def _sentry(watch: Monitor, path: Path) -> Sentry:
    plans, sending, sentries = (_part(name) for name in ("plan", "sending", "sentry"))
    plan = plans.load(path)
    for channel in plan.channels:
        sending.check(channel)
    made: Sentry = sentries.Sentry(
        plan,
        lambda: [watch.library.reader(run) for run in watch.library.ids],
        memory(watch.settings, path),
        thresholds=watch.thresholds,
    )
    return made


def memory(settings: Settings, path: Path) -> Path:
    """The folder in which the alerts of one file are remembered, the same in every process and after a restart."""
    name = hashlib.blake2s(str(path.resolve()).encode(errors="replace")).hexdigest()[:16]
    place = settings.state_dir or _dependency("platformdirs").user_state_path("thalia-monitor")
    return Path(place) / "alerts" / name


def _part(name: str) -> Any:
    return _dependency(f"thalia_monitor.alerts.{name}")


def _dependency(name: str) -> Any:
    try:
        return import_module(name)
    except ModuleNotFoundError as error:
        raise SettingsError(f"Alerts need {error.name}: pip install 'thalia-monitor[alerts]'.") from error


def standing(server: Flask) -> str | None:
    """What this process does for alerts; None where none were asked for."""
    sentry: Sentry | None = server.extensions.get(SENTRY)
    return sentry.standing if sentry else None
