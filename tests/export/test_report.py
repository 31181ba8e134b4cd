"""``thalia-monitor report``: one HTML file with everything in it, bounded, escaped, and never half-written."""

from __future__ import annotations

import json
import math
import re
import shutil
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest
from click.testing import CliRunner, Result

from tests.support import FIXTURES, Run, line
from thalia_monitor import CurriculumLogger, load_training_state
from thalia_monitor.analysis.summary import summarize
from thalia_monitor.cli import cli
from thalia_monitor.errors import MonitorError
from thalia_monitor.export import html_report, run_document
from thalia_monitor.export.document import Drawing, Section
from thalia_monitor.figures import metrics
from thalia_monitor.figures.chart import Chart
from thalia_monitor.kept import RunNotes
from thalia_monitor.model.run import TrainingState
from thalia_monitor.reading.library import run_id


def report(*arguments: str | Path) -> Result:
    """Run the command in this process; one of our own errors is raised."""
    ended = CliRunner().invoke(cli, ["report", *map(str, arguments)], standalone_mode=False)
    if isinstance(ended.exception, MonitorError):
        raise ended.exception
    assert ended.exception is None, ended.exception
    return ended


class Parsed(HTMLParser):
    """A report as a browser's parser reads it: its elements, its text, its scripts."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.scripts: list[str] = []
        self.words: list[str] = []
        self._in = ""
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note an element."""
        self._in = tag
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:  # noqa: ARG002 - named by HTMLParser
        """Leave it."""
        self._in = ""

    def handle_data(self, data: str) -> None:
        """Note its text."""
        (self.scripts if self._in == "script" else self.words).append(data)

    @property
    def text(self) -> str:
        """Everything a reader can read."""
        return " ".join(" ".join(self.words).split())

    @property
    def figures(self) -> list[dict[str, Any]]:
        """The figures, as the report's script reads them."""
        found: list[dict[str, Any]] = json.loads(self.scripts[0], parse_constant=pytest.fail)
        return found


def parsed(path: Path) -> Parsed:
    """Read a report."""
    return Parsed(path.read_text(encoding="utf-8"))


def rendered(state: TrainingState) -> str:
    """The report on a state."""
    return html_report.render(run_document.of_run(summarize(state, 0.0)), 0.0)


def test_it_says_what_a_stage_waits_for_and_how_its_neurons_fire(run: Run) -> None:
    """Timeline, tasks that are kept, interventions, load, regions over time, and the newest window of spikes."""
    logger = CurriculumLogger(run.directory, console_output=False)
    for stage in (0, 1):
        logger.log_stage_start(
            stage, {"duration_steps": 1000, "success_criteria": {"accuracy": 0.9}}, step=1000 * stage
        )
        for step in range(1000 * stage, 1000 * stage + 900, 100):
            numbers = {"loss": 0.5, "accuracy": 0.5 + step / 10_000}
            logger.log_training_step(step, {**numbers, "region_firing_rates": {"cortex": 0.1}})
            logger.log_evaluation("digits", stage=0, accuracy=0.9 - step / 10_000, n=100, step=step)
    logger.log_intervention("reduce_load", "too much", 1500)
    logger.log_cognitive_load(0.95, 1500)
    logger.log_event("gate", {"passed": False, "decision": "extend", "failures": ["accuracy"]}, step=1800)
    logger.log_spikes({"cortex": {1: [3.5, 41.0], 2: []}}, 1800)
    page = Parsed(rendered(load_training_state(run.directory)))
    for words in (
        *("Curriculum timeline", "Retention of earlier tasks", "Interventions", "Health and load"),
        *("Spikes", "region_firing_rates", "2 of 12 criteria hold", "Newest gate: not passed, extend"),
        *("Criteria of the stage", "accuracy not yet 0.68 > 0.9", "cognitive load 0.95"),
    ):
        assert words in page.text, words
    titles = [figure["layout"].get("xaxis", {}).get("title", {}).get("text") for figure in page.figures]
    assert "ms in the window" in titles


