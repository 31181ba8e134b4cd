"""What every test can ask for: a run directory to write to, an app on it, and a client that ticks."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from dash import Dash
from dash._get_app import app_context
from hypothesis import HealthCheck, settings

from tests.support import FIXTURES, Run
from thalia_monitor.web.app import create_app


@pytest.fixture(autouse=True, scope="session")
def own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keep what is cached out of the home of whoever runs the tests."""
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        environment.setenv("XDG_STATE_HOME", str(tmp_path_factory.mktemp("state")))
        yield


# How long an example takes says something about the machine, not about the code.
settings.register_profile("house", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("house")


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """An empty run directory."""
    directory = tmp_path / "run"
    directory.mkdir()
    return Run(directory)


@pytest.fixture
def fixture() -> Callable[[str], Path]:
    """Where a committed fixture lies."""
    return lambda name: FIXTURES / name


@pytest.fixture
def app(run: Run) -> Iterator[Dash]:
    """The application on the run directory."""
    app_context.set(None)  # else dash.get_app() would be an application that answered in an earlier test
    yield create_app(run.directory)


@pytest.fixture
def client(app: Dash) -> Any:
    """A client of the application, without a network."""
    return app.server.test_client()
