"""What the server logs: lines that nothing can forge, ticks left out, and the newest errors kept."""

from __future__ import annotations

import json
import logging

import pytest

from thalia_monitor.web.server.logging import ACCESS, JsonLines, Plain, Recent, config, worth_a_line

HOSTILE = "a run named\n2026-01-01 ERROR forged \x1b[31m\u202e"


def record(message: str, name: str = "thalia_monitor", **fields: object) -> logging.LogRecord:
    """A log record."""
    made = logging.LogRecord(name, logging.WARNING, "file.py", 1, message, None, None)
    vars(made).update(fields)
    return made


def access(path: str, status: str, microseconds: int) -> logging.LogRecord:
    """What gunicorn logs for a request."""
    parts = {"h": "::1", "u": "-", "m": "GET", "{raw_uri}e": path, "U": path, "s": status, "B": 5}
    return record("%(h)s", ACCESS, args=parts | {"D": microseconds})


@pytest.mark.parametrize("formatter", [Plain(), JsonLines()])
def test_a_message_stays_on_its_line(formatter: logging.Formatter) -> None:
    """Line breaks, colours and direction marks in a message are written out, so that no line can be forged."""
    line = formatter.format(record(HOSTILE))
    assert "\n" not in line
    assert "\x1b" not in line


def test_an_access_line_has_its_parts_as_fields() -> None:
    """Programs read the parts of a request, not a sentence."""
    said = json.loads(JsonLines().format(access("/metrics?x=1", "404", 1500)))
    assert (said["status"], said["address"], said["milliseconds"]) == (404, "/metrics?x=1", 1.5)


@pytest.mark.parametrize(
    ("path", "status", "seconds", "kept"),
    [
        ("/lab/_dash-update-component", "200 OK", 0.005, False),
        ("/_dash-update-component", "204 NO CONTENT", 0.005, False),
        ("/_dash-update-component", "500 INTERNAL SERVER ERROR", 0.005, True),
        ("/_dash-update-component", "200 OK", 2.0, True),
        ("/metrics", "200 OK", 0.005, True),
    ],
)
def test_questions_of_open_pages_that_went_well_are_left_out(
    path: str, status: str, seconds: float, kept: bool
) -> None:
    """Open pages ask all day; only those questions are logged that failed or took long."""
    assert worth_a_line(path, status, seconds) is kept


def test_the_newest_errors_are_kept() -> None:
    """The status page shows the last few, with the error's own words and no traceback."""
    handler = Recent()
    try:
        raise ValueError("the reason")
    except ValueError as error:
        handler.emit(record("it failed", exc_info=(ValueError, error, error.__traceback__)))
    for number in range(50):
        handler.emit(record(f"warning {number}"))
    assert len(Recent.records) == 20
    assert Recent.records[-1][2] == "warning 49"


def test_both_formats_are_valid_configurations() -> None:
    """What is handed to logging names formatters that exist."""
    assert config("json")["formatters"]["lines"]["()"] is JsonLines
    assert config("text")["formatters"]["lines"]["()"] is Plain
