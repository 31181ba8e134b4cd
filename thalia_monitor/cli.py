"""The command ``thalia-monitor``: flags in, a running dashboard or a report out."""

from __future__ import annotations

import signal
import sys
from dataclasses import fields
from pathlib import Path
from typing import Any, Final

import click
from click.core import ParameterSource

from thalia_monitor import system
from thalia_monitor._version import __version__
from thalia_monitor.contract import printable
from thalia_monitor.errors import MonitorError, SettingsError
from thalia_monitor.settings import ENVIRONMENT_PREFIX, Settings, settings_from, thresholds, with_options

CONTEXT = {"auto_envvar_prefix": ENVIRONMENT_PREFIX, "help_option_names": ["-h", "--help"]}
SHARED: Final = {each.name for each in fields(Settings)}
"""Names of the server's options, which some commands take as well."""


@click.group(invoke_without_command=True, context_settings=CONTEXT)
@with_options
@click.version_option(__version__, prog_name="thalia-monitor")
@click.pass_context
def cli(context: click.Context, /, **options: Any) -> None:
    """Watch a Thalia training run in a browser: thalia-monitor --checkpoint-dir DIR."""
    context.obj = options
    if context.invoked_subcommand is None:
        from thalia_monitor.web.server.serve import serve  # noqa: PLC0415 - dash takes a second to import

        serve(settings_from(options))


class ServerCommand(click.Command):
    """A command that also takes every option of the server: its own are listed first."""

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the command's own options, then those it shares with ``thalia-monitor``."""
        own: list[tuple[str, str]] = []
        shared: list[tuple[str, str]] = []
        for parameter in self.get_params(ctx):
            record = parameter.get_help_record(ctx)
            if record is not None and isinstance(parameter, click.Option):
                (shared if parameter.name in SHARED else own).append(record)
        for title, records in (("Options", own), ("Also takes the options of thalia-monitor", shared)):
            with formatter.section(title):
                formatter.write_dl(records)


@cli.command("serve", cls=ServerCommand)
@with_options
@click.option(
    "--workers", type=click.IntRange(1, 64), default=2, show_default=True, help="Processes that answer."
)
@click.option(
    "--threads", type=click.IntRange(1, 256), default=16, show_default=True, help="Requests at once in each."
)
@click.pass_context
def serve_many(context: click.Context, /, workers: int, threads: int, **options: Any) -> None:
    """Serve many viewers from several processes (gunicorn)."""
    settings = settings_from(merged(context, options))
    try:
        from thalia_monitor.web.server.gunicorn import serve as serve_from_workers  # noqa: PLC0415 - dash takes a second
    except ImportError as error:  # gunicorn, or what it needs of Unix
        from thalia_monitor.web.server.serve import serve  # noqa: PLC0415

        click.echo(f"Gunicorn does not run here ({error}): this one process answers everybody.", err=True)
        serve(settings, threads=threads)
    else:
        serve_from_workers(settings, workers, threads)


def merged(context: click.Context, options: dict[str, Any]) -> dict[str, Any]:
    """Options may stand before the command or after it: what is given after it wins."""
    default = (ParameterSource.DEFAULT, ParameterSource.DEFAULT_MAP)
    given = {name for name in options if context.get_parameter_source(name) not in default}
    before: dict[str, Any] = context.obj
    return before | {name: options[name] for name in given}


@cli.command(cls=ServerCommand)
@with_options
@click.argument("directory", required=False, type=click.Path(path_type=Path, file_okay=False))
@click.option("--seed", default=7, show_default=True, help="The same seed makes the same training.")
@click.option(
    "--speed",
    type=click.FloatRange(min=0.1),
    default=1.0,
    show_default=True,
    help="Multiplies the simulated training steps per second.",
)
@click.option("--open", "open_browser", is_flag=True, help="Show the page in this machine's browser.")
@click.pass_context
def demo(
    context: click.Context,
    /,
    directory: Path | None,
    seed: int,
    speed: float,
    open_browser: bool,
    **options: Any,
) -> None:
    """Simulate a training and serve the dashboard on it.

    It is written into DIRECTORY, or a temporary one; --checkpoint-dir is another way to give it.
    """
    from thalia_monitor.web.server.serve import demonstrate  # noqa: PLC0415 - dash takes a second to import

    chosen = merged(context, options)
    if directory is None and _typed(context, "checkpoint_dir"):
        directory = chosen["checkpoint_dir"][0]
    demonstrate(settings_from(chosen), directory, seed=seed, speed=speed, open_browser=open_browser)


