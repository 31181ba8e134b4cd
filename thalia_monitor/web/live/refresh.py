"""The frame around a page: the run's header, warnings and totals, how it stands, and why it shows nothing new."""

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
from thalia_monitor.model.records import HealthWarning
from thalia_monitor.web.components import basic, header, status_badge
from thalia_monitor.web.context import monitor
from thalia_monitor.web.live import charts, panels
from thalia_monitor.web.live.charts import chart_id
from thalia_monitor.web.live.client_state import VIEW, view_from
from thalia_monitor.web.live.panels import pane_id
from thalia_monitor.web.live.ticks import (
    BUSY,
    NAMES,
    NEAR,
    OTHERS,
    PULSE,
    RUN,
    STANDING,
    VERSION,
    current_state,
    running,
    told,
)

if TYPE_CHECKING:
    from thalia_monitor.analysis.summary import Summary
    from thalia_monitor.model.run import TrainingState

HEADER: Final = "frame-header"
WARNINGS: Final = "frame-warnings"
NOTICE: Final = "frame-notice"
TOTALS: Final = "frame-totals"
PAGE: Final = "page"
OUTPUTS: Final = {
    "version": Output(VERSION, "data"),
    "names": Output(NAMES, "data"),
    "header": Output(HEADER, "children"),
    "warnings": Output(WARNINGS, "children"),
    "totals": Output(TOTALS, "children"),
    "notice": Output(NOTICE, "children"),
    "standing": Output(STANDING, "data"),
    "badge": Output(status_badge.BADGE, "children"),
    "hidden": Output(PAGE, "hidden"),
}
NOTHING: Final = dict.fromkeys(OUTPUTS, no_update)
"""What is sent of a frame that is right."""
HELD: Final = {
    "run": State(RUN, "data"),
    "known": State(VERSION, "data"),
    "named": State(NAMES, "data"),
    "shown": State(NOTICE, "children"),
    "stood": State(STANDING, "data"),
}
"""What a page tells of its frame, the arguments of :func:`look`."""


@dataclass(frozen=True, slots=True)
class Look:
    """What came of a look at a run."""

    frame: dict[str, Any]
    """A value for each of ``OUTPUTS``."""
    run: str = ""
    state: TrainingState | None = None
    """The run as the page is to show it; None where it cannot be read."""
    stood: Any = None
    """How the run stands, as the browser knows by now."""
    summary: Summary | None = None
    """The run summed up, where that was done for the frame."""


def look(run: Any, known: Any, named: Any, shown: Any, stood: Any) -> Look:
    """Look at the run that a page shows: which version of it is to be on the page, and the frame around it.

    What the browser says of it is as if it had not been said where no page of ours says that.

    Args:
        run: the id that the address names; None for the one shown by default.
        known: the run and version on the page, and when that was read.
        named: what stands for the names of the run's series there.
        shown: the notices there.
        stood: how the run stood.
    """
    known = told(known)
    before = known["run"] if known else None
    # What is shown by default stays, even if another is newer now.
    run = (run if isinstance(run, str) else None) or before
    try:
        run = monitor().library.entry(run).id
        moment = monitor().newer(run, known if run == before else None)
    except MonitorError as error:
        return Look(_unreadable(str(error), run, before, shown, stood))
    state = moment.state
    summary = status_badge.summary_of(monitor(), run, state)
    stands, badge = status_badge.changed(summary, run, stood)
    frame = NOTHING | {"standing": stands, "badge": badge}
    same = known is not None and (before, known["version"]) == (run, state.version)
    if not same or _troubled(shown):
        names = _names(run, state)
        warned = state.warnings
        found = [HealthWarning(each.severity, each.message) for each in summary.findings if each.wrong]
        notices = [basic.problems(state.problems, state.total_problems), header.missing(state)]
        frame |= {
            "version": no_update if same else {"run": run, "version": state.version, "read": moment.read},
            "names": no_update if names == named else names,
            "header": header.header(state),
            "warnings": basic.warnings(warned, found) if warned or state.checkpoints or found else None,
            "totals": header.totals(state),
            "notice": _changed([each for each in notices if each], shown),
            "hidden": False,
        }
    return Look(frame, run, state, stood if stands is no_update else stands, summary)


