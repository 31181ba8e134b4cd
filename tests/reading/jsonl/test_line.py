from __future__ import annotations

import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from thalia_monitor.model.records import Event, Problem
from thalia_monitor.reading.files import LONGEST_LINE
from thalia_monitor.reading.jsonl.line import decode_line
from thalia_monitor.reading.recording import MetricLine


def decoded(line: bytes | str) -> tuple[list[MetricLine], list[Event], list[str]]:
    """A line's metric lines, events, and the reasons of its problems."""
    items = decode_line(line if isinstance(line, bytes) else line.encode(), 7)
    assert all(item.line == 7 for item in items if isinstance(item, Problem))
    return (
        [item for item in items if isinstance(item, MetricLine)],
        [item for item in items if isinstance(item, Event)],
        [item.reason for item in items if isinstance(item, Problem)],
    )


def the_line(**fields: Any) -> MetricLine:
    """The one metric line of these fields, read without a problem."""
    lines, events, problems = decoded(json.dumps(fields))
    assert (len(lines), events, problems) == (1, [], [])
    return lines[0]


def the_event(**fields: Any) -> Event:
    """The one event of these fields, read without a problem."""
    lines, events, problems = decoded(json.dumps(fields))
    assert (lines, len(events), problems) == ([], 1, [])
    return events[0]


def test_a_metric_line_is_read_by_its_documented_names() -> None:
    """Metrics, neuron counts, capacity by region and the timestamp each have their place."""
    line = the_line(
        step=1000,
        timestamp=1.5e9,
        loss=0.5,
        novelty=3,
        neuron_counts={"cortex": 100},
        capacity_by_region={"cortex": 0.5},
    )
    assert line == MetricLine(
        1000, {"loss": 0.5, "novelty": 3.0}, {"cortex": 100.0}, {"cortex": 0.5}, 1.5e9, None
    )


@pytest.mark.parametrize(
    ("word", "value"),
    [("NaN", math.nan), ("Infinity", math.inf), ("-Infinity", -math.inf), ("1e400", math.inf)],
)
def test_a_value_that_is_not_finite_was_logged_as_such(word: str, value: float) -> None:
    """The loss that blew up is the most important value in the log."""
    lines, _, problems = decoded(f'{{"step": 1, "loss": {word}}}')
    assert problems == []
    assert lines[0].metrics["loss"] == pytest.approx(value, nan_ok=True)


def test_an_integer_beyond_the_floats_is_an_infinity() -> None:
    """As 1e400 is."""
    lines, _, problems = decoded(f'{{"step": 1, "loss": -{"9" * 400}}}')
    assert (lines[0].metrics["loss"], problems) == (-math.inf, [])


def test_what_is_null_or_absent_was_not_logged() -> None:
    """Missing is missing, never 0."""
    assert the_line(step=1, loss=None, neuron_counts=None, timestamp=None) == MetricLine(1)


def test_custom_fields_that_are_no_numbers_are_passed_over() -> None:
    """A trainer may log whatever it likes beside its metrics."""
    assert the_line(step=1, note="x", flag=True, tags=["a"], nothing=None) == MetricLine(1)


def test_a_custom_object_of_numbers_becomes_one_metric_for_each() -> None:
    """Thalia logs its firing rates by region like that."""
    line = the_line(step=1, region_firing_rates={"cortex": 0.08, "note": "x"}, deep={"a": {"b": 1}})
    assert line.metrics == {"region_firing_rates/cortex": 0.08}


def test_stage_and_week_say_where_a_line_was_logged() -> None:
    """They are not metrics; the stage tells why steps restart."""
    assert the_line(step=1, stage=2, week=3, loss=0.5) == MetricLine(1, {"loss": 0.5}, stage=2.0)
    assert the_line(step=1, current_stage=-1).stage == -1.0