def _typed(context: click.Context, name: str) -> bool:
    """Whether an option stands on the command line: the environment may name a real run, to be left alone."""
    contexts = [each for each in (context, context.parent) if each]
    return any(each.get_parameter_source(name) is ParameterSource.COMMANDLINE for each in contexts)


@cli.command()
@click.argument("directory", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print the report as JSON, for programs.")
def check(directory: Path, as_json: bool) -> None:
    """Print what a run's DIRECTORY holds and every problem.

    Exit 0 without problems, 1 with problems, 2 where the directory is unusable.
    """
    from thalia_monitor.check import inspect  # noqa: PLC0415 - pandas takes a third of a second to import

    report = inspect(directory)
    click.echo(report.json() if as_json else report.text())
    sys.exit(report.exit_code)


@cli.command()
@click.argument("directory", required=False, type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print the summary as JSON, for programs.")
@click.option("--watch", is_flag=True, help="Go on showing it, with progress bars, until Ctrl-C.")
@click.pass_obj
def status(options: dict[str, Any], directory: Path | None, as_json: bool, watch: bool) -> None:
    """Summarise the run in DIRECTORY in words.

    Exit 0, 1 while something is critical, 2 where the directory is unusable, 3 while it waits for data.
    """
    from thalia_monitor import terminal  # noqa: PLC0415 - rich takes a tenth of a second to import

    settings = settings_from(options)
    where = directory or next(iter(settings.checkpoint_dir), None)
    if where is None:
        raise SettingsError("Which run? Give its checkpoint directory: thalia-monitor status DIR.")
    sys.exit(terminal.tell(where, settings, as_json=as_json, watch=watch))


@cli.command("set")
@click.argument("directory", metavar="RUN", type=click.Path(path_type=Path))
@click.argument("changes", nargs=-1, required=True, metavar="NAME=VALUE|COMMAND...")
@click.option(
    "--wait",
    type=click.FloatRange(0),
    default=30.0,
    show_default=True,
    help="Seconds to wait for each answer.",
)
def set_values(directory: Path, changes: tuple[str, ...], wait: float) -> None:
    """Change parameters of a running training.

    Asks the training that writes to RUN for changes it has declared: learning_rate=1e-4, pause.

    Exit 0 where all were applied, 1 where one was refused or not answered, 2 where it could not be requested.
    """
    from thalia_monitor.control import set_from_terminal  # noqa: PLC0415 - pandas takes a third of a second to import

    done = set_from_terminal(directory, changes, user=f"{system.user()} (terminal)", patience=wait, tell=_say)
    sys.exit(0 if done else 1)


def _say(words: str) -> None:
    click.echo(printable(words))


@cli.command()
@click.argument("directory", type=click.Path(path_type=Path))
@click.option("--run", default="", metavar="NAME", help="Which run below DIRECTORY, by its path or its id.")
@click.option(
    "--format",
    "kind",
    type=click.Choice(["csv", "parquet", "json"]),
    help="How to write it; else as FILE's name ends, else CSV.",
)
@click.option(
    "--series", multiple=True, metavar="NAME", help="A series to write (repeatable); all without it."
)
@click.option("--from", "start", type=int, metavar="STEP", help="The first step to write.")
@click.option("--to", "end", type=int, metavar="STEP", help="The last step to write.")
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    default="-",
    metavar="FILE",
    help="The file to write, replaced in one piece; standard output without it.",
)
@click.pass_obj
def export(
    options: dict[str, Any],
    /,
    directory: Path,
    run: str,
    kind: str | None,
    series: tuple[str, ...],
    start: int | None,
    end: int | None,
    output: Path,
) -> None:
    """Write every logged value of a run to a file.

    CSV, Parquet or JSON (docs/export.md).
    """
    from rich.console import Console  # noqa: PLC0415 - rich takes a tenth of a second to import

    from thalia_monitor.export import command  # noqa: PLC0415 - as does numpy

    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that nothing half-written is left
    request = command.Request(directory, output, run, kind or "", series, start, end)
    click.echo(command.export(request, settings_from(options), Console(stderr=True)), err=True)


@cli.command("report")
@click.argument("directory", type=click.Path(path_type=Path))
@click.option(
    "--run",
    "runs",
    multiple=True,
    metavar="NAME",
    help="Which run below DIRECTORY, by its path or its id; several are compared with the first.",
)
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    required=True,
    metavar="FILE",
    help="The HTML file to write, in one piece.",
)
@click.option("--force", is_flag=True, help="Replace a file that is there.")
@click.pass_obj
def write_report(
    options: dict[str, Any], /, directory: Path, runs: tuple[str, ...], output: Path, force: bool
) -> None:
    """Write a report on a run as one HTML file.

    It needs no network; several runs are compared (docs/report.md).
    """
    from rich.console import Console  # noqa: PLC0415 - rich takes a tenth of a second to import

    from thalia_monitor.export import report_command  # noqa: PLC0415 - as does numpy

    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that nothing half-written is left
    settings = settings_from(options)
    request = report_command.Request(directory, output, runs, force)
    limits = thresholds(settings.health or settings.alerts)
    click.echo(report_command.write(request, settings, limits, Console(stderr=True)), err=True)


