"""Settings that runs were trained with: what each stage was configured with, and parameters as they are now."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

from thalia_monitor import contract
from thalia_monitor.analysis.control_history import controls
from thalia_monitor.model.control_request import shown
from thalia_monitor.model.stage_plan import by_stage

if TYPE_CHECKING:
    from thalia_monitor.model.run import TrainingState

MOST_SETTINGS: Final = 500
"""Settings of a run that are compared; a configuration of Thalia has about ten for each stage."""
DEEPEST: Final = 2
"""Levels of objects below a configuration whose settings have names of their own."""
MOST_ITEMS: Final = 8
"""Items of a list that are written out."""
NOW: Final = "now"
"""Where a parameter belongs that can be changed while a run trains."""


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting of several runs."""

    where: str
    """``stage 0``, or NOW."""
    name: str
    values: tuple[str | None, ...]
    """As written, one for each run; None where it is not logged."""


def differing(states: Sequence[TrainingState]) -> tuple[list[Setting], int]:
    """The settings in which runs differ, in the order of the first run, and how many are the same in all."""
    every = [run_settings(state) for state in states]
    places = dict.fromkeys(place for each in every for place in each)
    found = [Setting(*place, tuple(each.get(place) for each in every)) for place in places]
    rows = [each for each in found if len({*each.values}) > 1]
    return rows, len(found) - len(rows)


def run_settings(state: TrainingState) -> Mapping[tuple[str, str], str]:
    """Every setting of a run as written, by where it belongs and its name.

    A stage has the configuration of its newest start that counts: not of one that a later resume has left behind.
    Parameters come first, so that what is cut of a huge configuration is none of them.
    """
    return state.memoized("settings", lambda: dict(islice(_settings(state), MOST_SETTINGS)))


def _settings(state: TrainingState) -> Iterator[tuple[tuple[str, str], str]]:
    for name, parameter in controls(state).offered.items():
        if parameter.value is not None:  # a command has none
            yield (NOW, name), shown(parameter.value)
    starts = by_stage(each for each in state.stage_events if each.kind == contract.STAGE_START)
    for stage in sorted(each for each in starts if each is not None):
        config = starts[stage][-1].fields.get("config")
        for name, value in flattened(config, DEEPEST) if isinstance(config, Mapping) else ():
            yield (f"stage {stage:g}", name[:80]), _text(value)


def flattened(table: Mapping[Any, Any], depth: int, before: str = "") -> Iterator[tuple[str, Any]]:
    """Yield name and value of each entry; those of an object, down to ``depth`` levels, as ``object.name``."""
    for name, value in table.items():
        if isinstance(value, Mapping) and value and depth:
            yield from flattened(value, depth - 1, f"{before}{name}.")
        else:
            yield f"{before}{name}", value


def _text(value: Any) -> str:
    if not isinstance(value, list | tuple):
        return shown(value)
    more = ", …" if len(value) > MOST_ITEMS else ""
    return f"[{', '.join(shown(each) for each in value[:MOST_ITEMS])}{more}]"
