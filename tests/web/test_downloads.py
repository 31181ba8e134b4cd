"""The CSV: every logged value at full precision, and nothing that a spreadsheet would run."""

from __future__ import annotations

import csv
import io
import json
import math
import tempfile
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support import FIXTURES, Run, line
from thalia_monitor import load_training_state
from thalia_monitor.export.lines import ROWS_AT_ONCE, csv_text, select
from thalia_monitor.web.app import create_app


def table(text: str) -> list[dict[str, str]]:
    """The rows of a CSV text."""
    return list(csv.DictReader(io.StringIO(text)))


def exported(run: Run, *names: str) -> list[dict[str, str]]:
    """The run's export, as written by its function."""
    history = load_training_state(run.directory).history
    return table("".join(csv_text(select(history, names))))


def downloaded(client: Any, query: str = "") -> Any:
    """The answer to a download."""
    key = client.get("/api/v1/runs").get_json()["runs"][0]["id"]
    return client.get(f"/api/v1/runs/{key}/export.csv{query}")


@pytest.mark.parametrize("fixture", ["healthy", "nan", "resumed", "out_of_order", "many_metrics"])
def test_the_export_equals_the_log_exactly(fixture: str) -> None:
    """Line by line: each number is the very one, each field that a line lacks is an empty cell."""
    client = create_app(FIXTURES / fixture).server.test_client()
    rows = table(downloaded(client).get_data(as_text=True))
    text = (FIXTURES / fixture / "training_log.json").read_text(encoding="utf-8")
    logged = [each for each in map(json.loads, text.splitlines()) if "event_type" not in each]
    assert len(rows) == len(logged)
    for row, said in zip(rows, logged, strict=True):
        expected = {name: value for name, value in said.items() if isinstance(value, int | float)}
        for prefix, field in (("neurons.", "neuron_counts"), ("capacity.", "capacity_by_region")):
            expected |= {prefix + region: value for region, value in said.get(field, {}).items()}
        for name, value in expected.items():
            assert repr(float(row[name])) == repr(float(value)), name
        flat = set(expected) | {"segment"}
        assert all(cell == "" for name, cell in row.items() if name not in flat and "/" not in name)


floats = st.floats() | st.sampled_from([0.1, 1 / 3, 1e-300, -0.0, 5e-324])


@given(st.lists(st.fixed_dictionaries({}, optional={"a": floats, "b": floats}), min_size=1, max_size=12))
def test_no_value_loses_a_digit(logged: list[dict[str, float]]) -> None:
    """Written so that reading it back gives the same float, sparse columns beside dense ones."""
    with tempfile.TemporaryDirectory() as folder:
        run = Run(Path(folder))
        run.append(*(line(step, loss=1.0, **fields) for step, fields in enumerate(logged)))
        rows = exported(run)
    assert [int(row["step"]) for row in rows] == list(range(len(logged)))
    for row, fields in zip(rows, logged, strict=True):
        for name in ("a", "b"):
            if name in fields:
                assert repr(float(row[name])) == repr(fields[name])
            else:
                assert row.get(name, "") == ""


def test_a_single_series_has_only_the_lines_that_log_it(run: Run) -> None:
    """A rare metric is not buried in empty rows."""
    run.append(line(1, loss=1), line(2, loss=2, rare=5), line(3, loss=3), line(4, rare=math.nan, other=1))
    assert [(row["step"], row["rare"]) for row in exported(run, "rare")] == [("2", "5.0"), ("4", "nan")]
    both = exported(run, "rare", "other")
    assert [(row["step"], row["rare"], row["other"]) for row in both] == [
        ("2", "5.0", ""),
        ("4", "nan", "1.0"),
    ]


def test_segments_tell_the_attempts_apart(run: Run) -> None:
    """A resume loses nothing."""
    run.metrics(0, 100, 200)
    run.metrics(100, 200)
    assert [(row["step"], row["segment"]) for row in exported(run)] == [
        ("0", "0"),
        ("100", "0"),
        ("200", "0"),
        ("100", "1"),
        ("200", "1"),
    ]


def test_timestamps_are_kept(run: Run) -> None:
    """Unix seconds; empty where a line had none."""
    run.append(line(1, loss=1, timestamp=1765200000.125), line(2, loss=1))
    assert [row["timestamp"] for row in exported(run)] == ["1765200000.125", ""]