def test_the_configuration_is_of_a_stage_that_counts(run: Run) -> None:
    """The run had begun stage 1, and was resumed from a step before it: its settings are those of stage 0."""
    for stage, step in ((0, 0), (1, 550)):
        run.append(line(step, event_type="stage_start", stage=stage, config={"rate": stage + 7}))
        run.metrics(*range(step, step + 550, 50))
    assert "rate 8 the newest stage" in Parsed(rendered(load_training_state(run.directory))).text
    run.metrics(*range(300, 500, 50))
    assert "rate 7 the newest stage" in Parsed(rendered(load_training_state(run.directory))).text


def test_it_holds_everything_of_a_run(tmp_path: Path) -> None:
    """Summary, findings with evidence, every chart, milestones, growth, consolidation, configuration and files."""
    out = tmp_path / "run.html"
    said = report(FIXTURES / "healthy", "-o", out)
    assert f"healthy in {out}" in said.stderr
    page = parsed(out)
    headings = re.findall(r"<h2>(?:<bdi>)?([^<]+)", out.read_text(encoding="utf-8"))
    assert headings == [
        *("Summary", "Health", "Metrics", "Milestones", "Curriculum"),
        *("Growth", "Consolidation", "Configuration", "Files"),
    ]
    state = load_training_state(FIXTURES / "healthy")
    assert f"step {state.current_step:,}" in page.text
    for found in summarize(state, 0.0).findings:
        assert found.message in page.text
        assert found.evidence[1:] in page.text
    for name in state.milestones:
        assert name in page.text
    names = {figure["layout"]["yaxis"]["title"]["text"] for figure in page.figures}
    assert {"neurons", "capacity"} <= names
    assert len(page.figures) == len(state.history.metrics) + 7, (
        "metrics, timeline, 4 of growth, 2 of consolidation"
    )
    assert "duration_weeks" in page.text


def test_it_needs_nothing_else(tmp_path: Path) -> None:
    """No address but anchors within itself, plotly.js once, and a policy that allows its two scripts only."""
    report(FIXTURES / "healthy", "-o", tmp_path / "run.html")
    text = (tmp_path / "run.html").read_text(encoding="utf-8")
    page = Parsed(text)
    addresses = [attrs[key] or "" for _, attrs in page.elements for key in ("href", "src") if key in attrs]
    assert addresses
    assert all(each.startswith("#s") for each in addresses)
    assert text.count("plotly.js (cartesian - minified) v") == 1
    policy = next(a["content"] or "" for tag, a in page.elements if a.get("http-equiv"))
    assert policy.startswith("default-src 'none'; script-src 'sha256-")
    assert policy.count("sha256-") == 2
    assert "http" not in policy


def test_a_file_is_bounded_at_any_number_of_metrics_and_points(run: Run, tmp_path: Path) -> None:
    """At most 5 MB; what has no room is named."""
    values = {f"m{number:04}": 0.123456 + number for number in range(400)}
    run.append(
        *(line(step, **{name: value + step % 7 for name, value in values.items()}) for step in range(900))
    )
    run.append(
        *(line(step, neuron_counts={f"r{each}": step for each in range(300)}) for step in range(900, 1200))
    )
    out = tmp_path / "run.html"
    report(run.directory, "-o", out)
    assert 2_500_000 < out.stat().st_size <= html_report.LARGEST
    page = parsed(out)
    assert html_report.MOST_DRAWN // 2 < len(page.figures) <= html_report.MOST_DRAWN
    assert re.search(r"\d+ more charts have no room in this file", page.text)


