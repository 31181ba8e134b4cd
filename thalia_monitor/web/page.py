"""The page on screen: the one callback that looks at the run and keeps frame, charts and panes right."""

from __future__ import annotations

from typing import Any

from dash import ALL, Dash, Input, Output, State, ctx, no_update
from werkzeug.exceptions import BadRequest

from thalia_monitor.web import charts, frame, panes
from thalia_monitor.web.charts import chart_id
from thalia_monitor.web.frame import Look
from thalia_monitor.web.live import BUSY, NEAR, OTHERS, PULSE, current_state, running
from thalia_monitor.web.monitor import monitor
from thalia_monitor.web.panes import pane_id
from thalia_monitor.web.views import VIEW, view_from


def register(app: Dash) -> None:
    """Give the app that callback: a tick is one question, however much of the page has changed."""

    @app.callback(
        output={
            "frame": frame.OUTPUTS,
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
            "held": frame.HELD,
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
        found = frame.look(**held) if _asked_to_look() else _known(**held)
        if found.state is None:
            nothing = [no_update] * len(drawn[0])
            still = [no_update] * len(shown[0])
            return {"frame": found.frame, "charts": (nothing,) * 3, "panes": (still,) * 2}
        monitor().answers.share()
        return {
            "frame": found.frame,
            "charts": charts.updates(found.state, found.run, view_from(view), near, *drawn),
            "panes": panes.updates(found.state, found.run, *shown, found.stood, found.summary),
        }


def _asked_to_look() -> bool:
    """Whether a tick asks, or a page that was just opened; who only looks at it otherwise is not kept waiting."""
    return not ctx.triggered_prop_ids or f"{PULSE}.data" in ctx.triggered_prop_ids


def _known(known: Any, stood: Any, **_: Any) -> Look:
    """The run as the page shows it already; nothing is updated where there is none."""
    state = current_state(known)
    return Look(frame.NOTHING, known["run"], state, stood)


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
