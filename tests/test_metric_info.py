"""What is known of each metric: stated once, looked up by any of its names, and the same in the documentation."""

from __future__ import annotations

import pytest

from tests.analysis.build import checkpoint, history, state
from tests.support import ROOT
from thalia_monitor import metric_info
from thalia_monitor.analysis.quantities import places
from thalia_monitor.analysis.summary import summarize
from thalia_monitor.metric_info import KNOWN, MetricInfo, Name, info, lookup, title, unit
from thalia_monitor.web.components.metric_cards import metric_cards


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("firing_rate", "Firing rate"),
        ("loss", "Loss"),
        ("task/reaching", "task/reaching"),
        ("loss/inner_x", "loss/inner_x"),
        ("capacity.cortex", "capacity.cortex"),
        ("_", "_"),
        ("", ""),
        ("Ärger", "Ärger"),
    ],
)
def test_metrics_are_named_for_people(name: str, words: str) -> None:
    """Underscores are spaces and the first letter a capital; a path stays a path."""
    assert title(name) == words


def test_no_name_belongs_to_two_quantities() -> None:
    """A name is in the table once, and is found as the quantity that it stands under."""
    names = [(name.pattern, quantity) for quantity in KNOWN for name in quantity.names]
    assert len({pattern for pattern, _ in names}) == len(names)
    for pattern, quantity in names:
        assert info(pattern.replace("*", "cortex")) is quantity


@pytest.mark.parametrize(
    ("series", "quantity", "symbol", "better", "judged"),
    [
        ("avg_firing_rate", "firing_rate", "", "", True),
        ("firing_rate/average", "firing_rate", "", "", True),
        ("firing_rate/cortex", "firing_rate/*", "spikes/100", "", False),
        ("region_firing_rates/cortex", "region_firing_rates/*", "", "", True),
        ("region_firing_rates_hz/cortex", "*_hz", "Hz", "", False),
        ("mean_fr_hz", "firing_rate", "Hz", "", False),
        ("oscillator/theta_frequency", "oscillator/theta_frequency", "Hz", "", True),
        ("performance/steps_per_sec", "performance/steps_per_sec", "steps/s", "", True),
        ("task/reaching_accuracy", "performance", "", "up", True),
        ("accuracy_10", "performance", "", "up", True),
        ("avg_reward", "avg_reward", "", "up", True),
        ("prediction_error", "prediction_error", "", "down", True),
        ("my_accuracy", "my_accuracy", "", "up", True),
        ("my_metric", "my_metric", "", "", True),
    ],
)
def test_a_series_is_looked_up_by_its_name(
    series: str, quantity: str, symbol: str, better: str, judged: bool
) -> None:
    """Quantity, unit, direction, and whether the quantity's limits hold; a name of nobody's has a record too."""
    its, name = lookup(series)
    assert (its.name, unit(series), its.better, name.judged) == (quantity, symbol, better, judged)


def test_a_fifth_core_metric_is_one_record(monkeypatch: pytest.MonkeyPatch) -> None:
    """Cards, summary and places take what the table has."""
    fifth = MetricInfo((Name("curiosity", "how curious it is", "", "", "of all questions asked"),), core=True)
    monkeypatch.setattr(metric_info, "CORE", (*metric_info.CORE, fifth))
    monkeypatch.setattr(metric_info, "_EXACT", metric_info._EXACT | {"curiosity": (fifth, fifth.names[0])})
    metric_info.lookup.cache_clear()
    run = state(history(range(5), curiosity=[0.5] * 5), checkpoint(5, metrics={"curiosity": 0.25}))
    assert [each.core.name for each in places(run)][4] == "curiosity"
    assert [each.name for each in summarize(run, 0.0).trends] == ["curiosity"]
    assert len(metric_cards(run)) == 5
    assert "of all questions asked" in str(metric_cards(run)[4])
    metric_info.lookup.cache_clear()


def use(quantity: MetricInfo, name: Name) -> str:
    """What the monitor makes of a name, in words."""
    if not quantity.core:
        return quantity.use
    own = name is quantity.names[0]
    fills = f"{quantity.title}" if own else f"{quantity.title}, where none of the names above was measured"
    return fills if name.judged else f"{fills}; shown in its unit, never judged"


def test_the_documented_table_is_the_table() -> None:
    """``docs/thalia.md`` has a row for each name, with meaning, unit, era and what the monitor makes of it."""
    documented = (ROOT / "docs" / "thalia.md").read_text("utf-8")
    section = documented.partition("## Metric names\n")[2].partition("\n## ")[0]
    rows = [line for line in section.splitlines() if line.startswith("| `")]
    assert rows == [
        f"| `{name.pattern}` | {name.meaning} | {name.unit or '–'} | {name.era or '–'} | {use(quantity, name)} |"
        for quantity in KNOWN
        for name in quantity.names
    ]
