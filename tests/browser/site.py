"""Serves every fixture below a path of its own: ``python -m tests.browser.site`` prints the address."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterable
from typing import Any

from werkzeug.exceptions import NotFound
from werkzeug.serving import make_server

from tests.support import FIXTURES
from thalia_monitor.web.app import create_app

WSGI = Callable[[dict[str, Any], Any], Iterable[bytes]]


def main() -> None:
    """Serve until terminated."""
    logging.getLogger("werkzeug").setLevel(logging.WARNING)
    names = os.environ["RUNS"].split()
    apps: dict[str, WSGI] = {
        name: create_app(FIXTURES / name, base_path=f"/{name}/").server.wsgi_app for name in names
    }

    def site(environ: dict[str, Any], start: Any) -> Iterable[bytes]:
        return apps.get(environ["PATH_INFO"].split("/")[1], NotFound())(environ, start)

    server = make_server("127.0.0.1", 0, site, threaded=True)
    os.write(1, f"{len(apps)} runs at http://127.0.0.1:{server.port}/\n".encode())
    server.serve_forever()


if __name__ == "__main__":
    main()
