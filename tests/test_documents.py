"""What the documents name exists: tests, files, headings, modules, options, addresses, commands."""

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
from thalia_monitor import create_app
from thalia_monitor.cli import cli
from thalia_monitor.settings import ENVIRONMENT_PREFIX, Settings, settings_from_environment

DOCS = ROOT / "docs"
PAGES = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted(DOCS.glob("*.md"))]
LINK = re.compile(r"\]\(([^)#:]*)(?:#([^)]*))?\)")
SETUPS = ("thalia-monitor.service", "Dockerfile")
VARIABLE = re.compile(rf"\b({ENVIRONMENT_PREFIX}_\w+)=(\S+)")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_leads_to_a_file(page: Path) -> None:
    """Each relative link names a file that exists, and a heading of it where it names one."""
    broken = []
    for file, heading in LINK.findall(page.read_text(encoding="utf-8")):
        target = (page.parent / file).resolve() if file else page
        if (
            not target.is_relative_to(ROOT)
            or not target.exists()
            or (heading and heading not in headings(target))
        ):
            broken.append(f"{file}#{heading}")
    assert broken == []


def headings(page: Path) -> set[str]:
    """The anchors of a page's headings, as GitHub makes them."""
    titles = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title).strip().lower().replace(" ", "-") for title in titles}


def test_the_index_lists_every_document() -> None:
    """``docs/README.md`` links to every other file of ``docs/`` but the pictures."""
    linked = {file for file, _ in LINK.findall((DOCS / "README.md").read_text(encoding="utf-8"))}
    assert {path.name for path in DOCS.iterdir() if path.suffix != ".png"} - {"README.md"} == {
        file for file in linked if "/" not in file
    }


def test_the_readme_takes_two_minutes() -> None:
    """At most 175 lines, with a picture and the project's two commands."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 175
    assert re.search(r"!\[.+\]\(docs/.+\.png\)", text)
    assert {"make demo", "make test"} <= set(re.findall(r"^make \w+", text, re.MULTILINE))


def test_the_configuration_table_has_every_option() -> None:
    """The README's table lists the command's options, each with its default where that is a value."""
    table = re.findall(
        r"^\| (`--.+?) \| (.+?) \|", (ROOT / "README.md").read_text(encoding="utf-8"), re.MULTILINE
    )
    documented = {flag: default for flags, default in table for flag in re.findall(r"`(--[\w-]+)`", flags)}
    options = {each.opts[0]: each for each in cli.params if isinstance(each, click.Option)}
    options.pop("--version", None)
    assert set(documented) == set(options)
    for flag, option in options.items():
        if isinstance(option.default, (int, float)) and not isinstance(option.default, bool):
            assert float(documented[flag]) == option.default, flag


def test_the_api_page_has_every_address() -> None:
    """Each route of the HTTP API, and no other."""
    text = (
        (DOCS / "api.md")
        .read_text(encoding="utf-8")
        .replace("`, `/consolidation", "`, `/api/v1/runs/<id>/consolidation")
    )
    documented = {
        re.sub(r"\?.*", "", each)
        for each in re.findall(r"`(?:GET |POST )?(/(?:api|healthz|mcp)[^` ]*)`", text)
    }
    app = create_app(settings=Settings())
    routes = {str(rule) for rule in app.server.url_map.iter_rules() if rule.endpoint.startswith("api.")}
    assert documented == {
        rule.replace("<run>", "<id>") for rule in routes if not rule.startswith("/api/<") and rule != "/api/"
    }


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_module_that_a_document_names_exists(page: Path) -> None:
    """Paths of code in backticks lead to a file or folder of this repository."""
    text = page.read_text(encoding="utf-8")
    named = re.findall(
        r"`((?:thalia_monitor|pages|assets|tests|benchmarks|scripts|fixtures)/[\w./*-]*)`", text
    )
    assert [path for path in named if not list(ROOT.glob(path.rstrip("/")))] == []


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


def test_the_page_of_commands_has_every_command() -> None:
    """One row each, and no other."""
    rows = re.findall(
        r"^\| `thalia-monitor ([a-z]\w*)", (DOCS / "commands.md").read_text("utf-8"), re.MULTILINE
    )
    assert sorted(rows) == sorted(cli.commands)


def test_every_documented_option_exists() -> None:
    """The flags in the pages are the command's own."""
    known = {flag for each in _parameters(cli) for flag in each.opts}
    for page in (DOCS / "deployment.md", DOCS / "threat-model.md", DOCS / "commands.md"):
        text = re.sub(r"(?m)^gunicorn .*$", "", page.read_text(encoding="utf-8"))
        assert set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", text)) <= known, page.name


def _parameters(command: click.Command) -> list[click.Parameter]:
    below = command.commands.values() if isinstance(command, click.Group) else ()
    return [*command.params, *(each for one in below for each in _parameters(one))]
