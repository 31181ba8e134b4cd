from __future__ import annotations

import json
import math
from collections import OrderedDict
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from enum import Enum, IntEnum
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from thalia_monitor.writing.values import plain, plain_metrics, to_line


class Stage(IntEnum):
    SENSORIMOTOR = -1


class Phase(Enum):
    NREM = "NREM"


@dataclass
class Task:
    weight: float
    phase: Phase


class Tensor:
    """What matters of a torch tensor: a shape, ``item`` for one element, ``tolist`` for more."""

    def __init__(self, *values: float, shape: tuple[int, ...] = ()) -> None:
        self.values, self.shape = values, shape

    def item(self) -> float:
        """The only element."""
        (value,) = self.values
        return value

    def tolist(self) -> list[float]:
        """All elements."""
        return list(self.values)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (np.float32(0.5), 0.5),
        (np.float64(0.25), 0.25),
        (np.int64(7), 7),
        (np.bool_(True), True),
        (np.array(3.5), 3.5),
        (np.array([1, 2]), [1, 2]),
        (np.zeros((100, 100)), "ndarray of shape (100, 100)"),
        (np.str_("cortex"), "cortex"),
        (Tensor(0.125), 0.125),
        (Tensor(1.0, 2.0, shape=(2,)), [1.0, 2.0]),
        (Stage.SENSORIMOTOR, -1),
        (Phase.NREM, "NREM"),
        (Task(0.4, Phase.NREM), {"weight": 0.4, "phase": "NREM"}),
        ({"b", "a"}, ["a", "b"]),
        ((1, 2), [1, 2]),
        (OrderedDict(a=1), {"a": 1}),
        (b"pfc", "pfc"),
        (Decimal("0.5"), 0.5),
        (Path("runs"), "runs"),
        (datetime(2025, 12, 8, tzinfo=UTC), "2025-12-08T00:00:00+00:00"),
        (1 + 2j, "(1+2j)"),
        ({1: {(2, 3): None}}, {"1": {"[2, 3]": None}}),
    ],
)
def test_a_value_is_brought_into_what_json_holds(value: Any, expected: Any) -> None:
    """Scalars leave their wrapping, collections become lists, the rest its text."""
    assert plain(value) == expected
    assert type(plain(value)) is type(expected)


def test_nan_and_infinity_are_written_as_python_writes_them() -> None:
    """They are the most important values of a log: they must not be lost."""
    line = to_line(plain_metrics({"loss": float("nan"), "rate": np.float32("inf")}))

    assert line == b'{"loss": NaN, "rate": Infinity}\n'


def test_a_circle_ends() -> None:
    """An object that holds itself is cut off, not followed for ever."""
    circle: dict[str, Any] = {}
    circle["self"] = circle

    assert b"self" in to_line(plain_metrics(circle))


def test_metrics_that_are_no_mapping_are_refused() -> None:
    """The error says what was given."""
    with pytest.raises(TypeError, match="not int"):
        plain_metrics(3)


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary() | st.complex_numbers(),
    lambda each: st.lists(each) | st.dictionaries(st.integers() | st.tuples(st.integers()), each),
    max_leaves=8,
)


NAMES = st.text(max_size=10) | st.sampled_from(["\ud800", "\u2028", "a\nb", "\x00", "\u202e"])


@given(st.dictionaries(NAMES, ANYTHING))
def test_any_metrics_become_one_line_of_json(metrics: dict[str, Any]) -> None:
    """Whatever is logged, lone surrogates included, is one line of UTF-8 that reads back."""
    line = to_line(plain_metrics(metrics))

    assert line.endswith(b"\n")
    assert line.count(b"\n") == 1
    assert isinstance(json.loads(line), dict)


@given(st.dictionaries(st.text(max_size=10), st.floats() | st.integers()))
def test_numbers_come_back_as_they_were(metrics: dict[str, float]) -> None:
    """No digit is lost on the way."""
    back = json.loads(to_line(plain_metrics(metrics)))

    assert back.keys() == metrics.keys()
    assert all(back[name] == value or math.isnan(value) for name, value in metrics.items())


def test_a_value_that_raises_when_asked_costs_only_itself() -> None:
    """Whatever foreign code does, the rest of the line is written."""

    class Broken:
        def __str__(self) -> str:
            raise RuntimeError("boo")

    class Lost:
        shape = ()

        def item(self) -> float:
            raise MemoryError("the device is gone")

    told = plain_metrics({"loss": 0.5, "broken": Broken(), "lost": Lost()})
    assert told == {
        "loss": 0.5,
        "broken": "Broken that cannot be read",
        "lost": "Lost that cannot be read",
    }
