"""HTTP besides pages: the API for programs, and the report as a file to save; all read only, below the base path.

JSON is strict, without bare NaN. ``GET report/<run>``, with ``?with=<run>`` (repeatable) for those to compare, passes
the checks of every page instead of those of the API. A run is named by its id, never by a path.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import cache
from threading import Lock
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from flask import Blueprint, Response, current_app, jsonify, request
from werkzeug.exceptions import NotFound

from thalia_monitor._version import __version__
from thalia_monitor.analysis import report
from thalia_monitor.analysis.comparison import MOST, Side, looks
from thalia_monitor.analysis.criteria import Measure, measure
from thalia_monitor.analysis.formatting import strict
from thalia_monitor.analysis.liveness import liveness
from thalia_monitor.analysis.milestones import checklist
from thalia_monitor.analysis.quantities import places
from thalia_monitor.analysis.series.sampling import excerpt
from thalia_monitor.contract import file_name
from thalia_monitor.errors import BadParameter, ReportBusy
from thalia_monitor.export import comparison_document, html_report
from thalia_monitor.export.lines import csv_text, select
from thalia_monitor.export.tables import event_record, events_between, note_record, segment_records
from thalia_monitor.model.series_key import metric
from thalia_monitor.web.components.compare.comparison_query import names
from thalia_monitor.web.components.header import summary_of
from thalia_monitor.web.context import monitor
from thalia_monitor.web.prometheus import Exporter
from thalia_monitor.web.server import alert_watch
from thalia_monitor.web.server import status as operations
from thalia_monitor.web.server.stream import refuse_other_sites

if TYPE_CHECKING:
    from flask import Flask

    from thalia_monitor.model.run import TrainingState
    from thalia_monitor.settings import Settings

MOST_POINTS: Final = 100_000
MOST_EVENTS: Final = 10_000
_building: Final = Lock()
"""One report is made at a time: it takes a second of this process and some megabytes."""
REPORT_PATIENCE: Final = 3.0
"""Seconds a request waits for another one's report: each that waits holds a thread of the server."""


def blueprint() -> Blueprint:
    """All routes of the API and ``/healthz``."""
    routes = Blueprint("api", __name__)
    routes.add_url_rule("/healthz", view_func=health)
    routes.add_url_rule("/api/v1/status", view_func=status)
    exporter = cache(lambda: Exporter(monitor()))  # made at the first scrape: there is no monitor yet

    def metrics() -> Response:
        """Figures of every run and of the server itself, for Prometheus."""
        started = time.monotonic()
        report = operations.report(monitor())
        content, kind = exporter().text(report, request.headers.get("Accept", ""), started)
        return Response(content, content_type=kind)

    routes.add_url_rule("/api/v1/metrics", view_func=metrics)
    routes.add_url_rule("/api/v1/runs", view_func=runs)
    routes.add_url_rule("/api/v1/runs/<run>", view_func=run_scalars)
    routes.add_url_rule("/api/v1/runs/<run>/summary", view_func=summary)
    routes.add_url_rule("/api/v1/runs/<run>/series", view_func=series)
    routes.add_url_rule("/api/v1/runs/<run>/growth", view_func=growth)
    routes.add_url_rule("/api/v1/runs/<run>/consolidation", view_func=consolidation)
    routes.add_url_rule("/api/v1/runs/<run>/milestones", view_func=milestones)
    routes.add_url_rule("/api/v1/runs/<run>/events", view_func=events)
    routes.add_url_rule("/api/v1/runs/<run>/notes", view_func=notes)
    routes.add_url_rule("/api/v1/runs/<run>/segments", view_func=segments)
    routes.add_url_rule("/api/v1/runs/<run>/export.csv", view_func=export_csv)
    routes.add_url_rule("/api/", view_func=nowhere, defaults={"rest": ""})
    routes.add_url_rule("/api/<path:rest>", view_func=nowhere)
    return routes


def nowhere(rest: str) -> Response:  # noqa: ARG001 - named by the address
    """Say that the API has no such address; Dash would show a page for it."""
    raise NotFound


def health() -> Response:
    """Say that the server answers; it reads no run."""
    return jsonify({"status": "ok", "version": __version__} | alert_watch.standing(current_app))


def status() -> Response:
    """How the server itself is doing; ``/healthz`` says less, and to everyone."""
    channels = [
        {
            "name": each.name,
            "condition": str(each.condition),
            "waiting": each.waiting,
            "sent_last_hour": each.sent,
            "failures": each.failures,
            "reason": each.reason,
        }
        for each in alert_watch.channels(current_app)
    ]
    alerts = alert_watch.standing(current_app)
    return jsonify(
        operations.report(monitor()).record() | alerts | ({"alert_channels": channels} if alerts else {})
    )


