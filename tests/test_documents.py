"""What the documents name is there: tests, files, options, commands."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner

from tests.support import FIXTURES, ROOT, serving
from thalia_monitor.cli import cli
from thalia_monitor.settings import ENVIRONMENT_PREFIX, Settings, settings_from_environment

DOCS = ROOT / "docs"
PAGES = [ROOT / "README.md", *sorted(DOCS.glob("*.md"))]
SETUPS = ("thalia-monitor.service", "Dockerfile")
VARIABLE = re.compile(rf"\b({ENVIRONMENT_PREFIX}_\w+)=(\S+)")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_leads_to_a_file(page: Path) -> None:
    """No page names a file that is not there."""
    links = re.findall(r"\]\(([^)#:]+)\)", page.read_text(encoding="utf-8"))
    assert [link for link in links if not (page.parent / link).exists()] == []


def test_every_promise_names_its_test() -> None:
    """Each row of the threat model's promises names tests, and each of them exists."""
    promised = (DOCS / "threat-model.md").read_text(encoding="utf-8").partition("## Not promised")[0]
    rows = [
        row
        for row in promised.splitlines()
        if row.startswith("| ") and not row.startswith(("| promise", "| ---"))
    ]
    assert len(rows) > 10
    for row in rows:
        named = re.findall(r"`(tests/[\w/]+\.py)(?:::(\w+))?`", row)
        assert named, row
        for file, test in named:
            assert (
                f"def {test}" in (ROOT / file).read_text(encoding="utf-8")
                if test
                else (ROOT / file).is_file()
            ), row


def test_the_image_is_made_of_files_that_there_are() -> None:
    """What the Dockerfile copies is there, and is what the wheel is built from."""
    copied = re.findall(r"^COPY (.+)$", (DOCS / "Dockerfile").read_text(encoding="utf-8"), re.MULTILINE)
    files = [word for line in copied for word in line.split()[:-1]]
    assert {"pyproject.toml", "README.md", "LICENSE", "thalia_monitor", "pages", "assets"} <= set(files)
    assert [file for file in files if not (ROOT / file).exists()] == []


@pytest.mark.parametrize("proxy", ["http_proxy", "HTTP_PROXY", "all_proxy"])
def test_the_image_is_healthy_whatever_proxy_there_is(proxy: str) -> None:
    """Its probe asks the monitor itself: 0 while it answers, another code when it does not."""
    text = (DOCS / "Dockerfile").read_text(encoding="utf-8")
    [found] = re.findall(r"^HEALTHCHECK .* CMD (\[.*\])$", text, re.MULTILINE)
    python, *arguments = json.loads(found)
    assert python == "python"
    chosen: dict[str, Any] = {proxy: "http://127.0.0.1:9/"}
    environment = os.environ | chosen

    def probe(port: str) -> int:
        command = [each.replace("8050", port) for each in arguments]
        return subprocess.run(
            [sys.executable, *command], env=environment, stderr=subprocess.DEVNULL
        ).returncode

    with serving("--checkpoint-dir", FIXTURES / "healthy", **chosen) as server:
        port = re.findall(r":(\d+)/", server.url)[0]
        assert probe(port) == 0
    assert probe(port) != 0


@pytest.mark.parametrize("name", SETUPS)
def test_a_setup_names_options_that_there_are(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every variable is an option's, with a value that it takes."""
    found = dict(VARIABLE.findall((DOCS / name).read_text(encoding="utf-8")))
    assert len(found) > 4
    options = {f"{ENVIRONMENT_PREFIX}_{each.name}".upper() for each in cli.params if each.name}
    assert set(found) <= options
    for variable, value in found.items():
        monkeypatch.setenv(variable, value)
    settings = settings_from_environment()
    assert settings.root and settings.auth_file and settings.cache_dir
    assert settings.behind_proxy is ("BEHIND_PROXY" in str(found))


@pytest.mark.parametrize(
    ("name", "line"),
    [("thalia-monitor.service", r"^ExecStart=\S*/(.+)$"), ("Dockerfile", r'^CMD \["(thalia.+)"\]$')],
)
def test_a_setup_starts_a_command_that_there_is(
    name: str, line: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The command that is started takes the flags that it is given."""
    [command] = re.findall(line, (DOCS / name).read_text(encoding="utf-8"), re.MULTILINE)
    words = shlex.split(command.replace('", "', " "))
    started: list[tuple[Settings, int]] = []
    monkeypatch.setattr(
        "thalia_monitor.web.server.gunicorn.serve",
        lambda settings, workers, _: started.append((settings, workers)),
    )
    assert words[0] == "thalia-monitor"
    ended = CliRunner().invoke(cli, words[1:])
    assert ended.exit_code == 0, ended.output
    assert started[0][1] == 4


def test_systemd_understands_the_unit(tmp_path: Path) -> None:
    """Where systemd is at hand, it finds nothing wrong with the unit but that nothing is installed in /opt."""
    if not (analyze := shutil.which("systemd-analyze")):
        pytest.skip("no systemd on this machine")
    unit = (DOCS / "thalia-monitor.service").read_text(encoding="utf-8")
    (tmp_path / "thalia-monitor.service").write_text(
        unit.replace("/opt/thalia-monitor/bin/thalia-monitor", "/bin/true")
    )
    done = subprocess.run(
        [analyze, "verify", str(tmp_path / "thalia-monitor.service")],
        capture_output=True,
        text=True,
        check=False,
    )
    said = [line for line in done.stderr.splitlines() if "thalia-monitor.service" in line]
    assert (done.returncode, said) == (0, [])


def test_every_documented_option_exists() -> None:
    """The flags in the pages are the command's own."""
    known = {flag for each in _parameters(cli) for flag in each.opts}
    for page in (DOCS / "deployment.md", DOCS / "threat-model.md"):
        text = re.sub(r"(?m)^gunicorn .*$", "", page.read_text(encoding="utf-8"))
        assert set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", text)) <= known, page.name


def _parameters(command: click.Command) -> list[click.Parameter]:
    below = command.commands.values() if isinstance(command, click.Group) else ()
    return [*command.params, *(each for one in below for each in _parameters(one))]
