"""Parts of a page that follow the run: stores, callbacks with inputs of their own, and panels without any.

1. The shell's one ``dcc.Interval`` ticks, or the server's stream says that there is a new version
   (``assets/push.js``). In the browser, a tick becomes a *pulse* unless the tab is hidden,
   refreshing is switched off, or the last answer is still under way: Dash throws an answer away when the same
   callback was called again meanwhile (plotly/dash#1613), so a slow answer would otherwise never arrive.
2. A pulse is one request, and the response has all that changed: frame, charts and panels
   (:mod:`~thalia_monitor.web.live.refresh`). The same version costs a few ``stat`` calls and changes nothing; within
   a second all viewers get the same one (:mod:`~thalia_monitor.web.live.shared_answers`).
3. A new version goes to one ``dcc.Store``, too, and each :func:`live` part of the page that is open follows it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache, partial, wraps
from typing import TYPE_CHECKING, Any, Final

import dash
from dash import Input, Output, State, dcc, html, no_update
from dash.exceptions import PreventUpdate
from flask import current_app

from thalia_monitor.errors import MonitorError
from thalia_monitor.model.run import TrainingState
from thalia_monitor.web.components import basic
from thalia_monitor.web.context import monitor
from thalia_monitor.web.live.client_state import PartId, digest, parse_version
from thalia_monitor.web.live.containment import FAILURE_TEXT, contained
from thalia_monitor.web.live.ids import CHOSEN, NAMES, NEAR, OTHERS, PULSE, RUN, STANDING, TICK, VERSION

if TYPE_CHECKING:
    from thalia_monitor.analysis.summary import Summary

PANELS: Final = "thalia_monitor_panels"
SUMMARIES: Final = "thalia_monitor_summaries"
"""Panels that show the run's status, which changes with time, too."""

Fill = Callable[[TrainingState], Any]


def stores(refresh_seconds: float) -> list[Any]:
    """The invisible parts that every page needs, placed once in the shell."""
    return [
        dcc.Interval(id=TICK, interval=int(refresh_seconds * 1000)),
        dcc.Store(id=PULSE),
        dcc.Store(id=VERSION),
        dcc.Store(id=NAMES),
        dcc.Store(id=RUN),
        dcc.Store(id="runs-opened"),
        dcc.Store(id="runs-asked"),
        dcc.Store(id=STANDING),
        dcc.Store(id=NEAR, data=[]),
        dcc.Store(id=OTHERS),
        dcc.Store(id=CHOSEN),
        dcc.Store(id="compare-asked"),
    ]


def live(
    *outputs: Output, inputs: Sequence[Input | State], follows: str = VERSION
) -> Callable[[Callable[..., Any]], Any]:
    """Register a callback with inputs of its own that runs at each new version (``follows=NAMES``: new series).

    The decorated function takes the run's state and then the values of ``inputs``. When the run cannot be read, or
    the function fails, the part keeps what it shows; the shell's notice says why, or the log. What takes nothing
    from the reader is a :func:`panel`.
    """

    gate = () if follows == VERSION else (Input(follows, "data"),)

    def decorate(fill: Callable[..., Any]) -> Any:
        @wraps(fill)
        def follow(version: dict[str, str] | None, *values: Any) -> Any:
            state = current_state(version)
            part = str(outputs[0])

            def made_now() -> Any:
                return contained(part, lambda: fill(state, *values[len(gate) :]), no_update)

            shown = digest((version and version["run"], values))
            made = monitor().answers.once((part, shown, state.version), made_now)
            if made is no_update:  # a fault of ours, or what no page of ours sends
                raise PreventUpdate
            return made

        return dash.get_app().callback(
            list(outputs) if len(outputs) > 1 else outputs[0],
            (State if gate else Input)(VERSION, "data"),
            *gate,
            *inputs,
        )(follow)

    return decorate


def current_state(version: Any) -> TrainingState:
    """The state of the run that the page shows; nothing is updated where it cannot be read."""
    known = parse_version(version)
    if known is None:
        raise PreventUpdate
    try:
        return monitor().state_at_version(known["run"], known)
    except MonitorError:
        raise PreventUpdate from None


def declare(name: str, fill: Fill) -> None:
    """Register what fills the panel of this name."""
    dash.get_app().server.extensions.setdefault(PANELS, {})[name] = fill


def declare_summary(name: str, fill: Callable[[Summary], Any]) -> None:
    """Register what fills the panel of this name from the run's summary."""
    dash.get_app().server.extensions.setdefault(SUMMARIES, {})[name] = fill


def panel_id(part: str, name: Any) -> dict[str, Any]:
    """The id of a panel (``pane``), or of the store with its version (``pane-shown``)."""
    return {"type": part, "name": name}


def panel(name: str, kind: type[html.Div | html.Section] = html.Div, **properties: Any) -> html.Div:
    """A panel, empty until the run is read."""
    return html.Div(
        [kind(id=panel_id("pane", name), **properties), dcc.Store(id=panel_id("pane-shown", name))], id=name
    )


def updates(
    state: TrainingState,
    run: str,
    ids: Sequence[PartId],
    shown: Sequence[Any],
    status: str | None,
    sum_up: Callable[[], Summary],
) -> tuple[list[Any], list[Any]]:
    """Children and version of each panel; ``no_update`` for one that is current.

    Args:
        state: the run as it is to be shown.
        run: its id.
        ids: of the panels on the page.
        shown: the version that each shows.
        status: the run's status in the browser.
        sum_up: sums the run up, where a panel needs it.
    """
    fills, summaries = (current_app.extensions.get(each, {}) for each in (PANELS, SUMMARIES))
    summed = cache(sum_up)

    def update(name: str, before: Any) -> tuple[Any, Any]:
        version = f"{run}:{state.version}:{status if name in summaries else ''}"
        if version == before or name not in {*fills, *summaries}:
            return no_update, no_update
        if name in summaries:
            return summaries[name](summed()), version
        # The same for every viewer.
        return state.memoized(("pane", name), lambda: fills[name](state)), version

    failed = [basic.notice("critical", FAILURE_TEXT)], no_update
    answers = [
        contained(each["name"], partial(update, each["name"], before), failed)
        for each, before in zip(ids, shown, strict=True)
    ]
    return [children for children, _ in answers], [version for _, version in answers]
