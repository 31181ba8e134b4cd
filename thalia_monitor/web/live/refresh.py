"""The refresh of a page: one callback that reads the run and updates frame, charts and panels."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

import orjson
from dash import ALL, Dash, Input, Output, State, ctx, html, no_update
from dash.exceptions import PreventUpdate
from plotly.io.json import to_json_plotly

from thalia_monitor.analysis.quantities import places
from thalia_monitor.errors import MonitorError, UnknownRun
from thalia_monitor.web.components import basic, header, run_picker
from thalia_monitor.web.context import monitor
from thalia_monitor.web.live import charts, panels
from thalia_monitor.web.live.charts import chart_id
from thalia_monitor.web.live.client_state import UNREADABLE, ClientState
from thalia_monitor.web.live.ids import (
    BADGE,
    HEADER,
    NAMES,
    NEAR,
    NOTICE,
    OTHERS,
    PAGE,
    PULSE,
    RUN,
    STANDING,
    TOTALS,
    VERSION,
    VIEW,
    WARNINGS,
)
from thalia_monitor.web.live.panels import current_state, panel_id

if TYPE_CHECKING:
    from thalia_monitor.analysis.summary import Summary
    from thalia_monitor.model.run import TrainingState
    from thalia_monitor.web.live.shared_answers import ReadState

DIGEST: Final = "data-digest"
"""The attribute of the notices that identifies them."""
OUTPUTS: Final = {
    "version": Output(VERSION, "data"),
    "names": Output(NAMES, "data"),
    "header": Output(HEADER, "children"),
    "warnings": Output(WARNINGS, "children"),
    "totals": Output(TOTALS, "children"),
    "notice": Output(NOTICE, "children"),
    "notices": Output(NOTICE, DIGEST),
    "standing": Output(STANDING, "data"),
    "badge": Output(BADGE, "children"),
    "hidden": Output(PAGE, "hidden"),
}
NOTHING: Final = dict.fromkeys(OUTPUTS, no_update)
"""The update of a frame that is current."""
HELD: Final = {
    "run": State(RUN, "data"),
    "known": State(VERSION, "data"),
    "named": State(NAMES, "data"),
    "notices": State(NOTICE, DIGEST),
    "standing": State(STANDING, "data"),
}
"""What the client shows of the frame (:class:`~thalia_monitor.web.live.client_state.ClientState`)."""


@dataclass(frozen=True, slots=True)
class Refresh:
    """Result of a refresh: values of the frame's outputs, and the run's state."""

    frame: dict[str, Any]
    """One value per key of ``OUTPUTS``."""
    run: str
    state: TrainingState
    """The run as the page is to show it."""
    status: str | None = None
    """The run's status in the browser after this refresh."""
    summary: Summary | None = None
    """The run's summary, where the frame needed it."""


def refresh(client: ClientState, run: str, place: str, latest: ReadState) -> Refresh:
    """Compute the frame around a run that was read.

    Args:
        client: what the browser shows.
        run: id of the run that it is to show.
        place: where that is, for what is missing there.
        latest: the run's state, and when it was read.
    """
    known, state = client.shown, latest.state
    summary = header.summary_of(monitor(), run, state)
    standing, badge = header.changed(summary, run, client.standing)
    frame = NOTHING | {"standing": standing, "badge": badge}
    same = known is not None and (known["run"], known["version"]) == (run, state.version)
    if not same or standing is not no_update:  # a run goes stale without a new version
        frame["warnings"] = header.health_bar(summary)
    if not same or client.status == UNREADABLE:
        names = _names(run, state)
        notices = [basic.problems(state.problems, state.total_problems), header.missing(state, place)]
        frame |= {
            "version": no_update if same else {"run": run, "version": state.version, "read": latest.read_at},
            "names": no_update if names == client.names else names,
            "header": header.header(state, summary.liveness.time, summary.now),
            "totals": header.totals(state),
            "hidden": False,
        }
        shown = [each for each in notices if each]
        frame |= _notices(shown, _digest(to_json_plotly(shown)) if shown else "", client)
    return Refresh(frame, run, state, str(summary.liveness.status), summary)


def _unreadable(error: MonitorError, run: str | None, client: ClientState) -> dict[str, Any]:
    """Frame of a run that cannot be read: the page of the same run stays, that of another is cleared."""
    words = str(error)
    before = client.shown["run"] if client.shown else None
    standing, badge = header.changed(None, run, client.standing)
    since = f"since {datetime.now(UTC):%H:%M:%S} UTC" + (
        "; what was read before stays on screen" if run == before else ""
    )
    notices = [basic.notice("critical", words, html.Span(f" ({since})"))]
    if isinstance(error, UnknownRun) and run != before and (offered := run_picker.offer()):
        notices.append(offered)
    digest = _digest(f"{UNREADABLE} {words}")  # without the time: that of the first notice stays
    answer = NOTHING | {"standing": standing, "badge": badge} | _notices(notices, digest, client)
    if run == before:
        return answer
    gone = dict.fromkeys(("header", "warnings", "totals"))
    return answer | gone | {"version": {"run": run, "version": ""}, "hidden": True}


