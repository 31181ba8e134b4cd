"""The command: flags in, one clear sentence out where something is wrong, and an address that answers."""

from __future__ import annotations

import re
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support import ROOT, Run, Server, serving
from thalia_monitor import __version__
from thalia_monitor.cli import cli, main
from thalia_monitor.settings import Settings
from thalia_monitor.web.server import serve

Command = Callable[..., tuple[int, str, str]]


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    """Run the command in this process: exit code, output, errors."""

    def call(*arguments: str | Path) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["thalia-monitor", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            main()
        out, err = capsys.readouterr()
        assert isinstance(ended.value.code, int)
        return ended.value.code, out, err

    return call


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (["--port", "eighty"], "--port"),
        (["--port", "65536"], "--port"),
        (["--refresh-seconds", "0.5"], "--refresh-seconds"),
        (["--refresh-seconds", "31"], "--refresh-seconds"),
        (["--refresh-seconds", "nan"], "--refresh-seconds"),
        (["--base-path", "a b"], "--base-path"),
        (["--stage-scheme", "1999"], "--stage-scheme"),
        (["--cache-threshold", "0"], "--cache-threshold"),
        (["--colour", "red"], "--colour"),
        (["--checkpoint-dir"], "--checkpoint-dir"),
        (["--checkpoint-dir", ""], "--checkpoint-dir"),
        (["--checkpoint-dir", str(ROOT / "README.md")], "file"),
        (["--root", str(ROOT / "README.md")], "file"),
        (["--host", ""], "--host"),
        (["--host", "203.0.113.7", "--port", "0"], "--host"),
        (["paint"], "paint"),
        (["demo", "--speed", "0"], "--speed"),
        (["demo", "--seed", "x"], "--seed"),
        (["demo", str(ROOT / "README.md")], "file"),
        (["check"], "DIRECTORY"),
    ],
    ids=lambda each: " ".join(each) if isinstance(each, list) else "",
)
def test_a_wrong_value_is_one_sentence_and_exit_code_2(
    command: Command, arguments: list[str], word: str
) -> None:
    """It names what is wrong; there is no traceback and no dump of the usage."""
    code, out, err = command(*arguments)
    assert (code, out) == (2, "")
    assert re.fullmatch(r"thalia-monitor[^\n]*: [^\n]+\n", err)
    assert word in err
    assert "Traceback" not in err and "Usage:" not in err


