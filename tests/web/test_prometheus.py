"""Figures for Prometheus: right, bounded, escaped, and shown to nobody who may not see them."""

from __future__ import annotations

import json
import math
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from tests.support import FIXTURES, ROOT, Run, line
from thalia_monitor.errors import SettingsError
from thalia_monitor.settings import Settings
from thalia_monitor.web import prometheus
from thalia_monitor.web.app import create_app
from thalia_monitor.web.prometheus import LONGEST_LABEL, MOST_MILESTONES

parser = pytest.importorskip("prometheus_client.parser")

ADDRESS = "/api/v1/metrics"
HOSTILE = 'quote" back\\slash new\nline \u202e<b>'


def scrape(directory: Path | list[Path], **options: Any) -> dict[tuple[str, str], float]:
    """Every sample by its name and the one label that is not the run's."""
    return samples(create_app(directory, **options).server.test_client().get(ADDRESS).text)


def samples(text: str) -> dict[tuple[str, str], float]:
    """Parse with Prometheus' own client."""
    found = {}
    for family in parser.text_string_to_metric_families(text):
        for each in family.samples:
            other = [value for name, value in each.labels.items() if name not in ("run", "name")]
            found[each.name, "".join(other)] = each.value
    return found


def test_a_run_is_told_in_figures(run: Run) -> None:
    """Status, age, step, stage, core metrics, warnings, milestones and events, as the page shows them."""
    now = time.time()
    run.append(*(line(step, loss=1 / (1 + step), timestamp=now - 100 + step) for step in range(91)))
    run.append(line(90, event_type="growth", region="cortex", neurons_added=5, new_total=9, reason="full"))
    run.metadata(90, warnings=[{"severity": "critical", "message": "dead"}])
    found = scrape(run.directory)
    assert found["thalia_run_readable", ""] == 1
    assert found["thalia_run_step", ""] == 90
    assert found["thalia_run_stage", ""] == 0
    assert found["thalia_run_stage_progress_ratio", ""] == 0.5
    assert found["thalia_run_metric", "loss"] == 1 / 91
    assert found["thalia_run_metric", "firing_rate"] == 0.1
    assert found["thalia_run_warnings", "critical"] == 1
    assert found["thalia_run_warnings", "info"] == 0
    assert found["thalia_run_milestone_passed", "mnist_accuracy"] == 1
    assert found["thalia_run_milestone_passed", "sequence_prediction"] == 0
    assert found["thalia_run_events_total", "growth"] == 1
    assert 10 <= found["thalia_run_last_line_age_seconds", ""] < 60
    assert found["thalia_monitor_runs", "known"] == 1
    assert found["thalia_monitor_resident_memory_bytes", ""] > 1e7 or sys.platform != "linux"


