"""Panels that follow the run, and the containment of faults: a failing part shows a notice, the others go on."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from functools import cache, partial
from typing import TYPE_CHECKING, Any, Final, TypeVar

import dash
from dash import dcc, html, no_update
from flask import current_app

from thalia_monitor.model.run import TrainingState
from thalia_monitor.web.components import basic, status_badge
from thalia_monitor.web.context import monitor

if TYPE_CHECKING:
    from thalia_monitor.analysis.summary import Summary

T = TypeVar("T")

log = logging.getLogger(__name__)

FAULTS: Final = (ArithmeticError, AttributeError, LookupError, TypeError, ValueError)
"""What a fault of ours raises. What is meant for somebody (our own errors, HTTP's, Dash's) is none, and passes."""
SENTENCE: Final = (
    "This could not be drawn: a fault of the monitor's, and its log says which. The rest is right."
)
MOST_LOGGED: Final = 1_000

_logged: set[str] = set()


def contained(what: str, make: Callable[[], T], otherwise: T) -> T:
    """Return ``make()``, or ``otherwise`` where it raises one of ``FAULTS``.

    A fault is logged once with its traceback: a page that stays open asks for the same again at every tick.
    """
    try:
        return make()
    except FAULTS as fault:
        message = f"{what} could not be drawn: {type(fault).__name__}: {fault}"
        if message not in _logged:
            if len(_logged) >= MOST_LOGGED:
                _logged.clear()
            _logged.add(message)
            log.exception("%s could not be drawn.", what)
        return otherwise


PANELS: Final = "thalia_monitor_panels"
SUMMARIES: Final = "thalia_monitor_summaries"
"""Panels that show the run's status, which changes with time, too."""

Fill = Callable[[TrainingState], Any]


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
    ids: Sequence[dict[str, str]],
    shown: Sequence[Any],
    standing: Any,
    summary: Summary | None,
) -> tuple[list[Any], list[Any]]:
    """Children and version of each panel; ``no_update`` for one that is current.

    Args:
        state: the run as it is to be shown.
        run: its id.
        ids: of the panels on the page.
        shown: the version that each shows.
        standing: the run's status in the browser (``status_badge.standing``).
        summary: the run's summary, where it was made before.
    """
    fills, summaries = (current_app.extensions.get(each, {}) for each in (PANELS, SUMMARIES))
    summed = cache(lambda: summary or status_badge.summary_of(monitor(), run, state))
    status = standing.get("status") if isinstance(standing, dict) else None

    def update(name: str, before: Any) -> tuple[Any, Any]:
        mark = f"{run}:{state.version}:{status if name in summaries else ''}"
        if mark == before or name not in {*fills, *summaries}:
            return no_update, no_update
        if name in summaries:
            return summaries[name](summed()), mark
        return state.once(("pane", name), lambda: fills[name](state)), mark  # the same for every viewer

    failed = [basic.notice("critical", SENTENCE)], no_update
    answers = [
        contained(each["name"], partial(update, each["name"], before), failed)
        for each, before in zip(ids, shown, strict=True)
    ]
    return [children for children, _ in answers], [mark for _, mark in answers]
