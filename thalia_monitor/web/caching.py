"""Finished figures, kept for all viewers of all workers; a cache that fails costs time, never an answer."""

from __future__ import annotations

import errno
import hashlib
import logging
import os
import pickle
import stat
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from flask import Flask
from flask_caching import Cache
from platformdirs import user_cache_path

from thalia_monitor import __version__
from thalia_monitor.errors import SettingsError
from thalia_monitor.settings import Settings

log = logging.getLogger(__name__)

PAUSE: Final = 5.0
"""Seconds without a look at a cache that has just failed, so that a dead one does not slow every answer."""
KEPT: Final = 24 * 3600
"""Seconds. A key names the version it was computed from, so age makes nothing wrong; it only makes room."""
FILES: Final = "thalia_monitor.web.figure_files.FigureFiles"
UNREADABLE: Final = (
    OSError,
    pickle.PickleError,
    EOFError,
    AttributeError,
    ImportError,
    ValueError,
    IndexError,
)
"""What reading an entry may raise: its backend is away, it was cut short, another release wrote it."""


class FigureCache:
    """A flask-caching backend that may go away and come back at any time."""

    def __init__(
        self, cache: Cache, kind: str, settings: Settings, broken_by: tuple[type[Exception], ...] = UNREADABLE
    ) -> None:
        self._cache = cache
        self._broken_by = broken_by
        self._whose = f"{__version__}:{settings}"
        self._again_at = 0.0
        self.kind = kind
        self.failures = 0
        """How often it has failed since the start."""

    @property
    def answering(self) -> bool:
        """Whether it has not just failed."""
        return time.monotonic() >= self._again_at

    @property
    def shared(self) -> bool:
        """Whether the other workers have what is kept in it."""
        return self.kind not in ("memory", "off")

    def get(self, key: str) -> Any:
        """What is kept under a key; None where nothing is, or the cache is away."""
        return self._ask(lambda: self._cache.get(self._short(key)))

    def set(self, key: str, value: object, kept: int = KEPT) -> None:
        """Keep a value for so many seconds, if the cache is there."""
        self._ask(lambda: self._cache.set(self._short(key), value, timeout=kept))

    def _ask(self, what: Callable[[], Any]) -> Any:
        if not self.answering:
            return None
        try:
            return what()
        except self._broken_by as error:
            self.failures += 1
            self._again_at = time.monotonic() + PAUSE
            log.warning("The cache (%s) does not answer; going on without it: %s", self.kind, error)
            return None

    def _short(self, key: str) -> str:
        # What is drawn depends on the release and on settings (names of stages, addresses of pages): two monitors of
        # one user share nothing unless they are the same. And a key holds names that viewers sent.
        return hashlib.blake2b(f"{self._whose}:{key}".encode("utf-8", "replace"), digest_size=20).hexdigest()


def figure_cache(server: Flask, settings: Settings) -> FigureCache:
    """Make the cache that the settings ask for.

    Raises:
        SettingsError: Redis' library is missing, or the folder is not ours alone.
    """
    common = {"CACHE_DEFAULT_TIMEOUT": KEPT, "CACHE_THRESHOLD": settings.cache_threshold}
    wanted = settings.cache or "memory"
    if wanted == "off":
        return FigureCache(
            Cache(server, config={"CACHE_TYPE": "NullCache", "CACHE_NO_NULL_WARNING": True}), "off", settings
        )
    if wanted == "memory":
        return FigureCache(Cache(server, config=common | {"CACHE_TYPE": "SimpleCache"}), "memory", settings)
    if wanted == "files":
        folder = private_folder(settings, "figures")
        config = common | {"CACHE_TYPE": FILES, "CACHE_DIR": str(folder)}
        return FigureCache(Cache(server, config=config), f"files in {folder}", settings)
    return _redis(server, settings, common)


def _redis(server: Flask, settings: Settings, common: dict[str, Any]) -> FigureCache:
    try:
        import redis  # noqa: PLC0415 - an extra: most monitors run without it
    except ImportError as error:
        raise SettingsError(
            "--cache redis://... needs Redis' library: pip install 'thalia-monitor[redis]'."
        ) from error
    config = common | {
        "CACHE_TYPE": "RedisCache",
        "CACHE_REDIS_URL": settings.cache,
        "CACHE_KEY_PREFIX": "thalia-monitor:",
        "CACHE_OPTIONS": {"socket_timeout": 0.5, "socket_connect_timeout": 0.5},
    }
    try:
        cache = Cache(server, config=config)
    except ValueError as error:
        raise SettingsError(f"--cache is no address of a Redis: {error}.") from error
    return FigureCache(cache, "Redis", settings, (redis.RedisError, *UNREADABLE))


def private_folder(settings: Settings, name: str) -> Path:
    """A folder that only this user can open: what lies in it is believed.

    Raises:
        SettingsError: it cannot be made, or others may write to it.
    """
    folder = (settings.cache_dir or user_cache_path("thalia-monitor")) / name
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        found = folder.stat()
        if found.st_uid != os.geteuid():
            raise PermissionError(errno.EPERM, "it belongs to somebody else")
        if stat.S_IMODE(found.st_mode) & 0o077:
            folder.chmod(0o700)
    except OSError as error:
        raise SettingsError(
            f"The cache folder {folder} cannot be used ({error.strerror}): name another with --cache-dir."
        ) from error
    return folder
