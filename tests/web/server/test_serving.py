"""Where the monitor listens, and that gunicorn's entry is the same monitor."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support import FIXTURES, ROOT
from thalia_monitor.errors import SettingsError
from thalia_monitor.settings import Settings
from thalia_monitor.web.server.connections import address, bind

ASK = """
import json
from thalia_monitor.web.wsgi import server
client = server.test_client()
base = json.loads(%r)
runs = client.get(base + "api/v1/runs").get_json()["runs"]
print(json.dumps([client.get(base + "metrics").status_code, runs]))
"""


@pytest.mark.parametrize(
    ("settings", "shown"),
    [
        (Settings(), "http://127.0.0.1:5/"),
        (Settings(host="localhost", base_path="lab"), "http://localhost:5/lab/"),
        (Settings(host="0.0.0.0"), "http://127.0.0.1:5/"),
        (Settings(host="::1"), "http://[::1]:5/"),
        (Settings(host="::"), "http://[::1]:5/"),
    ],
)
def test_the_address_that_is_printed_can_be_opened(settings: Settings, shown: str) -> None:
    """An address that means "every one" is none to type in."""
    assert address(settings, 5) == shown


def test_a_free_port_is_really_taken() -> None:
    """Two monitors with ``--port 0`` do not meet."""
    with bind(Settings(port=0)) as one, bind(Settings(port=0)) as other:
        assert one.getsockname()[1] != other.getsockname()[1] != 0


@pytest.mark.parametrize("host", ["203.0.113.7", "no.such.host.invalid", "not a host", "a..b", "x" * 300])
def test_an_address_that_is_not_this_machines_is_one_sentence(host: str) -> None:
    """With what to do."""
    with pytest.raises(SettingsError, match=r"choose another with --host\.$"):
        bind(Settings(host=host, port=0))


def in_process(environment: dict[str, str], base: str = "/") -> subprocess.CompletedProcess[str]:
    """Import gunicorn's entry with these variables, in a process of its own, and ask it."""
    return subprocess.run(
        [sys.executable, "-W", "error::ResourceWarning", "-c", ASK % json.dumps(base)],
        cwd=ROOT,
        env=os.environ | environment,
        capture_output=True,
        text=True,
        check=False,
    )


def test_gunicorns_entry_takes_its_settings_from_the_environment(tmp_path: Path) -> None:
    """The same pages, the same run, under the base path that is asked for."""
    ended = in_process(
        {
            "THALIA_MONITOR_CHECKPOINT_DIR": str(FIXTURES / "healthy"),
            "THALIA_MONITOR_BASE_PATH": "/lab/",
            "THALIA_MONITOR_CACHE_DIR": str(tmp_path),
        },
        "/lab/",
    )
    assert ended.returncode == 0, ended.stderr
    status, runs = json.loads(ended.stdout)
    assert status == 200
    assert [each["name"] for each in runs] == ["healthy"]


def test_gunicorns_entry_names_the_variable_that_is_wrong() -> None:
    """Its last line says it, so that it is found in gunicorn's log."""
    ended = in_process({"THALIA_MONITOR_REFRESH_SECONDS": "fast"})
    assert ended.returncode != 0
    said = ended.stderr.strip().splitlines()[-1]
    assert "--refresh-seconds" in said and "THALIA_MONITOR_" in said
