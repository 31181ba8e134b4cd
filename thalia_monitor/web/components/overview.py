"""The blocks of the overview; each leads to the page that tells more."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from dash import dcc, html

from thalia_monitor.analysis import report
from thalia_monitor.analysis.findings import Finding, Kind
from thalia_monitor.analysis.formatting import ago, counted, number, rough
from thalia_monitor.analysis.quantities import Place, judgement, places
from thalia_monitor.analysis.report import STATUS_WORDS
from thalia_monitor.figures.metrics import course
from thalia_monitor.model.series_key import Kind as SeriesKind
from thalia_monitor.model.series_key import metric, parse
from thalia_monitor.web.components import basic, empty_states, header
from thalia_monitor.web.components.basic import block, page
from thalia_monitor.web.live.client_state import in_address

if TYPE_CHECKING:
    from thalia_monitor.analysis.pace import Pace
    from thalia_monitor.analysis.recent import Trend
    from thalia_monitor.analysis.summary import Summary
    from thalia_monitor.model.run import TrainingState

MOST_FINDINGS: Final = 3
MOST_LEFT: Final = 6
LEAST_SHOWN: Final = 1_000
"""Steps that a link to a finding shows at least."""


def status(summary: Summary) -> list[Any]:
    """Whether the run is alive, how fast it goes, when its stage may end, and what comes then."""
    alive, pace = summary.liveness, summary.pace
    word = STATUS_WORDS[alive.status]
    clock = alive.clock if alive.clock != alive.text else ""
    return [
        html.Div(
            [
                _label("Status", page("/events")),
                html.Span(
                    [html.Span(report.STATUS_ICONS[alive.status], **{"aria-hidden": "true"}), f" {word}"],
                    className=f"status-word standing-{report.STATUS_KINDS[alive.status]}",
                ),
                html.Span(header.sentence(alive), className="fact-detail"),
                html.Span(clock, className="fact-detail note") if clock else None,
            ],
            className="status-part block",
        ),
        _part("Pace", page("/metrics") + "?x=wall", *_speed(pace)),
        _part("Left in this stage", page("/milestones"), *_left(pace)),
        _part("Next stage", page("/milestones"), summary.next_stage or "–", _what_for(summary)),
    ]


def _label(words: str, address: str) -> html.H2:
    """A part's name, which leads to the page that tells more; the whole part can be clicked."""
    return html.H2(dcc.Link(words, href=address, className="block-link"), className="fact-label")


def _part(label: str, address: str, value: str, detail: str = "") -> html.Div:
    return html.Div(
        [
            _label(label, address),
            html.Span(value, className="fact-value"),
            html.Span(detail, className="fact-detail"),
        ],
        className="status-part block",
    )


def _speed(pace: Pace) -> tuple[str, str]:
    if pace.recent is None:
        return "–", pace.reason
    overall = f"{number(pace.overall, 'rate')} over the whole run" if pace.overall is not None else ""
    return f"{number(pace.recent, 'rate')} steps/s", overall


def _left(pace: Pace) -> tuple[str, str]:
    left = pace.left
    if left is None:
        return "–", pace.left_reason
    low, high = rough(left.low), rough(left.high)
    span = f"{low} to {high}; " if low != high else ""
    end = "if it goes on" if pace.end is None else f"ends about {_moment(pace.end, left.high)} UTC"
    return f"about {rough(left.likely)}", f"{span}{end}"


def _moment(seconds: float, ahead: float) -> str:
    when = datetime.fromtimestamp(min(seconds, 2e11), UTC)
    return f"{when:%H:%M}" if ahead < 12 * 3600 else f"{when:%b %d, %H:%M}"


def _what_for(summary: Summary) -> str:
    if not summary.next_stage:
        return "The stage table names none." if summary.state.current_stage is not None else ""
    left = len(summary.left)
    return f"needs {counted(left, 'more milestone')}" if left else "all milestones passed"


def metric_blocks(summary: Summary) -> list[Any]:
    """One card for each place of the run, with the metric's course over the whole run."""
    return [_metric(summary.state, each, summary.trends) for each in places(summary.state)]


def _no_course(trend: Trend | None) -> str:
    finite = trend is None or math.isfinite(trend.value)
    return "too few values to tell a change" if finite else "not a finite number: no change to tell"


def _metric(state: TrainingState, place: Place, trends: Sequence[Trend]) -> html.Section:
    trend = next((each for each in trends if each.place == place), None)
    change = judgement(place.series, trend.change or 0.0) if trend and trend.moved else "neutral"
    words = trend.course if trend else "not logged in this run yet"
    return block(
        place.title,
        "/metrics",
        html.Span(number(trend.value if trend else None), className="card-value"),
        html.Span(
            ", ".join(filter(None, (place.detail, trend.as_of))) if trend else "", className="fact-detail"
        ),
        html.Span(words or _no_course(trend), className=f"change change-{change}"),
        basic.checkpoint_value(state, place),
        basic.sparkline(course(state, place.series) if place.filled else None),
        class_name="card-metric",
    )


def growth(summary: Summary) -> html.Section:
    """How much the brain has grown since the start and in the last hour."""
    growth = summary.growth
    if not growth.events and growth.neurons is None:
        never = empty_states.sentence(summary.state, "growth")
        advice = "logger.log_growth_event(region, n_added, reason, step) logs one."
        return block("Growth", "/growth", never or basic.empty("No growth yet", advice))
    hour = "times not logged"
    if growth.hour_events is not None:
        hour = _grown(growth.hour_added or 0, growth.hour_events)
    newest = growth.newest
    where = f"{newest.fields.get('region', 'a region')}"[:60] if newest else "–"
    return block(
        "Growth",
        "/growth",
        _rows(
            ("Neurons now", f"{growth.neurons:,}" if growth.neurons is not None else "–"),
            ("Since the start", _grown(growth.added, growth.events)),
            ("In the last hour", hour),
            ("Newest", where + (f", step {newest.step:,}" if newest and newest.step is not None else "")),
        ),
    )


