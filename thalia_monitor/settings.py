"""How a monitor is set up: one frozen value, filled from flags or from ``THALIA_MONITOR_*`` in the environment.

The command line (:mod:`thalia_monitor.cli`) and gunicorn's entry (:mod:`thalia_monitor.web.wsgi`) share the
options declared here, so that a flag and its environment variable can never drift apart.
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Final

import click

from thalia_monitor.analysis.thresholds import Thresholds
from thalia_monitor.errors import SettingsError
from thalia_monitor.stages import SCHEMES

ENVIRONMENT_PREFIX: Final = "THALIA_MONITOR"
SHORTEST_REFRESH: Final = 1.0
LONGEST_REFRESH: Final = 30.0


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything an operator can choose; what each viewer chooses lives in the browser."""

    checkpoint_dir: Path | None = None
    host: str = "127.0.0.1"
    port: int = 8050
    refresh_seconds: float = 5.0
    base_path: str = "/"
    stage_scheme: str = "documented"
    cache_type: str = "SimpleCache"
    cache_dir: Path | None = None
    cache_threshold: int = 500
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
                f"--refresh-seconds is {self.refresh_seconds:g}, but has to be between "
                f"{SHORTEST_REFRESH:g} and {LONGEST_REFRESH:g} seconds."
            )
        if self.stage_scheme not in SCHEMES:
            raise SettingsError(f"--stage-scheme is {self.stage_scheme!r}: use one of {', '.join(SCHEMES)}.")

    @property
    def loopback(self) -> bool:
        """Whether only this machine can reach the server."""
        return self.host in {"localhost", "::1"} or self.host.startswith("127.")


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


OPTIONS: Final = (
    click.option(
        "--checkpoint-dir",
        type=click.Path(path_type=Path),
        metavar="DIR",
        help="The directory a training run writes to. It may appear later.",
    ),
    click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on."),
    click.option(
        "--port",
        type=click.IntRange(0, 65535),
        default=8050,
        show_default=True,
        help="Port to listen on; 0 takes a free one.",
    ),
    click.option(
        "--refresh-seconds",
        type=click.FloatRange(SHORTEST_REFRESH, LONGEST_REFRESH),
        default=5.0,
        show_default=True,
        help="How often a page looks for new data, until its viewer chooses otherwise.",
    ),
    click.option("--base-path", default="/", show_default=True, help="Path the site lives under."),
    click.option(
        "--stage-scheme",
        type=click.Choice(list(SCHEMES)),
        default="documented",
        show_default=True,
        help="Numbering of the curriculum's stages.",
    ),
    click.option(
        "--cache-type",
        default="SimpleCache",
        show_default=True,
        help="flask-caching backend for finished figures.",
    ),
    click.option("--cache-dir", type=click.Path(path_type=Path), help="Folder of a FileSystemCache."),
    click.option(
        "--cache-threshold",
        type=click.IntRange(1),
        default=500,
        show_default=True,
        help="How many finished figures the cache keeps.",
    ),
    click.option(
        "--alerts",
        type=click.Path(path_type=Path, dir_okay=False),
        metavar="FILE",
        help="TOML file that says which alerts are sent, and where to (docs/alerts.md).",
    ),
    click.option(
        "--state-dir",
        type=click.Path(path_type=Path, file_okay=False),
        metavar="DIR",
        help="Where alerts are remembered, instead of the user's own state directory.",
    ),
    click.option(
        "--health",
        type=click.Path(path_type=Path, dir_okay=False),
        metavar="FILE",
        help="TOML file whose table [health] changes the thresholds that health is judged by.",
    ),
    click.option(
        "--view",
        default="",
        metavar="QUERY",
        help="What the charts show at first, as in a page's address: 'x=wall&smooth=0.6'.",
    ),
)


def with_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a click command every option of :class:`Settings`."""
    for option in reversed(OPTIONS):
        command = option(command)
    return command


def settings_from(parameters: dict[str, Any]) -> Settings:
    """Build settings from click's parameters; those that are no settings are ignored."""
    known = {each.name for each in fields(Settings)}
    return Settings(**{name: value for name, value in parameters.items() if name in known})


@click.command()
@with_options
def _nothing_but_options(**_: Any) -> None: ...


def settings_from_environment() -> Settings:
    """Build settings from ``THALIA_MONITOR_<OPTION>`` alone, as gunicorn's workers do.

    Raises:
        SettingsError: naming the variable and what it has to be.
    """
    try:
        context = _nothing_but_options.make_context(
            "thalia-monitor", [], auto_envvar_prefix=ENVIRONMENT_PREFIX
        )
    except click.UsageError as error:
        raise SettingsError(f"{error.format_message()} (from a {ENVIRONMENT_PREFIX}_* variable)") from error
    return settings_from(context.params)
