"""Settings of a monitor: one frozen value, and the options of command line and environment that fill it.

The command (:mod:`thalia_monitor.cli`) and gunicorn's entry (:mod:`thalia_monitor.web.wsgi`) share the options,
so that a flag and its ``THALIA_MONITOR_*`` variable can never drift apart.
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable
from dataclasses import dataclass, field, fields
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Any, Final

import click

from thalia_monitor.analysis.findings import Thresholds
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
    """Whether to do without the snapshots that make opening a large log again quick."""
    allowed_host: tuple[str, ...] = ()
    """Host names this server goes by, beside loopback's and ``host``; ``.lab.org`` stands for all below it."""
    auth_file: Path | None = None
    """An htpasswd file; with one, everything but ``/healthz`` asks for a name and password."""
    api_token: str = field(default="", repr=False)
    api_token_file: Path | None = None
    most_streams: int = 1000
    """Pages that a process keeps connected for live updates; 0 is none, and pages ask at their interval."""
    metrics_allow: tuple[str, ...] = ()
    """Addresses and networks that may read ``/api/v1/metrics`` without the token; empty is the API's own rule."""
    behind_proxy: bool = False
    """Whether one proxy stands in front whose ``X-Forwarded-*`` headers tell the truth."""
    log_format: str = "text"
    alerts: Path | None = None
    """TOML file of alert rules and channels."""
    state_dir: Path | None = None
    """Where alerts are remembered; None is the place of this system for such things."""
    health: Path | None = None
    """A TOML file whose table ``[health]`` changes the thresholds that health is judged by."""
    control: bool = False
    """Whether viewers may change what a training has declared; only with a password file, or at this machine."""
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
        for each in self.metrics_allow:
            try:
                ip_network(each)
            except ValueError:
                raise SettingsError(
                    f"--metrics-allow is {each!r}: use an address, or a network like 10.0.0.0/24."
                ) from None
        if self.cache and self.cache not in CACHES and not self.cache.startswith(REDIS):
            raise SettingsError(
                "--cache has to be memory, files, off or an address like redis://host:6379/0."
            )

        if self.control and not self.may_control:
            raise SettingsError(
                "--control lets viewers change a running training: it needs --auth-file, so that everybody has a "
                "name, or a server that only this machine can reach (--host 127.0.0.1, without --behind-proxy)."
            )

    @property
    def may_control(self) -> bool:
        """Whether whoever reaches the server has a name, or sits at this machine."""
        return bool(self.auth_file) or (self.loopback and not self.behind_proxy)

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


ENVIRONMENT_PREFIX: Final = "THALIA_MONITOR"


class Directory(click.Path):
    """The path of a directory, which may appear later: neither empty nor that of a file."""

    def __init__(self) -> None:
        super().__init__(file_okay=False, path_type=Path)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Take a path; an empty one would be the working directory, which nobody meant."""
        if not str(value).strip():
            self.fail("it is empty: give the path of a directory.", param, ctx)
        return super().convert(value, param, ctx)


OPTIONS: Final = (
    click.option(
        "--checkpoint-dir",
        multiple=True,
        type=Directory(),
        metavar="DIR",
        help="A directory that a training run writes to (repeatable). It may appear later.",
    ),
    click.option(
        "--root",
        multiple=True,
        type=Directory(),
        metavar="DIR",
        help="A directory that is searched for runs, again and again (repeatable).",
    ),
    click.option(
        "--root-depth",
        type=click.IntRange(0, 12),
        default=3,
        show_default=True,
        help="How many levels below --root a run may lie.",
    ),
    click.option(
        "--root-pattern",
        default="*",
        show_default=True,
        help="Which runs below --root count, by their path below it: 'night-*', '2026/*/seed1'.",
    ),
    click.option(
        "--follow-links",
        is_flag=True,
        help="Follow links that lead out of a run's directory; what they lead to can then be read by viewers.",
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
        "--cache",
        default="",
        metavar="WHERE",
        help="Where finished figures are kept: memory (one process), files (several workers), redis://HOST, or off.",
    ),
    click.option(
        "--cache-dir", type=click.Path(path_type=Path), help="Folder of --cache files, else the user's own."
    ),
    click.option(
        "--cache-threshold",
        type=click.IntRange(1),
        default=500,
        show_default=True,
        help="How many finished figures the cache keeps.",
    ),
    click.option(
        "--no-index",
        is_flag=True,
        help="Keep nothing of large logs between starts: each process reads them again.",
    ),
    click.option(
        "--allowed-host",
        multiple=True,
        metavar="NAME",
        help="A host name that viewers may use for this server (repeatable); '.lab.org' allows all below it.",
    ),
    click.option(
        "--auth-file",
        type=click.Path(path_type=Path),
        metavar="FILE",
        help="Names and passwords (htpasswd -B): nothing is shown without one.",
    ),
    click.option(
        "--api-token",
        default="",
        metavar="TOKEN",
        help="What programs must show to the API as a bearer token; better kept in --api-token-file.",
    ),
    click.option(
        "--api-token-file", type=click.Path(path_type=Path), metavar="FILE", help="File with the API's token."
    ),
    click.option(
        "--most-streams",
        type=click.IntRange(0, 100_000),
        default=1000,
        show_default=True,
        help="How many pages a process keeps connected for live updates; 0: none, pages ask at their interval.",
    ),
    click.option(
        "--metrics-allow",
        multiple=True,
        metavar="NETWORK",
        help="Who may read /api/v1/metrics without the token: an address or network (repeatable), nobody else.",
    ),
    click.option(
        "--behind-proxy",
        is_flag=True,
        help="Believe the X-Forwarded-* headers of the one proxy in front; without one, never say this.",
    ),
    click.option(
        "--log-format",
        type=click.Choice(["text", "json"]),
        default="text",
        show_default=True,
        help="How log lines are written: for people, or one JSON object each.",
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
        help="Where alerts, notes and views are kept, instead of the user's own state directory.",
    ),
    click.option(
        "--health",
        type=click.Path(path_type=Path, dir_okay=False),
        metavar="FILE",
        help="TOML file whose table [health] changes the thresholds that health is judged by.",
    ),
    click.option(
        "--control",
        is_flag=True,
        help="Let viewers change what a training has declared for it; needs --auth-file, or this machine only.",
    ),
    click.option(
        "--view",
        default="",
        metavar="VIEW",
        help="What the charts show at first: a named view, a view's file, or 'x=wall&smooth=0.6'.",
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
