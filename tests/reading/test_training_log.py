from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.reading.states import comparable
from tests.reading.wild import VALID_LOGS, WILD_LOGS
from tests.reading.writing import append, consolidation, growth, line, log_text, write_log
from thalia_monitor.reading import training_log
from thalia_monitor.reading.formats.json_array import looks_like_array
from thalia_monitor.reading.run_reader import RunReader, load_training_state


def state_of(directory: Path, content: bytes) -> dict[str, object]:
    """What a log of this content tells, read in one go."""
    path = directory / "training_log.json"
    path.write_bytes(content)
    state = comparable(load_training_state(directory))
    path.unlink()
    return state


@given(VALID_LOGS, st.integers(0, 2000))
def test_any_prefix_of_a_valid_log_reads_the_same_as_its_complete_lines(
    tmp_path: Path, log: bytes, cut: int
) -> None:
    """Cut at any byte, inside a UTF-8 character too."""
    prefix = log[: cut % (len(log) + 1)]
    assert state_of(tmp_path, prefix) == state_of(tmp_path, prefix[: prefix.rfind(b"\n") + 1])


@given(WILD_LOGS, st.lists(st.integers(0, 3000), max_size=5))
def test_any_way_of_cutting_a_log_into_readings_gives_the_same_state(
    tmp_path: Path, log: bytes, cuts: list[int]
) -> None:
    """What is shown is a function of the file alone, not of when it was looked at."""
    path = tmp_path / "training_log.json"
    path.write_bytes(b"")
    reader, before = RunReader(tmp_path), 0
    for cut in [*sorted(cut % (len(log) + 1) for cut in cuts), len(log)]:
        append(path, log[before:cut])
        before = cut
        state = reader.read()
    followed = comparable(state)
    path.unlink()
    assert followed == state_of(tmp_path, log)


@given(st.binary(max_size=300))
def test_random_bytes_are_problems_and_never_exceptions(tmp_path: Path, log: bytes) -> None:
    """Every line that is not blank is either read or reported."""
    path = tmp_path / "training_log.json"
    path.write_bytes(log + b"\n")
    state = load_training_state(tmp_path)
    path.unlink()
    assert state.total_problems or not log.strip(b" \t\r\n\xef\xbb\xbf") or log.lstrip().startswith(b"[")


def test_a_problem_names_its_file_and_line(tmp_path: Path) -> None:
    """The line as an editor counts it."""
    path = write_log(tmp_path, line(1))
    append(path, b"\n\ngarbage\n" + log_text(line(2)).encode())
    state = load_training_state(tmp_path)
    assert [(problem.file, problem.line) for problem in state.problems] == [("training_log.json", 4)]
    assert state.history.step.tolist() == [1, 2]


def test_problems_are_counted_without_end_and_listed_within_bounds(tmp_path: Path) -> None:
    """A log of garbage does not fill the memory or the page."""
    append(tmp_path / "training_log.json", b"garbage\n" * 1000)
    state = load_training_state(tmp_path)
    assert (len(state.problems), state.total_problems) == (200, 1000)


def test_events_belong_to_the_segment_they_stand_in(tmp_path: Path) -> None:
    """One between a resume's checkpoint and its first metrics belongs to the resume, once that shows."""
    path = write_log(tmp_path, growth(5), line(10), line(20), growth(20), consolidation(10))
    reader = RunReader(tmp_path)
    assert [event.segment for event in reader.read().events] == [0, 0, 0]
    append(path, log_text(line(10), growth(12), line(15)))
    assert [event.segment for event in reader.read().events] == [0, 0, 1, 1]


def test_events_around_a_straggler_stay_in_their_segment(tmp_path: Path) -> None:
    """What looked like a resume when the log was read before was none."""
    path = write_log(tmp_path, line(10), line(30), line(20), growth(21))
    reader = RunReader(tmp_path)
    assert [event.segment for event in reader.read().events] == [1]
    append(path, log_text(line(40)))
    assert [event.segment for event in reader.read().events] == [0]


@pytest.mark.parametrize("indent", [None, 2])
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf \n"])
def test_a_log_written_as_one_json_array_is_read_too(tmp_path: Path, indent: int | None, mark: bytes) -> None:
    """Compact or pretty-printed."""
    lines = [line(10, loss=0.5), growth(15), line(20, loss=float("nan")), line(30, loss=0.25)]
    (tmp_path / "training_log.json").write_bytes(mark + json.dumps(lines, indent=indent).encode())
    state = load_training_state(tmp_path)
    assert state.history.step.tolist() == [10, 20, 30]
    assert (len(state.growth_events), state.problems) == (1, [])


