"""The control page's parts: each parameter with its value, range and history, and what became of requests."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import TYPE_CHECKING, Any, Final

import dash_bootstrap_components as dbc
from dash import html, no_update
from dash.exceptions import PreventUpdate
from werkzeug.exceptions import BadRequest

from thalia_monitor.analysis.control_history import Change, Controls, controls
from thalia_monitor.analysis.formatting import duration
from thalia_monitor.control import TAKING, ControlFolder, NotAsked, Wish, ask
from thalia_monitor.model.control_request import (
    BOOL,
    CHOICE,
    COMMAND,
    FAILED,
    Parameter,
    Request,
    Unacceptable,
    shown,
)
from thalia_monitor.web.components import basic
from thalia_monitor.web.components.header import summary_of
from thalia_monitor.web.components.value_table import when
from thalia_monitor.web.context import monitor
from thalia_monitor.web.server.auth import who_changes

if TYPE_CHECKING:
    from thalia_monitor.analysis.liveness import Liveness
    from thalia_monitor.model.run import TrainingState

log = logging.getLogger(__name__)

HEARD: Final = 10.0
"""Seconds after which a request that nobody took is remarkable: the logger looks five times a second."""
TAKEN: Final = 5.0
"""Seconds after which a request that was taken should have its answer in the log."""
PARTS: Final = ("now", "state", "past", "back", "hidden")
"""Outputs that each row has: value, state, history, and the words and absence of the way back."""
MOST_PAST: Final = 50
MOST_SENT: Final = 20
HOW: Final = (
    "Start the monitor with --control (and with --auth-file FILE, unless only this machine can reach it), "
    'and declare in the training what may be changed: logger.declare("learning_rate", 1e-3, 1e-6, 1e-1). '
    "docs/control.md has the rest."
)


def part(what: str, name: Any) -> dict[str, Any]:
    """Id of one part of a parameter's row."""
    return {"type": f"control-{what}", "name": name}


def shape_of(known: Controls) -> list[Any]:
    """What the rows are laid out from, but for the values: while it is the same, the rows stay, and what is typed."""
    return [known.session, *(repr(each._replace(value=None)) for each in known.offered.values())]


def rows(state: TrainingState, before: Any) -> tuple[Any, Any]:
    """Rows of all that is declared, and their shape; ``no_update`` where those on the page are right."""
    if not monitor().settings.control:
        return [basic.empty("Changing a training is off", HOW)], []
    known = controls(state)
    shape = shape_of(known)
    if shape == before:
        return no_update, no_update
    if not known.offered:
        return [basic.empty("This training has declared nothing that may be changed", HOW)], shape
    parameters = [_row(each) for each in known.offered.values() if each.kind != COMMAND]
    commands = [_command(each) for each in known.offered.values() if each.kind == COMMAND]
    return [html.Div(each, className="controls") for each in (parameters, commands) if each], shape


def _row(offered: Parameter) -> html.Section:
    name = offered.name
    return html.Section(
        [
            html.Header(
                [
                    html.H2(name, className="card-name log-text", dir="auto"),
                    html.Span(_range(offered), className="caption"),
                ],
                className="card-head",
            ),
            html.P(offered.help, className="fact-detail log-text", dir="auto") if offered.help else None,
            html.Div(
                [
                    html.Span(id=part("now", name), className="fact-value control-now"),
                    html.Span(offered.unit, className="fact-detail"),
                    _field(offered),
                    dbc.Button("Set", id=part("set", name), color="primary", size="sm"),
                    html.Button(
                        id=part("back", name), type="button", className="option control-back", hidden=True
                    ),
                ],
                className="control-tools",
            ),
            html.Div(id=part("state", name), className="control-state", role="status"),
            _past(name),
        ],
        className="panel",
    )


def _past(name: str) -> html.Details:
    return html.Details([html.Summary("History"), html.Div(id=part("past", name))], className="control-past")


def _range(offered: Parameter) -> str:
    if offered.kind == CHOICE:
        return "one of " + ", ".join(map(shown, offered.choices))
    if offered.kind == BOOL:
        return "on or off"
    kind = "whole number" if offered.kind == "int" else "number"
    low, high = (None if each is None else shown(each) for each in (offered.low, offered.high))
    if low is not None and high is not None:
        return f"{kind} from {low} to {high}"
    return f"{kind} from {low}" if low else f"{kind} up to {high}" if high else f"any {kind}"


def _field(offered: Parameter) -> html.Label:
    label = html.Span(f"New value of {offered.name}", className="visually-hidden")
    if offered.kind in (BOOL, CHOICE):
        options = [shown(each) for each in ((True, False) if offered.kind == BOOL else offered.choices)]
        value = shown(offered.value)
        return html.Label([label, dbc.Select(options, value, id=part("input", offered.name), size="sm")])
    field = dbc.Input(
        id=part("input", offered.name),
        type="text",
        inputmode="decimal",
        autocomplete="off",
        placeholder="new value",
        maxLength=40,
        size="sm",
    )
    return html.Label([label, field])


