"""Cache of what was computed from a version of a run, such as figures, for all viewers and workers.

If the cache fails, results are computed again, and no request fails. Values are stored as MessagePack, which cannot
run code. A folder of results is pruned now and then, not at every write.
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

from thalia_monitor._version import __version__
from thalia_monitor.errors import SettingsError
from thalia_monitor.settings import Settings
from thalia_monitor.web.cache_folder import private_folder
from thalia_monitor.web.private_parts import UNFINISHED

SUFFIX: Final = ".figure"
NAME: Final = re.compile(rf"[0-9a-f]+{re.escape(SUFFIX)}|tmp\w+{re.escape(UNFINISHED)}")
"""The files of finished entries, and of those that a killed process has left unfinished."""


class MessagePack(BaseSerializer):
    """Writes a value for a cache as MessagePack, which holds values and nothing that could be run (unlike pickle)."""

    def dumps(self, value: Any, *_: Any) -> bytes:
        """Encode a value; one that MessagePack cannot hold is encoded as None, and so is not found again."""
        try:
            return msgspec.msgpack.encode(value)
        except (OverflowError, UnicodeEncodeError):  # beyond 64 bits, or half of a surrogate pair
            return msgspec.msgpack.encode(None)

    def loads(self, content: bytes | None) -> Any:
        """Decode a value of lists, dictionaries and scalars; None for content that is not MessagePack."""
        try:
            return msgspec.msgpack.decode(content or b"")
        except (msgspec.DecodeError, UnicodeDecodeError):
            return None

    def dump(self, value: Any, file: IO[bytes], *_: Any) -> None:
        """Encode a value into a file."""
        file.write(self.dumps(value))

    def load(self, file: IO[bytes]) -> Any:
        """Decode a value from a file."""
        return self.loads(file.read())


class ResultFiles(FileSystemCache):  # type: ignore[misc]  # flask-caching has no types
    """Folder of results with a limited number of files.

    flask-caching's own class opens every file of a full folder at each write, to find the oldest, and counts them:
    with two workers and a log that grows ten lines a second, they did nothing else. Here each process looks at the
    files' times once in ``limit // 8`` writes, and removes the oldest until a quarter of the limit is free.

    Only files with the name of a result are ever removed: the folder may hold others.
    """

    serializer = MessagePack()
    _writes = 0

    def _get_filename(self, key: str) -> str:
        """Return the path of an entry's file."""
        return str(super()._get_filename(key)) + SUFFIX

    def _list_dir(self) -> Iterator[str]:
        """Yield the paths of all entries' files."""
        with os.scandir(self._path) as found:
            for each in found:
                if NAME.fullmatch(each.name) and each.is_file(follow_symlinks=False):
                    yield each.path

    def _update_count(self, delta: int | None = None, value: int | None = None) -> None:
        """Keep no count of entries: the folder is listed instead."""

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

RETRY_SECONDS: Final = 5.0
"""How long a cache that has failed is not asked, so that it does not slow every request."""
EXPIRY_SECONDS: Final = 24 * 3600
"""How long a result is kept. A key has the version it was computed from, so expiry only frees space."""
FILES: Final = "thalia_monitor.web.cache.ResultFiles"
UNREADABLE: Final = (OSError, EOFError, ValueError)
"""What a backend may raise: it cannot be reached, or holds something that is not an entry of ours."""

BAD_REDIS_ADDRESS: Final = (
    "--cache is not the address of a Redis, such as redis://:PASSWORD@HOST:6379/0. In a name or password every "
    "character but letters, digits and -._~ has to be percent-encoded: / is %2F, # is %23, ? is %3F, @ is %40, "
    ": is %3A, % is %25."
)

T = TypeVar("T")
ANY_TYPE: Final = cast("type[Any]", Any)
"""As the expected type of a result: it is not checked."""


class ResultCache:
    """Results in a flask-caching backend, which may fail and come back at any time."""

    def __init__(
        self,
        cache: Cache,
        backend: str,
        settings: Settings,
        broken_by: tuple[type[Exception], ...] = UNREADABLE,
    ) -> None:
        self._cache = cache
        self._broken_by = broken_by
        self._whose = f"{__version__}:{settings}"
        self._retry_at = 0.0
        self.backend = backend
        """What it is called on the status page: ``memory``, ``files in /var/cache/thalia``."""
        self.failures = 0
        """How often the backend has failed since the start."""

    @property
    def available(self) -> bool:
        """Whether the backend is asked; False for a while after a failure."""
        return time.monotonic() >= self._retry_at

    def get(self, key: str, expected: type[T] = ANY_TYPE) -> T | None:
        """Return the result of a key; None if there is none of the expected type, or the backend is not available."""
        found = self._ask(lambda: self._cache.get(self._hashed(key)))
        try:
            return None if found is None else msgspec.convert(found, expected)
        except msgspec.ValidationError:  # written by another version, or by another program
            return None

    def set(self, key: str, value: object, seconds: int = EXPIRY_SECONDS) -> None:
        """Keep a result for so many seconds, if the backend is available."""
        self._ask(lambda: self._cache.set(self._hashed(key), value, timeout=seconds))

    def _ask(self, what: Callable[[], Any]) -> Any:
        if not self.available:
            return None
        try:
            return what()
        except self._broken_by as error:
            self.failures += 1
            self._retry_at = time.monotonic() + RETRY_SECONDS
            log.warning("The cache (%s) does not answer; going on without it: %s", self.backend, error)
            return None

    def _hashed(self, key: str) -> str:
        # What is drawn depends on the release and on settings (names of stages, addresses of pages): two monitors of
        # one user share nothing unless they are the same. And a key holds names that viewers sent.
        return hashlib.blake2b(f"{self._whose}:{key}".encode("utf-8", "replace"), digest_size=20).hexdigest()


def result_cache(server: Flask, settings: Settings, folder: Path | None = None) -> ResultCache:
    """Return the cache that the settings name; ``folder`` is for its files, if it has any.

    Raises:
        SettingsError: Redis' library is missing, or its address is invalid.
    """
    common = {
        "CACHE_DEFAULT_TIMEOUT": EXPIRY_SECONDS,
        "CACHE_THRESHOLD": settings.cache_threshold,
        "CACHE_SERIALIZER": MessagePack(),
    }
    wanted = settings.cache or ("files" if folder else "memory")
    if wanted == "off":
        return ResultCache(
            Cache(server, config={"CACHE_TYPE": "NullCache", "CACHE_NO_NULL_WARNING": True}), "off", settings
        )
    if wanted == "memory":
        return ResultCache(Cache(server, config=common | {"CACHE_TYPE": "SimpleCache"}), "memory", settings)
    if wanted == "files":
        folder = folder or private_folder(settings, "figures")
        config = common | {"CACHE_TYPE": FILES, "CACHE_DIR": str(folder)}
        return ResultCache(Cache(server, config=config), f"files in {folder}", settings)
    return _redis(server, settings, common)


def _redis(server: Flask, settings: Settings, common: dict[str, Any]) -> ResultCache:
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
            raise SettingsError(BAD_REDIS_ADDRESS)  # a part of the password would be taken for the port
        cache = Cache(server, config=config)
    except (ValueError, redis.RedisError):  # its words quote the address, which may hold a password
        raise SettingsError(BAD_REDIS_ADDRESS) from None
    return ResultCache(cache, "Redis", settings, (redis.RedisError, *UNREADABLE))
