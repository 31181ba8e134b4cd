"""Each number on each page of a sound run equals what its files say, read here a second time in the simplest way."""

from __future__ import annotations

import csv
import io
from typing import Any

import pytest

from tests.pages.conftest import Open
from tests.pages.naive import Naive, shows
from tests.screen import Screen, parts, words
from tests.support import FIXTURES

CORE = ("firing_rate", "capacity", "performance", "loss")
PAGES = ("/", "/metrics", "/growth", "/consolidation", "/milestones", "/events", "/values")


@pytest.fixture(scope="module")
def files() -> Naive:
    """The files of the healthy fixture."""
    return Naive("healthy")


def all_rows(screen: Screen, table: str) -> list[list[str]]:
    """The rows of every page of a table."""
    found = []
    for page in range(1, screen.component(f"{table}-page")["max_value"] + 1):
        screen.change(f"{table}-page", active_page=page)
        found += screen.rows(table)
    return found


def cell(value: Any) -> str:
    """A value as a table should show it: thousands separated, a dash where the log does not say."""
    return "–" if value is None else f"{value:,}" if isinstance(value, int) else str(value)


@pytest.mark.parametrize("path", PAGES)
def test_the_frame_of_every_page(visit: Open, files: Naive, path: str) -> None:
    """Stage number and name, week and percent, step, training time, and how many events."""
    screen = visit("healthy", path)
    newest, facts = files.newest, screen.facts()
    header = screen.text("frame-header")
    assert f"Stage {newest['current_stage']}" in header
    assert "Sensory Foundations" in header
    week, total = newest["current_week"], newest["total_weeks"]
    assert facts["Week"] == f"{week}/{total}"
    assert f"{100 * week / total:.0f}%" in header
    assert facts["Step"] == f"{max(line['step'] for line in files.lines):,}"
    assert newest["training_time_seconds"] == 7500.0
    assert facts["Training time"] == "2 h 5 min"
    totals = screen.text("frame-totals")
    assert f"Growth events {len(files.events('growth'))}" in totals
    slept = files.events("consolidation")
    assert f"Consolidations {len({each['step'] for each in slept})} {len(slept)} phases" in totals


@pytest.mark.parametrize("path", PAGES)
def test_the_warnings_of_every_page(visit: Open, files: Naive, path: str) -> None:
    """All of the newest checkpoint's, numbered, each with its severity; the worst colours the whole."""
    screen = visit("healthy", path)
    said = screen.text("frame-warnings")
    assert said.startswith("✖ 2 critical, 1 warning, 1 info Seizure-like activity")  # and that it is stale
    for warning in files.newest["warnings"]:
        assert f"{warning['severity']} {warning['message']}" in said
    [box] = [screen.component("frame-warnings")["children"]]
    assert box["props"]["className"] == "health-bar notice-critical"
    assert [each["type"] for each in parts(box) if each["type"] in ("Ol", "Ul")] == ["Ol"]


@pytest.mark.parametrize("name", CORE)
def test_the_cards_of_the_metrics(visit: Open, files: Naive, name: str) -> None:
    """Newest value of each core metric; the checkpoint's, its change, and whether that is good."""
    screen = visit("healthy", "/metrics")
    card = words(screen.component({"type": "pane", "name": "metrics-cards"})["children"][CORE.index(name)])
    value = files.newest["metrics"][name]
    delta = value - files.before["metrics"][name]
    label = name.replace("_", " ").capitalize()
    assert card.startswith(label + " ")
    assert shows(card.removeprefix(label), value)
    saved = card.partition("checkpoint ")[2]
    assert saved.startswith(f"{files.newest['step']:,}: ")
    assert shows(saved.partition(": ")[2], value)
    assert shows(saved.partition("(")[2], delta)
    good = {"performance": delta > 0, "loss": delta < 0}.get(name)
    assert card.endswith({True: ", better)", False: ", worse)", None: ")"}[good])


@pytest.mark.parametrize("name", CORE)
def test_the_charts_of_the_metrics(visit: Open, files: Naive, name: str) -> None:
    """Every logged point of this short log, at its step, with its value."""
    figure = visit("healthy", "/metrics").figure("metric", name)
    logged = [(line["step"], line[name]) for line in files.metrics() if name in line]
    drawn = list(zip(figure["data"][0]["x"], figure["data"][0]["y"], strict=True))
    assert len(drawn) == len(logged) == 601
    assert all(
        x == step and shows(f"{y:f}", value) for (x, y), (step, value) in zip(drawn, logged, strict=True)
    )