@pytest.mark.parametrize(
    ("field", "reason"),
    [
        ('"loss": "low"', "loss should be a number, and is a text"),
        ('"loss": true', "loss should be a number, and is true or false"),
        ('"capacity": [1]', "capacity should be a number, and is a list"),
        ('"neuron_counts": 5', "neuron_counts should be an object of numbers, and is a number"),
        ('"neuron_counts": {"cortex": "many"}', "neuron_counts should hold numbers; 'cortex' is a text"),
        ('"capacity_by_region": []', "capacity_by_region should be an object of numbers, and is a list"),
        ('"timestamp": "now"', "timestamp should be a Unix time in seconds, and is a text"),
        ('"timestamp": NaN', "timestamp should be a Unix time in seconds, and is nan"),
    ],
)
def test_a_known_field_of_the_wrong_type_is_reported_and_the_rest_kept(field: str, reason: str) -> None:
    """One bad field does not cost the line."""
    lines, _, problems = decoded(f'{{"step": 1, {field}, "performance": 0.5}}')
    assert (lines, problems) == ([MetricLine(1, {"performance": 0.5})], [reason])


@pytest.mark.parametrize("step", ["-1", "1.5", "true", '"1"', "null", "[]", "NaN", "1e400", str(2**63)])
def test_a_line_without_a_usable_step_is_reported_and_not_placed(step: str) -> None:
    """There is nowhere on a chart that it could stand."""
    lines, _, problems = decoded(f'{{"step": {step}, "loss": 1}}')
    assert (lines, len(problems)) == ([], 1)
    assert problems[0].startswith("step ")


@pytest.mark.parametrize(
    ("step", "shown"),
    [
        ("100000.5", "100000.5"),
        ("-1234567", "-1234567"),
        ("0.10000001", "0.10000001"),
        ("123456789.125", "123456789.125"),
        ("1e-320", "1e-320"),
        (str(2**63), "9223372036854775808"),
        ("9" * 4000, f"{'9' * 24}… (4,000 characters)"),
    ],
)
def test_a_wrong_number_is_shown_as_it_was_written(step: str, shown: str) -> None:
    """Not rounded to something that would be right; only the end of a very long one is left out."""
    reason = f"step should be a whole number of at least 0, and is {shown}; the line is left out"
    assert decoded(f'{{"step": {step}, "loss": 1}}')[2] == [reason]


def test_an_integral_float_is_a_step() -> None:
    """Thalia's own metrics hold the step as a float."""
    assert decoded('{"step": 4000.0}')[0][0].step == 4000
    assert decoded(f'{{"step": {2**63 - 1}}}')[0][0].step == 2**63 - 1


def test_an_event_is_no_metric_line() -> None:
    """An event's fields stay with the event, by their documented names."""
    event = the_event(step=5, event_type="growth", region="a", neurons_added=3, new_total=9, reason="r")
    assert (event.kind, event.step, event.line) == ("growth", 5, 7)
    assert event.fields == {"region": "a", "neurons_added": 3, "new_total": 9, "reason": "r"}


def test_the_names_of_thalias_other_writers_are_understood() -> None:
    """Logger, trainer and growth history each call the same fields something else."""
    grown = the_event(step=1, event_type="growth", component_name="a", n_neurons_added=3.0, new_size=9)
    assert grown.fields == {"region": "a", "neurons_added": 3, "new_total": 9}
    slept = the_event(step=1, event_type="consolidation", stage="REM", n_patterns=4, duration_seconds=2.5)
    assert slept.fields == {"sleep_stage": "REM", "patterns_replayed": 4, "duration_seconds": 2.5}


def test_a_consolidations_numeric_stage_is_the_curriculums() -> None:
    """Only a text can name a sleep stage."""
    _, events, problems = decoded('{"step": 1, "event_type": "consolidation", "stage": 2}')
    assert (events[0].fields, problems) == (
        {"stage": 2},
        ["sleep_stage is missing from this consolidation event"],
    )


def test_whole_cycles_of_sleep_are_of_no_one_stage() -> None:
    """Thalia's trainer counts cycles and names no stage: nothing is missing."""
    _, events, problems = decoded(
        '{"step": 1, "event_type": "consolidation", "cycles": 5, "her_enabled": true, "total_replayed": 103}'
    )
    assert (events[0].fields, problems) == (
        {"cycles": 5, "her_enabled": True, "patterns_replayed": 103},
        [],
    )


def test_an_unknown_event_is_kept_by_its_name() -> None:
    """What a later Thalia logs is not lost."""
    event = the_event(step=5, event_type="pruned", synapses=[1, {"a": None}], ok=True)
    assert (event.kind, event.fields) == ("pruned", {"synapses": [1, {"a": None}], "ok": True})


