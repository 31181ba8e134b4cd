"""What the curriculum page says of a run, and what it advises where nothing is logged."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from dash import Dash
from dash._get_app import app_context

from tests.analysis.test_curriculum import begin, event, forgetting_run, metrics, probe, run
from tests.web.components.test_overview import words
from thalia_monitor.analysis.summary import summarize
from thalia_monitor.web.components import curriculum


@pytest.fixture(autouse=True)
def answering(app: Dash) -> Iterator[None]:
    """Links are made for the application that is answering."""
    token = app_context.set(app)
    yield
    app_context.reset(token)


def rows(part: Any) -> list[list[str]]:
    """The cells of every row of a panel's tables."""
    every = [each for child in part if child is not None for each in (child, *child._traverse())]
    return [
        [words(cell).strip() for cell in each.children]
        for each in every
        if type(each).__name__ == "Tr" and type(each.children[0]).__name__ == "Td"
    ]


def test_each_stage_is_a_row_against_its_plan(tmp_path: Path) -> None:
    """The running one first, with what is left; an earlier one with what it took beyond its plan."""
    state = run(
        tmp_path / "run",
        begin(-1, 0, duration_steps=8_000),
        *metrics(0, 10_000),
        event("stage_end", 10_000, stage=-1),
        begin(0, 10_000, duration_steps=10_000),
        event("extension", 10_000, stage=0, additional_steps=5_000),
        *metrics(11_000, 12_000),
    )
    assert rows(curriculum.stages(state)) == [
        [
            "0 Sensory Foundations",
            "1",
            "10,000",
            "12,000 so far",
            "15,000 steps",
            "extended by 5,000 steps, 13,000 steps left",
        ],
        ["-1 Sensorimotor", "1", "0", "10,000", "8,000 steps", "2,000 steps over"],
    ]


def test_a_criterion_has_its_margin_trend_and_time(tmp_path: Path) -> None:
    """0.3 with 0.01 in 1,000 steps is 0.6 away from 0.9: 60,000 steps, at a step each millisecond a minute."""
    lines = [{"step": 1_000 * place, "reaching_accuracy": place / 100} for place in range(31)]
    state = run(tmp_path / "run", begin(-1, 0, success_criteria={"reaching_accuracy": 0.9}), *lines)
    first = next(each for each in rows(curriculum.why_not(state)) if each[0] == "reaching_accuracy")
    assert first == [
        "reaching_accuracy",
        "✗ not yet",
        "0.3",
        "> 0.9",
        "−0.6",
        "+0.01",
        "in about 60,000 steps  1 min at the present pace",
    ]


def test_a_gate_shows_its_conditions(tmp_path: Path) -> None:
    """What failed, what is recommended, and what was measured."""
    gate = {
        "passed": False,
        "decision": "extend",
        "failures": ["theta unstable"],
        "recommendations": ["rest"],
    }
    state = run(
        tmp_path / "run",
        begin(1, 0),
        *metrics(0, 5_000),
        event("gate", 5_000, stage=1, metrics={"theta_variance": 0.2}, **gate),
    )
    said = words(curriculum.why_not(state))
    assert "Newest gate: not passed, extend (stage 1), 1 condition failed." in said
    assert "Measured: theta_variance 0.2." in said
    assert rows(curriculum.why_not(state))[-2:] == [["theta unstable", "✗ failed"], ["rest", "recommended"]]


def test_the_matrix_tells_never_probed_from_nothing_kept(tmp_path: Path) -> None:
    """A task that was forgotten beyond the limit, one that was lost wholly, and one that was not probed again."""
    state = forgetting_run(
        tmp_path / "run",
        probe("lost", 3, 0.5, 10_000),
        probe("unprobed", 3, 0.5, 10_000),
        probe("reading", 3, 0.752, 15_000),
        probe("lost", 3, 0.0, 15_000),
    )
    found = {each[0]: each[1:-1] for each in rows(curriculum.kept(state))}
    assert found == {
        "lost": ["stage 3", "0.5 ± 0.05", "0 %  0 ± 0", "✗ 100 % of 5.6 % allowed"],
        "reading": ["stage 3", "0.8 ± 0.04", "94 %  0.752 ± 0.0432", "✗ 6 % of 5.6 % allowed"],
        "unprobed": ["stage 3", "0.5 ± 0.05", "not probed", "–"],
    }


def test_each_empty_view_says_what_to_log(tmp_path: Path) -> None:
    """A call of the logger for each of the four."""
    state = run(tmp_path / "run")
    for panel, call in (
        (curriculum.stages, "log_stage_start("),
        (curriculum.why_not, "success_criteria"),
        (curriculum.kept, "log_evaluation("),
        (curriculum.protected, "log_intervention("),
    ):
        assert call in words(panel(state)), panel


def test_the_strip_fills_each_stage_as_far_as_it_is_done(tmp_path: Path) -> None:
    """Of eight stages the first is trained, the second at 20 % of its plan, and the others are not begun."""
    state = run(
        tmp_path / "run",
        begin(-1, 0),
        *metrics(0, 10_000),
        begin(0, 10_000, duration_steps=10_000),
        *metrics(11_000, 12_000),
    )
    strip = curriculum.strip(summarize(state, 2e9))
    assert strip is not None
    cells = [each for each in strip._traverse() if type(each).__name__ == "Li"]
    assert [each.title.partition(": ")[2] for each in cells] == [
        "trained",
        "being trained, 20% of its plan",
        *["not begun"] * 6,
    ]
    assert [each.children[1].style["width"] for each in cells][:3] == ["100.0%", "20.0%", "0.0%"]


def test_the_overview_has_no_strip_without_stages(tmp_path: Path) -> None:
    """A run that names none says nothing of a curriculum there."""
    assert curriculum.strip(summarize(run(tmp_path / "run", *metrics(0, 2_000)), 2e9)) is None