def _unreadable(words: str, run: str | None, before: str | None, shown: Any, stood: Any) -> dict[str, Any]:
    """Say why a run cannot be read, above what was read of it before; of another run nothing stays."""
    stands, badge = status_badge.changed(None, run, stood)
    trouble = _trouble(words, shown, kept=run == before)
    answer = NOTHING | {"notice": trouble, "standing": stands, "badge": badge}
    if run == before:
        return answer
    gone = dict.fromkeys(("header", "warnings", "totals"))
    return answer | gone | {"version": {"run": run, "version": ""}, "hidden": True}


def _names(run: str, state: TrainingState) -> list[Any]:
    """What stands for the names of a run's series: another value when there is a new one, or one in another place."""
    return [
        run,
        state.memoized("names", lambda: zlib.crc32("\0".join(_lists(state)).encode("utf-8", "replace"))),
    ]


def _lists(state: TrainingState) -> list[str]:
    return [*state.history.names(), *(each.series for each in places(state))]


def _changed(notices: list[Any], shown: Any) -> Any:
    """What is shown already is not sent again: a screen reader would announce it once more."""
    return no_update if json.loads(to_json_plotly(notices)) == (shown or []) else notices


def _trouble(words: str, shown: Any, *, kept: bool) -> Any:
    """A notice that the run cannot be read, and since when; the same trouble stays as it is."""
    if _troubled(shown) and words in str(shown):
        return no_update
    since = f"since {datetime.now(UTC):%H:%M:%S} UTC" + (
        "; what was read before stays on screen" if kept else ""
    )
    return [basic.notice("critical", words, html.Span(f" ({since})"))]


def _troubled(shown: Any) -> bool:
    return "notice-critical" in str(shown)


def register(app: Dash) -> None:
    """Give the app that callback: a tick is one question, however much of the page has changed."""

    @app.callback(
        output={
            "frame": OUTPUTS,
            "charts": (
                Output(chart_id("chart", ALL, ALL), "figure"),
                Output(chart_id("caption", ALL, ALL), "children"),
                Output(chart_id("drawn", ALL, ALL), "data"),
            ),
            "panes": (
                Output(pane_id("pane", ALL), "children"),
                Output(pane_id("pane-shown", ALL), "data"),
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
            "shown": (State(pane_id("pane", ALL), "id"), State(pane_id("pane-shown", ALL), "data")),
        },
        running=running(BUSY),
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
        found = look(**held) if _asked_to_look() else _known(**held)
        if found.state is None:
            nothing = [no_update] * len(drawn[0])
            still = [no_update] * len(shown[0])
            return {"frame": found.frame, "charts": (nothing,) * 3, "panes": (still,) * 2}
        monitor().answers.share()
        return {
            "frame": found.frame,
            "charts": charts.updates(found.state, found.run, view_from(view), near, *drawn),
            "panes": panels.updates(found.state, found.run, *shown, found.stood, found.summary),
        }


def _asked_to_look() -> bool:
    """Whether a tick asks, or a page that was just opened; who only looks at it otherwise is not kept waiting."""
    return not ctx.triggered_prop_ids or f"{PULSE}.data" in ctx.triggered_prop_ids


def _known(known: Any, stood: Any, **_: Any) -> Look:
    """The run as the page shows it already; nothing is updated where there is none."""
    state = current_state(known)
    return Look(NOTHING, known["run"], state, stood)


def _sound(parts: tuple[Any, Any], *names: str) -> bool:
    """Whether a page notes something about each part that it has, as every page of ours does."""
    ids, noted = parts
    return (
        isinstance(ids, list)
        and isinstance(noted, list)
        and len(ids) == len(noted)
        and all(
            isinstance(each, dict) and all(isinstance(each.get(name), str) for name in names) for each in ids
        )
    )
