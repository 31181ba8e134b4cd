"""Sending through Apprise to a receiver on this machine, and keeping addresses secret."""

from __future__ import annotations

import logging
import stat
import subprocess
import time
from pathlib import Path

import psutil
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from tests.alerts.support import dripping, receiving
from thalia_monitor import cli
from thalia_monitor.alerts.delivery import Notification
from thalia_monitor.alerts.rules import Channel
from thalia_monitor.alerts.sending import check, redacted, send, shortened
from thalia_monitor.errors import SettingsError
from thalia_monitor.model.records import Severity

SECRETS = ("hunter2secret", "hook-tok3n", "tok3n", "someone")
LETTER = Notification("a title", "a body", Severity.CRITICAL)


def test_a_letter_arrives() -> None:
    """Title, body and kind are those that were sent."""
    with receiving() as receiver:
        assert send(Channel("desk", Severity.INFO, receiver.url), LETTER) == ""
        assert (
            send(Channel("desk", Severity.INFO, receiver.url), Notification("t", "b", Severity.INFO, True))
            == ""
        )
    first, second = receiver.letters
    assert (first["title"], first["message"], first["type"]) == ("a title", "a body", "failure")
    assert second["type"] == "success"


@pytest.mark.parametrize("status", [401, 500])
def test_a_failure_has_a_reason_without_the_address(status: int, caplog: pytest.LogCaptureFixture) -> None:
    """What went wrong is said; nothing of the address is, neither in the reason nor in any log."""
    caplog.set_level(logging.DEBUG)
    with receiving() as receiver:
        receiver.status = status
        reason = send(Channel("desk", Severity.INFO, receiver.url), LETTER)
    assert f"error={status}" in reason
    assert not any(secret in reason + caplog.text for secret in SECRETS)


def test_a_dead_line_is_a_failure_with_a_reason() -> None:
    """Nobody listens: said, not raised."""
    reason = send(
        Channel("desk", Severity.INFO, "json://someone:hunter2secret@127.0.0.1:9/hook-tok3n"), LETTER
    )
    assert reason
    assert not any(secret in reason for secret in SECRETS)


def test_a_letter_has_a_deadline_from_end_to_end() -> None:
    """A receiver that drips its answer is given up after the deadline, and no process is left behind."""
    begun = time.monotonic()
    with dripping() as url:
        reason = send(Channel("desk", Severity.INFO, url), LETTER, deadline=4)
    assert reason == "no complete answer within 4 s"
    assert 4 <= time.monotonic() - begun < 8
    left = [" ".join(each.cmdline()) for each in psutil.Process().children()]
    assert not [each for each in left if "alerts.sending" in each]


def test_a_text_too_long_for_a_service_is_cut_between_lines() -> None:
    """The link at its end stays, and what is left out is counted."""
    body = "\n".join([*(f"line {number}" for number in range(1_000)), "https://lab/"])
    short = shortened(body, 1_000)
    assert len(short) <= 1_000
    assert short.startswith("line 0\nline 1\n")
    assert short.endswith(" more lines)\nhttps://lab/")
    kept = short.count("\nline ") + 1
    assert f"(and {1_000 - kept} more lines)" in short
    assert shortened("a\nb", 1_000) == "a\nb"


def test_an_address_that_is_none_is_refused_without_showing_it() -> None:
    """Apprise does not understand it: the error says where addresses are explained."""
    with pytest.raises(SettingsError, match="none that Apprise understands") as caught:
        check(Channel("desk", Severity.INFO, "sl4ck://hunter2secret"))
    assert "hunter2secret" not in str(caught.value)


@given(st.text("abcdefgh0123456789", min_size=3, max_size=20), st.text("xyzXYZ", min_size=3, max_size=20))
def test_no_part_of_an_address_survives_blotting_out(user: str, token: str) -> None:
    """Whatever a library's error message quotes of an address, it is not shown."""
    url = f"json://{user}:{token}@host/{token}/{user}?key={token}"
    shown = redacted(f"POST {url} failed: {token} denied for {user}", url)
    assert token not in shown
    assert user not in shown


def test_a_long_reason_is_cut_after_its_secrets_are_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """No part of a secret survives at the place of the cut."""
    said = "x" * 295 + "hunter2secret"
    done = subprocess.CompletedProcess([], 0, stdout=said.encode())
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: done)
    reason = send(Channel("desk", Severity.INFO, "json://someone:hunter2secret@localhost/"), LETTER)
    assert reason == "x" * 295 + "…"


def alerts_file(tmp_path: Path, *urls: str) -> Path:
    """An alerts file with these channels."""
    path = tmp_path / "alerts.toml"
    channels = "".join(f'[[channel]]\nurl = "{url}"\n' for url in urls)
    path.write_text(channels + '[[rule]]\non = "stale"\n')
    path.chmod(0o600)
    return path


def test_the_test_command_reaches_every_channel(tmp_path: Path) -> None:
    """One message each; what fails is named, and the exit code says so."""
    with receiving() as receiver:
        path = alerts_file(tmp_path, receiver.url, "json://someone:hunter2secret@127.0.0.1:9/hook-tok3n")
        result = CliRunner().invoke(cli.cli, ["alerts", "test", "--alerts", str(path)])
    assert receiver.titles == ["● thalia-monitor: a test"]
    lines = result.output.splitlines()
    assert lines[0].endswith("1 rule, 2 channels.")
    assert lines[1] == "channel 1: sent"
    assert lines[2].startswith("channel 2: failed: ")
    assert result.exit_code == 1
    assert not any(secret in result.output for secret in SECRETS)


def test_a_file_that_others_can_read_is_warned_of(tmp_path: Path) -> None:
    """Addresses are secrets, so their file should be the operator's own."""
    with receiving() as receiver:
        path = alerts_file(tmp_path, receiver.url)
        path.chmod(0o600 | stat.S_IROTH)
        result = CliRunner().invoke(cli.cli, ["--alerts", str(path), "alerts", "test"])
    assert "other users of this machine can read" in result.output
    assert result.exit_code == 0


def test_without_a_file_the_command_says_what_it_needs() -> None:
    """Not a traceback."""
    assert "--alerts FILE" in str(CliRunner().invoke(cli.cli, ["alerts", "test"]).exception)
