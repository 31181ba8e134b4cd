"""A fault in one part of a page stays there: it is logged, the part says so, and all others go on."""

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
MOST_TOLD: Final = 1_000

_told: set[str] = set()


def contained(what: str, make: Callable[[], T], otherwise: T) -> T:
    """Make one part of an answer, or something else where that fails.

    A fault is logged once with its traceback: a page that stays open asks for the same again at every tick.
    """
    try:
        return make()
    except FAULTS as fault:
        message = f"{what} could not be drawn: {type(fault).__name__}: {fault}"
        if message not in _told:
            if len(_told) >= MOST_TOLD:
                _told.clear()
            _told.add(message)
            log.exception("%s could not be drawn.", what)
        return otherwise


PANES: Final = "thalia_monitor_panes"
SUMMARIES: Final = "thalia_monitor_summaries"
"""Panes that show how the run stands, which changes with time, too."""

Fill = Callable[[TrainingState], Any]


def declare(name: str, fill: Fill) -> None:
    """Tell the app that is being made what fills the pane of this name."""
    dash.get_app().server.extensions.setdefault(PANES, {})[name] = fill


def declare_summary(name: str, fill: Callable[[Summary], Any]) -> None:
    """Tell the app that is being made what fills the pane of this name from the run's summary."""
    dash.get_app().server.extensions.setdefault(SUMMARIES, {})[name] = fill


def pane_id(part: str, name: Any) -> dict[str, Any]:
    """The id of a pane (``pane``), or of what the browser notes about it (``pane-shown``)."""
    return {"type": part, "name": name}


def pane(name: str, kind: type[html.Div | html.Section] = html.Div, **properties: Any) -> html.Div:
    """Lay a pane out, empty until the run is read."""
    return html.Div(
        [kind(id=pane_id("pane", name), **properties), dcc.Store(id=pane_id("pane-shown", name))], id=name
    )


def updates(
    state: TrainingState,
    run: str,
    ids: Sequence[dict[str, str]],
    shown: Sequence[Any],
    stood: Any,
    summary: Summary | None,
) -> tuple[list[Any], list[Any]]:
    """What each pane of a page is to show, and what the browser then notes; nothing for one that shows it.

    Args:
        state: the run as it is to be shown.
        run: its id.
        ids: of the panes on the page.
        shown: what the browser has noted about each.
        stood: how the run stands, as the browser knows it (``status_badge.standing``).
        summary: the run summed up, where that was done before.
    """
    fills, summaries = (current_app.extensions.get(each, {}) for each in (PANES, SUMMARIES))
    summed = cache(lambda: summary or status_badge.summary_of(monitor(), run, state))
    status = stood.get("status") if isinstance(stood, dict) else None

    def update(name: str, before: Any) -> tuple[Any, Any]:
        mark = f"{run}:{state.version}:{status if name in summaries else ''}"
        if mark == before or name not in {*fills, *summaries}:
            return no_update, no_update
        if name in summaries:
            return summaries[name](summed()), mark
        return state.memoized(("pane", name), lambda: fills[name](state)), mark  # the same for every viewer

    failed = [basic.notice("critical", SENTENCE)], no_update
    answers = [
        contained(each["name"], partial(update, each["name"], before), failed)
        for each, before in zip(ids, shown, strict=True)
    ]
    return [children for children, _ in answers], [mark for _, mark in answers]