def test_age_and_status_go_on_while_nothing_is_written(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run that falls silent becomes quiet, then stale, without any file changing."""
    start = time.time()
    run.append(*(line(step, loss=1, timestamp=start - 90 + step) for step in range(91)))
    browser = create_app(run.directory).server.test_client()
    seen = []
    for later in (0, 20, 3600):
        monkeypatch.setattr("thalia_monitor.web.prometheus.time.time", lambda later=later: start + later)
        found = samples(browser.get(ADDRESS).text)
        seen += [
            status for (name, status), value in found.items() if name == "thalia_run_status" and value == 1
        ]
        assert found["thalia_run_last_line_age_seconds", ""] == pytest.approx(later, abs=5)
    assert seen == ["live", "quiet", "stale"]


def test_a_scrape_reads_what_has_changed(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """The figures are those of the files as they are; without news no run is read."""
    run.metrics(1)
    browser = create_app(run.directory).server.test_client()
    assert samples(browser.get(ADDRESS).text)["thalia_run_step", ""] == 1
    run.metrics(2)
    assert samples(browser.get(ADDRESS).text)["thalia_run_step", ""] == 2
    monkeypatch.setattr(prometheus, "figures", None)
    assert samples(browser.get(ADDRESS).text)["thalia_run_step", ""] == 2


def test_a_run_that_cannot_be_read_is_not_hidden(run: Run, tmp_path: Path) -> None:
    """It counts as unreadable; the other runs have their figures."""
    run.metrics(7)
    found = scrape([run.directory, tmp_path / "gone"])
    text = create_app([run.directory, tmp_path / "gone"]).server.test_client().get(ADDRESS).text
    assert found["thalia_run_step", ""] == 7
    assert re.findall(r'thalia_run_readable\{name="(\w+)",.*\} ([01])', text) == [("run", "1"), ("gone", "0")]


def test_labels_from_logs_are_escaped_and_bounded(run: Run) -> None:
    """Quotes, backslashes and line breaks end no label, and no name is longer than the bound."""
    run.metrics(1)
    run.metadata(1, milestones={HOSTILE: True, "x" * 5000: False, "x" * 5001: True, "\ud800": True})
    text = create_app(run.directory).server.test_client().get(ADDRESS).data.decode("utf-8")
    names = [name for figure, name in samples(text) if figure == "thalia_run_milestone_passed"]
    assert 'quote" back\\slash new\ufffdline \ufffd<b>' in names
    assert max(map(len, names)) == LONGEST_LABEL
    written = [each.rpartition(" ")[0] for each in text.splitlines() if not each.startswith("#")]
    assert len(set(written)) == len(written), (
        "Prometheus takes nothing of a scrape in which a series stands twice"
    )
    assert all(each.startswith(("#", "thalia_")) for each in text.splitlines())


def test_the_number_of_figures_is_bounded_and_what_is_missing_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Beyond the bounds nothing is added, and the server says how much that is."""
    monkeypatch.setattr(prometheus, "MOST_RUNS", 3)
    for number in range(5):
        directory = tmp_path / "lab" / f"run-{number}"
        directory.mkdir(parents=True)
        Run(directory).metrics(1)
        Run(directory).metadata(1, milestones={f"m{each}": True for each in range(MOST_MILESTONES + 4)})
    text = create_app(root=(tmp_path / "lab",)).server.test_client().get(ADDRESS).text
    found = samples(text)
    assert text.count("thalia_run_step{") == 3
    assert found["thalia_monitor_left_out", "runs"] == 2
    assert found["thalia_monitor_left_out", "milestones"] >= 3 * 4


@pytest.mark.parametrize(
    "name", ["healthy", "nan", "resumed", "hostile", "no_log", "legacy_trials", "thalia_diagnostics"]
)
def test_every_run_gives_figures_that_parse(name: str) -> None:
    """Whatever is in the files; no value stands twice."""
    text = create_app(FIXTURES / name).server.test_client().get(ADDRESS).text
    found = [each for each in text.splitlines() if not each.startswith("#")]
    assert len({each.rpartition(" ")[0] for each in found}) == len(found)
    assert all(not math.isinf(value) for value in samples(text).values())


def test_openmetrics_is_spoken_to_who_asks_for_it(client: Any, run: Run) -> None:
    """As Prometheus itself does."""
    run.metrics(1)
    answer = client.get(ADDRESS, headers={"Accept": "application/openmetrics-text; version=1.0.0"})
    assert answer.content_type.startswith("application/openmetrics-text")
    assert answer.text.endswith("# EOF\n")
    assert client.get(ADDRESS).content_type.startswith("text/plain; version=")


def test_the_token_guards_them_and_an_allow_list_opens_them(run: Run) -> None:
    """Without the token 401, from a listed address 200; a list alone shuts out everyone else with 403."""
    run.metrics(1)
    token = {"Authorization": "Bearer s3cret"}
    guarded = create_app(run.directory, api_token="s3cret").server.test_client()
    assert guarded.get(ADDRESS).status_code == 401
    assert guarded.get(ADDRESS, headers=token).status_code == 200
    both = create_app(run.directory, api_token="s3cret", metrics_allow=("10.0.0.0/24",)).server.test_client()
    inside, outside = {"REMOTE_ADDR": "10.0.0.9"}, {"REMOTE_ADDR": "10.0.1.9"}
    assert both.get(ADDRESS, environ_base=inside).status_code == 200
    assert both.get("/api/v1/runs", environ_base=inside).status_code == 401
    assert both.get(ADDRESS, environ_base=outside).status_code == 401
    assert both.get(ADDRESS, environ_base=outside, headers=token).status_code == 200
    alone = create_app(run.directory, metrics_allow=("10.0.0.0/24", "::1")).server.test_client()
    assert alone.get(ADDRESS, environ_base=inside).status_code == 200
    refused = alone.get(ADDRESS, environ_base=outside)
    assert (refused.status_code, "--metrics-allow" in refused.json["error"]) == (403, True)
    assert alone.get(ADDRESS, environ_base={"REMOTE_ADDR": ""}).status_code == 403
    with pytest.raises(SettingsError, match="--metrics-allow"):
        Settings(metrics_allow=("everyone",))


def test_what_is_missing_is_named(client: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without prometheus-client the answer says how to install it."""
    monkeypatch.setitem(sys.modules, "prometheus_client.core", None)
    answer = client.get(ADDRESS)
    assert answer.status_code == 501
    assert "pip install 'thalia-monitor[prometheus]'" in answer.json["error"]


def test_promtool_finds_nothing_to_complain_about(run: Run) -> None:
    """Where Prometheus' own linter is at hand."""
    if not (promtool := shutil.which("promtool")):
        pytest.skip("no promtool on this machine")
    run.metrics(1)
    run.metadata(1)
    text = create_app(run.directory).server.test_client().get(ADDRESS).data
    ended = subprocess.run([promtool, "check", "metrics"], input=text, capture_output=True, check=False)
    assert (ended.returncode, ended.stdout + ended.stderr) == (0, b"")


def test_the_dashboard_asks_for_figures_that_there_are(run: Run) -> None:
    """Every query of the Grafana dashboard names one of them."""
    run.metrics(1)
    run.metadata(1)
    exported = {name for name, _ in scrape(run.directory)}
    dashboard = json.loads((ROOT / "docs" / "grafana-dashboard.json").read_text())
    queries = [each["expr"] for panel in dashboard["panels"] for each in panel["targets"]]
    assert len(queries) > 10
    assert {name for query in queries for name in re.findall(r"thalia_\w+", query)} <= exported
    page = (ROOT / "docs" / "prometheus.md").read_text()
    assert exported <= set(re.findall(r"thalia_\w+", page))