def test_every_other_metric_has_a_chart(visit: Open, files: Naive) -> None:
    """Those in objects too, each with all of its points."""
    screen = visit("healthy", "/metrics")
    names = screen.component("metrics-other-shown")["data"]
    known = {"step", "timestamp", "neuron_counts", "capacity_by_region", *CORE}
    logged = set()
    for line in files.metrics():
        for name, value in line.items():
            inner = [f"{name}/{each}" for each in value] if isinstance(value, dict) else [name]
            logged |= set(inner) if name not in known else set()
    assert names == sorted(logged)
    assert screen.text("metrics-other-count") == f"{len(logged)} metrics"
    for name in names:
        trace = screen.figure("metric", name)["data"][0]
        assert [each for each in trace["y"] if each is not None] == pytest.approx(
            files.values(name), rel=1e-5
        )


def test_the_numbers_of_the_growth_page(visit: Open, files: Naive) -> None:
    """Neurons, regions, events and neurons added."""
    facts = visit("healthy", "/growth").facts()
    last = [line["neuron_counts"] for line in files.metrics() if "neuron_counts" in line][-1]
    grown = files.events("growth")
    assert facts["Neurons now"] == f"{sum(last.values()):,}"
    assert facts["Regions"] == f"{len(last)}"
    assert facts["Growth events"] == f"{len(grown)}"
    assert facts["Neurons added"] == f"{sum(each['neurons_added'] for each in grown):,}"


def test_the_charts_of_the_growth_page(visit: Open, files: Naive) -> None:
    """Each region's neurons and capacity on every line, and capacity as it is now."""
    screen = visit("healthy", "/growth")
    for kind, field in (("neurons", "neuron_counts"), ("capacity", "capacity_by_region")):
        traces = {
            trace["name"]: trace
            for trace in screen.figure(kind, f"{kind}.")["data"]
            if trace["x"] and trace.get("yaxis") != "y2"
        }
        lines = [(line["step"], line[field]) for line in files.metrics() if field in line]
        for region in lines[0][1]:
            drawn = dict(zip(traces[region]["x"], traces[region]["y"], strict=True))
            assert drawn == pytest.approx({step: given[region] for step, given in lines}, rel=1e-5)
    [bars] = screen.figure("capacity-now")["data"]
    now = [line for line in files.metrics() if "capacity_by_region" in line][-1]["capacity_by_region"]
    assert dict(zip(bars["y"], bars["x"], strict=True)) == pytest.approx(now, abs=5e-5)


def test_the_log_of_growth_events(visit: Open, files: Naive) -> None:
    """All of them, the newest first, every field as logged."""
    rows = all_rows(visit("healthy", "/growth"), "growth-log")
    fields = ("step", "region", "neurons_added", "new_total", "reason")
    assert rows == [[cell(each.get(field)) for field in fields] for each in reversed(files.events("growth"))]


def test_the_numbers_of_the_consolidation_page(visit: Open, files: Naive) -> None:
    """NREM and REM at one step are one consolidation; patterns in total, average patterns and duration of a phase."""
    screen = visit("healthy", "/consolidation")
    slept = files.events("consolidation")
    patterns = [each["patterns_replayed"] for each in slept]
    steps = [each["duration_steps"] for each in slept]
    facts = screen.facts()
    assert facts["Consolidations"] == f"{len({each['step'] for each in slept})}"
    assert facts["Patterns replayed"] == f"{sum(patterns):,}"
    assert shows(facts["Average patterns"], sum(patterns) / len(slept))
    assert shows(facts["Average duration"], sum(steps) / len(slept))
    fields = ("step", "sleep_stage", "patterns_replayed", "duration_steps", "duration_seconds")
    assert all_rows(screen, "consolidation-log") == [
        [cell(each.get(field)) for field in fields] for each in reversed(slept)
    ]
    drawn = screen.figure("sleep-timeline")["data"][0]
    assert sorted(zip(drawn["base"], drawn["x"], drawn["y"], strict=True)) == sorted(
        (each["step"], each["duration_steps"], each["sleep_stage"]) for each in slept
    )


