"""What rules find in a run."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from tests.analysis.build import checkpoint, history, state
from thalia_monitor.alerts.conditions import Rule, active_alerts, chat_safe, undecided_keys
from thalia_monitor.analysis.summary import Summary, summarize
from thalia_monitor.model.records import HealthWarning, Severity
from thalia_monitor.model.run import TrainingState

NOW = 1_000_000.0


def at(run: TrainingState, now: float = NOW) -> Summary:
    """A run summed up."""
    return summarize(run, now)


def logged(**metrics: list[float]) -> TrainingState:
    """A run of lines each 100 steps."""
    count = len(next(iter(metrics.values())))
    return state(history(range(0, 100 * count, 100), **metrics))


def test_a_metric_above_its_bound_is_found_with_the_step_since_when() -> None:
    """The newest value decides; the text says since when."""
    run = logged(loss=[1.0, 3.0, 1.0, 3.0, 4.0])
    (found,) = active_alerts([Rule(metric="loss", above=2)], at(run)).values()
    assert found.text == "loss is 4, above 2 since step 300."
    assert found.severity is Severity.WARNING
    assert active_alerts([Rule(metric="loss", above=4)], at(run)) == {}
    assert active_alerts([Rule(metric="loss", below=2)], at(run)) == {}


def test_a_rule_may_wait_for_some_steps() -> None:
    """Above the bound for 1,000 steps without a break, and not before."""
    rule = Rule(metric="loss", above=2, steps=1000)
    assert active_alerts([rule], at(logged(loss=[1.0] * 5 + [3.0] * 10))) == {}
    assert len(active_alerts([rule], at(logged(loss=[1.0] * 5 + [3.0] * 11)))) == 1
    assert active_alerts([rule], at(logged(loss=[3.0] * 20 + [1.0]))) == {}


def test_a_pattern_names_many_series() -> None:
    """Each series that matches is an alert of its own; a name with brackets is still found by its name."""
    run = logged(**{"rates/cortex": [0.9], "rates/striatum": [0.1], "a[0]": [0.9]})
    assert [
        each.text[:12] for each in active_alerts([Rule(metric="rates/*", above=0.5)], at(run)).values()
    ] == ["rates/cortex"]
    assert len(active_alerts([Rule(metric="a[0]", above=0.5)], at(run))) == 1


def test_values_that_are_not_finite_are_critical_while_they_are_fresh() -> None:
    """From the first NaN until some lines after the last one, so that a burst is one alert."""
    rule = Rule(on="nan")
    burst = [0.5] * 30 + [math.nan, 0.5, math.nan]
    (found,) = active_alerts([rule], at(logged(loss=burst))).values()
    assert found.severity is Severity.CRITICAL
    assert list(active_alerts([rule], at(logged(loss=[*burst, 0.5])))) == [found.key]
    assert active_alerts([rule], at(logged(loss=burst + [0.5] * 30))) == {}


def test_the_trainers_warnings_are_told_apart_by_their_words() -> None:
    """Numbers change from checkpoint to checkpoint; the alert is the same. Less severe ones do not count."""
    rule = Rule(on="warning", severity=Severity.WARNING)

    def keys(*warned: str, severity: Severity = Severity.WARNING) -> set[str]:
        point = replace(checkpoint(1), warnings=tuple(HealthWarning(severity, each) for each in warned))
        return set(active_alerts([rule], at(state(None, point))))

    assert keys("High capacity in cortex: 0.856") == keys("High capacity in cortex: 0.91")
    assert len(keys("High capacity in cortex: 0.9", "High capacity in striatum: 0.9")) == 2
    assert keys("Memory pressure 0.8", severity=Severity.INFO) == set()


def test_findings_of_the_monitor_are_alerts_too() -> None:
    """A milestone lost is found by the milestone rule and by the health rule: as one alert, not two."""
    run = state(
        None, checkpoint(100, milestones={"reach": True}), checkpoint(200, milestones={"reach": False})
    )
    rules = [Rule(on="milestone"), Rule(on="health", severity=Severity.WARNING)]
    (found,) = active_alerts(rules, at(run)).values()
    assert "Milestone reach was lost" in found.text


def test_silence_is_judged_only_where_it_can_be() -> None:
    """A run with a rhythm is stale after ten gaps; of one without any nothing can be said."""
    times = [NOW - 1000 + 10 * number for number in range(50)]
    run = state(history(range(50), time=times, loss=[1.0] * 50), changed=times[-1])
    (found,) = active_alerts([Rule(on="stale")], at(run)).values()
    assert found.severity is Severity.CRITICAL
    assert "usually every 10 s" in found.text
    assert undecided_keys(at(run)) == frozenset()
    assert undecided_keys(at(state())) == {"stale"}


@pytest.mark.parametrize(
    "wild", ["@everyone", "<!channel>", "a\nb", "\x1b[2J", "http://evil.example/x", "\u202egnp.exe"]
)
def test_a_log_cannot_speak_to_a_chat(wild: str) -> None:
    """What a log says arrives as words: nobody is summoned, nothing becomes a link."""
    said = chat_safe(wild)
    assert "@e" not in said and "<" not in said and "://" not in said
    assert said.replace("\u200b", "").isprintable()


def test_a_flood_is_bounded_by_the_worst() -> None:
    """Ten thousand warnings are at most a hundred alerts, and the critical one is among them."""
    words = (HealthWarning(Severity.WARNING, "w" * number) for number in range(10_000))
    point = replace(checkpoint(1), warnings=(*words, HealthWarning(Severity.CRITICAL, "collapse")))
    found = active_alerts([Rule(on="warning")], at(state(None, point)))
    assert len(found) == 100
    assert next(iter(found.values())).severity is Severity.CRITICAL


@pytest.mark.parametrize("name", ["firing_rate", "avg_firing_rate", "firing_rate/average"])
def test_a_rule_on_a_core_metric_means_the_quantity(name: str) -> None:
    """Under whichever name the run logs it; the text says which."""
    (found,) = active_alerts(
        [Rule(metric="firing_rate", above=0.3)], at(logged(**{name: [0.4, 0.42]}))
    ).values()
    assert found.text == f"{name} is 0.42, above 0.3 since step 0."


@pytest.mark.parametrize("name", ["firing_rate/cortex", "mean_fr_hz", "region_firing_rates_hz/cortex"])
def test_a_rule_on_a_rate_is_not_for_other_units(name: str) -> None:
    """A count of spikes or a rate in Hz is above 0.3 without anything being wrong; its own name can be watched."""
    run = at(logged(**{name: [9.1, 9.2]}))
    assert active_alerts([Rule(metric="firing_rate", above=0.3)], run) == {}
    assert len(active_alerts([Rule(metric=name, above=0.3)], run)) == 1


def test_a_placeholder_is_below_no_bound() -> None:
    """What was 0.0 in every line was not measured."""
    rules = [Rule(metric="firing_rate", below=0.02)]
    assert active_alerts(rules, at(logged(firing_rate=[0.0, 0.0]))) == {}
    assert len(active_alerts(rules, at(logged(firing_rate=[0.1, 0.0])))) == 1
