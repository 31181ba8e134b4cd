"""The command ``thalia-monitor``, also as ``python -m thalia_monitor``, where the server may not be installed."""

from __future__ import annotations

import sys

from thalia_monitor.errors import only_the_logger


def main() -> None:
    """Run the command; an installation with the logger only says what to install, exit code 2."""
    try:
        from thalia_monitor.cli import main as run  # noqa: PLC0415 - click comes with the server

        run()
    except ModuleNotFoundError as error:
        if (error.name or "thalia_monitor").startswith("thalia_monitor"):
            raise
        sys.stderr.write(f"thalia-monitor: {only_the_logger(error)}\n")
        sys.exit(2)


if __name__ == "__main__":
    main()
