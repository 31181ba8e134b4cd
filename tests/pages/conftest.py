"""Pages without a browser: one application per fixture, asked for any of its pages."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import pytest

from tests.screen import Screen
from tests.support import FIXTURES
from thalia_monitor.web.app import create_app

Open = Callable[..., Screen]


@cache
def _client(fixture: str) -> Any:
    return create_app(FIXTURES / fixture).server.test_client()


@pytest.fixture(scope="session")
def visit() -> Open:
    """Open a page of a fixture: ``visit("healthy", "/growth")``."""

    def opened(fixture: str, path: str, **options: Any) -> Screen:
        return Screen(_client(fixture), path, **options)

    return opened