def _names(run: str, state: TrainingState) -> list[Any]:
    """Run and hash of its series' names in order; it changes when a series appears or moves."""
    return [
        run,
        state.memoized("names", lambda: zlib.crc32("\0".join(_lists(state)).encode("utf-8", "replace"))),
    ]


def _lists(state: TrainingState) -> list[str]:
    return [*state.history.names(), *(each.series for each in places(state))]


def _notices(notices: list[Any], digest: str, client: ClientState) -> dict[str, Any]:
    """The notices and their digest; nothing for those on the page: a screen reader would announce them again."""
    return {} if digest == client.notices else {"notice": notices, "notices": digest}


def _digest(text: str) -> str:
    return f"{zlib.crc32(text.encode('utf-8', 'replace')):x}"


def register(app: Dash) -> None:
    """Register the one callback of a tick: frame, charts and panels together."""

    @app.callback(
        output={
            "frame": OUTPUTS,
            "charts": (
                Output(chart_id("chart", ALL, ALL), "figure"),
                Output(chart_id("caption", ALL, ALL), "children"),
                Output(chart_id("drawn", ALL, ALL), "data"),
            ),
            "panes": (
                Output(panel_id("pane", ALL), "children"),
                Output(panel_id("pane-shown", ALL), "data"),
            ),
        },
        inputs={
            "pulse": Input(PULSE, "data"),
            "view": Input(VIEW, "data"),
            "near": Input(NEAR, "data"),
            "others": Input(OTHERS, "data"),
        },
        state={
            "held": HELD,
            "charts_on_page": (
                State(chart_id("chart", ALL, ALL), "id"),
                State(chart_id("drawn", ALL, ALL), "data"),
            ),
            "panels_on_page": (
                State(panel_id("pane", ALL), "id"),
                State(panel_id("pane-shown", ALL), "data"),
            ),
        },
    )
    def follow(
        view: dict[str, Any] | None,
        near: list[list[str]] | None,
        held: dict[str, Any],
        charts_on_page: tuple[Any, Any],
        panels_on_page: tuple[Any, Any],
        **_: Any,
    ) -> dict[str, Any]:
        client = ClientState.parse(held, view, near, charts_on_page, panels_on_page)
        return _on_tick(client) if _is_tick() else _on_view(client)


def _on_tick(client: ClientState) -> dict[str, Any]:
    """Read the run, and answer what changed."""
    before = client.shown["run"] if client.shown else None
    run = client.run or before  # what is shown by default stays, even if another is newer now
    try:
        entry = monitor().library.entry(run)
        run = entry.id
        latest = monitor().next_state(run, client.shown if run == before else None)
    except MonitorError as error:
        nothing, still = [no_update] * len(client.charts), [no_update] * len(client.panels)
        return {"frame": _unreadable(error, run, client), "charts": (nothing,) * 3, "panes": (still,) * 2}

    def answer() -> dict[str, Any]:
        return _answer(client, refresh(client, entry.id, entry.place, latest))

    version = latest.state.version
    # Few open charts at the same time, and whole figures would fill the memory; whether another run that the page
    # compares has news is not in the version.
    if client.shown is None or client.shown["version"] == version or client.opens_charts:
        return answer()
    return monitor().answers.once((client.digest, entry.id, version), lambda: _as_json(answer()))


def _as_json(answer: dict[str, Any]) -> dict[str, Any]:
    """The same answer with plain JSON values: Dash would walk through its components and patches for each viewer."""

    def plain(value: Any) -> Any:
        return value if value is no_update else orjson.loads(to_json_plotly(value))

    frame = {name: plain(value) for name, value in answer["frame"].items()}
    charts, panes = (
        tuple([plain(each) for each in part] for part in answer[key]) for key in ("charts", "panes")
    )
    return {"frame": frame, "charts": charts, "panes": panes}


def _on_view(client: ClientState) -> dict[str, Any]:
    """Answer a change of the view alone: the run at the version on the page, without reading a file."""
    if (shown := client.shown) is None:
        raise PreventUpdate
    return _answer(client, Refresh(NOTHING, shown["run"], current_state(shown), client.status))


def _answer(client: ClientState, found: Refresh) -> dict[str, Any]:
    """The values of all outputs."""
    state, run = found.state, found.run

    def sum_up() -> Summary:
        return found.summary or header.summary_of(monitor(), run, state)

    return {
        "frame": found.frame,
        "charts": charts.updates(state, run, client),
        "panes": panels.updates(state, run, client.panels, client.panels_shown, found.status, sum_up),
    }


def _is_tick() -> bool:
    """Whether a tick or a new page triggered this; a change of the view alone reads no files."""
    return not ctx.triggered_prop_ids or f"{PULSE}.data" in ctx.triggered_prop_ids