def runs() -> Response:
    """List the runs this monitor shows."""
    library = monitor().library
    listed = [
        {"id": each.id, "name": each.name, "directory": each.place, "gone": each.gone}
        for each in library.entries()
    ]
    return jsonify({"runs": listed})


def run_scalars(run: str) -> Response:
    """A run's state in single values, under the names of :class:`TrainingState`."""
    state = monitor().whole_state(run)
    return jsonify(scalars(state) | {"id": run})


def scalars(state: TrainingState) -> dict[str, Any]:
    """Write a state's single values as JSON values."""
    return {
        "name": state.name,
        "version": state.version,
        "current_stage": state.current_stage,
        "stage_name": state.stage_name,
        "current_step": state.current_step,
        "current_week": state.current_week,
        "total_weeks": state.total_weeks,
        "stage_progress": state.stage_progress,
        "metrics": {name: strict(value) for name, value in state.metrics.items()},
        "core_metrics": core_metrics(state),
        "metrics_step": state.metrics_step,
        "current_metrics": _current(state),
        "metric_deltas": {name: strict(value) for name, value in state.metric_deltas.items()},
        "capacity_by_region": {name: strict(value) for name, value in state.capacity_by_region.items()},
        "milestones": state.milestones,
        "warnings": [{"severity": str(each.severity), "message": each.message} for each in state.warnings],
        "problems": [
            {"file": each.file, "line": each.line, "reason": each.reason} for each in state.problems
        ],
        "growth_event_count": state.count_of("growth"),
        "consolidation_event_count": state.count_of("consolidation"),
        "last_update": report.moment(liveness(state, time.time()).time),
        "training_duration": state.training_duration.total_seconds(),
    }


def core_metrics(state: TrainingState) -> dict[str, Any]:
    """The core metrics that a run logs, under whichever names: value, step, series and unit.

    ``metrics`` has what was logged under the names that it was logged under; so has ``series`` of an address.
    """
    return {
        place.quantity: {
            "value": strict(now.value),
            "step": now.step,
            "series": metric(place.series).public,
            "unit": place.unit,
        }
        for place in places(state)
        if place.quantity == place.core.name and place.filled and (now := state.current(metric(place.series)))
    }


def _current(state: TrainingState) -> dict[str, Any]:
    """Write the newest value of every metric, its step, and the checkpoint that tells it, if one does."""
    names = dict.fromkeys([*state.metrics, *state.history.metrics])
    newest = ((name, state.current(metric(name))) for name in names)
    return {
        name: {"value": strict(now.value), "step": now.step, "checkpoint": now.file}
        for name, now in newest
        if now
    }


def summary(run: str) -> Response:
    """A run at a glance: JSON, or plain text where ``?format=text`` or the header ``Accept`` asks for it."""
    form = request.args.get("format", "")
    if form not in {"", "json", "text"}:
        raise BadParameter(f"format={form[:50]!r} is neither json nor text.")
    state = monitor().whole_state(run)
    found = summary_of(monitor(), run, state)
    kinds = ["application/json", "text/plain"]
    if form == "text" or (not form and request.accept_mimetypes.best_match(kinds) == "text/plain"):
        return Response(report.text(found), mimetype="text/plain")
    return jsonify(report.record(found) | {"id": run})


def series(run: str) -> Response:
    """One series, sampled to at most ``points`` points between the steps ``from`` and ``to``."""
    state = monitor().whole_state(run)
    name = request.args.get("name")
    if not name:
        raise BadParameter("Say which series: ?name=loss. Names are those of the run's metrics.")
    key = state.history.find(name)
    found = state.history.series(key) if key else None
    if found is None:
        known = ", ".join(state.history.names()[:20]) or "none yet"
        raise BadParameter(f"This run has no series {name[:100]!r}. It has: {known}.")
    points = int(_number("points", 1000, low=1, high=MOST_POINTS))
    index, sample = excerpt(found, points, _number("from", None), _number("to", None))
    step, segment, value = found.step[index], found.segment[index], found.value[index]
    finite = np.isfinite(value)
    return jsonify(
        {
            "name": found.name,
            "total": sample.total,
            "step": step[finite].tolist(),
            "segment": segment[finite].tolist(),
            "value": value[finite].tolist(),
            "nonfinite": [
                {"step": at, "value": strict(odd)}
                for at, odd in zip(step[~finite].tolist(), value[~finite].tolist(), strict=True)
            ],
            "nonfinite_total": len(sample.nonfinite),
        }
    )


def growth(run: str) -> Response:
    """Every growth event."""
    return jsonify({"growth_events": _records(monitor().whole_state(run).growth_events)})


