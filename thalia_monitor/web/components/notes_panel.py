"""Notes of people on the run: what was noted, and the form that adds a note at a step or a range of steps."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING, Any, Final

import dash
import dash_bootstrap_components as dbc
from dash import html, no_update

from thalia_monitor.errors import NotKept
from thalia_monitor.kept import LONGEST_TEXT, LONGEST_USER, RunNotes, state_folder
from thalia_monitor.web.components import basic
from thalia_monitor.web.components.value_table import moment
from thalia_monitor.web.context import KEY, monitor
from thalia_monitor.web.live.client_state import parse_version
from thalia_monitor.web.server.auth import LOCAL_USER, who_writes

if TYPE_CHECKING:
    from thalia_monitor.model.records import Note
    from thalia_monitor.model.run import TrainingState

log = logging.getLogger(__name__)

STEP, END, TEXT, USER, ADD, ANSWER = (
    f"notes-{part}" for part in ("step", "end", "text", "user", "add", "answer")
)
REMOVE: Final = "note-remove"
COLUMNS: Final = ("Step", "Note", "By", "Written (UTC)", "")


def form() -> html.Div:
    """The form; a person who has logged in is named by that."""
    step, end = (dbc.Input(id=each, type="number", min=0, step=1, size="sm") for each in (STEP, END))
    text = dbc.Input(id=TEXT, type="text", maxlength=LONGEST_TEXT, size="sm", autocomplete="off")
    user = dbc.Input(
        id=USER, type="text", maxlength=LONGEST_USER, size="sm", persistence=True, persistence_type="local"
    )
    named = bool(dash.get_app().server.extensions[KEY].settings.auth_file)
    return html.Div(
        [
            basic.field("Step", step),
            basic.field("to step (optional)", end),
            html.Label(["Note", text], className="field note-text"),
            html.Div(basic.field("Your name", user), hidden=named),
            dbc.Button("Add note", id=ADD, color="primary", size="sm"),
            html.Div(id=ANSWER, role="status"),
        ],
        className="table-tools note-form",
    )


def rows(state: TrainingState) -> Any:
    """Every note as a table, or what notes are for."""
    if not state.notes:
        return basic.empty(
            "No notes on this run yet",
            "A note is shown on every chart, among the events below, in exports and in reports. "
            "It is kept in the monitor's own folder, not in the run's.",
        )
    head = html.Tr([html.Th(words, scope="col") for words in COLUMNS[:-1]] + [html.Td()])
    return html.Div(
        html.Table(
            [html.Thead(head), html.Tbody([_row(state, each) for each in state.notes])],
            className="event-table",
        ),
        className="table-scroll",
        tabIndex=0,
        role="region",
        **{"aria-label": "Notes"},
    )


def _row(state: TrainingState, note: Note) -> html.Tr:
    until = f" to {note.end:,}" if note.end is not None else ""
    remove = html.Button(
        "remove",
        id={"type": REMOVE, "name": note.id},
        type="button",
        className="option",
        **{"aria-label": f"Remove the note at step {note.step:,}"},
    )
    cells = (
        [basic.step_button(note.step), until],
        html.Span(note.text, className="log-text", dir="auto"),
        html.Span(note.user, className="log-text", dir="auto"),
        moment(note.time),
        remove,
    )
    return html.Tr(
        [
            html.Td(cell, **({"data-label": words} if words else {}))
            for words, cell in zip(COLUMNS, cells, strict=True)
        ],
        **basic.zoom_range(state, note.step),
    )


def change(version: Any, pressed: Any, step: Any, end: Any, text: Any, user: Any) -> tuple[Any, Any]:
    """Add or remove a note; returns the answer to show, and what the field for the text then holds.

    Raises:
        MonitorError: the person may not, or the run is unknown.
    """
    watch = monitor()
    login = who_writes(watch.settings)
    known = parse_version(version)  # of the run on the screen: with many, the first is another one tomorrow
    if known is None:
        return basic.notice("warning", "The page does not show the run yet: please try again."), no_update
    entry = watch.library.entry(known["run"])
    notes = RunNotes(state_folder(watch.settings), entry.id)
    try:
        if isinstance(pressed, dict):
            gone = notes.remove(str(pressed.get("name")))
            words = "The note is removed." if gone else "This note was removed already."
            log.info("%s removes a note of run %s.", login, entry.id)
            return basic.notice("info", words), no_update
        name = str(user or "") if login == LOCAL_USER else login
        notes.add(_step(step), None if end is None else _step(end), str(text or ""), name, time.time())
    except NotKept as error:
        return basic.notice("warning", str(error)), no_update
    log.info("%s adds a note to run %s.", login, entry.id)
    return None, ""


def _step(given: Any) -> int:
    if type(given) is not int:
        raise NotKept("Which step is the note about? Give a whole number.")
    return given
