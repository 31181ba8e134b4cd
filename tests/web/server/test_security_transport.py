"""What goes over the wire: compression, and what browsers may keep."""

from __future__ import annotations

import gc
import re
from typing import Any

import pytest

from tests.support import Run


def test_every_static_file_of_the_page_is_kept_for_good(client: Any) -> None:
    """Each script and stylesheet has an address that changes with its content, so a browser never asks again."""
    page = client.get("/").get_data(as_text=True)
    files = re.findall(r'<(?:script|link)[^>]*? (?:src|href|data-plotly)="([^"]+)"', page)
    files += re.findall(r'data-plotly="([^"]+)"', page)
    assert any("/plotly-cartesian" in name for name in files) and any("monitor.css" in name for name in files)
    for name in files:
        with client.get(name) as answer:
            assert answer.status_code == 200, name
            assert "immutable" in answer.headers["Cache-Control"], name


def test_pages_and_answers_are_asked_for_anew(client: Any) -> None:
    """What can change is never kept by the browser for good."""
    for address in ("/", "/metrics", "/_dash-layout", "/healthz", "/assets/monitor.css"):
        with client.get(address) as answer:
            assert "immutable" not in answer.headers.get("Cache-Control", ""), address


@pytest.mark.parametrize("encoding", ["zstd", "gzip"])
def test_answers_are_compressed(client: Any, run: Run, encoding: str) -> None:
    """A long answer is compressed the way the browser asked for."""
    run.metrics(*range(0, 20_000, 100))
    answer = client.get("/_dash-dependencies", headers={"Accept-Encoding": encoding})
    assert answer.headers["Content-Encoding"] == encoding


def test_a_file_is_closed_when_it_has_been_sent(client: Any) -> None:
    """Compressed or not: an open file is a warning, and warnings are errors here."""
    for encoding in ("zstd", "identity"):
        answer = client.get("/assets/monitor.css", headers={"Accept-Encoding": encoding})
        assert answer.data
        answer.close()
        del answer
        gc.collect()