@pytest.mark.parametrize("value", [1.5, math.nan], ids=["numbers", "nothing to draw"])
def test_no_more_charts_are_built_than_a_file_holds(
    run: Run, monkeypatch: pytest.MonkeyPatch, value: float
) -> None:
    """Of 1,900 metrics as many as are kept, beside those of growth; the others are named without being built."""
    values = {f"m{number:04}": value for number in range(1_900)}
    run.append(line(1, **values), line(2, **values), line(3, neuron_counts={"cortex": 5}))
    built = Mock(side_effect=metrics.metric)
    monkeypatch.setattr(metrics, "metric", built)
    html = rendered(load_training_state(run.directory))
    page = Parsed(html)
    assert built.call_count == html_report.MOST_OF_SECTION
    if value == 1.5:
        assert 0 < built.call_count <= len(page.figures) <= html_report.MOST_DRAWN
    assert len(html) < html_report.LARGEST
    assert any(figure["layout"]["yaxis"]["title"]["text"] == "neurons" for figure in page.figures)
    assert f"{1_900 - html_report.MOST_OF_SECTION:,} more charts have no room".replace(",", "") in page.text


def test_no_more_charts_of_a_comparison_are_built_than_a_file_holds() -> None:
    """Nor of any other kind: a chart that is too large counts as one that was built."""
    huge = Chart(layout={"yaxis": {}}, traces=[{"text": "x" * html_report.ROOM}])
    chart = Mock(return_value=huge)
    room = html_report.Room()
    for _ in range(3):
        drawings = [Drawing(f"d{number}", chart) for number in range(100)]
        assert list(room.drawn(Section("Charts", drawings=drawings))) == []
    assert chart.call_count == html_report.MOST_DRAWN
    assert (room.figures, len(room.left)) == ([], 300)


HOSTILE = (
    "</script><script>alert(1)</script>",
    "<!--<script>",
    "<img src=x onerror=alert(2)>",
    '"><svg onload=alert(3)>',
    "{{7*7}}",
    "\u2028\u202e'\"&",
)


def test_text_of_a_log_is_text(run: Run, tmp_path: Path) -> None:
    """In names of metrics, regions, milestones, events, warnings and files: no element, and no end of a script."""
    for name in HOSTILE:
        run.append(line(1, **{name: 0.5}), line(2, **{name: 0.6}))
        run.append(line(2, neuron_counts={name: 5}, capacity_by_region={name: 0.9}))
        run.append(line(2, event_type="growth", region=name, neurons_added=5, new_total=9, reason=name))
        run.append(line(2, event_type="consolidation", sleep_stage=name, patterns_replayed=5))
        run.append(line(2, event_type="stage_start", stage=0, config={name: name}))
    words = [{"severity": "critical", "message": name} for name in HOSTILE]
    run.metadata(2, warnings=words, milestones=dict.fromkeys(HOSTILE, True))
    hostile = tmp_path / "<img src=x onerror=alert(7)>"
    shutil.copytree(run.directory, hostile)
    out = tmp_path / "run.html"
    report(hostile, "-o", out)
    page = parsed(out)
    assert [tag for tag, _ in page.elements].count("script") == 3
    assert not {"img", "svg", "iframe"} & {tag for tag, _ in page.elements}
    assert not any(name.startswith("on") for _, attrs in page.elements for name in attrs)
    assert len(page.scripts) == 3
    assert len(page.figures) >= len(HOSTILE)
    assert HOSTILE[0] in page.text
    assert "{{7*7}}" in page.text
    assert hostile.name in page.text


@pytest.mark.parametrize("name", sorted(each.name for each in FIXTURES.iterdir() if each.is_dir()))
def test_every_kind_of_run_has_a_report(name: str) -> None:
    """Strict JSON in each, whatever its files hold or lack."""
    page = Parsed(rendered(load_training_state(FIXTURES / name)))
    assert "Summary" in page.text
    assert isinstance(page.figures, list)


