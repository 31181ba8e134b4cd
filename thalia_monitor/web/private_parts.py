"""Everything private of Dash, Plotly, gunicorn, uvicorn and Flask-Caching that this package uses, in one place.

None of it is promised to stay: ``tests/web/test_private_parts.py`` names the versions that it was checked against.
The scripts have such a place of their own, ``assets/01-dash.js``.
"""

from __future__ import annotations

from contextvars import Context, copy_context
from typing import TYPE_CHECKING, Any, Final

from dash._get_app import app_context
from flask_caching.backends.filesystemcache import FileSystemCache

if TYPE_CHECKING:
    from dash import Dash
    from uvicorn.protocols.http.h11_impl import H11Protocol

CALLBACKS: Final = "/_dash-update-component"
"""How the path of every callback's request ends."""
COMPONENTS: Final = "/_dash-component-suites/"
"""What the paths of the scripts of Dash's components contain."""

UNFINISHED: Final[str] = FileSystemCache._fs_transaction_suffix
"""How the name of a cache file ends that is being written."""


def context_without_app() -> Context:
    """A context in which no Dash app answers, so that pages register with the one that is made in it."""
    context = copy_context()
    context.run(app_context.set, None)
    return context


def set_up(app: Dash, base_path: str) -> None:
    """Do at once what Dash leaves to its first request.

    It learns which scripts there are by writing a page: a worker that has written none would refuse them. And it
    sets itself up at the first request, which another thread's may be at the same time.
    """
    with app.server.test_request_context(base_path):
        app.index()
        app._setup_server()


def has_callback(app: Dash, output: object) -> bool:
    """Whether an output, as a request names it, has a callback on the server; others are the browser's own."""
    known = app.callback_map.get(output) if isinstance(output, str) else None
    return known is not None and "callback" in known


def listening_port(arbiter: Any) -> int:
    """The port that gunicorn's arbiter listens on."""
    port: int = arbiter.LISTENERS[0].sock.getsockname()[1]
    return port


def stop_keep_alive(connection: H11Protocol) -> None:
    """Cancel the timer by which uvicorn closes an idle connection."""
    connection._unset_keepalive_if_required()