@pytest.mark.parametrize(
    "name",
    [
        *("=HYPERLINK(1)", "+1+1", "-2", "@SUM(A1)", "\tx", "\rx", "\nx", "\n=1", " =1", "   +1", "\x0b=1"),
        *("\u00a0=1", "\u3000@x", "\u200b=1", "\ufeff=1", "\u2028=1", "\u22121"),
        *("\uff1d1", "\uff0b1", "\uff0d1", "\uff20x", " \uff1d1"),
    ],
)
def test_a_metric_named_like_a_formula_is_made_harmless(run: Run, name: str) -> None:
    """A spreadsheet runs what begins like this."""
    run.append(line(1, **{name: 5}))
    history = load_training_state(run.directory).history
    head = next(csv_text(select(history)))
    cells = next(csv.reader(io.StringIO(head, newline="")))
    assert all(each[:1] not in "=+-@\t\r" for each in cells)
    assert cells[3] == f"'{name}"


@pytest.mark.parametrize("name", ['with "quotes"', "with, comma", "with\nline", "naïve µ"])
def test_any_name_survives_the_file_format(run: Run, name: str) -> None:
    """Quoted as CSV has it."""
    run.append(line(1, **{name: 5}))
    [row] = exported(run)
    [kept] = [key for key in row if key not in ("step", "segment", "timestamp")]
    assert row[kept] == "5.0"


def test_more_rows_than_one_block(run: Run) -> None:
    """Streamed in blocks that join without a seam."""
    count = ROWS_AT_ONCE + 7
    run.append(
        *(line(step, loss=step, **({"rare": step} if step % 9973 == 0 else {})) for step in range(count))
    )
    rows = exported(run)
    assert len(rows) == count
    assert all(int(row["step"]) == number == float(row["loss"]) for number, row in enumerate(rows))
    assert [int(row["step"]) for row in rows if row["rare"]] == [0, 9973, 19946]


def test_the_download_is_named_after_the_run(client: Any, run: Run) -> None:
    """As a CSV file to be saved, not shown."""
    run.metrics(1)
    answer = downloaded(client)
    assert answer.mimetype == "text/csv"
    assert answer.headers["Content-Disposition"] == 'attachment; filename="run.csv"'


def test_the_download_of_one_series_is_named_after_it_too(client: Any, run: Run) -> None:
    """Two of them in one folder are told apart."""
    run.append(line(1, **{"rate/cortex": 1}))
    answer = downloaded(client, "?name=rate/cortex")
    assert answer.headers["Content-Disposition"] == 'attachment; filename="run_rate_cortex.csv"'


@pytest.mark.parametrize("name", ["тренировка", "日本", 'quote".csv', "a b;c", "..", "\u202e"])
def test_a_run_of_any_name_can_be_downloaded(tmp_path: Path, name: str) -> None:
    """A header holds only plain letters."""
    run = Run(tmp_path / name if name != ".." else tmp_path / "dots..")
    run.directory.mkdir()
    run.metrics(1)
    answer = downloaded(create_app(run.directory).server.test_client())
    assert answer.status_code == 200
    assert answer.headers["Content-Disposition"].encode("ascii")
    assert answer.headers["Content-Disposition"].count('"') == 2
    assert table(answer.get_data(as_text=True))[0]["step"] == "1"


def test_a_name_is_asked_for_as_an_address_holds_it(client: Any, run: Run) -> None:
    """Slashes and signs in a metric's name are no path."""
    run.append(line(1, **{"a/b&c=d": 5}, loss=1))
    rows = table(downloaded(client, f"?name={quote('a/b&c=d', safe='')}").get_data(as_text=True))
    assert rows == [{"step": "1", "segment": "0", "timestamp": "", "a/b&c=d": "5.0"}]


def test_an_unknown_name_is_400(client: Any, run: Run) -> None:
    """Before anything is sent."""
    run.metrics(1)
    answer = downloaded(client, "?name=loss&name=nothing")
    assert answer.status_code == 400
    assert "nothing" in answer.get_json()["error"]


def test_an_empty_run_has_a_heading_and_no_row(client: Any) -> None:
    """A file that a script can read."""
    assert downloaded(client).get_data(as_text=True) == "step,segment,timestamp\r\n"