@given(st.integers(0, 400))
def test_an_unfinished_array_reads_the_same_as_its_complete_objects(tmp_path: Path, cut: int) -> None:
    """Cut at any byte: what is unfinished is held back, and is no problem."""
    lines = [line(step, loss=0.5, name="größe", neuron_counts={"cortex": 5}) for step in (10, 20, 30, 40)]
    whole = json.dumps(lines, indent=1, ensure_ascii=False).encode()
    path = tmp_path / "training_log.json"
    path.write_bytes(whole[:cut])
    state = load_training_state(tmp_path)
    path.unlink()
    complete = whole[:cut].count(b"\n }")
    assert state.history.step.tolist() == [10, 20, 30, 40][:complete]
    assert state.problems == []


def test_an_array_that_grows_is_the_same_history_with_more_rows(tmp_path: Path) -> None:
    """It is read again whole, and still only rows are added."""
    path = tmp_path / "training_log.json"
    lines = [line(step, loss=0.5) for step in range(5)]
    path.write_text(json.dumps(lines[:3]))
    reader = RunReader(tmp_path)
    before = reader.read()
    path.write_text(json.dumps(lines))
    after = reader.read()
    assert (len(before.history), len(after.history)) == (3, 5)
    assert before.history.lineage is after.history.lineage
    path.write_text(json.dumps(lines[1:]))
    assert reader.read().history.lineage is not after.history.lineage


@pytest.mark.parametrize("between", [" ", "\n"])
@pytest.mark.parametrize(
    "broken",
    [
        '{"step": oops}',
        '{"step: 3, "neuron_counts": {"cortex": 5}}',
        '{"step": 3, "neuron_counts": {"cortex": 5}, "lo',
        '{"step": ' + 5000 * "9" + "}",
        "garbage",
        '{"x": ' + 100_000 * "[" + "}",
    ],
)
def test_a_broken_array_is_read_on_behind_the_break(tmp_path: Path, broken: str, between: str) -> None:
    """One problem says where; nothing within the broken object is taken for one of the log's."""
    text = f'[{{"step": 1}},{between}{broken},{between}{{"step": 4, "loss": 2.0}},{between}{{"step": 5}}]'
    (tmp_path / "training_log.json").write_text(text)
    state = load_training_state(tmp_path)
    assert state.history.step.tolist() == [1, 4, 5]
    assert [problem.line for problem in state.problems] == [2 if between == "\n" else 1]


def test_in_an_array_what_is_no_object_is_a_problem(tmp_path: Path) -> None:
    """Each with its line; a break behind which nothing can be read says so."""
    (tmp_path / "training_log.json").write_text('[{"step": 1},\n 5,\n {"step": 2},\n {"step": oops},\n 7]')
    state = load_training_state(tmp_path)
    assert state.history.step.tolist() == [1, 2]
    assert [problem.line for problem in state.problems] == [2, 4]
    assert "not read from here on" in state.problems[1].reason


def test_what_a_stages_configuration_asks_for_is_a_threshold(tmp_path: Path) -> None:
    """As the drop-in logger writes it where a stage begins; a later stage's wins."""
    criteria = ({"n_back_2": 0.8, "stable": True, "loss": 0.1}, {"loss": 0.05}, None, "all", {"x": "high"})
    lines = (line(0, event_type="stage_start", config={"success_criteria": each}) for each in criteria)
    write_log(tmp_path, *lines, line(0, event_type="stage_start", config=3))
    assert load_training_state(tmp_path).criteria == {"n_back_2": 0.8, "loss": 0.05}


def test_lines_may_follow_an_array(tmp_path: Path) -> None:
    """A trainer that went on in the documented format where a converter had left an array."""
    (tmp_path / "training_log.json").write_text('[{"step": 1}]\n{"step": 2}\n{"step": 3}\n{"st')
    state = load_training_state(tmp_path)
    assert (state.history.step.tolist(), state.problems) == ([1, 2, 3], [])


def test_an_array_replaced_by_lines_is_read_as_lines(tmp_path: Path) -> None:
    """And the other way round."""
    path = tmp_path / "training_log.json"
    path.write_text('[{"step": 1}]')
    reader = RunReader(tmp_path)
    reader.read()
    path.write_text('{"step": 2}\n{"step": 3}\n')
    assert reader.read().history.step.tolist() == [2, 3]
    path.write_text('[{"step": 4}]')
    assert reader.read().history.step.tolist() == [4]


def test_an_array_that_is_rewritten_while_it_is_read_is_read_as_what_it_became(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between the look at its first bytes and the reading of all of them, a writer may empty it or begin lines."""
    path = tmp_path / "training_log.json"

    def looks(head: bytes) -> bool:
        path.write_text('{"step": 7}\n')
        return looks_like_array(head)

    monkeypatch.setattr(training_log, "looks_like_array", looks)
    path.write_text('[{"step": 1}]')
    assert load_training_state(tmp_path).history.step.tolist() == [7]
