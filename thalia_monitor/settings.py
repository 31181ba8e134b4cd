"""How a monitor is set up: one frozen value, filled by :mod:`thalia_monitor.options` or by hand."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, field
from ipaddress import ip_address
from pathlib import Path
from typing import Any, Final

from thalia_monitor.analysis.thresholds import Thresholds
from thalia_monitor.contract import exact
from thalia_monitor.errors import SettingsError
from thalia_monitor.stages import SCHEMES

CACHES: Final = ("memory", "files", "off")
REDIS: Final = ("redis://", "rediss://", "unix://")
SHORTEST_REFRESH: Final = 1.0
LONGEST_REFRESH: Final = 30.0


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything an operator can choose; what each viewer chooses lives in the browser."""

    checkpoint_dir: tuple[Path, ...] = ()
    """Directories that runs write to; each may appear later."""
    root: tuple[Path, ...] = ()
    """Directories that are searched for runs."""
    root_depth: int = 3
    root_pattern: str = "*"
    follow_links: bool = False
    """Whether a link in a run's directory may lead out of it."""
    host: str = "127.0.0.1"
    port: int = 8050
    refresh_seconds: float = 5.0
    base_path: str = "/"
    stage_scheme: str = "documented"
    cache: str = field(default="", repr=False)
    """Where finished figures are kept: ``memory``, ``files``, ``off`` or ``redis://...``; empty is what suits the
    server: memory for one process, files for several workers."""
    cache_dir: Path | None = None
    cache_threshold: int = 500
    no_index: bool = False
    """Whether to do without the index that makes opening a large log again quick."""
    allowed_host: tuple[str, ...] = ()
    """Host names this server goes by, beside loopback's and ``host``; ``.lab.org`` stands for all below it."""
    auth_file: Path | None = None
    """An htpasswd file; with one, everything but ``/healthz`` asks for a name and password."""
    api_token: str = field(default="", repr=False)
    api_token_file: Path | None = None
    behind_proxy: bool = False
    """Whether one proxy stands in front whose ``X-Forwarded-*`` headers tell the truth."""
    log_format: str = "text"
    alerts: Path | None = None
    """A TOML file that says what is to be told, and where to."""
    state_dir: Path | None = None
    """Where alerts are remembered; None is the place of this system for such things."""
    health: Path | None = None
    """A TOML file whose table ``[health]`` changes the thresholds that health is judged by."""
    view: str = ""
    """What the charts show at first, written like the page's own address: ``x=wall&smooth=0.6``."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "base_path", normal_base_path(self.base_path))
        if not SHORTEST_REFRESH <= self.refresh_seconds <= LONGEST_REFRESH:
            raise SettingsError(
                f"--refresh-seconds is {exact(self.refresh_seconds)}, but has to be between "
                f"{SHORTEST_REFRESH:g} and {LONGEST_REFRESH:g} seconds."
            )
        if not self.host.strip():
            raise SettingsError("--host is empty: give an address to listen on, 0.0.0.0 for all.")
        if self.stage_scheme not in SCHEMES:
            raise SettingsError(f"--stage-scheme is {self.stage_scheme!r}: use one of {', '.join(SCHEMES)}.")
        if self.cache and self.cache not in CACHES and not self.cache.startswith(REDIS):
            raise SettingsError(
                "--cache has to be memory, files, off or an address like redis://host:6379/0."
            )

    @property
    def loopback(self) -> bool:
        """Whether only this machine can reach the server."""
        return is_loopback(self.host)


def is_loopback(host: str) -> bool:
    """Whether an address, or the name ``localhost``, is this machine's own."""
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:  # another name, whatever it begins with
        return False


def normal_base_path(path: str) -> str:
    """Write a base path with one slash at each end: ``lab/thalia`` becomes ``/lab/thalia/``."""
    parts = [part for part in path.split("/") if part]
    if any(not part.replace("-", "").replace("_", "").replace(".", "").isalnum() for part in parts):
        raise SettingsError(
            f"--base-path is {path!r}: use letters, digits, '-', '_' and '.' between slashes."
        )
    return "/" + "".join(part + "/" for part in parts)


def table(path: Path) -> dict[str, Any]:
    """Read a TOML file of the operator's; raises SettingsError with the place of what is wrong."""
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise SettingsError(f"{path} cannot be read: {error.strerror}.") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path} is not valid TOML: {error}.") from None


def thresholds(path: Path | None) -> Thresholds:
    """Take the health thresholds from a file's table ``[health]``; Thalia's own where it does not say.

    Raises:
        SettingsError: the file cannot be read, or has a threshold that is unknown or no number.
    """
    given = table(path).get("health", {}) if path else {}
    if not isinstance(given, dict):
        raise SettingsError(f"{path}: health has to be a table, [health].")
    return Thresholds.from_mapping(given)
