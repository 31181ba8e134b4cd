"""The options of the command line and of the environment, declared once for both.

The command (:mod:`thalia_monitor.cli`) and gunicorn's entry (:mod:`thalia_monitor.web.wsgi`) share them, so that a
flag and its ``THALIA_MONITOR_*`` variable can never drift apart.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import Any, Final

import click

from thalia_monitor.errors import SettingsError
from thalia_monitor.settings import LONGEST_REFRESH, SHORTEST_REFRESH, Settings
from thalia_monitor.stages import SCHEMES

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
        help="Keep nothing of large logs between starts: each process reads them anew.",
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
