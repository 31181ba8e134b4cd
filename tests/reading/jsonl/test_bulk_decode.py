from __future__ import annotations

import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.reading.states import comparable
from tests.reading.wild import USUAL, WILD_LOGS
from tests.reading.writing import growth, line, log_text
from tests.support import FIXTURES
from thalia_monitor.model.run import TrainingState
from thalia_monitor.reading.contents import LogContents
from thalia_monitor.reading.jsonl import bulk_decode, tail
from thalia_monitor.reading.jsonl.bulk_decode import BulkDecoder
from thalia_monitor.reading.jsonl.line import decode_line


def state_of(contents: LogContents) -> dict[str, Any]:
    """What contents tell, as plain values."""
    problems = contents.problems
    return comparable(
        TrainingState(
            history=contents.builder.history(),
            events=contents.events.view(),
            problems=list(problems.view()),
            total_problems=problems.total,
        )
    )


def carefully(log: bytes) -> dict[str, Any]:
    """What the careful way makes of complete lines."""
    contents = LogContents()
    for number, each in enumerate(log.split(b"\n")[:-1], 1):
        contents.add_items(decode_line(each, number))
    return state_of(contents)


def in_bulk(log: bytes) -> dict[str, Any]:
    """What the bulk way makes of them."""
    contents = LogContents()
    contents.add_decoded(BulkDecoder().decode(log))
    return state_of(contents)