@cli.command()
@click.argument("directory", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.pass_obj
def mcp(options: dict[str, Any], directory: Path) -> None:
    """Answer an agent about the runs in DIRECTORY.

    Over standard input and output (docs/agents.md).
    """
    from thalia_monitor import agents  # noqa: PLC0415 - the SDK takes a second to import
    from thalia_monitor.export.command import library_of  # noqa: PLC0415

    settings = settings_from(options)
    answers = agents.Answers(library_of(directory.absolute(), settings), thresholds(settings.health))
    agents.server(answers).run("stdio")


@cli.group(context_settings=CONTEXT)
def alerts() -> None:
    """Try out the alerts of --alerts FILE (docs/alerts.md)."""


@alerts.command("test")
@click.option("--alerts", "file", type=click.Path(path_type=Path, dir_okay=False), help="The alerts file.")
@click.pass_obj
def send_test(options: dict[str, Any], file: Path | None) -> None:
    """Send a test message to every channel; exit 0, or 1 where one could not be sent."""
    from thalia_monitor.alerts.sending import send_test  # noqa: PLC0415 - apprise is optional, and slow to import

    where = file or settings_from(options).alerts
    if where is None:
        raise SettingsError("Which alerts? thalia-monitor alerts test --alerts FILE.")
    system.reach_loopback_directly()
    failed = False
    for words, sent in send_test(where):
        click.echo(words)
        failed = failed or not sent
    sys.exit(1 if failed else 0)


def main() -> None:
    """Run the command; whatever is wrong is said in one sentence."""
    try:
        status = cli.main(prog_name="thalia-monitor", standalone_mode=False)
    except click.exceptions.Abort:
        status = 130
    except click.UsageError as error:
        where = error.ctx.command_path if error.ctx else "thalia-monitor"
        click.echo(
            f"{where}: {printable(error.format_message())} ({where} --help lists the options)", err=True
        )
        status = 2
    except (click.ClickException, MonitorError) as error:
        click.echo(f"thalia-monitor: {printable(str(error))}", err=True)
        status = 2
    sys.exit(status if isinstance(status, int) else 0)
