"""How a monitor is set up: flags and the environment say the same, and what cannot be used is said in a sentence."""

from __future__ import annotations

from dataclasses import FrozenInstanceError, fields
from pathlib import Path

import click
import pytest
from hypothesis import given
from hypothesis import strategies as st

from thalia_monitor.errors import SettingsError
from thalia_monitor.settings import OPTIONS, Settings, normal_base_path, settings_from_environment


@click.command()
def _bare() -> None: ...


def options() -> dict[str, click.Option]:
    """Every option by the name of its setting."""
    for option in OPTIONS:
        option(_bare)
    return {str(each.name): each for each in _bare.params if isinstance(each, click.Option)}


def test_every_setting_is_an_option_and_every_option_a_setting() -> None:
    """A flag and the field it fills have one name and one default."""
    listed = options()
    assert set(listed) == {each.name for each in fields(Settings)}
    for each in fields(Settings):
        default = listed[each.name].default
        assert default == each.default or not isinstance(default, str | int | float), each.name


def test_every_option_says_what_it_does() -> None:
    """``--help`` has a sentence for each."""
    assert [name for name, each in options().items() if not (each.help or "").endswith(".")] == []


def some_value(option: click.Option) -> str:
    """A value for an option that is not its default, as a shell would hold it."""
    if option.is_flag:
        return "1"
    if option.name == "metrics_allow":
        return "10.0.0.0/24"
    if isinstance(option.type, click.Choice):
        return str([each for each in option.type.choices if each != option.default][-1])
    return "2" if isinstance(option.type, click.IntRange | click.FloatRange) else "memory"


@pytest.mark.parametrize("name", sorted(options()))
def test_the_environment_fills_every_setting(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """``THALIA_MONITOR_<OPTION>`` is how gunicorn gets them."""
    monkeypatch.setenv(f"THALIA_MONITOR_{name.upper()}", some_value(options()[name]))
    settings = settings_from_environment()
    assert [each.name for each in fields(Settings) if getattr(settings, each.name) != each.default] == [name]


def test_values_of_the_environment_have_their_types(monkeypatch: pytest.MonkeyPatch) -> None:
    """A path is a path, a number a number."""
    monkeypatch.setenv("THALIA_MONITOR_CHECKPOINT_DIR", "/data/run")
    monkeypatch.setenv("THALIA_MONITOR_REFRESH_SECONDS", "1.5")
    monkeypatch.setenv("THALIA_MONITOR_PORT", "0")
    settings = settings_from_environment()
    assert (settings.checkpoint_dir, settings.refresh_seconds, settings.port) == (
        (Path("/data/run"),),
        1.5,
        0,
    )


def test_an_empty_environment_gives_the_defaults() -> None:
    """Nothing said is nothing changed."""
    assert settings_from_environment() == Settings()


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("PORT", "eighty"),
        ("PORT", "65536"),
        ("REFRESH_SECONDS", "0"),
        ("REFRESH_SECONDS", "31"),
        ("REFRESH_SECONDS", "nan"),
        ("STAGE_SCHEME", "1999"),
        ("CACHE_THRESHOLD", "0"),
        ("BASE_PATH", "/a b/"),
    ],
)
def test_a_wrong_variable_is_named_in_one_sentence(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str
) -> None:
    """The reader learns which setting it is and that the environment held it."""
    monkeypatch.setenv(f"THALIA_MONITOR_{variable}", value)
    with pytest.raises(SettingsError) as raised:
        settings_from_environment()
    said = str(raised.value)
    assert "--" + variable.lower().replace("_", "-") in said
    assert "\n" not in said


@pytest.mark.parametrize("seconds", [0.0, 0.99, 30.01, -1.0, float("nan"), float("inf")])
def test_a_refresh_outside_1_to_30_seconds_is_refused(seconds: float) -> None:
    """Whoever builds settings by hand is told the same."""
    with pytest.raises(SettingsError, match="between 1 and 30 seconds"):
        Settings(refresh_seconds=seconds)


@pytest.mark.parametrize(
    ("written", "kept"),
    [("/", "/"), ("", "/"), ("lab", "/lab/"), ("/lab", "/lab/"), ("//lab//run-1/", "/lab/run-1/")],
)
def test_a_base_path_begins_and_ends_with_a_slash(written: str, kept: str) -> None:
    """However it is typed."""
    assert Settings(base_path=written).base_path == kept


@given(st.text(max_size=30))
def test_any_base_path_is_normal_or_refused(path: str) -> None:
    """What is kept is kept as it is when it is read again; everything else is a sentence."""
    try:
        kept = normal_base_path(path)
    except SettingsError as error:
        assert "--base-path" in str(error)
        return
    assert kept.startswith("/") and kept.endswith("/") and "//" not in kept
    assert normal_base_path(kept) == kept


@pytest.mark.parametrize("path", ["/../", "/a/../b/", "/./", "/.../"])
def test_a_base_path_does_not_climb(path: str) -> None:
    """A browser would resolve the dots away, and ask for another path than the one that is served."""
    with pytest.raises(SettingsError):
        normal_base_path(path)


@pytest.mark.parametrize(
    ("host", "own"),
    [
        ("127.0.0.1", True),
        ("127.1.2.3", True),
        ("localhost", True),
        ("::1", True),
        ("0.0.0.0", False),
        ("::", False),
        ("192.168.1.5", False),
        ("127.example.org", False),
    ],
)
def test_loopback_is_this_machine_only(host: str, own: bool) -> None:
    """What a viewer may do depends on it, so a host name that merely looks like one does not count."""
    assert Settings(host=host).loopback is own


def test_settings_cannot_be_changed() -> None:
    """Every worker works with what it was started with."""
    with pytest.raises(FrozenInstanceError):
        Settings().port = 1  # type: ignore[misc]


def test_an_unknown_stage_scheme_is_refused() -> None:
    """With the names of those there are."""
    with pytest.raises(SettingsError, match="documented, 2026"):
        Settings(stage_scheme="1999")


def test_a_refresh_that_is_hardly_outside_is_not_rounded() -> None:
    """The sentence would say that 30 has to be between 1 and 30."""
    with pytest.raises(SettingsError, match=r"--refresh-seconds is 30\.0000001, but"):
        Settings(refresh_seconds=30.0000001)
