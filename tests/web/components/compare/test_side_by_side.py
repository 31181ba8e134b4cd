"""Two runs side by side on the comparison page: tables, what is sent of them, and what is not."""

from __future__ import annotations

import json
import zlib
from pathlib import Path
from typing import Any

import pytest
from dash import Dash

from tests.screen import words
from tests.support import Run, callback, line
from thalia_monitor.figures.chart import View
from thalia_monitor.reading.library import run_id
from thalia_monitor.web.app import create_app
from thalia_monitor.web.components.compare.comparison_query import choice_of
from thalia_monitor.web.components.compare.side_by_side import FAMILIES, NO_DATA, PARTS, SECTIONS
from thalia_monitor.web.context import KEY

TASK = "<img src=x onerror=alert(1)>"
MOST_OF_A_TICK = 20_000
"""Bytes, compressed as an answer is."""


def write(directory: Path, length: int, task: str = TASK) -> Run:
    """Stages -1 and 0 of so many steps each, with neurons, a consolidation, and a task of stage -1 probed in both."""
    directory.mkdir(parents=True)
    run = Run(directory)
    for stage, first in ((-1, 0), (0, length)):
        run.append(line(first, event_type="stage_start", stage=stage, config={"duration_steps": 1000}))
        run.metrics(*range(first, first + length + 1, 100), neuron_counts={"cortex": 100 + first, "vta": 50})
        for phase, patterns in (("NREM", 80 + length // 100), ("REM", 20)):
            sleep = {"sleep_stage": phase, "patterns_replayed": patterns, "duration_steps": 50}
            run.append(line(first + length, event_type="consolidation", **sleep))
        probe = {"task": task, "stage": -1, "accuracy": 0.8 - stage / 10, "n": 100}
        run.append(line(first + length, event_type="evaluation", **probe))
    run.append(line(2 * length, event_type="stage_end", stage=0))
    return run


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Three runs, of which the last logs neither stages nor tasks nor neurons."""
    for number in (1, 2):
        write(tmp_path / f"run-{number}", 1000 * number)
    (tmp_path / "run-3").mkdir()
    Run(tmp_path / "run-3").metrics(100)
    return tmp_path


@pytest.fixture
def compared(root: Path) -> Dash:
    """A monitor of these runs."""
    return create_app([root / f"run-{number}" for number in (1, 2, 3)])


def filled(app: Dash, kind: Any = None, **chosen: Any) -> dict[str, Any]:
    """What an answer has of the parts, and of the page's store."""
    states = {"compare-shown.data": kind}
    answer = callback(app, "compare-table.children", {"compare-chosen.data": chosen}, states)
    return {name.removeprefix("compare-"): part for name, part in answer.items()}


def text(part: dict[str, Any]) -> str:
    """The words of a part."""
    return " ".join(words(part["children"]).split())


def test_the_baseline_and_the_first_other_run_are_side_by_side(compared: Dash, root: Path) -> None:
    """Which two is said; any other can be chosen, and the baseline itself is no choice."""
    ids = [run_id(root / f"run-{number}") for number in (1, 2, 3)]
    answer = filled(compared)
    assert "run-1 is the baseline" in text(answer["pair"]) and "run-2 is beside it" in text(answer["pair"])
    assert answer["beside"]["value"] == ids[1]
    assert [each["value"] for each in answer["beside"]["options"]] == ids[1:]
    assert "run-3 is beside it" in text(filled(compared, beside=ids[2])["pair"])
    assert "run-2 is beside it" in text(filled(compared, beside=ids[0])["pair"])


def test_every_part_has_a_sentence_a_table_and_charts(compared: Dash) -> None:
    """In numbers, with differences: steps of stages, what is kept with its limit, shares, and consolidations."""
    answer = filled(compared)
    assert "run-2 took 4,000 steps, 2,000 more than run-1" in text(answer["stages-words"])
    table = text(answer["stages-table"])
    assert "1,000 from 0 to 1,000, as planned" in table
    assert "2,000 from 0 to 2,000, 1,000 steps over +1,000" in table
    assert "11.1 % <img" in table, "forgotten at the end of stage 0"
    assert "88.9 % 11.1 % forgotten of" in text(answer["kept-table"])
    assert "2,050 neurons in run-2" not in text(answer["shares-words"]), "cortex has 2,100"
    assert "2,150 neurons in run-2, 1,150 in run-1" in text(answer["shares-words"])
    assert "+2 points" in text(answer["shares-table"])
    assert text(answer["sleep-words"]) == "2 consolidations in run-2, 2 in run-1."
    table = text(answer["sleep-table"])
    assert "Consolidations 2 2 0 Patterns replayed 220 240 +20" in table
    assert "Patterns in one (mean) 110 over 2 120 over 2 +10" in table
    assert "Steps from one to the next (median) 1,000 over 1 2,000 over 1 +1,000" in table
    assert "Change of performance after one (mean) – – –" in table
    for name, count in (("stages", 1), ("kept", 2), ("shares", 4), ("sleep", 2)):
        assert json.dumps(answer[f"{name}-charts"]).count('"type": "Graph"') == count


def test_what_one_of_them_never_logged_is_not_0(compared: Dash, root: Path) -> None:
    """Not begun, never probed and not logged are words, and have no difference."""
    answer = filled(compared, beside=run_id(root / "run-3"))
    said = [text(answer[f"{name}-table"]) for name in SECTIONS]
    words = ("not begun –", "never probed –", "not logged –", "0 −2 Patterns replayed 220 – –")
    for table, missing in zip(said, words, strict=True):
        assert missing in table


def test_of_runs_that_log_nothing_it_is_said_what_to_log(root: Path) -> None:
    """No table and no chart; with one run alone, that another is needed."""
    write(root / "more", 100)
    (root / "empty").mkdir()
    Run(root / "empty").metrics(100)
    answer = filled(create_app([root / "run-3", root / "empty"]))
    for name, (title, advice) in NO_DATA.items():
        assert text(answer[f"{name}-table"]) == f"{title} {advice}"
        assert answer[f"{name}-charts"]["children"] == []
    alone = filled(create_app([root / "more"]))
    assert "Add a second run" in text(alone["pair"])
    assert not any(alone[name]["children"] for name in PARTS if name != "pair")


def test_only_what_has_changed_is_sent_again(compared: Dash, root: Path) -> None:
    """Nothing for the same runs; after new lines the tables, and never the charts, which would be drawn again.

    What may be forgotten depends on the number of neurons.
    """
    kind = filled(compared)["shown"]["data"]
    assert not {*PARTS} & filled(compared, kind).keys()
    Run(root / "run-2").metrics(4_100, neuron_counts={"cortex": 3000, "vta": 50})
    sent = {*PARTS} & filled(compared, kind).keys()
    assert sent == {"kept-table", "shares-words", "shares-table"}
    other = filled(compared, kind, beside=run_id(root / "run-3"))
    assert {"stages-charts", "kept-charts", "shares-charts", "sleep-charts"} <= other.keys()


def test_names_from_logs_and_directories_are_text(tmp_path: Path) -> None:
    """A task and a run called like markup are children, which Dash escapes; labels and titles are attributes."""
    for name in ("<b>one", "<b>two"):
        write(tmp_path / name, 1000)
    answer = filled(create_app([tmp_path / "<b>one", tmp_path / "<b>two"]))
    assert TASK in text(answer["kept-table"])
    assert "<b>two: kept" in text(answer["kept-table"])
    assert "dangerously" not in json.dumps(answer)


def test_a_tick_of_runs_with_a_hundred_tasks_and_regions_is_small(tmp_path: Path) -> None:
    """However much they log, a table is bounded, and says what it leaves out."""
    for name in ("one", "two"):
        run = write(tmp_path / name, 1000)
        for number in range(100):
            probe = {"task": f"task {number}", "stage": -1, "accuracy": 0.5, "n": 10}
            run.append(line(2000, event_type="evaluation", **probe))
        run.metrics(2100, neuron_counts={f"region {number}": 10 for number in range(100)})
    app = create_app([tmp_path / "one", tmp_path / "two"])
    answer = filled(app)
    assert "and 76 more tasks" in text(answer["kept-table"])
    assert "other regions" in text(answer["shares-table"])
    tables = json.dumps([answer[name] for name in PARTS if not name.endswith("charts")])
    assert len(zlib.compress(tables.encode())) < MOST_OF_A_TICK


def test_charts_are_of_the_two_runs_whatever_else_is_compared(compared: Dash, root: Path) -> None:
    """Their version changes with these two and with no other; colours are those of the list above."""
    library = compared.server.extensions[KEY].library
    ids = [run_id(root / f"run-{number}") for number in (1, 2, 3)]
    key = filled(compared)["shown"]["data"]["choice"]
    choice = choice_of("~".join((",".join(ids), key["base"], "run", key["beside"])), library)
    with compared.server.app_context():
        family = FAMILIES["compare-stages"]
        before = family.version(choice.pair_key)
        Run(root / "run-3").metrics(200)
        assert family.version(choice.pair_key) == before
        Run(root / "run-2").metrics(5000)
        assert family.version(choice.pair_key) != before
        assert len(family.builder(choice.pair_key)(None, "", View()).traces) > 2  # type: ignore[arg-type]
        alone = choice_of(f"{ids[0]}~{ids[0]}~run", library)
        assert family.builder(alone.pair_key)(None, "", View()).traces == []  # type: ignore[arg-type]