def _command(offered: Parameter) -> html.Section:
    name = offered.name
    words = name.replace("_", " ").capitalize()
    button = dbc.Button(
        f"Yes, {words.lower()}" if offered.confirm else words,
        id=part("do", name),
        color="danger" if offered.confirm else "primary",
        size="sm",
    )
    if offered.confirm:
        sure = html.Div(["This cannot be taken back.", button], className="control-sure")
        button = html.Details([html.Summary(f"{words} …", className="option control-back"), sure])
    return html.Section(
        [
            html.Div(
                [
                    button,
                    html.Span(offered.help, className="fact-detail log-text", dir="auto"),
                    html.Span(id=part("now", name), hidden=True),
                    html.Button(id=part("back", name), type="button", hidden=True),
                ],
                className="control-tools",
            ),
            html.Div(id=part("state", name), className="control-state", role="status"),
            _past(name),
        ],
        className="panel control-command",
    )


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A run's controls, and the requests that wait, at one moment."""

    known: Controls
    waiting: Sequence[Request]
    sent: Sequence[Mapping[str, Any]]
    """The requests of this page: ``id``, ``name``, ``asked``."""
    now: float

    def now_of(self, name: str) -> str:
        """The present value, as text; empty for a command."""
        offered = self.known.offered.get(name)
        return "" if offered is None or offered.kind == COMMAND else shown(offered.value)

    def state_of(self, name: str) -> list[Any]:
        """What became of the newest requests: pending, not heard of, applied, refused."""
        found: list[Any] = [self._pending(each) for each in self.waiting if each.name == name]
        found += [_line("warning", words) for words in self._lost(name)]
        past = self.known.of(name)
        return found + ([_answer(past[-1])] if past else [])

    def _pending(self, request: Request) -> html.Div:
        waited = max(self.now - request.asked, 0.0)
        what = request.name if request.value is None else shown(request.value)
        words = f"Pending: {what} by {request.user}, {duration(waited)}."
        if waited > HEARD:
            words = f"Not heard for {duration(waited)}: is the trainer alive? {what} by {request.user} waits."
        withdraw = html.Button(
            "withdraw",
            id=part("withdraw", request.id),
            type="button",
            className="option",
            **{"aria-label": f"Withdraw {what} for {request.name}"},
        )
        return _line("warning" if waited > HEARD else "info", words, withdraw)

    def _lost(self, name: str) -> list[str]:
        waiting = {each.id for each in self.waiting}
        gone = [
            each
            for each in self.sent
            if each["name"] == name
            and each["id"] not in waiting
            and self.now - each["asked"] > TAKEN
            and self.known.answer_to(each["id"]) is None
        ]
        return ["A request was taken and not answered: the training ended meanwhile."] if gone else []

    def past_of(self, name: str) -> Any:
        """All answers about a parameter, the newest first."""
        past = self.known.of(name)
        if not past:
            return html.P("Nobody has asked yet.", className="fact-detail")
        rows = [
            html.Li([_answer(each), html.Span(when(each.time), className="fact-detail")])
            for each in past[::-1]
        ]
        more = len(rows) - MOST_PAST
        return html.Ul(rows[:MOST_PAST] + ([html.Li(f"and {more:,} more")] if more > 0 else []))

    def back_of(self, name: str) -> str:
        """Words of the button that returns to the value before; empty where there is none."""
        value = value_before(self.known, name)
        return "" if value is None else f"Back to {shown(value)}"


def value_before(known: Controls, name: str) -> Any:
    """The value that a parameter had before its last change; None where it has not been changed."""
    applied = [each for each in known.of(name) if each.applied]
    offered = known.offered.get(name)
    if not applied or offered is None or offered.kind == COMMAND:
        return None
    try:
        return offered.check(applied[-1].old)
    except Unacceptable:  # of an earlier process, with other bounds
        return None


def _line(kind: str, words: str, *more: Any) -> html.Div:
    return html.Div([html.Span(words, className="log-text", dir="auto"), *more], className=f"control-{kind}")


def _answer(change: Change) -> html.Div:
    at = "" if change.step is None else f" at step {change.step:,}"
    if change.applied:
        return _line("good", f"✓ Applied{at}: {change.words}.")
    how = "Failed" if change.outcome == FAILED else "Refused"
    return _line("critical", f"✖ {how}{at}: {change.words}. {change.reason}".rstrip(". ") + ".")


def folder_of(run: str) -> ControlFolder:
    """The folder of a run's requests."""
    watch = monitor()
    entry = watch.library.entry(run)
    return ControlFolder(entry.directory, None if watch.settings.follow_links else entry.home)


