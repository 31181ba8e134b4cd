"""Cache of finished figures, shared by all viewers and workers; a cache that fails costs time, never an answer.

Values are stored as MessagePack, which cannot run code. A folder of figures is pruned now and then, not at
every write.
"""

from __future__ import annotations

import hashlib
import logging
import os
import re
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import IO, Any, Final, TypeVar, cast
from urllib.parse import urlsplit

import msgspec
from cachelib.serializers import BaseSerializer
from flask import Flask
from flask_caching import Cache
from flask_caching.backends.filesystemcache import FileSystemCache
from platformdirs import user_cache_path

from thalia_monitor import system
from thalia_monitor._version import __version__
from thalia_monitor.errors import SettingsError
from thalia_monitor.settings import Settings
from thalia_monitor.web.private_parts import UNFINISHED

SUFFIX: Final = ".figure"
NAME: Final = re.compile(rf"[0-9a-f]+{re.escape(SUFFIX)}|tmp\w+{re.escape(UNFINISHED)}")
"""The files of finished entries, and of those that a killed process has left unfinished."""


class MessagePack(BaseSerializer):
    """Writes a value for a cache as MessagePack, which holds values and nothing that could be run (unlike pickle)."""

    def dumps(self, value: Any, *_: Any) -> bytes:
        """Write a value; one that the format has no place for is read as nothing."""
        try:
            return msgspec.msgpack.encode(value)
        except (OverflowError, UnicodeEncodeError):  # a number or a name
            return msgspec.msgpack.encode(None)

    def loads(self, content: bytes | None) -> Any:
        """Read a value, made of lists, tables and scalars; None for what is no MessagePack."""
        try:
            return msgspec.msgpack.decode(content or b"")
        except (msgspec.DecodeError, UnicodeDecodeError):
            return None

    def dump(self, value: Any, file: IO[bytes], *_: Any) -> None:
        """Write a value to a file."""
        file.write(self.dumps(value))

    def load(self, file: IO[bytes]) -> Any:
        """Read a value from a file."""
        return self.loads(file.read())


class FigureFiles(FileSystemCache):  # type: ignore[misc]  # flask-caching has no types
    """flask-caching's folder, kept small at a cost that hardly counts.

    Once its own is full, it opens every file in the folder at every write to find the oldest one, and writes down how
    many there are: with two workers and a log that grows ten lines a second, that was all they did. Here each process
    looks at the folder's times once in as many writes as an eighth of the limit, and removes the oldest files until a
    quarter of the limit is free.

    Only files that are named like ours are ever removed: the folder may hold others.
    """

    serializer = MessagePack()
    _writes = 0

    def _get_filename(self, key: str) -> str:
        """Name an entry's file."""
        return str(super()._get_filename(key)) + SUFFIX

    def _list_dir(self) -> Iterator[str]:
        """Every entry's file."""
        with os.scandir(self._path) as found:
            for each in found:
                if NAME.fullmatch(each.name) and each.is_file(follow_symlinks=False):
                    yield each.path

    def _update_count(self, delta: int | None = None, value: int | None = None) -> None:
        """Keep no count: the folder itself tells."""

    def _prune(self) -> None:
        limit = self._threshold
        self._writes += 1
        if limit and self._writes % max(limit // 8, 1) == 0:
            self._tidy(limit - limit // 4)

    def _tidy(self, kept: int) -> None:
        found = []
        for path in map(Path, self._list_dir()):
            with suppress(OSError):  # another worker has just removed it
                found.append((path.stat().st_mtime_ns, path))
        for _, path in sorted(found)[: max(len(found) - kept, 0)]:
            with suppress(OSError):
                path.unlink()


log = logging.getLogger(__name__)

PAUSE: Final = 5.0
"""Seconds without a look at a cache that has just failed, so that a dead one does not slow every answer."""
KEPT: Final = 24 * 3600
"""Seconds. A key names the version it was computed from, so age makes nothing wrong; it only makes room."""
FILES: Final = "thalia_monitor.web.cache.FigureFiles"
UNREADABLE: Final = (OSError, EOFError, ValueError)
"""What a backend may raise: it is away, or what it holds is no entry of ours."""

NO_REDIS: Final = (
    "--cache is no address of a Redis, such as redis://:PASSWORD@HOST:6379/0. In a name or password every "
    "character but letters, digits and -._~ has to be percent-encoded: / is %2F, # is %23, ? is %3F, @ is %40, "
    ": is %3A, % is %25."
)

T = TypeVar("T")
ANYTHING: Final = cast("type[Any]", Any)
"""The kind of a value of any kind."""


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

    def get(self, key: str, kind: type[T] = ANYTHING) -> T | None:
        """What is kept under a key; None where nothing of that kind is, or the cache is away."""
        found = self._ask(lambda: self._cache.get(self._short(key)))
        try:
            return None if found is None else msgspec.convert(found, kind)
        except msgspec.ValidationError:  # another release wrote it, or something else
            return None

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


def figure_cache(server: Flask, settings: Settings, folder: Path | None = None) -> FigureCache:
    """Make the cache that the settings ask for; ``folder`` is where files are kept.

    Raises:
        SettingsError: Redis' library is missing, or its address is none.
    """
    common = {
        "CACHE_DEFAULT_TIMEOUT": KEPT,
        "CACHE_THRESHOLD": settings.cache_threshold,
        "CACHE_SERIALIZER": MessagePack(),
    }
    wanted = settings.cache or ("files" if folder else "memory")
    if wanted == "off":
        return FigureCache(
            Cache(server, config={"CACHE_TYPE": "NullCache", "CACHE_NO_NULL_WARNING": True}), "off", settings
        )
    if wanted == "memory":
        return FigureCache(Cache(server, config=common | {"CACHE_TYPE": "SimpleCache"}), "memory", settings)
    if wanted == "files":
        folder = folder or private_folder(settings, "figures")
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
        address = urlsplit(settings.cache)
        if address.scheme != "unix" and "@" in address.path + address.query + address.fragment:
            raise SettingsError(NO_REDIS)  # a part of the password would be taken for the port
        cache = Cache(server, config=config)
    except (ValueError, redis.RedisError):  # its words quote the address, which may hold a password
        raise SettingsError(NO_REDIS) from None
    return FigureCache(cache, "Redis", settings, (redis.RedisError, *UNREADABLE))


def folders(settings: Settings, shared: bool) -> tuple[Path | None, Path | None]:
    """The folders for figures and for the snapshots of large logs; None for what is not wanted or not possible.

    Args:
        settings: where they lie.
        shared: whether several processes answer, so that files are the better place for figures.

    Raises:
        SettingsError: a folder cannot be used and was named, with --cache-dir or --cache files.
    """
    files = settings.cache == "files" or (shared and not settings.cache)
    try:
        return (
            private_folder(settings, "figures") if files else None,
            None if settings.no_index else private_folder(settings, "logs"),
        )
    except SettingsError as error:
        if settings.cache_dir or settings.cache == "files":
            raise
        log.warning("%s Until then each process computes and reads everything itself.", error)
        return None, None


def private_folder(settings: Settings, name: str) -> Path:
    """A folder that only this user can read and replace: what lies in it is believed.

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