def _grown(added: int, times: int) -> str:
    return f"+{added:,} in {counted(times, 'event')}" if times else "no event logged"


def sleep(summary: Summary) -> html.Section:
    """The newest consolidation: when, and what was replayed."""
    sleep = summary.sleep
    if sleep is None:
        never = empty_states.sentence(summary.state, "consolidation")
        advice = "logger.log_consolidation('NREM', 120, step=step) logs one."
        return block(
            "Last consolidation", "/consolidation", never or basic.empty("No consolidation yet", advice)
        )
    when: Any = "–"
    if sleep.age is not None:
        when = html.Span(ago(sleep.age), **{"data-age": f"{sleep.age:.0f}"})
    return block(
        "Last consolidation",
        "/consolidation",
        _rows(
            ("Phases", html.Span(sleep.stage[:60], className="log-text", dir="auto")),
            ("When", when),
            ("Step", f"{sleep.step:,}" if sleep.step is not None else "–"),
            ("Replayed", counted(sleep.patterns, "pattern") if sleep.patterns is not None else "–"),
        ),
    )


def _rows(*pairs: tuple[str, Any]) -> html.Dl:
    rows = [html.Div([html.Dt(label), html.Dd(value)]) for label, value in pairs]
    return html.Dl(rows, className="rows")


def milestones(summary: Summary) -> html.Section:
    """What is passed, and what is left."""
    listed = summary.milestones
    if not listed:
        named = summary.state.current_stage is not None
        advice = (
            f"The stage table defines none for {summary.state.stage_name}."
            if named
            else "The stage is not known yet: logger.log_stage_start(stage, config) names it."
        )
        return block("Milestones", "/milestones", basic.empty("No milestones to show", advice))
    rows = [
        html.Li(
            [
                html.Span("✗" if each.passed is False else "·", **{"aria-hidden": "true"}),
                html.Span(f" {each.name[:80]}", className="log-text", dir="auto"),
                html.Span(
                    " not passed" if each.passed is False else " not evaluated yet",
                    className="visually-hidden",
                ),
                html.Span(f" {each.criterion}", className="fact-detail")
                if len(each.criterion) < 12
                else None,
            ]
        )
        for each in summary.left[:MOST_LEFT]
    ]
    if len(summary.left) > MOST_LEFT:
        rows.append(html.Li(f"and {len(summary.left) - MOST_LEFT:,} more"))
    done = html.P("✓ All passed.", className="change-good") if not summary.left else None
    return block(
        "Milestones",
        "/milestones",
        html.P(
            f"{summary.passed:,} of {len(listed):,} passed" + (", left are" if rows else ""),
            className="lead-in",
        ),
        html.Ul(rows, className="plain-list") if rows else done,
    )


def health(summary: Summary) -> html.Section:
    """What the trainer warns of, in a word, and what was found in the run's own numbers, each with its chart."""
    warned = len(summary.state.warnings)
    said = f"The trainer warns of {counted(warned, 'thing')} (above)." if warned else ""
    if not len(summary.state.history):
        found: Any = html.P("There is no training log to examine.", className="lead-in")
    elif summary.findings:
        found = html.Ul(
            [_finding(each, summary.state) for each in summary.findings[:MOST_FINDINGS]],
            className="plain-list",
        )
    else:
        found = html.P("✓ Nothing found wrong in the numbers.", className="change-good")
    more = summary.findings[MOST_FINDINGS:]
    rest = html.Details(
        [
            html.Summary(f"and {len(more):,} more"),
            html.Ul([_finding(each, summary.state) for each in more], className="plain-list"),
        ]
    )
    return html.Section(
        [
            html.H2(dcc.Link("Health", href=page("/events"), className="block-link"), className="card-name"),
            html.P(said, className="lead-in") if said else None,
            found,
            rest if more else None,
        ],
        className="panel block",
    )


def _finding(found: Finding, state: TrainingState) -> html.Li:
    return html.Li(
        [
            html.Span(
                f"{basic.ICONS[found.severity]} {found.severity}", className=f"tag tag-{found.severity}"
            ),
            dcc.Link(
                html.Span(found.message[:300], className="log-text", dir="auto"), href=place(found, state)
            ),
            html.Span(f" {found.evidence[:300]}", className="fact-detail"),
        ]
    )


def place(found: Finding, state: TrainingState) -> str:
    """The address of the chart that shows a finding, at the steps in question."""
    if found.kind is Kind.FORGETTING:
        return page("/milestones")
    if found.kind is Kind.RETENTION:
        return page("/curriculum")
    query = []
    if found.since_step is not None:
        now = state.current_step
        room = max((now - found.since_step) // 4, LEAST_SHOWN)
        query += ["x=step", f"from={max(found.since_step - room, 0)}", f"to={now + room // 4}"]
    series = found.series or ""
    regional = parse(series).kind is not SeriesKind.METRIC
    at_top = {metric(each.series).public for each in places(state)}
    if series not in at_top and not regional:
        query.append(f"pin={in_address(series)}")
    return page("/growth" if regional else "/metrics") + ("?" + "&".join(query) if query else "")