def test_an_event_without_a_step_is_kept_unplaced() -> None:
    """It is listed, though no chart can show it."""
    assert the_event(event_type="rest", timestamp=5.0) == Event("rest", None, {}, time=5.0, line=7)
    _, events, problems = decoded('{"event_type": "growth", "region": "cortex", "step": "soon"}')
    assert (events[0].step, len(problems)) == (None, 1)


@pytest.mark.parametrize(
    "field",
    ['"neurons_added": "3"', '"new_total": -1', '"region": 5', '"neurons_added": 1.5', '"reason": {}'],
)
def test_an_events_field_of_the_wrong_type_is_reported_and_left_out(field: str) -> None:
    """The event itself is kept."""
    _, events, problems = decoded(f'{{"step": 1, "event_type": "growth", "region": "cortex", {field}}}')
    assert (events[0].fields.keys() - {"region"}, len(problems)) == (set(), 1)


@pytest.mark.parametrize("kind", ["5", '""', "[]", "true"])
def test_an_event_type_that_is_no_name_is_reported(kind: str) -> None:
    """The line is neither metrics nor any event."""
    lines, events, problems = decoded(f'{{"step": 1, "event_type": {kind}}}')
    assert (lines, events, len(problems)) == ([], [], 1)


def test_long_texts_are_bounded() -> None:
    """A hostile log cannot fill the memory through its reasons."""
    event = the_event(event_type="x", reason="a" * 50_000, many=list(range(5000)), deep=[[[[[[[[1]]]]]]]])
    assert len(event.fields["reason"]) == 10_000
    assert len(event.fields["many"]) == 1000
    assert event.fields["deep"] == [[[[[[]]]]]]


def test_a_name_that_cannot_be_shown_is_reported() -> None:
    """An empty or endless metric name would break a page."""
    lines, _, problems = decoded(json.dumps({"step": 1, "": 1, "x" * 300: 2, "ok": 3}))
    assert (lines[0].metrics, len(problems)) == ({"ok": 3.0}, 1)


def test_lone_surrogates_become_question_marks() -> None:
    """No page, file or answer could carry them."""
    lines, _, _ = decoded('{"step": 1, "a\\ud800": 1}')
    assert list(lines[0].metrics) == ["a?"]


def test_of_duplicate_keys_the_last_counts() -> None:
    """As in Python's own json."""
    assert decoded('{"step": 1, "loss": 1, "loss": 2, "step": 3}')[0] == [MetricLine(3, {"loss": 2.0})]


def test_byte_order_mark_carriage_return_and_blank_lines_are_no_matter() -> None:
    """Editors and Windows leave them."""
    assert decoded(b'\xef\xbb\xbf{"step": 1}\r') == ([MetricLine(1)], [], [])
    assert decoded(b" \t\r") == ([], [], [])


def test_nul_bytes_are_skipped_and_reported() -> None:
    """A machine that lost power leaves blocks of them; what stands beside them is read."""
    assert decoded(b"\0" * 4096) == ([], [], ["holds 4,096 NUL bytes: a write that did not reach the disk"])
    lines, _, problems = decoded(b'\0\0{"step": 1}')
    assert (lines, len(problems)) == ([MetricLine(1)], 1)
    lines, _, problems = decoded(b'{"step": 1, "lo\0\0\0{"step": 2}')
    assert (lines, len(problems)) == ([MetricLine(2)], 2)


def test_a_torn_line_glued_to_a_good_one_costs_only_itself() -> None:
    """The good one is recovered, the other reported."""
    lines, _, problems = decoded('{"step": 1, "neuron_counts": {"cortex": 5}, "los{"step": 2, "loss": 0.5}')
    assert lines == [MetricLine(2, {"loss": 0.5})]
    assert len(problems) == 1
    assert problems[0].endswith("the rest of the line is read")


@pytest.mark.parametrize("between", ["", " ", ", "])
def test_several_objects_on_a_line_are_all_read(between: str) -> None:
    """A writer that forgot its newline has still written whole objects."""
    lines, _, problems = decoded(f'{{"step": 1}}{between}{{"step": 2}}')
    assert ([line.step for line in lines], problems) == ([1, 2], [])
    assert decoded('{"step": 1},')[0] == [MetricLine(1)]


