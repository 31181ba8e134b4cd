"""The command ``thalia-monitor status``: a run in words, in a terminal."""

from __future__ import annotations

import io
import json
import unicodedata
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from rich.console import Console

from tests.support import Run
from thalia_monitor import cli, terminal
from thalia_monitor.analysis.findings import Thresholds
from thalia_monitor.analysis.summary import Summary
from thalia_monitor.errors import RunUnreadable, SettingsError
from thalia_monitor.reading.run_reader import RunReader

COMMANDS = {"Cc", "Cf", "Zl", "Zp"}
"""Categories of characters that are obeyed instead of shown."""


def call(*arguments: str | Path) -> Result:
    """Run the command in this process."""
    return CliRunner().invoke(cli.cli, [*map(str, arguments)])


@pytest.fixture
def healthy(run: Run) -> Run:
    """A run of forty lines and a checkpoint."""
    run.metrics(*range(0, 4000, 100), loss=0.25)
    run.metadata(3900)
    return run


def test_a_run_is_told_in_words(healthy: Run) -> None:
    """One subject a line, the status first; 0 says that nothing is critical."""
    result = call("status", healthy.directory)
    lines = result.output.splitlines()
    assert lines[0].startswith("run: ")
    assert lines[1].startswith("Stage 0 Sensory Foundations, week 2 of 4, step 3,900.")
    assert "Loss 0.25" in result.output
    assert result.exit_code == 0


def test_programs_get_json(healthy: Run) -> None:
    """The same as strict JSON."""
    record = json.loads(call("status", healthy.directory, "--json").output)
    assert (record["current_stage"], record["current_step"]) == (0, 3900)
    assert record["text"].startswith("run: ")


def test_something_critical_is_an_exit_code_too(healthy: Run) -> None:
    """A script need not read: 1 while a warning or a finding is critical."""
    healthy.metrics(4000, loss=float("nan"))
    result = call("status", healthy.directory)
    assert "Critical (found): loss has been NaN since step 4,000." in result.output
    assert result.exit_code == 1


def test_the_directory_may_be_the_monitors_own(healthy: Run) -> None:
    """Without DIRECTORY it is --checkpoint-dir's; without either the reader is told what to do."""
    assert call("--checkpoint-dir", healthy.directory, "status").output.startswith("run: ")
    assert isinstance(call("status").exception, SettingsError)


def test_thresholds_come_from_the_health_file(healthy: Run, tmp_path: Path) -> None:
    """A firing rate of 0.1 is low for a brain that is known to fire faster."""
    healthy.log.unlink()
    healthy.metrics(*range(0, 40_000, 100), firing_rate=0.1)
    file = tmp_path / "health.toml"
    file.write_text("[health]\nfiring_low = 0.2\nfiring_high = 0.4\n")
    assert "too low" not in call("status", healthy.directory).output
    assert "too low" in call("--health", file, "status", healthy.directory).output


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("[health]\nfiring_lo = 1", "no health threshold 'firing_lo'"),
        ("[health]\nfiring_low = 'high'", "must be a number"),
        ("health = 3", "has to be a table"),
        ("[health", "not valid TOML"),
    ],
)
def test_a_wrong_health_file_is_explained(healthy: Run, tmp_path: Path, content: str, words: str) -> None:
    """Whoever wrote the file is told what is wrong with it."""
    file = tmp_path / "health.toml"
    file.write_text(content)
    result = call("--health", file, "status", healthy.directory)
    assert isinstance(result.exception, SettingsError)
    assert words in str(result.exception)


def test_an_empty_directory_waits_for_data(tmp_path: Path) -> None:
    """With an exit code of its own: neither healthy, nor critical, nor unusable."""
    result = call("status", tmp_path)
    assert result.output.startswith(f"{tmp_path.name}: waiting for data.")
    assert result.exit_code == 3


def summaries(run: Run, *losses: float) -> Iterator[Summary]:
    """What one sees of a run while it logs these losses, looking twice at each."""
    reader = RunReader(run.directory)
    for number, loss in enumerate(losses):
        run.metrics(5000 + 100 * number, loss=loss)
        for _ in range(2):
            yield terminal.look(reader, Thresholds())


def test_watching_shows_bars_in_a_terminal(healthy: Run) -> None:
    """The stage and its milestones have a bar each, drawn anew in place."""
    output = io.StringIO()
    terminal.follow(summaries(healthy, 0.2, 0.1), Console(file=output, force_terminal=True, width=120))
    shown = output.getvalue()
    assert "Stage" in shown and "50 %" in shown
    assert "Milestones" in shown and "1 of " in shown
    assert "Loss 0.2" in shown and "Loss 0.1" in shown


def test_watching_into_a_file_prints_what_has_changed(healthy: Run) -> None:
    """Where nothing can be drawn in place, each version is printed once and nothing else is."""
    output = io.StringIO()
    terminal.follow(summaries(healthy, 0.2, 0.1), Console(file=output, width=80))
    assert output.getvalue().count("run: ") == 2


def test_watching_waits_between_two_looks() -> None:
    """Looks are as far apart as the refresh interval."""
    waited: list[float] = []
    taken = terminal.looks(lambda: waited and None, waited.append, 2.0)  # type: ignore[arg-type, return-value]
    next(taken)
    next(taken)
    assert waited == [2.0]


def test_nothing_of_a_file_commands_the_terminal(run: Run) -> None:
    """Escapes, C1 codes, line separators and changes of direction are in no output, nor in its JSON."""
    hostile = "a\x1b[31m\x9b2J\u2028b\u202ec\u2066"
    run.metrics(*range(0, 4000, 100), **{hostile: 0.25})
    run.metadata(3900, warnings=[hostile], stage_name=hostile)
    for arguments in (("status",), ("status", "--json"), ("check",), ("check", "--json")):
        output = call(arguments[0], run.directory, *arguments[1:]).output
        assert all(each == "\n" or unicodedata.category(each) not in COMMANDS for each in output), arguments
    assert json.loads(call("status", run.directory, "--json").output)["warnings"][0]["message"] == hostile


@pytest.mark.parametrize("command", ["status", "check"])
def test_a_path_in_an_error_commands_no_terminal(
    tmp_path: Path, command: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What an error says of a path is shown, not obeyed, in a terminal as in an answer of the server."""
    path = tmp_path / "no\x1b[31m\x9b2J\u2028\u202e\nsuch"
    with pytest.raises(RunUnreadable) as unreadable:
        RunReader(path).read()
    monkeypatch.setattr("sys.argv", ["thalia-monitor", command, str(path)])
    with pytest.raises(SystemExit):
        cli.main()
    output = capsys.readouterr()
    shown = " ".join((output.out + output.err).split())
    for text in (str(unreadable.value), shown):
        assert "31m" in text
        assert all(unicodedata.category(each) not in COMMANDS for each in text)


def test_a_wrong_option_is_shown_and_not_obeyed(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The sentences of the command line itself, too."""
    monkeypatch.setattr("sys.argv", ["thalia-monitor", "--no\x1b[31m\u202esuch"])
    with pytest.raises(SystemExit):
        cli.main()
    said = capsys.readouterr().err
    assert "such" in said
    assert not {"\x1b", "\u202e"} & set(said)
