"""What an error looks like: one JSON shape under ``/api``, one plain sentence elsewhere, never a traceback."""

from __future__ import annotations

from typing import Final

import orjson
from dash.exceptions import DependencyException, UnsupportedRelativePath
from flask import Flask, Response, current_app, request
from werkzeug.exceptions import HTTPException

from thalia_monitor.errors import MonitorError

SENTENCES: Final = {
    400: "This request cannot be understood.",
    404: "There is nothing at this address. {base}api/v1/runs lists the runs, {base} shows them.",
    405: "This address does not take that method: the API only answers GET.",
    408: "The rest of this request did not arrive in time.",
    413: "This request is larger than any that our pages send (1 MiB).",
    415: "This address takes JSON only.",
    431: "The header of this request is longer than any that a browser sends.",
    500: "The monitor failed at this; its log says why. Other pages go on working.",
    503: "The monitor is being restarted; please try again.",
}


BASE: Final = "THALIA_MONITOR_BASE"
"""Under this key the server's configuration has the base path."""


def register(server: Flask, base_path: str) -> None:
    """Give the server its error handlers.

    A script that Dash does not know is to Dash a failure, to us no file; a page's address that does not begin with
    the base path is one that no page of ours sends.
    """
    server.config[BASE] = base_path
    server.register_error_handler(MonitorError, of_ours)
    server.register_error_handler(HTTPException, of_http)
    server.register_error_handler(DependencyException, lambda _: answer(SENTENCES[404], 404))
    server.register_error_handler(UnsupportedRelativePath, lambda _: answer(SENTENCES[400], 400))


def of_ours(error: MonitorError) -> Response:
    """Answer with one of our own errors, whose text is written for the reader."""
    said = answer(str(error), error.status)
    if error.retry_after is not None:
        said.headers["Retry-After"] = str(error.retry_after)
    return said


def of_http(error: HTTPException) -> Response:
    """Answer with an HTTP error; Flask wraps what nobody caught into a 500 and has logged it before."""
    status = error.code or 500
    said = answer(SENTENCES.get(status) or error.description or error.name, status)
    for name, value in error.get_headers():
        if name.lower() not in {"content-type", "content-length"}:  # such as Allow
            said.headers[name] = value
    return said


def answer(sentence: str, status: int) -> Response:
    """Say a sentence in the form that the address is expected to speak."""
    kind, body = written(sentence, request.path, current_app.config[BASE])
    return Response(body, status, content_type=kind)


def written(sentence: str, path: str, base: str) -> tuple[str, bytes]:
    """Write a sentence for the reader of an address: content type and body."""
    sentence = sentence.replace("{base}", base)
    path = path.removeprefix(base)
    if path in {"api", "healthz", "mcp"} or path.startswith("api/"):
        return "application/json", orjson.dumps({"error": sentence})
    return "text/plain; charset=utf-8", f"{sentence}\n".encode()