@pytest.mark.parametrize(
    "line",
    [
        "garbage",
        "{",
        '{"step": 1',
        '{"step": 1}}',
        "5",
        "null",
        '"text"',
        "[1]",
        "[" * 100_000,
        '{"a":' * 100_000,
        '{"step": 1, "loss": 1' + "0" * 5000 + "}",
        "\x01\x02",
        "}{",
        "[]x",
    ],
)
def test_what_cannot_be_read_is_one_problem(line: str) -> None:
    """Garbage, torn lines, other kinds of JSON, absurd nesting and absurd numbers: a reason, no exception."""
    _, events, problems = decoded(line)
    assert (events, len(problems)) == ([], 1)


def test_invalid_utf8_is_replaced_and_reported() -> None:
    """The rest of the line is worth having."""
    _, events, problems = decoded(b'{"event_type": "rest", "reason": "gr\xf6\xdf"}')
    assert (events[0].fields["reason"], len(problems)) == ("gr\ufffd\ufffd", 1)


def test_a_ten_megabyte_line_is_read_and_a_longer_than_allowed_one_reported() -> None:
    """There is a limit, and it is far beyond any honest line."""
    assert the_line(step=1, note="x" * 10_000_000) == MetricLine(1)
    assert decoded(b"x" * (LONGEST_LINE + 1)) == ([], [], ["longer than 16 MB; skipped"])


def test_a_ten_megabyte_torn_line_is_given_up_in_bounded_time() -> None:
    """Looking for a good object within a bad line must not cost the square of its length."""
    lines, _, problems = decoded('{"a": {"' * 1_000_000)
    assert (lines, len(problems)) == ([], 1)


@given(st.binary(max_size=200))
def test_random_bytes_never_raise(line: bytes) -> None:
    """Whatever the bytes, the result is values."""
    decoded(line.replace(b"\n", b" "))


@given(
    st.dictionaries(
        st.sampled_from(
            ["step", "loss", "event_type", "neuron_counts", "timestamp", "stage", "region", "n_added", "x"]
        ),
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.just("growth"),
            lambda inner: (
                st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner, max_size=2)
            ),
            max_leaves=4,
        ),
    ),
    st.integers(0, 200),
)
def test_wild_objects_never_raise(fields: dict[str, Any], cut: int) -> None:
    """Wrong types in every place, whole or torn."""
    decoded(json.dumps(fields))
    decoded(json.dumps(fields)[:cut] + json.dumps(fields))


@pytest.mark.parametrize(
    ("line", "missing"),
    [
        ({"event_type": "growth", "step": 5, "neurons_added": 3}, "region"),
        ({"event_type": "growth", "region": "cortex", "neurons_added": 3}, "step"),
        ({"event_type": "consolidation", "step": 5, "sleep_stage": None}, "sleep_stage"),
    ],
)
def test_an_event_that_lacks_what_places_it_is_kept_and_reported(line: dict[str, Any], missing: str) -> None:
    """It happened all the same; the problem says what its line lacks."""
    lines, events, problems = decoded(json.dumps(line))
    assert (lines, len(events)) == ([], 1)
    assert [each.split()[:3] for each in problems] == [[missing, "is", "missing"]]


@pytest.mark.parametrize("name", ["huge", "loss"])
def test_a_number_with_too_many_digits_costs_only_itself(name: str) -> None:
    """The other metrics of the line are read, and the problem names the one that is not."""
    text = f'{{"step": 3, "capacity": 0.5, "{name}": {"9" * 5001}, "more": {{"x": {"1" * 4500}, "y": 2}}}}'
    [problem, other, line] = sorted(
        decode_line(text.encode(), 7), key=lambda each: isinstance(each, MetricLine)
    )
    assert isinstance(line, MetricLine) and line.step == 3
    assert line.metrics == {"capacity": 0.5, "more/y": 2}
    assert {str(problem), str(other)} == {
        f"training_log.json, line 7: {name} should be a number, and is a number with too many digits",
        "training_log.json, line 7: more/x should be a number, and is a number with too many digits",
    }