def test_the_numbers_of_the_milestones_page(visit: Open, files: Naive) -> None:
    """Total, passed, completion with one decimal and its bar; each milestone with icon and word."""
    screen = visit("healthy", "/milestones")
    milestones = files.newest["milestones"]
    passed, facts = sum(milestones.values()), screen.facts()
    assert facts["Milestones"] == f"{len(milestones)}"
    assert facts["Passed"] == f"{passed}"
    assert facts["Completion"] == f"{100 * passed / len(milestones):.1f}%"
    bars = [
        each["props"]["aria-valuenow"]
        for each in parts(screen.component("milestones-checklist"))
        if each["props"].get("role") == "progressbar"
    ]
    assert bars == [round(100 * passed / len(milestones), 1)]
    said = screen.text("milestones-checklist")
    for name, value in milestones.items():
        before, _, after = said.partition(f" {name} ")
        assert before.endswith("✓" if value else "✗")
        assert after.partition("passed")[0].endswith("not ") is not value


def test_the_overview_agrees_with_the_other_pages(visit: Open, files: Naive) -> None:
    """The same metrics, neurons, milestones and sleep."""
    said = visit("healthy", "/").text("page")
    for name in CORE:
        label = name.replace("_", " ").capitalize()
        assert shows(said.partition(f"{label} ")[2], files.newest["metrics"][name])
    milestones = files.newest["milestones"]
    assert f"{sum(milestones.values())} of {len(milestones)}" in said
    last = [line["neuron_counts"] for line in files.metrics() if "neuron_counts" in line][-1]
    assert f"Neurons now {sum(last.values()):,}" in said
    grown = files.events("growth")
    assert f"{sum(each['neurons_added'] for each in grown):,} in {len(grown)} events" in said
    phases = files.events("consolidation")
    slept = [each for each in phases if each["step"] == phases[-1]["step"]]
    assert f"Phases {' + '.join(each['sleep_stage'] for each in slept)} " in said
    assert f"Replayed {sum(each['patterns_replayed'] for each in slept)} patterns" in said


def test_the_values_behind_a_chart(visit: Open, files: Naive) -> None:
    """The newest fifty, in full; the next page; those around a step."""
    screen = visit("healthy", "/values", search="?series=performance")
    logged = [(line["step"], line["performance"]) for line in files.metrics()]

    def shown() -> list[tuple[str, str]]:
        rows = [each for each in parts(screen.component("values-table")) if each["type"] == "Tr"][1:]
        cells = [[words(one) for one in row["props"]["children"]] for row in rows]
        return [(step, value) for step, value, _, _ in cells]

    expected = [(f"{step:,}", repr(value)) for step, value in reversed(logged)]
    assert shown() == expected[:50]
    assert screen.text("values-count") == "552–601 of 601, newest first"
    screen.change("values-page", active_page=13)
    assert shown() == expected[600:]
    screen.change("values-step", value=100_000)
    assert ("100,000", repr(dict(logged)[100_000])) in shown()


def test_the_exported_table_is_the_log(visit: Open, files: Naive) -> None:
    """Every metric line, every value, as the file has it."""
    screen = visit("healthy", "/values")
    link = [each["props"]["href"] for each in parts(screen.component("values-link")) if each["type"] == "A"][
        1
    ]
    rows = list(csv.DictReader(io.StringIO(screen.client.get(link).get_data(as_text=True))))
    assert len(rows) == len(files.metrics())
    for row, line in zip(rows, files.metrics(), strict=True):
        assert int(row["step"]) == line["step"]
        assert all(float(row[name]) == line[name] for name in CORE)
        assert {name: float(row[f"neurons.{name}"]) for name in line["neuron_counts"]} == line[
            "neuron_counts"
        ]


def test_everything_that_happened_is_in_the_table_of_events(visit: Open, files: Naive) -> None:
    """Growth, sleep and warnings: as many rows of each as the log has lines."""
    rows = all_rows(visit("healthy", "/events"), "events-table")
    kinds = [row[1].partition(" ")[2] for row in rows]  # each stands behind its symbol
    assert kinds.count("growth") == len(files.events("growth"))
    assert kinds.count("nrem") + kinds.count("rem") == len(files.events("consolidation"))
    assert kinds.count("warning") == len(files.events("warning"))
    grown = [row[3] for row in rows if row[1] == "| growth"]
    assert grown == [f"{each['neurons_added']:,}" for each in reversed(files.events("growth"))]


def test_the_fixture_has_something_to_show() -> None:
    """The numbers above are not all of nothing."""
    assert len((FIXTURES / "healthy/training_log.json").read_text("utf-8").splitlines()) > 600