def test_a_wrong_variable_is_one_sentence_too(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same value, from the environment, ends the same way."""
    monkeypatch.setenv("THALIA_MONITOR_PORT", "eighty")
    code, _, err = command("--checkpoint-dir", "x")
    assert code == 2
    assert "--port" in err and "eighty" in err and err.count("\n") == 1


def test_a_port_in_use_is_said_with_what_to_do(command: Command) -> None:
    """Before anything slow is done, and without a traceback."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        code, out, err = command("--port", str(port))
    assert (code, out) == (2, "")
    assert err == (
        f"thalia-monitor: 127.0.0.1:{port} is in use: choose another with --port, or --port 0 for a free one.\n"
    )


def test_help_names_every_command_and_option(command: Command) -> None:
    """And says where the options can come from otherwise."""
    code, out, _ = command("--help")
    assert code == 0
    assert {"--checkpoint-dir", "--port", "--view", "demo", "check"} <= set(re.findall(r"(?<=\s)[\w-]+", out))


def test_each_command_is_summarised_on_one_line(command: Command) -> None:
    """No summary is cut off, and ``--speed`` says what it multiplies."""
    _, out, _ = command("--help")
    listed = out.partition("Commands:\n")[2].splitlines()
    names = sorted(line.split()[0] for line in listed)
    assert names == sorted(cli.commands)
    assert [line for line in listed if line.endswith("...")] == []
    assert "Multiplies the simulated training steps per second" in " ".join(
        command("demo", "--help")[1].split()
    )


@pytest.mark.parametrize(("name", "own"), [("serve", "--workers"), ("demo", "--speed")])
def test_a_commands_own_options_come_before_the_shared_ones(command: Command, name: str, own: str) -> None:
    """Help lists what only this command takes, then "Also takes ..." with all options of the server."""
    _, out, _ = command(name, "--help")
    first, _, shared = out.partition("Also takes the options of thalia-monitor:")
    assert own in first and "--port" not in first
    assert "DIRECTORY" not in first.partition("Options:")[2]
    assert own not in shared and "--port" in shared and "--view" in shared


def test_version_is_the_packages(command: Command) -> None:
    """One number, in one place."""
    assert command("--version")[:2] == (0, f"thalia-monitor, version {__version__}\n")


def test_the_module_is_the_command() -> None:
    """``python -m thalia_monitor`` ends with the same code, from any directory."""
    ended = subprocess.run(
        [sys.executable, "-m", "thalia_monitor", "--port", "eighty"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 2
    assert ended.stderr.count("\n") == 1


@pytest.fixture(scope="module")
def early(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Server, Run]]:
    """A monitor whose directory does not exist yet."""
    directory = tmp_path_factory.mktemp("lab") / "not" / "there yet"
    with serving("--checkpoint-dir", directory) as server:
        yield server, Run(directory)


def test_the_address_is_printed_as_soon_as_it_answers(early: tuple[Server, Run]) -> None:
    """With the port that ``--port 0`` took, and it is this machine's own."""
    server, _ = early
    assert re.fullmatch(r"http://127\.0\.0\.1:[1-9]\d*/", server.url)
    assert server.get("healthz") == (200, {"status": "ok", "version": __version__})


def test_a_directory_that_does_not_exist_yet_is_served_when_it_does(early: tuple[Server, Run]) -> None:
    """Until then the answer says what is missing; afterwards it is there without a restart."""
    server, run = early
    key = server.get("api/v1/runs")[1]["runs"][0]["id"]
    status, answer = server.get(f"api/v1/runs/{key}")
    assert status == 503
    assert str(run.directory) in answer["error"]
    assert server.get("metrics")[0] == 200
    run.directory.mkdir(parents=True)
    run.metrics(100)
    status, answer = server.get(f"api/v1/runs/{key}")
    assert (status, answer["current_step"]) == (200, 100)


def test_sigterm_ends_it_cleanly_with_0(early: tuple[Server, Run]) -> None:
    """As a container or systemd asks; nothing is left to read about in its log."""
    server, _ = early
    server.process.send_signal(signal.SIGTERM)
    assert server.process.wait(timeout=20) == 0
    assert [text for text in server.output if "Traceback" in text or "Warning" in text] == []


def test_the_demo_leaves_a_run_alone_that_only_the_environment_names(
    command: Command, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """It writes where it is told to on the command line, before or after its name, and else to a place of its own."""
    told: list[Any] = []

    def demonstrate(settings: Settings, directory: Path | None, **_: Any) -> None:
        told.append((directory, settings.port))

    monkeypatch.setattr(serve, "demonstrate", demonstrate)
    monkeypatch.setenv("THALIA_MONITOR_CHECKPOINT_DIR", "/data/run")
    command("demo", "--port", "0")
    command("--port", "5", "demo", "--checkpoint-dir", tmp_path)
    command("--checkpoint-dir", tmp_path, "demo", "--port", "7")
    command("demo", tmp_path)
    assert told == [(None, 0), (tmp_path, 5), (tmp_path, 7), (tmp_path, 8050)]


def test_ctrl_c_ends_the_demo_and_its_training(tmp_path: Path) -> None:
    """Server and simulated training stop together; what was written is a run that can be opened again."""
    with serving(
        "demo", tmp_path / "run", "--speed", "50", "--seed", "3", "--refresh-seconds", "1"
    ) as server:
        [listed] = server.get("api/v1/runs")[1]["runs"]
        assert listed["directory"] == str(tmp_path / "run")
        server.process.send_signal(signal.SIGINT)
        assert server.process.wait(timeout=20) == 0
    assert Run(tmp_path / "run").log.read_text(encoding="utf-8").endswith("}\n")
    assert not any("Traceback" in text for text in server.output)
