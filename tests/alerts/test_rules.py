"""The alerts file: what it may say, and what is said of one that says something else."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from thalia_monitor.alerts.rules import QuietHours, load, quiet_hours
from thalia_monitor.errors import SettingsError
from thalia_monitor.model.records import Severity

BERLIN = ZoneInfo("Europe/Berlin")
CHANNEL = '[[channel]]\nurl = "json://localhost/s3cret"\n'
RULE = '[[rule]]\non = "stale"\n'


def written(tmp_path: Path, text: str) -> Path:
    """A file with this content."""
    path = tmp_path / "alerts.toml"
    path.write_text(text)
    return path


def test_a_whole_file_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Channels, rules and delivery; an address may name environment variables."""
    monkeypatch.setenv("HOOK", "tok3n")
    plan = load(
        written(
            tmp_path,
            """
            [[channel]]
            name = "lab"
            url = "json://localhost/${HOOK}"
            severity = "warning"
            [[channel]]
            url = "mailto://me:pw@example.org"
            [[rule]]
            metric = "loss"
            above = 2.5
            steps = 1000
            severity = "critical"
            [[rule]]
            on = "milestone"
            [delivery]
            check_seconds = 5
            again_after_minutes = 30
            most_per_hour = 3
            quiet = ["22:00-07:00"]
            time_zone = "Europe/Berlin"
            link = "https://lab/thalia/"
            [health]
            firing_high = 0.3
            """,
        )
    )
    assert [each.name for each in plan.channels] == ["lab", "channel 2"]
    assert plan.channels[0].url.endswith("/tok3n")
    assert plan.channels[0].severity is Severity.WARNING
    assert [(rule.on, rule.metric, rule.above) for rule in plan.rules] == [
        ("metric", "loss", 2.5),
        ("milestone", "", None),
    ]
    assert (plan.check_seconds, plan.again_after, plan.most_per_hour) == (5, 1800, 3)


def test_an_address_is_not_printed_with_its_plan(tmp_path: Path) -> None:
    """Addresses hold secrets: the plan's own text leaves them out."""
    assert "s3cret" not in repr(load(written(tmp_path, CHANNEL + RULE)))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (CHANNEL, r"at least one \[\[channel\]\] with its url and one \[\[rule\]\]"),
        (RULE, r"at least one \[\[channel\]\]"),
        (CHANNEL + '[[rule]]\non = "nap"', "nap"),
        (CHANNEL + '[[rule]]\nmetric = "loss"', "above or below"),
        (CHANNEL + '[[rule]]\non = "stale"\nabove = 1', "belong to a metric"),
        (CHANNEL + RULE + "abvoe = 1", "abvoe"),
        (CHANNEL + RULE + '[delivery]\nquiet = ["at night"]', "22:00-07:00"),
        (CHANNEL + RULE + '[delivery]\nquiet = ["25:00-07:00"]', "22:00-07:00"),
        (CHANNEL + RULE + '[delivery]\ntime_zone = "Moon"', "Europe/Berlin"),
        (CHANNEL + RULE + "[delivery]\nmost_per_hour = 0", "most_per_hour"),
        ('[[channel]]\nname = "a"\nurl = "json://x"\n' * 2 + RULE, "same name"),
        ('[[channel]]\nurl = "json://${NO_SUCH_NAME}/s3cret"\n' + RULE, "NO_SUCH_NAME is not set"),
        ('[[channel]]\nurl = ["json://s3cret"]\n' + RULE, "channel"),
        ('[[channel]]\nurl = "json://s3cret\n' + RULE, "not valid TOML"),
    ],
)
def test_a_wrong_file_is_explained_without_its_addresses(tmp_path: Path, text: str, words: str) -> None:
    """The operator reads what is wrong and where; no secret is shown."""
    with pytest.raises(SettingsError, match=words) as caught:
        load(written(tmp_path, text))
    assert "s3cret" not in str(caught.value)
    assert "alerts.toml" in str(caught.value) or "Quiet hours" in str(caught.value)


def test_a_missing_file_is_said(tmp_path: Path) -> None:
    """Not a traceback, but which file."""
    with pytest.raises(SettingsError, match=r"none\.toml cannot be read"):
        load(tmp_path / "none.toml")


@pytest.mark.parametrize(
    ("clock", "quiet"),
    [("21:59", False), ("22:00", True), ("03:00", True), ("06:59", True), ("07:00", False), ("12:30", True)],
)
def test_a_night_goes_over_midnight(clock: str, quiet: bool) -> None:
    """From 22:00 to before 07:00, and over lunch, by the clock of the zone."""
    spans = quiet_hours(["22:00-07:00", "12:00 to 13:00"], BERLIN)
    moment = datetime.fromisoformat(f"2026-07-01T{clock}").replace(tzinfo=BERLIN).timestamp()
    assert (moment in spans) is quiet


def test_no_hours_are_never_quiet() -> None:
    """Without spans there is no quiet."""
    assert 0.0 not in QuietHours()


def test_a_day_may_end_at_twenty_four() -> None:
    """``20:00-24:00`` ends at midnight."""
    spans = quiet_hours(["20:00-24:00"], ZoneInfo("UTC"))
    assert 23 * 3600.0 in spans
    assert 1.0 not in spans
