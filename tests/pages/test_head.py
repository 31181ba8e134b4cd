"""A run of Thalia's newest training loop on every page: what is there is shown, what never comes is said once."""

from __future__ import annotations

import json

import pytest

from tests.pages.conftest import Open
from tests.support import FIXTURES
from thalia_monitor import load_training_state
from thalia_monitor.web.components import diagnostics_report

REPORT = json.loads((FIXTURES / "thalia_head/diagnostics_report.json").read_text())


def test_the_newest_report_is_shown(visit: Open) -> None:
    """Brain state, populations within their range, the dominant frequency with its unit."""
    facts = visit("thalia_head", "/diagnostics").text({"type": "pane", "name": "diagnostics-facts"})
    status = list(REPORT["health"]["population_status"].values())
    assert "Brain state AI/theta/sub-crit" in facts
    assert f"{status.count('ok')} ok · {status.count('low')} low" in facts
    assert f"{REPORT['global_dominant_freq_hz']:g} Hz most power in theta" in facts


def test_populations_have_rates_in_hz_and_a_status() -> None:
    """By the newest report; those of a sweep stand under its pattern."""
    frame = diagnostics_report.populations(load_training_state(FIXTURES / "thalia_head")).set_index(
        "population"
    )
    rate = REPORT["population_firing_rates_hz"]["striatum:d1"]
    assert float(str(frame.loc["striatum:d1", "rate_hz"])) == pytest.approx(rate, rel=1e-3)
    assert frame["status"].to_dict() == REPORT["health"]["population_status"]
    swept = diagnostics_report.populations(load_training_state(FIXTURES / "thalia_diagnostics"))
    assert "sweep_burst/striatum:d1" in set(swept["population"])


def test_files_found_lists_what_is_not_read_too() -> None:
    """With the reason."""
    frame = diagnostics_report.files(load_training_state(FIXTURES / "thalia_head")).set_index("file")
    assert frame.loc["plots/*.png", "note"] == "2 files, listed, not shown"
    assert frame.loc["trials.csv", "records"] == 250


@pytest.mark.parametrize(
    ("path", "what"),
    [("/growth", "neuron counts, capacity or growth"), ("/consolidation", "consolidation")],
)
def test_pages_without_anything_say_so(visit: Open, path: str, what: str) -> None:
    """In one sentence; a curriculum run never shows it."""
    pane = {"type": "pane", "name": f"{path[1:]}-facts"}
    assert f"never tell of {what}." in visit("thalia_head", path).text(pane)
    assert "never tell" not in visit("healthy", path).text(pane)
