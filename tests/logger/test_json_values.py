from __future__ import annotations

import json
import math
import time
import tracemalloc
from collections import OrderedDict, deque
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

from thalia_monitor.logger.json_values import plain, plain_metrics, to_line


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


def test_a_value_without_end_costs_only_itself() -> None:
    """Neither time nor space grows with what a value contains: what is too large is named instead."""
    line: list[Any] = []
    line.extend([line] * 10)
    chain: Any = "x" * 100
    for _ in range(60):
        chain = deque([chain, chain])
    values = {
        "self": line,
        "chain": chain,
        "range": range(10**12),
        "keys": {"k" * 10**6: 1},
        "bytes": b"x" * 10**8,
    }
    values |= {"many": {str(number): number for number in range(200_000)}, "text": "x" * 10**7, "loss": 0.5}
    values |= {"power": 10**5000, "negative": -(10**5000), "array": [10**5000, 1], "within": {10**5000: 1}}

    tracemalloc.start()
    start = time.process_time()
    written = to_line(plain_metrics(values))
    seconds, (_, peak) = time.process_time() - start, tracemalloc.get_traced_memory()
    tracemalloc.stop()

    back = json.loads(written)
    assert back.keys() == values.keys()
    assert back["loss"] == 0.5
    assert back["power"] == back["negative"] == "whole number of 16,610 bits"
    assert back["array"] == ["whole number of 16,610 bits", 1]
    assert back["within"] == {"whole number of 16,610 bits": 1}
    assert back["self"] == "list that is too large to be written"
    assert back["many"] == "dict that is too large to be written"
    assert back["range"] == "range that is too large to be written"
    assert back["text"] == "x" * 10_000 + "…"
    assert len(written) < 100_000
    assert peak < 40_000_000
    assert seconds < 5


@pytest.mark.parametrize("number", [2**63, -(2**64), 10**300])
def test_a_number_that_a_float_can_hold_is_written_as_it_is(number: int) -> None:
    """Only what no reader takes for a number any more becomes a text."""
    assert json.loads(to_line(plain_metrics({"n": number, "in": [number]}))) == {"n": number, "in": [number]}


@pytest.mark.parametrize(
    "character",
    [
        *"\x7f\x80\x85\x9b\x9f\xad\u061c\u200b\u200e\u200f\u2028\u2029\u202a\u202e\u2066\u2069\ufeff",
        "\U000e0041",
    ],
)
def test_a_character_that_a_terminal_obeys_is_written_as_its_escape(character: str) -> None:
    """It reads back as what it was; the file itself can be shown in a terminal and an editor."""
    written = to_line(plain_metrics({f"a{character}b": f"{character}é"}))

    assert character not in written.decode()
    assert json.loads(written) == {f"a{character}b": f"{character}é"}
    assert "é" in written.decode()


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

    values = plain_metrics({"loss": 0.5, "broken": Broken(), "lost": Lost()})
    assert values == {
        "loss": 0.5,
        "broken": "Broken that cannot be read",
        "lost": "Lost that cannot be read",
    }
