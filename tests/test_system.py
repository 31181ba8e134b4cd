"""What differs between operating systems, tried here by hiding what Windows does not have."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.support import FIXTURES, ROOT, Run, serving
from thalia_monitor import system

UNIX_ONLY = {"resource", "fcntl", "pwd", "grp", "termios", "syslog"}
WITHOUT_UNIX = f"""
import os, signal, sys
import filelock, platformdirs  # they have code of their own for Windows, chosen by the name of the system

class Hidden:
    def find_spec(self, name, *_):
        if name.partition(".")[0] in {UNIX_ONLY | {"gunicorn"}}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)

for name in {sorted(UNIX_ONLY)}:
    sys.modules.pop(name, None)
sys.meta_path.insert(0, Hidden())
for name in ("fork", "register_at_fork", "geteuid", "getuid", "getppid", "pwrite", "pread", "posix_fallocate",
             "sched_getaffinity", "mkfifo", "chown", "fchmod", "setsid"):
    if hasattr(os, name):
        delattr(os, name)
for name in ("SIGHUP", "SIGQUIT", "SIGUSR1", "SIGWINCH", "SIGKILL", "SIGALRM"):
    delattr(signal, name)
"""
COMMAND = WITHOUT_UNIX + "from thalia_monitor.cli import main; main()"


@pytest.mark.parametrize("command", ["check", "status"])
def test_a_run_is_read_without_unix(command: str) -> None:
    """The exit code is the same as everywhere, and so is what is printed but for how long ago it was."""

    def ended(*program: str) -> tuple[int, str, str]:
        arguments = [sys.executable, *program, command, str(FIXTURES / "healthy"), "--json"]
        done = subprocess.run(arguments, cwd=ROOT, capture_output=True, text=True, check=False)
        return done.returncode, re.sub(r"\d+", "", done.stdout), done.stderr

    assert ended("-c", COMMAND) == ended("-m", "thalia_monitor")


@pytest.mark.parametrize("command", [(), ("serve", "--workers", "2")])
def test_a_run_is_served_without_unix(run: Run, tmp_path: Path, command: tuple[str, ...]) -> None:
    """Without gunicorn one process answers, behind the same event loop; pages, API, status and figures in files."""
    run.metrics(1, 2, 3)
    options: tuple[str | Path, ...] = ("--checkpoint-dir", run.directory, "--cache-dir", tmp_path / "cache")
    program = (sys.executable, "-c", COMMAND)
    with serving(*command, *options, "--cache", "files", program=program) as server:
        key = server.get("api/v1/runs")[1]["runs"][0]["id"]
        assert server.get(f"api/v1/runs/{key}")[1]["current_step"] == 3
        assert server.get("metrics")[0] == 200
        [process] = server.get("api/v1/status")[1]["processes"]
        assert process["pid"] == server.process.pid
    assert any("one process" in line for line in server.output) is bool(command)
    assert not any("Traceback" in line for line in server.output)


def test_every_module_is_imported_without_unix() -> None:
    """Gunicorn's own two aside, which nothing else imports."""
    names = sorted(
        ".".join(path.relative_to(ROOT).with_suffix("").parts)
        for path in (ROOT / "thalia_monitor").rglob("*.py")
        if path.stem not in {"__main__", "gunicorn", "gunicorn_conf", "wsgi"}
    )
    code = WITHOUT_UNIX + f"import importlib\nfor name in {names}: importlib.import_module(name)"
    ended = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert ended.returncode == 0, ended.stderr


def test_code_for_one_system_stands_in_one_module() -> None:
    """No other module imports what is on Unix only."""
    for path in (ROOT / "thalia_monitor").rglob("*.py"):
        if path.name == "system.py":
            continue
        nodes: list[Any] = list(ast.walk(ast.parse(path.read_text(encoding="utf-8"))))
        names = {each.name for node in nodes if isinstance(node, ast.Import) for each in node.names}
        names |= {str(node.module) for node in nodes if isinstance(node, ast.ImportFrom)}
        assert not names & UNIX_ONLY, path
        assert not re.search(r"\bos\.(fork|register_at_fork|geteuid|getuid)\b", path.read_text()), path


def test_loopback_is_added_to_what_needs_no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    """Once, behind what stands there already, under both names."""
    monkeypatch.setenv("no_proxy", "lab.example,localhost")
    monkeypatch.setenv("NO_PROXY", "")
    for _ in range(2):
        system.reach_loopback_directly()
    assert os.environ["no_proxy"] == "lab.example,localhost,127.0.0.1,::1"
    assert os.environ["NO_PROXY"] == "localhost,127.0.0.1,::1"
