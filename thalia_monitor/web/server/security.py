"""Security headers, request size, the proxy in front, compression and browser caching of every response.

Access is :mod:`~thalia_monitor.web.server.auth`'s, the form of errors
:mod:`~thalia_monitor.web.server.error_pages`'s.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

import orjson
from dash import Dash
from flask import Flask, Response, request
from flask.json.provider import DefaultJSONProvider
from flask_compress import Compress
from werkzeug.exceptions import BadRequest
from werkzeug.middleware.proxy_fix import ProxyFix

from thalia_monitor.web.private_parts import CALLBACKS, COMPONENTS, has_callback
from thalia_monitor.web.server import auth, error_pages

if TYPE_CHECKING:
    from thalia_monitor.settings import Settings

LARGEST_REQUEST: Final = 1 << 20
"""Bytes. A browser sends what its page shows about charts and controls, some 200 bytes for each."""

HEADERS: Final = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}


def protect(server: Flask, settings: Settings) -> None:
    """Put every guard in place; to be called before anything else hangs a request hook on the server."""
    server.config["MAX_CONTENT_LENGTH"] = LARGEST_REQUEST
    error_pages.register(server, settings.base_path)
    auth.register(server, settings)
    if settings.behind_proxy:
        # one proxy: of several forwarded values only the last was written by ours
        server.wsgi_app = ProxyFix(server.wsgi_app, x_for=1, x_proto=1, x_host=1)  # type: ignore[method-assign]


def give_headers(app: Dash) -> None:
    """Give every answer its headers; pages also get the hashes of Dash's own few inline scripts."""

    @app.server.after_request
    def add(answer: Response) -> Response:
        # Dash adds an inline script at the first request (its page router), so hashes of the start miss it
        hashes = app.csp_hashes() if answer.mimetype == "text/html" else ()
        answer.headers["Content-Security-Policy"] = policy(hashes)
        for name, value in HEADERS.items():
            answer.headers[name] = value
        return answer


def refuse_unknown_callbacks(app: Dash) -> None:
    """Answer a malformed callback request with 400; Dash would fail at it with a traceback in the log."""

    @app.server.before_request
    def check() -> None:
        if request.method != "POST" or not request.path.endswith(CALLBACKS):
            return
        body = request.get_json()
        if not isinstance(body, dict) or not isinstance(body.get("outputs"), dict | list):
            raise BadRequest
        for part in ("inputs", "state"):
            if not isinstance(body.get(part, []), list):
                raise BadRequest
        if not has_callback(app, body.get("output")):
            raise BadRequest


def policy(script_hashes: Sequence[str] = ()) -> str:
    """Write the content security policy: nothing from anywhere else, and no script that we did not ship."""
    rules = {
        "default-src": "'none'",
        "script-src": " ".join(("'self'", *script_hashes)),
        "style-src": "'self' 'unsafe-inline'",  # Plotly styles its SVG with <style> elements and attributes
        "img-src": "'self' data: blob:",
        "font-src": "'self' data:",
        "connect-src": "'self'",
        "base-uri": "'none'",
        "form-action": "'self'",
        "frame-ancestors": "'none'",
    }
    return "; ".join(f"{name} {value}" for name, value in rules.items())


FOR_GOOD: Final = 365 * 24 * 3600
ALGORITHMS: Final = ["zstd", "gzip"]
"""zstd takes a tenth of brotli's time for the same size (plotly.js: 0.03 s against 0.2 s)."""
TYPES: Final = [
    "text/html",
    "text/css",
    "text/csv",
    "text/plain",
    "text/javascript",
    "application/javascript",
    "application/json",
    "image/svg+xml",
]


class StrictJSON(DefaultJSONProvider):
    """Flask's JSON, except that requests may hold neither NaN nor text that is not Unicode.

    Half of a surrogate pair could not be written into any answer. Integers beyond 64 bits become floats.
    """

    def loads(self, s: str | bytes, **_: Any) -> Any:
        """Parse a request as UTF-8; raises ValueError, which Flask answers with 400."""
        return orjson.loads(s)


def server() -> Flask:
    """A Flask app that compresses its answers and lets browsers keep fingerprinted files."""
    flask = Flask("thalia_monitor", static_folder=None)
    flask.json = StrictJSON(flask)
    flask.config.update(
        DEBUG=False,  # whatever FLASK_DEBUG says: tracebacks would reach viewers
        COMPRESS_ALGORITHM=ALGORITHMS,
        COMPRESS_STREAMS=True,
        COMPRESS_MIMETYPES=TYPES,
        COMPRESS_MIN_SIZE=400,
        COMPRESS_ZSTD_LEVEL=3,
    )
    Compress(flask)
    flask.after_request(keep)
    flask.after_request(close)  # what is registered last is called first: before the answer is compressed
    return flask


def close(answer: Response) -> Response:
    """Close the file that an answer is read from, which flask-compress would leave open."""
    if shut := getattr(answer.response, "close", None):
        answer.call_on_close(shut)
    return answer


def keep(answer: Response) -> Response:
    """Let the browser keep a file whose address changes with its content; everything else is revalidated."""
    if answer.status_code == 200 and _fingerprinted():
        answer.cache_control.public = True
        answer.cache_control.max_age = FOR_GOOD
        answer.cache_control.immutable = True
        answer.cache_control.no_cache = None
    return answer


def _fingerprinted() -> bool:
    # Dash puts the file's time into ?m= of an asset, and version and time into the names of its own scripts.
    if "/assets/" in request.path:
        return "m" in request.args
    if COMPONENTS not in request.path:
        return False
    name = request.path.rpartition("/")[2]
    return ".v" in name and "m" in name.rpartition(".v")[2]
