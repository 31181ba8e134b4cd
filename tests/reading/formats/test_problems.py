from __future__ import annotations

import pytest

from thalia_monitor.reading.formats.problems import severity_of, stated_severity


@pytest.mark.parametrize(
    ("message", "severity"),
    [
        ("Activity collapse: spike rate 0.001 < 0.01", "critical"),
        ("Seizure-like activity: spike rate 0.7 > 0.5", "critical"),
        ("Weight collapse in cortex", "critical"),
        ("Weight explosion in cortex", "critical"),
        ("Over-inhibited: E/I ratio 0.4", "warning"),
        ("Under-inhibited: E/I ratio 12", "warning"),
        ("Subcritical: branching ratio 0.7", "warning"),
        ("Supercritical: branching ratio 1.3", "warning"),
        ("Dopamine saturated: 2.4", "warning"),
        ("High firing rate: 0.350", "warning"),
        ("  ⚠️  Low firing rate: 0.010", "warning"),
        ("High capacity: 0.870", "warning"),
        ("Sensorimotor prediction error back to normal", "info"),
    ],
)
def test_thalias_own_texts_have_their_severity(message: str, severity: str) -> None:
    """As its health monitor and its logger write them."""
    assert severity_of(message) == severity


@pytest.mark.parametrize(
    ("message", "severity"),
    [
        ("CRITICAL: out of memory", "critical"),
        ("a fatal condition", "critical"),
        ("Error while saving", "critical"),
        ("caution, learning stalls", "warning"),
        ("theta power is low", "warning"),
        ("slow, lower, highlight, terror, hypercritical", "info"),
        ("consolidation due", "info"),
        ("", "info"),
    ],
)
def test_other_texts_are_judged_by_whole_words(message: str, severity: str) -> None:
    """A word inside another word says nothing."""
    assert severity_of(message) == severity


@pytest.mark.parametrize(
    ("given", "severity"), [("WARN", "warning"), (" error ", "critical"), ("Info", "info")]
)
def test_a_stated_severity_is_understood_in_its_usual_spellings(given: str, severity: str) -> None:
    """Whatever logging library the trainer uses."""
    assert stated_severity(given) == severity


@pytest.mark.parametrize("given", ["", "purple", None, 5, ["critical"]])
def test_an_unknown_severity_states_nothing(given: object) -> None:
    """The text decides then."""
    assert stated_severity(given) is None
