"""Errors shown to the user; each message says what is wrong and what to do."""

from __future__ import annotations

from thalia_monitor.contract import legible, printable


def only_the_logger(error: ModuleNotFoundError) -> str:
    """What to install where a part of the server is used and something that it needs is missing."""
    return (
        f"Only the logger is installed here ({error.name} is missing). The dashboard, its commands and "
        "load_training_state need: pip install 'thalia-monitor[server]'."
    )


class MonitorError(Exception):
    """Base of all errors of this project; ``str(error)`` is written for the reader and safe to show."""

    status = 500
    """The HTTP status that a web answer carries for it."""
    retry_after: int | None = None
    """Seconds after which it may be over, where it passes by itself."""

    def __init__(self, message: str = "") -> None:
        super().__init__(printable(legible(message)))


class SettingsError(MonitorError):
    """A setting, flag or environment variable has a value that cannot be used."""

    status = 400


class RunUnreadable(MonitorError):
    """A checkpoint directory cannot be read at all (missing, not a directory, no permission)."""

    status = 503


class StillReading(MonitorError):
    """A run's files are being read in, so that nothing can be answered about all of them yet."""

    status = 503
    retry_after = 2

    def __init__(self, fraction: float) -> None:
        super().__init__(
            f"This run is still being read: {fraction:.0%} so far. Ask again in {self.retry_after} seconds."
        )


class NotSpikes(MonitorError):
    """What a training script passes as spikes cannot be logged as such."""

    status = 400


class UnknownRun(MonitorError):
    """A run id that this monitor has never given out."""

    status = 404


class BadParameter(MonitorError):
    """A request parameter that cannot be understood."""

    status = 400


class OtherSite(MonitorError):
    """A request of a page that is not this monitor's."""

    status = 403


class ReportBusy(MonitorError):
    """Another report is being made, which takes all that reports may take of this process."""

    status = 503
    retry_after = 2


class TooManyStreams(MonitorError):
    """One more stream than a client (429) or a process (503) may have."""

    retry_after = 60

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        self.status = status


class ExportFailed(MonitorError):
    """A file to export to cannot be written, or what was requested cannot be exported."""


class NotKept(MonitorError):
    """A note or a view that is not kept, with the reason."""

    status = 409


class NotInstalled(MonitorError):
    """What was requested needs a package that is not installed here."""

    status = 501


class Forbidden(MonitorError):
    """Who asks may not see this."""

    status = 403