def consolidation(run: str) -> Response:
    """Every phase of a consolidation: its events, those that a resume repeats too."""
    return jsonify({"consolidation_events": _records(monitor().whole_state(run).consolidation_events)})


def milestones(run: str) -> Response:
    """The stage's checklist, with each criterion where it is known, and its value where the run logs it."""
    state = monitor().whole_state(run)
    return jsonify(
        {
            "milestones": state.milestones,
            "checklist": [
                {"name": each.name, "passed": each.passed, "criterion": each.criterion}
                | (_measured(found) if (found := measure(state, each.name)) else {})
                for each in checklist(state)
            ],
        }
    )


def events(run: str) -> Response:
    """Events between two steps in the order of the log: of all types or those of ``?type=``, the last ``limit``."""
    state = monitor().whole_state(run)
    types = set(filter(None, request.args.getlist("type")))
    limit = int(_number("limit", 1000, low=1, high=MOST_EVENTS))
    start, end = _number("from", None), _number("to", None)
    chosen = events_between(state, start, end, types)
    return jsonify({"total": len(chosen), "events": [event_record(each) for each in chosen[-limit:]]})


def notes(run: str) -> Response:
    """What people have noted on the run."""
    return jsonify({"notes": [note_record(each) for each in monitor().whole_state(run).notes]})


def segments(run: str) -> Response:
    """The parts of the log between resumes: series and events name theirs by its number."""
    return jsonify({"segments": segment_records(monitor().whole_state(run))})


def export_csv(run: str) -> Response:
    """All metric lines as CSV, or those columns that ``?name=`` (repeatable) asks for, between two steps."""
    state, columns = monitor().whole_state(run), request.args.getlist("name")
    selection = select(state.history, columns, _number("from", None), _number("to", None))
    parts = [state.name or "run", *(columns if len(columns) == 1 else ())]
    return _to_save("_".join(map(file_name, parts)), "csv", csv_text(selection))


def _to_save(name: str, kind: str, content: bytes | Iterable[str]) -> Response:
    """An answer that browsers save as ``name.kind``."""
    answer = Response(content, mimetype=f"text/{kind}")
    answer.headers["Content-Disposition"] = f'attachment; filename="{name}.{kind}"'
    return answer


def _measured(found: Measure) -> dict[str, Any]:
    missing = found.target.distance_to_limit(found.value)
    return {
        "series": metric(found.series).public,
        "value": strict(found.value),
        "target": str(found.target),
        "missing": max(missing, 0.0) if math.isfinite(missing) else None,
    }


def _records(frame: Any) -> list[dict[str, Any]]:
    # pandas writes its own missing values as null, which json.dumps could not
    return [
        {key: None if value is None or value != value else value for key, value in record.items()}
        for record in frame.astype(object).where(frame.notna(), None).to_dict("records")
    ]


def _number(name: str, default: float | None, *, low: float = -math.inf, high: float = math.inf) -> Any:
    text = request.args.get(name, "")
    if not text:
        return default
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not low <= value <= high:
        raise BadParameter(
            f"{name}={text[:50]!r} is not a number"
            + (f" from {low:g} to {high:g}." if low > -math.inf else ".")
        )
    return value


def register_report(server: Flask, settings: Settings) -> None:
    """Give the server the address of reports: outside of the API's routes, whose token does not open it."""
    server.add_url_rule(f"{settings.base_path}report/<run>", "report", report_file)


@contextmanager
def _alone() -> Iterator[None]:
    """Make no other report meanwhile; raises ReportBusy where another one takes too long."""
    if not _building.acquire(timeout=REPORT_PATIENCE):
        raise ReportBusy("A report is being made: try again in a moment.")
    try:
        yield
    finally:
        _building.release()


def report_file(run: str) -> Response:
    """The report on a run as a file to save."""
    refuse_other_sites()
    watch = monitor()
    others = request.args.getlist("with")
    if len(others) >= MOST:
        raise BadParameter(f"{MOST} runs are as many as can be told apart.")
    entries = [watch.library.entry(each) for each in dict.fromkeys([run, *others])]
    numbers = looks(each.id for each in entries)
    sides = [  # a run that is still being read is waited for here, where that holds up no other report
        Side(watch.whole_state(each.id), name, numbers[each.id], each is entries[0], each.id)
        for each, name in zip(entries, names(entries), strict=True)
    ]
    with _alone():
        summaries = [summary_of(watch, side.run, side.state) for side in sides]
        document = comparison_document.of_runs(sides, summaries)
        content = html_report.render(document, time.time())
    return _to_save(file_name(document.title), "html", content.encode("utf-8", "replace"))