def _rows_of(outputs: Any) -> list[str]:
    """Names of the rows that a page wants filled: one of each part for each; raises BadRequest for anything else."""
    try:
        parts = [[each["id"]["name"] for each in outputs[name]] for name in PARTS]
    except (KeyError, TypeError):
        raise BadRequest from None
    if any(part != parts[0] for part in parts) or not all(isinstance(name, str) for name in parts[0]):
        raise BadRequest
    return parts[0]


def update(state: TrainingState, run: str, outputs: Any, sent: Any, seen: Any) -> dict[str, Any]:
    """What the page shows of the requests at this moment; nothing is updated where it shows that already.

    Args:
        state: the run.
        run: its id.
        outputs: what is to be filled, as Dash names it.
        sent: the requests made from this page.
        seen: what the page shows; None where it has to be sent again.
    """
    names = _rows_of(outputs)
    if not names:
        raise PreventUpdate
    alive = summary_of(monitor(), run, state).liveness
    known = controls(state)
    at = Snapshot(known, folder_of(run).waiting(), _sent(sent), time.time())
    found: dict[str, Any] = {
        "now": [at.now_of(name) for name in names],
        "state": [at.state_of(name) for name in names],
        "past": [at.past_of(name) for name in names],
        "back": [at.back_of(name) for name in names],
    }
    found["hidden"] = [not words for words in found["back"]]
    found["notice"] = _notice(alive, known)
    values = {name: offered.value for name, offered in known.offered.items() if offered.kind != COMMAND}
    mark = blake2b(repr((shape_of(known), found)).encode("utf-8", "replace"), digest_size=8).hexdigest()
    if isinstance(seen, dict) and seen.get("mark") == mark:
        raise PreventUpdate
    return found | {"seen": {"run": run, "session": known.session, "values": values, "mark": mark}}


def _notice(alive: Liveness, known: Controls) -> list[Any]:
    if alive.status not in TAKING:
        return [basic.notice("warning", "This run takes no requests.", html.Span(f" {alive.text}"))]
    if known.pause:
        return [basic.notice("info", f"Training is paused, by {known.pause.user}.")]
    return []


def _sent(given: Any) -> list[dict[str, Any]]:
    """The requests that a page says it has made; what no page of ours says is left out."""
    types: dict[str, Any] = {"id": str, "name": str, "asked": int | float}
    several = given[-MOST_SENT:] if isinstance(given, list) else []
    return [
        each
        for each in several
        if isinstance(each, dict) and all(isinstance(each.get(name), kind) for name, kind in types.items())
    ]


def send(pressed: Any, fields: Any, typed: Any, seen: Any, sent: Any) -> tuple[Any, Any]:
    """Ask for what somebody has pressed; returns the answer to show, and the requests made from the page so far.

    Args:
        pressed: the id of the button or field.
        fields: the ids of the fields on the page.
        typed: what each field holds.
        seen: what the page showed, see :func:`update`.
        sent: the requests made from the page before.

    Raises:
        MonitorError: the person may not, or the run is unknown.
    """
    watch = monitor()
    user = who_changes(watch.settings)
    what, name = (str(pressed.get(key, "")) for key in ("type", "name"))
    shown_values = seen if isinstance(seen, dict) else {}
    run, values = shown_values.get("run"), shown_values.get("values")
    try:
        if not isinstance(run, str) or not isinstance(values, dict):
            raise NotAsked("The page does not show the run's values yet: please try again.")
        if what == "control-withdraw":
            gone = folder_of(run).withdraw(name)
            words = "The request is withdrawn." if gone else "The training has taken that request already."
            return basic.notice("info", words), no_update
        state = watch.state(run)
        known = controls(state)
        request = ask(
            state,
            folder_of(run),
            name,
            _value(known, what, name, _typed(name, fields, typed)),
            user=user,
            seen=values.get(name),
            session=str(shown_values.get("session")),
            now=time.time(),
        )
    except NotAsked as error:
        return basic.notice("warning", str(error)), no_update
    log.info("%s asks run %s for %s = %s.", request.user, run, request.name, request.value)
    mine = {"id": request.id, "name": request.name, "asked": request.asked}
    return None, [*_sent(sent), mine][-MOST_SENT:]


def _typed(name: str, fields: Any, typed: Any) -> str:
    """What the field of a parameter holds; empty where there is none."""
    if not isinstance(fields, list) or not isinstance(typed, list):
        return ""
    found = (value for each, value in zip(fields, typed, strict=False) if each == part("input", name))
    return str(next((value for value in found if value is not None), ""))


def _value(known: Controls, what: str, name: str, typed: str) -> Any:
    if what == "control-do":
        return None
    if what == "control-back":
        return value_before(known, name)
    return Wish(name, typed).value(known)
