"""How a monitor is set up: one frozen value, filled from flags or from ``THALIA_MONITOR_*`` in the environment.

The command line (:mod:`thalia_monitor.cli`) and gunicorn's entry (:mod:`thalia_monitor.web.wsgi`) share the
options declared here, so that a flag and its environment variable can never drift apart.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields
from ipaddress import ip_address
from pathlib import Path
from typing import Any, Final

import click

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
        try:
            return self.host == "localhost" or ip_address(self.host).is_loopback
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
