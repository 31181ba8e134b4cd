"""The refresh of a page: one callback that reads the run and updates frame, charts and panels."""

from __future__ import annotations

import json
import zlib
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from dash import ALL, Dash, Input, Output, State, ctx, html, no_update
from plotly.io.json import to_json_plotly
from werkzeug.exceptions import BadRequest

from thalia_monitor.analysis.quantities import places
from thalia_monitor.errors import MonitorError
from thalia_monitor.web.components import basic, header, status_badge
from thalia_monitor.web.context import monitor
from thalia_monitor.web.live import charts, panels
from thalia_monitor.web.live.charts import chart_id
from thalia_monitor.web.live.client_state import parse_version, view_from
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
from thalia_monitor.web.live.panels import panel_id
from thalia_monitor.web.live.ticks import current_state

if TYPE_CHECKING:
    from thalia_monitor.analysis.summary import Summary
    from thalia_monitor.model.run import TrainingState

OUTPUTS: Final = {
    "version": Output(VERSION, "data"),
    "names": Output(NAMES, "data"),
    "header": Output(HEADER, "children"),
    "warnings": Output(WARNINGS, "children"),
    "totals": Output(TOTALS, "children"),
    "notice": Output(NOTICE, "children"),
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
    "shown": State(NOTICE, "children"),
    "standing": State(STANDING, "data"),
}
"""The client's state of the frame, the arguments of :func:`refresh`."""


@dataclass(frozen=True, slots=True)
class Refresh:
    """Result of a refresh: values of the frame's outputs, and the run's state."""

    frame: dict[str, Any]
    """One value per key of ``OUTPUTS``."""
    run: str = ""
    state: TrainingState | None = None
    """The run as the page is to show it; None where it cannot be read."""
    standing: Any = None
    """The run's status in the browser after this refresh."""
    summary: Summary | None = None
    """The run's summary, where the frame needed it."""


def refresh(run: Any, known: Any, named: Any, shown: Any, standing: Any) -> Refresh:
    """Read the run that the page shows, and compute the frame around it.

    Invalid values from the client are ignored.

    Args:
        run: the id that the address names; None for the one shown by default.
        known: the run and version on the page, and when that was read.
        named: the hash of the series' names there.
        shown: the notices there.
        standing: the run's status there.
    """
    known = parse_version(known)
    before = known["run"] if known else None
    # What is shown by default stays, even if another is newer now.
    run = (run if isinstance(run, str) else None) or before
    try:
        run = monitor().library.entry(run).id
        moment = monitor().newer(run, known if run == before else None)
    except MonitorError as error:
        return Refresh(_unreadable(str(error), run, before, shown, standing))
    state = moment.state
    summary = status_badge.summary_of(monitor(), run, state)
    stands, badge = status_badge.changed(summary, run, standing)
    frame = NOTHING | {"standing": stands, "badge": badge}
    same = known is not None and (before, known["version"]) == (run, state.version)
    if not same or stands is not no_update:  # a run goes stale without a new version
        frame["warnings"] = header.health_bar(summary)
    if not same or _troubled(shown):
        names = _names(run, state)
        notices = [basic.problems(state.problems, state.total_problems), header.missing(state)]
        frame |= {
            "version": no_update if same else {"run": run, "version": state.version, "read": moment.read},
            "names": no_update if names == named else names,
            "header": header.header(state, summary.liveness.time, summary.now),
            "totals": header.totals(state),
            "notice": _changed([each for each in notices if each], shown),
            "hidden": False,
        }
    return Refresh(frame, run, state, standing if stands is no_update else stands, summary)


def _unreadable(words: str, run: str | None, before: str | None, shown: Any, standing: Any) -> dict[str, Any]:
    """Frame of a run that cannot be read: the page of the same run stays, that of another is cleared."""
    stands, badge = status_badge.changed(None, run, standing)
    trouble = _trouble(words, shown, kept=run == before)
    answer = NOTHING | {"notice": trouble, "standing": stands, "badge": badge}
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


def _changed(notices: list[Any], shown: Any) -> Any:
    """``no_update`` for notices on screen: a screen reader would announce them again."""
    return no_update if json.loads(to_json_plotly(notices)) == (shown or []) else notices


def _trouble(words: str, shown: Any, *, kept: bool) -> Any:
    """Notice why the run cannot be read, and since when; ``no_update`` for the same reason."""
    if _troubled(shown) and words in str(shown):
        return no_update
    since = f"since {datetime.now(UTC):%H:%M:%S} UTC" + (
        "; what was read before stays on screen" if kept else ""
    )
    return [basic.notice("critical", words, html.Span(f" ({since})"))]


def _troubled(shown: Any) -> bool:
    return "notice-critical" in str(shown)


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
            "drawn": (State(chart_id("chart", ALL, ALL), "id"), State(chart_id("drawn", ALL, ALL), "data")),
            "shown": (State(panel_id("pane", ALL), "id"), State(panel_id("pane-shown", ALL), "data")),
        },
    )
    def follow(
        view: dict[str, Any] | None,
        near: list[list[str]] | None,
        held: dict[str, Any],
        drawn: tuple[Any, Any],
        shown: tuple[Any, Any],
        **_: Any,
    ) -> dict[str, Any]:
        if not (_sound(drawn, "kind", "name") and _sound(shown, "name")):
            raise BadRequest
        found = refresh(**held) if _is_tick() else _known(**held)
        if found.state is None:
            nothing = [no_update] * len(drawn[0])
            still = [no_update] * len(shown[0])
            return {"frame": found.frame, "charts": (nothing,) * 3, "panes": (still,) * 2}
        state = found.state

        def sum_up() -> Summary:
            return found.summary or status_badge.summary_of(monitor(), found.run, state)

        monitor().answers.share()
        return {
            "frame": found.frame,
            "charts": charts.updates(found.state, found.run, view_from(view), near, *drawn),
            "panes": panels.updates(found.state, found.run, *shown, found.standing, sum_up),
        }


def _is_tick() -> bool:
    """Whether a tick or a new page triggered this; a change of the view alone reads no files."""
    return not ctx.triggered_prop_ids or f"{PULSE}.data" in ctx.triggered_prop_ids


def _known(known: Any, standing: Any, **_: Any) -> Refresh:
    """The run at the version on the page; raises PreventUpdate where there is none."""
    state = current_state(known)
    return Refresh(NOTHING, known["run"], state, standing)


def _sound(parts: tuple[Any, Any], *names: str) -> bool:
    """Whether the client sent valid ids, and one value for each."""
    ids, noted = parts
    return (
        isinstance(ids, list)
        and isinstance(noted, list)
        and len(ids) == len(noted)
        and all(
            isinstance(each, dict) and all(isinstance(each.get(name), str) for name in names) for each in ids
        )
    )