@pytest.fixture
def read_by_template(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many lines each window held that was read by a template."""
    read: list[int] = []
    note = bulk_decode._Rows.note

    def counting(rows: Any, count: int, events: Any) -> None:
        read.append(count)
        note(rows, count, events)

    monkeypatch.setattr(bulk_decode._Rows, "note", counting)
    return read


@given(
    log=WILD_LOGS,
    usual=st.lists(USUAL, min_size=1, max_size=3),
    alone=st.sampled_from([1, 8]),
    window=st.sampled_from([1, 300, 200_000]),
)
def test_the_bulk_way_means_what_the_careful_way_means(
    log: bytes, usual: list[dict[str, Any]], alone: int, window: int
) -> None:
    """Whatever the log: the same numbers to the last bit, the same events and problems, line by line."""
    beginning = b"".join(json.dumps(each).encode() + b"\n" for each in usual)
    whole = beginning + log + b"\n" + beginning + log + b"\n"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(bulk_decode, "ALONE", alone)
        patch.setattr(bulk_decode, "LEAST_ROOM", 3)
        patch.setattr(tail, "WINDOW", window)
        assert in_bulk(whole) == carefully(whole)


@given(numbers=st.lists(st.floats() | st.integers(), min_size=12, max_size=30), compact=st.booleans())
def test_every_number_is_read_to_the_last_bit(numbers: list[float], compact: bool) -> None:
    """As Python reads it, whatever its digits; NaN and the infinities too."""
    separators = (",", ":") if compact else None
    lines = [
        json.dumps({"step": step, "loss": each}, separators=separators) for step, each in enumerate(numbers)
    ]
    log = "\n".join([*lines, ""]).encode()
    assert in_bulk(log) == carefully(log)


def usual_lines(count: int) -> list[dict[str, Any]]:
    """Lines as a trainer writes them."""
    regions = {"neuron_counts": {"cortex": 5, "pfc": 6}, "capacity_by_region": {"cortex": 0.5}}
    return [line(step, loss=0.5, stage=1, timestamp=1e9 + step, **regions) for step in range(count)]


def test_usual_lines_are_read_by_template(read_by_template: list[int]) -> None:
    """All but the few from which their shape is learned."""
    log = log_text(*usual_lines(100)).encode()
    assert in_bulk(log) == carefully(log)
    assert sum(read_by_template) >= 100 - bulk_decode.ALONE


@pytest.mark.parametrize(
    ("changed", "most_careful"),
    [
        pytest.param({"loss": math.nan, "capacity": math.inf, "novelty": -math.inf}, 8, id="not finite"),
        pytest.param({"loss": None, "neuron_counts": None}, 8, id="null"),
        pytest.param({"note": "text", "flag": True, "tags": [1, "a"], "stage": 2}, 8, id="no numbers"),
        pytest.param({"rates": {"cortex": 0.1, "name": "x", "none": None}}, 8, id="object"),
        pytest.param({"event_type": "growth", "step": 50}, 1, id="event"),
        pytest.param({"loss": "low"}, 8, id="wrong type"),
        pytest.param({"step": -1}, 8, id="no step"),
        pytest.param({"step": 2**60 + 1}, 8, id="a step that no float holds"),
    ],
)
def test_unusual_lines_cost_the_template_only_themselves(
    read_by_template: list[int], changed: dict[str, Any], most_careful: int
) -> None:
    """A line in the middle that does not fit takes few others with it; what is new in it is learned."""
    lines = usual_lines(200)
    lines[100] |= changed
    log = log_text(*lines).encode()
    assert in_bulk(log) == carefully(log)
    assert sum(read_by_template) >= 200 - bulk_decode.ALONE - most_careful


def test_a_log_of_texts_and_nulls_throughout_is_still_read_by_template(read_by_template: list[int]) -> None:
    """Not only numbers are usual."""
    lines = [each | {"phase": "train", "ok": True} for each in usual_lines(100)]
    for each in lines[::2]:
        each |= {"loss": None, "neuron_counts": None, "phase": None}
    lines = [each | {"loss": math.nan} for each in lines[50:]] + lines[:50]
    log = log_text(*lines).encode()
    assert in_bulk(log) == carefully(log)
    assert sum(read_by_template) >= 80


def test_windows_line_ends_do_not_make_a_log_slow(read_by_template: list[int]) -> None:
    """They are not part of the lines."""
    log = log_text(*usual_lines(100)).replace("\n", "\r\n").encode()
    assert in_bulk(log) == carefully(log)
    assert sum(read_by_template) >= 100 - bulk_decode.ALONE


def test_an_object_over_two_lines_beside_two_on_one_is_not_mistaken(read_by_template: list[int]) -> None:
    """As many objects as lines, and yet not one on each."""
    log = log_text(*usual_lines(20)).encode() + b'{"step":\n5}\n{"step": 6}{"step": 7}\n'
    assert in_bulk(log) == carefully(log)


def test_two_keys_that_name_one_metric_are_read_carefully() -> None:
    """The later on the line counts, which a template could not tell."""
    pairs = [{"a/b": 1, "a": {"b": 2}}, {"a": {"b": 3}, "a/b": 4}]
    log = log_text(*(line(step, **pairs[step % 2]) for step in range(40))).encode()
    assert in_bulk(log) == carefully(log)


def test_ever_new_keys_end_the_learning_and_not_the_reading() -> None:
    """A log that has another key on every line is read, and memory stays bounded."""
    log = log_text(*(line(step, **{f"metric {step}": step}) for step in range(700))).encode()
    assert in_bulk(log) == carefully(log)


def test_events_keep_their_lines_and_places(read_by_template: list[int]) -> None:
    """An event cut out from among the metrics keeps its position."""
    lines = usual_lines(60)
    lines[30:30] = [growth(30), growth(31)]
    lines[50:50] = [growth(5)]
    log = log_text(*lines).encode()
    assert in_bulk(log) == carefully(log)
    assert sum(read_by_template) >= 50


def test_real_runs_are_read_in_bulk_as_line_by_line() -> None:
    """The committed runs, broken ones too."""
    for path in sorted(FIXTURES.glob("*/training_log.json")):
        log = path.read_bytes().removesuffix(b"\n") + b"\n"
        if not log.startswith(b"["):
            assert in_bulk(log) == carefully(log), path


def test_lines_of_many_metrics_are_read_by_a_template_too(read_by_template: list[int]) -> None:
    """A trainer that logs 500 metrics a line is not read fifteen times slower for it."""
    names = [f"metric {number}" for number in range(500)]
    log = log_text(*(line(step, **dict.fromkeys(names, step / 4)) for step in range(60))).encode()
    assert in_bulk(log) == carefully(log)
    assert sum(read_by_template) >= 60 - 2 * bulk_decode.ALONE
