"""Where the server listens: the socket, its address, and what is shown there."""

from __future__ import annotations

import errno
import socket
from typing import TYPE_CHECKING

from thalia_monitor.errors import SettingsError

if TYPE_CHECKING:
    from thalia_monitor.settings import Settings


def bind(settings: Settings) -> socket.socket:
    """Listen on the address that the settings name.

    Raises:
        SettingsError: the port is in use, or the address is not this machine's.
    """
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    try:
        return socket.create_server((settings.host, settings.port), family=family, backlog=128)
    except OSError as error:
        taken = error.errno == errno.EADDRINUSE
        advice = (
            "choose another with --port, or --port 0 for a free one"
            if taken
            else "choose another with --host"
        )
        reason = "is in use" if taken else f"cannot be used ({error.strerror or error})"
        raise SettingsError(f"{settings.host}:{settings.port} {reason}: {advice}.") from error


def shown(settings: Settings) -> str:
    """Name what is watched, in a line for the terminal."""
    named = [str(directory) for directory in settings.checkpoint_dir]
    return ", ".join(named + [f"the runs below {root}" for root in settings.root]) or "no run yet"


def address(settings: Settings, port: int) -> str:
    """The address to open in a browser."""
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(settings.host, settings.host)
    return f"http://{f'[{host}]' if ':' in host else host}:{port}{settings.base_path}"