def test_two_runs_are_compared(tmp_path: Path) -> None:
    """The first that is named is the baseline; charts of both, differences, milestones, and each in words."""
    out = tmp_path / "two.html"
    report(FIXTURES, "--run", "resumed", "--run", "healthy", "-o", out)
    page = parsed(out)
    assert "resumed and healthy" in page.text
    assert "Differences are from resumed, the baseline." in page.text
    assert "At step 100,000" in page.text
    assert {trace["name"] for trace in page.figures[0]["data"] if "name" in trace} >= {"resumed", "healthy"}
    assert "Milestones side by side" in page.text
    assert "Neurons added" in page.text


def test_two_runs_are_compared_by_their_stages_and_settings(tmp_path: Path) -> None:
    """The stages of both in one chart, and the settings in which they differ."""
    for name, rate in (("a", 0.1), ("b", 0.2)):
        logger = CurriculumLogger(tmp_path / "runs" / name, console_output=False)
        logger.log_stage_start(0, {"duration_steps": 1000, "rate": rate}, step=0)
        logger.log_training_step(500, {"loss": rate})
    out = tmp_path / "two.html"
    report(tmp_path / "runs", "--run", "a", "--run", "b", "-o", out)
    page = parsed(out)
    assert "Stages of both runs" in page.text
    assert "1 setting differs, 1 are the same in all runs." in page.text
    assert "Settings that differ Of Setting a b stage 0 rate 0.1 0.2" in page.text


def test_a_file_that_is_there_stays_without_force(tmp_path: Path) -> None:
    """It is replaced only where the person says so; no other file is left beside it."""
    out = tmp_path / "run.html"
    out.write_text("was here before")
    with pytest.raises(MonitorError, match="--force replaces it"):
        report(FIXTURES / "healthy", "-o", out)
    assert out.read_text() == "was here before"
    report(FIXTURES / "healthy", "-o", out, "--force")
    assert out.read_text(encoding="utf-8").startswith("<!DOCTYPE html>")
    assert [each.name for each in tmp_path.iterdir()] == ["run.html"]


def test_nothing_is_written_into_a_run(run: Run, tmp_path: Path) -> None:
    """A path in the run's directory is refused, and so is a directory, none, and standard output."""
    run.metrics(1, 2)
    before = sorted(run.directory.iterdir())
    for wrong, words in (
        (run.directory / "report.html", "which is only read"),
        (tmp_path, "is no file"),
        (tmp_path / "none" / "run.html", "there is no directory"),
        (Path("-"), "-o FILE"),
    ):
        with pytest.raises(MonitorError, match=words):
            report(run.directory, "-o", wrong)
    assert sorted(run.directory.iterdir()) == before


def test_what_is_no_run_is_said(tmp_path: Path) -> None:
    """One sentence, and no file."""
    with pytest.raises(MonitorError, match="holds no file of a training run"):
        report(FIXTURES / "empty", "-o", tmp_path / "run.html")
    with pytest.raises(MonitorError, match="choose one with --run"):
        report(FIXTURES, "-o", tmp_path / "run.html")
    with pytest.raises(MonitorError, match="There is no run"):
        report(FIXTURES, "--run", "nowhere", "-o", tmp_path / "run.html")
    assert list(tmp_path.iterdir()) == []


def test_notes_are_in_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As a section of their own, and as markers on the charts; hostile ones as text."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "home"))
    notes = RunNotes(tmp_path / "home" / "thalia-monitor", run_id(FIXTURES / "healthy"))
    notes.add(90_000, 95_000, HOSTILE[0], "Ann", 1e9)
    report(FIXTURES / "healthy", "-o", tmp_path / "run.html")
    page = parsed(tmp_path / "run.html")
    assert f"Notes on this run Step Note By Written (UTC) 90,000 to 95,000 {HOSTILE[0]} Ann" in page.text
    [trace] = [each for each in page.figures[0]["data"] if each.get("name") == "note"]
    assert trace["x"] == [90_000]
    assert len(page.scripts) == 3
